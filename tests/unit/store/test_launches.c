/* The list of launches, its version, and where a number stands. */
#include "store/launches.h"

#include "rig_one.h"

#include "sms/mobile.h"
#include "store/chunk.h"

static struct rig_answer answer;

static struct {
    struct launch launches[8];
    char ids[8][64], serials[8][24], version[LAUNCHES_VERSION_SIZE];
    size_t n;
} listed;

static void on_list(void *arg, enum err error, const char *version, const struct launch *launches,
                    size_t n)
{
    rig_got(arg, error, "");
    listed.n = n;
    snprintf(listed.version, sizeof listed.version, "%s", version);
    for (size_t i = 0; i < n && i < 8; i++) {
        listed.launches[i] = launches[i];
        snprintf(listed.ids[i], sizeof listed.ids[i], "%s", launches[i].id);
        listed.launches[i].id = listed.ids[i];
        snprintf(listed.serials[i], sizeof listed.serials[i], "%s", launches[i].add_serial);
        listed.launches[i].add_serial = listed.serials[i];
    }
}

static void list(void)
{
    RIG_CALL(answer, &rig, launches_list(rig.store, "mas", on_list, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static struct launches_place place;
static void on_place(void *arg, enum err error, const struct launches_place *found)
{
    rig_got(arg, error, "");
    place = *found;
}

static void seek(uint64_t number, const struct launches_range *ranges, size_t n)
{
    RIG_CALL(answer, &rig,
             launches_seek(rig.store, "mas", listed.version, number, ranges, n, on_place, &answer));
}

static void on_said(void *arg, enum err error, const char *reason,
                    const struct queue_appended *appended)
{
    (void)appended;
    rig_got(arg, error, reason);
}

static void test_list(void **state)
{
    (void)state;
    list();
    assert_int_equal(listed.n, 0);
    assert_string_equal(listed.version, "");
    uint32_t one = rig_launch(&rig, rig_fields("one"), RIG_FIRST, 1, 20, 10);
    list();
    assert_int_equal(listed.n, 1);
    char first[LAUNCHES_VERSION_SIZE];
    snprintf(first, sizeof first, "%s", listed.version);
    assert_true(first[0] != '\0');
    assert_false(listed.launches[0].takes_pledges);
    assert_string_equal(listed.launches[0].add_serial, "");

    struct campaign_fields fields = rig_fields("two");
    fields.takes_pledges = true;
    fields.add_serial = "077";
    uint32_t two = rig_launch(&rig, fields, RIG_FIRST, 1, 15, 10);
    fields = rig_fields("talk"); /* an open campaign is none that people answer */
    const struct queue_message message = {
        .request = "m", .number = RIG_FIRST, .values = (const uint8_t *)"", .segments = 1};
    RIG_CALL(answer, &rig, queue_append(rig.store, &fields, &message, RIG_NOW, on_said, &answer));
    assert_int_equal(answer.error, ERR_OK);
    list();
    assert_string_not_equal(listed.version, first);
    assert_int_equal(listed.n, 2);
    assert_int_equal(listed.launches[0].seq, two);
    assert_string_equal(listed.launches[0].id, "two");
    assert_int_equal(listed.launches[0].recipients, 15);
    assert_int_equal(listed.launches[0].n_chunks, 2);
    assert_true(listed.launches[0].takes_pledges);
    assert_string_equal(listed.launches[0].add_serial, "077");
    assert_int_equal(listed.launches[1].seq, one);
}

/* While an id is imported anew, and when that is thrown away, its launch before is still the one.
 */
static void test_an_import_hides_nothing(void **state)
{
    (void)state;
    uint32_t old = rig_launch(&rig, rig_fields("c"), RIG_FIRST, 1, 20, 10);
    RIG_CALL(answer, &rig,
             queue_act(rig.store, "mas", old, ACT_CANCEL, "a", "r", 0, RIG_NOW, rig_on_changed,
                       &answer));
    list();
    char before[LAUNCHES_VERSION_SIZE];
    snprintf(before, sizeof before, "%s", listed.version);
    const struct campaign_fields fields = rig_fields("c");
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    uint32_t again = answer.seq;
    list();
    assert_int_equal(listed.n, 1);
    assert_int_equal(listed.launches[0].seq, old);
    RIG_CALL(answer, &rig, queue_abort(rig.store, "mas", again, rig_on_done, &answer));
    list();
    assert_int_equal(listed.n, 1);
    assert_int_equal(listed.launches[0].seq, old);
    assert_string_equal(listed.version, before);
}

#define CHUNKS 90

static uint32_t launch_in_villages(void)
{
    struct campaign_fields fields = rig_fields("c");
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    uint32_t seq = answer.seq;
    for (uint32_t chunk = 0; chunk < CHUNKS; chunk++) {
        struct chunk_row rows[4];
        for (size_t i = 0; i < 4; i++)
            rows[i] = (struct chunk_row){.number = RIG_FIRST + chunk + 1000 * i,
                                         .region = chunk % 2 ? 513327205201 + i : 513327205201};
        struct chunk_ref ref = {"mas", seq, chunk};
        RIG_CALL(answer, &rig, queue_stage(rig.store, ref, rows, 4, rig_on_done, &answer));
        assert_int_equal(answer.error, ERR_OK);
    }
    RIG_CALL(answer, &rig,
             queue_commit(rig.store, seq, &fields, CHUNKS, 4 * CHUNKS, 0, false, RIG_NOW,
                          rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return seq;
}

static void test_seek(void **state)
{
    (void)state;
    uint32_t seq = launch_in_villages();
    list();
    for (uint32_t chunk = 0; chunk < CHUNKS; chunk += 3) {
        for (uint32_t i = 0; i < 4; i++) {
            const struct launches_range all[] = {{99, 0, 2}, {seq, 0, chunk}, {seq, chunk, CHUNKS}};
            seek(RIG_FIRST + chunk + UINT64_C(1000) * i, all, 3);
            assert_int_equal(answer.error, ERR_OK);
            assert_true(place.is_there);
            assert_int_equal(place.range, 2);
            assert_int_equal(place.chunk, chunk);
            assert_int_equal(place.position, i);
            assert_int_equal(place.region, chunk % 2 ? 513327205201 + i : 513327205201);
        }
    }
    const struct launches_range part = {seq, 0, 5};
    seek(RIG_FIRST + 5, &part, 1);
    assert_int_equal(answer.error, ERR_OK);
    assert_false(place.is_there);
    seek(RIG_FIRST + 999, NULL, 0);
    assert_int_equal(answer.error, ERR_OK);
    assert_false(place.is_there);
    rig_launch(&rig, rig_fields("other"), RIG_FIRST + 500000, 1, 20, 10);
    seek(RIG_FIRST, &part, 1);
    assert_int_equal(answer.error, ERR_STALE);
    const struct launches_range most = {seq, 0, LAUNCHES_CHUNKS_A_CALL + 1};
    assert_int_equal(launches_seek(rig.store, "mas", "", RIG_FIRST, &most, 1, on_place, &answer),
                     ERR_RANGE);
}

static uint64_t seen[8];
static size_t n_seen;
static void on_chunk(void *arg, uint32_t chunk, const uint8_t *numbers, size_t n)
{
    (void)arg;
    for (size_t i = 0; i < n && n_seen < 8; i++)
        seen[n_seen++] = mobile_unpack(numbers + i * MOBILE_PACKED_BYTES) + chunk * UINT64_C(100);
}
static void on_read(void *arg, enum err error)
{
    rig_got(arg, error, "");
}

static void test_numbers(void **state)
{
    (void)state;
    uint32_t seq = launch_in_villages();
    rig_do(&rig, "DEL t:{mas}:p:%u:8", seq); /* purged */
    n_seen = 0;
    RIG_CALL(answer, &rig,
             launches_numbers(rig.store, "mas", (struct launches_range){seq, 7, 10}, on_chunk,
                              on_read, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(n_seen, 8);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(seen[i], RIG_FIRST + 7 + 1000 * i + 700);
        assert_int_equal(seen[4 + i], RIG_FIRST + 9 + 1000 * i + 900);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_list, rig_one_empty),
        cmocka_unit_test_setup(test_an_import_hides_nothing, rig_one_empty),
        cmocka_unit_test_setup(test_seek, rig_one_empty),
        cmocka_unit_test_setup(test_numbers, rig_one_empty),
    };
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
