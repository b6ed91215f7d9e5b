/* GET /api/v1/totals/day. The ledger has no index of times, but entries are in the order of their
 * posting: the first of the day is found by halving, then all up to the last are read in blocks and
 * kept as small records (area, slot, sums), so that each area's line is one pass over memory. One
 * day is kept; who asks for another replaces it. Requests that come meanwhile wait for the same
 * reading.
 *
 * Clocks of several daemons differ by a little: an entry that is a moment before the day's first is
 * counted in its first slot. */
#include "api/dayline.h"

#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/handlers.h"
#include "api/query.h"
#include "base/clock.h"
#include "store/ledger_proof.h"

#define SLOT_MIN 5 /* the finest step */
#define SLOTS (24 * 60 / SLOT_MIN)
#define ROWS_MAX 2000000 /* 64 MB; a day of more entries than that has no line */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

struct row {
    uint64_t area;
    uint32_t slot;
    int32_t pledges;
    int64_t pledged_fen, arrived_fen;
};

struct dayline {
    struct api *api; /* NULL: it has gone; freed when Redis has answered */
    uint32_t day;    /* yyyymmdd; 0: none yet */
    int64_t begin_ms;
    uint64_t next, last; /* the next entry to read; the last there was when the reading began */
    uint64_t low, high;  /* while the first is looked for: it is in low..high */
    bool is_reading, is_full, is_stale; /* is_stale: what was read may be there no more */
    struct row *rows;
    size_t n, room;
    struct waiter *waiters;
};

struct waiter { /* a request that waits for the reading */
    struct waiter *next;
    struct apicall *call;
    struct dayline *dayline;
    uint64_t area;
    uint32_t day, step_min;
};

/* ---- what an entry adds ---- */

static bool is_money(enum pledge_kind kind)
{
    return kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
}

/* The same table as docs/ledger.md, "what an entry adds", for the two measures of money. */
static bool add_type(enum ledger_type type, const struct ledger_entry *entry, int64_t sign,
                     struct dayline_step *step)
{
    bool counts = type == LEDGER_PLEDGE ? entry->confirmed : entry->had_confirmed;
    switch (type) {
    case LEDGER_PLEDGE:
    case LEDGER_CONFIRM:
        if (type == LEDGER_PLEDGE && !counts) {
            return false;
        }
        step->pledged_fen = sign * entry->fen;
        step->pledges = sign;
        return true;
    case LEDGER_ARRIVE:
        step->arrived_fen = sign * entry->fen;
        return true;
    case LEDGER_VOID:
        if (!counts) {
            return false;
        }
        step->pledged_fen = -sign * entry->fen;
        step->pledges = -sign;
        return true;
    case LEDGER_TRANSFER:
        step->pledged_fen = -sign * entry->fen;
        step->pledges = entry->whole ? -sign : 0;
        return true;
    default:
        return false;
    }
}

bool dayline_step(const struct ledger_entry *entry, struct dayline_step *step)
{
    *step = (struct dayline_step){0};
    if (!is_money(entry->kind)) {
        return false;
    }
    if (entry->type != LEDGER_REVERSE) {
        return add_type(entry->type, entry, 1, step);
    }
    struct ledger_entry taken = *entry;
    taken.confirmed = entry->confirmed || entry->had_confirmed;
    return add_type(entry->was, &taken, -1, step);
}

/* ---- reading ---- */

static void read_on(struct dayline *dayline);

static bool lives(struct dayline *dayline)
{
    if (dayline->api != NULL) {
        return true;
    }
    free(dayline->rows);
    free(dayline);
    return false;
}

