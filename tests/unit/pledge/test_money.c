/* Amounts: every spelling the issue names, the exact limits, and what must be refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "pledge/money.h"

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t fen;
    } cases[] = {
        {"100", 10000},
        {"100元", 10000},
        {"1,000.50", 100050},
        {"1,234,567", 123456700},
        {"0.01", 1},
        {"1.5万", 1500000},
        {"1.00001万", 1000010},
        {"3亿", 30000000000},
        {"一百元", 10000},
        {"一百零五", 10500},
        {"一百五", 15000},
        {"十五", 1500},
        {"十万", 10000000},
        {"两万三", 2300000},
        {"三千二", 320000},
        {"一万零三百", 1030000},
        {"壹仟贰佰元整", 120000},
        {"五块五", 550},
        {"5元5角", 550},
        {"5元5角5分", 555},
        {"5元5分", 505},
        {"五块钱", 500},
        {"¥20", 2000},
        {"一亿二千万", 12000000000},
        {"一万亿", 100000000000000},
        {"10000000000000", MONEY_MAX_FEN},
        {"2千", 200000},
        {"二十", 2000},
        {"一千零一十", 101000},
        {"5角", 50},
        {"5毛钱", 50},
        {"五毛五分", 55},
        {"8分", 8},
        {"1.5角", 15},
        {"5 毛", 50},
        {"100分", 100},
        {"一点五万元", 1500000},
        {"两点五", 250},
        {"零点零一元", 1},
        {"十点五块", 1050},
        {"一点二五亿", 12500000000},
        {"100元钱整", 10000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t fen = -1;
        enum err error = money_parse(cases[i].text, strlen(cases[i].text), &fen);
        if (error || fen != cases[i].fen)
            fail_msg("%s: error %d, %lld fen", cases[i].text, (int)error, (long long)fen);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "元",
        "1,000.005",
        "0.001",
        "-5",
        "0",
        "0元",
        "1,00",
        "1,0000",
        "12,34",
        "1百2",
        "1万5千",
        "一二",
        "百",
        "1.",
        ".5",
        "10000000000000.01",
        "十亿亿亿",
        "99999999999999999999",
        "1.00000001万",
        "一百二千",
        "100元100",
        "五块五五",
        "5十",
        "1.5分",
        "一百二万",
        "两千五万",
        "一万二万",
        "一亿二亿",
        "一万五亿",
        "一百五毛",
        "150毛",
        "五毛五",
        "5角5",
        "¥5角",
        "一点",
        "一点5万",
        "一万点五万",
        "一百五点五",
        "一点零零五",
        "两点五十",
        "一点五万三",
        "100,",
        "5元5陆",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t fen = -1;
        if (money_parse(cases[i], strlen(cases[i]), &fen) == ERR_OK)
            fail_msg("%s was read as %lld fen", cases[i], (long long)fen);
    }
}

/* What is written is read back, at both ends of the range and at random. */
static void test_round_trip(void **state)
{
    (void)state;
    uint64_t random = 20261017;
    for (int i = 0; i < 20000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t fen = (int64_t)(random >> 14) % MONEY_MAX_FEN + 1, back = 0;
        char text[MONEY_TEXT_SIZE];
        money_format(fen, text);
        assert_int_equal(money_parse(text, strlen(text), &back), ERR_OK);
        assert_true(back == fen);
    }
    char text[MONEY_TEXT_SIZE];
    assert_string_equal(money_format(1, text), "0.01");
    assert_string_equal(money_format(-250, text), "-2.50");
    assert_string_equal(money_format(INT64_MIN, text), "-92233720368547758.08");
}

static void test_quantity(void **state)
{
    (void)state;
    int64_t thousandths = 0;
    size_t used = 0;
    assert_int_equal(money_read_quantity("20袋", strlen("20袋"), &thousandths, &used), ERR_OK);
    assert_int_equal(thousandths, 20000);
    assert_int_equal(used, 2);
    assert_int_equal(money_read_quantity("2.5吨", strlen("2.5吨"), &thousandths, &used), ERR_OK);
    assert_int_equal(thousandths, 2500);
    assert_int_equal(money_read_quantity("二十台", strlen("二十台"), &thousandths, &used), ERR_OK);
    assert_int_equal(thousandths, 20000);
    assert_int_equal(money_read_quantity("台", strlen("台"), &thousandths, &used), ERR_NOT_FOUND);
    char text[MONEY_TEXT_SIZE];
    assert_string_equal(money_format_quantity(2500, text), "2.5");
    assert_string_equal(money_format_quantity(20000, text), "20");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_quantity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
