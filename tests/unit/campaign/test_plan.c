/* The plan, from the CSV to the totals. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "campaign/plan.h"
#include "campaign/template.h"

#define OFFSET 480

static char directory[] = "/tmp/test_plan.XXXXXX";
static char path[64];
static struct settings settings;
static struct definition definition;
static int64_t now_ms;

static int64_t at(const char *text)
{
    int64_t ms;
    assert_int_equal(clock_parse(text, OFFSET, &ms), ERR_OK);
    return ms;
}

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

/* Every test begins with the same campaign and changes what it is about. */
static int set_up(void **state)
{
    (void)state;
    settings = (struct settings){.n_carriers = 1, .daemon.utc_offset_min = OFFSET};
    settings.carriers[0] =
        (struct settings_carrier){.name = "mas", .batch_max = 1000, .rate = 500, .price_fen = 5};
    definition = (struct definition){.id = "test",
                                     .carrier = "mas",
                                     .recipients = path,
                                     .start_ms = at("2026-10-17 09:00"),
                                     .end_ms = at("2026-10-17 20:00"),
                                     .window_from_min = 480,
                                     .window_to_min = 1260,
                                     .rate = 100,
                                     .signature = "高山乡",
                                     .text = "10月17日是全国扶贫日。",
                                     .optout = "拒收请回复R",
                                     .empty_default = "",
                                     .max_segments = 3};
    now_ms = at("2026-10-16 12:00");
    return 0;
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *text)
{
    write_bytes(text, strlen(text));
}

static struct plan *open_plan(void)
{
    struct plan *plan = NULL;
    struct buf problem;
    buf_init(&problem, 1000);
    if (plan_open(&definition, &settings, &plan, &problem) != ERR_OK)
        fail_msg("%s", buf_text(&problem));
    assert_int_equal(problem.len, 0);
    buf_fini(&problem);
    return plan;
}

/* Reads all; `lookup` answers for a number. The rows that stay are appended to `sent` as
 * "number:segments:expanded text\n" (NULL: not wanted). */
static void read_all(struct plan *plan, uint8_t (*lookup)(uint64_t number), struct buf *sent)
{
    static struct plan_block block;
    uint8_t flags[PLAN_BLOCK_ROWS];
    bool done = false;
    plan_block_init(&block);
    while (!done) {
        block.n = 0;
        buf_reset(&block.values);
        if (plan_read(plan, PLAN_BLOCK_ROWS, 700, &block, &done) != ERR_OK)
            fail_msg("%s", plan_fault(plan));
        for (size_t i = 0; lookup != NULL && i < block.n; i++)
            flags[i] = lookup(block.rows[i].number);
        plan_settle(plan, &block, lookup != NULL ? flags : NULL);
        const struct plan_totals *totals = plan_totals(plan);
        assert_int_equal(totals->rows, totals->accepted + totals->duplicate + totals->invalid +
                                           totals->opted_out);
        for (size_t i = 0; sent != NULL && i < block.n; i++) {
            const struct plan_row *row = &block.rows[i];
            buf_addf(sent, "%" PRIu64 ":%" PRIu32 ":", row->number, row->segments);
            assert_int_equal(
                template_expand(plan_template(plan),
                                (const uint8_t *)buf_text(&block.values) + row->value_at,
                                row->value_len, sent),
                ERR_OK);
            buf_add_char(sent, '\n');
        }
    }
    plan_block_fini(&block);
    plan_finish(plan, now_ms);
}

static void check_totals(const struct plan *plan, uint64_t rows, uint64_t accepted,
                         uint64_t duplicate, uint64_t invalid, uint64_t opted_out)
{
    const struct plan_totals *totals = plan_totals(plan);
    assert_int_equal(totals->rows, rows);
    assert_int_equal(totals->accepted, accepted);
    assert_int_equal(totals->duplicate, duplicate);
    assert_int_equal(totals->invalid, invalid);
    assert_int_equal(totals->opted_out, opted_out);
    assert_int_equal(totals->problems, rows - accepted);
}

