/* Headlines of the definitions in campaigns_dir: right after every change, and read only then. */
#include "drafting/headlines.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/time.h>

#include "../conf/scratch.h"

static struct settings *settings;
static struct headlines *headlines;

static const char *definition(const char *id, const char *title, const char *text_line)
{
    static char text[2048];
    snprintf(text, sizeof text,
             "[campaign]\nid = %s\ntitle = %s\nregion = 513327205\ncarrier = mas\nrecipients = "
             "a.csv\nstart = 2026-10-17 09:00\nend = 2026-10-17 20:00\n[message]\nsignature = "
             "高山乡人民政府"
             "\n%s\noptout = 拒收请回复R\n",
             id, title, text_line);
    return text;
}

static void write_text(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "campaigns.d/%s", name);
    scratch_file(path, 0644, text);
}

/* Another time, even when the test is faster than the clock of the file system. */
static void touch(const char *name, int second)
{
    char path[128];
    const struct timeval times[2] = {{second, 0}, {second, 0}};
    snprintf(path, sizeof path, "campaigns.d/%s", name);
    assert_int_equal(utimes(scratch_path(path), times), 0);
}

static void scan(void)
{
    assert_int_equal(headlines_scan(headlines, settings), ERR_OK);
}

static const struct headline *look(const char *id)
{
    return headlines_look(headlines, settings, id);
}

static int begin(void **state)
{
    (void)state;
    struct mistakes mistakes;
    scratch_make();
    mkdir(scratch_path("campaigns.d"), 0755);
    mkdir(scratch_path("state"), 0755);
    mistakes_init(&mistakes);
    enum err error = settings_load(
        scratch_file("outreachd.ini", 0600,
                     "[daemon]\nlisten = 127.0.0.1:10170\ncontrol_socket = control.sock\n"
                     "state_dir = state\ncampaigns_dir = campaigns.d\n[carrier mas]\n"
                     "driver = cloudmas\nbase_url = http://127.0.0.1:1992\nec_name = x\n"
                     "ap_id = y\nsecret_key = s\nsign_code = z\n"),
        true, &settings, &mistakes);
    if (error != ERR_OK) {
        char *all = mistakes_text(&mistakes);
        fprintf(stderr, "%s", all);
        free(all);
    }
    mistakes_fini(&mistakes);
    return error == ERR_OK && headlines_new(&headlines) == ERR_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    headlines_free(headlines);
    settings_free(settings);
    scratch_remove();
    return 0;
}

static void test_the_newest_first_and_only_definitions(void **state)
{
    (void)state;
    scan();
    assert_null(headlines_before(headlines, ""));
    write_text("2026-10-17-b.ini", definition("2026-10-17-b", "乙", "text = 好"));
    write_text("2026-10-16-a.ini", definition("2026-10-16-a", "甲", "text = 好"));
    write_text("a.csv", "手机\n");
    write_text(".draft-1234.ini", "");
    write_text("村.ini", "");
    write_text(".ini", "");
    scan();
    assert_string_equal(headlines_before(headlines, ""), "2026-10-17-b");
    assert_string_equal(headlines_before(headlines, "2026-10-17-b"), "2026-10-16-a");
    assert_null(headlines_before(headlines, "2026-10-16-a"));
    assert_string_equal(headlines_before(headlines, "2026-10-17"), "2026-10-16-a");
    assert_string_equal(look("2026-10-17-b")->title, "乙");
    assert_true(look("2026-10-17-b")->is_finished);
    assert_true(look("2026-10-17-b")->end_ms > look("2026-10-17-b")->start_ms);
    assert_string_equal(look("2026-10-16-a")->region, "513327205");
    assert_null(look("none"));
}

