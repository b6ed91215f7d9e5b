/* See plans.h. A planning is a run with those who wait for it; afterwards what it found. */
#include "drafting/plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "drafting/parts.h"

#define VALUES_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define FAULT_MAX_BYTES 8192

struct waiter {
    struct waiter *next;
    drafting_plan_fn *done;
    void *arg;
};

struct planning {
    struct planning *next, **link;
    struct drafting *drafting;
    struct draft_plan is;
    struct plan *plan;
    struct buf fault;
    struct run *run; /* NULL: finished */
    struct waiter *waiters;
    int64_t ended_ms; /* monotonic */
    uint64_t used;
};

static void planning_free(struct planning *planning)
{
    plan_free(planning->plan);
    buf_fini(&planning->fault);
    buf_fini(&planning->is.values);
    free(planning);
}

static void put_in(struct planning *planning)
{
    struct drafting *drafting = planning->drafting;
    planning->next = drafting->plans;
    planning->link = &drafting->plans;
    if (planning->next != NULL)
        planning->next->link = &planning->next;
    drafting->plans = planning;
}

static void take_out(struct planning *planning)
{
    *planning->link = planning->next;
    if (planning->next != NULL)
        planning->next->link = planning->link;
}

void plans_free(struct drafting *drafting)
{
    for (struct planning *planning = drafting->plans, *next; planning != NULL; planning = next) {
        next = planning->next;
        if (planning->run == NULL) { /* the others end with their run */
            take_out(planning);
            planning_free(planning);
        }
    }
}

static void make_room(struct drafting *drafting)
{
    size_t n = 0;
    struct planning *oldest = NULL;
    for (struct planning *planning = drafting->plans; planning != NULL; planning = planning->next) {
        n++;
        if (planning->run == NULL && (oldest == NULL || planning->used < oldest->used))
            oldest = planning;
    }
    if (n >= PLANS_KEPT && oldest != NULL) {
        take_out(oldest);
        planning_free(oldest);
    }
}

static void tell(struct planning *planning, enum err error)
{
    struct waiter *waiter = planning->waiters;
    planning->waiters = NULL;
    while (waiter != NULL) {
        struct waiter one = *waiter;
        free(waiter);
        one.done(one.arg, error, error == ERR_OK ? &planning->is : NULL);
        waiter = one.next;
    }
}

/* ---- what a run meets ---- */

static void on_problem(void *arg, const struct plan_problem *problem)
{
    struct draft_plan *is = &((struct planning *)arg)->is;
    size_t i = 0;
    while (i < is->n_words && strcmp(is->words[i].word, problem->word) != 0)
        i++;
    if (i == is->n_words) {
        if (i == PLANS_WORDS_MAX)
            return;
        snprintf(is->words[i].word, sizeof is->words[i].word, "%s", problem->word);
        is->words[i].n = 0;
        is->n_words++;
    }
    is->words[i].n++;
}

static void count_region(struct draft_plan *is, uint64_t region)
{
    size_t low = 0, high = is->n_regions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (is->regions[middle].region < region)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == is->n_regions || is->regions[low].region != region) {
        if (is->n_regions >= PLANS_REGIONS_MAX && region != 0) {
            count_region(is, 0);
            return;
        }
        memmove(&is->regions[low + 1], &is->regions[low],
                (is->n_regions - low) * sizeof *is->regions);
        is->regions[low] = (struct plan_region){.region = region};
        is->n_regions++;
    }
    is->regions[low].people++;
}

static void keep_row(struct draft_plan *is, size_t at, const struct plan_block *block,
                     const struct plan_row *row)
{
    struct draft_plan_row *kept = &is->rows[at];
    size_t value_at = is->values.len;
    buf_add(&is->values, buf_text(&block->values) + row->value_at, row->value_len);
    if (is->values.failed) /* full: the rows from here on are not kept */
        return;
    *kept = (struct draft_plan_row){.number = row->number,
                                    .row = row->row,
                                    .segments = row->segments,
                                    .value_at = value_at,
                                    .value_len = row->value_len};
    is->n_rows = at + 1 > is->n_rows ? at + 1 : is->n_rows;
}

static void on_settled(void *arg, const struct plan_block *block)
{
    struct draft_plan *is = &((struct planning *)arg)->is;
    for (size_t i = 0; i < block->n; i++) {
        const struct plan_row *row = &block->rows[i];
        bool longer = is->n_rows == 0 || row->segments > is->rows[is->longest].segments;
        count_region(is, row->region);
        size_t at = is->n_rows, before = is->n_rows;
        if (before > PLANS_ROWS_KEPT || (before == PLANS_ROWS_KEPT && !longer))
            at = PLANS_ROWS_KEPT; /* the last place is the longest row's */
        if (before < PLANS_ROWS_KEPT || longer)
            keep_row(is, at, block, row);
        if (longer && is->n_rows > at)
            is->longest = at;
    }
}