struct expected_problem {
    uint64_t row;
    const char *word, *value, *says;
};

static void check_problems(const struct plan *plan, const struct expected_problem *expected,
                           size_t n)
{
    const struct plan_problem *problems;
    assert_int_equal(plan_problems(plan, &problems), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(problems[i].row, expected[i].row);
        assert_string_equal(problems[i].word, expected[i].word);
        assert_string_equal(problems[i].value, expected[i].value);
        if (strstr(problems[i].reason, expected[i].says) == NULL)
            fail_msg("row %" PRIu64 ": %s", problems[i].row, problems[i].reason);
    }
}

static void test_rows_of_every_kind(void **state)
{
    (void)state;
    static const struct expected_problem problems[] = {
        {4, "duplicate", "154****0001", "earlier row"},
        {5, "landline", "0837-8223456", "landline"},
        {6, "too_short", "1540000000", "fewer"},
        {7, "too_long", "154000000012", "more"},
        {8, "scientific", "1.54E+10", "rounded"},
        {10, "header", "手机", "header row again"},
        {11, "characters", "王小明", "letters or signs"},
        {12, "empty", "", "no number"},
        {13, "service", "10086", "service"},
        {14, "prefix", "12345678901", "13 to 19"},
        {15, "extra_cells", "154****0009", "right of the last column"},
        {16, "duplicate", "154****0001", "earlier row"},
        {18, "characters", "1540000000a?", "letters or signs"},
    };
    write_text("\xef\xbb\xbf手机,备注\r\n"
               "15400000001,a\r\n"
               "１５４００００００02,\"b\r\nb\"\r\n"
               "+86 154-0000-0001,c\r\n"
               "0837-8223456,d\r\n"
               "1540000000,e\r\n"
               "154000000012,f\r\n"
               "1.54E+10,g\r\n"
               "\r\n"
               "手机,备注\r\n"
               "王小明,h\r\n"
               ",i\r\n"
               "10086,j\r\n"
               "12345678901,k\r\n"
               "15400000009,l,m\r\n"
               "\"\t15400000001\",n\r\n"
               "'15400000003\r\n"
               "1540000000a"
               "\x01,o");
    struct plan *plan = open_plan();
    struct buf sent;
    buf_init(&sent, 10000);
    read_all(plan, NULL, &sent);
    check_totals(plan, 16, 3, 2, 11, 0);
    check_problems(plan, problems, sizeof problems / sizeof problems[0]);
    assert_string_equal(sent.data, "15400000001:1:【高山乡】10月17日是全国扶贫日。拒收请回复R\n"
                                   "15400000002:1:【高山乡】10月17日是全国扶贫日。拒收请回复R\n"
                                   "15400000003:1:【高山乡】10月17日是全国扶贫日。拒收请回复R\n");
    assert_false(plan_totals(plan)->optouts_consulted);
    buf_fini(&sent);
    plan_free(plan);
}

static uint8_t by_last_digit(uint64_t number)
{
    static const uint8_t answers[10] = {
        [3] = PLAN_OPTED_OUT, [5] = PLAN_IN_GROUP, [7] = PLAN_OPTED_OUT | PLAN_IN_GROUP};
    return answers[number % 10];
}

static void test_opted_out_and_in_group(void **state)
{
    (void)state;
    static const struct expected_problem problems[] = {
        {3, "opted_out", "154****0003", "asked not to"},
        {4, "duplicate", "154****0002", "earlier row"},
        {5, "in_group", "154****0005", "dedup_group"},
        {6, "opted_out", "154****0007", "asked not to"},
    };
    write_text("phone\n15400000002\n15400000003\n15400000002\n15400000005\n15400000007\n"
               "15400000009\n");
    struct plan *plan = open_plan();
    struct buf sent;
    buf_init(&sent, 10000);
    read_all(plan, by_last_digit, &sent);
    check_totals(plan, 6, 2, 2, 0, 2);
    check_problems(plan, problems, 4);
    assert_true(plan_totals(plan)->optouts_consulted);
    assert_non_null(strstr(sent.data, "15400000002:"));
    assert_non_null(strstr(sent.data, "\n15400000009:"));
    assert_null(strstr(sent.data, "15400000003:"));
    buf_fini(&sent);
    plan_free(plan);
}

