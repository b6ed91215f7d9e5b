/* Totals and goods of areas: the stored figures of one call, put into tables. */
#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/ledger_parts.h"

/* ---- names of figures ---- */

static bool parse_measure(const char *two, struct ledger_figure_row *row)
{
    bool is_direct = two[0] >= 'A' && two[0] <= 'Z';
    if (is_direct != (two[1] >= 'A' && two[1] <= 'Z'))
        return false; /* both or neither */
    int letter = is_direct ? two[0] - 'A' + 'a' : two[0];
    int part = is_direct ? two[1] - 'A' + 'a' : two[1];
    row->scope = is_direct ? LEDGER_DIRECT : LEDGER_TREE;
    row->is_count = part == 'n';
    row->is_quantity = part == 'q';
    for (int i = 0; i < LEDGER_MEASURES; i++) {
        if (ledger_measure_letter((enum ledger_measure)i) == letter) {
            row->measure = (enum ledger_measure)i;
            return part == 'n' || part == 'f' || part == 'q';
        }
    }
    return false;
}

bool ledger_figure_parse(char *name, struct ledger_figure_row *row)
{
    char *measure = strchr(name, '|');
    if (measure == NULL)
        return false;
    *measure++ = '\0';
    row->item = row->unit = "";
    if (!pledge_kind_parse(name, &row->kind) || strlen(measure) < 2 || !parse_measure(measure, row))
        return false;
    char *item = measure + 2;
    if (!row->is_quantity)
        return *item == '\0';
    char *unit = *item == '|' ? strchr(item + 1, '|') : NULL;
    if (unit == NULL)
        return false;
    *unit++ = '\0';
    row->item = item + 1;
    row->unit = unit;
    return true;
}

/* Calls `add` for each name and value of a flat list. false: no such list. */
static bool each_figure(const redisReply *flat,
                        bool (*add)(void *arg, const struct ledger_figure_row *row), void *arg)
{
    if (flat->type != REDIS_REPLY_ARRAY || flat->elements % 2 != 0)
        return false;
    for (size_t i = 0; i < flat->elements; i += 2) {
        const redisReply *name = flat->element[i], *value = flat->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            return false;
        struct ledger_figure_row row = {.value = strtoll(value->str, NULL, 10)};
        row.is_known = ledger_figure_parse(name->str, &row); /* the reply is ours to cut up */
        if (row.is_known && !add(arg, &row))
            return false;
    }
    return true;
}

/* ---- totals ---- */

struct totalling {
    struct store *store;
    ledger_totals_fn *done;
    ledger_goods_fn *done_goods;
    void *arg;
};

static bool add_total(void *arg, const struct ledger_figure_row *row)
{
    struct ledger_totals *totals = arg;
    if (row->is_quantity)
        return true;
    struct ledger_figure *figure = &totals->of[row->scope][row->kind][row->measure];
    return !__builtin_add_overflow(row->is_count ? figure->count : figure->fen, row->value,
                                   row->is_count ? &figure->count : &figure->fen);
}

/* "cash|pn 1 cash|pf 10000": the reply is ours to cut up. */
static bool add_year(char *text, struct ledger_totals *totals)
{
    while (*text != '\0') {
        char *value = strchr(text, ' ');
        if (value == NULL)
            return false;
        *value++ = '\0';
        char *end;
        struct ledger_figure_row row = {.value = strtoll(value, &end, 10)};
        if (end == value || (*end != ' ' && *end != '\0'))
            return false;
        if (ledger_figure_parse(text, &row) && !add_total(totals, &row))
            return false;
        text = *end == ' ' ? end + 1 : end;
    }
    return true;
}

/* An area of the answer, in the order of codes: sorting these is cheaper than sorting totals. */
struct place {
    uint64_t area;
    const redisReply *row;
};

static int by_area(const void *a, const void *b)
{
    uint64_t x = ((const struct place *)a)->area, y = ((const struct place *)b)->area;
    return (x > y) - (x < y);
}

static bool read_place(const redisReply *row, struct place *place)
{
    place->row = row;
    if (row->type != REDIS_REPLY_ARRAY || row->elements < 1)
        return false;
    for (size_t i = 0; i < row->elements; i++) {
        if (row->element[i]->type != REDIS_REPLY_STRING)
            return false;
    }
    return ledger_area_read(row->element[0]->str, (size_t)row->element[0]->len, &place->area);
}

/* errors: ERR_NOMEM, ERR_PROTOCOL, ERR_RANGE (the years together pass 2^63) */
static enum err read_areas(const struct answer *answer, size_t n, struct ledger_totals *areas)
{
    struct place *places = calloc(n + 1, sizeof *places);
    enum err error = places != NULL ? ERR_OK : ERR_NOMEM;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        if (!read_place(answer_at(answer, i + 2), &places[i]))
            error = ERR_PROTOCOL;
    }
    if (error == ERR_OK && n > 1)
        qsort(places + 1, n - 1, sizeof *places, by_area);
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        areas[i].area = places[i].area;
        for (size_t j = 1; j < places[i].row->elements && error == ERR_OK; j++) {
            if (!add_year(places[i].row->element[j]->str, &areas[i]))
                error = ERR_RANGE;
        }
    }
    free(places);
    return error;
}

