#include "carrier/carrier.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "carrier/codes.h"

static void drivers_are_found_by_name(void **state)
{
    (void)state;
    const char *const *names;
    size_t n = carrier_driver_names(&names);
    assert_true(n >= 1);
    for (size_t i = 0; i < n; i++) {
        const struct carrier_driver *driver = carrier_driver(names[i]);
        assert_non_null(driver);
        assert_string_equal(driver->name, names[i]);
        assert_true(driver->batch_max_same > 0 && driver->batch_max_personal > 0);
        assert_non_null(driver->content_type);
        assert_non_null(driver->ack_body);
        assert_non_null(driver->ack_content_type);
    }
    assert_null(carrier_driver("CloudMAS"));
    assert_null(carrier_driver(""));
}

static void only_proof_is_not_sent(void **state)
{
    (void)state;
    static const int before_first_byte[] = {5, 6, 7, 28, 35, 42, 60, 77};
    for (size_t i = 0; i < sizeof before_first_byte / sizeof before_first_byte[0]; i++) {
        assert_int_equal(carrier_transport_outcome(before_first_byte[i], false), OUTCOME_NOT_SENT);
        assert_int_equal(carrier_transport_outcome(before_first_byte[i], true), OUTCOME_AMBIGUOUS);
    }
    static const int after[] = {0, 8, 16, 18, 23, 26, 52, 55, 56, 61, 65, 92};
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        assert_int_equal(carrier_transport_outcome(after[i], true), OUTCOME_AMBIGUOUS);
        /* A contradiction proves nothing. */
        assert_int_equal(carrier_transport_outcome(after[i], false), OUTCOME_AMBIGUOUS);
    }
}

/* The operator's table wins; then the driver's words; then what the daemon wrote itself. */
static void a_code_has_one_meaning(void **state)
{
    (void)state;
    static const char table[] = "[NoSignId]\nclass = config\nmeaning = 本省的说法\n"
                                "[MK:0001]\nclass = permanent\nmeaning = 空号\n";
    struct mistakes mistakes;
    struct codes *codes;
    mistakes_init(&mistakes);
    assert_int_equal(codes_load_bytes("/t.ini", table, sizeof table - 1, &codes, &mistakes),
                     ERR_OK);
    const struct carrier_driver *driver = carrier_driver("cloudmas");
    assert_string_equal(carrier_meaning(driver, codes, "MK:0001"), "空号");
    assert_string_equal(carrier_meaning(driver, codes, "NoSignId"), "本省的说法");
    assert_string_equal(carrier_meaning(driver, codes, "InvalidMobile"), "号码无效");
    assert_non_null(strstr(carrier_meaning(driver, codes, CARRIER_CODE_OPERATOR), "操作人员决定"));
    assert_true(strlen(carrier_meaning(driver, codes, CARRIER_CODE_FORM)) > 0);
    assert_true(strlen(carrier_meaning(driver, codes, "HTTP 502")) > 0);
    assert_string_equal(carrier_meaning(driver, codes, "XX:9999"), "");
    assert_string_equal(carrier_meaning(driver, codes, ""), "");
    /* a carrier that is not configured any more */
    assert_string_equal(carrier_meaning(NULL, NULL, "InvalidMobile"), "");
    assert_true(strlen(carrier_meaning(NULL, NULL, CARRIER_CODE_OPERATOR)) > 0);
    codes_free(codes);
    mistakes_fini(&mistakes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drivers_are_found_by_name),
        cmocka_unit_test(only_proof_is_not_sent),
        cmocka_unit_test(a_code_has_one_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
