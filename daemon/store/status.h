/* Status reports and uplinks: stored before they are answered. */
#pragma once

#include "store/queue.h"

struct status_report {
    const char *batch; /* the carrier's id of the request */
    uint64_t number;
    enum recipient_state to; /* DELIVERED, UNDELIVERED, EXPIRED; or 0: only note the code (unknown
                                or intermediate) */
    const char *code;
    int64_t submitted_ms; /* 0: not told */
    bool unknown_code;    /* in no table: counted for the alarm (carrier_view.unknown_codes) */
};
struct status_stored {
    /* changed + repeated + parked + noted + contradictions = reports given. repeated: nothing new.
     * noted: code kept, no state. contradictions: against what is known (failed after delivered, or
     * a recipient we never sent to): kept out of the states */
    uint64_t changed, repeated, parked, noted, contradictions;
    uint64_t cured; /* of changed: ambiguous recipients whose fate is now known */
};
typedef void status_stored_fn(void *arg, enum err error, const struct status_stored *stored);
/* Stores all of them in one call. Reports of an unknown batch are first tried on open ambiguous
 * recipients (number, time), else parked. ERR_BUSY: parked_max is reached (answer 503). allow-oom.
 */
MUST_CHECK enum err status_report(struct store *store, const char *carrier,
                                  const struct status_report *reports, size_t n,
                                  uint32_t parked_max, int64_t now_ms, status_stored_fn *done,
                                  void *arg);
/* Throws parked reports away whose batch was first heard of more than parked_for_ms ago, a bounded
 * number a call and call after call until none is left. */
MUST_CHECK enum err status_expire_parked(struct store *store, const char *carrier,
                                         int64_t parked_for_ms, int64_t now_ms, queue_done_fn *done,
                                         void *arg);

struct uplink_record {
    const char *id; /* carrier_uplink.id */
    uint64_t number;
    const char *text; /* UTF-8, at most 4 KiB */
    size_t text_len;
    const char *service_code;
    const char *meaning; /* "optout", "optout_all", "other", or a word of pledging/pledging.h */
    int64_t sent_ms;
};
/* *fresh: false for a repetition of a push that is stored already. Kept in a capped stream.
 * allow-oom. */
typedef void status_uplink_fn(void *arg, enum err error, bool fresh);
MUST_CHECK enum err status_uplink(struct store *store, const char *carrier,
                                  const struct uplink_record *uplink, int64_t now_ms,
                                  status_uplink_fn *done, void *arg);

/* A test message of ours has this id at the carrier: its reports are not parked as somebody else's.
 * Nobody waits for it; when it is lost they are, and go as all others that belong to none. */
void status_tested(struct store *store, const char *carrier, const char *batch);

/* The account and its figures. */
struct carrier_view {
    const char *state; /* "running", "paused" (by a person), "stopped" (by a fault) */
    const char *reason, *actor, *code;
    int64_t since_ms, resume_at_ms; /* resume_at: a quota fault tries again, a pause for a time
                                       ends; 0: a person has to */
    int64_t rest_ms; /* until then by the clock of Redis, 0: it is time, or none of both */
    uint64_t accepted, rejected, ambiguous, requests, reports, uplinks, parked, unknown_codes,
        contradictions;
    int64_t parked_oldest_ms;
    const char *last_unknown_code;
};
typedef void status_carrier_fn(void *arg, enum err error, const struct carrier_view *view);
MUST_CHECK enum err status_carrier(struct store *store, const char *carrier,
                                   status_carrier_fn *done, void *arg);
enum carrier_act { CARRIER_PAUSE, CARRIER_RESUME, CARRIER_STOP, CARRIER_RETRY };
/* STOP and PAUSE end by themselves after `rest_ms`, 0: a person has to resume it. STOP keeps the
 * first fault's code and time when it is stopped already; only a fault that waits for a person
 * replaces a quota's rest. RETRY ends such a rest, or a pause for a time, when its time has come;
 * ERR_REFUSED: it has not, or the account is stopped or paused for something else by now. */
MUST_CHECK enum err status_carrier_act(struct store *store, const char *carrier,
                                       enum carrier_act act, const char *actor, const char *reason,
                                       const char *code, int64_t rest_ms, int64_t now_ms,
                                       queue_done_fn *done, void *arg);

/* Daemons that share this Redis. */
#define STATUS_DAEMON_GONE_MS                                                                      \
    60000 /* a daemon that was not seen for this long is gone: beat at least every 20 s */
struct daemon_beat {
    const char *id, *host, *version;
    int64_t pid, started_ms, seen_ms;
    uint64_t inflight, claims;
};
MUST_CHECK enum err status_beat(struct store *store, const struct daemon_beat *beat,
                                queue_done_fn *done, void *arg);
typedef void status_daemons_fn(void *arg, enum err error, const struct daemon_beat *beats,
                               size_t n);
MUST_CHECK enum err status_daemons(struct store *store, status_daemons_fn *done, void *arg);

/* What people did: one line each, in a chain of digests. `via` and `address`: where it came from,
 * NULL when only the effect is told. */
struct audit_line {
    int64_t at_ms;
    const char *actor, *act, *object, *detail;
    const char *via, *address;  /* NULL: none, as of what the daemon does by itself */
    const char *before, *after; /* of what was changed; NULL: none */
    bool is_refused; /* nothing was done. Of these 100 an hour are kept: they cost nothing */
};
MUST_CHECK enum err status_audit(struct store *store, const struct audit_line *line,
                                 queue_done_fn *done, void *arg);
struct audit_seen {
    const char *id; /* for `before` of the next page */
    struct audit_line line;
};
typedef void status_audit_fn(void *arg, enum err error, const struct audit_seen *lines, size_t n);
/* Newest first. `before` "": from the newest. At most AUDIT_PAGE_MAX. */
#define AUDIT_PAGE_MAX 500
MUST_CHECK enum err status_audit_page(struct store *store, const char *before, uint32_t most,
                                      status_audit_fn *done, void *arg);
/* Walks through the chain, page by page. `bad_id` "": every line fits the one before, and the last
 * one is the last that was written. It proves that nobody changed a line without writing the chain
 * anew from there on; `head`, kept elsewhere, proves that too. */
struct audit_proof {
    uint64_t lines, ever; /* looked at; written in all, trimmed ones too */
    char bad_id[48], head[48];
};
typedef void status_audit_proof_fn(void *arg, enum err error, const struct audit_proof *proof);
MUST_CHECK enum err status_audit_verify(struct store *store, status_audit_proof_fn *done,
                                        void *arg);