static void test_personal_texts(void **state)
{
    (void)state;
    static const struct expected_problem problems[] = {
        {3, "empty_column", "154****0002", "姓名 is empty"},
        {5, "column_text", "王?明", "姓名: the text holds a control character"},
        {6, "column_text", "【王】", "姓名: the text holds 【"},
        {7, "encoding", "154****0006", "not UTF-8"},
        {9, "column_text", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "surrogate"},
        {10, "empty_column", "154****0009", "姓名 is empty"},
        {11, "column_text", "#N/A", "村: a formula of the spreadsheet has failed"},
    };
    definition.text = "((姓名))，（（村））欢迎((姓名))";
    definition.optout = "";
    write_text("\xef\xbb\xbf姓名,手机,村\n"
               "王小明 ,15400000001,　高山村　\n"
               " ,15400000002,高山村\n"
               "\U0001f33e,15400000003,村\n"
               "王\a明,15400000004,村\n"
               "【王】,15400000005,村\n"
               "王\xcd\xf5,15400000006,村\n"
               "((村)),15400000007,x\n"
               "\xed\xa0\xbd,15400000008,村\n"
               "\xe2\x80\x8b　,15400000009,村\n"
               "王,15400000010,#N/A\n");
    struct plan *plan = open_plan();
    struct buf sent;
    const char *const *previews;
    buf_init(&sent, 10000);
    read_all(plan, NULL, &sent);
    check_totals(plan, 10, 3, 0, 7, 0);
    check_problems(plan, problems, 7);
    assert_string_equal(sent.data, "15400000001:1:【高山乡】王小明，高山村欢迎王小明\n"
                                   "15400000003:1:【高山乡】\U0001f33e，村欢迎\U0001f33e\n"
                                   "15400000007:1:【高山乡】((村))，x欢迎((村))\n");
    assert_int_equal(plan_previews(plan, &previews), 3);
    assert_string_equal(previews[0], "【高山乡】王小明，高山村欢迎王小明");
    assert_string_equal(previews[2], "【高山乡】((村))，x欢迎((村))");
    buf_fini(&sent);
    plan_free(plan);
}

/* A number counts as seen only when its row could be sent. */
static void test_a_rejected_row_does_not_hide_a_good_one(void **state)
{
    (void)state;
    static const struct expected_problem problems[] = {
        {2, "empty_column", "154****0001", "empty"},
        {4, "duplicate", "154****0001", "earlier"},
    };
    definition.text = "((姓名))";
    write_text("手机,姓名\n15400000001,\n15400000001,王\n15400000001,王\n");
    struct plan *plan = open_plan();
    read_all(plan, NULL, NULL);
    check_totals(plan, 3, 1, 1, 1, 0);
    check_problems(plan, problems, 2);
    plan_free(plan);
}

static void test_empty_values_by_rule(void **state)
{
    (void)state;
    static const struct {
        enum on_empty rule;
        const char *word, *sent;
    } cases[] = {
        {EMPTY_BLANK, "", "15400000001:1:你好！\n"},
        {EMPTY_DEFAULT, "乡亲", "15400000001:1:乡亲你好！\n"},
    };
    definition.signature = definition.optout = "";
    definition.text = "((姓名))你好！";
    write_text("手机,姓名\n15400000001,\" \"\n");
    for (size_t i = 0; i < 2; i++) {
        struct buf sent;
        buf_init(&sent, 1000);
        definition.on_empty = cases[i].rule;
        definition.empty_default = (char *)(uintptr_t)cases[i].word;
        struct plan *plan = open_plan();
        read_all(plan, NULL, &sent);
        assert_string_equal(sent.data, cases[i].sent);
        plan_free(plan);
        buf_fini(&sent);
    }
}

