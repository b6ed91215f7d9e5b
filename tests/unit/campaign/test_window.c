/* The sending window, in virtual time: tables of moments, and random windows against a walk minute
 * by minute. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "campaign/window.h"

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define OFFSET 480

static int64_t at(const char *text)
{
    int64_t ms;
    assert_int_equal(clock_parse(text, OFFSET, &ms), ERR_OK);
    return ms;
}

static struct window daytime(void)
{
    return (struct window){.start_ms = at("2026-10-17 09:00"),
                           .end_ms = at("2026-10-19 20:00"),
                           .from_min = 480,
                           .to_min = 1260,
                           .utc_offset_min = OFFSET,
                           .late_after_ms = 30 * MINUTE_MS};
}

struct moment {
    const char *now, *until; /* until NULL: never */
    enum window_state state;
};

static void check_moments(const struct window *window, const struct moment *moments, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t until = -1;
        enum window_state state = window_at(window, at(moments[i].now), &until);
        int64_t expected = moments[i].until != NULL ? at(moments[i].until) : INT64_MAX;
        if (state != moments[i].state || until != expected) {
            char text[CLOCK_TEXT_SIZE];
            fail_msg("%s: state %d until %s", moments[i].now, state,
                     until == INT64_MAX ? "never" : clock_format(until, OFFSET, text));
        }
    }
}

static void test_daytime(void **state)
{
    (void)state;
    struct window window = daytime();
    const struct moment moments[] = {
        {"2026-10-01 12:00", "2026-10-17 09:00", WINDOW_NOT_STARTED},
        {"2026-10-17 08:59:59", "2026-10-17 09:00", WINDOW_NOT_STARTED},
        {"2026-10-17 09:00", "2026-10-17 21:00", WINDOW_OPEN},
        {"2026-10-17 20:59:59", "2026-10-17 21:00", WINDOW_OPEN},
        {"2026-10-17 21:00", "2026-10-18 08:00", WINDOW_CLOSED},
        {"2026-10-18 00:00", "2026-10-18 08:00", WINDOW_CLOSED},
        {"2026-10-18 08:00", "2026-10-18 21:00", WINDOW_OPEN},
        {"2026-10-19 19:59:59", "2026-10-19 20:00", WINDOW_OPEN},
        {"2026-10-19 20:00", NULL, WINDOW_ENDED},
        {"2027-01-01 09:00", NULL, WINDOW_ENDED},
    };
    check_moments(&window, moments, sizeof moments / sizeof moments[0]);
}

static void test_start_outside_the_window_waits_for_the_opening(void **state)
{
    (void)state;
    struct window window = daytime();
    window.start_ms = at("2026-10-17 22:30");
    const struct moment moments[] = {
        {"2026-10-17 10:00", "2026-10-18 08:00", WINDOW_NOT_STARTED},
        {"2026-10-17 22:30", "2026-10-18 08:00", WINDOW_CLOSED},
        {"2026-10-18 08:00", "2026-10-18 21:00", WINDOW_OPEN},
    };
    check_moments(&window, moments, sizeof moments / sizeof moments[0]);
}

static void test_no_opening_left_before_the_end(void **state)
{
    (void)state;
    struct window window = daytime();
    window.end_ms = at("2026-10-18 08:00");
    const struct moment moments[] = {
        {"2026-10-17 20:00", "2026-10-17 21:00", WINDOW_OPEN},
        {"2026-10-17 21:00", NULL, WINDOW_ENDED},
    };
    check_moments(&window, moments, sizeof moments / sizeof moments[0]);
    window.start_ms = at("2026-10-17 21:30"); /* never opens at all */
    const struct moment never[] = {{"2026-10-17 09:00", NULL, WINDOW_ENDED}};
    check_moments(&window, never, 1);
}

static void test_across_midnight(void **state)
{
    (void)state;
    struct window window = daytime();
    window.from_min = 1320; /* 22:00 */
    window.to_min = 360;    /* 06:00 */
    const struct moment moments[] = {
        {"2026-10-17 08:00", "2026-10-17 22:00", WINDOW_NOT_STARTED},
        {"2026-10-17 09:00", "2026-10-17 22:00", WINDOW_CLOSED},
        {"2026-10-17 22:00", "2026-10-18 06:00", WINDOW_OPEN},
        {"2026-10-17 23:59:59", "2026-10-18 06:00", WINDOW_OPEN},
        {"2026-10-18 00:00", "2026-10-18 06:00", WINDOW_OPEN},
        {"2026-10-18 06:00", "2026-10-18 22:00", WINDOW_CLOSED},
        {"2026-10-19 06:00", NULL, WINDOW_ENDED}, /* the next opening lies behind the end */
    };
    check_moments(&window, moments, sizeof moments / sizeof moments[0]);
}

static void test_equal_ends_are_the_whole_day(void **state)
{
    (void)state;
    struct window window = daytime();
    window.from_min = window.to_min = 540;
    const struct moment moments[] = {
        {"2026-10-17 08:59", "2026-10-17 09:00", WINDOW_NOT_STARTED},
        {"2026-10-18 03:00", "2026-10-19 20:00", WINDOW_OPEN},
    };
    check_moments(&window, moments, sizeof moments / sizeof moments[0]);
    window.end_ms = 0;
    window.from_min = 0;
    window.to_min = 1440;
    const struct moment endless[] = {{"2030-01-01 00:00", NULL, WINDOW_OPEN}};
    check_moments(&window, endless, 1);
}

