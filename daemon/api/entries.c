/* GET /api/v1/ledger/entries: the ledger itself, one line an entry. A page as JSON, or all of it
 * streamed as CSV or JSON lines, the next block only when the client has read the last.
 *
 * How far it goes is settled at the beginning, so that an export ends although entries are added
 * meanwhile. A number that is missing is a line too: an export must not hide a hole. */
#include "api/handlers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode_ledger.h"
#include "api/mask.h"
#include "api/query.h"
#include "base/loop.h"
#include "store/ledger_proof.h"

#define PIECE_MAX_BYTES                                                                            \
    ((size_t)8 * 1024 * 1024) /* a block of the longest entries there can be                       \
                               */
#define BLOCK_ROWS 500
#define PAGE_DEFAULT 100
#define RETRY_MS 500
#define RETRIES_MAX 20

enum format { FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

struct entries {
    struct apicall *call;
    enum format format;
    uint64_t from, to, limit; /* from: the next one */
    bool started;
    unsigned retries;
    struct loop_timer *timer;
};

static void entries_free(void *state)
{
    struct entries *entries = state;
    loop_timer_free(entries->timer);
    free(entries);
}

static void next_block(struct entries *entries);

static void on_ready(void *arg, bool gone)
{
    struct entries *entries = arg;
    struct apicall *call = entries->call;
    if (gone || call->api == NULL) {
        http_answer_end(call->request);
        apicall_end(call);
        return;
    }
    next_block(entries);
}

/* Once the status line is out, all that can be done is to say it in the stream. */
static void break_off(struct entries *entries, enum err error)
{
    static const char csv[] = "\"EXPORT BROKEN OFF\"\n",
                      jsonl[] = "{\"error\":\"EXPORT BROKEN OFF\"}\n";
    struct apicall *call = entries->call;
    if (!entries->started) {
        apicall_fail(call, error, NULL);
        return;
    }
    const char *line = entries->format == FORMAT_CSV ? csv : jsonl;
    http_answer_piece(call->request, line, strlen(line), NULL, NULL);
    http_answer_end(call->request);
    apicall_end(call);
}

static void retry(struct entries *entries, enum err error)
{
    bool may_pass = error == ERR_CLOSED || error == ERR_TIMEOUT || error == ERR_BUSY;
    if (entries->call->api != NULL && may_pass && entries->started &&
        entries->retries++ < RETRIES_MAX) {
        loop_timer_arm(entries->timer, RETRY_MS);
    } else {
        break_off(entries, error);
    }
}

static void on_retry(void *arg)
{
    struct entries *entries = arg;
    if (entries->call->api == NULL) {
        break_off(entries, ERR_CLOSED);
    } else {
        next_block(entries);
    }
}

/* ---- lines ---- */

static void add_json_line(json_t *json, struct buf *out)
{
    char *bytes = json_dumps(json, JSON_COMPACT);
    if (bytes != NULL) {
        buf_add_text(out, bytes);
        buf_add_char(out, '\n');
    } else {
        out->failed = true;
    }
    free(bytes);
    json_decref(json);
}

static void add_row(const struct entries *entries, const struct ledger_row *row, uint64_t n,
                    struct buf *out)
{
    struct ledger_entry entry;
    int offset = apicall_offset_min(entries->call);
    bool is_masked = entries->call->is_masked;
    bool is_sound = row != NULL && ledger_row_read(row, &entry) == ERR_OK;
    if (entries->format == FORMAT_CSV && is_sound) {
        encode_entry_csv(&entry, is_masked, offset, out);
        mask_end_csv_line(entries->call, mask_watermark(entries->call), out);
    } else if (entries->format == FORMAT_CSV) {
        encode_unsound_csv(n, out);
        mask_end_csv_line(entries->call, mask_watermark(entries->call), out);
    } else {
        add_json_line(is_sound ? encode_entry(&entry, is_masked, offset) : encode_unsound(n), out);
        mask_end_json_line(entries->call, out);
    }
}

/* Every number from entries->from to `last`, whether it is there or not. */
static void add_block(const struct entries *entries, const struct ledger_row *rows, size_t n_rows,
                      uint64_t last, struct buf *out)
{
    size_t at = 0;
    for (uint64_t n = entries->from; n <= last; n++) {
        bool is_there = at < n_rows && rows[at].n == n;
        add_row(entries, is_there ? &rows[at] : NULL, n, out);
        at += is_there;
    }
}

static uint64_t block_end(const struct entries *entries)
{
    uint64_t rows = entries->format == FORMAT_JSON ? entries->limit : BLOCK_ROWS;
    uint64_t left = entries->to + 1 - entries->from;
    return entries->from + (left < rows ? left : rows) - 1;
}

/* ---- a page ---- */

static void answer_page(struct entries *entries, const struct ledger_row *rows, size_t n_rows)
{
    struct apicall *call = entries->call;
    json_t *array = json_array();
    uint64_t last = entries->from <= entries->to ? block_end(entries) : entries->to;
    size_t at = 0;
    for (uint64_t n = entries->from; n <= last; n++) {
        struct ledger_entry entry;
        bool is_there = at < n_rows && rows[at].n == n;
        bool is_sound = is_there && ledger_row_read(&rows[at], &entry) == ERR_OK;
        json_array_append_new(
            array, is_sound ? encode_entry(&entry, call->is_masked, apicall_offset_min(call))
                            : encode_unsound(n));
        at += is_there;
    }
    json_t *next = last < entries->to ? json_integer((json_int_t)last + 1) : json_null();
    json_t *page = json_pack("{s:o, s:o, s:I}", "entries", array, "next", next, "as_of_entry",
                             (json_int_t)entries->to);
    mask_note(call, page);
    apicall_answer(call, 200, page);
}

/* ---- the stream ---- */

static const char *content_type(const struct entries *entries)
{
    return entries->format == FORMAT_CSV ? "text/csv; charset=utf-8" : "application/x-ndjson";
}

static void start(struct entries *entries, struct buf *piece)
{
    if (entries->started) {
        return;
    }
    entries->started = true;
    http_answer_start(entries->call->request, 200, content_type(entries));
    if (entries->format == FORMAT_CSV) {
        buf_add_text(piece, ENCODE_ENTRY_HEADER);
        mask_end_csv_line(entries->call, "watermark", piece);
    }
}

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct entries *entries = arg;
    struct apicall *call = entries->call;
    struct buf piece;
    (void)reason;
    if (error != ERR_OK || call->api == NULL) {
        retry(entries, error != ERR_OK ? error : ERR_CLOSED);
        return;
    }
    if (entries->format == FORMAT_JSON) {
        answer_page(entries, rows, n);
        return;
    }
    uint64_t last = block_end(entries);
    buf_init(&piece, PIECE_MAX_BYTES);
    start(entries, &piece);
    add_block(entries, rows, n, last, &piece);
    entries->retries = 0;
    entries->from = last + 1;
    if (buf_check(&piece) != ERR_OK) {
        break_off(entries, ERR_NOMEM);
    } else {
        http_answer_piece(call->request, buf_text(&piece), piece.len, on_ready, entries);
    }
    buf_fini(&piece);
}

