/* Inside this room only: giving numbers of a dedup group back. Owners are named "carrier:seq"
 * there. */
#pragma once

#include "store/call.h"

/* `numbers`: n packed numbers that were not sent to; NULL: all of the campaign's at once, because
 * it never sent anything. */
MUST_CHECK enum err owners_free(struct store *store, const char *group, const char *carrier,
                                uint32_t seq, const uint8_t *numbers, size_t n, queue_done_fn *done,
                                void *arg);
/* Cancelled campaigns whose unsent numbers are still reserved: frees them, chunk by chunk, in the
 * background. What is cut off is taken up by the next call; nobody waits for it. */
void owners_free_cancelled(struct store *store, const char *carrier);
