/* GET /api/v1/campaigns/{id}/report: chunk by chunk, the next one only when the client has read the
 * last. With the columns of the list, all chunks go into a table first (report_list.c). */
#include "api/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/drafts.h"
#include "api/handlers.h"
#include "api/mask.h"
#include "base/csvcell.h"
#include "carrier/carrier.h"
#include "sms/mobile.h"
#include "store/chunk.h"

#define PIECE_MAX_BYTES ((size_t)2 * 1024 * 1024) /* a chunk of 1000 lines is some 150 KB */
#define RETRY_MS 500
#define RETRIES_MAX 20
#define COLUMNS_ROWS_MAX ((size_t)1000000) /* some 50 MB */
#define COLUMNS_REPORTS_MAX 2
#define STATES_MAX_BYTES 200

static unsigned with_columns; /* reports with a table just now */

static void report_free(void *state)
{
    struct report *report = state;
    for (size_t i = 0; i < report->n_texts; i++) {
        free(report->texts[i]);
    }
    free(report->texts);
    with_columns -= report->table != NULL;
    report_table_free(report->table);
    recipients_free(report->list);
    loop_timer_free(report->timer);
    free(report);
}

bool report_wants(const struct report *report, uint8_t state)
{
    for (size_t i = 0; !report->all && i < STATE_COUNT; i++) {
        if ((uint8_t)state_all[i] == state) {
            return report->wanted[i];
        }
    }
    return report->all;
}

static void next_chunk(struct report *report);

static void on_ready(void *arg, bool gone)
{
    struct report *report = arg;
    struct apicall *call = report->call;
    if (gone || call->api == NULL) {
        http_answer_end(call->request);
        apicall_end(call);
        return;
    }
    next_chunk(report);
}

/* The status line is out: all that can be done is to say it in the stream. */
void report_break_off(struct report *report, const char *reason)
{
    static const char csv[] = "\"REPORT BROKEN OFF\"\n",
                      jsonl[] = "{\"error\":\"REPORT BROKEN OFF\"}\n";
    struct apicall *call = report->call;
    if (!report->started) {
        apicall_error(call, 503, "redis", NULL, "%s", reason);
        return;
    }
    http_answer_piece(call->request, report->csv ? csv : jsonl, strlen(report->csv ? csv : jsonl),
                      NULL, NULL);
    http_answer_end(call->request);
    apicall_end(call);
}

static void retry(struct report *report, enum err error)
{
    bool may_pass = error == ERR_CLOSED || error == ERR_TIMEOUT || error == ERR_BUSY;
    if (report->call->api != NULL && may_pass && report->retries++ < RETRIES_MAX) {
        loop_timer_arm(report->timer, RETRY_MS);
    } else {
        report_break_off(report, err_sentence(error));
    }
}

void report_start(struct report *report, struct buf *piece)
{
    struct apicall *call = report->call;
    char name[ROUTE_PARAM_SIZE + 64];
    report->started = true;
    snprintf(name, sizeof name, "attachment; filename=\"%s-report.%s\"", call->params[0],
             report->csv ? "csv" : "jsonl");
    http_answer_header(call->request, "Content-Disposition", name);
    http_answer_start(call->request, 200,
                      report->csv ? "text/csv; charset=utf-8" : "application/x-ndjson");
    if (report->csv && report->has_bom) {
        buf_add_text(piece, CSVCELL_BOM);
    }
}

/* ---- lines ---- */

const char *report_word(const struct report *report, const char *prefix, const char *word)
{
    const struct api *api = report->call->api;
    return words_of(api != NULL ? api->words : NULL, report->language, prefix, word, word);
}

void report_header(const struct report *report, struct buf *piece)
{
    static const char *const columns[] = {"number",     "state",        "code",  "meaning",
                                          "updated_at", "submitted_at", "region"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        buf_add_text(piece, i > 0 ? "," : "");
        csvcell_add(piece, report_word(report, "csv", columns[i]));
    }
    buf_add_char(piece, '\n');
    mask_end_csv_line(report->call, report_word(report, "csv", "watermark"), piece);
}

