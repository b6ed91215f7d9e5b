/* Who wrote, who may approve; areas in trial. */
#include "rig_one.h"

#include "store/drafts.h"

static struct rig_answer answer;

struct got {
    unsigned calls;
    enum err error;
    char author[32], by[32], file[32], state[16], asked_by[32], decided_by[32], reason[64];
    uint64_t people;
    /* areas */
    size_t n;
    bool is_live;
    uint64_t region, own[4];
};

static void on_record(void *arg, enum err error, const char *reason,
                      const struct draft_record *record)
{
    struct got *got = arg;
    (void)reason;
    got->calls++;
    got->error = error;
    snprintf(got->author, sizeof got->author, "%s", record->author);
    snprintf(got->by, sizeof got->by, "%s", record->updated_by);
    snprintf(got->file, sizeof got->file, "%s", record->file);
    snprintf(got->state, sizeof got->state, "%s", record->state);
    snprintf(got->asked_by, sizeof got->asked_by, "%s", record->asked_by);
    snprintf(got->decided_by, sizeof got->decided_by, "%s", record->decided_by);
    snprintf(got->reason, sizeof got->reason, "%s", record->reason);
    got->people = record->people;
}

static struct got read_draft(const char *id)
{
    struct got got = {0};
    assert_int_equal(drafts_read(rig.store, id, on_record, &got), ERR_OK);
    while (got.calls == 0)
        rig_turn(&rig);
    assert_int_equal(got.error, ERR_OK);
    return got;
}

