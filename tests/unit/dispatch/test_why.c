/* why: the words of the contract, and which reason comes first. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "dispatch/why.h"

static struct why_facts sending(void)
{
    const struct civil at = {2026, 10, 17, 9, 30, 0};
    return (struct why_facts){.now_ms = clock_from_civil(&at, 480),
                              .utc_offset_min = 480,
                              .state = "sending",
                              .actor = "",
                              .reason = "",
                              .queued = 700,
                              .accepted = 774,
                              .window = WINDOW_OPEN,
                              .fault = "",
                              .redis_fault = "",
                              .carrier = "mas",
                              .has_lane = true,
                              .carrier_state = "running",
                              .carrier_reason = "",
                              .carrier_actor = "",
                              .route_fault = "",
                              .throttle_code = ""};
}

static void says(const struct why_facts *facts, const char *words, int64_t until_ms)
{
    char out[256];
    assert_int_equal(why_words(facts, out, sizeof out), until_ms);
    assert_string_equal(out, words);
}

static void test_contract_words(void **state)
{
    (void)state;
    struct why_facts f = sending();
    says(&f, "", 0);

    const struct civil eight = {2026, 10, 18, 8, 0, 0};
    f.window = WINDOW_CLOSED;
    f.window_until_ms = clock_from_civil(&eight, 480);
    says(&f, "window opens 08:00", f.window_until_ms);
    f.window = WINDOW_NOT_STARTED;
    says(&f, "starts 2026-10-18 08:00", f.window_until_ms);

    f = sending();
    f.carrier_state = "stopped";
    f.carrier_reason = "IllegalMac";
    says(&f, "carrier mas stopped: IllegalMac", 0);

    f = sending();
    f.route_fault = "connection refused";
    f.route_retry_ms = f.now_ms + 7001;
    says(&f, "carrier mas unreachable: connection refused, next try in 8 s", f.route_retry_ms);
    f.route_retry_ms = f.now_ms;
    says(&f, "carrier mas unreachable: connection refused, next try now", f.route_retry_ms);

    f = sending();
    f.state = "paused";
    f.actor = "clerk1";
    f.reason = "wrong phone number";
    says(&f, "paused by clerk1: wrong phone number", 0);

    f = sending();
    f.is_canary = true;
    says(&f, "first 10 messages have no verdict yet", 0);
    f.accepted = 3;
    says(&f, "first 3 messages have no verdict yet", 0);

    f = sending();
    f.wants_tokens = true;
    f.tokens_at_ms = f.now_ms + 400;
    says(&f, "waiting for tokens", f.tokens_at_ms);
    f.is_moving = true; /* its rate is its rate: that is no waiting */
    says(&f, "", 0);
}

static void test_order_of_reasons(void **state)
{
    (void)state;
    struct why_facts f = sending();
    f.wants_tokens = true;
    f.is_outranked = true;
    f.retry_at_ms = f.now_ms + 1500;
    says(&f, "tries again in 2 s", f.retry_at_ms);
    f.fault = "no column 姓名";
    says(&f, "its text cannot be used: no column 姓名", 0);
    f.throttle_code = "FlowOverLimit";
    f.throttle_retry_ms = f.now_ms + 3000;
    says(&f, "carrier mas asks for patience: FlowOverLimit, next try in 3 s", f.throttle_retry_ms);
    f.route_fault = "no such host";
    f.route_retry_ms = f.now_ms + 1000;
    says(&f, "carrier mas unreachable: no such host, next try in 1 s", f.route_retry_ms);
    f.carrier_state = "paused";
    f.carrier_actor = "wang";
    f.carrier_reason = "top-up";
    says(&f, "carrier mas paused by wang: top-up", 0);
    f.window = WINDOW_ENDED;
    says(&f, "its end has passed", 0);
    f.is_draining = true;
    says(&f, "this daemon is stopping", 0);
    f.has_lane = false;
    says(&f, "carrier mas is not in this daemon's configuration", 0);
    f.redis_fault = "no AOF";
    says(&f, "Redis: no AOF", 0);
    f.state = "missed";
    f.reason = "its end passed";
    says(&f, "missed: its end passed; waits for a person", 0);
    f.state = "importing";
    says(&f, "the list is still being read", 0);
}

static void test_nothing_to_send_is_no_waiting(void **state)
{
    (void)state;
    struct why_facts f = sending();
    f.queued = 0;
    f.carrier_state = "stopped";
    says(&f, "", 0);
    f.queued = 5;
    f.state = "done";
    says(&f, "", 0);
    f.state = "cancelled";
    says(&f, "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_words),
        cmocka_unit_test(test_order_of_reasons),
        cmocka_unit_test(test_nothing_to_send_is_no_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
