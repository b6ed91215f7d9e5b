/* What donors are owed a message for. The ledger writes it in the same call as the entry; whoever
 * has put the message into the queue (queue_append, with a request made of the entry's number)
 * crosses it out. Killed in between, the message is asked for again and the queue knows it already.
 *
 * Owed for: pledges, confirmations, arrivals and tickets with a campaign, of donors with a mobile.
 */
#pragma once

#include "store/ledger.h"
#include "store/queue.h"

struct ledger_owing {
    struct ledger_entry entry;  /* what the message is for */
    struct ledger_entry pledge; /* the first entry of its pledge: the donor stands there */
    enum ledger_state state;    /* of the pledge now; never LEDGER_LAPSED */
    bool is_reversed;           /* the entry was taken back since */
};
/* `next`: the `after` of the next call, 0: that was all. */
typedef void ledger_owed_fn(void *arg, enum err error, const struct ledger_owing *owing, size_t n,
                            uint64_t next);
#define LEDGER_OWED_MAX 100
/* Oldest first, from the entry after `after` on, at most LEDGER_OWED_MAX. Entries that somebody has
 * damaged are left out. */
MUST_CHECK enum err ledger_owed(struct store *store, uint64_t after, ledger_owed_fn *done,
                                void *arg);
/* Crosses one out; twice is fine. */
MUST_CHECK enum err ledger_owed_done(struct store *store, uint64_t entry, queue_done_fn *done,
                                     void *arg);
