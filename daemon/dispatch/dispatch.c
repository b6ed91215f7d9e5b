/* The room's interface: lanes made and closed with the settings, the tick, the drain, and views for
 * others. */
#include "dispatch/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/lane.h"
#include "dispatch/why.h"

#define DRAIN_MARGIN_MS 15000 /* beyond the longest carrier timeout, for the last settlements */

bool dispatch_store_is_ready(const struct dispatch *dispatch)
{
    const char *sentence;
    return redis_health(store_redis(dispatch->store), &sentence) == REDIS_READY;
}

struct lane *dispatch_lane(const struct dispatch *dispatch, const char *carrier)
{
    struct lane *lane;
    TAILQ_FOREACH(lane, &dispatch->lanes, entry)
    {
        if (strcmp(lane->name, carrier) == 0)
            return lane;
    }
    return NULL;
}

/* ---- the tick ---- */

static void free_closed_lanes(struct dispatch *dispatch)
{
    struct lane *lane = TAILQ_FIRST(&dispatch->lanes), *next;
    for (; lane; lane = next) {
        next = TAILQ_NEXT(lane, entry);
        if (lane->conf || lane->calls > 0 || !lane_is_idle(lane) || trials_use(dispatch, lane))
            continue;
        TAILQ_REMOVE(&dispatch->lanes, lane, entry);
        lane_stop(lane);
        lane_free(lane);
    }
}

static void on_tick(void *arg)
{
    struct dispatch *dispatch = arg;
    loop_timer_arm(dispatch->tick, TICK_MS);
    bool is_ready = dispatch_store_is_ready(dispatch);
    struct lane *lane;
    TAILQ_FOREACH(lane, &dispatch->lanes, entry)
    {
        lane_schedule(lane);
        if (!is_ready)
            continue;
        lane_poll(lane);
        lane_maintain(lane);
    }
    dispatch->ticks++;
    free_closed_lanes(dispatch);
    if (dispatch->is_draining)
        dispatch_check_drained(dispatch);
}

/* ---- life ---- */

static void call_drained(void *arg)
{
    struct dispatch *dispatch = arg;
    dispatch->drained(dispatch->drained_arg);
}

enum err dispatch_new(struct event_base *base, struct store *store, const char *owner,
                      struct dispatch **out)
{
    struct dispatch *dispatch = calloc(1, sizeof *dispatch);
    if (!dispatch)
        return ERR_NOMEM;
    dispatch->base = base;
    dispatch->store = store;
    TAILQ_INIT(&dispatch->lanes);
    TAILQ_INIT(&dispatch->trials);
    dispatch->owner = strdup(owner);
    dispatch->tick = loop_timer_new(base, on_tick, dispatch);
    dispatch->drain_end = loop_timer_new(base, call_drained, dispatch);
    if (!dispatch->owner) {
        dispatch_free(dispatch);
        return ERR_NOMEM;
    }
    loop_timer_arm(dispatch->tick, 0);
    *out = dispatch;
    return ERR_OK;
}

static void free_memory(struct dispatch *dispatch)
{
    struct lane *lane;
    while ((lane = TAILQ_FIRST(&dispatch->lanes))) {
        TAILQ_REMOVE(&dispatch->lanes, lane, entry);
        lane_free(lane);
    }
    free(dispatch->owner);
    free(dispatch);
}

/* Called by its owner once, and by the last callback of the store when some were still to come. */
void dispatch_free(struct dispatch *dispatch)
{
    if (!dispatch)
        return;
    if (!dispatch->is_dead) {
        dispatch->is_dead = true;
        trials_abandon(dispatch);
        loop_timer_free(dispatch->tick);
        loop_timer_free(dispatch->drain_end);
        struct lane *lane;
        TAILQ_FOREACH(lane, &dispatch->lanes, entry)
        lane_stop(lane);
    }
    if (dispatch->calls == 0)
        free_memory(dispatch);
}

static enum err set_carrier(struct dispatch *dispatch, const struct settings_carrier *conf)
{
    struct lane *lane = dispatch_lane(dispatch, conf->name);
    enum err error;
    if (lane) {
        error = lane_set_settings(lane, conf);
        if (error) /* the settings it has are about to go */
            lane_close(lane);
        return error;
    }
    error = lane_new(dispatch, conf, &lane);
    if (!error)
        TAILQ_INSERT_TAIL(&dispatch->lanes, lane, entry);
    return error;
}

