/* Keeps the rows as one list of cells, remembers the widest of each column, prints at the end. Two
 * blanks divide columns. */
#include "ctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define CELL_MAX_BYTES 1024

struct table {
    size_t columns, rows, cap;
    bool right[TABLE_COLUMNS_MAX];
    size_t width[TABLE_COLUMNS_MAX];
    char **cells;
    bool incomplete;
};

/* One character: gives its length in bytes, sets *code to -1 when the bytes are broken. */
static size_t next_char(const char *text, size_t len, utf8proc_int32_t *code)
{
    utf8proc_ssize_t used =
        utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, code);
    if (used <= 0) {
        *code = -1;
        return 1;
    }
    return (size_t)used;
}

static bool is_control(utf8proc_int32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

size_t table_width(const char *text)
{
    size_t width = 0, len = strlen(text);
    while (len > 0) {
        utf8proc_int32_t code;
        size_t used = next_char(text, len, &code);
        width += code < 0 || is_control(code) ? 1 : (size_t)utf8proc_charwidth(code);
        text += used;
        len -= used;
    }
    return width;
}

void table_clean(const char *text, char *out, size_t out_size)
{
    size_t len = strlen(text), at = 0;
    while (len > 0) {
        utf8proc_int32_t code;
        size_t used = next_char(text, len, &code);
        bool bad = code < 0 || is_control(code);
        size_t put = bad ? 1 : used;
        if (at + put >= out_size) {
            break;
        }
        if (bad) {
            out[at] = '?';
        } else {
            memcpy(out + at, text, used);
        }
        at += put;
        text += used;
        len -= used;
    }
    out[at] = '\0';
}

enum err table_new(const char *const *headers, size_t n, struct table **table)
{
    struct table *made = calloc(1, sizeof *made);
    if (made == NULL || n == 0 || n > TABLE_COLUMNS_MAX) {
        free(made);
        return ERR_NOMEM;
    }
    made->columns = n;
    const char *cells[TABLE_COLUMNS_MAX];
    for (size_t i = 0; i < n; i++) {
        made->right[i] = headers[i][0] == '>';
        cells[i] = headers[i] + made->right[i];
    }
    table_row(made, cells);
    if (made->incomplete) {
        table_free(made);
        return ERR_NOMEM;
    }
    *table = made;
    return ERR_OK;
}

void table_free(struct table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->rows * table->columns; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table);
}

static bool make_room(struct table *table)
{
    if (table->rows < table->cap) {
        return true;
    }
    size_t cap = table->cap == 0 ? 16 : table->cap * 2;
    char **cells = realloc(table->cells, cap * table->columns * sizeof *cells);
    if (cells == NULL) {
        return false;
    }
    table->cells = cells;
    table->cap = cap;
    return true;
}

void table_row(struct table *table, const char *const *cells)
{
    char clean[CELL_MAX_BYTES];
    if (!make_room(table)) {
        table->incomplete = true;
        return;
    }
    char **row = table->cells + table->rows * table->columns;
    for (size_t i = 0; i < table->columns; i++) {
        table_clean(cells[i] != NULL ? cells[i] : "", clean, sizeof clean);
        row[i] = strdup(clean);
        if (row[i] == NULL) {
            while (i > 0) {
                free(row[--i]);
            }
            table->incomplete = true;
            return;
        }
        size_t width = table_width(row[i]);
        if (width > table->width[i]) {
            table->width[i] = width;
        }
    }
    table->rows++;
}

static void print_cell(const char *cell, size_t width, bool right, bool last, FILE *out)
{
    size_t own = table_width(cell);
    int blanks = (int)(width > own ? width - own : 0);
    if (right) {
        fprintf(out, "%*s%s", blanks, "", cell);
    } else {
        fprintf(out, "%s%*s", cell, last ? 0 : blanks, "");
    }
    fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *table, FILE *out)
{
    for (size_t r = 0; r < table->rows; r++) {
        for (size_t c = 0; c < table->columns; c++) {
            print_cell(table->cells[r * table->columns + c], table->width[c], table->right[c],
                       c + 1 == table->columns, out);
        }
    }
    if (table->incomplete) {
        fputs("(no memory for all of the rows)\n", out);
    }
}

size_t table_rows(const struct table *table)
{
    return table->rows - 1;
}
