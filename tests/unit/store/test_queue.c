/* The queue, function by function: what each does, what it does when its answer was lost, and what
 * it refuses. The long random sequences are in test_outreach.c. */
#include "rig_one.h"

#include "base/clock.h"
#include "store/chunk.h"

#define LEASE INT64_C(30000)
#define PATIENCE_MS (RIG_PATIENCE_S * INT64_C(1000))

static struct rig_answer answer;

static int fresh(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    rig_do(&rig, "CONFIG SET maxmemory 0");
    store_set_ambiguous_limit(rig.store, 0);
    return 0;
}

/* ---- shorthand ---- */

static enum claim_result claim(uint32_t seq, const char *owner, int64_t now_ms)
{
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, owner, LEASE, now_ms, rig_on_claim, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return answer.result;
}

static struct chunk_ref ref(uint32_t seq, uint32_t chunk)
{
    return (struct chunk_ref){"mas", seq, chunk};
}

/* Gives how many positions the call got. */
static size_t intent(uint32_t seq, uint32_t chunk, uint64_t token, uint32_t from, uint32_t count)
{
    size_t mine = 0;
    RIG_CALL(answer, &rig,
             queue_intent(rig.store, ref(seq, chunk), token, from, count, count, 0, 0, LEASE,
                          RIG_NOW, rig_on_intent, &answer));
    for (size_t i = 0; answer.error == ERR_OK && i < answer.n; i++)
        mine += answer.mine[i];
    return mine;
}

static enum err settle(uint32_t seq, uint32_t chunk, uint64_t token, uint32_t from, uint32_t count,
                       enum outcome outcome, const char *batch, const char *code)
{
    struct settle_item item = {from, count, outcome, count, batch, code};
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref(seq, chunk), token, &item, 1, LEASE, RIG_NOW, rig_on_done,
                          &answer));
    return answer.error;
}

static enum err release(uint32_t seq, uint32_t chunk, uint64_t token, int64_t delay_ms,
                        bool attempt)
{
    RIG_CALL(
        answer, &rig,
        queue_release(rig.store, ref(seq, chunk), token, delay_ms, attempt, rig_on_done, &answer));
    return answer.error;
}

static enum err act(uint32_t seq, enum campaign_act what, const char *actor, const char *reason)
{
    RIG_CALL(
        answer, &rig,
        queue_act(rig.store, "mas", seq, what, actor, reason, 0, RIG_NOW, rig_on_changed, &answer));
    return answer.error;
}

static enum err resolve(uint32_t seq, enum resolve_as as)
{
    RIG_CALL(answer, &rig,
             queue_resolve(rig.store, "mas", seq, as, "uid:clerk1", "asked", RIG_NOW,
                           rig_on_changed, &answer));
    return answer.error;
}

static uint64_t sweep_but(const char *owner, const uint64_t *held, size_t n_held, int64_t now_ms)
{
    RIG_CALL(answer, &rig,
             queue_sweep(rig.store, "mas", owner, held, n_held, now_ms, rig_on_swept, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return answer.swept.ambiguous;
}
static uint64_t sweep(const char *owner, int64_t now_ms)
{
    return sweep_but(owner, NULL, 0, now_ms);
}

static uint64_t count(uint32_t seq, enum recipient_state state)
{
    rig_view(&rig, seq, &answer);
    assert_int_equal(answer.error, ERR_OK);
    return rig_count(&answer.view.counts, state);
}

static void expect_state(uint32_t seq, const char *state)
{
    rig_view(&rig, seq, &answer);
    assert_string_equal(answer.state, state);
}

/* Claims the next chunk, sends all of it, settles it. Gives the chunk's number. */
static uint32_t send_chunk(uint32_t seq, enum outcome outcome)
{
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk, n = (uint32_t)answer.n;
    uint64_t token = answer.token;
    char batch[32];
    snprintf(batch, sizeof batch, "b%u.%u", seq, chunk);
    assert_int_equal(intent(seq, chunk, token, 0, n), n);
    assert_int_equal(
        settle(seq, chunk, token, 0, n, outcome, outcome == OUTCOME_ACCEPTED ? batch : "", "word"),
        ERR_OK);
    return chunk;
}

/* 10 + 100 + 100 recipients, the canary accepted. */
static uint32_t launched(void)
{
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 210, 100);
    assert_int_equal(send_chunk(seq, OUTCOME_ACCEPTED), 0);
    return seq;
}

/* ---- staging ---- */

static enum err begin(const char *id, const char *owner)
{
    struct campaign_fields fields = rig_fields(id);
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, owner, RIG_NOW, rig_on_begin, &answer));
    return answer.error;
}

static enum err stage(uint32_t seq, uint32_t chunk, uint64_t first, size_t n)
{
    struct chunk_row rows[CHUNK_MAX];
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct chunk_row){.number = first + n - i}; /* not in order */
    RIG_CALL(answer, &rig, queue_stage(rig.store, ref(seq, chunk), rows, n, rig_on_done, &answer));
    return answer.error;
}

static enum err commit(uint32_t seq, const char *id, uint32_t chunks, uint64_t accepted,
                       const char *print, bool again)
{
    struct campaign_fields fields = rig_fields(id);
    snprintf(fields.fingerprint, sizeof fields.fingerprint, "%s", print);
    RIG_CALL(answer, &rig,
             queue_commit(rig.store, seq, &fields, chunks, accepted, 604800000, again, RIG_NOW,
                          rig_on_done, &answer));
    return answer.error;
}

static void test_nothing_is_sent_before_commit(void **state)
{
    (void)state;
    assert_int_equal(begin("c", "d1"), ERR_OK);
    uint32_t seq = answer.seq;
    assert_int_equal(stage(seq, 0, RIG_FIRST, 10), ERR_OK);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_STOPPED);
    assert_string_equal(answer.reason, "campaign is importing");
    expect_state(seq, "importing");
    assert_int_equal(answer.view.staged, 10);
    assert_int_equal(commit(seq, "c", 2, 20, "", false), ERR_REFUSED); /* a chunk is missing */
    assert_non_null(
        strstr(answer.reason, "10 recipients in 1 chunks are in Redis, 20 in 2 were read"));
    assert_int_equal(stage(seq, 1, RIG_FIRST + 100, 8), ERR_OK);
    assert_int_equal(stage(seq, 1, RIG_FIRST + 100, 10),
                     ERR_OK); /* again, its answer was lost: it counts once */
    assert_int_equal(commit(seq, "c", 2, 20, "", false), ERR_OK);
    assert_int_equal(commit(seq, "c", 2, 20, "", false), ERR_OK); /* again */
    assert_int_equal(stage(seq, 2, RIG_FIRST + 200, 10), ERR_REFUSED);
    assert_int_equal(count(seq, STATE_QUEUED), 20);
    assert_int_equal(answer.view.accepted, 20);
    assert_string_equal(answer.state, "scheduled");
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(chunk_find(answer.numbers, answer.n, RIG_FIRST + 1), 0); /* sorted */
    rig_verify(&rig, seq);
}

static void test_an_empty_campaign_is_done(void **state)
{
    (void)state;
    assert_int_equal(begin("c", "d1"), ERR_OK);
    uint32_t seq = answer.seq;
    assert_int_equal(commit(seq, "c", 0, 0, "", false), ERR_OK);
    expect_state(seq, "done");
    rig_verify(&rig, seq);
}

static void test_a_killed_launch_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(begin("c", "d1"), ERR_OK);
    uint32_t old = answer.seq;
    for (uint32_t i = 0; i < 70; i++) /* more than one step of the abort */
        assert_int_equal(stage(old, i, RIG_FIRST + 100 * i, 10), ERR_OK);
    assert_int_equal(begin("c", "d1"), ERR_OK);
    assert_true(answer.seq > old);
    assert_int_equal(rig_number(&rig, "KEYS t:{mas}:?:%u:*", old), 0);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:c:%u", old), 0);
    assert_int_equal(rig_number(&rig, "HGET t:{mas}:ids c"), answer.seq);
    assert_int_equal(rig_number(&rig, "SCARD t:{mas}:live"), 1);
    assert_int_equal(stage(old, 70, RIG_FIRST, 10),
                     ERR_NOT_FOUND); /* what the killed one had under way */
}

static void test_an_import_of_another_daemon(void **state)
{
    (void)state;
    struct daemon_beat beat = {.id = "d1",
                               .host = "h",
                               .version = "1",
                               .pid = 1,
                               .started_ms = 1,
                               .seen_ms = RIG_NOW - 1000};
    RIG_CALL(answer, &rig, status_beat(rig.store, &beat, rig_on_done, &answer));
    assert_int_equal(begin("c", "d1"), ERR_OK);
    assert_int_equal(begin("c", "d2"), ERR_REFUSED);
    assert_string_equal(answer.reason, "the daemon d1 is importing it right now");
    beat.seen_ms = RIG_NOW - STATUS_DAEMON_GONE_MS - 1;
    RIG_CALL(answer, &rig, status_beat(rig.store, &beat, rig_on_done, &answer));
    assert_int_equal(begin("c", "d2"), ERR_OK);
}

