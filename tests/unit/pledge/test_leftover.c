/* What stands behind an amount: names that look like amounts, and amounts that look like names. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "pledge/leftover.h"

static void test_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool on_digits;
        enum leftover leftover;
    } cases[] = {
        {"", true, LEFTOVER_NAME},
        {"张三", true, LEFTOVER_NAME},
        {"李四", false, LEFTOVER_NAME},
        {"王五一", false, LEFTOVER_NAME},
        {"云坪村委会(筹)", false, LEFTOVER_NAME},
        {"Anne-Marie O'Neil", false, LEFTOVER_NAME},
        {"多杰", true, LEFTOVER_NAME},
        {"多次", true, LEFTOVER_AMOUNT},
        {"余", false, LEFTOVER_AMOUNT},
        {"余元", false, LEFTOVER_AMOUNT},
        {"毛泽", false, LEFTOVER_NAME},
        {"毛泽", true, LEFTOVER_AMOUNT},
        {"三", false, LEFTOVER_AMOUNT},
        {"张三百", false, LEFTOVER_AMOUNT},
        {"张几万", false, LEFTOVER_AMOUNT},
        {"kg", false, LEFTOVER_AMOUNT},
        {"Kim", false, LEFTOVER_NAME},
        {"!?", false, LEFTOVER_NOISE},
        {"张三/李四", false, LEFTOVER_NOISE},
        {"\xff", false, LEFTOVER_NOISE},
        {"车", true, LEFTOVER_AMOUNT},
        {"车小明", false, LEFTOVER_NAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum leftover got =
            leftover_judge(cases[i].text, strlen(cases[i].text), cases[i].on_digits);
        if (got != cases[i].leftover)
            fail_msg("%s (%d): %d, not %d", cases[i].text, cases[i].on_digits, (int)got,
                     (int)cases[i].leftover);
    }
}

static void test_things_that_are_amounts(void **state)
{
    (void)state;
    static const char *const amounts[] = {"亿", "万元", "100", "约", "大米左右"};
    static const char *const things[] = {"", "大米", "三轮车", "八角", "千斤顶"};
    for (size_t i = 0; i < sizeof amounts / sizeof *amounts; i++)
        if (!leftover_is_amount(amounts[i], strlen(amounts[i])))
            fail_msg("%s is taken for a thing", amounts[i]);
    for (size_t i = 0; i < sizeof things / sizeof *things; i++)
        if (leftover_is_amount(things[i], strlen(things[i])))
            fail_msg("%s is taken for an amount", things[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_judged),
                                       cmocka_unit_test(test_things_that_are_amounts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
