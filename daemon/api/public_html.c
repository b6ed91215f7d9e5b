/* Links are relative, so that the page works under whatever address a proxy gives it. */
#include "api/public_html.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pledge/money.h"
#include "sms/mobile.h"

#define NAME_MAX_BYTES 1024
#define AMOUNT_SIZE (2 * MONEY_TEXT_SIZE)

/* ---- texts ---- */

enum word {
    W_LANG,
    W_NOTICE,
    W_OTHER_LANG,
    W_OTHER_CODE,
    W_OTHER_NAME,
    W_TOTALS,
    W_PLEDGED,
    W_PLEDGED_MEANS,
    W_ARRIVED,
    W_ARRIVED_MEANS,
    W_DELIVERED,
    W_DELIVERED_MEANS,
    W_PLEDGES,
    W_PLEDGES_MEANS,
    W_THINGS,
    W_DEFINITION,
    W_DEFINITION_TEXT,
    W_SCOPE,
    W_CAMPAIGN,
    W_PERIOD,
    W_AS_OF,
    W_DONORS,
    W_NUMBER,
    W_NAME,
    W_MOBILE,
    W_AREA,
    W_GIFT,
    W_UP,
    W_UP_UNTIL,
    W_UP_OPEN,
    W_HOTLINE,
    W_OVER,
    W_LONG,
    W_NOBODY,
    W_PAGES,
    W_PREVIOUS,
    W_NEXT,
    W_TODAY,
    W_FENCE,
    W_DATA,
    WORDS
};

static const char *const words[WORDS][2] = {
    [W_LANG] = {"zh-CN", "en"},
    [W_NOTICE] = {"捐赠公示", "Public notice of donations"},
    [W_OTHER_LANG] = {"en", "zh-CN"},
    [W_OTHER_CODE] = {"en", "zh"},
    [W_OTHER_NAME] = {"English", "中文"},
    [W_TOTALS] = {"合计", "Totals"},
    [W_PLEDGED] = {"认捐", "Pledged"},
    [W_PLEDGED_MEANS] = {"已确认的认捐，扣除作废、撤回和转让的。",
                         "Confirmed pledges, without void, withdrawn and transferred ones."},
    [W_ARRIVED] = {"到账", "Arrived"},
    [W_ARRIVED_MEANS] = {"实际收到的，扣除退回的。",
                         "What was received, less what was taken back."},
    [W_DELIVERED] = {"发放", "Delivered"},
    [W_DELIVERED_MEANS] = {"到账后已发放的。", "What was handed out of it."},
    [W_PLEDGES] = {"笔数", "Pledges"},
    [W_PLEDGES_MEANS] = {"名单中的认捐，含物品和劳务。",
                         "Pledges on the list, goods and service included."},
    [W_THINGS] = {"物品和劳务", "Goods and service"},
    [W_DEFINITION] = {"统计口径", "Definition"},
    [W_DEFINITION_TEXT] =
        {"统计期内登记的分录。金额为现金与以购代捐之和；物品和劳务按品名和单位统计，不折算金额。"
         "按认捐登记的地区统计；更正计入登记更正的日期。",
         "What was booked in the period. Amounts are cash and purchases; goods and service are "
         "counted by item and unit and have no part in them. Counted for the area of the pledge; a "
         "correction counts on its own day."},
    [W_SCOPE] = {"统计范围", "Scope"},
    [W_CAMPAIGN] = {"活动", "campaign"},
    [W_PERIOD] = {"统计期", "Period"},
    [W_AS_OF] = {"截止时间", "As of"},
    [W_DONORS] = {"捐赠人名单", "Donors"},
    [W_NUMBER] = {"编号", "Number"},
    [W_NAME] = {"捐赠人", "Donor"},
    [W_MOBILE] = {"手机", "Mobile"},
    [W_AREA] = {"地区", "Area"},
    [W_GIFT] = {"类别", "Kind"},
    [W_UP] = {"公示期", "Shown"},
    [W_UP_UNTIL] = {"至", "until"},
    [W_UP_OPEN] = {"持续公示，随登记更新", "continuously, as it is booked"},
    [W_HOTLINE] = {"监督电话", "Questions"},
    [W_OVER] = {"公示期已满，名单已撤下。",
                "The time of the notice is over; the list was taken down."},
    [W_LONG] = {"认捐笔数过多，请向下级地区查询。",
                "There are too many pledges for one page; ask the areas in it."},
    [W_NOBODY] = {"统计期内还没有登记。", "Nothing was booked in the period yet."},
    [W_PAGES] = {"翻页", "Pages"},
    [W_PREVIOUS] = {"上一页", "Previous"},
    [W_NEXT] = {"下一页", "Next"},
    [W_TODAY] = {"今", "today"},
    [W_FENCE] = {"至", "to"},
    [W_DATA] = {"数据（JSON）", "Data (JSON)"},
};
static const char *const kinds[PLEDGE_KINDS][2] = {[PLEDGE_CASH] = {"现金", "Cash"},
                                                   [PLEDGE_GOODS] = {"物品", "Goods"},
                                                   [PLEDGE_PURCHASE] = {"以购代捐", "Purchases"},
                                                   [PLEDGE_SERVICE] = {"劳务", "Service"}};