static void test_it_is_read_again_only_when_it_changed(void **state)
{
    (void)state;
    char other[64];
    write_text("a.ini", definition("a", "甲", "text = 好"));
    touch("a.ini", 1000);
    scan();
    for (int i = 0; i < 3; i++) {
        assert_string_equal(look("a")->title, "甲");
        scan();
    }
    assert_int_equal(headlines_reads(headlines), 1);
    write_text("a.ini", definition("a", "丙", "text = 好")); /* of the same size */
    touch("a.ini", 2000);
    assert_string_equal(look("a")->title, "丙");
    assert_int_equal(headlines_reads(headlines), 2);
    /* Put in its place by a rename, with the old time: another inode. */
    write_text("b", definition("a", "丁", "text = 好"));
    touch("b", 2000);
    snprintf(other, sizeof other, "%s", "campaigns.d/b");
    assert_int_equal(rename(scratch_path(other), scratch_path("campaigns.d/a.ini")), 0);
    assert_string_equal(look("a")->title, "丁");
    assert_int_equal(headlines_reads(headlines), 3);
    assert_int_equal(remove(scratch_path("campaigns.d/a.ini")), 0);
    assert_null(look("a"));
    scan();
    assert_null(headlines_before(headlines, ""));
}

static void test_what_else_it_depends_on(void **state)
{
    (void)state;
    write_text("a.ini", definition("a", "甲", "text_file = a.txt"));
    scan();
    assert_false(look("a")->is_finished); /* the text is missing */
    assert_string_equal(look("a")->title, "甲");
    assert_int_equal(headlines_reads(headlines), 1);
    write_text("a.txt", "好\n");
    assert_false(look("a")->is_finished); /* and the list */
    write_text("a.csv", "手机\n");
    assert_true(look("a")->is_finished);
    assert_true(look("a")->is_finished);
    assert_int_equal(headlines_reads(headlines), 3);
    headlines_forget(headlines);
    assert_true(look("a")->is_finished);
    assert_int_equal(headlines_reads(headlines), 4);
}

static void test_what_is_unfinished_or_no_definition_at_all(void **state)
{
    (void)state;
    write_text("a.ini", "[campaign]\ntitle = 没写完\nregion = 51\n");
    write_text("b.ini", "\xff\xfe no INI");
    scan();
    assert_string_equal(look("a")->title, "没写完");
    assert_string_equal(look("a")->region, "51");
    assert_string_equal(look("a")->carrier, "");
    assert_false(look("a")->is_finished);
    uint64_t reads = headlines_reads(headlines);
    for (int i = 0; i < 3; i++)
        look("b"); /* whatever it is, it is known */
    assert_int_equal(headlines_reads(headlines), reads + 1);
}

/* Those that stay keep what is known of them, wherever others come and go. */
static void test_others_come_and_go(void **state)
{
    (void)state;
    char name[2 * DRAFT_ID_SIZE], id[DRAFT_ID_SIZE];
    for (int i = 0; i < 300; i += 2) {
        snprintf(id, sizeof id, "c%03d", i);
        snprintf(name, sizeof name, "%s.ini", id);
        write_text(name, definition(id, id, "text = 好"));
    }
    scan();
    for (int i = 0; i < 300; i += 2) {
        snprintf(id, sizeof id, "c%03d", i);
        assert_string_equal(look(id)->title, id);
    }
    assert_int_equal(headlines_reads(headlines), 150);
    for (int i = 0; i < 300; i++) { /* every third goes or comes */
        snprintf(id, sizeof id, "c%03d", i);
        snprintf(name, sizeof name, "campaigns.d/%s.ini", id);
        if (i % 3 == 0 && i % 2 == 0)
            assert_int_equal(remove(scratch_path(name)), 0);
        else if (i % 3 == 0)
            write_text(name + strlen("campaigns.d/"), definition(id, id, "text = 好"));
    }
    scan();
    uint64_t seen = 0;
    for (const char *at = headlines_before(headlines, ""); at != NULL;
         at = headlines_before(headlines, id)) {
        snprintf(id, sizeof id, "%s", at);
        assert_string_equal(look(id)->title, id);
        seen++;
    }
    assert_int_equal(seen, 150);
    assert_int_equal(headlines_reads(headlines), 200); /* 50 came */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_newest_first_and_only_definitions, begin, end),
        cmocka_unit_test_setup_teardown(test_it_is_read_again_only_when_it_changed, begin, end),
        cmocka_unit_test_setup_teardown(test_what_else_it_depends_on, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_unfinished_or_no_definition_at_all, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_others_come_and_go, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
