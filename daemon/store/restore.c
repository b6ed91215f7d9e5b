#include "store/restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/archive.h"
#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "store/call.h"
#include "store/keys.h"
#include "store/layouts.h"

#define PART_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define ARGS_MAX 6
#define NAME_MAX_BYTES (ARCHIVE_KEY_MAX + KEY_SIZE)

struct restore {
    struct store *store;
    char owner[KEY_SIZE];
    bool replace, has_begun, is_working;
    struct archive_reader *reader;
    struct archive_header header;
    struct buf part; /* waits until the way is clear */
    uint64_t at, keys;
    size_t waiting; /* keys on their way to Redis */
    enum err error;
    char reason[512];
    queue_done_fn *done;
    void *arg;
};

static void fail(struct restore *restore, enum err error, const char *reason)
{
    if (restore->error != ERR_OK) /* the first reason is the one that helps */
        return;
    restore->error = error;
    snprintf(restore->reason, sizeof restore->reason, "%s", reason);
}

static void settle(struct restore *restore)
{
    if (restore->waiting > 0)
        return;
    restore->is_working = false;
    FAILPOINT("restore_part");
    if (restore->error == ERR_OK)
        restore->at += restore->part.len;
    buf_reset(&restore->part);
    restore->done(restore->arg, restore->error, restore->reason);
}

/* ---- the records of a part ---- */

static enum err on_header(void *arg, const struct archive_header *header)
{
    struct restore *restore = arg;
    char reason[sizeof restore->reason];
    restore->header = *header;
    if (header->schema <= (uint32_t)layout_newest)
        return ERR_OK;
    snprintf(reason, sizeof reason,
             "this backup has layout %" PRIu32 ", this outreachd knows up to %d: install the newer "
             "version first",
             header->schema, layout_newest);
    fail(restore, ERR_REFUSED, reason);
    return ERR_REFUSED;
}

static void on_stored(void *arg, enum err error, const redisReply *reply)
{
    struct restore *restore = arg;
    char reason[sizeof restore->reason];
    restore->waiting--;
    if (error != ERR_OK) {
        snprintf(reason, sizeof reason, "Redis did not take a key: %s",
                 reply != NULL ? reply->str : err_sentence(error));
        fail(restore, error, reason);
    }
    if (restore->waiting == 0)
        settle(restore);
}

static enum err on_record(void *arg, const struct archive_record *record)
{
    struct restore *restore = arg;
    char name[NAME_MAX_BYTES], expires[24];
    restore->keys++;
    /* KEY_STAGED ends with the colon that the name begins with. */
    int head = snprintf(name, sizeof name, KEY_STAGED, store_prefix(restore->store), "");
    if (record->key[0] != ':' || record->key_len < 2) {
        fail(restore, ERR_INVALID, "the backup is damaged: a name cannot be");
        return ERR_INVALID;
    }
    memcpy(name + head, record->key + 1, record->key_len - 1);
    snprintf(expires, sizeof expires, "%" PRId64, record->expires_ms);
    const char *argv[ARGS_MAX] = {"RESTORE", name, expires, record->value, "REPLACE", "ABSTTL"};
    const size_t lens[ARGS_MAX] = {
        7, (size_t)head + record->key_len - 1, strlen(expires), record->value_len, 7, 6};
    /* One that has expired would be deleted at once, and the count not be right. */
    if (record->expires_ms != 0 && record->expires_ms <= clock_wall_ms()) {
        restore->keys--;
        return ERR_OK;
    }
    enum err error =
        redis_call(store_redis(restore->store), on_stored, restore, ARGS_MAX, argv, lens);
    if (error != ERR_OK)
        fail(restore, error, err_sentence(error));
    else
        restore->waiting++;
    return error;
}

static void take(struct restore *restore)
{
    restore->waiting++; /* so that no answer settles it before all was given */
    enum err error = archive_read(restore->reader, buf_text(&restore->part), restore->part.len);
    if (error != ERR_OK)
        fail(restore, error == ERR_INVALID ? ERR_REFUSED : error,
             archive_problem(restore->reader)[0] != '\0' ? archive_problem(restore->reader)
                                                         : err_sentence(error));
    restore->waiting--;
    settle(restore);
}

/* ---- the beginning ---- */

static enum err ask_begin(struct restore *restore);

static void on_begun(void *arg, enum err error, const redisReply *reply)
{
    struct restore *restore = arg;
    struct answer answer = answer_read(restore->store, error, reply);
    if (answer.error == ERR_OK && answer.code != 0)
        answer.error = ask_begin(restore);
    else if (answer.error == ERR_OK)
        restore->has_begun = true;
    if (answer.error != ERR_OK) {
        fail(restore, answer.error, answer.reason);
        settle(restore);
    } else if (restore->has_begun) {
        take(restore);
    }
}

