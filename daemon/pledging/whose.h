/* Inside of pledging/ only: which of the launched campaigns was a number sent to last, and with
 * which region?
 *
 * The list of launches of a carrier and an index of the numbers of each (numbers.h) are kept in
 * memory, because people answer in crowds. Redis is asked every time all the same, in one call that
 * looks at the one chunk which the index names: it says when anybody has launched something since
 * the list was read, and then all of this is looked at anew. What is purged is not found there any
 * more. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/launches.h"

#define WHOSE_CAMPAIGNS_MAX                                                                        \
    LAUNCHES_RANGES_MAX               /* of which a number is looked for, newest first             \
                                       */
#define WHOSE_RECIPIENTS_MAX 5000000u /* and their recipients */
/* Numbers in all indexes, six bytes each; an index that was not asked for WHOSE_IDLE_MS makes room.
 * Campaigns for which there is none are looked through chunk by chunk. */
#define WHOSE_INDEXED_MAX 3000000u
#define WHOSE_IDLE_MS 600000

struct whose;
MUST_CHECK enum err whose_new(struct store *store, struct whose **whose);
/* Searches under way are still told to their callbacks, with ERR_CLOSED. NULL is fine. */
void whose_free(struct whose *whose);

/* May it be this campaign? Asked for each launch, newest first; may be asked again. */
typedef bool whose_fits_fn(void *arg, const struct launch *launch);
/* `id`: of the campaign, NULL: the number is in none of them. Borrowed. `region`: of its row, 0:
 * none. */
typedef void whose_done_fn(void *arg, enum err error, const char *id, uint64_t region);
/* Also for whose_by_code alone: then nothing `fits`. */
MUST_CHECK enum err whose_find(struct whose *whose, const char *carrier, uint64_t number,
                               int64_t mono_ms, whose_fits_fn *fits, whose_done_fn *done,
                               void *arg);

/* The launch whose extension digits stand at the end of the service code, behind the account's own
 * (`before`, "" for none), and are more than `longer_than`: the one with the most, of these the
 * newest. Only those that take pledges and of which `may` says so. Of the launches as the last
 * whose_find of this carrier saw them, so from a whose_done_fn. gives: its id, borrowed until the
 * next turn; NULL: there is none */
const char *whose_by_code(const struct whose *whose, const char *carrier, const char *service_code,
                          const char *before, size_t longer_than,
                          bool (*may)(void *arg, const char *id), void *arg);
