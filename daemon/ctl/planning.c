/* Blocks of PLAN_BLOCK_ROWS go through plan_read and plan_settle as in launch/import.c; between the
 * two the daemon is asked with POST /api/v1/recipients/lookup. */
#include "ctl/planning.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/csvcell.h"
#include "conf/settings.h"
#include "ctl/table.h"
#include "sms/mobile.h"

#define CSV_ROWS_A_READ 100000
#define PROBLEMS_SHOWN 20
#define REASON_MAX_BYTES 4096
#define MISTAKES_TEXT_MAX_BYTES 65536
#define TEXT_SHOWN_BYTES 8192

/* ---- reading ---- */

static bool load_definition(struct ctl *ctl, const char *file_or_id, struct planning *planning,
                            enum ctl_exit *exit)
{
    char path[CTL_PATH_MAX];
    struct mistakes mistakes;
    struct buf text;
    enum err error = definition_find(file_or_id, planning->settings, path, sizeof path);
    if (error != ERR_OK) {
        *exit = ctl_fail(ctl, CTL_NOT_FOUND, "no_campaign",
                         "there is neither a file \"%s\" nor a campaign %s/%s.ini", file_or_id,
                         planning->settings->daemon.campaigns_dir, file_or_id);
        return false;
    }
    mistakes_init(&mistakes);
    buf_init(&text, MISTAKES_TEXT_MAX_BYTES);
    error = definition_load(path, planning->settings, &planning->definition, &mistakes);
    mistakes_print(&mistakes, &text);
    fputs(buf_text(&text), stderr);
    if (error != ERR_OK) {
        planning->definition = NULL;
        *exit = ctl_fail(ctl, CTL_FAILED, "definition", "%s: %zu mistakes", path, mistakes.errors);
    }
    buf_fini(&text);
    mistakes_fini(&mistakes);
    return error == ERR_OK;
}

/* --problems FILE: every row left out or warned of, as it is met. */
static void write_problem(void *arg, const struct plan_problem *problem)
{
    FILE *file = arg;
    fprintf(file, "%" PRIu64 ",", problem->row);
    for (int cell = 0; cell < 2; cell++) {
        const char *text = cell == 0 ? problem->value : problem->reason;
        /* A cell that a spreadsheet would take for a formula gets an apostrophe. */
        fputs(csvcell_is_formula(text) ? "\"'" : "\"", file);
        for (const char *at = text; *at != '\0'; at++) {
            if (*at == '"') {
                fputc('"', file);
            }
            fputc(*at, file);
        }
        fputs(cell == 0 ? "\"," : "\"\n", file);
    }
}

/* The campaign's own reservations in its dedup group (an import that was broken off) must not count
 * against it. */
static int64_t own_seq(struct ctl *ctl, const struct planning *planning)
{
    struct reply reply;
    char path[256];
    int64_t seq = 0;
    snprintf(path, sizeof path, "/api/v1/campaigns/%s", planning->definition->id);
    if (ctl_call(ctl, "GET", path, NULL, &reply) &&
        strcmp(ctl_text(reply.json, "state"), "importing") == 0) {
        seq = ctl_number(reply.json, "seq");
    }
    reply_fini(&reply);
    return seq;
}

static json_t *lookup_body(const struct planning *planning, const struct plan_block *block,
                           int64_t seq)
{
    json_t *numbers = json_array();
    for (size_t i = 0; i < block->n; i++) {
        json_array_append_new(numbers, json_integer((json_int_t)block->rows[i].number));
    }
    const struct definition *definition = planning->definition;
    return json_pack("{s:o, s:s, s:s, s:s, s:I}", "numbers", numbers, "class",
                     campaign_class_word(definition->class_), "dedup_group",
                     definition->dedup_group, "carrier", definition->carrier, "seq",
                     (json_int_t)seq);
}

