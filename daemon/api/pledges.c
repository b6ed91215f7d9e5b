/* GET /api/v1/pledges, POST /api/v1/pledges/search, GET /api/v1/pledges/{number}. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode_ledger.h"
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
    json_t *json = encode_pledge(&pledges->pledges[0], true, &regions, apicall_offset_min(call));
    json_object_set_new(json, "as_of_entry", json_integer((json_int_t)pledges->as_of_entry));
    apicall_answer(call, 200, json);
}

void handle_pledge_show(struct apicall *call)
{
    struct number number;
    char text[NUMBER_TEXT_SIZE];
    if (!query_number_text(call, call->params[0], &number)) {
        return;
    }
    enum err error =
        ledger_show(call->api->parts.store, number_format(&number, text),
                    call->api->settings->ledger.grace_days, clock_wall_ms(), on_shown, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static json_t *encode_found(struct apicall *call, const struct ledger_pledges *pledges)
{
    struct encode_regions regions = api_regions(call);
    json_t *array = json_array();
    for (size_t i = 0; i < pledges->n; i++) {
        json_array_append_new(
            array, encode_pledge(&pledges->pledges[i], false, &regions, apicall_offset_min(call)));
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
    apicall_answer(call, 200,
                   json_pack("{s:o, s:s, s:I}", "pledges", encode_found(call, pledges), "cursor",
                             pledges->cursor, "as_of_entry", (json_int_t)pledges->as_of_entry));
}

void handle_pledge_list(struct apicall *call)
{
    const char *words[LEDGER_STATES + 1] = {NULL};
    struct ledger_query query = {.state = LEDGER_ANY_STATE};
    uint64_t limit;
    for (int state = 0; state < LEDGER_STATES; state++) {
        words[state] = ledger_state_word((enum ledger_state)state);
    }
    if (!query_area(call, "region", 0, &query.scope) || !query_year(call, &query.year) ||
        !query_campaign(call, &query.campaign) || !query_word(call, "state", words, &query.state) ||
        !query_mobile(call, "mobile", &query.mobile) ||
        !query_text(call, "cursor", CURSOR_MAX, &query.cursor) ||
        !query_number(call, "limit", LIST_DEFAULT, LEDGER_LIST_MAX, &limit)) {
        return;
    }
    query.most = limit > 0 ? (uint32_t)limit : 1;
    query.grace_days = call->api->settings->ledger.grace_days;
    enum err error = ledger_list(call->api->parts.store, &query, clock_wall_ms(), on_listed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- search: what is looked for stands in the body, so in no log of a proxy ---- */

struct search {
    struct apicall *call;
    struct ledger_query query;
};

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
    bool is_found = error == ERR_OK && area_within(pledges->pledges[0].area, search->query.scope);
    struct ledger_pledges none = {.as_of_entry = pledges->as_of_entry};
    apicall_answer(call, 200,
                   json_pack("{s:o, s:s, s:I}", "pledges",
                             encode_found(call, is_found ? pledges : &none), "cursor", "",
                             "as_of_entry", (json_int_t)pledges->as_of_entry));
}

static bool read_search(struct apicall *call, struct ledger_query *query, const char **text)
{
    int64_t limit;
    if (!apicall_text(call, "text", true, LEDGER_TEXT_MAX, text) ||
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

void handle_pledge_search(struct apicall *call)
{
    struct number number;
    char one_form[NUMBER_TEXT_SIZE];
    const char *text;
    struct search *search = calloc(1, sizeof *search);
    if (search == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    struct store *store = call->api->parts.store;
    struct ledger_query *query = &search->query;
    search->call = call;
    call->state = search;
    call->free_state = free;
    query->state = LEDGER_ANY_STATE;
    query->grace_days = call->api->settings->ledger.grace_days;
    if (!read_search(call, query, &text)) {
        return;
    }
    enum err error;
    if (typed_number(text, &number) == ERR_OK) {
        error = ledger_show(store, number_format(&number, one_form), query->grace_days,
                            clock_wall_ms(), on_number, search);
    } else {
        if (mobile_parse(text, strlen(text), &query->mobile) != MOBILE_OK) {
            query->mobile = 0;
            query->name = text;
        }
        error = ledger_list(store, query, clock_wall_ms(), on_listed, call);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
