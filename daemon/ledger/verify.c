/* One phase after the other. In each, a few questions are under way at a time; answers come in
 * order and wait in a queue until the fold stands at the entry after which they are true. step() is
 * the only place that decides what is asked next.
 *
 * Entries: the seals first, which also say where the ledger ends, then pages of entries and the
 * marks beside them. Totals: every node of the fold. Equations: where totals differ. Children:
 * every area. Pledges: every number given. Numbers: how many were given. Donors: what is shown of
 * them stands still, and the fold is brought to where it does. */
#include "ledger/verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/loop.h"
#include "ledger/donors.h"
#include "ledger/fold.h"
#include "ledger/seal.h"
#include "store/ledger_proof.h"

#define PAGE 200
#define PAGES_AHEAD 2
#define ASKED_AHEAD 4
#define CANONICAL_MAX 65536U
#define WHERE_MAX 640
#define EQUATIONS_A_TURN 10
#define DONORS_A_TURN 500

enum phase { SEALS, ENTRIES, TOTALS, EQUATIONS, CHILDREN, PLEDGES, NUMBERS, DONORS, END };

enum holding { NOT_ASKED, ASKED, NOTHING_SHOWN, HELD };

/* A page of entries under way: the marks we computed, until those of the store are there. */
struct page {
    uint64_t from, to;
    bool present[PAGE];
    char marks[PAGE][LEDGER_MARK_HEX];
};

/* A question about stored figures, and its answer while it waits. */
struct asked {
    struct verify *verify;
    enum phase phase;
    size_t first, n; /* nodes, areas, or serials of a series */
    size_t series;
    bool is_answered;
    uint64_t as_of;
    struct ledger_figures *figures;
    struct ledger_children *children;
    struct ledger_summaries *summaries;
    struct ledger_serial *serials;
};

/* A chain of seals that is followed along the entries: those in the store, those of the auditor's
 * file. */
struct track {
    const char *whose;
    struct ledger_seal *seals;
    size_t n, next;
    struct seal_chain chain;
};

/* A total that differs: the equations at its place are looked at with what is stored. */
struct differs {
    size_t node;
    struct ledger_figure_row figure; /* value is what is stored */
    char *item, *unit;               /* figure points to these */
};

struct verify {
    struct verify_options options;
    struct verify_report report;
    struct fold *fold;
    struct donors *donors; /* NULL: not to be compared */
    enum holding holding;  /* of what is shown of them */
    struct buf canonical;
    struct track stored, against;
    enum phase phase;
    enum err error;
    const char *reason;
    char reason_text[256];
    bool stopping, deferred;
    unsigned under_way;
    int64_t started_ms;
    /* reading */
    struct page pages[PAGES_AHEAD];
    size_t page_head, pages_n;
    uint64_t asked_to, read_to, end; /* entries asked for, folded, and to be folded */
    /* comparing */
    struct asked asked[ASKED_AHEAD];
    size_t asked_head, asked_n;
    size_t next, next_series;
    struct differs *differing;
    size_t n_differing, next_differing;
    uint64_t told[VERIFY_PROBLEMS_MAX]; /* hashes of equations */
    size_t n_told;
};

const char *verify_kind_word(enum verify_kind kind)
{
    static const char *const words[VERIFY_KINDS] = {"entry",    "seal",   "total",   "equation",
                                                    "children", "pledge", "numbers", "donors"};
    return words[kind];
}

/* ---- telling ---- */

