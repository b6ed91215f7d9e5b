/* The table reader, on files as spreadsheet programs and people write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign/recipients.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static char directory[] = "/tmp/test_recipients.XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/list.csv", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void write_file(const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Opens the file and chooses all columns. */
static struct recipients *open_all(void)
{
    struct recipients *r = NULL;
    struct buf problem;
    size_t all[RECIPIENTS_COLUMNS_MAX];
    const char *const *names, *const *folded;
    buf_init(&problem, 2000);
    if (recipients_open(path, &r, &problem) != ERR_OK)
        fail_msg("%s", buf_text(&problem));
    for (size_t i = 0; i < RECIPIENTS_COLUMNS_MAX; i++)
        all[i] = i;
    size_t n = recipients_columns(r, &names, &folded);
    assert_int_equal(recipients_choose(r, all, n), ERR_OK);
    buf_fini(&problem);
    return r;
}

/* Writes rows as "row:cell|cell/" with "!E" or "!X" for a fault, and the sentence at the end. */
static void dump(struct recipients *r, struct buf *out)
{
    static const char *const marks[] = {"", "!E", "!X"};
    const char *const *names, *const *folded;
    size_t n = recipients_columns(r, &names, &folded);
    for (;;) {
        struct recipients_row row;
        enum recipients_step step;
        enum err error = recipients_next(r, &row, &step);
        if (error != ERR_OK) {
            assert_int_equal(error, ERR_INVALID);
            buf_addf(out, "#%s", recipients_fault_text(r));
            assert_int_equal(recipients_next(r, &row, &step), ERR_INVALID); /* and stays so */
            return;
        }
        if (step == RECIPIENTS_END)
            return;
        if (step == RECIPIENTS_NOTHING)
            continue;
        buf_addf(out, "%" PRIu64 "%s:", row.row, marks[row.fault]);
        for (size_t i = 0; i < n; i++) {
            buf_add_text(out, i > 0 ? "|" : "");
            buf_add(out, row.cells[i].len > 0 ? row.cells[i].text : "", row.cells[i].len);
        }
        buf_add_char(out, '/');
    }
}

static void check_dump(const char *bytes, size_t len, const char *expected)
{
    struct buf out;
    buf_init(&out, 100000);
    write_file(bytes, len);
    struct recipients *r = open_all();
    dump(r, &out);
    if (strcmp(buf_text(&out), expected) != 0)
        fail_msg("%s\n gives %s\n not   %s", bytes, buf_text(&out), expected);
    recipients_free(r);
    buf_fini(&out);
}

