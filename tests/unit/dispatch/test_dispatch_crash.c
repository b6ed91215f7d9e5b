/* The sender when things break: Redis dies or hangs with requests in flight, the daemon dies at
 * every step, or is frozen and wakes up. Nobody is lost, nobody is written to twice, and what
 * cannot be known is ambiguous. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/failpoint.h"
#include "dispatch/lane.h"
#include "sender.h"

/* ---- Redis goes away with requests in flight ---- */

static void test_outcomes_outlive_redis(void **state)
{
    (void)state;
    w.shared->mode = CARRIER_HOLDS;
    w.settings.carriers[0].batch_max = 1;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    start();
    while (w.shared->requests < 4)
        world_pass(&w, 5);
    world_end_process(w.redis); /* SIGKILL: with its AOF nothing acknowledged is lost */
    world_pass(&w, 100);
    w.shared->mode = CARRIER_ACCEPTS;
    world_pass(&w, 300);
    assert_true(w.shared->requests >= 4 &&
                w.shared->requests < 30); /* nothing goes out without an intent */
    world_start_redis(&w);
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 774);
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    drain_and_stop();
}

/* Redis hangs: what was asked for may have happened, and may still happen when it wakes up. */
static void test_redis_hangs(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 1;
    w.settings.carriers[0].connections = 8;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 6010});
    start();
    world_until_count(&w, "c1", STATE_ACCEPTED, 500);
    kill(w.redis, SIGSTOP);
    const char *sentence;
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (redis_health(store_redis(w.store), &sentence) == REDIS_READY) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 20);
    }
    uint32_t requests = w.shared->requests;
    world_pass(&w, 100);
    assert_int_equal(w.shared->requests,
                     requests); /* without answers to intents nothing goes out */
    kill(w.redis, SIGCONT);
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 6010);
    assert_int_equal(world_taken(&w, 0, 6010, 1), 6010);
    drain_and_stop();
    verify("c1");
}

/* ---- an intent's answer is lost, and somebody opts out before it is asked for again ---- */

static void on_intended(void *arg, const struct queue_intent *intent)
{
    world_on_done(arg, intent->error, intent->reason);
}

/* The chunk 1 of c1, held back by its campaign's rate. */
static struct chunk *wait_for_tokens(struct lane **lane)
{
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    for (;;) {
        struct chunk *chunk;
        *lane = dispatch_lane(dispatch, "mas");
        TAILQ_FOREACH(chunk, &(*lane)->chunks, entry)
        {
            if (chunk->number == 1 && chunk->waits_tokens && !chunk->is_asking)
                return chunk;
        }
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 5);
    }
}

static void check_optout_after_a_lost_intent(uint32_t n, uint32_t at)
{
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 10 + n, .rate = 10});
    start();
    struct lane *lane;
    struct chunk *chunk = wait_for_tokens(&lane);
    chunk->retry_at_ms = clock_mono_ms() + 60000; /* until the stage is set */
    struct world_done done = {0}; /* the store has the intent, the daemon has no answer */
    const struct chunk_ref ref = {"mas", chunk->campaign->seq, 1};
    assert_int_equal(queue_intent(w.store, ref, chunk->token, chunk->asked.from, chunk->asked.count,
                                  chunk->asked.segments, 0, 0, 60000, clock_wall_ms(), on_intended,
                                  &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
    assert_true(at < chunk->asked.count);
    opt_out(10 + at);
    chunk->doubt = DOUBT_ASKS;
    chunk->checked_at_ms = clock_mono_ms() - OPTOUT_FRESH_MS - 1;
    chunk->retry_at_ms = 0;
    lane_schedule(lane);
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 10 + n - 1);
    assert_int_equal(world_count(&seen, STATE_SUPPRESSED), 1);
    assert_int_equal(world_taken(&w, 0, 10 + n, 1), 10 + n - 1);
    assert_int_equal(w.shared->taken[10 + at], 0);
    drain_and_stop();
    verify("c1");
}

static void test_optout_after_a_lost_intent(void **state)
{
    (void)state;
    check_optout_after_a_lost_intent(30, 3);
}

/* Nobody else is left in the chunk: it is given back all the same, not left to its lease. */
static void test_last_one_opts_out_after_a_lost_intent(void **state)
{
    (void)state;
    check_optout_after_a_lost_intent(1, 0);
}

/* ---- a lease that ends too early ---- */

/* Whatever ended it, a clock that jumped: the daemon knows that the chunk in its hands lives, and
 * its own sweep lets it be. */
