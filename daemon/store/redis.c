/* The connection. What hiredis 0.14 leaves to us: libevent events that stay registered, a timer for
 * the oldest command without an answer (which covers connecting too, since the first check is given
 * at once), reconnecting with jittered backoff, and a look at the server before anybody may use it.
 *
 * Two connections of one daemon must never speak at the same time: what a lost connection had
 * written may still be read by Redis after its successor's first commands, and a settlement that
 * was repeated meanwhile would then be applied to a later attempt. So the first thing a new
 * connection does is to have Redis kill the one before it (CLIENT KILL ID, unless Redis itself was
 * restarted), and only then commands are let through. */
#include "store/redis.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/replies.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 5000
#define LOOK_LOADING_MS 500
#define LOOK_UNFIT_MS 1000
#define VERSION_MIN_MAJOR 7
#define ROUND_TRIP_WEIGHT 32 /* the newest round trip counts 1/32 */

struct op { /* a command without an answer */
    struct op *next;
    struct redis *redis;
    redis_reply_fn *on_reply;
    void *arg;
    char *bytes; /* the command as sent, kept for functions: see `waiting` */
    size_t len;
    int64_t sent_ms;
    bool repeated;
};
struct op_list {
    struct op *head, *tail;
};

struct redis {
    struct event_base *base;
    struct redis_options options;
    char *host, *password;
    void (*on_health)(void *arg, enum redis_health health, const char *sentence);
    void *arg;
    void (*fit)(void *arg);
    void *fit_arg;

    redisAsyncContext *context; /* NULL: no connection */
    struct replies *replies;    /* what answers are made of */
    struct event *on_read, *on_write;
    bool reading, writing;
    bool broken;         /* the context is dying: nothing more may be given to it */
    enum err drop_error; /* what commands get that die with the context */
    struct op_list pending,
        waiting; /* waiting: missed a function, until the library is loaded again */
    size_t n_pending;
    struct loop_timer *deadline, *retry, *look;
    int64_t backoff_ms, round_trip_us;

    enum redis_health health;
    char sentence[512];
    size_t step;       /* of the check */
    bool checking;     /* a check is under way */
    bool fitting;      /* `fit` has not called back */
    bool fit_in_check; /* it is the last step of a check */
    bool carried; /* this connection was READY once, so that it may have carried commands of ours */
    bool warned_config, warned_kill;
    long long client_id, former_id; /* of this connection and the one before; 0: none */
    char run_id[48], former_run_id[48];
    char role[16];
    bool loading, aof_write_ok;
    struct redis_facts facts;
};

static void connect_now(void *arg);
static void check_start(struct redis *redis);

/* ---- the list of commands without an answer ---- */

static void op_append(struct op_list *list, struct op *op)
{
    op->next = NULL;
    if (list->tail != NULL)
        list->tail->next = op;
    else
        list->head = op;
    list->tail = op;
}

static struct op *op_take(struct op_list *list)
{
    struct op *op = list->head;
    if (op != NULL) {
        list->head = op->next;
        if (list->head == NULL)
            list->tail = NULL;
    }
    return op;
}

static void op_end(struct op *op, enum err error, const redisReply *reply)
{
    redis_reply_fn *on_reply = op->on_reply;
    void *arg = op->arg;
    free(op->bytes);
    free(op);
    on_reply(arg, error, reply);
}

/* ---- health ---- */

static void set_health(struct redis *redis, enum redis_health health, const char *sentence)
{
    if (redis->health == health && strcmp(redis->sentence, sentence) == 0)
        return;
    redis->health = health;
    snprintf(redis->sentence, sizeof redis->sentence, "%s", sentence);
    redis->on_health(redis->arg, health, redis->sentence);
}

enum redis_health redis_health(const struct redis *redis, const char **sentence)
{
    if (sentence != NULL)
        *sentence = redis->sentence;
    return redis->health;
}

const struct redis_facts *redis_facts(const struct redis *redis)
{
    return &redis->facts;
}

