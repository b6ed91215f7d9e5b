/* The connection to Redis: hiredis' async API on the loop, plus what 0.14 lacks: a timeout for
 * every command, reconnecting with jittered backoff, and a check of the server on every connect.
 * Nothing above this header knows hiredis.
 *
 * A command whose answer never came is *unknown*: every function of the library may be
 * called again with the same arguments. Commands given while there is no connection fail at once
 * with ERR_CLOSED; nothing is queued here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct event_base;
struct redisReply; /* hiredis' own: the codec shows through, the transport does not */
struct redis;

struct redis_options {
    bool is_unix;
    const char *host;
    uint16_t port;
    uint32_t db;
    const char *password; /* NULL: none */
    int64_t timeout_ms;
    bool i_accept_data_loss;
};

/* What stands between us and sending; `sentence` says what is wrong and what would be right. */
enum redis_health {
    REDIS_CONNECTING,
    REDIS_UNREACHABLE,
    REDIS_LOADING,
    REDIS_UNFIT, /* version, AOF, maxmemory-policy, read-only replica, functions: an operator has to
                    act; checked again */
    REDIS_READY
};

typedef void redis_reply_fn(void *arg, enum err error, const struct redisReply *reply);

/* Starts connecting, at the next turn. `on_health` runs at every change of health or sentence, from
 * the loop. Strings are copied. `host` should be an address or stand in /etc/hosts: hiredis asks
 * the resolver in the calling thread. */
MUST_CHECK enum err redis_new(struct event_base *base, const struct redis_options *options,
                              void (*on_health)(void *arg, enum redis_health health,
                                                const char *sentence),
                              void *arg, struct redis **redis);
/* Not from within a callback of this module. Commands without an answer get ERR_CLOSED before it
 * returns. NULL is fine. */
void redis_free(struct redis *redis);

/* How it connects, for a connection of another kind (store/snapshot.c). Borrowed. */
const struct redis_options *redis_address(const struct redis *redis);

/* One more step before READY, for the function library: `fit` runs when the server's check was
 * good, uses redis_call_anyway and ends with redis_fit_done (problem NULL: fine). It runs again
 * when a function turns out to be missing; the commands that missed it are then given once more. */
void redis_set_fit(struct redis *redis, void (*fit)(void *arg), void *arg);
void redis_fit_done(struct redis *redis, const char *problem);
/* Meanwhile, when it takes long: what it is doing, told as REDIS_LOADING. */
void redis_fit_says(struct redis *redis, const char *sentence);

enum redis_health redis_health(const struct redis *redis, const char **sentence);

/* `on_reply` runs exactly once, from a later turn. ERR_OK: `reply` is any reply but an error.
 * ERR_REFUSED: an error reply (reply->str). ERR_TIMEOUT, ERR_CLOSED: unknown whether it ran. An
 * error return: no callback. errors: ERR_CLOSED (no connection), ERR_BUSY (more than
 * REDIS_PENDING_MAX wait), ERR_NOMEM */
#define REDIS_PENDING_MAX 100000
MUST_CHECK enum err redis_call(struct redis *redis, redis_reply_fn *on_reply, void *arg, int argc,
                               const char *const *argv, const size_t *lens);
/* The same while the server is not READY (used by the checks and by status). */
MUST_CHECK enum err redis_call_anyway(struct redis *redis, redis_reply_fn *on_reply, void *arg,
                                      int argc, const char *const *argv, const size_t *lens);
/* Looks at the server again soon: an answer said that it cannot do its work (READONLY, MISCONF,
 * LOADING). */
void redis_look_again(struct redis *redis);
size_t redis_pending(const struct redis *redis);
/* Smoothed round trip of the last commands, microseconds. */
int64_t redis_round_trip_us(const struct redis *redis);
/* Of the last check: "7.0.15", "everysec", "noeviction" … "" when unknown. */
struct redis_facts {
    char version[32], appendfsync[16], maxmemory_policy[32];
    bool aof_enabled;
    uint64_t used_memory, maxmemory; /* looked at every REDIS_LOOK_MS */
};
#define REDIS_LOOK_MS 3000
const struct redis_facts *redis_facts(const struct redis *redis);
