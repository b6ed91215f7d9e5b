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
    uint32_t attempt; /* how often its message was ordered again, at most LEDGER_AGAIN_MAX */
};
#define LEDGER_AGAIN_MAX 20
/* `next`: the `after` of the next call, 0: that was all. */
typedef void ledger_owed_fn(void *arg, enum err error, const struct ledger_owing *owing, size_t n,
                            uint64_t next);
#define LEDGER_OWED_MAX 100
/* Oldest first, from the entry after `after` on, at most LEDGER_OWED_MAX. Entries that somebody has
 * damaged are left out. */
MUST_CHECK enum err ledger_owed(struct store *store, uint64_t after, ledger_owed_fn *done,
                                void *arg);
struct ledger_settled {
    uint64_t entry;
    uint32_t attempt; /* that is in the queue */
};
#define LEDGER_SETTLED_MAX 50
/* Crosses 1 to LEDGER_SETTLED_MAX of them out; twice is fine. What was ordered again meanwhile
 * stays owed. */
MUST_CHECK enum err ledger_owed_done(struct store *store, const struct ledger_settled *settled,
                                     size_t n, queue_done_fn *done, void *arg);

/* ---- what became of the messages, and saying one again ---- */

/* What became of one attempt to tell a donor. */
struct ledger_told {
    const char *carrier; /* "": nobody knows, it never came into the queue or its carrier is gone */
    uint8_t state;       /* sms/state.h; 0: nobody knows */
    const char *code;    /* as the carrier says it, "" for none */
    int64_t updated_ms, submitted_ms; /* wall, 0: not yet */
};
struct ledger_message {
    struct ledger_owing owing;
    bool is_owed; /* its last attempt is not in the queue yet, or just is */
    struct ledger_told told[LEDGER_AGAIN_MAX + 1]; /* one an attempt */
    size_t n_told;                                 /* from 1 */
};
typedef void ledger_messages_fn(void *arg, enum err error, const char *reason,
                                const struct ledger_message *messages, size_t n);
/* The messages of a pledge, by its number or a receipt's, oldest first. They are looked for in the
 * queues of `carriers`, whose names are divided by blanks. errors: ERR_NOT_FOUND */
MUST_CHECK enum err ledger_messages(struct store *store, const char *number, const char *carriers,
                                    ledger_messages_fn *done, void *arg);

struct ledger_again {
    uint64_t entry;
    const char *request; /* the same again orders nothing */
    bool anyway;         /* also when the donor has it or may have it */
    const char *carriers;
};
struct ledger_ordered {
    uint32_t attempt;
    bool is_repeated;
    const char *refusal; /* of ERR_REFUSED: "state" "optout" "again" "request" */
};
typedef void ledger_again_fn(void *arg, enum err error, const char *reason,
                             const struct ledger_ordered *ordered);
/* The message for an entry is owed once more, under a name of its own, so that the queue takes it.
 * errors: ERR_REFUSED (one is still under way, the pledge is void, the donor wants nothing …),
 * ERR_NOT_FOUND */
MUST_CHECK enum err ledger_again(struct store *store, const struct ledger_again *order,
                                 ledger_again_fn *done, void *arg);
