/* Paper lists: columns by name, every row checked, one request id a row. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/pledge_list.h"

static char path[64];
static struct pledge_list list;
static struct buf problem;
static struct pledge_list_options options;

static int start(void **state)
{
    (void)state;
    options = (struct pledge_list_options){.actor = "王", .region = "513327205", .today = 20261017};
    buf_init(&problem, 4096);
    strcpy(path, "/tmp/pledge-list-XXXXXX");
    int fd = mkstemp(path);
    list.bodies = NULL;
    return fd < 0 ? -1 : close(fd);
}

static int stop(void **state)
{
    (void)state;
    buf_fini(&problem);
    return unlink(path);
}

static enum err read_list(const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    buf_reset(&problem);
    return pledge_list_read(path, &options, &list, &problem);
}

static const char *member(size_t i, const char *key)
{
    const char *text = json_string_value(json_object_get(json_array_get(list.bodies, i), key));
    return text != NULL ? text : "";
}

static void test_a_good_list(void **state)
{
    (void)state;
    options.campaign = "oct";
    assert_int_equal(read_list(" 姓名 ,手机号,金额,地区,日期,捐赠单位,公开,无关\n"
                               "张三,138 0013 8000,１.５万,51,2026年10月1日,,,x\n"
                               ",,,,,,,\n"
                               "供销社,,100,,,是,实名,y\n"),
                     ERR_OK);
    assert_int_equal(list.rows, 2);
    assert_int_equal(json_array_size(list.bodies), 2);
    assert_string_equal(member(0, "mobile"), "13800138000");
    assert_string_equal(member(0, "region"), "51");
    assert_string_equal(member(0, "on"), "20261001");
    assert_string_equal(member(0, "campaign"), "oct");
    assert_string_equal(member(0, "source"), "csv");
    assert_string_equal(member(1, "region"), "513327205");
    assert_string_equal(member(1, "public"), "name");
    assert_true(json_is_true(json_object_get(json_array_get(list.bodies, 1), "organisation")));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list.bodies, 1), "row")), 4);
    assert_string_equal(member(0, "无关"), "");
    pledge_list_fini(&list);
}

static void test_request_ids(void **state)
{
    (void)state;
    static const char text[] = "姓名,金额\n张三,100\n李四,100\n";
    assert_int_equal(read_list(text), ERR_OK);
    char first[65], second[65];
    snprintf(first, sizeof first, "%s", member(0, "request"));
    snprintf(second, sizeof second, "%s", member(1, "request"));
    pledge_list_fini(&list);
    assert_int_equal(strlen(first), 44);
    assert_string_not_equal(first, second);
    /* The same file in other hands, for another campaign, is the same list. */
    options.actor = "李";
    options.campaign = "other";
    options.region = "51";
    assert_int_equal(read_list(text), ERR_OK);
    assert_string_equal(member(0, "request"), first);
    pledge_list_fini(&list);
    assert_int_equal(read_list("姓名,金额\n张三,100\n李四,101\n"), ERR_OK);
    assert_string_not_equal(member(0, "request"), first); /* another file is another list */
    pledge_list_fini(&list);
}

