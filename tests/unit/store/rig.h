/* What the tests of this room share: a real redis-server of their own on a Unix socket in a
 * temporary directory, a loop, a store on it, and calls that wait for their callback. The server
 * dies with the test, whatever happens to the test. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "store/optout.h"
#include "store/queue.h"
#include "store/status.h"
#include "store/store.h"

#define RIG_UNUSED __attribute__((unused))
#define RIG_PATIENCE_S 110 /* a test that hangs is killed, not waited for */

struct rig_server {
    pid_t pid;
    char dir[64], socket[96];
};

RIG_UNUSED static void rig_server_run(struct rig_server *server, const char *const *more)
{
    const char *argv[48] = {
        "redis-server", "--port",     "0",       "--unixsocket", server->socket, "--dir",
        server->dir,    "--save",     "",        "--appendonly", "yes",          "--appendfsync",
        "everysec",     "--loglevel", "warning", "--logfile",    "redis.log"};
    int n = 17;
    for (; more != NULL && *more != NULL; more++)
        argv[n++] = *more;
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
}

/* Waits until it answers; a connection that is refused means: not yet. */
RIG_UNUSED static redisContext *rig_connect(const struct rig_server *server)
{
    for (;;) {
        redisContext *context = redisConnectUnix(server->socket);
        assert_non_null(context);
        if (context->err == 0) {
            redisReply *reply = redisCommand(context, "PING");
            bool up = reply != NULL && reply->type == REDIS_REPLY_STATUS;
            freeReplyObject(reply);
            if (up)
                return context;
        }
        redisFree(context);
        int status;
        assert_int_equal(waitpid(server->pid, &status, WNOHANG), 0); /* it is still there */
        usleep(5000);
    }
}

RIG_UNUSED static void rig_server_start(struct rig_server *server, const char *const *more)
{
    alarm(RIG_PATIENCE_S);
    signal(SIGPIPE, SIG_IGN);
    strcpy(server->dir, "/tmp/outreach-store-XXXXXX");
    assert_non_null(mkdtemp(server->dir));
    snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->dir);
    rig_server_run(server, more);
    redisFree(rig_connect(server));
}

RIG_UNUSED static void rig_server_kill(struct rig_server *server)
{
    int status;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, &status, 0);
}