struct page {
    const struct public_view *view;
    struct buf *out;
};

static const char *say(const struct page *page, enum word word)
{
    return words[word][page->view->is_english];
}

static const char *kind_text(const struct page *page, enum pledge_kind kind)
{
    return kinds[kind][page->view->is_english];
}

/* ---- pieces ---- */

static void put(const struct page *page, const char *html)
{
    buf_add_text(page->out, html);
}

static void put_text(const struct page *page, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t plain = strcspn(at, "&<>\"'");
        buf_add(page->out, at, plain);
        at += plain;
        if (*at != '\0') {
            buf_addf(page->out, "&#%d;", *at++);
        }
    }
}

static void put_word(const struct page *page, enum word word)
{
    put_text(page, say(page, word));
}

/* <tag class="…">text</tag> */
static void put_in(const struct page *page, const char *tag, const char *class, const char *text)
{
    buf_addf(page->out, "<%s class=\"%s\">", tag, class);
    put_text(page, text);
    buf_addf(page->out, "</%s>", tag);
}

static void put_day(const struct page *page, uint32_t day)
{
    char text[ENCODE_DAY_SIZE];
    put_text(page, encode_day(day, text));
}

static bool is_money(enum pledge_kind kind)
{
    return kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
}

/* "1,234.50 元", "CNY 1,234.50" */
static void put_fen(const struct page *page, int64_t fen)
{
    char plain[MONEY_TEXT_SIZE], text[AMOUNT_SIZE];
    size_t n = 0, dot = strcspn(money_format(fen, plain), "."), sign = plain[0] == '-';
    for (size_t i = 0; plain[i] != '\0'; i++) {
        if (i > sign && i < dot && (dot - i) % 3 == 0) {
            text[n++] = ',';
        }
        text[n++] = plain[i];
    }
    text[n] = '\0';
    put(page, page->view->is_english ? "CNY&nbsp;" : "");
    put_text(page, text);
    put(page, page->view->is_english ? "" : "&nbsp;元");
}

static void put_amount(const struct page *page, enum pledge_kind kind, const char *unit,
                       int64_t value)
{
    char text[MONEY_TEXT_SIZE];
    if (is_money(kind)) {
        put_fen(page, value);
        return;
    }
    put_text(page, money_format_quantity(value, text));
    put(page, "&nbsp;");
    put_text(page, unit);
}

/* ---- totals ---- */

static void put_figure(const struct page *page, enum word name, enum word means, int64_t fen)
{
    put(page, "<div class=\"figure\"><dt>");
    put_word(page, name);
    put(page, "</dt><dd class=\"value\">");
    put_fen(page, fen);
    put(page, "</dd><dd class=\"means\">");
    put_word(page, means);
    put(page, "</dd></div>\n");
}

/* Two kinds of money may each be near the end of 64 bits. */
static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void put_figures(const struct page *page)
{
    const struct public_view *view = page->view;
    struct notice_sums money = {0};
    uint64_t pledges = 0;
    for (size_t i = 0; i < view->n_totals; i++) {
        const struct notice_total *total = &view->totals[i];
        pledges += total->donors;
        if (is_money(total->kind)) {
            money.pledged = plus(money.pledged, total->sums.pledged);
            money.arrived = plus(money.arrived, total->sums.arrived);
            money.delivered = plus(money.delivered, total->sums.delivered);
        }
    }
    put(page, "<dl class=\"figures\">\n");
    put_figure(page, W_PLEDGED, W_PLEDGED_MEANS, money.pledged);
    put_figure(page, W_ARRIVED, W_ARRIVED_MEANS, money.arrived);
    put_figure(page, W_DELIVERED, W_DELIVERED_MEANS, money.delivered);
    put(page, "<div class=\"figure\"><dt>");
    put_word(page, W_PLEDGES);
    buf_addf(page->out, "</dt><dd class=\"value\">%llu</dd><dd class=\"means\">",
             (unsigned long long)pledges);
    put_word(page, W_PLEDGES_MEANS);
    put(page, "</dd></div>\n</dl>\n");
}

