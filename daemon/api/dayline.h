/* How the money of a day grew, for the line over the day: the day's entries read once for
 * everybody, and then only the new ones. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "store/ledger.h"

struct dayline;
MUST_CHECK enum err dayline_new(struct api *api, struct dayline **dayline);
void dayline_free(struct dayline *dayline); /* NULL is fine */
/* Entries that were read may be there no more: the next line is read anew. */
void dayline_forget(struct dayline *dayline);

/* What one entry adds to the money that was pledged and that arrived, and to the pledges of money;
 * pure. False: nothing. */
struct dayline_step {
    int64_t pledged_fen, arrived_fen, pledges;
};
bool dayline_step(const struct ledger_entry *entry, struct dayline_step *step);
