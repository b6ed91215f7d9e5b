#include "base/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

#define HEADER_MAX_BYTES 1024
#define HEAD_BYTES 17 /* of a record: letter, two lengths, expiry */
#define END_BYTES (9 + DIGEST_SHA256_BYTES)
#define PENDING_MAX_BYTES (ARCHIVE_VALUE_MAX + ARCHIVE_KEY_MAX + HEAD_BYTES + (size_t)1024 * 1024)

static uint64_t get_number(const uint8_t *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}

static void put_number(uint64_t value, size_t n, uint8_t *at)
{
    for (size_t i = n; i-- > 0; value >>= 8)
        at[i] = (uint8_t)value;
}

/* ---- writing ---- */

struct archive_writer {
    struct digest_running *digest;
    uint64_t keys;
};

enum err archive_writer_new(struct archive_writer **out)
{
    struct archive_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL)
        return ERR_NOMEM;
    writer->digest = digest_sha256_begin();
    *out = writer;
    return ERR_OK;
}

void archive_writer_free(struct archive_writer *writer)
{
    if (writer != NULL)
        digest_running_free(writer->digest);
    free(writer);
}

static void write_bytes(struct archive_writer *writer, const void *bytes, size_t len,
                        struct buf *out)
{
    digest_running_add(writer->digest, bytes, len);
    buf_add(out, bytes, len);
}

void archive_write_header(struct archive_writer *writer, const struct archive_header *header,
                          struct buf *out)
{
    char text[HEADER_MAX_BYTES];
    int len = snprintf(text, sizeof text,
                       "outreachd backup %" PRIu32 "\nschema %" PRIu32 "\nprefix %s\nat %" PRId64
                       "\nredis %s\nrdb %" PRIu32 "\n\n",
                       header->format, header->schema, header->prefix, header->at_ms, header->redis,
                       header->rdb);
    write_bytes(writer, text, (size_t)len, out);
}

void archive_write_record(struct archive_writer *writer, const struct archive_record *record,
                          struct buf *out)
{
    uint8_t head[HEAD_BYTES] = {'K'};
    put_number(record->key_len, 4, head + 1);
    put_number(record->value_len, 4, head + 5);
    put_number((uint64_t)record->expires_ms, 8, head + 9);
    write_bytes(writer, head, sizeof head, out);
    write_bytes(writer, record->key, record->key_len, out);
    write_bytes(writer, record->value, record->value_len, out);
    writer->keys++;
}

void archive_write_end(struct archive_writer *writer, struct buf *out)
{
    uint8_t end[END_BYTES] = {'E'};
    put_number(writer->keys, 8, end + 1);
    digest_running_add(writer->digest, end, 9);
    digest_running_end(writer->digest, end + 9);
    buf_add(out, end, sizeof end);
}

uint64_t archive_written(const struct archive_writer *writer)
{
    return writer->keys;
}

/* ---- reading ---- */

struct archive_reader {
    struct archive_events events;
    struct digest_running *digest;
    struct buf pending; /* bytes of what has not come whole */
    bool has_header, ended;
    uint64_t keys;
    char problem[160];
};

enum err archive_reader_new(const struct archive_events *events, struct archive_reader **out)
{
    struct archive_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return ERR_NOMEM;
    reader->events = *events;
    reader->digest = digest_sha256_begin();
    buf_init(&reader->pending, PENDING_MAX_BYTES);
    *out = reader;
    return ERR_OK;
}

void archive_reader_free(struct archive_reader *reader)
{
    if (reader == NULL)
        return;
    digest_running_free(reader->digest);
    buf_fini(&reader->pending);
    free(reader);
}

bool archive_ended(const struct archive_reader *reader)
{
    return reader->ended;
}

uint64_t archive_records(const struct archive_reader *reader)
{
    return reader->keys;
}

const char *archive_problem(const struct archive_reader *reader)
{
    return reader->problem;
}

static enum err damaged(struct archive_reader *reader, const char *sentence)
{
    snprintf(reader->problem, sizeof reader->problem, "%s", sentence);
    return ERR_INVALID;
}

/* What a step took from the front; 0: it waits for more. */
struct step {
    size_t took;
    enum err error;
};

static bool read_header_text(const char *text, struct archive_header *header)
{
    int end = 0;
    memset(header, 0, sizeof *header);
    int n = sscanf(text,
                   "outreachd backup %" SCNu32 "\nschema %" SCNu32 "\nprefix %64[^\n]\nat %" SCNd64
                   "\nredis %31[^\n]\nrdb %" SCNu32 "%n",
                   &header->format, &header->schema, header->prefix, &header->at_ms, header->redis,
                   &header->rdb, &end);
    return n == 6 && end > 0 && text[end] == '\n' && header->schema > 0 && header->rdb > 0;
}