const struct redis_options *redis_address(const struct redis *redis)
{
    return &redis->options;
}

size_t redis_pending(const struct redis *redis)
{
    return redis->n_pending;
}

int64_t redis_round_trip_us(const struct redis *redis)
{
    return redis->round_trip_us;
}

/* ---- losing a connection ---- */

/* Commands that wait for the library have no connection of their own: they end with it. */
static void end_waiting(struct redis *redis, enum err error)
{
    struct op *op;
    while ((op = op_take(&redis->waiting)) != NULL) {
        redis->n_pending--;
        op_end(op, error, NULL);
    }
}

static void retry_later(struct redis *redis)
{
    int64_t half = redis->backoff_ms / 2;
    loop_timer_arm(redis->retry, half + (int64_t)(ids_random_u64() % (uint64_t)(half + 1)));
    redis->backoff_ms =
        redis->backoff_ms * 2 < BACKOFF_MAX_MS ? redis->backoff_ms * 2 : BACKOFF_MAX_MS;
}

/* Called once a context, when it is gone or about to be freed by hiredis. */
static void forget_context(struct redis *redis)
{
    redis->context = NULL;
    redis->checking = redis->fitting = false;
    if (redis->carried && redis->client_id != 0) {
        redis->former_id = redis->client_id;
        memcpy(redis->former_run_id, redis->run_id, sizeof redis->run_id);
    }
    redis->carried = false;
    redis->client_id = 0;
    loop_timer_stop(redis->deadline);
    loop_timer_stop(redis->look);
    end_waiting(redis, redis->drop_error);
}

static void unreachable(struct redis *redis, const char *why)
{
    char sentence[sizeof redis->sentence];
    snprintf(sentence, sizeof sentence, "Redis at %s is unreachable: %s", redis->host, why);
    set_health(redis, REDIS_UNREACHABLE, sentence);
    retry_later(redis);
}

/* We give the connection up: every command on it ends with `error`. */
static void drop(struct redis *redis, enum err error, const char *why)
{
    redisAsyncContext *context = redis->context;
    redis->broken = true;
    redis->drop_error = error;
    redis->context = NULL;
    redisAsyncFree(context);
    forget_context(redis);
    unreachable(redis, why);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;
    if (status == REDIS_OK || redis->context != context)
        return;
    char why[256];
    snprintf(why, sizeof why, "%s",
             context->errstr != NULL ? context->errstr : "connection failed");
    redis->broken = true;
    forget_context(redis); /* hiredis frees it, and ends its commands, after this */
    unreachable(redis, why);
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    (void)status;
    struct redis *redis = context->data;
    if (redis->context != context)
        return;
    char why[256];
    snprintf(why, sizeof why, "%s", context->err != 0 ? context->errstr : "connection closed");
    redis->broken = true;
    forget_context(redis);
    unreachable(redis, why);
}

static void on_deadline(void *arg)
{
    struct redis *redis = arg;
    struct op *oldest = redis->pending.head;
    if (oldest == NULL || redis->context == NULL)
        return;
    int64_t left = oldest->sent_ms + redis->options.timeout_ms - clock_mono_ms();
    if (left > 0) {
        loop_timer_arm(redis->deadline, left);
        return;
    }
    char why[96];
    snprintf(why, sizeof why, "no answer within %" PRId64 " ms", redis->options.timeout_ms);
    drop(redis, ERR_TIMEOUT, why);
}

/* ---- commands ---- */

static bool is_missing_function(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, "ERR Function not found", 22) == 0;
}

static void fit_start(struct redis *redis, bool in_check)
{
    redis->fitting = true;
    redis->fit_in_check = in_check;
    redis->fit(redis->fit_arg);
}

