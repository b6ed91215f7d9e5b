/* Different donors of an area, a year and a campaign: who is one donor, when she counts, and random
 * ledgers against counting anew. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/donors.h"
#include "pledge/area.h"

#define VILLAGE UINT64_C(513327205001)
#define OTHER UINT64_C(513328201002)

static struct donors *donors;

static int start(void **state)
{
    (void)state;
    return donors_new(1000000, &donors) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    donors_free(donors);
    return 0;
}

static const char *number_of(uint32_t serial)
{
    static char texts[8][NUMBER_TEXT_SIZE];
    static unsigned next;
    struct number number = {.county = 513327, .year = 2026, .serial = serial};
    return number_format(&number, texts[next++ % 8]);
}

static struct ledger_entry entry_of(enum ledger_type type, uint32_t serial)
{
    return (struct ledger_entry){.type = type,
                                 .pledge = number_of(serial),
                                 .area = VILLAGE,
                                 .year = 2026,
                                 .campaign = "c1",
                                 .item = "",
                                 .unit = "",
                                 .name = ""};
}

static void give(uint32_t serial, uint64_t mobile, const char *name, uint64_t area,
                 bool is_organisation)
{
    struct ledger_entry entry = entry_of(LEDGER_PLEDGE, serial);
    entry.mobile = mobile;
    entry.name = name;
    entry.area = area;
    entry.is_organisation = is_organisation;
    entry.confirmed = true;
    assert_int_equal(donors_add(donors, &entry), ERR_OK);
}

static void step(enum ledger_type type, enum ledger_type was, uint32_t serial, bool flag)
{
    struct ledger_entry entry = entry_of(type, serial);
    entry.was = was;
    entry.had_confirmed = entry.whole = flag;
    assert_int_equal(donors_add(donors, &entry), ERR_OK);
}

#define COUNT(area) donors_count(donors, area, 0, "")

static void test_who_is_one_donor(void **state)
{
    (void)state;
    give(1, 13800138000, "张三", VILLAGE, false);
    give(2, 13800138000, "张先生", OTHER, false); /* the number decides */
    assert_int_equal(COUNT(0), 1);
    assert_int_equal(COUNT(VILLAGE), 1);
    assert_int_equal(COUNT(OTHER), 1);
    give(3, 0, "张三", VILLAGE, false); /* without one: by name and township */
    give(4, 0, "张三", VILLAGE + 1, false);
    give(5, 0, "张三", OTHER, false);
    assert_int_equal(COUNT(0), 3);
    give(6, 0, "供销社", VILLAGE, true); /* an organisation by its name */
    give(7, 0, "供销社", OTHER, true);
    assert_int_equal(COUNT(0), 4);
    give(8, 0, "供销社", VILLAGE, false);
    assert_int_equal(COUNT(0), 5);
    give(9, 0, "", VILLAGE, false); /* nobody knows: each is one */
    give(10, 0, "", VILLAGE, false);
    assert_int_equal(COUNT(0), 7);
    assert_int_equal(COUNT(UINT64_C(513327000000)), 6);
    assert_int_equal(COUNT(UINT64_C(510000000000)), 7);
}

static void test_when_a_donor_counts(void **state)
{
    (void)state;
    give(1, 13800138000, "", VILLAGE, false);
    give(2, 13800138000, "", VILLAGE, false);
    step(LEDGER_VOID, 0, 1, true);
    assert_int_equal(COUNT(0), 1);
    step(LEDGER_VOID, 0, 2, true);
    assert_int_equal(COUNT(0), 0); /* her only pledge was withdrawn */
    step(LEDGER_REVERSE, LEDGER_VOID, 2, true);
    assert_int_equal(COUNT(0), 1);
    step(LEDGER_TRANSFER, 0, 2, false); /* a part only */
    assert_int_equal(COUNT(0), 1);
    step(LEDGER_TRANSFER, 0, 2, true);
    assert_int_equal(COUNT(0), 0);
    struct ledger_entry unconfirmed = entry_of(LEDGER_PLEDGE, 3);
    unconfirmed.mobile = 13900139000;
    assert_int_equal(donors_add(donors, &unconfirmed), ERR_OK);
    assert_int_equal(COUNT(0), 0);
    step(LEDGER_CONFIRM, 0, 3, false);
    assert_int_equal(COUNT(0), 1);
    step(LEDGER_ARRIVE, 0, 3, true);
    step(LEDGER_REVERSE, LEDGER_ARRIVE, 3, true);
    assert_int_equal(COUNT(0), 1);
    step(LEDGER_REVERSE, LEDGER_CONFIRM, 3, false);
    assert_int_equal(COUNT(0), 0);
    give(4, 1, "", VILLAGE, false);
    step(LEDGER_REVERSE, LEDGER_PLEDGE, 4, true); /* entered wrong */
    assert_int_equal(COUNT(0), 0);
}

