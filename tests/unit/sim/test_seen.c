#include "sim/seen.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

static void test_first_and_again(void **state)
{
    static const uint64_t mobiles[] = {10000000000, 10000000001, 10000009999, 10000010000,
                                       15400000007, 15400000008, 19999999999};
    (void)state;
    struct seen *seen;
    bool first;
    assert_int_equal(seen_new(&seen), ERR_OK);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof mobiles / sizeof *mobiles; i++) {
            assert_int_equal(seen_add(seen, mobiles[i], &first), ERR_OK);
            assert_int_equal(first, round == 0);
        }
    }
    seen_free(seen);
    seen_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_and_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
