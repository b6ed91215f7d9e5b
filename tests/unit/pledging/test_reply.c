/* Answers to a confirmation request, as handsets write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "pledging/reply.h"

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum reply reply;
    } rows[] = {
        {"Y", REPLY_YES},         {"y", REPLY_YES},       {" Ｙ。", REPLY_YES},
        {"yes!", REPLY_YES},      {"是", REPLY_YES},      {"是的", REPLY_YES},
        {"确认", REPLY_YES},      {"", REPLY_NONE},       {"yy", REPLY_NONE},
        {"Y 100", REPLY_NONE},    {"是不是", REPLY_NONE}, {"不是", REPLY_NONE},
        {"确认一下", REPLY_NONE}, {"你好", REPLY_NONE},   {"\xff\xfe", REPLY_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct number number;
        enum reply reply = reply_read(rows[i].text, strlen(rows[i].text), &number);
        if (reply != rows[i].reply)
            fail_msg("%s is %d", rows[i].text, (int)reply);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    const struct number pledge = {.county = 513327, .year = 2026, .serial = 123};
    static const char *const forms[] = {"%s", "Y %s", "y%s", "是：%s", "确认, %s。"};
    char text[NUMBER_TEXT_SIZE], said[96];
    number_format(&pledge, text);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct number number = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the forms above */
        snprintf(said, sizeof said, forms[i], text);
#pragma GCC diagnostic pop
        assert_int_equal(reply_read(said, strlen(said), &number), REPLY_NUMBER);
        assert_int_equal(number.county, 513327);
        assert_int_equal(number.year, 2026);
        assert_int_equal(number.serial, 123);
        said[strcspn(said, "2")] = '3'; /* one digit of the year is wrong: 3026 or 2036 */
        assert_int_equal(reply_read(said, strlen(said), &number), REPLY_BAD_NUMBER);
    }
}

/* A receipt's number confirms nothing; a text without end is not read for long. */
static void test_others(void **state)
{
    (void)state;
    const struct number receipt = {.is_receipt = true, .county = 513327, .year = 2026, .serial = 1};
    char text[NUMBER_TEXT_SIZE], longer[5000];
    struct number number;
    number_format(&receipt, text);
    assert_int_equal(reply_read(text, strlen(text), &number), REPLY_NONE);
    memset(longer, 'y', sizeof longer);
    assert_int_equal(reply_read(longer, sizeof longer, &number), REPLY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