static void on_answer(redisAsyncContext *context, void *reply_void, void *privdata)
{
    (void)context;
    struct op *op = privdata;
    struct redis *redis = op->redis;
    const redisReply *reply = reply_void;
    struct op *head = op_take(&redis->pending);
    assert(head == op); /* answers come in order */

    if (reply == NULL) {
        redis->broken = true;
        redis->n_pending--;
        op_end(op, redis->drop_error, NULL);
        return;
    }
    int64_t took_us = (clock_mono_ms() - op->sent_ms) * 1000;
    redis->round_trip_us += (took_us - redis->round_trip_us) / ROUND_TRIP_WEIGHT;
    if (is_missing_function(reply) && redis->fit != NULL && op->bytes != NULL && !op->repeated &&
        redis->health == REDIS_READY) {
        op_append(&redis->waiting, op);
        if (!redis->fitting)
            fit_start(redis, false);
        return;
    }
    redis->n_pending--;
    op_end(op, reply->type == REDIS_REPLY_ERROR ? ERR_REFUSED : ERR_OK, reply);
}

/* Hands an op to hiredis. False: it was not taken. */
static bool op_send(struct redis *redis, struct op *op, const char *bytes, size_t len)
{
    if (redisAsyncFormattedCommand(redis->context, on_answer, op, bytes, len) != REDIS_OK)
        return false;
    op->sent_ms = clock_mono_ms();
    if (redis->pending.head == NULL)
        loop_timer_arm(redis->deadline, redis->options.timeout_ms);
    op_append(&redis->pending, op);
    return true;
}

static enum err give(struct redis *redis, bool is_function, redis_reply_fn *on_reply, void *arg,
                     int argc, const char *const *argv, const size_t *lens)
{
    if (redis->context == NULL || redis->broken)
        return ERR_CLOSED;
    if (redis->n_pending >= REDIS_PENDING_MAX)
        return ERR_BUSY;
    struct op *op = calloc(1, sizeof *op);
    char *bytes = NULL;
    int len = op != NULL ? redisFormatCommandArgv(&bytes, argc, (const char **)argv, lens) : -1;
    if (len < 0) {
        free(op);
        return ERR_NOMEM;
    }
    op->redis = redis;
    op->on_reply = on_reply;
    op->arg = arg;
    if (!op_send(redis, op, bytes, (size_t)len)) {
        free(bytes);
        free(op);
        return ERR_CLOSED;
    }
    redis->n_pending++;
    if (is_function) {
        op->bytes = bytes;
        op->len = (size_t)len;
    } else {
        free(bytes);
    }
    return ERR_OK;
}

enum err redis_call(struct redis *redis, redis_reply_fn *on_reply, void *arg, int argc,
                    const char *const *argv, const size_t *lens)
{
    if (redis->health != REDIS_READY)
        return ERR_CLOSED;
    return give(redis, strncasecmp(argv[0], "FCALL", 5) == 0, on_reply, arg, argc, argv, lens);
}

enum err redis_call_anyway(struct redis *redis, redis_reply_fn *on_reply, void *arg, int argc,
                           const char *const *argv, const size_t *lens)
{
    return give(redis, false, on_reply, arg, argc, argv, lens);
}

/* ---- the check: a table of steps, each one command and what its answer must say ---- */

/* What a step found: nothing wrong, or a sentence and the health that goes with it. */
struct finding {
    enum redis_health health; /* REDIS_READY: nothing wrong */
    char sentence[512];
};

