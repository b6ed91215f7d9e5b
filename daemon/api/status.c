/* GET /api/v1/status, GET /metrics, POST /api/v1/reload.
 *
 * The status is collected step by step: what is known here, then daemons, carriers, campaigns and
 * the ledger's totals from Redis. When Redis is away, or goes away on the way, the answer holds
 * what is known without it, and its sentence. */
#include "api/handlers.h"

#include <stdio.h>
#include <string.h>

#include "api/attention.h"
#include "api/carriers.h"
#include "api/drafts.h"
#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/metrics.h"
#include "api/orphans.h"
#include "api/regions.h"
#include "base/clock.h"

#define RELOAD_TEXT_MAX_BYTES ((size_t)256 * 1024)
#define IMPORTS_SHOWN 32
#define METRICS_MAX_BYTES ((size_t)8 * 1024 * 1024)

static json_t *redis_json(const struct api *api)
{
    static const char *const words[] = {[REDIS_CONNECTING] = "connecting",
                                        [REDIS_UNREACHABLE] = "unreachable",
                                        [REDIS_LOADING] = "loading",
                                        [REDIS_UNFIT] = "unfit",
                                        [REDIS_READY] = "ready"};
    const struct redis *redis = store_redis(api->parts.store);
    const struct redis_facts *facts = redis_facts(redis);
    const char *sentence = NULL;
    enum redis_health health = redis_health(redis, &sentence);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "health", words[health],
                     "sentence", sentence != NULL ? sentence : "", "version", facts->version,
                     "appendfsync", facts->appendfsync, "maxmemory_policy", facts->maxmemory_policy,
                     "aof_enabled", facts->aof_enabled, "used_memory",
                     (json_int_t)facts->used_memory, "maxmemory", (json_int_t)facts->maxmemory,
                     "round_trip_us", (json_int_t)redis_round_trip_us(redis), "pending",
                     (json_int_t)redis_pending(redis));
}

/* An import knows no area, but the file it came from does. */
static bool is_of_own_area(struct apicall *call, const char *id)
{
    if (who_covers(&call->who, 0)) {
        return true;
    }
    json_t *draft = draft_json(call, id);
    bool is_own =
        draft != NULL && apicall_covers(call, json_string_value(json_object_get(draft, "region")));
    json_decref(draft);
    return is_own;
}

static json_t *imports_json(struct apicall *call)
{
    const struct launch_view *views[IMPORTS_SHOWN];
    json_t *array = json_array();
    size_t n = launcher_views(call->api->parts.launcher, views, IMPORTS_SHOWN);
    for (size_t i = 0; i < n; i++) {
        if (views[i]->phase != LAUNCH_DONE && is_of_own_area(call, views[i]->id)) {
            json_array_append_new(array, encode_import(views[i]));
        }
    }
    return array;
}

static json_t *webhooks_json(const struct api *api)
{
    const struct webhook_counts *counts = webhook_counts(api->parts.webhook);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "stored", (json_int_t)counts->stored,
                     "refused_key", (json_int_t)counts->refused_key, "refused_address",
                     (json_int_t)counts->refused_address, "refused_body",
                     (json_int_t)counts->refused_body, "throttled", (json_int_t)counts->throttled,
                     "bad_records", (json_int_t)counts->bad_records, "failed",
                     (json_int_t)counts->failed);
}

static json_t *reload_json(const struct api *api, int offset_min)
{
    if (!api->reload_known) {
        return json_null();
    }
    return json_pack("{s:b, s:o, s:s}", "ok", api->reload_ok, "at",
                     encode_time(api->reload_at_ms, offset_min), "message",
                     api->reload_mistakes != NULL ? api->reload_mistakes : "");
}

/* Of all areas: what is shown of it to somebody who sees one only is how it is with none. */
static json_t *waiting_json(const struct apicall *call, const struct pledging_waiting *waiting)
{
    static const struct pledging_waiting none = {0};
    if (!who_covers(&call->who, 0)) {
        waiting = &none;
    }
    json_t *since =
        waiting->n > 0 ? encode_time(waiting->since_ms, apicall_offset_min(call)) : json_string("");
    return json_pack("{s:I, s:o, s:s, s:s}", "n", (json_int_t)waiting->n, "since", since,
                     "campaign", waiting->campaign, "reason", waiting->reason);
}