static void PRINTF_LIKE(3, 4)
    tell(struct verify *v, const struct verify_problem *problem, const char *format, ...)
{
    if (v->report.problems++ >= VERIFY_PROBLEMS_MAX)
        return;
    char sentence[WHERE_MAX + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    struct verify_problem whole = *problem;
    whole.sentence = sentence;
    if (whole.where == NULL)
        whole.where = "";
    v->options.on_problem(v->options.arg, &whole);
}

static void on_fault(void *arg, uint64_t entry, const char *sentence)
{
    struct verify *v = arg;
    char where[32];
    snprintf(where, sizeof where, "%" PRIu64, entry);
    struct verify_problem problem = {.kind = VERIFY_ENTRY, .entry = entry, .where = where};
    tell(v, &problem, "entry %" PRIu64 ": %s", entry, sentence);
}

/* "513327205 2026 oct cash pledged fen", "… goods held 大米 (袋), direct" */
static void figure_text(const struct verify *v, size_t node, const struct ledger_figure_row *figure,
                        char out[WHERE_MAX])
{
    struct ledger_node at = fold_node(v->fold, node);
    char area[AREA_TEXT_SIZE];
    area_format(at.area, area);
    int n = snprintf(out, WHERE_MAX, "%s %" PRIu32 " %s ", at.area == 0 ? "nation" : area, at.year,
                     at.campaign);
    const char *scope = figure->scope == LEDGER_DIRECT ? ", direct" : "";
    const char *kind = pledge_kind_word(figure->kind),
               *measure = ledger_measure_word(figure->measure);
    if (figure->is_quantity)
        snprintf(out + n, WHERE_MAX - (size_t)n, "%s %s %s (%s)%s", kind, measure, figure->item,
                 figure->unit, scope);
    else
        snprintf(out + n, WHERE_MAX - (size_t)n, "%s %s %s%s", kind, measure,
                 figure->is_count ? "count" : "fen", scope);
}

static void fail(struct verify *v, enum err error, const char *reason)
{
    if (v->error != ERR_OK)
        return;
    v->error = error;
    snprintf(v->reason_text, sizeof v->reason_text, "%s", reason);
    v->reason = v->reason_text;
}

static void step(struct verify *v);

/* ---- seals ---- */

static void tell_seal(struct verify *v, const struct track *track, const char *what)
{
    const struct ledger_seal *seal = &track->seals[track->next];
    char where[64];
    snprintf(where, sizeof where, "%" PRIu32 " %" PRIu64 "-%" PRIu64, seal->day, seal->from,
             seal->to);
    struct verify_problem problem = {.kind = VERIFY_SEAL, .entry = seal->to, .where = where};
    tell(v, &problem, "the seal %s of %s: %s", where, track->whose, what);
}

/* After a seal that does not fit the chain goes on from what the seal says, so that the next ones
 * are looked at for themselves. */
static void follow(struct verify *v, struct track *track, uint64_t entry)
{
    char hash[LEDGER_HASH_HEX];
    seal_chain_add(&track->chain, entry, v->canonical.data, v->canonical.len);
    while (track->next < track->n && track->seals[track->next].to <= entry) {
        const struct ledger_seal *seal = &track->seals[track->next];
        seal_chain_hex(&track->chain, hash);
        if (seal->to != entry || strcmp(hash, seal->hash) != 0) {
            tell_seal(v, track, "the entries it covers were changed after it was made");
            if (seal_chain_resume(&track->chain, seal) != ERR_OK)
                seal_chain_begin(&track->chain);
        }
        track->next++;
    }
}

static void end_track(struct verify *v, struct track *track)
{
    for (; track->next < track->n; track->next++)
        tell_seal(v, track, "the entries it covers are not all there");
}

/* The seals of a track follow each other without a gap. */
static void check_track(struct verify *v, struct track *track)
{
    uint64_t last = 0;
    for (track->next = 0; track->next < track->n; track->next++) {
        if (track->seals[track->next].from != last + 1)
            tell_seal(v, track, "it does not begin where the one before ends");
        last = track->seals[track->next].to;
    }
    track->next = 0;
}

static void on_seals(void *arg, enum err error, const char *reason, uint64_t as_of,
                     const struct ledger_seal *seals, size_t n)
{
    struct verify *v = arg;
    v->under_way--;
    if (error == ERR_OK && (v->stored.seals = calloc(n + 1, sizeof *seals)) == NULL) {
        error = ERR_NOMEM;
        reason = err_sentence(error);
    }
    if (error != ERR_OK) {
        fail(v, error, reason);
    } else {
        if (n > 0)
            memcpy(v->stored.seals, seals, n * sizeof *seals);
        v->stored.n = n;
        v->report.seals = n;
        check_track(v, &v->stored);
        check_track(v, &v->against);
        v->end = as_of;
        v->phase = ENTRIES;
    }
    step(v);
}

/* ---- entries ---- */

/* An entry that cannot be is told by the fold; donors are not counted beyond it. */
static enum err count_donor(struct verify *v, const struct ledger_row *row)
{
    struct ledger_entry entry;
    enum err error = ledger_row_read(row, &entry);
    if (error == ERR_OK)
        error = donors_add(v->donors, &entry);
    if (error == ERR_OK || error == ERR_NOMEM)
        return error;
    donors_free(v->donors);
    v->donors = NULL;
    return ERR_OK;
}

static enum err take_row(struct verify *v, struct page *page, const struct ledger_row *row)
{
    buf_reset(&v->canonical);
    ledger_row_canonical(row, &v->canonical);
    enum err error = buf_check(&v->canonical);
    if (error != ERR_OK)
        return error;
    if (row->n >= page->from && row->n <= page->to) {
        char mark[LEDGER_MARK_HEX + 1];
        ledger_bytes_mark(v->canonical.data, v->canonical.len, mark);
        page->present[row->n - page->from] = true;
        memcpy(page->marks[row->n - page->from], mark, LEDGER_MARK_HEX);
    }
    follow(v, &v->stored, row->n);
    if (v->against.n > 0)
        follow(v, &v->against, row->n);
    v->report.entries++;
    error = v->donors != NULL ? count_donor(v, row) : ERR_OK;
    return error == ERR_OK ? fold_add(v->fold, row) : error;
}

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct verify *v = arg;
    struct page *page = &v->pages[v->page_head]; /* answers come in order */
    v->under_way--;
    if (error != ERR_OK)
        fail(v, error, reason);
    for (size_t i = 0; i < n && v->error == ERR_OK; i++) {
        error = take_row(v, page, &rows[i]);
        if (error != ERR_OK)
            fail(v, error, err_sentence(error));
    }
    if (v->error != ERR_OK)
        step(v); /* else its marks come next, and end the page */
}

