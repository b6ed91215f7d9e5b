/* Each trap of inih 55 (architecture, "traps"; reliability E1-E6) is a test here. */
#include "conf/ini.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ini.h>

#include "scratch.h"

struct read {
    struct ini_file *ini;
    struct mistakes mistakes;
    enum err error;
};

static struct read read_bytes(const void *bytes, size_t len)
{
    struct read r;
    mistakes_init(&r.mistakes);
    r.error = ini_read_bytes("/t.ini", bytes, len, &r.ini, &r.mistakes);
    return r;
}

static struct read read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void done(struct read *r)
{
    ini_free(r->ini);
    mistakes_fini(&r->mistakes);
}

static const char *value_of(const struct read *r, const char *section, const char *key)
{
    const struct ini_entry *entry = ini_entry(r->ini, section, key);
    return entry == NULL ? "(missing)" : entry->value;
}

static void test_plain(void **state)
{
    (void)state;
    struct read r = read_text(
        "; comment\n\n[daemon]\nlisten = 127.0.0.1:10170  \n  ; indented comment\n# other\n"
        "empty =\n\n[carrier mas]\t\nrate=500\n[nothing]\n\nlast\t=\tno line end");
    assert_int_equal(r.error, ERR_OK);
    assert_int_equal(r.mistakes.n, 0);
    assert_int_equal(r.ini->n, 4);
    assert_string_equal(value_of(&r, "daemon", "listen"), "127.0.0.1:10170");
    assert_string_equal(value_of(&r, "daemon", "empty"), "");
    assert_string_equal(value_of(&r, "carrier mas", "rate"), "500");
    assert_string_equal(value_of(&r, "nothing", "last"), "no line end");
    assert_int_equal(ini_entry(r.ini, "carrier mas", "rate")->line, 10);
    assert_int_equal(r.ini->n_sections, 3);
    assert_int_equal(ini_section(r.ini, "nothing")->line, 11);
    assert_null(ini_section(r.ini, "carrier"));
    done(&r);
}

static void test_bom_and_crlf(void **state)
{
    (void)state;
    struct read r = read_text("\xEF\xBB\xBF[a]\r\nk = 值 \r\n\r\n; c\r\nl = 2\r\n");
    assert_int_equal(r.error, ERR_OK);
    assert_string_equal(value_of(&r, "a", "k"), "值");
    assert_int_equal(ini_entry(r.ini, "a", "l")->line, 5);
    done(&r);
}

/* inih's own limit is 199 bytes, with the rest read as the next key: here that rest would be
 * secret=injected. */
static void test_long_value_is_whole(void **state)
{
    (void)state;
    char text[INI_LINE_MAX], file[INI_LINE_MAX + 64];
    size_t n = 0;
    while (n < 190) {
        memcpy(text + n, "扶", 3);
        n += 3;
    }
    n += (size_t)sprintf(text + n, " ; not a comment # nor this = x : y secret=injected ((姓名)) ");
    while (n < 9000) {
        memcpy(text + n, "贫", 3);
        n += 3;
    }
    text[n] = '\0';
    snprintf(file, sizeof file, "[message]\ntext = %s\nnext = 1\n", text);
    struct read r = read_text(file);
    assert_int_equal(r.error, ERR_OK);
    assert_int_equal(r.ini->n, 2);
    assert_string_equal(value_of(&r, "message", "text"), text);
    assert_string_equal(value_of(&r, "message", "next"), "1");
    done(&r);
}

static void test_line_limit_is_exact(void **state)
{
    (void)state;
    static char file[INI_LINE_MAX + 64];
    for (int over = 0; over <= 1; over++) {
        strcpy(file, "[a]\nk = ");
        memset(file + 8, 'x', (size_t)(INI_LINE_MAX - 4 + over));
        strcpy(file + 8 + INI_LINE_MAX - 4 + over, "\nz = 1\n");
        struct read r = read_text(file);
        assert_int_equal(r.error, over ? ERR_INVALID : ERR_OK);
        assert_int_equal(r.ini->n, over ? 1 : 2);
        assert_string_equal(value_of(&r, "a", "z"), "1");
        if (over) {
            assert_non_null(mistake_at(&r.mistakes, 2, "16385 bytes"));
            assert_true(ini_is_broken(r.ini, "a", "k"));
            assert_false(ini_is_broken(r.ini, "a", "z"));
        } else {
            assert_int_equal(strlen(value_of(&r, "a", "k")), INI_LINE_MAX - 4);
        }
        done(&r);
    }
}

