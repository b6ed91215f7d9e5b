/* How many different donors the areas have: all entries of the ledger read once into memory
 * (ledger/donors.h), and then only the new ones. Nothing of it is stored, so it is what the entries
 * say, and an entry that is missing or was changed makes it unknown. It is read when totals are
 * asked for. Internal to api/. */
#pragma once

#include "api/apicall.h"

struct donor_count;
MUST_CHECK enum err donor_count_new(struct api *api, struct donor_count **count);
void donor_count_free(struct donor_count *count); /* NULL is fine */

/* Of a call that waits; lies in its state. */
struct donor_waiter {
    struct donor_waiter *next;
    struct apicall *call;
    uint64_t entry;
    void (*then)(struct apicall *call);
};
/* Calls `then` when everything up to `entry` is read, or at once when that will not be, or takes
 * longer than a reader wants to wait: then the reading goes on, and what is asked next will know.
 * Also after the API has gone: see apicall_lives. */
void donor_count_settle(struct apicall *call, uint64_t entry, struct donor_waiter *waiter,
                        void (*then)(struct apicall *call));
/* Different donors of an area, `year` 0 all, `campaign` "" all or "-"; null: not known as of
 * `entry`.
 */
json_t *donor_count_json(const struct donor_count *count, uint64_t entry, uint64_t area,
                         uint32_t year, const char *campaign);

/* Entries that were counted may be there no more: they are counted anew. */
void donor_count_forget(struct donor_count *count);

/* For the proof. `then` once, when everything up to `entry` is read; from then on nothing more is
 * read until donor_count_go_on, and whoever asks for totals waits. It is told the last entry that
 * was read, or 0, and then nothing stands still: nothing is shown as of `entry`, because nobody has
 * asked for totals yet, or it would take longer than a reader wants to wait, or the count is of no
 * use, or Redis or the API has gone. One at a time. */
void donor_count_hold(struct donor_count *count, uint64_t entry,
                      void (*then)(void *arg, uint64_t entry), void *arg);
void donor_count_go_on(struct donor_count *count);
/* What stands still; `campaign` as above. */
uint64_t donor_count_held(const struct donor_count *count, uint64_t area, uint32_t year,
                          const char *campaign);
