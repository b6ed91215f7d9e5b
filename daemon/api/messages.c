/* GET /api/v1/totals/messages: recipients of the campaigns of an area, by state. The campaigns are
 * listed at most once a SUMS_MS, whoever asks: two hundred pages follow one ledger. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/query.h"
#include "base/clock.h"
#include "store/queue.h"

#define SUMS_MS 1000
#define SUMS_MAX 10000 /* campaigns that are added up */

struct message_sum { /* of one campaign */
    uint64_t area;
    uint32_t year; /* of its launch */
    struct queue_counts counts;
};
struct message_sums {
    int64_t at_ms;
    size_t n;
    struct message_sum rows[]; /* SUMS_MAX */
};

struct asked {
    struct apicall *call;
    uint64_t area;
    uint32_t year;
    struct message_sums *sums; /* under way; the API's when it is whole */
};

static void free_asked(void *state)
{
    free(((struct asked *)state)->sums);
    free(state);
}

static void answer(struct apicall *call, const struct message_sums *sums)
{
    const struct asked *asked = call->state;
    struct queue_counts all = {0};
    uint64_t recipients = 0;
    size_t campaigns = 0;
    for (size_t i = 0; i < sums->n; i++) {
        const struct message_sum *row = &sums->rows[i];
        if (!area_within(row->area, asked->area) ||
            (asked->year != 0 && row->year != asked->year)) {
            continue;
        }
        campaigns++;
        for (size_t s = 0; s < STATE_COUNT; s++) {
            all.of[s] += row->counts.of[s];
            recipients += row->counts.of[s];
        }
    }
    apicall_answer(
        call, 200,
        json_pack("{s:o, s:I, s:I, s:I, s:o, s:o}", "region", encode_area(asked->area), "campaigns",
                  (json_int_t)campaigns, "recipients", (json_int_t)recipients, "delivered",
                  (json_int_t)queue_count(&all, STATE_DELIVERED), "counts", encode_counts(&all),
                  "as_of", encode_time(sums->at_ms, apicall_offset_min(call))));
}

static void list_carrier(struct apicall *call);

static void on_list(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    struct message_sums *sums = ((struct asked *)call->state)->sums;
    for (size_t i = 0; i < n && sums->n < SUMS_MAX; i++) {
        const char *region = views[i].fields.region;
        struct message_sum *row = &sums->rows[sums->n];
        *row = (struct message_sum){.counts = views[i].counts};
        if (area_parse(region, strlen(region), &row->area) != ERR_OK) {
            row->area = AREA_UNASSIGNED;
        }
        row->year = (uint32_t)clock_civil(views[i].launched_ms, apicall_offset_min(call)).year;
        sums->n += views[i].launched_ms != 0;
    }
    call->at_carrier++;
    list_carrier(call);
}

static void list_carrier(struct apicall *call)
{
    struct api *api = call->api;
    struct asked *asked = call->state;
    if (call->at_carrier >= api->settings->n_carriers) {
        free(api->sums);
        api->sums = asked->sums;
        asked->sums = NULL;
        answer(call, api->sums);
        return;
    }
    enum err error = queue_list(api->parts.store, api->settings->carriers[call->at_carrier].name,
                                false, on_list, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_totals_messages(struct apicall *call)
{
    struct api *api = call->api;
    struct asked *asked = calloc(1, sizeof *asked);
    if (asked == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    call->state = asked;
    call->free_state = free_asked;
    asked->call = call;
    if (!query_area(call, "region", 0, &asked->area) || !query_year(call, &asked->year)) {
        return;
    }
    int64_t now_ms = clock_wall_ms();
    if (api->sums != NULL && now_ms >= api->sums->at_ms && now_ms - api->sums->at_ms < SUMS_MS) {
        answer(call, api->sums);
        return;
    }
    asked->sums = malloc(sizeof *asked->sums + SUMS_MAX * sizeof asked->sums->rows[0]);
    if (asked->sums == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    asked->sums->at_ms = now_ms;
    asked->sums->n = 0;
    list_carrier(call);
}
