/* Tables that line up in a terminal, Chinese text included: a cell is as wide as the sum of its
 * characters' columns. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

#define TABLE_COLUMNS_MAX 16

struct table;
/* `headers` begin with '>' for a column that is aligned to the right. errors: ERR_NOMEM */
MUST_CHECK enum err table_new(const char *const *headers, size_t n, struct table **table);
void table_free(struct table *table);
/* Adds a row; cells are copied, NULL is empty. Control characters are shown as '?', so that nothing
 * that came from outside can steer the terminal. Without memory the row is left out and table_print
 * says so. */
void table_row(struct table *table, const char *const *cells);
void table_print(const struct table *table, FILE *out);
size_t table_rows(const struct table *table);

/* Columns of the terminal that `text` takes (a Chinese character takes two). Broken UTF-8 counts
 * one a byte. */
size_t table_width(const char *text);
/* Copies with control characters and broken bytes as '?'; cut to fit at a character, always
 * terminated. */
void table_clean(const char *text, char *out, size_t out_size);
