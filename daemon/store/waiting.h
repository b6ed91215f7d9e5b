/* Uplinks that were stored with the meaning UPLINK_WAITS (status_uplink): they cannot be read yet,
 * because the campaign they belong to has no definition just now. They stay on a list of their
 * carrier until somebody has taken them; whose text was purged drops out by itself.
 *
 * Calls as in store/queue.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "store/queue.h"

struct store;

#define UPLINK_WAITS "pledge_waits"
#define WAITING_MAX 100 /* in one answer */

struct waiting_uplink { /* borrowed */
    const char *place;  /* for waiting_taken */
    const char *id, *text, *service_code;
    size_t text_len;
    uint64_t number;
    int64_t sent_ms, came_ms; /* sent 0: not told */
};
/* `total` wait in all, the oldest since `since_ms`. */
typedef void waiting_list_fn(void *arg, enum err error, uint64_t total, int64_t since_ms,
                             const struct waiting_uplink *uplinks, size_t n);
/* Oldest first, without the first `skip` of them, at most WAITING_MAX. */
MUST_CHECK enum err waiting_list(struct store *store, const char *carrier, uint64_t skip,
                                 waiting_list_fn *done, void *arg);
/* It waits no more; twice is fine. */
MUST_CHECK enum err waiting_taken(struct store *store, const char *carrier, const char *place,
                                  queue_done_fn *done, void *arg);
