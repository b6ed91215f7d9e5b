/* limiter: never more than rate * time + one second's worth in any window. Virtual time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/digest.h"
#include "dispatch/limiter.h"

static void test_burst_then_rate(void **state)
{
    (void)state;
    struct limiter l;
    limiter_init(&l, 100, 5000);
    assert_int_equal(limiter_delay_ms(&l, 100, 5000), 0);
    limiter_take(&l, 100, 5000);
    assert_int_equal(limiter_delay_ms(&l, 1, 5000), 10);
    assert_int_equal(limiter_delay_ms(&l, 100, 5000), 1000);
    assert_int_equal(limiter_delay_ms(&l, 1, 5009), 1);
    assert_int_equal(limiter_delay_ms(&l, 1, 5010), 0);
    assert_int_equal(limiter_delay_ms(&l, 100, 900000), 0);
    limiter_take(&l, 100, 900000); /* a long rest saves up one second, not more */
    assert_int_equal(limiter_delay_ms(&l, 1, 900000), 10);
}

static void test_heavy_message_goes_and_is_paid_back(void **state)
{
    (void)state;
    struct limiter l;
    limiter_init(&l, 2, 0);
    assert_int_equal(limiter_delay_ms(&l, 7, 0), 0);
    limiter_take(&l, 7, 0);
    assert_int_equal(limiter_delay_ms(&l, 1, 0), 3000);
    assert_int_equal(limiter_delay_ms(&l, 7, 0), 3500);
}

static void test_no_limit_and_change(void **state)
{
    (void)state;
    struct limiter l;
    limiter_init(&l, 0, 0);
    limiter_take(&l, 1000000, 0);
    assert_int_equal(limiter_delay_ms(&l, 1000000, 0), 0);
    limiter_set_rate(&l, 10, 0);
    assert_int_equal(limiter_delay_ms(&l, 10, 0), 0);
    limiter_take(&l, 10, 0);
    limiter_set_rate(&l, 5, 0);
    assert_int_equal(limiter_delay_ms(&l, 1, 0), 200);
    limiter_set_rate(&l, 5, 100000);
    limiter_set_rate(&l, 1, 100000);
    assert_int_equal(limiter_delay_ms(&l, 1, 100000), 0);
    limiter_take(&l, 1, 100000);
    assert_int_equal(limiter_delay_ms(&l, 1, 100000), 1000);
}

static void test_random_use_keeps_the_bound(void **state)
{
    (void)state;
    const uint64_t seed = 20261017;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (uint32_t rate = 1; rate < 2000; rate += 37) {
        struct limiter l;
        limiter_init(&l, rate, 0);
        int64_t now = 0, taken = 0;
        for (uint64_t i = 0; i < 500; i++) {
            uint32_t amount = 1 + (uint32_t)(digest_mix64(seed + i * rate) % rate);
            int64_t delay = limiter_delay_ms(&l, amount, now);
            assert_true(delay >= 0);
            if (delay > 0) { /* a moment before it is not enough */
                assert_true(limiter_delay_ms(&l, amount, now + delay - 1) > 0);
                now += delay;
            }
            assert_int_equal(limiter_delay_ms(&l, amount, now), 0);
            limiter_take(&l, amount, now);
            taken += amount;
            assert_true(taken * 1000 <= (int64_t)rate * (now + 1000));
        }
    }
}

static void test_level_is_never_below_nothing(void **state)
{
    (void)state;
    struct limiter limiter;
    limiter_init(&limiter, 10, 0);
    assert_int_equal(limiter_level(&limiter, 0), 10);
    limiter_take(&limiter, 25, 0);
    assert_int_equal(limiter_level(&limiter, 0), 0);
    assert_int_equal(limiter_level(&limiter, 2000), 5);
    assert_int_equal(limiter_level(&limiter, 60000), 10);
    limiter_init(&limiter, 0, 0);
    assert_int_equal(limiter_level(&limiter, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_heavy_message_goes_and_is_paid_back),
        cmocka_unit_test(test_no_limit_and_change),
        cmocka_unit_test(test_random_use_keeps_the_bound),
        cmocka_unit_test(test_level_is_never_below_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
