/* Status reports in every order, uplinks, the account, daemons, audit. */
#include "rig_one.h"

#include "base/clock.h"

#define LEASE INT64_C(30000)
#define HOUR INT64_C(3600000)

static struct rig_answer answer;
static uint32_t seq;
static uint64_t token;

/* A campaign of 10 + 50 recipients; the canary went out as batch "b0"; chunk 1 is claimed,
 * positions 0…19 are in flight. */
static int fresh(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 60, 50);
    for (uint32_t chunk = 0; chunk < 2; chunk++) {
        struct chunk_ref ref = {"mas", seq, chunk};
        struct settle_item item = {0, 10, OUTCOME_ACCEPTED, 10, "b0", "success"};
        RIG_CALL(answer, &rig,
                 queue_claim(rig.store, "mas", seq, "d1", LEASE, RIG_NOW, rig_on_claim, &answer));
        token = answer.token;
        RIG_CALL(answer, &rig,
                 queue_intent(rig.store, ref, token, 0, chunk == 0 ? 10 : 20, 20, 0, 0, LEASE,
                              RIG_NOW, rig_on_intent, &answer));
        if (chunk == 0)
            RIG_CALL(answer, &rig,
                     queue_settle(rig.store, ref, token, &item, 1, LEASE, RIG_NOW, rig_on_done,
                                  &answer));
        assert_int_equal(answer.error, ERR_OK);
    }
    return 0;
}

