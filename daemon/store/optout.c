/* Opt-outs and dedup groups. Both are asked with sorted numbers, so that Redis looks at each
 * segment once; the answers are put back in the caller's order here. */
#include "store/optout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "sms/mobile.h"
#include "sms/optouts.h"
#include "store/call.h"

#define FLAG_OPTED_OUT 1
#define SOURCE_BYTES_MAX 64
#define DETAIL_BYTES_MAX 1024
#define RECORDS_A_STEP 500
#define RECORD_BYTES_MAX (MOBILE_PACKED_BYTES + 1 + 8 + 1 + SOURCE_BYTES_MAX + 2 + DETAIL_BYTES_MAX)

/* ---- add, remove ---- */

static void add_record(struct buf *buf, const struct optout_record *record)
{
    uint8_t number[MOBILE_PACKED_BYTES], at[8];
    size_t source = strnlen(record->source, SOURCE_BYTES_MAX),
           detail = strnlen(record->detail, DETAIL_BYTES_MAX);
    uint64_t ms = (uint64_t)record->at_ms;
    for (int i = 7; i >= 0; i--, ms >>= 8)
        at[i] = (uint8_t)ms;
    mobile_pack(record->number, number);
    buf_add(buf, number, sizeof number);
    buf_add_char(buf, (char)record->scope);
    buf_add(buf, at, sizeof at);
    buf_add_char(buf, (char)(uint8_t)source);
    buf_add(buf, record->source, source);
    buf_add_char(buf, (char)(uint8_t)(detail >> 8));
    buf_add_char(buf, (char)(uint8_t)detail);
    buf_add(buf, record->detail, detail);
}

/* A long list goes in several calls, so that none of them holds Redis up. */
struct adding {
    struct store *store;
    optout_added_fn *done;
    void *arg;
    uint64_t fresh;
    size_t n, at; /* records */
    struct buf packed;
    size_t starts[OPTOUTS_A_CALL_MAX / RECORDS_A_STEP + 2]; /* where each step begins */
};

static void add_end(struct adding *op, enum err error)
{
    op->done(op->arg, error, op->fresh);
    buf_fini(&op->packed);
    free(op);
}

static enum err add_step(struct adding *op);

static void on_added(void *arg, enum err error, const redisReply *reply)
{
    struct adding *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    op->fresh += (uint64_t)answer_int(&answer, 1);
    bool more = answer.error == ERR_OK && op->at < op->n;
    if (more)
        answer.error = add_step(op);
    if (!more || answer.error != ERR_OK)
        add_end(op, answer.error);
}

static enum err add_step(struct adding *op)
{
    size_t step = op->at / RECORDS_A_STEP, from = op->starts[step];
    op->at = op->at + RECORDS_A_STEP < op->n ? op->at + RECORDS_A_STEP : op->n;
    struct call call;
    call_begin(&call, op->store, "or1_optout_add", KEY_OPTOUTS, "");
    call_bytes(&call, buf_text(&op->packed) + from, op->starts[step + 1] - from);
    return call_send(&call, on_added, op);
}

enum err optout_add(struct store *store, const struct optout_record *records, size_t n,
                    optout_added_fn *done, void *arg)
{
    if (n > OPTOUTS_A_CALL_MAX)
        return ERR_TOO_BIG;
    struct adding *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->n = n;
    buf_init(&op->packed, (size_t)OPTOUTS_A_CALL_MAX * RECORD_BYTES_MAX);
    for (size_t i = 0; i < n; i++) {
        if (i % RECORDS_A_STEP == 0)
            op->starts[i / RECORDS_A_STEP] = op->packed.len;
        add_record(&op->packed, &records[i]);
    }
    op->starts[(n + RECORDS_A_STEP - 1) / RECORDS_A_STEP] = op->packed.len;
    enum err error = buf_check(&op->packed);
    if (error == ERR_OK)
        error = add_step(op);
    if (error != ERR_OK) {
        buf_fini(&op->packed);
        free(op);
    }
    return error;
}

struct removing {
    struct store *store;
    queue_done_fn *done;
    void *arg;
    int64_t now_ms;
    char number[MOBILE_TEXT_SIZE];
    char actor[128], reason[512];
};

static void on_removed(void *arg, enum err error, const redisReply *reply)
{
    struct removing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error == ERR_OK)
        call_audit(op->store, op->now_ms, op->actor, "optout remove", op->number, op->reason);
    op->done(op->arg, answer.error, answer.reason);
    free(op);
}

