/* JSON with what no reader takes: replaced, and nothing else touched. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "carrier/mend.h"

static void check(const char *json, size_t len, bool nul, const char *expected)
{
    struct buf out;
    buf_init(&out, MEND_GROWTH * len);
    assert_int_equal(mend_json(json, len, nul, &out), ERR_OK);
    if (out.len != strlen(expected) || memcmp(buf_text(&out), expected, out.len) != 0)
        fail_msg("%s became %s, not %s", json, buf_text(&out), expected);
    buf_fini(&out);
}

static void test_mended(void **state)
{
    (void)state;
    static const struct {
        const char *json, *expected;
    } cases[] = {
        {"", ""},
        {"{\"a\":\"\xe6\x8d\x90\\ud83d\\ude4f\\n\\\\\"}\n", NULL},
        {"[\"\\\\ud83d\"]", NULL}, /* a backslash and letters */
        {"[\"\\ud83d\"]", "[\"\\ufffd\"]"},
        {"[\"\\uDE4F\"]", "[\"\\ufffd\"]"},
        {"[\"\\ud83dx\"]", "[\"\\ufffdx\"]"},
        {"[\"\\ud83d\\ud83d\\ude4f\"]", "[\"\\ufffd\\ud83d\\ude4f\"]"},
        {"[\"\\ud83d\\u0041\"]", "[\"\\ufffd\\u0041\"]"},
        {"[\"\\u12\"]", NULL}, /* wrong in another way */
        {"[\"\\", NULL},
        {"[\"\xff\xe6\x8d\"]", "[\"\\ufffd\\ufffd\\ufffd\"]"},
        {"[\"\xed\xa0\xbd\"]", "[\"\\ufffd\\ufffd\\ufffd\"]"},
        {"[\xff]", "[?]"},
        {"[\"\\\xff\"]", "[\"\\\\ufffd\"]"},
        {"[\n\"a\nb\t\"]", "[\n\"a\\u000ab\\u0009\"]"},
        {"[\"\\u0000\"]", "[\"\\ufffd\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].json, strlen(cases[i].json), true,
              cases[i].expected ? cases[i].expected : cases[i].json);
}

static void test_nul(void **state)
{
    (void)state;
    check("[\"\\u0000\"]", strlen("[\"\\u0000\"]"), false, "[\"\\u0000\"]");
    check("[\"\0\"]", 5, false, "[\"\\u0000\"]");
    check("[\"\0\"]", 5, true, "[\"\\ufffd\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mended), cmocka_unit_test(test_nul)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
