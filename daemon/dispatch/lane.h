/* Inside of dispatch/ only: the lane of one carrier account and what it holds. Who includes this
 * sees everything; the parts are cut by what they do:
 *
 *   dispatch.c  the room's interface, settings, drain, views
 *   lane.c      one lane: its turn (step chunks, claim, post), gates, timers
 *   poll.c      what others did: campaigns, account, sweeps; the late rule
 *   chunk.c     a claimed chunk from claim to release
 *   post.c      a request from intent to outcome
 *   trial.c     one test message
 *
 * Everything runs on the loop. A callback of the store or of the HTTP client notes what it learnt
 * and asks for a turn of its lane (lane_schedule); the turn decides. Store calls are counted
 * (lane_call_begins), so that memory outlives dispatch_free until the last callback has run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/loop.h"
#include "campaign/definition.h"
#include "campaign/template.h"
#include "campaign/window.h"
#include "carrier/carrier.h"
#include "dispatch/breaker.h"
#include "dispatch/dispatch.h"
#include "dispatch/latency.h"
#include "dispatch/limiter.h"
#include "dispatch/meter.h"
#include "dispatch/slice.h"
#include "net/http_client.h"
#include "store/queue.h"

struct event;

/* ---- limits and times, each named ---- */
#define LEASE_MARGIN_MS 30000 /* a lease outlives the carrier's timeout by this */
#define POST_WITHIN_MS                                                                             \
    15000 /* an intent older than this is taken back, never posted (half of the margin) */
#define OPTOUT_FRESH_MS 10000 /* opt-outs of a chunk are looked up again after this */
#define TICK_MS 1000          /* other daemons' doings are looked for this often */
#define SWEEP_TICKS 5
#define SILENT_TICKS 10 /* on_ambiguous = resend is looked after this often */
#define MAINTAIN_TICKS 60
#define MAINTAIN_FIRST 3  /* and soon after the start */
#define SETTLE_MANY 64    /* outcomes that make a settlement go at once */
#define SETTLE_MAX 256    /* outcomes in one settlement */
#define SETTLE_WAIT_MS 2  /* how long fewer may wait for company */
#define RETRY_BASE_MS 100 /* of store calls that failed */
#define RETRY_CAP_MS 5000
#define LATER_MAX_MS 60000 /* claims are asked for at least this often, whatever wait was told */
#define CLAIM_RETRY_MS 500 /* after a claim that gave nothing for a reason that may pass */
#define ROUTE_BASE_MS 1000 /* breaker of the route */
#define ROUTE_CAP_MS 60000
#define ROUTE_FORGET_MS 30000
#define LOOKAHEAD_CHUNKS 4 /* claimed beyond what the connections can take */
#define AHEAD_MIN 8        /* requests with an intent beyond few connections */
#define MISS_RETRY_MS 5000
#define ANSWER_MAX_BYTES ((size_t)64 << 10)
#define BODY_MAX_BYTES ((size_t)8 << 20)
#define QUOTED_SIZE 512     /* of a reason in a log line */
#define CAMPAIGNS_MAX 10000 /* live ones on one account */

struct lane;

struct campaign { /* a live campaign as the last list showed it */
    TAILQ_ENTRY(campaign) entry;
    struct lane *lane;
    struct window window;
    uint64_t queued;
    uint64_t turn;         /* number of its last turn, see pick.h */
    int64_t next_claim_ms; /* monotonic */
    int64_t next_miss_ms;  /* monotonic */
    int64_t retry_at_ms;   /* wall, from CLAIM_LATER; 0 */
    int64_t tokens_at_ms;  /* wall */
    int64_t judged_at_ms;  /* wall: was_open holds for this millisecond, it is asked for often */
    struct meter accepted;
    struct template *tmpl; /* NULL with a fault */
    size_t n_columns;
    char *text; /* the one text, NULL when personal */
    char add_serial[24];
    enum campaign_class class_;
    uint32_t seq, rate;
    uint32_t held; /* chunks claimed or being claimed */
    uint16_t text_segments;
    bool is_listed, is_sendable, is_started, late_waived, is_personal, was_open;
    bool is_dry;       /* a claim said EMPTY since the last list */
    bool is_canary;    /* a claim said CANARY */
    bool is_missing;   /* ACT_MISS is under way */
    bool wants_tokens; /* an intent of it waits for tokens */
    char id[65];
    char fault[160]; /* why the text cannot be used */
};

enum chunk_phase {
    CHUNK_CLAIMING,    /* the claim is under way */
    CHUNK_CHECKING,    /* opt-outs have to be looked up */
    CHUNK_SUPPRESSING, /* some have opted out, the store has to know first */
    CHUNK_SENDING
};

/* The store may have recorded an intent whose answer never came. Goes one way only, but from
 * DOUBT_KEPT back to DOUBT_ASKS when another answer is lost. */
