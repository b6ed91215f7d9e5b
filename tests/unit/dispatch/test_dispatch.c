/* The sender as a whole, against a real redis-server and a carrier process that counts what it
 * took: nobody is lost, nobody is written to twice, and what cannot be known is ambiguous. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "sender.h"

/* ---- all goes well ---- */

static void test_every_recipient_once(void **state)
{
    (void)state;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    opt_out(5);   /* after the import: in the canary */
    opt_out(500); /* and later */
    start();
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 772);
    assert_int_equal(world_count(&seen, STATE_SUPPRESSED), 2);
    assert_int_equal(world_taken(&w, 0, 774, 1), 772);
    assert_int_equal(w.shared->taken[5], 0);
    assert_int_equal(w.shared->taken[500], 0);
    assert_int_equal(w.shared->requests, 2); /* the canary and the rest */
    drain_and_stop();
}

static void test_single_message_requests(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 1;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 5010});
    start();
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 5010);
    assert_int_equal(world_taken(&w, 0, 5010, 1), 5010);
    assert_int_equal(w.shared->requests, 5010);
    assert_int_equal(w.shared->largest, 1);
    struct dispatch_view view;
    dispatch_lane_view(dispatch, "mas", &view);
    assert_int_equal(view.requests, 5010);
    assert_int_equal(view.accepted, 5010);
    assert_int_equal(view.inflight_requests, 0);
    drain_and_stop();
}

static void test_requests_of_a_hundred(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 100;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 3010});
    start();
    world_until_state(&w, "c1", "done");
    assert_int_equal(world_taken(&w, 0, 3010, 1), 3010);
    assert_int_equal(w.shared->largest, 100);
    assert_int_equal(w.shared->requests, 31);
    drain_and_stop();
}

static void test_personal_texts(void **state)
{
    (void)state;
    world_launch(&w,
                 &(struct world_campaign){
                     .id = "c1", .n = 510, .personal = true, .text = "((姓名))您好，请于明天到场"});
    start();
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 510);
    assert_int_equal(world_taken(&w, 0, 510, 1), 510);
    assert_non_null(strstr(w.shared->last_body, "n0509您好"));
    assert_null(strstr(w.shared->last_body, "姓名"));
    drain_and_stop();
}

static void test_rate_is_kept(void **state)
{
    (void)state;
    w.settings.carriers[0].rate = 100;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 310});
    start();
    int64_t began_ms = clock_mono_ms();
    world_until_state(&w, "c1", "done");
    /* The first 10 and 100 go at once, the bucket pays for the rest: never faster than the rate
     * after one second's worth. */
    assert_true(clock_mono_ms() - began_ms >= 1900);
    assert_int_equal(world_taken(&w, 0, 310, 1), 310);
    assert_true(w.shared->largest <= 100);
    drain_and_stop();
}

static void test_receipts_go_before_publicity(void **state)
{
    (void)state;
    w.settings.carriers[0].rate = 300;
    world_launch(&w, &(struct world_campaign){.id = "big", .class_word = "publicity", .n = 5000});
    start();
    world_until_count(&w, "big", STATE_ACCEPTED, 100);
    world_launch(&w, &(struct world_campaign){
                         .id = "receipt", .class_word = "receipt", .first = 10000, .n = 5});
    dispatch_wake(dispatch, "mas");
    world_until_state(&w, "receipt", "done");
    struct world_seen seen = world_see(&w, "big");
    assert_string_equal(seen.state, "sending");
    assert_true(world_count(&seen, STATE_ACCEPTED) < 3000);
    drain_and_stop();
    assert_int_equal(world_taken(&w, 0, 5000, 2), 0);
}

/* ---- what the carrier says ---- */

static void test_one_bad_number_is_found(void **state)
{
    (void)state;
    w.shared->bad_number = WORLD_BASE + 345;
    w.shared->mode = CARRIER_REFUSES_BAD;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 773);
    assert_int_equal(world_count(&seen, STATE_REJECTED), 1);
    assert_int_equal(world_taken(&w, 0, 774, 1), 773);
    assert_int_equal(w.shared->taken[345], 0);
    drain_and_stop();
}

static void on_carrier(void *arg, enum err error, const struct carrier_view *view)
{
    struct world_seen *seen = arg;
    seen->is_over = true;
    seen->error = error;
    snprintf(seen->state, sizeof seen->state, "%s", error ? "" : view->state);
    snprintf(seen->reason, sizeof seen->reason, "%s", error ? "" : view->reason);
}

static struct world_seen see_carrier(void)
{
    struct world_seen seen = {0};
    assert_int_equal(status_carrier(w.store, "mas", on_carrier, &seen), ERR_OK);
    world_until(&w, &seen.is_over);
    return seen;
}

