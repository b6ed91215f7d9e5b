/* Layout of an RDB:
 *
 *   REDIS0010                       the version
 *   0xFA name value                 facts about the server, left out
 *   0xF5 text                       a function library, left out: ours travels inside the daemon
 *   0xFE db                         what follows is of this database
 *   0xFB keys expiring              sizes, left out
 *   [0xFC ms u64] type key value    a key
 *   0xFF crc u64                    of all before it; 0 when the server does not compute it
 *
 * A value becomes what DUMP gives by putting its type in front and the version and a checksum
 * behind. What has not come whole is measured again when more is there: that is a walk over its
 * elements, and the large values of ours have few (blocks of a stream, one string). */
#include "store/rdb.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define MAGIC_BYTES 9
#define FOOTER_BYTES 10 /* of a DUMP: version u16, checksum u64, low end first */
#define VERSION_MAX 11
#define PIECE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define PREFIX_MAX 80
#define CRC_POLYNOMIAL UINT64_C(0x95ac9329ac4bc9b5)

enum opcode {
    OP_FUNCTION = 245,
    OP_IDLE = 248,
    OP_FREQ = 249,
    OP_AUX = 250,
    OP_SIZES = 251,
    OP_EXPIRES_MS = 252,
    OP_EXPIRES_S = 253,
    OP_SELECT = 254,
    OP_EOF = 255
};

struct rdb {
    struct buf pending, dump, name;
    char prefix[PREFIX_MAX];
    uint32_t db, at_db, version;
    rdb_key_fn *on_key;
    void *arg;
    int64_t expires_ms;
    uint64_t crc;
    bool ended;
    char problem[160];
};

/* ---- the checksum ---- */

static uint64_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_fill(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ CRC_POLYNOMIAL : crc >> 1;
        crc_table[i] = crc;
    }
}

uint64_t rdb_crc64(uint64_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    pthread_once(&crc_once, crc_fill);
    for (size_t i = 0; i < len; i++)
        crc = crc_table[(uint8_t)crc ^ at[i]] ^ crc >> 8;
    return crc;
}

/* ---- a place in the bytes that are here ---- */

struct cursor {
    const uint8_t *at, *end;
    bool is_short; /* it needs bytes that have not come */
    bool is_bad;   /* it is nothing we know */
};

static bool fine(const struct cursor *cursor)
{
    return !cursor->is_short && !cursor->is_bad;
}

static const uint8_t *take(struct cursor *cursor, uint64_t n)
{
    if (!fine(cursor))
        return NULL;
    if (n > RDB_VALUE_MAX_BYTES) {
        cursor->is_bad = true;
        return NULL;
    }
    if (n > (uint64_t)(cursor->end - cursor->at)) {
        cursor->is_short = true;
        return NULL;
    }
    cursor->at += n;
    return cursor->at - n;
}

static uint8_t take_byte(struct cursor *cursor)
{
    const uint8_t *at = take(cursor, 1);
    return at != NULL ? *at : 0;
}

