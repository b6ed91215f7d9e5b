/* What would be sent to whom: the plan of a draft, and its texts row by row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/drafts.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "base/csvcell.h"
#include "campaign/template.h"
#include "sms/mobile.h"
#include "sms/text.h"

#define PROBLEMS_SHOWN 20
#define REGIONS_SHOWN 200
#define TEXT_MAX_BYTES 65536
#define FAULT_MAX_BYTES 8192
#define NUMBER_COLUMN "手机号"

/* ---- the plan ---- */

static void add_problems(json_t *array, const struct plan_problem *problems, size_t n,
                         bool accepted)
{
    for (size_t i = 0; i < n && json_array_size(array) < PROBLEMS_SHOWN; i++) {
        if (problems[i].accepted == accepted) {
            json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s, s:s, s:b}", "row",
                                                   (json_int_t)problems[i].row, "value",
                                                   problems[i].value, "word", problems[i].word,
                                                   "reason", problems[i].reason, "column",
                                                   problems[i].column, "accepted", (int)accepted));
        }
    }
}

/* Rows left out first: what is sent all the same must not hide them. */
static json_t *encode_problems(const struct draft_plan *plan)
{
    const struct plan_problem *problems = NULL;
    json_t *array = json_array();
    size_t n = plan->plan != NULL ? plan_problems(plan->plan, &problems) : 0;
    add_problems(array, problems, n, false);
    add_problems(array, problems, n, true);
    return array;
}

static json_t *encode_previews(const struct draft_plan *plan)
{
    const char *const *texts;
    json_t *array = json_array();
    size_t n = plan->plan != NULL ? plan_previews(plan->plan, &texts) : 0;
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, json_string(texts[i]));
    }
    return array;
}

static json_t *encode_words(const struct draft_plan *plan)
{
    json_t *words = json_object();
    for (size_t i = 0; i < plan->n_words; i++) {
        json_object_set_new(words, plan->words[i].word, json_integer((json_int_t)plan->words[i].n));
    }
    return words;
}

static int most_people_first(const void *a, const void *b)
{
    const struct plan_region *x = *(const struct plan_region *const *)a,
                             *y = *(const struct plan_region *const *)b;
    return (x->people < y->people) - (x->people > y->people);
}

static json_t *encode_regions_of(const struct apicall *call, const struct draft_plan *plan)
{
    const struct plan_region *order[PLANS_REGIONS_MAX + 1];
    json_t *array = json_array();
    for (size_t i = 0; i < plan->n_regions; i++) {
        order[i] = &plan->regions[i];
    }
    qsort(order, plan->n_regions, sizeof *order, most_people_first);
    for (size_t i = 0; i < plan->n_regions && i < REGIONS_SHOWN; i++) {
        char code[AREA_TEXT_SIZE];
        const char *name =
            order[i]->region != 0 ? regions_name(call->api->regions, order[i]->region) : NULL;
        area_format(order[i]->region, code);
        json_t *one = json_pack("{s:s, s:I}", "region", order[i]->region != 0 ? code : "", "people",
                                (json_int_t)order[i]->people);
        json_object_set_new(one, "name", name != NULL ? json_string(name) : json_null());
        json_array_append_new(array, one);
    }
    return array;
}

static void warn(json_t *warnings, const char *sentence)
{
    json_array_append_new(warnings, json_string(sentence));
}

static json_t *encode_warnings(const struct draft *draft, const struct draft_plan *plan)
{
    const struct plan_totals *totals = &plan->totals;
    json_t *warnings = json_array();
    for (size_t i = 0; i < draft->mistakes.n; i++) {
        if (draft->mistakes.items[i].warning) {
            warn(warnings, draft->mistakes.items[i].reason);
        }
    }
    if (!plan->is_complete) {
        warn(warnings, "the definition is not complete yet: times and cost are not those of the "
                       "launch");
    }
    if (plan->plan == NULL) {
        return warnings;
    }
    if (totals->rows > 0 && !totals->optouts_consulted) {
        warn(warnings, "who has opted out could not be asked: the figures are too high");
    }
    if (plan->is_complete && totals->accepted > 0 && !totals->ends_in_time) {
        warn(warnings, "at this rate and window it is not through before its end");
    }
    if (totals->rows > 0 && totals->accepted == 0) {
        warn(warnings, "nobody is left to send to");
    }
    if (totals->invalid * 10 > totals->rows) {
        warn(warnings, "more than a tenth of the rows have a mistake: is it the right list?");
    }
    return warnings;
}

