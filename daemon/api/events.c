/* GET /api/v1/events, and the poll behind it.
 *
 * A round asks for the ledger's last entry, then for each carrier its figures and its live
 * campaigns. A campaign that is over still changes when reports come: when a carrier's count of
 * reports moved, or a live campaign has left the list, the next list is of all campaigns, at most
 * one a FULL_MS. A campaign is told of at most once a CAMPAIGN_MS; what changes sooner is seen
 * again in the next round. */
#include "api/events.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/handlers.h"
#include "api/streams.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/loop.h"
#include "pledge/area.h"
#include "store/ledger.h"
#include "store/status.h"

#define BEAT_MS 15000
#define STALL_MS 45000
#define CAMPAIGN_MS 1000
#define FULL_MS 1000
#define WATCHED_MAX 5000 /* campaigns; more are not told of one by one */

struct watched {
    char id[STREAM_ID_SIZE];
    size_t carrier;
    uint64_t print, area; /* print: a digest of what can change */
    int64_t told_ms;
    bool is_live;
    uint32_t round; /* the last in which it was listed */
};

struct at_carrier {
    uint64_t reports;
    int64_t full_ms; /* the last list of all campaigns */
    bool full_due;
};

struct events {
    struct api *api; /* NULL: it has gone; freed when Redis has answered */
    struct streams *streams;
    struct loop_timer *timer;
    bool is_stopped;
    bool is_asking, knows; /* knows: the first round is over, changes can be seen */
    uint32_t round;
    size_t carrier;
    uint64_t entry, status, status_now; /* status: a digest, status_now: of this round */
    struct at_carrier at[SETTINGS_CARRIERS_MAX];
    struct watched *watched;
    size_t n_watched, room;
};

static uint64_t mix(uint64_t print, uint64_t value)
{
    return digest_mix64(print ^ (value + UINT64_C(0x9e3779b97f4a7c15)));
}

static uint64_t mix_text(uint64_t print, const char *text)
{
    for (; *text != '\0'; text++) {
        print = mix(print, (uint8_t)*text);
    }
    return print;
}

/* ---- campaigns ---- */

static uint64_t campaign_print(const struct campaign_view *view)
{
    uint64_t print = mix_text(view->seq, view->state);
    for (size_t i = 0; i < STATE_COUNT; i++) {
        print = mix(print, view->counts.of[i]);
    }
    print = mix(print, view->segments_sent);
    print = mix(print, view->ambiguous_chunks);
    print = mix(print, view->staged);
    return mix(print, (uint64_t)view->changed_ms);
}

static bool is_live(const struct campaign_view *view)
{
    return strcmp(view->state, "done") != 0 && strcmp(view->state, "cancelled") != 0;
}

static struct watched *find_watched(struct events *events, const char *id)
{
    for (size_t i = 0; i < events->n_watched; i++) {
        if (strcmp(events->watched[i].id, id) == 0 &&
            events->watched[i].carrier == events->carrier) {
            return &events->watched[i];
        }
    }
    if (events->n_watched == events->room) {
        size_t room = events->room == 0 ? 64 : events->room * 2;
        struct watched *more =
            room <= WATCHED_MAX ? realloc(events->watched, room * sizeof *more) : NULL;
        if (more == NULL) {
            return NULL;
        }
        events->watched = more;
        events->room = room;
    }
    struct watched *made = &events->watched[events->n_watched++];
    *made = (struct watched){.carrier = events->carrier};
    snprintf(made->id, sizeof made->id, "%s", id);
    return made;
}

static void look_at_campaign(struct events *events, const struct campaign_view *view)
{
    struct watched *watched = find_watched(events, view->fields.id);
    int64_t now_ms = clock_mono_ms();
    if (watched == NULL) {
        return;
    }
    watched->round = events->round;
    watched->is_live = is_live(view);
    uint64_t print = campaign_print(view);
    if (print == watched->print) {
        return;
    }
    if (watched->told_ms != 0 && now_ms - watched->told_ms < CAMPAIGN_MS) {
        if (!watched->is_live) { /* the lists of live campaigns do not have it any more */
            events->at[events->carrier].full_due = true;
        }
        return;
    }
    if (area_parse(view->fields.region, strlen(view->fields.region), &watched->area) != ERR_OK) {
        watched->area = 0;
    }
    watched->print = print;
    if (events->knows) {
        watched->told_ms = now_ms;
        streams_tell_campaign(events->streams, view->fields.id, view->state, watched->area);
    }
}

/* A campaign that was live and is not listed any more has ended: how, says a list of all. */
static void look_for_ended(struct events *events)
{
    for (size_t i = 0; i < events->n_watched; i++) {
        struct watched *watched = &events->watched[i];
        if (watched->carrier == events->carrier && watched->is_live &&
            watched->round != events->round) {
            watched->is_live = false;
            events->at[events->carrier].full_due = true;
        }
    }
}

/* ---- a round ---- */

static void next_carrier(struct events *events);

/* false: the API has gone, and with this answer the events. */
static bool lives(struct events *events)
{
    if (events->api != NULL) {
        return true;
    }
    free(events->watched);
    free(events);
    return false;
}

static void end_round(struct events *events, bool whole)
{
    const char *sentence;
    uint64_t health = redis_health(store_redis(events->api->parts.store), &sentence);
    events->is_asking = false;
    if (!whole) { /* Redis is away: that is all there is to know */
        events->status_now = 0;
    }
    uint64_t status = mix(events->status_now, health);
    if (events->knows && status != events->status) {
        streams_tell_status(events->streams);
    }
    events->status = status;
    events->knows = events->knows || whole;
    loop_timer_arm(events->timer, EVENTS_POLL_MS);
}

