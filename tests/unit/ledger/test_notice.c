/* The public notice worked out of entries: whose day counts, what is taken back, what is left out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ledger/notice.h"

#define VILLAGE UINT64_C(513327205001)
#define TOWNSHIP UINT64_C(513327205000)

static struct notice *notice;
static const struct notice_row *rows;
static const struct notice_total *totals;
static size_t n_rows, n_totals;

static enum err begin(uint64_t region, const char *campaign, size_t max)
{
    struct notice_options options = {.region = region,
                                     .campaign = campaign,
                                     .from = 20261001,
                                     .to = 20261031,
                                     .pledges_max = max};
    return notice_new(&options, &notice);
}

static int start(void **state)
{
    (void)state;
    return begin(TOWNSHIP, "", 1000) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    notice_free(notice);
    return 0;
}

static void finish(void)
{
    assert_int_equal(notice_finish(notice, &rows, &n_rows, &totals, &n_totals), ERR_OK);
}

static const char *number_of(uint32_t serial)
{
    static char texts[8][NUMBER_TEXT_SIZE];
    static unsigned next;
    struct number number = {.county = 513327, .year = 2026, .serial = serial};
    return number_format(&number, texts[next++ % 8]);
}

static struct ledger_entry blank(enum ledger_type type, uint32_t serial, uint32_t on, int64_t fen)
{
    return (struct ledger_entry){.type = type,
                                 .pledge = number_of(serial),
                                 .area = VILLAGE,
                                 .on = on,
                                 .fen = fen,
                                 .campaign = "",
                                 .item = "",
                                 .unit = "",
                                 .name = "张三"};
}

static void step(enum ledger_type type, uint32_t serial, uint32_t on, int64_t fen)
{
    struct ledger_entry entry = blank(type, serial, on, fen);
    entry.confirmed = type == LEDGER_PLEDGE;
    entry.had_confirmed = type == LEDGER_VOID;
    assert_int_equal(notice_add(notice, &entry), ERR_OK);
}

static void undo(enum ledger_type was, uint32_t serial, uint32_t on, int64_t fen,
                 bool had_confirmed)
{
    struct ledger_entry entry = blank(LEDGER_REVERSE, serial, on, fen);
    entry.was = was;
    entry.had_confirmed = had_confirmed;
    assert_int_equal(notice_add(notice, &entry), ERR_OK);
}

static void test_days_of_the_period(void **state)
{
    (void)state;
    step(LEDGER_PLEDGE, 1, 20260930, 100);
    step(LEDGER_PLEDGE, 2, 20261001, 200);
    step(LEDGER_PLEDGE, 3, 20261031, 400);
    step(LEDGER_PLEDGE, 4, 20261101, 800);
    step(LEDGER_ARRIVE, 1, 20261015, 60);
    step(LEDGER_ARRIVE, 2, 20261101, 50);
    finish();
    assert_int_equal(n_rows, 3);
    assert_int_equal(rows[0].number.serial, 1);
    assert_int_equal(rows[0].sums.pledged, 0);
    assert_int_equal(rows[0].sums.arrived, 60);
    assert_int_equal(rows[1].sums.arrived, 0);
    assert_int_equal(n_totals, 1);
    assert_int_equal(totals[0].sums.pledged, 600);
    assert_int_equal(totals[0].sums.arrived, 60);
    assert_int_equal(totals[0].donors, 3);
}

/* Every step that counts, and what takes it back. */
static void test_what_is_taken_back(void **state)
{
    (void)state;
    step(LEDGER_PLEDGE, 1, 20261002, 100); /* void: gone */
    step(LEDGER_VOID, 1, 20261003, 100);
    step(LEDGER_PLEDGE, 2, 20261002, 100); /* the void was a mistake */
    step(LEDGER_VOID, 2, 20261003, 100);
    undo(LEDGER_VOID, 2, 20261004, 100, true);
    step(LEDGER_PLEDGE, 3, 20261002, 100); /* entered wrong */
    undo(LEDGER_PLEDGE, 3, 20261003, 100, true);
    step(LEDGER_PLEDGE, 4, 20261002, 100); /* arrived, delivered, both in part taken back */
    step(LEDGER_ARRIVE, 4, 20261003, 100);
    step(LEDGER_DELIVER, 4, 20261003, 70);
    undo(LEDGER_DELIVER, 4, 20261004, 70, false);
    step(LEDGER_DELIVER, 4, 20261005, 30);
    step(LEDGER_PLEDGE, 5, 20261002, 100); /* the rest went to another */
    step(LEDGER_TRANSFER, 5, 20261003, 40);
    step(LEDGER_PLEDGE, 6, 20260901, 100); /* taken back in the period, pledged before it */
    step(LEDGER_VOID, 6, 20261003, 100);
    step(LEDGER_WAIVE, 5, 20261003, 10);
    finish();
    assert_int_equal(n_rows, 4);
    assert_int_equal(rows[0].number.serial, 2);
    assert_int_equal(rows[0].sums.pledged, 100);
    assert_int_equal(rows[1].sums.arrived, 100);
    assert_int_equal(rows[1].sums.delivered, 30);
    assert_int_equal(rows[2].sums.pledged, 60);
    assert_int_equal(rows[3].sums.pledged, -100);
    assert_int_equal(totals[0].sums.pledged, 160);
}

