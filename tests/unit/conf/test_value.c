#include "conf/value.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

static void test_durations(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum err error;
        int64_t ms;
    } cases[] = {
        {"500ms", ERR_OK, 500},
        {"10s", ERR_OK, 10000},
        {"5m", ERR_OK, 300000},
        {"72h", ERR_OK, 259200000},
        {"7d", ERR_OK, 604800000},
        {"10 s", ERR_OK, 10000},
        {"0", ERR_OK, 0},
        {"0s", ERR_OK, 0},
        {"106751991167d", ERR_OK, 9223372036828800000},
        {"106751991168d", ERR_RANGE, 0},
        {"99999999999999999999999999s", ERR_RANGE, 0},
        {"10", ERR_INVALID, 0},
        {"", ERR_INVALID, 0},
        {"s", ERR_INVALID, 0},
        {"-1s", ERR_INVALID, 0},
        {"1.5h", ERR_INVALID, 0},
        {"1h30m", ERR_INVALID, 0},
        {"10S", ERR_INVALID, 0},
        {"10s ; c", ERR_INVALID, 0},
        {"１０s", ERR_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -7;
        assert_int_equal(value_parse_duration(cases[i].text, &ms), cases[i].error);
        assert_int_equal(ms, cases[i].error == ERR_OK ? cases[i].ms : -7);
    }
}

/* What is printed in an example is read back as the same. */
static void test_duration_prints_as_it_reads(void **state)
{
    (void)state;
    const int64_t cases[] = {0,     1,       999,      1000,      1001,      60000,
                             90000, 3600000, 86400000, 259200000, 604800000, 604800001};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[24];
        int64_t back;
        assert_int_equal(value_parse_duration(value_format_duration(cases[i], text), &back),
                         ERR_OK);
        assert_int_equal(back, cases[i]);
    }
    char text[24];
    assert_string_equal(value_format_duration(259200000, text), "72h");
    assert_string_equal(value_format_duration(604800000, text), "7d");
    assert_string_equal(value_format_duration(90000, text), "90s");
}

static void test_sizes(void **state)
{
    (void)state;
    uint64_t bytes = 0;
    assert_int_equal(value_parse_size("1m", &bytes), ERR_OK);
    assert_int_equal(bytes, 1048576);
    assert_int_equal(value_parse_size("64k", &bytes), ERR_OK);
    assert_int_equal(bytes, 65536);
    assert_int_equal(value_parse_size("17", &bytes), ERR_OK);
    assert_int_equal(bytes, 17);
    assert_int_equal(value_parse_size("1g", &bytes), ERR_INVALID);
    assert_int_equal(value_parse_size("18446744073709551615m", &bytes), ERR_RANGE);
    assert_int_equal(value_parse_size("", &bytes), ERR_INVALID);
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_int_equal(value_parse_u64("18446744073709551615", &number), ERR_OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(value_parse_u64("18446744073709551616", &number), ERR_RANGE);
    assert_int_equal(value_parse_u64("", &number), ERR_INVALID);
    assert_int_equal(value_parse_u64("+1", &number), ERR_INVALID);
    assert_int_equal(value_parse_u64("0x10", &number), ERR_INVALID);
    assert_int_equal(value_parse_u64("1 ", &number), ERR_INVALID);
}

static void test_bools(void **state)
{
    (void)state;
    const char *const yes[] = {"yes", "true", "on", "Yes", "TRUE"},
                      *const no[] = {"no", "false", "off", "No"}, *const neither[] = {"",     "1",
                                                                                      "0",    "y",
                                                                                      "yes ", "是"};
    bool is;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_int_equal(value_parse_bool(yes[i], &is), ERR_OK);
        assert_true(is);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_int_equal(value_parse_bool(no[i], &is), ERR_OK);
        assert_false(is);
    }
    for (size_t i = 0; i < sizeof neither / sizeof *neither; i++)
        assert_int_equal(value_parse_bool(neither[i], &is), ERR_INVALID);
}

static void test_utc_offsets(void **state)
{
    (void)state;
    int minutes = 0;
    assert_int_equal(value_parse_utc_offset("+08:00", &minutes), ERR_OK);
    assert_int_equal(minutes, 480);
    assert_int_equal(value_parse_utc_offset("-03:30", &minutes), ERR_OK);
    assert_int_equal(minutes, -210);
    assert_int_equal(value_parse_utc_offset("+14:00", &minutes), ERR_OK);
    assert_int_equal(value_parse_utc_offset("+14:01", &minutes), ERR_RANGE);
    assert_int_equal(value_parse_utc_offset("-12:01", &minutes), ERR_RANGE);
    assert_int_equal(value_parse_utc_offset("+07:60", &minutes), ERR_RANGE);
    const char *const bad[] = {"",       "8",      "+8:00", "08:00", "+0800", "Asia/Shanghai",
                               "+08:0x", "+08:000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(value_parse_utc_offset(bad[i], &minutes), ERR_INVALID);
}

static void test_characters(void **state)
{
    (void)state;
    assert_int_equal(value_characters(""), 0);
    assert_int_equal(value_characters("a高𠮷"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),  cmocka_unit_test(test_duration_prints_as_it_reads),
        cmocka_unit_test(test_sizes),      cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bools),      cmocka_unit_test(test_utc_offsets),
        cmocka_unit_test(test_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