static void set_own(struct apicall *call)
{
    const struct api *api = call->api;
    json_t *json = call->answer;
    int offset = apicall_offset_min(call);
    json_object_set_new(json, "version", json_string(OUTREACH_VERSION));
    json_object_set_new(json, "daemon", json_string(api->parts.owner));
    json_object_set_new(json, "now", encode_time(clock_wall_ms(), offset));
    json_object_set_new(json, "started_at", encode_time(api->parts.started_ms, offset));
    json_object_set_new(json, "loop_lag_ms",
                        json_integer(api->parts.loop_lag_ms(api->parts.loop_lag_arg)));
    json_object_set_new(json, "redis", redis_json(api));
    json_object_set_new(json, "imports_running",
                        json_integer((json_int_t)launcher_running(api->parts.launcher)));
    json_object_set_new(json, "imports", imports_json(call));
    json_object_set_new(json, "webhooks", webhooks_json(api));
    json_object_set_new(json, "last_reload", reload_json(api, offset));
    json_object_set_new(json, "receipts_waiting",
                        waiting_json(call, pledging_waiting(api->parts.pledging)));
    json_object_set_new(json, "replies_waiting",
                        waiting_json(call, pledging_replies(api->parts.pledging)));
    json_object_set_new(json, "audit_lost", json_integer((json_int_t)api->audit_lost));
}

static void finish(struct apicall *call)
{
    static const char *const arrays[] = {"daemons", "carriers", "campaigns"};
    uint64_t parked = 0;
    size_t i;
    const json_t *carrier;
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
        if (json_object_get(call->answer, arrays[a]) == NULL) {
            json_object_set_new(call->answer, arrays[a], json_array());
        }
    }
    json_array_foreach(json_object_get(call->answer, "carriers"), i, carrier)
    {
        parked += (uint64_t)json_integer_value(json_object_get(carrier, "parked"));
    }
    json_object_set_new(call->answer, "parked", json_integer((json_int_t)parked));
    json_object_set_new(call->answer, "attention",
                        attention_lines(call->answer, clock_wall_ms(), apicall_offset_min(call)));
    call->render(call);
}

static void render_json(struct apicall *call)
{
    apicall_answer(call, 200, json_incref(call->answer));
}

static void render_metrics(struct apicall *call)
{
    struct buf text;
    buf_init(&text, METRICS_MAX_BYTES);
    metrics_write(call->answer, &text);
    if (text.failed) {
        buf_fini(&text);
        apicall_fail(call, ERR_TOO_BIG, NULL);
        return;
    }
    http_answer(call->request, 200, "text/plain; version=0.0.4; charset=utf-8", text.data,
                text.len);
    buf_fini(&text);
    apicall_end(call);
}

/* ---- the ledger's totals of all areas and years ---- */

static void on_ledger(void *arg, enum err error, const char *reason,
                      const struct ledger_totals_answer *answer)
{
    struct apicall *call = arg;
    (void)reason;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        struct encode_regions regions = api_regions(call);
        json_t *totals = encode_totals(&answer->areas[0], &regions);
        json_object_set_new(call->answer, "ledger",
                            json_pack("{s:I, s:O}", "entries", (json_int_t)answer->as_of_entry,
                                      "totals", json_object_get(totals, "tree")));
        json_decref(totals);
    }
    finish(call);
}

static void read_ledger(struct apicall *call)
{
    const struct ledger_totals_query own = {.area = call->who.area}; /* 0: all of it */
    if (ledger_totals(call->api->parts.store, &own, on_ledger, call) != ERR_OK) {
        finish(call);
    }
}

/* ---- campaigns: the live ones, and finished ones with something ambiguous ---- */

static void list_campaigns(struct apicall *call);

static bool is_shown(const struct campaign_view *view)
{
    return (strcmp(view->state, "done") != 0 && strcmp(view->state, "cancelled") != 0) ||
           view->ambiguous_chunks > 0;
}

/* How long its oldest recipient has been waiting since it could have gone; 0: none is waiting. */
static json_t *queued_s(const struct campaign_view *view, int64_t now_ms)
{
    int64_t since_ms =
        view->launched_ms > view->fields.start_ms ? view->launched_ms : view->fields.start_ms;
    bool waits = queue_count(&view->counts, STATE_QUEUED) > 0 && since_ms < now_ms;
    return json_integer(waits ? (json_int_t)((now_ms - since_ms) / 1000) : 0);
}

static void set_ages(json_t *campaign, const struct campaign_view *view)
{
    int64_t now_ms = clock_wall_ms();
    json_object_set_new(campaign, "queued_s", queued_s(view, now_ms));
    encode_ambiguous_age(campaign, view, now_ms);
}

