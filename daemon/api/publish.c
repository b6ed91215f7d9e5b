/* GET /api/v1/ledger/publish: the public notice (公示) of an area and a period. Totals first, then
 * the donors: named as they allow, mobiles masked, organisations in full.
 *
 * The entries are walked through from the first, up to the one that was the last when the notice
 * was asked for; ledger/notice.h adds them up. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/query.h"
#include "api/regions.h"
#include "base/clock.h"
#include "campaign/definition.h"
#include "ledger/notice.h"
#include "pledge/money.h"
#include "sms/mobile.h"
#include "store/ledger_proof.h"

#define BLOCK_ROWS 250
#define PLEDGES_MAX 200000 /* remembered while the entries are read */
#define DONORS_MAX 50000   /* printed */
#define HOTLINE_MAX 128
#define DAYS_MAX 365
#define NAME_MAX_BYTES 1024
#define PATH_MAX_BYTES 4096
#define DAY_MS INT64_C(86400000)

struct publish {
    struct apicall *call;
    struct notice *notice;
    uint64_t next, to_entry, region, days;
    uint32_t from, to;
    const char *campaign;
    char hotline[HOTLINE_MAX + 1];
    int64_t as_of_ms;
};

static void publish_free(void *state)
{
    struct publish *publish = state;
    notice_free(publish->notice);
    free(publish);
}

/* ---- the answer ---- */

static json_t *sums_json(enum pledge_kind kind, const struct notice_sums *sums)
{
    const int64_t values[] = {sums->pledged, sums->arrived, sums->delivered};
    static const char *const keys[] = {"pledged", "arrived", "delivered"};
    bool is_money = kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
    json_t *json = json_object();
    for (size_t i = 0; i < 3; i++) {
        char text[MONEY_TEXT_SIZE];
        json_object_set_new(json, keys[i],
                            is_money ? json_integer(values[i])
                                     : json_string(money_format_quantity(values[i], text)));
    }
    return json_pack("{s:o}", is_money ? "fen" : "quantity", json);
}

static json_t *thing_json(enum pledge_kind kind, const char *item, const char *unit,
                          const struct notice_sums *sums)
{
    json_t *json = sums_json(kind, sums);
    json_object_set_new(json, "kind", json_string(pledge_kind_word(kind)));
    json_object_set_new(json, "item", json_string(item));
    json_object_set_new(json, "unit", json_string(unit));
    return json;
}

static json_t *donor_json(const struct notice_row *row, const struct encode_regions *regions)
{
    char number[NUMBER_TEXT_SIZE], mobile[MOBILE_TEXT_SIZE] = "";
    struct buf name;
    json_t *json = thing_json(row->kind, row->item, row->unit, &row->sums);
    buf_init(&name, NAME_MAX_BYTES);
    name_public(row->name, row->is_organisation, row->shown, &name);
    /* Whoever wants no name wants no number either. */
    if (row->mobile != 0 && row->shown != NAME_ANONYMOUS) {
        mobile_mask(row->mobile, mobile);
    }
    json_object_set_new(json, "number", json_string(number_format(&row->number, number)));
    json_object_set_new(json, "name", json_string(buf_text(&name)));
    json_object_set_new(json, "mobile", json_string(mobile));
    json_object_set_new(json, "organisation", json_boolean(row->is_organisation));
    json_object_set_new(json, "region", encode_area(row->area));
    json_object_set_new(
        json, "region_name",
        json_string(regions->name != NULL ? regions->name(regions->arg, row->area) : ""));
    buf_fini(&name);
    return json;
}

static json_t *day_json(int64_t ms, int offset_min)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(ms, offset_min, text);
    return json_stringn(text, 10);
}

static json_t *heading_json(const struct publish *publish)
{
    static const char definition[] =
        "统计期内登记的分录：认捐（已确认，扣除作废、撤回和转让）、到账（扣除退回）、发放。"
        "按认捐登记的地区统计；更正计入登记更正的日期。物资和服务按品名和单位统计，不折算金额。";
    char from[ENCODE_DAY_SIZE], to[ENCODE_DAY_SIZE];
    struct apicall *call = publish->call;
    int offset = apicall_offset_min(call);
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:s}", "region",
                     encode_area(publish->region), "path", api_region_path(call, publish->region),
                     "campaign", publish->campaign, "from", encode_day(publish->from, from), "to",
                     encode_day(publish->to, to), "definition", definition, "as_of",
                     encode_time(publish->as_of_ms, offset), "as_of_entry",
                     (json_int_t)publish->to_entry, "notice_from",
                     day_json(publish->as_of_ms, offset), "notice_until",
                     day_json(publish->as_of_ms + (int64_t)(publish->days - 1) * DAY_MS, offset),
                     "hotline", publish->hotline);
}

static void answer(struct publish *publish)
{
    const struct notice_row *rows;
    const struct notice_total *totals;
    size_t n_rows, n_totals;
    struct apicall *call = publish->call;
    enum err error = notice_finish(publish->notice, &rows, &n_rows, &totals, &n_totals);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    if (n_rows > DONORS_MAX) {
        apicall_error(call, 413, "too_big", "region",
                      "%zu donors are more than %d: publish the parts of the area one by one",
                      n_rows, DONORS_MAX);
        return;
    }
    struct encode_regions regions = api_regions(call);
    json_t *json = heading_json(publish);
    json_t *sums = json_array(), *donors = json_array();
    for (size_t i = 0; i < n_totals; i++) {
        json_t *one = thing_json(totals[i].kind, totals[i].item, totals[i].unit, &totals[i].sums);
        json_object_set_new(one, "donors", json_integer((json_int_t)totals[i].donors));
        json_array_append_new(sums, one);
    }
    for (size_t i = 0; i < n_rows; i++) {
        json_array_append_new(donors, donor_json(&rows[i], &regions));
    }
    json_object_set_new(json, "totals", sums);
    json_object_set_new(json, "donors", donors);
    apicall_answer(call, 200, json);
}