/* A row, and the word of its problem; NULL: it is good. */
static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *cells, *word;
    } rows[] = {
        {"张三,,100,,,,,,,,", NULL},
        {"张三,,100,,,元,,,,,", NULL}, /* a unit beside money is idle */
        {",13800138000,100,,,,,,,,", NULL},
        {"张三,,,大米,20,袋,,,,,", NULL},
        {"张三,,,,8,小时,服务,,,,", NULL},
        {"张三,,,大米,20,袋,,200,,,", NULL},
        {",,100,,,,,,,,", "donor"},
        {"张三,0108888,100,,,,,,,,", "landline"},
        {"张三,,,,,,,,,,", "amount"},
        {"张三,,100,大米,20,袋,,,,,", "amount"},
        {"张三,,一百二,,,,,,,,x", NULL},
        {"张三,,1.001,,,,,,,,", "amount"},
        {"张三,,0,,,,,,,,", "amount"},
        {"张三,,,大米,20袋,袋,,,,,", "quantity"},
        {"张三,,,大米,20,,,,,,", "unit"},
        {"张三,,,,20,袋,,,,,", "item"},
        {"张三,,,a|b,20,袋,,,,,", "item"},
        {"张三,,100,大米,,,,,,,", "item"},
        {"张三,,100,,,,物资,,,,", "kind"},
        {"张三,,,大米,20,袋,现金,,,,", "kind"},
        {"张三,,100,,,,钱,,,,", "kind"},
        {"张三,,100,,,,,5,,,", "value"},
        {"张三,,100,,,,,,12345,,", "region"},
        {"张三,,100,,,,,,,2026-02-30,", "date"},
        {"张三,,100,,,,,,,2026-10-18,", "date"},
        {"张三,,100,,,,,,,2026-10-17,", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512];
        snprintf(text, sizeof text, "姓名,手机,金额,物品,数量,单位,类别,折价,地区,日期,备注\n%s\n",
                 rows[i].cells);
        assert_int_equal(read_list(text), ERR_OK);
        const char *word = list.problems.n_kept > 0 ? list.problems.kept[0].word : NULL;
        if (rows[i].word == NULL ? word != NULL : word == NULL || strcmp(word, rows[i].word) != 0)
            fail_msg("%s: %s instead of %s", rows[i].cells, word != NULL ? word : "good",
                     rows[i].word != NULL ? rows[i].word : "good");
        assert_int_equal(json_array_size(list.bodies), rows[i].word == NULL);
        assert_int_equal(list.rows, 1);
        pledge_list_fini(&list);
    }
}

static void test_duplicates_are_told(void **state)
{
    (void)state;
    assert_int_equal(read_list("姓名,金额,备注\n张三,100,\n李四,5,\n张三,100,\n张三,100,第二笔\n"),
                     ERR_OK);
    assert_int_equal(json_array_size(list.bodies), 3);
    assert_int_equal(list.problems.n_kept, 1);
    assert_int_equal(list.problems.kept[0].row, 4);
    assert_string_equal(list.problems.kept[0].word, "duplicate");
    assert_non_null(strstr(list.problems.kept[0].reason, "row 2"));
    pledge_list_fini(&list);
}

static void test_no_region_at_all(void **state)
{
    (void)state;
    options.region = NULL;
    assert_int_equal(read_list("姓名,金额\n张三,100\n"), ERR_OK);
    assert_string_equal(list.problems.kept[0].word, "region");
    pledge_list_fini(&list);
}

static void test_long_and_broken_cells(void **state)
{
    (void)state;
    char text[8000], note[2100];
    memset(note, 'x', 2001);
    note[2001] = '\0';
    snprintf(text, sizeof text, "姓名,金额,备注\n张三,1,%.2000s\n李四,1,%s\n\"王\n五\",1,\n", note,
             note);
    assert_int_equal(read_list(text), ERR_OK);
    assert_int_equal(json_array_size(list.bodies), 1);
    assert_string_equal(list.problems.kept[0].word, "too_long");
    assert_string_equal(list.problems.kept[1].word, "control");
    pledge_list_fini(&list);
}

static void test_tables_that_are_no_list(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "地区,金额\n51,1\n", "姓名,地区\n甲,51\n",
                                        "姓名,名称,金额\n甲,乙,1\n", "姓名,金额\n\"甲,1\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_list(texts[i]), ERR_INVALID);
        assert_true(problem.len > 10);
        pledge_list_fini(&list);
    }
    assert_int_equal(pledge_list_read("/nowhere/list.csv", &options, &list, &problem), ERR_IO);
    pledge_list_fini(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_good_list),
        TEST(test_request_ids),
        TEST(test_rows),
        TEST(test_duplicates_are_told),
        TEST(test_no_region_at_all),
        TEST(test_long_and_broken_cells),
        TEST(test_tables_that_are_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
