/* The table reader. Blocks of the file go, converted if need be, in slices through libcsv, which
 * calls back for each cell and each row; chosen cells are copied into an arena, finished rows wait
 * in a short queue until recipients_next() has given them out. When the queue is empty, what the
 * unfinished row has so far moves to the front and the next slice follows.
 *
 *   file ─ read 64 KiB ─► (GB18030 ► UTF-8) ─ 4 KiB ─► libcsv ─► cells, rows ─► recipients_next
 *
 * Bounds: a slice ends at most one row for each two of its bytes; the arena holds one unfinished
 * row (64 KiB), one unfinished cell of libcsv's (8 KiB) and one slice. libcsv's own buffer is
 * capped through its allocation function, so that a cell of any length ends with an error instead
 * of memory. */
#include "campaign/recipients.h"

#include <assert.h>
#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/csvcell.h"
#include "campaign/column.h"
#include "campaign/encoding.h"

#define READ_BYTES 65536
/* The encoding is told from this much of the file, or, while that is all ASCII, from as much
 * again, up to a limit that keeps the look short. */
#define LOOK_BYTES ((ssize_t)262144)
#define LOOK_ASCII_MAX_BYTES ((uint64_t)32 * LOOK_BYTES)
#define TEXT_BYTES ((size_t)2 * (READ_BYTES + CUT_MAX_BYTES)) /* a converted block */
#define CUT_MAX_BYTES 3 /* of a GB18030 character at the end of a block */
#define SLICE_ROWS_MAX (RECIPIENTS_SLICE_BYTES / 2 + 1)
/* libcsv keeps the closing quotation mark in its buffer until it knows what follows. */
#define FIELD_BUFFER_BYTES (RECIPIENTS_FIELD_MAX_BYTES + 2)
#define ARENA_BYTES (RECIPIENTS_ROW_MAX_BYTES + FIELD_BUFFER_BYTES + RECIPIENTS_SLICE_BYTES)
#define FAULT_MAX_BYTES 512
#define NO_SLOT UINT16_MAX

struct finished_row {
    uint64_t row;
    enum recipients_fault fault;
};

/* The row that libcsv is in. */
struct open_row {
    uint64_t row;
    size_t columns, bytes;
    size_t arena_from; /* where its cells begin */
    bool has_something;
    enum recipients_fault fault;
};

struct recipients {
    int fd;
    uint64_t read_bytes, all_bytes;
    struct timespec changed_at; /* when the file was last written to before we opened it */
    bool file_ended, parser_ended;

    enum encoding encoding;
    struct encoding_converter *converter; /* NULL for UTF-8 */
    char *raw;                            /* GB18030: the block as read, after what was cut */
    size_t raw_len;
    char *text; /* UTF-8 for the parser: [text_at, text_len) is still to be parsed */
    size_t text_at, text_len;

    struct csv_parser parser;
    bool has_parser, after_cr;
    struct open_row open;

    char *names[RECIPIENTS_COLUMNS_MAX], *folded[RECIPIENTS_COLUMNS_MAX];
    size_t n_columns;
    bool has_header;

    uint16_t slots[RECIPIENTS_COLUMNS_MAX]; /* of a column among the chosen */
    size_t n_slots;
    struct finished_row rows[SLICE_ROWS_MAX];
    size_t n_rows, next_row;
    struct recipients_cell *cells; /* n_slots for each finished row, and for the open one */
    char *arena;                   /* their bytes */
    size_t arena_len;

    enum err error; /* the table breaks off behind the finished rows */
    struct buf fault;
};

/* ---- faults ---- */

/* The first fault counts. */
#define break_off(r, err, ...)                                                                     \
    do {                                                                                           \
        if ((r)->error == ERR_OK) {                                                                \
            (r)->error = (err);                                                                    \
            buf_addf(&(r)->fault, __VA_ARGS__);                                                    \
        }                                                                                          \
    } while (0)

