#include "sms/outcome.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_only_acceptance_and_doubt_are_no_refusal(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        assert_int_equal(outcome_is_refusal((enum outcome)i),
                         i != OUTCOME_ACCEPTED && i != OUTCOME_AMBIGUOUS);
}

static void test_outcome_words_differ(void **state)
{
    (void)state;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        assert_non_null(outcome_word((enum outcome)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(outcome_word((enum outcome)i), outcome_word((enum outcome)j));
    }
    assert_string_equal(outcome_word(OUTCOME_ACCEPTED), "accepted");
    assert_string_equal(outcome_word(OUTCOME_REJECT_RECIPIENT), "reject_recipient");
    assert_string_equal(outcome_word(OUTCOME_AMBIGUOUS), "ambiguous");
}

static void test_class_words_go_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < REPORT_CLASSES; i++) {
        enum report_class parsed = REPORT_CLASSES;
        assert_true(report_class_parse(report_class_word((enum report_class)i), &parsed));
        assert_int_equal(parsed, i);
    }
    enum report_class untouched = REPORT_QUOTA;
    assert_false(report_class_parse("Delivered", &untouched));
    assert_false(report_class_parse("", &untouched));
    assert_int_equal(untouched, REPORT_QUOTA);
}

/* A resend to one of these must be impossible: reached, perhaps reached, or refusing us. */
static void test_never_temporary(void **state)
{
    (void)state;
    static const enum report_class never[] = {
        REPORT_UNKNOWN,     REPORT_INTERMEDIATE, REPORT_DELIVERED, REPORT_PERMANENT,
        REPORT_BLACKLISTED, REPORT_CONTENT,      REPORT_CONFIG,    REPORT_NO_RECEIPT,
    };
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_false(report_class_is_temporary(never[i]));
    assert_true(report_class_is_temporary(REPORT_TEMPORARY));
    assert_true(report_class_is_temporary(REPORT_EXPIRED));
    assert_true(report_class_is_temporary(REPORT_QUOTA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_acceptance_and_doubt_are_no_refusal),
        cmocka_unit_test(test_outcome_words_differ),
        cmocka_unit_test(test_class_words_go_both_ways),
        cmocka_unit_test(test_never_temporary),
    };
    return cmocka_run_group_tests_name("sms/outcome", tests, NULL, NULL);
}
