/* breaker: opens, probes, closes, remembers. Virtual time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dispatch/breaker.h"

#define FULL UINT64_MAX /* UINT64_MAX % (n + 1) is not always n: the tests only use bounds */

static void test_opens_probes_closes(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b, 1000, 60000, 30000);
    assert_int_equal(breaker_state(&b, 0), BREAKER_CLOSED);
    breaker_fail(&b, 100, 0);
    assert_int_equal(b.retry_at_ms, 100 + 500);
    assert_int_equal(breaker_state(&b, 599), BREAKER_OPEN);
    assert_int_equal(breaker_state(&b, 600), BREAKER_PROBING);
    breaker_ok(&b, 650);
    assert_int_equal(breaker_state(&b, 650), BREAKER_CLOSED);
}

static void test_one_outage_counts_once(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b, 1000, 60000, 30000);
    for (int i = 0; i < 64; i++) /* all connections fail together */
        breaker_fail(&b, 100, 0);
    assert_int_equal(b.level, 1);
    assert_int_equal(b.retry_at_ms, 600);
    breaker_ok(&b, 200); /* an answer to an older request */
    assert_int_equal(breaker_state(&b, 300), BREAKER_OPEN);
}

static void test_failed_probes_wait_longer_up_to_the_cap(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b, 1000, 8000, 30000);
    int64_t now = 0;
    const int64_t half_of[] = {500, 1000, 2000, 4000, 4000, 4000};
    for (size_t i = 0; i < sizeof half_of / sizeof half_of[0]; i++) {
        breaker_fail(&b, now, 0);
        assert_int_equal(b.retry_at_ms - now, half_of[i]);
        now = b.retry_at_ms;
    }
    for (int i = 0; i < 100; i++) { /* the level has a ceiling of its own */
        breaker_fail(&b, now, FULL);
        assert_in_range(b.retry_at_ms - now, 4000, 8000);
        now = b.retry_at_ms;
    }
}

static void test_remembers_and_forgets(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b, 1000, 60000, 30000);
    int64_t now = 0;
    for (int i = 0; i < 4; i++) { /* level 4 */
        breaker_fail(&b, now, 0);
        now = b.retry_at_ms;
    }
    breaker_ok(&b, now);
    /* A flap: the next failure waits as long as if there had been no success. */
    struct breaker flap = b;
    breaker_fail(&flap, now + 10, 0);
    assert_int_equal(flap.retry_at_ms - (now + 10), 8000);
    /* Three calm intervals forgive three levels, the fourth the rest. */
    struct breaker calm = b;
    breaker_ok(&calm, now + 29999);
    assert_int_equal(calm.level, 4);
    breaker_ok(&calm, now + 90000);
    assert_int_equal(calm.level, 1);
    breaker_fail(&b, now + 1000000, 0);
    assert_int_equal(b.retry_at_ms - (now + 1000000), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_probes_closes),
        cmocka_unit_test(test_one_outage_counts_once),
        cmocka_unit_test(test_failed_probes_wait_longer_up_to_the_cap),
        cmocka_unit_test(test_remembers_and_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