static struct {
    bool is_over;
    char reason[256];
} reason_seen;

static void on_view_for_reason(void *arg, enum err error, const struct campaign_view *views,
                               size_t n)
{
    (void)arg;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(n, 1);
    struct dispatch_wait wait;
    dispatch_why(dispatch, &views[0], clock_wall_ms(), &wait);
    snprintf(reason_seen.reason, sizeof reason_seen.reason, "%s", wait.reason);
    reason_seen.is_over = true;
}

static void why(const char *id, char *out, size_t size)
{
    reason_seen.is_over = false;
    assert_int_equal(queue_find(w.store, "mas", id, on_view_for_reason, NULL), ERR_OK);
    world_until(&w, &reason_seen.is_over);
    snprintf(out, size, "%s", reason_seen.reason);
}

static void test_account_fault_stops_the_account(void **state)
{
    (void)state;
    w.shared->mode = CARRIER_FAULTS;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (strcmp(see_carrier().state, "stopped") != 0)
        assert_true(clock_mono_ms() < by_ms);
    world_pass(&w, 1500); /* over a tick: nothing is tried again by itself */
    assert_string_equal(see_carrier().reason, "IllegalMac");
    assert_int_equal(w.shared->requests, 1);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_QUEUED), 774);
    char reason[256];
    why("c1", reason, sizeof reason);
    assert_string_equal(reason, "carrier mas stopped: IllegalMac");

    w.shared->mode = CARRIER_ACCEPTS;
    struct world_done done = {0};
    assert_int_equal(status_carrier_act(w.store, "mas", CARRIER_RESUME, "wang", "key changed", "",
                                        0, clock_wall_ms(), world_on_done, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    dispatch_wake(dispatch, NULL);
    world_until_state(&w, "c1", "done");
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    drain_and_stop();
}

static void test_throttling_slows_down(void **state)
{
    (void)state;
    w.shared->left = 2;
    w.shared->mode = CARRIER_THROTTLES;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    int64_t began_ms = clock_mono_ms();
    world_until_state(&w, "c1", "done");
    assert_true(clock_mono_ms() - began_ms >=
                1000); /* 0.5 s and 1 s at least, less what overlaps */
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    assert_int_equal(w.shared->requests, 4);
    drain_and_stop();
}

static void test_text_refused_pauses(void **state)
{
    (void)state;
    w.shared->mode = CARRIER_REFUSES_TEXT;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    struct world_seen seen = world_until_state(&w, "c1", "paused");
    assert_non_null(strstr(seen.reason, "ContainSensitiveWord"));
    assert_int_equal(world_count(&seen, STATE_REJECTED), 10);
    assert_int_equal(world_count(&seen, STATE_QUEUED), 764);
    assert_int_equal(w.shared->requests, 1);
    drain_and_stop();
}

static void test_unreadable_answer_is_ambiguous(void **state)
{
    (void)state;
    w.settings.carriers[0].rate = 10; /* slow enough to change the carrier's mind under way */
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 40});
    start();
    world_until_count(&w, "c1", STATE_ACCEPTED, 10);
    w.shared->left = 1;
    w.shared->mode = CARRIER_BABBLES;
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_in_range(world_count(&seen, STATE_AMBIGUOUS), 1, 10); /* one request */
    assert_int_equal(world_count(&seen, STATE_AMBIGUOUS) + world_count(&seen, STATE_ACCEPTED), 40);
    assert_int_equal(world_taken(&w, 0, 40, 1),
                     40); /* it took them, and nobody was sent to again */
    drain_and_stop();
}

static void test_silence_is_ambiguous(void **state)
{
    (void)state;
    w.settings.carriers[0].timeout_ms = 300;
    w.shared->left = 1;
    w.shared->mode = CARRIER_TAKES_SILENTLY;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 10});
    start();
    /* The canary without any verdict stops the campaign; nobody is sent to twice. */
    struct world_seen seen = world_until_count(&w, "c1", STATE_AMBIGUOUS, 10);
    assert_int_equal(world_count(&seen, STATE_AMBIGUOUS), 10);
    world_pass(&w, 1200);
    assert_int_equal(w.shared->requests, 1);
    assert_int_equal(world_taken(&w, 0, 10, 1), 10);
    drain_and_stop();
}

