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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_parts_have_a_limit),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
