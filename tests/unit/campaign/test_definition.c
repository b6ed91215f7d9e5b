#include "campaign/definition.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "some_settings.h"

/* The contract's example without its comments. */
static const char contract_ini[] = "[campaign]\n"
                                   "id         = 2026-10-17-gaoshan\n"
                                   "title      = 2026年全国扶贫日宣传\n"
                                   "region     = 513327205\n"
                                   "carrier    = mas\n"
                                   "recipients = gaoshan.csv\n"
                                   "start      = 2026-10-17 09:00\n"
                                   "end        = 2026-10-17 20:00\n"
                                   "window     = 08:00-21:00\n"
                                   "rate       = 100\n"
                                   "class      = publicity\n"
                                   "dedup_group = oct17-2026\n"
                                   "on_ambiguous = hold\n"
                                   "late_after = 30m\n"
                                   "\n"
                                   "[message]\n"
                                   "signature  = 高山乡人民政府\n"
                                   "text       = ((姓名))：10月17日是全国扶贫日……\n"
                                   "text_file  =\n"
                                   "optout     = 拒收请回复R\n"
                                   "max_segments = 3\n";

/* The example with the line of `key` replaced by `line` ("" takes it away), or `line` put at the
 * end of its section. */
static const char *with(const char *key, const char *line)
{
    static char text[65536];
    char needle[64];
    snprintf(needle, sizeof needle, "\n%s ", key);
    const char *at = strstr(contract_ini, needle);
    if (at == NULL) {
        snprintf(text, sizeof text, "%s%s\n", contract_ini, line);
        return text;
    }
    const char *end = strchr(at + 1, '\n');
    snprintf(text, sizeof text, "%.*s\n%s%s", (int)(at - contract_ini), contract_ini, line, end);
    return text;
}

static struct definition *load_as(const char *name, const char *text)
{
    struct definition *definition;
    mistakes_fini(&mistakes);
    enum err error =
        definition_load(scratch_file(name, 0644, text), settings, &definition, &mistakes);
    assert_int_equal(error == ERR_OK, definition != NULL);
    assert_int_equal(error == ERR_OK, mistakes.errors == 0);
    return definition;
}

static struct definition *load(const char *text)
{
    return load_as("some.ini", text);
}

static struct definition *load_fine(const char *text)
{
    struct definition *definition = load(text);
    if (definition == NULL) {
        char *all = mistakes_text(&mistakes);
        fprintf(stderr, "%s", all);
        free(all);
    }
    assert_non_null(definition);
    return definition;
}

/* `text` has one error, of this key and with these words. */
static void assert_refused(const char *text, const char *key, const char *words)
{
    assert_null(load(text));
    if (mistakes.errors != 1 ||
        strcmp(mistakes.items[0].key == NULL ? "" : mistakes.items[0].key, key) != 0 ||
        strstr(mistakes.items[0].reason, words) == NULL) {
        char *all = mistakes_text(&mistakes);
        fail_msg("wanted one mistake of %s with \"%s\", got:\n%s", key, words, all);
    }
}

static void test_contract_example(void **state)
{
    (void)state;
    struct definition *d = load_fine(contract_ini);
    assert_int_equal(mistakes.n, 0);
    assert_string_equal(d->path, scratch_path("some.ini"));
    assert_string_equal(d->id, "2026-10-17-gaoshan");
    assert_string_equal(d->title, "2026年全国扶贫日宣传");
    assert_string_equal(d->region, "513327205");
    assert_string_equal(d->carrier, "mas");
    assert_string_equal(d->recipients, scratch_path("gaoshan.csv"));
    assert_true(d->start_ms == 1792198800000); /* 2026-10-17T01:00:00Z */
    assert_true(d->end_ms == 1792198800000 + 11 * 3600000LL);
    assert_int_equal(d->window_from_min, 480);
    assert_int_equal(d->window_to_min, 1260);
    assert_int_equal(d->rate, 100);
    assert_int_equal(d->class_, CLASS_PUBLICITY);
    assert_string_equal(campaign_class_word(d->class_), "publicity");
    assert_string_equal(d->dedup_group, "oct17-2026");
    assert_int_equal(d->on_ambiguous, AMBIGUOUS_HOLD);
    assert_int_equal(d->late_after_ms, 1800000);
    assert_string_equal(d->signature, "高山乡人民政府");
    assert_string_equal(d->text, "((姓名))：10月17日是全国扶贫日……");
    assert_string_equal(d->optout, "拒收请回复R");
    assert_int_equal(d->max_segments, 3);
    assert_int_equal(d->on_empty, EMPTY_REJECT);
    assert_string_equal(d->empty_default, "");
    assert_false(d->takes_pledges);
    assert_null(d->pledge.keywords);
    definition_free(d);
    definition_free(NULL);
}

