/* Staging and sending: one call of one function each, but for begin, commit and abort, which ask
 * more than one hash tag and so take several calls. Each of those may be cut off anywhere: begin
 * throws away what an earlier one left, abort goes on where it stopped, and commit's fingerprint
 * counts only when the campaign it names was really committed. */
#include "store/queue.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/log.h"
#include "sms/mobile.h"
#include "store/chunk.h"
#include "store/fields.h"
#include "store/optout.h"
#include "store/owners.h"
#include "store/status.h"

#define ABORT_CHUNKS_A_CALL 64
#define LAUNCHING_MS                                                                               \
    60000 /* a fingerprint of a campaign that is not committed holds for this long: it is being    \
             committed */
#define BATCH_BYTES_MAX 64
#define CODE_BYTES_MAX 64
#define SETTLE_ITEM_BYTES (2 + 2 + 1 + 4 + 2 + 1 + BATCH_BYTES_MAX + 1 + CODE_BYTES_MAX)
#define SETTLE_ITEMS_MAX CHUNK_MAX
#define SWEEP_CHUNKS_A_CALL 8

/* ---- queue_abort: it can be committed no more, then the dedup group, then the chunks in steps
 * ----
 */

struct aborting {
    struct store *store;
    queue_done_fn *done;
    void *arg;
    uint32_t seq;
    char carrier[KEY_SIZE], group[KEY_SIZE];
};

static void abort_end(struct aborting *op, enum err error, const char *reason)
{
    op->done(op->arg, error, reason);
    free(op);
}

static void send_abort(struct aborting *op, int64_t most_chunks, redis_reply_fn *on_reply)
{
    struct call call;
    call_begin(&call, op->store, "or1_abort", KEY_CARRIER, op->carrier);
    call_int(&call, op->seq);
    call_int(&call, most_chunks);
    enum err error = call_send(&call, on_reply, op);
    if (error != ERR_OK)
        abort_end(op, error, err_sentence(error));
}

static void on_abort_step(void *arg, enum err error, const redisReply *reply);

static void abort_step(struct aborting *op)
{
    send_abort(op, ABORT_CHUNKS_A_CALL, on_abort_step);
}

static void on_abort_step(void *arg, enum err error, const redisReply *reply)
{
    struct aborting *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error == ERR_OK && answer_int(&answer, 1) > 0)
        abort_step(op);
    else
        abort_end(op, answer.error, answer.reason);
}

static void on_abort_freed(void *arg, enum err error, const char *reason)
{
    struct aborting *op = arg;
    if (error != ERR_OK)
        abort_end(op, error, reason);
    else
        abort_step(op);
}

/* The numbers of a campaign that was committed meanwhile are its own: they would be given to
 * others, and people would be written to twice. */
static void on_abort_marked(void *arg, enum err error, const redisReply *reply)
{
    struct aborting *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error != ERR_OK) {
        abort_end(op, answer.error, answer.reason);
        return;
    }
    enum err err =
        owners_free(op->store, op->group, op->carrier, op->seq, NULL, 0, on_abort_freed, op);
    if (err != ERR_OK)
        abort_end(op, err, err_sentence(err));
}

static void on_abort_view(void *arg, enum err error, const redisReply *reply)
{
    struct aborting *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    struct campaign_view view;
    if (answer.error == ERR_NOT_FOUND) { /* gone already */
        abort_end(op, ERR_OK, "");
        return;
    }
    enum err err =
        answer.error != ERR_OK ? answer.error : fields_read(answer_at(&answer, 1), &view);
    if (err != ERR_OK) {
        abort_end(op, err, answer.reason);
        return;
    }
    if (strcmp(view.state, "importing") != 0) {
        abort_end(op, ERR_REFUSED, "the campaign is launched, no import");
        return;
    }
    snprintf(op->group, sizeof op->group, "%s", view.fields.dedup_group);
    if (op->group[0] == '\0')
        abort_step(op);
    else
        send_abort(op, 0, on_abort_marked);
}

