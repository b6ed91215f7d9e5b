/* Which encoding a file has, and GB18030 in pieces of every size. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "campaign/encoding.h"

#define GBK_NAME "\xcd\xf5\xd0\xa1\xc3\xf7" /* 王小明 */

struct detection {
    const char *bytes;
    size_t len;
    bool whole;
    enum encoding encoding;
    size_t fault_at;
};
#define TEXT(literal) literal, sizeof(literal) - 1

static void test_detection(void **state)
{
    (void)state;
    static const struct detection cases[] = {
        {TEXT(""), true, ENCODING_UTF8, 0},
        {TEXT("phone\n13800138000\n"), true, ENCODING_UTF8, 0},
        {TEXT("\xef\xbb\xbf"), true, ENCODING_UTF8, 0},
        {TEXT("\xef\xbb\xbf" GBK_NAME), true, ENCODING_UTF8, 0}, /* the BOM decides */
        {TEXT("手机,姓名\n13800138000,王小明\n"), true, ENCODING_UTF8, 0},
        {TEXT("\xca\xd6\xbb\xfa\n138\n"), true, ENCODING_GB18030, 0},
        {TEXT("phone,name\n138," GBK_NAME "\n"), true, ENCODING_GB18030, 0},
        {TEXT("a\x81\x30\x81\x30"), true, ENCODING_GB18030, 0}, /* four bytes */
        {TEXT("\xff\xfe\x0bb"), true, ENCODING_UTF16, 0},
        {TEXT("\xfe\xff"), true, ENCODING_UTF16, 0},
        {TEXT("手机\n138,\xff\xff\n"), true, ENCODING_NEITHER, 11},
        {TEXT("phone\n\x80\n"), true, ENCODING_NEITHER, 6},
        /* Cut at the end: no fault when more follows. */
        {TEXT("手机\xe5\xa7"), false, ENCODING_UTF8, 0},
        {TEXT("\xca\xd6\xbb"), false, ENCODING_GB18030, 0},
        {TEXT("\xca\xd6\xbb"), true, ENCODING_NEITHER, 2},
        {TEXT("\xca\xd6\x81\x30\x81"), false, ENCODING_GB18030, 0},
        /* One broken cell does not turn UTF-8 into GB18030. */
        {TEXT("手机号码,姓名,地址,王小明王小明王小明王小明王小明\xe7\x8e,\n"), true, ENCODING_UTF8,
         0},
        /* Half an emoji as three bytes is a fault of the text, not of the encoding. */
        {TEXT("手机\xed\xa0\xbd"), true, ENCODING_UTF8, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum encoding encoding;
        size_t fault_at;
        assert_int_equal(
            encoding_detect(cases[i].bytes, cases[i].len, cases[i].whole, &encoding, &fault_at),
            ERR_OK);
        if (encoding != cases[i].encoding ||
            (encoding == ENCODING_NEITHER && fault_at != cases[i].fault_at))
            fail_msg("case %zu: %d at %zu", i, encoding, fault_at);
    }
}

static void test_utf8_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t prefix;
    } cases[] = {
        {"", 0},
        {"abcdefghijklmnop", 16},
        {"abcdefgh\x80", 8},
        {"a汉b\U0001f33e", 9},
        {"\xc2\xa0", 2},
        {"\xc1\xbf", 0},     /* too long a form */
        {"\xe0\x9f\xbf", 0}, /* too long a form */
        {"\xe0\xa0\x80", 3},
        {"\xed\xa0\x80", 3},     /* surrogates pass here */
        {"\xf0\x8f\xbf\xbf", 0}, /* too long a form */
        {"\xf0\x90\x80\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"a\xe6\xb1", 1}, /* cut */
        {"a\xe6\xb1z", 1},
        {"\xff", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t prefix = encoding_utf8_prefix(cases[i].text, strlen(cases[i].text));
        if (prefix != cases[i].prefix)
            fail_msg("case %zu: %zu", i, prefix);
    }
    assert_true(encoding_is_ascii("0123456789abcdef\x7f", 17));
    assert_false(encoding_is_ascii("0123456789abcdef\x80", 17));
}

/* Converts in blocks of `block` bytes, keeping what was cut for the next one. */
static size_t convert_in_blocks(const char *in, size_t len, size_t block, char *out, size_t size)
{
    struct encoding_converter *converter;
    size_t at = 0, seen = 0, written = 0;
    assert_int_equal(encoding_converter_new(&converter), ERR_OK);
    while (seen < len || at < len) {
        seen = seen + block < len ? seen + block : len;
        size_t used;
        written += encoding_convert(converter, in + at, seen - at, seen == len, out + written,
                                    size - written, &used);
        at += used;
        assert_true(seen - at <= 3);
        if (seen == len)
            assert_int_equal(at, len);
    }
    encoding_converter_free(converter);
    return written;
}

static void test_conversion_in_pieces(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"138," GBK_NAME ",\xb8\xdf\xc9\xbd\xb4\xe5\n", "138,王小明,高山村\n"},
        {"\x81\x30\x81\x30,\x95\x32\x82\x36", "\xc2\x80,\U00020000"},
        {"a\xff,b", "a\xff,b"},     /* no lead byte */
        {"a\xcd,b\n", "a\xff,b\n"}, /* the comma is not swallowed */
        {"a\xcd\"b\n", "a\xff\"b\n"},
        {"a\xcd\nb", "a\xff\nb"},
        {"a\xcd", "a\xff"}, /* cut at the end of the file */
        {"a\x81\x30\x81", "a\xff"},
        {"\x80\x80", "\xff\xff"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t block = 1; block <= strlen(cases[i].in) + 1; block++) {
            char out[200];
            size_t n = convert_in_blocks(cases[i].in, strlen(cases[i].in), block, out, sizeof out);
            if (n != strlen(cases[i].out) || memcmp(out, cases[i].out, n) != 0)
                fail_msg("case %zu in blocks of %zu: %.*s", i, block, (int)n, out);
        }
    }
}

static void test_conversion_stops_when_full(void **state)
{
    (void)state;
    struct encoding_converter *converter;
    char out[8];
    size_t used;
    assert_int_equal(encoding_converter_new(&converter), ERR_OK);
    size_t n = encoding_convert(converter, GBK_NAME, 6, true, out, sizeof out, &used);
    assert_int_equal(n, 6);
    assert_int_equal(used, 4);
    n = encoding_convert(converter, &GBK_NAME[used], 6 - used, true, out, sizeof out, &used);
    assert_int_equal(n, 3);
    assert_memory_equal(out, "明", 3);
    n = encoding_convert(converter, "\xff\xff", 2, true, out, 1, &used);
    assert_int_equal(n, 1);
    assert_int_equal(used, 1);
    encoding_converter_free(converter);
    encoding_converter_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_utf8_prefix),
        cmocka_unit_test(test_conversion_in_pieces),
        cmocka_unit_test(test_conversion_stops_when_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