static void test_a_live_id_is_refused(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 40, 30);
    send_chunk(seq, OUTCOME_ACCEPTED);
    assert_int_equal(begin("c", "d1"), ERR_REFUSED);
    assert_string_equal(answer.reason,
                        "already launched by uid:clerk1 at 2026-10-17 09:00, 25 % done (sending)");
    send_chunk(seq, OUTCOME_ACCEPTED);
    expect_state(seq, "done");
    assert_int_equal(begin("c", "d1"), ERR_OK); /* it is over: the id may be used again */
    uint32_t second = answer.seq;
    RIG_CALL(answer, &rig, queue_abort(rig.store, "mas", second, rig_on_done, &answer));
    RIG_CALL(answer, &rig, queue_find(rig.store, "mas", "c", rig_on_view, &answer));
    assert_int_equal(answer.view.seq, seq); /* and the first launch is the latest again */
}

static uint32_t staged(const char *id)
{
    assert_int_equal(begin(id, "d1"), ERR_OK);
    uint32_t seq = answer.seq;
    assert_int_equal(stage(seq, 0, RIG_FIRST, 10), ERR_OK);
    return seq;
}

static void test_the_same_text_to_the_same_list(void **state)
{
    (void)state;
    const char *print = "0123456789abcdef0123456789abcdef";
    uint32_t a = staged("a"), b = staged("b"), c, second;
    assert_int_equal(commit(a, "a", 1, 10, print, false), ERR_OK);
    assert_int_equal(commit(a, "a", 1, 10, print, false), ERR_OK); /* its answer was lost */
    assert_int_equal(commit(b, "b", 1, 10, print, false), ERR_REFUSED);
    assert_non_null(strstr(answer.reason, "campaign a (carrier mas, launched 2026-10-17 09:00)"));
    expect_state(b, "importing");
    assert_int_equal(commit(b, "b", 1, 10, print, true), ERR_OK); /* --again */
    /* The holder is b now. When b is cancelled before anything went out, it holds nothing. */
    c = staged("c");
    assert_int_equal(commit(c, "c", 1, 10, print, false), ERR_REFUSED);
    assert_int_equal(act(b, ACT_CANCEL, "uid:clerk1", "mistake"), ERR_OK);
    assert_int_equal(commit(c, "c", 1, 10, print, false), ERR_OK);
    /* The same id once more is the same text to the same list too. */
    send_chunk(c, OUTCOME_ACCEPTED);
    second = staged("c");
    assert_int_equal(commit(second, "c", 1, 10, print, false), ERR_REFUSED);
    assert_int_equal(commit(second, "c", 1, 10, print, true), ERR_OK);
}

/* A launch that was killed after it took the fingerprint, before it was committed, does not stand
 * in its own way. */
static void test_a_fingerprint_without_a_launch(void **state)
{
    (void)state;
    const char *print = "0123456789abcdef0123456789abcdef";
    uint32_t a = staged("a");
    rig_do(&rig, "SET t:{f:%s}:launch mas:%u:a PX 604800000", print, a);
    uint32_t b = staged("b");
    assert_int_equal(commit(b, "b", 1, 10, print, false),
                     ERR_REFUSED); /* it may be being committed this very second */
    assert_non_null(strstr(answer.reason, "being launched right now as a"));
    rig_do(&rig, "SET t:{f:%s}:launch mas:%u:a PX %d", print, a, 604800000 - 61000);
    assert_int_equal(commit(b, "b", 1, 10, print, false), ERR_OK);
    rig_do(&rig, "SET t:{f:%s}:launch mas:999:x PX 604800000", print); /* thrown away long ago */
    assert_int_equal(commit(a, "a", 1, 10, print, false), ERR_OK);
}

static struct campaign_fields with_digits(const char *id, const char *digits, const char *parent)
{
    struct campaign_fields fields = rig_fields(id);
    fields.add_serial = digits;
    fields.parent = parent;
    return fields;
}

static enum err begin_with(const char *id, const char *digits, const char *parent)
{
    struct campaign_fields fields = with_digits(id, digits, parent);
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    return answer.error;
}

/* Replies are told apart by these digits. */
static void test_two_live_campaigns_have_different_digits(void **state)
{
    (void)state;
    const char *sentence = "campaign a is scheduled and has the same add_serial 77, by which "
                           "replies are told apart: give one of the two other digits, or wait for "
                           "the end of a";
    uint32_t a = rig_launch(&rig, with_digits("a", "77", ""), RIG_FIRST, 1, 30, 20);
    assert_int_equal(begin_with("b", "77", ""), ERR_REFUSED);
    assert_string_equal(answer.reason, sentence);
    assert_int_equal(begin_with("b", "7", ""), ERR_OK); /* the longer ones win */
    assert_int_equal(begin_with("c", "", ""), ERR_OK);
    assert_int_equal(begin_with("d", "", ""), ERR_OK); /* none is no digits */
    assert_int_equal(begin_with("a-r1", "77", "a"), ERR_OK);
    assert_int_equal(begin_with("a-r1-r1", "77", "a-r1"), ERR_OK); /* a resend has its parent's */
    struct campaign_fields other = with_digits("e", "77", "");
    other.carrier = "mas2";
    RIG_CALL(answer, &rig, queue_begin(rig.store, &other, "d1", RIG_NOW, rig_on_begin, &answer));
    assert_int_equal(answer.error, ERR_OK); /* another account, another number */
    assert_int_equal(act(a, ACT_PAUSE, "uid:clerk1", "wait"), ERR_OK);
    assert_int_equal(begin_with("b", "77", ""), ERR_REFUSED);
    assert_int_equal(act(a, ACT_CANCEL, "uid:clerk1", "enough"), ERR_OK);
    assert_int_equal(begin_with("b", "77", ""), ERR_OK);
}

/* Two are imported at the same time: the second to be ready is refused. */
static void test_the_same_digits_begun_together(void **state)
{
    (void)state;
    assert_int_equal(begin_with("b", "77", ""), ERR_OK);
    uint32_t b = answer.seq;
    rig_launch(&rig, with_digits("a", "77", ""), RIG_FIRST, 1, 30, 20);
    assert_int_equal(stage(b, 0, RIG_FIRST + 100, 10), ERR_OK);
    struct campaign_fields fields = with_digits("b", "77", "");
    RIG_CALL(answer, &rig,
             queue_commit(rig.store, b, &fields, 1, 10, 0, false, RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_REFUSED);
    assert_non_null(strstr(answer.reason, "campaign a is scheduled and has the same add_serial"));
    expect_state(b, "importing");
}

/* ---- claims ---- */

static void test_the_canary_goes_alone(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 110, 100);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(answer.chunk, 0);
    assert_int_equal(answer.n, 10);
    assert_int_equal(answer.attempts, 0);
    assert_int_equal(answer.values_len, 0);
    uint64_t token = answer.token;
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CANARY);
    assert_int_equal(intent(seq, 0, token, 0, 10), 10);
    assert_int_equal(settle(seq, 0, token, 0, 9, OUTCOME_ACCEPTED, "b", "success"), ERR_OK);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CANARY); /* one of ten is still in flight */
    assert_int_equal(settle(seq, 0, token, 9, 1, OUTCOME_THROTTLED, "", "busy"), ERR_OK);
    assert_int_equal(claim(seq, "d2", RIG_NOW),
                     CLAIM_CANARY); /* … and now queued again, and claimed */
    assert_int_equal(release(seq, 0, token, 300000, true), ERR_OK);
    assert_int_equal(claim(seq, "d2", RIG_NOW + 86400000),
                     CLAIM_LATER); /* by any clock but Redis' */
    assert_in_range(answer.wait_ms, 300000 - PATIENCE_MS, 300000);
    rig_age(&rig, 300000);
    assert_int_equal(claim(seq, "d2", RIG_NOW - 86400000), CLAIM_CHUNK);
    assert_int_equal(answer.chunk, 0);
    assert_int_equal(answer.attempts, 1);
    token = answer.token;
    assert_int_equal(intent(seq, 0, token, 0, 10), 1);
    assert_int_equal(settle(seq, 0, token, 0, 10, OUTCOME_REJECT_RECIPIENT, "", "bad"), ERR_OK);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK); /* nine were accepted: go on */
    assert_int_equal(answer.chunk, 1);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_EMPTY);
    rig_verify(&rig, seq);
}

static void test_a_dead_canary_pauses(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 110, 100);
    send_chunk(seq, OUTCOME_REJECT_RECIPIENT);
    expect_state(seq, "paused");
    assert_string_equal(answer.reason, "canary: of the first 10 recipients none was accepted, 10 "
                                       "rejected, 0 with unknown outcome");
    assert_string_equal(answer.texts[2], "outreachd");
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_STOPPED);
    assert_int_equal(act(seq, ACT_RESUME, "uid:clerk1", "the carrier has fixed it"),
                     ERR_OK); /* a person decides */
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(answer.chunk, 1);
    rig_verify(&rig, seq);
}

static void test_an_ambiguous_canary_is_tried_again_after_a_resend(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 110, 100);
    send_chunk(seq, OUTCOME_AMBIGUOUS);
    expect_state(seq, "paused");
    assert_int_equal(resolve(seq, RESOLVE_RESEND), ERR_OK);
    assert_int_equal(rig_count(&answer.counts, STATE_QUEUED), 110);
    assert_int_equal(act(seq, ACT_RESUME, "uid:clerk1", "again"), ERR_OK);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(answer.chunk, 0);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CANARY);
    rig_verify(&rig, seq);
}