static void test_refused_connections_lose_nobody(void **state)
{
    (void)state;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    struct dispatch_view view;
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    do {
        world_pass(&w, 10);
        dispatch_lane_view(dispatch, "mas", &view);
        assert_true(clock_mono_ms() < by_ms);
    } while (!*view.route_fault);
    char reason[256];
    why("c1", reason, sizeof reason);
    assert_non_null(strstr(reason, "carrier mas unreachable: "));
    assert_non_null(strstr(reason, ", next try "));
    struct world_seen seen = world_until_count(&w, "c1", STATE_QUEUED, 774);
    assert_int_equal(world_count(&seen, STATE_QUEUED), 774);
    world_start_carrier(&w);
    world_until_state(&w, "c1", "done");
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    drain_and_stop();
}

/* ---- what people and time say ---- */

static void test_pause_and_resume(void **state)
{
    (void)state;
    w.settings.carriers[0].rate = 200;
    uint32_t seq = world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    world_until_count(&w, "c1", STATE_ACCEPTED, 10);
    assert_int_equal(world_act(&w, seq, ACT_PAUSE, "wrong phone number"), ERR_OK);
    /* What had its intent before may end; then nothing moves. */
    struct world_seen seen = world_see(&w, "c1");
    while (world_count(&seen, STATE_INFLIGHT) > 0) {
        world_pass(&w, 5);
        seen = world_see(&w, "c1");
    }
    uint32_t requests = w.shared->requests;
    world_pass(&w, 1500);
    assert_int_equal(w.shared->requests, requests);
    char reason[256];
    why("c1", reason, sizeof reason);
    assert_string_equal(reason, "paused by clerk1: wrong phone number");
    assert_int_equal(world_act(&w, seq, ACT_RESUME, ""), ERR_OK);
    dispatch_wake(dispatch, "mas");
    world_until_state(&w, "c1", "done");
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    drain_and_stop();
}

static void test_late_campaign_asks_a_person(void **state)
{
    (void)state;
    world_launch(&w, &(struct world_campaign){.id = "late", .n = 20, .late_after_ms = 1800000});
    world_launch(&w, &(struct world_campaign){
                         .id = "over", .first = 100, .n = 20, .end_ms = clock_wall_ms() - 60000});
    world_launch(&w,
                 &(struct world_campaign){
                     .id = "early", .first = 200, .n = 20, .start_ms = clock_wall_ms() + 600000});
    world_launch(&w, &(struct world_campaign){
                         .id = "now", .first = 300, .n = 20, .late_after_ms = 2 * 3600000});
    start();
    struct world_seen late = world_until_state(&w, "late", "missed");
    assert_non_null(strstr(late.reason, "late"));
    struct world_seen over = world_until_state(&w, "over", "missed");
    assert_non_null(strstr(over.reason, "20 not sent"));
    world_until_state(&w, "now", "done");
    struct world_seen early = world_see(&w, "early");
    assert_string_equal(early.state, "scheduled");
    char reason[256];
    why("early", reason, sizeof reason);
    assert_int_equal(strncmp(reason, "starts 20", 9), 0);
    assert_int_equal(world_taken(&w, 0, 400, 1), 20);
    assert_int_equal(world_taken(&w, 300, 20, 1), 20);
    drain_and_stop();
}

static void test_closed_window_waits(void **state)
{
    (void)state;
    struct civil now = clock_civil(clock_wall_ms(), 480);
    int opens_min = (now.hour * 60 + now.minute + 120) % 1440;
    world_launch(&w, &(struct world_campaign){.id = "c1",
                                              .n = 20,
                                              .end_ms = clock_wall_ms() + 2 * 86400000,
                                              .window_from_min = opens_min,
                                              .window_to_min = (opens_min + 60) % 1440});
    start();
    world_pass(&w, 1500);
    assert_int_equal(w.shared->requests, 0);
    char reason[256], words[64];
    why("c1", reason, sizeof reason);
    snprintf(words, sizeof words, "window opens %02d:%02d", opens_min / 60, opens_min % 60);
    assert_string_equal(reason, words);
    drain_and_stop();
}

/* Nothing is submitted after the end, and who is left is not forgotten. */
static void test_end_comes_while_sending(void **state)
{
    (void)state;
    w.settings.carriers[0].rate = 100;
    world_launch(&w,
                 &(struct world_campaign){.id = "c1", .n = 774, .end_ms = clock_wall_ms() + 2500});
    start();
    struct world_seen seen = world_until_state(&w, "c1", "missed");
    assert_true(world_count(&seen, STATE_ACCEPTED) >= 10);
    assert_true(world_count(&seen, STATE_QUEUED) >= 300);
    assert_non_null(strstr(seen.reason, "not sent"));
    uint32_t requests = w.shared->requests;
    world_pass(&w, 1200);
    assert_int_equal(w.shared->requests, requests);
    drain_and_stop();
    seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), world_taken(&w, 0, 774, 1));
    assert_int_equal(world_count(&seen, STATE_ACCEPTED) + world_count(&seen, STATE_QUEUED), 774);
}

