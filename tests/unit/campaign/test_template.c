/* ((column)) texts: what is a column, what is literal, what it weighs, what is sent. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "campaign/template.h"
#include "sms/text.h"

#define OUT_MAX 100000

static struct template *compile(const char *signature, bool by_carrier, const char *text,
                                const char *optout)
{
    struct template *tmpl = NULL;
    struct buf problem;
    buf_init(&problem, 1000);
    if (template_compile(signature, by_carrier, text, optout, &tmpl, &problem) != ERR_OK)
        fail_msg("%s: %s", text, buf_text(&problem));
    assert_int_equal(problem.len, 0);
    buf_fini(&problem);
    return tmpl;
}

/* Expands with the values (a list that ends with NULL) and compares with `sent`. */
static void check_sent(const struct template *tmpl, const char *const *values, const char *sent)
{
    struct buf stored, out;
    buf_init(&stored, OUT_MAX);
    buf_init(&out, OUT_MAX);
    for (; values != NULL && *values != NULL; values++)
        template_store_value(&stored, *values, strlen(*values));
    assert_int_equal(template_expand(tmpl, (const uint8_t *)stored.data, stored.len, &out), ERR_OK);
    assert_string_equal(buf_text(&out), sent);
    buf_fini(&stored);
    buf_fini(&out);
}

static void test_one_text_for_all(void **state)
{
    (void)state;
    struct template *tmpl = compile("高山乡", false, "10月17日是全国扶贫日", "拒收请回复R");
    const char *const *names;
    assert_false(template_is_personal(tmpl));
    assert_int_equal(template_columns(tmpl, &names), 0);
    assert_int_equal(template_units(tmpl, NULL), 5 + 12 + 6);
    check_sent(tmpl, NULL, "【高山乡】10月17日是全国扶贫日拒收请回复R");
    template_free(tmpl);
    template_free(NULL);
}

static void test_signature_added_by_carrier_is_counted_and_shown(void **state)
{
    (void)state;
    struct template *tmpl = compile("高山乡", true, "通知", "");
    struct buf shown;
    buf_init(&shown, OUT_MAX);
    assert_int_equal(template_units(tmpl, NULL), 7);
    check_sent(tmpl, NULL, "通知");
    assert_int_equal(template_expand_shown(tmpl, NULL, 0, &shown), ERR_OK);
    assert_string_equal(shown.data, "【高山乡】通知");
    buf_fini(&shown);
    template_free(tmpl);
    tmpl = compile("", true, "通知", ""); /* no signature: nothing to leave out */
    check_sent(tmpl, NULL, "通知");
    template_free(tmpl);
}

static void test_columns_each_once_in_order(void **state)
{
    (void)state;
    struct template *tmpl =
        compile("乡", false, "((姓名))你好，（（ 村 ））的((姓名)）和((Ａge))、((age))：", "R");
    const char *const *names;
    assert_true(template_is_personal(tmpl));
    assert_int_equal(template_columns(tmpl, &names), 3);
    assert_string_equal(names[0], "姓名");
    assert_string_equal(names[1], "村");
    template_free(tmpl);
}

static void test_personal_text(void **state)
{
    (void)state;
    struct template *tmpl =
        compile("乡", false, "((姓名))：（（村））欢迎((姓名))，((AGE))", "回T退订");
    const char *const values[] = {"王小明", "高山村", "", NULL};
    const uint32_t units[] = {3, 3, 0};
    const char *const *names;
    assert_int_equal(template_columns(tmpl, &names), 3);
    check_sent(tmpl, values, "【乡】王小明：高山村欢迎王小明，回T退订");
    assert_int_equal(template_units(tmpl, units),
                     text_units("【乡】王小明：高山村欢迎王小明，回T退订",
                                strlen("【乡】王小明：高山村欢迎王小明，回T退订")));
    template_free(tmpl);
}

/* A value is never looked into for columns. */
static void test_value_with_brackets_stays_as_it_is(void **state)
{
    (void)state;
    struct template *tmpl = compile("", false, "((a))((b))", "");
    const char *const values[] = {"((b))", "x", NULL};
    check_sent(tmpl, values, "((b))x");
    template_free(tmpl);
}

