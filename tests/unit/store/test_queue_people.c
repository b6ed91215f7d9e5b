/* on_ambiguous = resend: what is ambiguous is queued again by itself, once in a recipient's life,
 * after a silence, and only while it could go out. What people order is in test_queue.c. */
#include "rig_one.h"

#define LEASE INT64_C(30000)
#define SILENCE INT64_C(600000)
#define AFTER (RIG_NOW + SILENCE)

static struct rig_answer answer;

static int fresh(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    store_set_ambiguous_limit(rig.store, 0);
    store_set_utc_offset(rig.store, 480);
    return 0;
}

/* ---- shorthand ---- */

static enum claim_result claim(uint32_t seq, const char *owner)
{
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, owner, LEASE, AFTER, rig_on_claim, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return answer.result;
}

/* An intent for all of a claimed chunk; gives how many it got. */
static size_t intend(uint32_t seq, uint32_t chunk, uint64_t token, uint32_t n)
{
    size_t mine = 0;
    RIG_CALL(answer, &rig,
             queue_intent(rig.store, (struct chunk_ref){"mas", seq, chunk}, token, 0, n, n, 0, 0,
                          LEASE, RIG_NOW, rig_on_intent, &answer));
    assert_int_equal(answer.error, ERR_OK);
    for (size_t i = 0; i < answer.n; i++)
        mine += answer.mine[i];
    return mine;
}

static enum err settle(uint32_t seq, uint32_t chunk, uint64_t token, uint32_t n,
                       enum outcome outcome)
{
    struct settle_item item = {0, n, outcome, n, outcome == OUTCOME_ACCEPTED ? "known" : "", "w"};
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, (struct chunk_ref){"mas", seq, chunk}, token, &item, 1, LEASE,
                          RIG_NOW, rig_on_done, &answer));
    return answer.error;
}

