/* GET /api/v1/drafts/{id}/rejected: the rows left out as they were uploaded, each with its number
 * and what to do about it behind its own columns, so that they can be mended and uploaded.
 *
 * The list is read twice at the same pace: the run tells which rows of a block are left out (those
 * who have opted out last), and when the block is settled a second reader walks up to them. Whole
 * numbers are for those who upload lists; others see them masked, as everywhere. */
#include <stdlib.h>
#include <string.h>

#include "api/drafts.h"
#include "api/handlers.h"
#include "api/list_cell.h"
#include "api/words.h"
#include "base/csvcell.h"
#include "campaign/recipients.h"

#define PIECE_BYTES 65536
#define PIECES_MAX_BYTES                                                                           \
    ((size_t)128 * 1024 * 1024) /* a block of 1000 rows, all bad and as long as a row may be */
#define FAULT_MAX_BYTES 8192
#define REASON_MAX_BYTES 8192
#define REASON_COLUMN "reason"

struct left_out {
    uint64_t row;
    const char *word; /* static */
    char *reason, *column;
};

/* The run stands still while the client reads. */
struct rejected {
    struct draft_work work; /* first: the call's state is this */
    struct apicall *call;
    struct run *run; /* NULL: over */
    struct recipients *list;
    size_t n_columns; /* of the list, without those that an earlier download put behind them */
    enum words_language language;
    bool is_masked, is_writing, is_gone;
    struct left_out *block; /* of the block that is read just now */
    size_t n, cap;
    struct buf rows;
};

static void forget_block(struct rejected *rejected)
{
    for (size_t i = 0; i < rejected->n; i++) {
        free(rejected->block[i].reason);
        free(rejected->block[i].column);
    }
    rejected->n = 0;
}

static void rejected_free(void *state)
{
    struct rejected *rejected = state;
    forget_block(rejected);
    free(rejected->block);
    recipients_free(rejected->list);
    draft_free(rejected->work.draft);
    buf_fini(&rejected->rows);
    free(rejected);
}

/* ---- writing ---- */

static void on_written(void *arg, bool gone);

static void write_rows(struct rejected *rejected)
{
    rejected->is_writing = true;
    http_answer_piece(rejected->call->request, buf_text(&rejected->rows), rejected->rows.len,
                      on_written, rejected);
    buf_reset(&rejected->rows);
}

static void end_rows(struct rejected *rejected)
{
    http_answer_end(rejected->call->request);
    apicall_end(rejected->call);
}

static void on_written(void *arg, bool gone)
{
    struct rejected *rejected = arg;
    rejected->is_writing = false;
    rejected->is_gone = gone || rejected->call->api == NULL;
    if (rejected->is_gone && rejected->run != NULL) {
        struct run *run = rejected->run;
        rejected->run = NULL;
        run_cancel(run);
    }
    if (rejected->run != NULL) {
        run_resume(rejected->run);
    } else if (!rejected->is_gone && rejected->rows.len > 0) {
        write_rows(rejected);
    } else {
        end_rows(rejected);
    }
}

/* ---- rows ---- */

static const struct words *words_now(const struct rejected *rejected)
{
    return rejected->call->api != NULL ? rejected->call->api->words : NULL;
}

static void add_reason(struct rejected *rejected, const struct left_out *one)
{
    struct buf reason;
    buf_init(&reason, REASON_MAX_BYTES);
    words_fill(&reason,
               words_of(words_now(rejected), rejected->language, "problem", one->word, one->reason),
               "column", one->column);
    csvcell_add(&rejected->rows, buf_text(&reason));
    buf_fini(&reason);
}

static void add_row(struct rejected *rejected, const struct recipients_row *row,
                    const struct left_out *one)
{
    for (size_t i = 0; i < rejected->n_columns; i++) {
        list_cell_add(&rejected->rows, &row->cells[i], rejected->is_masked);
        buf_add_char(&rejected->rows, ',');
    }
    buf_addf(&rejected->rows, "%llu,", (unsigned long long)one->row);
    add_reason(rejected, one);
    buf_add_text(&rejected->rows, "\r\n");
}