static void test_tables(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *rows;
    } cases[] = {
        {TEXT("a,b\n1,2\n3,4\n"), "2:1|2/3:3|4/"},
        {TEXT("a,b\r\n1,2\r\n3,4\r\n"), "2:1|2/3:3|4/"},
        {TEXT("a,b\r1,2\r3,4\r"), "2:1|2/3:3|4/"},
        {TEXT("a,b\n1,2"), "2:1|2/"}, /* last line without newline */
        {TEXT("a,b\n1,\"2\""), "2:1|2/"},
        {TEXT("a,b\n1,"), "2:1|/"},
        {TEXT("a,b\n"), ""},
        {TEXT("a,b"), ""},
        {TEXT("\xef\xbb\xbf"
              "a,b\n1,2\n"),
         "2:1|2/"},
        {TEXT("\xef\xbb\xbf"
              "\"a\",b\n1,2\n"),
         "2:1|2/"},
        {TEXT("a,b\n1,\"x,\"\"y\"\"\"\n"), "2:1|x,\"y\"/"},
        /* A quoted line end is no new row; blank rows are rows. */
        {TEXT("a,b\n1,\"x\r\ny\"\n3,4\n"), "2:1|x\r\ny/3:3|4/"},
        {TEXT("a,b\n\n\n1,2\n\n3,4\n\n"), "4:1|2/6:3|4/"},
        {TEXT("a,b\r\n\r\n\r\n1,2\r\n\r\n3,4"), "4:1|2/6:3|4/"},
        {TEXT("a,b\r\r1,2\r"), "3:1|2/"},
        {TEXT("a,b\n,\n\" \",　\n1,2\n"), "4:1|2/"},
        {TEXT("\n\na,b\n1,2\n"), "4:1|2/"}, /* blank rows before the header */
        {TEXT(",,\na,b\n1,2\n"), "3:1|2/"},
        {TEXT("a,b\n  \n1,2\n"), "3:1|2/"},
        /* Rows of other lengths. */
        {TEXT("a,b,c\n1\n1,2\n1,2,3\n1,2,3,\n1,2,3,,,\n1,2,3,4\n1,2,3,,x\n"),
         "2:1||/3:1|2|/4:1|2|3/5:1|2|3/6:1|2|3/7!X:1|2|3/8!X:1|2|3/"},
        {TEXT("a,b\n 1 ,\t2\t\n"), "2:1|2/"},
        /* Bytes that are not UTF-8 spoil their row only. */
        {TEXT("\xef\xbb\xbf"
              "a,b\n1,\xcd\xf5\n3,4\n"),
         "2!E:1|\xcd\xf5/3:3|4/"},
        {TEXT("\xef\xbb\xbf"
              "a,b\n1,2,\xcd\xf5\n"),
         "2!E:1|2/"},
        /* GB18030. */
        {TEXT("\xca\xd6\xbb\xfa,\xd0\xd5\xc3\xfb\n1,\xcd\xf5\xd0\xa1\xc3\xf7\n"), "2:1|王小明/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_dump(cases[i].bytes, cases[i].len, cases[i].rows);
}

static void check_breaks_off(const char *bytes, size_t len, const char *rows, const char *says)
{
    struct buf out;
    buf_init(&out, 200000);
    write_file(bytes, len);
    struct recipients *r = open_all();
    dump(r, &out);
    size_t n = strlen(rows);
    if (strncmp(buf_text(&out), rows, n) != 0 || out.data[n] != '#' ||
        strncmp(out.data + n + 1, says, strlen(says)) != 0)
        fail_msg("%s", buf_text(&out));
    recipients_free(r);
    buf_fini(&out);
}

static void test_tables_that_break_off(void **state)
{
    (void)state;
    check_breaks_off(TEXT("a,b\n1,2\n3,\"4\n5,6\n"), "2:1|2/",
                     "row 3: a quotation mark opens in this row and is never closed");
    check_breaks_off(TEXT("a,b\n1,2\n\n3,\"4"), "2:1|2/", "row 4: a quotation mark opens");
    check_breaks_off(TEXT("a,b\n1,2\n3,x\"y\n5,6\n"), "2:1|2/",
                     "row 3: the quotation marks do not pair up");
    check_breaks_off(TEXT("a,b\n1,\"2\n\n\"x,\n"), "", "row 2: the quotation marks");
    check_breaks_off(TEXT("a,b\n1,2\n3,\0004\n5,6\n"), "2:1|2/", "row 3: there is a NUL byte");
    check_breaks_off(TEXT("a,b\n1,2\n\0\n"), "2:1|2/", "row 3: there is a NUL byte");
}

/* A file of a header and one row "1,<fill><n times c>". */
static size_t make_long(char *out, const char *start, size_t n, char c)
{
    size_t len = (size_t)sprintf(out, "a,b\n7,8\n%s", start);
    memset(out + len, c, n);
    return len + n;
}

static void test_limits(void **state)
{
    (void)state;
    char *bytes = malloc(12000000);
    size_t len;
    struct buf out;

    len = make_long(bytes, "1,", RECIPIENTS_FIELD_MAX_BYTES, 'x'); /* just fits */
    buf_init(&out, 100000);
    write_file(bytes, len);
    struct recipients *r = open_all();
    dump(r, &out);
    assert_int_equal(out.len, strlen("2:7|8/3:1|/") + RECIPIENTS_FIELD_MAX_BYTES);
    recipients_free(r);
    buf_fini(&out);

    len = make_long(bytes, "1,", RECIPIENTS_FIELD_MAX_BYTES + 1, 'x');
    check_breaks_off(bytes, len, "2:7|8/", "row 3: a cell is longer than 8192 bytes");
    len = make_long(bytes, "1,", 10000000, 'x'); /* a single line of 10 MB */
    check_breaks_off(bytes, len, "2:7|8/", "row 3: a cell is longer than 8192 bytes");
    len = make_long(bytes, "1,\"", 100000, '\n');
    check_breaks_off(bytes, len, "2:7|8/",
                     "row 3: a cell is longer than 8192 bytes; perhaps its quotation mark is "
                     "never closed");
    len = make_long(bytes, "1", 10000000, ',');
    check_breaks_off(bytes, len, "2:7|8/", "row 3: the row is longer than 65536 bytes");
    len = make_long(bytes, "1", 60000, ','); /* empty cells, however many, are nothing */
    bytes[len++] = '\n';
    check_dump(bytes, len, "2:7|8/3:1|/");

    /* Eight cells of 8 KiB are just too many. */
    len = make_long(bytes, "", 0, ' ');
    for (int i = 0; i < 8; i++) {
        memset(bytes + len, 'y', RECIPIENTS_FIELD_MAX_BYTES);
        len += RECIPIENTS_FIELD_MAX_BYTES;
        bytes[len++] = ',';
    }
    check_breaks_off(bytes, len, "2:7|8/", "row 3: the row is longer than 65536 bytes");
    free(bytes);
}

/* Long rows one after the other: the arena is compacted again and again. */
static void test_long_rows_in_a_row(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, 4000000);
    buf_add_text(&bytes, "a,b,c,d\n");
    for (int i = 0; i < 40; i++) {
        for (int j = 0; j < 4; j++) {
            for (int k = 0; k < 1000 + i * 150; k++)
                buf_add_char(&bytes, (char)('a' + (i + j) % 26));
            buf_add_char(&bytes, j < 3 ? ',' : '\n');
        }
    }
    write_file(bytes.data, bytes.len);
    struct recipients *r = open_all();
    for (int i = 0; i < 40;) {
        struct recipients_row row;
        enum recipients_step step;
        assert_int_equal(recipients_next(r, &row, &step), ERR_OK);
        assert_int_not_equal(step, RECIPIENTS_END);
        if (step == RECIPIENTS_NOTHING)
            continue;
        assert_int_equal(row.row, i + 2);
        for (int j = 0; j < 4; j++) {
            assert_int_equal(row.cells[j].len, 1000 + i * 150);
            for (size_t k = 0; k < row.cells[j].len; k++)
                assert_int_equal(row.cells[j].text[k], 'a' + (i + j) % 26);
        }
        i++;
    }
    recipients_free(r);
    buf_fini(&bytes);
}