static enum err send_find(struct store *store, const char *carrier, const char *id, uint32_t seq,
                          redis_reply_fn *on_reply, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_find", KEY_CARRIER, carrier);
    call_text(&call, id);
    if (seq != 0)
        call_int(&call, seq);
    else
        call_text(&call, "");
    return call_send(&call, on_reply, arg);
}

enum err queue_abort(struct store *store, const char *carrier, uint32_t seq, queue_done_fn *done,
                     void *arg)
{
    struct aborting *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->seq = seq;
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    enum err error = send_find(store, carrier, "", seq, on_abort_view, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

/* ---- queue_begin ---- */

struct beginning {
    struct store *store;
    struct kept_call *call;
    queue_begin_fn *done;
    void *arg;
    int64_t now_ms;
    uint32_t old_seq; /* an import that stands in the way */
    char carrier[KEY_SIZE], owner[KEY_SIZE], old_owner[KEY_SIZE];
};

static void begin_end(struct beginning *op, enum err error, const char *reason, uint32_t seq)
{
    op->done(op->arg, error, reason, seq);
    call_forget(op->call);
    free(op);
}

static void begin_refuse(struct beginning *op, const struct answer *answer)
{
    char when[CLOCK_TEXT_SIZE], sentence[512];
    int64_t accepted = answer_int(answer, 4), left = answer_int(answer, 5) + answer_int(answer, 6);
    clock_format(answer_int(answer, 3), store_utc_offset(op->store), when);
    snprintf(sentence, sizeof sentence, "already launched by %s at %.16s, %d %% done (%s)",
             answer_text(answer, 2), when,
             accepted > 0 ? (int)(100 * (accepted - left) / accepted) : 100,
             answer_text(answer, 1));
    begin_end(op, ERR_REFUSED, sentence, 0);
}

static void on_begin(void *arg, enum err error, const redisReply *reply);

static void on_begin_cleared(void *arg, enum err error, const char *reason)
{
    struct beginning *op = arg;
    if (error == ERR_OK) {
        error = call_send_kept(op->call, on_begin, op);
        reason = err_sentence(error);
    }
    if (error != ERR_OK)
        begin_end(op, error, reason, 0);
}

static void begin_clear(struct beginning *op)
{
    enum err error = queue_abort(op->store, op->carrier, op->old_seq, on_begin_cleared, op);
    if (error != ERR_OK)
        begin_end(op, error, err_sentence(error), 0);
}

static void on_begin_daemons(void *arg, enum err error, const struct daemon_beat *beats, size_t n)
{
    struct beginning *op = arg;
    if (error != ERR_OK) {
        begin_end(op, error, err_sentence(error), 0);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(beats[i].id, op->old_owner) == 0 &&
            beats[i].seen_ms > op->now_ms - STATUS_DAEMON_GONE_MS) {
            char sentence[512];
            snprintf(sentence, sizeof sentence, "the daemon %s is importing it right now",
                     op->old_owner);
            begin_end(op, ERR_REFUSED, sentence, 0);
            return;
        }
    }
    begin_clear(op);
}

static void on_begin(void *arg, enum err error, const redisReply *reply)
{
    struct beginning *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error == ERR_REFUSED && answer_len(&answer) > 2) {
        begin_refuse(op, &answer);
    } else if (answer.error != ERR_OK || answer.code == 0) {
        begin_end(op, answer.error, answer.reason, (uint32_t)answer_int(&answer, 1));
    } else {
        op->old_seq = (uint32_t)answer_int(&answer, 1);
        snprintf(op->old_owner, sizeof op->old_owner, "%s", answer_text(&answer, 2));
        if (strcmp(op->old_owner, op->owner) == 0) {
            begin_clear(op);
            return;
        }
        enum err err = status_daemons(op->store, on_begin_daemons, op);
        if (err != ERR_OK)
            begin_end(op, err, err_sentence(err), 0);
    }
}

