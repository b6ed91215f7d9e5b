/* See ledger_batch.h. What is collected in a turn is sent at its end: event_active puts the event
 * behind what is active already. */
#include "store/ledger_batch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "store/ledger_parts.h"

#define HEAD_ARGS 6 /* FCALL, function, 1, key, now, today */
#define PLEDGE_ARGS_MAX                                                                            \
    (2 + 2 * LEDGER_FIELDS) /* the most a day, how many follow, names and values */
#define ARGS_MAX (LEDGER_BATCH_MAX * PLEDGE_ARGS_MAX)
#define BYTES_MAX ((size_t)LEDGER_BATCH_MAX * 65536)

struct load { /* one call */
    struct ledger_batch *batch;
    int64_t now_ms;
    size_t n;
    struct {
        ledger_posted_fn *done;
        void *arg;
    } waiting[LEDGER_BATCH_MAX];
    struct buf bytes; /* the arguments, one behind the other */
    size_t argc;
    size_t lens[ARGS_MAX];
};

struct ledger_batch {
    struct store *store;
    struct event *flush;
    struct load *filling; /* NULL: nothing collected */
    size_t calls;
    bool is_dead;
};

static void load_free(struct load *load)
{
    buf_fini(&load->bytes);
    free(load);
}

static void batch_free(struct ledger_batch *batch)
{
    event_free(batch->flush);
    free(batch);
}

static void tell(const struct load *load, size_t i, const struct answer *answer)
{
    struct ledger_posted posted;
    ledger_posted_read(answer, &posted);
    load->waiting[i].done(load->waiting[i].arg, answer->error, answer->reason, &posted);
}

static void tell_all(const struct load *load, enum err error)
{
    const struct answer answer = {.error = error, .reason = err_sentence(error)};
    for (size_t i = 0; i < load->n; i++)
        tell(load, i, &answer);
}

static void on_posted(void *arg, enum err error, const redisReply *reply)
{
    struct load *load = arg;
    struct ledger_batch *batch = load->batch;
    struct answer whole = answer_read(batch->store, error, reply);
    if (whole.error == ERR_OK && answer_len(&whole) != load->n + 1)
        whole.error = ERR_PROTOCOL;
    for (size_t i = 0; i < load->n; i++) {
        struct answer one = whole;
        if (whole.error == ERR_OK)
            one = answer_read(batch->store, ERR_OK, answer_at(&whole, i + 1));
        tell(load, i, &one);
    }
    load_free(load);
    batch->calls--;
    if (batch->is_dead && batch->calls == 0)
        batch_free(batch);
}

/* ---- sending ---- */

static enum err call_all(struct load *load)
{
    const struct store *store = load->batch->store;
    const char *argv[HEAD_ARGS + ARGS_MAX];
    size_t lens[HEAD_ARGS + ARGS_MAX];
    struct call head;
    call_begin(&head, load->batch->store, "or1_ledger_post_pledges", KEY_LEDGER, "");
    call_int(&head, load->now_ms);
    call_int(&head, ledger_day_of(store, load->now_ms));
    size_t argc = (size_t)head.argc;
    memcpy(argv, head.argv, argc * sizeof *argv);
    memcpy(lens, head.lens, argc * sizeof *lens);
    const char *at = buf_text(&load->bytes);
    for (size_t i = 0; i < load->argc; i++) {
        argv[argc] = at;
        lens[argc++] = load->lens[i];
        at += load->lens[i];
    }
    return redis_call(store_redis(load->batch->store), on_posted, load, (int)argc, argv, lens);
}

static void send_all(struct ledger_batch *batch)
{
    struct load *load = batch->filling;
    batch->filling = NULL;
    batch->calls++;
    enum err error = call_all(load);
    if (error == ERR_OK)
        return;
    tell_all(load, error);
    load_free(load);
    batch->calls--;
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct ledger_batch *batch = arg;
    if (batch->filling != NULL)
        send_all(batch);
}

/* ---- collecting ---- */

static void add_arg(struct load *load, const char *bytes, size_t len)
{
    buf_add(&load->bytes, bytes, len);
    load->lens[load->argc++] = len;
}

static struct load *load_new(struct ledger_batch *batch, int64_t now_ms)
{
    struct load *load = malloc(sizeof *load);
    if (load == NULL)
        return NULL;
    load->batch = batch;
    load->now_ms = now_ms;
    load->n = load->argc = 0;
    buf_init(&load->bytes, BYTES_MAX);
    return load;
}

/* All of the entry, or nothing. */
static enum err load_add(struct load *load, const struct ledger_entry *entry,
                         uint32_t pledges_a_day)
{
    size_t argc = load->argc, len = load->bytes.len;
    char space[LEDGER_FIELDS][LEDGER_NUMBER_SIZE];
    struct call call = {.argc = 0}; /* only a list of arguments */
    ledger_entry_write(&call, entry, space);
    call_int(&call, pledges_a_day);
    call_int(&call, call.argc - 1);
    int last = call.argc - 1;
    add_arg(load, call.argv[last - 1], call.lens[last - 1]);
    add_arg(load, call.argv[last], call.lens[last]);
    for (int i = 0; i < last - 1; i++)
        add_arg(load, call.argv[i], call.lens[i]);
    if (buf_check(&load->bytes) == ERR_OK)
        return ERR_OK;
    load->argc = argc;
    load->bytes.len = len;
    load->bytes.failed = false;
    return ERR_NOMEM;
}

enum err ledger_batch_post(struct ledger_batch *batch, const struct ledger_entry *entry,
                           uint32_t pledges_a_day, int64_t now_ms, ledger_posted_fn *done,
                           void *arg)
{
    if (entry->type != LEDGER_PLEDGE || !ledger_is_postable(entry))
        return ERR_RANGE;
    if (batch->filling == NULL) {
        batch->filling = load_new(batch, now_ms);
        if (batch->filling == NULL)
            return ERR_NOMEM;
        event_active(batch->flush, 0, 0);
    }
    struct load *load = batch->filling;
    enum err error = load_add(load, entry, pledges_a_day);
    if (error != ERR_OK)
        return error;
    load->waiting[load->n].done = done;
    load->waiting[load->n++].arg = arg;
    if (load->n == LEDGER_BATCH_MAX)
        send_all(batch);
    return ERR_OK;
}

/* ---- life ---- */

enum err ledger_batch_new(struct event_base *base, struct store *store, struct ledger_batch **out)
{
    struct ledger_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return ERR_NOMEM;
    batch->store = store;
    batch->flush = event_new(base, -1, 0, on_flush, batch);
    if (batch->flush == NULL) {
        free(batch);
        return ERR_NOMEM;
    }
    *out = batch;
    return ERR_OK;
}

void ledger_batch_free(struct ledger_batch *batch)
{
    if (batch == NULL)
        return;
    batch->is_dead = true;
    struct load *load = batch->filling;
    batch->filling = NULL;
    if (load != NULL) {
        tell_all(load, ERR_CLOSED);
        load_free(load);
    }
    if (batch->calls == 0)
        batch_free(batch);
}
