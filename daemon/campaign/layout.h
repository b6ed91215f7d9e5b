/* Which column of the table is what: the number, the region, and those that the text uses. */
#pragma once

#include "base/buf.h"
#include "campaign/recipients.h"
#include "campaign/template.h"

#define LAYOUT_NONE ((size_t)-1)

struct layout {
    size_t chosen[TEMPLATE_COLUMNS_MAX + 2]; /* header columns, each once: for recipients_choose */
    size_t n_chosen;
    /* Places among the chosen. */
    size_t number, region; /* region: LAYOUT_NONE when there is no such column */
    size_t values[TEMPLATE_COLUMNS_MAX];
};

/* The number stands in the one column called 手机, 手机号, 手机号码, 电话, mobile or phone.
 * errors: ERR_INVALID with a sentence in `problem`: no such column or several, a column of the text
 * that is not there (with the nearest name and all names) or there twice. */
MUST_CHECK enum err layout_find(const struct recipients *recipients, const struct template *tmpl,
                                struct layout *layout, struct buf *problem);
