/* GET /api/v1/pledges, GET /api/v1/pledges/{number}. */
#include "api/handlers.h"

#include <string.h>

#include "api/apicall.h"
#include "api/encode_ledger.h"
#include "api/query.h"
#include "api/regions.h"
#include "base/clock.h"

#define LIST_DEFAULT 100
#define CURSOR_MAX 47

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
    enum err error = ledger_show(call->api->parts.store, number_format(&number, text),
                                 api_grace_days(call), clock_wall_ms(), on_shown, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
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
    struct encode_regions regions = api_regions(call);
    json_t *array = json_array();
    for (size_t i = 0; i < pledges->n; i++) {
        json_array_append_new(
            array, encode_pledge(&pledges->pledges[i], false, &regions, apicall_offset_min(call)));
    }
    apicall_answer(call, 200,
                   json_pack("{s:o, s:s, s:I}", "pledges", array, "cursor", pledges->cursor,
                             "as_of_entry", (json_int_t)pledges->as_of_entry));
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
    query.grace_days = api_grace_days(call);
    enum err error = ledger_list(call->api->parts.store, &query, clock_wall_ms(), on_listed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
