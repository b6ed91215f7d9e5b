/* See launches.h. */
#include "store/launches.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "sms/mobile.h"
#include "store/call.h"
#include "store/chunk.h"

#define CODE_STALE 5

/* ---- list ---- */

struct listing {
    struct store *store;
    launches_list_fn *done;
    void *arg;
};

static bool read_launch(const struct answer *row, struct launch *launch)
{
    if (answer_len(row) != 7)
        return false;
    *launch = (struct launch){.seq = (uint32_t)answer_int(row, 0),
                              .id = answer_text(row, 1),
                              .launched_ms = answer_int(row, 2),
                              .recipients = (uint64_t)answer_int(row, 3),
                              .n_chunks = (uint32_t)answer_int(row, 4),
                              .takes_pledges = answer_int(row, 5) != 0,
                              .add_serial = answer_text(row, 6)};
    return true;
}

static void on_list(void *arg, enum err error, const redisReply *reply)
{
    struct listing op = *(struct listing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = answer_len(&answer) > 2 ? answer_len(&answer) - 2 : 0;
    struct launch *launches = calloc(n + 1, sizeof *launches);
    if (launches == NULL)
        answer.error = ERR_NOMEM;
    for (size_t i = 0; i < n && answer.error == ERR_OK; i++) {
        const struct answer row = {.reply = answer_at(&answer, i + 2)};
        if (row.reply->type != REDIS_REPLY_ARRAY || !read_launch(&row, &launches[i]))
            answer.error = ERR_PROTOCOL;
    }
    bool is_good = answer.error == ERR_OK;
    op.done(op.arg, answer.error, is_good ? answer_text(&answer, 1) : "", launches,
            is_good ? n : 0);
    free(launches);
}

enum err launches_list(struct store *store, const char *carrier, launches_list_fn *done, void *arg)
{
    const struct listing op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_launched", KEY_CARRIER, carrier);
    call_int(&call, LAUNCHES_MAX);
    return call_send_with(&call, on_list, &op, sizeof op);
}

/* ---- seek ---- */

struct seeking {
    struct store *store;
    launches_seek_fn *done;
    void *arg;
};

static enum err read_region(const struct answer *answer, struct launches_place *place)
{
    size_t len;
    const uint8_t *packed = answer_bytes(answer, 6, &len);
    if (packed == NULL)
        return ERR_OK;
    struct buf regions;
    size_t from = (size_t)place->position * CHUNK_REGION_BYTES;
    buf_init(&regions, (size_t)CHUNK_MAX * CHUNK_REGION_BYTES);
    enum err error = chunk_regions_unfold(packed, len, (size_t)answer_int(answer, 5), &regions);
    if (error == ERR_OK && from + CHUNK_REGION_BYTES > regions.len)
        error = ERR_PROTOCOL;
    for (size_t i = 0; error == ERR_OK && i < CHUNK_REGION_BYTES; i++)
        place->region = place->region << 8 | (uint8_t)regions.data[from + i];
    buf_fini(&regions);
    return error;
}

static void on_seek(void *arg, enum err error, const redisReply *reply)
{
    struct seeking op = *(struct seeking *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct launches_place place = {.is_there = false};
    if (answer.error == ERR_OK && answer.code == CODE_STALE)
        answer.error = ERR_STALE;
    if (answer.error == ERR_OK && answer_int(&answer, 1) == 1) {
        place = (struct launches_place){.is_there = true,
                                        .range = (size_t)answer_int(&answer, 2),
                                        .chunk = (uint32_t)answer_int(&answer, 3),
                                        .position = (uint32_t)answer_int(&answer, 4)};
        answer.error = read_region(&answer, &place);
    }
    op.done(op.arg, answer.error, &place);
}

enum err launches_seek(struct store *store, const char *carrier, const char *version,
                       uint64_t number, const struct launches_range *ranges, size_t n,
                       launches_seek_fn *done, void *arg)
{
    uint8_t packed[MOBILE_PACKED_BYTES];
    uint64_t chunks = 0;
    for (size_t i = 0; i < n; i++)
        chunks += ranges[i].to - ranges[i].from;
    if (n > LAUNCHES_RANGES_MAX || chunks > LAUNCHES_CHUNKS_A_CALL)
        return ERR_RANGE;
    const struct seeking op = {store, done, arg};
    mobile_pack(number, packed);
    struct call call;
    call_begin(&call, store, "or1_seek", KEY_CARRIER, carrier);
    call_text(&call, version);
    call_bytes(&call, packed, sizeof packed);
    for (size_t i = 0; i < n; i++) {
        call_int(&call, ranges[i].seq);
        call_int(&call, ranges[i].from);
        call_int(&call, ranges[i].to);
    }
    return call_send_with(&call, on_seek, &op, sizeof op);
}

/* ---- numbers ---- */

struct reading {
    struct store *store;
    uint32_t from, n;
    launches_chunk_fn *chunk;
    launches_done_fn *done;
    void *arg;
};

static void on_numbers(void *arg, enum err error, const redisReply *reply)
{
    struct reading op = *(struct reading *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    if (answer.error == ERR_OK && answer_len(&answer) != op.n + 1)
        answer.error = ERR_PROTOCOL;
    for (uint32_t i = 0; i < op.n && answer.error == ERR_OK; i++) {
        size_t len;
        const uint8_t *numbers = answer_bytes(&answer, i + 1, &len);
        op.chunk(op.arg, op.from + i, numbers, len / MOBILE_PACKED_BYTES);
    }
    op.done(op.arg, answer.error);
}

enum err launches_numbers(struct store *store, const char *carrier, struct launches_range range,
                          launches_chunk_fn *chunk, launches_done_fn *done, void *arg)
{
    if (range.to < range.from || range.to - range.from > LAUNCHES_NUMBERS_CHUNKS_MAX)
        return ERR_RANGE;
    const struct reading op = {store, range.from, range.to - range.from, chunk, done, arg};
    struct call call;
    call_begin(&call, store, "or1_numbers", KEY_CARRIER, carrier);
    call_int(&call, range.seq);
    call_int(&call, range.from);
    call_int(&call, range.to);
    return call_send_with(&call, on_numbers, &op, sizeof op);
}
