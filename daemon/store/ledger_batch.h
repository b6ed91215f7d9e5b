/* Pledges that come together, such as those of one turn of the webhook, posted in one call: most of
 * what a pledge costs Redis is what it adds to the totals of every area above it, and that is added
 * up first. Each is booked or refused by itself, as if it had been posted alone, in the order of
 * their coming. */
#pragma once

#include "store/ledger.h"

struct event_base;
struct ledger_batch;
MUST_CHECK enum err ledger_batch_new(struct event_base *base, struct store *store,
                                     struct ledger_batch **batch);
/* Not from within one of its callbacks. Those who wait are still told, with ERR_CLOSED if their
 * call was not sent. NULL is fine. */
void ledger_batch_free(struct ledger_batch *batch);

#define LEDGER_BATCH_MAX 32 /* in one call: some two milliseconds of Redis' time */
/* As ledger_post, for an entry of type LEDGER_PLEDGE; `done` runs from a later turn. Copied.
 * errors: ERR_NOMEM; ERR_RANGE (another type, a negative amount, a day or year that is none) */
MUST_CHECK enum err ledger_batch_post(struct ledger_batch *batch, const struct ledger_entry *entry,
                                      uint32_t pledges_a_day, int64_t now_ms,
                                      ledger_posted_fn *done, void *arg);