static void test_stale_tokens(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk;
    uint64_t first = answer.token;
    assert_int_equal(sweep(NULL, RIG_NOW), 0);
    assert_int_equal(answer.swept.chunks, 0); /* the lease holds */
    rig_age(&rig, LEASE);
    assert_int_equal(sweep(NULL, RIG_NOW), 0);
    assert_int_equal(answer.swept.chunks, 1);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(answer.chunk, chunk); /* what came back goes first */
    uint64_t second = answer.token;
    assert_true(second > first);
    /* The first daemon wakes up: it may not send. */
    assert_int_equal(intent(seq, chunk, first, 0, 10), 0);
    assert_int_equal(answer.error, ERR_STALE);
    uint32_t position = 3;
    RIG_CALL(
        answer, &rig,
        queue_suppress(rig.store, ref(seq, chunk), first, &position, 1, rig_on_suppress, &answer));
    assert_int_equal(answer.error, ERR_STALE);
    assert_int_equal(settle(seq, chunk, first, 0, 10, OUTCOME_THROTTLED, "", ""), ERR_STALE);
    assert_int_equal(release(seq, chunk, first, 0, false), ERR_STALE);
    assert_int_equal(intent(seq, chunk, second, 0, 10), 10);
    rig_verify(&rig, seq);
}

/* The answer is the truth of the store, whoever made it so. */
static void test_suppressing_tells_whom(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk;
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, chunk, token, 0, 10), 10);
    const uint32_t positions[] = {9, 10, 12, 49, 999};
    const uint8_t want[] = {0, 1, 1, 1, 0}; /* in flight, three queued, nobody there */
    for (int again = 0; again < 2; again++) {
        RIG_CALL(answer, &rig,
                 queue_suppress(rig.store, ref(seq, chunk), token, positions, 5, rig_on_suppress,
                                &answer));
        assert_int_equal(answer.error, ERR_OK);
        assert_int_equal(answer.n, 5);
        assert_memory_equal(answer.mine, want, 5);
        assert_int_equal(count(seq, STATE_SUPPRESSED), 3);
    }
    assert_int_equal(settle(seq, chunk, token, 0, 10, OUTCOME_THROTTLED, "", ""), ERR_OK);
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", "enough"), ERR_OK);
    RIG_CALL(
        answer, &rig,
        queue_suppress(rig.store, ref(seq, chunk), token, positions, 5, rig_on_suppress, &answer));
    assert_memory_equal(answer.mine, want, 5); /* cancelled ones stay cancelled */
    rig_verify(&rig, seq);
}

/* Leases run by the clock of Redis: what a daemon takes for now is nothing to them, be it its own
 * lease or another's. */
static void test_no_daemon_clock_ends_a_lease(void **state)
{
    (void)state;
    const int64_t days = 30 * INT64_C(86400000);
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "slow", RIG_NOW - days), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk;
    uint64_t token = answer.token;
    assert_int_equal(sweep(NULL, RIG_NOW + days), 0); /* by a daemon that is ahead */
    assert_int_equal(answer.swept.chunks, 0);
    /* Every step begins the lease anew; now is RIG_NOW in all of them. */
    for (int step = 0; step < 3; step++) {
        rig_age(&rig, LEASE - 10000);
        if (step < 2)
            assert_int_equal(intent(seq, chunk, token, 0, 10), 10); /* the second: a repetition */
        else
            assert_int_equal(settle(seq, chunk, token, 0, 5, OUTCOME_ACCEPTED, "b", ""), ERR_OK);
        rig_age(&rig, 10000);
        assert_int_equal(sweep(NULL, RIG_NOW + days), 0);
        assert_int_equal(answer.swept.chunks, 0);
    }
    rig_age(&rig, LEASE);
    assert_int_equal(sweep(NULL, RIG_NOW - days), 5); /* by a daemon that is behind */
    assert_int_equal(answer.swept.chunks, 1);
    rig_verify(&rig, seq);
}

/* A daemon takes no chunk from itself that it holds, however long nothing renewed it; what it lost
 * of its own, and what others lost, it finds among them. */
static void test_held_claims_are_not_swept(void **state)
{
    (void)state;
    uint64_t held[12];
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 210, 10);
    send_chunk(seq, OUTCOME_ACCEPTED);
    for (size_t i = 0; i < 12; i++) { /* more than one step of the sweep */
        assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
        held[i] = answer.token;
        assert_int_equal(intent(seq, answer.chunk, held[i], 0, 10), 10);
    }
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK); /* its answer was lost */
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK);
    rig_age(&rig, LEASE);
    assert_int_equal(sweep_but(NULL, held, 12, RIG_NOW), 0);
    assert_int_equal(answer.swept.chunks, 2);
    assert_int_equal(sweep_but(NULL, held, 11, RIG_NOW), 10);
    assert_int_equal(sweep(NULL, RIG_NOW), 110);
    rig_verify(&rig, seq);
}

static void test_release_is_refused_in_flight(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk;
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, chunk, token, 0, 10), 10);
    assert_int_equal(release(seq, chunk, token, 0, false), ERR_REFUSED);
    assert_int_equal(settle(seq, chunk, token, 0, 10, OUTCOME_NOT_SENT, "", ""), ERR_OK);
    assert_int_equal(release(seq, chunk, token, 0, false), ERR_OK);
    assert_int_equal(release(seq, chunk, token, 0, false), ERR_OK); /* again */
    rig_verify(&rig, seq);
}

/* ---- intents ---- */

static void test_a_lost_answer_to_an_intent(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint32_t chunk = answer.chunk;
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, chunk, token, 10, 20), 20);
    assert_int_equal(intent(seq, chunk, token, 30, 20), 20); /* two under way at once */
    assert_int_equal(act(seq, ACT_PAUSE, "uid:clerk1", "wait"), ERR_OK);
    assert_int_equal(intent(seq, chunk, token, 10, 20),
                     20); /* the same answer, although it is paused by now */
    assert_int_equal(intent(seq, chunk, token, 30, 20), 20);
    assert_int_equal(intent(seq, chunk, token, 50, 20), 0); /* a new one is not recorded any more */
    assert_int_equal(answer.error, ERR_REFUSED);
    assert_string_equal(answer.reason, "campaign paused by uid:clerk1: wait");
    assert_int_equal(count(seq, STATE_INFLIGHT), 40);
    /* A settlement proves that the answer was heard: the same range is another attempt from now on.
     */
    assert_int_equal(act(seq, ACT_RESUME, "uid:clerk1", ""), ERR_OK);
    assert_int_equal(settle(seq, chunk, token, 10, 5, OUTCOME_THROTTLED, "", ""), ERR_OK);
    assert_int_equal(intent(seq, chunk, token, 10, 20),
                     5); /* the other 15 are still in somebody's hands */
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(answer.mine[i], i < 5);
    rig_verify(&rig, seq);
}

static void test_an_intent_outside_the_chunk(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 90, 11), 0);
    assert_int_equal(answer.error, ERR_REFUSED);
    assert_int_equal(intent(seq, 99, token, 0, 1), 0);
    assert_int_equal(answer.error, ERR_NOT_FOUND);
}

/* One recipient who takes `segments` from the buckets; the time that the caller believes in is
 * another each time, and changes nothing. */
static enum err rated(uint32_t seq, uint64_t token, uint32_t from, uint32_t segments,
                      uint32_t carrier, uint32_t campaign)
{
    static const int64_t off_ms[] = {0, 3600000, -3600000, 86400000 * INT64_C(400)};
    static unsigned turn;
    RIG_CALL(answer, &rig,
             queue_intent(rig.store, ref(seq, 1), token, from, 1, segments, carrier, campaign,
                          LEASE, RIG_NOW + off_ms[turn++ % 4], rig_on_intent, &answer));
    return answer.error;
}

/* With a rate of one a second and an hour's worth a request, so that the time that the test itself
 * takes does not count. */
#define HOUR_S 3600
#define HOUR_MS (HOUR_S * INT64_C(1000))

static void test_token_buckets(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(rated(seq, token, 0, HOUR_S, 1, 0), ERR_OK);
    assert_int_equal(rated(seq, token, 1, 1, 1, 0), ERR_BUSY);
    assert_in_range(answer.wait_ms, HOUR_MS - PATIENCE_MS, HOUR_MS);
    assert_int_equal(rated(seq, token, 0, HOUR_S, 1, 0), ERR_OK); /* a repeated call pays once */
    rig_age(&rig, HOUR_MS / 2);
    assert_int_equal(rated(seq, token, 1, 1, 1, 0), ERR_BUSY);
    assert_in_range(answer.wait_ms, HOUR_MS / 2 - PATIENCE_MS, HOUR_MS / 2);
    rig_age(&rig, HOUR_MS / 2);
    assert_int_equal(rated(seq, token, 1, 1, 1, 0), ERR_OK);
    /* The campaign's own rate holds beside the carrier's, and neither is charged when the other
     * refuses. */
    rig_age(&rig, HOUR_MS);
    assert_int_equal(rated(seq, token, 2, 2 * HOUR_S, 2, 1), ERR_OK); /* one hour, and two */
    rig_age(&rig, HOUR_MS);
    assert_int_equal(rated(seq, token, 3, HOUR_S, 2, 1), ERR_BUSY);
    assert_in_range(answer.wait_ms, HOUR_MS - PATIENCE_MS, HOUR_MS);
    assert_int_equal(rated(seq, token, 4, HOUR_S, 2, 0), ERR_OK);
    rig_verify(&rig, seq);
}

