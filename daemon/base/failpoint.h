/* Crash on purpose, for the tests that kill the daemon at every step.
 *
 * OUTREACH_FAILPOINT=name[:k] in the environment makes the process _exit(137) when it passes the
 * point `name` for the k-th time (default 1): no buffers are flushed, no handlers run, just as
 * after SIGKILL. Without the variable a point is one test of a bool that is never true.
 *
 * Points of the sender, in the order a chunk meets them:
 *   claim           a claimed chunk has arrived, nothing was done with it
 *   suppress        the opt-out answer for it is here, nobody is suppressed yet (passed for every
 *                   chunk)
 *   intent_before   an intent is about to be asked for
 *   intent_after    the intent is recorded, nothing is built
 *   post_before     the bytes are about to be given to the HTTP client
 *   post_after      the answer of the carrier is here, not looked at
 *   settle_before   outcomes are known here and about to be told to Redis
 *   settle_after    Redis has them
 *   release         a chunk is about to be given back
 * and of pledges by SMS:
 *   pledge_before   an uplink is a pledge or an answer, nothing was asked or posted
 *   pledge_posted   the ledger has the pledge, the uplink is not answered
 *   confirm_posted  the same for an answer
 *   receipt_before  something is owed, nothing of it is in the queue
 *   receipt_queued  the queue has a message, the ledger still owes it
 *   receipt_ordered a message is owed once more, who asked for it has not heard
 * and of an upgrade (store/migrate.lua):
 *   migrate_before  a part of a step is about to be asked for
 *   migrate_after   its answer is here, not looked at
 * and of drafts:
 *   draft_written   a changed draft is written under another name
 *   draft_synced    it is on the disk, nobody is recorded as its editor
 *   draft_between   its editor is recorded, it is not in place
 *   draft_after     it is in place, the caller has not heard
 *   upload_synced   the same of a list
 *   upload_between
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* Read only through FAILPOINT: a plain flag, so that a point costs nothing. */
extern bool failpoint_armed;

#define FAILPOINT(name)                                                                            \
    do {                                                                                           \
        if (__builtin_expect(failpoint_armed, 0))                                                  \
            failpoint_pass(name);                                                                  \
    } while (0)

/* Counts a passing and may not return. Use FAILPOINT. */
void failpoint_pass(const char *name);
/* What the environment variable does at start-up. NULL or "" disarms. errors: ERR_INVALID (no name,
 * or k is not a number from 1) */
MUST_CHECK enum err failpoint_arm(const char *spec);
