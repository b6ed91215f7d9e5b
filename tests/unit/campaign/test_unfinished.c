#include "campaign/unfinished.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "campaign/definition.h"
#include "some_settings.h"

#define MARK "# begun on the console: while something is missing, it is unfinished and not wrong\n"
#define HEAD                                                                                       \
    "[campaign]\nid = a\ntitle = 测试\ncarrier = mas\nrecipients = a.csv\n"                      \
    "start = 2026-10-17 09:00\n"
#define REST "[message]\nsignature = 高山乡\ntext = 你好\n"

static const char *marked(const char *bytes)
{
    static char text[4096];
    struct buf out;
    buf_init(&out, sizeof text);
    unfinished_mark(bytes, strlen(bytes), &out);
    snprintf(text, sizeof text, "%s", buf_text(&out));
    buf_fini(&out);
    return text;
}

static void test_the_mark_comes_on_top_once(void **state)
{
    (void)state;
    assert_string_equal(marked("[campaign]\n"), MARK "[campaign]\n");
    assert_string_equal(marked(MARK "[campaign]\n"), MARK "[campaign]\n");
    assert_string_equal(marked("\xEF\xBB\xBF[campaign]\n"), "\xEF\xBB\xBF" MARK "[campaign]\n");
    assert_string_equal(marked("\xEF\xBB\xBF" MARK "[campaign]\n"),
                        "\xEF\xBB\xBF" MARK "[campaign]\n");
    assert_string_equal(marked("[campaign]\n" MARK), MARK "[campaign]\n" MARK);
    assert_string_equal(marked(""), MARK);
}

/* What is missing, "" when the file is right or wrong; `errors` mistakes are found. */
static const char *lacks_of(const char *text, size_t errors)
{
    static char lacks[UNFINISHED_LACKS_SIZE];
    struct ini_file *ini = NULL;
    struct definition *definition = NULL;
    mistakes_fini(&mistakes);
    enum err form = ini_read(scratch_file("campaigns.d/a.ini", 0644, text), &ini, &mistakes);
    assert_non_null(ini);
    enum err meaning = definition_load_ini(ini, settings, &definition, &mistakes);
    assert_int_equal(form != ERR_OK || meaning != ERR_OK, errors > 0);
    assert_int_equal(mistakes.errors, errors);
    bool is = unfinished_lacks(ini, &mistakes, lacks);
    assert_int_equal(is, lacks[0] != '\0');
    definition_free(definition);
    ini_free(ini);
    return lacks;
}

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    assert_string_equal(lacks_of(MARK HEAD REST, 1), "end");
    assert_string_equal(lacks_of(MARK HEAD "end =\n" REST, 1), "end");
    assert_string_equal(lacks_of(MARK "[campaign]\nid = a\n[message]\n", 7),
                        "title carrier recipients start end signature text");
    assert_string_equal(lacks_of("\xEF\xBB\xBF" MARK HEAD REST, 1), "end");
    /* What is wrong beside it is her business as well. */
    assert_string_equal(lacks_of(MARK HEAD "rate = 1000000\n" REST, 2), "end");
}

static void test_what_is_wrong_is_a_mistake(void **state)
{
    (void)state;
    assert_string_equal(lacks_of(HEAD REST, 1), ""); /* nobody said that it is being written */
    assert_string_equal(lacks_of(HEAD MARK REST, 1), "");
    assert_string_equal(lacks_of(MARK HEAD "end = 2026-10-17 20:00\n" REST, 0), "");
    assert_string_equal(lacks_of(MARK HEAD "end = tomorrow\n" REST, 1), "");
    assert_string_equal(lacks_of(MARK HEAD "end = 2026-10-16 20:00\n" REST, 1), "");
    assert_string_equal(lacks_of(MARK HEAD "end = 2026-10-17 20:00\nrate = 1000000\n" REST, 1), "");
    char lacks[UNFINISHED_LACKS_SIZE];
    assert_false(unfinished_lacks(NULL, &mistakes, lacks));
}

static void test_a_list_that_is_not_there(void **state)
{
    (void)state;
    const char *whole = MARK HEAD "end = 2026-10-17 20:00\n" REST;
    char *list = strdup(scratch_file("campaigns.d/a.csv", 0644, "手机号\n13800138000\n"));
    assert_string_equal(lacks_of(whole, 0), "");
    assert_int_equal(remove(list), 0);
    assert_string_equal(lacks_of(whole, 1), "recipients");
    assert_string_equal(lacks_of(whole + strlen(MARK), 1), "");
    free(list);
    scratch_file("campaigns.d/a.csv", 0644, "手机号\n13800138000\n");
}

static int setup(void **state)
{
    (void)state;
    return some_settings_make("campaigns.d/a.csv", "手机号\n13800138000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mark_comes_on_top_once),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_what_is_wrong_is_a_mistake),
        cmocka_unit_test(test_a_list_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, setup, some_settings_remove);
}
