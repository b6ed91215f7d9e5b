/* slice: every wanted position lands in exactly one slice, limits hold, halving ends with one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/digest.h"
#include "dispatch/slice.h"

#define N 1000

static uint8_t states[N];
static uint16_t segments[N];

static void test_limits(void **state)
{
    (void)state;
    memset(states, 'A', N);
    for (int i = 0; i < N; i++)
        segments[i] = 2;
    struct slice s;
    assert_true(slice_next(states, segments, (struct piece){0, N}, 'A', 100, 0, &s));
    assert_int_equal(s.from, 0);
    assert_int_equal(s.count, 100);
    assert_int_equal(s.n, 100);
    assert_int_equal(s.segments, 200);
    assert_true(slice_next(states, segments, (struct piece){0, N}, 'A', 100, 51, &s));
    assert_int_equal(s.n, 25);
    /* One heavier than the limit still goes. */
    assert_true(slice_next(states, segments, (struct piece){0, N}, 'A', 100, 1, &s));
    assert_int_equal(s.n, 1);
    assert_false(slice_next(states, segments, (struct piece){N, N}, 'A', 100, 0, &s));
    assert_false(slice_next(states, segments, (struct piece){0, N}, 'C', 100, 0, &s));
}

static void test_holes_and_full_cover(void **state)
{
    (void)state;
    const uint64_t seed = 774;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (uint64_t round = 0; round < 50; round++) {
        uint32_t wanted = 0, seen = 0;
        for (uint64_t i = 0; i < N; i++) {
            uint64_t r = digest_mix64(seed + round * N + i);
            states[i] = r % 3 ? 'A' : 'G';
            segments[i] = (uint16_t)(1 + (r >> 8) % 3);
            wanted += states[i] == 'A';
        }
        struct piece rest = {0, N};
        struct slice s;
        uint32_t size = 1 + (uint32_t)(digest_mix64(round) % 300);
        while (slice_next(states, segments, rest, 'A', size, 200, &s)) {
            assert_true(s.from >= rest.from && s.from + s.count <= rest.to);
            assert_true(s.n >= 1 && s.n <= size && s.segments <= 200);
            assert_int_equal(states[s.from], 'A');
            assert_int_equal(states[s.from + s.count - 1], 'A');
            uint32_t n = 0, weight = 0;
            for (uint32_t i = s.from; i < s.from + s.count; i++) {
                if (states[i] != 'A')
                    continue;
                n++;
                weight += segments[i];
                states[i] = 'C';
            }
            assert_int_equal(n, s.n);
            assert_int_equal(weight, s.segments);
            seen += n;
            rest.from = s.from + s.count;
        }
        assert_int_equal(seen, wanted);
    }
}

/* The offender of a refused request is found in at most 10 halvings of 1000. */
static void test_halving_finds_the_offender(void **state)
{
    (void)state;
    for (uint32_t offender = 0; offender < N; offender += 7) {
        memset(states, 'A', N);
        for (uint32_t i = 0; i < N; i += 5)
            states[i] = i == offender ? 'A' : 'O';
        struct piece piece = {0, N}, left, right;
        int halvings = 0;
        struct slice s;
        while (slice_next(states, segments, piece, 'A', N, 0, &s) && s.n > 1) {
            slice_halve(states, piece, 'A', &left, &right);
            assert_int_equal(left.from, piece.from);
            assert_int_equal(left.to, right.from);
            assert_int_equal(right.to, piece.to);
            assert_true(slice_next(states, segments, left, 'A', N, 0, &s));
            assert_true(slice_next(states, segments, right, 'A', N, 0, &s));
            piece = offender < left.to ? left : right;
            assert_true(++halvings <= 10);
        }
        assert_int_equal(s.n, 1);
        assert_int_equal(s.from, offender);
    }
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(slice_request_max(1000, 5000, 0), 1000);
    assert_int_equal(slice_request_max(5000, 1000, 0), 1000);
    assert_int_equal(slice_request_max(1000, 5000, 500), 500);
    assert_int_equal(slice_request_max(1, 1000, 500), 1);
    assert_int_equal(slice_request_max(0, 1000, 500), 1);
    assert_int_equal(slice_intent_requests(1, 128), 128);
    assert_int_equal(slice_intent_requests(1, 999), 256);
    assert_int_equal(slice_intent_requests(100, 50), 2);
    assert_int_equal(slice_intent_requests(1000, 50), 1);
    assert_int_equal(slice_intent_requests(1, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_holes_and_full_cover),
        cmocka_unit_test(test_halving_finds_the_offender),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