static void test_what_is_held_is_not_swept(void **state)
{
    (void)state;
    w.shared->mode = CARRIER_HOLDS;
    uint32_t seq = world_launch(&w, &(struct world_campaign){.id = "c1", .n = 100});
    start();
    world_until_count(&w, "c1", STATE_INFLIGHT, 10);
    const struct chunk *chunk = TAILQ_FIRST(&dispatch_lane(dispatch, "mas")->chunks);
    struct world_done done = {0}; /* its intent once more, with a lease of a millisecond */
    assert_int_equal(queue_intent(w.store, (struct chunk_ref){"mas", seq, chunk->number},
                                  chunk->token, chunk->asked.from, chunk->asked.count, 10, 0, 0, 1,
                                  clock_wall_ms(), on_intended, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
    for (uint64_t sweeps = dispatch->ticks / SWEEP_TICKS + 2;
         dispatch->ticks / SWEEP_TICKS < sweeps || dispatch_lane(dispatch, "mas")->is_sweeping;)
        world_pass(&w, 20);
    struct world_seen seen = world_see(&w, "c1");
    assert_int_equal(world_count(&seen, STATE_INFLIGHT), 10);
    w.shared->mode = CARRIER_ACCEPTS;
    seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 100);
    assert_int_equal(world_taken(&w, 0, 100, 1), 100);
    drain_and_stop();
    verify("c1");
}

/* ---- who was ambiguous is queued again while the chunk is held ---- */

struct claimed {
    struct world_done done;
    uint64_t token;
};

static void on_claimed(void *arg, enum err error, const struct queue_claim *claim)
{
    struct claimed *claimed = arg;
    claimed->token = claim->token;
    world_on_done(&claimed->done, error, claim->reason);
}

/* A neighbour claims `chunk`, which is next, asks for `count` positions, and says what became of
 * them. At 10 segments a second its `segments` leave no tokens for a while. */
static void neighbour_sends(struct chunk_ref ref, uint32_t from, uint32_t count, uint32_t segments,
                            enum outcome outcome)
{
    struct claimed claimed = {0};
    struct world_done done = {0};
    assert_int_equal(queue_claim(w.store, "mas", ref.seq, "neighbour", 60000, clock_wall_ms(),
                                 on_claimed, &claimed),
                     ERR_OK);
    world_until(&w, &claimed.done.is_over);
    assert_int_equal(queue_intent(w.store, ref, claimed.token, from, count, segments, 0, 10, 60000,
                                  clock_wall_ms(), on_intended, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
    const struct settle_item item = {from, count, outcome, count, "", ""};
    done = (struct world_done){0};
    assert_int_equal(queue_settle(w.store, ref, claimed.token, &item, 1, 60000, clock_wall_ms(),
                                  world_on_done, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
    done = (struct world_done){0};
    assert_int_equal(queue_release(w.store, ref, claimed.token, 0, false, world_on_done, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
}

/* They lie between those that a request of this daemon goes out to, and it takes them for
 * ambiguous: the request is not theirs. They are sent to all the same, by the next claim. */
static void test_queued_again_behind_its_back(void **state)
{
    (void)state;
    uint32_t seq = world_launch(&w, &(struct world_campaign){.id = "c1", .n = 40, .rate = 10});
    neighbour_sends((struct chunk_ref){"mas", seq, 0}, 0, 10, 1, OUTCOME_ACCEPTED);
    world_pass(&w, 150); /* until there are tokens for it again */
    neighbour_sends((struct chunk_ref){"mas", seq, 1}, 3, 3, 20, OUTCOME_AMBIGUOUS);
    start();
    struct lane *lane;
    struct chunk *chunk = wait_for_tokens(&lane);
    assert_int_equal(chunk->states[4], STATE_AMBIGUOUS);
    struct world_done done = {0};
    assert_int_equal(queue_resolve(w.store, "mas", seq, RESOLVE_RESEND, "uid:a", "r",
                                   clock_wall_ms(), world_on_changed, &done),
                     ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 40);
    assert_int_equal(world_taken(&w, 10, 30, 1), 30);
    drain_and_stop();
    verify("c1");
}

/* ---- a claim's answer is lost ---- */

/* The sweep of one's own claims may take several calls: what was claimed between two of them would
 * be taken away by the second. */
static void test_nothing_is_claimed_during_its_own_sweep(void **state)
{
    (void)state;
    start();
    struct lane *lane = dispatch_lane(dispatch, "mas");
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (lane->is_sweeping || !lane_may_claim(lane, clock_mono_ms())) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 5);
    }
    lane->has_lost_claim = true;
    lane_poll(lane);
    assert_true(lane->is_sweeping);
    assert_false(lane_may_claim(lane, clock_mono_ms()));
    while (!lane_may_claim(lane, clock_mono_ms())) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 5);
    }
    assert_false(lane->has_lost_claim);
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 774);
    drain_and_stop();
}

static void on_reply(void *arg, enum err error, const struct redisReply *reply)
{
    (void)reply;
    world_on_done(arg, error, "");
}

static void admin(int argc, const char *const *argv)
{
    struct world_done done = {0};
    assert_int_equal(redis_call(store_redis(w.store), on_reply, &done, argc, argv, NULL), ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
}

/* A sweep that failed may have been half done: until one has succeeded nothing is claimed, whatever
 * else happens in between. */
static void test_nothing_is_claimed_after_a_failed_sweep(void **state)
{
    (void)state;
    start();
    struct lane *lane = dispatch_lane(dispatch, "mas");
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (lane->is_sweeping || !lane_may_claim(lane, clock_mono_ms())) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 5);
    }
    admin(3, (const char *const[]){"SET", "t:{mas}:cl", "no list of claims"});
    lane->has_lost_claim = true;
    lane_poll(lane);
    assert_true(lane->is_sweeping);
    while (lane->is_sweeping) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 1);
        assert_false(lane_may_claim(lane, clock_mono_ms()));
    }
    assert_true(lane->has_lost_claim);
    assert_false(lane_may_claim(lane, clock_mono_ms()));
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    lane_poll(lane);
    world_pass(&w, 50);
    assert_int_equal(lane->n_chunks, 0);
    assert_int_equal(w.shared->requests, 0);
    admin(2, (const char *const[]){"DEL", "t:{mas}:cl"});
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 774);
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    drain_and_stop();
    verify("c1");
}

