/* The handle, and the last step before READY: is the layout ours, and is our function library
 * loaded? */
#include "store/store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "store/keys.h"
#include "store/library.h"

#define PREFIX_MAX 64
#define UTC_OFFSET_CHINA_MIN 480

struct store {
    struct redis *redis;
    char prefix[PREFIX_MAX + 1];
    struct buf library;
    char digest[DIGEST_SHA1_HEX];
    uint32_t ambiguous_limit;
    int utc_offset_min;
    char problem[256];
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
    size_t lens[5];
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

static void on_schema_set(void *arg, enum err error, const redisReply *reply)
{
    struct store *store = arg;
    if (reply == NULL)
        return;
    if (error != ERR_OK)
        fit_failed(store, "Redis does not take a write", reply);
    else
        ask_version(store);
}

static void on_schema(void *arg, enum err error, const redisReply *reply)
{
    struct store *store = arg;
    if (reply == NULL)
        return;
    if (error != ERR_OK || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_NIL)) {
        fit_failed(store, "Redis does not tell the layout of its data", reply);
        return;
    }
    long found = reply->type == REDIS_REPLY_STRING ? strtol(reply->str, NULL, 10) : 0;
    if (found > LIBRARY_SCHEMA) {
        snprintf(store->problem, sizeof store->problem,
                 "the data under %s in Redis has layout %ld, this outreachd knows up to %d: "
                 "install the newer version again",
                 store->prefix, found, LIBRARY_SCHEMA);
        redis_fit_done(store->redis, store->problem);
        return;
    }
    if (found == LIBRARY_SCHEMA) {
        ask_version(store);
        return;
    }
    char key[KEY_SIZE], number[16];
    snprintf(key, sizeof key, KEY_SCHEMA, store->prefix);
    snprintf(number, sizeof number, "%d", LIBRARY_SCHEMA);
    const char *const argv[] = {"SET", key, number};
    fit_send(store, on_schema_set, 3, argv);
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
    enum err error = library_text(&store->library, store->digest);
    if (error == ERR_OK)
        error = redis_new(base, options, on_health, arg, &store->redis);
    if (error != ERR_OK) {
        buf_fini(&store->library);
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