static void test_what_is_a_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *columns; /* joined by | */
    } cases[] = {
        {"((姓名))", "姓名"},
        {"（（姓名））", "姓名"},
        {"（（姓名))", "姓名"},
        {"((姓名））", "姓名"},
        {"(((姓名)))", "姓名"},
        {"（（（姓名）））", "姓名"},
        {"((金额(元)))", "金额(元)"},
        {"((金额（元）))", "金额（元）"},
        {"((a(b))", "a(b"},
        {"((a((b))", "b"},
        {"((a)) and ((b))", "a|b"},
        {"((a))((b))((a))", "a|b"},
        {"((a", ""},
        {"((a)", ""},
        {"((a\nb))", ""},
        {"(a)", ""},
        {"（(a）)", ""},
        {"a)) ((b))", "b"},
        {"((", ""},
        {"((a\n((b))", "b"},
        {"((NAME))((name))((Ｎame))", "NAME"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct template *tmpl = compile("", false, cases[i].text, "");
        const char *const *names;
        char joined[200] = "";
        size_t n = template_columns(tmpl, &names);
        for (size_t j = 0; j < n; j++) {
            if (j > 0)
                strcat(joined, "|");
            strcat(joined, names[j]);
        }
        if (strcmp(joined, cases[i].columns) != 0)
            fail_msg("%s: %s, not %s", cases[i].text, joined, cases[i].columns);
        template_free(tmpl);
    }
}

static void test_parentheses_around_a_column_stay(void **state)
{
    (void)state;
    struct template *tmpl = compile("", false, "(((姓名))) ((", "");
    const char *const values[] = {"王", NULL};
    check_sent(tmpl, values, "(王) ((");
    template_free(tmpl);
}

static void test_refused_texts(void **state)
{
    (void)state;
    char too_long[TEMPLATE_TEXT_MAX_BYTES + 2];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const struct {
        const char *signature, *text, *optout, *says;
    } cases[] = {
        {"乡", "", "R", "empty"},
        {"乡", "你好((  ))", "R", "no column name"},
        {"乡", "你好(())", "R", "no column name"},
        {"乡", "你好【广告】", "R", "text, character 3: "},
        {"乡【】", "你好", "R", "signature, character 2: "},
        {"乡", "你好\a", "R", "control"},
        {"乡", "你好\r\n再见", "R", "control"},
        {"乡", "你好", "R\x1b", "optout, character 2: "},
        {"乡", "\xed\xa0\xbd", "R", "surrogate"},
        {"乡", "\xff", "R", "UTF-8"},
        {"乡", too_long, "R", "16384 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct template *tmpl = NULL;
        struct buf problem;
        buf_init(&problem, 1000);
        assert_int_equal(template_compile(cases[i].signature, false, cases[i].text, cases[i].optout,
                                          &tmpl, &problem),
                         ERR_INVALID);
        if (strstr(buf_text(&problem), cases[i].says) == NULL)
            fail_msg("case %zu: %s", i, buf_text(&problem));
        assert_null(tmpl);
        buf_fini(&problem);
    }
}

static void check_too_much(const char *unit, bool same)
{
    struct buf text, problem;
    struct template *tmpl = NULL;
    buf_init(&text, TEMPLATE_TEXT_MAX_BYTES);
    buf_init(&problem, 1000);
    for (int i = 0; i < 600; i++)
        buf_addf(&text, "((%s%d))", unit, same ? 0 : i);
    assert_int_equal(template_compile("", false, text.data, "", &tmpl, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.data, same ? "too often" : "64 columns"));
    buf_fini(&text);
    buf_fini(&problem);
}

static void test_limits(void **state)
{
    (void)state;
    check_too_much("c", true);
    check_too_much("c", false);
}

static void test_values_that_do_not_fit(void **state)
{
    (void)state;
    struct template *personal = compile("", false, "((a))((b))", ""), *plain;
    static const struct {
        const char *stored;
        size_t len;
    } cases[] = {
        {"", 0},
        {"\x01x", 2},           /* one value too few */
        {"\x01x\x01y\x01z", 6}, /* one too many */
        {"\x01x\x02y", 4},      /* cut */
        {"\x01x\x80", 3},       /* cut in the length */
        {"\x01x\xff\xff\xff\xff\x7f", 7},
        {"\x01x\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    struct buf out;
    buf_init(&out, OUT_MAX);
    buf_add_text(&out, "before");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            template_expand(personal, (const uint8_t *)cases[i].stored, cases[i].len, &out),
            ERR_INVALID);
        assert_string_equal(out.data, "before");
    }
    plain = compile("", false, "a", "");
    assert_int_equal(template_expand(plain, (const uint8_t *)"\x01x", 2, &out), ERR_INVALID);
    assert_int_equal(template_expand(plain, NULL, 0, &out), ERR_OK);
    assert_string_equal(out.data, "beforea");
    buf_fini(&out);
    buf_init(&out, 3);
    buf_add_text(&out, "xy");
    assert_int_equal(template_expand(personal, (const uint8_t *)"\x01x\x01y", 4, &out), ERR_NOMEM);
    assert_string_equal(out.data, "xy");
    buf_fini(&out);
    template_free(personal);
    template_free(plain);
}

static void test_long_value(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 127, 128, 129, 8192, 16383, 16384, 20000};
    struct template *tmpl = compile("", false, "((a))", "");
    char *value = malloc(20001);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        memset(value, 'v', lengths[i]);
        value[lengths[i]] = '\0';
        const char *const values[] = {value, NULL};
        check_sent(tmpl, values, value);
    }
    free(value);
    template_free(tmpl);
}

