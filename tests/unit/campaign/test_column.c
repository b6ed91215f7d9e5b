/* Column names as people type them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "campaign/column.h"

static void check_fold(const char *name, const char *expected)
{
    struct buf folded;
    buf_init(&folded, 1000);
    column_fold(name, strlen(name), &folded);
    assert_string_equal(buf_text(&folded), expected);
    buf_fini(&folded);
}

static void test_fold(void **state)
{
    (void)state;
    check_fold("phone", "phone");
    check_fold(" Ｐｈｏｎｅ\t", "phone");
    check_fold("\xef\xbb\xbf手机\xe2\x80\x8b", "手机");
    check_fold("　手机　", "手机");
    check_fold("手\xe2\x80\x8b机", "手机");
    check_fold("金额（元）", "金额(元)");
    check_fold("", "");
    check_fold(" \t\r\n", "");
    check_fold("\xff\xfe", "");
}

static void test_trim(void **state)
{
    (void)state;
    static const struct {
        const char *text, *trimmed;
    } cases[] = {
        {"王小明", "王小明"},
        {" \t王 小明\r\n", "王 小明"},
        {"\xc2\xa0　王\xe2\x80\x8d　", "王"},
        {"　", ""},
        {"\xef\xbb\xbf", ""},
        {"", ""},
        {"\xe3\x80", "\xe3\x80"}, /* half an ideographic space stays for the UTF-8 check */
        {"a\x80\x80", "a\x80\x80"},
        {"x é", "x é"},
        {"x é\xc2\xa0", "x é"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i].text;
        size_t len = strlen(text);
        column_trim(&text, &len);
        assert_int_equal(len, strlen(cases[i].trimmed));
        assert_memory_equal(text, cases[i].trimmed, len);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const columns[] = {"手机", "姓名", "", "village", "村民小组"};
    assert_int_equal(column_nearest("姓氏", columns, 5), 1);
    assert_int_equal(column_nearest("vilage", columns, 5), 3);
    assert_int_equal(column_nearest("小组", columns, 5), 4);
    assert_int_equal(column_nearest("手机", columns, 5), 0);
    assert_true(column_nearest("身份证", columns, 5) == COLUMN_NONE);
    assert_true(column_nearest("", columns, 5) == COLUMN_NONE);
    char longest[400];
    memset(longest, 'v', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_true(column_nearest(longest, columns, 5) == COLUMN_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
