/* See notice.h. Pledges of the area in a hash table by number; totals by kind, item and unit at the
 * end. */
#include "ledger/notice.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

struct notice {
    uint64_t region;
    char campaign[LEDGER_TEXT_MAX + 1];
    uint32_t from, to;
    size_t max;
    struct notice_row *rows;
    size_t n, cap;
    uint32_t *slots;          /* place in rows and one; 0 is free */
    size_t n_slots;           /* a power of two, at least twice n */
    struct notice_row *shown; /* of the last notice_finish: copies, whose texts are those of rows */
    struct notice_total *totals;
};

enum err notice_new(const struct notice_options *options, struct notice **notice)
{
    if (strlen(options->campaign) > LEDGER_TEXT_MAX || options->pledges_max > UINT32_MAX / 4)
        return ERR_RANGE;
    struct notice *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    made->region = options->region;
    made->from = options->from;
    made->to = options->to;
    made->max = options->pledges_max;
    memcpy(made->campaign, options->campaign, strlen(options->campaign) + 1);
    *notice = made;
    return ERR_OK;
}

void notice_free(struct notice *notice)
{
    if (notice == NULL)
        return;
    for (size_t i = 0; i < notice->n; i++)
        free((char *)notice->rows[i].item); /* the texts of a row are one piece */
    free(notice->rows);
    free(notice->slots);
    free(notice->shown);
    free(notice->totals);
    free(notice);
}

/* ---- pledges by number ---- */

static uint64_t key_of(const struct number *number)
{
    return (uint64_t)number->county << 44 | (uint64_t)(number->year % 4096) << 32 | number->serial;
}

/* The slot of the number, or the free one where it belongs. */
static uint32_t *find_slot(struct notice *notice, const struct number *number)
{
    uint64_t key = key_of(number);
    size_t mask = notice->n_slots - 1, at = digest_mix64(key) & mask;
    while (notice->slots[at] != 0 && key_of(&notice->rows[notice->slots[at] - 1].number) != key)
        at = (at + 1) & mask;
    return &notice->slots[at];
}

static enum err grow_slots(struct notice *notice)
{
    size_t wanted = notice->n_slots == 0 ? 1024 : notice->n_slots * 2;
    uint32_t *slots = calloc(wanted, sizeof *slots);
    if (slots == NULL)
        return ERR_NOMEM;
    free(notice->slots);
    notice->slots = slots;
    notice->n_slots = wanted;
    for (size_t i = 0; i < notice->n; i++)
        *find_slot(notice, &notice->rows[i].number) = (uint32_t)i + 1;
    return ERR_OK;
}

static enum err make_room(struct notice *notice)
{
    if (notice->n == notice->max)
        return ERR_TOO_BIG;
    if (notice->n == notice->cap) {
        size_t cap = notice->cap == 0 ? 256 : notice->cap * 2;
        struct notice_row *rows = realloc(notice->rows, cap * sizeof *rows);
        if (rows == NULL)
            return ERR_NOMEM;
        notice->rows = rows;
        notice->cap = cap;
    }
    return 2 * (notice->n + 1) > notice->n_slots ? grow_slots(notice) : ERR_OK;
}

/* Item, unit and name in one piece of memory. */
static enum err keep_texts(const struct ledger_entry *entry, struct notice_row *row)
{
    size_t item = strlen(entry->item) + 1, unit = strlen(entry->unit) + 1,
           name = strlen(entry->name) + 1;
    char *texts = malloc(item + unit + name);
    if (texts == NULL)
        return ERR_NOMEM;
    row->item = memcpy(texts, entry->item, item);
    row->unit = memcpy(texts + item, entry->unit, unit);
    row->name = memcpy(texts + item + unit, entry->name, name);
    return ERR_OK;
}

static enum err add_pledge(struct notice *notice, const struct ledger_entry *entry,
                           const struct number *number)
{
    enum err error = make_room(notice);
    if (error != ERR_OK)
        return error;
    struct notice_row row = {.number = *number,
                             .kind = entry->kind,
                             .area = entry->area,
                             .mobile = entry->mobile,
                             .is_organisation = entry->is_organisation,
                             .shown = entry->shown};
    error = keep_texts(entry, &row);
    if (error != ERR_OK)
        return error;
    notice->rows[notice->n++] = row;
    *find_slot(notice, number) = (uint32_t)notice->n;
    return ERR_OK;
}

/* ---- what an entry changes ---- */

enum sum { SUM_NONE, SUM_PLEDGED, SUM_ARRIVED, SUM_DELIVERED };
static const struct {
    enum sum sum;
    int sign;
    bool confirmed_only; /* nothing changes unless the pledge was confirmed */
} effects[LEDGER_TYPES] = {
    [LEDGER_PLEDGE] = {SUM_PLEDGED, 1, true},  [LEDGER_CONFIRM] = {SUM_PLEDGED, 1, false},
    [LEDGER_ARRIVE] = {SUM_ARRIVED, 1, false}, [LEDGER_DELIVER] = {SUM_DELIVERED, 1, false},
    [LEDGER_VOID] = {SUM_PLEDGED, -1, true},   [LEDGER_TRANSFER] = {SUM_PLEDGED, -1, false},
};

