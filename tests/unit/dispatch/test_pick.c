/* pick: rank before turn, fair within a rank. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dispatch/pick.h"

static void test_rank_first(void **state)
{
    (void)state;
    struct pick_candidate c[] = {{0, 1, true}, {2, 900, true}, {1, 0, true}};
    assert_int_equal(pick_next(c, 3), 1);
    c[1].ready = false;
    assert_int_equal(pick_next(c, 3), 2);
    c[2].ready = false;
    assert_int_equal(pick_next(c, 3), 0);
    c[0].ready = false;
    assert_int_equal(pick_next(c, 3), PICK_NONE);
    assert_int_equal(pick_next(NULL, 0), PICK_NONE);
}

static void test_turns_go_round(void **state)
{
    (void)state;
    struct pick_candidate c[5] = {{0}};
    unsigned turns[5] = {0};
    for (size_t i = 0; i < 5; i++)
        c[i].ready = true;
    for (uint64_t turn = 1; turn <= 500; turn++) {
        size_t at = pick_next(c, 5);
        assert_true(at < 5);
        c[at].turn = turn;
        turns[at]++;
    }
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(turns[i], 100);
}

static void test_one_that_slept_does_not_take_all(void **state)
{
    (void)state;
    struct pick_candidate c[2] = {{0, 0, false}, {0, 0, true}};
    for (uint64_t turn = 1; turn <= 100; turn++)
        c[pick_next(c, 2)].turn = turn;
    c[0].ready = true;
    unsigned first = 0;
    for (uint64_t turn = 101; turn <= 200; turn++) {
        size_t at = pick_next(c, 2);
        first += at == 0;
        c[at].turn = turn;
    }
    assert_int_equal(first, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rank_first),
        cmocka_unit_test(test_turns_go_round),
        cmocka_unit_test(test_one_that_slept_does_not_take_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