static void on_marks(void *arg, enum err error, const char *reason, const char *marks, size_t len)
{
    struct verify *v = arg;
    struct page *page = &v->pages[v->page_head];
    v->under_way--;
    if (error != ERR_OK)
        fail(v, error, reason);
    for (size_t i = 0; i <= page->to - page->from && v->error == ERR_OK; i++) {
        bool has = (i + 1) * LEDGER_MARK_HEX <= len;
        if (page->present[i] &&
            (!has || memcmp(marks + i * LEDGER_MARK_HEX, page->marks[i], LEDGER_MARK_HEX) != 0))
            on_fault(v, page->from + i, "it was changed after it was posted");
    }
    v->read_to = page->to;
    if (v->read_to == v->end && v->error == ERR_OK && fold_last(v->fold) < v->end)
        on_fault(v, fold_last(v->fold) + 1, "it is missing, and all up to the end");
    v->page_head = (v->page_head + 1) % PAGES_AHEAD;
    v->pages_n--;
    step(v);
}

/* Asks for the next page. */
static void ask_page(struct verify *v)
{
    struct page *page = &v->pages[(v->page_head + v->pages_n) % PAGES_AHEAD];
    memset(page, 0, sizeof *page);
    page->from = v->asked_to + 1;
    page->to = v->end - v->asked_to > PAGE ? v->asked_to + PAGE : v->end;
    enum err error = ledger_read(v->options.store, page->from, page->to, on_rows, v);
    if (error == ERR_OK) {
        v->under_way++;
        error = ledger_marks(v->options.store, page->from, page->to, on_marks, v);
    }
    if (error != ERR_OK) {
        fail(v, error, err_sentence(error));
        return;
    }
    v->under_way++;
    v->pages_n++;
    v->asked_to = page->to;
}

/* true: the fold stands at v->end. */
static bool read_on(struct verify *v)
{
    while (v->error == ERR_OK && v->asked_to < v->end && v->pages_n < PAGES_AHEAD)
        ask_page(v);
    return v->read_to == v->end && v->pages_n == 0;
}

/* ---- totals ---- */

static void remember(struct verify *v, size_t node, const struct ledger_figure_row *figure,
                     int64_t stored)
{
    if (v->n_differing == VERIFY_PROBLEMS_MAX)
        return;
    if (v->differing == NULL &&
        (v->differing = calloc(VERIFY_PROBLEMS_MAX, sizeof *v->differing)) == NULL)
        return; /* the totals themselves are told */
    struct differs *d = &v->differing[v->n_differing];
    d->node = node;
    d->figure = *figure;
    d->figure.value = stored;
    char *item = strdup(figure->item), *unit = strdup(figure->unit);
    if (item == NULL || unit == NULL) {
        free(item);
        free(unit);
        return;
    }
    d->figure.item = d->item = item;
    d->figure.unit = d->unit = unit;
    v->n_differing++;
}

static void tell_total(struct verify *v, size_t node, const struct ledger_figure_row *figure,
                       int64_t stored, int64_t computed)
{
    char where[WHERE_MAX];
    figure_text(v, node, figure, where);
    struct verify_problem problem = {
        .kind = VERIFY_TOTAL, .where = where, .stored = stored, .computed = computed};
    tell(v, &problem, "%s: stored is %" PRId64 ", the entries say %" PRId64, where, stored,
         computed);
    remember(v, node, figure, stored);
}

static void compare_figure(struct verify *v, size_t node, const struct ledger_figure_row *row,
                           size_t *n_found)
{
    char where[WHERE_MAX];
    if (!row->is_known) {
        struct verify_problem problem = {
            .kind = VERIFY_TOTAL, .where = row->item, .stored = row->value};
        tell(v, &problem, "%s: a figure that the ledger does not keep", row->item);
        return;
    }
    int64_t computed = fold_value(v->fold, node, row);
    *n_found += computed != 0;
    if (row->value != computed)
        tell_total(v, node, row, row->value, computed);
    if (computed < 0) {
        figure_text(v, node, row, where);
        struct verify_problem problem = {
            .kind = VERIFY_TOTAL, .where = where, .stored = row->value, .computed = computed};
        tell(v, &problem, "%s: below 0 (%" PRId64 ")", where, computed);
    }
}

struct absent {
    struct verify *verify;
    const struct ledger_figures *figures;
    size_t node, asked;
};