static void fill_entry(const struct report *report, const struct chunk_view *chunk, size_t i,
                       struct report_entry *entry)
{
    uint16_t code = 0, minutes = 0;
    if (chunk->details != NULL) {
        const uint8_t *at = chunk->details + 4 * i;
        code = (uint16_t)(at[0] << 8 | at[1]);
        minutes = (uint16_t)(at[2] << 8 | at[3]);
    }
    uint8_t state = chunk->states[i];
    bool touched = chunk->details != NULL && state != STATE_QUEUED && state != STATE_CANCELLED;
    bool submitted = state != STATE_QUEUED && state != STATE_CANCELLED && state != STATE_SUPPRESSED;
    *entry =
        (struct report_entry){.number = mobile_unpack(chunk->numbers + MOBILE_PACKED_BYTES * i),
                              .region = chunk_region(chunk, i),
                              .state = state,
                              .code = code < report->n_texts ? code : UINT16_MAX,
                              .updated_ms = touched ? chunk->base_ms + minutes * INT64_C(60000) : 0,
                              .submitted_ms = submitted ? chunk->submitted_ms : 0};
}

void report_fill(const struct report *report, const struct report_entry *entry,
                 struct report_line *line)
{
    /* The table of codes may be new since the last line. */
    const char *carrier = report->call->found.carrier;
    const struct codes *codes = apicall_codes(report->call, carrier);
    const char *code = entry->code < report->n_texts ? report->texts[entry->code] : "";
    const char *state = state_word((enum recipient_state)entry->state);
    *line = (struct report_line){
        .number = entry->number,
        .region = entry->region,
        .state = entry->state,
        .code = code,
        .meaning = code[0] != '\0'
                       ? carrier_meaning(apicall_driver(report->call, carrier), codes, code)
                       : "",
        .updated_ms = entry->updated_ms,
        .submitted_ms = entry->submitted_ms,
        .is_masked = report->is_masked,
        .is_temporary =
            code[0] != '\0' && codes != NULL && report_class_is_temporary(codes_class(codes, code)),
        .state_text = report->language != WORDS_NONE && state != NULL
                          ? report_word(report, "bucket", state)
                          : NULL};
}

static void write_line(const struct report *report, const struct report_entry *entry,
                       struct buf *piece)
{
    struct report_line line;
    report_fill(report, entry, &line);
    if (report->csv) {
        encode_report_csv(&line, apicall_offset_min(report->call), piece);
        mask_end_csv_line(report->call, mask_watermark(report->call), piece);
    } else {
        encode_report_jsonl(&line, apicall_offset_min(report->call), piece);
        mask_end_json_line(report->call, piece);
    }
}

static enum err take_chunk(struct report *report, const struct chunk_view *chunk, struct buf *piece)
{
    for (size_t i = 0; i < chunk->n; i++) {
        struct report_entry entry;
        fill_entry(report, chunk, i, &entry);
        if (report->table != NULL) {
            enum err error = report_table_add(report->table, &entry);
            if (error != ERR_OK) {
                return error;
            }
        } else if (report_wants(report, entry.state)) {
            write_line(report, &entry, piece);
        }
    }
    return buf_check(piece);
}

static void add_start(struct report *report, struct buf *piece)
{
    if (!report->started) {
        report_start(report, piece);
        if (report->csv) {
            report_header(report, piece);
        }
    }
}

static void on_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    struct report *report = arg;
    struct apicall *call = report->call;
    struct buf piece;
    if (error != ERR_OK || call->api == NULL) {
        retry(report, error != ERR_OK ? error : ERR_REFUSED);
        return;
    }
    buf_init(&piece, PIECE_MAX_BYTES);
    if (report->table == NULL) {
        add_start(report, &piece);
    }
    error = take_chunk(report, chunk, &piece);
    report->retries = 0;
    report->at_chunk++;
    if (error != ERR_OK) {
        report_break_off(report, err_sentence(error));
    } else if (piece.len > 0) {
        http_answer_piece(call->request, buf_text(&piece), piece.len, on_ready, report);
    } else {
        next_chunk(report); /* the next answer of Redis comes in a later turn */
    }
    buf_fini(&piece);
}

static void end_report(struct report *report)
{
    struct buf piece;
    buf_init(&piece, PIECE_MAX_BYTES);
    add_start(report, &piece); /* a campaign without a chunk has a report without a line */
    if (piece.len > 0) {
        http_answer_piece(report->call->request, buf_text(&piece), piece.len, NULL, NULL);
    }
    buf_fini(&piece);
    http_answer_end(report->call->request);
    apicall_end(report->call);
}

static void next_chunk(struct report *report)
{
    struct apicall *call = report->call;
    if (report->at_chunk >= call->found.n_chunks) {
        if (report->table != NULL) {
            report_list_write(report);
        } else {
            end_report(report);
        }
        return;
    }
    struct chunk_ref ref = {
        .carrier = call->found.carrier, .seq = call->found.seq, .chunk = report->at_chunk};
    enum err error = queue_chunk(call->api->parts.store, ref, on_chunk, report);
    if (error != ERR_OK) {
        retry(report, error);
    }
}

