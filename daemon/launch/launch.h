/* From a definition to a committed queue: the import job. It reads through campaign/plan, asks
 * opt-outs and dedup group, stages chunk by chunk with a bounded number of chunks under way,
 * commits. Killed at any point it sends nothing and can be launched again. A turn of the loop never
 * takes more than some milliseconds. */
#pragma once

#include "campaign/definition.h"
#include "store/optout.h"
#include "store/store.h"

struct event_base;
struct launcher;

struct launch_request {
    const char *file;  /* absolute path of the definition */
    const char *actor; /* "uid:clerk1", "sim" … */
    bool now; /* start now instead of the definition's start (its window and end still hold) */
    bool again;
    const char *reason;        /* with again */
    int64_t expect_recipients; /* < 0: any */
    /* When not NULL: an import that meets another number ends. In order; copied. */
    const uint64_t *only;
    size_t n_only;
};
enum launch_phase { LAUNCH_READING, LAUNCH_COMMITTING, LAUNCH_DONE, LAUNCH_FAILED };
struct launch_view {
    const char *id, *carrier;
    uint32_t seq;
    enum launch_phase phase;
    uint64_t rows, accepted, read_bytes, all_bytes;
    const char *reason; /* of LAUNCH_FAILED: a sentence */
    bool refused;       /* of LAUNCH_FAILED: by a rule, or by a person; nothing is out of order */
};

MUST_CHECK enum err launcher_new(struct event_base *base, struct store *store, const char *owner,
                                 struct launcher **launcher);
void launcher_free(struct launcher *launcher);
/* Settings are borrowed until the next call of this. A running import keeps its definition. */
void launcher_set_settings(struct launcher *launcher, const struct settings *settings);

/* Checks the definition and starts. `started` runs once: ERR_OK when queue_begin said yes (the
 * import goes on in the background, see launch_view), else with the reason. errors as return: only
 * ERR_NOMEM, ERR_BUSY (LAUNCH_JOBS_MAX imports run). */
#define LAUNCH_JOBS_MAX 16
typedef void launch_started_fn(void *arg, enum err error, const char *reason, const char *id,
                               const char *carrier);
MUST_CHECK enum err launcher_start(struct launcher *launcher, const struct launch_request *request,
                                   launch_started_fn *started, void *arg);

/* A child campaign of those who were provably not reached: undelivered or expired with a temporary
 * code, or rejected. Never one who is delivered, accepted or ambiguous. Its id is PARENT-r1, -r2 …
 * `codes` tells which codes are temporary. */
struct codes;
MUST_CHECK enum err launcher_resend(struct launcher *launcher, const char *carrier,
                                    const char *parent_id, bool temporary, bool rejected,
                                    const char *actor, const char *reason,
                                    int64_t expect_recipients, /* < 0: any */
                                    bool (*is_temporary)(void *ctx, const char *code), void *ctx,
                                    launch_started_fn *started, void *arg);

/* What that would be, before it is done: nothing is written. */
#define LAUNCH_COUNT_FIRST 20
struct launch_count {
    const char *id; /* of the child */
    uint64_t people, opted_out, duplicate, segments, cost_fen;
    uint64_t first[LAUNCH_COUNT_FIRST]; /* numbers of the first of them */
    size_t n_first;
};
/* `count` NULL with an error. */
typedef void launch_counted_fn(void *arg, enum err error, const char *reason,
                               const struct launch_count *count);
/* errors as return: ERR_BUSY (LAUNCH_COUNTS_MAX are counted), ERR_NOT_FOUND (the carrier is not
 * configured any more), ERR_NOMEM, those of Redis; then `done` does not run */
#define LAUNCH_COUNTS_MAX 8
MUST_CHECK enum err launcher_count_resend(struct launcher *launcher, const char *carrier,
                                          const char *parent_id, bool temporary, bool rejected,
                                          bool (*is_temporary)(void *ctx, const char *code),
                                          void *ctx, launch_counted_fn *done, void *arg);

/* The job of this id, running or ended within the last hour; NULL when there is none. */
const struct launch_view *launcher_view(const struct launcher *launcher, const char *id);
size_t launcher_running(const struct launcher *launcher);
/* All of them, newest first, at most `max`. gives: how many. */
size_t launcher_views(const struct launcher *launcher, const struct launch_view **views,
                      size_t max);
/* Throws a running import away; its view gets this reason. false: there is none, or it is
 * committing already. */
bool launcher_stop(struct launcher *launcher, const char *id, const char *reason);
/* Called after each commit, so that the scheduler looks at once. */
void launcher_on_commit(struct launcher *launcher, void (*fn)(void *arg, const char *carrier),
                        void *arg);