/* Asks about one block. false: not consulted from here on. */
static bool lookup(struct ctl *ctl, struct planning *planning, const struct plan_block *block,
                   int64_t seq, uint8_t flags[PLAN_BLOCK_ROWS])
{
    struct reply reply;
    json_t *body = lookup_body(planning, block, seq);
    bool done = ctl_call(ctl, "POST", "/api/v1/recipients/lookup", body, &reply);
    const char *text = ctl_text(reply.json, "flags");
    if (done && strlen(text) != block->n) {
        done = false;
        reply.message = "the daemon's answer does not fit the question";
    }
    for (size_t i = 0; done && i < block->n; i++) {
        flags[i] = (uint8_t)(text[i] - '0');
    }
    if (!done) {
        snprintf(planning->not_consulted, sizeof planning->not_consulted, "%s", reply.message);
    }
    json_decref(body);
    reply_fini(&reply);
    return done;
}

static enum err read_all(struct ctl *ctl, struct planning *planning)
{
    uint8_t flags[PLAN_BLOCK_ROWS];
    struct plan_block block;
    bool done = false;
    enum err error = ERR_OK;
    int64_t seq = own_seq(ctl, planning);
    planning->consulted = true;
    plan_block_init(&block);
    while (!done && error == ERR_OK) {
        block.n = 0;
        buf_reset(&block.values);
        error = plan_read(planning->plan, PLAN_BLOCK_ROWS, CSV_ROWS_A_READ, &block, &done);
        if (error != ERR_OK || block.n == 0) {
            continue;
        }
        planning->consulted = planning->consulted && lookup(ctl, planning, &block, seq, flags);
        plan_settle(planning->plan, &block, planning->consulted ? flags : NULL);
    }
    plan_block_fini(&block);
    return error;
}

static bool open_plan(struct ctl *ctl, struct planning *planning, enum ctl_exit *exit)
{
    struct buf problem;
    buf_init(&problem, REASON_MAX_BYTES);
    enum err error = plan_open(planning->definition, planning->settings, &planning->plan, &problem);
    if (error != ERR_OK) {
        planning->plan = NULL;
        *exit = ctl_fail(ctl, CTL_FAILED, "refused", "%s: %s", planning->definition->id,
                         problem.len > 0 ? buf_text(&problem) : err_sentence(error));
    }
    buf_fini(&problem);
    return error == ERR_OK;
}

static FILE *open_problems(struct ctl *ctl, struct planning *planning, enum ctl_exit *exit)
{
    const char *path = ctl_option(ctl, OPT_PROBLEMS);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        *exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
        return NULL;
    }
    fputs("row,value,reason\n", file);
    plan_on_problem(planning->plan, write_problem, file);
    return file;
}

bool planning_run(struct ctl *ctl, const char *file_or_id, bool now, struct planning *planning,
                  enum ctl_exit *exit)
{
    memset(planning, 0, sizeof *planning);
    *exit = CTL_FAILED;
    planning->settings = ctl_settings(ctl);
    if (planning->settings == NULL || !load_definition(ctl, file_or_id, planning, exit)) {
        return false;
    }
    if (now) {
        planning->definition->start_ms = clock_wall_ms();
    }
    if (!open_plan(ctl, planning, exit)) {
        return false;
    }
    FILE *problems = NULL;
    if (ctl_option(ctl, OPT_PROBLEMS) != NULL) {
        problems = open_problems(ctl, planning, exit);
        if (problems == NULL) {
            return false;
        }
    }
    enum err error = read_all(ctl, planning);
    if (problems != NULL && fclose(problems) != 0 && error == ERR_OK) {
        *exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", ctl_option(ctl, OPT_PROBLEMS),
                         strerror(errno));
        return false;
    }
    if (error != ERR_OK) {
        *exit = ctl_fail(ctl, CTL_FAILED, "refused", "%s: %s", planning->definition->recipients,
                         plan_fault(planning->plan));
        return false;
    }
    plan_finish(planning->plan, clock_wall_ms());
    return true;
}

