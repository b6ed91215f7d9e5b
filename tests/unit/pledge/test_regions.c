#include "pledge/regions.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct buf text;
static struct regions *regions;

static int set_up(void **state)
{
    (void)state;
    buf_init(&text, 4096);
    regions = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    regions_free(regions);
    buf_fini(&text);
    return 0;
}

static uint64_t code(const char *digits)
{
    uint64_t area;
    assert_int_equal(area_parse(digits, strlen(digits), &area), ERR_OK);
    return area;
}

static void parse(const char *csv)
{
    regions_free(regions);
    buf_reset(&text);
    assert_int_equal(regions_parse(csv, strlen(csv), &regions, &text), ERR_OK);
    assert_int_equal(text.len, 0);
}

static const char *path(const char *digits)
{
    buf_reset(&text);
    regions_path(regions, code(digits), &text);
    return buf_text(&text);
}

static const char small[] = "code,name\n"
                            "11,北京市\n1101,市辖区\n110101,东城区\n110101001,东华门街道\n"
                            "42,湖北省\n4201,武汉市\n420102,江岸区\n"
                            "4290,省直辖县级行政区划\n429004,仙桃市\n429005,潜江市\n"
                            "44,广东省\n4419,东莞市\n441900003,东城街道\n441900004,南城街道\n"
                            "51,四川省\n5133,甘孜藏族自治州\n513327,炉霍县\n513327205,仁达乡\n"
                            "513327205201,易日村\n";

static void test_names(void **state)
{
    (void)state;
    parse(small);
    assert_int_equal(regions_count(regions), 19);
    assert_string_equal(regions_name(regions, code("51")), "四川省");
    assert_string_equal(regions_name(regions, code("513327205201")), "易日村");
    assert_string_equal(regions_name(regions, code("513327205")), "仁达乡");
    assert_string_equal(regions_name(regions, code("441900")), "东莞市"); /* the same area */
    assert_string_equal(regions_name(regions, code("11")), "北京市");
    assert_string_equal(regions_name(regions, 0), "全国");
    assert_string_equal(regions_name(regions, AREA_UNASSIGNED), "未分配");
    assert_null(regions_name(regions, code("52")));
    assert_null(regions_name(regions, code("513327206")));
    assert_null(regions_name(regions, 1));
    assert_null(regions_name(regions, UINT64_MAX));
}

/* A second file adds names and wins; what the first has beside them stays. */
static void test_names_of_ones_own(void **state)
{
    (void)state;
    static const char own[] =
        "# invented\n513327205,高山乡\n513327205200,山口村\n10,前省\n99,末省\n";
    struct regions *extra;
    parse(small);
    assert_int_equal(regions_parse(own, strlen(own), &extra, &text), ERR_OK);
    assert_int_equal(regions_add(&regions, extra), ERR_OK);
    assert_int_equal(regions_count(regions), 19 + 3);
    assert_string_equal(path("513327205200"), "四川省甘孜藏族自治州炉霍县高山乡山口村");
    assert_string_equal(path("513327205201"), "四川省甘孜藏族自治州炉霍县高山乡易日村");
    assert_string_equal(regions_name(regions, code("10")), "前省");
    assert_string_equal(regions_name(regions, code("99")), "末省");
    assert_string_equal(regions_name(regions, code("11")), "北京市");
    uint64_t villages[4];
    assert_int_equal(regions_children(regions, code("513327205"), 0, villages, 4), 2);
    assert_int_equal(villages[0], code("513327205200"));
    /* nothing to add, and nothing to add to */
    assert_int_equal(regions_parse("", 0, &extra, &text), ERR_OK);
    assert_int_equal(regions_add(&regions, extra), ERR_OK);
    assert_int_equal(regions_count(regions), 22);
    regions_free(regions);
    regions = NULL;
    assert_int_equal(regions_parse(own, strlen(own), &extra, &text), ERR_OK);
    assert_int_equal(regions_add(&regions, extra), ERR_OK);
    assert_string_equal(regions_name(regions, code("513327205")), "高山乡");
}

