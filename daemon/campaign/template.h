/* ((column)) personalisation. （（列））, full-width, is the same. A column name is trimmed and
 * compared after NFKC and case folding. "((" without a closing "))" on the same line is literal
 * text. Of several "((" before a "))" the last one counts: "(((姓名)))" is a name in parentheses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TEMPLATE_COLUMNS_MAX 64
#define TEMPLATE_TEXT_MAX_BYTES 16384

struct template;

/* Compiles the whole message: 【signature】 (unless the carrier adds it: then it is only counted),
 * text, opt-out wording.
 * errors: ERR_INVALID with a sentence in `problem`, ERR_NOMEM. */
MUST_CHECK enum err template_compile(const char *signature, bool signature_added_by_carrier,
                                     const char *text, const char *optout, struct template **tmpl,
                                     struct buf *problem);
void template_free(struct template *tmpl); /* NULL is fine */
/* The columns it uses, each once, in the order of first use, as written there (trimmed). */
size_t template_columns(const struct template *tmpl, const char *const **names);
bool template_is_personal(const struct template *tmpl);
/* Units of what the villager gets (signature counted in every case) for these values, without
 * building the text. `value_units`: one for each column; NULL for a text without columns. */
uint32_t template_units(const struct template *tmpl, const uint32_t *value_units);
/* Appends one value in the stored form of plan_block.values. */
void template_store_value(struct buf *values, const char *value, size_t len);
/* Appends the text to be sent; `values` in the stored form of plan_block.values (NULL, 0 for a text
 * without columns). errors: ERR_INVALID when the values do not fit the columns; ERR_NOMEM. Nothing
 * was appended then. */
MUST_CHECK enum err template_expand(const struct template *tmpl, const uint8_t *values, size_t len,
                                    struct buf *out);
/* The same for showing to a person: the signature is in it even when the carrier adds it. */
MUST_CHECK enum err template_expand_shown(const struct template *tmpl, const uint8_t *values,
                                          size_t len, struct buf *out);