static void found(struct finding *finding, enum redis_health health, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void found(struct finding *finding, enum redis_health health, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    finding->health = health;
    vsnprintf(finding->sentence, sizeof finding->sentence, format, args);
    va_end(args);
}

static bool wants_auth(const struct redis *redis)
{
    return redis->password != NULL && redis->client_id == 0;
}
static bool wants_select(const struct redis *redis)
{
    return redis->options.db != 0 && redis->client_id == 0;
}
static bool wants_id(const struct redis *redis)
{
    return redis->client_id == 0;
}
/* A restarted server numbers its clients anew: the former id may be anybody's. */
static bool wants_kill(const struct redis *redis)
{
    return redis->former_id != 0 && strcmp(redis->former_run_id, redis->run_id) == 0;
}
static bool wants_always(const struct redis *redis)
{
    (void)redis;
    return true;
}

static void took_auth(struct redis *redis, const redisReply *reply, struct finding *finding)
{
    (void)redis;
    if (reply->type == REDIS_REPLY_ERROR)
        found(finding, REDIS_UNFIT, "Redis refuses the password: %s", reply->str);
}

static void took_select(struct redis *redis, const redisReply *reply, struct finding *finding)
{
    if (reply->type == REDIS_REPLY_ERROR)
        found(finding, REDIS_UNFIT, "Redis has no database %" PRIu32 ": %s", redis->options.db,
              reply->str);
}

static void took_id(struct redis *redis, const redisReply *reply, struct finding *finding)
{
    if (reply->type == REDIS_REPLY_INTEGER)
        redis->client_id = reply->integer;
    else if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0)
        found(finding, REDIS_UNFIT, "Redis asks for a password: set password_file in [redis]");
    else if (reply->type == REDIS_REPLY_ERROR && !redis->warned_kill) {
        redis->warned_kill = true;
        log_line(LOG_WARN, "redis",
                 "event=no_client_id text=\"CLIENT ID is not allowed: a lost connection cannot be "
                 "fenced off\"");
    }
}

/* The value of "key:" in an INFO text; "" when it is not there. */
static void info_value(const char *info, const char *key, char *out, size_t size)
{
    size_t len = strlen(key);
    out[0] = '\0';
    for (const char *line = info; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        if (strncmp(line, key, len) == 0 && line[len] == ':') {
            const char *value = line + len + 1;
            size_t n = strcspn(value, "\r\n");
            if (n >= size)
                n = size - 1;
            memcpy(out, value, n);
            out[n] = '\0';
            return;
        }
        line = end != NULL ? end + 1 : NULL;
    }
}

static uint64_t info_number(const char *info, const char *key)
{
    char text[32];
    info_value(info, key, text, sizeof text);
    return strtoull(text, NULL, 10);
}

static void read_info(struct redis *redis, const char *info)
{
    char text[32];
    struct redis_facts *facts = &redis->facts;
    info_value(info, "redis_version", facts->version, sizeof facts->version);
    info_value(info, "run_id", redis->run_id, sizeof redis->run_id);
    info_value(info, "role", redis->role, sizeof redis->role);
    info_value(info, "maxmemory_policy", facts->maxmemory_policy, sizeof facts->maxmemory_policy);
    info_value(info, "aof_last_write_status", text, sizeof text);
    redis->aof_write_ok = strcmp(text, "err") != 0;
    redis->loading = info_number(info, "loading") != 0 || info_number(info, "async_loading") != 0;
    facts->aof_enabled = info_number(info, "aof_enabled") != 0;
    facts->used_memory = info_number(info, "used_memory");
    facts->maxmemory = info_number(info, "maxmemory");
}

