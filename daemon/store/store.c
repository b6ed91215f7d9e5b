/* The handle, and the last steps before READY: is the layout ours, or can we make it so, and is our
 * function library loaded? In this order: functions of one layout must not meet data of another. */
#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "store/keys.h"
#include "store/layouts.h"
#include "store/library.h"

#define PREFIX_MAX 64
#define FIT_ARGS_MAX 6
#define UTC_OFFSET_CHINA_MIN 480
#define TELL_MS 1000

struct store {
    struct redis *redis;
    char prefix[PREFIX_MAX + 1], owner[KEY_SIZE];
    struct buf library, layouts;
    char digest[DIGEST_SHA1_HEX];
    uint32_t ambiguous_limit;
    int utc_offset_min;
    char problem[256];
    int64_t told_ms; /* when it was last said how far the new layout is */
};

/* ---- fitting: schema key, digest of the library, FUNCTION LOAD when it differs ---- */

static void fit_failed(struct store *store, const char *what, const redisReply *reply)
{
    snprintf(store->problem, sizeof store->problem, "%s: %s", what,
             reply != NULL && reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected answer");
    redis_fit_done(store->redis, store->problem);
}

static void fit_send(struct store *store, redis_reply_fn *on_reply, int argc,
                     const char *const *argv)
{
    size_t lens[FIT_ARGS_MAX];
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    enum err error = redis_call_anyway(store->redis, on_reply, store, argc, argv, lens);
    if (error != ERR_OK && error != ERR_CLOSED)
        redis_fit_done(store->redis, err_sentence(error));
}

static void on_loaded(void *arg, enum err error, const redisReply *reply)
{
    struct store *store = arg;
    if (reply == NULL)
        return;
    if (error != ERR_OK) {
        fit_failed(store, "Redis does not take the function library", reply);
        return;
    }
    log_line(LOG_INFO, "redis", "event=library_loaded digest=%s", store->digest);
    redis_fit_done(store->redis, NULL);
}

static void on_version(void *arg, enum err error, const redisReply *reply)
{
    struct store *store = arg;
    if (reply == NULL)
        return;
    if (error == ERR_OK && reply->type == REDIS_REPLY_STRING &&
        strcmp(reply->str, store->digest) == 0) {
        redis_fit_done(store->redis, NULL);
        return;
    }
    const char *const argv[] = {"FUNCTION", "LOAD", "REPLACE", store->library.data};
    fit_send(store, on_loaded, 4, argv);
}

static void ask_version(struct store *store)
{
    char key[KEY_SIZE];
    snprintf(key, sizeof key, KEY_AUDIT, store->prefix);
    const char *const argv[] = {"FCALL_RO", "or1_version", "1", key};
    fit_send(store, on_version, 4, argv);
}

/* ---- the layout: store/migrate.lua, again and again until it is the newest ---- */

static void bring_up_to_date(struct store *store);

static long long number_at(const redisReply *reply, size_t i)
{
    return i < reply->elements && reply->element[i]->type == REDIS_REPLY_INTEGER
               ? reply->element[i]->integer
               : -1;
}

static void tell_step(struct store *store, const redisReply *reply)
{
    char sentence[160];
    long long from = number_at(reply, 1), to = number_at(reply, 2), done = number_at(reply, 3);
    if (number_at(reply, 4) == 1)
        log_line(LOG_WARN, "redis", "event=migrated from=%lld to=%lld changed=%lld", from, to,
                 done);
    int64_t now_ms = clock_mono_ms();
    if (now_ms - store->told_ms < TELL_MS && store->told_ms != 0)
        return; /* each sentence is a line of the log */
    store->told_ms = now_ms;
    snprintf(sentence, sizeof sentence,
             "the data is being brought from layout %lld to %lld (%lld changed so far)", from, to,
             done);
    redis_fit_says(store->redis, sentence);
}

static void on_step(void *arg, enum err error, const redisReply *reply)
{
    struct store *store = arg;
    if (reply == NULL)
        return;
    FAILPOINT("migrate_after");
    long long code = error == ERR_OK && reply->type == REDIS_REPLY_ARRAY ? number_at(reply, 0) : -1;
    if (code == 2 && reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING) {
        snprintf(store->problem, sizeof store->problem, "%s", reply->element[1]->str);
        redis_fit_done(store->redis, store->problem);
    } else if (code == 0 || code == 1) {
        if (number_at(reply, 1) != number_at(reply, 2))
            tell_step(store, reply);
        if (code == 1)
            bring_up_to_date(store);
        else
            ask_version(store);
    } else {
        fit_failed(store, "the data cannot be brought to the layout of this version", reply);
    }
}

static void bring_up_to_date(struct store *store)
{
    char key[KEY_SIZE], newest[16];
    snprintf(key, sizeof key, KEY_SCHEMA, store->prefix);
    snprintf(newest, sizeof newest, "%d", layout_newest);
    const char *const argv[] = {"EVAL", store->layouts.data, "1", key, store->owner, newest};
    FAILPOINT("migrate_before");
    fit_send(store, on_step, 6, argv);
}

static void on_schema(void *arg, enum err error, const redisReply *reply)
{
    struct store *store = arg;
    char newest[16];
    if (reply == NULL)
        return;
    if (error != ERR_OK || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_NIL)) {
        fit_failed(store, "Redis does not tell the layout of its data", reply);
        return;
    }
    snprintf(newest, sizeof newest, "%d", layout_newest);
    if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, newest) == 0)
        ask_version(store);
    else
        bring_up_to_date(store);
}