static void test_header_names(void **state)
{
    (void)state;
    const char *const *names, *const *folded;
    write_file(TEXT("\xef\xbb\xbf 手机 ,ＮＡＭＥ,\"a\n b\",,金额（元）\r\n1\r\n"));
    struct recipients *r = open_all();
    assert_int_equal(recipients_columns(r, &names, &folded), 5);
    assert_string_equal(names[0], "手机");
    assert_string_equal(names[1], "ＮＡＭＥ");
    assert_string_equal(folded[1], "name");
    assert_string_equal(names[2], "a\n b");
    assert_string_equal(names[3], "");
    assert_string_equal(folded[4], "金额(元)");
    assert_string_equal(recipients_encoding(r), "UTF-8");
    recipients_free(r);
}

static void test_chosen_columns_in_any_order(void **state)
{
    (void)state;
    struct recipients *r = NULL;
    struct buf problem;
    struct recipients_row row;
    enum recipients_step step;
    buf_init(&problem, 1000);
    write_file(TEXT("a,b,c\n1,2,3\n4\n"));
    assert_int_equal(recipients_open(path, &r, &problem), ERR_OK);
    assert_int_equal(recipients_choose(r, (const size_t[]){2, 0}, 2), ERR_OK);
    assert_int_equal(recipients_next(r, &row, &step), ERR_OK);
    assert_int_equal(row.cells[0].text[0], '3');
    assert_int_equal(row.cells[1].text[0], '1');
    assert_int_equal(recipients_next(r, &row, &step), ERR_OK);
    assert_int_equal(row.cells[0].len, 0);
    assert_int_equal(row.cells[1].text[0], '4');
    recipients_free(r);
    buf_fini(&problem);
}

