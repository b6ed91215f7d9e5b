/* What verify, seals and exports read: entries straight from the stream (XRANGE, no Lua between),
 * everything else by functions. */
#include "store/ledger_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/ledger_parts.h"

#define SEALS_MAX "1000000"

/* One question, one callback; which one depends on the question. */
struct asking {
    struct store *store;
    union {
        ledger_rows_fn *rows;
        ledger_serials_fn *serials;
        ledger_closed_fn *closed;
        ledger_seals_fn *seals;
        ledger_marks_fn *marks;
        ledger_figures_fn *figures;
        ledger_children_fn *children;
        ledger_summaries_fn *summaries;
    } done;
    void *arg;
};

static enum err ask(struct call *call, redis_reply_fn *on_reply, struct asking with)
{
    struct asking *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = with;
    op->store = call->store;
    enum err error = call_send(call, on_reply, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

static struct asking take(void *arg)
{
    struct asking op = *(struct asking *)arg;
    free(arg);
    return op;
}

static const char *sentence(enum err error, const struct answer *answer)
{
    return error == ERR_OK ? "" : error == answer->error ? answer->reason : err_sentence(error);
}

/* ---- entries ---- */

static void on_rows(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct ledger_row *rows = NULL;
    size_t n = 0;
    const char *reason = "";
    if (error == ERR_OK && reply->type == REDIS_REPLY_ARRAY) {
        rows = malloc((reply->elements + 1) * sizeof *rows);
        error = rows != NULL ? ERR_OK : ERR_NOMEM;
        if (rows != NULL)
            n = ledger_rows_of(reply, rows, reply->elements);
        reason = error == ERR_OK ? "" : err_sentence(error);
    } else { /* an error of Redis, or no array: answer_read knows */
        struct answer answer = answer_read(op.store, error, reply);
        error = answer.error != ERR_OK ? answer.error : ERR_PROTOCOL;
        reason = sentence(error, &answer);
    }
    op.done.rows(op.arg, error, reason, rows, n);
    free(rows);
}

enum err ledger_read(struct store *store, uint64_t from, uint64_t to, ledger_rows_fn *done,
                     void *arg)
{
    struct asking *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = (struct asking){.store = store, .done.rows = done, .arg = arg};
    char key[KEY_SIZE], first[LEDGER_NUMBER_SIZE], last[LEDGER_NUMBER_SIZE],
        most[LEDGER_NUMBER_SIZE];
    snprintf(key, sizeof key, KEY_LEDGER "e", store_prefix(store));
    snprintf(first, sizeof first, "%" PRIu64, from);
    snprintf(last, sizeof last, "%" PRIu64, to);
    snprintf(most, sizeof most, "%d", LEDGER_READ_MAX);
    const char *argv[] = {"XRANGE", key, first, last, "COUNT", most};
    size_t lens[6];
    for (size_t i = 0; i < 6; i++)
        lens[i] = strlen(argv[i]);
    enum err error = redis_call(store_redis(store), on_rows, op, 6, argv, lens);
    if (error != ERR_OK)
        free(op);
    return error;
}

static void on_marks(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t len;
    const char *marks = (const char *)answer_bytes(&answer, 2, &len);
    op.done.marks(op.arg, answer.error, answer.reason, marks != NULL ? marks : "", len);
}

enum err ledger_marks(struct store *store, uint64_t from, uint64_t to, ledger_marks_fn *done,
                      void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_ledger_marks", KEY_LEDGER, "");
    call_int(&call, (int64_t)from);
    call_int(&call, (int64_t)to);
    return ask(&call, on_marks, (struct asking){.done.marks = done, .arg = arg});
}

/* ---- numbers given, closed periods ---- */

/* The i-th name and value of a flat list. */
static bool pair_at(const redisReply *flat, size_t i, const char **name, const char **value)
{
    if (flat->element[2 * i]->type != REDIS_REPLY_STRING ||
        flat->element[2 * i + 1]->type != REDIS_REPLY_STRING)
        return false;
    *name = flat->element[2 * i]->str;
    *value = flat->element[2 * i + 1]->str;
    return true;
}

/* The flat list of an answer, and how many pairs it has. */
static const redisReply *pairs_of(const struct answer *answer, size_t *n)
{
    const redisReply *flat = answer_at(answer, 2);
    bool is = flat != NULL && flat->type == REDIS_REPLY_ARRAY;
    *n = is ? flat->elements / 2 : 0;
    return is ? flat : NULL;
}

/* "513327:2026" pledges, "R513327:2026" receipts, "V513327:2026" void receipts. */
static bool read_serial(const char *name, const char *value, struct ledger_serial *serial)
{
    *serial = (struct ledger_serial){.county = 0};
    uint64_t count = strtoull(value, NULL, 10);
    char kind = name[0];
    if (kind == 'R' || kind == 'V')
        name++;
    if (sscanf(name, "%6" SCNu32 ":%4" SCNu32, &serial->county, &serial->year) != 2)
        return false;
    *(kind == 'R'   ? &serial->receipts
      : kind == 'V' ? &serial->void_receipts
                    : &serial->pledges) = count;
    return true;
}

static int by_county(const void *a, const void *b)
{
    const struct ledger_serial *x = a, *y = b;
    if (x->year != y->year)
        return x->year < y->year ? -1 : 1;
    return (x->county > y->county) - (x->county < y->county);
}

static size_t merge_serials(struct ledger_serial *serials, size_t n)
{
    size_t kept = 0;
    if (n > 0)
        qsort(serials, n, sizeof *serials, by_county);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && by_county(&serials[kept - 1], &serials[i]) == 0) {
            serials[kept - 1].pledges += serials[i].pledges;
            serials[kept - 1].receipts += serials[i].receipts;
            serials[kept - 1].void_receipts += serials[i].void_receipts;
        } else {
            serials[kept++] = serials[i];
        }
    }
    return kept;
}

