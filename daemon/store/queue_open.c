/* Open campaigns. */
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "sms/mobile.h"
#include "store/chunk.h"
#include "store/fields.h"
#include "store/queue.h"

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
