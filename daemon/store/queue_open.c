/* Open campaigns, and finding one number among the recipients of a campaign. */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "sms/mobile.h"
#include "store/chunk.h"
#include "store/fields.h"
#include "store/queue.h"

#define SEEK_CHUNKS_A_CALL 100 /* below a millisecond of Redis' time */
#define MESSAGE_VALUES_MAX_BYTES 16384

/* ---- appending ---- */

struct appending {
    struct store *store;
    queue_append_fn *done;
    void *arg;
};

static void on_appended(void *arg, enum err error, const redisReply *reply)
{
    struct appending op = *(struct appending *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct queue_appended appended = {.fresh = answer_int(&answer, 1) == 1,
                                      .seq = (uint32_t)answer_int(&answer, 2),
                                      .chunk = (uint32_t)answer_int(&answer, 3)};
    op.done(op.arg, answer.error, answer.reason, &appended);
}

static enum err send_append(struct appending *op, const struct campaign_fields *fields,
                            const struct queue_message *message, const struct buf *number,
                            const struct buf *values, int64_t now_ms)
{
    struct call call;
    call_begin(&call, op->store, "or1_append", KEY_CARRIER, fields->carrier);
    call_text(&call, fields->id);
    call_int(&call, chunk_batch_bucket(message->request, strlen(message->request)));
    call_text(&call, message->request);
    call_bytes(&call, number->data, number->len);
    call_bytes(&call, values->data, values->len);
    call_int(&call, message->segments);
    call_int(&call, fields->window_from_min);
    call_int(&call, fields->window_to_min);
    call_int(&call, now_ms);
    call_text(&call, message->question_of != NULL ? message->question_of : "");
    fields_write(&call, fields);
    return call_send(&call, on_appended, op);
}

enum err queue_append(struct store *store, const struct campaign_fields *fields,
                      const struct queue_message *message, int64_t now_ms, queue_append_fn *done,
                      void *arg)
{
    struct buf number, values, regions, weights;
    const struct chunk_row row = {.number = message->number,
                                  .values = message->values,
                                  .values_len = message->values_len,
                                  .segments = message->segments};
    buf_init(&number, MOBILE_PACKED_BYTES);
    buf_init(&values, MESSAGE_VALUES_MAX_BYTES);
    buf_init(&regions, 0);
    buf_init(&weights, 1);
    enum err error = chunk_pack(&row, 1, &number, &values, &regions, &weights);
    struct appending *op = error == ERR_OK ? malloc(sizeof *op) : NULL;
    if (error == ERR_OK && op == NULL)
        error = ERR_NOMEM;
    if (error == ERR_OK) {
        *op = (struct appending){store, done, arg};
        error = send_append(op, fields, message, &number, &values, now_ms);
    }
    if (error != ERR_OK)
        free(op);
    buf_fini(&number);
    buf_fini(&values);
    buf_fini(&regions);
    buf_fini(&weights);
    return error;
}

/* ---- seeking ---- */

struct seeking {
    struct store *store;
    queue_seek_fn *done;
    void *arg;
    uint32_t seq;
    int64_t from;
    uint8_t number[MOBILE_PACKED_BYTES];
    char carrier[KEY_SIZE];
};

static enum err seek_step(struct seeking *op);

static enum err read_region(const struct answer *answer, struct queue_place *place)
{
    size_t len;
    const uint8_t *packed = answer_bytes(answer, 5, &len);
    if (packed == NULL)
        return ERR_OK;
    struct buf regions;
    size_t from = (size_t)place->position * CHUNK_REGION_BYTES;
    buf_init(&regions, (size_t)CHUNK_MAX * CHUNK_REGION_BYTES);
    enum err error = chunk_regions_unfold(packed, len, (size_t)answer_int(answer, 4), &regions);
    if (error == ERR_OK && from + CHUNK_REGION_BYTES > regions.len)
        error = ERR_PROTOCOL;
    for (size_t i = 0; error == ERR_OK && i < CHUNK_REGION_BYTES; i++)
        place->region = place->region << 8 | (uint8_t)regions.data[from + i];
    buf_fini(&regions);
    return error;
}

static void on_seek(void *arg, enum err error, const redisReply *reply)
{
    struct seeking *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    struct queue_place place = {.is_there = false};
    op->from = answer_int(&answer, 1);
    if (answer.error == ERR_OK && op->from >= 0) {
        answer.error = seek_step(op);
        if (answer.error == ERR_OK)
            return;
    } else if (answer.error == ERR_OK && answer_len(&answer) > 2) {
        place.is_there = true;
        place.chunk = (uint32_t)answer_int(&answer, 2);
        place.position = (uint32_t)answer_int(&answer, 3);
        answer.error = read_region(&answer, &place);
    }
    op->done(op->arg, answer.error, &place);
    free(op);
}

static enum err seek_step(struct seeking *op)
{
    struct call call;
    call_begin(&call, op->store, "or1_seek", KEY_CARRIER, op->carrier);
    call_int(&call, op->seq);
    call_bytes(&call, op->number, sizeof op->number);
    call_int(&call, op->from);
    call_int(&call, SEEK_CHUNKS_A_CALL);
    return call_send(&call, on_seek, op);
}

enum err queue_seek(struct store *store, const char *carrier, uint32_t seq, uint64_t number,
                    queue_seek_fn *done, void *arg)
{
    struct seeking *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->seq = seq;
    mobile_pack(number, op->number);
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    enum err error = seek_step(op);
    if (error != ERR_OK)
        free(op);
    return error;
}