static void on_serials(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n;
    const redisReply *flat = pairs_of(&answer, &n);
    struct ledger_serial *serials = calloc(n + 1, sizeof *serials);
    error = answer.error != ERR_OK ? answer.error
            : serials == NULL      ? ERR_NOMEM
            : flat == NULL         ? ERR_PROTOCOL
                                   : ERR_OK;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        const char *name, *value;
        if (!pair_at(flat, i, &name, &value) || !read_serial(name, value, &serials[i]))
            error = ERR_PROTOCOL;
    }
    n = error == ERR_OK ? merge_serials(serials, n) : 0;
    op.done.serials(op.arg, error, sentence(error, &answer), (uint64_t)answer_int(&answer, 1),
                    serials, n);
    free(serials);
}

enum err ledger_serials(struct store *store, ledger_serials_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_ledger_serials", KEY_LEDGER, "");
    return ask(&call, on_serials, (struct asking){.done.serials = done, .arg = arg});
}

static void on_closed(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n;
    const redisReply *flat = pairs_of(&answer, &n);
    struct ledger_closed *closed = calloc(n + 1, sizeof *closed);
    error = answer.error != ERR_OK ? answer.error
            : closed == NULL       ? ERR_NOMEM
            : flat == NULL         ? ERR_PROTOCOL
                                   : ERR_OK;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        const char *name, *value;
        uint64_t day;
        if (pair_at(flat, i, &name, &value) &&
            ledger_area_read(name, strlen(name), &closed[i].area) &&
            ledger_number_read(value, strlen(value), &day))
            closed[i].through = (uint32_t)day;
        else
            error = ERR_PROTOCOL;
    }
    op.done.closed(op.arg, error, sentence(error, &answer), closed, error == ERR_OK ? n : 0);
    free(closed);
}

enum err ledger_closed(struct store *store, ledger_closed_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_ledger_closed", KEY_LEDGER, "");
    return ask(&call, on_closed, (struct asking){.done.closed = done, .arg = arg});
}

/* ---- seals ---- */

enum err ledger_seal_add(struct store *store, const struct ledger_seal *seal, ledger_done_fn *done,
                         void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_ledger_seal", KEY_LEDGER, "");
    call_int(&call, seal->day);
    call_int(&call, (int64_t)seal->from);
    call_int(&call, (int64_t)seal->to);
    call_text(&call, seal->hash);
    return call_send_done(&call, done, arg);
}

