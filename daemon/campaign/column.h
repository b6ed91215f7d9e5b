/* Names of spreadsheet columns: trimmed, and compared after NFKC and case folding, with zero-width
 * characters gone. Ｐｈｏｎｅ, " phone" and PHONE are one name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the form that is compared. Broken UTF-8 folds to nothing. */
void column_fold(const char *name, size_t len, struct buf *out);
/* Cuts blanks of every width, line ends, zero-width characters and BOMs off both ends. */
void column_trim(const char **text, size_t *len);

#define COLUMN_NONE ((size_t)-1)
/* The nearest of `folded` to `word` (both folded) by characters changed, if at most half of the
 * longer one differs; else COLUMN_NONE. */
size_t column_nearest(const char *word, const char *const *folded, size_t n);
