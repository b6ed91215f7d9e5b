/* What people read, made from the JSON of the daemon. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ctl/show.h"
#include "ctl/table.h"

static json_t *campaign(const char *state, int queued, int inflight, int accepted, int delivered)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:{s:i, s:i, s:i, s:i, s:i}, s:f, s:n, s:n, s:i}", "id",
                     "c", "title", "题", "state", state, "accepted",
                     queued + inflight + accepted + delivered, "counts", "queued", queued,
                     "inflight", inflight, "accepted", accepted, "delivered", delivered,
                     "ambiguous", 0, "rate_now", 0.0, "eta_s", "waiting", "cost_fen", 3870);
}

static void assert_progress(json_t *json, size_t columns, const char *wanted)
{
    struct buf line;
    buf_init(&line, 4096);
    show_progress(json, columns, &line);
    assert_string_equal(buf_text(&line), wanted);
    buf_fini(&line);
    json_decref(json);
}

static void test_progress(void **state)
{
    (void)state;
    assert_progress(campaign("scheduled", 774, 0, 0, 0), 0,
                    "[------------------------]   0 %  0/774  scheduled");
    json_t *json = campaign("sending", 387, 0, 387, 0);
    json_object_set_new(json, "rate_now", json_real(99.6));
    json_object_set_new(json, "eta_s", json_integer(4));
    assert_progress(json, 0, "[############------------]  50 %  387/774  sending  100/s  4s left");
    assert_progress(campaign("done", 0, 0, 30, 744), 0,
                    "[########################] 100 %  774/774  done  delivered 744");
}

/* One open recipient of a million is not 100 %. */
static void test_no_early_hundred(void **state)
{
    (void)state;
    assert_progress(campaign("sending", 0, 1, 999999, 0), 0,
                    "[#######################-]  99 %  999999/1000000  sending");
    assert_progress(campaign("sending", 0, 0, 0, 0), 0,
                    "[------------------------]   0 %  0/0  sending");
}

static void test_waiting_has_reason_and_end(void **state)
{
    (void)state;
    json_t *json = campaign("sending", 10, 0, 0, 0);
    json_object_set_new(json, "waiting",
                        json_pack("{s:s, s:s}", "reason", "window opens 08:00\x1b[2J", "until",
                                  "2026-10-18T08:00:00+08:00"));
    assert_progress(json, 0,
                    "[------------------------]   0 %  0/10  sending  waiting: window opens "
                    "08:00?[2J (until 2026-10-18 08:00:00)");
}

static void test_cut_to_the_terminal(void **state)
{
    (void)state;
    struct buf line;
    json_t *json = campaign("sending", 10, 0, 0, 0);
    json_object_set_new(json, "waiting",
                        json_pack("{s:s, s:n}", "reason", "等待等待等待等待等待等待等待", "until"));
    buf_init(&line, 4096);
    for (size_t columns = 1; columns < 90; columns++) {
        buf_reset(&line);
        show_progress(json, columns, &line);
        assert_true(table_width(buf_text(&line)) <= columns);
        json_t *whole = json_string(buf_text(&line)); /* no character was cut in two */
        assert_non_null(whole);
        json_decref(whole);
    }
    buf_fini(&line);
    json_decref(json);
}

static void test_counts(void **state)
{
    (void)state;
    struct buf line;
    json_t *json = campaign("paused", 12, 0, 700, 62);
    buf_init(&line, 4096);
    show_counts(json, &line);
    assert_string_equal(buf_text(&line), "queued 12, accepted 700, delivered 62 of 774");
    buf_fini(&line);
    json_decref(json);
}

static void test_over(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool over;
    } rows[] = {{"draft", true},   {"importing", false}, {"scheduled", false}, {"sending", false},
                {"paused", false}, {"missed", false},    {"done", true},       {"cancelled", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *json = campaign(rows[i].word, 1, 0, 0, 0);
        assert_int_equal(show_is_over(json), rows[i].over);
        json_decref(json);
    }
}

static void test_whole_campaign(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    json_t *json = campaign("done", 0, 0, 30, 744);
    show_campaign(json, out);
    fclose(out);
    assert_non_null(strstr(text, "38.70 yuan"));
    assert_non_null(strstr(text, "total"));
    assert_non_null(strstr(text, "suppressed"));
    free(text);
    json_decref(json);
}

static void test_money_and_time(void **state)
{
    (void)state;
    char out[40];
    assert_string_equal(ctl_money(0, out), "0.00 yuan");
    assert_string_equal(ctl_money(5, out), "0.05 yuan");
    assert_string_equal(ctl_money(1234567890123, out), "12345678901.23 yuan");
    assert_string_equal(ctl_time("2026-10-17T09:00:00+08:00", out), "2026-10-17 09:00:00");
    assert_string_equal(ctl_time("", out), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_no_early_hundred),
        cmocka_unit_test(test_waiting_has_reason_and_end),
        cmocka_unit_test(test_cut_to_the_terminal),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_whole_campaign),
        cmocka_unit_test(test_money_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