static void answer_line(struct waiter *waiter)
{
    struct apicall *call = waiter->call;
    const struct dayline *dayline = waiter->dayline;
    struct row sums[SLOTS];
    memset(sums, 0, sizeof sums);
    for (size_t i = 0; i < dayline->n; i++) {
        const struct row *row = &dayline->rows[i];
        if (area_within(row->area, waiter->area)) {
            sums[row->slot].pledged_fen += row->pledged_fen;
            sums[row->slot].arrived_fen += row->arrived_fen;
            sums[row->slot].pledges += row->pledges;
        }
    }
    int offset = apicall_offset_min(call);
    int64_t now_ms = clock_wall_ms(), per = waiter->step_min / SLOT_MIN;
    json_t *points = json_array();
    struct row all = {0};
    for (int64_t slot = 0; slot < SLOTS; slot++) {
        all.pledged_fen += sums[slot].pledged_fen;
        all.arrived_fen += sums[slot].arrived_fen;
        all.pledges += sums[slot].pledges;
        int64_t end_ms = dayline->begin_ms + (slot + 1) * SLOT_MIN * INT64_C(60000);
        bool is_last = end_ms >= now_ms; /* what is still to come has no points */
        if ((slot + 1) % per == 0 || is_last) {
            json_array_append_new(points, json_pack("{s:o, s:I, s:I, s:i}", "at",
                                                    encode_time(is_last ? now_ms : end_ms, offset),
                                                    "pledged_fen", (json_int_t)all.pledged_fen,
                                                    "arrived_fen", (json_int_t)all.arrived_fen,
                                                    "count", (int)all.pledges));
        }
        if (is_last) {
            break;
        }
    }
    char day[ENCODE_DAY_SIZE];
    apicall_answer(call, 200,
                   json_pack("{s:o, s:s, s:i, s:I, s:o}", "region", encode_area(waiter->area),
                             "day", encode_day(waiter->day, day), "step", (int)waiter->step_min,
                             "as_of_entry", (json_int_t)dayline->last, "points", points));
}

/* Everybody who waits for this day gets its line, or the error; who waits for another goes on. */
static void finish(struct dayline *dayline, enum err error)
{
    struct waiter *waiters = dayline->waiters, *next;
    dayline->waiters = NULL;
    dayline->is_reading = false;
    for (struct waiter *waiter = waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (!apicall_lives(waiter->call)) {
            continue;
        }
        if (error == ERR_OK && waiter->day != dayline->day) {
            waiter->next = dayline->waiters;
            dayline->waiters = waiter;
        } else if (error == ERR_OK && dayline->is_full) {
            apicall_error(waiter->call, 413, "too_big", "day", "too many entries for a line");
        } else if (error == ERR_OK) {
            answer_line(waiter);
        } else {
            apicall_fail(waiter->call, error, NULL);
        }
    }
    if (dayline->waiters != NULL) {
        read_on(dayline);
    }
}

static void add_row(struct dayline *dayline, const struct ledger_entry *entry)
{
    struct dayline_step step;
    int64_t since_ms = entry->at_ms - dayline->begin_ms;
    if (since_ms >= DAY_MS || !dayline_step(entry, &step)) {
        return;
    }
    if (dayline->n == dayline->room) {
        size_t room = dayline->room == 0 ? 1024 : dayline->room * 2;
        struct row *more = room <= ROWS_MAX ? realloc(dayline->rows, room * sizeof *more) : NULL;
        if (more == NULL) {
            dayline->is_full = true;
            return;
        }
        dayline->rows = more;
        dayline->room = room;
    }
    int64_t slot = since_ms / (SLOT_MIN * INT64_C(60000));
    dayline->rows[dayline->n++] = (struct row){.area = entry->area,
                                               .slot = slot > 0 ? (uint32_t)slot : 0,
                                               .pledges = (int32_t)step.pledges,
                                               .pledged_fen = step.pledged_fen,
                                               .arrived_fen = step.arrived_fen};
}

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct dayline *dayline = arg;
    struct ledger_entry entry;
    (void)reason;
    if (!lives(dayline)) {
        return;
    }
    if (error != ERR_OK) {
        finish(dayline, error);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (ledger_row_read(&rows[i], &entry) == ERR_OK) {
            add_row(dayline, &entry);
        }
    }
    dayline->next += LEDGER_READ_MAX;
    read_on(dayline);
}

/* One entry in the middle of where the day's first may be. */
static void on_probe(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                     size_t n)
{
    struct dayline *dayline = arg;
    struct ledger_entry entry;
    (void)reason;
    if (!lives(dayline)) {
        return;
    }
    if (error != ERR_OK) {
        finish(dayline, error);
        return;
    }
    uint64_t middle = dayline->low + (dayline->high - dayline->low) / 2;
    bool is_before =
        n == 0 || ledger_row_read(&rows[0], &entry) != ERR_OK || entry.at_ms < dayline->begin_ms;
    if (is_before) {
        dayline->low = middle + 1;
    } else {
        dayline->high = middle;
    }
    dayline->next = dayline->low;
    read_on(dayline);
}