static bool is_money(enum pledge_kind kind)
{
    return kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
}

static enum err apply(const struct ledger_entry *entry, struct notice_sums *sums)
{
    bool is_undo = entry->type == LEDGER_REVERSE;
    enum ledger_type type = is_undo ? entry->was : entry->type;
    bool was_confirmed = entry->confirmed || entry->had_confirmed;
    if (effects[type].sum == SUM_NONE || (effects[type].confirmed_only && !was_confirmed))
        return ERR_OK;
    int64_t amount = is_money(entry->kind) ? entry->fen : entry->thousandths;
    amount *= is_undo ? -effects[type].sign : effects[type].sign;
    int64_t *sum = effects[type].sum == SUM_PLEDGED   ? &sums->pledged
                   : effects[type].sum == SUM_ARRIVED ? &sums->arrived
                                                      : &sums->delivered;
    int64_t next;
    if (__builtin_add_overflow(*sum, amount, &next))
        return ERR_RANGE;
    *sum = next;
    return ERR_OK;
}

static bool is_ours(const struct notice *notice, const struct ledger_entry *entry)
{
    if (entry->pledge[0] == '\0' || !area_within(entry->area, notice->region))
        return false;
    if (notice->campaign[0] == '\0')
        return true;
    return strcmp(notice->campaign, entry->campaign[0] != '\0' ? entry->campaign : "-") == 0;
}

enum err notice_add(struct notice *notice, const struct ledger_entry *entry)
{
    struct number number;
    if (!is_ours(notice, entry) ||
        number_parse(entry->pledge, strlen(entry->pledge), &number) != ERR_OK)
        return ERR_OK;
    if (entry->type == LEDGER_PLEDGE) {
        enum err error = add_pledge(notice, entry, &number);
        if (error != ERR_OK)
            return error;
    }
    uint32_t slot = notice->n_slots > 0 ? *find_slot(notice, &number) : 0;
    if (slot == 0 || entry->on < notice->from || entry->on > notice->to)
        return ERR_OK;
    return apply(entry, &notice->rows[slot - 1].sums);
}

enum err notice_add_rows(struct notice *notice, const struct ledger_row *rows, size_t n,
                         uint64_t from, uint64_t to, uint64_t *bad)
{
    for (uint64_t at = from; at <= to; at++) {
        struct ledger_entry entry;
        size_t i = (size_t)(at - from);
        if (i >= n || rows[i].n != at || ledger_row_read(&rows[i], &entry) != ERR_OK) {
            *bad = at;
            return ERR_INVALID;
        }
        enum err error = notice_add(notice, &entry);
        if (error != ERR_OK)
            return error;
    }
    return ERR_OK;
}

/* ---- the end ---- */

static bool is_zero(const struct notice_sums *sums)
{
    return sums->pledged == 0 && sums->arrived == 0 && sums->delivered == 0;
}

static bool add_sums(struct notice_sums *to, const struct notice_sums *from)
{
    return !__builtin_add_overflow(to->pledged, from->pledged, &to->pledged) &&
           !__builtin_add_overflow(to->arrived, from->arrived, &to->arrived) &&
           !__builtin_add_overflow(to->delivered, from->delivered, &to->delivered);
}

static int by_thing(const void *a, const void *b)
{
    const struct notice_total *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int order = strcmp(x->item, y->item);
    return order != 0 ? order : strcmp(x->unit, y->unit);
}

/* Of the n rows `shown`, one a thing, in order. */
static enum err make_totals(const struct notice_row *shown, size_t n, struct notice_total *totals,
                            size_t *n_totals)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        totals[i] =
            (struct notice_total){shown[i].kind, shown[i].item, shown[i].unit, 1, shown[i].sums};
    qsort(totals, n, sizeof *totals, by_thing);
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || by_thing(&totals[kept - 1], &totals[i]) != 0) {
            totals[kept++] = totals[i];
            continue;
        }
        totals[kept - 1].donors++;
        if (!add_sums(&totals[kept - 1].sums, &totals[i].sums))
            return ERR_RANGE;
    }
    *n_totals = kept;
    return ERR_OK;
}

enum err notice_finish(struct notice *notice, const struct notice_row **rows, size_t *n_rows,
                       const struct notice_total **totals, size_t *n_totals)
{
    size_t n = 0;
    for (size_t i = 0; i < notice->n; i++)
        n += !is_zero(&notice->rows[i].sums);
    struct notice_row *shown = calloc(n + 1, sizeof *shown);
    struct notice_total *sums = calloc(n + 1, sizeof *sums);
    enum err error = shown != NULL && sums != NULL ? ERR_OK : ERR_NOMEM;
    if (error == ERR_OK) {
        n = 0;
        for (size_t i = 0; i < notice->n; i++)
            if (!is_zero(&notice->rows[i].sums))
                shown[n++] = notice->rows[i];
        error = make_totals(shown, n, sums, n_totals);
    }
    if (error != ERR_OK) {
        free(shown);
        free(sums);
        return error;
    }
    free(notice->shown);
    free(notice->totals);
    *rows = notice->shown = shown;
    *totals = notice->totals = sums;
    *n_rows = n;
    return ERR_OK;
}
