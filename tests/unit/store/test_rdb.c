/* Snapshots by hand: what the server writes rarely, and what it never should. The usual is tested
 * against a real server in tests/system/test_backup.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/rdb.c" /* NOLINT(bugprone-suspicious-include) */

struct seen {
    size_t n;
    char name[64];
    int64_t expires_ms;
    unsigned char dump[256];
    size_t dump_len;
};

static enum err see(void *arg, const struct rdb_key *key)
{
    struct seen *seen = arg;
    seen->n++;
    snprintf(seen->name, sizeof seen->name, "%.*s", (int)key->name_len, key->name);
    seen->expires_ms = key->expires_ms;
    seen->dump_len = key->dump_len;
    memcpy(seen->dump, key->dump, key->dump_len < sizeof seen->dump ? key->dump_len : 0);
    return ERR_OK;
}

static enum err read_all(const void *bytes, size_t len, size_t piece, struct seen *seen,
                         bool *ended)
{
    struct rdb *rdb;
    enum err error = ERR_OK;
    memset(seen, 0, sizeof *seen);
    assert_int_equal(rdb_new(2, "o:", see, seen, &rdb), ERR_OK);
    for (size_t at = 0; at < len && error == ERR_OK; at += piece)
        error = rdb_read(rdb, (const char *)bytes + at, len - at < piece ? len - at : piece);
    *ended = rdb_ended(rdb);
    assert_true((error == ERR_OK) == (rdb_problem(rdb)[0] == '\0'));
    rdb_free(rdb);
    return error;
}

#define TEXT(literal) literal, sizeof(literal) - 1

static void test_checksum(void **state)
{
    (void)state;
    /* source: crc64.c of Redis, its own test */
    assert_true(rdb_crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
}

static void test_only_ours_of_our_database(void **state)
{
    static const char bytes[] =
        "REDIS0010"
        "\xfa\x03ver\x03"
        "7.0"
        "\xf5\x04text"
        "\xfe\x01\xfb\x01\x00"
        "\x00\x03o:a\x01x" /* another database */
        "\xfe\x02"
        "\xfc\x00\x10\x00\x00\x00\x00\x00\x00\x00\x03p:a\x01x" /* not ours */
        "\xfc\x01\x01\x00\x00\x00\x00\x00\x00\x00\x03o:b\x01y"
        "\x00\xc0\x05\x01z" /* a number is its name */
        "\xff\x00\x00\x00\x00\x00\x00\x00\x00";
    struct seen seen;
    bool ended;
    (void)state;
    for (size_t piece = 1; piece < sizeof bytes; piece += 3) {
        assert_int_equal(read_all(TEXT(bytes), piece, &seen, &ended), ERR_OK);
        assert_true(ended);
        assert_int_equal(seen.n, 1);
        assert_string_equal(seen.name, "o:b");
        assert_int_equal(seen.expires_ms, 257);
        assert_int_equal(seen.dump_len, 3 + FOOTER_BYTES);
        assert_memory_equal(seen.dump, "\x00\x01y\x0a\x00", 5);
        uint64_t crc = rdb_crc64(0, seen.dump, 5);
        assert_true(low_first(seen.dump + 5, 8) == crc);
    }
    for (size_t len = 0; len < sizeof bytes - 1; len++) {
        assert_int_equal(read_all(bytes, len, sizeof bytes, &seen, &ended), ERR_OK);
        assert_false(ended);
    }
}

static void test_a_packed_name(void **state)
{
    /* "o:aaaaaaaaaa": three letters as they are, then nine from one back */
    static const char bytes[] = "REDIS0010\xfe\x02\x00\xc3\x07\x0c\x02o:a\xe0\x00\x00\x01y"
                                "\xff\x00\x00\x00\x00\x00\x00\x00\x00";
    static const char too_far[] = "REDIS0010\xfe\x02\x00\xc3\x07\x0c\x02o:a\xe0\x00\x09\x01y";
    static const char too_long[] = "REDIS0010\xfe\x02\x00\xc3\x07\x0c\x02o:a\xe0\x05\x00\x01y";
    struct seen seen;
    bool ended;
    (void)state;
    assert_int_equal(read_all(TEXT(bytes), 1000, &seen, &ended), ERR_OK);
    assert_true(ended);
    assert_string_equal(seen.name, "o:aaaaaaaaaa");
    assert_int_equal(read_all(TEXT(too_far), 1000, &seen, &ended), ERR_PROTOCOL);
    assert_int_equal(read_all(TEXT(too_long), 1000, &seen, &ended), ERR_PROTOCOL);
}

static void test_what_cannot_be(void **state)
{
    struct seen seen;
    bool ended;
    (void)state;
    assert_int_equal(read_all(TEXT("something else"), 100, &seen, &ended), ERR_PROTOCOL);
    assert_int_equal(read_all(TEXT("REDIS0099\xff"), 100, &seen, &ended), ERR_PROTOCOL);
    /* a module's value */
    assert_int_equal(read_all(TEXT("REDIS0010\xfe\x02\x07\x03o:a\x01"), 100, &seen, &ended),
                     ERR_PROTOCOL);
    /* 2^63 bytes */
    assert_int_equal(
        read_all(TEXT("REDIS0010\xfe\x02\x00\x03o:a\x81\x80\x00\x00\x00\x00\x00\x00\x00"), 100,
                 &seen, &ended),
        ERR_PROTOCOL);
    /* another checksum */
    assert_int_equal(
        read_all(TEXT("REDIS0010\xff\x01\x00\x00\x00\x00\x00\x00\x00"), 100, &seen, &ended),
        ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_only_ours_of_our_database),
        cmocka_unit_test(test_a_packed_name),
        cmocka_unit_test(test_what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
