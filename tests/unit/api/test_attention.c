/* The sentences for the operator at 3 a.m.: each fault gives one, with the command that helps; a
 * healthy daemon gives none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "api/attention.h"

#define CHINA 480
#define NINE_MS INT64_C(1792198800000) /* 2026-10-17 09:00 in China */

static json_t *healthy(void)
{
    return json_pack("{s:{s:s, s:s, s:i, s:i}, s:[{s:s, s:s, s:s, s:i, s:i}], s:[{s:s, s:s, s:n, "
                     "s:{s:i}, s:s}], "
                     "s:[{s:s, s:s, s:s}], s:[], s:n, s:i}",
                     "redis", "health", "ready", "sentence", "", "used_memory", 10, "maxmemory",
                     100, "carriers", "name", "mas", "state", "running", "route_fault", "",
                     "unknown_codes", 0, "parked", 0, "campaigns", "id", "c", "state", "sending",
                     "waiting", "counts", "ambiguous", 0, "changed_at", "2026-10-17T08:59:00+08:00",
                     "daemons", "id", "d1", "host", "h", "seen_at", "2026-10-17T08:59:57+08:00",
                     "imports", "last_reload", "loop_lag_ms", 12);
}

static json_t *first(json_t *status, const char *array)
{
    return json_array_get(json_object_get(status, array), 0);
}

/* Exactly one sentence, and it holds each of the words. */
static void assert_says(json_t *status, const char *const *words)
{
    json_t *lines = attention_lines(status, NINE_MS, CHINA);
    assert_int_equal(json_array_size(lines), 1);
    const char *line = json_string_value(json_array_get(lines, 0));
    for (; *words != NULL; words++) {
        if (strstr(line, *words) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", line, *words);
        }
    }
    json_decref(lines);
    json_decref(status);
}
#define SAYS(status, ...) assert_says(status, (const char *const[]){__VA_ARGS__, NULL})

static void set(json_t *object, const char *key, const char *value)
{
    json_object_set_new(object, key, json_string(value));
}

static void test_healthy(void **state)
{
    (void)state;
    json_t *status = healthy(), *lines = attention_lines(status, NINE_MS, CHINA);
    assert_int_equal(json_array_size(lines), 0);
    json_decref(lines);
    json_decref(status);
}

static void test_redis(void **state)
{
    (void)state;
    json_t *status = healthy();
    set(json_object_get(status, "redis"), "health", "unreachable");
    set(json_object_get(status, "redis"), "sentence", "connection refused");
    SAYS(status, "Redis is unreachable", "connection refused", "503");
    status = healthy();
    json_object_set_new(json_object_get(status, "redis"), "used_memory", json_integer(80));
    SAYS(status, "80 %", "maxmemory");
}

static void test_carrier(void **state)
{
    (void)state;
    json_t *status = healthy(), *carrier = first(status, "carriers");
    set(carrier, "state", "stopped");
    set(carrier, "reason", "IllegalMac");
    set(carrier, "since", "2026-10-17T08:00:00+08:00");
    SAYS(status, "mas stopped", "IllegalMac", "1h", "campaign test",
         "outreachctl carrier resume mas");
    status = healthy();
    carrier = first(status, "carriers");
    set(carrier, "state", "stopped");
    set(carrier, "resume_at", "2026-10-18T00:05:00+08:00");
    SAYS(status, "by itself", "2026-10-18T00:05:00+08:00");
    status = healthy();
    carrier = first(status, "carriers");
    set(carrier, "state", "paused");
    set(carrier, "actor", "clerk1");
    SAYS(status, "clerk1", "outreachctl carrier resume mas");
    status = healthy();
    set(first(status, "carriers"), "route_fault", "connection refused");
    SAYS(status, "cannot be reached", "connection refused");
    status = healthy();
    json_object_set_new(first(status, "carriers"), "unknown_codes", json_integer(3));
    set(first(status, "carriers"), "last_unknown_code", "XX:9");
    SAYS(status, "3 reports", "XX:9", "outreachctl reload");
    status = healthy();
    json_object_set_new(first(status, "carriers"), "contradictions", json_integer(2));
    SAYS(status, "2 reports");
}

static void test_acts_missing_in_the_audit(void **state)
{
    (void)state;
    json_t *status = healthy();
    json_object_set_new(status, "audit_lost", json_integer(2));
    SAYS(status, "2 acts", "audit_lost");
}

