/* Reply words such as R, TD, 退订: compared after trimming and folding (NFKC, case), and only when the whole text is the
 * word. "R" is an opt-out, "请问R是什么" is not. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends the folded form of `text`: NFKC, case-folded, zero-width characters gone, surrounding blanks and closing
 * punctuation (。.!！) gone. Broken UTF-8 folds to nothing. */
void keyword_fold(const char *text, size_t len, struct buf *out);

struct keyword_set;
/* `words` is a list split at blanks or commas (also ，、). errors: ERR_NOMEM, ERR_INVALID (bad UTF-8) */
MUST_CHECK enum err keyword_set_new(const char *words, struct keyword_set **set);
void keyword_set_free(struct keyword_set *set);
/* The whole of `text` is one of the words. */
bool keyword_set_has(const struct keyword_set *set, const char *text, size_t len);