RIG_UNUSED static int rig_remove(const char *path, const struct stat *info, int type,
                                 struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

RIG_UNUSED static void rig_server_stop(struct rig_server *server)
{
    rig_server_kill(server);
    nftw(server->dir, rig_remove, 8, FTW_DEPTH | FTW_PHYS);
    alarm(0);
}

/* ---- a store on a loop ---- */

struct rig {
    struct rig_server server;
    struct event_base *base;
    struct store *store;
    enum redis_health health;
    char sentence[512];
    unsigned changes;    /* of health */
    redisContext *admin; /* a connection of our own, to look behind the scenes */
    struct redis_options options;
};

RIG_UNUSED static void rig_on_health(void *arg, enum redis_health health, const char *sentence)
{
    struct rig *rig = arg;
    rig->health = health;
    rig->changes++;
    snprintf(rig->sentence, sizeof rig->sentence, "%s", sentence);
}

RIG_UNUSED static void rig_turn(struct rig *rig)
{
    assert_int_equal(event_base_loop(rig->base, EVLOOP_ONCE), 0);
}

RIG_UNUSED static void rig_until(struct rig *rig, enum redis_health health)
{
    while (rig->health != health)
        rig_turn(rig);
}

/* Connects without waiting for anything. */
RIG_UNUSED static void rig_open(struct rig *rig)
{
    rig->base = event_base_new();
    rig->health = REDIS_CONNECTING;
    rig->options.is_unix = true;
    rig->options.host = rig->server.socket;
    if (rig->options.timeout_ms == 0)
        rig->options.timeout_ms = 20000;
    assert_int_equal(store_new(rig->base, &rig->options, "t", rig_on_health, rig, &rig->store),
                     ERR_OK);
}

/* `more`: arguments of the server, up to a NULL; NULL: none. */
RIG_UNUSED static void rig_start_with(struct rig *rig, const char *const *more)
{
    memset(rig, 0, sizeof *rig);
    rig_server_start(&rig->server, more);
    rig->admin = rig_connect(&rig->server);
    rig_open(rig);
    rig_until(rig, REDIS_READY);
}

RIG_UNUSED static void rig_start(struct rig *rig)
{
    rig_start_with(rig, NULL);
}

RIG_UNUSED static void rig_stop(struct rig *rig)
{
    store_free(rig->store);
    event_base_free(rig->base);
    if (rig->admin != NULL)
        redisFree(rig->admin);
    rig_server_stop(&rig->server);
}

/* One command behind the scenes; the caller frees the answer. */
RIG_UNUSED static redisReply *rig_admin(struct rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(rig->admin, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    return reply;
}
#define rig_do(rig, ...) freeReplyObject(rig_admin(rig, __VA_ARGS__))

RIG_UNUSED static long long rig_number(struct rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(rig->admin, format, args);
    va_end(args);
    assert_non_null(reply);
    long long value = reply->type == REDIS_REPLY_INTEGER  ? reply->integer
                      : reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10)
                      : reply->type == REDIS_REPLY_ARRAY  ? (long long)reply->elements
                                                          : -1;
    freeReplyObject(reply);
    return value;
}

/* ---- calls that wait ---- */

struct rig_answer {
    struct rig *rig;
    unsigned calls; /* exactly one is right */
    enum err error;
    char reason[512];
    uint32_t seq;
    struct queue_counts counts;
    struct queue_swept swept;
    struct queue_resent resent;
    struct status_stored stored;
    struct campaign_view view;
    size_t n;
    /* claim */
    enum claim_result result;
    uint32_t chunk, attempts;
    uint64_t token;
    int64_t wait_ms;
    uint8_t numbers[5 * CHUNK_MAX], states[CHUNK_MAX], mine[CHUNK_MAX], flags[10000];
    size_t values_len;
    uint64_t fresh;
    struct carrier_view carrier;
    char state[32], texts[4][128];
};

RIG_UNUSED static void rig_wait(struct rig_answer *answer)
{
    assert_int_equal(answer->calls, 0); /* never before the call returns */
    while (answer->calls == 0)
        rig_turn(answer->rig);
    assert_int_equal(answer->calls, 1);
}

RIG_UNUSED static void rig_got(struct rig_answer *answer, enum err error, const char *reason)
{
    answer->calls++;
    answer->error = error;
    snprintf(answer->reason, sizeof answer->reason, "%s", reason != NULL ? reason : "");
}

RIG_UNUSED static void rig_on_done(void *arg, enum err error, const char *reason)
{
    rig_got(arg, error, reason);
}

/* RIG_CALL(answer, rig, queue_abort(…, rig_on_done, &answer)) */
#define RIG_CALL(answer, the_rig, expression)                                                      \
    do {                                                                                           \
        memset(&(answer), 0, offsetof(struct rig_answer, numbers));                                \
        (answer).rig = (the_rig);                                                                  \
        assert_int_equal((expression), ERR_OK);                                                    \
        rig_wait(&(answer));                                                                       \
    } while (0)

RIG_UNUSED static void rig_on_begin(void *arg, enum err error, const char *reason, uint32_t seq)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, reason);
    answer->seq = seq;
}

RIG_UNUSED static void rig_on_claim(void *arg, enum err error, const struct queue_claim *claim)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, claim->reason);
    answer->result = claim->result;
    answer->wait_ms = claim->wait_ms;
    answer->chunk = claim->chunk;
    answer->token = claim->token;
    answer->attempts = claim->attempts;
    answer->n = claim->n;
    answer->values_len = claim->values_len;
    if (claim->n > 0) {
        memcpy(answer->numbers, claim->numbers, 5 * claim->n);
        memcpy(answer->states, claim->states, claim->n);
    }
}

