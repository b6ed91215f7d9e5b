#include "base/loop.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/clock.h"

/* What happened, in order, one letter each. */
struct trace {
    struct event_base *base;
    char letters[64];
    size_t n;
    struct loop_timer *timer;
};

static void note(struct trace *trace, char letter)
{
    assert_true(trace->n < sizeof trace->letters - 1);
    trace->letters[trace->n++] = letter;
}

static int set_up(void **state)
{
    static struct trace trace;
    memset(&trace, 0, sizeof trace);
    trace.base = event_base_new();
    *state = &trace;
    return trace.base != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct trace *trace = *state;
    event_base_free(trace->base);
    return 0;
}

static void on_a(void *arg)
{
    note(arg, 'a');
}

static void on_b(void *arg)
{
    note(arg, 'b');
}

static void test_timer_fires_once_and_from_the_loop(void **state)
{
    struct trace *trace = *state;
    struct loop_timer *timer = loop_timer_new(trace->base, on_a, trace);
    loop_timer_arm(timer, 0);
    assert_int_equal(trace->n, 0);
    event_base_dispatch(trace->base); /* ends when nothing is armed */
    assert_string_equal(trace->letters, "a");
    loop_timer_arm(timer, -1000); /* the past is now */
    event_base_dispatch(trace->base);
    assert_string_equal(trace->letters, "aa");
    loop_timer_free(timer);
    loop_timer_free(NULL);
}

static void test_armed_timer_moves_and_stops(void **state)
{
    struct trace *trace = *state;
    struct loop_timer *a = loop_timer_new(trace->base, on_a, trace);
    struct loop_timer *b = loop_timer_new(trace->base, on_b, trace);
    loop_timer_arm(a, 3600 * 1000);
    loop_timer_arm(a, 1); /* moved: or this test takes an hour */
    loop_timer_arm(b, 0);
    loop_timer_stop(b);
    loop_timer_stop(b);
    event_base_dispatch(trace->base);
    assert_string_equal(trace->letters, "a");
    loop_timer_free(a);
    loop_timer_free(b);
}

static void on_free_self(void *arg)
{
    struct trace *trace = arg;
    note(trace, 'f');
    loop_timer_free(trace->timer);
}

static void test_timer_may_free_itself(void **state)
{
    struct trace *trace = *state;
    trace->timer = loop_timer_new(trace->base, on_free_self, trace);
    loop_timer_arm(trace->timer, 0);
    event_base_dispatch(trace->base);
    assert_string_equal(trace->letters, "f");
}

static void test_timer_waits_at_least_its_delay(void **state)
{
    struct trace *trace = *state;
    struct loop_timer *timer = loop_timer_new(trace->base, on_a, trace);
    int64_t start_ms = clock_mono_ms();
    loop_timer_arm(timer, 30);
    event_base_dispatch(trace->base);
    /* libevent reads the coarse clock, whose tick is at most 10 ms. */
    assert_true(clock_mono_ms() - start_ms >= 20);
    loop_timer_free(timer);
}

static void on_defer_more(void *arg)
{
    struct trace *trace = arg;
    note(trace, '(');
    loop_defer(trace->base, on_b, trace);
    note(trace, ')');
}

static void test_deferred_calls_run_in_order_in_a_later_turn(void **state)
{
    struct trace *trace = *state;
    loop_defer(trace->base, on_defer_more, trace);
    loop_defer(trace->base, on_a, trace);
    loop_defer(trace->base, on_a, trace);
    assert_int_equal(trace->n, 0);
    event_base_loop(trace->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    assert_string_equal(trace->letters, "()aa");
    event_base_loop(trace->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    assert_string_equal(trace->letters, "()aab");
    event_base_dispatch(trace->base);
    assert_string_equal(trace->letters, "()aab");
}

static void on_defer_forever(void *arg)
{
    struct trace *trace = arg;
    note(trace, 'd');
    if (strchr(trace->letters, 'r') == NULL)
        loop_defer(trace->base, on_defer_forever, trace);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    note(arg, 'r');
}

/* An import that yields again and again must not keep sockets from being looked at. */
static void test_chain_of_deferred_calls_starves_nobody(void **state)
{
    struct trace *trace = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    struct event *readable = event_new(trace->base, ends[0], EV_READ, on_readable, trace);
    assert_non_null(readable);
    event_add(readable, NULL);
    loop_defer(trace->base, on_defer_forever, trace);
    event_base_dispatch(trace->base);
    assert_non_null(strchr(trace->letters, 'r'));
    event_free(readable);
    close(ends[0]);
    close(ends[1]);
}

static void test_two_bases_have_their_own_deferred_calls(void **state)
{
    struct trace *trace = *state;
    struct event_base *other = event_base_new();
    assert_non_null(other);
    loop_defer(other, on_b, trace);
    loop_defer(trace->base, on_a, trace);
    event_base_dispatch(trace->base);
    assert_string_equal(trace->letters, "a");
    event_base_dispatch(other);
    assert_string_equal(trace->letters, "ab");
    event_base_free(other);
}

/* The allocator likes to give a new base the address of the one that has just gone. */
static void test_a_freed_base_takes_its_deferred_calls_along(void **state)
{
    struct trace *trace = *state;
    for (int i = 0; i < 20; i++) {
        struct event_base *gone = event_base_new();
        assert_non_null(gone);
        loop_defer(gone, on_b, trace);
        event_base_free(gone);
        struct event_base *base = event_base_new();
        assert_non_null(base);
        loop_defer(base, on_a, trace);
        event_base_dispatch(base);
        event_base_free(base);
    }
    assert_string_equal(trace->letters, "aaaaaaaaaaaaaaaaaaaa");
}

static void on_stall(void *arg)
{
    struct trace *trace = arg;
    note(trace, 's');
    int64_t until_ms = clock_mono_ms() + 60;
    while (clock_mono_ms() < until_ms)
        usleep(1000);
}

static void on_break(void *arg)
{
    event_base_loopbreak(((struct trace *)arg)->base);
}

static void test_watch_sees_a_long_turn(void **state)
{
    struct trace *trace = *state;
    struct loop_watch *watch = loop_watch_new(trace->base);
    struct loop_timer *stall = loop_timer_new(trace->base, on_stall, trace);
    struct loop_timer *end = loop_timer_new(trace->base, on_break, trace);
    loop_timer_arm(stall, 0);
    loop_timer_arm(end, 100);
    event_base_dispatch(trace->base);
    /* The tick was due within 5 ms and could run after 60 at the earliest; a slow machine makes it
     * later only. */
    assert_true(loop_watch_longest_ms(watch) >= 40);
    loop_watch_reset(watch);
    assert_int_equal(loop_watch_longest_ms(watch), 0);
    loop_watch_free(watch);
    loop_watch_free(NULL);
    loop_timer_free(stall);
    loop_timer_free(end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timer_fires_once_and_from_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_armed_timer_moves_and_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_may_free_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_timer_waits_at_least_its_delay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deferred_calls_run_in_order_in_a_later_turn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_chain_of_deferred_calls_starves_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_two_bases_have_their_own_deferred_calls, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_freed_base_takes_its_deferred_calls_along, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_watch_sees_a_long_turn, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("base/loop", tests, NULL, NULL);
}
