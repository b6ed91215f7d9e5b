/* Commands of people: pause, resume, cancel, miss, resolve. Each leaves an audit line when it
 * succeeded; asked again after a lost answer it succeeds again. And the one thing that is decided
 * in their place, because they said so at the launch: to send again after a silence. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/call.h"
#include "store/owners.h"
#include "store/queue.h"

#define RESOLVE_CHUNKS_A_CALL 4

static void read_counts(const struct answer *answer, size_t from, struct queue_counts *counts)
{
    for (size_t i = 0; i < STATE_COUNT; i++)
        counts->of[i] = (uint64_t)answer_int(answer, from + i);
}

struct changing { /* an act or a resolve under way */
    struct store *store;
    struct kept_call *call;
    queue_changed_fn *done;
    void *arg;
    int64_t now_ms;
    uint64_t
        left; /* chunks a resolve may still work on: new ambiguous ones are another resolve's */
    bool begun;
    uint32_t seq;
    const char *verb;
    char carrier[KEY_SIZE];
    char *actor, *reason;
};

static void change_free(struct changing *op)
{
    call_forget(op->call);
    free(op->actor);
    free(op->reason);
    free(op);
}

static void change_end(struct changing *op, enum err error, const char *reason,
                       const struct queue_counts *counts)
{
    static const struct queue_counts none;
    if (error == ERR_OK) {
        char object[2 * KEY_SIZE];
        snprintf(object, sizeof object, "%s:%" PRIu32, op->carrier, op->seq);
        call_audit(op->store, op->now_ms, op->actor, op->verb, object, op->reason);
    }
    op->done(op->arg, error, reason, counts != NULL ? counts : &none);
    change_free(op);
}