enum err queue_begin(struct store *store, const struct campaign_fields *fields, const char *owner,
                     int64_t now_ms, queue_begin_fn *done, void *arg)
{
    struct beginning *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->now_ms = now_ms;
    snprintf(op->carrier, sizeof op->carrier, "%s", fields->carrier);
    snprintf(op->owner, sizeof op->owner, "%s", owner);
    struct call call;
    call_begin(&call, store, "or1_begin", KEY_CARRIER, fields->carrier);
    call_text(&call, fields->id);
    call_text(&call, owner);
    call_int(&call, now_ms);
    fields_write(&call, fields);
    op->call = call_keep(&call);
    enum err error = op->call != NULL ? call_send_kept(op->call, on_begin, op) : ERR_NOMEM;
    if (error != ERR_OK) {
        call_forget(op->call);
        free(op);
    }
    return error;
}

/* ---- queue_stage ---- */

enum err queue_stage(struct store *store, struct chunk_ref ref, const struct chunk_row *rows,
                     size_t n, queue_done_fn *done, void *arg)
{
    struct buf numbers, values, regions, weights;
    buf_init(&numbers, (size_t)CHUNK_MAX * MOBILE_PACKED_BYTES);
    buf_init(&values, CHUNK_VALUES_MAX);
    buf_init(&regions, 1 + 256 * CHUNK_REGION_BYTES + CHUNK_MAX * CHUNK_REGION_BYTES);
    buf_init(&weights, CHUNK_MAX);
    enum err error = chunk_pack(rows, n, &numbers, &values, &regions, &weights);
    if (error == ERR_OK) {
        struct call call;
        /* At the limit the call goes to a function that only says so, through the same path as
         * every other refusal. */
        call_begin(&call, store, store_is_full(store) ? "or1_full" : "or1_stage", KEY_CARRIER,
                   ref.carrier);
        call_int(&call, ref.seq);
        call_int(&call, ref.chunk);
        call_bytes(&call, numbers.data, numbers.len);
        call_bytes(&call, values.data, values.len);
        call_bytes(&call, regions.data, regions.len);
        call_bytes(&call, weights.data, weights.len);
        error = call_send_done(&call, done, arg);
    }
    buf_fini(&numbers);
    buf_fini(&values);
    buf_fini(&regions);
    buf_fini(&weights);
    return error;
}

/* ---- queue_commit: the fingerprint, then the commit ---- */

struct committing {
    struct store *store;
    struct kept_call *call;
    queue_done_fn *done;
    void *arg;
    int64_t guard_ms, now_ms, guard_age_ms;
    uint32_t seq;
    char owner[KEY_SIZE], fingerprint[33];
    char present[KEY_SIZE], present_carrier[KEY_SIZE],
        present_id[KEY_SIZE]; /* who holds the fingerprint */
};

static void commit_end(struct committing *op, enum err error, const char *reason)
{
    op->done(op->arg, error, reason);
    call_forget(op->call);
    free(op);
}

static void on_committed(void *arg, enum err error, const redisReply *reply)
{
    struct committing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    commit_end(op, answer.error, answer.reason);
}

static void commit_go(struct committing *op)
{
    enum err error = call_send_kept(op->call, on_committed, op);
    if (error != ERR_OK)
        commit_end(op, error, err_sentence(error));
}

static void on_guard(void *arg, enum err error, const redisReply *reply);

/* `replace`: the owner that may be replaced, "" for none, "*" for any. */
static void guard_go(struct committing *op, const char *replace)
{
    struct call call;
    call_begin(&call, op->store, "or1_guard", KEY_LAUNCH, op->fingerprint);
    call_text(&call, op->owner);
    call_int(&call, op->guard_ms);
    call_text(&call, replace);
    enum err error = call_send(&call, on_guard, op);
    if (error != ERR_OK)
        commit_end(op, error, err_sentence(error));
}

static uint64_t never_sent(const struct queue_counts *counts)
{
    uint64_t n = 0;
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (state_all[i] == STATE_QUEUED || state_all[i] == STATE_CANCELLED ||
            state_all[i] == STATE_SUPPRESSED)
            n += counts->of[i];
    }
    return n;
}

