/* The brakes for people whom nobody knows: an address, all of them, and what a storm of addresses
 * costs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "net/visitors.h"

static struct visitors *visitors;
static struct visitors_wait wait;

static int start(void **state)
{
    (void)state;
    return visitors_new(&visitors) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    visitors_free(visitors);
    return 0;
}

static unsigned take_all(const char *address, int64_t now_ms)
{
    unsigned n = 0;
    while (n < 10000 && visitors_take(visitors, address, now_ms, &wait)) {
        n++;
    }
    return n;
}

static void test_an_address_has_a_minutes_worth(void **state)
{
    (void)state;
    visitors_set_rates(visitors, 60, 100000);
    assert_int_equal(take_all("192.0.2.1", 5), 60);
    assert_int_equal(wait.seconds, 1);
    assert_int_equal(take_all("192.0.2.1", 1004), 0);
    assert_int_equal(take_all("192.0.2.1", 1005), 1);
    assert_int_equal(take_all("192.0.2.2", 1005), 60); /* another is not held back */
    assert_int_equal(take_all("192.0.2.1", 11005), 10);
    assert_int_equal(take_all("192.0.2.1", 3600000), 60); /* and no more is saved up */
}

static void test_slow_rates_tell_how_long(void **state)
{
    (void)state;
    visitors_set_rates(visitors, 2, 100000);
    assert_int_equal(take_all("192.0.2.1", 0), 2);
    assert_int_equal(wait.seconds, 30);
}

/* One line in a log a flood, not one a refusal. */
static void test_the_first_refusal_of_a_flood(void **state)
{
    (void)state;
    unsigned refused = 0, new = 0;
    visitors_set_rates(visitors, 60, 0);
    for (int64_t now_ms = 0; now_ms < 600000; now_ms += 100) { /* ten a second, one may pass */
        if (!visitors_take(visitors, "192.0.2.1", now_ms, &wait)) {
            refused++;
            new += wait.is_new;
        }
    }
    assert_in_range(refused, 5300, 5400);
    assert_int_equal(new, 1);
    assert_int_equal(take_all("192.0.2.2", 600000), 60);
    assert_true(wait.is_new);
    assert_in_range(take_all("192.0.2.1", 630000), 30, 31); /* half is paid back: the same flood */
    assert_false(wait.is_new);
    assert_int_equal(take_all("192.0.2.1", 690001), 60);
    assert_true(wait.is_new);
}

static void test_without_a_common_brake(void **state)
{
    (void)state;
    unsigned n = 0;
    visitors_set_rates(visitors, 1, 0);
    for (unsigned i = 0; i < 5000; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.1.%u.%u", i >> 8, i & 255);
        n += visitors_take(visitors, address, 0, &wait);
    }
    assert_int_equal(n, 5000);
}

static void test_all_together(void **state)
{
    (void)state;
    unsigned n = 0;
    visitors_set_rates(visitors, 1000, 50);
    for (unsigned i = 0; i < 200; i++) {
        char address[32];
        snprintf(address, sizeof address, "198.51.100.%u", i);
        n += visitors_take(visitors, address, 1000, &wait);
    }
    assert_int_equal(n, 50);
    assert_int_equal(wait.seconds, 1);
    assert_int_equal(take_all("192.0.2.1", 1500), 25);
}

/* Who was refused by the common brake has not used up anything of her own. */
static void test_refused_by_all_costs_nothing(void **state)
{
    (void)state;
    visitors_set_rates(visitors, 3, 1);
    assert_int_equal(take_all("192.0.2.1", 0), 1);
    assert_int_equal(take_all("192.0.2.2", 500), 0);
    assert_int_equal(take_all("192.0.2.2", 1000), 1);
    assert_int_equal(take_all("192.0.2.2", 2000), 1);
    assert_int_equal(take_all("192.0.2.2", 3000), 1);
    assert_int_equal(take_all("192.0.2.2", 4000), 0);
}

static void test_one_household_of_ipv6(void **state)
{
    (void)state;
    visitors_set_rates(visitors, 4, 100000);
    assert_int_equal(take_all("2001:db8:1:2::1", 0), 4);
    assert_int_equal(take_all("2001:db8:1:2:ffff::9", 0), 0);
    assert_int_equal(take_all("2001:db8:1:3::1", 0), 4);
    assert_int_equal(take_all("no address", 0), 4);
    assert_int_equal(take_all("", 0), 0); /* the same as the one before */
}

/* A storm from a hundred thousand addresses pushes others out, which then have their full share
 * again; the common brake holds. */
static void test_a_storm(void **state)
{
    (void)state;
    unsigned n = 0;
    visitors_set_rates(visitors, 10, 1000);
    for (unsigned i = 0; i < 100000; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        n += visitors_take(visitors, address, i / 100, &wait); /* a second in all */
    }
    assert_in_range(n, 1999, 2001);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_address_has_a_minutes_worth),
        TEST(test_slow_rates_tell_how_long),
        TEST(test_the_first_refusal_of_a_flood),
        TEST(test_without_a_common_brake),
        TEST(test_all_together),
        TEST(test_refused_by_all_costs_nothing),
        TEST(test_one_household_of_ipv6),
        TEST(test_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