static void test_drain_gives_back_and_another_goes_on(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 1;
    w.settings.carriers[0].connections = 8;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 4010});
    start();
    world_until_count(&w, "c1", STATE_ACCEPTED, 50);
    drain_and_stop();
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_INFLIGHT), 0);
    assert_int_equal(world_count(&seen, STATE_AMBIGUOUS), 0);
    assert_int_equal(world_taken(&w, 0, 4010, 1), world_count(&seen, STATE_ACCEPTED));
    start();
    world_until_state(&w, "c1", "done");
    assert_int_equal(world_taken(&w, 0, 4010, 1), 4010);
    drain_and_stop();
}

static void test_two_daemons_share_a_campaign(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 100;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 10010});
    start();
    struct dispatch *other;
    assert_int_equal(dispatch_new(w.base, w.store, "d2", &other), ERR_OK);
    assert_int_equal(dispatch_set_settings(other, &w.settings), ERR_OK);
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 10010);
    assert_int_equal(world_taken(&w, 0, 10010, 1), 10010);
    dispatch_free(other);
    drain_and_stop();
}

static void test_stop_at_once_leaves_the_truth(void **state)
{
    (void)state;
    w.shared->mode = CARRIER_HOLDS;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    while (w.shared->requests == 0)
        world_pass(&w, 5);
    dispatch_free(dispatch); /* the canary is with the carrier, its answer never read */
    world_pass(&w, 50);
    w.shared->mode = CARRIER_ACCEPTS;
    start();
    struct world_seen seen =
        world_until_state(&w, "c1", "paused"); /* a canary nobody knows the fate of */
    assert_int_equal(world_count(&seen, STATE_AMBIGUOUS), 10);
    assert_int_equal(world_count(&seen, STATE_QUEUED), 764);
    assert_int_equal(world_taken(&w, 0, 10, 1), 10);
    drain_and_stop();
}

/* ---- a test message ---- */

static void on_tested(void *arg, enum err error, const char *sentence)
{
    world_on_done(arg, error, sentence);
}

