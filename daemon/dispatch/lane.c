/* One carrier account's lane. See lane.h for how the parts play together.
 *
 * A turn: give what has been learnt to the store, let every chunk take its next step, claim as many
 * more as keep the connections busy, post. Turns are asked for by callbacks and run at the end of
 * the same turn of the loop (event_active), so that a hundred answers cost one turn. */
#include "dispatch/lane.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/pick.h"

#define NEVER INT64_MAX
#define TEXTS_MAX_BYTES ((size_t)4 << 20)

void lane_note_due(struct lane *lane, int64_t at_ms)
{
    if (at_ms < lane->due_ms)
        lane->due_ms = at_ms;
}

void lane_schedule(struct lane *lane)
{
    if (lane->is_scheduled || !lane->turn)
        return;
    lane->is_scheduled = true;
    event_active(lane->turn, 0, 0);
}

void lane_call_begins(struct lane *lane)
{
    lane->calls++;
    lane->dispatch->calls++;
}

bool lane_call_ended(struct lane *lane)
{
    struct dispatch *dispatch = lane->dispatch;
    assert(lane->calls > 0 && dispatch->calls > 0);
    lane->calls--;
    dispatch->calls--;
    if (!dispatch->is_dead) {
        lane_schedule(lane);
        return false;
    }
    if (dispatch->calls == 0)
        dispatch_free(dispatch);
    return true;
}

/* ---- gates ---- */

static bool is_running(const struct lane *lane)
{
    return lane->conf && !lane->dispatch->is_draining && strcmp(lane->state, "running") == 0;
}

static bool is_probing(const struct lane *lane, int64_t now_ms)
{
    return breaker_state(&lane->route, now_ms) == BREAKER_PROBING ||
           breaker_state(&lane->throttle, now_ms) == BREAKER_PROBING;
}

uint32_t lane_width(const struct lane *lane, int64_t now_ms)
{
    if (!is_running(lane) || breaker_state(&lane->route, now_ms) == BREAKER_OPEN ||
        breaker_state(&lane->throttle, now_ms) == BREAKER_OPEN)
        return 0;
    return is_probing(lane, now_ms) ? 1 : lane->connections;
}

bool lane_may_claim(const struct lane *lane, int64_t now_ms)
{
    return lane->is_swept && lane_width(lane, now_ms) > 0;
}

uint32_t lane_rate(const struct lane *lane, const struct campaign *campaign)
{
    if (lane->rate == 0 || (campaign->rate > 0 && campaign->rate < lane->rate))
        return campaign->rate;
    return lane->rate;
}

uint32_t lane_request_max(const struct lane *lane, const struct campaign *campaign)
{
    const struct carrier_driver *driver = lane->driver;
    uint32_t driver_max =
        campaign->is_personal ? driver->batch_max_personal : driver->batch_max_same;
    uint32_t account_max = lane->conf ? lane->conf->batch_max : 1;
    return slice_request_max(account_max, driver_max, lane_rate(lane, campaign));
}

uint32_t lane_slots(const struct lane *lane, uint32_t request_max, int64_t now_ms,
                    uint32_t *at_least)
{
    uint32_t width = lane_width(lane, now_ms);
    *at_least = 1;
    if (width == 0 || is_probing(lane, now_ms))
        return width; /* a probe is one request, and nothing waits behind it */
    *at_least = slice_intent_requests(request_max, width > AHEAD_MIN ? width : AHEAD_MIN);
    return width + 2 * *at_least;
}

int64_t lane_lease_ms(const struct lane *lane)
{
    return lane->timeout_ms + LEASE_MARGIN_MS;
}

/* ---- claiming ---- */

/* Requests on hand for this rank and above, posted ones included. */
static uint32_t supply(const struct lane *lane, int rank)
{
    uint32_t requests = lane->inflight + lane->n_ready + lane->n_asked;
    const struct chunk *chunk;
    TAILQ_FOREACH(chunk, &lane->chunks, entry)
    {
        uint32_t more;
        if ((int)chunk->campaign->class_ < rank)
            break; /* in order of rank */
        chunk_unsent(chunk, &more);
        requests += more;
    }
    return requests;
}

/* A campaign with a rate needs no more than two seconds' worth on hand. */
static bool has_enough(const struct lane *lane, const struct campaign *campaign)
{
    uint32_t rate = lane_rate(lane, campaign);
    if (rate == 0 || campaign->held == 0)
        return false;
    if (campaign->wants_tokens)
        return true;
    uint64_t segments = 0;
    const struct chunk *chunk;
    TAILQ_FOREACH(chunk, &lane->chunks, entry)
    {
        uint32_t requests;
        if (chunk->campaign != campaign)
            continue;
        if (chunk->phase == CHUNK_CLAIMING)
            return true;
        segments += chunk_unsent(chunk, &requests);
    }
    return segments >= 2 * (uint64_t)rate;
}