static void test_signs_inside_values(void **state)
{
    (void)state;
    struct read r =
        read_text("[a]\nk1 = a ; b\nk2 = #x\nk3 = ;y\nk4 = a=b=c\nk5 = http://h:1/?a=b\nk6 = [x]\n"
                  "k7 = \"q\"\n");
    assert_int_equal(r.error, ERR_OK);
    assert_string_equal(value_of(&r, "a", "k1"), "a ; b");
    assert_string_equal(value_of(&r, "a", "k2"), "#x");
    assert_string_equal(value_of(&r, "a", "k3"), ";y");
    assert_string_equal(value_of(&r, "a", "k4"), "a=b=c");
    assert_string_equal(value_of(&r, "a", "k5"), "http://h:1/?a=b");
    assert_string_equal(value_of(&r, "a", "k6"), "[x]");
    assert_string_equal(value_of(&r, "a", "k7"), "\"q\"");
    done(&r);
}

static void test_indented_lines_are_refused(void **state)
{
    (void)state;
    struct read r = read_text("[a]\ntext = first\n  second line\n\tk = 2\n [b]\nl = 1\n");
    assert_int_equal(r.error, ERR_INVALID);
    assert_non_null(mistake_at(&r.mistakes, 3, "begins with a blank"));
    assert_non_null(mistake_at(&r.mistakes, 4, "begins with a blank"));
    assert_non_null(mistake_at(&r.mistakes, 5, "begins with a blank"));
    assert_int_equal(r.mistakes.n, 3);
    assert_string_equal(value_of(&r, "a", "text"), "first");
    done(&r);
}

static void test_lines_that_are_no_key(void **state)
{
    (void)state;
    struct read r = read_text(
        "early = 1\nearly2 = 2\n[a]\nno equals\nkey: value\na:b = c\n= v\nk＝v\n]x = 1\n");
    assert_int_equal(r.error, ERR_INVALID);
    assert_non_null(mistake_at(&r.mistakes, 1, "outside any section"));
    assert_non_null(mistake_at(&r.mistakes, 4, "no `=`"));
    assert_non_null(mistake_at(&r.mistakes, 5, "not taken for"));
    assert_non_null(mistake_at(&r.mistakes, 6, "`:` stands before"));
    assert_non_null(mistake_at(&r.mistakes, 7, "nothing stands before"));
    assert_non_null(mistake_at(&r.mistakes, 8, "full-width"));
    assert_int_equal(r.mistakes.n, 6);
    assert_int_equal(r.ini->n, 1); /* "]x" is a key, if an odd one */
    done(&r);
}

static void test_twice(void **state)
{
    (void)state;
    struct read r = read_text("[a]\nk = 1\nl = 1\nk = 2\n[b]\nk = 3\n[a]\nl = 4\nm = 5\n");
    assert_int_equal(r.error, ERR_INVALID);
    const struct mistake *key = mistake_at(&r.mistakes, 4, "first is on line 2");
    assert_non_null(key);
    assert_string_equal(key->key, "k");
    assert_string_equal(key->value, "2");
    assert_non_null(
        mistake_at(&r.mistakes, 7, "section [a] is there twice; the first is on line 1"));
    assert_non_null(mistake_at(&r.mistakes, 8, "first is on line 3"));
    assert_int_equal(r.mistakes.n, 3);
    assert_string_equal(value_of(&r, "a", "k"), "1");
    assert_string_equal(value_of(&r, "a", "m"), "5");
    assert_string_equal(value_of(&r, "b", "k"), "3");
    assert_int_equal(r.ini->n_sections, 2);
    done(&r);
}

/* The second line may be the right one: what stands in it helps, but for a secret. */
static void test_twice_keeps_secrets(void **state)
{
    (void)state;
    struct read r = read_text("[a]\nsecret_key = x\nsecret_key = Geheim1\n"
                              "proxy = x\nproxy = http://me:Geheim1@host:3128\n");
    assert_null(mistake_at(&r.mistakes, 3, "first is on line 2")->value);
    assert_null(mistake_at(&r.mistakes, 5, "first is on line 4")->value);
    done(&r);
}

