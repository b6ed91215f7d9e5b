/* report: what each class of a report makes of its recipient. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "inbound/report.h"

static void test_every_class_has_its_state(void **state)
{
    (void)state;
    const struct {
        enum report_class class_;
        int to;
    } rows[] = {{REPORT_UNKNOWN, 0},
                {REPORT_INTERMEDIATE, 0},
                {REPORT_DELIVERED, STATE_DELIVERED},
                {REPORT_EXPIRED, STATE_EXPIRED},
                {REPORT_TEMPORARY, STATE_UNDELIVERED},
                {REPORT_PERMANENT, STATE_UNDELIVERED},
                {REPORT_BLACKLISTED, STATE_UNDELIVERED},
                {REPORT_CONTENT, STATE_UNDELIVERED},
                {REPORT_CONFIG, STATE_UNDELIVERED},
                {REPORT_QUOTA, STATE_UNDELIVERED},
                {REPORT_NO_RECEIPT, 0}};
    assert_int_equal(sizeof rows / sizeof rows[0], REPORT_CLASSES);
    for (size_t i = 0; i < REPORT_CLASSES; i++) {
        assert_int_equal(rows[i].class_, i);
        assert_int_equal(report_state(rows[i].class_), rows[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_class_has_its_state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
