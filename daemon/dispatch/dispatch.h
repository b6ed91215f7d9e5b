/* The sender: for each carrier account a *lane* that picks a campaign (receipts before notices
 * before publicity, then fairly), claims a chunk, checks opt-outs again, slices it into requests,
 * records intents, POSTs, settles. Time is an argument in the parts below it (limiter, backoff,
 * breaker, pick); this header is the whole. */
#pragma once

#include "carrier/carrier.h"
#include "dispatch/latency.h"
#include "store/optout.h"
#include "store/status.h"
#include "store/store.h"

struct event_base;
struct dispatch;

MUST_CHECK enum err dispatch_new(struct event_base *base, struct store *store, const char *owner,
                                 struct dispatch **dispatch);
/* Stops at once: what is in flight stays `inflight` and becomes ambiguous at the next start. See
 * dispatch_drain. */
void dispatch_free(struct dispatch *dispatch);
/* Lanes are made, changed and closed; running requests end under the settings they began with.
 * Borrowed until the next call. */
MUST_CHECK enum err dispatch_set_settings(struct dispatch *dispatch,
                                          const struct settings *settings);
/* Campaigns of the carrier that still have something to send or to settle, as the last list showed
 * them. Without its carrier such a campaign could not be seen, stopped or settled any more. */
size_t dispatch_unfinished(const struct dispatch *dispatch, const char *carrier);
/* Look for work now (a campaign was launched, resumed, a carrier resumed, Redis came back). */
void dispatch_wake(struct dispatch *dispatch, const char *carrier /* NULL: all */);
/* Claims nothing more, waits for what is in flight, settles, gives chunks back, then calls
 * `drained` once. */
void dispatch_drain(struct dispatch *dispatch, void (*drained)(void *arg), void *arg);

/* Why the campaign does not send right now, as words for people, and until when (0: unknown).
 * `reason` "" when it is sending. "window opens 08:00", "carrier mas stopped: IllegalMac", "carrier
 * mas unreachable: connection refused, next try in 8 s", "starts 2026-10-17 09:00", "waiting for
 * tokens", "first 10 messages have no verdict yet" … */
struct dispatch_wait {
    char reason[256];
    int64_t until_ms;
};
void dispatch_why(const struct dispatch *dispatch, const struct campaign_view *view, int64_t now_ms,
                  struct dispatch_wait *wait);
/* Accepted recipients a second over the last ten seconds, and seconds left at the rate in force
 * (-1: unknown). */
void dispatch_rate(const struct dispatch *dispatch, const char *carrier, uint32_t seq,
                   double *rate_now);
struct dispatch_view {
    size_t inflight_requests, claimed_chunks;
    uint64_t requests, accepted;
    struct latency latency; /* of the requests this daemon has an answer to, or gave up on */
    uint32_t tokens; /* segments that may go at once, as this daemon sees the bucket; 0 without a
                        limit */
    const char *route_fault;       /* "" or "connection refused" */
    int64_t route_retry_ms;        /* wall time of the next try */
    uint64_t held_campaigns, held; /* campaigns, and recipients queued in them, that wait because
                                      the account is paused or stopped */
};
void dispatch_lane_view(const struct dispatch *dispatch, const char *carrier,
                        struct dispatch_view *view);
/* One real message to one number, outside of any campaign; goes through limiter and opt-out, is
 * recorded in the audit before it is sent. `done` runs once, later, or in dispatch_free: ERR_OK
 * accepted, ERR_REFUSED by an opt-out, by the carrier, or because the carrier is paused or rests
 * after a quota, ERR_IO nothing was sent, ERR_TIMEOUT unknown. A carrier that a fault of the
 * account stopped is tried and stays stopped; the sentence says so. errors: ERR_NOT_FOUND (no such
 * carrier), ERR_BUSY (many tests run, or draining), ERR_CLOSED */
typedef void dispatch_test_fn(void *arg, enum err error, const char *sentence);
MUST_CHECK enum err dispatch_test(struct dispatch *dispatch, const char *carrier, uint64_t number,
                                  const char *text, dispatch_test_fn *done, void *arg);
