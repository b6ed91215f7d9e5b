#include "sim/villager.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MOBILE UINT64_C(15400000000)
#define QUESTION "张三您好，您认捐100元，编号513327-2026-000123-54。请回复Y确认，未确认的不计入。"

static bool is_asked(const char *text)
{
    return villager_is_asked(text, strlen(text));
}

/* What stands in the text, for spellings that leave no doubt. */
static void test_meanings(void **state)
{
    (void)state;
    struct villager_reply reply;
    static const struct {
        const char *text;
        enum villager_meaning meaning;
        int64_t fen, thousandths;
        const char *item, *unit, *name;
    } cases[] = {
        {"捐365", VILLAGER_CASH, 36500, 0, "", "", ""},
        {"捐款３６５", VILLAGER_CASH, 36500, 0, "", "", ""},
        {"JK 365 张三", VILLAGER_CASH, 36500, 0, "", "", "张三"},
        {"捐三百六十五元", VILLAGER_CASH, 36500, 0, "", "", ""},
        {"捐款叁佰陆拾伍元整", VILLAGER_CASH, 36500, 0, "", "", ""},
        {"捐2.1万", VILLAGER_CASH, 2100000, 0, "", "", ""},
        {"捐两百五", VILLAGER_CASH, 25000, 0, "", "", ""},
        {"认捐365.50元", VILLAGER_CASH, 36550, 0, "", "", ""},
        {"捐365元5角", VILLAGER_CASH, 36550, 0, "", "", ""},
        {"以购代捐三百六十五元", VILLAGER_PURCHASE, 36500, 0, "", "", ""},
        {"捐50台电视机 张三", VILLAGER_GOODS, 0, 50000, "电视机", "台", "张三"},
        {"捐电视机五十台", VILLAGER_GOODS, 0, 50000, "电视机", "台", ""},
        {"捐煤50.5吨", VILLAGER_GOODS, 0, 50500, "煤", "吨", ""},
        {"认捐服务50小时", VILLAGER_SERVICE, 0, 50000, "服务", "小时", ""},
        {"捐", VILLAGER_UNCLEAR, 0, 0, "", "", ""},
        {"捐365.005元", VILLAGER_UNCLEAR, 0, 0, "", "", ""},
    };
    size_t found = 0;
    for (size_t n = 0; villager_spelling(n, 0, &reply); n++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            if (strcmp(cases[i].text, reply.text) != 0) {
                continue;
            }
            found++;
            assert_int_equal(reply.meaning, cases[i].meaning);
            assert_true(reply.fen == cases[i].fen);
            assert_true(reply.thousandths == cases[i].thousandths);
            assert_string_equal(reply.item, cases[i].item);
            assert_string_equal(reply.unit, cases[i].unit);
            assert_string_equal(reply.name, cases[i].name);
        }
    }
    assert_int_equal(found, sizeof cases / sizeof *cases);
}

/* Every spelling with many dice: it fits, has no tab or line end (the log is made of lines), and
 * its figures are of one kind. */
static void test_every_spelling(void **state)
{
    (void)state;
    struct villager_reply reply;
    size_t n = 0;
    for (; villager_spelling(n, 0, &reply); n++) {
        for (uint64_t dice = 0; dice < 500; dice++) {
            assert_true(villager_spelling(n, dice, &reply));
            assert_in_range(strlen(reply.text), 1, sizeof reply.text - 1);
            assert_null(strpbrk(reply.text, "\t\n{}"));
            bool money = reply.meaning == VILLAGER_CASH || reply.meaning == VILLAGER_PURCHASE;
            bool things = reply.meaning == VILLAGER_GOODS || reply.meaning == VILLAGER_SERVICE;
            assert_int_equal(reply.fen > 0, money);
            assert_int_equal(reply.thousandths > 0, things);
            assert_int_equal(reply.item[0] != '\0', things);
            assert_int_equal(reply.unit[0] != '\0', things);
            assert_true(reply.name[0] == '\0' || strstr(reply.text, reply.name) != NULL);
        }
    }
    assert_in_range(n, 30, 100);
}