static struct changing *change_new(struct store *store, const char *carrier, uint32_t seq,
                                   const char *verb, const char *actor, const char *reason,
                                   int64_t now_ms, queue_changed_fn *done, void *arg)
{
    struct changing *op = calloc(1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->now_ms = now_ms;
    op->seq = seq;
    op->verb = verb;
    op->actor = strdup(actor);
    op->reason = strdup(reason);
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    if (op->actor == NULL || op->reason == NULL) {
        change_free(op);
        return NULL;
    }
    return op;
}

/* ---- pause, resume, cancel, miss ---- */

static const char *const act_words[] = {
    [ACT_PAUSE] = "pause", [ACT_RESUME] = "resume", [ACT_CANCEL] = "cancel", [ACT_MISS] = "miss"};

static void on_import_cancelled(void *arg, enum err error, const char *reason)
{
    change_end(arg, error, reason, NULL);
}

static void on_act(void *arg, enum err error, const redisReply *reply)
{
    struct changing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    struct queue_counts counts;
    if (answer.error != ERR_OK) {
        change_end(op, answer.error, answer.reason, NULL);
    } else if (answer.code == 0) {
        read_counts(&answer, 1, &counts);
        if (op->verb == act_words[ACT_CANCEL])
            owners_free_cancelled(op->store, op->carrier);
        change_end(op, ERR_OK, "", &counts);
    } else { /* cancelling an import throws it away */
        enum err err = queue_abort(op->store, op->carrier, op->seq, on_import_cancelled, op);
        if (err != ERR_OK)
            change_end(op, err, err_sentence(err), NULL);
    }
}

enum err queue_act(struct store *store, const char *carrier, uint32_t seq, enum campaign_act act,
                   const char *actor, const char *reason, int64_t until_ms, int64_t now_ms,
                   queue_changed_fn *done, void *arg)
{
    struct changing *op =
        change_new(store, carrier, seq, act_words[act], actor, reason, now_ms, done, arg);
    if (op == NULL)
        return ERR_NOMEM;
    struct call call;
    call_begin(&call, store, "or1_act", KEY_CARRIER, carrier);
    call_int(&call, seq);
    call_text(&call, act_words[act]);
    call_text(&call, actor);
    call_text(&call, reason);
    call_int(&call, until_ms);
    call_int(&call, now_ms);
    enum err error = call_send(&call, on_act, op);
    if (error != ERR_OK)
        change_free(op);
    return error;
}

/* ---- resolve ---- */

static const struct {
    const char *how, *verb;
} resolve_words[] = {[RESOLVE_RESEND] = {"resend", "resolve resend"},
                     [RESOLVE_ACCEPT] = {"accept", "resolve accept"},
                     [RESOLVE_FAIL] = {"fail", "resolve fail"}};

static void on_resolve(void *arg, enum err error, const redisReply *reply)
{
    struct changing *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    uint64_t still = (uint64_t)answer_int(&answer, 1);
    if (!op->begun) {
        op->begun = true;
        op->left = still;
    } else {
        op->left = op->left > RESOLVE_CHUNKS_A_CALL ? op->left - RESOLVE_CHUNKS_A_CALL : 0;
    }
    if (answer.error == ERR_OK && still > 0 && op->left > 0) {
        enum err err = call_send_kept(op->call, on_resolve, op);
        if (err != ERR_OK)
            change_end(op, err, err_sentence(err), NULL);
        return;
    }
    struct queue_counts counts;
    read_counts(&answer, 2, &counts);
    change_end(op, answer.error, answer.reason, &counts);
}

enum err queue_resolve(struct store *store, const char *carrier, uint32_t seq, enum resolve_as as,
                       const char *actor, const char *reason, int64_t now_ms,
                       queue_changed_fn *done, void *arg)
{
    struct changing *op =
        change_new(store, carrier, seq, resolve_words[as].verb, actor, reason, now_ms, done, arg);
    if (op == NULL)
        return ERR_NOMEM;
    struct call call;
    call_begin(&call, store, "or1_resolve", KEY_CARRIER, carrier);
    call_int(&call, seq);
    call_text(&call, resolve_words[as].how);
    call_int(&call, now_ms);
    call_int(&call, RESOLVE_CHUNKS_A_CALL);
    op->call = call_keep(&call);
    enum err error = op->call != NULL ? call_send_kept(op->call, on_resolve, op) : ERR_NOMEM;
    if (error != ERR_OK)
        change_free(op);
    return error;
}

/* ---- on_ambiguous = resend ---- */

struct resending {
    struct store *store;
    struct kept_call *call;
    queue_resent_fn *done;
    void *arg;
    int64_t now_ms;
    struct queue_resent sum;
    char carrier[KEY_SIZE];
};

static void resend_free(struct resending *op)
{
    call_forget(op->call);
    free(op);
}

static void resend_end(struct resending *op, enum err error)
{
    op->done(op->arg, error, &op->sum);
    resend_free(op);
}

/* One line for neighbouring chunks of one campaign. */
static void audit_resent(const struct resending *op, uint32_t seq, const struct queue_resent *part)
{
    char object[2 * KEY_SIZE], detail[128];
    snprintf(object, sizeof object, "%s:%" PRIu32, op->carrier, seq);
    snprintf(detail, sizeof detail,
             "on_ambiguous = resend: %" PRIu64 " silent recipients in %" PRIu64
             " chunks are sent once more",
             part->recipients, part->chunks);
    call_audit(op->store, op->now_ms, "policy", "resolve resend", object, detail);
}

static void on_resend_silent(void *arg, enum err error, const redisReply *reply)
{
    struct resending *op = arg;
    struct answer answer = answer_read(op->store, error, reply);
    struct queue_resent part = {0};
    for (size_t i = 2; answer.error == ERR_OK && i + 1 < answer_len(&answer); i += 2) {
        int64_t seq = answer_int(&answer, i);
        part.chunks++;
        part.recipients += (uint64_t)answer_int(&answer, i + 1);
        if (i + 3 < answer_len(&answer) && answer_int(&answer, i + 2) == seq)
            continue;
        audit_resent(op, (uint32_t)seq, &part);
        op->sum.chunks += part.chunks;
        op->sum.recipients += part.recipients;
        part = (struct queue_resent){0};
    }
    bool more = answer.error == ERR_OK && answer_int(&answer, 1) != 0;
    if (more)
        answer.error = call_send_kept(op->call, on_resend_silent, op);
    if (!more || answer.error != ERR_OK)
        resend_end(op, answer.error);
}

enum err queue_resend_silent(struct store *store, const char *carrier, int64_t silence_ms,
                             int64_t now_ms, queue_resent_fn *done, void *arg)
{
    struct resending *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->store = store;
    op->done = done;
    op->arg = arg;
    op->now_ms = now_ms;
    snprintf(op->carrier, sizeof op->carrier, "%s", carrier);
    struct call call;
    call_begin(&call, store, "or1_resend_silent", KEY_CARRIER, carrier);
    call_int(&call, silence_ms);
    call_int(&call, now_ms);
    call_int(&call, RESOLVE_CHUNKS_A_CALL);
    call_int(&call, store_utc_offset(store));
    op->call = call_keep(&call);
    enum err error = op->call != NULL ? call_send_kept(op->call, on_resend_silent, op) : ERR_NOMEM;
    if (error != ERR_OK)
        resend_free(op);
    return error;
}
