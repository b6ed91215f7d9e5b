/* The backup file: what is written is read, in pieces of any size; what was cut or changed is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/archive.c" /* NOLINT(bugprone-suspicious-include) */

#define FILE_MAX_BYTES ((size_t)1024 * 1024)
#define N_KEYS 5

static const struct archive_header header = {.format = 1,
                                             .schema = 3,
                                             .rdb = 10,
                                             .prefix = "outreach",
                                             .redis = "7.0.15",
                                             .at_ms = 1792198920000};

struct seen {
    size_t headers, records;
    int64_t expires;
    char last[64];
};

static void write_file(struct buf *out)
{
    struct archive_writer *writer = NULL;
    char value[3000];
    memset(value, 'v', sizeof value);
    buf_init(out, FILE_MAX_BYTES);
    assert_int_equal(archive_writer_new(&writer), ERR_OK);
    archive_write_header(writer, &header, out);
    for (size_t i = 0; i < N_KEYS; i++) {
        char key[16];
        struct archive_record record = {.key = key,
                                        .key_len = (size_t)snprintf(key, sizeof key, ":k%zu", i),
                                        .value = value,
                                        .value_len = 1 + i * 700,
                                        .expires_ms = (int64_t)i * 1000};
        archive_write_record(writer, &record, out);
    }
    assert_int_equal(archive_written(writer), N_KEYS);
    archive_write_end(writer, out);
    archive_writer_free(writer);
    assert_int_equal(buf_check(out), ERR_OK);
}

static enum err see_header(void *arg, const struct archive_header *found)
{
    ((struct seen *)arg)->headers++;
    assert_int_equal(found->schema, 3);
    assert_int_equal(found->at_ms, 1792198920000);
    assert_string_equal(found->prefix, "outreach");
    assert_string_equal(found->redis, "7.0.15");
    return ERR_OK;
}

static enum err see_record(void *arg, const struct archive_record *record)
{
    struct seen *seen = arg;
    assert_int_equal(record->value_len, 1 + seen->records * 700);
    assert_int_equal(record->expires_ms, (int64_t)seen->records * 1000);
    snprintf(seen->last, sizeof seen->last, "%.*s", (int)record->key_len, record->key);
    seen->records++;
    return ERR_OK;
}

/* gives: the first error; *ended: whether it was whole. */
static enum err read_in_pieces(const char *bytes, size_t len, size_t piece, struct seen *seen,
                               bool *ended)
{
    struct archive_reader *reader = NULL;
    const struct archive_events events = {see_header, see_record, seen};
    enum err error = ERR_OK;
    memset(seen, 0, sizeof *seen);
    assert_int_equal(archive_reader_new(&events, &reader), ERR_OK);
    for (size_t at = 0; at < len && error == ERR_OK; at += piece)
        error = archive_read(reader, bytes + at, len - at < piece ? len - at : piece);
    *ended = archive_ended(reader);
    assert_true((error == ERR_OK) == (archive_problem(reader)[0] == '\0'));
    archive_reader_free(reader);
    return error;
}

static void test_in_pieces_of_any_size(void **state)
{
    static const size_t pieces[] = {1, 2, 7, 100, 4096, FILE_MAX_BYTES};
    struct buf file;
    struct seen seen;
    bool ended;
    (void)state;
    write_file(&file);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        assert_int_equal(read_in_pieces(file.data, file.len, pieces[i], &seen, &ended), ERR_OK);
        assert_true(ended);
        assert_int_equal(seen.headers, 1);
        assert_int_equal(seen.records, N_KEYS);
        assert_string_equal(seen.last, ":k4");
    }
    buf_fini(&file);
}

static void test_cut_anywhere_it_has_not_ended(void **state)
{
    struct buf file;
    struct seen seen;
    bool ended;
    (void)state;
    write_file(&file);
    for (size_t len = 0; len < file.len; len++) {
        assert_int_equal(read_in_pieces(file.data, len, FILE_MAX_BYTES, &seen, &ended), ERR_OK);
        assert_false(ended);
    }
    buf_fini(&file);
}

static enum err take_header(void *arg, const struct archive_header *found)
{
    (void)arg;
    (void)found;
    return ERR_OK;
}
static enum err take_record(void *arg, const struct archive_record *record)
{
    (void)arg;
    (void)record;
    return ERR_OK;
}

static void test_a_changed_bit_is_noticed(void **state)
{
    struct buf file;
    (void)state;
    write_file(&file);
    for (size_t at = 0; at < file.len; at++) {
        struct archive_reader *reader = NULL;
        const struct archive_events events = {take_header, take_record, NULL};
        file.data[at] ^= 4;
        assert_int_equal(archive_reader_new(&events, &reader), ERR_OK);
        enum err error = archive_read(reader, file.data, file.len);
        if (error == ERR_OK) /* a length grew: it waits for more */
            assert_false(archive_ended(reader));
        archive_reader_free(reader);
        file.data[at] ^= 4;
    }
    buf_fini(&file);
}

static void test_nothing_may_follow(void **state)
{
    struct buf file;
    struct seen seen;
    bool ended;
    (void)state;
    write_file(&file);
    buf_add_char(&file, 'x');
    assert_int_equal(read_in_pieces(file.data, file.len, 100, &seen, &ended), ERR_INVALID);
    assert_int_equal(read_in_pieces("something else", 14, 100, &seen, &ended), ERR_INVALID);
    buf_fini(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_pieces_of_any_size),
        cmocka_unit_test(test_cut_anywhere_it_has_not_ended),
        cmocka_unit_test(test_a_changed_bit_is_noticed),
        cmocka_unit_test(test_nothing_may_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