enum err dispatch_set_settings(struct dispatch *dispatch, const struct settings *settings)
{
    dispatch->settings = settings;
    struct lane *lane;
    TAILQ_FOREACH(lane, &dispatch->lanes, entry)
    {
        if (!settings_carrier(settings, lane->name))
            lane_close(lane);
    }
    enum err first_error = ERR_OK;
    for (size_t i = 0; i < settings->n_carriers; i++) {
        enum err error = set_carrier(dispatch, &settings->carriers[i]);
        if (!first_error)
            first_error = error;
    }
    dispatch_wake(dispatch, NULL);
    return first_error;
}

size_t dispatch_unfinished(const struct dispatch *dispatch, const char *carrier)
{
    const struct lane *lane = dispatch_lane(dispatch, carrier);
    return lane ? lane->n_campaigns : 0;
}

void dispatch_wake(struct dispatch *dispatch, const char *carrier)
{
    struct lane *lane;
    TAILQ_FOREACH(lane, &dispatch->lanes, entry)
    {
        if (carrier && strcmp(lane->name, carrier) != 0)
            continue;
        lane_poll(lane);
        lane_schedule(lane);
    }
}

/* ---- drain ---- */

void dispatch_check_drained(struct dispatch *dispatch)
{
    if (dispatch->is_drained || !dispatch->drained)
        return;
    bool is_late = clock_mono_ms() >= dispatch->drain_by_ms;
    size_t chunks = 0;
    struct lane *lane;
    TAILQ_FOREACH(lane, &dispatch->lanes, entry)
    {
        chunks += lane->n_chunks;
        if (!lane_is_idle(lane) && !is_late)
            return;
    }
    if (!TAILQ_EMPTY(&dispatch->trials) && !is_late)
        return;
    if (chunks > 0) /* Redis is away: leases and the sweep at the next start deal with them */
        log_line(LOG_ERROR, "daemon", "event=drain_incomplete chunks=%zu", chunks);
    dispatch->is_drained = true;
    loop_timer_arm(dispatch->drain_end, 0);
}

void dispatch_drain(struct dispatch *dispatch, void (*drained)(void *arg), void *arg)
{
    assert(!dispatch->drained);
    dispatch->is_draining = true;
    dispatch->drained = drained;
    dispatch->drained_arg = arg;
    int64_t longest_ms = 0;
    struct lane *lane;
    TAILQ_FOREACH(lane, &dispatch->lanes, entry)
    {
        if (lane->timeout_ms > longest_ms)
            longest_ms = lane->timeout_ms;
        lane_schedule(lane);
    }
    dispatch->drain_by_ms = clock_mono_ms() + longest_ms + DRAIN_MARGIN_MS;
    dispatch_check_drained(dispatch);
}

/* ---- views ---- */

static int64_t mono_to_wall(int64_t at_mono_ms, int64_t now_wall_ms)
{
    return at_mono_ms == 0 ? 0 : now_wall_ms + (at_mono_ms - clock_mono_ms());
}

static const char *throttle_of(const struct lane *lane, int64_t now_ms)
{
    return breaker_state(&lane->throttle, now_ms) == BREAKER_CLOSED ? "" : lane->throttle_code;
}

static const char *route_fault_of(const struct lane *lane, int64_t now_ms)
{
    return breaker_state(&lane->route, now_ms) == BREAKER_CLOSED ? "" : lane->route_fault;
}

static bool is_outranked(const struct lane *lane, enum campaign_class class_)
{
    const struct chunk *chunk;
    TAILQ_FOREACH(chunk, &lane->chunks, entry)
    {
        if (chunk->campaign->class_ > class_)
            return true;
    }
    return false;
}

static void lane_facts(const struct lane *lane, struct why_facts *facts)
{
    int64_t now_ms = clock_mono_ms();
    facts->has_lane = lane->conf != NULL;
    facts->carrier_state = lane->state;
    facts->carrier_reason = lane->reason;
    facts->carrier_actor = lane->actor;
    facts->carrier_resume_ms = lane->resume_at_ms;
    facts->route_fault = route_fault_of(lane, now_ms);
    facts->route_retry_ms = mono_to_wall(lane->route.retry_at_ms, facts->now_ms);
    facts->throttle_code = throttle_of(lane, now_ms);
    facts->throttle_retry_ms = mono_to_wall(lane->throttle.retry_at_ms, facts->now_ms);
}