/* Redis' clock is set back by a day, or a daemon of an older version has written a time of its own:
 * nobody waits longer for it than the last request took. */
static void test_a_clock_set_back_keeps_nobody_waiting(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(rated(seq, token, 0, HOUR_S, 1, 0), ERR_OK);
    rig_age(&rig, -86400000);
    assert_int_equal(rated(seq, token, 1, 1, 1, 0), ERR_BUSY);
    assert_in_range(answer.wait_ms, HOUR_MS - PATIENCE_MS, HOUR_MS);
    assert_int_equal(settle(seq, 1, token, 0, 1, OUTCOME_THROTTLED, "", ""), ERR_OK);
    assert_int_equal(release(seq, 1, token, 1000, false), ERR_OK);
    rig_age(&rig, -86400000);
    while (claim(seq, "d1", RIG_NOW) == CLAIM_CHUNK && answer.chunk != 1)
        ; /* the fresh ones first */
    assert_int_equal(answer.result, CLAIM_CHUNK);
    /* The rest after a quota ends too. */
    token = answer.token;
    assert_int_equal(rated(seq, token, 0, 1, 0, 0), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 0, 1, OUTCOME_QUOTA, "", ""), ERR_OK);
    assert_int_equal(rated(seq, token, 1, 1, 0, 0), ERR_REFUSED);
    rig_age(&rig, -86400000);
    assert_int_equal(rated(seq, token, 1, 1, 0, 0), ERR_OK);
    rig_verify(&rig, seq);
}

/* Over a hundred hours of impatient asking the rate is kept. */
static void test_impatience_gets_no_more(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    unsigned got = 0;
    for (int64_t ms = 0; ms < 100 * HOUR_MS; ms += HOUR_MS * 7 / 100) {
        if (rated(seq, token, 10 + got % 90, HOUR_S, 1, 0) == ERR_OK) {
            got++;
            settle(seq, 1, token, 10 + (got - 1) % 90, 1, OUTCOME_THROTTLED, "", "");
        }
        rig_age(&rig, HOUR_MS * 7 / 100);
    }
    assert_in_range(got, 93, 101); /* each is late by half a step */
    rig_verify(&rig, seq);
}

/* ---- settlements ---- */

static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        enum outcome outcome;
        enum recipient_state becomes;
    } rows[] = {{OUTCOME_ACCEPTED, STATE_ACCEPTED}, {OUTCOME_REJECT_RECIPIENT, STATE_REJECTED},
                {OUTCOME_SPLIT, STATE_QUEUED},      {OUTCOME_THROTTLED, STATE_QUEUED},
                {OUTCOME_NOT_SENT, STATE_QUEUED},   {OUTCOME_AMBIGUOUS, STATE_AMBIGUOUS}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fresh(NULL);
        uint32_t seq = launched();
        assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
        uint64_t token = answer.token;
        uint64_t before = count(seq, rows[i].becomes), segments = answer.view.segments_sent;
        assert_int_equal(intent(seq, 1, token, 20, 30), 30);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(settle(seq, 1, token, 20, 30, rows[i].outcome, "b", "word"), ERR_OK);
            uint64_t now = count(seq, rows[i].becomes);
            assert_int_equal(now, rows[i].becomes == STATE_QUEUED ? before : before + 30);
            assert_int_equal(answer.view.segments_sent,
                             segments + (rows[i].outcome == OUTCOME_ACCEPTED ? 30 : 0));
            assert_int_equal(answer.view.cost_fen, 5 * answer.view.segments_sent);
            assert_int_equal(answer.view.requests, rows[i].outcome == OUTCOME_NOT_SENT ? 1 : 2);
            expect_state(seq, "sending");
        }
        rig_verify(&rig, seq);
    }
}

/* ---- what it costs ---- */

static void expect_segments(uint32_t seq, uint64_t segments)
{
    rig_view(&rig, seq, &answer);
    assert_int_equal(answer.view.segments_sent, segments);
    assert_int_equal(answer.view.cost_fen, 5 * segments);
    rig_verify(&rig, seq);
}

static void tell(const char *batch, uint64_t number, enum recipient_state to)
{
    struct status_report report = {.batch = batch, .number = number, .to = to, .code = "X"};
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", &report, 1, 10, RIG_NOW, rig_on_stored, &answer));
    assert_int_equal(answer.stored.changed + answer.stored.parked, 1);
}

/* Personal texts weigh 1, 2, 3, 1, 2, 3 … segments: each counts what it weighs, whoever tells that
 * the carrier has it. */
static void test_each_personal_text_costs_what_it_weighs(void **state)
{
    (void)state;
    struct campaign_fields fields = rig_fields("c");
    fields.personal = true;
    uint32_t seq = rig_launch(&rig, fields, RIG_FIRST, 1, 40, 30);
    send_chunk(seq, OUTCOME_ACCEPTED); /* 1 2 3 1 2 3 1 2 3 1 */
    expect_segments(seq, 19);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK); /* 2 3 1 2 3 1 … */
    uint64_t token = answer.token, first = RIG_FIRST + 10;
    assert_int_equal(intent(seq, 1, token, 0, 10), 10);
    assert_int_equal(intent(seq, 1, token, 10, 20), 20);
    tell("b1", first + 1, STATE_DELIVERED); /* parked */
    assert_int_equal(settle(seq, 1, token, 0, 10, OUTCOME_AMBIGUOUS, "", ""), ERR_OK);
    expect_segments(seq, 19 + 3); /* it was waited for */
    tell("b1", first, STATE_UNDELIVERED);
    tell("b1", first + 2, 0);
    expect_segments(seq, 19 + 3 + 2 + 1);
    assert_int_equal(settle(seq, 1, token, 13, 2, OUTCOME_REJECT_RECIPIENT, "", "no"), ERR_OK);
    tell("b2", first + 14, STATE_DELIVERED); /* parked: said to be rejected */
    assert_int_equal(settle(seq, 1, token, 10, 20, OUTCOME_ACCEPTED, "b2", ""), ERR_OK);
    expect_segments(seq, 25 + 40 - 3 - 1 + 1);
    assert_int_equal(resolve(seq, RESOLVE_ACCEPT), ERR_OK); /* the seven others */
    expect_segments(seq, 62 + 2 + 3 + 1 + 2 + 3 + 1 + 2);
    expect_state(seq, "done");
}

static void test_many_requests_in_one_settlement(void **state)
{
    (void)state;
    uint32_t seq = launched();
    struct settle_item items[100];
    char batches[100][8];
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 100), 100);
    for (uint32_t i = 0; i < 100; i++) { /* in no order */
        uint32_t at = (i * 37) % 100;
        snprintf(batches[i], sizeof batches[i], "x%u", at);
        items[i] = (struct settle_item){
            at, 1, at % 10 == 0 ? OUTCOME_AMBIGUOUS : OUTCOME_ACCEPTED, 1, batches[i], "ok"};
    }
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref(seq, 1), token, items, 100, LEASE, RIG_NOW, rig_on_done,
                          &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 10);
    assert_int_equal(count(seq, STATE_ACCEPTED), 10 + 90);
    assert_int_equal(answer.view.requests, 101);
    rig_verify(&rig, seq);
    struct status_report report = {
        .batch = "x55", .number = RIG_FIRST + 10 + 55, .to = STATE_DELIVERED, .code = "DELIVRD"};
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", &report, 1, 10, RIG_NOW, rig_on_stored, &answer));
    assert_int_equal(answer.stored.changed, 1);
}

static void test_a_refused_text_pauses(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    assert_int_equal(settle(seq, 1, token, 0, 50, OUTCOME_REJECT_TEXT, "", "InvalidMessage"),
                     ERR_OK);
    expect_state(seq, "paused");
    assert_string_equal(answer.reason, "the carrier refuses the text: InvalidMessage");
    assert_int_equal(rig_count(&answer.view.counts, STATE_REJECTED), 50);
    rig_verify(&rig, seq);
}

