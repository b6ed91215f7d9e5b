/* Inside of pledging/ only: works off what donors are owed a message for. See pledging.h. */
#pragma once

#include "pledging/pledging.h"

#define RECEIPTS_LOOK_MS 5000  /* what another daemon posted, or what a crash left */
#define RECEIPTS_RETRY_MS 1000 /* after a failure */

struct receipts;
MUST_CHECK enum err receipts_new(struct pledging *pledging, struct receipts **receipts);
void receipts_free(struct receipts *receipts); /* NULL is fine */
void receipts_wake(struct receipts *receipts);
const struct pledging_waiting *receipts_waiting(const struct receipts *receipts);
/* pledging_text */
const char *receipts_text(const struct pledging *pledging, const struct ledger_owing *owing,
                          struct buf *text, const char **carrier);
