/* Looking at the queue, counting it again, and dropping personal values. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "sms/mobile.h"
#include "store/chunk.h"
#include "store/fields.h"
#include "store/queue.h"
#include "store/replies.h"

#define LIST_PAGE 200
#define VERIFY_CHUNKS_A_CALL 20
#define VERIFY_TRIES 3
#define DROP_CHUNKS_A_CALL 200

uint64_t queue_count(const struct queue_counts *counts, enum recipient_state state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (state_all[i] == state)
            return counts->of[i];
    }
    return 0;
}

/* ---- find ---- */

struct finding {
    struct store *store;
    queue_view_fn *done;
    void *arg;
};

static void on_find(void *arg, enum err error, const redisReply *reply)
{
    struct finding op = *(struct finding *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct campaign_view view;
    if (answer.error == ERR_OK)
        answer.error = fields_read(answer_at(&answer, 1), &view);
    op.done(op.arg, answer.error, answer.error == ERR_OK ? &view : NULL, answer.error == ERR_OK);
}

enum err queue_find(struct store *store, const char *carrier, const char *id, queue_view_fn *done,
                    void *arg)
{
    const struct finding op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_find", KEY_CARRIER, carrier);
    call_text(&call, id[0] == '#' ? "" : id);
    call_text(&call, id[0] == '#' ? id + 1 : "");
    return call_send_with(&call, on_find, &op, sizeof op);
}

/* ---- list: pages, whose answers are kept until the last one is here because the views borrow from
 * them ---- */

struct listing {
    struct store *store;
    queue_view_fn *done;
    void *arg;
    bool live_only;
    uint32_t after;
    const redisReply **answers; /* held */
    size_t n_answers;
    struct campaign_view *views;
    size_t n;
    char carrier[KEY_SIZE];
};

static void list_end(struct listing *op, enum err error)
{
    op->done(op->arg, error, error == ERR_OK ? op->views : NULL, error == ERR_OK ? op->n : 0);
    for (size_t i = 0; i < op->n_answers; i++)
        replies_release(op->answers[i]);
    free(op->answers);
    free(op->views);
    free(op);
}

/* Holds the answer and takes its rows. */
static enum err take_rows(struct listing *op, const redisReply *reply)
{
    size_t more = reply->elements - 2;
    const redisReply **answers = realloc(op->answers, (op->n_answers + 1) * sizeof *answers);
    if (answers == NULL)
        return ERR_NOMEM;
    op->answers = answers;
    struct campaign_view *views = realloc(op->views, (op->n + more + 1) * sizeof *views);
    if (views == NULL)
        return ERR_NOMEM;
    op->views = views;
    replies_hold(reply);
    op->answers[op->n_answers++] = reply;
    for (size_t i = 2; i < reply->elements; i++) {
        enum err error = fields_read(reply->element[i], &op->views[op->n]);
        if (error != ERR_OK)
            return error;
        op->after = op->views[op->n++].seq;
    }
    return ERR_OK;
}

static enum err list_page(struct listing *op);

static void on_list(void *arg, enum err error, const redisReply *reply)
{
    struct listing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    bool more = answer.error == ERR_OK && answer_int(&answer, 1) != 0;
    if (answer.error == ERR_OK && answer_len(&answer) >= 2)
        answer.error = take_rows(op, reply);
    if (more && answer.error == ERR_OK)
        answer.error = list_page(op);
    if (!more || answer.error != ERR_OK)
        list_end(op, answer.error);
}

static enum err list_page(struct listing *op)
{
    struct call call;
    call_begin(&call, op->store, "or1_list", KEY_CARRIER, op->carrier);
    call_int(&call, op->live_only);
    call_int(&call, op->after);
    call_int(&call, LIST_PAGE);
    return call_send(&call, on_list, op);
}

enum err queue_list(struct store *store, const char *carrier, bool live_only, queue_view_fn *done,
                    void *arg)
{
    struct listing *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->live_only = live_only;
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    enum err error = list_page(op);
    if (error != ERR_OK)
        free(op);
    return error;
}

/* ---- one chunk ---- */

struct showing {
    struct store *store;
    queue_chunk_fn *done;
    void *arg;
};

static enum err read_chunk(const struct answer *answer, struct chunk_view *view, struct buf *states,
                           struct buf *regions)
{
    size_t n_numbers, regions_len, details_len;
    view->numbers = answer_bytes(answer, 1, &n_numbers);
    const uint8_t *bytes = answer_bytes(answer, 2, &view->n);
    view->values = answer_bytes(answer, 3, &view->values_len);
    const uint8_t *packed = answer_bytes(answer, 4, &regions_len);
    view->details = answer_bytes(answer, 5, &details_len);
    view->submitted_ms = answer_int(answer, 6);
    view->base_ms = answer_int(answer, 7);
    if (view->n == 0 || view->n > CHUNK_MAX || n_numbers != view->n * MOBILE_PACKED_BYTES ||
        (view->details != NULL && details_len != view->n * CHUNK_DETAIL_BYTES))
        return ERR_PROTOCOL;
    buf_add(states, bytes, view->n);
    if (buf_check(states) != ERR_OK)
        return ERR_NOMEM;
    for (size_t i = 0; answer_int(answer, 8) != 0 && i < view->n; i++) {
        if (states->data[i] == STATE_QUEUED)
            states->data[i] = STATE_CANCELLED;
    }
    view->states = (const uint8_t *)states->data;
    if (packed == NULL)
        return ERR_OK;
    enum err error = chunk_regions_unfold(packed, regions_len, view->n, regions);
    view->regions = (const uint8_t *)regions->data;
    view->regions_n = view->n;
    return error;
}

static void on_chunk(void *arg, enum err error, const redisReply *reply)
{
    struct showing op = *(struct showing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct chunk_view view = {0};
    struct buf states, regions;
    buf_init(&states, CHUNK_MAX);
    buf_init(&regions, (size_t)CHUNK_MAX * CHUNK_REGION_BYTES);
    if (answer.error == ERR_OK)
        answer.error = read_chunk(&answer, &view, &states, &regions);
    op.done(op.arg, answer.error, answer.error == ERR_OK ? &view : NULL);
    buf_fini(&states);
    buf_fini(&regions);
}

enum err queue_chunk(struct store *store, struct chunk_ref ref, queue_chunk_fn *done, void *arg)
{
    const struct showing op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_chunk", KEY_CARRIER, ref.carrier);
    call_int(&call, ref.seq);
    call_int(&call, ref.chunk);
    return call_send_with(&call, on_chunk, &op, sizeof op);
}

/* ---- the dictionary of codes ---- */

struct spelling {
    struct store *store;
    queue_codes_fn *done;
    void *arg;
};

static void on_codes(void *arg, enum err error, const redisReply *reply)
{
    struct spelling op = *(struct spelling *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    const redisReply *list = answer_at(&answer, 1);
    if (answer.error == ERR_OK && (list == NULL || list->type != REDIS_REPLY_ARRAY))
        answer.error = ERR_PROTOCOL;
    const char **codes = NULL;
    size_t n = 0;
    if (answer.error == ERR_OK) {
        codes = calloc(list->elements + 1, sizeof *codes);
        if (codes == NULL)
            answer.error = ERR_NOMEM;
    }
    if (answer.error == ERR_OK) {
        codes[n++] = "";
        for (size_t i = 0; i < list->elements; i++)
            codes[n++] = list->element[i]->str;
    }
    op.done(op.arg, answer.error, codes, n);
    free(codes);
}

enum err queue_codes(struct store *store, const char *carrier, queue_codes_fn *done, void *arg)
{
    const struct spelling op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_codes", KEY_CARRIER, carrier);
    return call_send_with(&call, on_codes, &op, sizeof op);
}

/* ---- dropping values ---- */

enum err queue_drop_values(struct store *store, const char *carrier, int64_t before_ms,
                           queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_drop_values", KEY_CARRIER, carrier);
    call_int(&call, before_ms);
    call_int(&call, DROP_CHUNKS_A_CALL);
    return call_send_done(&call, done, arg);
}

/* ---- counting again: in steps; when the counters moved meanwhile the count is void and begins
 * anew ---- */

struct verifying {
    struct store *store;
    queue_done_fn *done;
    void *arg;
    uint32_t seq;
    int64_t from;
    unsigned tries;
    struct queue_counts counted, first; /* first: the counters as the count began */
    int64_t spent;                      /* segments of those counted whom the carrier has */
    bool is_weighed;
    char carrier[KEY_SIZE];
};

static enum err verify_step(struct verifying *op);

static void verify_end(struct verifying *op, enum err error, const char *reason)
{
    op->done(op->arg, error, reason);
    free(op);
}

/* The counters against what was counted, as a sentence; false when they agree. */
static bool differs(const struct verifying *op, const struct queue_counts *counters,
                    uint64_t accepted, char *out, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < STATE_COUNT; i++) {
        sum += counters->of[i];
        if (counters->of[i] != op->counted.of[i]) {
            snprintf(out, size,
                     "campaign %" PRIu32 ": %" PRIu64 " are %s by the counter, %" PRIu64
                     " by the records",
                     op->seq, counters->of[i], state_word(state_all[i]), op->counted.of[i]);
            return true;
        }
    }
    if (sum != accepted)
        snprintf(out, size,
                 "campaign %" PRIu32 ": the counters add up to %" PRIu64 ", accepted are %" PRIu64,
                 op->seq, sum, accepted);
    return sum != accepted;
}

/* The same for the segments that the carrier has taken. */
static bool costs_else(const struct verifying *op, int64_t counter, char *out, size_t size)
{
    if (!op->is_weighed || counter == op->spent)
        return false;
    snprintf(out, size,
             "campaign %" PRIu32 ": %" PRId64 " segments are spent by the counter, %" PRId64
             " by the records",
             op->seq, counter, op->spent);
    return true;
}

static void on_verify(void *arg, enum err error, const redisReply *reply)
{
    struct verifying *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    if (answer.error != ERR_OK) {
        verify_end(op, answer.error, answer.reason);
        return;
    }
    const char *wrong = answer_text(&answer, 2);
    if (wrong[0] != '\0') {
        verify_end(op, ERR_STALE, wrong);
        return;
    }
    struct queue_counts counters;
    for (size_t i = 0; i < STATE_COUNT; i++) {
        op->counted.of[i] += (uint64_t)answer_int(&answer, 4 + i);
        counters.of[i] = (uint64_t)answer_int(&answer, 4 + STATE_COUNT + i);
    }
    int64_t spent = answer_int(&answer, 4 + 2 * STATE_COUNT);
    op->is_weighed = spent >= 0 && (op->from == 0 || op->is_weighed);
    op->spent += spent;
    if (op->from == 0)
        op->first = counters;
    op->from = answer_int(&answer, 1);
    bool moved = memcmp(&counters, &op->first, sizeof counters) != 0;
    char sentence[256];
    if (moved && ++op->tries >= VERIFY_TRIES) {
        verify_end(op, ERR_BUSY, "the campaign is moving: pause it to verify it");
        return;
    }
    if (moved) {
        op->from = 0;
        op->counted = (struct queue_counts){0};
        op->spent = 0;
    } else if (op->from < 0) {
        bool bad =
            differs(op, &counters, (uint64_t)answer_int(&answer, 3), sentence, sizeof sentence) ||
            costs_else(op, answer_int(&answer, 5 + 2 * STATE_COUNT), sentence, sizeof sentence);
        verify_end(op, bad ? ERR_STALE : ERR_OK, bad ? sentence : "");
        return;
    }
    error = verify_step(op);
    if (error != ERR_OK)
        verify_end(op, error, err_sentence(error));
}

static enum err verify_step(struct verifying *op)
{
    struct call call;
    call_begin(&call, op->store, "or1_recount", KEY_CARRIER, op->carrier);
    call_int(&call, op->seq);
    call_int(&call, op->from);
    call_int(&call, VERIFY_CHUNKS_A_CALL);
    return call_send(&call, on_verify, op);
}

enum err queue_verify(struct store *store, const char *carrier, uint32_t seq, queue_done_fn *done,
                      void *arg)
{
    struct verifying *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->seq = seq;
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    enum err error = verify_step(op);
    if (error != ERR_OK)
        free(op);
    return error;
}