static void test_an_account_fault_burns_nobody(void **state)
{
    (void)state;
    uint32_t seq = launched(),
             other = rig_launch(&rig, rig_fields("other"), RIG_FIRST + 1000, 1, 20, 10);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    assert_int_equal(settle(seq, 1, token, 0, 50, OUTCOME_ACCOUNT_FAULT, "", "IllegalMac"), ERR_OK);
    assert_int_equal(count(seq, STATE_QUEUED), 200);
    assert_int_equal(intent(seq, 1, token, 0, 50), 0);
    assert_int_equal(answer.error, ERR_REFUSED);
    assert_string_equal(answer.reason, "carrier mas stopped: IllegalMac");
    assert_int_equal(claim(other, "d1", RIG_NOW + 86400000),
                     CLAIM_STOPPED); /* all campaigns, and it does not end by itself */
    assert_string_equal(answer.reason, "carrier mas stopped: IllegalMac");
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_string_equal(answer.state, "stopped");
    assert_string_equal(answer.texts[1], "IllegalMac");
    assert_int_equal(answer.carrier.since_ms, RIG_NOW);
    /* Settled again after an operator has resumed: no second stop. */
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_RESUME, "uid:op", "new key", "", 0,
                                RIG_NOW, rig_on_done, &answer));
    assert_int_equal(settle(seq, 1, token, 0, 50, OUTCOME_ACCOUNT_FAULT, "", "IllegalMac"), ERR_OK);
    assert_int_equal(claim(other, "d1", RIG_NOW), CLAIM_CHUNK);
    rig_verify(&rig, seq);
}

static void test_a_quota_fault_ends_by_itself(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    assert_int_equal(settle(seq, 1, token, 0, 50, OUTCOME_QUOTA, "", "TooMany"), ERR_OK);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_in_range(answer.carrier.rest_ms, HOUR_MS - PATIENCE_MS, HOUR_MS);
    assert_in_range(answer.carrier.resume_at_ms, clock_wall_ms() + HOUR_MS - PATIENCE_MS,
                    clock_wall_ms() + HOUR_MS);
    assert_int_equal(release(seq, 1, token, 0, false), ERR_OK);
    rig_age(&rig, HOUR_MS - PATIENCE_MS);
    assert_int_equal(claim(seq, "d1", RIG_NOW + 86400000), CLAIM_STOPPED); /* by a daemon ahead */
    rig_age(&rig, PATIENCE_MS);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_int_equal(answer.carrier.rest_ms, 0);
    assert_int_equal(claim(seq, "d1", RIG_NOW - 86400000), CLAIM_CHUNK); /* by one behind */
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_string_equal(answer.state, "running");
}

/* A wrong password found while the account rests after a quota: no time heals it. */
static void test_a_fault_replaces_the_rest_after_a_quota(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    assert_int_equal(settle(seq, 1, token, 0, 10, OUTCOME_QUOTA, "", "TooMany"), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 10, 10, OUTCOME_ACCOUNT_FAULT, "", "IllegalMac"),
                     ERR_OK);
    assert_int_equal(settle(seq, 1, token, 20, 10, OUTCOME_QUOTA, "", "TooMany"), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 30, 20, OUTCOME_ACCOUNT_FAULT, "", "NoSignId"), ERR_OK);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_string_equal(answer.state, "stopped");
    assert_string_equal(answer.texts[1], "IllegalMac"); /* the first that waits for a person */
    assert_int_equal(answer.carrier.resume_at_ms, 0);
    assert_int_equal(release(seq, 1, token, 0, false), ERR_OK);
    /* Neither a claim nor a daemon that still believes in the quota ends it. */
    rig_age(&rig, 24 * HOUR_MS);
    assert_int_equal(claim(seq, "d1", RIG_NOW + 86400000), CLAIM_STOPPED);
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_RETRY, "scheduler", "", "", 0,
                                RIG_NOW + 86400000, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_REFUSED);
    assert_string_equal(answer.reason, "carrier mas stopped: IllegalMac");
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_string_equal(answer.state, "stopped");
}

static void test_a_daemon_ends_the_rest_after_a_quota(void **state)
{
    (void)state;
    const struct {
        int64_t passed_ms, believed_ms;
        enum err want;
        const char *state;
    } tries[] = {{HOUR_MS - PATIENCE_MS, RIG_NOW + 86400000, ERR_REFUSED, "stopped"},
                 {PATIENCE_MS, RIG_NOW - 86400000, ERR_OK, "running"},
                 {1, RIG_NOW, ERR_OK, "running"}};
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    assert_int_equal(settle(seq, 1, token, 0, 50, OUTCOME_QUOTA, "", "TooMany"), ERR_OK);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        rig_age(&rig, tries[i].passed_ms);
        RIG_CALL(answer, &rig,
                 status_carrier_act(rig.store, "mas", CARRIER_RETRY, "scheduler", "", "", 0,
                                    tries[i].believed_ms, rig_on_done, &answer));
        assert_int_equal(answer.error, tries[i].want);
        RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
        assert_string_equal(answer.state, tries[i].state);
    }
    /* A person's pause is not ended by time. */
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_PAUSE, "uid:op", "new contract", "", 0,
                                RIG_NOW, rig_on_done, &answer));
    RIG_CALL(answer, &rig,
             status_carrier_act(rig.store, "mas", CARRIER_RETRY, "scheduler", "", "", 0,
                                RIG_NOW + 86400000, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_REFUSED);
}

static void test_too_many_ambiguous_chunks(void **state)
{
    (void)state;
    store_set_ambiguous_limit(rig.store, 2);
    uint32_t seq = launched();
    send_chunk(seq, OUTCOME_AMBIGUOUS);
    expect_state(seq, "sending");
    assert_int_equal(answer.view.ambiguous_chunks, 1);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 2, token, 0, 10), 10);
    assert_int_equal(settle(seq, 2, token, 0, 10, OUTCOME_AMBIGUOUS, "", ""), ERR_OK);
    expect_state(seq, "paused");
    assert_non_null(strstr(answer.reason, "2 chunks have an unknown outcome (the limit is 2)"));
    assert_int_equal(act(seq, ACT_RESUME, "uid:clerk1", ""), ERR_OK);
    assert_int_equal(intent(seq, 2, token, 10, 10), 10);
    assert_int_equal(settle(seq, 2, token, 10, 10, OUTCOME_AMBIGUOUS, "", ""), ERR_OK);
    expect_state(seq, "sending"); /* no further chunk: whoever resumed knows of these */
    rig_verify(&rig, seq);
}

/* ---- daemons that die, and verdicts that come late ---- */

/* Chunk 1 with 60 in flight under a token whose owner is swept. */
static uint64_t lost_attempt(uint32_t seq)
{
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(answer.chunk, 1);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 60), 60);
    assert_int_equal(sweep("d2", RIG_NOW), 0); /* not his */
    assert_int_equal(sweep("d1", RIG_NOW), 60);
    assert_int_equal(sweep("d1", RIG_NOW), 0);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 60);
    assert_int_equal(rig_count(&answer.view.counts, STATE_QUEUED), 140);
    return token;
}

/* Whoever is still queued is accepted. */
static void send_rest(uint32_t seq)
{
    while (claim(seq, "d2", RIG_NOW) == CLAIM_CHUNK) {
        uint32_t chunk = answer.chunk, n = (uint32_t)answer.n;
        uint64_t token = answer.token;
        intent(seq, chunk, token, 0, n);
        assert_int_equal(settle(seq, chunk, token, 0, n, OUTCOME_ACCEPTED, "rest", ""), ERR_OK);
    }
}

static void test_a_crash_makes_ambiguous(void **state)
{
    (void)state;
    uint32_t seq = launched();
    uint64_t lost = lost_attempt(seq);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(answer.chunk, 1);
    assert_int_equal(answer.attempts, 1);
    assert_int_equal(intent(seq, 1, token, 0, 100), 40); /* never those 60 again */
    assert_int_equal(intent(seq, 1, lost, 0, 60), 0);
    assert_int_equal(answer.error, ERR_STALE);
    assert_int_equal(settle(seq, 1, token, 0, 100, OUTCOME_ACCEPTED, "b2", ""), ERR_OK);
    rig_verify(&rig, seq);
}

static void test_a_late_verdict_counts(void **state)
{
    (void)state;
    uint32_t seq = launched();
    uint64_t lost = lost_attempt(seq);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 60, 40), 40);
    /* The first daemon was only stopped. Its verdict is about its own 60, not about the 40 of the
     * other. */
    assert_int_equal(settle(seq, 1, lost, 0, 100, OUTCOME_ACCEPTED, "b1", ""), ERR_OK);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 0);
    assert_int_equal(rig_count(&answer.view.counts, STATE_INFLIGHT), 40);
    assert_int_equal(rig_count(&answer.view.counts, STATE_ACCEPTED), 70);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:amb"), 0);
    assert_int_equal(answer.view.ambiguous_chunks, 0);
    assert_int_equal(settle(seq, 1, lost, 0, 60, OUTCOME_AMBIGUOUS, "", ""), ERR_STALE);
    assert_int_equal(settle(seq, 1, token, 60, 40, OUTCOME_ACCEPTED, "b2", ""), ERR_OK);
    rig_verify(&rig, seq);
}

static void test_a_late_refusal_counts_for_its_own_attempt_only(void **state)
{
    (void)state;
    uint32_t seq = launched();
    uint64_t lost = lost_attempt(seq);
    assert_int_equal(settle(seq, 1, lost, 0, 30, OUTCOME_REJECT_RECIPIENT, "", "bad"), ERR_OK);
    assert_int_equal(count(seq, STATE_REJECTED), 30);
    assert_int_equal(resolve(seq, RESOLVE_RESEND), ERR_OK); /* the other 30 once more */
    assert_int_equal(count(seq, STATE_QUEUED), 170);
    assert_int_equal(settle(seq, 1, lost, 30, 30, OUTCOME_REJECT_RECIPIENT, "", "bad"), ERR_STALE);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 100), 70);
    assert_int_equal(settle(seq, 1, lost, 30, 30, OUTCOME_REJECT_RECIPIENT, "", "bad"), ERR_STALE);
    assert_int_equal(count(seq, STATE_REJECTED), 30);
    rig_verify(&rig, seq);
}

