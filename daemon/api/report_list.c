/* A report beside the columns of the list that was uploaded, in its order, so that it can be pasted
 * back. The list is read as a stream; a piece goes out when the client has read the one before. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/report.h"
#include "api/list_cell.h"
#include "api/mask.h"
#include "base/csvcell.h"
#include "campaign/layout.h"
#include "campaign/template.h"
#include "drafting/draft.h"
#include "sms/mobile.h"

#define PIECE_BYTES ((size_t)65536)
#define PIECE_MAX_BYTES ((size_t)1024 * 1024) /* one row more than PIECE_BYTES */
#define PIECE_ROWS 500
#define FAULT_MAX_BYTES 8192
#define LEFT_OUT "left_out"

/* ---- opening ---- */

/* PARENT-r1 was sent to people of PARENT's list. */
static bool cut_child(char *id)
{
    char *mark = strrchr(id, '-');
    if (mark == NULL || mark[1] != 'r' || mark[2] == '\0' ||
        strspn(mark + 2, "0123456789") != strlen(mark + 2)) {
        return false;
    }
    *mark = '\0';
    return true;
}

static char *find_list(const struct apicall *call)
{
    char id[ROUTE_PARAM_SIZE];
    char *list = NULL;
    memcpy(id, call->found.id, sizeof id);
    do {
        struct draft *draft = NULL;
        if (draft_load(call->api->settings, id, &draft) == ERR_OK && draft->list != NULL &&
            apicall_covers(call, draft_value(draft, "campaign", "region")) &&
            access(draft->list, R_OK) == 0) {
            list = strdup(draft->list);
        }
        draft_free(draft);
    } while (list == NULL && cut_child(id));
    return list;
}

/* Which column holds the number is told as the plan tells it. */
static enum err find_number(struct report *report, struct buf *fault)
{
    struct template *tmpl = NULL;
    struct layout layout;
    enum err error = template_compile("--", false, "-", "", &tmpl, fault);
    if (error == ERR_OK) {
        error = layout_find(report->list, tmpl, &layout, fault);
    }
    if (error == ERR_OK) {
        report->number_column = layout.chosen[layout.number];
    }
    template_free(tmpl);
    return error;
}

static enum err open_list(struct report *report, const char *path, struct buf *fault)
{
    size_t columns[RECIPIENTS_COLUMNS_MAX];
    const char *const *names, *const *folded;
    enum err error = recipients_open(path, &report->list, fault);
    if (error != ERR_OK) {
        report->list = NULL;
        return error;
    }
    error = find_number(report, fault);
    if (error != ERR_OK) {
        return error;
    }
    report->n_columns = recipients_columns(report->list, &names, &folded);
    for (size_t i = 0; i < report->n_columns; i++) {
        columns[i] = i;
    }
    return recipients_choose(report->list, columns, report->n_columns);
}

bool report_list_open(struct report *report)
{
    struct apicall *call = report->call;
    char *path = find_list(call);
    struct buf fault;
    if (path == NULL) {
        apicall_error(call, 409, "file", "with",
                      "the list of %s is not there any more; download the report without its "
                      "columns",
                      call->found.id);
        return false;
    }
    buf_init(&fault, FAULT_MAX_BYTES);
    enum err error = open_list(report, path, &fault);
    if (error != ERR_OK) {
        apicall_error(call, 409, "file", "with", "%s",
                      fault.len > 0 ? buf_text(&fault) : err_sentence(error));
    }
    buf_fini(&fault);
    free(path);
    return error == ERR_OK;
}

/* ---- writing ---- */

static void add_columns(const struct report *report, const struct recipients_row *row,
                        struct buf *piece)
{
    for (size_t i = 0; i < report->n_columns; i++) {
        list_cell_add(piece, &row->cells[i], report->is_masked);
        buf_add_char(piece, ',');
    }
}

static void add_row(struct report *report, const struct recipients_row *row, struct buf *piece)
{
    const struct recipients_cell *cell = &row->cells[report->number_column];
    struct report_entry *entry = NULL;
    uint64_t number;
    if (mobile_parse(cell->text, cell->len, &number) == MOBILE_OK) {
        entry = report_table_find(report->table, number);
    }
    if (entry == NULL || entry->is_given) { /* wrong, opted out, or there before */
        if (report->all) {
            add_columns(report, row, piece);
            buf_add_char(piece, ',');
            csvcell_add(piece, report_word(report, "csv", LEFT_OUT));
            buf_add_text(piece, ",,,,,\n");
            mask_end_csv_line(report->call, mask_watermark(report->call), piece);
        }
        return;
    }
    entry->is_given = true;
    if (report_wants(report, entry->state)) {
        struct report_line line;
        report_fill(report, entry, &line);
        add_columns(report, row, piece);
        encode_report_csv(&line, apicall_offset_min(report->call), piece);
        mask_end_csv_line(report->call, mask_watermark(report->call), piece);
    }
}

static void add_header(const struct report *report, struct buf *piece)
{
    const char *const *names, *const *folded;
    size_t n = recipients_columns(report->list, &names, &folded);
    for (size_t i = 0; i < n; i++) {
        csvcell_add(piece, names[i]);
        buf_add_char(piece, ',');
    }
    report_header(report, piece);
}

static void on_ready(void *arg, bool gone)
{
    struct report *report = arg;
    struct apicall *call = report->call;
    if (gone || call->api == NULL) {
        http_answer_end(call->request);
        apicall_end(call);
        return;
    }
    report_list_write(report);
}

/* Adds rows until the piece is large enough. *ended: the list is through. */
static enum err read_rows(struct report *report, struct buf *piece, bool *ended)
{
    *ended = false;
    for (size_t i = 0; i < PIECE_ROWS && piece->len < PIECE_BYTES; i++) {
        struct recipients_row row;
        enum recipients_step step;
        enum err error = recipients_next(report->list, &row, &step);
        if (error != ERR_OK) {
            return error;
        }
        if (step == RECIPIENTS_END) {
            *ended = true;
            break;
        }
        if (step == RECIPIENTS_ROW) {
            add_row(report, &row, piece);
        }
    }
    return buf_check(piece);
}

void report_list_write(struct report *report)
{
    struct apicall *call = report->call;
    struct buf piece;
    bool ended = false;
    buf_init(&piece, PIECE_MAX_BYTES);
    if (!report->started) {
        report_start(report, &piece);
        add_header(report, &piece);
    }
    enum err error = read_rows(report, &piece, &ended);
    if (error != ERR_OK) {
        /* The import met the same fault and took nothing behind it. */
        report_break_off(report, error == ERR_NOMEM ? err_sentence(error)
                                                    : recipients_fault_text(report->list));
    } else if (piece.len > 0 && !ended) {
        http_answer_piece(call->request, buf_text(&piece), piece.len, on_ready, report);
    } else if (!ended) {
        loop_timer_arm(report->timer, 0); /* nothing of them is wanted */
    } else {
        if (piece.len > 0) {
            http_answer_piece(call->request, buf_text(&piece), piece.len, NULL, NULL);
        }
        http_answer_end(call->request);
        apicall_end(call);
    }
    buf_fini(&piece);
}