RIG_UNUSED static void rig_on_intent(void *arg, const struct queue_intent *intent)
{
    struct rig_answer *answer = arg;
    rig_got(answer, intent->error, intent->reason);
    answer->wait_ms = intent->wait_ms;
    answer->n = intent->n;
    if (intent->n > 0)
        memcpy(answer->mine, intent->mine, intent->n);
}

RIG_UNUSED static void rig_on_suppress(void *arg, enum err error, const char *reason,
                                       const uint8_t *are, size_t n)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, reason);
    answer->n = n;
    if (n > 0)
        memcpy(answer->mine, are, n);
}

RIG_UNUSED static void rig_on_swept(void *arg, enum err error, const struct queue_swept *swept)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->swept = *swept;
}

RIG_UNUSED static void rig_on_changed(void *arg, enum err error, const char *reason,
                                      const struct queue_counts *counts)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, reason);
    answer->counts = *counts;
}

RIG_UNUSED static void rig_on_resent(void *arg, enum err error, const struct queue_resent *resent)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->resent = *resent;
}

RIG_UNUSED static void rig_on_stored(void *arg, enum err error, const struct status_stored *stored)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->stored = *stored;
}

/* Copies numbers and the state; the other texts of the view are gone when it returns. */
RIG_UNUSED static void rig_on_view(void *arg, enum err error, const struct campaign_view *views,
                                   size_t n)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->n = n;
    if (n == 0)
        return;
    answer->view = views[0];
    snprintf(answer->state, sizeof answer->state, "%s", views[0].state);
    snprintf(answer->reason, sizeof answer->reason, "%s", views[0].wait_reason);
    snprintf(answer->texts[0], sizeof answer->texts[0], "%s", views[0].fields.id);
    snprintf(answer->texts[1], sizeof answer->texts[1], "%s", views[0].fields.text);
    snprintf(answer->texts[2], sizeof answer->texts[2], "%s", views[0].wait_actor);
}

RIG_UNUSED static void rig_on_lookup(void *arg, enum err error, const uint8_t *flags, size_t n)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->n = n;
    memcpy(answer->flags, flags, n);
}

RIG_UNUSED static void rig_on_added(void *arg, enum err error, uint64_t fresh)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->fresh = fresh;
}

RIG_UNUSED static void rig_on_carrier(void *arg, enum err error, const struct carrier_view *view)
{
    struct rig_answer *answer = arg;
    rig_got(answer, error, "");
    answer->carrier = *view;
    snprintf(answer->state, sizeof answer->state, "%s", view->state);
    snprintf(answer->texts[0], sizeof answer->texts[0], "%s", view->reason);
    snprintf(answer->texts[1], sizeof answer->texts[1], "%s", view->code);
    snprintf(answer->texts[2], sizeof answer->texts[2], "%s", view->last_unknown_code);
}

/* ---- campaigns for tests ---- */

#define RIG_NOW INT64_C(1792198800000) /* 2026-10-17 09:00 in China */
#define RIG_FIRST UINT64_C(15400000000)

RIG_UNUSED static struct campaign_fields rig_fields(const char *id)
{
    return (struct campaign_fields){.id = id,
                                    .title = "t",
                                    .carrier = "mas",
                                    .dedup_group = "",
                                    .region = "513327205",
                                    .class_word = "publicity",
                                    .on_ambiguous = "hold",
                                    .signature = "s",
                                    .text = "10月17日是全国扶贫日",
                                    .optout = "",
                                    .parent = "",
                                    .actor = "uid:clerk1",
                                    .source_file = "x.csv",
                                    .start_ms = RIG_NOW,
                                    .end_ms = RIG_NOW + 36000000,
                                    .late_after_ms = 1800000,
                                    .window_from_min = 480,
                                    .window_to_min = 1260,
                                    .max_segments = 1,
                                    .price_fen = 5};
}

/* What the text of recipient `i` weighs in rig_launch. */
RIG_UNUSED static uint32_t rig_segments(const struct campaign_fields *fields, size_t i)
{
    return fields->personal ? 1 + (uint32_t)(i % 3) : 1;
}

