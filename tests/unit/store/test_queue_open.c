/* Open campaigns and the search for a number, in a real Redis. Random sequences with an open
 * campaign among them are in test_outreach.c. */
#include "rig_one.h"

#include "store/ledger.h"

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

static void ask(const char *id, const char *request, uint64_t number, int to_min,
                const char *question_of)
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
                                    .segments = 2,
                                    .question_of = question_of};
    RIG_CALL(answer, &rig, queue_append(rig.store, &fields, &message, RIG_NOW, on_append, &answer));
}

static void append(const char *id, const char *request, uint64_t number, int to_min)
{
    ask(id, request, number, to_min, NULL);
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

/* ---- questions of pledges ---- */

static char pledge[NUMBER_TEXT_SIZE];

static void on_posted(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    bool *is_done = arg;
    if (error != ERR_OK)
        fail_msg("refused: %s", reason);
    snprintf(pledge, sizeof pledge, "%s", posted->pledge);
    *is_done = true;
}

/* A step of the ledger; `pledge` is then the number that it is about. */
static void post(struct ledger_entry entry)
{
    static unsigned requests;
    char request[16];
    bool is_done = false;
    snprintf(request, sizeof request, "r%u", requests++);
    entry.actor = "sms";
    entry.source = "sms";
    entry.request = request;
    assert_int_equal(ledger_post(rig.store, &entry, 0, RIG_NOW, on_posted, &is_done), ERR_OK);
    while (!is_done)
        rig_turn(&rig);
}

static void promise(char number[NUMBER_TEXT_SIZE])
{
    post((struct ledger_entry){.type = LEDGER_PLEDGE,
                               .area = UINT64_C(513327205201),
                               .kind = PLEDGE_CASH,
                               .fen = 100,
                               .mobile = RIG_FIRST});
    memcpy(number, pledge, NUMBER_TEXT_SIZE);
}

static void confirm(const char *number)
{
    post((struct ledger_entry){.type = LEDGER_CONFIRM, .pledge = number});
}

static void withdraw(const char *number)
{
    post((struct ledger_entry){.type = LEDGER_VOID, .pledge = number, .why = LEDGER_WHY_DONOR});
}

static uint64_t cancelled(uint32_t seq)
{
    rig_view(&rig, seq, &answer);
    uint64_t n = rig_count(&answer.view.counts, STATE_CANCELLED);
    rig_verify(&rig, seq);
    return n;
}

/* What answers a pledge or takes it back cancels its question in the same step, unless somebody has
 * begun to send it. */
static void test_a_needless_question_is_cancelled(void **state)
{
    (void)state;
    char p[5][NUMBER_TEXT_SIZE];
    for (size_t i = 0; i < 5; i++)
        promise(p[i]);
    for (size_t i = 0; i < 4; i++) {
        char request[16];
        snprintf(request, sizeof request, "entry:%zu", i + 1);
        ask("r", request, RIG_FIRST + i, 1320, p[i]);
        assert_int_equal(answer.fresh, 1);
    }
    uint32_t seq = answer.seq;
    send_one(seq, OUTCOME_ACCEPTED);
    confirm(p[0]); /* sent */
    assert_int_equal(cancelled(seq), 0);
    withdraw(p[2]); /* not looked at yet */
    assert_int_equal(cancelled(seq), 1);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:v:%u:2", seq), 0);
    assert_int_equal(rig_number(&rig, "HEXISTS t:{l}:p:%s q", p[2]), 0);
    ask("r", "entry:3", RIG_FIRST + 2, 1320, p[2]); /* said once is said */
    assert_int_equal(answer.fresh, 0);
    /* In the hands of a daemon, given back, and in the hands of a daemon that comes too late. */
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 60000, RIG_NOW, rig_on_claim, &answer));
    struct chunk_ref ref = {"mas", seq, answer.chunk};
    uint64_t token = answer.token;
    assert_int_equal(answer.chunk, 1);
    RIG_CALL(answer, &rig, queue_release(rig.store, ref, token, 0, false, rig_on_done, &answer));
    confirm(p[1]);
    assert_int_equal(cancelled(seq), 2);
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 60000, RIG_NOW + 1, rig_on_claim, &answer));
    ref.chunk = answer.chunk;
    token = answer.token;
    assert_int_equal(answer.chunk, 3);
    withdraw(p[3]);
    RIG_CALL(
        answer, &rig,
        queue_intent(rig.store, ref, token, 0, 1, 2, 0, 0, 60000, RIG_NOW, rig_on_intent, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.mine[0], 0);
    RIG_CALL(answer, &rig, queue_release(rig.store, ref, token, 0, false, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(cancelled(seq), 3);
}

/* A daemon that has read "to be asked" comes after another one that booked the answer: nothing is
 * asked. */
static void test_a_question_after_its_answer_is_not_asked(void **state)
{
    (void)state;
    char answered[NUMBER_TEXT_SIZE], taken_back[NUMBER_TEXT_SIZE], open[NUMBER_TEXT_SIZE];
    promise(answered);
    confirm(answered);
    promise(taken_back);
    withdraw(taken_back);
    promise(open);
    ask("r", "entry:1", RIG_FIRST, 1320, answered);
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.fresh, 0);
    ask("r", "entry:3", RIG_FIRST, 1320, taken_back);
    assert_int_equal(answer.fresh, 0);
    ask("r", "entry:9", RIG_FIRST, 1320, "513327-2026-000099-00"); /* there is none */
    assert_int_equal(answer.fresh, 0);
    ask("r", "entry:5", RIG_FIRST, 1320, open);
    assert_int_equal(answer.fresh, 1);
    assert_int_equal(rig_number(&rig, "HGET t:{mas}:c:%u accepted", answer.seq), 1);
    append("r", "entry:2", RIG_FIRST, 1320); /* thanks are no question */
    assert_int_equal(answer.fresh, 1);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_append, rig_one_empty),
        cmocka_unit_test_setup(test_never_done_and_texts_go, rig_one_empty),
        cmocka_unit_test_setup(test_a_needless_question_is_cancelled, rig_one_empty),
        cmocka_unit_test_setup(test_a_question_after_its_answer_is_not_asked, rig_one_empty),
        cmocka_unit_test_setup(test_cancel_opens_another, rig_one_empty),
        cmocka_unit_test_setup(test_no_closed_campaign_is_appended_to, rig_one_empty),
    };
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