static void on_totals(void *arg, enum err error, const redisReply *reply)
{
    struct totalling op = *(struct totalling *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct ledger_totals_answer totals = {.n = 0};
    if (answer.error != ERR_OK) {
        op.done(op.arg, answer.error, answer.reason, &totals);
        return;
    }
    size_t n = answer_len(&answer) - 2;
    struct ledger_totals *areas = calloc(n + 1, sizeof *areas);
    error = areas != NULL ? read_areas(&answer, n, areas) : ERR_NOMEM;
    if (error == ERR_OK)
        totals = (struct ledger_totals_answer){(uint64_t)answer_int(&answer, 1), areas, n};
    op.done(op.arg, error, error == ERR_OK ? "" : err_sentence(error), &totals);
    free(areas);
}

/* Area, year and campaign, which both questions begin with. */
static void begin(struct call *call, struct store *store, const char *function,
                  const struct ledger_totals_query *query, char area[LEDGER_NUMBER_SIZE])
{
    call_begin(call, store, function, KEY_LEDGER, "");
    ledger_area_text(query->area, area);
    call_text(call, area);
    if (query->year != 0)
        call_int(call, query->year);
    else
        call_text(call, "");
    call_text(call, query->campaign != NULL && query->campaign[0] != '\0' ? query->campaign : "*");
}

static enum err send(struct call *call, redis_reply_fn *on_reply, struct totalling with)
{
    struct totalling *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = with;
    enum err error = call_send(call, on_reply, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

enum err ledger_totals(struct store *store, const struct ledger_totals_query *query,
                       ledger_totals_fn *done, void *arg)
{
    struct call call;
    char area[LEDGER_NUMBER_SIZE];
    begin(&call, store, "or1_ledger_totals", query, area);
    call_int(&call, query->children);
    call_int(&call, area_level_digits(query->down_to));
    return send(&call, on_totals, (struct totalling){.store = store, .done = done, .arg = arg});
}

/* ---- goods ---- */

struct things {
    struct ledger_thing *list;
    size_t n, room;
};

static int by_thing(const void *a, const void *b)
{
    const struct ledger_thing *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = strcmp(x->item, y->item);
    return order != 0 ? order : strcmp(x->unit, y->unit);
}

/* One row for each figure first; equal things are put together after sorting. */
static bool add_thing(void *arg, const struct ledger_figure_row *row)
{
    struct things *things = arg;
    if (!row->is_quantity || things->n == things->room)
        return !row->is_quantity;
    struct ledger_thing *thing = &things->list[things->n++];
    *thing = (struct ledger_thing){.kind = row->kind, .item = row->item, .unit = row->unit};
    thing->thousandths[row->scope][row->measure] = row->value;
    return true;
}

static bool merge_things(struct things *things)
{
    size_t kept = 0;
    if (things->n > 0)
        qsort(things->list, things->n, sizeof *things->list, by_thing);
    for (size_t i = 0; i < things->n; i++) {
        if (kept == 0 || by_thing(&things->list[kept - 1], &things->list[i]) != 0) {
            things->list[kept++] = things->list[i];
            continue;
        }
        int64_t *sum = &things->list[kept - 1].thousandths[0][0],
                *more = &things->list[i].thousandths[0][0];
        for (size_t j = 0; j < (size_t)LEDGER_SCOPES * LEDGER_MEASURES; j++) {
            if (__builtin_add_overflow(sum[j], more[j], &sum[j]))
                return false;
        }
    }
    things->n = kept;
    return true;
}

static void on_goods(void *arg, enum err error, const redisReply *reply)
{
    struct totalling op = *(struct totalling *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    if (answer.error != ERR_OK) {
        op.done_goods(op.arg, answer.error, answer.reason, 0, NULL, 0);
        return;
    }
    struct things things = {.n = 0};
    for (size_t i = 2; i < answer_len(&answer); i++)
        things.room += answer_at(&answer, i)->elements / 2;
    things.list = calloc(things.room + 1, sizeof *things.list);
    error = things.list != NULL ? ERR_OK : ERR_NOMEM;
    for (size_t i = 2; i < answer_len(&answer) && error == ERR_OK; i++) {
        if (!each_figure(answer_at(&answer, i), add_thing, &things))
            error = ERR_PROTOCOL;
    }
    if (error == ERR_OK && !merge_things(&things))
        error = ERR_RANGE;
    op.done_goods(op.arg, error, error == ERR_OK ? "" : err_sentence(error),
                  (uint64_t)answer_int(&answer, 1), things.list, error == ERR_OK ? things.n : 0);
    free(things.list);
}

enum err ledger_goods(struct store *store, const struct ledger_totals_query *query,
                      ledger_goods_fn *done, void *arg)
{
    struct call call;
    char area[LEDGER_NUMBER_SIZE];
    begin(&call, store, "or1_ledger_goods", query, area);
    return send(&call, on_goods,
                (struct totalling){.store = store, .done_goods = done, .arg = arg});
}
