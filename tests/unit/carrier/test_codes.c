#include "carrier/codes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define SHIPPED SOURCE_DIR "/config/codes/cloudmas.ini"

/* Every code of carrier-apis.md 2.4 and 2.5, by class. What the published tables contradict each
 * other about is never permanent: nobody is written off on one province's word. */
static const struct {
    enum report_class class_;
    const char *codes;
} known[] = {
    {REPORT_DELIVERED, "DELIVRD"},
    {REPORT_INTERMEDIATE, "CM:0000 CM:3000 ACCEPTD"},
    {REPORT_CONFIG, "CM:1004 CM:1005 CM:1006 CM:3007 CM:4001 CM:4002 CM:4005 CM:4006 CM:4007 "
                    "CM:4008 CM:4009 DB:0140 ID:0140 "
                    "ID:0012 ID:0013 ID:0043"},
    {REPORT_CONTENT,
     "CM:4003 CM:4004 CM:8001 CM:8002 ID:0318 ID:0076 DB:0151 ID:0111 KEYWORD SIGFAIL NOTITLE"},
    {REPORT_BLACKLISTED, "CM:8003 CM:8004 DB:0141 DB:0144 DB:0145 DB:0146 ID:0141 ID:0069 MB:1077 "
                         "MA:0001 MA:0023 BLACK MBBLACK "
                         "TDBLACK tuiding"},
    {REPORT_QUOTA, "CM:4010 CM:8005 CM:8007 DB:0139 ID:0139 ID:0044 DB:0142 DB:0143 ID:0045 "
                   "ID:0046 ID:0047 ID:0048 ID:0049 "
                   "ID:0142 ID:0143"},
    {REPORT_NO_RECEIPT, "CM:9999 GW:9999 UNKNOWN MC:0001 MC:0151 MC:0055 IC:0001 IC:0151 ID:0055"},
    {REPORT_PERMANENT, "REJECTD MK:0001 DB:0100 DB:0101 ID:0100 ID:0101 CB:0001 CB:0053 ID:0021"},
    {REPORT_EXPIRED, "EXPIRED MI:0010 MI:0024 MI:0042 MI:0076 MI:0082 MI:0017 MI:0208"},
    {REPORT_TEMPORARY, "CM:8006 UNDELIV DELETED MK:0000 MK:0012 MN:0001 MI:0073 DB:0102 DB:0103 "
                       "ID:0102 ID:0103 ID:0020 MK:0004 "
                       "MK:0005 MK:0013 MI:0013 MI:0054 MI:0059 MI:0072 MK:0010 MK:0023 MK:0024 "
                       "MB:1042 MK:0008 MK:0009 MK:0017 "
                       "MK:0208 DB:0010 IB:0008 ID:0008 ID:0311 MB:1070 MK:0018 MK:0061 MK:0062 "
                       "MA:0051 MA:0052 MA:0053 MA:0054 "
                       "DA:0051 DA:0052 DA:0053 DA:0054"},
};

static void the_shipped_table_knows_every_code(void **state)
{
    (void)state;
    struct mistakes mistakes;
    struct codes *codes = NULL;
    mistakes_init(&mistakes);
    assert_int_equal(codes_load(SHIPPED, &codes, &mistakes), ERR_OK);
    assert_int_equal(mistakes.n, 0);
    size_t n = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char all[1024], *rest = all, *code;
        snprintf(all, sizeof all, "%s", known[i].codes);
        while ((code = strsep(&rest, " ")) != NULL) {
            n++;
            if (codes_class(codes, code) != known[i].class_)
                fail_msg("%s is %s", code, report_class_word(codes_class(codes, code)));
            assert_true(strlen(codes_meaning(codes, code)) > 0);
            assert_true(strlen(codes_meaning_en(codes, code)) > 0);
        }
    }
    assert_int_equal(codes_count(codes), n); /* and none that this list does not have */
    codes_free(codes);
    mistakes_fini(&mistakes);
}

static struct codes *load(const char *text, struct mistakes *mistakes, enum err expected)
{
    struct codes *codes = NULL;
    mistakes_init(mistakes);
    assert_int_equal(codes_load_bytes("codes.ini", text, strlen(text), &codes, mistakes), expected);
    assert_int_equal(codes == NULL, expected != ERR_OK);
    return codes;
}

static void case_does_not_matter_and_unknown_is_unknown(void **state)
{
    (void)state;
    struct mistakes mistakes;
    struct codes *codes = load("[mk:0001]\nclass = permanent\nmeaning = 空号\n[DELIVRD]\nclass = "
                               "delivered\nmeaning = 已送达\n",
                               &mistakes, ERR_OK);
    assert_int_equal(codes_class(codes, "MK:0001"), REPORT_PERMANENT);
    assert_int_equal(codes_class(codes, "delivrd"), REPORT_DELIVERED);
    assert_string_equal(codes_meaning(codes, "Mk:0001"), "空号");
    assert_string_equal(codes_meaning_en(codes, "MK:0001"), "");
    assert_int_equal(codes_class(codes, "MK:0002"), REPORT_UNKNOWN);
    assert_int_equal(codes_class(codes, ""), REPORT_UNKNOWN);
    assert_string_equal(codes_meaning(codes, "MK:0002"), "");
    codes_free(codes);
    mistakes_fini(&mistakes);
    codes = load("", &mistakes, ERR_OK);
    assert_int_equal(codes_count(codes), 0);
    assert_int_equal(codes_class(codes, "MK:0001"), REPORT_UNKNOWN);
    codes_free(codes);
    mistakes_fini(&mistakes);
    codes_free(NULL);
}

static void every_mistake_is_told(void **state)
{
    (void)state;
    struct mistakes mistakes;
    load("[A]\n"
         "class = temporery\n" /* 2 */
         "meaning = x\n"
         "[B]\n" /* 4: no class */
         "meaning = x\n"
         "[C]\n" /* 6: no meaning */
         "class = quota\n"
         "[D]\n"
         "class = unknown\n" /* 9: may not be said */
         "meaning = x\n"
         "meening_en = x\n" /* 11 */
         "[d]\n"            /* 12: as line 8 */
         "class = quota\n"
         "meaning = x\n"
         "[A]\n" /* 15: again */
         "class = quota\n"
         "nonsense\n", /* 17 */
         &mistakes, ERR_INVALID);
    static const unsigned lines[] = {2, 4, 6, 9, 11, 12, 15, 17};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        size_t found = 0;
        for (size_t k = 0; k < mistakes.n; k++)
            found += mistakes.items[k].line == lines[i];
        if (found == 0)
            fail_msg("nothing about line %u", lines[i]);
    }
    for (size_t k = 0; k < mistakes.n; k++) {
        if (mistakes.items[k].line == 2)
            assert_string_equal(mistakes.items[k].nearest, "temporary");
        if (mistakes.items[k].line == 11)
            assert_string_equal(mistakes.items[k].nearest, "meaning_en");
    }
    mistakes_fini(&mistakes);
}

static void a_missing_file_is_an_error(void **state)
{
    (void)state;
    struct mistakes mistakes;
    struct codes *codes = NULL;
    mistakes_init(&mistakes);
    assert_int_equal(codes_load(SOURCE_DIR "/config/codes/none.ini", &codes, &mistakes), ERR_IO);
    assert_null(codes);
    assert_int_equal(mistakes.errors, 1);
    mistakes_fini(&mistakes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_table_knows_every_code),
        cmocka_unit_test(case_does_not_matter_and_unknown_is_unknown),
        cmocka_unit_test(every_mistake_is_told),
        cmocka_unit_test(a_missing_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
