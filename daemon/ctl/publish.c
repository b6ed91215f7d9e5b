/* ledger publish: the public notice (公示), in Chinese, as a text for the notice board or as CSV.
 */
#include "ctl/commands.h"

#include <inttypes.h>
#include <string.h>

#include "base/csvcell.h"
#include "ctl/pledges.h"
#include "ctl/table.h"
#include "pledge/money.h"

#define NOTICE_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define TOTAL_COLUMNS 7
#define DONOR_COLUMNS 8

static const char *const total_headers[TOTAL_COLUMNS] = {"类别",  "品名",  "单位", ">人次",
                                                         ">认捐", ">到账", ">发放"};
static const char *const donor_headers[DONOR_COLUMNS] = {"编号", "捐赠人", "手机",  "地区",
                                                         "捐赠", ">认捐",  ">到账", ">发放"};

static const char *kind_name(const char *word)
{
    static const char *const names[][2] = {
        {"cash", "现金"}, {"goods", "物资"}, {"purchase", "以购代捐"}, {"service", "服务"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i][0], word) == 0) {
            return names[i][1];
        }
    }
    return word;
}

struct sums {
    char of[3][PLEDGES_AMOUNT_SIZE];
};

/* Bare figures; what they count stands in a column of its own. */
static void read_sums(const json_t *row, struct sums *sums)
{
    static const char *const keys[] = {"pledged", "arrived", "delivered"};
    const json_t *fen = json_object_get(row, "fen");
    for (size_t i = 0; i < 3; i++) {
        char money[MONEY_TEXT_SIZE];
        snprintf(sums->of[i], sizeof sums->of[i], "%s",
                 fen != NULL ? money_format(ctl_number(fen, keys[i]), money)
                             : ctl_text(json_object_get(row, "quantity"), keys[i]));
    }
}

struct total_cells {
    struct sums sums;
    char donors[24];
    const char *cells[TOTAL_COLUMNS];
};

static void fill_total(const json_t *row, struct total_cells *out)
{
    bool is_money = json_object_get(row, "fen") != NULL;
    read_sums(row, &out->sums);
    snprintf(out->donors, sizeof out->donors, "%" PRId64, ctl_number(row, "donors"));
    out->cells[0] = kind_name(ctl_text(row, "kind"));
    out->cells[1] = ctl_text(row, "item");
    out->cells[2] = is_money ? "元" : ctl_text(row, "unit");
    out->cells[3] = out->donors;
    for (size_t i = 0; i < 3; i++) {
        out->cells[4 + i] = out->sums.of[i];
    }
}

struct donor_cells {
    struct sums sums;
    char thing[PLEDGES_AMOUNT_SIZE], region[256];
    const char *cells[DONOR_COLUMNS];
};

static void fill_donor(const json_t *row, struct donor_cells *out)
{
    bool is_money = json_object_get(row, "fen") != NULL;
    const char *item = ctl_text(row, "item"), *name = ctl_text(row, "region_name");
    read_sums(row, &out->sums);
    snprintf(out->thing, sizeof out->thing, "%s（%s）",
             item[0] != '\0' ? item : kind_name(ctl_text(row, "kind")),
             is_money ? "元" : ctl_text(row, "unit"));
    snprintf(out->region, sizeof out->region, "%s",
             name[0] != '\0' ? name : ctl_text(row, "region"));
    out->cells[0] = ctl_text(row, "number");
    out->cells[1] = ctl_text(row, "name");
    out->cells[2] = ctl_text(row, "mobile");
    out->cells[3] = out->region;
    out->cells[4] = out->thing;
    for (size_t i = 0; i < 3; i++) {
        out->cells[5 + i] = out->sums.of[i];
    }
}

/* ---- the heading ---- */

struct heading {
    const char *label;
    char text[1024];
};
#define HEADINGS 7

static size_t fill_headings(const json_t *notice, struct heading headings[HEADINGS])
{
    size_t n = 0;
    char time[40];
    const char *path = ctl_text(notice, "path"), *region = ctl_text(notice, "region");
#define HEADING(label_, ...)                                                                       \
    do {                                                                                           \
        headings[n].label = (label_);                                                              \
        snprintf(headings[n].text, sizeof headings[n].text, __VA_ARGS__);                          \
        n++;                                                                                       \
    } while (0)
    HEADING("地区", "%s（%s）", path, region);
    if (ctl_text(notice, "campaign")[0] != '\0') {
        HEADING("活动", "%s", ctl_text(notice, "campaign"));
    }
    HEADING("统计期", "%s 至 %s", ctl_text(notice, "from"), ctl_text(notice, "to"));
    HEADING("口径", "%s", ctl_text(notice, "definition"));
    HEADING("截止", "%s（第 %" PRId64 " 号分录）", ctl_time(ctl_text(notice, "as_of"), time),
            ctl_number(notice, "as_of_entry"));
    HEADING("公示期", "%s 至 %s", ctl_text(notice, "notice_from"),
            ctl_text(notice, "notice_until"));
    if (ctl_text(notice, "hotline")[0] != '\0') {
        HEADING("监督电话", "%s", ctl_text(notice, "hotline"));
    }
#undef HEADING
    return n;
}