/* The daemon whose chunk was swept lives after all, and was told that nobody was taken. */
static void test_a_late_refusal_queues_again(void **state)
{
    (void)state;
    uint32_t seq = launched();
    uint64_t lost = lost_attempt(seq);
    send_rest(seq);
    expect_state(seq, "done");
    for (int again = 0; again < 2; again++) {
        assert_int_equal(settle(seq, 1, lost, 0, 30, OUTCOME_THROTTLED, "", "busy"), ERR_STALE);
        assert_int_equal(count(seq, STATE_QUEUED), 30);
        assert_int_equal(rig_count(&answer.view.counts, STATE_AMBIGUOUS), 30);
        assert_int_equal(rig_number(&rig, "HLEN t:{mas}:amb"), 30);
        expect_state(seq, "sending");
        rig_verify(&rig, seq);
    }
    /* Only the first word of an attempt counts: here "unknown" for five of ten. */
    assert_int_equal(settle(seq, 1, lost, 35, 5, OUTCOME_AMBIGUOUS, "", ""), ERR_STALE);
    assert_int_equal(settle(seq, 1, lost, 30, 10, OUTCOME_NOT_SENT, "", ""), ERR_STALE);
    assert_int_equal(count(seq, STATE_QUEUED), 35);
    /* And none is a word about the next attempt. */
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 100), 35);
    assert_int_equal(sweep("d2", RIG_NOW), 35);
    assert_int_equal(settle(seq, 1, lost, 0, 40, OUTCOME_THROTTLED, "", "busy"), ERR_STALE);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 60);
    assert_int_equal(resolve(seq, RESOLVE_RESEND), ERR_OK); /* which is another attempt, too */
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(intent(seq, 1, answer.token, 0, 100), 60);
    assert_int_equal(sweep("d1", RIG_NOW), 60);
    assert_int_equal(settle(seq, 1, token, 0, 40, OUTCOME_NOT_SENT, "", ""), ERR_STALE);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 60);
    rig_verify(&rig, seq);
}

/* … but not into a campaign that cannot send any more, or must not. */
static void test_a_late_refusal_that_queues_nobody(void **state)
{
    (void)state;
    uint32_t seq = launched();
    uint64_t lost = lost_attempt(seq);
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", "mistake"), ERR_OK);
    assert_int_equal(settle(seq, 1, lost, 0, 30, OUTCOME_THROTTLED, "", "busy"), ERR_STALE);
    assert_int_equal(count(seq, STATE_CANCELLED), 140 + 30);
    assert_int_equal(rig_count(&answer.view.counts, STATE_AMBIGUOUS), 30);
    expect_state(seq, "cancelled");
    rig_verify(&rig, seq);
    fresh(NULL);
    seq = launched();
    lost = lost_attempt(seq);
    send_rest(seq);
    launched(); /* the same id anew: they get that one */
    assert_int_equal(settle(seq, 1, lost, 0, 30, OUTCOME_THROTTLED, "", "busy"), ERR_STALE);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 60);
    expect_state(seq, "done");
    rig_verify(&rig, seq);
}

/* Others may lie between the positions of a request: its verdict is not theirs. */
static void test_who_lies_between_was_not_sent_to(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 30), 30);
    assert_int_equal(settle(seq, 1, token, 10, 10, OUTCOME_AMBIGUOUS, "", ""), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 0, 10, OUTCOME_THROTTLED, "", ""), ERR_OK);
    assert_int_equal(intent(seq, 1, token, 0, 40), 20); /* on both sides; 20 to 29 are still out */
    assert_int_equal(settle(seq, 1, token, 20, 10, OUTCOME_ACCEPTED, "b1", ""), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 0, 40, OUTCOME_ACCEPTED, "b2", ""), ERR_OK);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 10);
    assert_int_equal(rig_count(&answer.view.counts, STATE_ACCEPTED), 10 + 30);
    rig_verify(&rig, seq);
}

/* Told to be unknown, and then accepted: we know it now. */
static void test_accepted_after_all(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 30), 30);
    assert_int_equal(settle(seq, 1, token, 10, 10, OUTCOME_AMBIGUOUS, "", ""), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 10, 10, OUTCOME_ACCEPTED, "b1", ""), ERR_OK);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 0);
    assert_int_equal(rig_count(&answer.view.counts, STATE_ACCEPTED), 10 + 10);
    rig_verify(&rig, seq);
}

/* A person orders a resend, and then the first attempt turns out to have been accepted: nobody gets
 * it twice. */
static void test_a_late_acceptance_saves_a_resend(void **state)
{
    (void)state;
    uint32_t seq = launched();
    uint64_t lost = lost_attempt(seq);
    assert_int_equal(resolve(seq, RESOLVE_RESEND), ERR_OK);
    assert_int_equal(settle(seq, 1, lost, 0, 60, OUTCOME_ACCEPTED, "b1", ""), ERR_OK);
    assert_int_equal(count(seq, STATE_QUEUED), 140);
    assert_int_equal(rig_count(&answer.view.counts, STATE_ACCEPTED), 70);
    assert_int_equal(claim(seq, "d2", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, answer.chunk, token, 0, 100), 40);
    rig_verify(&rig, seq);
}

static void test_sweep_in_steps(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 210, 10);
    send_chunk(seq, OUTCOME_ACCEPTED);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
        uint64_t token = answer.token;
        assert_int_equal(intent(seq, answer.chunk, token, 0, 5), 5);
    }
    assert_int_equal(sweep("d1", RIG_NOW), 100);
    assert_int_equal(answer.swept.chunks, 20);
    rig_verify(&rig, seq);
}

/* ---- people ---- */

static void test_pause_and_resume(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(act(seq, ACT_PAUSE, "uid:clerk1", "wrong phone number"), ERR_OK);
    assert_int_equal(rig_count(&answer.counts, STATE_QUEUED), 200);
    assert_int_equal(act(seq, ACT_PAUSE, "uid:clerk1", "wrong phone number"),
                     ERR_OK); /* its answer was lost */
    assert_int_equal(act(seq, ACT_PAUSE, "uid:clerk2", "me too"), ERR_REFUSED);
    assert_string_equal(
        answer.reason,
        "cannot pause it: the campaign is paused (by uid:clerk1: wrong phone number)");
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_STOPPED);
    assert_string_equal(answer.reason, "campaign paused by uid:clerk1: wrong phone number");
    assert_int_equal(act(seq, ACT_MISS, "scheduler", "its end passed"), ERR_OK);
    expect_state(seq, "missed");
    RIG_CALL(answer, &rig,
             queue_act(rig.store, "mas", seq, ACT_RESUME, "uid:clerk1", "", RIG_NOW + 99000000,
                       RIG_NOW, rig_on_changed, &answer));
    assert_int_equal(answer.error, ERR_OK);
    expect_state(seq, "sending");
    assert_int_equal(answer.view.fields.end_ms, RIG_NOW + 99000000);
    assert_true(answer.view.late_waived);
    assert_string_equal(answer.reason, "");
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint32_t second = rig_launch(&rig, rig_fields("s"), RIG_FIRST, 1, 20, 10);
    assert_int_equal(act(second, ACT_MISS, "scheduler", "late"), ERR_OK);
    assert_int_equal(act(second, ACT_RESUME, "uid:clerk1", ""), ERR_OK);
    expect_state(second, "scheduled"); /* it has not begun */
    assert_int_equal(act(99, ACT_PAUSE, "uid:clerk1", ""), ERR_NOT_FOUND);
}

static void test_cancel_is_exact(void **state)
{
    (void)state;
    uint32_t seq = launched();
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", "enough"), ERR_OK);
    assert_int_equal(rig_count(&answer.counts, STATE_CANCELLED), 150);
    assert_int_equal(rig_count(&answer.counts, STATE_QUEUED), 0);
    assert_int_equal(rig_count(&answer.counts, STATE_INFLIGHT), 50);
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", "enough"), ERR_OK);
    rig_verify(&rig, seq);
    assert_int_equal(intent(seq, 1, token, 50, 10), 0);
    assert_int_equal(answer.error, ERR_REFUSED);
    /* Those in flight run to their verdict; a refusal now means cancelled. */
    assert_int_equal(settle(seq, 1, token, 0, 30, OUTCOME_ACCEPTED, "b", ""), ERR_OK);
    assert_int_equal(settle(seq, 1, token, 30, 20, OUTCOME_THROTTLED, "", ""), ERR_OK);
    assert_int_equal(count(seq, STATE_CANCELLED), 170);
    assert_string_equal(answer.state, "cancelled");
    assert_int_equal(answer.view.finished_ms, RIG_NOW);
    assert_int_equal(rig_number(&rig, "SCARD t:{mas}:live"), 0);
    assert_int_equal(act(seq, ACT_RESUME, "uid:clerk1", ""), ERR_REFUSED);
    rig_verify(&rig, seq);
}