static uint64_t low_first(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

static uint64_t take_high_first(struct cursor *cursor, size_t n)
{
    uint64_t value = 0;
    const uint8_t *at = take(cursor, n);
    for (size_t i = 0; at != NULL && i < n; i++)
        value = value << 8 | at[i];
    return value;
}

/* A length; *special: it is the kind of a string that is stored otherwise. */
static uint64_t take_length_or(struct cursor *cursor, bool *special)
{
    uint8_t first = take_byte(cursor);
    *special = false;
    switch (first >> 6) {
    case 0:
        return first & 63;
    case 1:
        return (uint64_t)(first & 63) << 8 | take_byte(cursor);
    case 2:
        if (first == 0x80 || first == 0x81)
            return take_high_first(cursor, first == 0x80 ? 4 : 8);
        cursor->is_bad = fine(cursor) || cursor->is_bad;
        return 0;
    default:
        *special = true;
        return first & 63;
    }
}

static uint64_t take_length(struct cursor *cursor)
{
    bool special;
    uint64_t length = take_length_or(cursor, &special);
    if (special)
        cursor->is_bad = true;
    return fine(cursor) ? length : 0;
}

/* source: liblzf's format, as lzf_d.c of Redis reads it */
static bool decompress(const uint8_t *in, size_t len, size_t out_len, struct buf *out)
{
    const uint8_t *end = in + len;
    while (in < end) {
        size_t control = *in++;
        if (control < 32) {
            if (++control > (size_t)(end - in))
                return false;
            buf_add(out, in, control);
            in += control;
            continue;
        }
        size_t n = control >> 5, back = (control & 31) << 8;
        if (n == 7 && in < end)
            n += *in++;
        if (in >= end)
            return false;
        back += *in++ + (size_t)1;
        if (back > out->len || out->len + n + 2 > out_len)
            return false;
        for (n += 2; n > 0 && !out->failed; n--)
            buf_add_char(out, out->data[out->len - back]);
    }
    return out->len == out_len && !out->failed;
}

/* A string is passed over; `out` not NULL: and its text is put there. */
static void take_string(struct cursor *cursor, struct buf *out)
{
    bool special;
    uint64_t length = take_length_or(cursor, &special);
    if (!fine(cursor))
        return;
    if (!special) {
        const uint8_t *at = take(cursor, length);
        if (at != NULL && out != NULL)
            buf_add(out, at, length);
    } else if (length <= 2) { /* an integer of 8, 16, 32 bits */
        size_t n = (size_t)1 << length;
        const uint8_t *at = take(cursor, n);
        if (at != NULL && out != NULL) {
            uint32_t raw = (uint32_t)low_first(at, n);
            buf_addf(out, "%d", n == 1 ? (int8_t)raw : n == 2 ? (int16_t)raw : (int32_t)raw);
        }
    } else if (length == 3) {
        uint64_t packed = take_length(cursor), plain = take_length(cursor);
        const uint8_t *at = take(cursor, packed);
        if (at != NULL && out != NULL && !decompress(at, packed, plain, out))
            cursor->is_bad = true;
    } else {
        cursor->is_bad = true;
    }
}

/* ---- values ---- */

static void take_strings(struct cursor *cursor, uint64_t n)
{
    for (; n > 0 && fine(cursor); n--)
        take_string(cursor, NULL);
}

static void take_scored(struct cursor *cursor)
{
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--) {
        take_string(cursor, NULL);
        take(cursor, 8);
    }
}

/* Of the first version scores are texts; 253 to 255 in place of a length are no number, +inf, -inf.
 */
static void take_scored_as_text(struct cursor *cursor)
{
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--) {
        take_string(cursor, NULL);
        uint8_t length = take_byte(cursor);
        take(cursor, length < 253 ? length : 0);
    }
}

static void take_list_nodes(struct cursor *cursor)
{
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--) {
        take_length(cursor); /* plain or packed */
        take_string(cursor, NULL);
    }
}

static void take_lengths(struct cursor *cursor, unsigned n)
{
    for (; n > 0; n--)
        take_length(cursor);
}

static void take_consumer_group(struct cursor *cursor, unsigned version)
{
    take_string(cursor, NULL);
    take_lengths(cursor, version >= 2 ? 3 : 2);
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--) {
        take(cursor, 16 + 8);
        take_length(cursor);
    }
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--) {
        take_string(cursor, NULL);
        take(cursor, version >= 3 ? 16 : 8);
        take(cursor, 16 * take_length(cursor));
    }
}

static void take_stream(struct cursor *cursor, unsigned version)
{
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--)
        take_strings(cursor, 2);
    take_lengths(cursor, version >= 2 ? 8 : 3);
    for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--)
        take_consumer_group(cursor, version);
}