/* 70 units are one segment, 71 two; a character outside the BMP is two units. */
static void test_segments_and_cost(void **state)
{
    (void)state;
    struct buf csv;
    static const struct expected_problem problems[] = {
        {6, "too_long_text", "154****0005", "202 characters, 4 segments, and max_segments is 3"},
    };
    static const int lengths[] = {70, 71, 134, 135, 202};
    definition.signature = "乡"; /* three units with its brackets */
    definition.text = "((a))";
    definition.optout = "";
    buf_init(&csv, 10000);
    buf_add_text(&csv, "手机,a\n");
    for (int i = 0; i < 5; i++) {
        buf_addf(&csv, "1540000000%d,\U0001f33e", i + 1);
        for (int j = 0; j < lengths[i] - 5; j++)
            buf_add_text(&csv, "字");
        buf_add_char(&csv, '\n');
    }
    write_text(csv.data);
    for (int by_carrier = 0; by_carrier < 2; by_carrier++) {
        settings.carriers[0].signature_added_by_carrier = by_carrier; /* it counts all the same */
        struct plan *plan = open_plan();
        read_all(plan, NULL, NULL);
        const struct plan_totals *totals = plan_totals(plan);
        check_totals(plan, 5, 4, 0, 1, 0);
        check_problems(plan, problems, 1);
        assert_int_equal(totals->segments_min, 1);
        assert_int_equal(totals->segments_max, 3);
        assert_int_equal(totals->segments_total, 1 + 2 + 2 + 3);
        assert_int_equal(totals->cost_fen, 8 * 5);
        plan_free(plan);
    }
    buf_fini(&csv);
}

static void test_regions(void **state)
{
    (void)state;
    static const struct {
        const char *cell;
        uint64_t region;
        bool warned;
    } cases[] = {
        {"51", 510000000000, false},
        {"5133", 513300000000, false},
        {"513327", 513327000000, false},
        {"513327205", 513327205000, false},
        {" 513327205001\t", 513327205001, false},
        {"", 0, false},
        {" ", 0, false},
        {"高山村", 0, true},
        {"51332", 0, true},
        {"51332x", 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static struct plan_block block;
        char csv[200];
        bool done;
        snprintf(csv, sizeof csv, "手机,地区\n15400000001,%s\n", cases[i].cell);
        write_text(csv);
        struct plan *plan = open_plan();
        plan_block_init(&block);
        do {
            assert_int_equal(plan_read(plan, 10, 100, &block, &done), ERR_OK);
        } while (!done);
        assert_int_equal(block.n, 1);
        assert_int_equal(block.rows[0].region, cases[i].region);
        assert_int_equal(block.rows[0].row, 2);
        assert_int_equal(plan_totals(plan)->warnings, cases[i].warned);
        assert_int_equal(plan_totals(plan)->problems, 0);
        const struct expected_problem expected = {2, "area_code", cases[i].cell,
                                                  "no area code (2, 4, 6, 9 or 12 digits)"};
        check_problems(plan, &expected, cases[i].warned);
        plan_block_fini(&block);
        plan_free(plan);
    }
}

/* Warnings leave room for what is left out, and are told apart from it. */
static void test_many_warnings(void **state)
{
    (void)state;
    struct buf csv;
    const struct plan_problem *problems;
    buf_init(&csv, 1 << 20);
    buf_add_text(&csv, "手机,地区\n");
    for (int i = 0; i < 1500; i++)
        buf_addf(&csv, "154%08d,某村\n", i);
    buf_add_text(&csv, "12345,某村\n");
    write_text(buf_text(&csv));
    buf_fini(&csv);
    struct plan *plan = open_plan();
    read_all(plan, NULL, NULL);
    plan_finish(plan, now_ms);
    check_totals(plan, 1501, 1500, 0, 1, 0);
    assert_int_equal(plan_totals(plan)->warnings, 1500);
    size_t n = plan_problems(plan, &problems);
    assert_int_equal(n, PLAN_WARNINGS_KEPT + 1);
    assert_true(problems[0].accepted);
    assert_false(problems[n - 1].accepted);
    assert_int_equal(problems[n - 1].row, 1502);
    plan_free(plan);
}

/* ---- requests and times ---- */

static void write_numbers(uint64_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "手机\n");
    for (uint64_t i = 0; i < n; i++)
        fprintf(file, "%" PRIu64 "\n", 15400000000 + i);
    fclose(file);
}

