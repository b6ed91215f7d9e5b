#include "base/digest.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct digest_part part(const char *text)
{
    return (struct digest_part){text, strlen(text)};
}

static void test_published_vectors(void **state)
{
    (void)state;
    char md5[DIGEST_MD5_HEX], sha1[DIGEST_SHA1_HEX], sha256[DIGEST_SHA256_HEX];
    struct digest_part abc = part("abc"), empty = part("");
    digest_md5_hex(&abc, 1, md5); /* RFC 1321 */
    assert_string_equal(md5, "900150983cd24fb0d6963f7d28e17f72");
    digest_md5_hex(&empty, 1, md5);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
    digest_sha1_hex(&abc, 1, sha1); /* FIPS 180-4 examples */
    assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest_sha256_hex(&abc, 1, sha256);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    uint8_t raw[DIGEST_SHA256_BYTES];
    digest_sha256(&abc, 1, raw);
    assert_int_equal(raw[0], 0xba);
    assert_int_equal(raw[31], 0xad);
}

static void test_parts_join_without_anything_between(void **state)
{
    (void)state;
    struct digest_part whole = part("message digest");
    struct digest_part parts[] = {part("mess"), part(""), part("age dig"), part("est")};
    char one[DIGEST_MD5_HEX], many[DIGEST_MD5_HEX], none[DIGEST_MD5_HEX];
    digest_md5_hex(&whole, 1, one);
    digest_md5_hex(parts, 4, many);
    assert_string_equal(one, "f96b697d7cb7938d525a2f31aaf161d0");
    assert_string_equal(many, one);
    digest_md5_hex(NULL, 0, none);
    assert_string_equal(none, "d41d8cd98f00b204e9800998ecf8427e");
}

/* The context is reused: an algorithm after another, and a second thread, must not see leftovers.
 */
static void *digest_many(void *arg)
{
    struct digest_part abc = part("abc");
    for (int i = 0; i < 1000; i++) {
        char md5[DIGEST_MD5_HEX], sha1[DIGEST_SHA1_HEX];
        digest_md5_hex(&abc, 1, md5);
        digest_sha1_hex(&abc, 1, sha1);
        if (strcmp(md5, "900150983cd24fb0d6963f7d28e17f72") != 0 ||
            strcmp(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d") != 0)
            *(int *)arg = 1;
    }
    return NULL;
}

static void test_contexts_do_not_mix(void **state)
{
    (void)state;
    int wrong[2] = {0, 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, digest_many, &wrong[0]), 0);
    digest_many(&wrong[1]);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(wrong[0], 0);
    assert_int_equal(wrong[1], 0);
}

static const struct {
    const char *plain, *coded;
} rfc4648[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void test_base64_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rfc4648 / sizeof rfc4648[0]; i++) {
        struct buf coded, plain;
        buf_init(&coded, 100);
        buf_init(&plain, 100);
        buf_add_char(&coded, '>'); /* it appends */
        digest_base64(rfc4648[i].plain, strlen(rfc4648[i].plain), &coded);
        assert_int_equal(buf_check(&coded), ERR_OK);
        assert_string_equal(buf_text(&coded) + 1, rfc4648[i].coded);
        assert_int_equal(digest_base64_decode(rfc4648[i].coded, strlen(rfc4648[i].coded), &plain),
                         ERR_OK);
        assert_string_equal(buf_text(&plain), rfc4648[i].plain);
        buf_fini(&coded);
        buf_fini(&plain);
    }
}

static void test_base64_of_long_input_is_one_line(void **state)
{
    (void)state;
    enum { LEN = 200001 };
    uint8_t *bytes = malloc(LEN);
    assert_non_null(bytes);
    for (size_t i = 0; i < LEN; i++)
        bytes[i] = (uint8_t)digest_mix64(i);
    struct buf coded, plain;
    buf_init(&coded, 1 << 20);
    buf_init(&plain, 1 << 20);
    digest_base64(bytes, LEN, &coded);
    assert_int_equal(coded.len, (LEN + 2) / 3 * 4);
    assert_null(strpbrk(buf_text(&coded), "\r\n "));
    assert_int_equal(strlen(coded.data), coded.len);
    assert_int_equal(digest_base64_decode(coded.data, coded.len, &plain), ERR_OK);
    assert_int_equal(plain.len, LEN);
    assert_memory_equal(plain.data, bytes, LEN);
    free(bytes);
    buf_fini(&coded);
    buf_fini(&plain);
}

static void test_base64_decode_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Zg",     "Zg=",     "Zg===",     "=",    "====",     "Z===", "Zg= ",
        "Zm9v\n", "Zm 9",    "Zm9v\nZm9", "Zm-_", "Zg==Zg==", "Zh==", /* leftover bits set */
        "Zm9=",   "Zm9\xe9",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        buf_add_text(&out, "kept");
        if (digest_base64_decode(bad[i], strlen(bad[i]), &out) != ERR_INVALID)
            fail_msg("\"%s\" was taken", bad[i]);
        assert_string_equal(buf_text(&out), "kept");
        assert_int_equal(out.len, 4);
        buf_fini(&out);
    }
}

static void test_base64_respects_the_ceiling(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 7);
    digest_base64("foob", 4, &out);
    assert_int_equal(buf_check(&out), ERR_NOMEM);
    buf_reset(&out);
    digest_base64("foo", 3, &out);
    assert_string_equal(buf_text(&out), "Zm9v");
    assert_int_equal(digest_base64_decode("Zm9vYmFy", 8, &out), ERR_NOMEM);
    assert_string_equal(buf_text(&out), "Zm9v");
    buf_fini(&out);
}

static void test_mix64_is_splitmix64(void **state)
{
    (void)state;
    /* First outputs of splitmix64 seeded with 0: the state steps by the golden gamma. */
    assert_true(digest_mix64(0) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(digest_mix64(UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(0x6e789e6aa1b965f4));
}

static void test_of_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/digest-XXXXXX", of_file[DIGEST_SHA256_HEX], of_bytes[DIGEST_SHA256_HEX];
    static char bytes[200001];
    uint64_t len;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(digest_sha256_fd(fd, of_file, &len), ERR_OK);
    const struct digest_part whole = {bytes, sizeof bytes};
    digest_sha256_hex(&whole, 1, of_bytes);
    assert_string_equal(of_file, of_bytes);
    assert_int_equal(len, sizeof bytes);
    close(fd);
    assert_int_equal(digest_sha256_fd(fd, of_file, &len), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_parts_join_without_anything_between),
        cmocka_unit_test(test_contexts_do_not_mix),
        cmocka_unit_test(test_base64_both_ways),
        cmocka_unit_test(test_base64_of_long_input_is_one_line),
        cmocka_unit_test(test_base64_decode_is_strict),
        cmocka_unit_test(test_base64_respects_the_ceiling),
        cmocka_unit_test(test_mix64_is_splitmix64),
        cmocka_unit_test(test_of_a_file),
    };
    return cmocka_run_group_tests_name("base/digest", tests, NULL, NULL);
}
