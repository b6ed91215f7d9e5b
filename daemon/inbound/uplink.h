/* Inside of inbound/ only: what people wrote back, on its way to the store. A whole text that is
 * one of the opt-out words adds its sender to the opt-outs first; any other is offered to
 * pledging/, which posts it when it is a pledge. Then the uplink is stored; the push is answered
 * when all of it is. */
#pragma once

#include "carrier/carrier.h"
#include "inbound/ticket.h"
#include "pledging/pledging.h"

#define UPLINK_TEXT_MAX_BYTES 4096 /* a longer text is cut between two characters */
#define UPLINKS_WAITING_MAX 10000  /* above it pushes are answered 503 */

struct uplink_desk;
MUST_CHECK enum err uplink_desk_new(struct store *store, struct uplink_desk **desk);
/* NULL: nobody takes pledges. */
void uplink_desk_set_pledging(struct uplink_desk *desk, struct pledging *pledging);
/* Records under way are still told to their tickets. */
void uplink_desk_free(struct uplink_desk *desk);
/* The word lists of the settings. With an error the lists before stay. errors: ERR_NOMEM,
 * ERR_INVALID */
MUST_CHECK enum err uplink_desk_set_words(struct uplink_desk *desk, const char *optout_words,
                                          const char *optout_all_words);
bool uplink_desk_is_full(const struct uplink_desk *desk);
/* Takes one uplink; the ticket waits for it. */
void uplink_desk_take(struct uplink_desk *desk, struct ticket *ticket, const char *carrier,
                      const struct carrier_uplink *uplink);
