/* See run.h. */
#include "drafting/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "campaign/layout.h"
#include "campaign/recipients.h"
#include "campaign/template.h"
#include "conf/ini_edit.h"
#include "drafting/parts.h"
#include "store/optout.h"

#define SLICE_CSV_ROWS 1000 /* as launch/import.c: well under 2 ms */
#define DAY_MS INT64_C(86400000)
#define REASON_MAX_BYTES 8192

struct run {
    struct run *next;
    struct drafting *drafting;
    struct plan *plan;
    struct plan_block block;
    char *carrier, *dedup_group, *id;
    bool is_receipt, done, is_cancelled, is_paused, is_asking, ask_nobody;
    uint32_t seq;
    struct loop_timer *turn;
    struct run_hooks hooks;
    void *arg;
};

const char *run_stage_word(enum run_stage stage)
{
    static const char *const words[] = {[RUN_DEFINITION] = "definition",
                                        [RUN_FILE] = "file",
                                        [RUN_COLUMNS] = "columns",
                                        [RUN_TEXT] = "text",
                                        [RUN_ROWS] = "rows",
                                        [RUN_OK] = "ok"};
    return words[stage];
}

/* ---- the end ---- */

static void run_free(struct run *run)
{
    struct run **link = &run->drafting->runs;
    while (*link != NULL && *link != run)
        link = &(*link)->next;
    if (*link == run)
        *link = run->next;
    loop_timer_free(run->turn);
    plan_free(run->plan);
    plan_block_fini(&run->block);
    free(run->carrier);
    free(run->dedup_group);
    free(run->id);
    parts_release(run->drafting);
    free(run);
}

static void run_end(struct run *run, enum err error, const char *fault)
{
    if (!run->is_cancelled)
        run->hooks.end(run->arg, run, error, fault);
    run_free(run);
}

void run_cancel(struct run *run)
{
    run->is_cancelled = true;
    if (!run->is_asking)
        run_free(run);
}

void runs_stop(struct drafting *drafting)
{
    for (struct run *run = drafting->runs, *next; run != NULL; run = next) {
        next = run->next;
        if (!run->is_asking) /* the others end when their answer is here */
            run_end(run, ERR_CLOSED, "the daemon is stopping");
    }
}

struct plan *run_plan(struct run *run)
{
    return run->plan;
}

struct plan *run_take_plan(struct run *run)
{
    struct plan *plan = run->plan;
    run->plan = NULL;
    return plan;
}

/* ---- blocks ---- */

static void settle(struct run *run, const uint8_t *flags)
{
    plan_settle(run->plan, &run->block, flags);
    if (run->hooks.settled != NULL)
        run->hooks.settled(run->arg, &run->block);
    run->block.n = 0;
    buf_reset(&run->block.values);
}

static void go_on(struct run *run)
{
    if (run->done) {
        plan_finish(run->plan, clock_wall_ms());
        run_end(run, ERR_OK, "");
        return;
    }
    run->is_paused = run->hooks.ready != NULL && !run->hooks.ready(run->arg);
    if (!run->is_paused)
        loop_timer_arm(run->turn, 0);
}

void run_resume(struct run *run)
{
    if (run->is_paused) {
        run->is_paused = false;
        loop_timer_arm(run->turn, 0);
    }
}

/* gives: false when the run is over. */
static bool is_wanted(struct run *run)
{
    run->is_asking = false;
    if (!run->is_cancelled && !run->drafting->is_ending)
        return true;
    run_end(run, ERR_CLOSED, "the daemon is stopping");
    return false;
}

static void on_flags(void *arg, enum err error, const uint8_t *flags, size_t n)
{
    struct run *run = arg;
    if (!is_wanted(run))
        return;
    run->ask_nobody = error != ERR_OK || n != run->block.n;
    settle(run, run->ask_nobody ? NULL : flags);
    go_on(run);
}

static enum err ask(struct run *run)
{
    uint64_t numbers[PLAN_BLOCK_ROWS];
    for (size_t i = 0; i < run->block.n; i++)
        numbers[i] = run->block.rows[i].number;
    return optout_lookup(run->drafting->store, numbers, run->block.n, run->is_receipt,
                         run->dedup_group, run->carrier, run->seq, 0, on_flags, run);
}

static void on_turn(void *arg)
{
    struct run *run = arg;
    enum err error = plan_read(run->plan, PLAN_BLOCK_ROWS, SLICE_CSV_ROWS, &run->block, &run->done);
    if (error != ERR_OK) {
        run_end(run, error, plan_fault(run->plan));
        return;
    }
    if (run->block.n > 0 && !run->ask_nobody) {
        run->is_asking = true;
        if (ask(run) == ERR_OK)
            return;
        run->is_asking = false;
        run->ask_nobody = true;
    }
    settle(run, NULL);
    go_on(run);
}

/* An import that was broken off holds numbers of its dedup group: they are this campaign's own. */
static void on_views(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct run *run = arg;
    if (!is_wanted(run))
        return;
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        if (strcmp(views[i].state, "importing") == 0)
            run->seq = views[i].seq;
    }
    run->ask_nobody = error != ERR_OK && error != ERR_NOT_FOUND;
    go_on(run);
}

/* ---- opening ---- */

static void add_missing(const struct draft *draft, struct ini_change *changes, size_t *n,
                        const char *section, const char *key, const char *value)
{
    const char *is = draft_value(draft, section, key);
    if (is == NULL || is[0] == '\0')
        changes[(*n)++] = (struct ini_change){section, key, value};
}