static bool same_figure(const struct ledger_figure_row *a, const struct ledger_figure_row *b)
{
    return a->is_known && a->kind == b->kind && a->measure == b->measure && a->scope == b->scope &&
           a->is_quantity == b->is_quantity && a->is_count == b->is_count &&
           strcmp(a->item, b->item) == 0 && strcmp(a->unit, b->unit) == 0;
}

static void tell_absent(void *arg, const struct ledger_figure_row *figure)
{
    struct absent *a = arg;
    for (size_t i = 0; i < a->figures->n; i++) {
        if (a->figures->rows[i].node == a->asked && same_figure(&a->figures->rows[i], figure))
            return;
    }
    tell_total(a->verify, a->node, figure, 0, figure->value);
}

static void compare_totals(struct verify *v, const struct asked *asked)
{
    size_t n_found[LEDGER_NODES_MAX] = {0};
    const struct ledger_figures *figures = asked->figures;
    for (size_t i = 0; i < figures->n; i++)
        compare_figure(v, asked->first + figures->rows[i].node, &figures->rows[i],
                       &n_found[figures->rows[i].node]);
    for (size_t i = 0; i < asked->n; i++) {
        struct absent absent = {v, figures, asked->first + i, i};
        if (n_found[i] != fold_count(v->fold, asked->first + i))
            fold_each(v->fold, asked->first + i, tell_absent, &absent);
    }
    v->report.nodes += asked->n;
}

/* ---- equations, with what is stored ---- */

static int64_t stored_value(const struct verify *v, size_t node,
                            const struct ledger_figure_row *figure)
{
    for (size_t i = 0; i < v->n_differing; i++) {
        if (v->differing[i].node == node && same_figure(&v->differing[i].figure, figure))
            return v->differing[i].figure.value;
    }
    return fold_value(v->fold, node, figure);
}

static bool is_told(struct verify *v, uint64_t hash)
{
    for (size_t i = 0; i < v->n_told; i++) {
        if (v->told[i] == hash)
            return true;
    }
    if (v->n_told < VERIFY_PROBLEMS_MAX)
        v->told[v->n_told++] = hash;
    return false;
}

static void tell_equation(struct verify *v, size_t node, const struct ledger_figure_row *figure,
                          const char *equation, int64_t left, int64_t right)
{
    char where[WHERE_MAX], hash[DIGEST_SHA1_HEX];
    figure_text(v, node, figure, where);
    struct digest_part parts[] = {{where, strlen(where)}, {equation, strlen(equation)}};
    digest_sha1_hex(parts, 2, hash);
    if (is_told(v, strtoull(hash + 24, NULL, 16)))
        return;
    struct verify_problem problem = {
        .kind = VERIFY_EQUATION, .where = where, .stored = left, .computed = right};
    tell(v, &problem, "%s: %s does not hold: %" PRId64 " and %" PRId64, where, equation, left,
         right);
}

/* The total of an area is what it has itself and the totals of its children. */
static void check_sum(struct verify *v, size_t node, struct ledger_figure_row figure)
{
    figure.scope = LEDGER_TREE;
    int64_t own = stored_value(v, node, &figure);
    figure.scope = LEDGER_DIRECT;
    int64_t sum = stored_value(v, node, &figure);
    figure.scope = LEDGER_TREE;
    size_t area = fold_find_area(v->fold, fold_node(v->fold, node).area);
    for (size_t child = fold_next_child(v->fold, area, FOLD_NONE); child != FOLD_NONE;
         child = fold_next_child(v->fold, area, child)) {
        size_t below = fold_find(v->fold, fold_area(v->fold, child), node);
        if (below != FOLD_NONE)
            sum += stored_value(v, below, &figure);
    }
    if (own != sum)
        tell_equation(v, node, &figure, "own total = direct + children", own, sum);
}

static void check_held(struct verify *v, size_t node, struct ledger_figure_row figure)
{
    static const struct {
        enum ledger_measure measure;
        int sign;
    } terms[] = {{LEDGER_M_ARRIVED, 1}, {LEDGER_M_IN, 1}, {LEDGER_M_OUT, -1}, {LEDGER_M_SPENT, -1}};
    int64_t sum = 0;
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        figure.measure = terms[i].measure;
        sum += terms[i].sign * stored_value(v, node, &figure);
    }
    figure.measure = LEDGER_M_HELD;
    int64_t held = stored_value(v, node, &figure);
    if (held != sum)
        tell_equation(v, node, &figure, "held = arrived + in - out - spent", held, sum);
}

static void check_cancel(struct verify *v, size_t node, struct ledger_figure_row figure)
{
    figure.measure = LEDGER_M_OUT;
    int64_t out = stored_value(v, node, &figure);
    figure.measure = LEDGER_M_IN;
    int64_t in = stored_value(v, node, &figure);
    if (out != in)
        tell_equation(v, node, &figure, "passed out = passed in", out, in);
}

