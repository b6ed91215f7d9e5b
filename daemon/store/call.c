/* Calls of library functions: arguments in, the first element of the answer out as an error code.
 */
#include "store/call.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "sms/mobile.h"

void call_begin(struct call *call, struct store *store, const char *function, const char *format,
                const char *name)
{
    call->store = store;
    call->argc = 0;
    call->used = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats are those of keys.h */
    int n = snprintf(call->key, sizeof call->key, format, store_prefix(store), name);
#pragma GCC diagnostic pop
    assert(n > 0 &&
           (size_t)n < sizeof call->key); /* prefix and names are checked where they are read */
    call_text(call, "FCALL");
    call_text(call, function);
    call_text(call, "1");
    call_text(call, call->key);
}

void call_bytes(struct call *call, const void *bytes, size_t len)
{
    assert(call->argc < CALL_ARGS_MAX);
    call->argv[call->argc] = len > 0 ? bytes : "";
    call->lens[call->argc++] = len;
}

void call_text(struct call *call, const char *text)
{
    call_bytes(call, text, strlen(text));
}

void call_int(struct call *call, int64_t value)
{
    char *at = call->numbers + call->used;
    int n = snprintf(at, sizeof call->numbers - call->used, "%" PRId64, value);
    assert(n > 0 && call->used + (size_t)n < sizeof call->numbers);
    call->used += (size_t)n + 1;
    call_bytes(call, at, (size_t)n);
}

enum err call_send(const struct call *call, redis_reply_fn *on_reply, void *arg)
{
    return redis_call(store_redis(call->store), on_reply, arg, call->argc, call->argv, call->lens);
}

enum err call_send_with(const struct call *call, redis_reply_fn *on_reply, const void *op,
                        size_t size)
{
    void *copy = malloc(size);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, op, size);
    enum err error = call_send(call, on_reply, copy);
    if (error != ERR_OK)
        free(copy);
    return error;
}

/* ---- kept calls ---- */

struct kept_call {
    struct store *store;
    int argc;
    const char *argv[CALL_ARGS_MAX];
    size_t lens[CALL_ARGS_MAX];
    char bytes[];
};

struct kept_call *call_keep(const struct call *call)
{
    size_t total = 0;
    for (int i = 0; i < call->argc; i++)
        total += call->lens[i];
    struct kept_call *kept = malloc(sizeof *kept + total + 1);
    if (kept == NULL)
        return NULL;
    kept->store = call->store;
    kept->argc = call->argc;
    char *at = kept->bytes;
    for (int i = 0; i < call->argc; i++) {
        memcpy(at, call->argv[i], call->lens[i]);
        kept->argv[i] = at;
        kept->lens[i] = call->lens[i];
        at += call->lens[i];
    }
    return kept;
}

enum err call_send_kept(const struct kept_call *kept, redis_reply_fn *on_reply, void *arg)
{
    return redis_call(store_redis(kept->store), on_reply, arg, kept->argc, kept->argv, kept->lens);
}

void call_forget(struct kept_call *kept)
{
    free(kept);
}

/* ---- answers ---- */

/* Errors of Redis itself, on a connection that is well. None of them has run the function: those
 * that pass by themselves are told as ERR_CLOSED, "call again with the same arguments". */
static const struct {
    const char *prefix;
    enum err error;
    bool look; /* look at the server again now */
    const char *reason;
} server_errors[] = {
    {"OOM", ERR_REFUSED, true,
     "Redis is at its memory limit (maxmemory): no new work is taken, outcomes are still recorded"},
    {"LOADING", ERR_CLOSED, true, "Redis is loading its data"},
    {"READONLY", ERR_CLOSED, true, "this Redis has become a read-only replica"},
    {"MISCONF", ERR_CLOSED, true, "Redis cannot write to its disk"},
    {"MASTERDOWN", ERR_CLOSED, true, "this Redis is a replica without its master"},
    {"NOAUTH", ERR_CLOSED, true, "Redis asks for a password"},
    {"NOPERM", ERR_REFUSED, true,
     "the user of Redis may not do this: its ACL needs ~prefix:* and +@all"},
    {"BUSY", ERR_CLOSED, false, "Redis is busy with a script"},
    {"NOREPLICAS", ERR_CLOSED, false, "Redis has too few replicas to write"},
    {"CLUSTERDOWN", ERR_CLOSED, false, "the Redis cluster is down"},
    {"TRYAGAIN", ERR_CLOSED, false, "the Redis cluster is moving this key"},
    {"ERR Function not found", ERR_CLOSED, true, "the function library was missing in Redis"},
};

