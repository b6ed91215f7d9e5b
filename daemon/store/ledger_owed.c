/* See ledger_owed.h. */
#include "store/ledger_owed.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "sms/state.h"
#include "store/ledger_parts.h"

#define OWING_ELEMENTS 5
#define TOLD_ELEMENTS 5

struct asking {
    struct store *store;
    ledger_owed_fn *done;
    void *arg;
};

/* One element {entry, first entry of the pledge, state, reversed, attempt …}; false: not of that
 * form. */
static bool read_owing(redisReply *one, struct ledger_owing *owing)
{
    if (one->type != REDIS_REPLY_ARRAY || one->elements < OWING_ELEMENTS ||
        one->element[2]->type != REDIS_REPLY_STRING || one->element[4]->type != REDIS_REPLY_INTEGER)
        return false;
    struct ledger_row rows[2];
    const redisReply pair = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = one->element};
    owing->is_reversed = one->element[3]->type == REDIS_REPLY_INTEGER && one->element[3]->integer;
    owing->attempt = (uint32_t)one->element[4]->integer;
    return ledger_rows_of(&pair, rows, 2) == 2 && !ledger_row_read(&rows[0], &owing->entry) &&
           !ledger_row_read(&rows[1], &owing->pledge) &&
           ledger_state_parse(one->element[2]->str, &owing->state);
}

static void on_owed(void *arg, enum err error, const redisReply *reply)
{
    struct asking op = *(struct asking *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    static struct ledger_owing owing[LEDGER_OWED_MAX]; /* borrowed until `done` returns */
    size_t n = 0;
    for (size_t i = 2; answer.error == ERR_OK && i < answer_len(&answer); i++) {
        if (n < LEDGER_OWED_MAX && read_owing(answer.reply->element[i], &owing[n]))
            n++;
        else
            log_line(LOG_ERROR, "ledger", "event=owed_entry_unreadable");
    }
    op.done(op.arg, answer.error, owing, n, (uint64_t)answer_int(&answer, 1));
}

enum err ledger_owed(struct store *store, uint64_t after, ledger_owed_fn *done, void *arg)
{
    const struct asking op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_ledger_owed", KEY_LEDGER, "");
    call_int(&call, (int64_t)after);
    call_int(&call, LEDGER_OWED_MAX);
    return call_send_with(&call, on_owed, &op, sizeof op);
}

enum err ledger_owed_done(struct store *store, const struct ledger_settled *settled, size_t n,
                          queue_done_fn *done, void *arg)
{
    struct call call;
    if (n == 0 || n > LEDGER_SETTLED_MAX)
        return ERR_RANGE;
    call_begin(&call, store, "or1_ledger_owed_done", KEY_LEDGER, "");
    for (size_t i = 0; i < n; i++) {
        call_int(&call, (int64_t)settled[i].entry);
        call_int(&call, settled[i].attempt);
    }
    return call_send_done(&call, done, arg);
}

/* ---- what became of the messages ---- */

struct looking {
    struct store *store;
    ledger_messages_fn *done;
    void *arg;
};

/* {carrier, state byte, code, updated, submitted} */
static bool read_told(const redisReply *one, struct ledger_told *told)
{
    if (one->type != REDIS_REPLY_ARRAY || one->elements != TOLD_ELEMENTS ||
        one->element[3]->type != REDIS_REPLY_INTEGER ||
        one->element[4]->type != REDIS_REPLY_INTEGER)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (one->element[i]->type != REDIS_REPLY_STRING)
            return false;
    }
    uint8_t state = (uint8_t)one->element[1]->str[0];
    *told = (struct ledger_told){.carrier = one->element[0]->str,
                                 .state = state_word(state) != NULL ? state : 0,
                                 .code = one->element[2]->str,
                                 .updated_ms = one->element[3]->integer,
                                 .submitted_ms = one->element[4]->integer};
    return true;
}

/* What read_owing reads, {…, owed, told …}. */
static bool read_message(redisReply *one, struct ledger_message *message)
{
    if (!read_owing(one, &message->owing) || one->elements < OWING_ELEMENTS + 2 ||
        one->elements - OWING_ELEMENTS - 1 > LEDGER_AGAIN_MAX + 1)
        return false;
    message->is_owed = one->element[OWING_ELEMENTS]->type == REDIS_REPLY_INTEGER &&
                       one->element[OWING_ELEMENTS]->integer == 1;
    message->n_told = one->elements - OWING_ELEMENTS - 1;
    for (size_t i = 0; i < message->n_told; i++) {
        if (!read_told(one->element[OWING_ELEMENTS + 1 + i], &message->told[i]))
            return false;
    }
    return true;
}

static void on_messages(void *arg, enum err error, const redisReply *reply)
{
    struct looking op = *(struct looking *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t most = answer.error == ERR_OK ? answer_len(&answer) : 0, n = 0;
    struct ledger_message *messages = calloc(most > 0 ? most : 1, sizeof *messages);
    if (messages == NULL && answer.error == ERR_OK)
        answer.error = ERR_NOMEM;
    for (size_t i = 1; answer.error == ERR_OK && i < most; i++) {
        if (read_message(answer.reply->element[i], &messages[n]))
            n++;
        else
            log_line(LOG_ERROR, "ledger", "event=owed_entry_unreadable");
    }
    op.done(op.arg, answer.error, answer.reason, messages, n);
    free(messages);
}

enum err ledger_messages(struct store *store, const char *number, const char *carriers,
                         ledger_messages_fn *done, void *arg)
{
    const struct looking op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_ledger_messages", KEY_LEDGER, "");
    call_text(&call, number);
    call_text(&call, carriers);
    return call_send_with(&call, on_messages, &op, sizeof op);
}

/* ---- saying one again ---- */

struct ordering {
    struct store *store;
    ledger_again_fn *done;
    void *arg;
};

static void on_ordered(void *arg, enum err error, const redisReply *reply)
{
    struct ordering op = *(struct ordering *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct ledger_ordered ordered = {.refusal = ""};
    if (answer.error == ERR_OK) {
        ordered.attempt = (uint32_t)answer_int(&answer, 1);
        ordered.is_repeated = answer_int(&answer, 2) == 1;
    } else if (answer.error == ERR_REFUSED && answer.reply != NULL) {
        ordered.refusal = answer_text(&answer, 2);
    }
    op.done(op.arg, answer.error, answer.reason, &ordered);
}

enum err ledger_again(struct store *store, const struct ledger_again *order, ledger_again_fn *done,
                      void *arg)
{
    const struct ordering op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_ledger_again", KEY_LEDGER, "");
    call_int(&call, (int64_t)order->entry);
    call_text(&call, order->request);
    call_text(&call, order->anyway ? "1" : "0");
    call_text(&call, order->carriers);
    return call_send_with(&call, on_ordered, &op, sizeof op);
}