void planning_fini(struct planning *planning)
{
    plan_free(planning->plan);
    definition_free(planning->definition);
    settings_free(planning->settings);
    memset(planning, 0, sizeof *planning);
}

/* ---- showing ---- */

static void print_line(FILE *out, const char *label, const char *value)
{
    fprintf(out, "  %-12s %s\n", label, value);
}

static void print_count(FILE *out, const char *label, uint64_t value, const char *what)
{
    fprintf(out, "  %-12s %9" PRIu64 "%s%s\n", label, value, what[0] != '\0' ? "   " : "", what);
}

static void print_rows(const struct planning *planning, FILE *out)
{
    const struct plan_totals *totals = plan_totals(planning->plan);
    char note[512] = "";
    print_count(out, "rows", totals->rows, "");
    print_count(out, "accepted", totals->accepted, "");
    print_count(out, "duplicate", totals->duplicate, "");
    print_count(out, "invalid", totals->invalid, "");
    if (!planning->consulted) {
        snprintf(note, sizeof note, "NOT CONSULTED: %s", planning->not_consulted);
    }
    print_count(out, "opted out", totals->opted_out, note);
}

static void print_cost(const struct planning *planning, FILE *out)
{
    const struct plan_totals *totals = plan_totals(planning->plan);
    const struct settings_carrier *carrier =
        settings_carrier(planning->settings, planning->definition->carrier);
    char note[128], money[40];
    if (totals->segments_min == totals->segments_max) {
        snprintf(note, sizeof note, "%" PRIu64 " a message", totals->segments_max);
    } else {
        snprintf(note, sizeof note, "%" PRIu64 " to %" PRIu64 " a message", totals->segments_min,
                 totals->segments_max);
    }
    print_count(out, "segments", totals->segments_total, note);
    snprintf(note, sizeof note, "%s at %" PRIu32 " fen a segment",
             ctl_money((int64_t)totals->cost_fen, money), carrier != NULL ? carrier->price_fen : 0);
    fprintf(out, "  %-12s %s\n", "cost", note);
    print_count(out, "requests", totals->requests, "");
}

static void print_times(const struct planning *planning, FILE *out)
{
    const struct plan_totals *totals = plan_totals(planning->plan);
    const struct definition *definition = planning->definition;
    int offset = planning->settings->daemon.utc_offset_min;
    char text[128], time[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];
    print_line(out, "begins", clock_format(totals->starts_ms, offset, time));
    int from = definition->window_from_min, to = definition->window_to_min;
    clock_format(definition->end_ms, offset, end);
    if (from == to || (from == 0 && to == 1440)) {
        snprintf(text, sizeof text, "the whole day, until %s", end);
    } else {
        snprintf(text, sizeof text, "%02d:%02d-%02d:%02d, until %s", from / 60, from % 60, to / 60,
                 to % 60, end);
    }
    print_line(out, "window", text);
    if (totals->ends_in_time) {
        print_line(out, "would end", clock_format(totals->ends_ms, offset, time));
    } else {
        print_line(out, "would end",
                   "NOT IN TIME: at this rate and window it is not through before its end");
    }
}

/* `all`: how many there are of the kind, rows left out or rows warned of. */
static void print_problems(const struct planning *planning, bool accepted, uint64_t all,
                           const char *title, FILE *out)
{
    static const char *const headers[] = {">row", "value", "reason"};
    const struct plan_problem *problems;
    struct table *table;
    size_t n = plan_problems(planning->plan, &problems);
    if (all == 0 || table_new(headers, 3, &table) != ERR_OK) {
        return;
    }
    size_t shown = 0;
    for (size_t i = 0; i < n && shown < PROBLEMS_SHOWN; i++) {
        char row[24];
        if (problems[i].accepted != accepted) {
            continue;
        }
        shown++;
        snprintf(row, sizeof row, "%" PRIu64, problems[i].row);
        table_row(table, (const char *const[]){row, problems[i].value, problems[i].reason});
    }
    fprintf(out, "\n%s (rows are counted as the spreadsheet does):\n", title);
    table_print(table, out);
    table_free(table);
    if (all > shown) {
        fprintf(out, "… and %" PRIu64 " more; --problems FILE writes all of them\n", all - shown);
    }
}

