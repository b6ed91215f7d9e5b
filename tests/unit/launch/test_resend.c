/* Who may get a message once more: the one decision that must never be wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "launch/resend.h"
#include "sms/mobile.h"
#include "rig.h"

static void test_only_those_provably_not_reached(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool refused = byte == STATE_REJECTED;
        bool failed = byte == STATE_UNDELIVERED || byte == STATE_EXPIRED;
        for (int code_temporary = 0; code_temporary <= 1; code_temporary++) {
            assert_int_equal(resend_wants((uint8_t)byte, code_temporary, true, false),
                             failed && code_temporary);
            assert_int_equal(resend_wants((uint8_t)byte, code_temporary, false, true), refused);
            assert_int_equal(resend_wants((uint8_t)byte, code_temporary, true, true),
                             refused || (failed && code_temporary));
            assert_false(resend_wants((uint8_t)byte, code_temporary, false, false));
        }
    }
}

static void test_end(void **state)
{
    (void)state;
    const int64_t day = 24 * 3600 * 1000, now = 1792198800000;
    assert_int_equal(resend_end_ms(now - 1, now), now + day);
    assert_int_equal(resend_end_ms(now + 1, now), now + day);
    assert_int_equal(resend_end_ms(now + 2 * day, now), now + 2 * day);
}

static void test_values(void **state)
{
    (void)state;
    uint8_t bytes[512] = {3, 'a', 'b', 'c', 0, 0xc8, 0x01}; /* "abc", "", 200 bytes */
    const uint8_t *value;
    size_t len;
    memset(bytes + 7, 'x', 200);
    assert_true(resend_values(bytes, 207, 3, 0, &value, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(value, "abc", 3);
    assert_true(resend_values(bytes, 207, 3, 1, &value, &len));
    assert_int_equal(len, 0);
    assert_true(resend_values(bytes, 207, 3, 2, &value, &len));
    assert_int_equal(len, 200);
    assert_ptr_equal(value, bytes + 7);
    assert_false(resend_values(bytes, 207, 3, 3, &value, &len)); /* no such recipient */
    assert_false(resend_values(bytes, 206, 3, 2, &value, &len)); /* cut */
    assert_false(resend_values(bytes, 6, 3, 2, &value, &len));   /* cut within a length */
    assert_false(resend_values(NULL, 0, 3, 0, &value, &len));
}

/* Random bytes never lead outside of the buffer (the sanitizers watch). */
static void test_values_of_any_bytes(void **state)
{
    (void)state;
    unsigned seed = 20261017;
    srand(seed);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)(rand() % 40);
        uint8_t *bytes = malloc(size + 1);
        const uint8_t *value = NULL;
        size_t len = 0;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 6);
        }
        if (resend_values(bytes, size, 10, (size_t)(rand() % 10), &value, &len)) {
            assert_true(value >= bytes && value + len <= bytes + size);
        }
        free(bytes);
    }
}

/* ---- against a real Redis ---- */

static struct rig rig;
static struct {
    uint64_t token;
    uint32_t chunk;
    size_t n;
    uint64_t numbers[CHUNK_MAX];
} claimed;