static void break_off_no_memory(struct recipients *r)
{
    break_off(r, ERR_NOMEM, "there is no memory left");
}

/* ---- what libcsv calls ---- */

static bool is_blank(const char *text, size_t len)
{
    unsigned char first = len > 0 ? (unsigned char)text[0] : ' ';
    if (first > ' ' && first < 0x80)
        return false;
    column_trim(&text, &len);
    return len == 0;
}

static void add_header_name(struct recipients *r, size_t column, const char *text, size_t len)
{
    struct buf folded;
    buf_init(&folded, (size_t)4 * RECIPIENTS_FIELD_MAX_BYTES);
    column_trim(&text, &len);
    column_fold(text, len, &folded);
    r->names[column] = strndup(text, len);
    r->folded[column] = strdup(buf_text(&folded));
    r->n_columns = column + 1;
    if (folded.failed || r->names[column] == NULL || r->folded[column] == NULL)
        break_off_no_memory(r);
    buf_fini(&folded);
}

static void keep_cell(struct recipients *r, size_t slot, const char *text, size_t len)
{
    assert(len <= ARENA_BYTES - r->arena_len);
    char *kept = r->arena + r->arena_len;
    memcpy(kept, text, len);
    r->arena_len += len;
    r->cells[r->n_rows * r->n_slots + slot] = (struct recipients_cell){kept, len};
}

static void on_cell(void *bytes, size_t len, void *arg)
{
    struct recipients *r = arg;
    struct open_row *open = &r->open;
    const char *text = bytes;
    size_t column = open->columns++;
    open->bytes += len + 1;
    if (len > RECIPIENTS_FIELD_MAX_BYTES)
        break_off(r, ERR_INVALID, "row %" PRIu64 ": a cell is longer than %d bytes", open->row,
                  RECIPIENTS_FIELD_MAX_BYTES);
    if (open->bytes > RECIPIENTS_ROW_MAX_BYTES)
        break_off(r, ERR_INVALID, "row %" PRIu64 ": the row is longer than %d bytes", open->row,
                  RECIPIENTS_ROW_MAX_BYTES);
    if (!r->has_header && column == RECIPIENTS_COLUMNS_MAX)
        break_off(r, ERR_INVALID, "row %" PRIu64 ": the table has more than %d columns", open->row,
                  RECIPIENTS_COLUMNS_MAX);
    if (r->error != ERR_OK)
        return;
    if (encoding_utf8_prefix(text, len) < len)
        open->fault = ROW_ENCODING;
    bool blank = is_blank(text, len);
    open->has_something |= !blank;
    if (!r->has_header)
        add_header_name(r, column, text, len);
    else if (column >= r->n_columns) {
        if (!blank && open->fault == ROW_FINE)
            open->fault = ROW_EXTRA_CELLS;
    } else if (r->slots[column] != NO_SLOT)
        keep_cell(r, r->slots[column], text, len);
}

static void begin_row(struct recipients *r)
{
    r->open = (struct open_row){.row = r->open.row + 1, .arena_from = r->arena_len};
    if (r->n_slots > 0)
        memset(r->cells + r->n_rows * r->n_slots, 0, r->n_slots * sizeof *r->cells);
}

static void drop_header(struct recipients *r)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        free(r->names[i]);
        free(r->folded[i]);
        r->names[i] = r->folded[i] = NULL;
    }
    r->n_columns = 0;
}

static void end_header(struct recipients *r)
{
    if (r->open.fault == ROW_ENCODING)
        break_off(r, ERR_INVALID,
                  "row %" PRIu64 ": the header is not %s; save the file as CSV UTF-8", r->open.row,
                  recipients_encoding(r));
    else if (r->open.has_something)
        r->has_header = true;
    else
        drop_header(r); /* a blank row of commas */
}