static void check_refused(const char *bytes, size_t len, enum err expected, const char *says)
{
    struct recipients *r = NULL;
    struct buf problem;
    buf_init(&problem, 2000);
    if (bytes != NULL)
        write_file(bytes, len);
    assert_int_equal(recipients_open(path, &r, &problem), expected);
    assert_null(r);
    if (strstr(buf_text(&problem), says) == NULL)
        fail_msg("%s", buf_text(&problem));
    buf_fini(&problem);
}

static void test_refused_files(void **state)
{
    (void)state;
    char wide[1000] = "";
    for (int i = 0; i < RECIPIENTS_COLUMNS_MAX; i++)
        strcat(wide, "c,");
    check_refused(TEXT(""), ERR_INVALID, "empty");
    check_refused(TEXT("\xef\xbb\xbf"), ERR_INVALID, "empty");
    check_refused(TEXT("\n\r\n , \n"), ERR_INVALID, "empty");
    check_refused(wide, strlen(wide), ERR_INVALID, "row 1: the table has more than 256 columns");
    check_refused(TEXT("\xff\xfe\x4b\x62"), ERR_INVALID, "UTF-16");
    check_refused(TEXT("PK\x03\x04......"), ERR_INVALID, ".xlsx");
    check_refused(TEXT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), ERR_INVALID, ".xls");
    check_refused(TEXT("a,b\n\"1\n2\",\n3,\xff\n"), ERR_INVALID, "row 3: the text is neither");
    check_refused(TEXT("a,b\r\n1\r\n3,\xff\n"), ERR_INVALID, "row 3: the text is neither");
    check_refused(TEXT("\xef\xbb\xbf"
                       "a,\xff\n"),
                  ERR_INVALID, "row 1: the header is not UTF-8");
    check_refused(TEXT("a,\"b\n1,2\n"), ERR_INVALID, "row 1: a quotation mark opens");
    check_refused(TEXT("a,b\"\n1,2\n"), ERR_INVALID, "row 1: the quotation marks");
    check_refused(TEXT("a\0,b\n1,2\n"), ERR_INVALID, "row 1: there is a NUL");
    unlink(path);
    check_refused(NULL, 0, ERR_IO, "No such file");
    assert_int_equal(mkfifo(path, 0600), 0); /* must not block */
    check_refused(NULL, 0, ERR_IO, "not a file");
    unlink(path);
    recipients_free(NULL);
}

/* The encoding shows late, in the first row that is not ASCII. */
static void test_late_encoding(void **state)
{
    (void)state;
    struct buf bytes, out;
    buf_init(&bytes, 4000000);
    buf_init(&out, 4000000);
    buf_add_text(&bytes, "phone,name\n");
    while (bytes.len < 1000000)
        buf_addf(&bytes, "%011zu,x\n", bytes.len);
    buf_add_text(&bytes, "1,\xcd\xf5\n");
    write_file(bytes.data, bytes.len);
    struct recipients *r = open_all();
    assert_string_equal(recipients_encoding(r), "GB18030");
    dump(r, &out);
    assert_string_equal(out.data + out.len - strlen("1|王/"), "1|王/");
    recipients_free(r);

    buf_add_text(&bytes, "2,\xff\n"); /* behind 256 KiB neither: still within the look */
    write_file(bytes.data, bytes.len);
    check_refused(NULL, 0, ERR_INVALID, "the text is neither UTF-8 nor GB18030");
    buf_fini(&bytes);
    buf_fini(&out);
}