static void test_cancel_of_an_import(void **state)
{
    (void)state;
    uint32_t seq = staged("c");
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", "mistake"), ERR_OK);
    assert_int_equal(rig_number(&rig, "EXISTS t:{mas}:c:%u", seq), 0);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:ids"), 0);
    assert_int_equal(commit(seq, "c", 1, 10, "", false), ERR_NOT_FOUND);
}

static void test_done(void **state)
{
    (void)state;
    uint32_t seq = launched();
    send_chunk(seq, OUTCOME_AMBIGUOUS);
    send_chunk(seq, OUTCOME_ACCEPTED);
    expect_state(seq, "done"); /* nobody is queued or in flight; a hundred are ambiguous */
    assert_int_equal(answer.view.finished_ms, RIG_NOW);
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_STOPPED);
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", ""), ERR_REFUSED);
    assert_int_equal(resolve(seq, RESOLVE_RESEND), ERR_OK);
    expect_state(seq, "sending"); /* alive again */
    assert_int_equal(answer.view.finished_ms, 0);
    rig_verify(&rig, seq);
    assert_int_equal(send_chunk(seq, OUTCOME_ACCEPTED), 1);
    expect_state(seq, "done");
    rig_verify(&rig, seq);
}

static void test_resolve(void **state)
{
    (void)state;
    uint32_t seq = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 210, 20);
    send_chunk(seq, OUTCOME_ACCEPTED);
    for (int i = 0; i < 10; i++)
        send_chunk(seq, OUTCOME_AMBIGUOUS);
    assert_int_equal(resolve(seq, RESOLVE_FAIL), ERR_OK); /* more chunks than one call takes */
    assert_int_equal(rig_count(&answer.counts, STATE_UNDELIVERED), 200);
    assert_int_equal(rig_count(&answer.counts, STATE_AMBIGUOUS), 0);
    assert_int_equal(rig_number(&rig, "HLEN t:{mas}:amb"), 0);
    rig_verify(&rig, seq);
    fresh(NULL);
    seq = launched();
    send_chunk(seq, OUTCOME_AMBIGUOUS);
    assert_int_equal(count(seq, STATE_AMBIGUOUS), 100);
    uint64_t segments = answer.view.segments_sent;
    assert_int_equal(resolve(seq, RESOLVE_ACCEPT), ERR_OK);
    assert_int_equal(count(seq, STATE_ACCEPTED), 110);
    assert_int_equal(answer.view.segments_sent, segments + 100);
    assert_int_equal(resolve(seq, RESOLVE_ACCEPT), ERR_OK);
    assert_int_equal(act(seq, ACT_CANCEL, "uid:clerk1", ""), ERR_OK);
    assert_int_equal(resolve(seq, RESOLVE_RESEND), ERR_REFUSED);
    rig_verify(&rig, seq);
    assert_true(rig_number(&rig, "XLEN t:{a}:audit") >= 3);
}

/* ---- looking ---- */

struct listed {
    unsigned calls;
    size_t n;
    uint32_t first, last;
    bool sorted;
};
static void on_list(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct listed *listed = arg;
    assert_int_equal(error, ERR_OK);
    *listed = (struct listed){listed->calls + 1, n, n > 0 ? views[0].seq : 0,
                              n > 0 ? views[n - 1].seq : 0, true};
    for (size_t i = 1; i < n; i++)
        listed->sorted =
            listed->sorted && views[i - 1].seq < views[i].seq && views[i].fields.title[0] == 't';
}
static struct listed list(bool live_only)
{
    struct listed listed = {0};
    assert_int_equal(queue_list(rig.store, "mas", live_only, on_list, &listed), ERR_OK);
    while (listed.calls == 0)
        rig_turn(&rig);
    return listed;
}

static void test_lists(void **state)
{
    (void)state;
    assert_int_equal(list(false).n, 0);
    for (int i = 0; i < 405; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        assert_int_equal(begin(id, "d1"), ERR_OK);
        if (i % 2 == 0)
            assert_int_equal(commit(answer.seq, id, 0, 0, "", false), ERR_OK); /* done at once */
    }
    struct listed all = list(false), live = list(true);
    assert_int_equal(all.n, 405);
    assert_true(all.sorted);
    assert_int_equal(all.last, 405);
    assert_int_equal(live.n, 202);
}

static void on_fields(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    (*(unsigned *)arg)++;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(n, 1);
    const struct campaign_fields *f = &views[0].fields, want = rig_fields("c");
    assert_string_equal(f->id, "c");
    assert_string_equal(f->text, want.text);
    assert_string_equal(f->carrier, "mas");
    assert_string_equal(f->actor, want.actor);
    assert_string_equal(f->fingerprint, "0123456789abcdef0123456789abcdef");
    assert_true(f->personal);
    assert_false(f->signature_added_by_carrier);
    assert_int_equal(f->start_ms, want.start_ms);
    assert_int_equal(f->window_to_min, 1260);
    assert_int_equal(f->price_fen, 5);
    assert_int_equal(f->rows, 777);
    assert_int_equal(f->segments_total, 30);
    assert_string_equal(views[0].wait_reason, "");
    assert_int_equal(views[0].launched_ms, RIG_NOW);
    assert_int_equal(views[0].n_chunks, 0);
}

static void test_fields_round_trip(void **state)
{
    (void)state;
    struct campaign_fields fields = rig_fields("c");
    fields.personal = true;
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    uint32_t seq = answer.seq;
    fields.rows = 777; /* known only at the end of the import */
    fields.segments_total = 30;
    strcpy(fields.fingerprint, "0123456789abcdef0123456789abcdef");
    RIG_CALL(
        answer, &rig,
        queue_commit(rig.store, seq, &fields, 0, 0, 1000, false, RIG_NOW, rig_on_done, &answer));
    unsigned calls = 0;
    assert_int_equal(queue_find(rig.store, "mas", "c", on_fields, &calls), ERR_OK);
    while (calls == 0)
        rig_turn(&rig);
    RIG_CALL(answer, &rig, queue_find(rig.store, "mas", "d", rig_on_view, &answer));
    assert_int_equal(answer.error, ERR_NOT_FOUND);
    RIG_CALL(answer, &rig, queue_find(rig.store, "other", "c", rig_on_view, &answer));
    assert_int_equal(answer.error, ERR_NOT_FOUND);
}

static void on_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    (*(unsigned *)arg)++;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(chunk->n, 3);
    assert_memory_equal(chunk->states, "IGA", 3);
    assert_int_equal(chunk_number(chunk->numbers, 2), RIG_FIRST + 2);
    assert_int_equal(chunk_number(chunk->regions, 0), 513327205000);
    assert_int_equal(chunk_number(chunk->regions, 2), 0);
    struct chunk_values walk = {chunk->values, chunk->values_len, 0};
    const uint8_t *value;
    size_t len;
    assert_true(chunk_values_next(&walk, &value, &len) && len == 2 && value[0] == 'a');
    assert_int_equal(chunk->base_ms, RIG_NOW);
    assert_int_equal(chunk->submitted_ms, RIG_NOW + 60000);
    assert_memory_equal(chunk->details, "\0\1\0\2\0\0\0\2\0\0\0\0",
                        12); /* code 1 two minutes after; no code; nothing */
}
static void on_codes(void *arg, enum err error, const char *const *codes, size_t n)
{
    (*(unsigned *)arg)++;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(codes[0], "");
    assert_string_equal(codes[1], "bad");
}

static void test_a_chunk_and_its_details(void **state)
{
    (void)state;
    struct campaign_fields fields = rig_fields("c");
    fields.personal = true;
    const struct chunk_row rows[] = {
        {.number = RIG_FIRST + 2, .values = (const uint8_t *)"c", .values_len = 1},
        {.number = RIG_FIRST,
         .region = 513327205000,
         .values = (const uint8_t *)"aa",
         .values_len = 2},
        {.number = RIG_FIRST + 1,
         .region = 513327206000,
         .values = (const uint8_t *)"",
         .values_len = 0}};
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    uint32_t seq = answer.seq;
    RIG_CALL(answer, &rig, queue_stage(rig.store, ref(seq, 0), rows, 3, rig_on_done, &answer));
    RIG_CALL(answer, &rig,
             queue_commit(rig.store, seq, &fields, 1, 3, 0, false, RIG_NOW - 5000, rig_on_done,
                          &answer));
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    assert_int_equal(answer.values_len, 3 + 1 + 2);
    uint64_t token = answer.token;
    RIG_CALL(answer, &rig,
             queue_intent(rig.store, ref(seq, 0), token, 0, 2, 2, 0, 0, LEASE, RIG_NOW + 60000,
                          rig_on_intent, &answer));
    const struct settle_item items[] = {{0, 1, OUTCOME_REJECT_RECIPIENT, 0, "", "bad"},
                                        {1, 1, OUTCOME_ACCEPTED, 1, "b", ""}};
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref(seq, 0), token, items, 2, LEASE, RIG_NOW + 150000,
                          rig_on_done, &answer));
    unsigned calls = 0;
    assert_int_equal(queue_chunk(rig.store, ref(seq, 0), on_chunk, &calls), ERR_OK);
    assert_int_equal(queue_codes(rig.store, "mas", on_codes, &calls), ERR_OK);
    while (calls < 2)
        rig_turn(&rig);
    rig_verify(&rig, seq);
}