static struct answer server_error(struct store *store, const redisReply *reply)
{
    for (size_t i = 0; i < sizeof server_errors / sizeof server_errors[0]; i++) {
        if (strncmp(reply->str, server_errors[i].prefix, strlen(server_errors[i].prefix)) != 0)
            continue;
        if (server_errors[i].look)
            redis_look_again(store_redis(store));
        return (struct answer){.error = server_errors[i].error, .reason = server_errors[i].reason};
    }
    char quoted[512];
    log_line(LOG_ERROR, "redis", "event=function_failed error=%s",
             log_quote(reply->str, quoted, sizeof quoted));
    return (struct answer){.error = ERR_PROTOCOL, .reason = reply->str};
}

struct answer answer_read(struct store *store, enum err error, const redisReply *reply)
{
    static const enum err codes[] = {ERR_OK, ERR_REFUSED, ERR_STALE, ERR_NOT_FOUND, ERR_BUSY};
    if (error == ERR_REFUSED && reply != NULL)
        return server_error(store, reply);
    if (error != ERR_OK)
        return (struct answer){.error = error, .reason = err_sentence(error)};
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER)
        return (struct answer){.error = ERR_PROTOCOL,
                               .reason = "Redis answered something that cannot be"};
    struct answer answer = {
        .error = ERR_OK, .reason = "", .code = reply->element[0]->integer, .reply = reply};
    if (answer.code >= 0 && (size_t)answer.code < sizeof codes / sizeof codes[0])
        answer.error = codes[answer.code];
    if (answer.error != ERR_OK)
        answer.reason = answer_text(&answer, 1);
    return answer;
}

size_t answer_len(const struct answer *answer)
{
    return answer->reply != NULL ? answer->reply->elements : 0;
}

const redisReply *answer_at(const struct answer *answer, size_t i)
{
    return i < answer_len(answer) ? answer->reply->element[i] : NULL;
}

int64_t answer_int(const struct answer *answer, size_t i)
{
    const redisReply *at = answer_at(answer, i);
    if (at == NULL)
        return 0;
    if (at->type == REDIS_REPLY_INTEGER)
        return at->integer;
    return at->type == REDIS_REPLY_STRING ? strtoll(at->str, NULL, 10) : 0;
}

const char *answer_text(const struct answer *answer, size_t i)
{
    const redisReply *at = answer_at(answer, i);
    return at != NULL && at->type == REDIS_REPLY_STRING ? at->str : "";
}

const uint8_t *answer_bytes(const struct answer *answer, size_t i, size_t *len)
{
    const redisReply *at = answer_at(answer, i);
    bool is = at != NULL && at->type == REDIS_REPLY_STRING;
    *len = is ? (size_t)at->len : 0;
    return is ? (const uint8_t *)at->str : NULL;
}

/* ---- yes or no ---- */

struct done_call {
    struct store *store;
    queue_done_fn *done;
    void *arg;
};

static void on_done(void *arg, enum err error, const redisReply *reply)
{
    struct done_call call = *(struct done_call *)arg;
    free(arg);
    struct answer answer = answer_read(call.store, error, reply);
    if (call.done != NULL)
        call.done(call.arg, answer.error, answer.reason);
}

enum err call_send_done(const struct call *call, queue_done_fn *done, void *arg)
{
    const struct done_call op = {call->store, done, arg};
    return call_send_with(call, on_done, &op, sizeof op);
}

void call_audited(struct call *call, const char *text, char room[AUDIT_TEXT_SIZE])
{
    size_t len = strlen(text);
    if (len >= AUDIT_TEXT_SIZE) {
        len = AUDIT_TEXT_SIZE - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(room, text, len);
    room[len] = '\0';
    mobile_mask_within(room);
    call_text(call, room);
}

void call_audit(struct store *store, int64_t at_ms, const char *actor, const char *act,
                const char *object, const char *detail)
{
    struct call call;
    call_begin(&call, store, "or1_audit", KEY_AUDIT, "");
    call_int(&call, at_ms);
    call_text(&call, actor);
    call_text(&call, act);
    char object_room[AUDIT_TEXT_SIZE], detail_room[AUDIT_TEXT_SIZE];
    call_audited(&call, object, object_room);
    call_audited(&call, detail, detail_room);
    if (call_send_done(&call, NULL, NULL) != ERR_OK)
        log_line(LOG_WARN, "redis", "event=audit_lost act=%s", act);
}
