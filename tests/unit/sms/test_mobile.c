#include "sms/mobile.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NUMBER UINT64_C(13800138000)

static enum mobile_verdict parse(const char *text, uint64_t *number)
{
    /* An exact copy on the heap: the sanitizers then see a read beyond `len`. */
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    assert_non_null(copy);
    char *exact = len > 0 ? realloc(memcpy(copy, text, len), len) : copy;
    assert_non_null(exact);
    enum mobile_verdict verdict = mobile_parse(exact, len, number);
    free(exact);
    return verdict;
}

static void test_every_way_of_writing_a_number(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "13800138000",
        "+8613800138000",
        "008613800138000",
        "8613800138000",
        "+86 138 0013 8000",
        "+86-138-0013-8000",
        " 13800138000 ",
        "138 0013 8000",
        "138-0013-8000",
        "\t13800138000",     /* Excel's tab */
        "'13800138000",      /* Excel's apostrophe */
        "\u201813800138000", /* the same, made curly */
        "\uff0713800138000", /* the same, full width */
        "\t'13800138000",
        "\ufeff13800138000",             /* BOM */
        "\u200b1380\u200b0138000\u200d", /* zero width */
        "\u202d13800138000\u202c",       /* direction marks of a phone book */
        "138\u00a00013\u30008000",       /* no-break and wide blank */
        "138\u20140013\u22128000",       /* long dash, minus */
        "１３８００１３８０００",
        "＋８６１３８００１３８０００",
        "138００138000",
        "1795113800138000",
        "13800138000\r",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint64_t number = 0;
        enum mobile_verdict verdict = parse(forms[i], &number);
        if (verdict != MOBILE_OK || number != NUMBER)
            fail_msg("\"%s\": %s", forms[i], mobile_verdict_word(verdict));
    }
}

static void test_every_mistake_has_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mobile_verdict want;
    } cases[] = {
        {"", MOBILE_EMPTY},
        {"   \t", MOBILE_EMPTY},
        {"'", MOBILE_EMPTY},
        {"\ufeff", MOBILE_EMPTY},
        {"-", MOBILE_EMPTY},
        {"1.38E+10", MOBILE_SCIENTIFIC},
        {"1.38001E10", MOBILE_SCIENTIFIC},
        {"1.38e+10", MOBILE_SCIENTIFIC},
        {"1,38E+10", MOBILE_SCIENTIFIC},
        {"１.３８Ｅ＋１０", MOBILE_SCIENTIFIC},
        {"1E+10", MOBILE_SCIENTIFIC},
        {"1.38E+", MOBILE_CHARACTERS},
        {"E+10", MOBILE_CHARACTERS},
        {"1.38E+10x", MOBILE_CHARACTERS},
        {"010-12345678", MOBILE_LANDLINE},
        {"0755-12345678", MOBILE_LANDLINE},
        {"0836-7221234", MOBILE_LANDLINE},
        {"08367221234", MOBILE_LANDLINE}, /* eleven digits, as long as a mobile number */
        {"02083331234", MOBILE_LANDLINE},
        {"+86-0755-12345678", MOBILE_LANDLINE},
        {"0086 0755 12345678", MOBILE_LANDLINE},
        {"4001234567", MOBILE_SERVICE},
        {"400-123-4567", MOBILE_SERVICE},
        {"8008101234", MOBILE_SERVICE},
        {"95588", MOBILE_SERVICE},
        {"95013123", MOBILE_SERVICE},
        {"10086", MOBILE_SERVICE},
        {"12345", MOBILE_SERVICE},
        {"110", MOBILE_SERVICE},
        {"106901234567", MOBILE_SERVICE},
        {"1380013800", MOBILE_TOO_SHORT},
        {"7221234", MOBILE_TOO_SHORT},
        {"0", MOBILE_TOO_SHORT},
        {"+86", MOBILE_TOO_SHORT},
        {"+861380013800", MOBILE_TOO_SHORT},
        {"138001380001", MOBILE_TOO_LONG},
        {"86138001380001", MOBILE_TOO_LONG},
        {"013800138000", MOBILE_TOO_LONG},
        {"13800138000 13900139000", MOBILE_TOO_LONG},
        {"10000138000", MOBILE_PREFIX},
        {"11800138000", MOBILE_PREFIX},
        {"12800138000", MOBILE_PREFIX},
        {"23800138000", MOBILE_PREFIX},
        {"99999999999", MOBILE_PREFIX},
        {"00000000000", MOBILE_PREFIX},
        {"+14155550123", MOBILE_PREFIX}, /* without its + it would pass for one of ours */
        {"+13800138000", MOBILE_PREFIX},
        {"手机号", MOBILE_CHARACTERS},
        {"1380013800O", MOBILE_CHARACTERS}, /* a letter O */
        {"138*0138000", MOBILE_CHARACTERS},
        {"138****8000", MOBILE_CHARACTERS},
        {"13800138000/13900139000", MOBILE_CHARACTERS},
        {"13800138000（张三）", MOBILE_CHARACTERS},
        {"138'00138000", MOBILE_CHARACTERS},
        {"138+00138000", MOBILE_CHARACTERS},
        {"++8613800138000", MOBILE_CHARACTERS},
        {"+", MOBILE_CHARACTERS},
        {"13800138000.0", MOBILE_CHARACTERS},
        {"1380013800\xff", MOBILE_CHARACTERS},
        {"13800138\xe9\xab", MOBILE_CHARACTERS},
        {"١٣٨٠٠١٣٨٠٠٠", MOBILE_CHARACTERS}, /* digits, but of another script */
        {"1380013800:", MOBILE_CHARACTERS}, /* the neighbours of the digits in ASCII */
        {"1/800138000", MOBILE_CHARACTERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t number = 77;
        enum mobile_verdict got = parse(cases[i].text, &number);
        if (got != cases[i].want)
            fail_msg("\"%s\": %s, not %s", cases[i].text, mobile_verdict_word(got),
                     mobile_verdict_word(cases[i].want));
        assert_true(number == 77); /* untouched */
    }
}