/* The campaign that holds the fingerprint: was it launched, and has it sent anything? */
static void on_guard_holder(void *arg, enum err error, const redisReply *reply)
{
    struct committing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    struct campaign_view view = {.state = ""};
    if (answer.error == ERR_OK && fields_read(answer_at(&answer, 1), &view) != ERR_OK)
        answer.error = ERR_PROTOCOL;
    if (answer.error != ERR_OK && answer.error != ERR_NOT_FOUND) {
        commit_end(op, answer.error, answer.reason);
        return;
    }
    bool committed = answer.error == ERR_OK && strcmp(view.state, "importing") != 0;
    bool unsent = committed && strcmp(view.state, "cancelled") == 0 &&
                  never_sent(&view.counts) == view.accepted;
    char sentence[1024], when[CLOCK_TEXT_SIZE];
    if (unsent || (!committed && op->guard_age_ms > LAUNCHING_MS) ||
        answer.error == ERR_NOT_FOUND) {
        guard_go(op, op->present);
    } else if (!committed) {
        snprintf(sentence, sizeof sentence,
                 "the same text to the same list is being launched right now as %s",
                 op->present_id);
        commit_end(op, ERR_REFUSED, sentence);
    } else {
        clock_format(view.launched_ms, store_utc_offset(op->store), when);
        snprintf(sentence, sizeof sentence,
                 "the same text went to the same list as campaign %s (carrier %s, launched %.16s): "
                 "it goes out once more only with "
                 "--again and a reason",
                 op->present_id, op->present_carrier, when);
        commit_end(op, ERR_REFUSED, sentence);
    }
}

static void on_guard(void *arg, enum err error, const redisReply *reply)
{
    struct committing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error != ERR_OK) {
        commit_end(op, answer.error, answer.reason);
        return;
    }
    if (answer.code == 0) {
        commit_go(op);
        return;
    }
    /* "carrier:seq:id" */
    snprintf(op->present, sizeof op->present, "%s", answer_text(&answer, 1));
    op->guard_age_ms = answer_int(&answer, 2);
    size_t carrier = strcspn(op->present, ":");
    snprintf(op->present_carrier, sizeof op->present_carrier, "%.*s", (int)carrier, op->present);
    const char *rest = op->present[carrier] == ':' ? op->present + carrier + 1 : "0";
    uint32_t seq = (uint32_t)strtoul(rest, NULL, 10);
    rest += strcspn(rest, ":");
    snprintf(op->present_id, sizeof op->present_id, "%s", *rest == ':' ? rest + 1 : "");
    enum err err = send_find(op->store, op->present_carrier, "", seq, on_guard_holder, op);
    if (err != ERR_OK)
        commit_end(op, err, err_sentence(err));
}

enum err queue_commit(struct store *store, uint32_t seq, const struct campaign_fields *fields,
                      uint32_t n_chunks, uint64_t accepted, int64_t guard_ms, bool again,
                      int64_t now_ms, queue_done_fn *done, void *arg)
{
    if (redis_health(store_redis(store), NULL) != REDIS_READY)
        return ERR_CLOSED;
    struct committing *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->guard_ms = guard_ms;
    op->now_ms = now_ms;
    op->seq = seq;
    snprintf(op->fingerprint, sizeof op->fingerprint, "%s", fields->fingerprint);
    snprintf(op->owner, sizeof op->owner, "%s:%" PRIu32 ":%s", fields->carrier, seq, fields->id);
    struct call call;
    call_begin(&call, store, "or1_commit", KEY_CARRIER, fields->carrier);
    call_int(&call, seq);
    call_int(&call, n_chunks);
    call_int(&call, (int64_t)accepted);
    call_int(&call, fields->start_ms);
    call_int(&call, now_ms);
    fields_write(&call, fields);
    op->call = call_keep(&call);
    enum err error = op->call != NULL ? ERR_OK : ERR_NOMEM;
    if (error == ERR_OK && (guard_ms <= 0 || op->fingerprint[0] == '\0')) {
        error = call_send_kept(op->call, on_committed, op);
    } else if (error == ERR_OK) {
        call_begin(&call, store, "or1_guard", KEY_LAUNCH, op->fingerprint);
        call_text(&call, op->owner);
        call_int(&call, guard_ms);
        call_text(&call, again ? "*" : "");
        error = call_send(&call, on_guard, op);
    }
    if (error != ERR_OK) {
        call_forget(op->call);
        free(op);
    }
    return error;
}