/* What the section may hold is tested with campaign/terms.h. */
static void test_pledges(void **state)
{
    (void)state;
    struct definition *d = load_fine(with("x", "[pledge]\nhotline = 12345\nadd_serial = 07"));
    assert_true(d->takes_pledges);
    assert_string_equal(d->pledge.hotline, "12345");
    assert_string_equal(d->pledge.add_serial, "07");
    assert_string_equal(d->pledge.keywords, "捐 认捐 捐款 JK");
    definition_free(d);
    assert_refused(with("x", "[pledge]\nconfirm = perhaps"), "confirm", "none, reply, operator");
}

static void test_defaults(void **state)
{
    (void)state;
    struct definition *d =
        load_fine("[campaign]\nid = a\ntitle = t\ncarrier = mas\nrecipients = gaoshan.csv\n"
                  "start = 2026-10-17 09:00\nend = 2026-10-17 20:00\n[message]\n"
                  "signature = 高山\ntext = x\n");
    assert_string_equal(d->region, "");
    assert_string_equal(d->dedup_group, "");
    assert_int_equal(d->window_from_min, 480);
    assert_int_equal(d->window_to_min, 1260);
    assert_int_equal(d->rate, 0);
    assert_int_equal(d->class_, CLASS_PUBLICITY);
    assert_string_equal(d->optout, "拒收请回复R");
    assert_int_equal(d->late_after_ms, 1800000);
    assert_int_equal(d->max_segments, 3);
    definition_free(d);
}