static void took_info(struct redis *redis, const redisReply *reply, struct finding *finding)
{
    if (reply->type != REDIS_REPLY_STRING) {
        bool auth = reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOAUTH", 6) == 0;
        found(finding, REDIS_UNFIT,
              auth ? "Redis asks for a password: set password_file in [redis] (%s)"
                   : "Redis refuses INFO: %s",
              reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected answer");
        return;
    }
    read_info(redis, reply->str);
    const struct redis_facts *facts = &redis->facts;
    if (atoi(facts->version) < VERSION_MIN_MAJOR)
        found(finding, REDIS_UNFIT, "Redis %s is too old: outreachd needs 7.0 or newer (functions)",
              facts->version);
    else if (redis->loading)
        found(finding, REDIS_LOADING, "Redis is loading its data");
    else if (strcmp(redis->role, "master") != 0)
        found(finding, REDIS_UNFIT,
              "this Redis is a read-only replica: give the address of its master");
    else if (!facts->aof_enabled && !redis->options.i_accept_data_loss)
        found(finding, REDIS_UNFIT,
              "Redis runs with appendonly no and would forget acknowledged messages when it stops: "
              "set `appendonly yes` in its "
              "configuration (or i_accept_data_loss = yes in [redis])");
    else if (!redis->aof_write_ok)
        found(finding, REDIS_UNFIT,
              "Redis cannot write its append-only file (aof_last_write_status:err): is its disk "
              "full?");
    else if (strcmp(facts->maxmemory_policy, "noeviction") != 0)
        found(finding, REDIS_UNFIT,
              "Redis runs with maxmemory-policy %s and may throw queued messages away: set "
              "`maxmemory-policy noeviction`",
              facts->maxmemory_policy);
}

static void took_kill(struct redis *redis, const redisReply *reply, struct finding *finding)
{
    (void)finding;
    redis->former_id = 0;
    if (reply->type == REDIS_REPLY_ERROR && !redis->warned_kill) {
        redis->warned_kill = true;
        log_line(LOG_WARN, "redis",
                 "event=no_fence text=\"CLIENT KILL is not allowed: a lost connection cannot be "
                 "fenced off\"");
    }
}

static void took_config(struct redis *redis, const redisReply *reply, struct finding *finding)
{
    char *fsync = redis->facts.appendfsync;
    fsync[0] = '\0';
    if (reply->type == REDIS_REPLY_ERROR && !redis->warned_config) {
        redis->warned_config = true;
        log_line(
            LOG_WARN, "redis",
            "event=unchecked text=\"CONFIG GET is not allowed: appendfsync could not be checked\"");
    }
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        if (strcmp(reply->element[i]->str, "appendfsync") == 0)
            snprintf(fsync, sizeof redis->facts.appendfsync, "%s", reply->element[i + 1]->str);
    }
    if (redis->facts.aof_enabled && strcmp(fsync, "no") == 0 && !redis->options.i_accept_data_loss)
        found(finding, REDIS_UNFIT,
              "Redis runs with appendfsync no and would forget half a minute at a power cut: set "
              "`appendfsync always` (or "
              "everysec)");
}

/* %p password, %d database, %k the former connection */
static const struct step {
    int argc;
    const char *argv[4];
    bool (*wants)(const struct redis *redis);
    void (*took)(struct redis *redis, const redisReply *reply, struct finding *finding);
} steps[] = {
    {2, {"AUTH", "%p"}, wants_auth, took_auth},
    {2, {"SELECT", "%d"}, wants_select, took_select},
    {2, {"CLIENT", "ID"}, wants_id, took_id},
    {1, {"INFO"}, wants_always, took_info},
    {4, {"CLIENT", "KILL", "ID", "%k"}, wants_kill, took_kill},
    {3, {"CONFIG", "GET", "appendfsync"}, wants_always, took_config},
};
#define N_STEPS (sizeof steps / sizeof steps[0])

static int64_t look_delay_ms(enum redis_health health)
{
    return health == REDIS_LOADING ? LOOK_LOADING_MS
           : health == REDIS_UNFIT ? LOOK_UNFIT_MS
                                   : REDIS_LOOK_MS;
}

static void check_ended(struct redis *redis, enum redis_health health, const char *sentence)
{
    redis->checking = false;
    set_health(redis, health, sentence);
    if (redis->context != NULL)
        loop_timer_arm(redis->look, look_delay_ms(health));
}

static void ready(struct redis *redis)
{
    redis->backoff_ms = BACKOFF_FIRST_MS;
    redis->carried = true;
    check_ended(redis, REDIS_READY, "Redis is ready");
}

static void step_go(struct redis *redis);

static void on_step(void *arg, enum err error, const redisReply *reply)
{
    struct redis *redis = arg;
    if (reply == NULL)
        return; /* the connection is gone, and the check with it */
    (void)error;
    struct finding finding = {.health = REDIS_READY};
    steps[redis->step].took(redis, reply, &finding);
    if (finding.health != REDIS_READY) {
        check_ended(redis, finding.health, finding.sentence);
        return;
    }
    redis->step++;
    step_go(redis);
}

