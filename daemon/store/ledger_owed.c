/* See ledger_owed.h. */
#include "store/ledger_owed.h"

#include <stdlib.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "store/ledger_parts.h"

struct asking {
    struct store *store;
    ledger_owed_fn *done;
    void *arg;
};

/* One element {entry, first entry of the pledge, state, reversed}; false: not of that form. */
static bool read_owing(redisReply *one, struct ledger_owing *owing)
{
    if (one->type != REDIS_REPLY_ARRAY || one->elements != 4 ||
        one->element[2]->type != REDIS_REPLY_STRING)
        return false;
    struct ledger_row rows[2];
    const redisReply pair = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = one->element};
    owing->is_reversed = one->element[3]->type == REDIS_REPLY_INTEGER && one->element[3]->integer;
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
    struct asking *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = (struct asking){store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_ledger_owed", KEY_LEDGER, "");
    call_int(&call, (int64_t)after);
    call_int(&call, LEDGER_OWED_MAX);
    enum err error = call_send(&call, on_owed, op);
    if (error != ERR_OK)
        free(op);
    return error;
}

enum err ledger_owed_done(struct store *store, uint64_t entry, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_ledger_owed_done", KEY_LEDGER, "");
    call_int(&call, (int64_t)entry);
    return call_send_done(&call, done, arg);
}
