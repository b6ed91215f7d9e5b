/* Rules that every row keeps, so that a new setting cannot be half done. */
#include "conf/settings_rows.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "conf/settings.h"

static void test_rows_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_rows_n; i++) {
        const struct schema_row *row = &settings_rows[i];
        assert_non_null(row->type);
        assert_non_null(row->type->equal); /* or a reload would not see a change */
        assert_non_null(row->comment);
        assert_true(strlen(row->comment) > 10);
        assert_true(row->min <= row->max);
        assert_true(strcmp(row->section, "daemon") == 0 || strcmp(row->section, "redis") == 0 ||
                    strcmp(row->section, "ledger") == 0 || strcmp(row->section, "carrier") == 0);
        /* a key without a default may be left empty, or must be given */
        if (row->def == NULL)
            assert_true((row->flags & (SCHEMA_OPTIONAL | SCHEMA_REQUIRED)) != 0);
        if (strstr(row->key, "secret_key") != NULL || strstr(row->key, "password") != NULL ||
            strstr(row->key, "callback_key") != NULL)
            assert_true((row->flags & SCHEMA_SECRET) != 0);
        /* what is said of a key before its row is known agrees with the row */
        if ((mistake_showable(row->key, "v") == NULL) != ((row->flags & SCHEMA_SECRET) != 0))
            fail_msg("%s", row->key);
        for (size_t k = 0; k < i; k++)
            assert_false(strcmp(settings_rows[k].section, row->section) == 0 &&
                         strcmp(settings_rows[k].key, row->key) == 0);
    }
}

/* Every key stands in the example, with a comment above it, and the example has no other key. */
static void test_example_names_every_key(void **state)
{
    (void)state;
    struct buf out;
    struct mistakes mistakes;
    struct ini_file *ini;
    buf_init(&out, 1 << 16);
    mistakes_init(&mistakes);
    settings_print_example(&out);
    assert_int_equal(ini_read_bytes("/e.ini", out.data, out.len, &ini, &mistakes), ERR_OK);
    assert_int_equal(ini->n, settings_rows_n);
    for (size_t i = 0; i < settings_rows_n; i++) {
        const struct schema_row *row = &settings_rows[i];
        const char *section = strcmp(row->section, "carrier") == 0 ? "carrier mas" : row->section;
        const struct ini_entry *entry = ini_entry(ini, section, row->key);
        assert_non_null(entry);
        const char *shown = row->shown != NULL ? row->shown : row->def != NULL ? row->def : "";
        assert_string_equal(entry->value, shown);
        char lead[1200];
        snprintf(lead, sizeof lead, "; %.40s", row->comment);
        assert_non_null(strstr(out.data, lead));
    }
    assert_int_equal(out.data[out.len - 1], '\n');
    assert_int_not_equal(out.data[out.len - 2], '\n');
    ini_free(ini);
    mistakes_fini(&mistakes);
    buf_fini(&out);
}

static void test_drivers(void **state)
{
    (void)state;
    const char *const *names;
    assert_int_equal(settings_drivers(&names), 1);
    assert_string_equal(names[0], "cloudmas");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_whole),
        cmocka_unit_test(test_example_names_every_key),
        cmocka_unit_test(test_drivers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
