#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "pledge/area.h"

static uint64_t area(const char *text)
{
    uint64_t code = 1;
    if (area_parse(text, strlen(text), &code) != ERR_OK)
        fail_msg("%s is refused", text);
    return code;
}

static void test_levels(void **state)
{
    (void)state;
    assert_int_equal(area_level(area("")), AREA_NATION);
    assert_int_equal(area_level(area("51")), AREA_PROVINCE);
    assert_int_equal(area_level(area("5133")), AREA_CITY);
    assert_int_equal(area_level(area("513327")), AREA_COUNTY);
    assert_int_equal(area_level(area("513327205")), AREA_TOWNSHIP);
    assert_int_equal(area_level(area("513327205201")), AREA_VILLAGE);
    assert_true(area_within(area("513327205201"), area("5133")));
    assert_true(area_within(area("513327205201"), 0));
    assert_false(area_within(area("513327205201"), area("5134")));
    assert_false(area_within(area("51"), area("513327")));
    char text[AREA_TEXT_SIZE];
    assert_string_equal(area_format(area("513327205000"), text), "513327205");
    assert_string_equal(area_format(0, text), "");
}

/* Dongguan's towns have county digits 00: county and city are one code, and a sum must count it
 * once. */
static void test_ancestors(void **state)
{
    (void)state;
    uint64_t codes[AREA_LEVELS];
    assert_int_equal(area_ancestors(area("513327205201"), codes), 6);
    assert_int_equal(area_ancestors(area("441900003001"), codes), 5);
    assert_int_equal(codes[2], area("4419"));
    assert_int_equal(codes[3], area("441900003"));
    assert_int_equal(area_ancestors(area("51"), codes), 2);
    assert_int_equal(area_ancestors(0, codes), 1);
    assert_int_equal(area_ancestors(AREA_UNASSIGNED, codes), 2);
    assert_true(area_within(AREA_UNASSIGNED, 0));
    assert_false(area_within(AREA_UNASSIGNED, area("51")));
    assert_true(area_is_pseudo(area("4290")));
    assert_false(area_is_pseudo(area("4419")));
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "5", "513", "51332", "51332720", "5133272052011", "51x3", "000000", "999999999999"};
    uint64_t code;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(area_parse(wrong[i], strlen(wrong[i]), &code), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_ancestors),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
