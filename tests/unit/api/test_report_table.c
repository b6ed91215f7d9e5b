#include "api/report_table.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static void test_what_was_added_is_found(void **state)
{
    (void)state;
    const size_t n = 5000;
    struct report_table *table = report_table_new(n);
    for (size_t i = 0; i < n; i++) {
        const struct report_entry entry = {.number = 13000000000 + i * 7919, .code = (uint16_t)i};
        assert_int_equal(report_table_add(table, &entry), ERR_OK);
        assert_int_equal(report_table_add(table, &entry), ERR_OK); /* once is enough */
    }
    for (size_t i = 0; i < n; i++) {
        struct report_entry *entry = report_table_find(table, 13000000000 + i * 7919);
        assert_non_null(entry);
        assert_int_equal(entry->code, (uint16_t)i);
        assert_null(report_table_find(table, 13000000001 + i * 7919));
    }
    const struct report_entry more = {.number = 1};
    assert_int_equal(report_table_add(table, &more), ERR_TOO_BIG);
    report_table_free(table);
    report_table_free(NULL);
}

static void test_the_first_counts(void **state)
{
    (void)state;
    struct report_table *table = report_table_new(2);
    const struct report_entry first = {.number = 5, .state = 'A'},
                              second = {.number = 5, .state = 'S'};
    assert_int_equal(report_table_add(table, &first), ERR_OK);
    assert_int_equal(report_table_add(table, &second), ERR_OK);
    assert_int_equal(report_table_find(table, 5)->state, 'A');
    assert_null(report_table_find(table, 0));
    report_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_added_is_found),
        cmocka_unit_test(test_the_first_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
