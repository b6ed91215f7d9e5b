/* The fold by itself: rows written by hand, and every fault it has to name. Whether it agrees with
 * the library is test_verify.c. */
#include "ledger/fold.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define VILLAGE UINT64_C(513327205201)
#define NUMBER_1 "513327-2026-000001-60"
#define NUMBER_2 "513327-2026-000002-57"

static struct fold *fold;
static char told[256];
static unsigned n_told;

static void on_fault(void *arg, uint64_t entry, const char *sentence)
{
    (void)arg;
    n_told++;
    snprintf(told, sizeof told, "%llu: %s", (unsigned long long)entry, sentence);
}

static int start(void **state)
{
    (void)state;
    n_told = 0;
    told[0] = '\0';
    return fold_new(on_fault, NULL, &fold) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    fold_free(fold);
    return 0;
}

/* An entry of a village's money: pairs of a name and a value, then NULL. */
static void add(uint64_t n, ...)
{
    struct ledger_row row = {.n = n, .is_sound = true};
    const char *const always[][2] = {{"t", "pledge"}, {"a", "513327205201"},
                                     {"k", "cash"},   {"c", "oct"},
                                     {"y", "2026"},   {"at", "1792198800000"}};
    for (size_t i = 0; i < LEDGER_FIELDS; i++) {
        row.values[i] = "";
        for (size_t j = 0; j < sizeof always / sizeof *always; j++) {
            if (strcmp(ledger_field_names[i], always[j][0]) == 0)
                row.values[i] = always[j][1];
        }
        va_list args;
        va_start(args, n);
        for (const char *name = va_arg(args, const char *); name != NULL;
             name = va_arg(args, const char *)) {
            const char *value = va_arg(args, const char *);
            if (strcmp(ledger_field_names[i], name) == 0)
                row.values[i] = value;
        }
        va_end(args);
        row.lens[i] = strlen(row.values[i]);
    }
    assert_int_equal(fold_add(fold, &row), ERR_OK);
}

static int64_t value(uint64_t area, const char *campaign, enum ledger_measure measure,
                     enum ledger_scope scope, bool is_count)
{
    struct ledger_figure_row figure = {.kind = PLEDGE_CASH,
                                       .measure = measure,
                                       .scope = scope,
                                       .is_count = is_count,
                                       .item = "",
                                       .unit = ""};
    for (size_t i = 0; i < fold_nodes(fold); i++) {
        struct ledger_node node = fold_node(fold, i);
        if (node.area == area && node.year == 2026 && strcmp(node.campaign, campaign) == 0)
            return fold_value(fold, i, &figure);
    }
    return -1;
}

static void pledge_and_arrival(void)
{
    add(1, "p", NUMBER_1, "fen", "10000", "fl", "c", NULL);
    add(2, "t", "arrive", "p", NUMBER_1, "fen", "4000", "rc", "R" NUMBER_1, NULL);
}

static void test_totals(void **state)
{
    (void)state;
    pledge_and_arrival();
    add(3, "p", NUMBER_2, "fen", "5", "c", "", NULL);
    assert_int_equal(n_told, 0);
    assert_int_equal(fold_last(fold), 3);
    assert_int_equal(value(VILLAGE, "oct", LEDGER_M_PLEDGED, LEDGER_DIRECT, false), 10000);
    assert_int_equal(value(0, "oct", LEDGER_M_PLEDGED, LEDGER_TREE, true), 1);
    assert_int_equal(value(0, "oct", LEDGER_M_PLEDGED, LEDGER_DIRECT, true), 0);
    assert_int_equal(value(0, "-", LEDGER_M_UNCONFIRMED, LEDGER_TREE, false), 5);
    assert_int_equal(value(UINT64_C(513327000000), "*", LEDGER_M_HELD, LEDGER_TREE, false), 4000);
    assert_int_equal(fold_nodes(fold), 6 * 3);
    assert_int_equal(fold_areas(fold), 6);
    assert_int_equal(fold_series_count(fold), 1);
    assert_int_equal(fold_series_at(fold, 0).pledges, 2);
    assert_int_equal(fold_series_at(fold, 0).receipts, 1);
    assert_int_equal(fold_pledge(fold, 0, 1).arrived, 4000);
    assert_int_equal(fold_pledge(fold, 0, 2).step, 'u');
}

