/* What is kept of the rows left out, and how a cell is shown. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "campaign/problems.h"

static void check_shown(const char *text, size_t size, const char *expected)
{
    char shown[PROBLEM_VALUE_MAX_BYTES + 1];
    memset(shown, 'X', sizeof shown);
    problems_show(text, strlen(text), shown, size);
    assert_string_equal(shown, expected);
}

static void test_show(void **state)
{
    (void)state;
    check_shown("王小明", 65, "王小明");
    check_shown("", 65, "");
    check_shown("a\tb\x1b[31m\x7f", 65, "a?b?[31m?");
    check_shown("\xc2\x85", 65, "?");
    check_shown("a\xcd\xf5", 65, "a\xef\xbf\xbd\xef\xbf\xbd");
    check_shown("\xed\xa0\xbd", 65, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    check_shown("王小明", 9, "王小"); /* 9 bytes and a zero do not fit */
    check_shown("王小明", 10, "王小明");
    check_shown("abc", 1, "");
}

static uint64_t told;

static void on_problem(void *arg, const struct plan_problem *problem)
{
    assert_ptr_equal(arg, &told);
    assert_string_equal(problem->word, "landline");
    told++;
}

static void test_the_first_are_kept_and_all_are_told(void **state)
{
    (void)state;
    struct problems problems;
    char value[8] = "0837";
    problems_init(&problems);
    problems.on_problem = on_problem;
    problems.arg = &told;
    told = 0;
    for (uint64_t row = 5000; row > 0; row--) {
        const struct plan_problem problem = {row, value, "a reason", "landline", false, ""};
        problems_add(&problems, &problem);
    }
    value[0] = 'x'; /* the strings were copied */
    assert_int_equal(told, 5000);
    assert_int_equal(problems.n, 5000);
    assert_int_equal(problems.n_kept, PLAN_PROBLEMS_KEPT);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.n_kept; i++)
        assert_int_equal(problems.kept[i].row, 4001 + i);
    assert_string_equal(problems.kept[0].value, "0837");
    problems_fini(&problems);
    problems_sort(&problems);
    problems_fini(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_the_first_are_kept_and_all_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