/* The example campaign has names for all its areas. */
static void test_example_campaign(void **state)
{
    (void)state;
    struct regions *extra;
    assert_int_equal(regions_load(SOURCE_DIR "/config/regions.csv", &regions, &text), ERR_OK);
    assert_int_equal(
        regions_load(SOURCE_DIR "/config/campaigns.d/gaoshan-regions.csv", &extra, &text), ERR_OK);
    assert_int_equal(regions_add(&regions, extra), ERR_OK);
    FILE *in = fopen(SOURCE_DIR "/config/campaigns.d/gaoshan.csv", "r");
    char line[256];
    size_t rows = 0;
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in)); /* the header */
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        const char *comma = strrchr(line, ',');
        assert_non_null(comma);
        assert_non_null(regions_name(regions, code(comma + 1)));
        rows++;
    }
    fclose(in);
    assert_int_equal(rows, 774);
}

static void test_paths(void **state)
{
    (void)state;
    parse(small);
    assert_string_equal(path("513327205"), "四川省甘孜藏族自治州炉霍县仁达乡");
    assert_string_equal(path("51"), "四川省");
    assert_string_equal(path("110101001"), "北京市东城区东华门街道");
    assert_string_equal(path("1101"), "北京市市辖区");
    assert_string_equal(path("429004"), "湖北省仙桃市");
    assert_string_equal(path("441900003"), "广东省东莞市东城街道");
    assert_string_equal(path("513327206"), "四川省甘孜藏族自治州炉霍县513327206");
    assert_string_equal(path("52"), "52");
    assert_string_equal(path("0"), "全国");
    assert_string_equal(path("unassigned"), "未分配");
}

static void assert_children(const char *of, const char *want)
{
    uint64_t list[16];
    size_t n = regions_children(regions, code(of), 0, list, 16);
    assert_in_range(n, 0, 16);
    buf_reset(&text);
    for (size_t i = 0; i < n; i++) {
        char digits[AREA_TEXT_SIZE];
        buf_addf(&text, "%s%s", i > 0 ? " " : "", area_format(list[i], digits));
    }
    assert_string_equal(buf_text(&text), want);
}

/* Pseudo-levels and levels that are missing are not displayed: what lies in them is. */
static void test_children(void **state)
{
    (void)state;
    parse(small);
    assert_children("0", "11 42 44 51");
    assert_children("11", "110101");
    assert_children("1101", "110101");
    assert_children("42", "4201 429004 429005");
    assert_children("44", "4419");
    assert_children("4419", "441900003 441900004");
    assert_children("513327", "513327205");
    assert_children("513327205201", "");
    assert_children("52", "");
    assert_children("unassigned", "");
    uint64_t two[2] = {7, 7};
    assert_int_equal(regions_children(regions, 0, 3, two, 2), 1);
    assert_true(two[0] == code("51") && two[1] == 7);
    assert_int_equal(regions_children(regions, 0, 0, two, 2), 4);
    assert_true(two[0] == code("11") && two[1] == code("42"));
    assert_int_equal(regions_children(regions, 0, 9, two, 2), 0);
}

static void test_forms_of_the_file(void **state)
{
    (void)state;
    parse("\xEF\xBB\xBF"
          "code,name\r\n51,四川省\r\n\r\n11,北京市\r\n");
    assert_int_equal(regions_count(regions), 2);
    assert_string_equal(regions_name(regions, code("51")), "四川省");
    parse("51,四川省\n11,北京市"); /* no header, no order, no last line end */
    assert_string_equal(regions_name(regions, code("11")), "北京市");
    assert_children("0", "11 51");
    parse("");
    assert_int_equal(regions_count(regions), 0);
    assert_null(regions_name(regions, code("11")));
    assert_children("0", "");
}

