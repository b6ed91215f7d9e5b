/* Posting, showing and listing: one call of one function of ledger.lua each; listing goes on while
 * it has found nothing. */
#include "store/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/digest.h"
#include "sms/mobile.h"
#include "store/ledger_parts.h"

#define LOOKS_A_CALL 1000
#define DAY_MS INT64_C(86400000)
#define CURSOR_SIZE 48

uint32_t ledger_day_of(const struct store *store, int64_t now_ms)
{
    return clock_day(now_ms, store_utc_offset(store));
}

/* ---- posting ---- */

struct posting {
    struct store *store;
    ledger_posted_fn *done;
    void *arg;
};

void ledger_posted_read(const struct answer *answer, struct ledger_posted *posted)
{
    *posted = (struct ledger_posted){.pledge = "", .receipt = "", .peer = "", .refusal = ""};
    if (answer->error == ERR_OK) {
        posted->entry = (uint64_t)answer_int(answer, 1);
        posted->last_entry = (uint64_t)answer_int(answer, 2);
        posted->pledge = answer_text(answer, 3);
        posted->receipt = answer_text(answer, 4);
        posted->peer = answer_text(answer, 5);
        posted->repeated = answer_int(answer, 6) == 1;
    } else if (answer->error == ERR_REFUSED && answer->reply != NULL) {
        posted->refusal = answer_text(answer, 2);
    }
}

static void on_posted(void *arg, enum err error, const redisReply *reply)
{
    struct posting op = *(struct posting *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct ledger_posted posted;
    ledger_posted_read(&answer, &posted);
    op.done(op.arg, answer.error, answer.reason, &posted);
}

/* Is it a day of the calendar? 20260231 is none. */
static bool is_day(uint32_t day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year = day / 10000, month = day / 100 % 100, date = day % 100;
    if (year < 2000 || year > 2999 || month < 1 || month > 12 || date < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return date <= (uint32_t)days[month - 1] + (month == 2 && is_leap);
}

bool ledger_is_postable(const struct ledger_entry *entry)
{
    return entry->fen >= 0 && entry->thousandths >= 0 && entry->value_fen >= 0 &&
           (entry->on == 0 || is_day(entry->on)) && (entry->due == 0 || is_day(entry->due)) &&
           (entry->year == 0 || (entry->year >= 2000 && entry->year <= 2999)) &&
           entry->mobile <= UINT64_C(19999999999);
}

enum err ledger_post(struct store *store, const struct ledger_entry *entry, uint32_t pledges_a_day,
                     int64_t now_ms, ledger_posted_fn *done, void *arg)
{
    if (!ledger_is_postable(entry))
        return ERR_RANGE;
    const struct posting op = {store, done, arg};
    struct call call;
    char space[LEDGER_FIELDS][LEDGER_NUMBER_SIZE];
    call_begin(&call, store, "or1_ledger_post", KEY_LEDGER, "");
    call_int(&call, now_ms);
    call_int(&call, ledger_day_of(store, now_ms));
    call_int(&call, pledges_a_day);
    ledger_entry_write(&call, entry, space);
    return call_send_with(&call, on_posted, &op, sizeof op);
}

/* ---- rows ---- */

/* "<place><bytes>\0" of each value that says something, in the order of the fields. */
static bool read_packed(const redisReply *packed, struct ledger_row *row)
{
    if (packed->type != REDIS_REPLY_STRING)
        return false;
    const char *at = packed->str, *end = at + packed->len;
    for (size_t last = 0; at < end;) {
        size_t place = (unsigned char)*at++;
        const char *stop = memchr(at, '\0', (size_t)(end - at));
        if (place <= last || place > LEDGER_FIELDS || stop == NULL || stop == at)
            return false;
        row->values[place - 1] = at;
        row->lens[place - 1] = (size_t)(stop - at);
        last = place;
        at = stop + 1;
    }
    return true;
}

/* As layout 1 had it: a name and a value for every field. */
static bool read_named(const redisReply *flat, struct ledger_row *row)
{
    if (flat->elements != (size_t)2 * LEDGER_FIELDS)
        return false;
    for (size_t i = 0; i < LEDGER_FIELDS; i++) {
        const redisReply *name = flat->element[2 * i], *value = flat->element[2 * i + 1];
        if (value->type != REDIS_REPLY_STRING || name->type != REDIS_REPLY_STRING ||
            strcmp(name->str, ledger_field_names[i]) != 0)
            return false;
        row->values[i] = value->str;
        row->lens[i] = (size_t)value->len;
    }
    return true;
}

static bool is_packed(const redisReply *flat)
{
    return flat->elements == 2 && flat->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(flat->element[0]->str, "v") == 0;
}

static void read_row(const redisReply *entry, struct ledger_row *row)
{
    static const struct ledger_row nothing = {.n = 0};
    *row = nothing;
    for (size_t i = 0; i < LEDGER_FIELDS; i++)
        row->values[i] = "";
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        entry->element[0]->type != REDIS_REPLY_STRING)
        return;
    row->n = strtoull(entry->element[0]->str, NULL, 10);
    const redisReply *flat = entry->element[1];
    row->is_sound = flat->type == REDIS_REPLY_ARRAY &&
                    (is_packed(flat) ? read_packed(flat->element[1], row) : read_named(flat, row));
}

size_t ledger_rows_of(const redisReply *reply, struct ledger_row *rows, size_t most)
{
    size_t n = 0;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY)
        return 0;
    for (size_t i = 0; i < reply->elements && n < most; i++) {
        if (reply->element[i]->type == REDIS_REPLY_ARRAY)
            read_row(reply->element[i], &rows[n++]);
    }
    return n;
}