static void check_equations(struct verify *v, const struct differs *d)
{
    const struct ledger_figure_row *figure = &d->figure;
    struct ledger_node at = fold_node(v->fold, d->node);
    uint64_t chain[AREA_LEVELS];
    size_t depth = area_ancestors(at.area, chain);
    check_sum(v, d->node, *figure);
    size_t parent = depth > 1 ? fold_find(v->fold, chain[depth - 2], d->node) : FOLD_NONE;
    if (parent != FOLD_NONE && figure->scope == LEDGER_TREE)
        check_sum(v, parent, *figure);
    bool is_money = figure->kind == PLEDGE_CASH || figure->kind == PLEDGE_PURCHASE;
    bool is_main = figure->is_quantity || (is_money && !figure->is_count);
    static const bool in_held[LEDGER_MEASURES] = {[LEDGER_M_ARRIVED] = true,
                                                  [LEDGER_M_IN] = true,
                                                  [LEDGER_M_OUT] = true,
                                                  [LEDGER_M_SPENT] = true,
                                                  [LEDGER_M_HELD] = true};
    if (is_main && in_held[figure->measure])
        check_held(v, d->node, *figure);
    if (at.area == 0 && figure->scope == LEDGER_TREE &&
        (figure->measure == LEDGER_M_OUT || figure->measure == LEDGER_M_IN))
        check_cancel(v, d->node, *figure);
}

static void on_next_turn(void *arg)
{
    struct verify *v = arg;
    v->deferred = false;
    step(v);
}

static void go_on_later(struct verify *v)
{
    if (!v->deferred) {
        v->deferred = true;
        loop_defer(v->options.base, on_next_turn, v);
    }
}

/* true: all are looked at. */
static bool equations_on(struct verify *v)
{
    for (size_t i = 0; i < EQUATIONS_A_TURN && v->next_differing < v->n_differing; i++)
        check_equations(v, &v->differing[v->next_differing++]);
    if (v->next_differing == v->n_differing)
        return true;
    go_on_later(v);
    return false;
}

/* ---- children, pledges, numbers ---- */

static void compare_children(struct verify *v, const struct asked *asked)
{
    size_t n_right[LEDGER_NODES_MAX] = {0}, n_known[LEDGER_NODES_MAX] = {0};
    for (size_t i = 0; i < asked->n; i++) {
        size_t area = asked->first + i;
        for (size_t c = fold_next_child(v->fold, area, FOLD_NONE); c != FOLD_NONE;
             c = fold_next_child(v->fold, area, c))
            n_known[i]++;
    }
    for (size_t i = 0; i < asked->children->n; i++) {
        const struct ledger_child *child = &asked->children->rows[i];
        uint64_t chain[AREA_LEVELS], parent = fold_area(v->fold, asked->first + child->node);
        size_t depth = child->area != UINT64_MAX ? area_ancestors(child->area, chain) : 0;
        bool is_right = depth > 1 && chain[depth - 2] == parent &&
                        fold_find_area(v->fold, child->area) != FOLD_NONE;
        char where[32];
        snprintf(where, sizeof where, "%012" PRIu64, parent);
        n_right[child->node] += is_right;
        struct verify_problem problem = {.kind = VERIFY_CHILDREN, .where = where};
        if (!is_right)
            tell(v, &problem, "area %s has a child %" PRIu64 " that no entry names", where,
                 child->area);
    }
    for (size_t i = 0; i < asked->n; i++) {
        char where[32];
        snprintf(where, sizeof where, "%012" PRIu64, fold_area(v->fold, asked->first + i));
        struct verify_problem problem = {.kind = VERIFY_CHILDREN, .where = where};
        if (n_right[i] != n_known[i])
            tell(v, &problem, "area %s: %zu of its %zu children are listed", where, n_right[i],
                 n_known[i]);
    }
}

static void compare_sum(struct verify *v, const char *number, const char *what, int64_t stored,
                        int64_t computed)
{
    if (stored == computed)
        return;
    char where[96];
    snprintf(where, sizeof where, "%s %s", number, what);
    struct verify_problem problem = {
        .kind = VERIFY_PLEDGE, .where = where, .stored = stored, .computed = computed};
    tell(v, &problem, "pledge %s: %s is %" PRId64 ", the entries say %" PRId64, number, what,
         stored, computed);
}

static struct number number_at(const struct verify *v, size_t series, uint64_t serial)
{
    struct fold_series s = fold_series_at(v->fold, series);
    return (struct number){.county = s.county, .year = s.year, .serial = (uint32_t)serial};
}