enum chunk_doubt {
    DOUBT_NONE, /* every answer came */
    DOUBT_ASKS, /* the same range has to be asked for again: the store knows its intents by range */
    DOUBT_KEPT, /* it was answered; store and daemon may still see the chunk differently */
    DOUBT_OVER  /* all that may have been recorded unseen was taken back: it may be released */
};

struct result { /* the outcome of one request, kept until the store has it */
    struct slice slice;
    enum outcome outcome;
    char code[64], batch[64];
};

struct chunk { /* some 25 KiB; reused from the lane's pool */
    TAILQ_ENTRY(chunk) entry;
    struct lane *lane;
    struct campaign *campaign;
    uint32_t number; /* in its campaign */
    uint64_t token;
    uint32_t n;
    uint32_t attempts;
    enum chunk_phase phase;
    bool is_calling; /* claim, lookup, suppress or release under way */
    bool is_asking;  /* an intent is under way */
    bool is_closing; /* no more intents: settle, then give back */
    bool is_releasing;
    bool is_lost;   /* a newer token owns it: only facts may still be told */
    bool is_let_go; /* nothing is left in it that the store would want back */
    enum chunk_doubt doubt;
    bool waits_tokens, counts_as_attempt;
    uint32_t tries;        /* failed store calls in a row */
    int64_t retry_at_ms;   /* monotonic: no call before */
    int64_t checked_at_ms; /* monotonic: last opt-out lookup */
    int64_t renewed_at_ms; /* monotonic: the lease runs from here */
    int64_t not_before_ms; /* monotonic: for the release */
    int64_t asked_at_ms;   /* monotonic: when the intent under way was asked for */
    struct slice asked;
    uint32_t asked_requests, request_max;
    uint32_t out; /* requests ready or posted */
    struct piece pieces[CHUNK_MAX];
    uint32_t n_pieces;
    struct result *results;
    uint32_t n_results, cap_results, n_settling;
    int64_t first_result_ms; /* monotonic */
    int64_t settle_retry_ms; /* monotonic */
    uint32_t settle_tries;
    uint32_t marks[CHUNK_MAX]; /* positions looked up, then those to suppress */
    uint32_t n_marks;
    uint64_t numbers[CHUNK_MAX];
    uint16_t segments[CHUNK_MAX];
    uint32_t value_at[CHUNK_MAX], value_len[CHUNK_MAX];
    uint8_t states[CHUNK_MAX];
    struct buf values;
};
/* A position in chunk.states that the store would not let us send and that is none of the states.
 */
#define STATE_NOT_OURS ((uint8_t)'-')

struct request {
    STAILQ_ENTRY(request) entry;
    struct chunk *chunk;
    struct slice slice;
    int64_t asked_at_ms; /* monotonic: when its intent was asked for */
};

struct old_client { /* replaced by a reload; ends when its last request has */
    SLIST_ENTRY(old_client) entry;
    struct http_client *client;
};

struct lane {
    TAILQ_ENTRY(lane) entry;
    struct dispatch *dispatch;
    char name[65], subject[80];
    const struct settings_carrier *conf; /* NULL: closing */
    const struct carrier_driver *driver;
    char *url;
    uint32_t connections, rate;
    int64_t timeout_ms;
    char *ca_file, *proxy;
    struct http_client *client;
    SLIST_HEAD(, old_client) old_clients;
    struct event *turn;
    struct loop_timer *timer;
    bool is_scheduled;
    int64_t due_ms; /* monotonic: the next turn, while one runs */
    /* gates */
    struct breaker route, throttle;
    char route_fault[128], throttle_code[64];
    struct limiter shadow;
    char state[16], reason[192], actor[65]; /* of the account; state "" until it was asked */
    int64_t resume_at_ms;
    /* polls */
    bool is_listing, list_again, is_asking_state, is_sweeping, is_resending, has_lost_claim,
        is_purging;
    /* Nothing of an earlier life is claimed in our name. A sweep of one's own claims goes page by
     * page, and one that failed may have seen some: what is claimed before one has succeeded would
     * be swept with the rest. */
    bool is_swept;
    size_t calls; /* store calls whose callback is still to come */
    /* work */
    TAILQ_HEAD(campaigns, campaign) campaigns;
    size_t n_campaigns;
    TAILQ_HEAD(chunks, chunk) chunks; /* higher classes first, then in the order of their claims */
    size_t n_chunks;
    TAILQ_HEAD(, chunk) chunk_pool;
    STAILQ_HEAD(, request) ready; /* intent recorded, not posted */
    STAILQ_HEAD(, request) request_pool;
    uint32_t n_ready, n_asked; /* n_asked: requests that intents under way will make */
    uint32_t inflight;
    uint64_t turns, requests, accepted;
    struct latency latency;
    struct buf texts; /* scratch: the personal texts of one request */
};

struct trial;