/* Behind the look a fault spoils its row, not the file; and the row number is right. */
static void test_fault_behind_the_look(void **state)
{
    (void)state;
    static const struct {
        const char *row, *broken;
    } cases[] = {{"13800138000,王小明\n", "1,\xcd\xf5\n"},
                 {"13800138000,\xcd\xf5\xd0\xa1\xc3\xf7\n", "1,\xff\n"}};
    for (size_t i = 0; i < 2; i++) {
        struct buf bytes, out;
        char expected[64];
        size_t rows = 1;
        buf_init(&bytes, 4000000);
        buf_init(&out, 4000000);
        buf_add_text(&bytes, "phone,name\n");
        for (; bytes.len < 600000; rows++)
            buf_add_text(&bytes, cases[i].row);
        buf_add_text(&bytes, cases[i].broken);
        buf_add_text(&bytes, "2,x\n");
        write_file(bytes.data, bytes.len);
        struct recipients *r = open_all();
        dump(r, &out);
        snprintf(expected, sizeof expected, "%zu!E:1|", rows + 1);
        assert_non_null(strstr(out.data, expected));
        snprintf(expected, sizeof expected, "%zu:2|x/", rows + 2);
        assert_string_equal(out.data + out.len - strlen(expected), expected);
        recipients_free(r);
        buf_fini(&bytes);
        buf_fini(&out);
    }
}

/* The same table, with the boundary of a read block and a slice at every place of a row. */
static void test_block_boundaries(void **state)
{
    (void)state;
    static const char *const row = "7,\"王\"\"小\r\n明\"\r\n";
    for (size_t shift = 0; shift < 2 * strlen(row); shift++) {
        struct buf bytes, out;
        buf_init(&bytes, 200000);
        buf_init(&out, 400000);
        buf_add_text(&bytes, "a,b\r\n");
        for (size_t i = 0; i < shift; i++)
            buf_add_char(&bytes, 'x');
        buf_add_text(&bytes, "\r\n");
        while (bytes.len < 140000)
            buf_add_text(&bytes, row);
        size_t rows = (bytes.len - 7 - shift) / strlen(row);
        write_file(bytes.data, bytes.len);
        struct recipients *r = open_all();
        for (size_t given = 0;;) {
            struct recipients_row got;
            enum recipients_step step;
            assert_int_equal(recipients_next(r, &got, &step), ERR_OK);
            if (step == RECIPIENTS_END) {
                assert_int_equal(given, rows + (shift > 0));
                break;
            }
            if (step == RECIPIENTS_NOTHING || (given++ == 0 && shift > 0))
                continue;
            assert_int_equal(got.row, given + 1 + (shift == 0));
            assert_int_equal(got.cells[1].len, strlen("王\"小\r\n明"));
            assert_memory_equal(got.cells[1].text, "王\"小\r\n明", got.cells[1].len);
        }
        recipients_free(r);
        buf_fini(&bytes);
        buf_fini(&out);
    }
}

static void test_a_file_that_changes_meanwhile(void **state)
{
    (void)state;
    struct recipients_row row;
    enum recipients_step step;
    enum err error;
    size_t rows = 0;
    write_file(TEXT("a\n1\n2\n"));
    struct recipients *r = open_all();
    FILE *file = fopen(path, "a");
    fputs("3\n", file);
    fclose(file);
    while ((error = recipients_next(r, &row, &step)) == ERR_OK && step != RECIPIENTS_END)
        rows += step == RECIPIENTS_ROW;
    assert_int_equal(error, ERR_IO);
    assert_non_null(strstr(recipients_fault_text(r), "changed while it was read"));
    assert_int_equal(rows, 3);
    recipients_free(r);
}

static void test_progress(void **state)
{
    (void)state;
    uint64_t read_bytes, all_bytes;
    struct buf out;
    buf_init(&out, 1000);
    write_file(TEXT("\xef\xbb\xbf"
                    "a\n1\n"));
    struct recipients *r = open_all();
    dump(r, &out);
    recipients_progress(r, &read_bytes, &all_bytes);
    assert_int_equal(read_bytes, 7);
    assert_int_equal(all_bytes, 7);
    recipients_free(r);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_tables_that_break_off),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_rows_in_a_row),
        cmocka_unit_test(test_header_names),
        cmocka_unit_test(test_chosen_columns_in_any_order),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_late_encoding),
        cmocka_unit_test(test_fault_behind_the_look),
        cmocka_unit_test(test_block_boundaries),
        cmocka_unit_test(test_a_file_that_changes_meanwhile),
        cmocka_unit_test(test_progress),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