static void touch(const char *id, enum draft_touch what, const char *who)
{
    RIG_CALL(
        answer, &rig,
        drafts_touch(rig.store, id, what, who, "a.csv", "cafe", RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static enum err ask(const char *who, const char *digest)
{
    RIG_CALL(answer, &rig,
             drafts_ask(rig.store, "d", who, digest, 700, RIG_NOW, rig_on_done, &answer));
    return answer.error;
}

static enum err decide(const char *who, const char *digest, bool approve)
{
    RIG_CALL(answer, &rig,
             drafts_decide(rig.store, "d", who, digest, approve, "because", RIG_NOW, rig_on_done,
                           &answer));
    return answer.error;
}

static void test_who_wrote(void **state)
{
    (void)state;
    assert_string_equal(read_draft("d").author, "");
    touch("d", DRAFT_CREATE, "ann");
    touch("d", DRAFT_EDIT, "ben");
    struct got got = read_draft("d");
    assert_string_equal(got.author, "ann");
    assert_string_equal(got.by, "ben");
    assert_string_equal(got.file, "");
    touch("d", DRAFT_UPLOAD, "cat");
    got = read_draft("d");
    assert_string_equal(got.by, "cat");
    assert_string_equal(got.file, "a.csv");
    RIG_CALL(answer, &rig, drafts_drop(rig.store, "d", rig_on_done, &answer));
    assert_string_equal(read_draft("d").author, "");
}

static void test_four_eyes(void **state)
{
    (void)state;
    assert_int_equal(decide("dan", "one", true), ERR_REFUSED); /* nobody has asked */
    touch("d", DRAFT_CREATE, "ann");
    touch("d", DRAFT_EDIT, "eve");
    touch("d", DRAFT_EDIT, "eve");
    touch("d", DRAFT_EDIT, "ben");
    assert_int_equal(ask("cat", "one"), ERR_OK);
    static const char *const same[] = {"ann", "ben", "cat", "eve"}; /* eve: not the last */
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(decide(same[i], "one", true), ERR_REFUSED);
        assert_non_null(strstr(answer.reason, "second person"));
    }
    assert_int_equal(decide("dan", "two", true), ERR_REFUSED); /* other files */
    assert_int_equal(decide("dan", "one", true), ERR_OK);
    struct got got = read_draft("d");
    assert_string_equal(got.state, "approved");
    assert_string_equal(got.decided_by, "dan");
    assert_int_equal(got.people, 700);
    assert_int_equal(ask("cat", "one"), ERR_REFUSED); /* it is */
    assert_int_equal(decide("dan", "one", true), ERR_REFUSED);
    assert_int_equal(ask("cat", "two"), ERR_OK); /* of other files: anew */
    assert_string_equal(read_draft("d").decided_by, "");
    assert_int_equal(decide("ann", "two", false), ERR_OK); /* anybody may send it back */
    got = read_draft("d");
    assert_string_equal(got.state, "returned");
    assert_string_equal(got.reason, "because");
    assert_int_equal(decide("dan", "two", true), ERR_REFUSED);
}

static void test_an_approval_may_be_taken_back(void **state)
{
    (void)state;
    touch("d", DRAFT_CREATE, "ann");
    assert_int_equal(ask("ann", "one"), ERR_OK);
    assert_int_equal(decide("dan", "one", true), ERR_OK);
    assert_int_equal(decide("dan", "one", false), ERR_OK);
    assert_string_equal(read_draft("d").state, "returned");
}

static void on_standing(void *arg, enum err error, const char *reason,
                        const struct area_standing *standing)
{
    struct got *got = arg;
    (void)reason;
    got->calls++;
    got->error = error;
    got->is_live = standing->is_live;
    got->n = standing->n_own;
    for (size_t i = 0; i < standing->n_own && i < 4; i++)
        got->own[i] = standing->own[i];
}

static struct got stand(uint64_t region)
{
    struct got got = {0};
    assert_int_equal(drafts_area_find(rig.store, region, on_standing, &got), ERR_OK);
    while (got.calls == 0)
        rig_turn(&rig);
    assert_int_equal(got.error, ERR_OK);
    return got;
}

static void set(uint64_t region, bool is_live)
{
    RIG_CALL(answer, &rig,
             drafts_area_set(rig.store, region, is_live, "root", "ready", RIG_NOW, rig_on_done,
                             &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static void test_the_nearest_record_counts(void **state)
{
    (void)state;
    const uint64_t nation = 0, county = 513327000000, town = 513327205000, village = 513327205201;
    assert_false(stand(village).is_live); /* nobody made it live */
    set(county, true);
    assert_true(stand(village).is_live);
    assert_true(stand(town).is_live);
    assert_false(stand(nation).is_live);
    set(town, false);
    assert_false(stand(village).is_live);
    set(nation, true);
    assert_false(stand(village).is_live);
    assert_true(stand(510000000000).is_live);
}

static void on_areas(void *arg, enum err error, const struct area_record *areas, size_t n)
{
    struct got *got = arg;
    got->calls++;
    got->error = error;
    got->n = n;
    got->region = n > 0 ? areas[0].region : 0;
    got->is_live = n > 0 && areas[0].is_live;
    snprintf(got->by, sizeof got->by, "%s", n > 0 ? areas[0].by : "");
}

static void test_own_numbers(void **state)
{
    (void)state;
    const uint64_t county = 513327000000, town = 513327205000;
    const uint64_t numbers[] = {15400000002, 15400000001};
    RIG_CALL(
        answer, &rig,
        drafts_area_numbers(rig.store, town, numbers, 2, "root", RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    RIG_CALL(answer, &rig,
             drafts_area_numbers(rig.store, county, &(uint64_t){15400000000}, 1, "root", RIG_NOW,
                                 rig_on_done, &answer));
    struct got got = stand(town);
    assert_false(got.is_live); /* numbers alone make nothing live */
    assert_int_equal(got.n, 3);
    assert_int_equal(got.own[0], 15400000000);
    assert_int_equal(got.own[2], 15400000002);
    assert_int_equal(stand(county).n, 1);
    set(town, true);
    assert_int_equal(stand(town).n, 3);
    struct got list = {0};
    assert_int_equal(drafts_areas(rig.store, 0, DRAFTS_AREAS_FIRST, 10, on_areas, &list), ERR_OK);
    while (list.calls == 0)
        rig_turn(&rig);
    assert_int_equal(list.n, 2);
    assert_true(list.region == county && !list.is_live);
    assert_string_equal(list.by, "root");
}

static enum err take(uint64_t n)
{
    RIG_CALL(
        answer, &rig,
        drafts_allowance_take(rig.store, "a:513327205000", 20261017, n, 50, rig_on_done, &answer));
    return answer.error;
}

static void on_count(void *arg, enum err error, uint64_t n)
{
    assert_int_equal(error, ERR_OK);
    *(int64_t *)arg = (int64_t)n;
}

static int64_t taken(uint32_t day)
{
    int64_t n = -1;
    assert_int_equal(drafts_allowance_taken(rig.store, "a:513327205000", day, on_count, &n),
                     ERR_OK);
    while (n < 0)
        rig_turn(&rig);
    return n;
}

static void test_so_many_a_day(void **state)
{
    (void)state;
    assert_int_equal(taken(20261017), 0);
    assert_int_equal(take(51), ERR_REFUSED);
    assert_int_equal(take(30), ERR_OK);
    assert_int_equal(take(21), ERR_REFUSED);
    assert_non_null(strstr(answer.reason, "20 of 50"));
    assert_int_equal(take(20), ERR_OK);
    assert_int_equal(take(1), ERR_REFUSED);
    assert_int_equal(taken(20261017), 50);
    assert_int_equal(taken(20261018), 0);
    RIG_CALL(
        answer, &rig,
        drafts_allowance_take(rig.store, "a:513327205000", 20261018, 1, 50, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_who_wrote, rig_one_empty),
        cmocka_unit_test_setup(test_four_eyes, rig_one_empty),
        cmocka_unit_test_setup(test_an_approval_may_be_taken_back, rig_one_empty),
        cmocka_unit_test_setup(test_the_nearest_record_counts, rig_one_empty),
        cmocka_unit_test_setup(test_own_numbers, rig_one_empty),
        cmocka_unit_test_setup(test_so_many_a_day, rig_one_empty),
    };
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
