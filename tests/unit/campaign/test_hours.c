#include "campaign/hours.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static enum err parse(const char *text, int minutes[2], struct buf *why)
{
    static const struct schema_row row = {.type = &hours_type};
    static const struct schema_context context = {0};
    return hours_type.parse(&context, &row, text, minutes, why);
}

static void test_hours(void **state)
{
    static const struct {
        const char *text;
        int from, to;
    } cases[] = {
        {"08:00-21:00", 480, 1260}, {"00:00-24:00", 0, 0},   {"07:00-22:00", 420, 1320},
        {"22:00-06:30", 1320, 390}, {"12:00-24:00", 720, 0}, {"12:00-00:00", 720, 0},
        {"23:59-00:01", 1439, 1},   {"00:00-00:01", 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int minutes[2] = {-1, -1};
        assert_int_equal(parse(cases[i].text, minutes, NULL), ERR_OK);
        assert_int_equal(minutes[0], cases[i].from);
        assert_int_equal(minutes[1], cases[i].to);
    }
}

static void test_not_hours(void **state)
{
    static const char *const texts[] = {"",
                                        "8:00-21:00",
                                        "08:00",
                                        "08:00-21:0",
                                        "08:00 - 21:00",
                                        "08:00-24:01",
                                        "08:60-21:00",
                                        "24:00-08:00",
                                        "25:00-08:00",
                                        "08.00-21.00",
                                        "08:00-21:000",
                                        "08:00–21:0",
                                        "-8:00-21:00"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int minutes[2] = {-1, -1};
        assert_int_equal(parse(texts[i], minutes, NULL), ERR_INVALID);
        assert_int_equal(minutes[0], -1);
    }
}

static void test_never_open(void **state)
{
    struct buf why;
    int minutes[2];
    (void)state;
    buf_init(&why, 200);
    assert_int_equal(parse("08:00-08:00", minutes, &why), ERR_RANGE);
    assert_non_null(strstr(buf_text(&why), "00:00-24:00"));
    buf_fini(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours),
        cmocka_unit_test(test_not_hours),
        cmocka_unit_test(test_never_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