static enum err ask_begin(struct restore *restore)
{
    struct call call;
    call_begin(&call, restore->store, "or1_restore_begin", KEY_ALL, "");
    call_text(&call, restore->owner);
    call_int(&call, restore->replace);
    return call_send(&call, on_begun, restore);
}

enum err restore_part(struct restore *restore, uint64_t at, const void *bytes, size_t len,
                      queue_done_fn *done, void *arg)
{
    if (restore->is_working)
        return ERR_BUSY;
    if (at != restore->at || restore->error != ERR_OK)
        return ERR_STALE;
    buf_add(&restore->part, bytes, len);
    if (buf_check(&restore->part) != ERR_OK) {
        buf_reset(&restore->part);
        return ERR_NOMEM;
    }
    restore->done = done;
    restore->arg = arg;
    restore->is_working = true;
    enum err error = ERR_OK;
    if (restore->has_begun)
        take(restore);
    else
        error = ask_begin(restore);
    if (error != ERR_OK) {
        restore->is_working = false;
        buf_reset(&restore->part);
    }
    return error;
}

/* ---- the end ---- */

static void on_swapped(void *arg, enum err error, const redisReply *reply)
{
    struct restore *restore = arg;
    struct answer answer = answer_read(restore->store, error, reply);
    FAILPOINT("restore_swap");
    restore->is_working = false;
    restore->done(restore->arg, answer.error, answer.reason);
}

enum err restore_swap(struct restore *restore, const char *actor, int64_t now_ms,
                      queue_done_fn *done, void *arg)
{
    struct call call;
    char when[CLOCK_TEXT_SIZE], reason[CLOCK_TEXT_SIZE + 160];
    snprintf(reason, sizeof reason,
             "restored from a backup of %s: what was sent since then is not known here",
             clock_format(restore->header.at_ms, store_utc_offset(restore->store), when));
    restore->done = done;
    restore->arg = arg;
    call_begin(&call, restore->store, "or1_restore_swap", KEY_ALL, "");
    call_text(&call, restore->owner);
    call_int(&call, restore->replace);
    call_int(&call, (int64_t)restore->keys);
    call_text(&call, actor);
    call_text(&call, reason);
    call_int(&call, now_ms);
    enum err error = call_send(&call, on_swapped, restore);
    restore->is_working = error == ERR_OK;
    return error;
}

/* ---- what was broken off ---- */

struct clearing {
    struct store *store;
    char owner[KEY_SIZE];
    bool is_again;
};

static enum err ask_clear(struct clearing *clearing);

static void on_cleared(void *arg, enum err error, const redisReply *reply)
{
    struct clearing *clearing = arg;
    struct answer answer = answer_read(clearing->store, error, reply);
    clearing->is_again = true;
    if (answer.error == ERR_OK && answer.code == 5 && ask_clear(clearing) == ERR_OK)
        return;
    if (answer.error != ERR_OK)
        log_line(LOG_WARN, "redis", "event=restore_left reason=\"%s\"", err_sentence(answer.error));
    free(clearing);
}

static enum err ask_clear(struct clearing *clearing)
{
    struct call call;
    call_begin(&call, clearing->store, "or1_restore_clear", KEY_ALL, "");
    call_text(&call, clearing->owner);
    call_int(&call, clearing->is_again);
    return call_send(&call, on_cleared, clearing);
}

void restore_clear(struct store *store, const char *owner)
{
    struct clearing *clearing = calloc(1, sizeof *clearing);
    if (clearing == NULL)
        return;
    clearing->store = store;
    snprintf(clearing->owner, sizeof clearing->owner, "%s", owner);
    if (ask_clear(clearing) != ERR_OK)
        free(clearing);
}

/* ---- life ---- */

enum err restore_new(struct store *store, const char *owner, bool replace, struct restore **out)
{
    struct restore *restore = calloc(1, sizeof *restore);
    if (restore == NULL)
        return ERR_NOMEM;
    restore->store = store;
    restore->replace = replace;
    snprintf(restore->owner, sizeof restore->owner, "%s", owner);
    buf_init(&restore->part, PART_MAX_BYTES);
    const struct archive_events events = {on_header, on_record, restore};
    enum err error = archive_reader_new(&events, &restore->reader);
    if (error != ERR_OK) {
        restore_free(restore);
        return error;
    }
    *out = restore;
    return ERR_OK;
}

void restore_free(struct restore *restore)
{
    if (restore == NULL)
        return;
    archive_reader_free(restore->reader);
    buf_fini(&restore->part);
    free(restore);
}

bool restore_is_working(const struct restore *restore)
{
    return restore->is_working;
}

uint64_t restore_at(const struct restore *restore)
{
    return restore->at;
}

bool restore_is_whole(const struct restore *restore)
{
    return restore->error == ERR_OK && archive_ended(restore->reader);
}

uint64_t restore_keys(const struct restore *restore)
{
    return restore->keys;
}