struct dispatch {
    struct event_base *base;
    struct store *store;
    char *owner;
    const struct settings *settings;
    TAILQ_HEAD(, lane) lanes;
    TAILQ_HEAD(trials, trial) trials;
    struct loop_timer *tick, *drain_end;
    uint64_t ticks;
    size_t calls;
    bool is_dead, is_draining, is_drained;
    int64_t drain_by_ms; /* monotonic */
    void (*drained)(void *arg);
    void *drained_arg;
};

/* dispatch.c */
struct lane *dispatch_lane(const struct dispatch *dispatch, const char *carrier);
bool dispatch_store_is_ready(const struct dispatch *dispatch);
/* Calls `drained` when there is nothing left to wait for. */
void dispatch_check_drained(struct dispatch *dispatch);

/* lane.c */
MUST_CHECK enum err lane_new(struct dispatch *dispatch, const struct settings_carrier *conf,
                             struct lane **lane);
/* Takes the account's settings over. errors: ERR_NOMEM, ERR_NOT_FOUND (no such driver) */
MUST_CHECK enum err lane_set_settings(struct lane *lane, const struct settings_carrier *conf);
/* Its section is gone: gives everything back, then lane_is_idle. */
void lane_close(struct lane *lane);
bool lane_is_idle(const struct lane *lane);
/* Ends what runs on the loop; request callbacks run before this returns. */
void lane_stop(struct lane *lane);
void lane_free(struct lane *lane);
/* A turn soon, once for any number of calls. */
void lane_schedule(struct lane *lane);
/* The turn under way wants another one at `at_ms` (monotonic) at the latest. */
void lane_note_due(struct lane *lane, int64_t at_ms);
/* How many requests may be in flight now: all connections, one (a probe), or none. */
uint32_t lane_width(const struct lane *lane, int64_t now_ms);
bool lane_may_claim(const struct lane *lane, int64_t now_ms);
uint32_t lane_request_max(const struct lane *lane, const struct campaign *campaign);
/* Requests that may have an intent at once, and how many of them one intent should bring at least.
 */
uint32_t lane_slots(const struct lane *lane, uint32_t request_max, int64_t now_ms,
                    uint32_t *at_least);
int64_t lane_lease_ms(const struct lane *lane);
/* The smaller of the account's and the campaign's rate, 0: none. */
uint32_t lane_rate(const struct lane *lane, const struct campaign *campaign);
/* Around each store call: begins before it (undone by lane_call_ended when it was not accepted).
 * ended gives true when the dispatcher is gone: the callback then returns at once and touches
 * nothing. */
void lane_call_begins(struct lane *lane);
bool lane_call_ended(struct lane *lane);

/* poll.c */
void lane_poll(struct lane *lane);
void lane_maintain(struct lane *lane);
/* May it send now? Judges the window and the late rule, and has the store told of what was missed.
 */
bool campaign_is_open(struct campaign *campaign, int64_t wall_ms);
void campaign_free(struct campaign *campaign);
struct campaign *lane_campaign(const struct lane *lane, uint32_t seq);

/* chunk.c */
/* Claims one chunk of the campaign. false: not now. */
bool chunk_claim(struct campaign *campaign, int64_t now_ms);
void chunk_step(struct chunk *chunk, int64_t now_ms, bool *is_blocked);
/* Segments still to be asked for, and requests they will make. */
uint32_t chunk_unsent(const struct chunk *chunk, uint32_t *requests);
/* The tokens of all claims in the lane's hands, of which there are up to n_chunks; gives how many.
 */
size_t chunk_tokens(const struct lane *lane, uint64_t *tokens);
void chunk_add_result(struct chunk *chunk, const struct slice *slice,
                      const struct carrier_verdict *verdict, int64_t now_ms);
/* No more intents; what is queued in it may be claimed again from `not_before_ms` (monotonic)
 * on. */
void chunk_close(struct chunk *chunk, int64_t not_before_ms, bool counts_as_attempt);
void chunk_free(struct chunk *chunk);

/* post.c */
/* Cuts what an intent granted into requests. */
void post_add(struct chunk *chunk, struct piece granted);
/* Posts what is ready as far as the lane is wide; takes back what may not go any more. */
void post_ready(struct lane *lane, int64_t now_ms);
/* Takes back what has an intent and was not posted. */
void post_cancel(struct lane *lane, int64_t now_ms);
/* Transport and driver, to one verdict. */
void post_read_verdict(const struct lane *lane, const struct http_answer *answer,
                       struct carrier_verdict *verdict);
/* What an answer says about the way to the carrier. */
void post_learn_route(struct lane *lane, const struct http_answer *answer,
                      const struct carrier_verdict *verdict, int64_t now_ms);

/* trial.c */
bool trials_use(const struct dispatch *dispatch, const struct lane *lane);
/* The dispatcher ends: everybody who waits is told. */
void trials_abandon(struct dispatch *dispatch);
