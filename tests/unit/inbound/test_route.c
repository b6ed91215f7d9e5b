/* route: paths, keys, addresses. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "inbound/route.h"

static void test_paths(void **state)
{
    (void)state;
    char name[ROUTE_PART_SIZE], key[ROUTE_PART_SIZE];
    assert_int_equal(route_parse("/hook/mas/s3cret/report", name, key), ROUTE_REPORT);
    assert_string_equal(name, "mas");
    assert_string_equal(key, "s3cret");
    assert_int_equal(route_parse("/hook/mas/a/b//c/uplink", name, key), ROUTE_UPLINK);
    assert_string_equal(key, "a/b//c");
    const char *bad[] = {"/hook/mas/report",
                         "/hook/mas//report",
                         "/hook//key/report",
                         "/hook/mas/key",
                         "/hook/mas/key/",
                         "/hook/mas/key/reports",
                         "/hook/mas/key/Report",
                         "/hook/mas/key/report/",
                         "/hook/",
                         "/hook",
                         "",
                         "hook/mas/key/report"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(route_parse(bad[i], name, key), ROUTE_NONE);
}

static void test_parts_have_a_limit(void **state)
{
    (void)state;
    char name[ROUTE_PART_SIZE], key[ROUTE_PART_SIZE], path[2 * ROUTE_PART_SIZE];
    for (size_t len = ROUTE_PART_SIZE - 2; len <= ROUTE_PART_SIZE + 1; len++) {
        strcpy(path, "/hook/mas/");
        memset(path + 10, 'k', len);
        strcpy(path + 10 + len, "/report");
        assert_int_equal(route_parse(path, name, key),
                         len < ROUTE_PART_SIZE ? ROUTE_REPORT : ROUTE_NONE);
    }
}

static void test_keys(void **state)
{
    (void)state;
    static struct settings settings = {.n_carriers = 3};
    settings.carriers[0] = (struct settings_carrier){.name = "mas", .callback_key = "alpha"};
    settings.carriers[1] = (struct settings_carrier){.name = "quiet"};
    settings.carriers[2] = (struct settings_carrier){.name = "other", .callback_key = "beta"};
    assert_ptr_equal(route_find(&settings, "mas", "alpha"), &settings.carriers[0]);
    assert_ptr_equal(route_find(&settings, "other", "beta"), &settings.carriers[2]);
    assert_null(route_find(&settings, "mas", "beta"));
    assert_null(route_find(&settings, "mas", "alph"));
    assert_null(route_find(&settings, "mas", "alphaa"));
    assert_null(route_find(&settings, "quiet", ""));
    assert_null(route_find(&settings, "nobody", "alpha"));
    /* The key of nobody is no key: an unknown account cannot be guessed into. */
    assert_null(route_find(&settings, "nobody", "no account has this key"));
    assert_null(route_find(&settings, "quiet", "no account has this key"));
}

static struct settings_cidr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t bits)
{
    return (struct settings_cidr){.addr = {[10] = 0xff, [11] = 0xff, [12] = a, b, c, d},
                                  .bits = (uint8_t)(96 + bits)};
}

static void test_addresses(void **state)
{
    (void)state;
    const struct settings_cidr list[] = {v4(127, 0, 0, 0, 8),
                                         v4(112, 35, 4, 196, 32),
                                         v4(10, 1, 16, 0, 20),
                                         {.addr = {0x24, 0x08, 0x80}, .bits = 20}};
    const size_t n = sizeof list / sizeof list[0];
    const char *in[] = {"127.0.0.1",           "127.255.255.255", "112.35.4.196",
                        "::ffff:112.35.4.196", "10.1.16.0",       "10.1.31.255",
                        "2408:8000::1",        "2408:8fff::1",    "::ffff:7f00:1"};
    const char *out[] = {"128.0.0.1",   "126.255.255.255", "112.35.4.197", "10.1.32.0",
                         "10.1.15.255", "2408:9000::",     "::1",          "",
                         "localhost",   "127.0.0.1x",      "127.1",        "::ffff:1.2.3.4",
                         "1.2.3.4.5"};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        assert_true(route_allows(list, n, in[i]));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        assert_false(route_allows(list, n, out[i]));
    assert_false(route_allows(list, 0, "127.0.0.1"));
    const struct settings_cidr all = {.bits = 0};
    assert_true(route_allows(&all, 1, "8.8.8.8"));
    const struct settings_cidr link = {.addr = {0xfe, 0x80}, .bits = 10};
    assert_true(route_allows(&link, 1, "fe80::1%eth0"));
    const struct settings_cidr broken = {.bits = 129};
    assert_false(route_allows(&broken, 1, "127.0.0.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_parts_have_a_limit),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
