#include "sms/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HAN "高"
#define EMOJI "\xf0\x9f\x98\x80"
#define EURO "\xe2\x82\xac"

static uint32_t units(const char *text)
{
    return text_units(text, strlen(text));
}

/* `n` times `piece` in a static buffer, then `tail`. */
static const char *repeat(const char *piece, size_t n, const char *tail)
{
    static char out[8192];
    size_t len = strlen(piece);
    assert_true(n * len + strlen(tail) < sizeof out);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * len, piece, len);
    strcpy(out + n * len, tail);
    return out;
}

static void test_units(void **state)
{
    (void)state;
    assert_int_equal(units(""), 0);
    assert_int_equal(units("abc"), 3);
    assert_int_equal(units(HAN HAN), 2);
    assert_int_equal(units("é"), 1);
    assert_int_equal(units(EMOJI), 2);
    assert_int_equal(units("：10月17日是全国扶贫日，请您捐款。"), 19);
    assert_int_equal(units(repeat(HAN, 100, "")), 100);
    assert_int_equal(units(repeat(EMOJI, 100, "")), 200);
    assert_int_equal(units(repeat("aé" HAN EMOJI, 100, "")), 500);
}

/* The count of eight bytes at a time against one character at a time, at every length and
 * alignment. */
static void test_units_at_every_length(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "é", HAN, EMOJI};
    static const uint32_t weights[] = {1, 1, 1, 2};
    uint32_t seed = 12345;
    char text[512];
    for (int round = 0; round < 3000; round++) {
        size_t len = 0;
        uint32_t want = 0;
        size_t count = seed % 60;
        for (size_t i = 0; i < count; i++) {
            seed = seed * 1664525u + 1013904223u;
            size_t which = seed >> 30;
            memcpy(text + len, pieces[which], strlen(pieces[which]));
            len += strlen(pieces[which]);
            want += weights[which];
        }
        seed = seed * 1664525u + 1013904223u;
        if (text_units(text, len) != want)
            fail_msg("round %d", round);
    }
}