static bool is_ready_to_claim(struct lane *lane, struct campaign *campaign, int64_t now_ms,
                              int64_t wall_ms)
{
    if (!campaign->is_sendable || campaign->is_dry || campaign->queued == 0)
        return false;
    if (now_ms < campaign->next_claim_ms) {
        lane_note_due(lane, campaign->next_claim_ms);
        return false;
    }
    return campaign_is_open(campaign, wall_ms) && !has_enough(lane, campaign);
}

/* Is there less on hand for this rank than `size` a request wants? */
static bool is_short(const struct lane *lane, int rank, uint32_t size, int64_t now_ms)
{
    uint32_t at_least;
    uint32_t slots = lane_slots(lane, size, now_ms, &at_least);
    uint32_t ahead = at_least > LOOKAHEAD_CHUNKS ? at_least : LOOKAHEAD_CHUNKS;
    if (slots <= 1)
        ahead = 0;
    return lane->n_chunks < 2 * (size_t)slots + LOOKAHEAD_CHUNKS &&
           supply(lane, rank) < slots + ahead;
}

static struct campaign *whose_turn(struct lane *lane, int64_t now_ms, int64_t wall_ms)
{
    bool wants[CLASS_RECEIPT + 1];
    uint32_t size = slice_request_max(lane->conf->batch_max, lane->driver->batch_max_same, 0);
    for (int rank = 0; rank <= CLASS_RECEIPT; rank++)
        wants[rank] = is_short(lane, rank, size, now_ms);
    /* One pass with a running best instead of an array: the rule of pick_next, pair by pair. */
    struct campaign *best = NULL, *campaign;
    TAILQ_FOREACH(campaign, &lane->campaigns, entry)
    {
        if (!wants[campaign->class_] || !is_ready_to_claim(lane, campaign, now_ms, wall_ms))
            continue;
        const struct pick_candidate pair[2] = {
            {best ? (int)best->class_ : 0, best ? best->turn : 0, best != NULL},
            {(int)campaign->class_, campaign->turn, true}};
        if (pick_next(pair, 2) == 1)
            best = campaign;
    }
    return best;
}

static void claim_more(struct lane *lane, int64_t now_ms)
{
    if (!lane_may_claim(lane, now_ms) || TAILQ_EMPTY(&lane->campaigns))
        return;
    int64_t wall_ms = clock_wall_ms();
    struct campaign *campaign;
    while ((campaign = whose_turn(lane, now_ms, wall_ms))) {
        if (!chunk_claim(campaign, now_ms))
            return;
        campaign->turn = ++lane->turns;
    }
}

/* ---- the turn ---- */

static void free_old_clients(struct lane *lane)
{
    struct old_client *old = SLIST_FIRST(&lane->old_clients);
    while (old) {
        struct old_client *next = SLIST_NEXT(old, entry);
        if (http_client_running(old->client) == 0) {
            SLIST_REMOVE(&lane->old_clients, old, old_client, entry);
            http_client_free(old->client);
            free(old);
        }
        old = next;
    }
}

static void run(struct lane *lane)
{
    struct dispatch *dispatch = lane->dispatch;
    int64_t now_ms = clock_mono_ms();
    lane->due_ms = NEVER;
    if (dispatch_store_is_ready(dispatch)) {
        post_ready(lane, now_ms);
        bool is_blocked = false;
        struct chunk *chunk = TAILQ_FIRST(&lane->chunks), *next;
        for (; chunk; chunk = next) {
            next = TAILQ_NEXT(chunk, entry);
            chunk_step(chunk, now_ms, &is_blocked);
        }
        claim_more(lane, now_ms);
        if (lane->route.retry_at_ms > now_ms)
            lane_note_due(lane, lane->route.retry_at_ms);
        if (lane->throttle.retry_at_ms > now_ms)
            lane_note_due(lane, lane->throttle.retry_at_ms);
    }
    if (!SLIST_EMPTY(&lane->old_clients))
        free_old_clients(lane);
    if (lane->due_ms != NEVER)
        loop_timer_arm(lane->timer, lane->due_ms > now_ms ? lane->due_ms - now_ms : 0);
    if (dispatch->is_draining)
        dispatch_check_drained(dispatch);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct lane *lane = arg;
    lane->is_scheduled = false;
    run(lane);
}

static void on_timer(void *arg)
{
    run(arg);
}

/* ---- life ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static enum err copy_text(char **to, const char *from)
{
    char *copy = from ? strdup(from) : NULL;
    if (from && !copy)
        return ERR_NOMEM;
    free(*to);
    *to = copy;
    return ERR_OK;
}

/* A client for these settings; the one before it lives on until its last request has ended. */
static enum err renew_client(struct lane *lane, const struct settings_carrier *conf)
{
    if (lane->client && lane->connections == conf->connections &&
        same_text(lane->ca_file, conf->ca_file) && same_text(lane->proxy, conf->proxy))
        return ERR_OK;
    const struct http_client_options options = {.connections = conf->connections,
                                                .ca_file = conf->ca_file,
                                                .proxy = conf->proxy,
                                                .answer_max_bytes = ANSWER_MAX_BYTES};
    struct http_client *client = NULL;
    struct old_client *old = lane->client ? calloc(1, sizeof *old) : NULL;
    if (lane->client && !old)
        return ERR_NOMEM;
    enum err error = http_client_new(lane->dispatch->base, &options, &client);
    if (!error)
        error = copy_text(&lane->ca_file, conf->ca_file);
    if (!error)
        error = copy_text(&lane->proxy, conf->proxy);
    if (error) {
        if (client)
            http_client_free(client);
        free(old);
        return error;
    }
    if (old) {
        old->client = lane->client;
        SLIST_INSERT_HEAD(&lane->old_clients, old, entry);
    }
    lane->client = client;
    lane->connections = conf->connections;
    return ERR_OK;
}

