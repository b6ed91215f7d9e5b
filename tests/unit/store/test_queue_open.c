/* Open campaigns and the search for a number, in a real Redis. Random sequences with an open
 * campaign among them are in test_outreach.c. */
#include "rig.h"

static struct rig rig;
static struct rig_answer answer;

static void on_append(void *arg, enum err error, const char *reason,
                      const struct queue_appended *appended)
{
    struct rig_answer *got = arg;
    rig_got(got, error, reason);
    got->seq = appended->seq;
    got->chunk = appended->chunk;
    got->fresh = appended->fresh;
}

static void append(const char *id, const char *request, uint64_t number, int to_min)
{
    struct campaign_fields fields = rig_fields(id);
    fields.class_word = "receipt";
    fields.text = "((正文))";
    fields.start_ms = fields.end_ms = fields.late_after_ms = 0;
    fields.window_from_min = 420;
    fields.window_to_min = to_min;
    struct queue_message message = {.request = request,
                                    .number = number,
                                    .values = (const uint8_t *)"\x03\xe5\xbc\xa0",
                                    .values_len = 4,
                                    .segments = 2};
    RIG_CALL(answer, &rig, queue_append(rig.store, &fields, &message, RIG_NOW, on_append, &answer));
}

/* Claims the next chunk and settles all of it. */
static void send_one(uint32_t seq, enum outcome outcome)
{
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 60000, RIG_NOW, rig_on_claim, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.result, CLAIM_CHUNK);
    assert_int_equal(answer.n, 1);
    assert_true(answer.values_len > 0);
    struct chunk_ref ref = {"mas", seq, answer.chunk};
    uint64_t token = answer.token;
    RIG_CALL(
        answer, &rig,
        queue_intent(rig.store, ref, token, 0, 1, 2, 0, 0, 60000, RIG_NOW, rig_on_intent, &answer));
    assert_int_equal(answer.error, ERR_OK);
    struct settle_item item = {0, 1, outcome, 2, "b1", ""};
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref, token, &item, 1, 60000, RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static void test_append(void **state)
{
    (void)state;
    append("r", "entry:1", RIG_FIRST, 1320);
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.fresh, 1);
    uint32_t seq = answer.seq;
    append("r", "entry:1", RIG_FIRST + 5, 1200); /* the same request, whatever it says */
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.fresh, 0);
    assert_int_equal(answer.seq, seq);
    assert_int_equal(answer.chunk, 0);
    append("r", "entry:2", RIG_FIRST, 1200); /* the same number again is another message */
    assert_int_equal(answer.fresh, 1);
    assert_int_equal(answer.chunk, 1);
    rig_view(&rig, seq, &answer);
    assert_string_equal(answer.state, "scheduled");
    assert_int_equal(answer.view.accepted, 2);
    assert_int_equal(answer.view.n_chunks, 2);
    assert_int_equal(answer.view.fields.window_to_min, 1200); /* that of the latest */
    assert_int_equal(answer.view.fields.segments_total, 4);
    rig_verify(&rig, seq);
}

