#include "pledge/receipt.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 4096);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static const struct receipt_values zhang = {.name = "张三",
                                            .amount = "100元",
                                            .number = "513327-2026-000123-54",
                                            .date = "2026年10月17日",
                                            .hotline = "0836-7654321"};

static void assert_fills(const char *text, const char *want)
{
    buf_reset(&out);
    assert_int_equal(receipt_fill(text, &zhang, &out), ERR_OK);
    assert_string_equal(buf_text(&out), want);
}

static void test_columns_are_filled(void **state)
{
    (void)state;
    assert_fills("", "");
    assert_fills("谢谢", "谢谢");
    assert_fills("((姓名))", "张三");
    assert_fills("((姓名))：((金额))，((编号))，((日期))，((热线))。",
                 "张三：100元，513327-2026-000123-54，2026年10月17日，0836-7654321。");
    assert_fills("（（姓名））您好", "张三您好");
    assert_fills("(( 姓名 ))您好", "张三您好");
    assert_fills("((姓名))((姓名))", "张三张三");
    assert_fills("(((姓名)))", "(张三)");
    assert_fills("（（（姓名）））", "（张三）");
    assert_fills("（((姓名))）", "（张三）");
    assert_fills("((谢谢 ((姓名))", "((谢谢 张三");
    assert_fills("((姓名\n))", "((姓名\n))");
    assert_fills("(姓名) ))", "(姓名) ))");
    assert_fills("((", "((");
}

static void test_values_may_be_missing(void **state)
{
    (void)state;
    const struct receipt_values none = {.amount = "5元"};
    assert_int_equal(receipt_fill("((姓名))您好，((金额))((热线))", &none, &out), ERR_OK);
    assert_string_equal(buf_text(&out), "您好，5元");
}

static void test_values_cannot_pretend(void **state)
{
    (void)state;
    const struct receipt_values sly = {.name = "【县政府】\n \t张三((金额))", .amount = "5元"};
    assert_int_equal(receipt_fill("((姓名))：((金额))", &sly, &out), ERR_OK);
    assert_string_equal(buf_text(&out), "（县政府） 张三((金额))：5元");
}

static void test_a_failure_appends_nothing(void **state)
{
    (void)state;
    struct buf small;
    buf_add_text(&out, "before");
    assert_int_equal(receipt_fill("a((村))b", &zhang, &out), ERR_INVALID);
    assert_string_equal(buf_text(&out), "before");
    buf_init(&small, 10);
    buf_add_text(&small, "before");
    assert_int_equal(receipt_fill("((编号))", &zhang, &small), ERR_NOMEM);
    assert_string_equal(buf_text(&small), "before");
    buf_fini(&small);
    buf_init(&small, 3);
    assert_int_equal(receipt_fill("((编号))", &zhang, &small), ERR_NOMEM);
    assert_int_equal(small.len, 0);
    buf_fini(&small);
}

static unsigned check(const char *text)
{
    unsigned columns = 99;
    buf_reset(&out);
    assert_int_equal(receipt_check(text, &columns, &out), ERR_OK);
    assert_int_equal(out.len, 0);
    return columns;
}

static void assert_refused(const char *text, const char *words)
{
    unsigned columns;
    buf_reset(&out);
    assert_int_equal(receipt_check(text, &columns, &out), ERR_INVALID);
    assert_non_null(strstr(buf_text(&out), words));
}

static void test_check(void **state)
{
    (void)state;
    assert_int_equal(check(""), 0);
    assert_int_equal(check("((姓名"), 0);
    assert_int_equal(check("((编号))((姓名))（（编号））"),
                     1u << RECEIPT_NUMBER | 1u << RECEIPT_NAME);
    assert_int_equal(check("((金额))((日期))((热线))"),
                     1u << RECEIPT_AMOUNT | 1u << RECEIPT_DATE | 1u << RECEIPT_HOTLINE);
    assert_refused("您好((村))", "((村)) is unknown here; possible: ((姓名)) ((金额))");
    assert_refused("(())", "(()) is unknown");
    assert_refused("((金额元))", "((金额元)) is unknown");
    char big[RECEIPT_TEXT_MAX_BYTES + 2];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_refused(big, "more than 2048 bytes");
}

static const char *amount(struct pledge_text pledge)
{
    buf_reset(&out);
    receipt_amount(&pledge, &out);
    return buf_text(&out);
}

static void test_amounts(void **state)
{
    (void)state;
    assert_string_equal(amount((struct pledge_text){.kind = PLEDGE_CASH, .fen = 10000}), "100元");
    assert_string_equal(amount((struct pledge_text){.kind = PLEDGE_CASH, .fen = 1}), "0.01元");
    assert_string_equal(amount((struct pledge_text){.kind = PLEDGE_CASH, .fen = 123450}),
                        "1234.50元");
    assert_string_equal(
        amount((struct pledge_text){.kind = PLEDGE_CASH, .fen = INT64_C(1000000000000000)}),
        "10000000000000元");
    assert_string_equal(amount((struct pledge_text){.kind = PLEDGE_PURCHASE, .fen = 50000}),
                        "以购代捐500元");
    assert_string_equal(
        amount((struct pledge_text){
            .kind = PLEDGE_GOODS, .thousandths = 20000, .item = "大米", .unit = "袋"}),
        "大米20袋");
    assert_string_equal(
        amount((struct pledge_text){
            .kind = PLEDGE_SERVICE, .thousandths = 2500, .item = "服务", .unit = "小时"}),
        "服务2.5小时");
    buf_reset(&out);
    receipt_date(20260107, &out);
    assert_string_equal(buf_text(&out), "2026年1月7日");
}

/* The defaults pass their own check, name the number, say that they are no ticket, and name the
 * hotline only when there is one. */
static void test_defaults(void **state)
{
    (void)state;
    for (int which = RECEIPT_ACKNOWLEDGEMENT; which <= RECEIPT_HELP; which++) {
        for (int hotline = 0; hotline < 2; hotline++) {
            struct buf text;
            buf_init(&text, RECEIPT_TEXT_MAX_BYTES);
            receipt_default_text((enum receipt_default)which, "捐", hotline, &text);
            unsigned columns = check(buf_text(&text));
            assert_int_equal(columns >> RECEIPT_HOTLINE & 1, hotline);
            assert_int_equal(columns >> RECEIPT_NUMBER & 1, which != RECEIPT_HELP);
            bool no_ticket = which == RECEIPT_ACKNOWLEDGEMENT || which == RECEIPT_ARRIVAL;
            assert_int_equal(strstr(buf_text(&text), "不作为捐赠票据") != NULL, no_ticket);
            buf_fini(&text);
        }
    }
    buf_reset(&out);
    receipt_default_text(RECEIPT_HELP, "JK", false, &out);
    assert_non_null(strstr(buf_text(&out), "JK100元"));
    buf_reset(&out);
    receipt_default_text(RECEIPT_ACKNOWLEDGEMENT, "捐", false, &out);
    assert_non_null(strstr(buf_text(&out), "本短信为认捐确认，不作为捐赠票据"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_columns_are_filled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_may_be_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_cannot_pretend, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failure_appends_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_check, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_amounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
