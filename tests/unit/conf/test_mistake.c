#include "conf/mistake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "scratch.h"

static void test_prints_all_parts(void **state)
{
    (void)state;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    mistakes_add(&mistakes, false, "/a/x.ini", 7, "redis", "prefx", "out", "prefix",
                 "is no key, %d", 5);
    mistakes_add(&mistakes, true, "/a/x.ini", 0, NULL, NULL, NULL, NULL, "old");
    mistakes_add(&mistakes, false, "/a/x.ini", 2, NULL, NULL, NULL, NULL, "no =");
    char *text = mistakes_text(&mistakes);
    assert_string_equal(text,
                        "/a/x.ini:7: [redis] prefx = out: is no key, 5 (did you mean \"prefix\"?)\n"
                        "/a/x.ini: warning: old\n"
                        "/a/x.ini:2: no =\n");
    free(text);
    assert_int_equal(mistakes.errors, 2);

    mistakes_sort(&mistakes);
    assert_int_equal(mistakes.items[0].line, 0);
    assert_int_equal(mistakes.items[1].line, 2);
    assert_int_equal(mistakes.items[2].line, 7);
    mistakes_fini(&mistakes);
}

static void test_sort_is_stable(void **state)
{
    (void)state;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    for (int i = 0; i < 100; i++)
        mistakes_add(&mistakes, false, "f", (unsigned)(i * 7 % 10), NULL, NULL, NULL, NULL, "%03d",
                     i);
    mistakes_sort(&mistakes);
    for (size_t i = 1; i < mistakes.n; i++) {
        const struct mistake *a = &mistakes.items[i - 1], *b = &mistakes.items[i];
        assert_true(a->line < b->line || (a->line == b->line && strcmp(a->reason, b->reason) < 0));
    }
    mistakes_fini(&mistakes);
}

/* 80 bytes at most, never half a character, nothing that moves a terminal's cursor. */
static void test_value_is_cut_and_clean(void **state)
{
    (void)state;
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    char value[301] = "";
    for (int i = 0; i < 100; i++)
        strcat(value, "扶");
    mistakes_add(&mistakes, false, "f", 1, NULL, "k", value, NULL, "bad");
    mistakes_add(&mistakes, false, "f", 1, NULL, "k", "a\033[2Jb\n", NULL, "bad");
    const char *cut = mistakes.items[0].value;
    assert_in_range(strlen(cut), 70, 80);
    assert_memory_equal(cut + strlen(cut) - 6, "扶…", 6);
    assert_string_equal(mistakes.items[1].value, "a?[2Jb?");
    mistakes_fini(&mistakes);
}

/* A flood of warnings may not hide an error, nor errors beyond the list be forgotten. */
static void test_full_list_keeps_errors(void **state)
{
    (void)state;
    struct mistakes mistakes, more;
    mistakes_init(&mistakes);
    mistakes_init(&more);
    for (int i = 0; i < MISTAKES_MAX + 50; i++)
        mistakes_add(&mistakes, true, "f", 1, NULL, NULL, NULL, NULL, "warning %d", i);
    assert_int_equal(mistakes.n, MISTAKES_MAX);
    assert_int_equal(mistakes.errors, 0);
    mistakes_add(&more, false, "f", 9, NULL, NULL, NULL, NULL, "an error");
    mistakes_move(&mistakes, &more);
    assert_int_equal(mistakes.n, MISTAKES_MAX);
    assert_int_equal(mistakes.errors, 1);
    assert_non_null(mistake_at(&mistakes, 9, "an error"));
    assert_int_equal(more.n, 0);
    for (int i = 0; i < 2 * MISTAKES_MAX; i++)
        mistakes_add(&mistakes, false, "f", 1, NULL, NULL, NULL, NULL, "error %d", i);
    assert_int_equal(mistakes.n, MISTAKES_MAX);
    assert_int_equal(mistakes.errors, MISTAKES_MAX);
    char *text = mistakes_text(&mistakes);
    assert_non_null(strstr(text, "there may be more"));
    free(text);
    mistakes_fini(&mistakes);
    mistakes_fini(&more);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const keys[] = {"listen",          "rate", "prefix", "batch_max",
                                       "secret_key_file", "id"};
    const struct {
        const char *word, *nearest;
    } cases[] = {
        {"lsiten", "listen"},
        {"listne", "listen"},
        {"LISTEN", "listen"},
        {"prefex", "prefix"},
        {"batchmax", "batch_max"},
        {"batch-max", "batch_max"},
        {"secretkey_file", "secret_key_file"},
        {"rates", "rate"},
        {"colour", NULL},
        {"", NULL},
        {"xy", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = mistake_nearest(cases[i].word, keys, sizeof keys / sizeof *keys);
        if (cases[i].nearest == NULL)
            assert_null(nearest);
        else
            assert_string_equal(nearest == NULL ? "(none)" : nearest, cases[i].nearest);
    }
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(mistake_nearest(longest, keys, 6));
}

/* A key somebody made up, or mistyped, is shown with its value unless it may be a secret. */
static void test_showable(void **state)
{
    (void)state;
    static const char *const hidden[] = {
        "secret_key", "secret_ky",    "SecretKey",   "secert_key", "pasword",      "passwrod_file",
        "passwd",     "callback_kye", "api_key",     "AppKey",     "access_token", "接口密码",
        "text",       "txet",         "recipt_text", "key",        "mas_pwd"};
    static const char *const shown[] = {"lsiten",    "rates",   "keywords",   "purchase_keywords",
                                        "title",     "id",      "colour",     "callback_allow",
                                        "text_file", "hotline", "recipients", ""};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (mistake_showable(hidden[i], "v") != NULL)
            fail_msg("%s shows its value", hidden[i]);
    }
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const char *value = mistake_showable(shown[i], "v");
        if (value == NULL)
            fail_msg("%s does not show its value", shown[i]);
        else
            assert_string_equal(value, "v");
    }
    assert_null(mistake_showable("colour", NULL));
    assert_null(mistake_showable("prxy", "http://me:geheim@host:3128"));
    assert_null(mistake_showable("prxy", "me:geheim@host"));
    assert_non_null(mistake_showable("prxy", "http://host:3128"));
    assert_non_null(mistake_showable("contact", "clerk@town.example"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_all_parts),
        cmocka_unit_test(test_sort_is_stable),
        cmocka_unit_test(test_value_is_cut_and_clean),
        cmocka_unit_test(test_full_list_keeps_errors),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_showable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