/* ---- pledges ---- */

/* The elements of a view in ledger.lua: the number, the state, and these. */
enum shown {
    S_NUMBER,
    S_STATE,
    S_KIND,
    S_CAMPAIGN,
    S_AREA,
    S_YEAR,
    S_ITEM,
    S_UNIT,
    S_MOBILE,
    S_DUE,
    S_AMOUNTS
};
static const size_t shown_amounts[] = {
    offsetof(struct ledger_pledge, pledged), offsetof(struct ledger_pledge, value_fen),
    offsetof(struct ledger_pledge, arrived), offsetof(struct ledger_pledge, delivered),
    offsetof(struct ledger_pledge, waived),  offsetof(struct ledger_pledge, moved),
    offsetof(struct ledger_pledge, rest)};
#define SHOWN_AMOUNTS (sizeof shown_amounts / sizeof *shown_amounts)

static bool read_pledge(const redisReply *view, struct ledger_pledge *pledge)
{
    memset(pledge, 0, sizeof *pledge);
    if (view->type != REDIS_REPLY_ARRAY || view->elements != S_AMOUNTS + SHOWN_AMOUNTS)
        return false;
    const char *texts[S_AMOUNTS + SHOWN_AMOUNTS];
    for (size_t i = 0; i < view->elements; i++) {
        if (view->element[i]->type != REDIS_REPLY_STRING)
            return false;
        texts[i] = view->element[i]->str;
    }
    pledge->number = texts[S_NUMBER];
    pledge->campaign = texts[S_CAMPAIGN];
    pledge->item = texts[S_ITEM];
    pledge->unit = texts[S_UNIT];
    pledge->year = (uint32_t)strtoul(texts[S_YEAR], NULL, 10);
    pledge->due = (uint32_t)strtoul(texts[S_DUE], NULL, 10);
    pledge->mobile = strtoull(texts[S_MOBILE], NULL, 10);
    for (size_t i = 0; i < SHOWN_AMOUNTS; i++)
        *(int64_t *)((char *)pledge + shown_amounts[i]) = strtoll(texts[S_AMOUNTS + i], NULL, 10);
    return ledger_state_parse(texts[S_STATE], &pledge->state) &&
           pledge_kind_parse(texts[S_KIND], &pledge->kind) &&
           ledger_area_read(texts[S_AREA], strlen(texts[S_AREA]), &pledge->area);
}

struct looking {
    struct store *store;
    ledger_pledges_fn *done;
    void *arg;
    /* of a list */
    uint64_t looked;
    uint32_t year, most, lapse;
    int state;
    char scope[AREA_TEXT_SIZE], mobile[MOBILE_TEXT_SIZE], cursor[CURSOR_SIZE],
        campaign[LEDGER_TEXT_MAX], name[LEDGER_TEXT_MAX + 1];
};

