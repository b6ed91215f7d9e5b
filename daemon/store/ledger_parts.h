/* Inside this room only: what the files of the ledger share. */
#pragma once

#include "store/call.h"
#include "store/ledger.h"
#include "store/ledger_proof.h"

#define LEDGER_NUMBER_SIZE 24

/* yyyymmdd of the local day. */
uint32_t ledger_day_of(const struct store *store, int64_t now_ms);
/* No negative amount, and days and years of the calendar. */
MUST_CHECK bool ledger_is_postable(const struct ledger_entry *entry);
/* What came of one entry. Borrows from the answer. */
void ledger_posted_read(const struct answer *answer, struct ledger_posted *posted);

/* Name and value of everything that is given. `space` holds numbers as text until the call is sent. */
void ledger_entry_write(struct call *call, const struct ledger_entry *entry, char space[LEDGER_FIELDS][LEDGER_NUMBER_SIZE]);

/* "0" or 12 digits. */
void ledger_area_text(uint64_t area, char out[LEDGER_NUMBER_SIZE]);
MUST_CHECK bool ledger_area_read(const char *text, size_t len, uint64_t *area);
/* Up to 18 digits and nothing else. */
MUST_CHECK bool ledger_number_read(const char *text, size_t len, uint64_t *value);

struct redisReply;
/* Rows of an XRANGE answer: [[id, [field, value, …]], …]. Rows borrow from the reply.
 * gives: how many were written. */
size_t ledger_rows_of(const struct redisReply *reply, struct ledger_row *rows, size_t most);

/* The name of a figure, "cash|pn" or "goods|PQ|大米|袋", into *row (item and unit point to `name`, which is changed).
 * false: it is none of ours. */
MUST_CHECK bool ledger_figure_parse(char *name, struct ledger_figure_row *row);
