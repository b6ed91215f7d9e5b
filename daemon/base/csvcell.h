/* Cells of CSV files that we write (RFC 4180), safe to open in a spreadsheet program. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* A spreadsheet would take this cell for a formula: it begins with = + - @, a tab or a line end, or
 * with the full-width form of one of those signs, which Chinese and Japanese spreadsheets read
 * alike. */
bool csvcell_is_formula(const char *cell);
/* At the beginning of a file that people open: spreadsheet programs take it for GB18030 without. */
#define CSVCELL_BOM "\xEF\xBB\xBF"
/* Appends the cell, in quotation marks where it needs them; one that is_formula gets an apostrophe
 * in front. For figures of our own that may be negative use buf_add_text. */
void csvcell_add(struct buf *out, const char *cell);
/* The same cell read back: does it begin with such an apostrophe? Not terminated. */
bool csvcell_is_defused(const char *cell, size_t len);