static void test_required_keys(void **state)
{
    (void)state;
    const char *const keys[] = {"id",    "title", "carrier",  "recipients",
                                "start", "end",   "signature"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char line[64];
        assert_refused(with(keys[i], ""), keys[i], "is missing");
        snprintf(line, sizeof line, "%s =", keys[i]);
        assert_refused(with(keys[i], line), keys[i], "must not be empty");
    }
    assert_refused(with("text", ""), "text", "is missing");
    assert_null(load(""));
    assert_int_equal(mistakes.errors, 8);
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    const struct {
        const char *key, *line, *words;
    } cases[] = {
        {"id", "id = 高山", "must be 1 to 64"},
        {"id", "id = .a", "must be 1 to 64"},
        {"region", "region = 51332", "2, 4, 6, 9 or 12"},
        {"region", "region = 5133272051234", "2, 4, 6, 9 or 12"},
        {"region", "region = 51332x", "2, 4, 6, 9 or 12"},
        {"carrier", "carrier = mass", "there is no [carrier mass]"},
        {"recipients", "recipients = none.csv", "none.csv: No such file"},
        {"recipients", "recipients = .", "not an ordinary file"},
        {"start", "start = 2026-10-17", "2026-10-17 09:00"},
        {"start", "start = 2026-02-30 09:00", "no such day"},
        {"start", "start = 2026-10-17 09:00 ; morgens", "its own line"},
        {"end", "end = 2026-10-17 09:00", "is not after start"},
        {"end", "end = 2025-10-17 20:00", "is not after start"},
        {"window", "window = 21:00", "08:00-21:00"},
        {"window", "window = 8:00-21:00", "08:00-21:00"},
        {"window", "window = 08:00-24:01", "08:00-21:00"},
        {"window", "window = 08:60-21:00", "08:00-21:00"},
        {"window", "window = 24:00-08:00", "08:00-21:00"},
        {"window", "window = 08:00-08:00", "00:00-24:00"},
        {"window", "window = 08:00-09:00", "never opens"},
        {"window", "window = 20:00-09:00", "never opens"},
        {"rate", "rate = 501", "more than the carrier's 500"},
        {"rate", "rate = -1", "whole number"},
        {"class", "class = werbung", "publicity, notice, receipt"},
        {"on_ambiguous", "on_ambiguous = drop", "hold, resend"},
        {"late_after", "late_after = 30", "unit is missing"},
        {"dedup_group", "dedup_group = a b", "1 to 64"},
        {"signature", "signature = 高", "2 to 16"},
        {"signature", "signature = 一二三四五六七八九十一二三四五六七", "2 to 16"},
        {"signature", "signature = 【高山】", "character 1"},
        {"text", "text = a【b】", "character 2"},
        {"text", "text = 高\t山", "character 2"},
        {"optout", "optout =", "how to refuse"},
        {"optout", "optout = 【R】", "character 1"},
        {"max_segments", "max_segments = 0", "1 to 20"},
        {"max_segments", "max_segments = 21", "1 to 20"},
        {"empty", "empty = skip", "reject, blank or default:TEXT"},
        {"empty", "empty = default:", "nothing stands after"},
        {"empty", "empty = default:((姓名))", "cannot be"},
        {"tilte", "tilte = x", "no key"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(with(cases[i].key, cases[i].line), cases[i].key, cases[i].words);
    assert_refused(with("tilte", "[pledges]\nx = 1"), "", "no such section");
    assert_null(load(with("carrier", "carrier = mass")));
    assert_string_equal(mistakes.items[0].nearest, "mas");
}

static void test_all_mistakes_in_one_run(void **state)
{
    (void)state;
    assert_null(load(
        "[campaign]\nid = a b\nstart = x\nrate = 9999\nclas = notice\ncarrier = mas\n[message]\n"
        "text = 【x】\nsignature = 1\n[mesage]\ntext = y\n"));
    const struct {
        unsigned line;
        const char *words;
    } cases[] = {{1, "is missing"},     {2, "1 to 64"},
                 {3, "a time such as"}, {4, "more than the carrier's"},
                 {5, "no key"},         {8, "character 1"},
                 {9, "2 to 16"},        {10, "no such section"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_non_null(mistake_at(&mistakes, cases[i].line, cases[i].words));
    assert_string_equal(mistake_at(&mistakes, 5, "no key")->nearest, "class");
    assert_string_equal(mistake_at(&mistakes, 10, "no such")->nearest, "message");
    assert_int_equal(mistakes.errors, 10); /* title, recipients and end are missing */
    for (size_t i = 1; i < mistakes.n; i++)
        assert_true(mistakes.items[i - 1].line <= mistakes.items[i].line);
}

static void test_windows(void **state)
{
    (void)state;
    const struct {
        const char *line;
        int from, to;
        bool warned;
    } cases[] = {
        {"window = 08:00-22:00", 480, 1320, false}, {"window = 07:59-21:00", 479, 1260, true},
        {"window = 08:00-22:01", 480, 1321, true},  {"window = 00:00-24:00", 0, 0, true},
        {"window = 19:00-10:00", 1140, 600, true},  {"window = 12:00-24:00", 720, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct definition *d = load_fine(with("window", cases[i].line));
        assert_int_equal(d->window_from_min, cases[i].from);
        assert_int_equal(d->window_to_min, cases[i].to);
        assert_int_equal(mistakes.n, cases[i].warned);
        definition_free(d);
    }
}

/* Only publicity has hours and must say how to refuse it. */
static void test_classes(void **state)
{
    (void)state;
    const char *const classes[] = {"notice", "receipt"};
    for (size_t i = 0; i < 2; i++) {
        char text[4096];
        snprintf(text, sizeof text,
                 "[campaign]\nid = a\ntitle = t\ncarrier = mas\nrecipients = gaoshan.csv\nwindow = "
                 "00:00-24:00\n"
                 "start = 2026-10-17 09:00\nend = 2026-10-17 20:00\nclass = "
                 "%s\n[message]\nsignature = 高山\ntext = x\n%s",
                 classes[i], i == 0 ? "" : "optout =\n");
        struct definition *d = load_fine(text);
        assert_int_equal(mistakes.n, 0);
        assert_string_equal(d->optout, "");
        assert_string_equal(campaign_class_word(d->class_), classes[i]);
        definition_free(d);
    }
}

static void test_warnings(void **state)
{
    (void)state;
    const struct {
        const char *key, *line, *words;
    } cases[] = {
        {"signature", "signature = 12345", "digits alone"},
        {"text", "text = 请看 拒收请回复R", "twice"},
        {"text", "text = 请看   ; a comment", "would be sent"},
        {"title", "title = Titel ; comment", "own line"},
        {"optout", "optout = \"拒收请回复R\"", "quotes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct definition *d = load_fine(with(cases[i].key, cases[i].line));
        assert_int_equal(mistakes.n, 1);
        assert_true(mistakes.items[0].warning);
        assert_non_null(strstr(mistakes.items[0].reason, cases[i].words));
        char *all = mistakes_text(&mistakes);
        assert_null(strstr(all, "请看"));
        free(all);
        definition_free(d);
    }
}

/* 210 bytes are one segment; inih alone would cut at 199 and read the rest as a key. */
static void test_long_text(void **state)
{
    (void)state;
    char line[4096] = "text = ", *text = line + 7;
    for (int i = 0; i < 60; i++)
        strcat(line, "扶");
    strcat(line, " ; #1 a=b carrier=other ");
    for (int i = 0; i < 400; i++)
        strcat(line, "贫");
    struct definition *d = load_fine(with("text", line));
    assert_string_equal(d->text, text);
    assert_string_equal(d->carrier, "mas");
    assert_int_equal(mistakes.n, 0);
    definition_free(d);
}

static void test_empty_rules(void **state)
{
    (void)state;
    struct definition *d = load_fine(with("empty", "empty = blank"));
    assert_int_equal(d->on_empty, EMPTY_BLANK);
    definition_free(d);
    d = load_fine(with("empty", "empty = default: 乡亲"));
    assert_int_equal(d->on_empty, EMPTY_DEFAULT);
    assert_string_equal(d->empty_default, "乡亲");
    definition_free(d);
}

static void test_text_file(void **state)
{
    (void)state;
    const struct {
        const char *bytes, *text, *words;
    } cases[] = {
        {"\xEF\xBB\xBF第一行\r\n第二行\r\n\r\n", "第一行\n第二行", NULL},
        {"a ; b # c = d", "a ; b # c = d", NULL},
        {"", NULL, "the text is empty"},
        {" \n\n", NULL, "the text is empty"},
        {"a\tb", NULL, "character 2"},
        {"a\rb", NULL, "character 2"},
        {"\xB7\xF6\xC6\xB6", NULL, "character 1"},
        {"【a】", NULL, "character 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scratch_file("t.txt", 0644, cases[i].bytes);
        char text[8192];
        snprintf(text, sizeof text, "%s", with("text", ""));
        char *line = strstr(text, "text_file  =");
        char tail[4096];
        strcpy(tail, line + strlen("text_file  ="));
        sprintf(line, "text_file  = t.txt%s", tail);
        if (cases[i].text != NULL) {
            struct definition *d = load_fine(text);
            assert_string_equal(d->text, cases[i].text);
            definition_free(d);
        } else {
            assert_refused(text, "text_file", cases[i].words);
        }
    }
    assert_refused(with("text_file", "text_file = t.txt"), "text_file", "both given");
    assert_null(load(with("text_file", "text_file = none.txt")));
    assert_int_equal(mistakes.errors, 2); /* not there, and not wanted */
}

static void test_text_file_limits(void **state)
{
    (void)state;
    static char bytes[20000];
    memset(bytes, 'x', sizeof bytes);
    char text[8192] =
        "[campaign]\nid = a\ntitle = t\ncarrier = mas\nrecipients = gaoshan.csv\n"
        "start = 2026-10-17 09:00\nend = 2026-10-17 20:00\n[message]\nsignature = 高山\n"
        "text_file = big.txt\n";
    scratch_bytes("big.txt", 0644, bytes, 16385);
    assert_refused(text, "text_file", "more than 16384 bytes");
    scratch_bytes("big.txt", 0644, bytes, 16384);
    assert_refused(text, "text_file", "more than 4000 characters");
    scratch_bytes("big.txt", 0644, bytes, 4000);
    definition_free(load_fine(text));
    scratch_bytes("big.txt", 0644, "a\0b", 3);
    assert_refused(text, "text_file", "NUL");
}

static void test_file_name_in_campaigns_dir(void **state)
{
    (void)state;
    scratch_file("campaigns.d/gaoshan.csv", 0644, "手机\n");
    struct definition *d = load_as("campaigns.d/2026-10-17-gaoshan.ini", contract_ini);
    assert_non_null(d);
    definition_free(d);
    assert_null(load_as("campaigns.d/other.ini", contract_ini));
    const struct mistake *wrong = mistake_at(&mistakes, 2, "must be 2026-10-17-gaoshan.ini");
    assert_non_null(wrong);
    assert_string_equal(wrong->value, "2026-10-17-gaoshan");
    assert_null(load_as("campaigns.d/2026-10-17-gaoshan.in", contract_ini));
    remove(scratch_path("campaigns.d/other.ini"));
}

static void test_find(void **state)
{
    (void)state;
    char out[512], before[4096];
    scratch_file("campaigns.d/village.ini", 0644, "");
    scratch_file("loose.ini", 0644, "");
    assert_int_equal(definition_find("village", settings, out, sizeof out), ERR_OK);
    assert_string_equal(out, scratch_path("campaigns.d/village.ini"));
    assert_int_equal(definition_find(scratch_path("loose.ini"), settings, out, sizeof out), ERR_OK);
    assert_string_equal(out, scratch_path("loose.ini"));
    assert_int_equal(definition_find("loose", settings, out, sizeof out), ERR_NOT_FOUND);
    assert_int_equal(definition_find("../loose", settings, out, sizeof out), ERR_NOT_FOUND);
    assert_int_equal(definition_find("", settings, out, sizeof out), ERR_NOT_FOUND);
    assert_int_equal(definition_find(scratch, settings, out, sizeof out), ERR_NOT_FOUND);
    assert_int_equal(definition_find("village", settings, out, 10), ERR_TOO_BIG);
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(scratch), 0);
    assert_int_equal(definition_find("loose.ini", settings, out, sizeof out), ERR_OK);
    assert_int_equal(chdir(before), 0);
    assert_string_equal(out, scratch_path("loose.ini"));
}

static void test_other_offset(void **state)
{
    (void)state;
    struct settings *mutable = settings;
    mutable->daemon.utc_offset_min = 0;
    struct definition *d = load_fine(contract_ini);
    mutable->daemon.utc_offset_min = 480;
    assert_true(d->start_ms == 1792198800000 + 8 * 3600000LL);
    definition_free(d);
}

static int setup(void **state)
{
    (void)state;
    return some_settings_make("gaoshan.csv", "手机\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contract_example),
        cmocka_unit_test(test_pledges),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_required_keys),
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_all_mistakes_in_one_run),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_empty_rules),
        cmocka_unit_test(test_text_file),
        cmocka_unit_test(test_text_file_limits),
        cmocka_unit_test(test_file_name_in_campaigns_dir),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_other_offset),
    };
    return cmocka_run_group_tests(tests, setup, some_settings_remove);
}
