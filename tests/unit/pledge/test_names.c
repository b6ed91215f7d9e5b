#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "pledge/names.h"

static void check(const char *name, bool organisation, enum name_shown shown, const char *want)
{
    struct buf out;
    buf_init(&out, 1024);
    name_public(name, organisation, shown, &out);
    assert_string_equal(buf_text(&out), want);
    buf_fini(&out);
}

static void test_public(void **state)
{
    (void)state;
    check("张三", false, NAME_MASKED, "张*");
    check("张三丰", false, NAME_MASKED, "张**");
    check("欧阳锋", false, NAME_MASKED, "欧阳*");
    check("欧阳", false, NAME_MASKED, "欧*");
    check("张", false, NAME_MASKED, "*");
    check("Li Lei", false, NAME_MASKED, "L****");
    check("张三", false, NAME_FULL, "张三");
    check("张三", false, NAME_ANONYMOUS, "爱心人士");
    check("高山乡农机公司", true, NAME_MASKED, "高山乡农机公司");
    check("高山乡农机公司", true, NAME_ANONYMOUS, "爱心人士");
    check("", false, NAME_FULL, "爱心人士");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_public)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
