/* The public page as text: what is on it in both languages, and that nothing of it is markup of
 * others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/public_html.h"

static struct buf out;

static const char *area_name(const void *arg, uint64_t area)
{
    (void)arg;
    return area == UINT64_C(513327205000) ? "仁达乡" : "<村>";
}

static const struct notice_row rows[] = {
    {.number = {.county = 513327, .year = 2026, .serial = 1},
     .kind = PLEDGE_CASH,
     .area = UINT64_C(513327205000),
     .item = "",
     .unit = "",
     .name = "张三",
     .mobile = UINT64_C(13800138000),
     .shown = NAME_MASKED,
     .sums = {123456789, -5000, 0}},
    {.number = {.county = 513327, .year = 2026, .serial = 2},
     .kind = PLEDGE_GOODS,
     .area = UINT64_C(513327205001),
     .item = "大米\"><script>alert(1)</script>",
     .unit = "袋&",
     .name = "高山<供销社>'有限'公司",
     .mobile = UINT64_C(13800138001),
     .is_organisation = true,
     .shown = NAME_FULL,
     .sums = {20500, 0, 0}},
    {.number = {.county = 513327, .year = 2026, .serial = 3},
     .kind = PLEDGE_PURCHASE,
     .item = "",
     .unit = "",
     .name = "李四",
     .mobile = UINT64_C(13900139000),
     .shown = NAME_ANONYMOUS,
     .sums = {100, 0, 0}},
};
static const struct notice_total totals[] = {
    {PLEDGE_CASH, "", "", 1, {123456789, -5000, 0}},
    {PLEDGE_GOODS, "大米<", "袋&", 1, {20500, 0, 0}},
    {PLEDGE_PURCHASE, "", "", 1, {100, 0, 0}},
};

static struct public_view view_of(bool is_english)
{
    return (struct public_view){.is_english = is_english,
                                .title = "炉霍县<慈善会>",
                                .place = "四川省炉霍县",
                                .campaign = "2026-10-17",
                                .hotline = "0836-\"12317\"",
                                .from = 20261001,
                                .to = 20261031,
                                .up_until = 20261107,
                                .as_of_ms = INT64_C(1792198800000),
                                .offset_min = 480,
                                .totals = totals,
                                .n_totals = 3,
                                .rows = rows,
                                .n_rows = 3,
                                .n_donors = 203,
                                .page = 2,
                                .pages = 3,
                                .regions = {.name = area_name}};
}

static int start(void **state)
{
    (void)state;
    buf_init(&out, 1000000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void has(const char *text)
{
    if (strstr(buf_text(&out), text) == NULL) {
        fail_msg("\"%s\" is not on the page:\n%s", text, buf_text(&out));
    }
}

static void lacks(const char *text)
{
    if (strstr(buf_text(&out), text) != NULL) {
        fail_msg("\"%s\" is on the page", text);
    }
}

static void test_in_chinese(void **state)
{
    (void)state;
    struct public_view view = view_of(false);
    public_html(&view, &out);
    assert_int_equal(buf_check(&out), ERR_OK);
    has("<html lang=\"zh-CN\">");
    has("<td data-label=\"捐赠人\">张*</td><td data-label=\"手机\">138****8000</td>");
    has("1,234,568.89&nbsp;元"); /* cash and purchases */
    has("-50.00&nbsp;元");
    has("20.5&nbsp;袋&#38;");
    has("爱心人士</td><td data-label=\"手机\"></td>");
    has("2026-10-01 至 2026-10-31");
    has("至 2026-11-07");
    has("2026-10-17 09:00:00");
    has("第 2 页，共 3 页");
    has("<a rel=\"prev\" href=\"?page=1\">");
    has("<a rel=\"next\" href=\"?page=3\">");
    has("href=\"?lang=en\">English</a>");
    has("513327-2026-000001-");
    lacks("张三");
    lacks("李四");
    lacks("13800138000");
    lacks("139****");
}

static void test_in_english(void **state)
{
    (void)state;
    struct public_view view = view_of(true);
    public_html(&view, &out);
    has("<html lang=\"en\">");
    has("CNY&nbsp;1,234,568.89");
    has("2026-10-01 to 2026-10-31");
    has("Page 2 of 3");
    has("href=\"?lang=en&amp;page=3\">Next</a>");
    has("href=\"?lang=zh\">中文</a>");
    lacks("认捐");
    lacks("合计");
}

static void test_markup_of_others_is_text(void **state)
{
    (void)state;
    struct public_view view = view_of(false);
    public_html(&view, &out);
    has("炉霍县&#60;慈善会&#62;");
    has("高山&#60;供销社&#62;&#39;有限&#39;公司");
    has("大米&#34;&#62;&#60;script&#62;");
    has("&#60;村&#62;");
    has("0836-&#34;12317&#34;");
    lacks("<script");
    lacks("<供销社");
    lacks("style=");
}

static void test_no_list(void **state)
{
    (void)state;
    struct public_view view = view_of(false);
    view.list = PUBLIC_LIST_OVER;
    view.rows = NULL;
    view.n_rows = view.n_donors = 0;
    view.page = view.pages = 1;
    public_html(&view, &out);
    has("公示期已满");
    has("1,234,568.89");
    lacks("<table class=\"donors\">");
    lacks("<nav");
    buf_reset(&out);
    view.list = PUBLIC_LIST_UP;
    view.to = view.up_until = 0;
    view.campaign = view.hotline = "";
    view.totals = NULL;
    view.n_totals = 0;
    public_html(&view, &out);
    has("还没有登记");
    has("2026-10-01 至 今");
    has("持续公示");
    has("0.00&nbsp;元");
    lacks("监督电话");
    lacks("活动");
    buf_reset(&out);
    view.list = PUBLIC_LIST_LONG;
    public_html(&view, &out);
    has("过多");
    lacks("合计");
}

/* Two kinds of money that only together leave 64 bits. */
static void test_much_money(void **state)
{
    (void)state;
    struct notice_total much[] = {{PLEDGE_CASH, "", "", 1, {INT64_MAX, 0, 0}},
                                  {PLEDGE_PURCHASE, "", "", 1, {INT64_MAX, 0, 0}}};
    struct public_view view = view_of(false);
    view.totals = much;
    view.n_totals = 2;
    public_html(&view, &out);
    has("92,233,720,368,547,758.07");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_chinese), TEST(test_in_english), TEST(test_markup_of_others_is_text),
        TEST(test_no_list),    TEST(test_much_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
