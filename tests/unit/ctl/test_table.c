#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/table.h"

static char *print(const struct table *table)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    table_print(table, out);
    fclose(out);
    return text;
}

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(table_width(""), 0);
    assert_int_equal(table_width("abc"), 3);
    assert_int_equal(table_width("高山乡"), 6);
    assert_int_equal(table_width("a高b"), 4);
    assert_int_equal(table_width("e\xcc\x81"), 1); /* combining accent */
    assert_int_equal(table_width("\xff\xfe"), 2);  /* broken bytes count one each */
}

static void test_columns_line_up(void **state)
{
    (void)state;
    static const char *const headers[] = {"name", ">n", "last"};
    struct table *table;
    assert_int_equal(table_new(headers, 3, &table), ERR_OK);
    table_row(table, (const char *const[]){"高山", "7", "x"});
    table_row(table, (const char *const[]){"abcdef", "1234", NULL});
    assert_int_equal(table_rows(table), 2);
    char *text = print(table);
    assert_string_equal(text, "name       n  last\n"
                              "高山       7  x\n"
                              "abcdef  1234  \n");
    free(text);
    table_free(table);
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    char out[64];
    table_clean("a\x1b[31mb\n\tc\x7f", out, sizeof out);
    assert_string_equal(out, "a?[31mb??c?");
    table_clean("\xc2\x9b"
                "31m",
                out, sizeof out); /* CSI as a C1 character */
    assert_string_equal(out, "?31m");
    table_clean("a\xe2\x80\xae"
                "b",
                out, sizeof out); /* right-to-left override */
    assert_string_equal(out, "a?b");
    table_clean("\xe9\xab", out, sizeof out); /* half a character */
    assert_string_equal(out, "??");
}

static void test_cut_at_a_character(void **state)
{
    (void)state;
    char out[6];
    table_clean("高山乡", out, sizeof out);
    assert_string_equal(out, "高");
    table_clean("abcdefgh", out, sizeof out);
    assert_string_equal(out, "abcde");
}

static void test_many_rows(void **state)
{
    (void)state;
    static const char *const headers[] = {">n"};
    struct table *table;
    assert_int_equal(table_new(headers, 1, &table), ERR_OK);
    for (int i = 0; i < 1000; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        table_row(table, (const char *const[]){number});
    }
    assert_int_equal(table_rows(table), 1000);
    char *text = print(table);
    assert_int_equal(strlen(text), 1001 * 4); /* "  n", "  0" … "999", each with its line feed */
    free(text);
    table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_columns_line_up),
        cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
        cmocka_unit_test(test_cut_at_a_character),
        cmocka_unit_test(test_many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
