/* GET /api/v1/totals: what an area pledged, what arrived, what was delivered, and the same of the
 * areas in it. One call of Redis for all areas, so that they add up; a second one for goods.
 *
 * Levels that exist only so that codes have their digits (1101 市辖区) are not shown: their
 * children stand in their place. What was booked at such a level itself, or at the area itself, is
 * a row of its own, "direct", so that the rows always add up to the area. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/donor_count.h"
#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/query.h"
#include "api/regions.h"
#include "base/clock.h"

struct totals {
    struct apicall *call;
    struct ledger_totals_query query;
    char campaign[ROUTE_PARAM_SIZE];
    bool by_arrived;
    int level; /* of the rows, an enum area_level; -1: the areas directly in it */
    uint64_t as_of_entry;
    int64_t as_of_ms;
    struct donor_waiter waiter;
};

static const char *definition_text(bool by_arrived)
{
    return by_arrived
               ? "Money that arrived (cash and purchases, less what was taken back), counted for "
                 "the area of the pledge, whichever area it was delivered or passed on to. Goods "
                 "and service are counted by item and unit; their estimated value is not part of "
                 "the total."
               : "Money pledged (cash and purchases) in confirmed pledges that stand: without "
                 "unconfirmed, void, withdrawn and transferred ones; what was waived or has "
                 "lapsed is still in it. Goods and service are counted by item and unit; their "
                 "estimated value is not part of the total.";
}

/* The one figure of a row: money by the basis. */
static json_t *total_json(const struct ledger_figure of[PLEDGE_KINDS][LEDGER_MEASURES],
                          bool by_arrived)
{
    enum ledger_measure measure = by_arrived ? LEDGER_M_ARRIVED : LEDGER_M_PLEDGED;
    const struct ledger_figure *cash = &of[PLEDGE_CASH][measure];
    const struct ledger_figure *purchase = &of[PLEDGE_PURCHASE][measure];
    return json_pack("{s:I, s:I}", "count", (json_int_t)cash->count + purchase->count, "fen",
                     (json_int_t)cash->fen + purchase->fen);
}

static json_t *row_json(const struct totals *state, const struct ledger_totals *area,
                        const struct encode_regions *regions)
{
    json_t *json = encode_totals(area, regions);
    json_object_set_new(json, "total", total_json(area->of[LEDGER_TREE], state->by_arrived));
    return json;
}

/* The row of what was booked at the area itself, as if it were a child. */
static json_t *direct_json(const struct totals *state, const struct ledger_totals *area,
                           const struct encode_regions *regions)
{
    struct ledger_totals own = *area;
    memcpy(own.of[LEDGER_TREE], own.of[LEDGER_DIRECT], sizeof own.of[LEDGER_TREE]);
    json_t *json = row_json(state, &own, regions);
    json_object_set_new(json, "is_direct", json_true());
    return json;
}

static bool has_direct(const struct ledger_totals *area)
{
    static const struct ledger_figure nothing[PLEDGE_KINDS][LEDGER_MEASURES];
    return memcmp(area->of[LEDGER_DIRECT], nothing, sizeof nothing) != 0;
}

/* The area that `area` is shown under: the nearest one above it that is no pseudo-level. */
static uint64_t shown_parent(uint64_t area)
{
    uint64_t above[AREA_LEVELS];
    size_t n = area_ancestors(area, above);
    for (size_t i = n - 1; i > 0; i--) {
        if (!area_is_pseudo(above[i - 1])) {
            return above[i - 1];
        }
    }
    return 0;
}

/* A pseudo-level that was asked for by its own code shows its children all the same. */
static bool is_child(uint64_t area, uint64_t of)
{
    uint64_t above[AREA_LEVELS];
    size_t n = area_ancestors(area, above);
    return shown_parent(area) == of || (n > 1 && above[n - 2] == of);
}

static json_t *children_json(const struct totals *state, const struct ledger_totals_answer *answer,
                             const struct encode_regions *regions)
{
    json_t *array = json_array();
    uint64_t asked = state->query.area;
    if (state->level < 0 && has_direct(&answer->areas[0])) {
        json_array_append_new(array, direct_json(state, &answer->areas[0], regions));
    }
    for (size_t i = 1; i < answer->n; i++) {
        const struct ledger_totals *area = &answer->areas[i];
        if (state->level >= 0 ? area_level(area->area) != (enum area_level)state->level
                              : !is_child(area->area, asked)) {
            continue;
        }
        if (!area_is_pseudo(area->area)) {
            json_array_append_new(array, row_json(state, area, regions));
        } else if (state->level < 0 && has_direct(area)) {
            json_array_append_new(array, direct_json(state, area, regions));
        }
    }
    return array;
}

