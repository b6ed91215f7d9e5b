/* GET /api/v1/ledger/audit: the numbers that were given to pledges and receipts, by county and year
 * – first, last, how many, how many of them void, and whether one is missing – and what is closed
 * and sealed.
 *
 * The entries themselves are walked through, a block a call: numbers are given in the order of the
 * entries, so within its series each is the one before it and one. The counters that give them are
 * compared at the end. Memory is one row a series. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/regions.h"
#include "base/clock.h"
#include "store/ledger_proof.h"

#define BLOCK_ROWS 250
#define SERIES_MAX 200000 /* 3000 counties, 30 years, two kinds */

struct series {
    bool is_receipt;
    uint32_t county, year;
    uint64_t first, last, count, voids, gaps, counter;
};

struct audit {
    struct apicall *call;
    uint64_t next, to, unsound;
    struct series *series; /* sorted */
    size_t n, cap, hit;    /* hit: the one looked for last */
};

static void audit_free(void *state)
{
    struct audit *audit = state;
    free(audit->series);
    free(audit);
}

/* ---- series ---- */

static int compare(const struct series *a, const struct series *b)
{
    if (a->is_receipt != b->is_receipt) {
        return a->is_receipt ? 1 : -1;
    }
    if (a->county != b->county) {
        return a->county < b->county ? -1 : 1;
    }
    return (a->year > b->year) - (a->year < b->year);
}

