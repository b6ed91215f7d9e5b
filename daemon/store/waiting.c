/* See waiting.h. */
#include "store/waiting.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/call.h"

struct listing {
    struct store *store;
    waiting_list_fn *done;
    void *arg;
};

/* {place, {field, value, …}} as a stream answers it; false: not of that form. */
static bool read_uplink(const redisReply *row, struct waiting_uplink *uplink)
{
    if (row->type != REDIS_REPLY_ARRAY || row->elements != 2 ||
        row->element[0]->type != REDIS_REPLY_STRING || row->element[1]->type != REDIS_REPLY_ARRAY)
        return false;
    *uplink = (struct waiting_uplink){
        .place = row->element[0]->str, .id = "", .text = "", .service_code = ""};
    const redisReply *flat = row->element[1];
    for (size_t i = 0; i + 1 < flat->elements; i += 2) {
        const redisReply *name = flat->element[i], *value = flat->element[i + 1];
        if (name->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING)
            return false;
        if (strcmp(name->str, "id") == 0) {
            uplink->id = value->str;
        } else if (strcmp(name->str, "text") == 0) {
            uplink->text = value->str;
            uplink->text_len = (size_t)value->len;
        } else if (strcmp(name->str, "service") == 0) {
            uplink->service_code = value->str;
        } else if (strcmp(name->str, "number") == 0) {
            uplink->number = strtoull(value->str, NULL, 10);
        } else if (strcmp(name->str, "sent") == 0) {
            uplink->sent_ms = strtoll(value->str, NULL, 10);
        } else if (strcmp(name->str, "came") == 0) {
            uplink->came_ms = strtoll(value->str, NULL, 10);
        }
    }
    return true;
}

static void on_list(void *arg, enum err error, const redisReply *reply)
{
    struct listing op = *(struct listing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct waiting_uplink uplinks[WAITING_MAX];
    size_t n = 0;
    for (size_t i = 3; answer.error == ERR_OK && i < answer_len(&answer) && n < WAITING_MAX; i++) {
        if (!read_uplink(answer_at(&answer, i), &uplinks[n++]))
            answer.error = ERR_PROTOCOL;
    }
    bool is_good = answer.error == ERR_OK;
    op.done(op.arg, answer.error, is_good ? (uint64_t)answer_int(&answer, 1) : 0,
            is_good ? answer_int(&answer, 2) : 0, uplinks, is_good ? n : 0);
}

enum err waiting_list(struct store *store, const char *carrier, uint64_t skip,
                      waiting_list_fn *done, void *arg)
{
    const struct listing op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_uplinks_waiting", KEY_CARRIER, carrier);
    call_int(&call, (int64_t)skip);
    call_int(&call, WAITING_MAX);
    return call_send_with(&call, on_list, &op, sizeof op);
}

enum err waiting_taken(struct store *store, const char *carrier, const char *place,
                       queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_uplink_taken", KEY_CARRIER, carrier);
    call_text(&call, place);
    return call_send_done(&call, done, arg);
}
