/* The queue: campaigns, chunks and the life of a recipient in Redis. Every function here is one
 * call of one Redis Function (the .lua of store/), atomic, idempotent, and changes the counters in
 * the same call. docs/redis-layout.md shows every key.
 *
 * Words. A *campaign* has a number (`seq`) besides its id: each launch of an id gets a new one. Its
 * recipients lie in *chunks* of at most CHUNK_MAX, sorted by number; a *position* is a recipient's
 * place in its chunk. A daemon *claims* a chunk (a lease and a fencing token), records an *intent*
 * for some positions (queued -> inflight), POSTs, and *settles* them. What has an intent is never
 * claimed for sending again: when its owner dies it ages into ambiguous.
 *
 * Every call is asynchronous: the callback runs exactly once, from a later turn; `arg` and all
 * replies are borrowed until it returns; an error return means no callback. Errors in callbacks:
 * ERR_CLOSED/ERR_TIMEOUT (unknown: call again with the same arguments), ERR_REFUSED (see `reason`,
 * a sentence), ERR_STALE (a newer token owns the chunk), ERR_NOT_FOUND. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sms/outcome.h"
#include "sms/state.h"

struct store;

#define CHUNK_MAX 1000

struct chunk_ref {
    const char *carrier;
    uint32_t seq;   /* of the campaign */
    uint32_t chunk; /* from 0; chunk 0 is the canary */
};

/* ---- staging: nothing is schedulable until queue_commit ---- */

struct campaign_fields { /* what a running campaign was launched with; frozen */
    const char *id, *title, *carrier, *dedup_group, *region, *class_word, *on_ambiguous;
    const char *signature, *text, *optout;
    const char *add_serial; /* extension digits of its own, behind the account's; "" or NULL */
    const char *parent;     /* id of the campaign this is a resend of, "" */
    const char *actor, *source_file;
    bool signature_added_by_carrier, personal;
    bool takes_pledges; /* people may pledge by answering it */
    int64_t start_ms, end_ms, late_after_ms;
    int window_from_min, window_to_min;
    uint32_t rate, max_segments, price_fen;
    uint64_t rows, duplicate, invalid, opted_out; /* of the list; known at commit */
    uint64_t segments_total;                      /* planned */
    char fingerprint[33];
};

typedef void queue_done_fn(void *arg, enum err error, const char *reason);
typedef void queue_begin_fn(void *arg, enum err error, const char *reason, uint32_t seq);

/* state `importing`, owned by `owner`. Refused when the id is live ("already launched by 王 at
 * 2026-10-17 09:02, 34 % done"); an import whose owner is gone (or is this owner) is thrown away
 * and begins anew. Refused too when another live campaign of the carrier has the same add_serial,
 * unless one is a resend of the other; queue_commit looks again. */
MUST_CHECK enum err queue_begin(struct store *store, const struct campaign_fields *fields,
                                const char *owner, int64_t now_ms, queue_begin_fn *done, void *arg);

struct chunk_row { /* sorted by queue_stage itself */
    uint64_t number, region;
    const uint8_t *values; /* NULL in a campaign of one text */
    uint32_t values_len;
    uint32_t segments; /* of its text when it has values, up to 255; 0 is 1 */
};
/* Chunk numbers are given in order from 0 by the caller; the same chunk may be staged again.
 * Refused at 80 % of maxmemory. */
MUST_CHECK enum err queue_stage(struct store *store, struct chunk_ref ref,
                                const struct chunk_row *rows, size_t n, queue_done_fn *done,
                                void *arg);
/* All of it is in: `scheduled`. Refused when the chunks in Redis are not `n_chunks` with `accepted`
 * recipients, or when the fingerprint was launched within `guard_ms` under another id (unless
 * again). */
MUST_CHECK enum err queue_commit(struct store *store, uint32_t seq,
                                 const struct campaign_fields *fields, uint32_t n_chunks,
                                 uint64_t accepted, int64_t guard_ms, bool again, int64_t now_ms,
                                 queue_done_fn *done, void *arg);
/* Throws a staged import away, in steps; releases its numbers in the dedup group. */
MUST_CHECK enum err queue_abort(struct store *store, const char *carrier, uint32_t seq,
                                queue_done_fn *done, void *arg);

/* ---- open campaigns: what has to be said to single people, such as receipts ---- */

