/* Every number is found in its chunk, and of those that are not there hardly one. */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "pledging/numbers.h"

#define FIRST UINT64_C(13800000000)
#define PEOPLE 100000
#define MOST 8

static bool is_told(const struct numbers *numbers, uint64_t number, uint32_t chunk)
{
    uint32_t chunks[MOST];
    size_t n = numbers_find(numbers, number, chunks, MOST);
    for (size_t i = 0; i < n; i++)
        if (chunks[i] == chunk)
            return true;
    return false;
}

static void test_all_are_found(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    uint64_t step = 1 + (uint64_t)(rand() % 900);
    struct numbers *numbers;
    assert_int_equal(numbers_new(PEOPLE, &numbers), ERR_OK);
    for (uint64_t i = 0; i < PEOPLE; i++)
        numbers_add(numbers, FIRST + i * step, (uint32_t)(i / 1000));
    for (uint64_t i = 0; i < PEOPLE; i++)
        assert_true(is_told(numbers, FIRST + i * step, (uint32_t)(i / 1000)));
    size_t mistaken = 0;
    uint32_t chunk;
    for (uint64_t i = 0; i < PEOPLE; i++)
        mistaken += numbers_find(numbers, FIRST + UINT64_C(1000000000) + i * step, &chunk, 1);
    assert_true(mistaken < PEOPLE / 100);
    numbers_free(numbers);
}

static void test_the_edges(void **state)
{
    (void)state;
    struct numbers *numbers;
    uint32_t chunk;
    assert_int_equal(numbers_new(0, &numbers), ERR_OK);
    assert_int_equal(numbers_find(numbers, FIRST, &chunk, 1), 0);
    numbers_add(numbers, FIRST, 0); /* one more than there is room for */
    assert_int_equal(numbers_find(numbers, FIRST, &chunk, 1), 0);
    numbers_free(numbers);
    assert_int_equal(numbers_new(2, &numbers), ERR_OK);
    numbers_add(numbers, FIRST, NUMBERS_CHUNKS_MAX);
    assert_int_equal(numbers_find(numbers, FIRST, &chunk, 1), 0);
    numbers_add(numbers, FIRST, NUMBERS_CHUNKS_MAX - 1);
    numbers_add(numbers, FIRST, 0);
    assert_true(is_told(numbers, FIRST, NUMBERS_CHUNKS_MAX - 1));
    assert_true(is_told(numbers, FIRST, 0));
    assert_int_equal(numbers_find(numbers, FIRST, &chunk, 1), 1); /* not more than asked for */
    numbers_free(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_are_found),
                                       cmocka_unit_test(test_the_edges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