static uint64_t requests_for(uint64_t n, uint32_t batch_max, uint32_t rate)
{
    settings.carriers[0].batch_max = batch_max;
    settings.carriers[0].rate = rate;
    definition.rate = 0;
    write_numbers(n);
    struct plan *plan = open_plan();
    read_all(plan, NULL, NULL);
    uint64_t requests = plan_totals(plan)->requests;
    plan_free(plan);
    return requests;
}

static void test_requests(void **state)
{
    (void)state;
    assert_int_equal(requests_for(0, 1000, 0), 0);
    assert_int_equal(requests_for(1, 1000, 0), 1);
    assert_int_equal(requests_for(10, 1000, 0), 1);
    assert_int_equal(requests_for(11, 1000, 0), 2);
    assert_int_equal(requests_for(774, 1000, 0), 2);
    assert_int_equal(requests_for(1010, 1000, 0), 2);
    assert_int_equal(requests_for(1011, 1000, 0), 3);
    assert_int_equal(requests_for(1011, 5000, 0), 3); /* a chunk is at most 1000 */
    assert_int_equal(requests_for(774, 1, 0), 774);
    assert_int_equal(requests_for(774, 4, 0), 3 + 191);
    assert_int_equal(requests_for(2010, 300, 0), 1 + 4 + 4); /* 300 300 300 100, twice */
    assert_int_equal(requests_for(774, 1000, 100), 1 + 8);   /* a second's worth each */
    assert_int_equal(requests_for(774, 1000, 1), 774);
}

static void check_times(const char *now, uint64_t n, const char *starts, const char *ends)
{
    char text[CLOCK_TEXT_SIZE];
    write_numbers(n);
    now_ms = at(now);
    struct plan *plan = open_plan();
    read_all(plan, NULL, NULL);
    const struct plan_totals *totals = plan_totals(plan);
    if (totals->starts_ms != (starts != NULL ? at(starts) : 0))
        fail_msg("starts %s", clock_format(totals->starts_ms, OFFSET, text));
    if (totals->ends_ms != (ends != NULL ? at(ends) : 0))
        fail_msg("ends %s", clock_format(totals->ends_ms, OFFSET, text));
    assert_int_equal(totals->ends_in_time, ends != NULL);
    plan_free(plan);
}

static void test_times(void **state)
{
    (void)state;
    definition.rate = 1; /* the carrier's 500 does not matter */
    check_times("2026-10-16 12:00", 3600, "2026-10-17 09:00", "2026-10-17 10:00");
    check_times("2026-10-17 09:30", 3600, "2026-10-17 09:30", "2026-10-17 10:30");
    check_times("2026-10-17 19:30", 3600, "2026-10-17 19:30", NULL);
    check_times("2026-10-17 20:00", 1, NULL, NULL);
    definition.end_ms = at("2026-10-18 20:00");
    check_times("2026-10-17 20:30", 3600, "2026-10-17 20:30", "2026-10-18 08:30");
    check_times("2026-10-17 22:00", 3600, "2026-10-18 08:00", "2026-10-18 09:00");
    definition.rate = 100;
    settings.carriers[0].rate = 1; /* the smaller rate counts, whoever has it */
    check_times("2026-10-16 12:00", 3600, "2026-10-17 09:00", "2026-10-17 10:00");
    settings.carriers[0].rate = 0;
    definition.rate = 0; /* no limit: nothing to count with */
    check_times("2026-10-16 12:00", 3600, "2026-10-17 09:00", "2026-10-17 09:00");
}

/* ---- refusals ---- */

