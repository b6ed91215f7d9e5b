#include "base/buf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_empty_buffer_reads_as_empty_text(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    assert_null(buf.data);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf_check(&buf), ERR_OK);
    buf_add(&buf, NULL, 0);
    assert_string_equal(buf_text(&buf), "");
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
}

static void test_appends_of_all_kinds_join(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 10000);
    buf_add(&buf, "ab", 2);
    buf_add_char(&buf, 'c');
    buf_add_text(&buf, "def");
    buf_addf(&buf, "%d-%s", 42, "x");
    assert_string_equal(buf_text(&buf), "abcdef42-x");
    assert_int_equal(buf.len, 10);
    buf_add(&buf, "\0z", 2);
    assert_int_equal(buf.len, 12);
    assert_memory_equal(buf.data + 10, "\0z\0", 3);
    buf_fini(&buf);
}

static void test_many_appends_survive_growth(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (int i = 0; i < 20000; i++)
        buf_addf(&buf, "%05d", i);
    assert_int_equal(buf_check(&buf), ERR_OK);
    assert_int_equal(buf.len, 100000);
    assert_int_equal(buf.data[buf.len], '\0');
    assert_memory_equal(buf.data + 5 * 12345, "12345", 5);
    assert_memory_equal(buf.data + 5 * 19999, "19999", 5);
    buf_fini(&buf);
}

static void test_long_formatted_text_grows_in_one_step(void **state)
{
    (void)state;
    char long_text[3001];
    memset(long_text, 'q', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    struct buf buf;
    buf_init(&buf, 10000);
    buf_addf(&buf, "<%s>", long_text);
    assert_int_equal(buf.len, 3002);
    assert_int_equal(buf.data[0], '<');
    assert_int_equal(buf.data[3001], '>');
    buf_fini(&buf);
}

static void test_ceiling_is_exact_and_keeps_contents(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_text(&buf, "abcd");
    assert_int_equal(buf_check(&buf), ERR_OK);
    buf_add_char(&buf, 'e');
    assert_int_equal(buf_check(&buf), ERR_NOMEM);
    assert_string_equal(buf_text(&buf), "abcd");

    buf_reset(&buf);
    assert_int_equal(buf_check(&buf), ERR_OK);
    assert_string_equal(buf_text(&buf), "");
    buf_addf(&buf, "%s", "12345");
    assert_int_equal(buf_check(&buf), ERR_NOMEM);
    assert_string_equal(buf_text(&buf), "");
    buf_fini(&buf);
}

static void test_failed_stays_after_a_later_success(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_add_text(&buf, "abcdefgh");
    buf_add_text(&buf, "ab");
    assert_string_equal(buf_text(&buf), "ab");
    assert_int_equal(buf_check(&buf), ERR_NOMEM);
    buf_fini(&buf);
}

static void test_room_is_given_and_refused(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    buf_add_text(&buf, "x");
    char *room = buf_room(&buf, 500);
    assert_non_null(room);
    memset(room, 'r', 500);
    buf.len += 500;
    buf_add_char(&buf, '!');
    assert_int_equal(buf.len, 502);
    assert_int_equal(buf.data[500], 'r');
    assert_int_equal(buf.data[501], '!');
    assert_null(buf_room(&buf, 499));
    assert_int_equal(buf_check(&buf), ERR_NOMEM);
    assert_null(buf_room(&buf, SIZE_MAX));
    buf_fini(&buf);
}

static void test_fini_leaves_a_usable_buffer(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 3);
    buf_add_text(&buf, "abc");
    buf_fini(&buf);
    assert_string_equal(buf_text(&buf), "");
    buf_add_text(&buf, "xyz");
    assert_string_equal(buf_text(&buf), "xyz");
    buf_add_char(&buf, '!');
    assert_int_equal(buf_check(&buf), ERR_NOMEM);
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_buffer_reads_as_empty_text),
        cmocka_unit_test(test_appends_of_all_kinds_join),
        cmocka_unit_test(test_many_appends_survive_growth),
        cmocka_unit_test(test_long_formatted_text_grows_in_one_step),
        cmocka_unit_test(test_ceiling_is_exact_and_keeps_contents),
        cmocka_unit_test(test_failed_stays_after_a_later_success),
        cmocka_unit_test(test_room_is_given_and_refused),
        cmocka_unit_test(test_fini_leaves_a_usable_buffer),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