/* ---- the walk ---- */

static void walk(struct publish *publish);

/* A notice over entries that somebody changed would be worse than none. */
static bool add_rows(struct publish *publish, const struct ledger_row *rows, size_t n,
                     uint64_t from, uint64_t to)
{
    struct apicall *call = publish->call;
    for (uint64_t at = from; at <= to; at++) {
        struct ledger_entry entry;
        size_t i = (size_t)(at - from);
        if (i >= n || rows[i].n != at || ledger_row_read(&rows[i], &entry) != ERR_OK) {
            apicall_error(call, 409, "refused", NULL,
                          "entry %llu is missing or was changed; run ledger verify first",
                          (unsigned long long)at);
            return false;
        }
        enum err error = notice_add(publish->notice, &entry);
        if (error == ERR_TOO_BIG) {
            apicall_error(call, 413, "too_big", "region",
                          "more than %d pledges: publish the parts of the area one by one",
                          PLEDGES_MAX);
            return false;
        }
        if (error != ERR_OK) {
            apicall_fail(call, error, NULL);
            return false;
        }
    }
    return true;
}

static uint64_t block_end(const struct publish *publish)
{
    uint64_t left = publish->to_entry + 1 - publish->next;
    return publish->next + (left < BLOCK_ROWS ? left : BLOCK_ROWS) - 1;
}

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct publish *publish = arg;
    struct apicall *call = publish->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    uint64_t last = block_end(publish);
    if (add_rows(publish, rows, n, publish->next, last)) {
        publish->next = last + 1;
        walk(publish);
    }
}

static void walk(struct publish *publish)
{
    struct apicall *call = publish->call;
    if (publish->next > publish->to_entry) {
        answer(publish);
        return;
    }
    enum err error =
        ledger_read(call->api->parts.store, publish->next, block_end(publish), on_rows, publish);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_last(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                    const struct ledger_serial *serials, size_t n)
{
    struct publish *publish = arg;
    struct apicall *call = publish->call;
    (void)serials;
    (void)n;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    publish->to_entry = as_of_entry;
    walk(publish);
}

static bool need(struct apicall *call, const char *name)
{
    const char *text = http_request_query(call->request, name);
    if (text != NULL && text[0] != '\0') {
        return true;
    }
    apicall_error(call, 400, "missing", name, "%s is missing", name);
    return false;
}

/* The hotline of the notice: as asked for, else the campaign's, else that of [ledger]. */
static void choose_hotline(struct publish *publish, const char *asked)
{
    const struct settings *settings = publish->call->api->settings;
    char path[PATH_MAX_BYTES];
    struct definition *definition = NULL;
    struct mistakes ignored; /* of a definition that is wrong; campaign check tells them */
    snprintf(publish->hotline, sizeof publish->hotline, "%s",
             asked[0] != '\0' ? asked : settings->ledger.hotline);
    if (asked[0] != '\0' || publish->campaign[0] == '\0' ||
        definition_find(publish->campaign, settings, path, sizeof path) != ERR_OK)
        return;
    mistakes_init(&ignored);
    if (definition_load(path, settings, &definition, &ignored) == ERR_OK) {
        if (definition->takes_pledges)
            snprintf(publish->hotline, sizeof publish->hotline, "%s", definition->pledge.hotline);
        definition_free(definition);
    }
    mistakes_fini(&ignored);
}

static bool read_query(struct apicall *call, struct publish *publish)
{
    const char *hotline;
    if (!need(call, "region") || !need(call, "from") || !need(call, "to") ||
        !query_area(call, "region", 0, &publish->region) ||
        !query_day(call, "from", &publish->from) || !query_day(call, "to", &publish->to) ||
        !query_campaign(call, &publish->campaign) ||
        !query_text(call, "hotline", HOTLINE_MAX, &hotline) ||
        !query_number(call, "days", call->api->settings->ledger.notice_days, DAYS_MAX,
                      &publish->days)) {
        return false;
    }
    if (publish->from > publish->to || publish->days == 0) {
        apicall_error(call, 400, "invalid", publish->days == 0 ? "days" : "to",
                      publish->days == 0 ? "a notice is up for 1 day at least"
                                         : "the period ends before it begins");
        return false;
    }
    choose_hotline(publish, hotline);
    return true;
}

void handle_ledger_publish(struct apicall *call)
{
    struct publish *publish = calloc(1, sizeof *publish);
    if (publish == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    publish->call = call;
    call->state = publish;
    call->free_state = publish_free;
    if (!read_query(call, publish)) {
        return;
    }
    publish->next = 1;
    publish->as_of_ms = clock_wall_ms();
    struct notice_options options = {.region = publish->region,
                                     .campaign = publish->campaign,
                                     .from = publish->from,
                                     .to = publish->to,
                                     .pledges_max = PLEDGES_MAX};
    enum err error = notice_new(&options, &publish->notice);
    if (error == ERR_OK) {
        error = ledger_serials(call->api->parts.store, on_last, publish);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