static void step_go(struct redis *redis)
{
    while (redis->step < N_STEPS && !steps[redis->step].wants(redis))
        redis->step++;
    if (redis->step == N_STEPS) {
        if (redis->fit == NULL || redis->health == REDIS_READY)
            ready(redis);
        else
            fit_start(redis, true);
        return;
    }
    const struct step *step = &steps[redis->step];
    const char *argv[4];
    size_t lens[4];
    char number[32];
    for (int i = 0; i < step->argc; i++) {
        argv[i] = step->argv[i];
        if (strcmp(argv[i], "%p") == 0) {
            argv[i] = redis->password;
        } else if (argv[i][0] == '%') {
            snprintf(number, sizeof number, "%lld",
                     argv[i][1] == 'd' ? (long long)redis->options.db : redis->former_id);
            argv[i] = number;
        }
        lens[i] = strlen(argv[i]);
    }
    if (give(redis, false, on_step, redis, step->argc, argv, lens) != ERR_OK)
        check_ended(redis, redis->health, "no memory for a command to Redis");
}

static void check_start(struct redis *redis)
{
    if (redis->checking || redis->fitting || redis->context == NULL)
        return;
    redis->checking = true;
    redis->step = 0;
    step_go(redis);
}

static void on_look(void *arg)
{
    check_start(arg);
}

void redis_look_again(struct redis *redis)
{
    if (redis->context != NULL && !redis->broken)
        loop_timer_arm(redis->look, 0);
}

void redis_set_fit(struct redis *redis, void (*fit)(void *arg), void *arg)
{
    redis->fit = fit;
    redis->fit_arg = arg;
}

void redis_fit_says(struct redis *redis, const char *sentence)
{
    if (redis->fitting && redis->fit_in_check)
        set_health(redis, REDIS_LOADING, sentence);
}

void redis_fit_done(struct redis *redis, const char *problem)
{
    if (!redis->fitting || redis->context == NULL || redis->broken)
        return; /* the connection went meanwhile */
    redis->fitting = false;
    if (problem != NULL) {
        end_waiting(redis, ERR_CLOSED);
        check_ended(redis, REDIS_UNFIT, problem);
        return;
    }
    struct op_list again = redis->waiting;
    struct op *op;
    redis->waiting = (struct op_list){0};
    while ((op = op_take(&again)) != NULL) {
        op->repeated = true;
        if (!op_send(redis, op, op->bytes, op->len)) {
            redis->n_pending--;
            op_end(op, ERR_CLOSED, NULL);
        }
    }
    if (redis->fit_in_check)
        ready(redis);
    else if (!redis->checking)
        loop_timer_arm(redis->look, REDIS_LOOK_MS);
}

/* ---- the transport: hiredis' five hooks on two persistent events ---- */

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    redisAsyncHandleRead(((struct redis *)arg)->context);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    redisAsyncHandleWrite(((struct redis *)arg)->context);
}

static void hook_add_read(void *arg)
{
    struct redis *redis = arg;
    if (!redis->reading)
        redis->reading = event_add(redis->on_read, NULL) == 0;
}
static void hook_del_read(void *arg)
{
    struct redis *redis = arg;
    if (redis->reading)
        event_del(redis->on_read);
    redis->reading = false;
}
static void hook_add_write(void *arg)
{
    struct redis *redis = arg;
    if (!redis->writing)
        redis->writing = event_add(redis->on_write, NULL) == 0;
}
static void hook_del_write(void *arg)
{
    struct redis *redis = arg;
    if (redis->writing)
        event_del(redis->on_write);
    redis->writing = false;
}
static void hook_cleanup(void *arg)
{
    struct redis *redis = arg;
    event_free(redis->on_read);
    event_free(redis->on_write);
    redis->on_read = redis->on_write = NULL;
    redis->reading = redis->writing = false;
}

