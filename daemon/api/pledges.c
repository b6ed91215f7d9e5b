/* GET /api/v1/pledges, POST /api/v1/pledges/search, GET /api/v1/pledges/{number}. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode_ledger.h"
#include "api/mask.h"
#include "api/query.h"
#include "api/regions.h"
#include "base/clock.h"
#include "pledge/typed.h"
#include "sms/mobile.h"

#define LIST_DEFAULT 100
#define CURSOR_MAX 47
#define SEARCH_MIN 2 /* bytes: one letter would be half the list */

static void on_shown(void *arg, enum err error, const char *reason,
                     const struct ledger_pledges *pledges)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_pledge", NULL, "%s", reason);
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    struct encode_regions regions = api_regions(call);
    json_t *json = encode_pledge(&pledges->pledges[0], true, call->is_masked, &regions,
                                 apicall_offset_min(call));
    json_object_set_new(json, "as_of_entry", json_integer((json_int_t)pledges->as_of_entry));
    apicall_answer(call, 200, json);
}

/* params[0] is in its one form. */
static void show(struct apicall *call)
{
    enum err error =
        ledger_show(call->api->parts.store, call->params[0], call->api->settings->ledger.grace_days,
                    clock_wall_ms(), on_shown, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_pledge_show(struct apicall *call)
{
    struct number number;
    char text[NUMBER_TEXT_SIZE];
    if (query_number_text(call, call->params[0], &number)) {
        snprintf(call->params[0], ROUTE_PARAM_SIZE, "%s", number_format(&number, text));
        mask_settle(call, MASK_ONE, "pledge unmasked", call->params[0], show);
    }
}

static json_t *encode_found(struct apicall *call, const struct ledger_pledges *pledges)
{
    struct encode_regions regions = api_regions(call);
    json_t *array = json_array();
    for (size_t i = 0; i < pledges->n; i++) {
        json_array_append_new(array, encode_pledge(&pledges->pledges[i], false, call->is_masked,
                                                   &regions, apicall_offset_min(call)));
    }
    return array;
}

static void on_listed(void *arg, enum err error, const char *reason,
                      const struct ledger_pledges *pledges)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    json_t *page = json_pack("{s:o, s:s, s:I}", "pledges", encode_found(call, pledges), "cursor",
                             pledges->cursor, "as_of_entry", (json_int_t)pledges->as_of_entry);
    mask_note(call, page);
    apicall_answer(call, 200, page);
}

/* What is asked for, while the audit is written. The texts are the request's. */
struct search {
    struct apicall *call;
    struct ledger_query query;
    char number[NUMBER_TEXT_SIZE]; /* "": a list */
};

/* NULL: answered. */
static struct search *search_new(struct apicall *call)
{
    struct search *search = calloc(1, sizeof *search);
    if (search == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return NULL;
    }
    search->call = call;
    search->query.state = LEDGER_ANY_STATE;
    search->query.grace_days = call->api->settings->ledger.grace_days;
    call->state = search;
    call->free_state = free;
    return search;
}

static void list(struct apicall *call)
{
    const struct search *search = call->state;
    enum err error =
        ledger_list(call->api->parts.store, &search->query, clock_wall_ms(), on_listed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* What comes by a Unix socket passes no proxy. */
static bool is_in_no_log(struct apicall *call, uint64_t mobile)
{
    if (mobile == 0 || call->who.via == VIA_CONTROL) {
        return true;
    }
    apicall_error(call, 400, "invalid", "mobile",
                  "a mobile number stands in no address: look for it with POST "
                  "/api/v1/pledges/search");
    return false;
}

static void write_states(const char *words[LEDGER_STATES + 1])
{
    for (int state = 0; state < LEDGER_STATES; state++) {
        words[state] = ledger_state_word((enum ledger_state)state);
    }
    words[LEDGER_STATES] = NULL;
}

void handle_pledge_list(struct apicall *call)
{
    const char *words[LEDGER_STATES + 1];
    uint64_t limit;
    struct search *search = search_new(call);
    if (search == NULL) {
        return;
    }
    write_states(words);
    struct ledger_query *query = &search->query;
    if (!query_area(call, "region", 0, &query->scope) || !query_year(call, &query->year) ||
        !query_campaign(call, &query->campaign) ||
        !query_word(call, "state", words, &query->state) ||
        !query_mobile(call, "mobile", &query->mobile) || !is_in_no_log(call, query->mobile) ||
        !query_text(call, "cursor", CURSOR_MAX, &query->cursor) ||
        !query_number(call, "limit", LIST_DEFAULT, LEDGER_LIST_MAX, &limit)) {
        return;
    }
    query->most = limit > 0 ? (uint32_t)limit : 1;
    mask_settle(call, MASK_MANY, "pledges unmasked", "", list);
}

/* ---- search: what is looked for stands in the body, so in no log of a proxy ---- */

/* A number that is none, or of another area, is an empty list: the search says what it found. */
static void on_number(void *arg, enum err error, const char *reason,
                      const struct ledger_pledges *pledges)
{
    struct search *search = arg;
    struct apicall *call = search->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        apicall_fail(call, error, reason);
        return;
    }
    const struct ledger_query *query = &search->query;
    bool is_found =
        error == ERR_OK && area_within(pledges->pledges[0].area, query->scope) &&
        (query->state == LEDGER_ANY_STATE || query->state == (int)pledges->pledges[0].state);
    struct ledger_pledges none = {.as_of_entry = pledges->as_of_entry};
    apicall_answer(call, 200,
                   json_pack("{s:o, s:s, s:I}", "pledges",
                             encode_found(call, is_found ? pledges : &none), "cursor", "",
                             "as_of_entry", (json_int_t)pledges->as_of_entry));
}

static bool read_search(struct apicall *call, struct ledger_query *query, const char **text)
{
    const char *words[LEDGER_STATES + 1];
    int64_t limit;
    write_states(words);
    if (!apicall_text(call, "text", true, LEDGER_TEXT_MAX, text) ||
        !apicall_word(call, "state", words, false, &query->state) ||
        !apicall_area(call, "region", false, &query->scope) ||
        !apicall_text(call, "cursor", false, CURSOR_MAX, &query->cursor) ||
        !apicall_integer(call, "limit", LIST_DEFAULT, &limit)) {
        return false;
    }
    query->most = limit < 1 ? 1 : limit > LEDGER_LIST_MAX ? LEDGER_LIST_MAX : (uint32_t)limit;
    if (strlen(*text) >= SEARCH_MIN) {
        return true;
    }
    apicall_error(call, 400, "invalid", "text", "text: write at least two letters of the name");
    return false;
}

static void search_number(struct apicall *call)
{
    struct search *search = call->state;
    enum err error = ledger_show(call->api->parts.store, search->number, search->query.grace_days,
                                 clock_wall_ms(), on_number, search);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_pledge_search(struct apicall *call)
{
    struct number number;
    const char *text;
    struct search *search = search_new(call);
    if (search == NULL || !read_search(call, &search->query, &text)) {
        return;
    }
    struct ledger_query *query = &search->query;
    if (typed_number(text, &number) == ERR_OK) {
        number_format(&number, search->number);
        mask_settle(call, MASK_ONE, "pledges unmasked", search->number, search_number);
        return;
    }
    if (mobile_parse(text, strlen(text), &query->mobile) != MOBILE_OK) {
        query->mobile = 0;
        query->name = text;
    }
    mask_settle(call, MASK_MANY, "pledges unmasked", "", list);
}