static void test_unconfirmed_does_not_count(void **state)
{
    (void)state;
    struct ledger_entry entry = blank(LEDGER_PLEDGE, 1, 20261002, 100);
    assert_int_equal(notice_add(notice, &entry), ERR_OK);
    entry = blank(LEDGER_PLEDGE, 2, 20261002, 100);
    assert_int_equal(notice_add(notice, &entry), ERR_OK);
    step(LEDGER_CONFIRM, 2, 20261003, 100);
    entry = blank(LEDGER_PLEDGE, 3, 20261002, 100);
    assert_int_equal(notice_add(notice, &entry), ERR_OK);
    entry = blank(LEDGER_VOID, 3, 20261003, 100); /* was never confirmed: nothing to take back */
    assert_int_equal(notice_add(notice, &entry), ERR_OK);
    finish();
    assert_int_equal(n_rows, 1);
    assert_int_equal(rows[0].number.serial, 2);
}

static void test_other_areas_and_campaigns(void **state)
{
    (void)state;
    notice_free(notice);
    assert_int_equal(begin(VILLAGE, "c1", 1000), ERR_OK);
    for (uint32_t i = 1; i <= 4; i++) {
        struct ledger_entry entry = blank(LEDGER_PLEDGE, i, 20261002, 100);
        entry.confirmed = true;
        entry.area = i == 2 ? TOWNSHIP : VILLAGE;
        entry.campaign = i == 3 ? "c2" : i == 4 ? "" : "c1";
        assert_int_equal(notice_add(notice, &entry), ERR_OK);
    }
    finish();
    assert_int_equal(n_rows, 1);
    assert_int_equal(rows[0].number.serial, 1);
    notice_free(notice);
    assert_int_equal(begin(0, "-", 1000), ERR_OK);
    step(LEDGER_PLEDGE, 4, 20261002, 100);
    finish();
    assert_int_equal(n_rows, 1);
}

static void test_things_by_item_and_unit(void **state)
{
    (void)state;
    static const char *const things[][2] = {
        {"大米", "袋"}, {"大米", "斤"}, {"面粉", "袋"}, {"大米", "袋"}};
    for (uint32_t i = 0; i < 4; i++) {
        struct ledger_entry entry = blank(LEDGER_PLEDGE, i + 1, 20261002, 0);
        entry.kind = PLEDGE_GOODS;
        entry.confirmed = true;
        entry.thousandths = 1000 << i;
        entry.item = things[i][0];
        entry.unit = things[i][1];
        assert_int_equal(notice_add(notice, &entry), ERR_OK);
    }
    finish();
    assert_int_equal(n_totals, 3);
    int64_t sum = 0;
    for (size_t i = 0; i < n_totals; i++) {
        bool is_rice_in_bags =
            strcmp(totals[i].item, "大米") == 0 && strcmp(totals[i].unit, "袋") == 0;
        assert_int_equal(totals[i].donors, is_rice_in_bags ? 2 : 1);
        if (is_rice_in_bags)
            assert_int_equal(totals[i].sums.pledged, 9000);
        sum += totals[i].sums.pledged;
    }
    assert_int_equal(sum, 15000);
}

