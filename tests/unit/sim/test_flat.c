/* What the flat reader takes and what it refuses. The text is copied to the heap to its exact
 * length, so that the sanitizers see a byte read too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/flat.h"

struct seen {
    char text[512];
    size_t stop_after; /* pairs; 0: never */
    size_t n;
};

static enum err note(void *arg, struct flat_text key, struct flat_text value)
{
    struct seen *seen = arg;
    size_t at = strlen(seen->text);
    snprintf(seen->text + at, sizeof seen->text - at, "%.*s=%.*s;", (int)key.len, key.bytes,
             (int)value.len, value.bytes);
    return ++seen->n == seen->stop_after ? ERR_REFUSED : ERR_OK;
}

static enum err read_copy(const char *text, size_t len, struct seen *seen)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum err error = flat_read(copy, len, note, seen);
    free(copy);
    return error;
}

static void test_pairs_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pairs;
    } cases[] = {
        {"{}", ""},
        {" {\t} \n", ""},
        {"{\"a\":\"b\"}", "a=b;"},
        {" { \"a\" : \"b\" , \"c\":\"\" } ", "a=b;c=;"},
        {"{\"a\":\"1\",\"a\":\"2\"}", "a=1;a=2;"},
        {"{\"\\u5f20\":\"\\\"\\\\\\/\\n\\t\"}", "张=\"\\/\n\t;"},
        {"{\"a\":\"\\ud83d\\ude42\\u00e9\"}", "a=🙂é;"},
        {"{\"a\":\"{\\\"b\\\":\\\"c\\\"}\"}", "a={\"b\":\"c\"};"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {0};
        assert_int_equal(read_copy(cases[i].text, strlen(cases[i].text), &seen), ERR_OK);
        assert_string_equal(seen.text, cases[i].pairs);
    }
}

static void test_what_is_not_of_the_form(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "[]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":\"b\",}",
        "{\"a\":\"b\"",
        "{\"a\":\"b",
        "{\"a\":\"b\"}x",
        "{a:\"b\"}",
        "{'a':'b'}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\ud83d\\u0041\"}",
        "{\"a\":\"\\ude42\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xe0\x80\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"\xe4\xbd\"}",
        "{\"a\":\"\\",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {0};
        if (read_copy(cases[i], strlen(cases[i]), &seen) != ERR_INVALID) {
            fail_msg("taken: %s", cases[i]);
        }
    }
}

/* Every beginning of a good text is refused, and none is read beyond its end. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] = "{\"姓\":\"\\ud83d\\ude42\",\"b\":\"c\\n\"}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct seen seen = {0};
        assert_int_equal(read_copy(text, len, &seen), ERR_INVALID);
    }
}

static void test_the_callback_can_stop(void **state)
{
    (void)state;
    struct seen seen = {.stop_after = 2};
    static const char text[] = "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}";
    assert_int_equal(read_copy(text, sizeof text - 1, &seen), ERR_REFUSED);
    assert_string_equal(seen.text, "a=1;b=2;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_in_order),
        cmocka_unit_test(test_what_is_not_of_the_form),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_the_callback_can_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
