/* Whom a number was sent to last, against a real Redis: with an index and without, while others
 * launch, and when what was known is old. */
#include "pledging/whose.h"

#include "../store/rig_one.h"

#include <time.h>

#define ANYBODY 40 /* campaigns at most */

static struct whose *whose;
static const char *only; /* the one that fits; NULL: all */

static bool fits(void *arg, const struct launch *launch)
{
    (void)arg;
    return !only || strcmp(launch->id, only) == 0;
}

struct found {
    unsigned calls;
    enum err error;
    char id[64];
    uint64_t region;
};

static void on_found(void *arg, enum err error, const char *id, uint64_t region)
{
    struct found *found = arg;
    found->calls++;
    found->error = error;
    found->region = region;
    snprintf(found->id, sizeof found->id, "%s", id ? id : "nobody");
}

static void begin(uint64_t number, struct found *found)
{
    *found = (struct found){.calls = 0};
    assert_int_equal(whose_find(whose, "mas", number, 0, fits, on_found, found), ERR_OK);
}

static void end(const struct found *found, const char *id)
{
    while (found->calls == 0)
        rig_turn(&rig);
    assert_int_equal(found->calls, 1);
    assert_int_equal(found->error, ERR_OK);
    assert_string_equal(found->id, id);
}

static void expect(uint64_t number, const char *id)
{
    struct found found;
    begin(number, &found);
    end(&found, id);
}

/* Functions of Redis that were called since the last look. */
static long long calls(void)
{
    redisReply *reply = rig_admin(&rig, "INFO commandstats");
    const char *at = strstr(reply->str, "cmdstat_fcall:calls=");
    long long n = at ? strtoll(at + strlen("cmdstat_fcall:calls="), NULL, 10) : 0;
    freeReplyObject(reply);
    rig_do(&rig, "CONFIG RESETSTAT");
    return n;
}

static void launch(const char *id, uint64_t first, size_t n)
{
    struct campaign_fields fields = rig_fields(id);
    rig_launch(&rig, fields, first, 7, n, 100);
}

static void test_the_latest_wins(void **state)
{
    (void)state;
    expect(RIG_FIRST, "nobody");
    launch("one", RIG_FIRST, 500);
    expect(RIG_FIRST, "one"); /* another daemon may have launched it: nobody has told us */
    expect(RIG_FIRST + 499 * 7, "one");
    expect(RIG_FIRST + 1, "nobody");
    launch("two", RIG_FIRST + 70, 500);
    expect(RIG_FIRST, "one");
    expect(RIG_FIRST + 70, "two");
    expect(RIG_FIRST + 509 * 7, "two");
    only = "one";
    expect(RIG_FIRST + 70, "one");
    only = "two";
    expect(RIG_FIRST, "nobody");
    only = NULL;
}

static const char *gone; /* the campaign that may not be */

static bool is_allowed(void *arg, const char *id)
{
    (void)arg;
    return !gone || strcmp(id, gone) != 0;
}

static void expect_code(const char *code, const char *before, size_t longer_than, const char *id)
{
    struct found found;
    only = "nobody";
    begin(RIG_FIRST, &found); /* tells what was launched since */
    end(&found, "nobody");
    only = NULL;
    const char *got = whose_by_code(whose, "mas", code, before, longer_than, is_allowed, NULL);
    assert_string_equal(got ? got : "nobody", id);
    assert_null(whose_by_code(whose, "other", code, before, longer_than, is_allowed, NULL));
}

static void launch_coded(const char *id, const char *digits, bool takes_pledges)
{
    struct campaign_fields fields = rig_fields(id);
    fields.add_serial = digits;
    fields.takes_pledges = takes_pledges;
    rig_launch(&rig, fields, RIG_FIRST, 7, 20, 100);
}

static void test_the_digits_of_the_code(void **state)
{
    (void)state;
    expect_code("1065730001", "", 0, "nobody");
    launch_coded("plain", "", true);
    launch_coded("seven", "7", true);
    launch_coded("double", "77", true);
    launch_coded("silent", "977", false);
    expect_code("1065730001", "", 0, "nobody");
    expect_code("10657300017", "", 0, "seven");
    expect_code("106573000177", "", 0, "double");
    expect_code("1065730001977", "", 0, "double"); /* the silent one takes no pledges */
    expect_code("106573000177", "", 1, "double");
    expect_code("106573000177", "", 2, "nobody");
    expect_code("77", "", 0, "double");
    expect_code("", "", 0, "nobody");
    expect_code("106573000177", "01", 0, "double"); /* the account's own stand before them */
    expect_code("106573000177", "017", 0, "seven");
    expect_code("106573000177", "02", 0, "nobody");
    expect_code("77", "177", 0, "nobody");
    gone = "double";
    expect_code("106573000177", "", 0, "seven");
    gone = NULL;
}

