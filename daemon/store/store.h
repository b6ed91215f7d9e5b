/* One handle for everything in Redis: the connection, the prefix, the function library. */
#pragma once

#include "store/redis.h"

struct store;
/* Connects, checks the server, brings older data to the layout of this version, loads the function
 * library when its digest differs. `on_health` as in redis_new: READY means that all of this is
 * done. */
MUST_CHECK enum err
store_new(struct event_base *base, const struct redis_options *options, const char *prefix,
          void (*on_health)(void *arg, enum redis_health health, const char *sentence), void *arg,
          struct store **store);
void store_free(struct store *store);
struct redis *store_redis(struct store *store);
const char *store_prefix(const struct store *store);
/* The id of this daemon, under which it brings older data to its layout. Before the first turn of
 * the loop; copied. */
void store_set_owner(struct store *store, const char *owner);
/* The open-ambiguous-chunks limit that pauses a campaign (settings.daemon.ambiguous_limit). */
void store_set_ambiguous_limit(struct store *store, uint32_t limit);
uint32_t store_ambiguous_limit(const struct store *store);
/* Local time in sentences such as "already launched by 王 at 2026-10-17 09:02": minutes east of
 * UTC, default 480 (China). */
void store_set_utc_offset(struct store *store, int utc_offset_min);
int store_utc_offset(const struct store *store);
/* Redis is fuller than STORE_FULL_PERCENT of its maxmemory: imports stop, so that outcomes always
 * find room. */
#define STORE_FULL_PERCENT 80
bool store_is_full(const struct store *store);