static int setup(void **state)
{
    (void)state;
    rig_start(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void on_claim(void *arg, enum err error, const struct queue_claim *claim)
{
    (void)arg;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(claim->result, CLAIM_CHUNK);
    claimed.token = claim->token;
    claimed.chunk = claim->chunk;
    claimed.n = claim->n;
    for (size_t i = 0; i < claim->n; i++)
        claimed.numbers[i] = mobile_unpack(claim->numbers + MOBILE_PACKED_BYTES * i);
    rig.answered = true;
}

static void on_intent(void *arg, const struct queue_intent *intent)
{
    (void)arg;
    assert_int_equal(intent->error, ERR_OK);
    rig.answered = true;
}

static void on_done(void *arg, enum err error, const char *reason)
{
    (void)arg;
    (void)reason;
    assert_int_equal(error, ERR_OK);
    rig.answered = true;
}

static void on_changed(void *arg, enum err error, const char *reason,
                       const struct queue_counts *counts)
{
    (void)counts;
    on_done(arg, error, reason);
}

static void on_reported(void *arg, enum err error, const struct status_stored *stored)
{
    (void)arg;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(stored->changed, 1);
    rig.answered = true;
}

#define ASK(call)                                                                                  \
    do {                                                                                           \
        rig.answered = false;                                                                      \
        assert_int_equal(call, ERR_OK);                                                            \
        rig_wait(&rig, rig_has_answer);                                                            \
    } while (0)

/* Sends the next chunk of the campaign whole, with this outcome. */
static void send_chunk(uint32_t seq, enum outcome outcome, const char *batch)
{
    int64_t now = clock_wall_ms();
    ASK(queue_claim(rig.store, "mas", seq, "daemon-1", 60000, now, on_claim, NULL));
    struct chunk_ref ref = {.carrier = "mas", .seq = seq, .chunk = claimed.chunk};
    struct settle_item item = {.from = 0,
                               .count = (uint32_t)claimed.n,
                               .outcome = outcome,
                               .segments = (uint32_t)claimed.n,
                               .batch = batch,
                               .code = "X"};
    ASK(queue_intent(rig.store, ref, claimed.token, 0, item.count, item.count, 0, 0, 60000, now,
                     on_intent, NULL));
    ASK(queue_settle(rig.store, ref, claimed.token, &item, 1, 60000, now, on_done, NULL));
    ASK(queue_release(rig.store, ref, claimed.token, 0, false, on_done, NULL));
}

static void report(uint64_t number, enum recipient_state to, const char *code, const char *batch)
{
    struct status_report one = {.batch = batch, .number = number, .to = to, .code = code};
    ASK(status_report(rig.store, "mas", &one, 1, 1000, clock_wall_ms(), on_reported, NULL));
}

static bool code_is_temporary(void *ctx, const char *code)
{
    (void)ctx;
    return strcmp(code, "OFF") == 0;
}

static int64_t expected = -1; /* people, of the next resend */

static const struct launch_view *resend(const char *parent, bool temporary, bool rejected)
{
    rig.answered = false;
    assert_int_equal(launcher_resend(rig.launcher, "mas", parent, temporary, rejected, "clerk1",
                                     "why", expected, code_is_temporary, NULL, rig_on_started,
                                     &rig),
                     ERR_OK);
    assert_false(rig.answered);
    rig_wait(&rig, rig_has_answer);
    if (rig.error != ERR_OK)
        return NULL;
    return rig_finish(&rig, rig.id);
}

/* The numbers of the only chunk of a campaign. */
static struct rig_chunk *only_chunk(const char *id)
{
    static struct rig_chunk chunk;
    struct rig_campaign_copy campaign = rig_find(&rig, id);
    assert_true(campaign.is_there);
    assert_int_equal(campaign.n_chunks, 1);
    rig_read_chunk(&rig, campaign.seq, 0, &chunk);
    return &chunk;
}

/* 10 accepted (2 delivered, 2 off, 1 off and expired, 2 barred, 3 without a report), 15 refused. */
static struct rig_campaign_copy finished_parent(void)
{
    char *csv = rig_list(0, 25, true);
    rig_campaign(&rig, "c", csv, "");
    free(csv);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    struct rig_campaign_copy parent = rig_find(&rig, "c");
    send_chunk(parent.seq, OUTCOME_ACCEPTED, "b1");
    report(UINT64_C(15400000000), STATE_DELIVERED, "DELIVRD", "b1");
    report(UINT64_C(15400000001), STATE_DELIVERED, "DELIVRD", "b1");
    report(UINT64_C(15400000002), STATE_UNDELIVERED, "OFF", "b1");
    report(UINT64_C(15400000003), STATE_UNDELIVERED, "OFF", "b1");
    report(UINT64_C(15400000004), STATE_EXPIRED, "OFF", "b1");
    report(UINT64_C(15400000005), STATE_UNDELIVERED, "BARRED", "b1");
    report(UINT64_C(15400000006), STATE_EXPIRED, "BARRED", "b1");
    send_chunk(parent.seq, OUTCOME_REJECT_RECIPIENT, "");
    parent = rig_find(&rig, "c");
    assert_string_equal(parent.state, "done");
    return parent;
}

static void test_temporary_ones(void **state)
{
    (void)state;
    (void)finished_parent();
    const struct launch_view *view = resend("c", true, false);
    assert_non_null(view);
    assert_int_equal(view->phase, LAUNCH_DONE);
    assert_string_equal(rig.id, "c-r1");
    struct rig_chunk *chunk = only_chunk("c-r1");
    assert_int_equal(chunk->n, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(chunk->numbers[i] == UINT64_C(15400000002) + i);
    struct rig_campaign_copy child = rig_find(&rig, "c-r1");
    assert_int_equal(child.segments_total, 3);
    assert_int_equal(child.rows, 3);
}

static struct launch_count counted;

static void on_counted(void *arg, enum err error, const char *reason,
                       const struct launch_count *count)
{
    struct rig *r = arg;
    r->answered = true;
    r->error = error;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    if (count != NULL) {
        counted = *count;
        counted.id = NULL; /* borrowed */
    }
}

static void count(const char *parent, bool temporary, bool rejected)
{
    rig.answered = false;
    assert_int_equal(launcher_count_resend(rig.launcher, "mas", parent, temporary, rejected,
                                           code_is_temporary, NULL, on_counted, &rig),
                     ERR_OK);
    rig_wait(&rig, rig_has_answer);
}

/* The same people as the resend, and nothing is left behind. */
static void test_what_it_would_be(void **state)
{
    (void)state;
    (void)finished_parent();
    count("c", true, false);
    assert_int_equal(rig.error, ERR_OK);
    assert_int_equal(counted.people, 3);
    assert_int_equal(counted.segments, 3);
    assert_int_equal(counted.n_first, 3);
    assert_true(counted.first[0] == UINT64_C(15400000002));
    assert_false(rig_find(&rig, "c-r1").is_there);
    count("c", false, true);
    assert_int_equal(counted.people, 15);
    expected = 14;
    const struct launch_view *view = resend("c", false, true);
    expected = -1;
    assert_int_equal(view->phase, LAUNCH_FAILED); /* not as many as was said */
    assert_int_equal(resend("c", true, false)->phase, LAUNCH_DONE);
    assert_int_equal(only_chunk("c-r1")->n, 3);
    count("c", true, false);
    assert_int_equal(rig.error, ERR_REFUSED); /* the child is not done yet */
    send_chunk(rig_find(&rig, "c-r1").seq, OUTCOME_ACCEPTED, "b2");
    count("c", true, false);
    assert_int_equal(counted.people, 0);
    count("nobody", true, false);
    assert_int_equal(rig.error, ERR_NOT_FOUND);
}

/* A second resend waits for the first, and then leaves out everybody who was in it. */
static void test_a_second_resend(void **state)
{
    (void)state;
    (void)finished_parent();
    assert_int_equal(resend("c", true, false)->phase, LAUNCH_DONE);
    assert_null(resend("c", false, true));
    assert_int_equal(rig.error, ERR_REFUSED);
    assert_non_null(strstr(rig.reason, "c-r1 is scheduled"));
    send_chunk(rig_find(&rig, "c-r1").seq, OUTCOME_ACCEPTED, "b2");
    const struct launch_view *view = resend("c", true, false);
    assert_int_equal(view->phase, LAUNCH_FAILED);
    assert_non_null(strstr(view->reason, "nobody"));
    view = resend("c", false, true);
    assert_int_equal(view->phase, LAUNCH_DONE);
    assert_string_equal(rig.id, "c-r2");
    struct rig_campaign_copy child = rig_find(&rig, "c-r2");
    assert_int_equal(child.accepted, 15);
    assert_int_equal(child.n_chunks, 2);
}

/* Whoever was cancelled in the child before his turn was not written to: he may be in the next. */
static void test_after_a_cancelled_child(void **state)
{
    (void)state;
    (void)finished_parent();
    assert_int_equal(resend("c", true, false)->phase, LAUNCH_DONE);
    uint32_t seq = rig_find(&rig, "c-r1").seq;
    ASK(queue_act(rig.store, "mas", seq, ACT_CANCEL, "clerk1", "typo", 0, clock_wall_ms(),
                  on_changed, NULL));
    assert_int_equal(resend("c", true, false)->phase, LAUNCH_DONE);
    assert_string_equal(rig.id, "c-r2");
    assert_int_equal(only_chunk("c-r2")->n, 3);
}

static void test_what_is_not_resent(void **state)
{
    (void)state;
    char *csv = rig_list(0, 25, false);
    rig_campaign(&rig, "c", csv, "");
    free(csv);
    assert_null(resend("c", true, false));
    assert_int_equal(rig.error, ERR_NOT_FOUND);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    assert_null(resend("c", true, false));
    assert_int_equal(rig.error, ERR_REFUSED);
    assert_non_null(strstr(rig.reason, "c is scheduled"));
}

/* Opted out since: not even once more. */
static void test_opted_out_since(void **state)
{
    (void)state;
    (void)finished_parent();
    rig_opt_out(&rig, 3, 1);
    assert_int_equal(resend("c", true, false)->phase, LAUNCH_DONE);
    struct rig_campaign_copy child = rig_find(&rig, "c-r1");
    assert_int_equal(child.accepted, 2);
    assert_int_equal(child.opted_out, 1);
    assert_int_equal(child.rows, 3);
}

#define WITH_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_those_provably_not_reached),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_values_of_any_bytes),
        WITH_REDIS(test_temporary_ones),
        WITH_REDIS(test_what_it_would_be),
        WITH_REDIS(test_a_second_resend),
        WITH_REDIS(test_after_a_cancelled_child),
        WITH_REDIS(test_what_is_not_resent),
        WITH_REDIS(test_opted_out_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