static void test_many_and_too_many(void **state)
{
    (void)state;
    notice_free(notice);
    assert_int_equal(begin(0, "", 5000), ERR_OK);
    for (uint32_t i = 1; i <= 5000; i++)
        step(LEDGER_PLEDGE, i, 20261002, i);
    for (uint32_t i = 1; i <= 5000; i++)
        step(LEDGER_ARRIVE, i, 20261003, i);
    struct ledger_entry entry = blank(LEDGER_PLEDGE, 5001, 20261002, 1);
    assert_int_equal(notice_add(notice, &entry), ERR_TOO_BIG);
    finish();
    assert_int_equal(n_rows, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(rows[i].number.serial, i + 1);
        assert_int_equal(rows[i].sums.arrived, i + 1);
    }
    assert_int_equal(totals[0].sums.pledged, 5000 * 5001 / 2);
}

static void test_sums_that_leave_64_bits_are_refused(void **state)
{
    (void)state;
    step(LEDGER_PLEDGE, 1, 20261002, INT64_MAX);
    struct ledger_entry entry = blank(LEDGER_CONFIRM, 1, 20261002, 1);
    assert_int_equal(notice_add(notice, &entry), ERR_RANGE);
    step(LEDGER_PLEDGE, 2, 20261002, INT64_MAX);
    assert_int_equal(notice_finish(notice, &rows, &n_rows, &totals, &n_totals), ERR_RANGE);
}

static void test_nothing(void **state)
{
    (void)state;
    finish();
    assert_int_equal(n_rows + n_totals, 0);
}

/* What was finished stays as it is while more is added, and then is of everything. */
static void test_goes_on_after_the_end(void **state)
{
    (void)state;
    step(LEDGER_PLEDGE, 1, 20261002, 100);
    finish();
    const struct notice_row *before = rows;
    for (uint32_t i = 2; i <= 600; i++)
        step(LEDGER_PLEDGE, i, 20261003, 5);
    step(LEDGER_VOID, 1, 20261004, 100);
    assert_int_equal(n_rows, 1);
    assert_int_equal(before[0].sums.pledged, 100);
    assert_string_equal(before[0].name, "张三");
    assert_int_equal(totals[0].sums.pledged, 100);
    finish();
    assert_int_equal(n_rows, 599);
    assert_int_equal(totals[0].donors, 599);
    assert_int_equal(totals[0].sums.pledged, 599 * 5);
}

static void test_rows_that_are_missing(void **state)
{
    (void)state;
    struct ledger_row strange[2] = {{.n = 7}, {.n = 9}};
    uint64_t bad = 0;
    assert_int_equal(notice_add_rows(notice, strange, 0, 7, 7, &bad), ERR_INVALID);
    assert_int_equal(bad, 7);
    assert_int_equal(notice_add_rows(notice, strange + 1, 1, 8, 8, &bad), ERR_INVALID);
    assert_int_equal(bad, 8);
    assert_int_equal(notice_add_rows(notice, strange, 1, 7, 7, &bad), ERR_INVALID); /* no type */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_days_of_the_period),
        TEST(test_what_is_taken_back),
        TEST(test_unconfirmed_does_not_count),
        TEST(test_other_areas_and_campaigns),
        TEST(test_things_by_item_and_unit),
        TEST(test_many_and_too_many),
        TEST(test_sums_that_leave_64_bits_are_refused),
        TEST(test_nothing),
        TEST(test_goes_on_after_the_end),
        TEST(test_rows_that_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
