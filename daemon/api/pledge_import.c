/* POST /api/v1/pledges/import: a paper list, checked from its first row to its last, then booked.
 *
 * Two walks over the bytes of the request: the first finds every mistake, the second books row
 * after row. Nothing is kept of a row between them, and each turn of the loop takes only a few. The
 * rows carry their own request ids, so a list that broke off is simply given again. */
#include "api/handlers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode_ledger.h"
#include "api/pledge_list.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/loop.h"
#include "campaign/problems.h"
#include "store/ledger_proof.h"

#define STEPS_A_TURN 200
#define FAULT_MAX_BYTES 4096

struct import {
    struct apicall *call;
    struct pledge_list_options options;
    bool only_check, partial;

    struct ledger_closed *closed;
    size_t n_closed;

    struct pledge_list *list;
    bool is_booking;
    uint64_t row, rows, booked, repeated;
    struct problems problems;
    struct buf fault;
};

static void import_free(void *state)
{
    struct import *import = state;
    pledge_list_free(import->list);
    problems_fini(&import->problems);
    buf_fini(&import->fault);
    free(import->closed);
    free(import);
}

/* ---- the answer ---- */

/* The body is the list, so that nothing else says what was asked for and what came of it: a check
 * and a booking have the same route. */
static void tell_audit(const struct import *import)
{
    json_t *body = import->call->body;
    json_object_set_new(body, "check", json_boolean(import->only_check));
    json_object_set_new(body, "partial", json_boolean(import->partial));
    json_object_set_new(body, "rows", json_integer((json_int_t)import->rows));
    json_object_set_new(body, "booked", json_integer((json_int_t)import->booked));
    json_object_set_new(body, "rejected", json_integer((json_int_t)import->problems.n));
}

static void answer(struct import *import)
{
    const struct problems *problems = &import->problems;
    json_t *array = json_array();
    problems_sort(&import->problems);
    for (size_t i = 0; i < problems->n_kept; i++) {
        const struct plan_problem *one = &problems->kept[i];
        json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s}", "row", (json_int_t)one->row,
                                               "value", one->value, "reason", one->reason, "word",
                                               one->word));
    }
    tell_audit(import);
    apicall_answer(import->call, 200,
                   json_pack("{s:I, s:I, s:I, s:I, s:o}", "rows", (json_int_t)import->rows,
                             "booked", (json_int_t)import->booked, "repeated",
                             (json_int_t)import->repeated, "rejected", (json_int_t)problems->n,
                             "problems", array));
}

static void refuse_list(struct import *import, enum err error)
{
    if (error == ERR_NOMEM) {
        apicall_fail(import->call, error, NULL);
        return;
    }
    apicall_error(import->call, error == ERR_TOO_BIG ? 413 : 400,
                  error == ERR_TOO_BIG ? "too_big" : "list", "body", "%s",
                  import->fault.len > 0 ? buf_text(&import->fault) : err_sentence(error));
}

/* ---- rows ---- */

static void note_problem(struct import *import, const char *value, const char *reason,
                         const char *word)
{
    struct plan_problem problem = {import->row, value, reason, word, false, ""};
    problems_add(&import->problems, &problem);
}

/* A place outside the user's area, or a day in a period that was closed, is told before anything is
 * booked. */
static bool is_open(struct import *import, const struct ledger_entry *entry)
{
    if (!who_covers(&import->call->who, entry->area)) {
        char area[AREA_TEXT_SIZE];
        note_problem(import, area_format(entry->area, area), "this area is not in your own",
                     "area");
        return false;
    }
    for (size_t i = 0; i < import->n_closed; i++) {
        const struct ledger_closed *closed = &import->closed[i];
        if (entry->on == 0 || entry->on > closed->through ||
            !area_within(entry->area, closed->area)) {
            continue;
        }
        char area[AREA_TEXT_SIZE], on[ENCODE_DAY_SIZE], through[ENCODE_DAY_SIZE], reason[160];
        area_format(closed->area, area);
        snprintf(reason, sizeof reason, "area %s is closed through %s: give it a later day", area,
                 encode_day(closed->through, through));
        note_problem(import, encode_day(entry->on, on), reason, "closed");
        return false;
    }
    return true;
}

static void walk(void *arg);

/* Opens the list anew. gives: it could, else the call is answered. */
static bool rewind_list(struct import *import)
{
    size_t len;
    const char *bytes = http_request_body(import->call->request, &len);
    pledge_list_free(import->list);
    enum err error = pledge_list_open(bytes, len, &import->options, &import->list, &import->fault);
    if (error != ERR_OK) {
        refuse_list(import, error);
    }
    return error == ERR_OK;
}