static void test_never_done_and_texts_go(void **state)
{
    (void)state;
    append("r", "entry:1", RIG_FIRST, 1320);
    uint32_t seq = answer.seq;
    append("r", "entry:2", RIG_FIRST, 1320);
    send_one(seq, OUTCOME_ACCEPTED);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:v:%u:0", seq), 0);
    send_one(seq, OUTCOME_AMBIGUOUS);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:v:%u:1", seq),
                     1); /* a person may resend it */
    rig_view(&rig, seq, &answer);
    assert_string_equal(answer.state, "sending");
    rig_verify(&rig, seq);
    RIG_CALL(answer, &rig,
             queue_resolve(rig.store, "mas", seq, RESOLVE_RESEND, "uid:a", "r", RIG_NOW,
                           rig_on_changed, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:v:%u:1", seq), 1);
    send_one(seq, OUTCOME_ACCEPTED);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:v:%u:1", seq), 0);
    append("r", "entry:3", RIG_FIRST + 1, 1320); /* long after the rest was sent */
    assert_int_equal(answer.seq, seq);
    send_one(seq, OUTCOME_ACCEPTED);
    rig_view(&rig, seq, &answer);
    assert_string_equal(answer.state, "sending");
    assert_int_equal(rig_count(&answer.view.counts, STATE_ACCEPTED), 3);
    rig_verify(&rig, seq);
}

static void retract(const char *request)
{
    RIG_CALL(answer, &rig, queue_retract(rig.store, "mas", request, RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static uint64_t cancelled(uint32_t seq)
{
    rig_view(&rig, seq, &answer);
    uint64_t n = rig_count(&answer.view.counts, STATE_CANCELLED);
    rig_verify(&rig, seq);
    return n;
}

static void test_retract_what_nobody_began_to_send(void **state)
{
    (void)state;
    retract("entry:1"); /* nobody has said that */
    append("r", "entry:1", RIG_FIRST, 1320);
    uint32_t seq = answer.seq;
    append("r", "entry:2", RIG_FIRST + 1, 1320);
    append("r", "entry:3", RIG_FIRST + 2, 1320);
    append("r", "entry:4", RIG_FIRST + 3, 1320);
    send_one(seq, OUTCOME_ACCEPTED);
    retract("entry:1"); /* sent */
    assert_int_equal(cancelled(seq), 0);
    retract("entry:3"); /* not looked at yet */
    retract("entry:3");
    assert_int_equal(cancelled(seq), 1);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:v:%u:2", seq), 0);
    append("r", "entry:3", RIG_FIRST + 2, 1320); /* said once is said */
    assert_int_equal(answer.fresh, 0);
    /* In the hands of a daemon, given back, and in the hands of a daemon that comes too late. */
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 60000, RIG_NOW, rig_on_claim, &answer));
    struct chunk_ref ref = {"mas", seq, answer.chunk};
    uint64_t token = answer.token;
    assert_int_equal(answer.chunk, 1);
    RIG_CALL(answer, &rig,
             queue_release(rig.store, ref, token, RIG_NOW + 1, false, rig_on_done, &answer));
    retract("entry:2");
    assert_int_equal(cancelled(seq), 2);
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 60000, RIG_NOW + 1, rig_on_claim, &answer));
    ref.chunk = answer.chunk;
    token = answer.token;
    assert_int_equal(answer.chunk, 3);
    retract("entry:4");
    RIG_CALL(
        answer, &rig,
        queue_intent(rig.store, ref, token, 0, 1, 2, 0, 0, 60000, RIG_NOW, rig_on_intent, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.mine[0], 0);
    RIG_CALL(answer, &rig, queue_release(rig.store, ref, token, 0, false, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(cancelled(seq), 3);
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 60000, RIG_NOW + 2, rig_on_claim, &answer));
    assert_int_equal(answer.result, CLAIM_EMPTY);
}

static void test_cancel_opens_another(void **state)
{
    (void)state;
    append("r", "entry:1", RIG_FIRST, 1320);
    uint32_t seq = answer.seq;
    RIG_CALL(answer, &rig,
             queue_act(rig.store, "mas", seq, ACT_CANCEL, "uid:a", "r", 0, RIG_NOW, rig_on_changed,
                       &answer));
    assert_int_equal(answer.error, ERR_OK);
    rig_verify(&rig, seq);
    append("r", "entry:1", RIG_FIRST, 1320); /* was asked for, and cancelled by a person */
    assert_int_equal(answer.fresh, 0);
    append("r", "entry:2", RIG_FIRST, 1320);
    assert_int_equal(answer.fresh, 1);
    assert_int_not_equal(answer.seq, seq);
    rig_verify(&rig, answer.seq);
}

static void test_no_closed_campaign_is_appended_to(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("r"), RIG_FIRST, 1, 20, 10);
    append("r", "entry:1", RIG_FIRST, 1320);
    assert_int_equal(answer.error, ERR_REFUSED);
    rig_view(&rig, seq, &answer);
    assert_int_equal(answer.view.accepted, 20);
    rig_verify(&rig, seq);
}

static struct queue_place place;
static void on_place(void *arg, enum err error, const struct queue_place *found)
{
    rig_got(arg, error, "");
    place = *found;
}

static void test_seek(void **state)
{
    (void)state;
    struct campaign_fields fields = rig_fields("c");
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    uint32_t seq = answer.seq, n_chunks = 250; /* more than one slice of the search */
    for (uint32_t chunk = 0; chunk < n_chunks; chunk++) {
        struct chunk_row rows[4];
        for (size_t i = 0; i < 4; i++)
            rows[i] = (struct chunk_row){.number = RIG_FIRST + chunk + 1000 * i,
                                         .region = chunk % 2 ? 513327205201 + i : 513327205201};
        struct chunk_ref ref = {"mas", seq, chunk};
        RIG_CALL(answer, &rig, queue_stage(rig.store, ref, rows, 4, rig_on_done, &answer));
        assert_int_equal(answer.error, ERR_OK);
    }
    RIG_CALL(answer, &rig,
             queue_commit(rig.store, seq, &fields, n_chunks, 4 * n_chunks, 0, false, RIG_NOW,
                          rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    for (uint32_t chunk = 0; chunk < n_chunks; chunk += 3) {
        for (uint32_t i = 0; i < 4; i++) {
            RIG_CALL(answer, &rig,
                     queue_seek(rig.store, "mas", seq, RIG_FIRST + chunk + UINT64_C(1000) * i,
                                on_place, &answer));
            assert_int_equal(answer.error, ERR_OK);
            assert_true(place.is_there);
            assert_int_equal(place.chunk, chunk);
            assert_int_equal(place.position, i);
            assert_int_equal(place.region, chunk % 2 ? 513327205201 + i : 513327205201);
        }
    }
    RIG_CALL(answer, &rig, queue_seek(rig.store, "mas", seq, RIG_FIRST + 999, on_place, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_false(place.is_there);
    RIG_CALL(answer, &rig, queue_seek(rig.store, "mas", 99, RIG_FIRST, on_place, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_false(place.is_there);
}

static int setup(void **state)
{
    (void)state;
    rig_start(&rig);
    return 0;
}
static int each(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    return 0;
}
static int teardown(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_append, each),
        cmocka_unit_test_setup(test_never_done_and_texts_go, each),
        cmocka_unit_test_setup(test_retract_what_nobody_began_to_send, each),
        cmocka_unit_test_setup(test_cancel_opens_another, each),
        cmocka_unit_test_setup(test_no_closed_campaign_is_appended_to, each),
        cmocka_unit_test_setup(test_seek, each),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
