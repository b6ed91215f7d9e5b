/* The file of `outreachctl backup`: written by the daemon, checked and read back by outreachctl and
 * by the daemon. Pure: bytes in, bytes out. A locked file is this one inside another, see
 * ctl/locked.h.
 *
 *   outreachd backup 1\n            the 1 is the version of this format
 *   schema 1\n                      layout of the keys, docs/redis-layout.md
 *   prefix outreach\n               what the names of the keys began with
 *   at 1792198920000\n              the instant it shows, ms since 1970 UTC
 *   redis 7.0.15\n
 *   rdb 10\n                        version of Redis' encoding of the values
 *   \n
 *   'K' key_len u32 value_len u32 expires u64 key value      a key each; the name without the
 *                                   prefix (":schema"), the value as DUMP gives it
 *   'E' keys u64 SHA-256            of all bytes before the 32 of the digest
 *
 * Numbers have the high end first; expires is ms since 1970 UTC, 0 for never. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define ARCHIVE_FORMAT 1
#define ARCHIVE_KEY_MAX 4096
/* Redis' own limit of one argument is 512 MB; what we keep in one key stays far below. */
#define ARCHIVE_VALUE_MAX ((size_t)256 * 1024 * 1024)
#define ARCHIVE_PREFIX_SIZE 65

struct archive_header {
    uint32_t format, schema, rdb;
    char prefix[ARCHIVE_PREFIX_SIZE], redis[32];
    int64_t at_ms;
};
struct archive_record {
    const char *key; /* not terminated */
    const void *value;
    size_t key_len, value_len;
    int64_t expires_ms;
};

/* ---- writing: each appends to `out`; what was appended goes into the digest ---- */

struct archive_writer;
MUST_CHECK enum err archive_writer_new(struct archive_writer **writer);
void archive_writer_free(struct archive_writer *writer); /* NULL is fine */
void archive_write_header(struct archive_writer *writer, const struct archive_header *header,
                          struct buf *out);
void archive_write_record(struct archive_writer *writer, const struct archive_record *record,
                          struct buf *out);
void archive_write_end(struct archive_writer *writer, struct buf *out);
uint64_t archive_written(const struct archive_writer *writer); /* keys */

/* ---- reading ---- */

struct archive_reader;
/* Called in the order of the file. Strings and bytes live as long as the call. An error stops the
 * reading and comes back from archive_read. `on_header` NULL: nobody asks. */
struct archive_events {
    enum err (*on_header)(void *arg, const struct archive_header *header);
    enum err (*on_record)(void *arg, const struct archive_record *record);
    void *arg;
};
MUST_CHECK enum err archive_reader_new(const struct archive_events *events,
                                       struct archive_reader **reader);
void archive_reader_free(struct archive_reader *reader); /* NULL is fine */
/* Any number of bytes of it. A record was checked only when archive_ended says so: the digest
 * stands at the end. errors: ERR_INVALID (no backup, damaged, something behind its end: see
 * archive_problem), ERR_NOMEM, those of the callbacks */
MUST_CHECK enum err archive_read(struct archive_reader *reader, const void *bytes, size_t len);
bool archive_ended(const struct archive_reader *reader); /* whole, and the digest is right */
uint64_t archive_records(const struct archive_reader *reader);
const char *archive_problem(const struct archive_reader *reader); /* a sentence, "" */