enum err optout_remove(struct store *store, uint64_t number, const char *actor, const char *reason,
                       int64_t now_ms, queue_done_fn *done, void *arg)
{
    struct removing *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->now_ms = now_ms;
    mobile_format(number, op->number);
    snprintf(op->actor, sizeof op->actor, "%s", actor);
    snprintf(op->reason, sizeof op->reason, "%s", reason);
    struct call call;
    call_begin(&call, store, "or1_optout_remove", KEY_OPTOUTS, "");
    call_text(&call, op->number);
    enum err error = call_send(&call, on_removed, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

/* ---- check, page ---- */

/* A record in Redis: scope u8, time u64, source length u8, source, detail. `source` and `detail`
 * are cut out of `room`. */
static bool read_record(const redisReply *number, const redisReply *packed,
                        struct optout_record *record, struct buf *room)
{
    const uint8_t *bytes = (const uint8_t *)packed->str;
    size_t len = (size_t)packed->len;
    if (number->type != REDIS_REPLY_STRING || packed->type != REDIS_REPLY_STRING || len < 10 ||
        len < 10u + bytes[9])
        return false;
    uint64_t at = 0;
    for (size_t i = 1; i < 9; i++)
        at = at << 8 | bytes[i];
    *record = (struct optout_record){
        .number = strtoull(number->str, NULL, 10), .scope = bytes[0], .at_ms = (int64_t)at};
    char *source = buf_room(room, len);
    if (source == NULL)
        return false;
    size_t source_len = bytes[9], detail_len = len - 10 - source_len;
    memcpy(source, bytes + 10, source_len);
    source[source_len] = '\0';
    char *detail = source + source_len + 1;
    memcpy(detail, bytes + 10 + source_len, detail_len);
    detail[detail_len] = '\0'; /* in all len - 8 bytes */
    room->len += len;
    record->source = source;
    record->detail = detail;
    return true;
}

struct paging {
    struct store *store;
    optout_page_fn *page;
    optout_record_fn *check;
    void *arg;
    uint64_t number;
};

static void on_page(void *arg, enum err error, const redisReply *reply)
{
    struct paging op = *(struct paging *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct optout_record *records = calloc(OPTOUTS_A_PAGE_MAX, sizeof *records);
    struct buf room;
    size_t n = 0, total = 0;
    for (size_t i = 2; i + 1 < answer_len(&answer); i += 2)
        total += (size_t)answer_at(&answer, i + 1)->len;
    buf_init(&room, total + 1); /* made whole before the first record, so that nothing moves */
    if (answer.error == ERR_OK && (records == NULL || buf_room(&room, total + 1) == NULL))
        answer.error = ERR_NOMEM;
    for (size_t i = 2;
         answer.error == ERR_OK && i + 1 < answer_len(&answer) && n < OPTOUTS_A_PAGE_MAX; i += 2) {
        if (read_record(answer_at(&answer, i), answer_at(&answer, i + 1), &records[n], &room))
            n++;
    }
    if (op.check != NULL) {
        const struct optout_record none = {.number = op.number, .source = "", .detail = ""};
        op.check(op.arg, answer.error, n == 1 ? &records[0] : &none);
    } else {
        op.page(op.arg, answer.error, records, n,
                answer.error == ERR_OK && answer_int(&answer, 1) != 0);
    }
    buf_fini(&room);
    free(records);
}

static enum err send_page(struct store *store, uint64_t number, size_t want, optout_page_fn *page,
                          optout_record_fn *check, void *arg)
{
    const struct paging op = {store, page, check, arg, number};
    struct call call;
    call_begin(&call, store, "or1_optout_page", KEY_OPTOUTS, "");
    call_int(&call, (int64_t)number);
    call_int(&call, (int64_t)want);
    return call_send_with(&call, on_page, &op, sizeof op);
}

enum err optout_check(struct store *store, uint64_t number, optout_record_fn *done, void *arg)
{
    return send_page(store, number, 0, NULL, done, arg);
}

enum err optout_page(struct store *store, uint64_t after, size_t want, optout_page_fn *done,
                     void *arg)
{
    if (want == 0 || want > OPTOUTS_A_PAGE_MAX)
        want = OPTOUTS_A_PAGE_MAX;
    return send_page(store, after, want, done, NULL, arg);
}

/* ---- lookup, reserve: opt-outs first, then the group for those who are left ---- */

struct place { /* a number and where it stood in the caller's list */
    uint64_t number;
    size_t at;
};

struct looking {
    struct store *store;
    optout_lookup_fn *done;
    void *arg;
    bool take;
    uint32_t seq, parent_seq;
    size_t n, n_asked;
    char group[KEY_SIZE], carrier[KEY_SIZE];
    struct place
        *places; /* sorted by number; the first n_asked are those the group is asked about */
    uint8_t *packed, *flags;
};

static void look_free(struct looking *op)
{
    free(op->places);
    free(op->packed);
    free(op->flags);
    free(op);
}

static void look_end(struct looking *op, enum err error)
{
    op->done(op->arg, error, op->flags, op->n);
    look_free(op);
}

static int by_number(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Takes over the answer's bytes, if there are any. False: it does not fit. */
static bool take_flags(struct looking *op, const struct answer *answer)
{
    size_t len;
    const uint8_t *bytes = answer_bytes(answer, 1, &len);
    for (size_t i = 0; i < len && len == op->n_asked; i++)
        op->flags[op->places[i].at] |= bytes[i];
    return len == 0 || len == op->n_asked;
}

static void pack_places(struct looking *op)
{
    for (size_t i = 0; i < op->n_asked; i++)
        mobile_pack(op->places[i].number, op->packed + i * MOBILE_PACKED_BYTES);
}

static void on_group(void *arg, enum err error, const redisReply *reply)
{
    struct looking *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error == ERR_OK && !take_flags(op, &answer))
        answer.error = ERR_PROTOCOL;
    look_end(op, answer.error);
}

static enum err ask_group(struct looking *op)
{
    char owner[KEY_SIZE * 2], parent[KEY_SIZE * 2];
    size_t kept = 0;
    for (size_t i = 0; i < op->n; i++) { /* who does not want it needs no place in the group */
        if ((op->flags[op->places[i].at] & FLAG_OPTED_OUT) == 0)
            op->places[kept++] = op->places[i];
    }
    op->n_asked = kept;
    pack_places(op);
    snprintf(owner, sizeof owner, "%s:%" PRIu32, op->carrier, op->seq);
    snprintf(parent, sizeof parent, "%s:%" PRIu32, op->carrier, op->parent_seq);
    struct call call;
    call_begin(&call, op->store, op->take ? "or1_dedup" : "or1_dedup_ask", KEY_GROUP, op->group);
    call_bytes(&call, op->packed, op->n_asked * MOBILE_PACKED_BYTES);
    call_text(&call, owner);
    call_text(&call, parent);
    return call_send(&call, on_group, op);
}

static void on_optouts(void *arg, enum err error, const redisReply *reply)
{
    struct looking *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error == ERR_OK && !take_flags(op, &answer))
        answer.error = ERR_PROTOCOL;
    if (answer.error != ERR_OK || op->group[0] == '\0') {
        look_end(op, answer.error);
        return;
    }
    enum err err = ask_group(op);
    if (err != ERR_OK)
        look_end(op, err);
}

static enum err look(struct store *store, const uint64_t *numbers, size_t n, bool is_receipt,
                     const char *group, const char *carrier, uint32_t seq, uint32_t parent_seq,
                     bool take, optout_lookup_fn *done, void *arg)
{
    if (n > OPTOUTS_A_CALL_MAX)
        return ERR_TOO_BIG;
    struct looking *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = (struct looking){.store = store,
                           .done = done,
                           .arg = arg,
                           .take = take,
                           .seq = seq,
                           .parent_seq = parent_seq,
                           .n = n};
    snprintf(op->group, sizeof op->group, "%s", group != NULL ? group : "");
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    op->places = calloc(n + 1, sizeof *op->places);
    op->packed = calloc(n + 1, MOBILE_PACKED_BYTES);
    op->flags = calloc(n + 1, 1);
    if (op->places == NULL || op->packed == NULL || op->flags == NULL) {
        look_free(op);
        return ERR_NOMEM;
    }
    bool sorted = true;
    for (size_t i = 0; i < n; i++) {
        op->places[i] = (struct place){numbers[i], i};
        sorted = sorted && (i == 0 || numbers[i - 1] <= numbers[i]);
    }
    if (!sorted)
        qsort(op->places, n, sizeof op->places[0], by_number);
    op->n_asked = n;
    pack_places(op);
    struct call call;
    call_begin(&call, store, "or1_optout_lookup", KEY_OPTOUTS, "");
    call_bytes(&call, op->packed, n * MOBILE_PACKED_BYTES);
    call_int(&call, is_receipt);
    enum err error = call_send(&call, on_optouts, op);
    if (error != ERR_OK)
        look_free(op);
    return error;
}

enum err optout_lookup(struct store *store, const uint64_t *numbers, size_t n, bool is_receipt,
                       const char *dedup_group, const char *carrier, uint32_t seq,
                       uint32_t parent_seq, optout_lookup_fn *done, void *arg)
{
    return look(store, numbers, n, is_receipt, dedup_group, carrier, seq, parent_seq, false, done,
                arg);
}

enum err optout_reserve(struct store *store, const uint64_t *numbers, size_t n, bool is_receipt,
                        const char *dedup_group, const char *carrier, uint32_t seq,
                        uint32_t parent_seq, optout_lookup_fn *done, void *arg)
{
    return look(store, numbers, n, is_receipt, dedup_group, carrier, seq, parent_seq, true, done,
                arg);
}
