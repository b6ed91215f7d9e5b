/* meter: a steady stream shows its rate, silence shows none. Virtual time. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dispatch/meter.h"

static void near(double have, double want)
{
    assert_true(have > want * 0.99 && have < want * 1.01);
}

static void test_steady_stream(void **state)
{
    (void)state;
    struct meter m = {0};
    assert_true(meter_rate(&m, 123456) == 0);
    int64_t now = 1000003;
    for (int i = 0; i < 30000; i++, now += 1) {
        meter_add(&m, 5, now);
        if (i >= 1000)
            near(meter_rate(&m, now + 1), 5000);
    }
    /* The window holds 19 full slots and 3 ms of the newest; its last 5 s were silent. */
    near(meter_rate(&m, now + 5000), 5 * 4503.0 * 1000 / 9503);
    assert_true(meter_rate(&m, now + 10001) == 0);
}

static void test_starts_without_a_spike(void **state)
{
    (void)state;
    struct meter m = {0};
    meter_add(&m, 10, 50000);
    near(meter_rate(&m, 50000), 10);
    near(meter_rate(&m, 52000), 5);
    /* After a long silence it begins anew. */
    meter_add(&m, 100, 900250);
    near(meter_rate(&m, 900250), 100);
    near(meter_rate(&m, 904250), 25);
}

static void test_gaps_are_cleared(void **state)
{
    (void)state;
    struct meter m = {0};
    meter_add(&m, 1000, 100000);
    meter_add(&m, 1, 109000);
    meter_add(&m, 1, 112000); /* the thousand has left the window */
    near(meter_rate(&m, 112499), 2.0 * 1000 / 9999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady_stream),
        cmocka_unit_test(test_starts_without_a_spike),
        cmocka_unit_test(test_gaps_are_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