static void compare_pledges(struct verify *v, const struct asked *asked)
{
    static const struct {
        const char *what;
        size_t at;
    } sums[] = {{"pledged", offsetof(struct ledger_sums, pledged)},
                {"value", offsetof(struct ledger_sums, value_fen)},
                {"arrived", offsetof(struct ledger_sums, arrived)},
                {"delivered", offsetof(struct ledger_sums, delivered)},
                {"waived", offsetof(struct ledger_sums, waived)},
                {"moved", offsetof(struct ledger_sums, moved)},
                {"moved value", offsetof(struct ledger_sums, moved_value_fen)}};
    for (size_t i = 0; i < asked->n; i++) {
        struct ledger_sums computed = fold_pledge(v->fold, asked->series, asked->first + i);
        const struct ledger_sums *stored = &asked->summaries->rows[i];
        if (memcmp(&computed.pledged, &stored->pledged, offsetof(struct ledger_sums, step)) == 0 &&
            computed.step == stored->step)
            continue;
        char number[NUMBER_TEXT_SIZE];
        struct number n = number_at(v, asked->series, asked->first + i);
        number_format(&n, number);
        for (size_t j = 0; j < sizeof sums / sizeof *sums; j++)
            compare_sum(v, number, sums[j].what,
                        *(const int64_t *)((const char *)stored + sums[j].at),
                        *(const int64_t *)((const char *)&computed + sums[j].at));
        struct verify_problem problem = {.kind = VERIFY_PLEDGE, .where = number};
        if (computed.step != stored->step)
            tell(v, &problem, "pledge %s: its step is '%c', the entries say '%c'", number,
                 stored->step ? stored->step : '-', computed.step ? computed.step : '-');
    }
    v->report.pledges += asked->n;
}

static void compare_count(struct verify *v, const struct fold_series *s, const char *what,
                          uint64_t stored, uint64_t computed)
{
    if (stored == computed)
        return;
    char where[64];
    snprintf(where, sizeof where, "%06" PRIu32 "-%" PRIu32 " %s", s->county, s->year, what);
    struct verify_problem problem = {.kind = VERIFY_NUMBERS,
                                     .where = where,
                                     .stored = (int64_t)stored,
                                     .computed = (int64_t)computed};
    tell(v, &problem, "numbers %s: %" PRIu64 " are given, the entries have %" PRIu64, where, stored,
         computed);
}

static void compare_numbers(struct verify *v, const struct asked *asked)
{
    size_t n_known = fold_series_count(v->fold);
    for (size_t i = 0; i < n_known; i++) {
        struct fold_series s = fold_series_at(v->fold, i);
        struct ledger_serial stored = {.county = 0};
        for (size_t j = 0; j < asked->n; j++) {
            if (asked->serials[j].county == s.county && asked->serials[j].year == s.year)
                stored = asked->serials[j];
        }
        compare_count(v, &s, "pledges", stored.pledges, s.pledges);
        compare_count(v, &s, "receipts", stored.receipts, s.receipts);
        compare_count(v, &s, "void receipts", stored.void_receipts, s.void_receipts);
    }
    struct verify_problem problem = {.kind = VERIFY_NUMBERS};
    if (asked->n > n_known)
        tell(v, &problem, "numbers are given in %zu counties and years, the entries have %zu",
             asked->n, n_known);
}

/* ---- different donors ---- */

static void compare_donors(struct verify *v, struct ledger_node at, uint32_t year)
{
    const char *campaign = strcmp(at.campaign, "*") == 0 ? "" : at.campaign;
    const struct verify_shown *shown = &v->options.shown;
    uint64_t there = shown->count(shown->arg, at.area, year, campaign);
    uint64_t computed = donors_count(v->donors, at.area, year, campaign);
    v->report.donors++;
    if (there == computed)
        return;
    char area[AREA_TEXT_SIZE], when[24] = "all years", where[WHERE_MAX], hash[DIGEST_SHA1_HEX];
    area_format(at.area, area);
    if (year != 0)
        snprintf(when, sizeof when, "%" PRIu32, year);
    snprintf(where, sizeof where, "%s %s %s", at.area == 0 ? "nation" : area, when, at.campaign);
    struct digest_part part = {where, strlen(where)};
    digest_sha1_hex(&part, 1, hash);
    if (is_told(v, strtoull(hash + 24, NULL, 16))) /* all years: once for each of them */
        return;
    struct verify_problem problem = {.kind = VERIFY_DONORS,
                                     .where = where,
                                     .stored = (int64_t)there,
                                     .computed = (int64_t)computed};
    tell(v, &problem, "%s: %" PRIu64 " different donors are shown, the entries say %" PRIu64, where,
         there, computed);
}

static void on_held(void *arg, uint64_t entry)
{
    struct verify *v = arg;
    v->under_way--;
    v->holding = entry != 0 ? HELD : NOTHING_SHOWN;
    if (entry > v->end)
        v->end = entry;
    go_on_later(v);
}

