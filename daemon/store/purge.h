/* Retention: deletes what campaigns that were over long ago knew of people (numbers, regions,
 * personal values, texts; their numbers in the dedup group), and old replies. Their figures stay.
 * Over is what finished, and what nobody decided about (missed, paused, never sent) when its end is
 * as long ago: that is cancelled first. An import that was broken off is thrown away.
 * Bounded steps; what is cut off anywhere is taken up by the next run. Open campaigns (receipts,
 * replies) are not touched, nor opt-outs, nor the ledger. */
#pragma once

#include "store/queue.h"

struct purge_campaign { /* borrowed */
    const char *id;
    uint32_t seq;
    uint64_t accepted;
    int64_t finished_ms; /* or since when it stood still */
};
struct purge_options {
    const char *carrier; /* copied */
    int64_t now_ms, keep_ms;
    bool dry_run;           /* only tells */
    uint32_t campaigns_max; /* no more than that; 0: all */
    /* Each that was purged, or would be. May be NULL. */
    void (*on_campaign)(void *arg, const struct purge_campaign *campaign);
    /* Once. `uplinks`: how many were deleted, or would be. */
    void (*on_done)(void *arg, enum err error, const char *reason, uint64_t uplinks);
    void *arg;
};
/* errors: those of redis_call, ERR_NOMEM */
MUST_CHECK enum err purge_run(struct store *store, const struct purge_options *options);