static json_t *encode_plan(const struct apicall *call, const struct draft *draft,
                           const struct draft_plan *plan, const struct trial *trial)
{
    struct trial_view view;
    const struct plan_totals *totals = &plan->totals;
    int offset = apicall_offset_min(call);
    double average =
        totals->accepted > 0 ? (double)totals->segments_total / (double)totals->accepted : 0;
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "id", draft->id,
        "version", draft->version, "rows", (json_int_t)totals->rows, "accepted",
        (json_int_t)totals->accepted, "duplicate", (json_int_t)totals->duplicate, "invalid",
        (json_int_t)totals->invalid, "opted_out", (json_int_t)totals->opted_out, "segments_min",
        (json_int_t)totals->segments_min, "segments_max", (json_int_t)totals->segments_max,
        "segments_total", (json_int_t)totals->segments_total, "cost_fen",
        (json_int_t)totals->cost_fen, "requests", (json_int_t)totals->requests, "problems_total",
        (json_int_t)totals->problems);
    json_object_set_new(json, "digest", json_string(plan->digest.whole));
    json_object_set_new(json, "warnings_total", json_integer((json_int_t)totals->warnings));
    json_object_set_new(json, "segments_avg", json_real(average));
    json_object_set_new(json, "starts_at", encode_time(totals->starts_ms, offset));
    json_object_set_new(json, "ends_at", encode_time(totals->ends_ms, offset));
    json_object_set_new(json, "ends_in_time", json_boolean(totals->ends_in_time));
    json_object_set_new(json, "optouts_consulted", json_boolean(totals->optouts_consulted));
    json_object_set_new(json, "complete", json_boolean(plan->is_complete));
    json_object_set_new(json, "stage", json_string(run_stage_word(plan->stage)));
    json_object_set_new(json, "fault",
                        plan->fault[0] != '\0' ? json_string(plan->fault) : json_null());
    json_object_set_new(json, "problems", encode_problems(plan));
    json_object_set_new(json, "by_word", encode_words(plan));
    json_object_set_new(json, "preview", encode_previews(plan));
    json_object_set_new(json, "rows_to_look_at", json_integer((json_int_t)plan->n_rows));
    json_object_set_new(json, "longest_at",
                        plan->n_rows > 0 ? json_integer((json_int_t)plan->longest) : json_null());
    json_object_set_new(json, "by_region", encode_regions_of(call, plan));
    json_object_set_new(json, "warnings", encode_warnings(draft, plan));
    trial_look(trial, plan, trial_simulates(call->api->settings, draft), &view);
    json_object_set_new(json, "trial", encode_trial(&view));
    return json;
}

static void fail_plan(struct apicall *call, enum err error)
{
    apicall_fail(call, error,
                 error == ERR_BUSY ? "too many lists are checked just now; try again" : NULL);
}

static void on_plan(void *arg, enum err error, const struct draft_plan *plan)
{
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        fail_plan(call, error);
        return;
    }
    apicall_answer(call, 200, encode_plan(call, work->draft, plan, &work->trial));
}

static void ask_plan(struct apicall *call)
{
    struct draft_work *work = call->state;
    enum err error = drafting_plan(call->api->parts.drafting, work->draft, true, on_plan, call);
    if (error != ERR_OK) {
        fail_plan(call, error);
    }
}

/* First what Redis has to say: a plan is borrowed for a turn. */
static void ask_trial(struct apicall *call, struct draft_work *work)
{
    trial_find(call, &work->trial, draft_value(work->draft, "campaign", "region"), ask_plan);
}

void handle_draft_plan(struct apicall *call)
{
    drafts_open(call, NULL, ask_trial);
}

/* ---- one row ---- */

/* plan_block.values: a length as a varint, then the bytes. gives: false at the end. */
static bool next_value(const uint8_t **at, const uint8_t *end, const char **value, size_t *len)
{
    size_t n = 0;
    for (unsigned shift = 0; *at < end && shift < 32; shift += 7) {
        uint8_t byte = *(*at)++;
        n |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            if (n > (size_t)(end - *at)) {
                return false;
            }
            *value = (const char *)*at;
            *len = n;
            *at += n;
            return true;
        }
    }
    return false;
}