/* Claims the next chunk and sends all that is queued in it. Gives how many that were. */
static size_t send_next(uint32_t seq, enum outcome outcome)
{
    assert_int_equal(claim(seq, "d1"), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk, n = (uint32_t)answer.n;
    uint64_t token = answer.token;
    size_t sent = intend(seq, chunk, token, n);
    assert_int_equal(settle(seq, chunk, token, n, outcome), ERR_OK);
    return sent;
}

/* Gives how many recipients were queued again. */
static uint64_t resend(int64_t now_ms)
{
    RIG_CALL(answer, &rig,
             queue_resend_silent(rig.store, "mas", SILENCE, now_ms, rig_on_resent, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return answer.resent.recipients;
}
/* The same after one silence more. */
static uint64_t resend_later(int64_t now_ms)
{
    rig_age(&rig, SILENCE);
    return resend(now_ms);
}

static void act(uint32_t seq, enum campaign_act what)
{
    RIG_CALL(answer, &rig,
             queue_act(rig.store, "mas", seq, what, "uid:clerk1", "why", 0, RIG_NOW, rig_on_changed,
                       &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static void resolve(uint32_t seq, enum resolve_as as)
{
    RIG_CALL(answer, &rig,
             queue_resolve(rig.store, "mas", seq, as, "uid:clerk1", "asked", RIG_NOW,
                           rig_on_changed, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static void expect(uint32_t seq, const char *state, uint64_t queued, uint64_t ambiguous)
{
    rig_verify(&rig, seq);
    rig_view(&rig, seq, &answer);
    assert_string_equal(answer.state, state);
    assert_int_equal(rig_count(&answer.view.counts, STATE_QUEUED), queued);
    assert_int_equal(rig_count(&answer.view.counts, STATE_AMBIGUOUS), ambiguous);
}

static long long waiting(void) /* chunks that the policy will look at */
{
    return rig_number(&rig, "ZCARD t:{mas}:rs");
}

static struct campaign_fields resending(const char *id)
{
    struct campaign_fields fields = rig_fields(id);
    fields.on_ambiguous = "resend";
    return fields;
}

/* 10 accepted, 20 ambiguous. */
static uint32_t spoilt(struct campaign_fields fields)
{
    uint32_t seq = rig_launch(&rig, fields, RIG_FIRST, 1, 30, 20);
    assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 10);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 20);
    return seq;
}

/* Somebody reports on `n` of the ambiguous, under a batch id that we never learnt. */
static void report(uint32_t from, uint32_t n, int64_t now_ms)
{
    struct status_report reports[20];
    for (uint32_t i = 0; i < n; i++)
        reports[i] = (struct status_report){.batch = "unheard",
                                            .number = RIG_FIRST + 10 + from + i,
                                            .to = STATE_DELIVERED,
                                            .code = "DELIVRD",
                                            .submitted_ms = RIG_NOW};
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", reports, n, 1000, now_ms, rig_on_stored, &answer));
    assert_int_equal(answer.stored.changed, n);
}

/* ---- once, after a silence ---- */

static void test_once_in_a_life(void **state)
{
    (void)state;
    uint32_t seq = spoilt(resending("c"));
    expect(seq, "done", 0, 20);
    assert_int_equal(resend(AFTER), 0); /* not silent for long enough */
    assert_int_equal(waiting(), 1);
    assert_int_equal(resend_later(AFTER), 20);
    assert_int_equal(answer.resent.chunks, 1);
    assert_int_equal(resend(AFTER), 0); /* its answer was lost, or another daemon asks */
    expect(seq, "sending", 20, 0);      /* alive again */
    assert_int_equal(answer.view.finished_ms, 0);
    assert_int_equal(answer.view.resent, 20);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:amb"), 0);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 20);
    expect(seq, "done", 0, 20);
    assert_int_equal(resend_later(AFTER), 0); /* now a person has to decide */
    assert_int_equal(waiting(), 0);           /* and it is not looked at for ever */
    expect(seq, "done", 0, 20);
    resolve(seq, RESOLVE_RESEND);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 20);
    assert_int_equal(resend_later(AFTER), 0); /* nor after that */
    resolve(seq, RESOLVE_RESEND);
    assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 20);
    expect(seq, "done", 0, 0);
    assert_int_equal(answer.view.resent, 20);
}

/* Silences run by the clock of Redis, not by that of the daemon that asks. */
static void test_no_daemon_clock_ends_a_silence(void **state)
{
    (void)state;
    struct campaign_fields fields = resending("c");
    fields.end_ms = 0;
    uint32_t seq = spoilt(fields);
    assert_int_equal(resend(RIG_NOW + 30 * INT64_C(86400000)), 0);
    rig_age(&rig, SILENCE - 30000);
    assert_int_equal(resend(RIG_NOW + 30 * INT64_C(86400000)), 0);
    rig_age(&rig, 30000);
    assert_int_equal(resend(RIG_NOW), 20);
    expect(seq, "sending", 20, 0);
}

/* Each recipient has its one time, not each chunk. */
static void test_the_rest_of_a_chunk_has_its_own_turn(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, resending("c"), RIG_FIRST, 1, 30, 20);
    assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 10);
    assert_int_equal(claim(seq, "d1"), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intend(seq, 1, token, 5), 5);
    assert_int_equal(settle(seq, 1, token, 5, OUTCOME_AMBIGUOUS), ERR_OK);
    assert_int_equal(resend_later(AFTER), 0); /* somebody still sends the others of it */
    assert_int_equal(waiting(), 1);
    expect(seq, "sending", 15, 5);
    RIG_CALL(answer, &rig,
             queue_release(rig.store, (struct chunk_ref){"mas", seq, 1}, token, 0, false,
                           rig_on_done, &answer));
    assert_int_equal(resend_later(AFTER), 5);
    expect(seq, "sending", 20, 0);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 20);
    assert_int_equal(resend_later(AFTER), 15);
    expect(seq, "sending", 15, 5);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 15);
    assert_int_equal(resend_later(AFTER), 0);
    expect(seq, "done", 0, 20);
    assert_int_equal(answer.view.resent, 20);
}

static void test_hold_is_never_sent_again(void **state)
{
    (void)state;
    uint32_t seq = spoilt(rig_fields("c"));
    assert_int_equal(waiting(), 0);
    assert_int_equal(resend_later(AFTER), 0);
    report(0, 1, RIG_NOW); /* does not make it wait either */
    assert_int_equal(waiting(), 0);
    expect(seq, "done", 0, 19);
}

/* More chunks than one call takes, of two campaigns: one audit line each, by the policy. */
static void test_in_steps_and_on_record(void **state)
{
    (void)state;
    uint32_t one = rig_launch(&rig, resending("c"), RIG_FIRST, 1, 210, 20);
    uint32_t two = rig_launch(&rig, resending("d"), RIG_FIRST, 1, 50, 20);
    assert_int_equal(send_next(one, OUTCOME_ACCEPTED), 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_next(one, OUTCOME_AMBIGUOUS), 20);
    assert_int_equal(send_next(two, OUTCOME_ACCEPTED), 10);
    assert_int_equal(send_next(two, OUTCOME_AMBIGUOUS), 20);
    assert_int_equal(resend_later(AFTER), 220);
    assert_int_equal(answer.resent.chunks, 11);
    expect(one, "sending", 200, 0);
    expect(two, "sending", 40, 0);
    redisReply *lines = rig_admin(&rig, "XRANGE t:{a}:audit - +");
    uint64_t chunks[3] = {0};
    for (size_t i = 0; i < lines->elements; i++) {
        redisReply **field = lines->element[i]->element[1]->element;
        unsigned long long recipients, of;
        uint32_t seq;
        assert_string_equal(field[3]->str, "policy");
        assert_string_equal(field[5]->str, "resolve resend");
        assert_int_equal(sscanf(field[7]->str, "mas:%u", &seq), 1);
        assert_int_equal(sscanf(field[9]->str,
                                "on_ambiguous = resend: %llu silent recipients in %llu chunks",
                                &recipients, &of),
                         2);
        assert_int_equal(recipients, 20 * of);
        chunks[seq] += of;
    }
    assert_int_equal(chunks[one], 10);
    assert_int_equal(chunks[two], 1);
    freeReplyObject(lines);
}

/* ---- what is heard meanwhile ---- */

static void test_a_report_begins_the_silence_anew(void **state)
{
    (void)state;
    uint32_t seq = spoilt(resending("c"));
    rig_age(&rig, SILENCE);
    report(0, 12, RIG_NOW + 5000);
    assert_int_equal(resend(AFTER), 0);
    report(12, 8, RIG_NOW + 6000);
    assert_int_equal(waiting(), 0); /* all are cured: there is nothing to send */
    assert_int_equal(resend_later(AFTER), 0);
    expect(seq, "done", 0, 0);
    assert_int_equal(rig_count(&answer.view.counts, STATE_DELIVERED), 20);
    assert_int_equal(answer.view.resent, 0);
}

static void test_only_who_was_not_heard_of(void **state)
{
    (void)state;
    uint32_t seq = spoilt(resending("c"));
    report(0, 12, RIG_NOW + 5000);
    assert_int_equal(resend_later(AFTER), 8);
    expect(seq, "sending", 8, 0);
    assert_int_equal(rig_count(&answer.view.counts, STATE_ACCEPTED), 10);
    assert_int_equal(rig_count(&answer.view.counts, STATE_DELIVERED), 12);
    assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 8);
    expect(seq, "done", 0, 0);
}