static void test_text_need_not_be_terminated(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_int_equal(mobile_parse("13800138000999", 11, &number), MOBILE_OK);
    assert_int_equal(mobile_parse("13800138000999", 12, &number), MOBILE_TOO_LONG);
    assert_int_equal(mobile_parse("1380013800099", 10, &number), MOBILE_TOO_SHORT);
    assert_int_equal(mobile_parse("13800\0"
                                  "138000",
                                  12, &number),
                     MOBILE_CHARACTERS);
}

static void test_hostile_lengths(void **state)
{
    (void)state;
    enum { LEN = 100000 };
    char *text = malloc(LEN);
    assert_non_null(text);
    uint64_t number = 0;
    memset(text, '1', LEN);
    assert_int_equal(mobile_parse(text, LEN, &number), MOBILE_TOO_LONG);
    memset(text, 'x', LEN);
    assert_int_equal(mobile_parse(text, LEN, &number), MOBILE_CHARACTERS);
    memset(text, ' ', LEN);
    assert_int_equal(mobile_parse(text, LEN, &number), MOBILE_EMPTY);
    memcpy(text + LEN - 11, "13800138000", 11);
    assert_int_equal(mobile_parse(text, LEN, &number), MOBILE_OK);
    assert_true(number == NUMBER);
    for (size_t len = 35; len < 50; len++) { /* around what is kept of a cell */
        memset(text, '1', len);
        assert_int_equal(mobile_parse(text, len, &number), MOBILE_TOO_LONG);
        text[len - 1] = 'E';
        assert_int_equal(mobile_parse(text, len, &number), MOBILE_CHARACTERS);
    }
    free(text);
}

/* Whatever the short way accepts, the long way accepts alike; and 13 to 19 is all there is. */
static void test_short_and_long_way_agree(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 100; head++) {
        char plain[32], spaced[32];
        snprintf(plain, sizeof plain, "%02u012345678", head);
        snprintf(spaced, sizeof spaced, " %02u012345678", head);
        uint64_t a = 0, b = 0;
        enum mobile_verdict got = parse(plain, &a);
        assert_int_equal(got == MOBILE_OK, head >= 13 && head <= 19);
        assert_int_equal(parse(spaced, &b), got);
        assert_true(a == b);
        if (got == MOBILE_OK)
            assert_true(a == head * UINT64_C(1000000000) + 12345678);
    }
}