static void test_years_and_campaigns(void **state)
{
    (void)state;
    const struct {
        uint32_t year;
        const char *campaign;
    } gifts[] = {{2026, "c1"}, {2026, "c2"}, {2026, ""}, {2027, "c1"}};
    for (uint32_t i = 0; i < 4; i++) {
        struct ledger_entry entry = entry_of(LEDGER_PLEDGE, i + 1);
        entry.mobile = 13800138000;
        entry.year = gifts[i].year;
        entry.campaign = gifts[i].campaign;
        entry.confirmed = true;
        assert_int_equal(donors_add(donors, &entry), ERR_OK);
    }
    assert_int_equal(donors_count(donors, 0, 0, ""), 1);
    assert_int_equal(donors_count(donors, 0, 2026, ""), 1);
    assert_int_equal(donors_count(donors, 0, 2027, "c1"), 1);
    assert_int_equal(donors_count(donors, 0, 2027, "c2"), 0);
    assert_int_equal(donors_count(donors, 0, 2026, "-"), 1);
    assert_int_equal(donors_count(donors, 0, 2027, "-"), 0);
    assert_int_equal(donors_count(donors, 0, 0, "c2"), 1);
    step(LEDGER_VOID, 0, 2, true);
    assert_int_equal(donors_count(donors, 0, 0, "c2"), 0);
    assert_int_equal(donors_count(donors, 0, 2026, ""), 1);
}

static void test_what_cannot_be(void **state)
{
    (void)state;
    struct ledger_entry entry = entry_of(LEDGER_CONFIRM, 1);
    assert_int_equal(donors_add(donors, &entry), ERR_INVALID);
    give(1, 1, "", VILLAGE, false);
    entry = entry_of(LEDGER_PLEDGE, 1);
    assert_int_equal(donors_add(donors, &entry), ERR_INVALID);
    donors_free(donors);
    assert_int_equal(donors_new(1, &donors), ERR_OK);
    give(1, 1, "", VILLAGE, false);
    entry = entry_of(LEDGER_PLEDGE, 2);
    assert_int_equal(donors_add(donors, &entry), ERR_TOO_BIG);
}

/* ---- against counting anew ---- */

#define PLEDGES 300
static struct {
    uint64_t mobile, area;
    uint32_t year;
    bool counts;
} model[PLEDGES];

static unsigned count_anew(uint64_t area, uint32_t year)
{
    unsigned n = 0;
    for (size_t mobile = 1; mobile <= 40; mobile++) {
        bool is_there = false;
        for (size_t i = 0; i < PLEDGES; i++)
            is_there |= model[i].counts && model[i].mobile == mobile &&
                        area_within(model[i].area, area) && (year == 0 || model[i].year == year);
        n += is_there;
    }
    return n;
}

static void compare_all(void)
{
    static const uint64_t areas[] = {0,
                                     UINT64_C(510000000000),
                                     UINT64_C(513300000000),
                                     UINT64_C(513327000000),
                                     UINT64_C(513327205000),
                                     VILLAGE,
                                     OTHER,
                                     UINT64_C(110000000000),
                                     AREA_UNASSIGNED};
    for (size_t i = 0; i < sizeof areas / sizeof *areas; i++)
        for (uint32_t year = 0; year <= 2027; year = year == 0 ? 2026 : year + 1)
            assert_int_equal(donors_count(donors, areas[i], year, "c1"),
                             count_anew(areas[i], year));
}

static void test_random_ledgers(void **state)
{
    (void)state;
    static const uint64_t areas[] = {
        VILLAGE, OTHER, UINT64_C(513327205000), UINT64_C(110101001001), AREA_UNASSIGNED, 0};
    unsigned seed = getenv("SEED") != NULL ? (unsigned)atoi(getenv("SEED")) : 20261017;
    print_message("SEED=%u\n", seed);
    srand(seed);
    memset(model, 0, sizeof model);
    for (uint32_t i = 0; i < PLEDGES; i++) {
        model[i].mobile = (uint64_t)(rand() % 40) + 1;
        model[i].area = areas[rand() % 6];
        model[i].year = 2026 + (uint32_t)(rand() % 2);
        model[i].counts = rand() % 4 != 0;
        struct ledger_entry entry = entry_of(LEDGER_PLEDGE, i + 1);
        entry.mobile = model[i].mobile;
        entry.area = model[i].area;
        entry.year = model[i].year;
        entry.confirmed = model[i].counts;
        assert_int_equal(donors_add(donors, &entry), ERR_OK);
        uint32_t other = (uint32_t)rand() % (i + 1);
        step(model[other].counts ? LEDGER_VOID : LEDGER_CONFIRM, 0, other + 1, true);
        model[other].counts = !model[other].counts;
        if (i % 20 == 0)
            compare_all();
    }
    compare_all();
}

/* Each donor with one pledge, as most have. */
static void test_memory(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 100000; i++)
        give(i, 13800000000 + i, "", VILLAGE + i % 1000, false);
    assert_int_equal(COUNT(0), 100000);
    print_message("%zu bytes a donor\n", donors_bytes(donors) / 100000);
    assert_true(donors_bytes(donors) < 128 * 100000);
}

/* No single pledge makes a whole table grow: with a million of them it took the loop 70 ms to put
 * all of them in their new places. (An array that doubles keeps them where they are.) */
static void test_tables_grow_in_parts(void **state)
{
    (void)state;
    size_t before = donors_bytes(donors), most = 0;
    for (uint32_t i = 1; i <= 100000; i++) {
        bool is_doubled = ((i - 1) & (i - 2)) == 0; /* an array with one element a pledge */
        give(i, 13800000000 + i, "", VILLAGE, false);
        size_t now = donors_bytes(donors);
        if (!is_doubled && now - before > most)
            most = now - before;
        before = now;
    }
    assert_true(most > 0 && most < 65536);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_who_is_one_donor),     TEST(test_when_a_donor_counts),
        TEST(test_years_and_campaigns),  TEST(test_what_cannot_be),
        TEST(test_random_ledgers),       TEST(test_memory),
        TEST(test_tables_grow_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