static void on_row(int terminator, void *arg)
{
    struct recipients *r = arg;
    if (r->error != ERR_OK)
        return;
    bool is_second_half = terminator == '\n' && r->after_cr && r->open.columns == 0;
    r->after_cr = terminator == '\r';
    if (is_second_half)
        return;
    if (!r->has_header)
        end_header(r);
    else if (r->open.has_something) {
        assert(r->n_rows < SLICE_ROWS_MAX);
        r->rows[r->n_rows++] = (struct finished_row){r->open.row, r->open.fault};
    } else
        r->arena_len = r->open.arena_from;
    if (r->error == ERR_OK)
        begin_row(r);
}

/* libcsv asks for ever more while a cell grows. */
static void *allocate_capped(void *old, size_t size)
{
    return size > FIELD_BUFFER_BYTES ? NULL : realloc(old, size);
}

/* ---- from the file to the parser ---- */

/* Half of an old list and half of a new one would be a list that nobody has approved. */
static void check_unchanged(struct recipients *r)
{
    struct stat status;
    if (fstat(r->fd, &status) != 0 || (uint64_t)status.st_size != r->all_bytes ||
        status.st_mtim.tv_sec != r->changed_at.tv_sec ||
        status.st_mtim.tv_nsec != r->changed_at.tv_nsec)
        break_off(r, ERR_IO, "the file was changed while it was read; do it again");
}