/* ---- crashes ---- */

/* Runs a dispatcher in a child that dies at the point; gives whether it died there. */
static bool die_at(const char *point)
{
    pid_t pid = world_fork();
    if (pid == 0) {
        if (failpoint_arm(point) != ERR_OK)
            _exit(3);
        struct world own = w;
        own.base = event_base_new();
        world_open_store(&own);
        if (dispatch_new(own.base, own.store, "d1", &dispatch) ||
            dispatch_set_settings(dispatch, &own.settings))
            _exit(4);
        int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
        for (;;) {
            struct world_seen seen = world_see(&own, "c1");
            if (strcmp(seen.state, "done") == 0 || strcmp(seen.state, "paused") == 0)
                _exit(0);
            if (clock_mono_ms() > by_ms)
                _exit(5);
            world_pass(&own, 10);
        }
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 137 || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == 137;
}

static void check_crash(const char *point, uint32_t batch_max)
{
    w.settings.carriers[0].batch_max = batch_max;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    assert_true(die_at(point));
    start();
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    struct world_seen seen;
    for (;;) { /* until nothing can move by itself */
        seen = world_see(&w, "c1");
        if (strcmp(seen.state, "done") == 0 || strcmp(seen.state, "paused") == 0)
            break;
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 10);
    }
    drain_and_stop();
    verify("c1");
    seen = world_see(&w, "c1");
    uint64_t accepted = world_count(&seen, STATE_ACCEPTED),
             ambiguous = world_count(&seen, STATE_AMBIGUOUS);
    uint32_t taken = world_taken(&w, 0, 774, 1);
    print_message("%s batch %u: accepted %llu ambiguous %llu queued %llu, carrier took %u\n", point,
                  batch_max, (unsigned long long)accepted, (unsigned long long)ambiguous,
                  (unsigned long long)world_count(&seen, STATE_QUEUED), taken);
    assert_int_equal(world_taken(&w, 0, 774, 0) + taken, 774);       /* nobody twice */
    assert_true(taken >= accepted && taken <= accepted + ambiguous); /* what we say is true */
    assert_int_equal(accepted + ambiguous + world_count(&seen, STATE_QUEUED),
                     774); /* nobody is lost */
    bool before_intent = strncmp(point, "claim", 5) == 0 || strncmp(point, "suppress", 8) == 0 ||
                         strncmp(point, "intent_before", 13) == 0;
    if (before_intent)
        assert_int_equal(accepted, 774);
}

