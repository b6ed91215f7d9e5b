/* Log lines become fields of the journal. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/logfields.h"

static struct logfields read_line(const char *subject, const char *text)
{
    struct logfields fields;
    buf_init(&fields.text, 65536);
    assert_int_equal(logfields_read(subject, text, &fields), ERR_OK);
    return fields;
}

static const char *field(const struct logfields *fields, const char *name)
{
    const char *at = fields->text.data;
    for (size_t i = 0; i < fields->n; i++, at += strlen(at) + 1) {
        size_t len = strlen(name);
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            return at + len + 1;
        }
    }
    return NULL;
}

static void test_keys_become_fields(void **state)
{
    (void)state;
    struct logfields fields = read_line("carrier/mas", "event=settled campaign=spring chunk=3");
    assert_string_equal(field(&fields, "SUBJECT"), "carrier/mas");
    assert_string_equal(field(&fields, "CARRIER"), "mas");
    assert_string_equal(field(&fields, "EVENT"), "settled");
    assert_string_equal(field(&fields, "CAMPAIGN"), "spring");
    assert_string_equal(field(&fields, "CHUNK"), "3");
    assert_int_equal(fields.n, 5);
    buf_fini(&fields.text);
}

static void test_quoted_values_are_whole(void **state)
{
    (void)state;
    char quoted[64], text[128];
    log_quote("he said \"no\\\" twice", quoted, sizeof quoted);
    snprintf(text, sizeof text, "reason=%s code=7", quoted);
    struct logfields fields = read_line("redis", text);
    assert_string_equal(field(&fields, "REASON"), "he said \"no\\\" twice");
    assert_string_equal(field(&fields, "CODE"), "7");
    assert_null(field(&fields, "CARRIER"));
    buf_fini(&fields.text);
}

/* Fields with an underscore are the journal's own, to be trusted. */
static void test_no_line_can_forge_a_trusted_field(void **state)
{
    (void)state;
    struct logfields fields = read_line("daemon", "_PID=1 event=x 9a=b =c words");
    assert_null(field(&fields, "_PID"));
    assert_int_equal(fields.n, 2);
    buf_fini(&fields.text);
}

static void test_many_pairs_and_open_quotes_end(void **state)
{
    (void)state;
    char text[1024] = "";
    for (int i = 0; i < 60; i++) {
        strcat(text, "key=value ");
    }
    struct logfields fields = read_line("daemon", text);
    assert_int_equal(fields.n, LOGFIELDS_MAX);
    buf_fini(&fields.text);
    fields = read_line("daemon", "reason=\"never closed");
    assert_string_equal(field(&fields, "REASON"), "never closed");
    buf_fini(&fields.text);
}

static void test_an_event_keeps_its_id(void **state)
{
    (void)state;
    char one[LOGFIELDS_ID_SIZE], other[LOGFIELDS_ID_SIZE];
    logfields_message_id("stopped", one);
    logfields_message_id("started", other);
    assert_string_not_equal(one, other);
    /* printf 'outreachd event stopped' | sha256sum | head -c 32 */
    assert_string_equal(one, "1dd81f090e4347088de0f83a41451451");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_become_fields),
        cmocka_unit_test(test_quoted_values_are_whole),
        cmocka_unit_test(test_no_line_can_forge_a_trusted_field),
        cmocka_unit_test(test_many_pairs_and_open_quotes_end),
        cmocka_unit_test(test_an_event_keeps_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
