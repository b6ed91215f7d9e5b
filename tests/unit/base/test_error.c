#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_every_error_has_its_own_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *sentence = err_sentence((enum err)i);
        assert_non_null(sentence);
        assert_true(strlen(sentence) > 3);
        assert_true(sentence[strlen(sentence) - 1] != '.');
        assert_string_not_equal(sentence, err_sentence(ERR_COUNT));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(sentence, err_sentence((enum err)j));
    }
}

static void test_unknown_error_is_no_crash(void **state)
{
    (void)state;
    assert_non_null(err_sentence((enum err)9999));
    assert_non_null(err_sentence((enum err) - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_error_has_its_own_sentence),
        cmocka_unit_test(test_unknown_error_is_no_crash),
    };
    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
