/* Paper lists: columns by name, every row checked, one request id a row. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/pledge_list.h"
#include "campaign/problems.h"

#define ROWS_MAX 16

/* What came of the rows, in their order; texts are copies. */
struct seen {
    uint64_t row;
    bool is_good;
    struct ledger_entry entry;
    char request[65], name[64], campaign[64], word[32], reason[256];
};
static struct seen seen[ROWS_MAX];
static size_t n_rows;
static struct buf problem;
static struct pledge_list_options options;

static int start(void **state)
{
    (void)state;
    options = (struct pledge_list_options){.actor = "王",
                                           .campaign = "",
                                           .region = UINT64_C(513327205000),
                                           .has_region = true,
                                           .today = 20261017};
    buf_init(&problem, 4096);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_fini(&problem);
    return 0;
}

static void note(const struct pledge_list_row *row)
{
    struct seen *one = &seen[n_rows++];
    memset(one, 0, sizeof *one);
    one->row = row->row;
    one->is_good = row->entry != NULL;
    if (one->is_good) {
        one->entry = *row->entry;
        snprintf(one->request, sizeof one->request, "%s", row->entry->request);
        snprintf(one->name, sizeof one->name, "%s", row->entry->name);
        snprintf(one->campaign, sizeof one->campaign, "%s", row->entry->campaign);
    } else {
        snprintf(one->word, sizeof one->word, "%s", row->word);
        snprintf(one->reason, sizeof one->reason, "%s", row->reason);
    }
}

static enum err read_list(const char *text)
{
    struct pledge_list *list;
    struct pledge_list_row row;
    enum pledge_list_step step = PLEDGE_LIST_NOTHING;
    n_rows = 0;
    buf_reset(&problem);
    enum err error = pledge_list_open(text, strlen(text), &options, &list, &problem);
    while (error == ERR_OK && step != PLEDGE_LIST_END) {
        error = pledge_list_next(list, &row, &step, &problem);
        if (error == ERR_OK && step == PLEDGE_LIST_ROW && n_rows < ROWS_MAX)
            note(&row);
    }
    pledge_list_free(list);
    return error;
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
    assert_int_equal(n_rows, 2);
    const struct ledger_entry *first = &seen[0].entry, *second = &seen[1].entry;
    assert_int_equal(first->mobile, UINT64_C(13800138000));
    assert_int_equal(first->area, UINT64_C(510000000000));
    assert_int_equal(first->on, 20261001);
    assert_int_equal(first->fen, 1500000);
    assert_int_equal(first->shown, NAME_MASKED);
    assert_true(first->confirmed);
    assert_string_equal(first->source, "csv");
    assert_string_equal(seen[0].campaign, "oct");
    assert_string_equal(seen[0].name, "张三");
    assert_int_equal(second->area, UINT64_C(513327205000));
    assert_int_equal(second->shown, NAME_FULL);
    assert_true(second->is_organisation);
    assert_int_equal(seen[1].row, 4);
}

static void test_request_ids(void **state)
{
    (void)state;
    static const char text[] = "姓名,金额\n张三,100\n李四,100\n";
    char first[65];
    assert_int_equal(read_list(text), ERR_OK);
    snprintf(first, sizeof first, "%s", seen[0].request);
    /* As lists were booked before they came through the API. */
    assert_string_equal(first, "csv-760584d36e908f71f0b3a74ddb6c90a0b84f0b7c");
    assert_string_not_equal(first, seen[1].request);
    /* The same file in other hands, for another campaign, is the same list. */
    options.actor = "李";
    options.campaign = "other";
    options.region = UINT64_C(510000000000);
    assert_int_equal(read_list(text), ERR_OK);
    assert_string_equal(seen[0].request, first);
    assert_int_equal(read_list("姓名,金额\n张三,100\n李四,101\n"), ERR_OK);
    assert_string_not_equal(seen[0].request, first); /* another file is another list */
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
        if (seen[0].is_good != (rows[i].word == NULL) ||
            strcmp(seen[0].word, rows[i].word != NULL ? rows[i].word : "") != 0)
            fail_msg("%s: \"%s\" instead of %s", rows[i].cells, seen[0].word,
                     rows[i].word != NULL ? rows[i].word : "good");
        assert_int_equal(n_rows, 1);
    }
}

static void test_duplicates_are_told(void **state)
{
    (void)state;
    assert_int_equal(read_list("姓名,金额,备注\n张三,100,\n李四,5,\n张三,100,\n张三,100,第二笔\n"),
                     ERR_OK);
    assert_int_equal(n_rows, 4);
    assert_int_equal(seen[2].row, 4);
    assert_string_equal(seen[2].word, "duplicate");
    assert_non_null(strstr(seen[2].reason, "row 2"));
    assert_true(seen[3].is_good);
}

static void test_no_region_at_all(void **state)
{
    (void)state;
    options.has_region = false;
    assert_int_equal(read_list("姓名,金额\n张三,100\n"), ERR_OK);
    assert_string_equal(seen[0].word, "region");
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
    assert_true(seen[0].is_good);
    assert_string_equal(seen[1].word, "too_long");
    assert_string_equal(seen[2].word, "control");
}

static void test_tables_that_are_no_list(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "地区,金额\n51,1\n", "姓名,地区\n甲,51\n",
                                        "姓名,名称,金额\n甲,乙,1\n", "姓名,金额\n\"甲,1\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(read_list(texts[i]), ERR_INVALID);
        assert_true(problem.len > 10);
    }
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
