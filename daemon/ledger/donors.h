/* How many different donors an area, a year and a campaign have, worked out from the entries alone,
 * one by one in their order. A donor counts while one of her pledges at least counts as pledged
 * (docs/ledger.md, measure p): confirmed, not void, not withdrawn, not wholly transferred. Pure: no
 * I/O.
 *
 * Who is one donor: one mobile number, whatever the name; without a number an organisation by its
 * name; a person without a number by her name and township, because many have the same name; a
 * pledge with neither is a donor of its own. These are compared by 64 bits of a hash. A pledge
 * takes about 80 bytes. */
#pragma once

#include "base/error.h"
#include "store/ledger.h"

struct donors;
#define DONORS_PLEDGES_MAX 5000000 /* some 500 MB: what a daemon keeps, and what a proof counts */
/* `pledges_max`: more are refused. */
MUST_CHECK enum err donors_new(size_t pledges_max, struct donors **donors);
void donors_free(struct donors *donors); /* NULL is fine */
/* errors: ERR_NOMEM, ERR_TOO_BIG, ERR_INVALID (of a pledge that was never made). It is of no use
 * any more after one. */
MUST_CHECK enum err donors_add(struct donors *donors, const struct ledger_entry *entry);
/* `year` 0: all. `campaign` "" all, "-" of none. The nation is area 0. */
uint64_t donors_count(const struct donors *donors, uint64_t area, uint32_t year,
                      const char *campaign);
size_t donors_bytes(const struct donors *donors); /* what it takes of memory */
