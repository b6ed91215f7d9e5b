/* Rows that were left out come back mended: a list and the rows that were downloaded from it become
 * one list again. Internal to drafting/.
 *
 * Each mended row has the columns of the list and, in a column of its own, the number of the row it
 * stands for. Only a row that is left out may be replaced: rows of another list would otherwise
 * take the places of good ones. A row that already stands as it was mended is passed over, so that
 * the same file may be given twice. Rows keep their numbers, and what is not mended stays as it is
 * and is left out again. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "drafting/drafting.h"

struct mend {
    const char *list, *mended; /* paths */
    int out;                   /* the new list: UTF-8, CSV */
    const uint64_t *left_out;  /* numbers of the rows that are left out, in order */
    size_t n_left_out;
    const char *row_names[DRAFTING_ROW_NAMES]; /* what the column of the numbers may be called */
};
/* Takes as long as both files take to read: for a thread. errors: ERR_INVALID with a sentence
 * (which row of which file, and what would be right), ERR_IO, ERR_NOMEM */
MUST_CHECK enum err mend_list(struct mend *mend, struct buf *problem);