static void fit(void *arg)
{
    struct store *store = arg;
    char key[KEY_SIZE];
    snprintf(key, sizeof key, KEY_SCHEMA, store->prefix);
    const char *const argv[] = {"GET", key};
    fit_send(store, on_schema, 2, argv);
}

/* ---- life ---- */

enum err store_new(struct event_base *base, const struct redis_options *options, const char *prefix,
                   void (*on_health)(void *arg, enum redis_health health, const char *sentence),
                   void *arg, struct store **out)
{
    if (prefix[0] == '\0' || strlen(prefix) > PREFIX_MAX || strpbrk(prefix, "{}") != NULL)
        return ERR_INVALID; /* braces would make a hash tag of their own */
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return ERR_NOMEM;
    snprintf(store->prefix, sizeof store->prefix, "%s", prefix);
    store->utc_offset_min = UTC_OFFSET_CHINA_MIN;
    buf_init(&store->library, LIBRARY_TEXT_MAX);
    buf_init(&store->layouts, LAYOUTS_TEXT_MAX);
    enum err error = library_text(&store->library, store->digest);
    if (error == ERR_OK)
        error = layouts_text(&store->layouts);
    if (error == ERR_OK)
        error = redis_new(base, options, on_health, arg, &store->redis);
    if (error != ERR_OK) {
        buf_fini(&store->library);
        buf_fini(&store->layouts);
        free(store);
        return error;
    }
    redis_set_fit(store->redis, fit, store);
    *out = store;
    return ERR_OK;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    redis_free(store->redis);
    buf_fini(&store->library);
    buf_fini(&store->layouts);
    free(store);
}

struct redis *store_redis(struct store *store)
{
    return store->redis;
}

const char *store_prefix(const struct store *store)
{
    return store->prefix;
}

void store_set_owner(struct store *store, const char *owner)
{
    snprintf(store->owner, sizeof store->owner, "%s", owner);
}

void store_set_ambiguous_limit(struct store *store, uint32_t limit)
{
    store->ambiguous_limit = limit;
}

uint32_t store_ambiguous_limit(const struct store *store)
{
    return store->ambiguous_limit;
}

void store_set_utc_offset(struct store *store, int utc_offset_min)
{
    store->utc_offset_min = utc_offset_min;
}

int store_utc_offset(const struct store *store)
{
    return store->utc_offset_min;
}

bool store_is_full(const struct store *store)
{
    const struct redis_facts *facts = redis_facts(store->redis);
    return facts->maxmemory > 0 && facts->used_memory > facts->maxmemory / 100 * STORE_FULL_PERCENT;
}
