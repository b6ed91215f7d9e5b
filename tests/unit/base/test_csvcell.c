/* Cells of CSV files: quoting, and no formulas. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/csvcell.h"

static void assert_cell(const char *cell, const char *wanted)
{
    struct buf out;
    buf_init(&out, 1024);
    csvcell_add(&out, cell);
    assert_int_equal(buf_check(&out), ERR_OK);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
}

static void test_plain_cells_stay_plain(void **state)
{
    (void)state;
    assert_cell("", "");
    assert_cell("张三", "张三");
    assert_cell("12.50", "12.50");
    assert_cell("a=b", "a=b");
    assert_cell("'quoted", "'quoted");
}

static void test_quoting(void **state)
{
    (void)state;
    assert_cell("a,b", "\"a,b\"");
    assert_cell("say \"so\"", "\"say \"\"so\"\"\"");
    assert_cell("two\nlines", "\"two\nlines\"");
    assert_cell("cr\rhere", "\"cr\rhere\"");
}

static void test_formulas_are_defused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"=1+1", "\"'=1+1\""}, {"+86", "\"'+86\""}, {"-1", "\"'-1\""},
        {"@SUM", "\"'@SUM\""}, {"\tx", "\"'\tx\""}, {"\rx", "\"'\rx\""},
        {"\nx", "\"'\nx\""},   {"＝1", "\"'＝1\""}, {"＋1", "\"'＋1\""},
        {"－1", "\"'－1\""},   {"＠x", "\"'＠x\""}, {"=\"a\"", "\"'=\"\"a\"\"\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(csvcell_is_formula(rows[i][0]));
        assert_cell(rows[i][0], rows[i][1]);
        char defused[16];
        snprintf(defused, sizeof defused, "'%s", rows[i][0]);
        assert_true(csvcell_is_defused(defused, strlen(defused)));
        assert_false(csvcell_is_defused(rows[i][0], strlen(rows[i][0])));
    }
    assert_false(csvcell_is_defused("", 0));
    assert_false(csvcell_is_defused("'", 1));
    assert_false(csvcell_is_defused("'=", 1)); /* the rest belongs to the next cell */
    assert_false(csvcell_is_defused("'quoted", 7));
    assert_false(csvcell_is_formula(""));
    assert_false(csvcell_is_formula("一=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_cells_stay_plain),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_formulas_are_defused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