/* An open campaign never ends: messages are appended to it one by one, each a chunk of one
 * recipient. It has no canary and is never late; its window is that of the latest append. It can be
 * paused and resumed like any other; when it was cancelled, the next append opens a new one. The
 * values of a message are dropped when its recipient is neither queued, in flight nor ambiguous. */
struct queue_message {
    const char *request; /* the same request again, on this carrier, changes nothing */
    uint64_t number;
    const uint8_t *values; /* in the stored form of campaign_fields.text, as in chunk_row */
    uint32_t values_len, segments;
    /* NULL, or the number of an unconfirmed pledge that the message asks about: it is not said when
     * the pledge has its answer or is taken back, and the posting that does either cancels it as
     * long as nobody has begun to send it. */
    const char *question_of;
};
struct queue_appended {
    bool fresh; /* false: this request was appended before, or it is a needless question */
    uint32_t seq, chunk;
};
typedef void queue_append_fn(void *arg, enum err error, const char *reason,
                             const struct queue_appended *appended);
/* `fields`: what the campaign is opened with when there is none of this id; afterwards only the
 * window of it counts. ERR_REFUSED when a campaign of this id lives that is not open. allow-oom. */
MUST_CHECK enum err queue_append(struct store *store, const struct campaign_fields *fields,
                                 const struct queue_message *message, int64_t now_ms,
                                 queue_append_fn *done, void *arg);

/* ---- sending ---- */

enum claim_result {
    CLAIM_CHUNK,  /* here it is */
    CLAIM_EMPTY,  /* nothing is queued outside of claimed chunks */
    CLAIM_LATER,  /* something was put off: ask again in `wait_ms` */
    CLAIM_CANARY, /* the first chunk has no verdict yet */
    CLAIM_STOPPED /* campaign paused, cancelled, missed, done, or the carrier is stopped: `reason`
                   */
};
struct queue_claim {
    enum claim_result result;
    const char *reason;
    int64_t wait_ms; /* by the clock of Redis, as every waiting time here */
    uint32_t chunk;
    uint64_t token;
    uint32_t attempts; /* earlier claims of this chunk that came back */
    size_t n;
    const uint8_t *numbers; /* n * 5 bytes, sorted */
    const uint8_t *states;  /* n bytes: only STATE_QUEUED ones are to be sent */
    const uint8_t *values;  /* NULL for one text; else for each recipient a varint length and the
                               stored values */
    size_t values_len;
};
typedef void queue_claim_fn(void *arg, enum err error, const struct queue_claim *claim);
/* Also moves the campaign scheduled -> sending. `now_ms` only goes on record. */
MUST_CHECK enum err queue_claim(struct store *store, const char *carrier, uint32_t seq,
                                const char *owner, int64_t lease_ms, int64_t now_ms,
                                queue_claim_fn *done, void *arg);

/* `are`: a byte for each of the n positions, 1 if it is suppressed now, by this call or before; 0
 * for one that was not queued, such as one in flight. n is 0 with an error. */
typedef void queue_suppress_fn(void *arg, enum err error, const char *reason, const uint8_t *are,
                               size_t n);
/* Positions found to have opted out since the import: queued -> suppressed. */
MUST_CHECK enum err queue_suppress(struct store *store, struct chunk_ref ref, uint64_t token,
                                   const uint32_t *positions, size_t n, queue_suppress_fn *done,
                                   void *arg);

struct queue_intent {
    enum err error; /* ERR_OK: go. ERR_BUSY: no tokens for `wait_ms`. ERR_REFUSED: campaign or
                       carrier stopped, `reason` */
    const char *reason;
    int64_t wait_ms;
    const uint8_t *mine; /* a byte for each position of the range: 1 if this call made it inflight.
                            Send only those */
    size_t n;
};
typedef void queue_intent_fn(void *arg, const struct queue_intent *intent);
/* Records the intent for queued positions in [from, from + count), takes `segments` from the token
 * buckets of carrier and campaign (rates in segments a second, 0: no limit) and renews the lease,
 * or does nothing of it. Once its answer is here, and only then, may the bytes go out.
 * The same range again under the same token, before any of it was settled, is taken for a
 * repetition and gets the same answer, paused or not, and pays no tokens. Ranges of requests that
 * are open at the same time must not overlap. `now_ms` only goes on record: buckets fill by the
 * clock of Redis. errors in *intent: ERR_STALE, ERR_NOT_FOUND,
 * ERR_CLOSED too */