/* The three from `figures_from` on stand over figures. */
static void put_head(const struct page *page, const enum word *names, size_t n, size_t figures_from)
{
    put(page, "<thead><tr>");
    for (size_t i = 0; i < n; i++) {
        bool is_figure = i >= figures_from && i < figures_from + 3;
        buf_addf(page->out, "<th scope=\"col\"%s>", is_figure ? " class=\"num\"" : "");
        put_word(page, names[i]);
        put(page, "</th>");
    }
    put(page, "</tr></thead>\n<tbody>\n");
}

/* On a narrow screen the label stands beside the value, see public.css. */
static void put_cell_begin(const struct page *page, enum word label, bool is_figure)
{
    buf_addf(page->out, "<td%s data-label=\"", is_figure ? " class=\"num\"" : "");
    put_word(page, label);
    put(page, "\">");
}

static void put_sums(const struct page *page, enum pledge_kind kind, const char *unit,
                     const struct notice_sums *sums)
{
    const int64_t values[] = {sums->pledged, sums->arrived, sums->delivered};
    static const enum word labels[] = {W_PLEDGED, W_ARRIVED, W_DELIVERED};
    for (size_t i = 0; i < 3; i++) {
        put_cell_begin(page, labels[i], true);
        put_amount(page, kind, unit, values[i]);
        put(page, "</td>");
    }
}

static void put_gift(const struct page *page, enum pledge_kind kind, const char *item)
{
    put_cell_begin(page, W_GIFT, false);
    put_text(page, kind_text(page, kind));
    if (item[0] != '\0') {
        put(page, page->view->is_english ? ": " : "：");
        put_text(page, item);
    }
    put(page, "</td>");
}

static void put_things(const struct page *page)
{
    static const enum word names[] = {W_GIFT, W_PLEDGED, W_ARRIVED, W_DELIVERED};
    bool is_begun = false;
    for (size_t i = 0; i < page->view->n_totals; i++) {
        const struct notice_total *total = &page->view->totals[i];
        if (is_money(total->kind)) {
            continue;
        }
        if (!is_begun) {
            put(page, "<table>\n<caption>");
            put_word(page, W_THINGS);
            put(page, "</caption>\n");
            put_head(page, names, 4, 1);
            is_begun = true;
        }
        put(page, "<tr>");
        put_gift(page, total->kind, total->item);
        put_sums(page, total->kind, total->unit, &total->sums);
        put(page, "</tr>\n");
    }
    put(page, is_begun ? "</tbody>\n</table>\n" : "");
}

static void put_fact_begin(const struct page *page, enum word name)
{
    put(page, "<dt>");
    put_word(page, name);
    put(page, "</dt><dd>");
}

/* What the figures say, of what, and when that was true. */
static void put_facts(const struct page *page)
{
    const struct public_view *view = page->view;
    char text[CLOCK_TEXT_SIZE];
    put(page, "<dl class=\"facts\">\n");
    put_fact_begin(page, W_DEFINITION);
    put_word(page, W_DEFINITION_TEXT);
    put(page, "</dd>\n");
    put_fact_begin(page, W_SCOPE);
    put_text(page, view->place);
    if (view->campaign[0] != '\0') {
        put(page, view->is_english ? ", " : "，");
        put_word(page, W_CAMPAIGN);
        put(page, " ");
        put_text(page, view->campaign);
    }
    put(page, "</dd>\n");
    put_fact_begin(page, W_PERIOD);
    put_day(page, view->from);
    put(page, " ");
    put_word(page, W_FENCE);
    put(page, " ");
    if (view->to != 0) {
        put_day(page, view->to);
    } else {
        put_word(page, W_TODAY);
    }
    put(page, "</dd>\n");
    put_fact_begin(page, W_AS_OF);
    put_text(page, clock_format(view->as_of_ms, view->offset_min, text));
    put(page, "</dd>\n</dl>\n");
}

/* ---- donors ---- */

static void put_donor(const struct page *page, const struct notice_row *row)
{
    const struct encode_regions *regions = &page->view->regions;
    char number[NUMBER_TEXT_SIZE], mobile[MOBILE_TEXT_SIZE] = "";
    struct buf name;
    put(page, "<tr>");
    put_cell_begin(page, W_NAME, false);
    buf_init(&name, NAME_MAX_BYTES);
    name_public(row->name, row->is_organisation, row->shown, &name);
    put_text(page, buf_text(&name));
    buf_fini(&name);
    put(page, "</td>");
    /* Whoever wants no name wants no number either. */
    if (row->mobile != 0 && row->shown != NAME_ANONYMOUS) {
        mobile_mask(row->mobile, mobile);
    }
    put_cell_begin(page, W_MOBILE, false);
    put_text(page, mobile);
    put(page, "</td>");
    put_cell_begin(page, W_AREA, false);
    put_text(page, regions->name != NULL ? regions->name(regions->arg, row->area) : "");
    put(page, "</td>");
    put_gift(page, row->kind, row->item);
    put_sums(page, row->kind, row->unit, &row->sums);
    put_cell_begin(page, W_NUMBER, false);
    put_text(page, number_format(&row->number, number));
    put(page, "</td></tr>\n");
}