static void on_end(void *arg, struct run *run, enum err error, const char *fault)
{
    struct planning *planning = arg;
    planning->run = NULL;
    planning->plan = run_take_plan(run);
    planning->is.plan = planning->plan;
    planning->is.totals = *plan_totals(planning->plan);
    planning->ended_ms = clock_mono_ms();
    bool is_of_the_list = error == ERR_INVALID || error == ERR_IO;
    planning->is.stage = error == ERR_OK && planning->is.totals.problems == 0 ? RUN_OK : RUN_ROWS;
    if (is_of_the_list)
        buf_add_text(&planning->fault, fault);
    planning->is.fault = buf_text(&planning->fault);
    tell(planning, is_of_the_list ? ERR_OK : error);
    if ((error != ERR_OK && !is_of_the_list) || planning->drafting->is_ending) {
        take_out(planning);
        planning_free(planning);
    }
}

/* ---- asking ---- */

struct asking {
    struct drafting *drafting;
    struct draft *draft;
    bool is_fresh;
    drafting_plan_fn *done;
    void *arg;
};

static struct planning *find(const struct drafting *drafting, const char *digest)
{
    for (struct planning *planning = drafting->plans; planning != NULL; planning = planning->next) {
        if (strcmp(planning->is.digest.whole, digest) == 0)
            return planning;
    }
    return NULL;
}

const struct draft_plan *drafting_known_plan(const struct drafting *drafting,
                                             const struct draft_digest *digest)
{
    const struct planning *planning = find(drafting, digest->whole);
    return planning != NULL && planning->run == NULL ? &planning->is : NULL;
}

void drafting_plan_spent(struct drafting *drafting, const char *id)
{
    for (struct planning *planning = drafting->plans; planning != NULL; planning = planning->next) {
        if (planning->run == NULL && strcmp(planning->is.id, id) == 0)
            planning->ended_ms = clock_mono_ms() - PLANS_FRESH_MS - 1;
    }
}

/* A fault before the first row needs no run. */
static void end_at_once(struct planning *planning, enum run_stage stage)
{
    planning->is.stage = stage;
    planning->is.fault = buf_text(&planning->fault);
    planning->ended_ms = clock_mono_ms();
}

static enum err start(const struct asking *op, const struct draft_digest *digest,
                      struct planning **out)
{
    static const struct run_hooks hooks = {
        .problem = on_problem, .settled = on_settled, .end = on_end};
    struct drafting *drafting = op->drafting;
    make_room(drafting);
    struct planning *planning = calloc(1, sizeof *planning);
    if (planning == NULL)
        return ERR_NOMEM;
    planning->drafting = drafting;
    planning->is.digest = *digest;
    planning->is.is_complete = op->draft->definition != NULL;
    planning->is.fault = "";
    memcpy(planning->is.id, op->draft->id, sizeof planning->is.id);
    buf_init(&planning->is.values, VALUES_MAX_BYTES);
    buf_init(&planning->fault, FAULT_MAX_BYTES);
    enum run_stage stage;
    enum err error =
        run_new(drafting, op->draft, &hooks, planning, &planning->run, &stage, &planning->fault);
    if (error != ERR_OK && stage == RUN_OK) {
        planning_free(planning);
        return error;
    }
    if (error != ERR_OK)
        end_at_once(planning, stage);
    put_in(planning);
    *out = planning;
    return ERR_OK;
}

static enum err wait_for(struct planning *planning, const struct asking *op)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    if (waiter == NULL)
        return ERR_NOMEM;
    *waiter = (struct waiter){planning->waiters, op->done, op->arg};
    planning->waiters = waiter;
    return ERR_OK;
}

static void serve(const struct asking *op, const struct draft_digest *digest)
{
    struct drafting *drafting = op->drafting;
    struct planning *planning = find(drafting, digest->whole);
    int64_t oldest_ms = clock_mono_ms() - PLANS_FRESH_MS;
    if (planning != NULL && planning->run == NULL && op->is_fresh &&
        planning->ended_ms < oldest_ms) {
        planning->is.digest.whole[0] = '\0'; /* nobody finds it any more: it makes room */
        planning->used = 0;
        planning = NULL;
    }
    enum err error = planning == NULL ? start(op, digest, &planning) : ERR_OK;
    if (error == ERR_OK)
        error = wait_for(planning, op);
    if (error != ERR_OK) {
        op->done(op->arg, error, NULL);
        return;
    }
    planning->used = ++drafting->uses;
    if (planning->run == NULL)
        tell(planning, ERR_OK);
}

static void on_digest(void *arg, enum err error, const struct draft_digest *digest)
{
    struct asking *op = arg;
    if (error == ERR_OK && op->drafting->is_ending)
        error = ERR_CLOSED;
    if (error != ERR_OK)
        op->done(op->arg, error, NULL);
    else
        serve(op, digest);
    draft_free(op->draft);
    free(op);
}

enum err drafting_plan(struct drafting *drafting, const struct draft *draft, bool is_fresh,
                       drafting_plan_fn *done, void *arg)
{
    struct asking *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = (struct asking){.drafting = drafting, .is_fresh = is_fresh, .done = done, .arg = arg};
    enum err error = draft_from_bytes(drafting->settings, draft->id, buf_text(&draft->bytes),
                                      draft->bytes.len, &op->draft);
    if (error == ERR_OK)
        error = drafting_digest(drafting, draft, on_digest, op);
    if (error != ERR_OK) {
        draft_free(op->draft);
        free(op);
    }
    return error;
}