static void take_value(struct cursor *cursor, uint8_t type)
{
    switch (type) {
    case 0:  /* string */
    case 9:  /* small hash, three older ways */
    case 10: /* small list */
    case 11: /* set of integers */
    case 12: /* small sorted set */
    case 13:
    case 16: /* small hash */
    case 17: /* small sorted set */
    case 20: /* small set */
        take_string(cursor, NULL);
        break;
    case 1:  /* list */
    case 2:  /* set */
    case 14: /* list of small lists */
        take_strings(cursor, take_length(cursor));
        break;
    case 3: /* sorted set */
        take_scored_as_text(cursor);
        break;
    case 4: /* hash */
        for (uint64_t n = take_length(cursor); n > 0 && fine(cursor); n--)
            take_strings(cursor, 2);
        break;
    case 5: /* sorted set */
        take_scored(cursor);
        break;
    case 15:
        take_stream(cursor, 1);
        break;
    case 18: /* list */
        take_list_nodes(cursor);
        break;
    case 19:
        take_stream(cursor, 2);
        break;
    case 21:
        take_stream(cursor, 3);
        break;
    default: /* modules, and what newer servers invent */
        cursor->is_bad = true;
    }
}

/* ---- the parts of the file ---- */

static enum err problem(struct rdb *rdb, const char *sentence)
{
    snprintf(rdb->problem, sizeof rdb->problem, "%s", sentence);
    return ERR_PROTOCOL;
}

static bool is_ours(const struct rdb *rdb)
{
    size_t len = strlen(rdb->prefix);
    return rdb->at_db == rdb->db && rdb->name.len >= len &&
           memcmp(rdb->name.data, rdb->prefix, len) == 0;
}

static enum err tell(struct rdb *rdb, uint8_t type, const uint8_t *value, size_t len)
{
    uint8_t footer[FOOTER_BYTES] = {(uint8_t)rdb->version, (uint8_t)(rdb->version >> 8)};
    struct buf *dump = &rdb->dump;
    buf_reset(dump);
    buf_add_char(dump, (char)type);
    buf_add(dump, value, len);
    buf_add(dump, footer, 2);
    uint64_t crc = rdb_crc64(0, buf_text(dump), dump->len);
    for (size_t i = 2; i < FOOTER_BYTES; i++, crc >>= 8)
        footer[i] = (uint8_t)crc;
    buf_add(dump, footer + 2, FOOTER_BYTES - 2);
    if (buf_check(dump) != ERR_OK)
        return ERR_NOMEM;
    struct rdb_key key = {.name = buf_text(&rdb->name),
                          .name_len = rdb->name.len,
                          .dump = dump->data,
                          .dump_len = dump->len,
                          .expires_ms = rdb->expires_ms};
    return rdb->on_key(rdb->arg, &key);
}

static enum err read_key(struct rdb *rdb, struct cursor *cursor, uint8_t type)
{
    buf_reset(&rdb->name);
    take_string(cursor, &rdb->name);
    const uint8_t *value = cursor->at;
    take_value(cursor, type);
    if (!fine(cursor))
        return ERR_OK;
    bool fits = buf_check(&rdb->name) == ERR_OK; /* ours are short; others may be of any length */
    enum err error =
        fits && is_ours(rdb) ? tell(rdb, type, value, (size_t)(cursor->at - value)) : ERR_OK;
    rdb->expires_ms = 0;
    return error;
}

static enum err read_end(struct rdb *rdb, struct cursor *cursor)
{
    uint64_t crc = rdb_crc64(rdb->crc, cursor->at - 1, 1);
    const uint8_t *at = take(cursor, 8);
    if (at == NULL)
        return ERR_OK;
    uint64_t told = low_first(at, 8);
    if (told != 0 && told != crc)
        return problem(rdb, "the snapshot of Redis is damaged: its checksum differs");
    rdb->ended = true;
    return ERR_OK;
}

