/* Each time lands in the narrowest bucket that holds it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dispatch/latency.h"

static void test_bounds_rise(void **state)
{
    (void)state;
    for (int i = 1; i < LATENCY_BOUNDS; i++) {
        assert_true(latency_bounds_ms[i] > latency_bounds_ms[i - 1]);
    }
}

static void test_a_bound_belongs_to_its_bucket(void **state)
{
    (void)state;
    struct latency latency = {.sum_ms = 0};
    for (int i = 0; i < LATENCY_BOUNDS; i++) {
        latency_add(&latency, latency_bounds_ms[i]);
        assert_int_equal(latency.counts[i], 1);
    }
    latency_add(&latency, latency_bounds_ms[LATENCY_BOUNDS - 1] + 1);
    assert_int_equal(latency.counts[LATENCY_BOUNDS], 1);
}

static void test_sum_is_of_all(void **state)
{
    (void)state;
    struct latency latency = {.sum_ms = 0};
    latency_add(&latency, 7);
    latency_add(&latency, 70000);
    latency_add(&latency, -5); /* a clock that stood still */
    assert_int_equal(latency.sum_ms, 70007);
    assert_int_equal(latency.counts[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds_rise),
        cmocka_unit_test(test_a_bound_belongs_to_its_bucket),
        cmocka_unit_test(test_sum_is_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