static void test_crash_at_every_step(void **state)
{
    (void)state;
    const char *points[] = {"claim",         "claim:2",         "suppress",     "suppress:2",
                            "intent_before", "intent_before:2", "intent_after", "intent_after:2",
                            "post_before",   "post_before:2",   "post_after",   "post_after:2",
                            "settle_before", "settle_before:2", "settle_after", "settle_after:2"};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        for (uint32_t batch = 1; batch <= 1000; batch += 999) {
            if (i > 0 || batch > 1) {
                close_world(state);
                open_world(state);
            }
            check_crash(points[i], batch);
        }
    }
}

static void on_swept(void *arg, enum err error, const struct queue_swept *swept)
{
    world_on_done(arg, error, "");
    ((struct world_done *)arg)->seq = error ? 0 : (uint32_t)swept->ambiguous;
}

/* The last point: a chunk that is given back. Everything was refused, so nobody is in doubt. */
static void test_crash_at_the_release(void **state)
{
    (void)state;
    w.shared->left = 1;
    w.shared->mode = CARRIER_THROTTLES;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 774});
    assert_true(die_at("release"));
    start();
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 774);
    assert_int_equal(world_taken(&w, 0, 774, 1), 774);
    drain_and_stop();
    verify("c1");
}

static struct world_done sweep_frozen(void)
{
    struct world_done done = {0};
    assert_int_equal(
        queue_sweep(w.store, "mas", "frozen", NULL, 0, clock_wall_ms(), on_swept, &done), ERR_OK);
    world_until(&w, &done.is_over);
    return done;
}

/* A daemon is frozen with requests in flight; its claims are taken from it; another one sends the
 * rest; then it wakes up. */
static void test_frozen_daemon_wakes_up(void **state)
{
    (void)state;
    w.settings.carriers[0].batch_max = 1;
    world_launch(&w, &(struct world_campaign){.id = "c1", .n = 3010});
    pid_t pid = world_fork();
    if (pid == 0) {
        struct world own = w;
        own.base = event_base_new();
        world_open_store(&own);
        if (dispatch_new(own.base, own.store, "frozen", &dispatch) ||
            dispatch_set_settings(dispatch, &own.settings))
            _exit(4);
        for (;;)
            world_pass(&own, 1000);
    }
    world_until_count(&w, "c1", STATE_ACCEPTED, 10);
    w.shared->mode = CARRIER_HOLDS;
    world_until_count(&w, "c1", STATE_INFLIGHT, 4);
    uint32_t before;
    do { /* until it holds all it can */
        before = w.shared->requests;
        world_pass(&w, 100);
    } while (w.shared->requests != before);
    kill(pid, SIGSTOP);
    struct world_done done = sweep_frozen(); /* what happens when the lease runs out */
    assert_true(done.seq >= 4);
    w.shared->mode = CARRIER_ACCEPTS;
    start();
    struct world_seen seen = world_until_state(&w, "c1", "done");
    assert_int_equal(world_count(&seen, STATE_AMBIGUOUS), done.seq);
    assert_int_equal(world_count(&seen, STATE_ACCEPTED), 3010 - done.seq);
    kill(pid, SIGCONT); /* its answers are waiting for it: facts are facts */
    world_until_count(&w, "c1", STATE_ACCEPTED, 3010 - done.seq + 4);
    world_pass(&w, 300);
    world_end_process(pid);
    /* Whom it had an intent for and did not post to, it has said so: they were queued again, and by
     * now perhaps claimed by itself. */
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    do {
        assert_true(clock_mono_ms() < by_ms);
        sweep_frozen();
        world_pass(&w, 20);
        seen = world_see(&w, "c1");
    } while (strcmp(seen.state, "done") != 0);
    assert_int_equal(world_count(&seen, STATE_ACCEPTED) + world_count(&seen, STATE_AMBIGUOUS),
                     3010);
    uint32_t taken = world_taken(&w, 0, 3010, 1);
    assert_int_equal(world_taken(&w, 0, 3010, 0) + taken, 3010); /* nobody twice */
    assert_true(taken >= world_count(&seen, STATE_ACCEPTED));
    drain_and_stop();
    verify("c1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_outcomes_outlive_redis),
        IN_WORLD(test_redis_hangs),
        IN_WORLD(test_crash_at_every_step),
        IN_WORLD(test_crash_at_the_release),
        IN_WORLD(test_frozen_daemon_wakes_up),
        IN_WORLD(test_nothing_is_claimed_during_its_own_sweep),
        IN_WORLD(test_nothing_is_claimed_after_a_failed_sweep),
        IN_WORLD(test_what_is_held_is_not_swept),
        IN_WORLD(test_queued_again_behind_its_back),
        IN_WORLD(test_optout_after_a_lost_intent),
        IN_WORLD(test_last_one_opts_out_after_a_lost_intent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