static void test_late(void **state)
{
    (void)state;
    struct window window = daytime();
    clock_virtual_start(at("2026-10-17 08:00"));
    assert_false(window_is_late(&window, clock_wall_ms()));
    clock_virtual_advance(90 * MINUTE_MS); /* 09:30 */
    assert_false(window_is_late(&window, clock_wall_ms()));
    clock_virtual_advance(1);
    assert_true(window_is_late(&window, clock_wall_ms()));
    clock_virtual_stop();

    /* It could have begun in the evening: late the next morning, although the window was open for
     * 15 minutes only. */
    window.start_ms = at("2026-10-17 20:45");
    assert_false(window_is_late(&window, at("2026-10-17 21:15")));
    assert_true(window_is_late(&window, at("2026-10-17 21:16")));
    assert_true(window_is_late(&window, at("2026-10-18 08:00")));
    window.start_ms = at("2026-10-17 20:59");
    assert_true(window_is_late(&window, at("2026-10-18 08:00")));
    /* It could not: the window opens the next morning. */
    window.start_ms = at("2026-10-17 21:00");
    assert_false(window_is_late(&window, at("2026-10-18 08:30")));
    assert_true(window_is_late(&window, at("2026-10-18 08:31")));
    window.start_ms = at("2026-10-17 23:00");
    assert_false(window_is_late(&window, at("2026-10-18 08:30")));
    assert_true(window_is_late(&window, at("2026-10-18 08:31")));
    window.late_after_ms = 0;
    assert_false(window_is_late(&window, at("2027-01-01 12:00")));
}

static void check_finish(const struct window *window, const char *from, int64_t work_ms,
                         const char *expected)
{
    int64_t finish = window_finish(window, at(from), work_ms);
    if (finish != (expected != NULL ? at(expected) : 0)) {
        char text[CLOCK_TEXT_SIZE];
        fail_msg("from %s: %s, not %s", from, clock_format(finish, OFFSET, text), expected);
    }
}

static void test_finish_stops_while_closed(void **state)
{
    (void)state;
    struct window window = daytime();
    check_finish(&window, "2026-10-17 09:00", 0, "2026-10-17 09:00");
    check_finish(&window, "2026-10-17 07:00", HOUR_MS, "2026-10-17 10:00"); /* not before start */
    check_finish(&window, "2026-10-17 09:00", 12 * HOUR_MS, "2026-10-17 21:00");
    check_finish(&window, "2026-10-17 09:00", 12 * HOUR_MS + MINUTE_MS, "2026-10-18 08:01");
    check_finish(&window, "2026-10-17 20:30", HOUR_MS, "2026-10-18 08:30");
    check_finish(&window, "2026-10-17 22:00", HOUR_MS, "2026-10-18 09:00");
    check_finish(&window, "2026-10-17 22:00", 0, "2026-10-18 08:00");
    check_finish(&window, "2026-10-17 09:00", (12 + 13 + 12) * HOUR_MS, "2026-10-19 20:00");
    check_finish(&window, "2026-10-17 09:00", (12 + 13 + 12) * HOUR_MS + 1, NULL);
    check_finish(&window, "2026-10-19 21:00", 0, NULL);
    check_finish(&window, "2026-10-17 09:00", INT64_MAX, NULL);
    window.from_min = 1320;
    window.to_min = 360;
    check_finish(&window, "2026-10-17 09:00", 8 * HOUR_MS, "2026-10-18 06:00");
    check_finish(&window, "2026-10-18 01:00", 6 * HOUR_MS, "2026-10-18 23:00");
    window.to_min = window.from_min;
    check_finish(&window, "2026-10-17 09:00", 24 * HOUR_MS, "2026-10-18 09:00");
}

/* Sends a minute's work in each open minute, as the daemon would. */
static int64_t walk(const struct window *window, int64_t from_ms, int minutes)
{
    int64_t now = from_ms > window->start_ms ? from_ms : window->start_ms, until;
    while (minutes > 0) {
        enum window_state open = window_at(window, now, &until);
        if (open == WINDOW_ENDED)
            return 0;
        if (open == WINDOW_OPEN)
            minutes--;
        now += MINUTE_MS;
    }
    return now;
}

static void test_finish_agrees_with_a_walk(void **state)
{
    (void)state;
    unsigned seed = (unsigned)clock_wall_ms();
    const char *given = getenv("OUTREACH_TEST_SEED");
    if (given != NULL)
        seed = (unsigned)strtoul(given, NULL, 10);
    print_message("OUTREACH_TEST_SEED=%u\n", seed);
    int64_t noon = at("2026-10-17 12:00");
    for (int i = 0; i < 300; i++) {
        struct window window = {.start_ms = noon + rand_r(&seed) % 4320 * MINUTE_MS,
                                .end_ms = noon + rand_r(&seed) % 14400 * MINUTE_MS,
                                .from_min = rand_r(&seed) % 1441,
                                .to_min = rand_r(&seed) % 1441,
                                .utc_offset_min = OFFSET};
        if (rand_r(&seed) % 4 == 0)
            window.end_ms = 0;
        int64_t from = noon + rand_r(&seed) % 4320 * MINUTE_MS;
        int work = 1 + rand_r(&seed) % 6000;
        if (window.end_ms == 0 && window.from_min != window.to_min)
            work = 1 + work % 300;
        assert_int_equal(window_finish(&window, from, work * MINUTE_MS), walk(&window, from, work));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daytime),
        cmocka_unit_test(test_start_outside_the_window_waits_for_the_opening),
        cmocka_unit_test(test_no_opening_left_before_the_end),
        cmocka_unit_test(test_across_midnight),
        cmocka_unit_test(test_equal_ends_are_the_whole_day),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_finish_stops_while_closed),
        cmocka_unit_test(test_finish_agrees_with_a_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
