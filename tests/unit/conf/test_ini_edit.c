/* Edits leave every other byte as it was. */
#include "conf/ini_edit.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/ini.h"

static void expect(const char *before, const struct ini_change *changes, size_t n,
                   const char *after)
{
    struct buf out;
    buf_init(&out, INI_FILE_MAX);
    assert_int_equal(ini_edit(before, strlen(before), changes, n, &out), ERR_OK);
    assert_string_equal(buf_text(&out), after);
    buf_fini(&out);
}

static void expect_one(const char *before, const char *section, const char *key, const char *value,
                       const char *after)
{
    const struct ini_change change = {section, key, value};
    expect(before, &change, 1, after);
}

static enum err verdict(const char *section, const char *key, const char *value)
{
    struct buf out;
    const struct ini_change change = {section, key, value};
    buf_init(&out, INI_FILE_MAX);
    enum err error = ini_edit("", 0, &change, 1, &out);
    if (error != ERR_OK)
        assert_int_equal(out.len, 0);
    buf_fini(&out);
    return error;
}

static void test_a_key_keeps_its_place(void **state)
{
    (void)state;
    expect_one("; mine\n[a]\nx=1\n\n# of y\ny   =   2\nz = 3\n", "a", "y", "two words; and more",
               "; mine\n[a]\nx=1\n\n# of y\ny   =   two words; and more\nz = 3\n");
    expect_one("[a]\nx = 1\n[b]\nx = 1\n", "b", "x", "2", "[a]\nx = 1\n[b]\nx = 2\n");
    expect_one("[a]\nx =\n", "a", "x", "2", "[a]\nx =2\n");
    expect_one("[a]\nx = 1", "a", "x", "2", "[a]\nx = 2\n");
}

static void test_comments_and_lines_with_a_fault_are_no_keys(void **state)
{
    (void)state;
    expect_one("[a]\n; x = 1\n  x = 3\nx: = 4\n", "a", "x", "2",
               "[a]\nx = 2\n; x = 1\n  x = 3\nx: = 4\n");
    expect_one("x = 1\n[a]\ny = 1\n", "a", "x", "2", "x = 1\n[a]\ny = 1\nx = 2\n");
    /* the keys under a section without an end belong to nothing */
    expect_one("[a]\nx = 1\n[a\nx = 1\n", "a", "x", "2", "[a]\nx = 2\n[a\nx = 1\n");
}

static void test_a_new_key_goes_behind_the_last_one(void **state)
{
    (void)state;
    expect_one("[a]\nx = 1\n; the last word\n\n[b]\ny = 1\n", "a", "z", "2",
               "[a]\nx = 1\nz = 2\n; the last word\n\n[b]\ny = 1\n");
    expect_one("[a]\n[b]\n", "a", "z", "2", "[a]\nz = 2\n[b]\n");
    expect_one("[a]\nx = 1", "a", "z", "2", "[a]\nx = 1\nz = 2\n");
    expect_one("[a]", "a", "z", "2", "[a]\nz = 2\n");
}

static void test_a_new_section_goes_to_the_end(void **state)
{
    (void)state;
    const struct ini_change changes[] = {
        {"p", "one", "1"}, {"a", "y", "3"}, {"p", "two", "2"}, {"q", "gone", NULL}};
    expect("[a]\nx = 1\n", changes, 4, "[a]\nx = 1\ny = 3\n\n[p]\none = 1\ntwo = 2\n");
    expect("", changes, 1, "[p]\none = 1\n");
    expect("\xEF\xBB\xBF", changes, 1, "\xEF\xBB\xBF[p]\none = 1\n");
}

static void test_a_key_goes(void **state)
{
    (void)state;
    expect_one("[a]\nx = 1\n# y\ny = 2\n", "a", "y", NULL, "[a]\nx = 1\n# y\n");
    expect_one("[a]\nx = 1\n", "a", "y", NULL, "[a]\nx = 1\n");
    expect_one("[a]\nx = 1\n", "b", "x", NULL, "[a]\nx = 1\n");
}

static void test_a_section_goes(void **state)
{
    (void)state;
    expect_one("[a]\nx = 1\n\n# of p\n[p]\none = 1\n; mine\ntwo = 2\n[b]\none = 1\n", "p", NULL,
               NULL, "[a]\nx = 1\n\n# of p\n; mine\n[b]\none = 1\n");
    expect_one("[a]\nx = 1\n", "p", NULL, NULL, "[a]\nx = 1\n");
    assert_int_equal(verdict("p", NULL, "1"), ERR_INVALID);
}

static void test_what_stands_twice_is_once_afterwards(void **state)
{
    (void)state;
    expect_one("[a]\nx = 1\nx = 2\ny = 1\n", "a", "x", "3", "[a]\nx = 3\ny = 1\n");
    expect_one("[a]\ny = 1\n[b]\n[a]\nx = 2\n", "a", "x", "3", "[a]\ny = 1\nx = 3\n[b]\n[a]\n");
}

static void test_bom_and_line_ends_stay(void **state)
{
    (void)state;
    const struct ini_change changes[] = {{"a", "x", "2"}, {"a", "z", "3"}};
    expect("\xEF\xBB\xBF[a]\r\nx = 1\r\ny = 2\r\n", changes, 2,
           "\xEF\xBB\xBF[a]\r\nx = 2\r\ny = 2\r\nz = 3\r\n");
}

static void test_what_no_line_can_hold(void **state)
{
    (void)state;
    static char long_value[INI_LINE_MAX + 1];
    memset(long_value, 'x', INI_LINE_MAX);
    assert_int_equal(verdict("a", "x", "1\n[b]\ny = 2"), ERR_INVALID);
    assert_int_equal(verdict("a", "x", "1\r"), ERR_INVALID);
    assert_int_equal(verdict("a", "x", " 1"), ERR_INVALID);
    assert_int_equal(verdict("a", "x", "1\t"), ERR_INVALID);
    assert_int_equal(verdict("a", "x=1", "1"), ERR_INVALID);
    assert_int_equal(verdict("a", "x:", "1"), ERR_INVALID);
    assert_int_equal(verdict("a", "[x", "1"), ERR_INVALID);
    assert_int_equal(verdict("a", "#x", "1"), ERR_INVALID);
    assert_int_equal(verdict("a", "", "1"), ERR_INVALID);
    assert_int_equal(verdict("a]", "x", "1"), ERR_INVALID);
    assert_int_equal(verdict("", "x", "1"), ERR_INVALID);
    assert_int_equal(verdict("a", "x", long_value), ERR_TOO_BIG);
    assert_int_equal(verdict("a", "x", "a = [b] # ; c"), ERR_OK);
    const struct ini_change twice[] = {{"a", "x", "1"}, {"a", "x", "2"}};
    struct buf out;
    buf_init(&out, 100);
    assert_int_equal(ini_edit("", 0, twice, 2, &out), ERR_INVALID);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_keeps_its_place),
        cmocka_unit_test(test_comments_and_lines_with_a_fault_are_no_keys),
        cmocka_unit_test(test_a_new_key_goes_behind_the_last_one),
        cmocka_unit_test(test_a_new_section_goes_to_the_end),
        cmocka_unit_test(test_a_key_goes),
        cmocka_unit_test(test_a_section_goes),
        cmocka_unit_test(test_what_stands_twice_is_once_afterwards),
        cmocka_unit_test(test_bom_and_line_ends_stay),
        cmocka_unit_test(test_what_no_line_can_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