static json_t *encode_values(const struct draft_plan *plan, const uint8_t *bytes, size_t len)
{
    const char *const *names, *value;
    const uint8_t *end = bytes + len;
    size_t n = template_columns(plan_template(plan->plan), &names), value_len;
    json_t *values = json_object();
    for (size_t i = 0; i < n && next_value(&bytes, end, &value, &value_len); i++) {
        json_object_set_new(values, names[i], json_stringn(value, value_len));
    }
    return values;
}

static json_t *encode_row(const struct apicall *call, const struct draft *draft,
                          const struct draft_plan *plan, size_t at)
{
    const struct draft_plan_row *row = &plan->rows[at];
    const uint8_t *bytes = (const uint8_t *)buf_text(&plan->values) + row->value_at;
    const char *name = draft_value(draft, "campaign", "carrier");
    const struct settings_carrier *carrier =
        name != NULL ? settings_carrier(call->api->settings, name) : NULL;
    char masked[MOBILE_TEXT_SIZE];
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    enum err error = template_expand_shown(plan_template(plan->plan), bytes, row->value_len, &text);
    mobile_mask(row->number, masked);
    json_t *json = json_pack(
        "{s:I, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I}", "at", (json_int_t)at, "of",
        (json_int_t)plan->n_rows, "accepted", (json_int_t)plan->totals.accepted, "row",
        (json_int_t)row->row, "number", masked, "text", error == ERR_OK ? buf_text(&text) : "",
        "units", (json_int_t)text_units(buf_text(&text), text.len), "segments",
        (json_int_t)row->segments, "cost_fen",
        (json_int_t)row->segments * (carrier != NULL ? carrier->price_fen : 0));
    json_object_set_new(json, "values", encode_values(plan, bytes, row->value_len));
    buf_fini(&text);
    return json;
}

static void on_plan_for_row(void *arg, enum err error, const struct draft_plan *plan)
{
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        fail_plan(call, error);
    } else if (plan->n_rows == 0) {
        apicall_error(call, 404, "no_row", NULL, "%s",
                      plan->fault[0] != '\0' ? plan->fault : "nobody is left to send to");
    } else if (work->at >= plan->n_rows) {
        apicall_error(call, 404, "no_row", "at", "rows 0 to %zu can be looked at",
                      plan->n_rows - 1);
    } else {
        apicall_answer(call, 200, encode_row(call, work->draft, plan, (size_t)work->at));
    }
}

static void ask_row(struct apicall *call, struct draft_work *work)
{
    const char *text = http_request_query(call->request, "at");
    size_t digits = text != NULL ? strspn(text, "0123456789") : 0;
    if (text != NULL && (digits == 0 || digits > 9 || text[digits] != '\0')) {
        apicall_error(call, 400, "invalid", "at", "at is \"%s\", not a number from 0", text);
        return;
    }
    work->at = text != NULL ? strtoull(text, NULL, 10) : 0;
    enum err error =
        drafting_plan(call->api->parts.drafting, work->draft, false, on_plan_for_row, call);
    if (error != ERR_OK) {
        fail_plan(call, error);
    }
}

void handle_draft_preview(struct apicall *call)
{
    drafts_open(call, NULL, ask_row);
}

/* ---- an empty list of the right form ---- */

static void send_sample(struct apicall *call, struct draft_work *work)
{
    struct template *tmpl = NULL;
    struct buf problem, csv;
    const char *const *names;
    buf_init(&problem, FAULT_MAX_BYTES);
    buf_init(&csv, TEXT_MAX_BYTES);
    buf_add_text(&csv, CSVCELL_BOM NUMBER_COLUMN);
    if (work->draft->text[0] != '\0' &&
        template_compile("", false, work->draft->text, "", &tmpl, &problem) == ERR_OK) {
        size_t n = template_columns(tmpl, &names);
        for (size_t i = 0; i < n; i++) {
            if (strcmp(names[i], NUMBER_COLUMN) != 0) {
                buf_add_char(&csv, ',');
                csvcell_add(&csv, names[i]);
            }
        }
    }
    buf_add_text(&csv, "\r\n");
    drafts_name_file(call, "list");
    http_answer(call->request, 200, "text/csv; charset=utf-8", buf_text(&csv), csv.len);
    template_free(tmpl);
    buf_fini(&problem);
    buf_fini(&csv);
    apicall_end(call);
}

void handle_draft_sample(struct apicall *call)
{
    drafts_open(call, NULL, send_sample);
}