/* ---- as a text ---- */

static void print_rows(const json_t *notice, const char *member, const char *const *headers,
                       size_t columns)
{
    struct table *table;
    size_t i;
    const json_t *row;
    if (table_new(headers, columns, &table) != ERR_OK) {
        fputs("outreachctl: no memory for the table\n", stderr);
        return;
    }
    json_array_foreach(json_object_get(notice, member), i, row)
    {
        struct total_cells total;
        struct donor_cells donor;
        if (headers == total_headers) {
            fill_total(row, &total);
            table_row(table, total.cells);
        } else {
            fill_donor(row, &donor);
            table_row(table, donor.cells);
        }
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_notice(const json_t *notice)
{
    struct heading headings[HEADINGS];
    size_t n = fill_headings(notice, headings);
    puts("捐赠公示\n");
    for (size_t i = 0; i < n; i++) {
        char clean[1024];
        table_clean(headings[i].text, clean, sizeof clean);
        printf("%s：%s\n", headings[i].label, clean);
    }
    puts("\n合计");
    print_rows(notice, "totals", total_headers, TOTAL_COLUMNS);
    puts("\n明细");
    print_rows(notice, "donors", donor_headers, DONOR_COLUMNS);
}

/* ---- as CSV ---- */

static void csv_line(struct buf *out, const char *const *cells, size_t n, bool figures)
{
    for (size_t i = 0; i < n; i++) {
        const char *cell = cells[i][0] == '>' ? cells[i] + 1 : cells[i];
        if (i > 0) {
            buf_add_char(out, ',');
        }
        /* Our own figures stand last and may be negative. */
        if (figures && i + 3 >= n) {
            buf_add_text(out, cell);
        } else {
            csvcell_add(out, cell);
        }
    }
    buf_add_char(out, '\n');
}

static void csv_rows(const json_t *notice, struct buf *out)
{
    size_t i;
    const json_t *row;
    buf_add_text(out, "\n合计\n");
    csv_line(out, total_headers, TOTAL_COLUMNS, false);
    json_array_foreach(json_object_get(notice, "totals"), i, row)
    {
        struct total_cells total;
        fill_total(row, &total);
        csv_line(out, total.cells, TOTAL_COLUMNS, true);
    }
    buf_add_text(out, "\n明细\n");
    csv_line(out, donor_headers, DONOR_COLUMNS, false);
    json_array_foreach(json_object_get(notice, "donors"), i, row)
    {
        struct donor_cells donor;
        fill_donor(row, &donor);
        csv_line(out, donor.cells, DONOR_COLUMNS, true);
    }
}

static enum ctl_exit print_csv(const struct ctl *ctl, const json_t *notice)
{
    struct buf out;
    struct heading headings[HEADINGS];
    size_t n = fill_headings(notice, headings);
    bool excel = ctl_option(ctl, OPT_EXCEL) != NULL;
    buf_init(&out, NOTICE_MAX_BYTES);
    buf_add_text(&out, "捐赠公示\n");
    for (size_t i = 0; i < n; i++) {
        csv_line(&out, (const char *const[]){headings[i].label, headings[i].text}, 2, false);
    }
    csv_rows(notice, &out);
    enum err error = buf_check(&out);
    if (excel) {
        fputs("\xef\xbb\xbf", stdout);
    }
    for (const char *at = buf_text(&out); error == ERR_OK && *at != '\0'; at++) {
        fputs(excel && *at == '\n' ? "\r\n" : (char[]){*at, '\0'}, stdout);
    }
    buf_fini(&out);
    return error == ERR_OK ? CTL_DONE
                           : ctl_fail(ctl, CTL_FAILED, "memory", "the notice is too long");
}

enum ctl_exit cmd_ledger_publish(struct ctl *ctl)
{
    static const struct pledges_query queries[] = {
        {OPT_REGION, "region"},     {OPT_FROM, "from"},       {OPT_TO, "to"},
        {OPT_CAMPAIGN, "campaign"}, {OPT_HOTLINE, "hotline"}, {OPT_DAYS, "days"}};
    char path[PLEDGES_PATH_MAX];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    pledges_path(ctl, "/api/v1/ledger/publish", queries, sizeof queries / sizeof *queries, path);
    if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (ctl_option(ctl, OPT_CSV) != NULL || ctl_option(ctl, OPT_EXCEL) != NULL) {
        exit = print_csv(ctl, reply.json);
    } else {
        print_notice(reply.json);
    }
    reply_fini(&reply);
    return exit;
}