static void test_without_names(void **state)
{
    (void)state;
    assert_int_equal(regions_count(NULL), 0);
    assert_int_equal(regions_bytes(NULL), 0);
    assert_string_equal(regions_name(NULL, 0), "全国");
    assert_null(regions_name(NULL, code("51")));
    assert_string_equal(path("513327205"), "513327205");
    assert_children("0", "");
    regions_free(NULL);
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *csv, *words;
    } cases[] = {
        {"code,name\n51\n", "line 2: a line is code,name"},
        {"51,四川省\n513,x\n", "line 2: a code has"},
        {"51,四川省\n5a,x\n", "line 2: a code has"},
        {",x\n", "line 1: a code has"},
        {"unassigned,x\n", "line 1: a code has"},
        {"51,\n", "line 1: a name has"},
        {"51,\"四川省\"\n", "line 1: the name is not"},
        {"51,四川省,中国\n", "line 1: the name is not"},
        {"51,\xE5\x9B\n", "line 1: the name is not"},
        {"51,a\tb\n", "line 1: the name is not"},
        {"51,四川省\n11,北京市\n51,四川\n", "line 3: 51 stands in line 1 already"},
        {"4419,东莞市\n441900,东莞\n", "line 2: 4419 stands in line 1 already"},
        {"code,name\ncode,name\n", "line 2: a code has"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_reset(&text);
        assert_int_equal(regions_parse(cases[i].csv, strlen(cases[i].csv), &regions, &text),
                         ERR_INVALID);
        assert_null(regions);
        if (strstr(buf_text(&text), cases[i].words) == NULL)
            fail_msg("%s: wanted \"%s\", got \"%s\"", cases[i].csv, cases[i].words,
                     buf_text(&text));
    }
    buf_reset(&text);
    assert_int_equal(regions_load("/nowhere/regions.csv", &regions, &text), ERR_IO);
    assert_true(text.len > 0);
    buf_reset(&text);
    assert_int_equal(regions_load("/", &regions, &text), ERR_IO);
}

/* The shipped table: every province, every area in one that is there, within its memory; each line
 * is found again. */
static void test_shipped_file(void **state)
{
    static const char file[] = SOURCE_DIR "/config/regions.csv";
    (void)state;
    assert_int_equal(regions_load(file, &regions, &text), ERR_OK);
    assert_in_range(regions_count(regions), 44000, 60000);
    assert_in_range(regions_bytes(regions), 1, 4 * 1024 * 1024);
    uint64_t provinces[64];
    assert_int_equal(regions_children(regions, 0, 0, provinces, 64), 34);

    char line[256], last[256] = "";
    size_t lines = 0;
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    assert_string_equal(line, "code,name\n");
    while (fgets(line, sizeof line, in) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *name = strchr(line, ',');
        assert_non_null(name);
        *name++ = '\0';
        uint64_t ancestors[AREA_LEVELS];
        uint64_t area = code(line);
        assert_true(strcmp(last, line) < 0);
        snprintf(last, sizeof last, "%s", line);
        assert_string_equal(regions_name(regions, area), name);
        for (size_t n = area_ancestors(area, ancestors); n > 0; n--)
            assert_non_null(regions_name(regions, ancestors[n - 1]));
        lines++;
    }
    fclose(in);
    assert_int_equal(lines, regions_count(regions));
    assert_string_equal(path("513327205"), "四川省甘孜藏族自治州炉霍县仁达乡");
    assert_string_equal(path("441900003"), "广东省东莞市东城街道");
}

/* What is displayed as a level covers the country: every area is reached from the nation by
 * children of children, each once, but for the pseudo-levels. */
static size_t count_below(uint64_t area)
{
    static uint64_t list[AREA_LEVELS][512];
    static size_t depth;
    size_t n = regions_children(regions, area, 0, list[depth], 512), sum = n;
    assert_in_range(n, 0, 512);
    assert_in_range(depth, 0, AREA_LEVELS - 1);
    for (size_t i = 0; i < n; i++) {
        depth++;
        sum += count_below(list[depth - 1][i]);
        depth--;
    }
    return sum;
}

static void test_the_tree_is_whole(void **state)
{
    (void)state;
    assert_int_equal(regions_load(SOURCE_DIR "/config/regions.csv", &regions, &text), ERR_OK);
    size_t pseudo = 0;
    for (uint64_t city = 1100; city < 8300; city++) {
        uint64_t area = city * 100000000;
        pseudo += area_is_pseudo(area) && regions_name(regions, area) != NULL;
    }
    assert_in_range(pseudo, 5, 12);
    assert_int_equal(count_below(0), regions_count(regions) - pseudo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_of_ones_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_example_campaign, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_children, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forms_of_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shipped_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_tree_is_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