/* "20261017 1 774 9f86d0…" */
static bool read_seal(const redisReply *line, struct ledger_seal *seal)
{
    return line->type == REDIS_REPLY_STRING &&
           sscanf(line->str, "%8" SCNu32 " %" SCNu64 " %" SCNu64 " %64[0-9a-f]", &seal->day,
                  &seal->from, &seal->to, seal->hash) == 4;
}

static void on_seals(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    const redisReply *lines = answer_at(&answer, 3);
    size_t n = lines != NULL && lines->type == REDIS_REPLY_ARRAY ? lines->elements : 0;
    struct ledger_seal *seals = calloc(n + 1, sizeof *seals);
    error = answer.error != ERR_OK ? answer.error : seals == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        if (!read_seal(lines->element[i], &seals[i]))
            error = ERR_PROTOCOL;
    }
    op.done.seals(op.arg, error, sentence(error, &answer), (uint64_t)answer_int(&answer, 1), seals,
                  error == ERR_OK ? n : 0);
    free(seals);
}

enum err ledger_seals(struct store *store, ledger_seals_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_ledger_seals", KEY_LEDGER, "");
    call_text(&call, "0");
    call_text(&call, SEALS_MAX);
    return ask(&call, on_seals, (struct asking){.done.seals = done, .arg = arg});
}

/* ---- stored figures ---- */

/* A figure whose name is cut up lives in the answer: its text is copied behind the rows. */
static void read_figure(const redisReply *name, const redisReply *value, size_t node, bool is_goods,
                        struct ledger_figure_row *row, char **text)
{
    char *copy = *text;
    memcpy(copy, name->str, (size_t)name->len + 1);
    *text += name->len + 1;
    *row = (struct ledger_figure_row){.node = node, .item = "", .unit = ""};
    row->value = strtoll(value->str, NULL, 10);
    row->is_known = ledger_figure_parse(copy, row) && row->is_quantity == is_goods;
    if (!row->is_known) { /* parsing may have cut it */
        memcpy(copy, name->str, (size_t)name->len + 1);
        row->item = copy;
    }
}

/* Two lists a node: totals, goods. */
static struct ledger_figures *read_figures(const struct answer *answer)
{
    size_t n = 0, bytes = 0;
    for (size_t i = 2; i < answer_len(answer); i++) {
        const redisReply *flat = answer_at(answer, i);
        for (size_t j = 0; j + 1 < flat->elements; j += 2) {
            n++;
            bytes += (size_t)flat->element[j]->len + 1;
        }
    }
    struct ledger_figures *figures =
        malloc(sizeof *figures + n * sizeof figures->rows[0] + bytes + 1);
    if (figures == NULL)
        return NULL;
    figures->as_of_entry = (uint64_t)answer_int(answer, 1);
    figures->n = 0;
    char *text = (char *)(figures->rows + n);
    for (size_t i = 2; i < answer_len(answer); i++) {
        const redisReply *flat = answer_at(answer, i);
        for (size_t j = 0; j + 1 < flat->elements; j += 2)
            read_figure(flat->element[j], flat->element[j + 1], (i - 2) / 2, i % 2 == 1,
                        &figures->rows[figures->n++], &text);
    }
    return figures;
}

static void on_figures(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct ledger_figures *figures = answer.error == ERR_OK ? read_figures(&answer) : NULL;
    error = answer.error != ERR_OK ? answer.error : figures == NULL ? ERR_NOMEM : ERR_OK;
    op.done.figures(op.arg, error, sentence(error, &answer), figures);
}

enum err ledger_figures(struct store *store, const struct ledger_node *nodes, size_t n,
                        ledger_figures_fn *done, void *arg)
{
    if (n > LEDGER_NODES_MAX)
        return ERR_RANGE;
    struct call call;
    char names[LEDGER_NODES_MAX][LEDGER_TEXT_MAX + 2 * LEDGER_NUMBER_SIZE],
        area[LEDGER_NUMBER_SIZE];
    call_begin(&call, store, "or1_ledger_sums", KEY_LEDGER, "");
    for (size_t i = 0; i < n; i++) {
        ledger_area_text(nodes[i].area, area);
        snprintf(names[i], sizeof names[i], "%s:%" PRIu32 ":%s", area, nodes[i].year,
                 nodes[i].campaign);
        call_text(&call, names[i]);
    }
    return ask(&call, on_figures, (struct asking){.done.figures = done, .arg = arg});
}