static void test_by_seed_and_number(void **state)
{
    (void)state;
    struct villager_reply one, two;
    unsigned pledging = 0, differ = 0, meanings[VILLAGER_OTHER + 1] = {0};
    for (uint64_t mobile = MOBILE; mobile < MOBILE + 10000; mobile++) {
        pledging += villager_pledges(1, mobile, 0.25);
        villager_pledge(1, mobile, &one);
        villager_pledge(1, mobile, &two);
        assert_string_equal(one.text, two.text);
        assert_true(one.fen == two.fen && one.thousandths == two.thousandths);
        villager_pledge(2, mobile, &two);
        differ += strcmp(one.text, two.text) != 0;
        meanings[one.meaning]++;
    }
    assert_in_range(pledging, 2300, 2700);
    assert_in_range(differ, 9000, 10000);
    for (int meaning = VILLAGER_CASH; meaning <= VILLAGER_UNCLEAR; meaning++) {
        assert_in_range(meanings[meaning], 200, 8000);
    }
    assert_false(villager_pledges(1, MOBILE, 0));
    assert_true(villager_pledges(1, MOBILE, 1));
}

static void test_who_is_asked(void **state)
{
    (void)state;
    assert_true(is_asked(QUESTION));
    assert_true(is_asked("编号513327-2026-1000123-54？回Y"));
    assert_true(is_asked("513327-2026-000123-54，请回复“是”"));
    assert_false(is_asked("10月17日是全国扶贫日，回复Y报名"));
    assert_false(is_asked("您认捐100元，编号513327-2026-000123-54，感谢。"));
    assert_false(is_asked("收到100元，编号R513327-2026-000123-54，请回复Y"));
    assert_false(is_asked("电话0836-2026-000123-54，请回复Y"));
    assert_false(is_asked("513327-2026-000123-5"));
    assert_false(is_asked("513327-2026-000123"));
    assert_false(is_asked(""));
}

static void test_confirming(void **state)
{
    (void)state;
    struct villager_reply reply;
    unsigned yes = 0, with_number = 0, other = 0, silent = 0;
    for (uint64_t mobile = MOBILE; mobile < MOBILE + 10000; mobile++) {
        if (!villager_confirm(1, mobile, QUESTION, strlen(QUESTION), &reply)) {
            silent++;
        } else if (reply.meaning == VILLAGER_OTHER) {
            other++;
        } else {
            assert_int_equal(reply.meaning, VILLAGER_CONFIRM);
            yes++;
            with_number += strcmp(reply.text, "Y 513327-2026-000123-54") == 0;
        }
        assert_true(reply.fen == 0 && reply.thousandths == 0);
    }
    assert_in_range(silent, 850, 1150);
    assert_in_range(other, 400, 600);
    assert_in_range(with_number, 3500, 5000);
    assert_int_equal(yes + other + silent, 10000);
}

static void test_log(void **state)
{
    (void)state;
    struct villager_reply reply;
    struct buf out;
    buf_init(&out, 1024);
    for (size_t n = 0; villager_spelling(n, 0, &reply); n++) {
        if (strcmp(reply.text, "JK 365 张三") == 0 || strcmp(reply.text, "捐煤50.5吨") == 0) {
            villager_log(MOBILE + 7, &reply, &out);
        }
    }
    villager_say("退订", &reply);
    villager_log(MOBILE, &reply, &out);
    assert_string_equal(buf_text(&out), "15400000007\tcash\t36500\t0\t\t\t张三\tJK 365 张三\n"
                                        "15400000007\tgoods\t0\t50500\t煤\t吨\t\t捐煤50.5吨\n"
                                        "15400000000\tother\t0\t0\t\t\t\t退订\n");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meanings),           cmocka_unit_test(test_every_spelling),
        cmocka_unit_test(test_by_seed_and_number), cmocka_unit_test(test_who_is_asked),
        cmocka_unit_test(test_confirming),         cmocka_unit_test(test_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