static void campaign_facts(const struct lane *lane, const struct campaign *campaign,
                           struct why_facts *facts)
{
    facts->fault = campaign->fault;
    facts->is_canary = campaign->is_canary;
    facts->retry_at_ms = campaign->retry_at_ms;
    facts->is_moving = meter_rate(&campaign->accepted, clock_mono_ms()) > 0;
    facts->wants_tokens = campaign->wants_tokens;
    facts->tokens_at_ms = campaign->tokens_at_ms;
    facts->is_outranked = campaign->held == 0 && is_outranked(lane, campaign->class_);
}

void dispatch_why(const struct dispatch *dispatch, const struct campaign_view *view, int64_t now_ms,
                  struct dispatch_wait *wait)
{
    const struct lane *lane = dispatch_lane(dispatch, view->fields.carrier);
    const struct campaign_fields *fields = &view->fields;
    const struct window window = {.start_ms = fields->start_ms,
                                  .end_ms = fields->end_ms,
                                  .from_min = fields->window_from_min,
                                  .to_min = fields->window_to_min,
                                  .utc_offset_min = dispatch->settings->daemon.utc_offset_min,
                                  .late_after_ms = fields->late_after_ms};
    struct why_facts facts = {.now_ms = now_ms,
                              .utc_offset_min = window.utc_offset_min,
                              .state = view->state,
                              .actor = view->wait_actor,
                              .reason = view->wait_reason,
                              .queued = queue_count(&view->counts, STATE_QUEUED),
                              .accepted = view->accepted,
                              .fault = "",
                              .redis_fault = "",
                              .is_draining = dispatch->is_draining,
                              .carrier = fields->carrier,
                              .carrier_state = "",
                              .carrier_reason = "",
                              .carrier_actor = "",
                              .route_fault = "",
                              .throttle_code = ""};
    facts.window = window_at(&window, now_ms, &facts.window_until_ms);
    const char *sentence = "";
    if (redis_health(store_redis(dispatch->store), &sentence) != REDIS_READY)
        facts.redis_fault = sentence && *sentence ? sentence : "connecting";
    if (lane) {
        lane_facts(lane, &facts);
        const struct campaign *campaign = lane_campaign(lane, view->seq);
        if (campaign)
            campaign_facts(lane, campaign, &facts);
    }
    wait->until_ms = why_words(&facts, wait->reason, sizeof wait->reason);
}

void dispatch_rate(const struct dispatch *dispatch, const char *carrier, uint32_t seq,
                   double *rate_now)
{
    const struct lane *lane = dispatch_lane(dispatch, carrier);
    const struct campaign *campaign = lane ? lane_campaign(lane, seq) : NULL;
    *rate_now = campaign ? meter_rate(&campaign->accepted, clock_mono_ms()) : 0;
}

static void count_held(const struct lane *lane, struct dispatch_view *view)
{
    const struct campaign *campaign;
    TAILQ_FOREACH(campaign, &lane->campaigns, entry)
    {
        if (campaign->is_sendable && campaign->queued > 0) {
            view->held_campaigns++;
            view->held += campaign->queued;
        }
    }
}

void dispatch_lane_view(const struct dispatch *dispatch, const char *carrier,
                        struct dispatch_view *view)
{
    const struct lane *lane = dispatch_lane(dispatch, carrier);
    *view = (struct dispatch_view){.route_fault = ""};
    if (!lane)
        return;
    int64_t now_ms = clock_mono_ms();
    view->inflight_requests = lane->inflight;
    view->claimed_chunks = lane->n_chunks;
    view->requests = lane->requests;
    view->accepted = lane->accepted;
    view->latency = lane->latency;
    view->tokens = limiter_level(&lane->shadow, now_ms);
    view->route_fault = route_fault_of(lane, now_ms);
    view->route_retry_ms =
        *view->route_fault ? mono_to_wall(lane->route.retry_at_ms, clock_wall_ms()) : 0;
    if (strcmp(lane->state, "running") != 0)
        count_held(lane, view);
}