/* inih cuts at 49 bytes, so that these two would be one. */
static void test_section_names(void **state)
{
    (void)state;
    struct read r = read_text("[0123456789012345678901234567890123456789012345678]\nk = 1\n"
                              "[01234567890123456789012345678901234567890123456789]\nk = 2\n"
                              "[open\nk = 3\n[a] ; comment\nk = 4\n[ b ]\n[]\n[c;d]\nk = 5\n");
    assert_int_equal(r.error, ERR_INVALID);
    assert_non_null(mistake_at(&r.mistakes, 3, "50 bytes"));
    assert_non_null(mistake_at(&r.mistakes, 5, "no closing ]"));
    assert_non_null(mistake_at(&r.mistakes, 7, "after the closing ]"));
    assert_non_null(mistake_at(&r.mistakes, 9, "blanks just inside"));
    assert_non_null(mistake_at(&r.mistakes, 10, "no name"));
    assert_int_equal(r.mistakes.n, 5);
    assert_string_equal(value_of(&r, "0123456789012345678901234567890123456789012345678", "k"),
                        "1");
    assert_string_equal(value_of(&r, "a", "k"), "4");
    assert_string_equal(value_of(&r, "c;d", "k"), "5");
    assert_int_equal(r.ini->n, 3);
    done(&r);
}

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    static const char nul[] = "[a]\nk = a\0b\n; c\0d\nl = 2\n";
    struct read r = read_bytes(nul, sizeof nul - 1);
    assert_int_equal(r.error, ERR_INVALID);
    assert_non_null(mistake_at(&r.mistakes, 2, "NUL"));
    assert_non_null(mistake_at(&r.mistakes, 3, "NUL"));
    assert_true(ini_is_broken(r.ini, "a", "k"));
    assert_string_equal(value_of(&r, "a", "l"), "2");
    done(&r);

    r = read_text(
        "[a]\n; \xB7\xF6\xC6\xB6\nk = \xB7\xF6\xC6\xB6\nl = \xC4\xEA\nm = ok\n"); /* GBK */
    assert_int_equal(r.error, ERR_INVALID);
    assert_int_equal(r.mistakes.n, 1);
    assert_non_null(mistake_at(&r.mistakes, 2, "not UTF-8"));
    assert_string_equal(value_of(&r, "a", "m"), "ok");
    assert_true(ini_is_broken(r.ini, "a", "l"));
    done(&r);

    r = read_text("[a]\nk = \xED\xA0\x80\n"); /* a lone surrogate */
    assert_non_null(mistake_at(&r.mistakes, 2, "not UTF-8"));
    done(&r);

    r = read_text("[a]\nk = a\rb\nl = \x01\nm = a\tb\n; a\fb\nx = \x7F\n");
    assert_non_null(mistake_at(&r.mistakes, 2, "0x0D"));
    assert_non_null(mistake_at(&r.mistakes, 3, "0x01"));
    assert_non_null(mistake_at(&r.mistakes, 6, "0x7F"));
    assert_int_equal(r.mistakes.n, 3);
    assert_string_equal(value_of(&r, "a", "m"), "a\tb");
    done(&r);

    r = read_text("[a]\nk = 1\n\xEF\xBB\xBF[b]\nl = 1\n");
    assert_non_null(mistake_at(&r.mistakes, 3, "byte order mark"));
    done(&r);

    static const char utf16[] = "\xFF\xFE[\0a\0]\0\n\0";
    r = read_bytes(utf16, sizeof utf16 - 1);
    assert_int_equal(r.error, ERR_INVALID);
    assert_int_equal(r.mistakes.n, 1);
    assert_non_null(mistake_at(&r.mistakes, 0, "UTF-16"));
    done(&r);
}

/* A libinih with other habits may lose lines, but not in silence. */
static void test_what_inih_loses_is_told(void **state)
{
    (void)state;
    char *usual = ini_start_comment_prefixes;
    ini_start_comment_prefixes = "q";
    struct read r = read_text("[a]\nk = 1\nq = 2\nqq = 3\n");
    ini_start_comment_prefixes = usual;
    assert_int_equal(r.error, ERR_INVALID);
    assert_non_null(mistake_at(&r.mistakes, 3, "would have been lost"));
    assert_non_null(mistake_at(&r.mistakes, 4, "would have been lost"));
    assert_int_equal(r.mistakes.n, 2);
    assert_true(ini_is_broken(r.ini, "a", "q"));
    assert_string_equal(value_of(&r, "a", "k"), "1");
    done(&r);
}

static void test_nothing(void **state)
{
    (void)state;
    struct read r = read_text("");
    assert_int_equal(r.error, ERR_OK);
    assert_int_equal(r.ini->n, 0);
    assert_int_equal(r.mistakes.n, 0);
    done(&r);
}