static void on_last(void *arg, enum err error, uint64_t entry)
{
    struct dayline *dayline = arg;
    if (!lives(dayline)) {
        return;
    }
    if (error != ERR_OK) {
        finish(dayline, error);
        return;
    }
    dayline->last = entry;
    if (dayline->next == 0) { /* a new day: its first entry is in 1..last + 1 */
        dayline->low = 1;
        dayline->high = entry + 1;
    }
    read_on(dayline);
}

static void begin_day(struct dayline *dayline, uint32_t day)
{
    dayline->day = day;
    dayline->begin_ms = clock_day_begins(day, dayline->api->settings->daemon.utc_offset_min);
    dayline->n = 0;
    dayline->next = dayline->low = dayline->high = 0;
    dayline->is_full = false;
}

/* The next step of the reading. */
static void read_on(struct dayline *dayline)
{
    struct store *store = dayline->api->parts.store;
    enum err error;
    if (!dayline->is_reading) {
        if (dayline->is_stale || dayline->day != dayline->waiters->day) {
            begin_day(dayline, dayline->waiters->day);
        }
        dayline->is_stale = false;
        dayline->is_reading = true;
        error = ledger_last(store, on_last, dayline);
    } else if (dayline->low < dayline->high) {
        uint64_t middle = dayline->low + (dayline->high - dayline->low) / 2;
        error = ledger_read(store, middle, middle, on_probe, dayline);
    } else if (dayline->next == 0) {
        dayline->next = dayline->low;
        read_on(dayline);
        return;
    } else if (dayline->next <= dayline->last && !dayline->is_full) {
        uint64_t to = dayline->next + LEDGER_READ_MAX - 1;
        error = ledger_read(store, dayline->next, to < dayline->last ? to : dayline->last, on_rows,
                            dayline);
    } else {
        dayline->next = dayline->last + 1;
        finish(dayline, ERR_OK);
        return;
    }
    if (error != ERR_OK) {
        finish(dayline, error);
    }
}

/* ---- the room's side ---- */

enum err dayline_new(struct api *api, struct dayline **dayline)
{
    *dayline = calloc(1, sizeof **dayline);
    if (*dayline == NULL) {
        return ERR_NOMEM;
    }
    (*dayline)->api = api;
    return ERR_OK;
}

void dayline_free(struct dayline *dayline)
{
    if (dayline == NULL) {
        return;
    }
    for (struct waiter *waiter = dayline->waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        (void)apicall_lives(waiter->call); /* answers it; the waiter goes with the call */
    }
    dayline->waiters = NULL;
    dayline->api = NULL;
    if (!dayline->is_reading) {
        (void)lives(dayline);
    }
}

void dayline_forget(struct dayline *dayline)
{
    dayline->is_stale = true;
}

void handle_totals_day(struct apicall *call)
{
    uint64_t step;
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    call->state = waiter;
    call->free_state = free;
    struct dayline *dayline = call->api->dayline;
    *waiter = (struct waiter){.call = call, .dayline = dayline};
    if (!query_area(call, "region", 0, &waiter->area) || !query_day(call, "day", &waiter->day) ||
        !query_number(call, "step", 15, 60, &step)) {
        return;
    }
    if (step < SLOT_MIN || step % SLOT_MIN != 0 || 60 % step != 0) {
        apicall_error(call, 400, "invalid", "step", "step is 5, 10, 15, 20, 30 or 60 minutes");
        return;
    }
    waiter->step_min = (uint32_t)step;
    if (waiter->day == 0) {
        struct civil now = clock_civil(clock_wall_ms(), apicall_offset_min(call));
        waiter->day = (uint32_t)(now.year * 10000 + now.month * 100 + now.day);
    }
    waiter->next = dayline->waiters;
    dayline->waiters = waiter;
    if (!dayline->is_reading) {
        read_on(dayline);
    }
}
