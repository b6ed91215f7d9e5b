/* Who may get a message once more: the one decision that must never be wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "launch/resend.h"

static void test_only_those_provably_not_reached(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool refused = byte == STATE_REJECTED;
        bool failed = byte == STATE_UNDELIVERED || byte == STATE_EXPIRED;
        for (int code_temporary = 0; code_temporary <= 1; code_temporary++) {
            assert_int_equal(resend_wants((uint8_t)byte, code_temporary, true, false),
                             failed && code_temporary);
            assert_int_equal(resend_wants((uint8_t)byte, code_temporary, false, true), refused);
            assert_int_equal(resend_wants((uint8_t)byte, code_temporary, true, true),
                             refused || (failed && code_temporary));
            assert_false(resend_wants((uint8_t)byte, code_temporary, false, false));
        }
    }
}

static void test_end(void **state)
{
    (void)state;
    const int64_t day = 24 * 3600 * 1000, now = 1792198800000;
    assert_int_equal(resend_end_ms(now - 1, now), now + day);
    assert_int_equal(resend_end_ms(now + 1, now), now + day);
    assert_int_equal(resend_end_ms(now + 2 * day, now), now + 2 * day);
}

static void test_values(void **state)
{
    (void)state;
    uint8_t bytes[512] = {3, 'a', 'b', 'c', 0, 0xc8, 0x01}; /* "abc", "", 200 bytes */
    const uint8_t *value;
    size_t len;
    memset(bytes + 7, 'x', 200);
    assert_true(resend_values(bytes, 207, 3, 0, &value, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(value, "abc", 3);
    assert_true(resend_values(bytes, 207, 3, 1, &value, &len));
    assert_int_equal(len, 0);
    assert_true(resend_values(bytes, 207, 3, 2, &value, &len));
    assert_int_equal(len, 200);
    assert_ptr_equal(value, bytes + 7);
    assert_false(resend_values(bytes, 207, 3, 3, &value, &len)); /* no such recipient */
    assert_false(resend_values(bytes, 206, 3, 2, &value, &len)); /* cut */
    assert_false(resend_values(bytes, 6, 3, 2, &value, &len));   /* cut within a length */
    assert_false(resend_values(NULL, 0, 3, 0, &value, &len));
}

/* Random bytes never lead outside of the buffer (the sanitizers watch). */
static void test_values_of_any_bytes(void **state)
{
    (void)state;
    unsigned seed = 20261017;
    srand(seed);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        size_t size = (size_t)(rand() % 40);
        uint8_t *bytes = malloc(size + 1);
        const uint8_t *value = NULL;
        size_t len = 0;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 6);
        }
        if (resend_values(bytes, size, 10, (size_t)(rand() % 10), &value, &len)) {
            assert_true(value >= bytes && value + len <= bytes + size);
        }
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_those_provably_not_reached),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_values_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
