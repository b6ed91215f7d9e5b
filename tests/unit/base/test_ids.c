#include "base/ids.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_random_hex_has_its_form(void **state)
{
    (void)state;
    char out[2 * 100 + 2];
    memset(out, '~', sizeof out);
    ids_random_hex(out, 100); /* more than one batch */
    assert_int_equal(strlen(out), 200);
    assert_int_equal(strspn(out, "0123456789abcdef"), 200);
    assert_int_equal(out[201], '~');
    ids_random_hex(out, 0);
    assert_string_equal(out, "");
}

/* 1000 draws of 128 bits: a repetition means that the generator is broken, not bad luck. */
static void test_random_values_differ(void **state)
{
    (void)state;
    static char seen[1000][33];
    for (size_t i = 0; i < 1000; i++) {
        ids_random_hex(seen[i], 16);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    }
    uint64_t ored = 0, anded = UINT64_MAX;
    for (int i = 0; i < 200; i++) {
        uint64_t value = ids_random_u64();
        ored |= value;
        anded &= value;
    }
    assert_true(ored == UINT64_MAX); /* every bit was once set and once clear */
    assert_true(anded == 0);
}

static void test_secrets_compare(void **state)
{
    (void)state;
    assert_true(ids_equal_secret("abc", "abc"));
    assert_true(ids_equal_secret("", ""));
    assert_false(ids_equal_secret("abc", "abd"));
    assert_false(ids_equal_secret("abc", "xbc"));
    assert_false(ids_equal_secret("abc", "ab"));
    assert_false(ids_equal_secret("abc", "abcd"));
    assert_false(ids_equal_secret("abc", ""));
    assert_false(ids_equal_secret("", "a"));
    assert_false(ids_equal_secret("abc", "abc\x01"
                                         "abc")); /* reading the secret round is no match */
}

static void test_names(void **state)
{
    (void)state;
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    assert_false(ids_valid_name(longest));
    longest[64] = '\0';
    assert_true(ids_valid_name(longest));

    static const char *const good[] = {"a", "2026-10-17-gaoshan", "mas", "A.b_c-9", "_x"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(ids_valid_name(good[i]));
    static const char *const bad[] = {"",    ".",   "..",   ".a",  "-a",     "a b",
                                      "a/b", "a:b", "a{b}", "a\n", "高山乡", "a%"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (ids_valid_name(bad[i]))
            fail_msg("\"%s\" was taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_hex_has_its_form),
        cmocka_unit_test(test_random_values_differ),
        cmocka_unit_test(test_secrets_compare),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("base/ids", tests, NULL, NULL);
}