static void test_values_are_dropped(void **state)
{
    (void)state;
    struct campaign_fields fields = rig_fields("c");
    fields.personal = true;
    uint32_t seq = rig_launch(&rig, fields, RIG_FIRST, 1, 30, 10), other;
    fields.id = "d";
    other = rig_launch(&rig, fields, RIG_FIRST, 1, 30, 10);
    send_chunk(seq, OUTCOME_ACCEPTED);
    send_chunk(seq, OUTCOME_AMBIGUOUS);
    send_chunk(seq, OUTCOME_ACCEPTED);
    RIG_CALL(answer, &rig, queue_drop_values(rig.store, "mas", RIG_NOW - 1, rig_on_done, &answer));
    assert_int_equal(rig_number(&rig, "KEYS t:{mas}:v:*"), 6); /* too young */
    RIG_CALL(answer, &rig, queue_drop_values(rig.store, "mas", RIG_NOW, rig_on_done, &answer));
    RIG_CALL(answer, &rig, queue_drop_values(rig.store, "mas", RIG_NOW, rig_on_done, &answer));
    assert_int_equal(rig_number(&rig, "KEYS t:{mas}:v:%u:*", seq), 0);
    assert_int_equal(rig_number(&rig, "KEYS t:{mas}:v:%u:*", other), 3); /* not done */
    rig_view(&rig, seq, &answer);
    assert_true(answer.view.values_dropped);
    assert_int_equal(resolve(seq, RESOLVE_RESEND),
                     ERR_REFUSED); /* the texts cannot be built again */
    assert_int_equal(resolve(seq, RESOLVE_ACCEPT), ERR_OK);
    rig_verify(&rig, seq);
}

/* A test of the test: queue_verify sees what does not fit. */
static void test_verify_sees_it(void **state)
{
    (void)state;
    static const struct {
        const char *break_it, *mend_it, *says;
    } rows[] = {
        {"HINCRBY t:{mas}:c:1 nA 1", "HINCRBY t:{mas}:c:1 nA -1", "by the counter"},
        {"SETRANGE t:{mas}:s:1:1 5 S", "SETRANGE t:{mas}:s:1:1 5 A", "by the counter"},
        {"SETRANGE t:{mas}:s:1:1 5 B", "SETRANGE t:{mas}:s:1:1 5 A", "no state"},
        {"ZADD t:{mas}:cl 1 1:1", "ZREM t:{mas}:cl 1:1", "claim without owner"},
        {"SADD t:{mas}:ac:1 2", "SREM t:{mas}:ac:1 2", "ambiguous chunks"},
        {"HSET t:{mas}:c:1 cursor 2", "HSET t:{mas}:c:1 cursor 1", "queued and forgotten"},
        {"SREM t:{mas}:live 1", "SADD t:{mas}:live 1", "live campaigns"},
        {"ZADD t:{mas}:rs 1 1:1", "ZREM t:{mas}:rs 1:1", "nobody ambiguous"},
        {"HINCRBY t:{mas}:c:1 segs 1", "HINCRBY t:{mas}:c:1 segs -1", "segments are spent"},
    };
    assert_int_equal(launched(), 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig_do(&rig, rows[i].break_it);
        RIG_CALL(answer, &rig, queue_verify(rig.store, "mas", 1, rig_on_done, &answer));
        assert_int_equal(answer.error, ERR_STALE);
        if (strstr(answer.reason, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].break_it, answer.reason);
        rig_do(&rig, rows[i].mend_it);
        rig_verify(&rig, 1);
    }
}

/* ---- a Redis that is full ---- */

static void test_full(void **state)
{
    (void)state;
    uint32_t seq = launched(), half = staged("half");
    assert_int_equal(claim(seq, "d1", RIG_NOW), CLAIM_CHUNK);
    uint64_t token = answer.token;
    assert_int_equal(intent(seq, 1, token, 0, 50), 50);
    rig_do(&rig, "CONFIG SET maxmemory 1");
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d2", LEASE, RIG_NOW, rig_on_claim, &answer));
    assert_int_equal(answer.error, ERR_REFUSED);
    assert_non_null(strstr(answer.reason, "memory limit"));
    assert_int_equal(stage(half, 1, RIG_FIRST + 500, 10), ERR_REFUSED);
    assert_int_equal(intent(seq, 1, token, 50, 50), 0);
    assert_int_equal(answer.error, ERR_REFUSED);
    /* What was begun is finished all the same, and people can act. */
    assert_int_equal(settle(seq, 1, token, 0, 50, OUTCOME_ACCEPTED, "b", "code"), ERR_OK);
    struct status_report report = {
        .batch = "b", .number = RIG_FIRST + 10, .to = STATE_DELIVERED, .code = "DELIVRD"};
    RIG_CALL(answer, &rig,
             status_report(rig.store, "mas", &report, 1, 10, RIG_NOW, rig_on_stored, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.stored.changed, 1);
    struct optout_record record = {RIG_FIRST, OPTOUT_ALL, RIG_NOW, "sms", "R"};
    RIG_CALL(answer, &rig, optout_add(rig.store, &record, 1, rig_on_added, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(act(seq, ACT_PAUSE, "uid:clerk1", "full"), ERR_OK);
    assert_int_equal(count(seq, STATE_DELIVERED), 1); /* looking works too */
    /* Long before that, imports stop by themselves: the daemon looks at the memory every few
     * seconds. */
    rig_do(&rig, "CONFIG SET maxmemory %d", (int)rig_number(&rig, "MEMORY STATS") * 0 + 100000000);
    redis_look_again(store_redis(rig.store));
    while (redis_facts(store_redis(rig.store))->maxmemory != 100000000)
        rig_turn(&rig);
    assert_false(store_is_full(rig.store));
    assert_int_equal(stage(half, 1, RIG_FIRST + 500, 10), ERR_OK);
    uint64_t used = redis_facts(store_redis(rig.store))->used_memory;
    char command[64];
    snprintf(command, sizeof command, "CONFIG SET maxmemory %llu",
             (unsigned long long)(used + used / 10));
    rig_do(&rig, command);
    redis_look_again(store_redis(rig.store));
    while (!store_is_full(rig.store))
        rig_turn(&rig);
    assert_int_equal(stage(half, 2, RIG_FIRST + 700, 10), ERR_REFUSED);
    assert_non_null(strstr(answer.reason, "80 % full"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, fresh)
    const struct CMUnitTest tests[] = {T(test_nothing_is_sent_before_commit),
                                       T(test_an_empty_campaign_is_done),
                                       T(test_a_killed_launch_begins_anew),
                                       T(test_an_import_of_another_daemon),
                                       T(test_a_live_id_is_refused),
                                       T(test_the_same_text_to_the_same_list),
                                       T(test_a_fingerprint_without_a_launch),
                                       T(test_the_canary_goes_alone),
                                       T(test_a_dead_canary_pauses),
                                       T(test_an_ambiguous_canary_is_tried_again_after_a_resend),
                                       T(test_stale_tokens),
                                       T(test_two_live_campaigns_have_different_digits),
                                       T(test_the_same_digits_begun_together),
                                       T(test_suppressing_tells_whom),
                                       T(test_no_daemon_clock_ends_a_lease),
                                       T(test_held_claims_are_not_swept),
                                       T(test_release_is_refused_in_flight),
                                       T(test_a_lost_answer_to_an_intent),
                                       T(test_an_intent_outside_the_chunk),
                                       T(test_token_buckets),
                                       T(test_a_clock_set_back_keeps_nobody_waiting),
                                       T(test_impatience_gets_no_more),
                                       T(test_outcomes),
                                       T(test_each_personal_text_costs_what_it_weighs),
                                       T(test_many_requests_in_one_settlement),
                                       T(test_a_refused_text_pauses),
                                       T(test_an_account_fault_burns_nobody),
                                       T(test_a_quota_fault_ends_by_itself),
                                       T(test_a_fault_replaces_the_rest_after_a_quota),
                                       T(test_a_daemon_ends_the_rest_after_a_quota),
                                       T(test_too_many_ambiguous_chunks),
                                       T(test_a_crash_makes_ambiguous),
                                       T(test_a_late_verdict_counts),
                                       T(test_a_late_refusal_counts_for_its_own_attempt_only),
                                       T(test_a_late_refusal_queues_again),
                                       T(test_a_late_refusal_that_queues_nobody),
                                       T(test_who_lies_between_was_not_sent_to),
                                       T(test_accepted_after_all),
                                       T(test_a_late_acceptance_saves_a_resend),
                                       T(test_sweep_in_steps),
                                       T(test_pause_and_resume),
                                       T(test_cancel_is_exact),
                                       T(test_cancel_of_an_import),
                                       T(test_done),
                                       T(test_resolve),
                                       T(test_lists),
                                       T(test_fields_round_trip),
                                       T(test_a_chunk_and_its_details),
                                       T(test_values_are_dropped),
                                       T(test_verify_sees_it),
                                       T(test_full)};
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
