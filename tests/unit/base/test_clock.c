#include "base/clock.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CHINA 480
#define OCT17_0900_MS INT64_C(1792198800000) /* 2026-10-17T09:00:00+08:00 */

static void test_known_moments(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_SIZE];
    assert_string_equal(clock_format(OCT17_0900_MS, CHINA, text), "2026-10-17 09:00:00");
    assert_string_equal(clock_format_rfc3339(OCT17_0900_MS, CHINA, text),
                        "2026-10-17T09:00:00+08:00");
    assert_string_equal(clock_format_rfc3339(OCT17_0900_MS, 0, text), "2026-10-17T01:00:00+00:00");
    assert_string_equal(clock_format_rfc3339(OCT17_0900_MS, -210, text),
                        "2026-10-16T21:30:00-03:30");
    assert_string_equal(clock_format(0, 0, text), "1970-01-01 00:00:00");
    assert_string_equal(clock_format(-1, 0, text), "1969-12-31 23:59:59");
}

/* The C library's calendar is the independent witness. */
static void test_calendar_agrees_with_gmtime(void **state)
{
    (void)state;
    for (int64_t day = -30000; day < 90000; day++) {
        time_t seconds = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
        struct tm want;
        assert_non_null(gmtime_r(&seconds, &want));
        struct civil got = clock_civil((int64_t)seconds * 1000, 0);
        assert_int_equal(got.year, want.tm_year + 1900);
        assert_int_equal(got.month, want.tm_mon + 1);
        assert_int_equal(got.day, want.tm_mday);
        assert_int_equal(got.hour, want.tm_hour);
        assert_int_equal(got.minute, want.tm_min);
        assert_int_equal(got.second, want.tm_sec);
        assert_true(clock_from_civil(&got, 0) == (int64_t)seconds * 1000);
    }
}

static void test_parse_takes_the_three_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {"2026-10-17 09:00", "2026-10-17 09:00:00",
                                        "2026-10-17T09:00", "2026-10-17T09:00:00"};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        int64_t ms = 0;
        assert_int_equal(clock_parse(forms[i], CHINA, &ms), ERR_OK);
        assert_true(ms == OCT17_0900_MS);
    }
    int64_t ms = 0;
    assert_int_equal(clock_parse("2024-02-29 23:59:59", 0, &ms), ERR_OK);
    assert_true(ms == INT64_C(1709251199000));
    assert_int_equal(clock_parse_compact("20261017090000", CHINA, &ms), ERR_OK);
    assert_true(ms == OCT17_0900_MS);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err want;
    } cases[] = {
        {"", ERR_INVALID},
        {"2026-10-17", ERR_INVALID},
        {"2026-10-17 9:00", ERR_INVALID},
        {"2026-10-17 09:00:0", ERR_INVALID},
        {"2026-10-17 09:00 ", ERR_INVALID},
        {" 2026-10-17 09:00", ERR_INVALID},
        {"2026-10-17  09:00", ERR_INVALID},
        {"2026/10/17 09:00", ERR_INVALID},
        {"2026-10-17 09:00:00Z", ERR_INVALID},
        {"-026-10-17 09:00", ERR_INVALID},
        {"2026-02-29 09:00", ERR_RANGE},
        {"2026-04-31 09:00", ERR_RANGE},
        {"2026-13-01 09:00", ERR_RANGE},
        {"2026-00-01 09:00", ERR_RANGE},
        {"2026-01-00 09:00", ERR_RANGE},
        {"2026-01-01 24:00", ERR_RANGE},
        {"2026-01-01 23:60", ERR_RANGE},
        {"2026-01-01 23:59:60", ERR_RANGE},
        {"1900-02-29 00:00", ERR_RANGE},
        {"1969-12-31 00:00", ERR_RANGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 77;
        if (clock_parse(cases[i].text, CHINA, &ms) != cases[i].want)
            fail_msg("\"%s\"", cases[i].text);
        assert_true(ms == 77);
    }
    int64_t ms;
    assert_int_equal(clock_parse_compact("2026101709000", CHINA, &ms), ERR_INVALID);
    assert_int_equal(clock_parse_compact("202610170900000", CHINA, &ms), ERR_INVALID);
    assert_int_equal(clock_parse_compact("2026101709000x", CHINA, &ms), ERR_INVALID);
    assert_int_equal(clock_parse_compact("20261317090000", CHINA, &ms), ERR_RANGE);
}

static void test_durations_read_well(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {
        {-5, "0ms"},
        {0, "0ms"},
        {999, "999ms"},
        {1000, "1s"},
        {90000, "90s"},
        {119999, "119s"},
        {120000, "2m"},
        {600000, "10m"},
        {605000, "10m 05s"},
        {3600000, "1h 00m"},
        {7500000, "2h 05m"},
        {86400000, "1d 00h"},
        {INT64_C(100) * 86400000 + 7200000, "100d 02h"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        assert_string_equal(clock_format_duration(cases[i].ms, text), cases[i].want);
    }
    char text[CLOCK_TEXT_SIZE]; /* the longest that can be asked fits */
    assert_true(strlen(clock_format_duration(INT64_MAX, text)) < CLOCK_TEXT_SIZE);
}

static void test_virtual_time_moves_only_when_told(void **state)
{
    (void)state;
    int64_t before_ms = clock_mono_ms();
    clock_virtual_start(OCT17_0900_MS);
    int64_t mono_ms = clock_mono_ms();
    assert_true(mono_ms >= before_ms);
    assert_true(clock_wall_ms() == OCT17_0900_MS);
    clock_virtual_advance(1500);
    assert_true(clock_wall_ms() == OCT17_0900_MS + 1500);
    assert_true(clock_mono_ms() == mono_ms + 1500);
    /* A second start sets the wall and leaves monotonic time going up. */
    clock_virtual_start(0);
    assert_true(clock_wall_ms() == 0);
    assert_true(clock_mono_ms() == mono_ms + 1500);
    clock_virtual_stop();
    assert_true(clock_wall_ms() > INT64_C(1600000000000));
}

static void test_monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last_ms = clock_mono_ms();
    for (int i = 0; i < 10000; i++) {
        int64_t now_ms = clock_mono_ms();
        assert_true(now_ms >= last_ms);
        last_ms = now_ms;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_moments),
        cmocka_unit_test(test_calendar_agrees_with_gmtime),
        cmocka_unit_test(test_parse_takes_the_three_forms),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_durations_read_well),
        cmocka_unit_test(test_virtual_time_moves_only_when_told),
        cmocka_unit_test(test_monotonic_time_never_goes_back),
    };
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
