/* backoff: bounds of every delay, growth, no two daemons in step. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/digest.h"
#include "dispatch/backoff.h"

static void test_delay_lies_between_half_and_full(void **state)
{
    (void)state;
    for (uint32_t attempt = 0; attempt < 70; attempt++) {
        int64_t full = attempt < 6 ? (int64_t)1000 << attempt : 60000;
        if (full > 60000)
            full = 60000;
        for (uint64_t seed = 0; seed < 200; seed++) {
            int64_t delay = backoff_delay_ms(1000, 60000, attempt, digest_mix64(seed));
            assert_in_range(delay, full / 2, full);
        }
        assert_int_equal(backoff_delay_ms(1000, 60000, attempt, 0), full / 2);
    }
}

static void test_draws_differ(void **state)
{
    (void)state;
    int64_t first = backoff_delay_ms(1000, 60000, 5, digest_mix64(1));
    int different = 0;
    for (uint64_t seed = 2; seed < 12; seed++)
        different += backoff_delay_ms(1000, 60000, 5, digest_mix64(seed)) != first;
    assert_true(different >= 9);
}

static void test_edges(void **state)
{
    (void)state;
    assert_int_equal(backoff_delay_ms(0, 0, 3, 5), 1);
    assert_in_range(backoff_delay_ms(9000, 500, 0, 77), 250, 500);
    assert_in_range(backoff_delay_ms(1, INT64_MAX, 4000000000u, UINT64_MAX), INT64_MAX / 2,
                    INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delay_lies_between_half_and_full),
        cmocka_unit_test(test_draws_differ),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