static void settle(uint32_t from, uint32_t count, enum outcome outcome, const char *batch)
{
    struct chunk_ref ref = {"mas", seq, 1};
    struct settle_item item = {from, count, outcome, count, batch, ""};
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref, token, &item, 1, LEASE, RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static struct status_stored reported(struct status_report report, uint32_t parked_max,
                                     int64_t now_ms)
{
    RIG_CALL(
        answer, &rig,
        status_report(rig.store, "mas", &report, 1, parked_max, now_ms, rig_on_stored, &answer));
    const struct status_stored *s = &answer.stored;
    if (answer.error == ERR_OK)
        assert_int_equal(s->changed + s->repeated + s->parked + s->noted + s->contradictions, 1);
    return *s;
}

/* The recipient number `i` of the campaign in the carrier's words. */
static struct status_stored report(const char *batch, uint64_t i, enum recipient_state to,
                                   const char *code)
{
    return reported((struct status_report){batch, RIG_FIRST + i, to, code, 0, false}, 1000,
                    RIG_NOW + 60000);
}

static uint64_t count(enum recipient_state state)
{
    rig_view(&rig, seq, &answer);
    return rig_count(&answer.view.counts, state);
}

static uint64_t parked(void)
{
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    return answer.carrier.parked;
}

static void test_reports_after_the_reply(void **state)
{
    (void)state;
    assert_int_equal(report("b0", 3, STATE_DELIVERED, "DELIVRD").changed, 1);
    assert_int_equal(report("b0", 3, STATE_DELIVERED, "DELIVRD").repeated, 1); /* twice */
    assert_int_equal(report("b0", 3, STATE_UNDELIVERED, "DB:0140").contradictions,
                     1); /* failed after delivered */
    assert_int_equal(report("b0", 4, STATE_UNDELIVERED, "DB:0140").changed, 1);
    assert_int_equal(report("b0", 4, STATE_EXPIRED, "EXPIRED").changed, 1); /* upward */
    assert_int_equal(report("b0", 4, STATE_DELIVERED, "DELIVRD").changed,
                     1); /* out of order: delivered is known last */
    assert_int_equal(report("b0", 5, 0, "ACCEPTD").noted, 1);
    assert_int_equal(report("b0", 5, 0, "ACCEPTD").repeated, 1);
    assert_int_equal(report("b0", 4, 0, "ACCEPTD").repeated,
                     1); /* late and intermediate: nothing new */
    assert_int_equal(count(STATE_DELIVERED), 2);
    assert_int_equal(count(STATE_ACCEPTED), 8);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_int_equal(answer.carrier.reports, 9);
    assert_int_equal(answer.carrier.contradictions, 1);
    assert_int_equal(answer.carrier.unknown_codes, 0);
    rig_verify(&rig, seq);
}

static void test_unknown_codes_raise_the_alarm(void **state)
{
    (void)state;
    reported((struct status_report){"b0", RIG_FIRST, 0, "XY:1234", 0, true}, 10, RIG_NOW);
    assert_int_equal(answer.stored.noted, 1);
    assert_int_equal(count(STATE_ACCEPTED), 10); /* the recipient stays accepted */
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_int_equal(answer.carrier.unknown_codes, 1);
    assert_string_equal(answer.texts[2], "XY:1234");
}

/* The report overtakes the reply to the submit. */
static void test_reports_before_the_reply(void **state)
{
    (void)state;
    assert_int_equal(report("b1", 10, STATE_DELIVERED, "DELIVRD").parked, 1);
    assert_int_equal(report("b1", 10, STATE_DELIVERED, "DELIVRD").repeated, 1);
    assert_int_equal(report("b1", 11, STATE_UNDELIVERED, "DB:0140").parked, 1);
    assert_int_equal(report("b1", 999, STATE_DELIVERED, "DELIVRD").parked,
                     1); /* a number that is not in it */
    assert_int_equal(report("b1", 11, STATE_DELIVERED, "DELIVRD").parked, 1); /* knows more */
    assert_int_equal(report("b1", 11, STATE_UNDELIVERED, "DB:0140").contradictions, 1);
    assert_int_equal(parked(), 3);
    assert_int_equal(answer.carrier.parked_oldest_ms, RIG_NOW + 60000);
    settle(0, 20, OUTCOME_ACCEPTED, "b1");
    assert_int_equal(count(STATE_DELIVERED), 2);
    assert_int_equal(count(STATE_ACCEPTED), 10 + 18);
    assert_int_equal(parked(), 1); /* the stranger stays until it is too old */
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:pkm"), 1);
    assert_int_equal(rig_number(&rig, "ZCARD t:{mas}:pkz"), 1);
    rig_verify(&rig, seq);
}

/* The same number in two batches, one of them somebody else's: neither hides the other. */
static void test_a_number_parked_twice(void **state)
{
    (void)state;
    assert_int_equal(report("other", 10, STATE_UNDELIVERED, "X").parked, 1);
    assert_int_equal(report("b1", 10, STATE_DELIVERED, "DELIVRD").parked, 1);
    assert_int_equal(report("more", 10, STATE_UNDELIVERED, "X").parked, 1);
    settle(0, 20, OUTCOME_ACCEPTED, "b1");
    assert_int_equal(count(STATE_DELIVERED), 1);
    assert_int_equal(parked(), 2);
    rig_verify(&rig, seq);
}

/* One request a recipient: each has its batch; a report for the wrong recipient of a known batch is
 * kept, not believed. */
static void test_a_batch_of_one(void **state)
{
    (void)state;
    settle(3, 1, OUTCOME_ACCEPTED, "one");
    assert_int_equal(report("one", 14, STATE_DELIVERED, "DELIVRD").parked, 1);
    assert_int_equal(report("one", 13, STATE_DELIVERED, "DELIVRD").changed, 1);
    assert_int_equal(count(STATE_DELIVERED), 1);
    rig_verify(&rig, seq);
}

/* A carrier that gives one batch id to several requests. */
static void test_a_batch_id_used_again(void **state)
{
    (void)state;
    settle(0, 1, OUTCOME_ACCEPTED, "b0"); /* as the canary, in another chunk */
    settle(1, 1, OUTCOME_ACCEPTED, "b0"); /* and again in this one */
    assert_int_equal(report("b0", 10, STATE_DELIVERED, "DELIVRD").changed, 1);
    assert_int_equal(report("b0", 11, STATE_DELIVERED, "DELIVRD").changed, 1);
    assert_int_equal(report("b0", 2, STATE_DELIVERED, "DELIVRD").changed, 1);
    rig_verify(&rig, seq);
}

/* The reply was lost, so we never learnt the batch: number and time tell. */
static void test_a_report_cures_an_ambiguous_one(void **state)
{
    (void)state;
    struct status_report r = {"lost",    RIG_FIRST + 12, STATE_DELIVERED,
                              "DELIVRD", RIG_NOW + HOUR, false};
    settle(0, 20, OUTCOME_AMBIGUOUS, "");
    assert_int_equal(reported(r, 10, RIG_NOW).parked,
                     1); /* submitted an hour later: that is another message */
    r.batch = "lost2";
    r.submitted_ms = RIG_NOW + 30000;
    struct status_stored stored = reported(r, 10, RIG_NOW + 60000);
    assert_int_equal(stored.changed, 1);
    assert_int_equal(stored.cured, 1);
    assert_int_equal(count(STATE_AMBIGUOUS), 19);
    assert_int_equal(report("lost2", 13, STATE_UNDELIVERED, "X").cured,
                     1); /* the batch is known now */
    assert_int_equal(report("lost2", 14, 0, "ACCEPTD").cured,
                     1); /* not final, but the carrier has it */
    assert_int_equal(count(STATE_AMBIGUOUS), 17);
    assert_int_equal(count(STATE_ACCEPTED), 11);
    assert_int_equal(answer.view.segments_sent, 13);
    assert_int_equal(answer.view.ambiguous_chunks, 1);
    int64_t since_ms = answer.view.ambiguous_since_ms;
    assert_in_range(since_ms, clock_wall_ms() - 600000, clock_wall_ms() + 1000);
    rig_verify(&rig, seq);
    for (uint64_t i = 10; i < 30; i++)
        report("lost2", i, STATE_DELIVERED, "DELIVRD");
    assert_int_equal(count(STATE_AMBIGUOUS), 0);
    assert_int_equal(answer.view.ambiguous_chunks, 0);
    assert_int_equal(answer.view.ambiguous_since_ms, 0);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:amb"), 0);
    rig_verify(&rig, seq);
}

/* The report came while nobody knew yet that the reply would be lost. */
static void test_a_parked_report_cures_what_becomes_ambiguous(void **state)
{
    (void)state;
    assert_int_equal(report("lost", 12, STATE_DELIVERED, "DELIVRD").parked, 1);
    assert_int_equal(report("lost", 13, STATE_DELIVERED, "DELIVRD").parked, 1);
    RIG_CALL(
        answer, &rig,
        queue_sweep(rig.store, "mas", "d1", NULL, 0, RIG_NOW + 2 * HOUR, rig_on_swept, &answer));
    assert_int_equal(answer.swept.ambiguous, 20);
    assert_int_equal(count(STATE_DELIVERED), 2);
    assert_int_equal(count(STATE_AMBIGUOUS), 18);
    assert_int_equal(parked(), 0);
    assert_int_equal(report("lost", 14, STATE_DELIVERED, "DELIVRD").cured,
                     1); /* and the batch is bound */
    rig_verify(&rig, seq);
}

static void test_a_parked_report_cures_an_unreadable_reply(void **state)
{
    (void)state;
    assert_int_equal(report("lost", 12, STATE_UNDELIVERED, "DB:0140").parked, 1);
    settle(0, 20, OUTCOME_AMBIGUOUS, "");
    assert_int_equal(count(STATE_UNDELIVERED), 1);
    assert_int_equal(count(STATE_AMBIGUOUS), 19);
    assert_int_equal(parked(), 0);
    rig_verify(&rig, seq);
}

/* A number that is ambiguous in two campaigns at once. */
static void test_ambiguous_twice(void **state)
{
    (void)state;
    settle(0, 20, OUTCOME_AMBIGUOUS, "");
    uint32_t first = seq;
    seq = rig_launch(&rig, rig_fields("second"), RIG_FIRST + 10, 1, 10, 10);
    RIG_CALL(
        answer, &rig,
        queue_claim(rig.store, "mas", seq, "d1", LEASE, RIG_NOW + 5 * HOUR, rig_on_claim, &answer));
    uint64_t other = answer.token;
    struct chunk_ref ref = {"mas", seq, 0};
    struct settle_item item = {0, 10, OUTCOME_AMBIGUOUS, 10, "", ""};
    RIG_CALL(answer, &rig,
             queue_intent(rig.store, ref, other, 0, 10, 10, 0, 0, LEASE, RIG_NOW + 5 * HOUR,
                          rig_on_intent, &answer));
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref, other, &item, 1, LEASE, RIG_NOW + 5 * HOUR, rig_on_done,
                          &answer));
    struct status_report r = {"x",       RIG_FIRST + 12,     STATE_DELIVERED,
                              "DELIVRD", RIG_NOW + 5 * HOUR, false};
    assert_int_equal(reported(r, 10, RIG_NOW + 5 * HOUR).cured,
                     1); /* by its time it is of the second */
    assert_int_equal(count(STATE_DELIVERED), 1);
    r = (struct status_report){"y", RIG_FIRST + 12, STATE_DELIVERED, "DELIVRD", RIG_NOW, false};
    assert_int_equal(reported(r, 10, RIG_NOW + 5 * HOUR).cured, 1); /* and this one of the first */
    rig_verify(&rig, seq);
    seq = first;
    assert_int_equal(count(STATE_DELIVERED), 1);
    rig_verify(&rig, seq);
}