static void on_children(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = 0;
    for (size_t i = 2; i < answer_len(&answer); i++)
        n += answer_at(&answer, i)->elements;
    struct ledger_children *children = malloc(sizeof *children + n * sizeof children->rows[0]);
    error = answer.error != ERR_OK ? answer.error : children == NULL ? ERR_NOMEM : ERR_OK;
    if (error == ERR_OK) {
        children->as_of_entry = (uint64_t)answer_int(&answer, 1);
        children->n = 0;
        for (size_t i = 2; i < answer_len(&answer); i++) {
            const redisReply *list = answer_at(&answer, i);
            for (size_t j = 0; j < list->elements; j++) {
                struct ledger_child *child = &children->rows[children->n++];
                *child = (struct ledger_child){.node = i - 2};
                if (!ledger_area_read(list->element[j]->str, (size_t)list->element[j]->len,
                                      &child->area))
                    child->area = UINT64_MAX; /* no code at all: nobody's child */
            }
        }
    } else {
        free(children);
        children = NULL;
    }
    op.done.children(op.arg, error, sentence(error, &answer), children);
}

enum err ledger_children(struct store *store, const uint64_t *areas, size_t n,
                         ledger_children_fn *done, void *arg)
{
    if (n > LEDGER_NODES_MAX)
        return ERR_RANGE;
    struct call call;
    char names[LEDGER_NODES_MAX][LEDGER_NUMBER_SIZE];
    call_begin(&call, store, "or1_ledger_children", KEY_LEDGER, "");
    for (size_t i = 0; i < n; i++) {
        ledger_area_text(areas[i], names[i]);
        call_text(&call, names[i]);
    }
    return ask(&call, on_children, (struct asking){.done.children = done, .arg = arg});
}

/* "10000 0 4000 0 0 0 0 p" */
static bool read_sums(const redisReply *line, struct ledger_sums *sums)
{
    *sums = (struct ledger_sums){.step = '\0'};
    if (line->type != REDIS_REPLY_STRING || line->len == 0)
        return true; /* there is none */
    int64_t *const at[] = {&sums->pledged,        &sums->value_fen, &sums->arrived,
                           &sums->delivered,      &sums->waived,    &sums->moved,
                           &sums->moved_value_fen};
    char *text = line->str;
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        *at[i] = strtoll(text, &text, 10);
    while (*text == ' ')
        text++;
    sums->step = *text;
    return *text != '\0' && text[1] == '\0';
}

static void on_summaries(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = take(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = answer.error == ERR_OK ? answer_len(&answer) - 2 : 0;
    struct ledger_summaries *summaries = malloc(sizeof *summaries + n * sizeof summaries->rows[0]);
    error = answer.error != ERR_OK ? answer.error : summaries == NULL ? ERR_NOMEM : ERR_OK;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        if (!read_sums(answer_at(&answer, i + 2), &summaries->rows[i]))
            error = ERR_PROTOCOL;
    }
    if (error == ERR_OK) {
        summaries->as_of_entry = (uint64_t)answer_int(&answer, 1);
        summaries->n = n;
    } else {
        free(summaries);
        summaries = NULL;
    }
    op.done.summaries(op.arg, error, sentence(error, &answer), summaries);
}

enum err ledger_summaries(struct store *store, const struct number *numbers, size_t n,
                          ledger_summaries_fn *done, void *arg)
{
    if (n > LEDGER_SUMMARIES_MAX)
        return ERR_RANGE;
    struct call call;
    char names[LEDGER_SUMMARIES_MAX][NUMBER_TEXT_SIZE];
    call_begin(&call, store, "or1_ledger_summaries", KEY_LEDGER, "");
    for (size_t i = 0; i < n; i++)
        call_text(&call, number_format(&numbers[i], names[i]));
    return ask(&call, on_summaries, (struct asking){.done.summaries = done, .arg = arg});
}
