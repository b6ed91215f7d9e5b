/* Roles as words, and which areas a user covers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "people/rights.h"
#include "pledge/area.h"

static void test_roles_are_words(void **state)
{
    (void)state;
    uint32_t roles;
    char text[ROLES_TEXT_SIZE];
    assert_int_equal(roles_parse(" viewer,township  admin ", &roles), ERR_OK);
    assert_string_equal(roles_format(roles, text), "township viewer admin");
    assert_int_equal(roles_parse(roles_format(ROLES_ALL, text), &roles), ERR_OK);
    assert_int_equal(roles, ROLES_ALL);
}

static void test_no_role_is_no_user(void **state)
{
    (void)state;
    uint32_t roles;
    assert_int_equal(roles_parse("", &roles), ERR_INVALID);
    assert_int_equal(roles_parse(" , ", &roles), ERR_INVALID);
    assert_int_equal(roles_parse("viewer root", &roles), ERR_INVALID);
    assert_int_equal(roles_parse("view", &roles), ERR_INVALID);
}

static void test_an_area_holds_what_is_below(void **state)
{
    (void)state;
    struct who who = {.via = VIA_SESSION, .area = UINT64_C(513327205000)};
    assert_true(who_covers(&who, UINT64_C(513327205000)));
    assert_true(who_covers(&who, UINT64_C(513327205201)));
    assert_false(who_covers(&who, UINT64_C(513327206000)));
    assert_false(who_covers(&who, UINT64_C(513327000000))); /* the county above */
}

/* What nobody placed belongs to no township. */
static void test_the_nation_and_the_bucket_are_for_all_areas(void **state)
{
    (void)state;
    struct who who = {.via = VIA_TOKEN, .area = UINT64_C(510000000000)};
    assert_false(who_covers(&who, 0));
    assert_false(who_covers(&who, AREA_UNASSIGNED));
    who.area = 0;
    assert_true(who_covers(&who, 0));
    assert_true(who_covers(&who, AREA_UNASSIGNED));
}

static void test_the_control_socket_may_everything(void **state)
{
    (void)state;
    struct who who = {.via = VIA_CONTROL, .area = UINT64_C(510000000000)};
    assert_true(who_has_role(&who, 0));
    assert_true(who_covers(&who, UINT64_C(110000000000)));
    who.via = VIA_SESSION;
    who.roles = ROLE_BIT(ROLE_VIEWER);
    assert_true(who_has_role(&who, ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(ROLE_VIEWER)));
    assert_false(who_has_role(&who, ROLE_BIT(ROLE_ADMIN)));
    assert_false(who_has_role(&who, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_are_words),
        cmocka_unit_test(test_no_role_is_no_user),
        cmocka_unit_test(test_an_area_holds_what_is_below),
        cmocka_unit_test(test_the_nation_and_the_bucket_are_for_all_areas),
        cmocka_unit_test(test_the_control_socket_may_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