/* true: all are looked at, or none can be. */
static bool donors_on(struct verify *v)
{
    const struct verify_shown *shown = &v->options.shown;
    if (v->donors == NULL || v->holding == NOTHING_SHOWN)
        return true;
    if (v->holding == NOT_ASKED) {
        v->holding = ASKED;
        v->under_way++;
        shown->hold(shown->arg, v->end, on_held, v);
    }
    if (v->holding != HELD || !read_on(v))
        return false; /* on_held, on_marks come back here */
    for (size_t i = 0; i < DONORS_A_TURN && v->next < fold_nodes(v->fold) && v->donors != NULL;
         i++, v->next++) {
        struct ledger_node at = fold_node(v->fold, v->next);
        compare_donors(v, at, at.year);
        compare_donors(v, at, 0);
    }
    if (v->donors == NULL || v->next == fold_nodes(v->fold))
        return true;
    go_on_later(v);
    return false;
}

/* ---- asking and comparing in order ---- */

static void asked_done(struct asked *asked)
{
    free(asked->figures);
    free(asked->children);
    free(asked->summaries);
    free(asked->serials);
    memset(asked, 0, sizeof *asked);
}

static void answered(struct asked *asked, enum err error, const char *reason, uint64_t as_of)
{
    struct verify *v = asked->verify;
    v->under_way--;
    asked->is_answered = true;
    asked->as_of = as_of;
    if (error != ERR_OK)
        fail(v, error, reason);
    step(v);
}

static void on_figures(void *arg, enum err error, const char *reason, struct ledger_figures *owned)
{
    struct asked *asked = arg;
    asked->figures = owned;
    answered(asked, error, reason, owned != NULL ? owned->as_of_entry : 0);
}

static void on_children(void *arg, enum err error, const char *reason,
                        struct ledger_children *owned)
{
    struct asked *asked = arg;
    asked->children = owned;
    answered(asked, error, reason, owned != NULL ? owned->as_of_entry : 0);
}

static void on_summaries(void *arg, enum err error, const char *reason,
                         struct ledger_summaries *owned)
{
    struct asked *asked = arg;
    asked->summaries = owned;
    answered(asked, error, reason, owned != NULL ? owned->as_of_entry : 0);
}

static void on_serials(void *arg, enum err error, const char *reason, uint64_t as_of,
                       const struct ledger_serial *serials, size_t n)
{
    struct asked *asked = arg;
    asked->serials = calloc(n + 1, sizeof *serials);
    if (asked->serials == NULL && error == ERR_OK) {
        error = ERR_NOMEM;
        reason = err_sentence(error);
    }
    if (error == ERR_OK && n > 0)
        memcpy(asked->serials, serials, n * sizeof *serials);
    asked->n = error == ERR_OK ? n : 0;
    answered(asked, error, reason, as_of);
}

static enum err send_totals(struct verify *v, struct asked *asked)
{
    struct ledger_node nodes[LEDGER_NODES_MAX];
    for (size_t i = 0; i < asked->n; i++)
        nodes[i] = fold_node(v->fold, asked->first + i);
    return ledger_figures(v->options.store, nodes, asked->n, on_figures, asked);
}

static enum err send_children(struct verify *v, struct asked *asked)
{
    uint64_t areas[LEDGER_NODES_MAX];
    for (size_t i = 0; i < asked->n; i++)
        areas[i] = fold_area(v->fold, asked->first + i);
    return ledger_children(v->options.store, areas, asked->n, on_children, asked);
}

static enum err send_pledges(struct verify *v, struct asked *asked)
{
    struct number numbers[LEDGER_SUMMARIES_MAX];
    for (size_t i = 0; i < asked->n; i++)
        numbers[i] = number_at(v, asked->series, asked->first + i);
    return ledger_summaries(v->options.store, numbers, asked->n, on_summaries, asked);
}

/* The next slice of `all` things from v->next on. */
static bool slice(struct verify *v, struct asked *asked, size_t all, size_t most)
{
    if (v->next >= all)
        return false;
    asked->first = v->next;
    asked->n = all - v->next < most ? all - v->next : most;
    v->next += asked->n;
    return true;
}

/* What to ask next in this phase. false: nothing is left. */
static bool plan(struct verify *v, struct asked *asked)
{
    switch (v->phase) {
    case TOTALS:
        return slice(v, asked, fold_nodes(v->fold), LEDGER_NODES_MAX);
    case CHILDREN:
        return slice(v, asked, fold_areas(v->fold), LEDGER_NODES_MAX);
    case PLEDGES:
        for (; v->next_series < fold_series_count(v->fold); v->next_series++, v->next = 0) {
            asked->series = v->next_series;
            if (slice(v, asked, fold_series_at(v->fold, v->next_series).pledges,
                      LEDGER_SUMMARIES_MAX)) {
                asked->first++; /* serials count from 1 */
                return true;
            }
        }
        return false;
    case NUMBERS:
        return v->next++ == 0;
    default:
        return false;
    }
}

static enum err send(struct verify *v, struct asked *asked)
{
    switch (asked->phase) {
    case TOTALS:
        return send_totals(v, asked);
    case CHILDREN:
        return send_children(v, asked);
    case PLEDGES:
        return send_pledges(v, asked);
    default:
        return ledger_serials(v->options.store, on_serials, asked);
    }
}