/* ---- claim ---- */

struct claiming {
    struct store *store;
    queue_claim_fn *done;
    void *arg;
};

static const struct {
    const char *word;
    enum claim_result result;
} claim_words[] = {{"CHUNK", CLAIM_CHUNK},
                   {"EMPTY", CLAIM_EMPTY},
                   {"LATER", CLAIM_LATER},
                   {"CANARY", CLAIM_CANARY},
                   {"STOPPED", CLAIM_STOPPED}};

static enum err read_claim(const struct answer *answer, struct queue_claim *claim)
{
    const char *word = answer_text(answer, 1);
    size_t i = 0, n_words = sizeof claim_words / sizeof claim_words[0], n_states, n_numbers;
    while (i < n_words && strcmp(claim_words[i].word, word) != 0)
        i++;
    if (i == n_words)
        return ERR_PROTOCOL;
    claim->result = claim_words[i].result;
    claim->reason = answer_text(answer, 2);
    claim->wait_ms = answer_int(answer, 3);
    if (claim->result != CLAIM_CHUNK)
        return ERR_OK;
    claim->chunk = (uint32_t)answer_int(answer, 4);
    claim->token = (uint64_t)answer_int(answer, 5);
    claim->attempts = (uint32_t)answer_int(answer, 6);
    claim->numbers = answer_bytes(answer, 7, &n_numbers);
    claim->states = answer_bytes(answer, 8, &n_states);
    claim->values = answer_bytes(answer, 9, &claim->values_len);
    claim->n = n_states;
    return n_states != 0 && n_numbers == n_states * MOBILE_PACKED_BYTES ? ERR_OK : ERR_PROTOCOL;
}