static void print_previews(const struct planning *planning, FILE *out)
{
    const char *const *texts;
    char clean[TEXT_SHOWN_BYTES];
    size_t n = plan_previews(planning->plan, &texts);
    if (n > 0) {
        fprintf(out, "\nthe first %s:\n", n == 1 ? "text" : "texts");
    }
    for (size_t i = 0; i < n; i++) {
        table_clean(texts[i], clean, sizeof clean);
        fprintf(out, "  %zu. %s\n", i + 1, clean);
    }
}

void planning_print(const struct planning *planning, FILE *out)
{
    const struct definition *definition = planning->definition;
    char clean[512];
    table_clean(definition->title, clean, sizeof clean);
    fprintf(out, "%s  %s\n", definition->id, clean);
    fprintf(out, "  %-12s %s, %s\n", "carrier", definition->carrier,
            campaign_class_word(definition->class_));
    print_rows(planning, out);
    print_cost(planning, out);
    print_times(planning, out);
    const struct plan_totals *totals = plan_totals(planning->plan);
    print_problems(planning, false, totals->problems, "rows left out", out);
    print_problems(planning, true, totals->warnings, "rows that are sent, with a warning", out);
    print_previews(planning, out);
}

static json_t *problems_json(const struct planning *planning)
{
    const struct plan_problem *problems;
    size_t n = plan_problems(planning->plan, &problems);
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(
            array, json_pack("{s:I, s:s, s:s, s:s, s:b}", "row", (json_int_t)problems[i].row,
                             "value", problems[i].value, "reason", problems[i].reason, "word",
                             problems[i].word, "accepted", (int)problems[i].accepted));
    }
    return array;
}

static json_t *time_json(const struct planning *planning, int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    return ms == 0 ? json_null()
                   : json_string(
                         clock_format_rfc3339(ms, planning->settings->daemon.utc_offset_min, text));
}

json_t *planning_json(const struct planning *planning)
{
    const struct plan_totals *totals = plan_totals(planning->plan);
    const struct definition *definition = planning->definition;
    const char *const *texts;
    size_t n = plan_previews(planning->plan, &texts);
    json_t *preview = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(preview, json_string(texts[i]));
    }
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "id",
        definition->id, "title", definition->title, "carrier", definition->carrier, "class",
        campaign_class_word(definition->class_), "rows", (json_int_t)totals->rows, "accepted",
        (json_int_t)totals->accepted, "duplicate", (json_int_t)totals->duplicate, "invalid",
        (json_int_t)totals->invalid, "opted_out", (json_int_t)totals->opted_out, "segments_min",
        (json_int_t)totals->segments_min, "segments_max", (json_int_t)totals->segments_max,
        "segments_total", (json_int_t)totals->segments_total, "cost_fen",
        (json_int_t)totals->cost_fen, "requests", (json_int_t)totals->requests);
    json_object_set_new(json, "starts_at", time_json(planning, totals->starts_ms));
    json_object_set_new(json, "ends_at", time_json(planning, totals->ends_ms));
    json_object_set_new(json, "ends_in_time", json_boolean(totals->ends_in_time));
    json_object_set_new(json, "optouts_consulted", json_boolean(planning->consulted));
    json_object_set_new(json, "problems_total", json_integer((json_int_t)totals->problems));
    json_object_set_new(json, "warnings_total", json_integer((json_int_t)totals->warnings));
    json_object_set_new(json, "problems", problems_json(planning));
    json_object_set_new(json, "preview", preview);
    return json;
}
