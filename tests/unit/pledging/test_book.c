/* The folder of definitions as it changes under the daemon. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pledge/area.h"
#include "pledging/book.h"

static char dir[64];
static struct settings settings;
static struct book *book;
static int64_t now_ms;

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", dir, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    path_of(name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void define(const char *id, const char *carrier, const char *region, const char *more)
{
    char name[80], text[2048];
    snprintf(name, sizeof name, "%s.ini", id);
    snprintf(text, sizeof text,
             "[campaign]\nid = %s\ntitle = t\ncarrier = %s\nregion = %s\nrecipients = x.csv\n"
             "start = 2026-10-17 09:00\nend = 2026-10-17 20:00\nclass = notice\n"
             "[message]\nsignature = 高山乡\ntext = x\n%s\n",
             id, carrier, region, more);
    write_file(name, text);
}

/* A look at the folder, whatever was looked at before. */
static void look(void)
{
    now_ms += BOOK_FRESH_MS;
    book_refresh(book, now_ms, BOOK_FRESH_MS);
}

static bool is_called(void *arg, const struct book_page *page)
{
    return strcmp(page->definition->id, arg) == 0;
}

static void test_finds_what_is_there(void **state)
{
    (void)state;
    define("a", "mas", "513327205", "[pledge]\nkeywords = 捐");
    define("b", "mas", "", "[pledge]\nadd_serial = 7");
    define("c", "other", "", "[pledge]\nadd_serial = 77");
    define("d", "mas", "", "");
    define("e", "mas", "", "[pledge]\nadd_serial = 77");
    look();
    assert_true(book_find(book, "a")->area == 513327205000);
    assert_true(book_find(book, "b")->area == AREA_UNASSIGNED);
    assert_ptr_equal(book_find(book, "a")->carrier, &settings.carriers[0]);
    assert_null(book_find(book, "x"));
    assert_non_null(book_find(book, "d")); /* known, and takes no pledges */
    assert_null(book_find(book, "d")->words);
    assert_null(book_any(book, "mas", is_called, "d"));
    assert_null(book_any(book, "mas", is_called, "c"));
    assert_ptr_equal(book_any(book, "mas", is_called, "a"), book_find(book, "a"));
    assert_ptr_equal(book_by_code(book, "mas", "1065777"), book_find(book, "e"));
    assert_ptr_equal(book_by_code(book, "mas", "1065707"), book_find(book, "b"));
    assert_ptr_equal(book_by_code(book, "other", "1065777"), book_find(book, "c"));
    assert_null(book_by_code(book, "mas", "10658"));
    assert_null(book_by_code(book, "mas", ""));
}

static void test_follows_the_folder(void **state)
{
    (void)state;
    define("a", "mas", "513327205", "[pledge]\nhotline = 1");
    look();
    assert_string_equal(book_find(book, "a")->definition->pledge.hotline, "1");
    define("a", "mas", "513327205", "[pledge]\nhotline = 12345");
    book_refresh(book, now_ms, BOOK_FRESH_MS); /* not looked at again so soon */
    assert_string_equal(book_find(book, "a")->definition->pledge.hotline, "1");
    look();
    assert_string_equal(book_find(book, "a")->definition->pledge.hotline, "12345");
    write_file("a.ini", "[campaign\nhalf of it is wr"); /* somebody is editing it */
    look();
    assert_string_equal(book_find(book, "a")->definition->pledge.hotline, "12345");
    char path[128];
    path_of("a.ini", path);
    unlink(path);
    look();
    assert_null(book_find(book, "a"));
    write_file("broken.ini", "nonsense");
    look();
    assert_null(book_find(book, "broken"));
}

static void remove_all(void)
{
    char path[128], name[16];
    static const char *const names[] = {"a", "b", "c", "d", "e", "broken"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s.ini", names[i]);
        path_of(name, path);
        unlink(path);
    }
}

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/outreach-book-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    settings = (struct settings){.file = "outreachd.ini",
                                 .daemon = {.campaigns_dir = dir,
                                            .utc_offset_min = 480,
                                            .optout_words = "R",
                                            .optout_all_words = ""},
                                 .carriers = {{.name = "mas"}, {.name = "other"}},
                                 .n_carriers = 2};
    if (book_new(&book))
        return -1;
    book_set_settings(book, &settings);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_all();
    rmdir(dir);
    book_free(book);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_finds_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follows_the_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
