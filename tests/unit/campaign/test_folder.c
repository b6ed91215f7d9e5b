#include "campaign/folder.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "some_settings.h"

#define MARK "# begun on the console: while something is missing, it is unfinished and not wrong\n"
#define WHOLE(id, more)                                                                            \
    "[campaign]\nid = " id "\ntitle = 测试\ncarrier = mas\nrecipients = a.csv\n"                 \
    "start = 2026-10-17 09:00\nend = 2026-10-17 20:00\n"                                           \
    "[message]\nsignature = 高山乡\ntext = 你好\n" more
#define PLEDGE(digits)                                                                             \
    "[pledge]\nkeywords = 捐\nconfirm = none\nadd_serial = " digits "\n"                           \
    "hotline = 0836-1234567\n"

static void test_a_folder_is_told_apart(void **state)
{
    (void)state;
    struct folder folder;
    struct buf text;
    scratch_file("campaigns.d/a.ini", 0644, WHOLE("a", ""));
    scratch_file("campaigns.d/b.ini", 0644, MARK "[campaign]\nid = b\ntitle = 乙\n[message]\n");
    scratch_file("campaigns.d/c.ini", 0644, "[campaign]\nid = c\ntitle = 丙\n[message]\n");
    mistakes_fini(&mistakes);
    assert_int_equal(folder_read(&folder, settings, &mistakes), ERR_OK);
    assert_int_equal(folder.n_definitions, 1);
    assert_string_equal(folder.definitions[0]->id, "a");
    assert_int_equal(mistakes.errors, 6);
    for (size_t i = 0; i < mistakes.n; i++)
        assert_non_null(strstr(mistakes.items[i].file, "/c.ini"));
    buf_init(&text, 4096);
    folder_print_drafts(&folder, &text);
    assert_string_equal(buf_text(&text),
                        "1 draft on the console, unfinished and not counted:\n"
                        "  b.ini lacks carrier recipients start end signature text\n");
    buf_fini(&text);
    folder_fini(&folder);
}

static void test_digits_that_two_share(void **state)
{
    (void)state;
    struct folder folder;
    remove(scratch_path("campaigns.d/c.ini"));
    scratch_file("campaigns.d/a.ini", 0644, WHOLE("a", PLEDGE("77")));
    scratch_file("campaigns.d/d.ini", 0644, WHOLE("d", PLEDGE("77")));
    scratch_file("campaigns.d/e.ini", 0644, WHOLE("e", PLEDGE("7")));
    mistakes_fini(&mistakes);
    assert_int_equal(folder_read(&folder, settings, &mistakes), ERR_OK);
    assert_int_equal(folder.n_definitions, 3);
    assert_int_equal(mistakes.errors, 1);
    const struct mistake *mistake = mistake_at(&mistakes, 0, "campaign a (");
    assert_non_null(mistake);
    assert_non_null(strstr(mistake->file, "/d.ini"));
    folder_fini(&folder);
}

static void test_no_folder_is_one_mistake(void **state)
{
    (void)state;
    struct folder folder;
    struct settings elsewhere = *settings;
    elsewhere.daemon.campaigns_dir = "/nowhere";
    mistakes_fini(&mistakes);
    assert_int_equal(folder_read(&folder, &elsewhere, &mistakes), ERR_OK);
    assert_int_equal(mistakes.errors, 1);
    assert_int_equal(folder.n_definitions + folder.n_drafts, 0);
    folder_fini(&folder);
}

static int setup(void **state)
{
    (void)state;
    return some_settings_make("campaigns.d/a.csv", "手机号\n13800138000\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_is_told_apart),
        cmocka_unit_test(test_digits_that_two_share),
        cmocka_unit_test(test_no_folder_is_one_mistake),
    };
    return cmocka_run_group_tests(tests, setup, some_settings_remove);
}
