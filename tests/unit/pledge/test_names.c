#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

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

static void test_compound_surnames(void **state)
{
    (void)state;
    static const char *const surnames[] = {
        "司寇", "公羊", "仲孙", "颛孙", "巫马", "漆雕", "乐正", "谷梁", "穀梁", "左丘",     "梁丘",
        "段干", "东门", "東門", "南门", "公西", "公良", "宰父", "夹谷", "壤驷", "亓官",     "子车",
        "羊舌", "微生", "叔孙", "王孙", "太史", "即墨", "达奚", "纳兰", "完颜", "爱新觉罗",
    };
    for (size_t i = 0; i < sizeof surnames / sizeof *surnames; i++) {
        char name[64], want[64];
        snprintf(name, sizeof name, "%s明", surnames[i]);
        snprintf(want, sizeof want, "%s*", surnames[i]);
        check(name, false, NAME_MASKED, want);
    }
    check("岳帅明", false, NAME_MASKED, "岳**"); /* two surnames of the list, one family name */
    check("公明", false, NAME_MASKED, "公*");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_public),
                                       cmocka_unit_test(test_compound_surnames)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
