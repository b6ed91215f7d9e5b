#include "campaign/terms.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/ini.h"
#include "conf/schema.h"
#include "conf/settings.h"

#define HOUR_MS INT64_C(3600000)

static struct settings settings = {
    .daemon = {.optout_words = "R T TD N 0000 退订 拒收", .optout_all_words = "全部退订 TDALL"}};
static struct mistakes mistakes;
static struct terms terms;
static bool has;

static int set_up(void **state)
{
    (void)state;
    mistakes_init(&mistakes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    terms_release(&terms);
    mistakes_fini(&mistakes);
    return 0;
}

/* The section `lines`, of a file that is fine in form. */
static void load(const char *lines)
{
    static const struct schema_context context = {.directory = "/", .utc_offset_min = 480};
    struct ini_file *ini;
    char text[16384];
    int len = snprintf(text, sizeof text, "[campaign]\nid = a\n%s\n", lines);
    assert_true(len > 0 && (size_t)len < sizeof text);
    terms_release(&terms);
    mistakes_fini(&mistakes);
    mistakes_init(&mistakes);
    assert_int_equal(ini_read_bytes("/a.ini", text, (size_t)len, &ini, &mistakes), ERR_OK);
    assert_int_equal(terms_load(ini, &context, &settings, &has, &terms, &mistakes), ERR_OK);
    ini_free(ini);
}

static void fail_with_mistakes(const char *wanted)
{
    struct buf all;
    buf_init(&all, 65536);
    mistakes_print(&mistakes, &all);
    print_error("wanted %s, got:\n%s", wanted, buf_text(&all));
    buf_fini(&all);
    fail();
}

static void load_fine(const char *lines)
{
    load(lines);
    if (mistakes.n != 0)
        fail_with_mistakes("no mistake");
}

static void assert_mistake(const char *lines, bool warning, const char *key, const char *words)
{
    load(lines);
    if (mistakes.n != 1 || mistakes.items[0].warning != warning ||
        strcmp(mistakes.items[0].key, key) != 0 ||
        strcmp(mistakes.items[0].section, "pledge") != 0 || mistakes.items[0].line != 4 ||
        strstr(mistakes.items[0].reason, words) == NULL)
        fail_with_mistakes(words);
}

static void assert_refused(const char *line, const char *key, const char *words)
{
    char lines[8192];
    snprintf(lines, sizeof lines, "[pledge]\n%s", line);
    assert_mistake(lines, false, key, words);
}

static void test_no_section(void **state)
{
    (void)state;
    load_fine("");
    assert_false(has);
    assert_null(terms.keywords);
    assert_int_equal(terms.cap_per_day, 0);
}

static void test_defaults(void **state)
{
    (void)state;
    load_fine("[pledge]");
    assert_true(has);
    assert_string_equal(terms.keywords, "捐 认捐 捐款 JK");
    assert_string_equal(terms.purchase_keywords, "以购代捐");
    assert_int_equal(terms.confirm, CONFIRM_REPLY);
    assert_string_equal(terms_confirm_word(terms.confirm), "reply");
    assert_true(terms.confirm_within_ms == 24 * HOUR_MS);
    assert_int_equal(terms.cap_per_day, 5);
    assert_string_equal(terms.hotline, "");
    assert_int_equal(terms.receipt_from_min, 420);
    assert_int_equal(terms.receipt_to_min, 1320);
    assert_true(terms.lapse_after_ms == 90 * 24 * HOUR_MS);
    assert_string_equal(terms.add_serial, "");
    assert_non_null(strstr(terms.help_text, "捐100元"));
    assert_null(strstr(terms.help_text, "((热线))"));
    assert_non_null(strstr(terms.confirm_text, "回复Y"));
    assert_non_null(strstr(terms.acknowledgement_text, "本短信为认捐确认，不作为捐赠票据"));
    assert_non_null(strstr(terms.receipt_text, "不作为捐赠票据"));
}

/* The daemon's hotline stands in for that of a campaign that names none, in ready texts and in its
 * own. */
static void test_the_general_hotline(void **state)
{
    (void)state;
    assert_refused("help_text = 请拨((热线))", "help_text", "hotline is empty");
    settings.ledger.hotline = "0836-12317";
    load_fine("[pledge]\nhelp_text = 请拨((热线))\n");
    assert_string_equal(terms.hotline, "0836-12317");
    assert_non_null(strstr(terms.receipt_text, "((热线))"));
    load_fine("[pledge]\nhotline = 0836-7654321\n");
    assert_string_equal(terms.hotline, "0836-7654321");
    settings.ledger.hotline = "";
    load_fine("[pledge]\n");
    assert_string_equal(terms.hotline, "");
    settings.ledger.hotline = NULL;
}

static void test_everything_given(void **state)
{
    (void)state;
    load_fine("[pledge]\n"
              "keywords = 扶贫捐，JK\n"
              "purchase_keywords = 买菜 以购代捐\n"
              "confirm = operator\n"
              "confirm_within = 90m\n"
              "cap_per_day = 1\n"
              "help_text = 请拨((热线))\n"
              "confirm_text = ((编号))？回Y\n"
              "acknowledgement_text = ((编号))已记，非票据\n"
              "receipt_text = （（编号））已收，非票据\n"
              "hotline = 0836-7654321\n"
              "receipt_window = 09:00-18:00\n"
              "lapse_after = 30d\n"
              "add_serial = 17\n");
    assert_string_equal(terms.keywords, "扶贫捐，JK");
    assert_string_equal(terms.purchase_keywords, "买菜 以购代捐");
    assert_int_equal(terms.confirm, CONFIRM_OPERATOR);
    assert_true(terms.confirm_within_ms == 90 * 60000);
    assert_int_equal(terms.cap_per_day, 1);
    assert_string_equal(terms.help_text, "请拨((热线))");
    assert_string_equal(terms.confirm_text, "((编号))？回Y");
    assert_string_equal(terms.acknowledgement_text, "((编号))已记，非票据");
    assert_string_equal(terms.receipt_text, "（（编号））已收，非票据");
    assert_string_equal(terms.hotline, "0836-7654321");
    assert_int_equal(terms.receipt_from_min, 540);
    assert_int_equal(terms.receipt_to_min, 1080);
    assert_true(terms.lapse_after_ms == 30 * 24 * HOUR_MS);
    assert_string_equal(terms.add_serial, "17");
}

/* The default texts follow the other keys: the first keyword is the one they teach, and the hotline
 * is said when there is one. Keys left empty are keys not given. */
static void test_defaults_follow(void **state)
{
    (void)state;
    load_fine("[pledge]\nkeywords = JK 捐\nhotline = 12345\nhelp_text =\nconfirm = none\n"
              "purchase_keywords =\nadd_serial =");
    assert_non_null(strstr(terms.help_text, "JK100元"));
    assert_int_equal(terms.confirm, CONFIRM_NONE);
    assert_string_equal(terms.purchase_keywords, "以购代捐");
    const char *const texts[] = {terms.help_text, terms.confirm_text, terms.acknowledgement_text,
                                 terms.receipt_text};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_non_null(strstr(texts[i], "((热线))"));
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    assert_refused("confirm = sms", "confirm", "none, reply, operator");
    assert_refused("confirm_within = 59s", "confirm_within", "outside 1m to 30d");
    assert_refused("confirm_within = 24", "confirm_within", "the unit is missing");
    assert_refused("cap_per_day = 0", "cap_per_day", "outside 1 to 1000");
    assert_refused("receipt_window = 7-22", "receipt_window", "08:00-21:00");
    assert_refused("lapse_after = 1h", "lapse_after", "outside");
    assert_refused("add_serial = 1a", "add_serial", "up to 15 digits");
    assert_refused("add_serial = 1234567890123456", "add_serial", "up to 15 digits");
    assert_refused("keyword = 捐", "keyword", "no key");
    assert_refused("hotline = 01234567890123456789012345678901234567890", "hotline", "at most 40");
}

static void test_keywords(void **state)
{
    (void)state;
    assert_refused("keywords = 捐 td", "keywords", "one of optout_words");
    assert_refused("purchase_keywords = ＴＤＡＬＬ", "purchase_keywords",
                   "one of optout_all_words");
    assert_refused("keywords = 捐 jk JK", "keywords", "there twice");
    assert_refused("purchase_keywords = 捐", "purchase_keywords", "among keywords");
    assert_refused("keywords = JK1", "keywords", "ends with a digit");
    assert_refused("keywords = ，", "keywords", "holds no word");
    assert_refused("keywords = 一二三四五六七八九十一二三四五六", "keywords", "at most 64 words");
}

static void test_texts(void **state)
{
    (void)state;
    assert_refused("receipt_text = ((编号))((村))，非票据", "receipt_text",
                   "((村)) is unknown here");
    assert_refused("confirm_text = 请回复Y", "confirm_text", "has no ((编号))");
    assert_refused("acknowledgement_text = ((姓名))谢谢，非票据", "acknowledgement_text",
                   "has no ((编号))");
    assert_refused("receipt_text = 谢谢，非票据", "receipt_text", "has no ((编号))");
    assert_refused("help_text = ((姓名))请再发", "help_text", "only ((热线))");
    assert_refused("help_text = 请拨((热线))", "help_text", "hotline is empty");
    assert_refused("help_text = 请【再发】", "help_text", "(character 2)");
    char line[2048] = "help_text = ";
    for (int i = 0; i < 301; i++)
        strcat(line, "长");
    assert_refused(line, "help_text", "has 301 characters, at most 300");
    assert_mistake("[pledge]\nreceipt_text = ((编号))已收", true, "receipt_text", "票据");
    assert_mistake("[pledge]\nacknowledgement_text = ((编号))已记", true, "acknowledgement_text",
                   "票据");
}

/* Many mistakes are all told, and nothing is lost of what was read. */
static void test_all_mistakes(void **state)
{
    (void)state;
    load("[pledge]\nkeywords = R\nconfirm = x\ncap_per_day = x\nreceipt_text = ((x))\nx = 1");
    assert_int_equal(mistakes.errors, 5);
    assert_true(has);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_section, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_general_hotline, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_everything_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_defaults_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_values_out_of_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keywords, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_mistakes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
