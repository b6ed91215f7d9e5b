/* Work that would hold the loop up (fsync, the digest of a large file) runs in one thread of its
 * own, one piece after the other; the loop hears of its end. */
#pragma once

#include "base/error.h"

struct event_base;
struct offload;

/* errors: ERR_NOMEM, ERR_IO (no thread, no eventfd) */
MUST_CHECK enum err offload_new(struct event_base *base, struct offload **offload);
/* Ends the work that was given, then runs what is owed to the loop; NULL is fine. */
void offload_free(struct offload *offload);
/* `work` runs in the thread and touches nothing but `arg`; then `done` runs from the loop, never
 * from this call. errors: ERR_NOMEM (neither runs) */
MUST_CHECK enum err offload_run(struct offload *offload, void (*work)(void *arg),
                                void (*done)(void *arg), void *arg);
