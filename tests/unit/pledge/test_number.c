#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "pledge/number.h"

/* Independent of the code: 5133272026000123 * 100 + 98 - (that mod 97) by long arithmetic. */
static void test_round_trip(void **state)
{
    (void)state;
    for (uint32_t serial = 1; serial < 3000000; serial = serial * 3 + 1) {
        struct number number = {.county = 513327, .year = 2026, .serial = serial}, back;
        char text[NUMBER_TEXT_SIZE];
        number_format(&number, text);
        assert_int_equal(number_parse(text, strlen(text), &back), ERR_OK);
        assert_int_equal(back.serial, serial);
        assert_int_equal(back.county, 513327);
        assert_int_equal(back.year, 2026);
    }
    struct number number = {.county = 513327, .year = 2026, .serial = 123};
    unsigned __int128 digits = (unsigned __int128)UINT64_C(5133272026000123) * 100;
    assert_int_equal(number_check_digits(&number), 98 - (unsigned)(digits % 97));
}

/* Every single wrong digit and every swap of neighbours is caught: that is what the check digits
 * are for. */
static void test_slips_are_caught(void **state)
{
    (void)state;
    struct number number = {.county = 513327, .year = 2026, .serial = 123}, back;
    char text[NUMBER_TEXT_SIZE];
    number_format(&number, text);
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == '-')
            continue;
        char wrong[NUMBER_TEXT_SIZE];
        for (char digit = '0'; digit <= '9'; digit++) {
            strcpy(wrong, text);
            wrong[i] = digit;
            if (digit != text[i])
                assert_int_equal(number_parse(wrong, strlen(wrong), &back), ERR_RANGE);
        }
        size_t next = text[i + 1] == '-' ? i + 2 : i + 1;
        strcpy(wrong, text);
        wrong[i] = text[next];
        wrong[next] = text[i];
        if (text[next] && text[i] != text[next])
            assert_int_equal(number_parse(wrong, strlen(wrong), &back), ERR_RANGE);
    }
}

static void test_forms(void **state)
{
    (void)state;
    struct number number = {.is_receipt = true, .county = 513327, .year = 2026, .serial = 45}, back;
    char text[NUMBER_TEXT_SIZE];
    number_format(&number, text);
    assert_int_equal(text[0], 'R');
    assert_int_equal(number_parse(text, strlen(text), &back), ERR_OK);
    assert_true(back.is_receipt);
    assert_int_equal(number_parse("", 0, &back), ERR_INVALID);
    assert_int_equal(number_parse("513327", 6, &back), ERR_INVALID);
    assert_int_equal(number_parse("513327-2026-00012x-98", 21, &back), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_slips_are_caught),
        cmocka_unit_test(test_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