static void test_messages_owed_to_donors(void **state)
{
    (void)state;
    json_t *status = healthy();
    json_object_set_new(status, "receipts_waiting",
                        json_pack("{s:i, s:s, s:s, s:s}", "n", 3, "since",
                                  "2026-10-17T07:00:00+08:00", "campaign", "oct17", "reason",
                                  "this daemon has no definition of the campaign"));
    SAYS(status, "3 messages", "2h", "oct17", "no definition");
    status = healthy();
    json_object_set_new(
        status, "receipts_waiting",
        json_pack("{s:i, s:s, s:s, s:s}", "n", 0, "since", "", "campaign", "", "reason", ""));
    json_t *lines = attention_lines(status, NINE_MS, CHINA);
    assert_int_equal(json_array_size(lines), 0);
    json_decref(lines);
    json_decref(status);
}

static void test_replies_that_wait(void **state)
{
    (void)state;
    json_t *status = healthy();
    json_object_set_new(status, "replies_waiting",
                        json_pack("{s:i, s:s, s:s, s:s}", "n", 1, "since",
                                  "2026-10-17T07:00:00+08:00", "campaign", "oct17", "reason", "x"));
    SAYS(status, "1 reply waits", "2h", "oct17", "definition is missing");
}

static void test_parked_only_when_old(void **state)
{
    (void)state;
    json_t *status = healthy();
    json_object_set_new(first(status, "carriers"), "parked", json_integer(5));
    set(first(status, "carriers"), "parked_oldest", "2026-10-17T07:00:00+08:00");
    SAYS(status, "5 reports", "2h");
    status = healthy();
    json_object_set_new(first(status, "carriers"), "parked", json_integer(5));
    set(first(status, "carriers"), "parked_oldest", "2026-10-17T08:59:00+08:00");
    json_t *lines = attention_lines(status, NINE_MS, CHINA);
    assert_int_equal(json_array_size(lines), 0);
    json_decref(lines);
    json_decref(status);
}

static void test_campaign(void **state)
{
    (void)state;
    json_t *status = healthy(), *campaign = first(status, "campaigns");
    set(campaign, "state", "missed");
    SAYS(status, "waits for a decision", "campaign resume c", "campaign cancel c");
    status = healthy();
    campaign = first(status, "campaigns");
    set(campaign, "state", "paused");
    json_object_set_new(campaign, "waiting",
                        json_pack("{s:s}", "reason", "paused by clerk1: wrong number"));
    SAYS(status, "wrong number", "campaign resume c");
    status = healthy();
    set(first(status, "campaigns"), "state", "importing");
    SAYS(status, "broken off", "campaign launch c");
    status = healthy();
    campaign = first(status, "campaigns");
    json_object_set_new(json_object_get(campaign, "counts"), "ambiguous", json_integer(7));
    set(campaign, "ambiguous_since", "2026-10-17T06:00:00+08:00");
    SAYS(status, "7 recipients", "3h", "campaign resolve c");
}

static void test_the_rest(void **state)
{
    (void)state;
    json_t *status = healthy();
    set(first(status, "daemons"), "seen_at", "2026-10-17T08:50:00+08:00");
    SAYS(status, "d1", "10m");
    status = healthy();
    json_object_set_new(status, "last_reload", json_pack("{s:b}", "ok", 0));
    SAYS(status, "reload was refused", "outreachctl check");
    status = healthy();
    json_object_set_new(status, "loop_lag_ms", json_integer(900));
    SAYS(status, "900 ms");
    status = healthy();
    json_array_append_new(
        json_object_get(status, "imports"),
        json_pack("{s:s, s:s, s:s}", "id", "x", "phase", "failed", "reason", "nobody"));
    SAYS(status, "x was not launched: nobody");
    status = healthy();
    json_array_append_new(json_object_get(status, "imports"),
                          json_pack("{s:s, s:s, s:s, s:b}", "id", "x", "phase", "failed", "reason",
                                    "nobody", "refused", 1));
    json_t *lines = attention_lines(status, NINE_MS, CHINA);
    assert_int_equal(json_array_size(lines), 0);
    json_decref(lines);
    json_decref(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_healthy),
        cmocka_unit_test(test_redis),
        cmocka_unit_test(test_carrier),
        cmocka_unit_test(test_messages_owed_to_donors),
        cmocka_unit_test(test_replies_that_wait),
        cmocka_unit_test(test_parked_only_when_old),
        cmocka_unit_test(test_acts_missing_in_the_audit),
        cmocka_unit_test(test_campaign),
        cmocka_unit_test(test_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
