#include "carrier/plainjson.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static bool reads(const char *json)
{
    struct plainjson object;
    return plainjson_read(json, strlen(json), &object);
}

static void finds_what_is_plain(void **state)
{
    (void)state;
    struct plainjson object;
    const char json[] = " {\"a\" : \"1\" ,\n\t\"bc\":\"\", \"\":\"x y\"}\r\n";
    assert_true(plainjson_read(json, sizeof json - 1, &object));
    assert_int_equal(object.n, 3);
    assert_memory_equal(plainjson_find(&object, "a")->text, "1", 1);
    assert_int_equal(plainjson_find(&object, "bc")->text_len, 0);
    assert_int_equal(plainjson_find(&object, "")->text_len, 3);
    assert_null(plainjson_find(&object, "b"));
    assert_null(plainjson_find(&object, "bcd"));
}

static void leaves_the_rest(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":\"1\"",
        "{\"a\":\"1\",}",
        "{\"a\":\"1\"}}",
        "{\"a\":\"1\"} x",
        "{\"a\":\"1\"\"b\":\"2\"}",
        "{\"a\":\"1\",\"a\":\"2\"}",
        "{\"a\":1}",
        "{\"a\":null}",
        "{\"a\":[\"1\"]}",
        "{\"a\":{\"b\":\"1\"}}",
        "{\"a\":\"\\u0031\"}",
        "{\"a\\n\":\"1\"}",
        "{\"a\":\"\xe5\xb1\xb1\"}",
        "{\"a\":\"\x7f\"}",
        "{\"a\":\"\n\"}",
        "\xef\xbb\xbf{\"a\":\"1\"}",
        "{\"a\":\"1}",
        "{'a':'1'}",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (reads(others[i]))
            fail_msg("%s", others[i]);
    }
    struct plainjson object;
    assert_false(plainjson_read("{\"a\":\"1\"}\0", 10, &object));
    assert_false(plainjson_read("{\"a\":\"1\"}", 8, &object)); /* the rest is not ours to read */
}

static void has_limits(void **state)
{
    (void)state;
    for (int n = PLAINJSON_MEMBERS_MAX; n <= PLAINJSON_MEMBERS_MAX + 1; n++) {
        char json[512] = "{";
        for (int i = 0; i < n; i++)
            snprintf(json + strlen(json), sizeof json - strlen(json), "%s\"%d\":\"\"", i ? "," : "",
                     i);
        strcat(json, "}");
        assert_int_equal(reads(json), n <= PLAINJSON_MEMBERS_MAX);
    }
    for (int len = PLAINJSON_MAX_BYTES; len <= PLAINJSON_MAX_BYTES + 1; len++) {
        char json[PLAINJSON_MAX_BYTES + 2];
        snprintf(json, sizeof json, "{\"a\":\"%0*d\"}", len - 8, 0);
        assert_int_equal(strlen(json), len);
        assert_int_equal(reads(json), len <= PLAINJSON_MAX_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_plain),
        cmocka_unit_test(leaves_the_rest),
        cmocka_unit_test(has_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
