/* All keys of ours as they were at one instant: what a replica gets when it begins (SYNC), over a
 * connection of its own. Redis forks for it, so nothing stops meanwhile, and what is written
 * meanwhile is not in it. Every step of ours is one function call, so between two of them all
 * figures agree.
 *
 * source: Redis 7.0, replication.c (REPLCONF capa eof, rdb-only; SYNC). Without a file on the
 * server's disk; `repl-diskless-sync-delay` is waited for first. */
#pragma once

#include "base/error.h"
#include "store/rdb.h"
#include "store/store.h"

struct event_base;
struct snapshot;

struct snapshot_events {
    /* Names come without the prefix of the store: ":schema". An error ends it. */
    rdb_key_fn *on_key;
    /* Once, from a later turn, unless snapshot_free came first: whole (ERR_OK), or a sentence. */
    void (*on_end)(void *arg, enum err error, const char *reason);
    void *arg;
};
MUST_CHECK enum err snapshot_new(struct event_base *base, struct store *store,
                                 const struct snapshot_events *events, struct snapshot **snapshot);
/* Breaks off what is under way. Not from within on_key. NULL is fine. */
void snapshot_free(struct snapshot *snapshot);
/* While held nothing more is read; a server that is made to wait for a minute gives up. */
void snapshot_hold(struct snapshot *snapshot, bool held);
/* Of Redis' encoding; known from the first key on. */
uint32_t snapshot_version(const struct snapshot *snapshot);
