/* The importer against a real Redis: what is committed is exactly the list, whatever goes wrong on
 * the way. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "launch/job.h"
#include "rig.h"

static struct rig rig;

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

static void write_list(const char *id, unsigned first, unsigned n, const char *more)
{
    char *csv = rig_list(first, n, false);
    rig_campaign(&rig, id, csv, more);
    free(csv);
}

/* Every chunk is there, none is empty, the first is a canary, all numbers are different and lie in
 * the range. */
static void check_chunks(const struct rig_campaign_copy *campaign, unsigned first, unsigned n)
{
    struct rig_chunk chunk;
    uint8_t *seen = calloc(n, 1);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < campaign->n_chunks; i++) {
        rig_read_chunk(&rig, campaign->seq, i, &chunk);
        assert_true(chunk.n > 0 && chunk.n <= (i == 0 ? JOB_CANARY : CHUNK_MAX));
        for (size_t r = 0; r < chunk.n; r++) {
            uint64_t at = chunk.numbers[r] - (UINT64_C(15400000000) + first);
            assert_true(at < n && !seen[at]);
            seen[at] = 1;
            assert_int_equal(chunk.states[r], STATE_QUEUED);
        }
        sum += chunk.n;
    }
    assert_int_equal(sum, campaign->accepted);
    free(seen);
}

static void on_verified(void *arg, enum err error, const char *reason)
{
    (void)arg;
    rig.answered = true;
    if (error != ERR_OK)
        fail_msg("%s", reason);
}

/* What lies in Redis is of one piece; among other things, one text has no values. */
static void verify(uint32_t seq)
{
    rig.answered = false;
    assert_int_equal(queue_verify(rig.store, "mas", seq, on_verified, NULL), ERR_OK);
    rig_wait(&rig, rig_has_answer);
}

static void test_a_list_becomes_a_campaign(void **state)
{
    (void)state;
    char *csv = rig_list(0, 2500, false);
    csv = realloc(csv, strlen(csv) + 200);
    strcat(csv, "15400000007\n15400000008\n010-1234567\n\n12345\n");
    rig_campaign(&rig, "c", csv, "");
    free(csv);
    rig_opt_out(&rig, 100, 3);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_string_equal(rig.id, "c");
    const struct launch_view *view = rig_finish(&rig, "c");
    assert_int_equal(view->phase, LAUNCH_DONE);
    assert_int_equal(rig.commits, 1);
    struct rig_campaign_copy campaign = rig_find(&rig, "c");
    assert_true(campaign.is_there);
    assert_string_equal(campaign.state, "scheduled");
    assert_int_equal(campaign.accepted, 2497);
    assert_int_equal(campaign.opted_out, 3);
    assert_int_equal(campaign.duplicate, 2);
    assert_int_equal(campaign.rows, campaign.accepted + campaign.duplicate + campaign.invalid +
                                        campaign.opted_out);
    assert_int_equal(campaign.segments_total, 2497);
    verify(campaign.seq);
    check_chunks(&campaign, 0, 2500);
}

/* The first 1230 rows have opted out: chunk 0 is still a canary, and no number of a chunk is left
 * out. */
static void test_canary_after_a_desert(void **state)
{
    (void)state;
    write_list("c", 0, 3000, "");
    rig_opt_out(&rig, 0, 1230);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    struct rig_campaign_copy campaign = rig_find(&rig, "c");
    assert_int_equal(campaign.accepted, 1770);
    check_chunks(&campaign, 0, 3000);
}

/* A whole block in the middle falls away: the chunk numbers stay dense. */
static void test_an_empty_block_gets_no_chunk(void **state)
{
    (void)state;
    write_list("c", 0, 4010, "");
    rig_opt_out(&rig, 1010, 1000);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    struct rig_campaign_copy campaign = rig_find(&rig, "c");
    assert_int_equal(campaign.accepted, 3010);
    assert_int_equal(campaign.n_chunks, 4);
    check_chunks(&campaign, 0, 4010);
}