/* Of an area and of the rows below it. Rows of what was booked at an area itself have none. */
static void put_donors(const struct totals *state, json_t *row)
{
    const char *region = json_string_value(json_object_get(row, "region"));
    uint64_t area;
    if (json_is_true(json_object_get(row, "is_direct")) ||
        area_parse(region, strlen(region), &area) != ERR_OK) {
        return;
    }
    json_object_set_new(row, "donors",
                        donor_count_json(state->call->api->donor_count, state->as_of_entry, area,
                                         state->query.year, state->campaign));
}

static void answer_with_donors(struct apicall *call)
{
    const struct totals *state = call->state;
    size_t i;
    json_t *child;
    if (!apicall_lives(call)) {
        return;
    }
    put_donors(state, call->answer);
    json_array_foreach(json_object_get(call->answer, "children"), i, child)
    {
        put_donors(state, child);
    }
    apicall_answer(call, 200, json_incref(call->answer));
}

static void on_goods(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                     const struct ledger_thing *things, size_t n)
{
    struct totals *state = arg;
    struct apicall *call = state->call;
    (void)as_of_entry;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    json_object_set_new(call->answer, "things", encode_things(things, n));
    json_object_set_new(call->answer, "things_as_of_entry", json_integer((json_int_t)as_of_entry));
    donor_count_settle(call, state->as_of_entry, &state->waiter, answer_with_donors);
}

static json_t *scope_json(const struct totals *state)
{
    const struct ledger_totals_query *query = &state->query;
    json_t *json = json_object();
    json_object_set_new(json, "region", encode_area(query->area));
    json_object_set_new(json, "campaign",
                        state->campaign[0] != '\0' ? json_string(state->campaign) : json_null());
    json_object_set_new(json, "year",
                        query->year != 0 ? json_integer((json_int_t)query->year) : json_null());
    return json;
}

static void on_totals(void *arg, enum err error, const char *reason,
                      const struct ledger_totals_answer *answer)
{
    struct totals *state = arg;
    struct apicall *call = state->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    struct encode_regions regions = api_regions(call);
    state->as_of_entry = answer->as_of_entry;
    json_t *json = row_json(state, &answer->areas[0], &regions);
    json_object_set_new(json, "definition", json_string(definition_text(state->by_arrived)));
    json_object_set_new(json, "basis", json_string(state->by_arrived ? "arrived" : "pledged"));
    json_object_set_new(json, "path", api_region_path(call, state->query.area));
    json_object_set_new(json, "scope", scope_json(state));
    json_object_set_new(json, "as_of_entry", json_integer((json_int_t)answer->as_of_entry));
    json_object_set_new(json, "as_of", encode_time(state->as_of_ms, apicall_offset_min(call)));
    if (state->query.children) {
        json_object_set_new(json, "children", children_json(state, answer, &regions));
    }
    call->answer = json;
    error = ledger_goods(call->api->parts.store, &state->query, on_goods, state);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_totals(struct apicall *call)
{
    static const char *const bases[] = {"pledged", "arrived", NULL};
    static const char *const levels[] = {"city", "county", "township", "village", NULL};
    const char *campaign;
    int basis, level;
    struct totals *state = calloc(1, sizeof *state);
    if (state == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    call->state = state;
    call->free_state = free;
    state->call = call;
    struct ledger_totals_query *query = &state->query;
    if (!query_area(call, "region", 0, &query->area) || !query_year(call, &query->year) ||
        !query_campaign(call, &campaign) || !query_flag(call, "children", &query->children) ||
        !query_word(call, "level", levels, &level) || !query_word(call, "basis", bases, &basis)) {
        return;
    }
    state->level = level >= 0 ? (int)AREA_CITY + level : -1;
    snprintf(state->campaign, sizeof state->campaign, "%s", campaign);
    query->campaign = state->campaign;
    state->by_arrived = basis == 1;
    state->as_of_ms = clock_wall_ms();
    /* Pseudo-levels stand between a province and its counties: then one level more is asked for. */
    query->down_to = level >= 0                                 ? (enum area_level)state->level
                     : area_level(query->area) == AREA_PROVINCE ? AREA_COUNTY
                                                                : AREA_NATION;
    enum err error = ledger_totals(call->api->parts.store, query, on_totals, state);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