/* What is known is kept: one call of Redis for each that asks. */
static void test_one_call_each(void **state)
{
    (void)state;
    launch("one", RIG_FIRST, 3000);
    expect(RIG_FIRST, "one");
    calls();
    for (uint64_t i = 0; i < 20; i++)
        expect(RIG_FIRST + i * 7 * 150, "one");
    assert_int_equal(calls(), 20);
    expect(RIG_FIRST + 1, "nobody");
    assert_int_equal(calls(), 1);
}

static void test_many_at_once(void **state)
{
    (void)state;
    static struct found found[500];
    launch("one", RIG_FIRST, 3000);
    for (size_t i = 0; i < 500; i++)
        begin(RIG_FIRST + i * 7, &found[i]);
    for (size_t i = 0; i < 500; i++)
        end(&found[i], "one");
    launch("two", RIG_FIRST, 3000); /* between the questions and the answers of this time */
    for (size_t i = 0; i < 500; i++)
        begin(RIG_FIRST + i * 7, &found[i]);
    for (size_t i = 0; i < 500; i++)
        end(&found[i], "two");
}

static void test_purged_numbers_are_not_found(void **state)
{
    (void)state;
    launch("one", RIG_FIRST, 300);
    expect(RIG_FIRST, "one");
    redisReply *keys = rig_admin(&rig, "KEYS t:{mas}:p:*");
    for (size_t i = 0; i < keys->elements; i++)
        rig_do(&rig, "DEL %s", keys->element[i]->str);
    freeReplyObject(keys);
    expect(RIG_FIRST, "nobody");
}

/* Everything is another Redis' now, as after a restore. */
static void test_all_of_it_is_replaced(void **state)
{
    (void)state;
    launch("one", RIG_FIRST, 300);
    launch("two", RIG_FIRST, 300);
    expect(RIG_FIRST, "two");
    rig_do(&rig, "FLUSHALL");
    launch("three", RIG_FIRST + 7, 300);
    expect(RIG_FIRST, "nobody");
    expect(RIG_FIRST + 7, "three");
}

/* More campaigns than are looked through, of random sizes and overlaps, against a plain search. */
static void test_random_campaigns(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    struct {
        char id[16];
        uint64_t first;
        size_t n;
    } made[ANYBODY];
    for (size_t i = 0; i < ANYBODY; i++) {
        snprintf(made[i].id, sizeof made[i].id, "c%zu", i);
        made[i].first = RIG_FIRST + 7 * (uint64_t)(rand() % 2000);
        made[i].n = 1 + (size_t)(rand() % 400);
        launch(made[i].id, made[i].first, made[i].n);
        for (int j = 0; j < 5; j++) {
            uint64_t number = RIG_FIRST + (uint64_t)(rand() % (2400 * 7));
            const char *right = "nobody";
            for (size_t k = 0; k <= i; k++)
                if (i - k < WHOSE_CAMPAIGNS_MAX && number >= made[k].first &&
                    (number - made[k].first) % 7 == 0 && (number - made[k].first) / 7 < made[k].n)
                    right = made[k].id;
            expect(number, right);
        }
    }
}

static void test_freed_in_the_middle(void **state)
{
    (void)state;
    static struct found waiting[3];
    launch("one", RIG_FIRST, 300);
    expect(RIG_FIRST, "one");
    begin(RIG_FIRST, &waiting[0]);
    whose_free(whose);
    while (waiting[0].calls == 0)
        rig_turn(&rig);
    assert_int_equal(waiting[0].error, ERR_CLOSED);
    assert_int_equal(whose_new(rig.store, &whose), ERR_OK);
    begin(RIG_FIRST, &waiting[1]); /* the list is being read */
    begin(RIG_FIRST, &waiting[2]);
    whose_free(whose);
    assert_int_equal(waiting[1].error, ERR_CLOSED);
    assert_int_equal(waiting[2].error, ERR_CLOSED);
    assert_int_equal(whose_new(rig.store, &whose), ERR_OK);
    expect(RIG_FIRST, "one"); /* what was under way has come and found nobody */
}

static int each(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    return whose_new(rig.store, &whose);
}
static int after(void **state)
{
    (void)state;
    whose_free(whose);
    return 0;
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_latest_wins, each, after),
        cmocka_unit_test_setup_teardown(test_the_digits_of_the_code, each, after),
        cmocka_unit_test_setup_teardown(test_one_call_each, each, after),
        cmocka_unit_test_setup_teardown(test_many_at_once, each, after),
        cmocka_unit_test_setup_teardown(test_purged_numbers_are_not_found, each, after),
        cmocka_unit_test_setup_teardown(test_all_of_it_is_replaced, each, after),
        cmocka_unit_test_setup_teardown(test_random_campaigns, each, after),
        cmocka_unit_test_setup_teardown(test_freed_in_the_middle, each, after),
    };
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