static void looking_end(struct looking *op, enum err error, const char *reason,
                        const struct ledger_pledges *pledges)
{
    static const struct ledger_pledges none = {.cursor = ""};
    op->done(op->arg, error, reason, pledges != NULL ? pledges : &none);
    free(op);
}

/* Pledges and their entries out of pairs {view, entries}. */
static void answer_pledges(struct looking *op, const redisReply *const *views,
                           const redisReply *const *entries, size_t n, uint64_t as_of,
                           const char *cursor)
{
    size_t n_rows = 0;
    for (size_t i = 0; i < n; i++)
        n_rows += entries[i]->elements;
    struct ledger_pledge *pledges = calloc(n + 1, sizeof *pledges);
    struct ledger_row *rows = calloc(n_rows + 1, sizeof *rows);
    enum err error = pledges != NULL && rows != NULL ? ERR_OK : ERR_NOMEM;
    size_t used = 0;
    for (size_t i = 0; i < n && error == ERR_OK; i++) {
        if (!read_pledge(views[i], &pledges[i]))
            error = ERR_PROTOCOL;
        pledges[i].entries = rows + used;
        pledges[i].n_entries = ledger_rows_of(entries[i], rows + used, n_rows - used);
        used += pledges[i].n_entries;
    }
    struct ledger_pledges answer = {
        .as_of_entry = as_of, .pledges = pledges, .n = n, .cursor = cursor};
    looking_end(op, error, error == ERR_OK ? "" : err_sentence(error),
                error == ERR_OK ? &answer : NULL);
    free(pledges);
    free(rows);
}

static bool is_array(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY;
}

static void on_shown(void *arg, enum err error, const redisReply *reply)
{
    struct looking *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    const redisReply *view = answer_at(&answer, 2), *entries = answer_at(&answer, 3);
    if (answer.error != ERR_OK)
        looking_end(op, answer.error, answer.reason, NULL);
    else if (!is_array(view) || !is_array(entries))
        looking_end(op, ERR_PROTOCOL, err_sentence(ERR_PROTOCOL), NULL);
    else
        answer_pledges(op, &view, &entries, 1, (uint64_t)answer_int(&answer, 1), "");
}