static void assert_failed(const char *id, const char *says)
{
    const struct launch_view *view = rig_finish(&rig, id);
    assert_int_equal(view->phase, LAUNCH_FAILED);
    if (strstr(view->reason, says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", view->reason, says);
    assert_false(rig_find(&rig, id).is_there);
    assert_int_equal(rig.commits, 0);
}

/* The wrong number of recipients: nothing is left of it, and its numbers are free for others of the
 * group. */
static void test_expected_number(void **state)
{
    (void)state;
    write_list("c", 0, 1500, "dedup_group = g");
    write_list("d", 0, 1500, "dedup_group = g");
    assert_int_equal(
        rig_launch_with(&rig, "c", (struct launch_request){.now = true, .expect_recipients = 1501}),
        ERR_OK);
    assert_failed("c", "1501 recipients were expected, but 1500 are accepted");
    assert_true(launcher_view(rig.launcher, "c")->refused);
    assert_int_equal(
        rig_launch_with(&rig, "d", (struct launch_request){.now = true, .expect_recipients = 1500}),
        ERR_OK);
    assert_int_equal(rig_finish(&rig, "d")->phase, LAUNCH_DONE);
    assert_int_equal(rig_find(&rig, "d").accepted, 1500);
}

static void test_group_gets_one_message(void **state)
{
    (void)state;
    write_list("c", 0, 1500, "dedup_group = g");
    write_list("d", 1000, 1500, "dedup_group = g");
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    assert_int_equal(rig_launch(&rig, "d"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "d")->phase, LAUNCH_DONE);
    struct rig_campaign_copy campaign = rig_find(&rig, "d");
    assert_int_equal(campaign.accepted, 1000);
    assert_int_equal(campaign.duplicate, 500);
    check_chunks(&campaign, 1500, 1000);
}

static void test_nobody_left(void **state)
{
    (void)state;
    write_list("c", 0, 1200, "");
    rig_opt_out(&rig, 0, 1200);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_failed("c", "nobody to send to");
}

/* A CSV that turns bad in its middle: quotes that never close. */
static void test_a_broken_list(void **state)
{
    (void)state;
    char *csv = rig_list(0, 5000, false);
    csv = realloc(csv, strlen(csv) + 100);
    strcat(csv, "15499999999\n\"1540");
    rig_campaign(&rig, "c", csv, "");
    free(csv);
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_failed("c", "row 5003: a quotation mark opens");
}

static void test_refusals_before_the_import(void **state)
{
    (void)state;
    write_list("c", 0, 20, "nonsense = 1");
    assert_int_equal(rig_launch(&rig, "c"), ERR_INVALID);
    assert_non_null(strstr(rig.reason, "nonsense"));
    assert_int_equal(rig_launch(&rig, "not-there"), ERR_IO);

    write_list("late", 0, 20, "");
    char path[256], text[4096];
    snprintf(path, sizeof path, "%s/late.ini", rig.dir);
    FILE *file = fopen(path, "re");
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    char *late = strstr(text, "late_after = 2h");
    memcpy(late, "late_after = 1s", 15);
    rig_write(&rig, "late.ini", text);
    assert_int_equal(
        rig_launch_with(&rig, "late",
                        (struct launch_request){.now = false, .expect_recipients = -1}),
        ERR_REFUSED);
    assert_non_null(strstr(rig.reason, "--now"));
    assert_int_equal(rig_launch(&rig, "late"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "late")->phase, LAUNCH_DONE);
}

static void test_one_import_an_id(void **state)
{
    (void)state;
    write_list("c", 0, 20000, "");
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(launcher_running(rig.launcher), 1);
    assert_int_equal(rig_launch(&rig, "c"), ERR_EXISTS);
    assert_non_null(strstr(rig.reason, "being imported"));
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    assert_int_equal(rig_launch(&rig, "c"), ERR_REFUSED); /* it is live */
    struct rig_campaign_copy campaign = rig_find(&rig, "c");
    assert_int_equal(campaign.accepted, 20000);
}

static void count_started(void *arg, enum err error, const char *reason, const char *id,
                          const char *carrier)
{
    (void)reason;
    (void)id;
    (void)carrier;
    *(unsigned *)arg += error == ERR_OK;
}

static void test_only_so_many_imports(void **state)
{
    (void)state;
    unsigned started = 0;
    char path[128], id[32];
    struct launch_request request = {
        .file = path, .actor = "t", .now = true, .expect_recipients = -1};
    for (unsigned i = 0; i < LAUNCH_JOBS_MAX; i++) {
        snprintf(id, sizeof id, "c%u", i);
        snprintf(path, sizeof path, "%s/%s.ini", rig.dir, id);
        write_list(id, i * 1000, 500, "");
        assert_int_equal(launcher_start(rig.launcher, &request, count_started, &started), ERR_OK);
    }
    assert_int_equal(started, 0);
    assert_int_equal(launcher_start(rig.launcher, &request, count_started, &started), ERR_BUSY);
    rig_wait(&rig, rig_is_idle);
    assert_int_equal(started, LAUNCH_JOBS_MAX);
    assert_int_equal(rig.commits, LAUNCH_JOBS_MAX);
}

static bool has_staged_some(struct rig *r)
{
    return launcher_view(r->launcher, "c")->accepted > 3000;
}

static void test_stopped_by_a_person(void **state)
{
    (void)state;
    write_list("c", 0, 50000, "dedup_group = g");
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    rig_wait(&rig, has_staged_some);
    assert_true(launcher_stop(rig.launcher, "c", "cancelled by clerk1: typo"));
    assert_failed("c", "cancelled by clerk1: typo");
    assert_false(launcher_stop(rig.launcher, "c", "again"));
    write_list("d", 0, 50000, "dedup_group = g"); /* every reservation was given back */
    assert_int_equal(rig_launch(&rig, "d"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "d")->phase, LAUNCH_DONE);
    assert_int_equal(rig_find(&rig, "d").accepted, 50000);
}

/* The daemon dies half way: nothing can be sent, and the same launch works afterwards, also from
 * another daemon. */
static void test_killed_half_way(void **state)
{
    (void)state;
    static const char *const owners[] = {"daemon-1", "daemon-2"};
    write_list("c", 0, 50000, "dedup_group = g");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
        rig_wait(&rig, has_staged_some);
        rig_new_daemon(&rig, owners[i]);
        struct rig_campaign_copy campaign = rig_find(&rig, "c");
        assert_true(campaign.is_there);
        assert_string_equal(campaign.state, "importing");
        assert_int_equal(rig.commits, 0);
    }
}

static void test_launched_again_after_a_kill(void **state)
{
    (void)state;
    write_list("c", 0, 50000, "dedup_group = g");
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    rig_wait(&rig, has_staged_some);
    rig_new_daemon(&rig, "daemon-1");
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_DONE);
    struct rig_campaign_copy campaign = rig_find(&rig, "c");
    assert_int_equal(campaign.accepted, 50000);
    assert_int_equal(campaign.duplicate, 0);
    check_chunks(&campaign, 0, 50000);
}