static void test_each_digit_is_checked(void **state)
{
    (void)state;
    for (size_t at = 0; at < MOBILE_DIGITS; at++) {
        for (int c = 0; c < 256; c++) {
            char text[MOBILE_DIGITS];
            memcpy(text, "13800138000", MOBILE_DIGITS);
            text[at] = (char)c;
            uint64_t number = 0;
            bool digit = c >= '0' && c <= '9';
            bool want = digit && (at != 0 || c == '1') && (at != 1 || c >= '3');
            if ((mobile_parse(text, sizeof text, &number) == MOBILE_OK) != want)
                fail_msg("byte %d at %zu", c, at);
        }
    }
}

static void test_verdicts_have_words_and_sentences(void **state)
{
    (void)state;
    for (int i = 0; i < MOBILE_VERDICTS; i++) {
        assert_non_null(mobile_verdict_word((enum mobile_verdict)i));
        assert_true(strlen(mobile_verdict_sentence((enum mobile_verdict)i)) > 5);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(mobile_verdict_word((enum mobile_verdict)i),
                                    mobile_verdict_word((enum mobile_verdict)j));
    }
    assert_string_equal(mobile_verdict_word(MOBILE_LANDLINE), "landline");
}

static void test_format_and_mask(void **state)
{
    (void)state;
    char text[MOBILE_TEXT_SIZE];
    mobile_format(NUMBER, text);
    assert_string_equal(text, "13800138000");
    mobile_format(UINT64_C(19999999999), text);
    assert_string_equal(text, "19999999999");
    mobile_mask(NUMBER, text);
    assert_string_equal(text, "138****8000");
}

static void test_packed_bytes(void **state)
{
    (void)state;
    static const uint8_t want[MOBILE_PACKED_BYTES] = {0x03, 0x36, 0x8d, 0x65, 0x10};
    uint8_t packed[MOBILE_PACKED_BYTES];
    mobile_pack(NUMBER, packed);
    assert_memory_equal(packed, want, sizeof want);
    assert_true(mobile_unpack(packed) == NUMBER);

    uint8_t before[MOBILE_PACKED_BYTES] = {0};
    for (uint64_t number = UINT64_C(13000000000); number < UINT64_C(20000000000);
         number += UINT64_C(7654321)) {
        mobile_pack(number, packed);
        assert_true(mobile_unpack(packed) == number);
        assert_true(memcmp(before, packed, sizeof packed) < 0); /* sorts as the numbers do */
        memcpy(before, packed, sizeof packed);
    }
}

static void test_numbers_in_a_text_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"", ""},
        {"13800138000", "138****8000"},
        {"打 13800138000，或 15400000001。", "打 138****8000，或 154****0001。"},
        {"+8613800138000", "+86138****8000"},
        {"12345678901 138001380001 1380013800", "12345678901 138001380001 1380013800"},
        {"8612345678901", "8612345678901"},
        {"a13800138000b", "a138****8000b"},
        {"008613800138000", "0086138****8000"},
        {"电话138 0013 8000,", "电话138 **** 8000,"},
        {"138-00138000 13900139000", "138-****8000 139****9000"},
        {"+86 138 0013 8000", "+86 138 **** 8000"},
        {"12 13800138000", "12 138****8000"},
        {"１３８００１３８０００", "１３８＊＊＊＊８０００"},
        {"1 3 8 0 0 1 3 8 0 0 0", "1 3 8 * * * * 8 0 0 0"},
        {"13800\xff"
         "138000",
         "13800\xff"
         "138000"},
        {"2026-10-17 08:00 起 12 人", "2026-10-17 08:00 起 12 人"},
        {"第 1380 0138 号 000", "第 1380 0138 号 000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].text);
        mobile_mask_within(text);
        assert_string_equal(text, cases[i].masked);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_of_writing_a_number),
        cmocka_unit_test(test_every_mistake_has_its_name),
        cmocka_unit_test(test_text_need_not_be_terminated),
        cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_short_and_long_way_agree),
        cmocka_unit_test(test_each_digit_is_checked),
        cmocka_unit_test(test_verdicts_have_words_and_sentences),
        cmocka_unit_test(test_format_and_mask),
        cmocka_unit_test(test_packed_bytes),
        cmocka_unit_test(test_numbers_in_a_text_are_masked),
    };
    return cmocka_run_group_tests_name("sms/mobile", tests, NULL, NULL);
}
