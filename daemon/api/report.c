/* GET /api/v1/campaigns/{id}/report: chunk by chunk, the next one only when the client has read the
 * last. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "base/loop.h"
#include "sms/mobile.h"
#include "store/chunk.h"

#define PIECE_MAX_BYTES ((size_t)2 * 1024 * 1024) /* a chunk of 1000 lines is some 150 KB */
#define RETRY_MS 500
#define RETRIES_MAX 20

struct report {
    struct apicall *call;
    bool csv, started;
    char **texts; /* the carrier's dictionary of codes */
    size_t n_texts;
    uint32_t at_chunk;
    unsigned retries;
    struct loop_timer *timer;
};

static void report_free(void *state)
{
    struct report *report = state;
    for (size_t i = 0; i < report->n_texts; i++) {
        free(report->texts[i]);
    }
    free(report->texts);
    loop_timer_free(report->timer);
    free(report);
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
static void break_off(struct report *report, const char *reason)
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
        break_off(report, err_sentence(error));
    }
}

static void fill_line(const struct report *report, const struct codes *codes,
                      const struct chunk_view *chunk, size_t i, struct report_line *line)
{
    uint16_t code = 0, minutes = 0;
    if (chunk->details != NULL) {
        const uint8_t *at = chunk->details + 4 * i;
        code = (uint16_t)(at[0] << 8 | at[1]);
        minutes = (uint16_t)(at[2] << 8 | at[3]);
    }
    uint8_t state = chunk->states[i];
    bool touched = chunk->details != NULL && state != STATE_QUEUED && state != STATE_CANCELLED;
    line->number = mobile_unpack(chunk->numbers + MOBILE_PACKED_BYTES * i);
    line->region = chunk_region(chunk, i);
    line->state = state;
    line->code = code < report->n_texts ? report->texts[code] : "";
    line->meaning = line->code[0] != '\0' && codes != NULL ? codes_meaning(codes, line->code) : "";
    line->updated_ms = touched ? chunk->base_ms + minutes * INT64_C(60000) : 0;
    line->submitted_ms =
        state != STATE_QUEUED && state != STATE_CANCELLED && state != STATE_SUPPRESSED
            ? chunk->submitted_ms
            : 0;
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
    const struct codes *codes =
        apicall_codes(call, call->found.carrier); /* may be new since the last chunk */
    buf_init(&piece, PIECE_MAX_BYTES);
    if (!report->started) {
        report->started = true;
        http_answer_start(call->request, 200,
                          report->csv ? "text/csv; charset=utf-8" : "application/x-ndjson");
        buf_add_text(&piece, report->csv ? ENCODE_REPORT_HEADER : "");
    }
    for (size_t i = 0; i < chunk->n; i++) {
        struct report_line line;
        fill_line(report, codes, chunk, i, &line);
        if (report->csv) {
            encode_report_csv(&line, apicall_offset_min(call), &piece);
        } else {
            encode_report_jsonl(&line, apicall_offset_min(call), &piece);
        }
    }
    report->retries = 0;
    report->at_chunk++;
    if (buf_check(&piece) != ERR_OK) {
        break_off(report, err_sentence(ERR_NOMEM));
    } else {
        http_answer_piece(call->request, buf_text(&piece), piece.len, on_ready, report);
    }
    buf_fini(&piece);
}

static void next_chunk(struct report *report)
{
    struct apicall *call = report->call;
    if (report->at_chunk >= call->found.n_chunks) {
        if (!report->started) {
            http_answer(call->request, 200,
                        report->csv ? "text/csv; charset=utf-8" : "application/x-ndjson",
                        ENCODE_REPORT_HEADER, report->csv ? strlen(ENCODE_REPORT_HEADER) : 0);
        } else {
            http_answer_end(call->request);
        }
        apicall_end(call);
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
        break_off(report, "the daemon is stopping");
    } else {
        next_chunk(report);
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

static void report_found(struct apicall *call)
{
    enum err error = queue_codes(call->api->parts.store, call->found.carrier, on_codes, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_campaign_report(struct apicall *call)
{
    const char *format = http_request_query(call->request, "format");
    bool jsonl = format != NULL && strcmp(format, "jsonl") == 0;
    if (format != NULL && !jsonl && strcmp(format, "csv") != 0) {
        apicall_error(call, 400, "invalid", "format", "format is \"%s\"; possible: csv, jsonl",
                      format);
        return;
    }
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    report->call = call;
    report->csv = !jsonl;
    report->timer = loop_timer_new(call->api->parts.base, on_retry, report);
    call->state = report;
    call->free_state = report_free;
    apicall_need_campaign(call, report_found);
}