static void test_one_test_message(void **state)
{
    (void)state;
    start();
    struct world_done done = {0};
    assert_int_equal(
        dispatch_test(dispatch, "mas", WORLD_BASE + 7, "【高山乡人民政府】试发", on_tested, &done),
        ERR_OK);
    assert_false(done.is_over);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
    assert_non_null(strstr(done.reason, "mas accepted the message to 154****0007, batch 0"));
    assert_int_equal(w.shared->taken[7], 1);

    opt_out(8);
    done = (struct world_done){0};
    assert_int_equal(dispatch_test(dispatch, "mas", WORLD_BASE + 8, "试发", on_tested, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_REFUSED);
    assert_int_equal(w.shared->taken[8], 0);

    w.shared->mode = CARRIER_FAULTS;
    done = (struct world_done){0};
    assert_int_equal(dispatch_test(dispatch, "mas", WORLD_BASE + 9, "试发", on_tested, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_REFUSED);
    assert_non_null(strstr(done.reason, "IllegalMac"));
    assert_int_equal(dispatch_test(dispatch, "nobody", WORLD_BASE, "试发", on_tested, &done),
                     ERR_NOT_FOUND);

    /* Asked and then stopped: it is told, once. */
    done = (struct world_done){0};
    assert_int_equal(dispatch_test(dispatch, "mas", WORLD_BASE + 10, "试发", on_tested, &done),
                     ERR_OK);
    dispatch_free(dispatch);
    dispatch = NULL;
    assert_true(done.is_over);
    assert_int_equal(done.error, ERR_CLOSED);
}

static void act_on_carrier(enum carrier_act act, const char *reason, int64_t rest_ms)
{
    struct world_done done = {0};
    assert_int_equal(status_carrier_act(w.store, "mas", act, "clerk1", reason, "", rest_ms,
                                        clock_wall_ms(), world_on_done, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
}

static struct world_done test_message(void)
{
    struct world_done done = {0};
    assert_int_equal(dispatch_test(dispatch, "mas", WORLD_BASE + 7, "试发", on_tested, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    return done;
}

static void test_no_test_message_past_a_pause_or_a_quota(void **state)
{
    (void)state;
    start();
    act_on_carrier(CARRIER_PAUSE, "new contract", 0);
    struct world_done done = test_message();
    assert_int_equal(done.error, ERR_REFUSED);
    assert_string_equal(done.reason, "nothing was sent: carrier mas is paused: new contract");
    act_on_carrier(CARRIER_RESUME, "", 0);
    act_on_carrier(CARRIER_STOP, "OverDailyMax", 3600000);
    done = test_message();
    assert_int_equal(done.error, ERR_REFUSED);
    assert_string_equal(done.reason, "nothing was sent: carrier mas is stopped: OverDailyMax");
    assert_int_equal(w.shared->requests, 0);
    act_on_carrier(CARRIER_RESUME, "", 0);
    done = test_message();
    assert_int_equal(done.error, ERR_OK);
    assert_int_equal(w.shared->taken[7], 1);
}

/* Who has put a wrong key right wants to see one message go before all others do. */
static void test_a_test_message_tries_a_faulty_account(void **state)
{
    (void)state;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 30});
    w.shared->mode = CARRIER_FAULTS;
    start();
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (strcmp(see_carrier().state, "stopped") != 0)
        assert_true(clock_mono_ms() < by_ms);
    uint32_t requests = w.shared->requests;
    struct world_done done = test_message();
    assert_int_equal(done.error, ERR_REFUSED);
    assert_string_equal(done.reason, "mas refused the message to 154****0007: IllegalMac; carrier "
                                     "mas stays stopped (IllegalMac) until it is resumed");
    assert_int_equal(w.shared->requests, requests + 1);
    w.shared->mode = CARRIER_ACCEPTS;
    done = test_message();
    assert_int_equal(done.error, ERR_OK);
    assert_non_null(strstr(done.reason, "mas accepted the message to 154****0007, batch 0"));
    assert_non_null(strstr(done.reason, "; carrier mas stays stopped (IllegalMac) until"));
    assert_int_equal(w.shared->taken[7], 1);
    world_pass(&w, 50);
    assert_int_equal(w.shared->requests, requests + 2); /* and nothing else goes out */
    act_on_carrier(CARRIER_RESUME, "", 0);
    dispatch_wake(dispatch, NULL);
    world_until_state(&w, "c1", "done");
    drain_and_stop();
}

/* ---- settings change under way ---- */

static void test_reload_under_way(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 1;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 3010});
    start();
    world_until_count(&w, "c1", STATE_ACCEPTED, 20);
    static struct settings next;
    next = w.settings;
    next.carriers[0].connections = 16;
    next.carriers[0].batch_max = 50;
    assert_int_equal(dispatch_set_settings(dispatch, &next), ERR_OK);
    world_until_count(&w, "c1", STATE_ACCEPTED, 500);
    static struct settings none;
    none = w.settings;
    none.n_carriers = 0; /* the account is taken out: what is under way ends, the rest waits */
    assert_int_equal(dispatch_set_settings(dispatch, &none), ERR_OK);
    struct dispatch_view view;
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    do {
        world_pass(&w, 20);
        dispatch_lane_view(dispatch, "mas", &view);
        assert_true(clock_mono_ms() < by_ms);
    } while (view.claimed_chunks > 0 || view.inflight_requests > 0);
    assert_int_equal(dispatch_set_settings(dispatch, &w.settings), ERR_OK);
    world_until_state(&w, "c1", "done");
    assert_int_equal(world_taken(&w, 0, 3010, 1), 3010);
    drain_and_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_every_recipient_once),
        IN_WORLD(test_single_message_requests),
        IN_WORLD(test_requests_of_a_hundred),
        IN_WORLD(test_personal_texts),
        IN_WORLD(test_rate_is_kept),
        IN_WORLD(test_receipts_go_before_publicity),
        IN_WORLD(test_one_bad_number_is_found),
        IN_WORLD(test_account_fault_stops_the_account),
        IN_WORLD(test_throttling_slows_down),
        IN_WORLD(test_text_refused_pauses),
        IN_WORLD(test_unreadable_answer_is_ambiguous),
        IN_WORLD(test_silence_is_ambiguous),
        cmocka_unit_test_setup_teardown(test_refused_connections_lose_nobody, open_silent_world,
                                        close_world),
        IN_WORLD(test_pause_and_resume),
        IN_WORLD(test_late_campaign_asks_a_person),
        IN_WORLD(test_closed_window_waits),
        IN_WORLD(test_end_comes_while_sending),
        IN_WORLD(test_drain_gives_back_and_another_goes_on),
        IN_WORLD(test_two_daemons_share_a_campaign),
        IN_WORLD(test_stop_at_once_leaves_the_truth),
        IN_WORLD(test_one_test_message),
        IN_WORLD(test_no_test_message_past_a_pause_or_a_quota),
        IN_WORLD(test_a_test_message_tries_a_faulty_account),
        IN_WORLD(test_reload_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