static void compare(struct verify *v, const struct asked *asked)
{
    if (asked->phase == TOTALS)
        compare_totals(v, asked);
    else if (asked->phase == CHILDREN)
        compare_children(v, asked);
    else if (asked->phase == PLEDGES)
        compare_pledges(v, asked);
    else
        compare_numbers(v, asked);
}

/* true: this phase is over. One comparison a turn: each was started by an answer. */
static bool ask_on(struct verify *v)
{
    struct asked *head = &v->asked[v->asked_head];
    if (v->asked_n > 0 && head->is_answered) {
        if (head->as_of < v->end) {
            fail(v, ERR_STALE, "the ledger has become shorter while it was verified");
            return false;
        }
        v->end = head->as_of;
        if (!read_on(v))
            return false; /* on_marks comes back here */
        compare(v, head);
        asked_done(head);
        v->asked_head = (v->asked_head + 1) % ASKED_AHEAD;
        v->asked_n--;
    }
    while (v->error == ERR_OK && v->asked_n < ASKED_AHEAD) {
        struct asked *asked = &v->asked[(v->asked_head + v->asked_n) % ASKED_AHEAD];
        asked->verify = v;
        asked->phase = v->phase;
        if (!plan(v, asked))
            break;
        enum err error = send(v, asked);
        if (error != ERR_OK) {
            fail(v, error, err_sentence(error));
            return false;
        }
        v->under_way++;
        v->asked_n++;
    }
    if (v->asked_n > 0 && v->asked[v->asked_head].is_answered)
        go_on_later(v);
    return v->asked_n == 0;
}

/* ---- from phase to phase ---- */

static void release(struct verify *v)
{
    for (size_t i = 0; i < ASKED_AHEAD; i++)
        asked_done(&v->asked[i]);
    for (size_t i = 0; i < v->n_differing; i++) {
        free(v->differing[i].item);
        free(v->differing[i].unit);
    }
    free(v->differing);
    free(v->stored.seals);
    free(v->against.seals);
    buf_fini(&v->canonical);
    fold_free(v->fold);
    donors_free(v->donors);
    free(v);
}

static void end(struct verify *v)
{
    v->report.took_ms = clock_mono_ms() - v->started_ms;
    if (v->holding == HELD)
        v->options.shown.go_on(v->options.shown.arg);
    v->options.on_done(v->options.arg, v->error, v->error != ERR_OK ? v->reason : "", &v->report);
    release(v);
}

static void next_phase(struct verify *v)
{
    if (v->phase == ENTRIES) {
        end_track(v, &v->stored);
        end_track(v, &v->against);
    }
    v->phase++;
    v->next = v->next_series = 0;
}

static void step(struct verify *v)
{
    if (v->stopping)
        fail(v, ERR_STALE, "stopped");
    while (v->error == ERR_OK && v->phase != END) {
        bool is_over = v->phase == ENTRIES     ? read_on(v)
                       : v->phase == EQUATIONS ? equations_on(v)
                       : v->phase == DONORS    ? donors_on(v)
                                               : ask_on(v);
        if (!is_over)
            break;
        next_phase(v);
    }
    if ((v->phase == END || v->error != ERR_OK) && v->under_way == 0 && !v->deferred)
        end(v);
}

static int by_end(const void *a, const void *b)
{
    uint64_t x = ((const struct ledger_seal *)a)->to, y = ((const struct ledger_seal *)b)->to;
    return (x > y) - (x < y);
}

enum err verify_start(const struct verify_options *options, struct verify **out)
{
    struct verify *v = calloc(1, sizeof *v);
    if (v == NULL)
        return ERR_NOMEM;
    v->options = *options;
    v->started_ms = clock_mono_ms();
    v->stored.whose = "the ledger";
    v->against.whose = "the file";
    buf_init(&v->canonical, CANONICAL_MAX);
    enum err error = fold_new(on_fault, v, &v->fold);
    if (error == ERR_OK && options->shown.hold != NULL)
        error = donors_new(DONORS_PLEDGES_MAX, &v->donors);
    v->against.seals = calloc(options->n_against + 1, sizeof *options->against);
    if (error == ERR_OK && v->against.seals == NULL)
        error = ERR_NOMEM;
    if (error == ERR_OK && options->n_against > 0) {
        memcpy(v->against.seals, options->against, options->n_against * sizeof *options->against);
        qsort(v->against.seals, options->n_against, sizeof *options->against, by_end);
        v->against.n = options->n_against;
    }
    if (error == ERR_OK)
        error = ledger_seals(options->store, on_seals, v);
    if (error != ERR_OK) {
        release(v);
        return error;
    }
    v->under_way = 1;
    *out = v;
    return ERR_OK;
}

void verify_stop(struct verify *v)
{
    v->stopping = true; /* the answers that are under way end it */
}
