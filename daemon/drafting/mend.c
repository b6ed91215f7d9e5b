/* See mend.h. The mended rows, which are few, are held in memory; the list is copied row by row. */
#include "drafting/mend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/csvcell.h"
#include "base/numbers.h"
#include "campaign/column.h"
#include "campaign/recipients.h"

#define PIECE_BYTES 65536
#define NAME_BYTES 1024
#define OUT_MAX_BYTES (PIECE_BYTES + 2 * RECIPIENTS_ROW_MAX_BYTES)

struct mended_row {
    uint64_t row, own_row; /* of the list; in the mended file */
    char **cells;          /* as many as the list has columns */
    bool is_used;
};

struct mending {
    struct mend *mend;
    struct buf *problem;
    struct recipients *list, *mended;
    size_t n_columns;
    struct mended_row *rows; /* in order */
    size_t n, cap;
    struct buf out;
    uint64_t written_rows;
};

static enum err say(struct mending *mending, const char *format, ...) PRINTF_LIKE(2, 3);

static enum err say(struct mending *mending, const char *format, ...)
{
    char text[NAME_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_add_text(mending->problem, text);
    return ERR_INVALID;
}

/* ---- the mended rows ---- */

static bool is_number_column(const struct mending *mending, const char *folded)
{
    bool is_ours = false;
    for (size_t i = 0; i < DRAFTING_ROW_NAMES && !is_ours; i++) {
        struct buf name;
        const char *given = mending->mend->row_names[i];
        buf_init(&name, NAME_BYTES);
        column_fold(given, strlen(given), &name);
        is_ours = strcmp(buf_text(&name), folded) == 0;
        buf_fini(&name);
    }
    return is_ours;
}

/* Where the columns of the list stand in the mended file, and behind them that of the numbers. */
static enum err find_columns(struct mending *mending, size_t *columns)
{
    const char *const *names, *const *folded, *const *mended_names, *const *mended_folded;
    size_t n = recipients_columns(mending->list, &names, &folded);
    size_t n_mended = recipients_columns(mending->mended, &mended_names, &mended_folded);
    for (size_t i = 0; i <= n; i++) {
        columns[i] = COLUMN_NONE;
    }
    for (size_t at = n_mended; at-- > 0;) {
        if (columns[n] == COLUMN_NONE && is_number_column(mending, mended_folded[at])) {
            columns[n] = at;
            continue;
        }
        for (size_t i = 0; i < n; i++) {
            if (strcmp(folded[i], mended_folded[at]) == 0) {
                columns[i] = at;
            }
        }
    }
    if (columns[n] == COLUMN_NONE) {
        return say(mending,
                   "the mended rows have no column \"%s\": mend the file of rejected rows that was "
                   "downloaded here, and leave that column in",
                   mending->mend->row_names[0]);
    }
    for (size_t i = 0; i < n; i++) {
        if (columns[i] == COLUMN_NONE) {
            return say(mending, "the column \"%.200s\" of the list is not in the mended rows",
                       names[i]);
        }
    }
    return ERR_OK;
}

static char *copy_cell(const struct recipients_cell *cell)
{
    return strndup(cell->text != NULL ? cell->text : "", cell->len);
}

static enum err read_number(struct mending *mending, const struct recipients_row *from,
                            uint64_t *row)
{
    const struct recipients_cell *cell = &from->cells[mending->n_columns];
    const char *text = cell->text;
    size_t len = cell->len;
    uint64_t number = 0;
    column_trim(&text, &len);
    bool is_number = len > 0 && len < 10;
    for (size_t i = 0; i < len && is_number; i++) {
        is_number = text[i] >= '0' && text[i] <= '9';
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (!is_number || number < 2) {
        return say(mending,
                   "row %" PRIu64 " of the mended rows: \"%.*s\" is not the number of a row",
                   from->row, (int)(len < 40 ? len : 40), text);
    }
    *row = number;
    return ERR_OK;
}

static enum err add_mended(struct mending *mending, const struct recipients_row *from)
{
    uint64_t row = 0;
    if (from->fault == ROW_ENCODING) {
        return say(mending, "row %" PRIu64 " of the mended rows has broken characters", from->row);
    }
    if (from->fault != ROW_FINE) {
        return say(mending,
                   "row %" PRIu64 " of the mended rows has something beyond its last column",
                   from->row);
    }
    enum err error = read_number(mending, from, &row);
    if (error != ERR_OK) {
        return error;
    }
    if (mending->n == mending->cap) {
        size_t cap = mending->cap > 0 ? 2 * mending->cap : 64;
        struct mended_row *grown = realloc(mending->rows, cap * sizeof *grown);
        if (grown == NULL) {
            return ERR_NOMEM;
        }
        mending->rows = grown;
        mending->cap = cap;
    }
    struct mended_row *made = &mending->rows[mending->n];
    *made = (struct mended_row){
        .row = row, .own_row = from->row, .cells = calloc(mending->n_columns + 1, sizeof(char *))};
    if (made->cells == NULL) {
        return ERR_NOMEM;
    }
    mending->n++;
    for (size_t i = 0; i < mending->n_columns; i++) {
        if ((made->cells[i] = copy_cell(&from->cells[i])) == NULL) {
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

static int by_row(const void *a, const void *b)
{
    const struct mended_row *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

static enum err read_mended(struct mending *mending)
{
    struct recipients_row row;
    enum recipients_step step = RECIPIENTS_NOTHING;
    while (step != RECIPIENTS_END) {
        enum err error = recipients_next(mending->mended, &row, &step);
        if (error == ERR_INVALID || error == ERR_IO) {
            return say(mending, "the mended rows: %s", recipients_fault_text(mending->mended));
        }
        if (error == ERR_OK && step == RECIPIENTS_ROW) {
            error = add_mended(mending, &row);
        }
        if (error != ERR_OK) {
            return error;
        }
    }
    if (mending->n == 0) {
        return say(mending, "the mended rows: there is none");
    }
    qsort(mending->rows, mending->n, sizeof *mending->rows, by_row);
    for (size_t i = 1; i < mending->n; i++) {
        if (mending->rows[i].row == mending->rows[i - 1].row) {
            return say(mending, "row %" PRIu64 " of the list stands twice among the mended rows",
                       mending->rows[i].row);
        }
    }
    return ERR_OK;
}

/* ---- the new list ---- */

static enum err write_out(struct mending *mending, size_t from_bytes)
{
    struct buf *out = &mending->out;
    if (out->failed) {
        return ERR_NOMEM;
    }
    if (out->len < from_bytes) {
        return ERR_OK;
    }
    for (size_t done = 0; done < out->len;) {
        ssize_t n = write(mending->mend->out, out->data + done, out->len - done);
        if (n < 0 && errno != EINTR) {
            return ERR_IO;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    buf_reset(out);
    return ERR_OK;
}

static void add_cell(struct mending *mending, size_t at, const char *text)
{
    if (at > 0) {
        buf_add_char(&mending->out, ',');
    }
    csvcell_add(&mending->out, text);
}

static void end_row(struct mending *mending)
{
    buf_add_text(&mending->out, "\r\n");
    mending->written_rows++;
}

static bool stands_already(const struct mending *mending, const struct mended_row *mended,
                           const struct recipients_row *row)
{
    for (size_t i = 0; i < mending->n_columns; i++) {
        const struct recipients_cell *cell = &row->cells[i];
        if (strlen(mended->cells[i]) != cell->len ||
            memcmp(mended->cells[i], cell->text, cell->len) != 0) {
            return false;
        }
    }
    return true;
}

static enum err copy_row(struct mending *mending, const struct recipients_row *row)
{
    /* Written again these would be good ones, without what they lack. */
    if (row->fault == ROW_ENCODING) {
        return say(mending,
                   "row %" PRIu64 " of the list has broken characters: mend it as well, or give "
                   "the whole list again",
                   row->row);
    }
    if (row->fault != ROW_FINE) {
        return say(mending,
                   "row %" PRIu64 " of the list has something beyond its last column: mend it as "
                   "well, or give the whole list again",
                   row->row);
    }
    for (size_t i = 0; i < mending->n_columns; i++) {
        char *text = copy_cell(&row->cells[i]);
        if (text == NULL) {
            return ERR_NOMEM;
        }
        add_cell(mending, i, text);
        free(text);
    }
    return ERR_OK;
}

static enum err take_row(struct mending *mending, const struct recipients_row *row)
{
    const struct mended_row key = {.row = row->row};
    struct mended_row *mended = bsearch(&key, mending->rows, mending->n, sizeof key, by_row);
    while (mending->written_rows + 1 < row->row) { /* a blank row is a row */
        end_row(mending);
    }
    if (mended != NULL) {
        mended->is_used = true;
    }
    bool is_same = mended != NULL && row->fault == ROW_FINE && stands_already(mending, mended, row);
    if (mended == NULL || is_same) {
        enum err error = copy_row(mending, row);
        end_row(mending);
        return error;
    }
    if (!numbers_have(mending->mend->left_out, mending->mend->n_left_out, row->row)) {
        return say(
            mending,
            "row %" PRIu64 " of the mended rows stands for row %" PRIu64
            " of the list, which is not left out: were these rows downloaded from this list?",
            mended->own_row, row->row);
    }
    for (size_t i = 0; i < mending->n_columns; i++) {
        add_cell(mending, i, mended->cells[i]);
    }
    end_row(mending);
    return ERR_OK;
}

static enum err write_list(struct mending *mending)
{
    const char *const *names, *const *folded;
    struct recipients_row row;
    enum recipients_step step = RECIPIENTS_NOTHING;
    size_t n = recipients_columns(mending->list, &names, &folded);
    buf_add_text(&mending->out, CSVCELL_BOM);
    for (size_t i = 0; i < n; i++) {
        add_cell(mending, i, names[i]);
    }
    end_row(mending);
    while (step != RECIPIENTS_END) {
        enum err error = recipients_next(mending->list, &row, &step);
        if (error == ERR_INVALID || error == ERR_IO) {
            return say(mending, "%s", recipients_fault_text(mending->list));
        }
        if (error == ERR_OK && step == RECIPIENTS_ROW) {
            error = take_row(mending, &row);
        }
        if (error == ERR_OK) {
            error = write_out(mending, PIECE_BYTES);
        }
        if (error != ERR_OK) {
            return error;
        }
    }
    for (size_t i = 0; i < mending->n; i++) {
        if (!mending->rows[i].is_used) {
            return say(mending,
                       "row %" PRIu64 " of the mended rows stands for row %" PRIu64
                       ", which the list does not have",
                       mending->rows[i].own_row, mending->rows[i].row);
        }
    }
    return write_out(mending, 0);
}

/* ---- all of it ---- */

static enum err open_both(struct mending *mending)
{
    size_t columns[RECIPIENTS_COLUMNS_MAX + 1];
    const char *const *names, *const *folded;
    enum err error = recipients_open(mending->mend->list, &mending->list, mending->problem);
    if (error != ERR_OK) {
        mending->list = NULL;
        return error;
    }
    error = recipients_open(mending->mend->mended, &mending->mended, mending->problem);
    if (error != ERR_OK) {
        mending->mended = NULL;
        return error;
    }
    mending->n_columns = recipients_columns(mending->list, &names, &folded);
    error = find_columns(mending, columns);
    if (error == ERR_OK) {
        error = recipients_choose(mending->mended, columns, mending->n_columns + 1);
    }
    for (size_t i = 0; i < mending->n_columns; i++) {
        columns[i] = i;
    }
    return error == ERR_OK ? recipients_choose(mending->list, columns, mending->n_columns) : error;
}

enum err mend_list(struct mend *mend, struct buf *problem)
{
    struct mending mending = {.mend = mend, .problem = problem};
    buf_init(&mending.out, OUT_MAX_BYTES);
    enum err error = open_both(&mending);
    if (error == ERR_OK) {
        error = read_mended(&mending);
    }
    if (error == ERR_OK) {
        error = write_list(&mending);
    }
    for (size_t i = 0; i < mending.n; i++) {
        for (size_t cell = 0; cell < mending.n_columns && mending.rows[i].cells != NULL; cell++) {
            free(mending.rows[i].cells[cell]);
        }
        free(mending.rows[i].cells);
    }
    free(mending.rows);
    recipients_free(mending.list);
    recipients_free(mending.mended);
    buf_fini(&mending.out);
    return error;
}