static bool attach(struct redis *redis, redisAsyncContext *context)
{
    redis->on_read =
        event_new(redis->base, context->c.fd, EV_READ | EV_PERSIST, on_readable, redis);
    redis->on_write =
        event_new(redis->base, context->c.fd, EV_WRITE | EV_PERSIST, on_writable, redis);
    if (redis->on_read == NULL || redis->on_write == NULL)
        return false;
    redis->reading = redis->writing = false;
    context->ev.data = redis;
    context->ev.addRead = hook_add_read;
    context->ev.delRead = hook_del_read;
    context->ev.addWrite = hook_add_write;
    context->ev.delWrite = hook_del_write;
    context->ev.cleanup = hook_cleanup;
    context->data = redis;
    replies_serve(redis->replies, context->c.reader);
    context->c.reader->maxbuf = 0; /* keep the buffer: answers are large and come often */
    return redisAsyncSetConnectCallback(context, on_connect) == REDIS_OK &&
           redisAsyncSetDisconnectCallback(context, on_disconnect) == REDIS_OK;
}

static void connect_now(void *arg)
{
    struct redis *redis = arg;
    assert(redis->context == NULL && redis->pending.head == NULL);
    redisAsyncContext *context = redis->options.is_unix
                                     ? redisAsyncConnectUnix(redis->host)
                                     : redisAsyncConnect(redis->host, redis->options.port);
    if (context == NULL || context->err != 0 || !attach(redis, context)) {
        char why[256];
        snprintf(why, sizeof why, "%s",
                 context != NULL && context->err != 0 ? context->errstr : "out of memory");
        if (context != NULL)
            redisAsyncFree(context);
        unreachable(redis, why);
        return;
    }
    redis->context = context;
    redis->broken = false;
    redis->drop_error = ERR_CLOSED;
    check_start(redis);
}

/* ---- life ---- */

enum err redis_new(struct event_base *base, const struct redis_options *options,
                   void (*on_health)(void *arg, enum redis_health health, const char *sentence),
                   void *arg, struct redis **out)
{
    struct redis *redis = calloc(1, sizeof *redis);
    if (redis == NULL)
        return ERR_NOMEM;
    redis->base = base;
    redis->options = *options;
    redis->host = strdup(options->host);
    redis->password = options->password != NULL ? strdup(options->password) : NULL;
    if (redis->host == NULL || (options->password != NULL && redis->password == NULL) ||
        replies_new(&redis->replies) != ERR_OK) {
        free(redis->host);
        free(redis->password);
        free(redis);
        return ERR_NOMEM;
    }
    redis->options.host = redis->host;
    redis->options.password = redis->password;
    redis->on_health = on_health;
    redis->arg = arg;
    redis->backoff_ms = BACKOFF_FIRST_MS;
    redis->health = REDIS_CONNECTING;
    snprintf(redis->sentence, sizeof redis->sentence, "connecting to Redis at %s", redis->host);
    redis->deadline = loop_timer_new(base, on_deadline, redis);
    redis->look = loop_timer_new(base, on_look, redis);
    redis->retry = loop_timer_new(base, connect_now, redis);
    loop_timer_arm(redis->retry, 0);
    *out = redis;
    return ERR_OK;
}

void redis_free(struct redis *redis)
{
    if (redis == NULL)
        return;
    redisAsyncContext *context = redis->context;
    redis->broken = true;
    redis->drop_error = ERR_CLOSED;
    redis->context = NULL;
    if (context != NULL)
        redisAsyncFree(context);
    end_waiting(redis, ERR_CLOSED);
    replies_free(redis->replies);
    loop_timer_free(redis->deadline);
    loop_timer_free(redis->look);
    loop_timer_free(redis->retry);
    if (redis->password != NULL)
        explicit_bzero(redis->password, strlen(redis->password));
    free(redis->password);
    free(redis->host);
    free(redis);
}
