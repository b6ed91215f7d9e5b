/* Duplicates are found exactly, at every fullness of a segment, and memory stays within its bound.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/digest.h"
#include "campaign/dedupe.h"

static bool add(struct dedupe *dedupe, uint64_t number)
{
    bool seen;
    assert_int_equal(dedupe_add(dedupe, number, &seen), ERR_OK);
    return seen;
}

static void test_first_and_last_number(void **state)
{
    (void)state;
    struct dedupe *dedupe = dedupe_new();
    const uint64_t ends[] = {13000000000, 13000009999, 13000010000, 19999999999, 19999990000};
    for (size_t i = 0; i < 5; i++)
        assert_false(add(dedupe, ends[i]));
    for (size_t i = 0; i < 5; i++)
        assert_true(add(dedupe, ends[i]));
    dedupe_free(dedupe);
    dedupe_free(NULL);
}

/* Every number of a segment, in a mixed order: through all lists into the bitmap. */
static void test_a_segment_fills_up(void **state)
{
    (void)state;
    struct dedupe *dedupe = dedupe_new();
    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t number = 15400070000 + i * 7919 % 10000;
        assert_false(add(dedupe, number));
        assert_true(add(dedupe, number));
        assert_true(add(dedupe, 15400070000)); /* the first one is never forgotten */
    }
    for (uint64_t i = 0; i < 10000; i++)
        assert_true(add(dedupe, 15400070000 + i));
    assert_false(add(dedupe, 15400069999));
    assert_false(add(dedupe, 15400080000));
    dedupe_free(dedupe);
}

/* Against a plain bitmap of the whole of 154. */
static void test_agrees_with_a_plain_bitmap(void **state)
{
    (void)state;
    struct dedupe *dedupe = dedupe_new();
    uint8_t *plain = calloc(100000000 / 8, 1);
    uint64_t seen_here = 0, seen_there = 0;
    for (uint64_t i = 0; i < 400000; i++) {
        /* Half of them crowd in 40 segments, half lie anywhere. */
        uint64_t low = digest_mix64(i) % (i % 2 ? 400000 : 100000000);
        seen_there += plain[low / 8] >> low % 8 & 1;
        plain[low / 8] |= (uint8_t)(1u << low % 8);
        seen_here += add(dedupe, 15400000000 + low);
    }
    assert_true(seen_there > 10000);
    assert_int_equal(seen_here, seen_there);
    free(plain);
    dedupe_free(dedupe);
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct dedupe *dense = dedupe_new(), *sparse = dedupe_new();
    for (uint64_t i = 0; i < 200000; i++) {
        add(dense, 15400000000 + i);
        add(sparse, 13000000000 + digest_mix64(i) % 7000000000);
    }
    assert_true(dedupe_bytes(dense) < 40000);     /* 20 bitmaps and the tables */
    assert_true(dedupe_bytes(sparse) < 11000000); /* not 200 000 bitmaps */
    size_t before = dedupe_bytes(dense);
    for (uint64_t i = 0; i < 200000; i++)
        add(dense, 15400000000 + i);
    assert_int_equal(dedupe_bytes(dense), before);
    dedupe_free(dense);
    dedupe_free(sparse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_and_last_number),
        cmocka_unit_test(test_a_segment_fills_up),
        cmocka_unit_test(test_agrees_with_a_plain_bitmap),
        cmocka_unit_test(test_memory_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
