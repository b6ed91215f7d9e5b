/* Pledges posted together leave the same bytes behind as the same pledges posted one by one, and
 * get the same answers: random ones, pushed twice, refused ones between them. */
#include "store/ledger_batch.h"

#include "rig.h"

#include <time.h>

#include "base/clock.h"
#include "store/ledger_proof.h"

#define PLEDGES 300
#define LIMIT INT64_C(1000000000000000)
#define DAY_CAP 6

static struct rig rig;
static struct ledger_batch *batch;

static int start(void **state)
{
    (void)state;
    static const char *const more[] = {"--enable-debug-command", "yes", NULL};
    rig_start_with(&rig, more);
    assert_int_equal(ledger_batch_new(rig.base, rig.store, &batch), ERR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    ledger_batch_free(batch);
    rig_stop(&rig);
    return 0;
}

struct got {
    unsigned calls;
    enum err error;
    uint64_t entry;
    char pledge[64], refusal[32];
    bool repeated;
};

static unsigned answered;

static void on_posted(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    struct got *got = arg;
    (void)reason;
    got->calls++;
    got->error = error;
    got->entry = posted->entry;
    got->repeated = posted->repeated;
    snprintf(got->pledge, sizeof got->pledge, "%s", posted->pledge);
    snprintf(got->refusal, sizeof got->refusal, "%s", posted->refusal);
    answered++;
}

static void wait_for(unsigned n)
{
    while (answered < n)
        rig_turn(&rig);
    assert_int_equal(answered, n);
}

static void digest(char out[64])
{
    redisReply *reply = rig_admin(&rig, "DEBUG DIGEST");
    snprintf(out, 64, "%s", reply->str);
    freeReplyObject(reply);
}

static struct ledger_entry entries[PLEDGES];
static char requests[PLEDGES][32];

/* Of money, confirmed, with a request of its own. */
static struct ledger_entry pledge_of(size_t i, uint64_t area, int64_t fen)
{
    snprintf(requests[i], sizeof requests[i], "sms:%zu", i);
    return (struct ledger_entry){.type = LEDGER_PLEDGE,
                                 .actor = "sms",
                                 .source = "sms",
                                 .request = requests[i],
                                 .area = area,
                                 .kind = PLEDGE_CASH,
                                 .fen = fen,
                                 .confirmed = true};
}

static struct ledger_entry one(size_t i)
{
    static const uint64_t areas[] = {513327205201, 513327205202,    513327205000,
                                     441900003000, AREA_UNASSIGNED, 0};
    if (i > 0 && rand() % 5 == 0)
        return entries[(size_t)rand() % i]; /* pushed again */
    snprintf(requests[i], sizeof requests[i], "sms:%zu", rand() % 20 ? i : i / 2);
    struct ledger_entry entry = {.type = LEDGER_PLEDGE,
                                 .actor = "sms",
                                 .source = "sms",
                                 .request = requests[i],
                                 .campaign = rand() % 3 ? "oct" : "",
                                 .area = areas[(size_t)rand() % 6],
                                 .kind = PLEDGE_CASH,
                                 .fen = rand() % 5 ? 1 + rand() % 100000 : LIMIT - rand() % 100,
                                 .name = "张三",
                                 .mobile = UINT64_C(13800138000) + (uint64_t)(rand() % 60),
                                 .shown = NAME_MASKED,
                                 .confirmed = rand() % 2 == 0};
    if (rand() % 4 == 0) {
        entry.kind = PLEDGE_GOODS;
        entry.fen = 0;
        entry.thousandths = 1 + rand() % 5000;
        entry.value_fen = rand() % 1000;
        entry.item = rand() % 2 ? "大米" : "面粉";
        entry.unit = rand() % 8 ? "袋" : ""; /* without it: refused */
    }
    if (rand() % 10 == 0)
        entry.on = 20251230; /* refused where the year is closed */
    return entry;
}

static void close_a_county(void)
{
    static struct got got;
    const struct ledger_entry closing = {.type = LEDGER_CLOSE,
                                         .actor = "a",
                                         .source = "cli",
                                         .request = "close",
                                         .area = 441900000000,
                                         .on = 20251231};
    answered = 0;
    assert_int_equal(ledger_post(rig.store, &closing, 0, RIG_NOW, on_posted, &got), ERR_OK);
    wait_for(1);
    assert_int_equal(got.error, ERR_OK);
}

static void test_the_same_as_one_by_one(void **state)
{
    (void)state;
    static struct got alone[PLEDGES], together[PLEDGES];
    char first[64], second[64];
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (size_t i = 0; i < PLEDGES; i++)
        entries[i] = one(i);

    rig_do(&rig, "FLUSHALL"); /* both times without the number of the layout */
    close_a_county();
    for (size_t i = 0; i < PLEDGES; i++) {
        answered = 0;
        assert_int_equal(
            ledger_post(rig.store, &entries[i], DAY_CAP, RIG_NOW, on_posted, &alone[i]), ERR_OK);
        wait_for(1);
    }
    digest(first);
    rig_do(&rig, "FLUSHALL");

    close_a_county();
    answered = 0;
    size_t i = 0;
    unsigned refused = 0, repeated = 0;
    while (i < PLEDGES) {
        for (size_t n = 1 + (size_t)rand() % 50; n > 0 && i < PLEDGES; n--, i++)
            assert_int_equal(
                ledger_batch_post(batch, &entries[i], DAY_CAP, RIG_NOW, on_posted, &together[i]),
                ERR_OK);
        wait_for((unsigned)i);
    }
    digest(second);
    for (i = 0; i < PLEDGES; i++) {
        assert_int_equal(together[i].calls, 1);
        assert_int_equal(together[i].error, alone[i].error);
        assert_int_equal(together[i].entry, alone[i].entry);
        assert_int_equal(together[i].repeated, alone[i].repeated);
        assert_string_equal(together[i].pledge, alone[i].pledge);
        assert_string_equal(together[i].refusal, alone[i].refusal);
        refused += together[i].error == ERR_REFUSED;
        repeated += together[i].repeated;
    }
    assert_true(refused > 0 && refused < PLEDGES / 2 && repeated > 0);
    assert_string_equal(first, second);
}

static long long total(const char *area)
{
    return rig_number(&rig, "HGET t:{l}:t:%s:2026:* cash|pf", area);
}

/* 32 times the most that one entry may be is more than a double holds exactly. */
static void test_large_sums_are_exact(void **state)
{
    (void)state;
    static struct got got[LEDGER_BATCH_MAX];
    answered = 0;
    for (size_t i = 0; i < LEDGER_BATCH_MAX; i++) {
        struct ledger_entry entry =
            pledge_of(i, i % 2 ? 513327205201 : 513327205202, LIMIT - (int64_t)i);
        assert_int_equal(ledger_batch_post(batch, &entry, 0, RIG_NOW, on_posted, &got[i]), ERR_OK);
    }
    wait_for(LEDGER_BATCH_MAX);
    assert_int_equal(total("0"), 32 * LIMIT - 31 * 16);
    assert_int_equal(total("513327205201"), 16 * LIMIT - 256);
    assert_int_equal(total("513327205202"), 16 * LIMIT - 240);
}

/* The limit of a total counts what the same call has booked before. */
static void test_a_total_stops_in_the_middle(void **state)
{
    (void)state;
    static struct got got[8];
    rig_do(&rig, "HSET t:{l}:t:0:2026:* cash|pf 8995999999999999999");
    answered = 0;
    for (size_t i = 0; i < 8; i++) {
        struct ledger_entry entry = pledge_of(i, 513327205201, i == 6 ? 1000 : LIMIT);
        assert_int_equal(ledger_batch_post(batch, &entry, 0, RIG_NOW, on_posted, &got[i]), ERR_OK);
    }
    wait_for(8);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(got[i].error, i < 4 ? ERR_OK : ERR_REFUSED);
    assert_int_equal(total("0"), 8999999999999999999);
    assert_int_equal(total("513327205201"), 4 * LIMIT);
    assert_int_equal(rig_number(&rig, "GET t:{l}:n"), 4);
}

static void test_only_pledges(void **state)
{
    (void)state;
    static struct got got;
    const struct ledger_entry entry = {
        .type = LEDGER_CONFIRM, .actor = "sms", .source = "sms", .request = "r", .pledge = "x"};
    assert_int_equal(ledger_batch_post(batch, &entry, 0, RIG_NOW, on_posted, &got), ERR_RANGE);
    redisReply *reply = redisCommand(
        rig.admin, "FCALL or1_ledger_post_pledges 1 t:{l}: 1 20261017 0 4 t confirm req r");
    assert_int_equal(reply->elements, 2);
    assert_int_equal(reply->element[1]->element[0]->integer, 1);
    freeReplyObject(reply);
}

/* Redis gives up in the middle of a call: what was booked before is whole, totals too. */
static void test_an_error_in_the_middle(void **state)
{
    (void)state;
    static struct got got[3];
    rig_do(&rig, "SET t:{l}:m:1380013 broken");
    answered = 0;
    for (size_t i = 0; i < 3; i++) {
        struct ledger_entry entry = pledge_of(i, 513327205201, 100);
        entry.mobile = i == 1 ? 13800138000 : 13900139000;
        assert_int_equal(ledger_batch_post(batch, &entry, 0, RIG_NOW, on_posted, &got[i]), ERR_OK);
    }
    wait_for(3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(got[i].error, ERR_PROTOCOL); /* nobody knows: they come again */
    rig_do(&rig, "DEL t:{l}:m:1380013");
    const struct ledger_entry more = {.type = LEDGER_PLEDGE,
                                      .actor = "sms",
                                      .source = "sms",
                                      .request = "later",
                                      .area = 513327205201,
                                      .kind = PLEDGE_CASH,
                                      .fen = 100,
                                      .confirmed = true};
    answered = 0;
    assert_int_equal(ledger_batch_post(batch, &more, 0, RIG_NOW, on_posted, &got[0]), ERR_OK);
    wait_for(1);
    assert_int_equal(got[0].error, ERR_OK); /* the ledger goes on */
    assert_int_equal(total("0"), 100 * rig_number(&rig, "XLEN t:{l}:e"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_as_one_by_one, start, stop),
        cmocka_unit_test_setup_teardown(test_large_sums_are_exact, start, stop),
        cmocka_unit_test_setup_teardown(test_a_total_stops_in_the_middle, start, stop),
        cmocka_unit_test_setup_teardown(test_only_pledges, start, stop),
        cmocka_unit_test_setup_teardown(test_an_error_in_the_middle, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