/* Verdicts of the attempt before: "accepted" saves the resend, "rejected" says nothing about it. */
static void test_late_verdicts(void **state)
{
    (void)state;
    for (int accepted = 0; accepted < 2; accepted++) {
        fresh(NULL);
        uint32_t seq = rig_launch(&rig, resending("c"), RIG_FIRST, 1, 30, 20);
        assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 10);
        assert_int_equal(claim(seq, "d1"), CLAIM_CHUNK);
        uint64_t lost = answer.token;
        assert_int_equal(intend(seq, 1, lost, 20), 20);
        RIG_CALL(answer, &rig,
                 queue_sweep(rig.store, "mas", "d1", NULL, 0, RIG_NOW, rig_on_swept, &answer));
        assert_int_equal(resend(AFTER), 0);
        assert_int_equal(resend_later(AFTER), 20);
        enum err error =
            settle(seq, 1, lost, 20, accepted ? OUTCOME_ACCEPTED : OUTCOME_REJECT_RECIPIENT);
        assert_int_equal(error, accepted ? ERR_OK : ERR_STALE);
        expect(seq, accepted ? "done" : "sending", accepted ? 0 : 20, 0);
    }
}

/* ---- not now, or not at all ---- */

/* Nothing moves at `now_ms`, but the chunk is not forgotten. */
static void expect_put_off(uint32_t seq, const char *state, int64_t now_ms)
{
    assert_int_equal(resend_later(now_ms), 0);
    assert_int_equal(waiting(), 1);
    expect(seq, state, 20, 20);
    assert_int_equal(resend(RIG_NOW), 0); /* put off: the others come first */
}

