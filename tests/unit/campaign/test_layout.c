/* Which column is what, and the sentences when it cannot be told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "campaign/layout.h"

static char directory[] = "/tmp/test_layout.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/list.csv", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static enum err find(const char *header, const char *text, struct layout *layout,
                     struct buf *problem)
{
    struct recipients *recipients = NULL;
    struct template *tmpl = NULL;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", header);
    fclose(file);
    assert_int_equal(template_compile("", false, text, "", &tmpl, problem), ERR_OK);
    assert_int_equal(recipients_open(path, &recipients, problem), ERR_OK);
    enum err error = layout_find(recipients, tmpl, layout, problem);
    recipients_free(recipients);
    template_free(tmpl);
    return error;
}

static void test_number_column_names(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "手机,a",  "手机号,a",   "手机号码,a",   "电话,a",     "mobile,a",   "phone,a",
        "PHONE,a", " Mobile ,a", "ｐｈｏｎｅ,a", "　手机　,a", "\"手机\",a", "\xef\xbb\xbf手机,a",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct layout layout;
        struct buf problem;
        buf_init(&problem, 1000);
        if (find(headers[i], "x", &layout, &problem) != ERR_OK)
            fail_msg("%s: %s", headers[i], buf_text(&problem));
        assert_int_equal(layout.n_chosen, 1);
        assert_int_equal(layout.chosen[layout.number], 0);
        assert_true(layout.region == LAYOUT_NONE);
        buf_fini(&problem);
    }
}

static void test_columns_are_found(void **state)
{
    (void)state;
    struct layout layout;
    struct buf problem;
    buf_init(&problem, 1000);
    assert_int_equal(find("姓名,x,x,地区,手机", "text", &layout, &problem), ERR_OK);
    assert_int_equal(layout.chosen[layout.number], 4);
    assert_int_equal(layout.chosen[layout.region], 3);
    assert_int_equal(layout.n_chosen, 2); /* x stands there twice, but nobody needs it */

    /* One column may be several things. */
    assert_int_equal(find("姓名,Region,手机", "((姓名))((手机))((REGION))", &layout, &problem),
                     ERR_OK);
    assert_int_equal(layout.n_chosen, 3);
    assert_int_equal(layout.chosen[layout.values[0]], 0);
    assert_int_equal(layout.values[1], layout.number);
    assert_int_equal(layout.values[2], layout.region);
    buf_fini(&problem);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *header, *text, *sentence;
    } cases[] = {
        {"姓名,号码", "x",
         "no column holds the numbers; call it 手机 (or 手机号, 手机号码, 电话, mobile, phone); "
         "the "
         "columns of the table are: 姓名, 号码"},
        {"王小明,+86 138 0013 8000", "x",
         "the first row holds a number; put a row above it that names the columns, the one with "
         "the numbers 手机"},
        {"手机;姓名", "x",
         "no column holds the numbers; call it 手机 (or 手机号, 手机号码, 电话, mobile, phone) and "
         "divide the columns with commas; the columns of the table are: 手机;姓名"},
        {"手机,姓名,电话", "x",
         "two columns hold numbers: 手机 (column 1) and 电话 (column 3); rename the one that is "
         "not "
         "meant"},
        {"手机,手机", "x",
         "two columns hold numbers: 手机 (column 1) and 手机 (column 2); rename the one that is "
         "not "
         "meant"},
        {"手机,region,地区", "x",
         "two columns hold regions: region (column 2) and 地区 (column 3); rename the one that is "
         "not meant"},
        {"手机,姓名,,ａ,A", "((a))",
         "two columns hold a value that the text uses: ａ (column 4) and A (column 5); rename the "
         "one that is not meant"},
        {"手机,姓名,,村", "((姓氏))你好",
         "the text uses ((姓氏)) and the table has no such column (is ((姓名)) meant?); the "
         "columns "
         "of the table are: 手机, 姓名, 村"},
        {"手机,姓名", "((身份证))((姓名))((vilage))",
         "the text uses ((身份证)) and the table has no such column; the text uses ((vilage)) and "
         "the table has no such column; the columns of the table are: 手机, 姓名"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct layout layout;
        struct buf problem;
        buf_init(&problem, 4000);
        assert_int_equal(find(cases[i].header, cases[i].text, &layout, &problem), ERR_INVALID);
        assert_string_equal(buf_text(&problem), cases[i].sentence);
        buf_fini(&problem);
    }
}

static void test_long_lists_are_cut(void **state)
{
    (void)state;
    struct layout layout;
    struct buf header, problem;
    buf_init(&header, 60000);
    buf_init(&problem, 60000);
    for (int i = 0; i < 200; i++)
        buf_addf(&header, "a column with a name that is longer than anybody would want to read %d,",
                 i);
    assert_int_equal(find(header.data, "x", &layout, &problem), ERR_INVALID);
    assert_true(problem.len < 3000);
    assert_string_equal(problem.data + problem.len - strlen(" …"), " …");
    buf_fini(&header);
    buf_fini(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number_column_names),
        cmocka_unit_test(test_columns_are_found),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_long_lists_are_cut),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
