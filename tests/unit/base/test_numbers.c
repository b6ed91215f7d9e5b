#include "base/numbers.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_a_list_is_put_in_order_and_looked_through(void **state)
{
    (void)state;
    uint64_t numbers[] = {15400000002, 0, UINT64_MAX, 15400000001, 0};
    size_t n = sizeof numbers / sizeof *numbers;
    const uint64_t expected[] = {0, 0, 15400000001, 15400000002, UINT64_MAX};
    numbers_sort(numbers, n);
    assert_memory_equal(numbers, expected, sizeof expected);
    for (size_t i = 0; i < n; i++)
        assert_true(numbers_have(numbers, n, expected[i]));
    assert_false(numbers_have(numbers, n, 1));
    assert_false(numbers_have(numbers, n - 1, UINT64_MAX));
}

static void test_an_empty_list(void **state)
{
    (void)state;
    numbers_sort(NULL, 0);
    assert_false(numbers_have(NULL, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_list_is_put_in_order_and_looked_through),
        cmocka_unit_test(test_an_empty_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