static void test_never_from_suppressed_or_cancelled(void **state)
{
    (void)state;
    uint32_t position = 30;
    struct chunk_ref ref = {"mas", seq, 1};
    settle(0, 20, OUTCOME_ACCEPTED, "b1");
    settle(20, 30, OUTCOME_ACCEPTED, "b1"); /* binds, moves nobody: they are not in flight */
    RIG_CALL(answer, &rig,
             queue_suppress(rig.store, ref, token, &position, 1, rig_on_suppress, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(report("b1", 40, STATE_DELIVERED, "DELIVRD").contradictions, 1);
    assert_int_equal(report("b1", 41, STATE_DELIVERED, "DELIVRD").changed,
                     1); /* queued: it will not be sent */
    RIG_CALL(answer, &rig,
             queue_act(rig.store, "mas", seq, ACT_CANCEL, "uid:a", "r", 0, RIG_NOW, rig_on_changed,
                       &answer));
    assert_int_equal(report("b1", 42, STATE_DELIVERED, "DELIVRD").contradictions, 1);
    assert_int_equal(count(STATE_SUPPRESSED), 1);
    assert_int_equal(count(STATE_CANCELLED), 28);
    rig_verify(&rig, seq);
}

static void test_a_report_may_end_the_campaign(void **state)
{
    (void)state;
    settle(0, 50, OUTCOME_ACCEPTED, "b1");
    for (uint64_t i = 30; i < 60; i++)
        report("b1", i, STATE_DELIVERED, "DELIVRD");
    rig_view(&rig, seq, &answer);
    assert_string_equal(answer.state, "done");
    assert_int_equal(answer.view.finished_ms, RIG_NOW + 60000);
    rig_verify(&rig, seq);
}

static void test_parked_reports_are_bounded(void **state)
{
    (void)state;
    struct status_report many[30];
    for (int i = 0; i < 30; i++)
        many[i] = (struct status_report){
            "junk", 13900000000 + (uint64_t)i, STATE_DELIVERED, "DELIVRD", 0, false};
    many[29] = (struct status_report){"b0", RIG_FIRST, STATE_DELIVERED, "DELIVRD", 0, false};
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", many, 30, 20, RIG_NOW, rig_on_stored, &answer));
    assert_int_equal(answer.error, ERR_BUSY);
    assert_int_equal(parked(), 20);
    assert_int_equal(count(STATE_DELIVERED), 1); /* what is known is stored, full or not */
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", many, 20, 20, RIG_NOW, rig_on_stored, &answer));
    assert_int_equal(answer.error, ERR_OK); /* repetitions need no room */
    assert_int_equal(answer.stored.repeated, 20);
}

static void test_parked_reports_expire(void **state)
{
    (void)state;
    report("old", 500, STATE_DELIVERED, "DELIVRD");
    reported((struct status_report){"young", RIG_FIRST + 500, STATE_DELIVERED, "DELIVRD", 0, false},
             10, RIG_NOW + 10 * HOUR);
    RIG_CALL(answer, &rig,
             status_expire_parked(rig.store, "mas", 72 * HOUR, RIG_NOW + 60000 + 72 * HOUR - 1,
                                  rig_on_done, &answer));
    assert_int_equal(parked(), 2);
    RIG_CALL(answer, &rig,
             status_expire_parked(rig.store, "mas", 72 * HOUR, RIG_NOW + 60000 + 72 * HOUR,
                                  rig_on_done, &answer));
    assert_int_equal(parked(), 1);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:pk:old"), 0);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:pkm"), 1);
}