static void put_link(const struct page *page, size_t to, const char *rel, enum word word)
{
    buf_addf(page->out, " <a rel=\"%s\" href=\"?%spage=%zu\">", rel,
             page->view->is_english ? "lang=en&amp;" : "", to);
    put_word(page, word);
    put(page, "</a>");
}

static void put_pages(const struct page *page)
{
    const struct public_view *view = page->view;
    char place[128];
    if (view->pages < 2) {
        return;
    }
    put(page, "<nav class=\"pages\" aria-label=\"");
    put_word(page, W_PAGES);
    put(page, "\">");
    if (view->page > 1) {
        put_link(page, view->page - 1, "prev", W_PREVIOUS);
    }
    snprintf(place, sizeof place, view->is_english ? "Page %zu of %zu" : "第 %zu 页，共 %zu 页",
             view->page, view->pages);
    put(page, " ");
    put_in(page, "span", "place", place);
    if (view->page < view->pages) {
        put_link(page, view->page + 1, "next", W_NEXT);
    }
    put(page, "</nav>\n");
}

static void put_terms(const struct page *page)
{
    const struct public_view *view = page->view;
    put(page, "<dl class=\"facts\">\n");
    put_fact_begin(page, W_UP);
    if (view->up_until != 0) {
        put_word(page, W_UP_UNTIL);
        put(page, " ");
        put_day(page, view->up_until);
    } else {
        put_word(page, W_UP_OPEN);
    }
    put(page, "</dd>\n");
    if (view->hotline[0] != '\0') {
        put_fact_begin(page, W_HOTLINE);
        put_text(page, view->hotline);
        put(page, "</dd>\n");
    }
    put(page, "</dl>\n");
}

static void put_list(const struct page *page)
{
    static const enum word names[] = {W_NAME,    W_MOBILE,  W_AREA,      W_GIFT,
                                      W_PLEDGED, W_ARRIVED, W_DELIVERED, W_NUMBER};
    const struct public_view *view = page->view;
    if (view->list == PUBLIC_LIST_OVER || view->n_donors == 0) {
        put_in(page, "p", "empty", say(page, view->list == PUBLIC_LIST_OVER ? W_OVER : W_NOBODY));
        put(page, "\n");
        return;
    }
    put(page, "<table class=\"donors\">\n<caption class=\"unseen\">");
    put_word(page, W_DONORS);
    put(page, "</caption>\n");
    put_head(page, names, 8, 4);
    for (size_t i = 0; i < view->n_rows; i++) {
        put_donor(page, &view->rows[i]);
    }
    put(page, "</tbody>\n</table>\n");
    put_pages(page);
}

/* ---- the page ---- */

static void put_top(const struct page *page)
{
    put(page, "<!doctype html>\n<html lang=\"");
    put_word(page, W_LANG);
    /* robots: what is taken down here must not live on in a search engine. */
    put(page, "\">\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta name=\"robots\" content=\"noindex, noarchive\">\n<title>");
    put_text(page, page->view->title);
    put(page, " – ");
    put_word(page, W_NOTICE);
    put(page, "</title>\n<link rel=\"stylesheet\" href=\"page.css\">\n"
              "<link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n<header>\n<h1>");
    put_text(page, page->view->title);
    put(page, "</h1>\n");
    put_in(page, "p", "notice", say(page, W_NOTICE));
    buf_addf(page->out, "\n<a class=\"language\" lang=\"%s\" hreflang=\"%s\" href=\"?lang=%s\">",
             say(page, W_OTHER_LANG), say(page, W_OTHER_LANG), say(page, W_OTHER_CODE));
    put_word(page, W_OTHER_NAME);
    put(page, "</a>\n</header>\n<main>\n");
}

void public_html(const struct public_view *view, struct buf *out)
{
    const struct page page = {view, out};
    put_top(&page);
    if (view->list == PUBLIC_LIST_LONG) {
        put_in(&page, "p", "empty", say(&page, W_LONG));
    } else {
        put(&page, "<section>\n<h2>");
        put_word(&page, W_TOTALS);
        put(&page, "</h2>\n");
        put_figures(&page);
        put_things(&page);
        put_facts(&page);
        put(&page, "</section>\n<section>\n<h2>");
        put_word(&page, W_DONORS);
        put(&page, "</h2>\n");
        put_terms(&page);
        put_list(&page);
        put(&page, "</section>\n");
    }
    put(&page, "</main>\n<footer><a href=\"totals.json\">");
    put_word(&page, W_DATA);
    put(&page, "</a></footer>\n</body>\n</html>\n");
}
