/* Cells of a list that was uploaded, in a file that is downloaded. Internal to api/. */
#pragma once

#include "base/buf.h"
#include "campaign/recipients.h"

/* The cell as it stood, safe to open in a spreadsheet program; what is no UTF-8 ends it. Masked:
 * any number in it, not only the one that was written to, and also one among other words. */
void list_cell_add(struct buf *out, const struct recipients_cell *cell, bool is_masked);