static void on_campaigns(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    struct api *api = call->api;
    json_t *array = json_object_get(call->answer, "campaigns");
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        struct dispatch_wait wait = {.reason = ""};
        double rate_now = 0;
        if (is_shown(&views[i]) && apicall_covers(call, views[i].fields.region)) {
            dispatch_why(api->parts.dispatch, &views[i], clock_wall_ms(), &wait);
            dispatch_rate(api->parts.dispatch, views[i].fields.carrier, views[i].seq, &rate_now);
            json_t *campaign = encode_campaign(
                &views[i], &wait, rate_now, launcher_view(api->parts.launcher, views[i].fields.id),
                apicall_offset_min(call));
            set_ages(campaign, &views[i]);
            json_array_append_new(array, campaign);
        }
    }
    call->at_carrier++;
    list_campaigns(call);
}

/* ---- the same of accounts that are not configured ---- */

static void list_orphans(struct apicall *call);

static bool has_work(const struct campaign_view *view)
{
    return queue_count(&view->counts, STATE_QUEUED) > 0 ||
           queue_count(&view->counts, STATE_INFLIGHT) > 0 || view->ambiguous_chunks > 0 ||
           strcmp(view->state, "importing") == 0;
}

static void on_orphans(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    json_t *array = json_object_get(call->answer, "campaigns");
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        struct dispatch_wait wait = {.reason = ""};
        if (has_work(&views[i]) && apicall_covers(call, views[i].fields.region)) {
            snprintf(wait.reason, sizeof wait.reason, "carrier %s is not configured",
                     views[i].fields.carrier);
            json_t *campaign = encode_campaign(&views[i], &wait, 0, NULL, apicall_offset_min(call));
            set_ages(campaign, &views[i]);
            json_object_set_new(campaign, "not_configured", json_true());
            json_array_append_new(array, campaign);
        }
    }
    list_orphans(call);
}

static void list_orphans(struct apicall *call)
{
    const char *name = orphans_next(call->api->orphans, call->api->settings, &call->at_orphan);
    if (name == NULL) {
        read_ledger(call);
    } else if (queue_list(call->api->parts.store, name, true, on_orphans, call) != ERR_OK) {
        finish(call);
    }
}

static void list_campaigns(struct apicall *call)
{
    const struct settings *settings = call->api->settings;
    if (call->at_carrier >= settings->n_carriers) {
        list_orphans(call);
        return;
    }
    /* Finished ones are looked through only where the carrier has anything ambiguous at all. */
    const json_t *carrier =
        json_array_get(json_object_get(call->answer, "carriers"), call->at_carrier);
    bool live_only = json_integer_value(json_object_get(carrier, "ambiguous")) == 0;
    if (queue_list(call->api->parts.store, settings->carriers[call->at_carrier].name, live_only,
                   on_campaigns, call) != ERR_OK) {
        finish(call);
    }
}

static void carriers_are_in(struct apicall *call)
{
    if (call->error != ERR_OK) {
        finish(call);
        return;
    }
    call->at_carrier = 0;
    json_object_set_new(call->answer, "campaigns", json_array());
    list_campaigns(call);
}

static void on_daemons(void *arg, enum err error, const struct daemon_beat *beats, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        finish(call);
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, encode_daemon(&beats[i], apicall_offset_min(call)));
    }
    json_object_set_new(call->answer, "daemons", array);
    carriers_collect(call, carriers_are_in);
}

static void collect(struct apicall *call, void (*render)(struct apicall *call))
{
    call->render = render;
    call->answer = json_object();
    set_own(call);
    if (status_daemons(call->api->parts.store, on_daemons, call) != ERR_OK) {
        finish(call);
    }
}

void handle_status(struct apicall *call)
{
    collect(call, render_json);
}

void handle_metrics(struct apicall *call)
{
    collect(call, render_metrics);
}

/* ---- reload ---- */

void handle_reload(struct apicall *call)
{
    const char *actor;
    struct buf text;
    if (!apicall_actor(call, &actor)) {
        return;
    }
    struct api *api = call->api;
    buf_init(&text, RELOAD_TEXT_MAX_BYTES);
    enum err error = api->parts.reload(api->parts.reload_arg, &text);
    if (error == ERR_OK) {
        apicall_answer(call, 200, json_pack("{s:b, s:s}", "ok", 1, "message", buf_text(&text)));
    } else {
        apicall_answer(call, 409,
                       json_pack("{s:{s:s, s:s, s:n, s:s}}", "error", "code", "configuration",
                                 "message",
                                 "the new configuration was refused, the old one stays in force",
                                 "field", "mistakes", buf_text(&text)));
    }
    buf_fini(&text);
}