static struct series *insert(struct audit *audit, size_t at, const struct series *key)
{
    if (audit->n == SERIES_MAX) {
        return NULL;
    }
    if (audit->n == audit->cap) {
        size_t cap = audit->cap == 0 ? 64 : audit->cap * 2;
        struct series *grown = realloc(audit->series, cap * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        audit->series = grown;
        audit->cap = cap;
    }
    memmove(audit->series + at + 1, audit->series + at, (audit->n - at) * sizeof *audit->series);
    audit->series[at] = *key;
    audit->n++;
    return &audit->series[at];
}

/* The series of the number, made when it is new. NULL: no memory. */
static struct series *series_of(struct audit *audit, bool is_receipt, uint32_t county,
                                uint32_t year)
{
    struct series key = {.is_receipt = is_receipt, .county = county, .year = year};
    if (audit->hit < audit->n && compare(&audit->series[audit->hit], &key) == 0) {
        return &audit->series[audit->hit];
    }
    size_t low = 0, high = audit->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&audit->series[middle], &key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    audit->hit = low;
    if (low < audit->n && compare(&audit->series[low], &key) == 0) {
        return &audit->series[low];
    }
    return insert(audit, low, &key);
}

/* ---- entries ---- */

static enum err note_given(struct audit *audit, const char *text)
{
    struct number number;
    if (number_parse(text, strlen(text), &number) != ERR_OK) {
        audit->unsound++;
        return ERR_OK;
    }
    struct series *series = series_of(audit, number.is_receipt, number.county, number.year);
    if (series == NULL) {
        return ERR_NOMEM;
    }
    series->gaps += number.serial != series->last + 1;
    if (series->count++ == 0) {
        series->first = number.serial;
    }
    series->last = number.serial;
    return ERR_OK;
}

static enum err note_void(struct audit *audit, const char *text, bool is_undone)
{
    struct number number;
    if (number_parse(text, strlen(text), &number) != ERR_OK) {
        audit->unsound++;
        return ERR_OK;
    }
    struct series *series = series_of(audit, number.is_receipt, number.county, number.year);
    if (series == NULL) {
        return ERR_NOMEM;
    }
    series->voids += is_undone ? UINT64_MAX : 1;
    return ERR_OK;
}

static enum err note_entry(struct audit *audit, const struct ledger_entry *entry)
{
    switch (entry->type) {
    case LEDGER_PLEDGE:
        return note_given(audit, entry->pledge);
    case LEDGER_ARRIVE:
        return note_given(audit, entry->receipt);
    case LEDGER_VOID:
        return note_void(audit, entry->pledge, false);
    case LEDGER_REVERSE:
        if (entry->was == LEDGER_ARRIVE) {
            return note_void(audit, entry->receipt, false);
        }
        return entry->was == LEDGER_PLEDGE || entry->was == LEDGER_VOID
                   ? note_void(audit, entry->pledge, entry->was == LEDGER_VOID)
                   : ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err note_rows(struct audit *audit, const struct ledger_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry entry;
        if (ledger_row_read(&rows[i], &entry) != ERR_OK) {
            audit->unsound++;
            continue;
        }
        enum err error = note_entry(audit, &entry);
        if (error != ERR_OK) {
            return error;
        }
    }
    return ERR_OK;
}

/* ---- the answer ---- */

static json_t *series_json(const struct series *series, const struct encode_regions *regions)
{
    char first[NUMBER_TEXT_SIZE], last[NUMBER_TEXT_SIZE];
    struct number number = {.is_receipt = series->is_receipt,
                            .county = series->county,
                            .year = series->year,
                            .serial = (uint32_t)series->first};
    uint64_t area = (uint64_t)series->county * 1000000;
    number_format(&number, first);
    number.serial = (uint32_t)series->last;
    number_format(&number, last);
    const char *name = regions->name != NULL ? regions->name(regions->arg, area) : "";
    bool is_whole = series->gaps == 0 && series->first == 1 && series->counter == series->count;
    return json_pack("{s:s, s:o, s:s, s:I, s:s, s:s, s:I, s:I, s:I, s:b}", "series",
                     series->is_receipt ? "receipt" : "pledge", "region", encode_area(area), "name",
                     name, "year", (json_int_t)series->year, "first", first, "last", last, "count",
                     (json_int_t)series->count, "void", (json_int_t)series->voids, "counter",
                     (json_int_t)series->counter, "no_gap", is_whole);
}

static void set_series(struct audit *audit)
{
    struct apicall *call = audit->call;
    struct encode_regions regions = api_regions(call);
    json_t *array = json_array();
    bool no_gap = audit->unsound == 0;
    for (size_t i = 0; i < audit->n; i++) {
        json_t *json = series_json(&audit->series[i], &regions);
        no_gap = no_gap && json_is_true(json_object_get(json, "no_gap"));
        json_array_append_new(array, json);
    }
    json_object_set_new(call->answer, "series", array);
    json_object_set_new(call->answer, "no_gap", json_boolean(no_gap));
    json_object_set_new(call->answer, "unsound", json_integer((json_int_t)audit->unsound));
}

static void on_seals(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                     const struct ledger_seal *seals, size_t n)
{
    struct audit *audit = arg;
    struct apicall *call = audit->call;
    char day[ENCODE_DAY_SIZE];
    (void)as_of_entry;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    json_t *last = json_null();
    uint64_t sealed = n > 0 ? seals[n - 1].to : 0;
    if (n > 0) {
        last = json_pack("{s:s, s:I, s:s}", "day", encode_day(seals[n - 1].day, day),
                         "through_entry", (json_int_t)sealed, "hash", seals[n - 1].hash);
    }
    json_object_set_new(call->answer, "seals", json_integer((json_int_t)n));
    json_object_set_new(call->answer, "last_seal", last);
    json_object_set_new(call->answer, "unsealed_entries",
                        json_integer(audit->to > sealed ? (json_int_t)(audit->to - sealed) : 0));
    apicall_answer(call, 200, json_incref(call->answer));
}

static void on_closed(void *arg, enum err error, const char *reason,
                      const struct ledger_closed *closed, size_t n)
{
    struct audit *audit = arg;
    struct apicall *call = audit->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        char day[ENCODE_DAY_SIZE];
        json_array_append_new(array, json_pack("{s:o, s:s}", "region", encode_area(closed[i].area),
                                               "through", encode_day(closed[i].through, day)));
    }
    json_object_set_new(call->answer, "closed", array);
    error = ledger_seals(call->api->parts.store, on_seals, audit);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- the walk ---- */

static void walk(struct audit *audit);

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct audit *audit = arg;
    struct apicall *call = audit->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        error = note_rows(audit, rows, n);
        reason = NULL;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    walk(audit);
}

static void walk(struct audit *audit)
{
    struct apicall *call = audit->call;
    enum err error;
    if (audit->next > audit->to) {
        set_series(audit);
        error = ledger_closed(call->api->parts.store, on_closed, audit);
    } else {
        uint64_t left = audit->to + 1 - audit->next, from = audit->next;
        audit->next += left < BLOCK_ROWS ? left : BLOCK_ROWS;
        error = ledger_read(call->api->parts.store, from, audit->next - 1, on_rows, audit);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static enum err note_counter(struct audit *audit, const struct ledger_serial *serial,
                             bool is_receipt, uint64_t given)
{
    if (given == 0) {
        return ERR_OK;
    }
    struct series *series = series_of(audit, is_receipt, serial->county, serial->year);
    if (series == NULL) {
        return ERR_NOMEM;
    }
    series->counter = given;
    return ERR_OK;
}

static void on_serials(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                       const struct ledger_serial *serials, size_t n)
{
    struct audit *audit = arg;
    struct apicall *call = audit->call;
    if (!apicall_lives(call)) {
        return;
    }
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        error = note_counter(audit, &serials[i], false, serials[i].pledges);
        if (error == ERR_OK) {
            error = note_counter(audit, &serials[i], true, serials[i].receipts);
        }
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    call->answer = json_pack("{s:I, s:o}", "as_of_entry", (json_int_t)as_of_entry, "as_of",
                             encode_time(clock_wall_ms(), apicall_offset_min(call)));
    audit->next = 1;
    audit->to = as_of_entry;
    walk(audit);
}

void handle_ledger_audit(struct apicall *call)
{
    struct audit *audit = calloc(1, sizeof *audit);
    if (audit == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    audit->call = call;
    call->state = audit;
    call->free_state = audit_free;
    enum err error = ledger_serials(call->api->parts.store, on_serials, audit);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