static void test_segments_as_mainland_carriers_bill(void **state)
{
    (void)state;
    static const struct {
        uint32_t units, want;
    } cases[] = {{0, 0},   {1, 1},   {68, 1},  {70, 1},  {71, 2}, {134, 2},
                 {135, 3}, {160, 3}, {201, 3}, {202, 4}, {500, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(text_segments(cases[i].units), cases[i].want);
    assert_int_equal(text_segments(units(repeat("a", 160, ""))), 3); /* ASCII too */
}

static void test_check_finds_the_fault_and_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum text_fault want;
        size_t at;
    } cases[] = {
        {"", TEXT_FINE, 0},
        {"abc 高山乡\n" EMOJI "（（姓名））", TEXT_FINE, 0},
        {"ab\xff", TEXT_BAD_UTF8, 2},
        {"高\x80", TEXT_BAD_UTF8, 3},
        {"a\xe9\xab", TEXT_BAD_UTF8, 1},        /* cut in the middle */
        {"\xc0\xaf", TEXT_BAD_UTF8, 0},         /* overlong */
        {"\xf4\x90\x80\x80", TEXT_BAD_UTF8, 0}, /* beyond U+10FFFF */
        {"a\xed\xa0\xbd", TEXT_SURROGATE, 1},
        {"\xed\xa0\xbd\xed\xb8\x80", TEXT_SURROGATE, 0}, /* even as a pair: that is CESU-8 */
        {"ab\tc", TEXT_CONTROL, 2},
        {"ab\r\n", TEXT_CONTROL, 2},
        {"\x7f", TEXT_CONTROL, 0},
        {"\xc2\x85", TEXT_CONTROL, 0},
        {"高【乡", TEXT_BRACKETS, 3},
        {"】", TEXT_BRACKETS, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t at = 0;
        enum text_fault got = text_check(cases[i].text, strlen(cases[i].text), &at);
        if (got != cases[i].want || at != cases[i].at)
            fail_msg("case %zu: %d at %zu", i, (int)got, at);
    }
    size_t at = 9;
    assert_int_equal(text_check("a\0b", 3, &at), TEXT_CONTROL);
    assert_int_equal(at, 1);
}

static void test_faults_have_sentences(void **state)
{
    (void)state;
    for (int i = TEXT_FINE; i <= TEXT_BRACKETS; i++) {
        for (int j = TEXT_FINE; j < i; j++)
            assert_string_not_equal(text_fault_sentence((enum text_fault)i),
                                    text_fault_sentence((enum text_fault)j));
    }
}

static uint32_t gsm(const char *text)
{
    return text_segments_gsm(text, strlen(text));
}

static void test_gsm_lengths(void **state)
{
    (void)state;
    assert_int_equal(gsm(""), 0);
    assert_int_equal(gsm("a"), 1);
    assert_int_equal(gsm(repeat("a", 160, "")), 1);
    assert_int_equal(gsm(repeat("a", 161, "")), 2);
    assert_int_equal(gsm(repeat("a", 306, "")), 2);
    assert_int_equal(gsm(repeat("a", 307, "")), 3);
    assert_int_equal(gsm(repeat("é", 160, "")), 1); /* two bytes, one septet */
}

static void test_gsm_extension_counts_twice_and_is_not_cut(void **state)
{
    (void)state;
    assert_int_equal(gsm(repeat(EURO, 80, "")), 1);
    assert_int_equal(gsm(repeat(EURO, 80, "a")), 2);
    assert_int_equal(gsm(repeat("a", 158, "[")), 1);
    assert_int_equal(gsm(repeat("a", 159, "[")), 2);
    /* 153 is odd: 76 signs a part, so that 153 signs (306 septets) need a third part. */
    assert_int_equal(gsm(repeat("{", 152, "")), 2);
    assert_int_equal(gsm(repeat("{", 153, "")), 3);
}

static void test_gsm_falls_back_to_ucs2(void **state)
{
    (void)state;
    assert_int_equal(gsm(repeat(HAN, 70, "")), 1);
    assert_int_equal(gsm(repeat(HAN, 71, "")), 2);
    assert_int_equal(gsm(repeat("a", 70, "`")), 2); /* one backtick makes 71 units of it */
    assert_int_equal(gsm(repeat("a", 69, "`")), 1);
    assert_int_equal(gsm(repeat("a", 70, "ç")), 2); /* only the capital one is in the alphabet */
    assert_int_equal(gsm(repeat("a", 70, "Ç")), 1);
    /* 67 is odd: 33 emoji a part, so that 67 emoji (134 units) need a third part. */
    assert_int_equal(gsm(repeat(EMOJI, 35, "")), 1);
    assert_int_equal(gsm(repeat(EMOJI, 66, "")), 2);
    assert_int_equal(gsm(repeat(EMOJI, 67, "")), 3);
    assert_int_equal(gsm(repeat("a", 70, "\xff")), 2); /* a broken byte is one unit */
}

/* Every ASCII character, one by one: 160 of them are one segment just when each takes one septet.
 */
static void test_gsm_alphabet(void **state)
{
    (void)state;
    for (char c = 1; c < 0x7f; c++) {
        char piece[2] = {c, '\0'};
        uint32_t want = 1;
        if (strchr("^{}\\[~]|\f", c) != NULL)
            want = 2 + 1; /* 320 septets: three parts of at most 76 signs */
        else if (c == '`' || (c < 0x20 && c != '\n' && c != '\r'))
            want = 3; /* UCS-2: 160 units */
        if (gsm(repeat(piece, 160, "")) != want)
            fail_msg("character %d", c);
    }
    static const char alphabet[] = "¡£¤¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ";
    assert_int_equal(gsm(repeat("a", 160 - units(alphabet), alphabet)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_units_at_every_length),
        cmocka_unit_test(test_segments_as_mainland_carriers_bill),
        cmocka_unit_test(test_check_finds_the_fault_and_its_place),
        cmocka_unit_test(test_faults_have_sentences),
        cmocka_unit_test(test_gsm_lengths),
        cmocka_unit_test(test_gsm_extension_counts_twice_and_is_not_cut),
        cmocka_unit_test(test_gsm_falls_back_to_ucs2),
        cmocka_unit_test(test_gsm_alphabet),
    };
    return cmocka_run_group_tests_name("sms/text", tests, NULL, NULL);
}