static void check_refused(const char *says)
{
    struct plan *plan = NULL;
    struct buf problem;
    buf_init(&problem, 1000);
    assert_int_equal(plan_open(&definition, &settings, &plan, &problem), ERR_INVALID);
    assert_null(plan);
    if (strstr(buf_text(&problem), says) == NULL)
        fail_msg("%s", buf_text(&problem));
    buf_fini(&problem);
}

static void test_refused_campaigns(void **state)
{
    (void)state;
    char long_text[1000] = "";
    write_text("手机,姓名\n15400000001,王\n");
    definition.text = "((姓氏))你好";
    check_refused("list.csv: the text uses ((姓氏)) and the table has no such column (is ((姓名)) "
                  "meant?); the columns of the table are: 手机, 姓名");
    definition.text = "你好【x】";
    check_refused("text, character 3: ");
    for (int i = 0; i < 200; i++)
        strcat(long_text, "字");
    definition.text = long_text;
    check_refused("the text has 211 characters with signature and opt-out wording, 4 segments; "
                  "max_segments is 3");
    definition.text = "你好";
    definition.empty_default = "\x1b";
    check_refused("the default for empty values");
    definition.empty_default = "";
    definition.carrier = "other";
    check_refused("there is no carrier other");
    definition.carrier = "mas";
    write_text("a,b\n1,2\n");
    check_refused("list.csv: no column holds the numbers");
    write_bytes("\xff\xfe\x4b\x62", 4);
    check_refused("list.csv: the file is UTF-16");

    struct plan *plan = NULL;
    struct buf problem;
    unlink(path);
    buf_init(&problem, 1000);
    assert_int_equal(plan_open(&definition, &settings, &plan, &problem), ERR_IO);
    assert_string_equal(problem.data,
                        "list.csv: the file cannot be opened: No such file or directory");
    buf_fini(&problem);
    buf_init(&problem, 20); /* a caller with little room gets the beginning */
    assert_int_equal(plan_open(&definition, &settings, &plan, &problem), ERR_IO);
    assert_string_equal(problem.data, "list.csv: the file c");
    buf_fini(&problem);
}

/* *line: the one mistake. Gives the errors. */
static size_t check_definition(char *line, size_t size)
{
    struct mistakes mistakes;
    struct buf text;
    mistakes_init(&mistakes);
    plan_check(&definition, &settings, &mistakes);
    assert_true(mistakes.n <= 1);
    buf_init(&text, 4000);
    mistakes_print(&mistakes, &text);
    snprintf(line, size, "%s", buf_text(&text));
    size_t errors = mistakes.errors;
    buf_fini(&text);
    mistakes_fini(&mistakes);
    return errors;
}

/* What could never be launched is a mistake of the definition; its rows are not read. */
static void test_checked(void **state)
{
    (void)state;
    char line[4000], long_text[1000] = "", ini[] = "/etc/test.ini";
    definition.path = ini;
    write_text("手机,姓名\n15400000001,王\nthis is,no,row\n");
    definition.text = "((姓名))你好";
    assert_int_equal(check_definition(line, sizeof line), 0);
    assert_string_equal(line, "");
    definition.text = "((村))你好";
    assert_int_equal(check_definition(line, sizeof line), 1);
    assert_non_null(strstr(line, "/etc/test.ini"));
    assert_non_null(strstr(line, "the text uses ((村)) and the table has no such column"));
    for (int i = 0; i < 200; i++)
        strcat(long_text, "字");
    definition.text = long_text;
    assert_int_equal(check_definition(line, sizeof line), 1);
    assert_non_null(strstr(line, "4 segments; max_segments is 3"));
    definition.text = "你好";
    unlink(path);
    assert_int_equal(check_definition(line, sizeof line), 1);
    assert_non_null(strstr(line, "[campaign] recipients"));
    assert_non_null(strstr(line, "No such file or directory"));
}

