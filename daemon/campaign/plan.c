/* See plan.h. A row goes through one gauntlet: table faults, number, values, weight, duplicate; the
 * first that stops it is its problem. The duplicate check is the last, so that a number counts as
 * seen only when its row could be sent. */
#include "campaign/plan.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "campaign/column.h"
#include "campaign/dedupe.h"
#include "campaign/layout.h"
#include "campaign/problems.h"
#include "campaign/recipients.h"
#include "campaign/template.h"
#include "campaign/window.h"
#include "sms/mobile.h"
#include "sms/text.h"

/* A request never holds more: it is cut from one chunk, and a personalised one may not
 * (carrier-apis.md 1.5). */
#define REQUEST_RECIPIENTS_MAX 1000
#define PROBLEM_MAX_BYTES 8192
#define REASON_MAX_BYTES 512
#define NAME_MAX_BYTES 64
#define TEXT_MAX_BYTES 65536 /* of a finished text */
#define VALUES_MAX_BYTES (64u << 20)
/* What a slice that ends no row counts as against max_csv_rows. */
#define NOTHING_COSTS_ROWS 64
#define SECOND_STREAM UINT64_C(0xa5a5a5a55a5a5a5a)

struct plan {
    struct recipients *recipients;
    struct template *tmpl;
    struct dedupe *dedupe;
    struct layout layout;
    char *number_header; /* folded, to know the header when it comes again */
    size_t n_values;

    enum on_empty on_empty;
    char *empty_default;
    uint32_t max_segments, rate, price_fen, batch_max;
    struct window window;

    struct problems problems;
    struct plan_totals totals;
    uint64_t numbers[2]; /* sums over all numbers that could be sent to */
    uint8_t text_digest[DIGEST_SHA256_BYTES];
    char *previews[PLAN_PREVIEWS];
    size_t n_previews;
    bool somebody_was_asked, somebody_was_not;
    const char *fault; /* NULL: the table's */
};

/* A row on its way. */
struct candidate {
    const struct recipients_row *source;
    uint64_t number;
    uint32_t segments;
    struct recipients_cell values[TEMPLATE_COLUMNS_MAX]; /* trimmed, defaults filled in */
};

/* ---- opening ---- */

static void digest_text(struct plan *plan, const struct definition *definition)
{
    const struct digest_part parts[] = {
        {definition->signature, strlen(definition->signature) + 1},
        {definition->text, strlen(definition->text) + 1},
        {definition->optout, strlen(definition->optout) + 1},
    };
    digest_sha256(parts, sizeof parts / sizeof parts[0], plan->text_digest);
}

static uint32_t smaller_rate(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a + b; /* 0: no limit */
    return a < b ? a : b;
}

static enum err take_terms(struct plan *plan, const struct definition *definition,
                           const struct settings *settings, struct buf *problem)
{
    const struct settings_carrier *carrier = settings_carrier(settings, definition->carrier);
    if (carrier == NULL) {
        buf_addf(problem, "there is no carrier %s", definition->carrier);
        return ERR_INVALID;
    }
    plan->rate = smaller_rate(definition->rate, carrier->rate);
    plan->price_fen = carrier->price_fen;
    plan->batch_max = carrier->batch_max;
    plan->max_segments = definition->max_segments;
    plan->on_empty = definition->on_empty;
    plan->window = definition_window(definition, settings->daemon.utc_offset_min);
    plan->empty_default = strdup(definition->empty_default ? definition->empty_default : "");
    if (plan->empty_default == NULL)
        return ERR_NOMEM;
    digest_text(plan, definition);
    return template_compile(definition->signature, carrier->signature_added_by_carrier,
                            definition->text, definition->optout, &plan->tmpl, problem);
}

static enum err check_default(const struct plan *plan, struct buf *problem)
{
    size_t at;
    enum text_fault fault = text_check(plan->empty_default, strlen(plan->empty_default), &at);
    if (fault == TEXT_FINE)
        return ERR_OK;
    buf_addf(problem, "the default for empty values: %s", text_fault_sentence(fault));
    return ERR_INVALID;
}