static enum err read_part(struct rdb *rdb, struct cursor *cursor)
{
    const uint8_t *at;
    uint8_t op = take_byte(cursor);
    switch (op) {
    case OP_AUX:
        take_strings(cursor, 2);
        return ERR_OK;
    case OP_FUNCTION:
        take_string(cursor, NULL);
        return ERR_OK;
    case OP_SIZES:
        take_lengths(cursor, 2);
        return ERR_OK;
    case OP_IDLE:
        take_length(cursor);
        return ERR_OK;
    case OP_FREQ:
        take_byte(cursor);
        return ERR_OK;
    case OP_EXPIRES_MS:
    case OP_EXPIRES_S:
        at = take(cursor, op == OP_EXPIRES_MS ? 8 : 4);
        if (at != NULL)
            rdb->expires_ms =
                op == OP_EXPIRES_MS ? (int64_t)low_first(at, 8) : (int64_t)low_first(at, 4) * 1000;
        return ERR_OK;
    case OP_SELECT: {
        uint64_t db = take_length(cursor);
        if (fine(cursor))
            rdb->at_db = (uint32_t)db;
        return ERR_OK;
    }
    case OP_EOF:
        return read_end(rdb, cursor);
    default:
        return fine(cursor) ? read_key(rdb, cursor, op) : ERR_OK;
    }
}

static enum err read_magic(struct rdb *rdb, struct cursor *cursor)
{
    char digits[5] = "";
    const uint8_t *at = take(cursor, MAGIC_BYTES);
    if (at == NULL)
        return ERR_OK;
    memcpy(digits, at + 5, 4);
    rdb->version = (uint32_t)strtoul(digits, NULL, 10);
    if (memcmp(at, "REDIS", 5) != 0 || rdb->version == 0)
        return problem(rdb, "Redis sent something that is no snapshot");
    if (rdb->version > VERSION_MAX)
        return problem(rdb,
                       "this Redis writes snapshots of a newer kind than this outreachd knows");
    return ERR_OK;
}

enum err rdb_read(struct rdb *rdb, const void *bytes, size_t len)
{
    struct buf *pending = &rdb->pending;
    enum err error = ERR_OK;
    size_t used = 0;
    buf_add(pending, bytes, len);
    if (buf_check(pending) != ERR_OK)
        return ERR_NOMEM;
    while (error == ERR_OK && !rdb->ended && used < pending->len) {
        const uint8_t *start = (const uint8_t *)pending->data + used;
        struct cursor cursor = {start, (const uint8_t *)pending->data + pending->len, false, false};
        error = rdb->version == 0 ? read_magic(rdb, &cursor) : read_part(rdb, &cursor);
        if (cursor.is_bad)
            error = problem(rdb, "the snapshot of Redis holds a value of an unknown kind");
        if (error != ERR_OK || cursor.is_short)
            break;
        rdb->crc = rdb_crc64(rdb->crc, start, (size_t)(cursor.at - start));
        used += (size_t)(cursor.at - start);
    }
    if (used > 0) {
        memmove(pending->data, pending->data + used, pending->len - used);
        pending->len -= used;
    }
    return error;
}

/* ---- life ---- */

enum err rdb_new(uint32_t db, const char *prefix, rdb_key_fn *on_key, void *arg, struct rdb **out)
{
    struct rdb *rdb = calloc(1, sizeof *rdb);
    if (rdb == NULL)
        return ERR_NOMEM;
    buf_init(&rdb->pending, RDB_VALUE_MAX_BYTES + PIECE_MAX_BYTES);
    buf_init(&rdb->dump, RDB_VALUE_MAX_BYTES + FOOTER_BYTES + 1);
    buf_init(&rdb->name, RDB_KEY_MAX_BYTES);
    snprintf(rdb->prefix, sizeof rdb->prefix, "%s", prefix);
    rdb->db = db;
    rdb->on_key = on_key;
    rdb->arg = arg;
    *out = rdb;
    return ERR_OK;
}

void rdb_free(struct rdb *rdb)
{
    if (rdb == NULL)
        return;
    buf_fini(&rdb->pending);
    buf_fini(&rdb->dump);
    buf_fini(&rdb->name);
    free(rdb);
}

bool rdb_ended(const struct rdb *rdb)
{
    return rdb->ended;
}

uint32_t rdb_version(const struct rdb *rdb)
{
    return rdb->version;
}

const char *rdb_problem(const struct rdb *rdb)
{
    return rdb->problem;
}
