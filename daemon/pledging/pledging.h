/* Pledges by SMS: from what a villager writes to an entry in the ledger, and from an entry to the
 * message that thanks for it.
 *
 * In: pledging_take decides whether an uplink is a pledge or the answer to a confirmation request,
 * for which campaign and area, and posts it. The id of the uplink is the id of the request, so the
 * same uplink pushed again is the same entry.
 *
 * Out: the ledger keeps a list of what donors are owed a message for, written in the same call as
 * the entry (store/ledger_owed.h). It is worked off here: text, then queue_append with the entry's
 * number as request, then crossed out. Killed anywhere, nothing is said twice and nothing is lost.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "conf/settings.h"
#include "store/ledger_owed.h"

struct event_base;
struct pledging;
struct store;

MUST_CHECK enum err pledging_new(struct event_base *base, struct store *store,
                                 struct pledging **pledging);
/* Uplinks under way are still told to their callbacks, with ERR_CLOSED. NULL is fine. */
void pledging_free(struct pledging *pledging);
/* Borrowed until the next call. */
void pledging_set_settings(struct pledging *pledging, const struct settings *settings);
/* `fn` runs when a message was appended to this carrier's queue. */
void pledging_on_queued(struct pledging *pledging, void (*fn)(void *arg, const char *carrier),
                        void *arg);
/* Something was posted, or Redis is ready: looks soon for what is owed. It is looked for by itself
 * every few seconds, too. */
void pledging_wake(struct pledging *pledging);

#define PLEDGING_NAME_SIZE 65 /* of a campaign or a carrier, with its zero */
#define PLEDGING_REASON_SIZE 192
/* Messages that donors are owed and that cannot be put into the queue as things are. */
struct pledging_waiting {
    uint64_t n;
    /* Of the oldest: when its entry was posted (wall), its campaign, and why it waits. */
    int64_t since_ms;
    char campaign[PLEDGING_NAME_SIZE];
    char reason[PLEDGING_REASON_SIZE];
};
/* As this daemon last went through the whole list. Borrowed, until the loop turns. */
const struct pledging_waiting *pledging_waiting(const struct pledging *pledging);

#define PLEDGING_TEXT_MAX_BYTES 8192
/* What the donor would be told for an entry, if it were said now, appended to `text`, and over
 * which carrier (NULL: nobody asks; left as it is without a definition). gives: NULL, or why
 * nothing would be said, a sentence. */
const char *pledging_text(const struct pledging *pledging, const struct ledger_owing *owing,
                          struct buf *text, const char **carrier);

/* The same of uplinks that wait because their campaign has no definition here. */
const struct pledging_waiting *pledging_replies(const struct pledging *pledging);

struct pledging_uplink { /* borrowed until pledging_take returns */
    const char *carrier, *id;
    uint64_t mobile;
    const char *text;
    size_t text_len;
    const char *service_code;
    int64_t sent_ms; /* wall; 0: not told */
    int64_t came_ms; /* wall; 0: now */
};
/* `meaning`: what it was: "pledge" "confirm" "pledge_refused" "pledge_unclear" "other", or
 * UPLINK_WAITS (store/waiting.h): its campaign has no definition just now, and once it is stored
 * with this meaning it is offered again from here. An error: nobody knows, the uplink has to be
 * pushed again. */
typedef void pledging_taken_fn(void *arg, enum err error, const char *meaning);
/* errors: ERR_NOT_FOUND (it is about something else: no callback), ERR_NOMEM, ERR_CLOSED */
MUST_CHECK enum err pledging_take(struct pledging *pledging, const struct pledging_uplink *uplink,
                                  pledging_taken_fn *done, void *arg);