static void test_what_may_not_be_sent_now_waits(void **state)
{
    (void)state;
    const int64_t later = AFTER + 3600000;
    uint32_t seq = rig_launch(&rig, resending("c"), RIG_FIRST, 1, 50, 20);
    assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 10);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 20);
    act(seq, ACT_PAUSE);
    expect_put_off(seq, "paused", AFTER);
    act(seq, ACT_MISS);
    expect_put_off(seq, "missed", AFTER);
    act(seq, ACT_RESUME);
    expect_put_off(seq, "sending", RIG_NOW + 13 * 3600000); /* 22:00, and its end passed */
    expect_put_off(seq, "sending", RIG_NOW + 36000000);     /* its end, 19:00 */
    rig_do(&rig, "HSET t:{mas}:c:%u end_ms 0", seq);
    expect_put_off(seq, "sending", RIG_NOW + 12 * 3600000);     /* 21:00: the window closes */
    expect_put_off(seq, "sending", RIG_NOW + 23 * 3600000 - 1); /* it opens at 08:00 */
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_PAUSE, "uid:clerk1", "r", "", 0, RIG_NOW,
                                rig_on_done, &answer));
    assert_int_equal(resend_later(later), 0);
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_RESUME, "uid:clerk1", "", "", 0, RIG_NOW,
                                rig_on_done, &answer));
    assert_int_equal(waiting(), 1);
    assert_int_equal(resend_later(RIG_NOW + 23 * 3600000), 20);
    expect(seq, "sending", 40, 0);
}

static void test_windows(void **state)
{
    (void)state;
    static const struct {
        int from, to, offset;
        bool open_at_nine_in_china;
    } rows[] = {
        {540, 541, 480, true},   {541, 600, 480, false},   {480, 540, 480, false},
        {0, 1440, 480, true},    {600, 600, 480, true},    {1260, 541, 480, true},
        {1260, 540, 480, false}, {530, 20, 480, true},     {60, 61, 0, true},
        {540, 541, 0, false},    {1199, 1201, -300, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fresh(NULL);
        struct campaign_fields fields = resending("c");
        fields.window_from_min = rows[i].from;
        fields.window_to_min = rows[i].to;
        store_set_utc_offset(rig.store, rows[i].offset);
        spoilt(fields);
        if (resend_later(RIG_NOW) != (rows[i].open_at_nine_in_china ? 20 : 0))
            fail_msg("row %zu", i);
        assert_int_equal(waiting(), !rows[i].open_at_nine_in_china);
    }
}

static void expect_never(uint32_t seq, const char *state, int64_t now_ms)
{
    assert_int_equal(waiting(), 1);
    assert_int_equal(resend_later(now_ms), 0);
    assert_int_equal(waiting(), 0);
    expect(seq, state, 0, 20);
}

static void test_what_cannot_be_sent_any_more(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, resending("c"), RIG_FIRST, 1, 50, 20);
    assert_int_equal(send_next(seq, OUTCOME_ACCEPTED), 10);
    assert_int_equal(send_next(seq, OUTCOME_AMBIGUOUS), 20);
    act(seq, ACT_CANCEL);
    expect_never(seq, "cancelled", AFTER);
    fresh(NULL);
    seq = spoilt(resending("c"));
    expect_never(seq, "done", RIG_NOW + 36000000); /* its end passed */
    fresh(NULL);
    seq = spoilt(resending("c"));
    uint32_t anew = rig_launch(&rig, resending("c"), RIG_FIRST, 1, 30, 20);
    expect_never(seq, "done", AFTER); /* the same campaign is launched anew: these get that one */
    expect(anew, "scheduled", 30, 0);
    fresh(NULL);
    struct campaign_fields fields = resending("c");
    fields.personal = true;
    seq = spoilt(fields);
    for (int i = 0; i < 2; i++)
        RIG_CALL(answer, &rig, queue_drop_values(rig.store, "mas", AFTER, rig_on_done, &answer));
    rig_view(&rig, seq, &answer);
    assert_true(answer.view.values_dropped);
    expect_never(seq, "done", AFTER);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {T(test_once_in_a_life),
                                       T(test_no_daemon_clock_ends_a_silence),
                                       T(test_the_rest_of_a_chunk_has_its_own_turn),
                                       T(test_hold_is_never_sent_again),
                                       T(test_in_steps_and_on_record),
                                       T(test_a_report_begins_the_silence_anew),
                                       T(test_only_who_was_not_heard_of),
                                       T(test_late_verdicts),
                                       T(test_what_may_not_be_sent_now_waits),
                                       T(test_windows),
                                       T(test_what_cannot_be_sent_any_more)};
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
