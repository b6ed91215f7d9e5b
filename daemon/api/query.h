/* Reading what stands in a path or behind its question mark; false means that the call was answered
 * with the mistake. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "pledge/area.h"
#include "pledge/number.h"

/* Nothing stands behind the question mark that the route does not know, and nothing twice: what is
 * mistyped is told, because a parameter that is not seen may turn a check into a booking. */
bool query_check(struct apicall *call);
/* A text of at most `max` bytes, "" when absent. */
bool query_text(struct apicall *call, const char *name, size_t max, const char **out);
/* A whole number up to `max`; `fallback` when absent. */
bool query_number(struct apicall *call, const char *name, uint64_t fallback, uint64_t max,
                  uint64_t *out);
/* "1", "true", "yes" or nothing behind the name; "0", "false", "no" or absent. */
bool query_flag(struct apicall *call, const char *name, bool *out);
/* `limit` and `cursor` of a list: so many rows at most, behind the one that the cursor of the page
 * before names. A cursor is made and read by the list itself; "" begins at the first row. */
#define QUERY_PAGE_DEFAULT 100
#define QUERY_PAGE_MAX 500
#define QUERY_CURSOR_SIZE 192
bool query_page(struct apicall *call, uint64_t *limit, const char **cursor);
/* Answers that the cursor is none. */
void query_refuse_cursor(struct apicall *call);
/* One of `words` (NULL at the end); *index is -1 when absent. */
bool query_word(struct apicall *call, const char *name, const char *const *words, int *index);
/* An area code in the user's area; `fallback` when absent, and the user's own for a fallback of 0.
 */
bool query_area(struct apicall *call, const char *name, uint64_t fallback, uint64_t *out);
/* A day as yyyymmdd; 0 when absent. */
bool query_day(struct apicall *call, const char *name, uint32_t *out);
/* An activity year; 0 when absent. */
bool query_year(struct apicall *call, uint32_t *out);
/* An id, or "-" for "of no campaign"; "" when absent. */
bool query_campaign(struct apicall *call, const char **out);
bool query_mobile(struct apicall *call, const char *name, uint64_t *out); /* 0 when absent */
/* The number of a pledge or a receipt. */
bool query_number_text(struct apicall *call, const char *text, struct number *number);