static void on_claim(void *arg, enum err error, const redisReply *reply)
{
    struct claiming op = *(struct claiming *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct queue_claim claim = {.result = CLAIM_STOPPED, .reason = answer.reason};
    if (answer.error == ERR_OK)
        answer.error = read_claim(&answer, &claim);
    op.done(op.arg, answer.error, &claim);
}

enum err queue_claim(struct store *store, const char *carrier, uint32_t seq, const char *owner,
                     int64_t lease_ms, int64_t now_ms, queue_claim_fn *done, void *arg)
{
    const struct claiming op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_claim", KEY_CARRIER, carrier);
    call_int(&call, seq);
    call_text(&call, owner);
    call_int(&call, lease_ms);
    call_int(&call, now_ms);
    return call_send_with(&call, on_claim, &op, sizeof op);
}

/* ---- suppress ---- */

static void begin_chunk_call(struct call *call, struct store *store, const char *function,
                             const struct chunk_ref *ref)
{
    call_begin(call, store, function, KEY_CARRIER, ref->carrier);
    call_int(call, ref->seq);
    call_int(call, ref->chunk);
}

struct suppressing {
    struct store *store;
    queue_suppress_fn *done;
    void *arg;
    size_t n;
};

static void on_suppress(void *arg, enum err error, const redisReply *reply)
{
    struct suppressing op = *(struct suppressing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = 0;
    const uint8_t *are = answer.error == ERR_OK ? answer_bytes(&answer, 1, &n) : NULL;
    if (answer.error == ERR_OK && n != op.n)
        op.done(op.arg, ERR_PROTOCOL, "Redis answered something that cannot be", NULL, 0);
    else
        op.done(op.arg, answer.error, answer.reason, are, n);
}

enum err queue_suppress(struct store *store, struct chunk_ref ref, uint64_t token,
                        const uint32_t *positions, size_t n, queue_suppress_fn *done, void *arg)
{
    uint8_t packed[2 * CHUNK_MAX];
    if (n > CHUNK_MAX)
        return ERR_TOO_BIG;
    const struct suppressing op = {store, done, arg, n};
    for (size_t i = 0; i < n; i++) {
        packed[2 * i] = (uint8_t)(positions[i] >> 8);
        packed[2 * i + 1] = (uint8_t)positions[i];
    }
    struct call call;
    begin_chunk_call(&call, store, "or1_suppress", &ref);
    call_int(&call, (int64_t)token);
    call_bytes(&call, packed, 2 * n);
    call_int(&call, clock_wall_ms());
    return call_send_with(&call, on_suppress, &op, sizeof op);
}

/* ---- intent ---- */

struct intending {
    struct store *store;
    queue_intent_fn *done;
    void *arg;
    uint32_t count;
};

static void on_intent(void *arg, enum err error, const redisReply *reply)
{
    struct intending op = *(struct intending *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct queue_intent intent = {.error = answer.error, .reason = answer.reason};
    if (answer.error == ERR_BUSY) {
        intent.wait_ms = answer_int(&answer, 1);
        intent.reason = "waiting for tokens";
    } else if (answer.error == ERR_OK) {
        intent.mine = answer_bytes(&answer, 1, &intent.n);
        if (intent.n != op.count)
            intent = (struct queue_intent){.error = ERR_PROTOCOL,
                                           .reason = "Redis answered something that cannot be"};
    }
    op.done(op.arg, &intent);
}

enum err queue_intent(struct store *store, struct chunk_ref ref, uint64_t token, uint32_t from,
                      uint32_t count, uint32_t segments, uint32_t carrier_rate,
                      uint32_t campaign_rate, int64_t lease_ms, int64_t now_ms,
                      queue_intent_fn *done, void *arg)
{
    const struct intending op = {store, done, arg, count};
    struct call call;
    begin_chunk_call(&call, store, "or1_intent", &ref);
    call_int(&call, (int64_t)token);
    call_int(&call, from);
    call_int(&call, count);
    call_int(&call, segments);
    call_int(&call, carrier_rate);
    call_int(&call, campaign_rate);
    call_int(&call, lease_ms);
    call_int(&call, now_ms);
    return call_send_with(&call, on_intent, &op, sizeof op);
}

/* ---- settle ---- */

/* What an outcome is called in settle.lua (KINDS). */
static const char outcome_letters[OUTCOME_COUNT] = {
    [OUTCOME_ACCEPTED] = 'G',  [OUTCOME_REJECT_RECIPIENT] = 'I', [OUTCOME_REJECT_TEXT] = 'T',
    [OUTCOME_SPLIT] = 'A',     [OUTCOME_ACCOUNT_FAULT] = 'F',    [OUTCOME_QUOTA] = 'U',
    [OUTCOME_THROTTLED] = 'A', [OUTCOME_NOT_SENT] = 'N',         [OUTCOME_AMBIGUOUS] = 'E',
};

static void add_u16(struct buf *buf, uint32_t value)
{
    const uint8_t two[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_add(buf, two, sizeof two);
}

static void add_u64(struct buf *buf, uint64_t value)
{
    for (unsigned shift = 64; shift > 0; shift -= 16)
        add_u16(buf, (uint32_t)(value >> (shift - 16) & 0xffff));
}

static void add_short_text(struct buf *buf, const char *text, size_t most)
{
    size_t len = strnlen(text, most);
    buf_add_char(buf, (char)(uint8_t)len);
    buf_add(buf, text, len);
}

static void add_item(struct buf *buf, const struct settle_item *item)
{
    assert(item->outcome < OUTCOME_COUNT);
    add_u16(buf, item->from);
    add_u16(buf, item->count);
    buf_add_char(buf, outcome_letters[item->outcome]);
    add_u16(buf, item->segments >> 16);
    add_u16(buf, item->segments & 0xffff);
    add_u16(buf, chunk_batch_bucket(item->batch, strnlen(item->batch, BATCH_BYTES_MAX)));
    add_short_text(buf, item->batch, BATCH_BYTES_MAX);
    add_short_text(buf, item->code, CODE_BYTES_MAX);
}

static int by_position(const void *a, const void *b)
{
    const struct settle_item *const *x = a, *const *y = b;
    return ((*x)->from > (*y)->from) - ((*x)->from < (*y)->from);
}

enum err queue_settle(struct store *store, struct chunk_ref ref, uint64_t token,
                      const struct settle_item *items, size_t n, int64_t lease_ms, int64_t now_ms,
                      queue_done_fn *done, void *arg)
{
    if (n > SETTLE_ITEMS_MAX)
        return ERR_TOO_BIG;
    struct buf packed;
    buf_init(&packed, (size_t)SETTLE_ITEMS_MAX * SETTLE_ITEM_BYTES);
    /* In order of position, so that neighbours are written together (patch_write). */
    const struct settle_item *sorted[SETTLE_ITEMS_MAX];
    for (size_t i = 0; i < n; i++)
        sorted[i] = &items[i];
    qsort(sorted, n, sizeof sorted[0], by_position);
    for (size_t i = 0; i < n; i++)
        add_item(&packed, sorted[i]);
    enum err error = buf_check(&packed);
    if (error == ERR_OK) {
        struct call call;
        begin_chunk_call(&call, store, "or1_settle", &ref);
        call_int(&call, (int64_t)token);
        call_bytes(&call, packed.data, packed.len);
        call_int(&call, lease_ms);
        call_int(&call, now_ms);
        call_int(&call, store_ambiguous_limit(store));
        error = call_send_done(&call, done, arg);
    }
    buf_fini(&packed);
    return error;
}

/* ---- release, sweep ---- */

enum err queue_release(struct store *store, struct chunk_ref ref, uint64_t token, int64_t delay_ms,
                       bool counts_as_attempt, queue_done_fn *done, void *arg)
{
    struct call call;
    begin_chunk_call(&call, store, "or1_release", &ref);
    call_int(&call, (int64_t)token);
    call_int(&call, delay_ms);
    call_int(&call, counts_as_attempt);
    return call_send_done(&call, done, arg);
}

struct sweeping {
    struct store *store;
    struct kept_call *call;
    queue_swept_fn *done;
    void *arg;
    struct queue_swept sum;
    char carrier[KEY_SIZE];
};

static void sweep_end(struct sweeping *op, enum err error)
{
    if (error == ERR_OK)
        owners_free_cancelled(op->store, op->carrier);
    op->done(op->arg, error, &op->sum);
    call_forget(op->call);
    free(op);
}

static void on_sweep(void *arg, enum err error, const redisReply *reply)
{
    struct sweeping *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    op->sum.chunks += (uint64_t)answer_int(&answer, 1);
    op->sum.ambiguous += (uint64_t)answer_int(&answer, 2);
    bool more = answer.error == ERR_OK && answer_int(&answer, 3) != 0;
    if (more)
        answer.error = call_send_kept(op->call, on_sweep, op);
    if (!more || answer.error != ERR_OK)
        sweep_end(op, answer.error);
}

enum err queue_sweep(struct store *store, const char *carrier, const char *owner,
                     const uint64_t *held, size_t n_held, int64_t now_ms, queue_swept_fn *done,
                     void *arg)
{
    struct buf tokens;
    buf_init(&tokens, n_held * sizeof held[0]);
    for (size_t i = 0; i < n_held; i++)
        add_u64(&tokens, held[i]);
    struct sweeping *op = calloc(1, sizeof *op);
    if (op == NULL || buf_check(&tokens) != ERR_OK) {
        buf_fini(&tokens);
        free(op);
        return ERR_NOMEM;
    }
    op->store = store;
    op->done = done;
    op->arg = arg;
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    struct call call;
    call_begin(&call, store, "or1_sweep", KEY_CARRIER, carrier);
    call_text(&call, owner != NULL ? owner : "");
    call_int(&call, now_ms);
    call_int(&call, store_ambiguous_limit(store));
    call_int(&call, SWEEP_CHUNKS_A_CALL);
    call_bytes(&call, tokens.data, tokens.len);
    op->call = call_keep(&call);
    buf_fini(&tokens);
    enum err error = op->call != NULL ? call_send_kept(op->call, on_sweep, op) : ERR_NOMEM;
    if (error != ERR_OK) {
        call_forget(op->call);
        free(op);
    }
    return error;
}