static void test_too_many(void **state)
{
    (void)state;
    struct buf file;
    buf_init(&file, INI_FILE_MAX + 10);
    buf_add_text(&file, "[a]\n");
    for (int i = 0; i <= INI_ENTRIES_MAX; i++)
        buf_addf(&file, "k%d =\n", i);
    struct read r = read_bytes(file.data, file.len);
    assert_int_equal(r.error, ERR_INVALID);
    assert_int_equal(r.ini->n, INI_ENTRIES_MAX);
    assert_int_equal(r.mistakes.n, 1);
    done(&r);

    buf_reset(&file);
    for (int i = 0; i <= INI_SECTIONS_MAX; i++)
        buf_addf(&file, "[s%d]\nk = 1\n", i);
    r = read_bytes(file.data, file.len);
    assert_int_equal(r.error, ERR_INVALID);
    assert_int_equal(r.ini->n_sections, INI_SECTIONS_MAX);
    assert_int_equal(r.ini->n, INI_SECTIONS_MAX);
    assert_int_equal(r.mistakes.n, 1);
    done(&r);

    buf_reset(&file);
    while (file.len <= INI_FILE_MAX)
        buf_add_text(&file, "\n");
    r = read_bytes(file.data, file.len);
    assert_int_equal(r.error, ERR_IO);
    assert_null(r.ini);
    assert_int_equal(r.mistakes.errors, 1);
    done(&r);
    buf_fini(&file);
}

static void test_files(void **state)
{
    (void)state;
    struct read r = {0};
    mistakes_init(&r.mistakes);
    assert_int_equal(ini_read(scratch_file("x.ini", 0600, "[a]\nk = 1\n"), &r.ini, &r.mistakes),
                     ERR_OK);
    assert_string_equal(value_of(&r, "a", "k"), "1");
    done(&r);

    mistakes_init(&r.mistakes);
    assert_int_equal(ini_read(scratch_path("none.ini"), &r.ini, &r.mistakes), ERR_IO);
    assert_null(r.ini);
    assert_non_null(mistake_at(&r.mistakes, 0, "No such file"));
    mistakes_fini(&r.mistakes);

    mistakes_init(&r.mistakes);
    assert_int_equal(ini_read(scratch, &r.ini, &r.mistakes), ERR_IO);
    assert_non_null(mistake_at(&r.mistakes, 0, "not an ordinary file"));
    mistakes_fini(&r.mistakes);
}

/* Whatever well-formed file is made up, what comes out is what went in. */
static void test_random_files_come_back_whole(void **state)
{
    (void)state;
    static const char *const pieces[] = {"扶", "贫", " ",  ";",  "#",        "=",       ":",  "[",
                                         "]",  "a",  "9",  "\\", "\"",       "'",       "𠮷", " ;",
                                         "\t", "%s", "((", "　", "\xC2\xA0", "\xC2\x85"};
    unsigned seed = (unsigned)getpid();
    const char *given = getenv("TEST_SEED");
    if (given != NULL)
        seed = (unsigned)strtoul(given, NULL, 10);
    print_message("TEST_SEED=%u\n", seed);
    srandom(seed);
    for (int round = 0; round < 300; round++) {
        struct buf file;
        char values[20][2000];
        int n = 1 + (int)(random() % 20);
        buf_init(&file, 1 << 20);
        buf_add_text(&file, random() % 2 ? "\xEF\xBB\xBF[s x]\r\n" : "[s x]\n");
        for (int i = 0; i < n; i++) {
            int len = (int)(random() % (random() % 8 == 0 ? 400 : 12));
            strcpy(values[i], "v"); /* the ends may be no blanks: those are trimmed by right */
            for (int k = 0; k < len; k++)
                strcat(values[i], pieces[(size_t)random() % (sizeof pieces / sizeof *pieces)]);
            strcat(values[i], "v");
            buf_addf(&file, "k%d%s=%s%s%s", i, random() % 2 ? " " : "", random() % 2 ? "\t " : "",
                     values[i], random() % 2 ? " \r\n" : "\n");
            if (random() % 4 == 0)
                buf_add_text(&file, random() % 2 ? "; = [x]\n" : "\n");
        }
        assert_int_equal(buf_check(&file), ERR_OK);
        struct read r = read_bytes(file.data, file.len);
        assert_int_equal(r.error, ERR_OK);
        assert_int_equal(r.ini->n, n);
        for (int i = 0; i < n; i++) {
            char key[16];
            snprintf(key, sizeof key, "k%d", i);
            assert_string_equal(value_of(&r, "s x", key), values[i]);
        }
        done(&r);
        buf_fini(&file);
    }
}

static int setup(void **state)
{
    (void)state;
    scratch_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_bom_and_crlf),
        cmocka_unit_test(test_long_value_is_whole),
        cmocka_unit_test(test_line_limit_is_exact),
        cmocka_unit_test(test_signs_inside_values),
        cmocka_unit_test(test_indented_lines_are_refused),
        cmocka_unit_test(test_lines_that_are_no_key),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_twice_keeps_secrets),
        cmocka_unit_test(test_section_names),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_what_inih_loses_is_told),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_random_files_come_back_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