static void end_stream(struct entries *entries)
{
    struct apicall *call = entries->call;
    if (!entries->started) {
        const char *header = entries->format == FORMAT_CSV ? ENCODE_ENTRY_HEADER : "";
        http_answer(call->request, 200, content_type(entries), header, strlen(header));
    } else {
        http_answer_end(call->request);
    }
    apicall_end(call);
}

static void next_block(struct entries *entries)
{
    if (entries->from > entries->to) {
        if (entries->format == FORMAT_JSON) {
            answer_page(entries, NULL, 0);
        } else {
            end_stream(entries);
        }
        return;
    }
    enum err error = ledger_read(entries->call->api->parts.store, entries->from, block_end(entries),
                                 on_rows, entries);
    if (error != ERR_OK) {
        retry(entries, error);
    }
}

static void on_last(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                    const struct ledger_serial *serials, size_t n)
{
    struct entries *entries = arg;
    struct apicall *call = entries->call;
    (void)serials;
    (void)n;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    if (entries->to == 0 || entries->to > as_of_entry) {
        entries->to = as_of_entry;
    }
    next_block(entries);
}

static void begin(struct apicall *call)
{
    enum err error = ledger_serials(call->api->parts.store, on_last, call->state);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_ledger_entries(struct apicall *call)
{
    static const char *const formats[] = {"json", "jsonl", "csv", NULL};
    int format;
    struct entries *entries = calloc(1, sizeof *entries);
    if (entries == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    entries->call = call;
    call->state = entries;
    call->free_state = entries_free;
    entries->timer = loop_timer_new(call->api->parts.base, on_retry, entries);
    if (!query_word(call, "format", formats, &format) ||
        !query_number(call, "from", 1, INT64_MAX, &entries->from) ||
        !query_number(call, "to", 0, INT64_MAX, &entries->to) ||
        !query_number(call, "limit", PAGE_DEFAULT, LEDGER_READ_MAX, &entries->limit)) {
        return;
    }
    entries->format = format >= 0 ? (enum format)format : FORMAT_JSON;
    entries->from += entries->from == 0;
    entries->limit += entries->limit == 0;
    mask_settle(call, MASK_MANY, "ledger unmasked", "", begin);
}
