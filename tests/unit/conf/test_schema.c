#include "conf/schema.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "conf/value.h"
#include "scratch.h"

struct thing {
    const char *name, *note;
    uint32_t size;
    bool fast;
};
static const struct schema_row rows[] = {
    {.section = "thing",
     .key = "name",
     .type = &value_text,
     .offset = offsetof(struct thing, name),
     .max = 5,
     .flags = SCHEMA_REQUIRED,
     .shown = "Tal",
     .comment = "What it is\ncalled."},
    {.section = "thing",
     .key = "note",
     .type = &value_text,
     .offset = offsetof(struct thing, note),
     .min = 1,
     .max = 9,
     .def = "none",
     .flags = SCHEMA_OPTIONAL | SCHEMA_RELOADABLE,
     .comment = "A remark."},
    {.section = "thing",
     .key = "size",
     .type = &value_u32,
     .offset = offsetof(struct thing, size),
     .min = 2,
     .max = 10,
     .def = "4",
     .unit = "feet",
     .comment = "How large."},
    {.section = "other",
     .key = "fast",
     .type = &value_bool,
     .offset = offsetof(struct thing, fast),
     .def = "no"},
};
#define N (sizeof rows / sizeof *rows)

static struct mistakes mistakes;
static struct thing thing;

static void load(const char *text)
{
    static const struct schema_context context = {.directory = "/d", .read_secrets = true};
    struct ini_file *ini;
    schema_release(rows, N, "thing", &thing);
    memset(&thing, 0, sizeof thing);
    mistakes_fini(&mistakes);
    (void)!ini_read_bytes("/t.ini", text, strlen(text), &ini, &mistakes);
    assert_int_equal(schema_load(&context, rows, N, "thing", ini, "thing", &thing, &mistakes),
                     ERR_OK);
    ini_free(ini);
}

static void test_values_and_defaults(void **state)
{
    (void)state;
    load("[thing]\nname = Berg\nsize = 10\n");
    assert_int_equal(mistakes.n, 0);
    assert_string_equal(thing.name, "Berg");
    assert_string_equal(thing.note, "none");
    assert_int_equal(thing.size, 10);
    load("[thing]\nname = 五五五五五\nnote =\n"); /* optional: empty is absent */
    assert_int_equal(mistakes.n, 0);
    assert_string_equal(thing.note, "none");
    assert_int_equal(thing.size, 4);
}

static void test_mistakes(void **state)
{
    (void)state;
    load("[thing]\nnmae = x\nsize =\nnote = 1234567890\nfast = yes\n");
    const struct mistake *unknown = mistake_at(&mistakes, 2, "no key");
    assert_string_equal(unknown->nearest, "name");
    assert_string_equal(unknown->value, "x");
    assert_non_null(mistake_at(&mistakes, 1, "is missing"));
    assert_non_null(mistake_at(&mistakes, 3, "whole number from 2 to 10"));
    assert_non_null(mistake_at(&mistakes, 4, "at most 9 characters, and has 10"));
    assert_string_equal(mistake_at(&mistakes, 5, "belongs into [other]")->value, "yes");
    assert_int_equal(mistakes.errors, 5);
    load("[thing]\nname =\nsize = 1\n");
    assert_non_null(mistake_at(&mistakes, 2, "must not be empty"));
    assert_non_null(mistake_at(&mistakes, 3, "outside 2 to 10 (feet)"));
    load("");
    assert_non_null(mistake_at(&mistakes, 0, "is missing"));
    load("[thing]\nname = \x01\n"); /* the line is a mistake already, so the key is not missing */
    assert_int_equal(mistakes.errors, 1);
}

static bool known(const char *name)
{
    return strcmp(name, "thing") == 0;
}

static void test_sections(void **state)
{
    (void)state;
    static const char *const names[] = {"thing", "other"};
    struct ini_file *ini;
    const char *text = "[thing]\n[thign one]\n[zzz]\n";
    mistakes_fini(&mistakes);
    assert_int_equal(ini_read_bytes("/t.ini", text, strlen(text), &ini, &mistakes), ERR_OK);
    schema_check_sections(ini, known, names, 2, &mistakes);
    assert_int_equal(mistakes.errors, 2);
    assert_string_equal(mistakes.items[0].nearest, "thing");
    assert_null(mistakes.items[1].nearest);
    ini_free(ini);
}

static void test_example(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    schema_print_example(rows, N, "thing", &out);
    assert_string_equal(
        buf_text(&out),
        "; What it is\n; called.\n; up to 5 characters; required; a change needs a restart\n"
        "name = Tal\n\n"
        "; A remark.\n; 1 to 9 characters; default none; read again on reload\n"
        "note = none\n\n"
        "; How large.\n; 2 to 10 (feet); default 4; a change needs a restart\n"
        "size = 4\n\n");
    buf_fini(&out);
}

static void test_paths(void **state)
{
    (void)state;
    const struct {
        const char *directory, *path, *absolute;
    } cases[] = {{"/etc/o", "x", "/etc/o/x"},
                 {"/etc/o", "/x", "/x"},
                 {"/etc/o", "./x", "/etc/o/x"},
                 {"/", "x", "/x"},
                 {"/etc/o", "../x", "/etc/o/../x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = schema_absolute_path(cases[i].directory, cases[i].path);
        assert_string_equal(path, cases[i].absolute);
        free(path);
    }
    char *a = schema_directory_of("/etc/o/x.ini"), *b = schema_directory_of("/x.ini");
    assert_string_equal(a, "/etc/o");
    assert_string_equal(b, "/");
    free(a);
    free(b);
}

static int teardown(void **state)
{
    (void)state;
    schema_release(rows, N, "thing", &thing);
    mistakes_fini(&mistakes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_defaults),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