/* Whoever keeps a batch busy does not keep it for ever. */
static void test_a_batch_is_kept_from_its_first_report_on(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        reported((struct status_report){"busy", 13900000000 + (uint64_t)i, STATE_DELIVERED,
                                        "DELIVRD", 0, false},
                 10, RIG_NOW + i * 24 * HOUR);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_int_equal(answer.carrier.parked_oldest_ms, RIG_NOW);
    RIG_CALL(answer, &rig,
             status_expire_parked(rig.store, "mas", 72 * HOUR, RIG_NOW + 72 * HOUR, rig_on_done,
                                  &answer));
    assert_int_equal(parked(), 0);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:pkm"), 0);
}

/* One batch with more numbers than one call may throw away, and many batches of one number. */
static void test_parked_reports_expire_in_bounded_calls(void **state)
{
    (void)state;
    static struct status_report many[2500];
    static char names[2500][16];
    for (int i = 0; i < 2500; i++) {
        snprintf(names[i], sizeof names[i], i < 1500 ? "one" : "b%d", i);
        many[i] = (struct status_report){
            names[i], 13900000000 + (uint64_t)i, STATE_DELIVERED, "DELIVRD", 0, false};
    }
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", many, 2500, 2500, RIG_NOW, rig_on_stored, &answer));
    assert_int_equal(parked(), 2500);
    redisReply *step =
        rig_admin(&rig, "FCALL or1_expire_parked 1 t:{mas}: %lld 1000", (long long)RIG_NOW);
    assert_int_equal(step->element[1]->integer, 1000);
    assert_int_equal(step->element[2]->integer, 1);
    freeReplyObject(step);
    assert_int_equal(parked(), 1500);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:pkm"), 1500);
    RIG_CALL(answer, &rig,
             status_expire_parked(rig.store, "mas", 72 * HOUR, RIG_NOW + 72 * HOUR, rig_on_done,
                                  &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(parked(), 0);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:pkz"), 0);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:pkm"), 0);
    assert_int_equal(rig_number(&rig, "HGET t:{mas}:carrier parked_expired"), 2500);
}

