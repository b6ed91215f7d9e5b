#include "api/donor_count.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "ledger/donors.h"
#include "store/ledger_proof.h"

#define BLOCK_ROWS 250    /* a turn of the loop stays short */
#define WAIT_ENTRIES 5000 /* read in a fraction of a second; nobody waits for more */

struct donor_count {
    struct api *api;           /* NULL: it has gone; freed when Redis has answered */
    struct donors *donors;     /* NULL: of no use any more */
    uint64_t next, last;       /* entry to read; the last one wanted */
    bool is_reading, is_stale; /* is_stale: begin anew as soon as nobody looks at it */
    struct donor_waiter *waiters;
    /* of a proof: */
    void (*on_held)(void *arg, uint64_t entry); /* not NULL: it waits for hold_entry */
    void *held_arg;
    uint64_t hold_entry;
    bool is_held;
};

static bool lives(struct donor_count *count)
{
    if (count->api != NULL) {
        return true;
    }
    donors_free(count->donors);
    free(count);
    return false;
}

/* Those whose entry was read, or with `all` everybody. */
static void release(struct donor_count *count, bool all)
{
    struct donor_waiter *waiters = count->waiters, *next;
    count->waiters = NULL;
    for (struct donor_waiter *waiter = waiters; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (all || waiter->entry < count->next) {
            waiter->then(waiter->call);
        } else {
            waiter->next = count->waiters;
            count->waiters = waiter;
        }
    }
}

static void tell_held(struct donor_count *count, uint64_t entry)
{
    void (*then)(void *arg, uint64_t entry) = count->on_held;
    count->on_held = NULL;
    count->is_held = then != NULL && entry != 0;
    if (then != NULL) {
        then(count->held_arg, entry);
    }
}

/* An error of Redis passes; the next question reads on. */
static void stop_reading(struct donor_count *count)
{
    count->is_reading = false;
    tell_held(count, 0);
    release(count, true);
}

static void give_up(struct donor_count *count, enum err error, uint64_t entry)
{
    log_line(LOG_WARN, "api", "event=donors_not_counted entry=%" PRIu64 " reason=\"%s\"", entry,
             error == ERR_INVALID ? "an entry is missing or was changed; run ledger verify"
                                  : err_sentence(error));
    donors_free(count->donors);
    count->donors = NULL;
    stop_reading(count);
}

static void begin_anew_if_stale(struct donor_count *count)
{
    if (!count->is_stale || count->is_reading || count->is_held) {
        return;
    }
    count->is_stale = false;
    donors_free(count->donors);
    count->donors = NULL;
    count->next = 1;
    count->last = 0;
    if (donors_new(DONORS_PLEDGES_MAX, &count->donors) != ERR_OK) {
        give_up(count, ERR_NOMEM, count->next);
    }
}

static void read_on(struct donor_count *count);

static uint64_t block_end(const struct donor_count *count)
{
    uint64_t left = count->last + 1 - count->next;
    return count->next + (left < BLOCK_ROWS ? left : BLOCK_ROWS) - 1;
}

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct donor_count *count = arg;
    (void)reason;
    if (!lives(count)) {
        return;
    }
    if (error != ERR_OK || count->is_stale) {
        stop_reading(count);
        begin_anew_if_stale(count);
        return;
    }
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        struct ledger_entry entry;
        error = rows[i].n == count->next ? ledger_row_read(&rows[i], &entry) : ERR_INVALID;
        if (error == ERR_OK) {
            error = donors_add(count->donors, &entry);
        }
        count->next += error == ERR_OK;
    }
    if (error == ERR_OK && n == 0) {
        error = ERR_INVALID; /* they were there when somebody counted them */
    }
    if (error != ERR_OK) {
        give_up(count, error, count->next);
        return;
    }
    release(count, false);
    read_on(count);
}

static void read_on(struct donor_count *count)
{
    if (count->on_held != NULL && count->next > count->hold_entry) {
        count->is_reading = false;
        tell_held(count, count->next - 1);
        return;
    }
    if (count->next > count->last) {
        count->is_reading = false;
        return;
    }
    count->is_reading = true;
    if (ledger_read(count->api->parts.store, count->next, block_end(count), on_rows, count) !=
        ERR_OK) {
        stop_reading(count);
    }
}

void donor_count_settle(struct apicall *call, uint64_t entry, struct donor_waiter *waiter,
                        void (*then)(struct apicall *call))
{
    struct donor_count *count = call->api->donor_count;
    if (count->donors == NULL || entry < count->next) {
        then(call);
        return;
    }
    bool is_long = entry - count->next >= WAIT_ENTRIES;
    count->last = entry > count->last ? entry : count->last;
    if (!is_long) {
        *waiter = (struct donor_waiter){count->waiters, call, entry, then};
        count->waiters = waiter;
    }
    if (!count->is_reading && !count->is_held) {
        read_on(count);
    }
    if (is_long) {
        then(call);
    }
}

json_t *donor_count_json(const struct donor_count *count, uint64_t entry, uint64_t area,
                         uint32_t year, const char *campaign)
{
    if (count->donors == NULL || entry >= count->next) {
        return json_null();
    }
    return json_integer((json_int_t)donors_count(count->donors, area, year, campaign));
}

void donor_count_hold(struct donor_count *count, uint64_t entry,
                      void (*then)(void *arg, uint64_t entry), void *arg)
{
    bool is_long = entry >= count->next && entry - count->next >= WAIT_ENTRIES;
    if (count->donors == NULL || count->last == 0 || is_long) {
        then(arg, 0);
        return;
    }
    count->on_held = then;
    count->held_arg = arg;
    count->hold_entry = entry;
    count->last = entry > count->last ? entry : count->last;
    if (!count->is_reading) {
        read_on(count);
    }
}

void donor_count_go_on(struct donor_count *count)
{
    count->is_held = false;
    begin_anew_if_stale(count);
    read_on(count);
}

uint64_t donor_count_held(const struct donor_count *count, uint64_t area, uint32_t year,
                          const char *campaign)
{
    return donors_count(count->donors, area, year, campaign);
}

void donor_count_forget(struct donor_count *count)
{
    count->is_stale = true;
    begin_anew_if_stale(count);
}

enum err donor_count_new(struct api *api, struct donor_count **count)
{
    struct donor_count *made = calloc(1, sizeof *made);
    enum err error = made != NULL ? donors_new(DONORS_PLEDGES_MAX, &made->donors) : ERR_NOMEM;
    if (error != ERR_OK) {
        free(made);
        return error;
    }
    made->api = api;
    made->next = 1;
    *count = made;
    return ERR_OK;
}

void donor_count_free(struct donor_count *count)
{
    if (count == NULL) {
        return;
    }
    count->api = NULL;
    tell_held(count, 0);
    release(count, true);
    if (!count->is_reading) {
        (void)lives(count);
    }
}