/* A list can be checked before text and time are there: they are made up, for this only. */
static struct draft *complete(const struct drafting *drafting, const struct draft *draft)
{
    char start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];
    struct ini_change changes[8];
    struct draft *whole = NULL;
    struct buf bytes;
    size_t n = 0;
    int offset = drafting->settings->daemon.utc_offset_min;
    int64_t now_ms = clock_wall_ms();
    clock_format(now_ms, offset, start);
    clock_format(now_ms + 30 * DAY_MS, offset, end);
    add_missing(draft, changes, &n, "campaign", "title", "-");
    add_missing(draft, changes, &n, "message", "signature", "----");
    if (draft->text[0] == '\0')
        add_missing(draft, changes, &n, "message", "text", "-");
    if (draft_value(draft, "campaign", "end") == NULL) {
        changes[n++] = (struct ini_change){"campaign", "start", start};
        changes[n++] = (struct ini_change){"campaign", "end", end};
    } else {
        add_missing(draft, changes, &n, "campaign", "start", start);
    }
    buf_init(&bytes, INI_FILE_MAX);
    enum err error = ini_edit(buf_text(&draft->bytes), draft->bytes.len, changes, n, &bytes);
    if (error == ERR_OK)
        error =
            draft_from_bytes(drafting->settings, draft->id, buf_text(&bytes), bytes.len, &whole);
    buf_fini(&bytes);
    return error == ERR_OK ? whole : NULL;
}

static void first_mistake(const struct draft *draft, struct buf *fault)
{
    char field[DRAFT_FIELD_SIZE];
    for (size_t i = 0; i < draft->mistakes.n; i++) {
        const struct mistake *mistake = &draft->mistakes.items[i];
        if (mistake->warning)
            continue;
        buf_addf(fault, "%s: %s", draft_field_of(mistake, field), mistake->reason);
        return;
    }
}

/* Why does it not open? Table, columns and text are looked at one by one. */
static enum run_stage find_stage(const struct definition *definition)
{
    struct recipients *recipients = NULL;
    struct template *tmpl = NULL;
    struct layout layout;
    struct buf problem;
    enum run_stage stage = RUN_TEXT;
    buf_init(&problem, REASON_MAX_BYTES);
    if (recipients_open(definition->recipients, &recipients, &problem) != ERR_OK)
        stage = RUN_FILE;
    else if (template_compile(definition->signature, false, definition->text, definition->optout,
                              &tmpl, &problem) == ERR_OK &&
             layout_find(recipients, tmpl, &layout, &problem) != ERR_OK)
        stage = RUN_COLUMNS;
    template_free(tmpl);
    recipients_free(recipients);
    buf_fini(&problem);
    return stage;
}

static enum err open_plan(struct run *run, const struct definition *definition,
                          enum run_stage *stage, struct buf *fault)
{
    enum err error = plan_open(definition, run->drafting->settings, &run->plan, fault);
    if (error != ERR_OK) {
        run->plan = NULL;
        *stage = find_stage(definition);
        return error;
    }
    run->is_receipt = definition->class_ == CLASS_RECEIPT;
    run->id = strdup(definition->id);
    run->carrier = strdup(definition->carrier);
    run->dedup_group = strdup(definition->dedup_group);
    if (run->id == NULL || run->carrier == NULL || run->dedup_group == NULL)
        return ERR_NOMEM;
    plan_on_problem(run->plan, run->hooks.problem, run->arg);
    return ERR_OK;
}

static enum err open_draft(struct run *run, const struct draft *draft, enum run_stage *stage,
                           struct buf *fault)
{
    if (draft->list == NULL || access(draft->list, R_OK) != 0) {
        *stage = RUN_FILE;
        buf_add_text(fault, "there is no list yet: upload one");
        return ERR_NOT_FOUND;
    }
    if (draft->definition != NULL)
        return open_plan(run, draft->definition, stage, fault);
    struct draft *whole = complete(run->drafting, draft);
    enum err error = ERR_INVALID;
    if (whole != NULL && whole->definition != NULL) {
        error = open_plan(run, whole->definition, stage, fault);
    } else {
        *stage = RUN_DEFINITION;
        first_mistake(whole != NULL ? whole : draft, fault);
    }
    draft_free(whole);
    return error;
}

enum err run_new(struct drafting *drafting, const struct draft *draft,
                 const struct run_hooks *hooks, void *arg, struct run **run, enum run_stage *stage,
                 struct buf *fault)
{
    size_t n = 0;
    *stage = RUN_OK;
    for (const struct run *other = drafting->runs; other != NULL; other = other->next)
        n++;
    if (n >= RUNS_MAX)
        return ERR_BUSY;
    struct run *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    *made = (struct run){.drafting = drafting, .hooks = *hooks, .arg = arg};
    plan_block_init(&made->block);
    parts_hold(drafting);
    enum err error = open_draft(made, draft, stage, fault);
    if (error == ERR_OK) {
        made->turn = loop_timer_new(drafting->base, on_turn, made);
        error = made->turn != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (error != ERR_OK) {
        run_free(made);
        return error;
    }
    made->next = drafting->runs;
    drafting->runs = made;
    made->is_asking = true;
    if (queue_find(drafting->store, made->carrier, made->id, on_views, made) != ERR_OK) {
        made->is_asking = false;
        made->ask_nobody = true;
        loop_timer_arm(made->turn, 0);
    }
    *run = made;
    return ERR_OK;
}