/* Redis is killed and started again in the middle: the import goes on where it was, nobody is lost
 * or doubled. */
static void test_redis_dies_half_way(void **state)
{
    (void)state;
    write_list("c", 0, 60000, "dedup_group = g");
    assert_int_equal(rig_launch(&rig, "c"), ERR_OK);
    rig_wait(&rig, has_staged_some);
    rig_kill_redis(&rig);
    rig_start_redis(&rig);
    const struct launch_view *view = rig_finish(&rig, "c");
    assert_int_equal(view->phase, LAUNCH_DONE);
    struct rig_campaign_copy campaign = rig_find(&rig, "c");
    assert_int_equal(campaign.accepted, 60000);
    check_chunks(&campaign, 0, 60000);
}

static void test_without_redis(void **state)
{
    (void)state;
    write_list("c", 0, 100, "");
    rig_kill_redis(&rig);
    enum err error = rig_launch(&rig, "c");
    assert_true(error == ERR_CLOSED || error == ERR_TIMEOUT);
    assert_int_equal(rig_finish(&rig, "c")->phase, LAUNCH_FAILED);
}

#define WITH_REDIS(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_REDIS(test_a_list_becomes_a_campaign),
        WITH_REDIS(test_canary_after_a_desert),
        WITH_REDIS(test_an_empty_block_gets_no_chunk),
        WITH_REDIS(test_expected_number),
        WITH_REDIS(test_group_gets_one_message),
        WITH_REDIS(test_nobody_left),
        WITH_REDIS(test_a_broken_list),
        WITH_REDIS(test_refusals_before_the_import),
        WITH_REDIS(test_one_import_an_id),
        WITH_REDIS(test_only_so_many_imports),
        WITH_REDIS(test_stopped_by_a_person),
        WITH_REDIS(test_killed_half_way),
        WITH_REDIS(test_launched_again_after_a_kill),
        WITH_REDIS(test_redis_dies_half_way),
        WITH_REDIS(test_without_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