static struct step read_header(struct archive_reader *reader, const char *at, size_t len)
{
    static const char magic[] = "outreachd backup ";
    char text[HEADER_MAX_BYTES];
    struct archive_header header;
    size_t head = len < sizeof magic - 1 ? len : sizeof magic - 1;
    if (memcmp(at, magic, head) != 0)
        return (struct step){0, damaged(reader, "this is no backup of outreachd")};
    unsigned format = 0;
    const char *end = memmem(at, len < sizeof text ? len : sizeof text - 1, "\n\n", 2);
    if (end == NULL)
        return (struct step){
            0, len < sizeof text ? ERR_OK : damaged(reader, "the head of the backup is damaged")};
    size_t took = (size_t)(end - at) + 2;
    memcpy(text, at, took);
    text[took] = '\0';
    if (sscanf(text, "outreachd backup %u\n", &format) == 1 && format > ARCHIVE_FORMAT)
        return (struct step){0, damaged(reader, "a newer outreachd wrote this backup: install that "
                                                "version")};
    if (!read_header_text(text, &header))
        return (struct step){0, damaged(reader, "the head of the backup is damaged")};
    digest_running_add(reader->digest, at, took);
    reader->has_header = true;
    enum err error = reader->events.on_header != NULL
                         ? reader->events.on_header(reader->events.arg, &header)
                         : ERR_OK;
    return (struct step){took, error};
}

static struct step read_end(struct archive_reader *reader, const char *at, size_t len)
{
    uint8_t digest[DIGEST_SHA256_BYTES];
    if (len < END_BYTES)
        return (struct step){0, ERR_OK};
    digest_running_add(reader->digest, at, 9);
    digest_running_end(reader->digest, digest);
    if (get_number((const uint8_t *)at + 1, 8) != reader->keys ||
        memcmp(digest, at + 9, sizeof digest) != 0)
        return (struct step){0, damaged(reader, "the backup is damaged: its checksum differs")};
    reader->ended = true;
    return (struct step){END_BYTES, ERR_OK};
}

static struct step read_record(struct archive_reader *reader, const char *at, size_t len)
{
    if (len < HEAD_BYTES)
        return (struct step){0, ERR_OK};
    const uint8_t *head = (const uint8_t *)at;
    struct archive_record record = {.key_len = get_number(head + 1, 4),
                                    .value_len = get_number(head + 5, 4),
                                    .expires_ms = (int64_t)get_number(head + 9, 8)};
    if (record.key_len == 0 || record.key_len > ARCHIVE_KEY_MAX || record.value_len == 0 ||
        record.value_len > ARCHIVE_VALUE_MAX || record.expires_ms < 0)
        return (struct step){0, damaged(reader, "the backup is damaged: a length cannot be")};
    size_t took = HEAD_BYTES + record.key_len + record.value_len;
    if (len < took)
        return (struct step){0, ERR_OK};
    record.key = at + HEAD_BYTES;
    record.value = record.key + record.key_len;
    digest_running_add(reader->digest, at, took);
    reader->keys++;
    return (struct step){took, reader->events.on_record(reader->events.arg, &record)};
}

static struct step read_one(struct archive_reader *reader, const char *at, size_t len)
{
    if (reader->ended)
        return (struct step){0, damaged(reader, "something stands behind the end of the backup")};
    if (!reader->has_header)
        return read_header(reader, at, len);
    if (*at == 'K')
        return read_record(reader, at, len);
    if (*at == 'E')
        return read_end(reader, at, len);
    return (struct step){0, damaged(reader, "the backup is damaged")};
}

enum err archive_read(struct archive_reader *reader, const void *bytes, size_t len)
{
    struct buf *pending = &reader->pending;
    struct step step = {1, ERR_OK};
    size_t at = 0;
    if (reader->problem[0] != '\0')
        return ERR_INVALID;
    buf_add(pending, bytes, len);
    if (buf_check(pending) != ERR_OK)
        return ERR_NOMEM;
    while (step.error == ERR_OK && step.took > 0 && at < pending->len) {
        step = read_one(reader, pending->data + at, pending->len - at);
        at += step.took;
    }
    if (at > 0) {
        memmove(pending->data, pending->data + at, pending->len - at);
        pending->len -= at;
    }
    return step.error;
}
