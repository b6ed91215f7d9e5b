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
#include "api/encode_notice.h"
#include "api/publish.h"
#include "api/query.h"
#include "api/regions.h"
#include "base/clock.h"
#include "campaign/definition.h"
#include "ledger/notice.h"
#include "store/ledger_proof.h"

#define BLOCK_ROWS 250
#define PLEDGES_MAX 200000 /* remembered while the entries are read */
#define DONORS_MAX 50000   /* printed */
#define DAYS_MAX 365
#define PATH_MAX_BYTES 4096
#define DAY_MS INT64_C(86400000)

struct publish {
    struct apicall *call;
    struct notice *notice;
    uint64_t next, to_entry, region, days;
    uint32_t from, to;
    const char *campaign;
    char hotline[PUBLISH_HOTLINE_SIZE];
    int64_t as_of_ms;
};

static void publish_free(void *state)
{
    struct publish *publish = state;
    notice_free(publish->notice);
    free(publish);
}

/* ---- the answer ---- */

static json_t *day_json(int64_t ms, int offset_min)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(ms, offset_min, text);
    return json_stringn(text, 10);
}

static json_t *heading_json(const struct publish *publish)
{
    char from[ENCODE_DAY_SIZE], to[ENCODE_DAY_SIZE];
    struct apicall *call = publish->call;
    int offset = apicall_offset_min(call);
    return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:I, s:o, s:o, s:s}", "region",
                     encode_area(publish->region), "path", api_region_path(call, publish->region),
                     "campaign", publish->campaign, "from", encode_day(publish->from, from), "to",
                     encode_day(publish->to, to), "definition", encode_notice_definition, "as_of",
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
        json_array_append_new(sums, encode_notice_total(&totals[i]));
    }
    for (size_t i = 0; i < n_rows; i++) {
        json_array_append_new(donors, encode_notice_row(&rows[i], &regions));
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
    uint64_t bad = 0;
    enum err error = notice_add_rows(publish->notice, rows, n, from, to, &bad);
    if (error == ERR_INVALID) {
        apicall_error(call, 409, "refused", NULL,
                      "entry %llu is missing or was changed; run ledger verify first",
                      (unsigned long long)bad);
    } else if (error == ERR_TOO_BIG) {
        apicall_error(call, 413, "too_big", "region",
                      "more than %d pledges: publish the parts of the area one by one",
                      PLEDGES_MAX);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
    return error == ERR_OK;
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

void publish_hotline(const struct settings *settings, const char *campaign,
                     char out[PUBLISH_HOTLINE_SIZE])
{
    char path[PATH_MAX_BYTES];
    struct definition *definition = NULL;
    struct mistakes ignored; /* of a definition that is wrong; campaign check tells them */
    snprintf(out, PUBLISH_HOTLINE_SIZE, "%s", settings->ledger.hotline);
    if (campaign[0] == '\0' || definition_find(campaign, settings, path, sizeof path) != ERR_OK)
        return;
    mistakes_init(&ignored);
    if (definition_load(path, settings, &definition, &ignored) == ERR_OK) {
        if (definition->takes_pledges)
            snprintf(out, PUBLISH_HOTLINE_SIZE, "%s", definition->pledge.hotline);
        definition_free(definition);
    }
    mistakes_fini(&ignored);
}

/* As asked for, else that of the campaign or of [ledger]. */
static void choose_hotline(struct publish *publish, const char *asked)
{
    if (asked[0] != '\0') {
        snprintf(publish->hotline, sizeof publish->hotline, "%s", asked);
        return;
    }
    publish_hotline(publish->call->api->settings, publish->campaign, publish->hotline);
}

static bool read_query(struct apicall *call, struct publish *publish)
{
    const char *hotline;
    if (!need(call, "region") || !need(call, "from") || !need(call, "to") ||
        !query_area(call, "region", 0, &publish->region) ||
        !query_day(call, "from", &publish->from) || !query_day(call, "to", &publish->to) ||
        !query_campaign(call, &publish->campaign) ||
        !query_text(call, "hotline", PUBLISH_HOTLINE_SIZE - 1, &hotline) ||
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