static void test_a_reversal_takes_back(void **state)
{
    (void)state;
    pledge_and_arrival();
    add(3, "t", "reverse", "was", "arrive", "ref", "2", "why", "bank", "p", NUMBER_1, "fen", "4000",
        "rc", "R" NUMBER_1, NULL);
    assert_int_equal(n_told, 0);
    assert_int_equal(value(0, "*", LEDGER_M_ARRIVED, LEDGER_TREE, false), 0);
    assert_int_equal(fold_series_at(fold, 0).void_receipts, 1);
    add(4, "t", "reverse", "was", "arrive", "ref", "2", "why", "bank", "p", NUMBER_1, "fen", "4000",
        "rc", "R" NUMBER_1, NULL);
    assert_true(n_told > 0); /* once only */
}

#define FAULT(what, ...)                                                                           \
    do {                                                                                           \
        unsigned before = n_told;                                                                  \
        add(__VA_ARGS__, NULL);                                                                    \
        assert_int_equal(n_told, before + 1);                                                      \
        if (strstr(told, what) == NULL)                                                            \
            fail_msg("%s: not in: %s", what, told);                                                \
    } while (0)

static void test_faults(void **state)
{
    (void)state;
    pledge_and_arrival();
    FAULT("stands after", 2, "p", NUMBER_2, "fen", "1");
    FAULT("entries 3 to 4 are missing", 5, "p", NUMBER_2, "fen", "10", "fl", "c");
    FAULT("number 3 of its county", 6, "p", NUMBER_2, "fen", "1"); /* twice */
    FAULT("no number", 7, "p", "513327-2026-000003-00", "fen", "1");
    FAULT("not of the county", 8, "p", NUMBER_2, "fen", "1", "a", "441900003000");
    FAULT("there is no pledge", 9, "t", "waive", "p", "513327-2026-000009-00", "fen", "1");
    FAULT("not written as the ledger writes", 10, "t", "gift");
    FAULT("not written as the ledger writes", 11, "fen", "-5", "p", NUMBER_1);
    FAULT("too large", 12, "fen", "1000000000000001", "p", NUMBER_1);
    FAULT("more is delivered", 13, "t", "deliver", "p", NUMBER_2, "fen", "1");
    FAULT("is not that of pledge", 14, "t", "waive", "p", NUMBER_1, "fen", "1", "c", "other");
    FAULT("receipt R" NUMBER_1 " stands where", 15, "t", "arrive", "p", NUMBER_1, "fen", "1", "rc",
          "R" NUMBER_1);
    FAULT("cannot be", 16, "t", "reverse", "was", "waive", "ref", "99", "p", NUMBER_1, "fen", "1");
    FAULT("something else", 17, "t", "reverse", "was", "arrive", "ref", "2", "p", NUMBER_1, "fen",
          "3999", "rc", "R" NUMBER_1);
    FAULT("far beyond", 99999999999999, "p", NUMBER_2, "fen", "1");
}

static void test_absurd_sums_do_not_trap(void **state)
{
    (void)state;
    add(1, "p", NUMBER_1, "fen", "1000000000000000", "fl", "c", NULL);
    for (uint64_t n = 2; n < 20000; n++)
        add(n, "t", "pass", "p", "", "fen", "1000000000000000", "to", "513327205202", NULL);
    assert_int_equal(fold_last(fold), 19999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_totals, start, stop),
        cmocka_unit_test_setup_teardown(test_a_reversal_takes_back, start, stop),
        cmocka_unit_test_setup_teardown(test_faults, start, stop),
        cmocka_unit_test_setup_teardown(test_absurd_sums_do_not_trap, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