static void on_retry(void *arg)
{
    struct report *report = arg;
    if (report->call->api == NULL) {
        report_break_off(report, "the daemon is stopping");
    } else {
        next_chunk(report); /* or, with all of them in the table, the next rows of the list */
    }
}

static void on_codes(void *arg, enum err error, const char *const *codes, size_t n)
{
    struct apicall *call = arg;
    struct report *report = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    report->texts = calloc(n + 1, sizeof *report->texts);
    for (size_t i = 0; report->texts != NULL && i < n; i++) {
        report->texts[i] = strdup(codes[i]);
        if (report->texts[i] == NULL) {
            break;
        }
        report->n_texts++;
    }
    next_chunk(report);
}

/* The list is opened before the chunks are read: what is wrong with it is told at once. */
static bool begin_columns(struct report *report)
{
    struct apicall *call = report->call;
    size_t most = (size_t)call->found.n_chunks * CHUNK_MAX;
    if (most > COLUMNS_ROWS_MAX + CHUNK_MAX) {
        apicall_error(call, 413, "too_big", "with",
                      "columns are put beside at most %zu people; download it without them",
                      COLUMNS_ROWS_MAX);
        return false;
    }
    if (with_columns >= COLUMNS_REPORTS_MAX) {
        apicall_error(call, 503, "busy", "with", "too many such reports just now; try again");
        return false;
    }
    if (!report_list_open(report)) {
        return false;
    }
    report->table = report_table_new(most);
    if (report->table == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return false;
    }
    with_columns++;
    return true;
}

static void report_found(struct apicall *call)
{
    const char *purged = json_string_value(json_object_get(call->found.json, "purged_at"));
    if (purged != NULL) {
        apicall_error(call, 409, "purged", NULL,
                      "the numbers of this campaign were deleted on %.10s (retention); its figures "
                      "are in its status",
                      purged);
        return;
    }
    struct report *report = call->state;
    if (report->with_columns && !begin_columns(report)) {
        return;
    }
    enum err error = queue_codes(call->api->parts.store, call->found.carrier, on_codes, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- what is asked for ---- */

static bool read_states(struct report *report)
{
    struct apicall *call = report->call;
    const char *given = http_request_query(call->request, "states");
    char words[STATES_MAX_BYTES], *rest = NULL;
    report->all = given == NULL || given[0] == '\0';
    snprintf(words, sizeof words, "%s", given != NULL ? given : "");
    for (char *word = strtok_r(words, ",", &rest); word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        enum recipient_state state;
        if (!state_parse(word, &state)) {
            apicall_error(call, 400, "invalid", "states", "there is no state \"%s\"", word);
            return false;
        }
        for (size_t i = 0; i < STATE_COUNT; i++) {
            report->wanted[i] |= state_all[i] == state;
        }
    }
    return true;
}

static bool read_form(struct report *report)
{
    struct apicall *call = report->call;
    const char *format = http_request_query(call->request, "format"),
               *with = http_request_query(call->request, "with");
    bool jsonl = format != NULL && strcmp(format, "jsonl") == 0;
    if (format != NULL && !jsonl && strcmp(format, "csv") != 0) {
        apicall_error(call, 400, "invalid", "format", "format is \"%s\"; possible: csv, jsonl",
                      format);
        return false;
    }
    if (!words_query(call, &report->language)) {
        return false;
    }
    if (jsonl) { /* for programs: the page reads it too */
        report->language = WORDS_NONE;
    }
    report->csv = !jsonl;
    report->has_bom = call->who.via != VIA_CONTROL; /* for spreadsheet programs */
    report->with_columns = with != NULL && with[0] != '\0';
    if (report->with_columns && (strcmp(with, "columns") != 0 || jsonl)) {
        apicall_error(call, 400, "invalid", "with",
                      "with is \"%s\"; possible: columns, with format=csv", with);
        return false;
    }
    return true;
}

static void find(struct apicall *call)
{
    struct report *report = call->state;
    report->is_masked = call->is_masked;
    apicall_need_campaign(call, report_found);
}

void handle_campaign_report(struct apicall *call)
{
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    report->call = call;
    report->timer = loop_timer_new(call->api->parts.base, on_retry, report);
    call->state = report;
    call->free_state = report_free;
    if (read_form(report) && read_states(report)) {
        mask_settle(call, MASK_MANY, "report unmasked", call->params[0], find);
    }
}
