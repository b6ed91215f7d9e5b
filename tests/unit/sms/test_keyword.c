#include "sms/keyword.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS "R T,TD，N、退订　取消"

static struct keyword_set *set;

static int set_up(void **state)
{
    (void)state;
    return keyword_set_new(WORDS, &set) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    keyword_set_free(set);
    return 0;
}

static bool has(const char *text)
{
    return keyword_set_has(set, text, strlen(text));
}

static void test_the_word_in_every_dress(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "R",   "r",       "Ｒ",       "ｒ",      " R ",      "R。",     "R.",
        "R！", "r!",      "R。。",    "R ！",    "　R　",    "\tR\r\n", "td",
        "Td",  "ＴＤ",    "退订",     " 退订。", "退订！！", "取消",    "n",
        "R｡",  "\ufeffR", "T\u200bD", "R\u200d", "R\u00a0",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!has(texts[i]))
            fail_msg("\"%s\" is not seen", texts[i]);
    }
}

static void test_only_the_whole_text_counts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",    "请问R是什么", "R是什么", "退 订", "不退订", "退订吗",       "RR",
        "T D", "TDN",         "R,T",     "R\nT",  "R\n",    "。",           "!",
        "R?",  "(R)",         "捐款200", "\xff",  "R\xff",  "\xed\xa0\xbd",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool want = strcmp(texts[i], "R\n") == 0; /* a line end is a blank at the end */
        if (has(texts[i]) != want)
            fail_msg("\"%s\"", texts[i]);
    }
    assert_false(keyword_set_has(set, "R\0T", 3));
    assert_true(keyword_set_has(set, "R是什么", 1)); /* need not be terminated */
}

static void test_a_long_text_is_no_word(void **state)
{
    (void)state;
    char text[5000];
    memset(text, ' ', sizeof text);
    text[0] = 'R';
    assert_false(keyword_set_has(set, text, sizeof text));
    assert_true(keyword_set_has(set, text, 500));
}

static void test_odd_lists(void **state)
{
    (void)state;
    struct keyword_set *odd = NULL;
    assert_int_equal(keyword_set_new("", &odd), ERR_OK);
    assert_false(keyword_set_has(odd, "", 0));
    assert_false(keyword_set_has(odd, "R", 1));
    keyword_set_free(odd);

    assert_int_equal(keyword_set_new(" ,,，、 。 Ｓtop\t", &odd), ERR_OK);
    assert_true(keyword_set_has(odd, "STOP", 4));
    assert_false(keyword_set_has(odd, "。", 3));
    assert_false(keyword_set_has(odd, "", 0));
    keyword_set_free(odd);

    odd = NULL;
    assert_int_equal(keyword_set_new("R \xff", &odd), ERR_INVALID);
    assert_int_equal(keyword_set_new("\xed\xa0\xbd", &odd), ERR_INVALID);
    assert_null(odd);
    keyword_set_free(NULL);
}

static void test_fold(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},           {"ABC", "abc"},   {"ＡＢＣ１２３", "abc123"},
        {"  a b  ", "a b"}, {"乐捐", "乐捐"}, {"Straße", "strasse"},
        {"ﬁ", "fi"},        {"①", "1"},       {"a\u200b\u2060b", "ab"},
        {"e\xcc\x81", "é"}, /* composed */
        {"。a。", "。a"},   /* only closing punctuation goes */
        {"a…", "a"},        {"\xff", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        buf_add_char(&out, '>'); /* it appends */
        keyword_fold(cases[i].text, strlen(cases[i].text), &out);
        assert_int_equal(buf_check(&out), ERR_OK);
        assert_string_equal(buf_text(&out) + 1, cases[i].want);
        buf_fini(&out);
    }
}

static void test_fold_respects_the_ceiling(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 3);
    keyword_fold("abcd", 4, &out);
    assert_int_equal(buf_check(&out), ERR_NOMEM);
    assert_string_equal(buf_text(&out), "");
    buf_fini(&out);
}

static void test_a_list_without_end_is_refused(void **state)
{
    (void)state;
    enum { LEN = 200000 };
    char *words = malloc(LEN + 1);
    assert_non_null(words);
    for (size_t i = 0; i < LEN; i++)
        words[i] = i % 2 ? ' ' : 'x';
    words[LEN] = '\0';
    struct keyword_set *long_set = NULL;
    assert_int_equal(keyword_set_new(words, &long_set), ERR_NOMEM);
    assert_null(long_set);
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_word_in_every_dress, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_the_whole_text_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_text_is_no_word, set_up, tear_down),
        cmocka_unit_test(test_odd_lists),
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_fold_respects_the_ceiling),
        cmocka_unit_test(test_a_list_without_end_is_refused),
    };
    return cmocka_run_group_tests_name("sms/keyword", tests, NULL, NULL);
}