MUST_CHECK enum err queue_intent(struct store *store, struct chunk_ref ref, uint64_t token,
                                 uint32_t from, uint32_t count, uint32_t segments,
                                 uint32_t carrier_rate, uint32_t campaign_rate, int64_t lease_ms,
                                 int64_t now_ms, queue_intent_fn *done, void *arg);

struct settle_item {
    uint32_t from, count; /* positions of one request; those not inflight in it are left alone */
    enum outcome outcome; /* NOT_SENT, THROTTLED, SPLIT, ACCOUNT_FAULT, QUOTA: back to queued */
    uint32_t segments;    /* of those accepted; counts only when the chunk was not weighed */
    const char *batch;    /* the carrier's id, "" for none */
    const char *code;     /* its word, "" for none */
};
/* Outcomes of one or more requests of a chunk, and what parked reports already know about them.
 * `now_ms` is the time of the answer; renews the lease; a chunk with nobody queued or in flight
 * left is given back by it. Applying the same settlement twice changes nothing, as long as no
 * further intent for its positions lies between: repeat a settlement until it is answered before
 * going on. When a sweep took the chunk, an outcome counts only for the positions that this attempt
 * had in flight then, and only the first one: accepted always; refused, or provably not sent,
 * unless another attempt was ordered since. Whoever is queued again by that may be claimed at once.
 * ERR_STALE when there is anything else than accepted and rejected in the list, or a rejection that
 * was left alone. At most CHUNK_MAX items. */
MUST_CHECK enum err queue_settle(struct store *store, struct chunk_ref ref, uint64_t token,
                                 const struct settle_item *items, size_t n, int64_t lease_ms,
                                 int64_t now_ms, queue_done_fn *done, void *arg);
/* Gives the chunk back: what is still queued in it may be claimed again after `delay_ms`, at
 * most ten minutes.
 * ERR_REFUSED while somebody in it is in flight. */
MUST_CHECK enum err queue_release(struct store *store, struct chunk_ref ref, uint64_t token,
                                  int64_t delay_ms, bool counts_as_attempt, queue_done_fn *done,
                                  void *arg);

/* Leases that ran out by the clock of Redis, on this carrier: queued ones go back, inflight ones
 * become ambiguous. Claims under one of the tokens `held` are left alone: those are the chunks in
 * the caller's hands, and no clock knows better than it that they live. With `owner` all claims of
 * that owner, whatever their lease (a daemon calls it for its own id when it starts). `now_ms` only
 * goes on record. */
struct queue_swept {
    uint64_t chunks, ambiguous;
};
typedef void queue_swept_fn(void *arg, enum err error, const struct queue_swept *swept);
MUST_CHECK enum err queue_sweep(struct store *store, const char *carrier, const char *owner,
                                const uint64_t *held, size_t n_held, int64_t now_ms,
                                queue_swept_fn *done, void *arg);

/* ---- commands of people ---- */

struct queue_counts {
    uint64_t
        of[STATE_COUNT]; /* in the order of state_all; always adds up to the campaign's accepted */
};
uint64_t queue_count(const struct queue_counts *counts, enum recipient_state state);
typedef void queue_changed_fn(void *arg, enum err error, const char *reason,
                              const struct queue_counts *counts);
enum campaign_act {
    ACT_PAUSE,
    ACT_RESUME,
    ACT_CANCEL,
    ACT_MISS /* by the scheduler: late, or its end passed */
};
/* Exact and at once: when the callback runs, no further intent can be recorded (pause, cancel,
 * miss). `until_ms`: for resume of a missed campaign, its new end (0: keep); a resumed campaign is
 * not late any more. Cancelling an import throws it away. Given again by the same actor with the
 * same reason it succeeds again. ERR_REFUSED: `reason` says what state it is in and by whom.
 * Writes its own audit line, as queue_resolve, status_carrier_act and optout_remove do. */
MUST_CHECK enum err queue_act(struct store *store, const char *carrier, uint32_t seq,
                              enum campaign_act act, const char *actor, const char *reason,
                              int64_t until_ms, int64_t now_ms, queue_changed_fn *done, void *arg);
enum resolve_as { RESOLVE_RESEND, RESOLVE_ACCEPT, RESOLVE_FAIL };
/* Every ambiguous recipient of the campaign. resend: queued again (once more, by a person's
 * decision); accept: accepted; fail: undelivered with code OPERATOR. Recorded with actor and
 * reason. Works chunk by chunk; *counts are those at the end. */
