/* One campaign after the other: its numbers are given back in the dedup group first (another hash
 * tag, so another call), then its chunks are deleted. Cut off in between, both happen again. */
#include "store/purge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sms/mobile.h"
#include "store/call.h"
#include "store/owners.h"

#define CHUNKS_A_CALL 50
#define ID_SIZE 128

struct purge {
    struct store *store;
    struct purge_options options;
    char carrier[KEY_SIZE], group[KEY_SIZE], id[ID_SIZE];
    uint32_t from, seq, chunk, n_chunks, n_campaigns; /* from 0: there are no more */
    uint64_t accepted;
    int64_t finished_ms;
};

static void finish(struct purge *purge, enum err error, const char *reason, uint64_t uplinks)
{
    struct purge_options options = purge->options;
    free(purge);
    options.on_done(options.arg, error, reason, uplinks);
}

/* A call that could not be given ends the run; a call that was answered says what comes next. */
static void check(struct purge *purge, enum err error)
{
    if (error != ERR_OK)
        finish(purge, error, err_sentence(error), 0);
}

/* ---- replies ---- */

static void on_uplinks(void *arg, enum err error, const struct redisReply *reply)
{
    struct purge *purge = arg;
    struct answer answer = answer_read(purge->store, error, reply);
    finish(purge, answer.error, answer.reason,
           answer.error == ERR_OK ? (uint64_t)answer_int(&answer, 1) : 0);
}

static void ask_uplinks(struct purge *purge)
{
    struct call call;
    call_begin(&call, purge->store, "or1_purge_uplinks", KEY_CARRIER, purge->carrier);
    call_int(&call, purge->options.now_ms);
    call_int(&call, purge->options.keep_ms);
    call_int(&call, purge->options.dry_run);
    check(purge, call_send(&call, on_uplinks, purge));
}

/* ---- a campaign ---- */

static void ask_next(struct purge *purge);
static void ask_purge(struct purge *purge);
static void free_chunk(struct purge *purge);

static void tell(struct purge *purge)
{
    const struct purge_campaign campaign = {.id = purge->id,
                                            .seq = purge->seq,
                                            .accepted = purge->accepted,
                                            .finished_ms = purge->finished_ms};
    purge->n_campaigns++;
    if (purge->options.on_campaign != NULL)
        purge->options.on_campaign(purge->options.arg, &campaign);
    bool enough =
        purge->options.campaigns_max != 0 && purge->n_campaigns >= purge->options.campaigns_max;
    if (purge->from == 0 || enough)
        ask_uplinks(purge);
    else
        ask_next(purge);
}

static void on_aborted(void *arg, enum err error, const char *reason)
{
    struct purge *purge = arg;
    if (error != ERR_OK && error != ERR_NOT_FOUND)
        finish(purge, error, reason, 0);
    else
        tell(purge);
}

static void on_purged(void *arg, enum err error, const struct redisReply *reply)
{
    struct purge *purge = arg;
    struct answer answer = answer_read(purge->store, error, reply);
    if (answer.error != ERR_OK)
        finish(purge, answer.error, answer.reason, 0);
    else if (answer_int(&answer, 1) > 0)
        ask_purge(purge);
    else
        tell(purge);
}

static void ask_purge(struct purge *purge)
{
    struct call call;
    call_begin(&call, purge->store, "or1_purge", KEY_CARRIER, purge->carrier);
    call_int(&call, purge->seq);
    call_int(&call, purge->options.now_ms);
    call_int(&call, purge->options.keep_ms);
    call_int(&call, CHUNKS_A_CALL);
    check(purge, call_send(&call, on_purged, purge));
}

static void on_freed(void *arg, enum err error, const char *reason)
{
    struct purge *purge = arg;
    if (error != ERR_OK) {
        finish(purge, error, reason, 0);
        return;
    }
    purge->chunk++;
    free_chunk(purge);
}

static void on_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    struct purge *purge = arg;
    if (error == ERR_NOT_FOUND || (error == ERR_OK && chunk->n == 0))
        on_freed(purge, ERR_OK, "");
    else if (error != ERR_OK)
        finish(purge, error, err_sentence(error), 0);
    else
        check(purge, owners_free(purge->store, purge->group, purge->carrier, purge->seq,
                                 chunk->numbers, chunk->n, on_freed, purge));
}

static void free_chunk(struct purge *purge)
{
    if (purge->group[0] == '\0' || purge->chunk >= purge->n_chunks) {
        ask_purge(purge);
        return;
    }
    struct chunk_ref ref = {purge->carrier, purge->seq, purge->chunk};
    check(purge, queue_chunk(purge->store, ref, on_chunk, purge));
}

static void on_next(void *arg, enum err error, const struct redisReply *reply)
{
    struct purge *purge = arg;
    struct answer answer = answer_read(purge->store, error, reply);
    if (answer.error != ERR_OK) {
        finish(purge, answer.error, answer.reason, 0);
        return;
    }
    purge->from = (uint32_t)answer_int(&answer, 1);
    purge->seq = (uint32_t)answer_int(&answer, 2);
    if (purge->seq == 0) {
        if (purge->from != 0)
            ask_next(purge);
        else
            ask_uplinks(purge);
        return;
    }
    snprintf(purge->id, sizeof purge->id, "%s", answer_text(&answer, 3));
    purge->finished_ms = answer_int(&answer, 4);
    purge->accepted = (uint64_t)answer_int(&answer, 5);
    snprintf(purge->group, sizeof purge->group, "%s", answer_text(&answer, 6));
    purge->n_chunks = (uint32_t)answer_int(&answer, 7);
    purge->chunk = 0;
    if (purge->options.dry_run)
        tell(purge);
    else if (answer_int(&answer, 8) == 1)
        check(purge, queue_abort(purge->store, purge->carrier, purge->seq, on_aborted, purge));
    else
        free_chunk(purge);
}

static void ask_next(struct purge *purge)
{
    struct call call;
    call_begin(&call, purge->store, "or1_purge_next", KEY_CARRIER, purge->carrier);
    call_int(&call, purge->from);
    call_int(&call, purge->options.now_ms);
    call_int(&call, purge->options.keep_ms);
    check(purge, call_send(&call, on_next, purge));
}

enum err purge_run(struct store *store, const struct purge_options *options)
{
    struct purge *purge = calloc(1, sizeof *purge);
    struct call call;
    if (purge == NULL)
        return ERR_NOMEM;
    purge->store = store;
    purge->options = *options;
    purge->from = 1;
    snprintf(purge->carrier, sizeof purge->carrier, "%s", options->carrier);
    call_begin(&call, store, "or1_purge_next", KEY_CARRIER, purge->carrier);
    call_int(&call, purge->from);
    call_int(&call, options->now_ms);
    call_int(&call, options->keep_ms);
    enum err error = call_send(&call, on_next, purge);
    if (error != ERR_OK)
        free(purge);
    return error;
}