static void test_a_table_that_breaks_off(void **state)
{
    (void)state;
    static struct plan_block block;
    bool done = false;
    enum err error = ERR_OK;
    write_text("手机\n15400000001\n15400000002\n\"15400000003\n15400000004\n");
    struct plan *plan = open_plan();
    plan_block_init(&block);
    while (error == ERR_OK && !done)
        error = plan_read(plan, PLAN_BLOCK_ROWS, 100, &block, &done);
    assert_int_equal(error, ERR_INVALID);
    assert_int_equal(block.n, 2);
    assert_string_equal(plan_fault(plan),
                        "row 4: a quotation mark opens in this row and is never closed");
    plan_block_fini(&block);
    plan_free(plan);
}

/* ---- turns ---- */

static void test_a_turn_is_short(void **state)
{
    (void)state;
    static struct plan_block block;
    bool done = false;
    FILE *file = fopen(path, "w");
    uint64_t turns = 0, before = 0, read_bytes, all_bytes;
    fprintf(file, "手机,a\n");
    for (int i = 0; i < 5000; i++)
        fprintf(file, "landline,\n");
    for (int i = 0; i < 300000; i++)
        fprintf(file, "\n");
    for (int i = 0; i < 500; i++)
        fprintf(file, "nobody,%08000d\n", i);
    fclose(file);
    struct plan *plan = open_plan();
    plan_block_init(&block);
    for (; !done; turns++) {
        uint64_t rows = plan_totals(plan)->rows;
        assert_int_equal(plan_read(plan, PLAN_BLOCK_ROWS, 100, &block, &done), ERR_OK);
        assert_int_equal(block.n, 0);
        assert_true(plan_totals(plan)->rows - rows <= 100);
        plan_progress(plan, &read_bytes, &all_bytes);
        assert_true(read_bytes - before <= PLAN_READ_MAX_BYTES + 65536);
        before = read_bytes;
    }
    assert_int_equal(read_bytes, all_bytes);
    assert_true(turns >= 50 + 30 + 5);
    plan_finish(plan, now_ms);
    check_totals(plan, 5500, 0, 0, 5500, 0);
    plan_block_fini(&block);
    plan_free(plan);
}

/* Adds to what stands in the block, up to `want`. */
static void test_a_block_is_filled_in_pieces(void **state)
{
    (void)state;
    static struct plan_block block;
    bool done;
    write_numbers(2500);
    struct plan *plan = open_plan();
    plan_block_init(&block);
    assert_int_equal(plan_read(plan, 10, 7, &block, &done), ERR_OK);
    assert_true(block.n <= 7 && !done);
    while (block.n < 10)
        assert_int_equal(plan_read(plan, 10, 7, &block, &done), ERR_OK);
    assert_int_equal(block.n, 10);
    assert_int_equal(block.rows[9].number, 15400000009);
    assert_int_equal(block.rows[9].row, 11);
    assert_false(done);
    plan_settle(plan, &block, NULL);
    while (!done) {
        block.n = 0;
        assert_int_equal(plan_read(plan, PLAN_BLOCK_ROWS, 5000, &block, &done), ERR_OK);
        plan_settle(plan, &block, NULL);
    }
    plan_finish(plan, now_ms);
    check_totals(plan, 2500, 2500, 0, 0, 0);
    plan_block_fini(&block);
    plan_free(plan);
}

/* ---- problems and fingerprint ---- */

static uint64_t told;

static void on_problem(void *arg, const struct plan_problem *problem)
{
    (void)arg;
    assert_string_equal(problem->word, "landline");
    assert_int_equal(problem->row, 2 + told);
    told++;
}

static void test_all_problems_are_told(void **state)
{
    (void)state;
    const struct plan_problem *problems;
    FILE *file = fopen(path, "w");
    fprintf(file, "手机\n");
    for (int i = 0; i < 3000; i++)
        fprintf(file, "0837%07d\n", i);
    fclose(file);
    told = 0;
    struct plan *plan = open_plan();
    plan_on_problem(plan, on_problem, NULL);
    read_all(plan, NULL, NULL);
    assert_int_equal(told, 3000);
    assert_int_equal(plan_totals(plan)->problems, 3000);
    assert_int_equal(plan_problems(plan, &problems), PLAN_PROBLEMS_KEPT);
    plan_free(plan);
}

