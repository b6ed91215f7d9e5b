/* The spreadsheet of recipients, read as a stream: a file of any length in bounded memory. It knows
 * tables (RFC 4180, encodings, header names, row numbers), not telephone numbers.
 *
 * UTF-8 (with or without BOM) or GB18030; LF, CRLF or CR. The first row that is not blank is the
 * header. Rows are counted as a spreadsheet program counts them: a quoted line end does not begin a
 * new row, a blank line is a row. Blank rows (nothing but empty cells) are counted but not given.
 * Missing cells at the end of a row are empty. The apostrophe that we put in front of a cell a
 * spreadsheet would take for a formula (base/csvcell.h) is no part of it, so that a list that was
 * downloaded here can be uploaded again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define RECIPIENTS_FIELD_MAX_BYTES 8192
#define RECIPIENTS_ROW_MAX_BYTES 65536
#define RECIPIENTS_COLUMNS_MAX 256

struct recipients;

struct recipients_cell {
    const char *text; /* UTF-8 unless the row is ROW_ENCODING; not terminated, not trimmed */
    size_t len;
};

enum recipients_fault {
    ROW_FINE,
    ROW_ENCODING,   /* a cell is not in the file's encoding */
    ROW_EXTRA_CELLS /* something stands to the right of the last column */
};

struct recipients_row {
    uint64_t row; /* the first row of the sheet is 1 */
    enum recipients_fault fault;
    const struct recipients_cell *cells; /* those chosen, valid until the next call */
};

/* Opens the file and reads its header. errors: ERR_INVALID, ERR_IO with a sentence in `problem`;
 * ERR_NOMEM */
MUST_CHECK enum err recipients_open(const char *path, struct recipients **recipients,
                                    struct buf *problem);
/* The same table in memory; the bytes are copied. */
MUST_CHECK enum err recipients_open_bytes(const char *bytes, size_t len,
                                          struct recipients **recipients, struct buf *problem);
void recipients_free(struct recipients *recipients); /* NULL is fine */
/* Header names, trimmed (or folded as column.h says, to compare). */
size_t recipients_columns(const struct recipients *recipients, const char *const **names,
                          const char *const **folded);
/* Chooses the columns whose cells are wanted, each at most once; call it once, before the first
 * recipients_next. errors: ERR_NOMEM */
MUST_CHECK enum err recipients_choose(struct recipients *recipients, const size_t *columns,
                                      size_t n);
enum recipients_step {
    RECIPIENTS_ROW,     /* *row is the next one that is not blank */
    RECIPIENTS_NOTHING, /* RECIPIENTS_SLICE_BYTES were read and ended no row: call again */
    RECIPIENTS_END
};
#define RECIPIENTS_SLICE_BYTES 4096
/* One step, short whatever the file holds. errors: ERR_INVALID, ERR_IO: the table breaks off here,
 * see recipients_fault_text; ERR_NOMEM. All rows before the fault are given first. */
MUST_CHECK enum err recipients_next(struct recipients *recipients, struct recipients_row *row,
                                    enum recipients_step *step);
/* The sentence behind an error of recipients_next. */
const char *recipients_fault_text(const struct recipients *recipients);
/* "UTF-8" or "GB18030". */
const char *recipients_encoding(const struct recipients *recipients);
/* Bytes of the file read so far and in all. */
void recipients_progress(const struct recipients *recipients, uint64_t *read_bytes,
                         uint64_t *all_bytes);