/* A campaign of `n` recipients with numbers first, first + step …: 10 in the canary, then chunks of
 * `size`. */
RIG_UNUSED static uint32_t rig_launch(struct rig *rig, struct campaign_fields fields,
                                      uint64_t first, uint64_t step, size_t n, size_t size)
{
    static struct rig_answer answer;
    struct chunk_row rows[CHUNK_MAX];
    RIG_CALL(answer, rig, queue_begin(rig->store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    assert_int_equal(answer.error, ERR_OK);
    uint32_t seq = answer.seq, chunk = 0;
    for (size_t at = 0; at < n; chunk++) {
        size_t want = chunk == 0 ? 10 : size;
        if (want > n - at)
            want = n - at;
        for (size_t i = 0; i < want; i++)
            rows[i] = (struct chunk_row){
                .number = first + step * (at + i),
                .values = fields.personal ? (const uint8_t *)"\x03\xe5\xbc\xa0" : NULL,
                .values_len = fields.personal ? 4 : 0,
                .segments = rig_segments(&fields, at + i)};
        for (size_t i = 0; i < want; i++)
            fields.segments_total += rows[i].segments;
        struct chunk_ref ref = {fields.carrier, seq, chunk};
        RIG_CALL(answer, rig, queue_stage(rig->store, ref, rows, want, rig_on_done, &answer));
        assert_int_equal(answer.error, ERR_OK);
        at += want;
    }
    RIG_CALL(
        answer, rig,
        queue_commit(rig->store, seq, &fields, chunk, n, 0, false, RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return seq;
}

RIG_UNUSED static void rig_view(struct rig *rig, uint32_t seq, struct rig_answer *answer)
{
    char id[16];
    snprintf(id, sizeof id, "#%u", seq);
    RIG_CALL(*answer, rig, queue_find(rig->store, "mas", id, rig_on_view, answer));
}

RIG_UNUSED static uint64_t rig_count(const struct queue_counts *counts, enum recipient_state state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (state_all[i] == state)
            return counts->of[i];
    }
    return UINT64_MAX;
}

/* What daemons wait for runs by the clock of Redis, which is a real one: as if `ms` more had passed
 * on it since all that now counts. Bounds in tests leave room for the real time that passes
 * besides, which is less than RIG_PATIENCE_S. */
RIG_UNUSED static void rig_age(struct rig *rig, int64_t ms)
{
    static const char script[] =
        "local call, by = redis.call, tonumber(ARGV[1]) "
        "for _, key in ipairs({'cl', 'rs', unpack(call('KEYS', KEYS[1] .. 'rz:*'))}) do "
        "  if key == 'cl' or key == 'rs' then key = KEYS[1] .. key end "
        "  for _, one in ipairs(call('ZRANGE', key, 0, -1)) do call('ZINCRBY', key, -by, one) end "
        "end "
        "local buckets = call('HGETALL', KEYS[1] .. 'tb') "
        "for i = 1, #buckets, 2 do "
        "  local free, added = string.match(buckets[i + 1], '^(.-):(.+)$') "
        "  call('HSET', KEYS[1] .. 'tb', buckets[i], string.format('%.3f:%s', free - by, added)) "
        "end "
        "if tonumber(call('HGET', KEYS[1] .. 'carrier', 'resume_at') or 0) > 0 then "
        "  call('HINCRBY', KEYS[1] .. 'carrier', 'resume_at', -by) end";
    rig_do(rig, "EVAL %s 1 t:{mas}: %lld", script, (long long)ms);
}

/* The counters agree with the records. */
RIG_UNUSED static void rig_verify(struct rig *rig, uint32_t seq)
{
    static struct rig_answer answer;
    RIG_CALL(answer, rig, queue_verify(rig->store, "mas", seq, rig_on_done, &answer));
    if (answer.error != ERR_OK)
        fail_msg("campaign %u: %s", seq, answer.reason);
}