/* The text alone, all values empty, must fit. */
static enum err check_weight(const struct plan *plan, struct buf *problem)
{
    static const uint32_t nothing[TEMPLATE_COLUMNS_MAX];
    uint32_t units = template_units(plan->tmpl, nothing), segments = text_segments(units);
    if (segments <= plan->max_segments)
        return ERR_OK;
    buf_addf(problem,
             "the text has %" PRIu32 " characters with signature and opt-out wording, %" PRIu32
             " segments; max_segments is %" PRIu32,
             units, segments, plan->max_segments);
    return ERR_INVALID;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static enum err open_table(struct plan *plan, const char *path, struct buf *problem)
{
    const char *const *names, *const *folded;
    size_t before = problem->len;
    buf_addf(problem, "%s: ", file_name(path));
    enum err error = recipients_open(path, &plan->recipients, problem);
    if (error == ERR_OK)
        error = layout_find(plan->recipients, plan->tmpl, &plan->layout, problem);
    if (error == ERR_OK)
        error = recipients_choose(plan->recipients, plan->layout.chosen, plan->layout.n_chosen);
    if (error != ERR_OK)
        return error;
    problem->len = before;
    recipients_columns(plan->recipients, &names, &folded);
    plan->number_header = strdup(folded[plan->layout.chosen[plan->layout.number]]);
    plan->dedupe = dedupe_new();
    return plan->number_header != NULL && plan->dedupe != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err open_text(struct plan *plan, const struct definition *definition,
                          const struct settings *settings, struct buf *problem)
{
    enum err error = take_terms(plan, definition, settings, problem);
    if (error == ERR_OK)
        error = check_default(plan, problem);
    if (error == ERR_OK)
        error = check_weight(plan, problem);
    return error;
}

static enum err open_all(struct plan *plan, const struct definition *definition,
                         const struct settings *settings, struct buf *problem)
{
    enum err error = open_text(plan, definition, settings, problem);
    if (error == ERR_OK)
        error = open_table(plan, definition->recipients, problem);
    const char *const *names;
    if (error == ERR_OK)
        plan->n_values = template_columns(plan->tmpl, &names);
    return error;
}

/* A sentence that lists many columns may be longer than the caller has room for. */
static void add_cut(struct buf *problem, const struct buf *sentence)
{
    size_t room = problem->max - problem->len;
    char *cut = malloc(room + 1);
    if (cut == NULL)
        return;
    problems_show(buf_text(sentence), sentence->len, cut, room + 1);
    buf_add_text(problem, cut);
    free(cut);
}

enum err plan_open(const struct definition *definition, const struct settings *settings,
                   struct plan **plan, struct buf *problem)
{
    struct plan *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    struct buf sentence;
    buf_init(&sentence, PROBLEM_MAX_BYTES);
    problems_init(&made->problems);
    enum err error = open_all(made, definition, settings, &sentence);
    if (error == ERR_OK) {
        *plan = made;
    } else {
        if (error != ERR_NOMEM)
            add_cut(problem, &sentence);
        plan_free(made);
    }
    buf_fini(&sentence);
    return error;
}

static const char *why(enum err error, const struct buf *sentence)
{
    return error == ERR_NOMEM || sentence->len == 0 ? err_sentence(error) : buf_text(sentence);
}

void plan_check(const struct definition *definition, const struct settings *settings,
                struct mistakes *mistakes)
{
    struct plan *plan = calloc(1, sizeof *plan);
    struct buf sentence;
    if (plan == NULL) {
        mistakes_add(mistakes, false, definition->path, 0, NULL, NULL, NULL, NULL, "%s",
                     err_sentence(ERR_NOMEM));
        return;
    }
    buf_init(&sentence, PROBLEM_MAX_BYTES);
    problems_init(&plan->problems);
    enum err error = open_text(plan, definition, settings, &sentence);
    if (error != ERR_OK) {
        mistakes_add(mistakes, false, definition->path, 0, "message", "text", NULL, NULL, "%s",
                     why(error, &sentence));
    } else {
        error = open_table(plan, definition->recipients, &sentence);
        if (error != ERR_OK)
            mistakes_add(mistakes, false, definition->path, 0, "campaign", "recipients",
                         definition->recipients, NULL, "%s", why(error, &sentence));
    }
    buf_fini(&sentence);
    plan_free(plan);
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    recipients_free(plan->recipients);
    template_free(plan->tmpl);
    dedupe_free(plan->dedupe);
    problems_fini(&plan->problems);
    for (size_t i = 0; i < plan->n_previews; i++)
        free(plan->previews[i]);
    free(plan->number_header);
    free(plan->empty_default);
    free(plan);
}

/* ---- one row ---- */

static void report(struct plan *plan, uint64_t row, const char *value, const char *word,
                   const char *reason, const char *column)
{
    const struct plan_problem problem = {row, value, reason, word, false, column};
    problems_add(&plan->problems, &problem);
    plan->totals.problems = plan->problems.n;
}

/* Reports a row with the cell at fault; a number of the right form is masked. */
static void report_cell(struct plan *plan, uint64_t row, const struct recipients_cell *cell,
                        const char *word, const char *reason, const char *column)
{
    char shown[PROBLEM_VALUE_MAX_BYTES + 1];
    uint64_t number;
    if (mobile_parse(cell->text, cell->len, &number) == MOBILE_OK)
        mobile_mask(number, shown);
    else
        problems_show(cell->text, cell->len, shown, sizeof shown);
    report(plan, row, shown, word, reason, column);
}

/* `column`: of the text, whose value is at fault. */
static bool reject_value(struct plan *plan, const struct recipients_row *row,
                         const struct recipients_cell *cell, const char *word, const char *reason,
                         const char *column)
{
    plan->totals.invalid++;
    report_cell(plan, row->row, cell, word, reason, column);
    return false;
}

static bool reject(struct plan *plan, const struct recipients_row *row,
                   const struct recipients_cell *cell, const char *word, const char *reason)
{
    return reject_value(plan, row, cell, word, reason, "");
}

static const struct recipients_cell *number_cell(const struct plan *plan,
                                                 const struct recipients_row *row)
{
    return &row->cells[plan->layout.number];
}

static bool check_table(struct plan *plan, const struct recipients_row *row)
{
    char reason[REASON_MAX_BYTES];
    switch (row->fault) {
    case ROW_FINE:
        return true;
    case ROW_ENCODING:
        snprintf(reason, sizeof reason,
                 "the row holds bytes that are not %s; type it again and save the file as CSV "
                 "UTF-8",
                 recipients_encoding(plan->recipients));
        return reject(plan, row, number_cell(plan, row), "encoding", reason);
    case ROW_EXTRA_CELLS:
        return reject(plan, row, number_cell(plan, row), "extra_cells",
                      "something stands to the right of the last column; a cell with a comma in it "
                      "must stand in quotation marks");
    }
    return false;
}

static bool is_header_again(const struct plan *plan, const struct recipients_cell *cell)
{
    struct buf folded;
    buf_init(&folded, (size_t)4 * RECIPIENTS_FIELD_MAX_BYTES);
    column_fold(cell->text, cell->len, &folded);
    bool again = folded.len > 0 && strcmp(buf_text(&folded), plan->number_header) == 0;
    buf_fini(&folded);
    return again;
}

static bool check_number(struct plan *plan, struct candidate *candidate)
{
    const struct recipients_cell *cell = number_cell(plan, candidate->source);
    enum mobile_verdict verdict = mobile_parse(cell->text, cell->len, &candidate->number);
    if (verdict == MOBILE_OK)
        return true;
    if (verdict == MOBILE_CHARACTERS && is_header_again(plan, cell))
        return reject(plan, candidate->source, cell, "header",
                      "this is the header row again; delete the row");
    return reject(plan, candidate->source, cell, mobile_verdict_word(verdict),
                  mobile_verdict_sentence(verdict));
}

/* #N/A and its kin: a formula failed, and its outcry must not be read as somebody's name. */
static bool is_formula_error(const struct recipients_cell *value)
{
    static const char *const errors[] = {"#N/A",   "#REF!", "#VALUE!", "#NAME?", "#DIV/0!",
                                         "#NULL!", "#NUM!", "#SPILL!", "#CALC!"};
    if (value->text[0] != '#')
        return false;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (value->len == strlen(errors[i]) && memcmp(value->text, errors[i], value->len) == 0)
            return true;
    }
    return false;
}

static const char *value_name(const struct plan *plan, size_t i, char out[NAME_MAX_BYTES])
{
    const char *const *names;
    template_columns(plan->tmpl, &names);
    problems_show(names[i], strlen(names[i]), out, NAME_MAX_BYTES);
    return out;
}

static bool take_empty(struct plan *plan, struct candidate *candidate, size_t i)
{
    char reason[REASON_MAX_BYTES], name[NAME_MAX_BYTES];
    if (plan->on_empty == EMPTY_DEFAULT)
        candidate->values[i] =
            (struct recipients_cell){plan->empty_default, strlen(plan->empty_default)};
    if (plan->on_empty != EMPTY_REJECT)
        return true;
    snprintf(reason, sizeof reason,
             "%s is empty and the text needs it; fill the cell, or say in the definition what an "
             "empty one means (empty = blank, or empty = default:…)",
             value_name(plan, i, name));
    return reject_value(plan, candidate->source, number_cell(plan, candidate->source),
                        "empty_column", reason, name);
}

/* Trims value `i` and checks it; an empty one follows the definition's rule. */
static bool check_value(struct plan *plan, struct candidate *candidate, size_t i)
{
    struct recipients_cell *value = &candidate->values[i];
    char reason[REASON_MAX_BYTES], name[NAME_MAX_BYTES];
    size_t at;
    *value = candidate->source->cells[plan->layout.values[i]];
    column_trim(&value->text, &value->len);
    if (value->len == 0)
        return take_empty(plan, candidate, i);
    enum text_fault fault = text_check(value->text, value->len, &at);
    if (fault == TEXT_FINE && !is_formula_error(value))
        return true;
    snprintf(reason, sizeof reason, "%s: %s", value_name(plan, i, name),
             fault != TEXT_FINE ? text_fault_sentence(fault)
                                : "a formula of the spreadsheet has failed; mend it");
    return reject_value(plan, candidate->source, value, "column_text", reason, name);
}

static bool check_values(struct plan *plan, struct candidate *candidate)
{
    uint32_t units[TEMPLATE_COLUMNS_MAX];
    char reason[REASON_MAX_BYTES];
    for (size_t i = 0; i < plan->n_values; i++) {
        if (!check_value(plan, candidate, i))
            return false;
        units[i] = text_units(candidate->values[i].text, candidate->values[i].len);
    }
    uint32_t total = template_units(plan->tmpl, units);
    candidate->segments = text_segments(total);
    if (candidate->segments <= plan->max_segments)
        return true;
    snprintf(reason, sizeof reason,
             "the finished text has %" PRIu32 " characters, %" PRIu32
             " segments, and max_segments is %" PRIu32 "; shorten the values of the row",
             total, candidate->segments, plan->max_segments);
    return reject(plan, candidate->source, number_cell(plan, candidate->source), "too_long_text",
                  reason);
}

static uint64_t warn_of_region(struct plan *plan, const struct recipients_row *row,
                               const struct recipients_cell *cell)
{
    char shown[PROBLEM_VALUE_MAX_BYTES + 1];
    problems_show(cell->text, cell->len, shown, sizeof shown);
    const struct plan_problem problem = {
        row->row,
        shown,
        "this is no area code (2, 4, 6, 9 or 12 digits); the row is sent, but counts for no area "
        "of its own, and what its recipient pledges for that of the campaign",
        "area_code",
        true,
        ""};
    plan->totals.warnings++;
    problems_add(&plan->problems, &problem);
    return 0;
}

/* 2, 4, 6, 9 or 12 digits as 12; 0 for anything else, with a warning: a region is for counting
 * only. */
static uint64_t read_region(struct plan *plan, const struct recipients_row *row)
{
    if (plan->layout.region == LAYOUT_NONE)
        return 0;
    struct recipients_cell cell = row->cells[plan->layout.region];
    column_trim(&cell.text, &cell.len);
    if (cell.len == 0)
        return 0;
    if (cell.len != 2 && cell.len != 4 && cell.len != 6 && cell.len != 9 && cell.len != 12)
        return warn_of_region(plan, row, &cell);
    uint64_t code = 0;
    for (size_t i = 0; i < 12; i++) {
        int c = i < cell.len ? cell.text[i] : '0';
        if (c < '0' || c > '9')
            return warn_of_region(plan, row, &cell);
        code = code * 10 + (uint64_t)(c - '0');
    }
    return code;
}

static enum err add_to_block(struct plan *plan, const struct candidate *candidate,
                             struct plan_block *block)
{
    struct plan_row *row = &block->rows[block->n];
    size_t value_at = block->values.len;
    for (size_t i = 0; i < plan->n_values; i++)
        template_store_value(&block->values, candidate->values[i].text, candidate->values[i].len);
    if (block->values.failed)
        return ERR_NOMEM;
    *row = (struct plan_row){.number = candidate->number,
                             .region = read_region(plan, candidate->source),
                             .row = (uint32_t)candidate->source->row,
                             .segments = candidate->segments,
                             .value_at = (uint32_t)value_at,
                             .value_len = (uint32_t)(block->values.len - value_at)};
    block->n++;
    plan->numbers[0] += digest_mix64(candidate->number);
    plan->numbers[1] += digest_mix64(candidate->number ^ SECOND_STREAM);
    return ERR_OK;
}

static enum err take_row(struct plan *plan, const struct recipients_row *row,
                         struct plan_block *block)
{
    struct candidate candidate;
    candidate.source = row;
    if (row->row > UINT32_MAX) {
        plan->fault = "the table has more than 4 294 967 295 rows";
        return ERR_INVALID;
    }
    plan->totals.rows++;
    if (!check_table(plan, row) || !check_number(plan, &candidate) ||
        !check_values(plan, &candidate))
        return ERR_OK;
    bool seen;
    enum err error = dedupe_add(plan->dedupe, candidate.number, &seen);
    if (error != ERR_OK)
        return error;
    if (seen) {
        plan->totals.duplicate++;
        report_cell(plan, row->row, number_cell(plan, row), "duplicate",
                    "the same number stands in an earlier row, which is kept", "");
        return ERR_OK;
    }
    return add_to_block(plan, &candidate, block);
}

/* ---- blocks ---- */

static uint64_t read_so_far(const struct plan *plan)
{
    uint64_t read_bytes, all_bytes;
    recipients_progress(plan->recipients, &read_bytes, &all_bytes);
    return read_bytes;
}

enum err plan_read(struct plan *plan, size_t want, size_t max_csv_rows, struct plan_block *block,
                   bool *done)
{
    assert(want <= PLAN_BLOCK_ROWS);
    uint64_t stop_at = read_so_far(plan) + PLAN_READ_MAX_BYTES;
    *done = false;
    for (size_t spent = 0; block->n < want && spent < max_csv_rows;) {
        struct recipients_row row;
        enum recipients_step step;
        enum err error = recipients_next(plan->recipients, &row, &step);
        if (error == ERR_OK && step == RECIPIENTS_ROW)
            error = take_row(plan, &row, block);
        if (error == ERR_NOMEM)
            plan->fault = "there is no memory left";
        if (error != ERR_OK)
            return error;
        if (step == RECIPIENTS_END) {
            *done = true;
            break;
        }
        spent += step == RECIPIENTS_ROW ? 1 : NOTHING_COSTS_ROWS;
        if (read_so_far(plan) >= stop_at)
            break;
    }
    return ERR_OK;
}

const char *plan_fault(const struct plan *plan)
{
    return plan->fault != NULL ? plan->fault : recipients_fault_text(plan->recipients);
}

static void add_preview(struct plan *plan, const struct plan_block *block,
                        const struct plan_row *row)
{
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    const uint8_t *values = (const uint8_t *)buf_text(&block->values) + row->value_at;
    if (template_expand_shown(plan->tmpl, values, row->value_len, &text) == ERR_OK) {
        plan->previews[plan->n_previews] = strdup(buf_text(&text));
        if (plan->previews[plan->n_previews] != NULL)
            plan->n_previews++;
    }
    buf_fini(&text);
}

static void take_in(struct plan *plan, const struct plan_block *block, const struct plan_row *row)
{
    struct plan_totals *totals = &plan->totals;
    if (totals->accepted == 0 || row->segments < totals->segments_min)
        totals->segments_min = row->segments;
    if (row->segments > totals->segments_max)
        totals->segments_max = row->segments;
    totals->segments_total += row->segments;
    totals->accepted++;
    if (plan->n_previews < PLAN_PREVIEWS)
        add_preview(plan, block, row);
}

static void leave_out(struct plan *plan, const struct plan_row *row, uint8_t lookup)
{
    char shown[MOBILE_TEXT_SIZE];
    mobile_mask(row->number, shown);
    if (lookup & PLAN_OPTED_OUT) {
        plan->totals.opted_out++;
        report(plan, row->row, shown, "opted_out", "this person has asked not to be written to",
               "");
    } else {
        plan->totals.duplicate++;
        report(plan, row->row, shown, "in_group",
               "this number already gets a message in the same dedup_group", "");
    }
}

void plan_settle(struct plan *plan, struct plan_block *block, const uint8_t *lookup)
{
    size_t kept = 0;
    if (block->n > 0) {
        plan->somebody_was_asked |= lookup != NULL;
        plan->somebody_was_not |= lookup == NULL;
    }
    plan->totals.optouts_consulted = plan->somebody_was_asked && !plan->somebody_was_not;
    for (size_t i = 0; i < block->n; i++) {
        const struct plan_row row = block->rows[i];
        if (lookup != NULL && lookup[i] != PLAN_SEND) {
            leave_out(plan, &row, lookup[i]);
        } else {
            take_in(plan, block, &row);
            block->rows[kept++] = row;
        }
    }
    block->n = kept;
}

/* ---- the end ---- */

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* The canary alone, then chunks of PLAN_BLOCK_ROWS, each cut into requests. A request holds no more
 * than a second's worth of segments. */
static uint64_t count_requests(const struct plan *plan)
{
    const struct plan_totals *totals = &plan->totals;
    uint64_t accepted = totals->accepted, size = REQUEST_RECIPIENTS_MAX;
    if (accepted == 0)
        return 0;
    if (plan->batch_max > 0 && plan->batch_max < size)
        size = plan->batch_max;
    uint64_t a_second = plan->rate / divide_up(totals->segments_total, accepted);
    if (plan->rate > 0 && a_second < size)
        size = a_second > 0 ? a_second : 1;
    uint64_t canary = accepted < PLAN_CANARY_ROWS ? accepted : PLAN_CANARY_ROWS;
    uint64_t rest = accepted - canary;
    return divide_up(canary, size) + rest / PLAN_BLOCK_ROWS * divide_up(PLAN_BLOCK_ROWS, size) +
           divide_up(rest % PLAN_BLOCK_ROWS, size);
}

static void set_times(struct plan *plan, int64_t now_ms)
{
    struct plan_totals *totals = &plan->totals;
    int64_t until_ms, work_ms = 0;
    enum window_state state = window_at(&plan->window, now_ms, &until_ms);
    totals->starts_ms = totals->ends_ms = 0;
    if (state != WINDOW_ENDED) {
        totals->starts_ms = state == WINDOW_OPEN ? now_ms : until_ms;
        if (plan->rate > 0)
            work_ms = (int64_t)divide_up(totals->segments_total * 1000, plan->rate);
        totals->ends_ms = window_finish(&plan->window, totals->starts_ms, work_ms);
    }
    totals->ends_in_time = totals->ends_ms != 0;
}

static void set_fingerprint(struct plan *plan)
{
    uint8_t numbers[16], whole[DIGEST_SHA256_BYTES];
    for (size_t i = 0; i < sizeof numbers; i++)
        numbers[i] = (uint8_t)(plan->numbers[i / 8] >> (8 * (i % 8)));
    const struct digest_part parts[] = {{plan->text_digest, sizeof plan->text_digest},
                                        {numbers, sizeof numbers}};
    digest_sha256(parts, 2, whole);
    memcpy(plan->totals.fingerprint, whole, sizeof plan->totals.fingerprint);
}

void plan_finish(struct plan *plan, int64_t now_ms)
{
    struct plan_totals *totals = &plan->totals;
    assert(totals->rows ==
           totals->accepted + totals->duplicate + totals->invalid + totals->opted_out);
    totals->cost_fen = totals->segments_total * plan->price_fen;
    totals->requests = count_requests(plan);
    set_times(plan, now_ms);
    set_fingerprint(plan);
    problems_sort(&plan->problems);
}

const struct plan_totals *plan_totals(const struct plan *plan)
{
    return &plan->totals;
}

size_t plan_problems(const struct plan *plan, const struct plan_problem **problems)
{
    *problems = plan->problems.kept;
    return plan->problems.n_kept;
}

size_t plan_previews(const struct plan *plan, const char *const **texts)
{
    *texts = (const char *const *)plan->previews;
    return plan->n_previews;
}

void plan_progress(const struct plan *plan, uint64_t *read_bytes, uint64_t *all_bytes)
{
    recipients_progress(plan->recipients, read_bytes, all_bytes);
}

const struct template *plan_template(const struct plan *plan)
{
    return plan->tmpl;
}

void plan_on_problem(struct plan *plan, void (*fn)(void *arg, const struct plan_problem *problem),
                     void *arg)
{
    plan->problems.on_problem = fn;
    plan->problems.arg = arg;
}

void plan_block_init(struct plan_block *block)
{
    block->n = 0;
    buf_init(&block->values, VALUES_MAX_BYTES);
}

void plan_block_fini(struct plan_block *block)
{
    block->n = 0;
    buf_fini(&block->values);
}