static void fingerprint(const char *csv, uint8_t (*lookup)(uint64_t number), uint8_t out[16])
{
    write_text(csv);
    struct plan *plan = open_plan();
    read_all(plan, lookup, NULL);
    memcpy(out, plan_totals(plan)->fingerprint, 16);
    plan_free(plan);
}

static void test_fingerprint(void **state)
{
    (void)state;
    uint8_t first[16], other[16];
    fingerprint("手机\n15400000001\n15400000003\n15400000005\n", NULL, first);
    fingerprint("a,手机\n,154 0000 0005\nx,15400000001\n,15400000003\n,15400000001\n,0837\n", NULL,
                other);
    assert_memory_equal(first, other, 16); /* another order, duplicates, bad rows */
    fingerprint("手机\n15400000001\n15400000003\n15400000005\n", by_last_digit, other);
    assert_memory_equal(first, other, 16); /* who opted out meanwhile makes no new list */
    fingerprint("手机\n15400000001\n15400000003\n", NULL, other);
    assert_memory_not_equal(first, other, 16);
    fingerprint("手机\n15400000001\n15400000003\n15400000006\n", NULL, other);
    assert_memory_not_equal(first, other, 16);
    definition.text = "10月17日是全国扶贫日！";
    fingerprint("手机\n15400000001\n15400000003\n15400000005\n", NULL, other);
    assert_memory_not_equal(first, other, 16);
}

/* ---- the whole, at random ---- */

/* Random bytes and random rows: whatever stands in the file, every row read is in one bucket. */
static void test_buckets_add_up(void **state)
{
    (void)state;
    static const char *const cells[] = {"15400000001", "15400000002", "",       "0837-8223456",
                                        "王",          "\"a,\"\"b\"", "【】",   "\xcd\xf5",
                                        " ",           "手机",        "1.5E+10"};
    static const char *const ends[] = {"\n", "\r\n", ",\n", "\n\n", ",x\r\n", "\r"};
    unsigned seed = (unsigned)clock_wall_ms();
    const char *given = getenv("OUTREACH_TEST_SEED");
    if (given != NULL)
        seed = (unsigned)strtoul(given, NULL, 10);
    print_message("OUTREACH_TEST_SEED=%u\n", seed);
    definition.text = "((姓名))";
    for (int round = 0; round < 60; round++) {
        struct buf csv;
        buf_init(&csv, 1000000);
        buf_add_text(&csv, "\xef\xbb\xbf手机,姓名\n");
        for (int i = rand_r(&seed) % 4000; i > 0; i--) {
            if (rand_r(&seed) % 2)
                buf_addf(&csv, "1540000%04d", rand_r(&seed) % 10000);
            else
                buf_add_text(&csv, cells[rand_r(&seed) % 11]);
            buf_addf(&csv, ",%s%s", cells[rand_r(&seed) % 11], ends[rand_r(&seed) % 6]);
        }
        write_bytes(csv.data, csv.len);
        struct plan *plan = open_plan();
        read_all(plan, round % 2 ? by_last_digit : NULL, NULL); /* looks after each block */
        assert_int_equal(plan_totals(plan)->problems,
                         plan_totals(plan)->rows - plan_totals(plan)->accepted);
        plan_free(plan);
        buf_fini(&csv);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_of_every_kind),
        TEST(test_opted_out_and_in_group),
        TEST(test_personal_texts),
        TEST(test_a_rejected_row_does_not_hide_a_good_one),
        TEST(test_empty_values_by_rule),
        TEST(test_segments_and_cost),
        TEST(test_regions),
        TEST(test_many_warnings),
        TEST(test_requests),
        TEST(test_times),
        TEST(test_refused_campaigns),
        TEST(test_checked),
        TEST(test_a_table_that_breaks_off),
        TEST(test_a_turn_is_short),
        TEST(test_a_block_is_filled_in_pieces),
        TEST(test_all_problems_are_told),
        TEST(test_fingerprint),
        TEST(test_buckets_add_up),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