static struct looking *looking_new(struct store *store, uint32_t grace_days, int64_t now_ms,
                                   ledger_pledges_fn *done, void *arg)
{
    struct looking *op = calloc(1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->lapse = ledger_day_of(store, now_ms - grace_days * DAY_MS);
    return op;
}

enum err ledger_show(struct store *store, const char *number, uint32_t grace_days, int64_t now_ms,
                     ledger_pledges_fn *done, void *arg)
{
    struct looking *op = looking_new(store, grace_days, now_ms, done, arg);
    if (op == NULL)
        return ERR_NOMEM;
    struct call call;
    call_begin(&call, store, "or1_ledger_show", KEY_LEDGER, "");
    call_text(&call, number);
    call_int(&call, op->lapse);
    enum err error = call_send(&call, on_shown, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

/* ---- listing ---- */

static void on_listed(void *arg, enum err error, const redisReply *reply);

static enum err list_step(struct looking *op)
{
    struct call call;
    call_begin(&call, op->store, "or1_ledger_list", KEY_LEDGER, "");
    call_text(&call, op->scope);
    if (op->year != 0)
        call_int(&call, op->year);
    else
        call_text(&call, "");
    call_text(&call, op->campaign);
    call_text(&call,
              op->state == LEDGER_ANY_STATE ? "" : ledger_state_word((enum ledger_state)op->state));
    call_text(&call, op->mobile);
    call_int(&call, op->lapse);
    call_text(&call, op->cursor);
    call_int(&call, op->most);
    call_int(&call, LOOKS_A_CALL);
    call_text(&call, op->name);
    op->looked += LOOKS_A_CALL;
    return call_send(&call, on_listed, op);
}

static void answer_list(struct looking *op, const redisReply *found, uint64_t as_of,
                        const char *cursor)
{
    const redisReply *views[LEDGER_LIST_MAX], *entries[LEDGER_LIST_MAX];
    size_t n = 0;
    for (; n < found->elements && n < LEDGER_LIST_MAX; n++) {
        const redisReply *pair = found->element[n];
        if (!is_array(pair) || pair->elements != 2 || !is_array(pair->element[0]) ||
            !is_array(pair->element[1])) {
            looking_end(op, ERR_PROTOCOL, err_sentence(ERR_PROTOCOL), NULL);
            return;
        }
        views[n] = pair->element[0];
        entries[n] = pair->element[1];
    }
    answer_pledges(op, views, entries, n, as_of, cursor);
}

static void on_listed(void *arg, enum err error, const redisReply *reply)
{
    struct looking *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    const redisReply *found = answer_at(&answer, 3);
    const char *cursor = answer_text(&answer, 2);
    if (answer.error != ERR_OK) {
        looking_end(op, answer.error, answer.reason, NULL);
    } else if (!is_array(found)) {
        looking_end(op, ERR_PROTOCOL, err_sentence(ERR_PROTOCOL), NULL);
    } else if (found->elements == 0 && cursor[0] != '\0' && op->looked < LEDGER_LIST_LOOKS) {
        snprintf(op->cursor, sizeof op->cursor, "%s", cursor);
        error = list_step(op);
        if (error != ERR_OK)
            looking_end(op, error, err_sentence(error), NULL);
    } else {
        answer_list(op, found, (uint64_t)answer_int(&answer, 1), cursor);
    }
}

/* The digits that every code in the scope begins with: "" for the nation. */
static void scope_digits(uint64_t scope, char out[AREA_TEXT_SIZE])
{
    if (scope == AREA_UNASSIGNED)
        snprintf(out, AREA_TEXT_SIZE, "%" PRIu64, scope);
    else
        area_format(scope, out);
}

enum err ledger_list(struct store *store, const struct ledger_query *query, int64_t now_ms,
                     ledger_pledges_fn *done, void *arg)
{
    const char *campaign = query->campaign != NULL ? query->campaign : "";
    const char *cursor = query->cursor != NULL ? query->cursor : "";
    const char *name = query->name != NULL ? query->name : "";
    if (query->most == 0 || query->most > LEDGER_LIST_MAX || strlen(campaign) >= LEDGER_TEXT_MAX ||
        strlen(cursor) >= CURSOR_SIZE || strlen(name) > LEDGER_TEXT_MAX)
        return ERR_RANGE;
    struct looking *op = looking_new(store, query->grace_days, now_ms, done, arg);
    if (op == NULL)
        return ERR_NOMEM;
    op->year = query->year;
    op->state = query->state;
    op->most = query->most;
    scope_digits(query->scope, op->scope);
    if (query->mobile != 0)
        mobile_format(query->mobile, op->mobile);
    snprintf(op->campaign, sizeof op->campaign, "%s", campaign);
    snprintf(op->cursor, sizeof op->cursor, "%s", cursor);
    snprintf(op->name, sizeof op->name, "%s", name);
    enum err error = list_step(op);
    if (error != ERR_OK)
        free(op);
    return error;
}

/* ---- the last entry ---- */

struct last {
    ledger_last_fn *done;
    void *arg;
};

static void on_last(void *arg, enum err error, const redisReply *reply)
{
    struct last last = *(struct last *)arg;
    free(arg);
    uint64_t entry =
        error == ERR_OK && reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10) : 0;
    last.done(last.arg, error, entry);
}

/* A value that begins with the number of an entry, or nothing. */
static enum err ask_entry(struct store *store, int argc, const char *const *argv,
                          ledger_last_fn *done, void *arg)
{
    size_t lens[3];
    struct last *last = malloc(sizeof *last);
    if (last == NULL)
        return ERR_NOMEM;
    *last = (struct last){done, arg};
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    enum err error = redis_call(store_redis(store), on_last, last, argc, argv, lens);
    if (error != ERR_OK)
        free(last);
    return error;
}

enum err ledger_last(struct store *store, ledger_last_fn *done, void *arg)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, KEY_LEDGER "n", store_prefix(store));
    return ask_entry(store, 2, (const char *const[]){"GET", key}, done, arg);
}

enum err ledger_request(struct store *store, const char *request, ledger_last_fn *done, void *arg)
{
    char key[KEY_SIZE], hash[DIGEST_SHA1_HEX];
    digest_sha1_hex(&(struct digest_part){request, strlen(request)}, 1, hash);
    snprintf(key, sizeof key, KEY_LEDGER "req:%.4s", store_prefix(store), hash);
    return ask_entry(store, 3, (const char *const[]){"HGET", key, request}, done, arg);
}
