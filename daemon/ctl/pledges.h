/* What the commands of the pledge ledger share: paths with a query, numbers, amounts for people. */
#pragma once

#include "ctl/common.h"
#include "pledge/number.h"

#define PLEDGES_PATH_MAX 1024
/* "/api/v1/…?region=51&…" with each of `options` that was given, percent-encoded. */
struct pledges_query {
    enum ctl_option option;
    const char *name;
};
void pledges_path(const struct ctl *ctl, const char *path, const struct pledges_query *queries,
                  size_t n, char out[PLEDGES_PATH_MAX]);
/* The number in its one form; false: it is none (said). */
bool pledges_number(const struct ctl *ctl, const char *typed, char out[NUMBER_TEXT_SIZE]);
bool pledges_whole_number(const char *text, int64_t *value);

#define PLEDGES_AMOUNT_SIZE 128
/* "12.50", "20 袋", "" for nothing: of an entry. */
const char *pledges_entry_amount(const json_t *entry, char out[PLEDGES_AMOUNT_SIZE]);
/* `which` of "pledged", "arrived" …: of a pledge. */
const char *pledges_amount(const json_t *pledge, const char *which, char out[PLEDGES_AMOUNT_SIZE]);
