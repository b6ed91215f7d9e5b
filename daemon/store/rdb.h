/* Takes a snapshot of Redis (an RDB) apart while it arrives: keys, when they expire, and their
 * values in the form that RESTORE takes. Values are not understood, only measured. Pure: bytes in,
 * calls out. source: rdb.h, rdb.c, t_stream.c of Redis 7.0 to 7.2 (RDB versions 10 and 11) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define RDB_VALUE_MAX_BYTES ((size_t)256 * 1024 * 1024)
#define RDB_KEY_MAX_BYTES 4096

struct rdb_key {
    const char *name; /* not terminated */
    size_t name_len;
    const void *dump; /* as DUMP answers it */
    size_t dump_len;
    int64_t expires_ms; /* 0: never */
};
/* An error ends the reading and comes back from rdb_read. */
typedef enum err rdb_key_fn(void *arg, const struct rdb_key *key);

struct rdb;
/* Only keys of database `db` whose names begin with `prefix` are told (it is copied). */
MUST_CHECK enum err rdb_new(uint32_t db, const char *prefix, rdb_key_fn *on_key, void *arg,
                            struct rdb **rdb);
void rdb_free(struct rdb *rdb); /* NULL is fine */
/* errors: ERR_PROTOCOL (no RDB, damaged, or of a kind unknown to us: see rdb_problem), ERR_NOMEM,
 * those of on_key */
MUST_CHECK enum err rdb_read(struct rdb *rdb, const void *bytes, size_t len);
bool rdb_ended(const struct rdb *rdb);          /* whole, and its checksum is right */
uint32_t rdb_version(const struct rdb *rdb);    /* 0 until its head was read */
const char *rdb_problem(const struct rdb *rdb); /* a sentence, "" */
/* Redis' CRC-64 (Jones), continued from `crc`, which begins with 0. */
uint64_t rdb_crc64(uint64_t crc, const void *bytes, size_t len);