MUST_CHECK enum err queue_resolve(struct store *store, const char *carrier, uint32_t seq,
                                  enum resolve_as as, const char *actor, const char *reason,
                                  int64_t now_ms, queue_changed_fn *done, void *arg);

/* The policy of campaigns with on_ambiguous = resend: an ambiguous recipient is queued again, by
 * itself and once in its life, when its chunk gave no sign of life for `silence_ms` by the clock of
 * Redis (since somebody in it became ambiguous, or since a verdict or report cured some of them).
 * If it becomes ambiguous again it waits for a person. Only what could be sent at once is queued:
 * nothing of a paused, missed, cancelled or ended campaign, outside of its window (at `now_ms`),
 * without its personal values, or while the account is stopped. A campaign that was done is
 * `sending` again. Recorded with actor "policy". */
struct queue_resent {
    uint64_t chunks, recipients;
};
typedef void queue_resent_fn(void *arg, enum err error, const struct queue_resent *resent);
MUST_CHECK enum err queue_resend_silent(struct store *store, const char *carrier,
                                        int64_t silence_ms, int64_t now_ms, queue_resent_fn *done,
                                        void *arg);

/* ---- looking ---- */

struct campaign_view { /* borrowed; strings never NULL */
    uint32_t seq, n_chunks;
    struct campaign_fields fields;
    const char *state;                    /* "importing" … "cancelled" */
    const char *wait_reason, *wait_actor; /* of paused, missed */
    uint64_t accepted, staged;
    struct queue_counts counts;
    uint64_t segments_sent, cost_fen, ambiguous_chunks, requests;
    uint64_t resent; /* recipients that were queued again by queue_resend_silent */
    int64_t launched_ms, started_ms, finished_ms, changed_ms; /* 0: not yet */
    /* Since when the oldest of ambiguous_chunks is; 0: none is, or only since before this was noted.
     */
    int64_t ambiguous_since_ms;
    int64_t purged_ms; /* numbers and texts were deleted, see store/purge.h; 0: not yet */
    bool values_dropped, late_waived;
};
typedef void queue_view_fn(void *arg, enum err error, const struct campaign_view *views, size_t n);
/* One campaign by id on one carrier (its latest launch), or by seq written as "#7"; ERR_NOT_FOUND.
 */
MUST_CHECK enum err queue_find(struct store *store, const char *carrier, const char *id,
                               queue_view_fn *done, void *arg);
/* All campaigns of a carrier, newest launch of each id; `live_only`: those that may still have work
 * (scheduled, sending, paused, missed, importing), for the scheduler. */
MUST_CHECK enum err queue_list(struct store *store, const char *carrier, bool live_only,
                               queue_view_fn *done, void *arg);

struct chunk_view { /* one chunk for reports, exports and resends; borrowed */
    size_t n;
    const uint8_t *numbers,
        *states; /* a cancelled campaign's queued bytes are shown as cancelled */
    const uint8_t *values;
    size_t values_len;
    uint64_t regions_n;
    const uint8_t *regions; /* per recipient 5 bytes big-endian, or NULL */
    const uint8_t *details; /* per recipient 4 bytes: code number u16 BE, minutes since base_ms u16
                               BE; or NULL */
    int64_t base_ms; /* the later of launch and start; 65535 minutes stand for 45 days or more after
                        it */
    int64_t submitted_ms; /* first intent in this chunk, 0: none */
};
typedef void queue_chunk_fn(void *arg, enum err error, const struct chunk_view *chunk);
MUST_CHECK enum err queue_chunk(struct store *store, struct chunk_ref ref, queue_chunk_fn *done,
                                void *arg);
/* The carrier's dictionary of raw codes: codes[i] is the text of code number i (0 is ""). */
typedef void queue_codes_fn(void *arg, enum err error, const char *const *codes, size_t n);
MUST_CHECK enum err queue_codes(struct store *store, const char *carrier, queue_codes_fn *done,
                                void *arg);
/* Deletes the stored personal values of finished campaigns older than `before_ms`, a few chunks a
 * call. */
MUST_CHECK enum err queue_drop_values(struct store *store, const char *carrier, int64_t before_ms,
                                      queue_done_fn *done, void *arg);
/* Recounts all counters of a campaign from its records. ERR_STALE with a sentence when they differ.
 * For tests and operators. */
MUST_CHECK enum err queue_verify(struct store *store, const char *carrier, uint32_t seq,
                                 queue_done_fn *done, void *arg);