/* Gives the bytes read; 0 at the end of the file or after a fault. */
static size_t read_block(struct recipients *r, char *out)
{
    ssize_t n;
    do {
        n = read(r->fd, out, READ_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        break_off(r, ERR_IO, "row %" PRIu64 ": the file cannot be read: %s", r->open.row,
                  strerror(errno));
        return 0;
    }
    r->read_bytes += (uint64_t)n;
    r->file_ended = n == 0;
    if (r->file_ended)
        check_unchanged(r);
    return (size_t)n;
}

static void refill(struct recipients *r)
{
    r->text_at = 0;
    if (r->converter == NULL) {
        r->text_len = read_block(r, r->text);
        return;
    }
    size_t used;
    r->raw_len += read_block(r, r->raw + r->raw_len);
    r->text_len = encoding_convert(r->converter, r->raw, r->raw_len, r->file_ended, r->text,
                                   TEXT_BYTES, &used);
    r->raw_len -= used;
    assert(r->raw_len <= CUT_MAX_BYTES);
    memmove(r->raw, r->raw + used, r->raw_len);
}

static void explain_parser_error(struct recipients *r)
{
    uint64_t row = r->open.row;
    int error = csv_error(&r->parser);
    if (error == CSV_EPARSE)
        break_off(r, ERR_INVALID,
                  "row %" PRIu64 ": the quotation marks do not pair up; a cell with a quotation "
                  "mark in it stands in quotation marks, with the mark written twice",
                  row);
    else if (csv_get_buffer_size(&r->parser) < FIELD_BUFFER_BYTES)
        break_off_no_memory(r);
    else
        break_off(r, ERR_INVALID, "row %" PRIu64 ": a cell is longer than %d bytes%s", row,
                  RECIPIENTS_FIELD_MAX_BYTES,
                  r->parser.quoted ? "; perhaps its quotation mark is never closed" : "");
}

/* Up to the end of the line while the header is looked for, so that no row is parsed before the
 * caller has chosen its columns. */
static size_t slice_length(const struct recipients *r)
{
    const char *text = r->text + r->text_at;
    size_t len = r->text_len - r->text_at;
    if (len > RECIPIENTS_SLICE_BYTES)
        len = RECIPIENTS_SLICE_BYTES;
    if (!r->has_header) {
        size_t line = 0;
        while (line < len && text[line] != '\r' && text[line] != '\n')
            line++;
        len = line < len ? line + 1 : len;
    }
    return len;
}

static void parse_slice(struct recipients *r)
{
    const char *text = r->text + r->text_at;
    size_t len = slice_length(r);
    const char *nul = memchr(text, '\0', len);
    if (nul == text) {
        break_off(r, ERR_INVALID,
                  "row %" PRIu64 ": there is a NUL byte, which no text has; save the file as CSV "
                  "UTF-8",
                  r->open.row);
        return;
    }
    if (nul != NULL)
        len = (size_t)(nul - text);
    r->text_at += len;
    if (csv_parse(&r->parser, text, len, on_cell, on_row, r) != len)
        explain_parser_error(r);
}

static void end_parser(struct recipients *r)
{
    r->parser_ended = true;
    if (csv_fini(&r->parser, on_cell, on_row, r) != 0)
        break_off(r, ERR_INVALID,
                  "row %" PRIu64 ": a quotation mark opens in this row and is never closed",
                  r->open.row);
}

/* The queue is empty: the open row moves to the front. */
static void compact(struct recipients *r)
{
    size_t open_from = r->open.arena_from, cells_from = r->n_rows * r->n_slots;
    r->arena_len -= open_from;
    memmove(r->arena, r->arena + open_from, r->arena_len);
    for (size_t i = 0; i < r->n_slots; i++) {
        r->cells[i] = r->cells[cells_from + i];
        if (r->cells[i].text != NULL)
            r->cells[i].text -= open_from;
    }
    r->open.arena_from = 0;
    r->n_rows = r->next_row = 0;
}

/* Moves on by one slice. */
static void advance(struct recipients *r)
{
    compact(r);
    if (r->text_at == r->text_len && !r->file_ended)
        refill(r);
    if (r->error != ERR_OK)
        return;
    if (r->text_at < r->text_len)
        parse_slice(r);
    else if (r->file_ended)
        end_parser(r);
}

/* ---- opening ---- */

/* Gives the bytes read at `offset`, less than asked only at the end; -1: see errno. */
static ssize_t read_at(int fd, char *out, size_t size, uint64_t offset)
{
    size_t have = 0;
    while (have < size) {
        ssize_t n = pread(fd, out + have, size - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

/* The row in which the byte at `offset` stands: line ends outside of quotation marks before it. */
static uint64_t row_at(int fd, char *scratch, uint64_t offset)
{
    uint64_t row = 1;
    bool quoted = false, after_cr = false;
    for (uint64_t at = 0; at < offset;) {
        size_t want = offset - at < LOOK_BYTES ? (size_t)(offset - at) : LOOK_BYTES;
        ssize_t n = read_at(fd, scratch, want, at);
        if (n <= 0)
            break;
        for (ssize_t i = 0; i < n; i++) {
            char c = scratch[i];
            quoted ^= c == '"';
            row += !quoted && (c == '\r' || (c == '\n' && !after_cr));
            after_cr = c == '\r';
        }
        at += (uint64_t)n;
    }
    return row;
}

struct magic {
    const char *bytes, *what;
    size_t len;
};

static void refuse_workbook(struct recipients *r, const char *bytes, size_t len)
{
    static const struct magic magics[] = {
        {"PK\x03\x04", "an Excel workbook (.xlsx)", 4},
        {"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)", 4},
    };
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (len >= magics[i].len && memcmp(bytes, magics[i].bytes, magics[i].len) == 0)
            break_off(r, ERR_INVALID, "this is %s; open it and save it as CSV UTF-8",
                      magics[i].what);
    }
}

/* Reads on while all is ASCII, which tells nothing. Gives the length of the piece at *offset that
 * has to be judged. */
static ssize_t find_telling_piece(struct recipients *r, char *scratch, uint64_t *offset)
{
    ssize_t n;
    for (*offset = 0;; *offset += (uint64_t)LOOK_BYTES) {
        n = read_at(r->fd, scratch, LOOK_BYTES, *offset);
        if (n < LOOK_BYTES || *offset + (uint64_t)LOOK_BYTES >= LOOK_ASCII_MAX_BYTES)
            return n;
        if (!encoding_is_ascii(scratch, (size_t)n))
            return n;
    }
}

static enum err look_at_encoding(struct recipients *r, char *scratch)
{
    uint64_t offset;
    size_t fault_at;
    ssize_t n = find_telling_piece(r, scratch, &offset);
    if (n < 0) {
        break_off(r, ERR_IO, "the file cannot be read: %s", strerror(errno));
        return r->error;
    }
    if (offset == 0)
        refuse_workbook(r, scratch, (size_t)n);
    enum err error = encoding_detect(scratch, (size_t)n, n < LOOK_BYTES, &r->encoding, &fault_at);
    if (error != ERR_OK) {
        break_off(r, error, "the file is not UTF-8 and this system cannot convert GB18030");
    } else if (r->encoding == ENCODING_UTF16 && offset == 0) {
        break_off(r, ERR_INVALID, "the file is UTF-16 (\"Unicode text\"); save it as CSV UTF-8");
    } else if (r->encoding == ENCODING_UTF16 || r->encoding == ENCODING_NEITHER) {
        break_off(r, ERR_INVALID,
                  "row %" PRIu64 ": the text is neither UTF-8 nor GB18030; save the file as CSV "
                  "UTF-8",
                  row_at(r->fd, scratch, offset + fault_at));
    } else if (offset == 0 && encoding_has_bom(scratch, (size_t)n)) {
        r->read_bytes = ENCODING_BOM_BYTES;
    }
    return r->error;
}

/* Not blocking: a pipe in the place of the file must not stop the daemon. */
static int open_path(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* A file without a name that lives in memory: what reads files reads it too. */
static int open_bytes(const char *bytes, size_t len)
{
    int fd = memfd_create("recipients", MFD_CLOEXEC);
    while (fd >= 0 && len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return fd;
}

static enum err look_at_file(struct recipients *r)
{
    struct stat status;
    if (r->fd < 0 || fstat(r->fd, &status) != 0) {
        break_off(r, ERR_IO, "the file cannot be opened: %s", strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        break_off(r, ERR_IO, "this is not a file");
    } else {
        r->all_bytes = (uint64_t)status.st_size;
        r->changed_at = status.st_mtim;
    }
    return r->error;
}

static enum err detect_encoding(struct recipients *r)
{
    char *scratch = malloc(LOOK_BYTES);
    if (scratch == NULL) {
        break_off_no_memory(r);
        return r->error;
    }
    enum err error = look_at_encoding(r, scratch);
    free(scratch);
    if (error == ERR_OK && lseek(r->fd, (off_t)r->read_bytes, SEEK_SET) < 0)
        break_off(r, ERR_IO, "the file cannot be read: %s", strerror(errno));
    return r->error;
}

static enum err open_parser(struct recipients *r)
{
    bool converts = r->encoding == ENCODING_GB18030;
    if (converts) {
        enum err error = encoding_converter_new(&r->converter);
        if (error != ERR_OK)
            break_off(r, error, "this system cannot convert GB18030");
        r->raw = malloc(READ_BYTES + CUT_MAX_BYTES);
    }
    r->text = malloc(converts ? TEXT_BYTES : READ_BYTES);
    r->arena = malloc(ARENA_BYTES);
    if (r->text == NULL || r->arena == NULL || (converts && r->raw == NULL) ||
        csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0) {
        break_off_no_memory(r);
        return r->error;
    }
    r->has_parser = true;
    csv_set_realloc_func(&r->parser, allocate_capped);
    csv_set_blk_size(&r->parser, 1024);
    return r->error;
}

static enum err read_header(struct recipients *r)
{
    while (r->error == ERR_OK && !r->has_header && !r->parser_ended)
        advance(r);
    if (!r->has_header)
        break_off(r, ERR_INVALID, "the file is empty; its first row must name the columns");
    return r->error;
}

/* Takes `fd`; below 0 it could not be opened, errno says why. */
static enum err open_table(int fd, struct recipients **recipients, struct buf *problem)
{
    struct recipients *r = calloc(1, sizeof *r);
    if (r == NULL) {
        if (fd >= 0)
            close(fd);
        return ERR_NOMEM;
    }
    r->fd = fd;
    r->open.row = 1;
    buf_init(&r->fault, FAULT_MAX_BYTES);
    enum err error = look_at_file(r);
    if (error == ERR_OK)
        error = detect_encoding(r);
    if (error == ERR_OK)
        error = open_parser(r);
    if (error == ERR_OK)
        error = read_header(r);
    if (error != ERR_OK) {
        buf_add_text(problem, recipients_fault_text(r));
        recipients_free(r);
        return error;
    }
    *recipients = r;
    return ERR_OK;
}

enum err recipients_open(const char *path, struct recipients **recipients, struct buf *problem)
{
    return open_table(open_path(path), recipients, problem);
}

enum err recipients_open_bytes(const char *bytes, size_t len, struct recipients **recipients,
                               struct buf *problem)
{
    return open_table(open_bytes(bytes, len), recipients, problem);
}

void recipients_free(struct recipients *r)
{
    if (r == NULL)
        return;
    if (r->fd >= 0)
        close(r->fd);
    if (r->has_parser)
        csv_free(&r->parser);
    encoding_converter_free(r->converter);
    drop_header(r);
    buf_fini(&r->fault);
    free(r->raw);
    free(r->text);
    free(r->cells);
    free(r->arena);
    free(r);
}

size_t recipients_columns(const struct recipients *r, const char *const **names,
                          const char *const **folded)
{
    *names = (const char *const *)r->names;
    *folded = (const char *const *)r->folded;
    return r->n_columns;
}

enum err recipients_choose(struct recipients *r, const size_t *columns, size_t n)
{
    assert(r->cells == NULL && n <= r->n_columns);
    r->cells = calloc((SLICE_ROWS_MAX + 1) * (n > 0 ? n : 1), sizeof *r->cells);
    if (r->cells == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < RECIPIENTS_COLUMNS_MAX; i++)
        r->slots[i] = NO_SLOT;
    for (size_t i = 0; i < n; i++) {
        assert(columns[i] < r->n_columns && r->slots[columns[i]] == NO_SLOT);
        r->slots[columns[i]] = (uint16_t)i;
    }
    r->n_slots = n;
    return ERR_OK;
}

/* ---- reading ---- */

static void undo_defusing(struct recipients_cell *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (csvcell_is_defused(cells[i].text, cells[i].len)) {
            cells[i].text++;
            cells[i].len--;
        }
    }
}

enum err recipients_next(struct recipients *r, struct recipients_row *row,
                         enum recipients_step *step)
{
    assert(r->cells != NULL);
    if (r->next_row == r->n_rows && r->error == ERR_OK && !r->parser_ended)
        advance(r);
    if (r->next_row < r->n_rows) {
        size_t i = r->next_row++;
        struct recipients_cell *cells = r->cells + i * r->n_slots;
        undo_defusing(cells, r->n_slots);
        *row = (struct recipients_row){r->rows[i].row, r->rows[i].fault, cells};
        *step = RECIPIENTS_ROW;
        return ERR_OK;
    }
    *step = r->parser_ended ? RECIPIENTS_END : RECIPIENTS_NOTHING;
    return r->error;
}

const char *recipients_fault_text(const struct recipients *r)
{
    return buf_text(&r->fault);
}

const char *recipients_encoding(const struct recipients *r)
{
    return r->encoding == ENCODING_GB18030 ? "GB18030" : "UTF-8";
}

void recipients_progress(const struct recipients *r, uint64_t *read_bytes, uint64_t *all_bytes)
{
    *read_bytes = r->read_bytes;
    *all_bytes = r->all_bytes;
}