static void on_campaigns(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct events *events = arg;
    if (!lives(events)) {
        return;
    }
    if (error != ERR_OK) {
        end_round(events, false);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        look_at_campaign(events, &views[i]);
        events->status_now = mix(events->status_now, views[i].ambiguous_chunks);
    }
    look_for_ended(events);
    events->carrier++;
    next_carrier(events);
}

static uint64_t carrier_print(const struct carrier_view *view)
{
    uint64_t print = mix_text(mix_text(0, view->state), view->reason);
    print = mix(print, view->parked != 0);
    return mix(mix(print, view->unknown_codes), view->ambiguous);
}

static void on_carrier(void *arg, enum err error, const struct carrier_view *view)
{
    struct events *events = arg;
    if (!lives(events)) {
        return;
    }
    if (error != ERR_OK) {
        end_round(events, false);
        return;
    }
    struct api *api = events->api;
    struct at_carrier *at = &events->at[events->carrier];
    int64_t now_ms = clock_mono_ms();
    events->status_now = mix(events->status_now, carrier_print(view));
    at->full_due = at->full_due || at->reports != view->reports || !events->knows;
    at->reports = view->reports;
    bool full = at->full_due && now_ms - at->full_ms >= FULL_MS;
    if (full) {
        at->full_ms = now_ms;
        at->full_due = false;
    }
    if (events->carrier >= api->settings->n_carriers ||
        queue_list(api->parts.store, api->settings->carriers[events->carrier].name, !full,
                   on_campaigns, events) != ERR_OK) {
        end_round(events, false);
    }
}

static void next_carrier(struct events *events)
{
    struct api *api = events->api;
    if (events->carrier >= api->settings->n_carriers) {
        end_round(events, true);
    } else if (status_carrier(api->parts.store, api->settings->carriers[events->carrier].name,
                              on_carrier, events) != ERR_OK) {
        end_round(events, false);
    }
}

static void on_last_entry(void *arg, enum err error, uint64_t entry)
{
    struct events *events = arg;
    if (!lives(events)) {
        return;
    }
    if (error != ERR_OK) {
        end_round(events, false);
        return;
    }
    if (events->knows && entry != events->entry) {
        streams_tell_ledger(events->streams, entry);
    }
    events->entry = entry;
    events->carrier = 0;
    next_carrier(events);
}

static void on_timer(void *arg)
{
    struct events *events = arg;
    if (events->is_asking) {
        return;
    }
    if (streams_count(events->streams) == 0) {
        events->knows = false; /* who comes next starts from what there is then */
        return;
    }
    events->is_asking = true;
    events->round++;
    events->status_now = 1;
    if (ledger_last(events->api->parts.store, on_last_entry, events) != ERR_OK) {
        end_round(events, false);
    }
}

/* ---- logins and tokens ---- */

static void on_asked(void *arg, bool is_let_in)
{
    streams_judge(arg, is_let_in);
}

static void ask_session(void *arg, struct stream *stream, const char *key)
{
    struct events *events = arg;
    auth_ask(events->api, key, ROLES_ALL, on_asked, stream);
}

static bool covers(uint64_t own, uint64_t area)
{
    return own == 0 || area_within(area, own);
}

/* ---- the room's side ---- */

enum err events_new(struct api *api, struct events **events)
{
    struct events *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    const struct streams_options options = {.beat_ms = BEAT_MS,
                                            .stall_ms = STALL_MS,
                                            .covers = covers,
                                            .ask = ask_session,
                                            .arg = made};
    enum err error = streams_new(api->parts.base, &options, &made->streams);
    if (error != ERR_OK) {
        free(made);
        return error;
    }
    made->api = api;
    made->timer = loop_timer_new(api->parts.base, on_timer, made);
    *events = made;
    return ERR_OK;
}

void events_free(struct events *events)
{
    if (events == NULL) {
        return;
    }
    streams_free(events->streams);
    loop_timer_free(events->timer);
    events->api = NULL;
    if (!events->is_asking) {
        (void)lives(events);
    }
}

void events_stop(struct events *events)
{
    events->is_stopped = true;
    streams_end_all(events->streams);
}

void events_ask(struct events *events)
{
    streams_ask(events->streams);
}

size_t events_listening(const struct events *events)
{
    return streams_count(events->streams);
}

/* All logins of a user are one, each of her tokens is one by itself: a program that opens stream
 * after stream takes none from her pages. */
static const char *owner_of(const struct apicall *call, const char *key,
                            char owner[STREAM_OWNER_SIZE])
{
    owner[0] = '\0';
    if (call->who.via == VIA_SESSION) {
        snprintf(owner, STREAM_OWNER_SIZE, "user %s", call->who.name);
    } else if (call->who.via == VIA_TOKEN) {
        snprintf(owner, STREAM_OWNER_SIZE, "token %s", key);
    }
    return owner;
}

void handle_events(struct apicall *call)
{
    struct events *events = call->api->events;
    char key[AUTH_KEY_SIZE], owner[STREAM_OWNER_SIZE];
    if (events->is_stopped) {
        apicall_error(call, 503, "stopping", NULL, "the daemon is stopping; try again soon");
        return;
    }
    if (http_request_is_head(call->request)) { /* a stream that says nothing would only stay open */
        http_answer(call->request, 200, "text/event-stream", "", 0);
        apicall_end(call);
        return;
    }
    const struct streams_listener listener = {
        .area = call->who.area,
        .key = auth_key(call, key),
        .owner = owner_of(call, key, owner),
        .most = call->api->settings->daemon.streams_per_user,
    };
    streams_add(events->streams, call->request, &listener);
    apicall_end(call);
    if (!events->is_asking) {
        loop_timer_arm(events->timer, 0);
    }
}
