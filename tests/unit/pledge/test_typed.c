/* What people type: amounts, quantities, days, numbers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pledge/money.h"
#include "pledge/typed.h"

static void test_amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t fen;
    } rows[] = {{"100", 10000},
                {" 100元 ", 10000},
                {"１００", 10000},
                {"1.5万", 1500000},
                {"一百元", 10000},
                {"0.01", 1},
                {"\xe2\x80\x8b"
                 "5",
                 500},
                {"￥20", 2000},
                {"10000000000000", MONEY_MAX_FEN}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t fen = 0;
        assert_int_equal(typed_amount(rows[i].text, &fen), ERR_OK);
        assert_int_equal(fen, rows[i].fen);
    }
    static const char *const bad[] = {"",           " ",   "abc",  "-5",  "0.001",
                                      "100 元钱哈", "1e3", "1,00", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t fen = 7;
        assert_int_equal(typed_amount(bad[i], &fen), ERR_INVALID);
        assert_int_equal(fen, 7);
    }
    int64_t fen;
    assert_int_equal(typed_amount("10000000000000.01", &fen), ERR_RANGE);
    assert_int_equal(typed_amount("0", &fen), ERR_RANGE);
}

static void test_quantities(void **state)
{
    (void)state;
    int64_t q = 0;
    assert_int_equal(typed_quantity("20", &q), ERR_OK);
    assert_int_equal(q, 20000);
    assert_int_equal(typed_quantity("２.5 ", &q), ERR_OK);
    assert_int_equal(q, 2500);
    assert_int_equal(typed_quantity("二十", &q), ERR_OK);
    assert_int_equal(q, 20000);
    static const char *const bad[] = {"", "20袋", "0.0001", "-1", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(typed_quantity(bad[i], &q), ERR_INVALID);
    assert_int_equal(typed_quantity("0", &q), ERR_RANGE);
    assert_int_equal(typed_quantity("1000000000001", &q), ERR_RANGE);
}

static void test_days(void **state)
{
    (void)state;
    static const char *const good[] = {"2026-10-17", "20261017",       "2026/10/17",
                                       "2026.10.17", "2026年10月17日", " ２０２６-１０-１７ "};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint32_t day = 0;
        assert_int_equal(typed_day(good[i], &day), ERR_OK);
        assert_int_equal(day, 20261017);
    }
    uint32_t day;
    assert_int_equal(typed_day("2026/1/7", &day), ERR_OK);
    assert_int_equal(day, 20260107);
    assert_int_equal(typed_day("2024-02-29", &day), ERR_OK);
    static const char *const bad[] = {"",           "17.10.2026", "2026-10", "2026-10-17x",
                                      "2026-10/17", "261017",     "2026117", "2026年10月17"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(typed_day(bad[i], &day), ERR_INVALID);
    static const char *const none[] = {"2026-02-29", "2026-13-01", "2026-00-10", "2026-01-00",
                                       "1999-01-01", "3000-01-01", "20260431"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(typed_day(none[i], &day), ERR_RANGE);
}

static void test_numbers(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_SIZE];
    struct number made = {.county = 513327, .year = 2026, .serial = 123}, number;
    number_format(&made, text);
    assert_int_equal(typed_number(text, &number), ERR_OK);
    assert_int_equal(number.serial, 123);
    assert_int_equal(typed_number("hello", &number), ERR_INVALID);
    text[strlen(text) - 1] ^= 1;
    assert_int_equal(typed_number(text, &number), ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_quantities),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