/* Whatever the pieces: the weight is that of the finished text. */
static void test_units_agree_with_the_text(void **state)
{
    (void)state;
    static const char *const pieces[] = {"((a))",      "（（b））", "((c))", "x",  "汉",
                                         "\U0001f33e", "(",         ")",     "（", "\n"};
    static const char *const values[] = {"", "王", "王小明", "\U0001f33e麦", "abcdefgh", "("};
    unsigned seed = (unsigned)clock_wall_ms();
    const char *given = getenv("OUTREACH_TEST_SEED");
    if (given != NULL)
        seed = (unsigned)strtoul(given, NULL, 10);
    print_message("OUTREACH_TEST_SEED=%u\n", seed);
    for (int i = 0; i < 2000; i++) {
        struct buf text, stored, out;
        uint32_t units[TEMPLATE_COLUMNS_MAX];
        const char *const *names;
        struct template *tmpl = NULL;
        buf_init(&text, OUT_MAX);
        buf_init(&stored, OUT_MAX);
        buf_init(&out, OUT_MAX);
        for (int n = 1 + rand_r(&seed) % 12; n > 0; n--)
            buf_add_text(&text, pieces[rand_r(&seed) % 10]);
        if (template_compile("乡", i % 2, text.data, "回R", &tmpl, &out) == ERR_OK) {
            size_t n = template_columns(tmpl, &names);
            for (size_t j = 0; j < n; j++) {
                const char *value = values[rand_r(&seed) % 6];
                template_store_value(&stored, value, strlen(value));
                units[j] = text_units(value, strlen(value));
            }
            assert_int_equal(
                template_expand_shown(tmpl, (const uint8_t *)stored.data, stored.len, &out),
                ERR_OK);
            assert_int_equal(template_units(tmpl, units), text_units(out.data, out.len));
        }
        template_free(tmpl);
        buf_fini(&text);
        buf_fini(&stored);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_text_for_all),
        cmocka_unit_test(test_signature_added_by_carrier_is_counted_and_shown),
        cmocka_unit_test(test_columns_each_once_in_order),
        cmocka_unit_test(test_personal_text),
        cmocka_unit_test(test_value_with_brackets_stays_as_it_is),
        cmocka_unit_test(test_what_is_a_column),
        cmocka_unit_test(test_parentheses_around_a_column_stay),
        cmocka_unit_test(test_refused_texts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_values_that_do_not_fit),
        cmocka_unit_test(test_long_value),
        cmocka_unit_test(test_units_agree_with_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