static void on_booked(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    struct import *import = arg;
    struct apicall *call = import->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        import->repeated += posted->repeated;
        import->booked += !posted->repeated;
    } else if (error == ERR_REFUSED) {
        note_problem(import, "", reason, "refused");
    } else {
        apicall_error(call, 503, "unknown", NULL,
                      "it broke off at row %" PRIu64 " after %" PRIu64
                      " rows; give the same list again: what is booked is not booked twice",
                      import->row, import->booked + import->repeated);
        return;
    }
    walk(import);
}

/* gives: go on in this turn. */
static bool take_row(struct import *import, const struct pledge_list_row *row)
{
    import->row = row->row;
    if (import->is_booking) {
        if (row->entry == NULL || !is_open(import, row->entry)) {
            return true;
        }
        enum err error = ledger_post(import->call->api->parts.store, row->entry, 0, clock_wall_ms(),
                                     on_booked, import);
        if (error != ERR_OK) {
            apicall_fail(import->call, error, NULL);
        }
        return false;
    }
    import->rows++;
    if (row->entry == NULL) {
        note_problem(import, row->value, row->reason, row->word);
    } else {
        is_open(import, row->entry);
    }
    return true;
}

static void end_walk(struct import *import)
{
    bool stops = import->only_check || (import->problems.n > 0 && !import->partial);
    if (import->is_booking) {
        pledging_wake(import->call->api->parts.pledging); /* donors may be owed a message */
    }
    if (import->is_booking || stops) {
        answer(import);
    } else if (rewind_list(import)) {
        import->is_booking = true;
        loop_defer(import->call->api->parts.base, walk, import);
    }
}

static void walk(void *arg)
{
    struct import *import = arg;
    if (!apicall_lives(import->call)) {
        return;
    }
    for (int i = 0; i < STEPS_A_TURN; i++) {
        struct pledge_list_row row;
        enum pledge_list_step step;
        enum err error = pledge_list_next(import->list, &row, &step, &import->fault);
        if (error != ERR_OK) {
            refuse_list(import, error);
            return;
        }
        if (step == PLEDGE_LIST_END) {
            end_walk(import);
            return;
        }
        if (step == PLEDGE_LIST_ROW && !take_row(import, &row)) {
            return;
        }
    }
    loop_defer(import->call->api->parts.base, walk, import);
}

static void on_closed(void *arg, enum err error, const char *reason,
                      const struct ledger_closed *closed, size_t n)
{
    struct import *import = arg;
    struct apicall *call = import->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK && n > 0) {
        import->closed = malloc(n * sizeof *closed);
        error = import->closed != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    if (n > 0) {
        memcpy(import->closed, closed, n * sizeof *closed);
        import->n_closed = n;
    }
    if (rewind_list(import)) {
        walk(import);
    }
}

/* ---- the request ---- */

/* The body is the list, so the name of who gives it stands in the query. */
static bool read_actor(struct apicall *call, const char **actor)
{
    const char *text;
    if (!query_text(call, "actor", CALL_ACTOR_MAX, &text)) {
        return false;
    }
    if (text[0] != '\0') {
        json_object_set_new(call->body, "actor", json_string(text));
    }
    return apicall_actor(call, actor);
}

static bool read_options(struct apicall *call, struct import *import)
{
    struct pledge_list_options *options = &import->options;
    options->today = apicall_today(call);
    options->has_region = http_request_query(call->request, "region") != NULL;
    if (!read_actor(call, &options->actor) || !query_flag(call, "check", &import->only_check) ||
        !query_flag(call, "partial", &import->partial) ||
        !query_area(call, "region", 0, &options->region) ||
        !query_campaign(call, &options->campaign) || !query_day(call, "on", &options->on)) {
        return false;
    }
    if (strcmp(options->campaign, "-") == 0) {
        options->campaign = "";
    }
    if (options->on <= options->today) {
        return true;
    }
    apicall_error(call, 400, "invalid", "on", "on: the day lies in the future");
    return false;
}

static void look_for_closed(struct apicall *call)
{
    enum err error = ledger_closed(call->api->parts.store, on_closed, call->state);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_pledge_import(struct apicall *call)
{
    struct import *import = calloc(1, sizeof *import);
    if (import == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    import->call = call;
    problems_init(&import->problems);
    buf_init(&import->fault, FAULT_MAX_BYTES);
    call->state = import;
    call->free_state = import_free;
    if (read_options(call, import)) {
        apicall_known_campaign(call, import->options.campaign, NULL, look_for_closed);
    }
}
