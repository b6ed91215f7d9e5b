/* Lengths in base 128: there and back, cut, endless. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/varint.h"

static void test_the_bytes(void **state)
{
    (void)state;
    uint8_t bytes[VARINT_MAX_BYTES];
    assert_int_equal(varint_write(300, bytes), 2);
    assert_memory_equal(bytes, "\xac\x02", 2);
    assert_int_equal(varint_write(UINT64_MAX, bytes), VARINT_MAX_BYTES);
}

static void test_there_and_back(void **state)
{
    (void)state;
    const uint64_t some[] = {0, 1, 127, 128, 300, 65535, UINT32_MAX, UINT64_MAX >> 1};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        uint8_t bytes[VARINT_MAX_BYTES];
        size_t len = varint_write(some[i], bytes), at = 0;
        uint64_t back;
        assert_true(varint_read(bytes, len, &at, &back));
        assert_int_equal(at, len);
        assert_true(back == some[i]);
        at = 0;
        assert_false(varint_read(bytes, len - 1, &at, &back)); /* breaks off */
    }
}

static void test_endless(void **state)
{
    (void)state;
    uint8_t endless[12];
    memset(endless, 0xff, sizeof endless);
    size_t at = 0;
    uint64_t value;
    assert_false(varint_read(endless, sizeof endless, &at, &value));
    assert_false(varint_read(NULL, 0, &(size_t){0}, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bytes),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
