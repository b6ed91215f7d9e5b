/* Status in, Prometheus' text out; and docs/metrics.md names every metric. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/metrics.h"

static struct buf write_from(const char *text)
{
    struct buf out;
    json_t *status = json_loads(text, 0, NULL);
    assert_non_null(status);
    buf_init(&out, 65536);
    metrics_write(status, &out);
    json_decref(status);
    assert_false(out.failed);
    return out;
}

static void expect(const char *status, const char *line)
{
    struct buf out = write_from(status);
    if (strstr(buf_text(&out), line) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", line, buf_text(&out));
    }
    buf_fini(&out);
}

static void test_figures_become_base_units(void **state)
{
    (void)state;
    expect("{\"loop_lag_ms\": 1500}",
           "# TYPE outreach_loop_lag_seconds gauge\noutreach_loop_lag_seconds 1.5\n");
    expect("{\"redis\": {\"health\": \"ready\", \"used_memory\": 8123456789}}",
           "\noutreach_redis_used_memory_bytes 8123456789\n");
    expect("{\"redis\": {\"health\": \"ready\"}}", "\noutreach_redis_up 1\n");
    expect("{\"redis\": {\"health\": \"unreachable\"}}", "\noutreach_redis_up 0\n");
    expect("{\"webhooks\": {\"stored\": 7}}",
           "\noutreach_webhook_answers_total{answer=\"stored\"} 7\n");
    /* Records are not pushes. */
    expect("{\"webhooks\": {\"stored\": 7, \"bad_records\": 3, \"failed\": 1}}",
           "\noutreach_webhook_answers_total{answer=\"stored\"} 7\n"
           "outreach_webhook_answers_total{answer=\"failed\"} 1\n");
    expect("{\"webhooks\": {\"bad_records\": 3}}", "\noutreach_webhook_bad_records_total 3\n");
}

static void test_lines_of_one_metric_stand_together(void **state)
{
    (void)state;
    expect("{\"carriers\": [{\"name\": \"mas\", \"state\": \"running\"},"
           "{\"name\": \"b\", \"state\": \"paused\"}]}",
           "# TYPE outreach_carrier_up gauge\noutreach_carrier_up{carrier=\"mas\"} 1\n"
           "outreach_carrier_up{carrier=\"b\"} 0\n");
    expect("{\"campaigns\": [{\"id\": \"c\", \"carrier\": \"mas\", \"seq\": 3,"
           "\"counts\": {\"queued\": 5}}]}",
           "\noutreach_campaign_recipients{campaign=\"c\",carrier=\"mas\",launch=\"3\","
           "state=\"queued\"} 5\n");
}

static void test_a_bucket_counts_all_below_it(void **state)
{
    (void)state;
    expect("{\"carriers\": [{\"name\": \"mas\", \"latency_s\": {\"bounds\": [0.01, 2.5],"
           "\"counts\": [3, 2, 1], \"sum\": 9.5}}]}",
           "# TYPE outreach_carrier_request_seconds histogram\n"
           "outreach_carrier_request_seconds_bucket{carrier=\"mas\",le=\"0.01\"} 3\n"
           "outreach_carrier_request_seconds_bucket{carrier=\"mas\",le=\"2.5\"} 5\n"
           "outreach_carrier_request_seconds_bucket{carrier=\"mas\",le=\"+Inf\"} 6\n"
           "outreach_carrier_request_seconds_sum{carrier=\"mas\"} 9.5\n"
           "outreach_carrier_request_seconds_count{carrier=\"mas\"} 6\n");
}

static void test_money_of_the_ledger_is_exact(void **state)
{
    (void)state;
    static const char status[] =
        "{\"ledger\": {\"entries\": 4, \"totals\": {\"cash\": {\"pledged\":"
        "{\"count\": 2, \"fen\": 100000000000000001}, \"arrived\": {\"count\": 1,"
        "\"fen\": -5}}}}}";
    expect(status, "\noutreach_ledger_entries_total 4\n");
    expect(status, "\noutreach_ledger_amount_yuan{kind=\"cash\",measure=\"pledged\"} "
                   "1000000000000000.01\n");
    expect(status, "\noutreach_ledger_amount_yuan{kind=\"cash\",measure=\"arrived\"} -0.05\n");
    expect(status, "\noutreach_ledger_steps{kind=\"cash\",measure=\"pledged\"} 2\n");
}

static void test_label_values_are_escaped(void **state)
{
    (void)state;
    expect("{\"daemon\": \"a\\\"b\\\\c\\nd\"}", "daemon=\"a\\\"b\\\\c\\nd\"} 1\n");
}

static void test_what_is_not_known_is_left_out(void **state)
{
    (void)state;
    struct buf out = write_from("{\"redis\": {\"health\": \"unreachable\"}}");
    assert_null(strstr(buf_text(&out), "carrier_up"));
    assert_null(strstr(buf_text(&out), "used_memory"));
    buf_fini(&out);
}

static void test_the_page_names_every_metric(void **state)
{
    (void)state;
    static char page[65536];
    char wanted[128];
    const char *name;
    FILE *file = fopen(SOURCE_DIR "/docs/metrics.md", "r");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    size_t n = 0;
    for (; (name = metrics_name(n)) != NULL; n++) {
        snprintf(wanted, sizeof wanted, "| `outreach_%s` |", name);
        if (strstr(page, wanted) == NULL) {
            fail_msg("docs/metrics.md has no row %s", wanted);
        }
    }
    size_t rows = 0;
    for (const char *p = page; (p = strstr(p, "\n| `outreach_")) != NULL; p++) {
        rows++;
    }
    assert_int_equal(rows, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_become_base_units),
        cmocka_unit_test(test_lines_of_one_metric_stand_together),
        cmocka_unit_test(test_a_bucket_counts_all_below_it),
        cmocka_unit_test(test_money_of_the_ledger_is_exact),
        cmocka_unit_test(test_label_values_are_escaped),
        cmocka_unit_test(test_what_is_not_known_is_left_out),
        cmocka_unit_test(test_the_page_names_every_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