static void test_the_dictionary_of_codes_is_bounded(void **state)
{
    (void)state;
    struct status_report many[2000];
    static char words[2000][16];
    settle(0, 20, OUTCOME_ACCEPTED, "b1");
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(words[i], sizeof words[i], "c%d", round * 2000 + i);
            many[i] =
                (struct status_report){"b0", RIG_FIRST + (uint64_t)(i % 10), 0, words[i], 0, true};
        }
        RIG_CALL(answer, &rig,
                 status_report(rig.store, "mas", many, 2000, 20, RIG_NOW, rig_on_stored, &answer));
        assert_int_equal(answer.error, ERR_OK);
    }
    assert_in_range(rig_number(&rig, "LLEN t:{mas}:codel"), 4096, 4097);
    assert_int_equal(rig_number(&rig, "LLEN t:{mas}:codel"),
                     rig_number(&rig, "HLEN t:{mas}:codes"));
    rig_verify(&rig, seq);
}

/* ---- the rest ---- */

static void on_fresh(void *arg, enum err error, bool is_fresh)
{
    struct rig_answer *a = arg;
    rig_got(a, error, "");
    a->fresh = is_fresh;
}

static void test_uplinks(void **state)
{
    (void)state;
    struct uplink_record up = {"id1", RIG_FIRST, "T\0d", 3, "10657", "optout", RIG_NOW};
    RIG_CALL(answer, &rig, status_uplink(rig.store, "mas", &up, RIG_NOW, on_fresh, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.fresh, 1);
    for (int i = 0; i < 3; i++) { /* pushed four times */
        RIG_CALL(answer, &rig, status_uplink(rig.store, "mas", &up, RIG_NOW, on_fresh, &answer));
        assert_int_equal(answer.fresh, 0);
    }
    up.id = "id2";
    RIG_CALL(answer, &rig, status_uplink(rig.store, "mas", &up, RIG_NOW, on_fresh, &answer));
    assert_int_equal(answer.fresh, 1);
    assert_int_equal(rig_number(&rig, "XLEN t:{mas}:up"), 2);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_int_equal(answer.carrier.uplinks, 2);
}

static enum err carrier_act(enum carrier_act act, const char *reason, const char *code)
{
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", act, "uid:op", reason, code, 0, RIG_NOW,
                                rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    return answer.error;
}

static void test_the_account(void **state)
{
    (void)state;
    RIG_CALL(answer, &rig, status_carrier(rig.store, "never-heard-of", rig_on_carrier, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_string_equal(answer.state, "running");
    carrier_act(CARRIER_STOP, "bad key", "IllegalMac");
    carrier_act(CARRIER_STOP, "something else", "NoSignId");
    assert_string_equal(answer.state, "stopped");
    assert_string_equal(answer.texts[0], "bad key"); /* the first fault is the cause */
    assert_string_equal(answer.texts[1], "IllegalMac");
    carrier_act(CARRIER_RESUME, "", "");
    assert_string_equal(answer.state, "running");
    carrier_act(CARRIER_PAUSE, "maintenance", "");
    assert_string_equal(answer.state, "paused");
    carrier_act(CARRIER_STOP, "bad key", "IllegalMac");
    assert_string_equal(answer.state, "paused"); /* a person's word stands */
    assert_int_equal(answer.carrier.accepted, 10);
    assert_int_equal(answer.carrier.requests, 1);
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", LEASE, RIG_NOW, rig_on_claim, &answer));
    assert_int_equal(answer.result, CLAIM_STOPPED);
    assert_string_equal(answer.reason, "carrier mas paused: maintenance");
}

struct seen {
    unsigned calls;
    size_t n;
};
static void on_daemons(void *arg, enum err error, const struct daemon_beat *beats, size_t n)
{
    struct seen *seen = arg;
    seen->calls++;
    seen->n = n;
    assert_int_equal(error, ERR_OK);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(beats[i].id, "d1") != 0)
            continue;
        assert_string_equal(beats[i].host, "host one");
        assert_string_equal(beats[i].version, "0.1.0");
        assert_int_equal(beats[i].pid, 77);
        assert_int_equal(beats[i].seen_ms, RIG_NOW);
        assert_int_equal(beats[i].inflight, 5);
        assert_int_equal(beats[i].claims, 2);
    }
}
static size_t daemons(void)
{
    struct seen seen = {0};
    assert_int_equal(status_daemons(rig.store, on_daemons, &seen), ERR_OK);
    while (seen.calls == 0)
        rig_turn(&rig);
    return seen.n;
}

static void test_daemons(void **state)
{
    (void)state;
    struct daemon_beat beat = {"d1", "host one", "0.1.0", 77, RIG_NOW - 1000, RIG_NOW, 5, 2};
    assert_int_equal(daemons(), 0);
    RIG_CALL(answer, &rig, status_beat(rig.store, &beat, rig_on_done, &answer));
    beat.id = "gone";
    beat.seen_ms = RIG_NOW - 8 * 24 * HOUR;
    RIG_CALL(answer, &rig, status_beat(rig.store, &beat, rig_on_done, &answer));
    assert_int_equal(daemons(), 2);
    assert_int_equal(daemons(), 1); /* a week is long enough */
}

static void test_audit(void **state)
{
    (void)state;
    struct audit_line line = {.at_ms = RIG_NOW,
                              .actor = "uid:clerk1",
                              .act = "campaign test",
                              .object = "c",
                              .detail = "to 154****0000"};
    RIG_CALL(answer, &rig, status_audit(rig.store, &line, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    redisReply *reply = rig_admin(&rig, "XREVRANGE t:{a}:audit + - COUNT 1");
    assert_int_equal(reply->element[0]->element[1]->elements, 12);
    assert_string_equal(reply->element[0]->element[1]->element[3]->str, "uid:clerk1");
    freeReplyObject(reply);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {T(test_reports_after_the_reply),
                                       T(test_unknown_codes_raise_the_alarm),
                                       T(test_reports_before_the_reply),
                                       T(test_a_number_parked_twice),
                                       T(test_a_batch_of_one),
                                       T(test_a_batch_id_used_again),
                                       T(test_a_report_cures_an_ambiguous_one),
                                       T(test_a_parked_report_cures_what_becomes_ambiguous),
                                       T(test_a_parked_report_cures_an_unreadable_reply),
                                       T(test_ambiguous_twice),
                                       T(test_never_from_suppressed_or_cancelled),
                                       T(test_a_report_may_end_the_campaign),
                                       T(test_parked_reports_are_bounded),
                                       T(test_parked_reports_expire),
                                       T(test_a_batch_is_kept_from_its_first_report_on),
                                       T(test_parked_reports_expire_in_bounded_calls),
                                       T(test_the_dictionary_of_codes_is_bounded),
                                       T(test_uplinks),
                                       T(test_the_account),
                                       T(test_daemons),
                                       T(test_audit)};
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
