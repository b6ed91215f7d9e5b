/* See list_cell.h. */
#include "api/list_cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/csvcell.h"
#include "campaign/encoding.h"
#include "sms/mobile.h"

void list_cell_add(struct buf *out, const struct recipients_cell *cell, bool is_masked)
{
    char masked[MOBILE_TEXT_SIZE];
    uint64_t number;
    if (is_masked && mobile_parse(cell->text, cell->len, &number) == MOBILE_OK) {
        mobile_mask(number, masked);
        buf_add_text(out, masked);
        return;
    }
    char *text = strndup(cell->text, encoding_utf8_prefix(cell->text, cell->len));
    if (text == NULL) {
        out->failed = true;
        return;
    }
    if (is_masked) {
        mobile_mask_within(text);
    }
    csvcell_add(out, text);
    free(text);
}