enum err lane_set_settings(struct lane *lane, const struct settings_carrier *conf)
{
    const struct carrier_driver *driver = carrier_driver(conf->driver);
    if (!driver)
        return ERR_NOT_FOUND;
    size_t size = strlen(conf->base_url) + strlen(conf->submit_path) + 1;
    char *url = malloc(size);
    if (!url)
        return ERR_NOMEM;
    snprintf(url, size, "%s%s", conf->base_url, conf->submit_path);
    enum err error = renew_client(lane, conf);
    if (error) {
        free(url);
        return error;
    }
    free(lane->url);
    lane->url = url;
    lane->driver = driver;
    lane->timeout_ms = conf->timeout_ms;
    lane->rate = conf->rate;
    limiter_set_rate(&lane->shadow, conf->rate, clock_mono_ms());
    lane->conf = conf;
    lane_schedule(lane);
    return ERR_OK;
}

enum err lane_new(struct dispatch *dispatch, const struct settings_carrier *conf, struct lane **out)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return ERR_NOMEM;
    lane->dispatch = dispatch;
    snprintf(lane->name, sizeof lane->name, "%s", conf->name);
    snprintf(lane->subject, sizeof lane->subject, "carrier/%s", conf->name);
    TAILQ_INIT(&lane->campaigns);
    TAILQ_INIT(&lane->chunks);
    TAILQ_INIT(&lane->chunk_pool);
    STAILQ_INIT(&lane->ready);
    STAILQ_INIT(&lane->request_pool);
    SLIST_INIT(&lane->old_clients);
    breaker_init(&lane->route, ROUTE_BASE_MS, ROUTE_CAP_MS, ROUTE_FORGET_MS);
    breaker_init(&lane->throttle, ROUTE_BASE_MS, ROUTE_CAP_MS, ROUTE_FORGET_MS);
    buf_init(&lane->texts, TEXTS_MAX_BYTES);
    lane->turn = event_new(dispatch->base, -1, 0, on_turn, lane);
    lane->timer = loop_timer_new(dispatch->base, on_timer, lane);
    enum err error = lane->turn && lane->timer ? lane_set_settings(lane, conf) : ERR_NOMEM;
    if (error) {
        lane_stop(lane);
        lane_free(lane);
        return error;
    }
    *out = lane;
    return ERR_OK;
}

void lane_close(struct lane *lane)
{
    lane->conf = NULL;
    lane_schedule(lane);
}

bool lane_is_idle(const struct lane *lane)
{
    return lane->n_chunks == 0 && lane->inflight == 0 && lane->n_ready == 0;
}

void lane_stop(struct lane *lane)
{
    if (lane->turn)
        event_free(lane->turn);
    lane->turn = NULL;
    loop_timer_free(lane->timer);
    lane->timer = NULL;
    if (lane->client)
        http_client_free(lane->client);
    lane->client = NULL;
    struct old_client *old;
    while ((old = SLIST_FIRST(&lane->old_clients))) {
        SLIST_REMOVE_HEAD(&lane->old_clients, entry);
        http_client_free(old->client);
        free(old);
    }
}

void lane_free(struct lane *lane)
{
    assert(lane->calls == 0 && !lane->turn);
    struct chunk *chunk;
    while ((chunk = TAILQ_FIRST(&lane->chunks))) {
        TAILQ_REMOVE(&lane->chunks, chunk, entry);
        chunk_free(chunk);
    }
    while ((chunk = TAILQ_FIRST(&lane->chunk_pool))) {
        TAILQ_REMOVE(&lane->chunk_pool, chunk, entry);
        chunk_free(chunk);
    }
    struct request *request;
    STAILQ_CONCAT(&lane->request_pool, &lane->ready);
    while ((request = STAILQ_FIRST(&lane->request_pool))) {
        STAILQ_REMOVE_HEAD(&lane->request_pool, entry);
        free(request);
    }
    struct campaign *campaign;
    while ((campaign = TAILQ_FIRST(&lane->campaigns))) {
        TAILQ_REMOVE(&lane->campaigns, campaign, entry);
        campaign_free(campaign);
    }
    buf_fini(&lane->texts);
    free(lane->url);
    free(lane->ca_file);
    free(lane->proxy);
    free(lane);
}