/* The second reader is where the run was before this block: it reads as much as the run has. */
static bool walk_to(struct rejected *rejected, uint64_t wanted, struct recipients_row *row)
{
    enum recipients_step step = RECIPIENTS_NOTHING;
    while (recipients_next(rejected->list, row, &step) == ERR_OK && step != RECIPIENTS_END) {
        if (step == RECIPIENTS_ROW && row->row == wanted) {
            return true;
        }
    }
    return false;
}

static int by_row(const void *a, const void *b)
{
    const struct left_out *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* `last`: the last row of the block that stays, 0 when none does. */
static void add_block(struct rejected *rejected, uint64_t last)
{
    struct recipients_row row;
    uint64_t at = 0;
    if (rejected->n > 1) {
        qsort(rejected->block, rejected->n, sizeof *rejected->block, by_row);
    }
    for (size_t i = 0; i < rejected->n && walk_to(rejected, rejected->block[i].row, &row); i++) {
        add_row(rejected, &row, &rejected->block[i]);
        at = row.row;
    }
    if (at < last) {
        (void)walk_to(rejected, last, &row);
    }
    forget_block(rejected);
}

/* ---- what the run meets ---- */

static bool make_room(struct rejected *rejected)
{
    if (rejected->n < rejected->cap) {
        return true;
    }
    size_t cap = rejected->cap > 0 ? 2 * rejected->cap : 256;
    struct left_out *grown = realloc(rejected->block, cap * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    rejected->block = grown;
    rejected->cap = cap;
    return true;
}

/* A row that is sent all the same must not be uploaded again. */
static void on_problem(void *arg, const struct plan_problem *problem)
{
    struct rejected *rejected = arg;
    if (problem->accepted || !make_room(rejected)) {
        return;
    }
    struct left_out *one = &rejected->block[rejected->n];
    *one = (struct left_out){.row = problem->row,
                             .word = problem->word,
                             .reason = strdup(problem->reason),
                             .column = strdup(problem->column)};
    if (one->reason == NULL || one->column == NULL) {
        free(one->reason);
        free(one->column);
        return;
    }
    rejected->n++;
}

static void on_settled(void *arg, const struct plan_block *block)
{
    add_block(arg, block->n > 0 ? block->rows[block->n - 1].row : 0);
}

static bool may_go_on(void *arg)
{
    struct rejected *rejected = arg;
    if (!rejected->is_writing && rejected->rows.len >= PIECE_BYTES) {
        write_rows(rejected);
    }
    return !rejected->is_writing;
}

/* The status line is out: what went wrong can only be said in the file. */
static void add_fault(struct rejected *rejected, const char *fault)
{
    for (size_t i = 0; i <= rejected->n_columns; i++) {
        buf_add_char(&rejected->rows, ',');
    }
    csvcell_add(&rejected->rows, fault);
    buf_add_text(&rejected->rows, "\r\n");
}

static void on_run_end(void *arg, struct run *run, enum err error, const char *fault)
{
    struct rejected *rejected = arg;
    (void)run;
    rejected->run = NULL;
    add_block(rejected, 0); /* those before a fault */
    if (error != ERR_OK) {
        add_fault(rejected, fault);
    }
    if (rejected->is_writing) {
        return; /* on_written goes on */
    }
    if (rejected->rows.len > 0) {
        write_rows(rejected);
    } else {
        end_rows(rejected);
    }
}

/* ---- beginning ---- */

static bool is_ours(const struct rejected *rejected, const char *name, const char *column)
{
    const char *names[WORDS_COLUMN_NAMES];
    bool is_one = false;
    words_column(words_now(rejected), column, names);
    for (size_t i = 0; i < WORDS_COLUMN_NAMES; i++) {
        is_one = is_one || strcmp(name, names[i]) == 0;
    }
    return is_one;
}

/* All columns, but for the two of an earlier download. */
static enum err choose(struct rejected *rejected)
{
    size_t columns[RECIPIENTS_COLUMNS_MAX];
    const char *const *names, *const *folded;
    size_t n = recipients_columns(rejected->list, &names, &folded);
    if (n > 2 && is_ours(rejected, names[n - 2], DRAFTS_ROW_COLUMN) &&
        is_ours(rejected, names[n - 1], REASON_COLUMN)) {
        n -= 2;
    }
    for (size_t i = 0; i < n; i++) {
        columns[i] = i;
    }
    rejected->n_columns = n;
    return recipients_choose(rejected->list, columns, n);
}

static void add_header(struct rejected *rejected)
{
    const char *const *names, *const *folded;
    recipients_columns(rejected->list, &names, &folded);
    buf_add_text(&rejected->rows, CSVCELL_BOM);
    for (size_t i = 0; i < rejected->n_columns; i++) {
        csvcell_add(&rejected->rows, names[i]);
        buf_add_char(&rejected->rows, ',');
    }
    csvcell_add(&rejected->rows, words_of(words_now(rejected), rejected->language, "csv",
                                          DRAFTS_ROW_COLUMN, DRAFTS_ROW_COLUMN));
    buf_add_char(&rejected->rows, ',');
    csvcell_add(&rejected->rows, words_of(words_now(rejected), rejected->language, "csv",
                                          REASON_COLUMN, REASON_COLUMN));
    buf_add_text(&rejected->rows, "\r\n");
}

static enum err open_list(struct rejected *rejected, enum run_stage *stage, struct buf *fault)
{
    static const struct run_hooks hooks = {
        .problem = on_problem, .settled = on_settled, .ready = may_go_on, .end = on_run_end};
    enum err error = run_new(rejected->call->api->parts.drafting, rejected->work.draft, &hooks,
                             rejected, &rejected->run, stage, fault);
    if (error != ERR_OK) {
        rejected->run = NULL;
        return error;
    }
    error = recipients_open(rejected->work.draft->list, &rejected->list, fault);
    if (error == ERR_OK) {
        error = choose(rejected);
    } else {
        rejected->list = NULL;
        *stage = RUN_FILE; /* it went away between the two */
    }
    if (error != ERR_OK) {
        run_cancel(rejected->run);
        rejected->run = NULL;
    }
    return error;
}

static void stream(struct apicall *call)
{
    struct rejected *rejected = call->state;
    enum run_stage stage = RUN_OK;
    struct buf fault;
    buf_init(&fault, FAULT_MAX_BYTES);
    enum err error = open_list(rejected, &stage, &fault);
    if (error == ERR_OK) {
        drafts_name_file(call, "rejected");
        http_answer_start(call->request, 200, "text/csv; charset=utf-8");
        add_header(rejected);
    } else if (stage != RUN_OK) {
        apicall_error(call, 409, run_stage_word(stage), NULL, "%s", buf_text(&fault));
    } else {
        apicall_fail(call, error,
                     error == ERR_BUSY ? "too many lists are checked just now; try again" : NULL);
    }
    buf_fini(&fault);
}

static void begin(struct apicall *call, struct draft_work *work)
{
    const struct rejected *rejected = call->state;
    bool is_trusted = call->who.via == VIA_CONTROL;
    if (!rejected->is_masked && !is_trusted) {
        drafts_audit(call, call->who.name, "rejected rows", work->draft->id, "", stream);
    } else {
        stream(call);
    }
}

void handle_draft_rejected(struct apicall *call)
{
    struct rejected *rejected = calloc(1, sizeof *rejected);
    if (rejected == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    buf_init(&rejected->rows, PIECES_MAX_BYTES);
    rejected->call = call;
    rejected->work.who = "";
    bool may_upload =
        call->who.via == VIA_SESSION && who_has_role(&call->who, ROLE_BIT(ROLE_TOWNSHIP));
    rejected->is_masked = call->who.via != VIA_CONTROL && !may_upload;
    call->state = rejected;
    call->free_state = rejected_free;
    if (words_query(call, &rejected->language)) {
        drafts_open(call, NULL, begin);
    }
}
