/* The JSON that others rely on: the keys of the contract, always there, with the right kinds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/encode.h"

#define CHINA 480
#define NINE_MS INT64_C(1792198800000) /* 2026-10-17 09:00 in China */

static struct campaign_view view_of(void)
{
    struct campaign_view view = {.seq = 3,
                                 .n_chunks = 2,
                                 .state = "sending",
                                 .wait_reason = "",
                                 .wait_actor = "",
                                 .accepted = 774,
                                 .segments_sent = 1000,
                                 .cost_fen = 5000,
                                 .launched_ms = NINE_MS,
                                 .started_ms = NINE_MS};
    view.fields = (struct campaign_fields){.id = "c",
                                           .title = "2026年",
                                           .carrier = "mas",
                                           .dedup_group = "",
                                           .region = "513327205",
                                           .class_word = "publicity",
                                           .parent = "",
                                           .actor = "clerk1",
                                           .rows = 800,
                                           .duplicate = 20,
                                           .invalid = 5,
                                           .opted_out = 1};
    view.counts.of[0] = 74;  /* queued */
    view.counts.of[3] = 700; /* accepted */
    return view;
}

static const char *const contract[] = {
    "id",         "state",       "accepted", "counts", "segments_sent", "cost_fen",
    "started_at", "finished_at", "rate_now", "eta_s",  "waiting"};

static void assert_contract(const json_t *json)
{
    for (size_t i = 0; i < sizeof contract / sizeof *contract; i++) {
        if (json_object_get(json, contract[i]) == NULL) {
            fail_msg("%s is missing", contract[i]);
        }
    }
    const json_t *counts = json_object_get(json, "counts");
    assert_int_equal(json_object_size(counts), STATE_COUNT);
    for (size_t i = 0; i < STATE_COUNT; i++) {
        assert_true(json_is_integer(json_object_get(counts, state_word(state_all[i]))));
    }
}

static const char *text(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static void test_campaign(void **state)
{
    (void)state;
    struct campaign_view view = view_of();
    json_t *json = encode_campaign(&view, NULL, 7.34, NULL, CHINA);
    assert_contract(json);
    assert_string_equal(text(json, "started_at"), "2026-10-17T09:00:00+08:00");
    assert_true(json_is_null(json_object_get(json, "finished_at")));
    assert_true(json_is_null(json_object_get(json, "waiting")));
    assert_true(json_is_null(json_object_get(json, "import")));
    assert_int_equal(json_integer_value(json_object_get(json, "eta_s")),
                     11); /* 74 / 7.34 is a little more than 10 */
    assert_true(json_real_value(json_object_get(json, "rate_now")) > 7.29 &&
                json_real_value(json_object_get(json, "rate_now")) < 7.31);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "counts"), "queued")),
                     74);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(json, "counts"), "accepted")), 700);
    json_decref(json);
}

static void test_waiting(void **state)
{
    (void)state;
    struct campaign_view view = view_of();
    struct dispatch_wait wait = {.reason = "window opens 08:00", .until_ms = NINE_MS};
    json_t *json = encode_campaign(&view, &wait, 0, NULL, CHINA);
    assert_string_equal(text(json_object_get(json, "waiting"), "reason"), "window opens 08:00");
    assert_string_equal(text(json_object_get(json, "waiting"), "until"),
                        "2026-10-17T09:00:00+08:00");
    assert_true(json_is_null(json_object_get(json, "eta_s")));
    json_decref(json);
    wait.until_ms = 0;
    json = encode_campaign(&view, &wait, 0, NULL, CHINA);
    assert_true(json_is_null(json_object_get(json_object_get(json, "waiting"), "until")));
    json_decref(json);
}

/* A rate of ten seconds ago says nothing about a campaign that stands still. */
static void test_no_end_while_paused(void **state)
{
    (void)state;
    struct campaign_view view = view_of();
    view.state = "paused";
    json_t *json = encode_campaign(&view, NULL, 7.34, NULL, CHINA);
    assert_true(json_is_null(json_object_get(json, "eta_s")));
    json_decref(json);
}

/* A name in broken UTF-8 must not take the whole list away. */
static void test_broken_text(void **state)
{
    (void)state;
    struct campaign_view view = view_of();
    view.fields.title = "ab\xff\xfe"
                        "c";
    json_t *json = encode_campaign(&view, NULL, 0, NULL, CHINA);
    assert_string_equal(text(json, "title"), "ab??c");
    json_decref(json);
    json = encode_text("姚\xe6\xa1桥"); /* what can be read stays */
    assert_string_equal(json_string_value(json), "姚??桥");
    json_decref(json);
    json = encode_text("\xed\xa0\x80"); /* half a surrogate pair */
    assert_true(json_is_string(json));
    json_decref(json);
}

static void test_draft(void **state)
{
    (void)state;
    struct definition definition = {.id = (char *)"d",
                                    .title = (char *)"t",
                                    .carrier = (char *)"mas",
                                    .dedup_group = (char *)"",
                                    .region = (char *)"",
                                    .start_ms = NINE_MS};
    struct launch_view import = {
        .id = "d", .carrier = "mas", .phase = LAUNCH_FAILED, .reason = "nobody"};
    json_t *json = encode_draft(&definition, &import, CHINA);
    assert_contract(json);
    assert_string_equal(text(json, "state"), "draft");
    assert_string_equal(text(json_object_get(json, "import"), "phase"), "failed");
    assert_string_equal(text(json_object_get(json, "import"), "reason"), "nobody");
    json_decref(json);
}

static void assert_csv(const struct report_line *line, const char *wanted)
{
    struct buf out;
    buf_init(&out, 4096);
    encode_report_csv(line, CHINA, &out);
    assert_string_equal(buf_text(&out), wanted);
    buf_fini(&out);
}

static void test_report_csv(void **state)
{
    (void)state;
    struct report_line line = {.number = 13800138000,
                               .region = 513327205000,
                               .state = STATE_DELIVERED,
                               .code = "DELIVRD",
                               .meaning = "成功",
                               .updated_ms = NINE_MS + 60000,
                               .submitted_ms = NINE_MS};
    assert_csv(&line, "13800138000,delivered,DELIVRD,成功,2026-10-17T09:01:00+08:00,2026-10-17T09:"
                      "00:00+08:00,513327205000\n");
    line = (struct report_line){
        .number = 13800138000, .state = STATE_QUEUED, .code = "", .meaning = ""};
    assert_csv(&line, "13800138000,queued,,,,,\n");
}

/* Codes come from outside: no spreadsheet may take one for a formula, and quotes are doubled. */
static void test_report_csv_is_safe(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"=1+1", "\"'=1+1\""}, {"+x", "\"'+x\""},      {"-x", "\"'-x\""},   {"@x", "\"'@x\""},
        {"a,b", "\"a,b\""},    {"a\"b", "\"a\"\"b\""}, {"a\nb", "\"a\nb\""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char wanted[200];
        struct report_line line = {
            .number = 13800138000, .state = STATE_UNDELIVERED, .code = rows[i][0], .meaning = ""};
        snprintf(wanted, sizeof wanted, "13800138000,undelivered,%s,,,,\n", rows[i][1]);
        assert_csv(&line, wanted);
    }
}

static void test_report_jsonl(void **state)
{
    (void)state;
    struct buf out;
    struct report_line line = {.number = 13800138000,
                               .state = STATE_UNDELIVERED,
                               .code = "MK:0001",
                               .meaning = "空号",
                               .updated_ms = NINE_MS};
    buf_init(&out, 4096);
    encode_report_jsonl(&line, CHINA, &out);
    assert_int_equal(out.data[out.len - 1], '\n');
    json_t *json = json_loadb(out.data, out.len - 1, 0, NULL);
    assert_non_null(json);
    assert_string_equal(text(json, "number"), "13800138000");
    assert_string_equal(text(json, "meaning"), "空号");
    assert_true(json_is_null(json_object_get(json, "submitted_at")));
    assert_true(json_is_false(json_object_get(json, "temporary")));
    json_decref(json);
    buf_reset(&out);
    line.state = STATE_DELIVERED; /* nothing failed, so nothing is temporary */
    encode_report_jsonl(&line, CHINA, &out);
    json = json_loadb(out.data, out.len - 1, 0, NULL);
    assert_null(json_object_get(json, "temporary"));
    json_decref(json);
    buf_fini(&out);
}

static void test_times(void **state)
{
    (void)state;
    json_t *none = encode_time(0, CHINA), *some = encode_time(NINE_MS, CHINA);
    assert_true(json_is_null(none));
    assert_string_equal(json_string_value(some), "2026-10-17T09:00:00+08:00");
    json_decref(none);
    json_decref(some);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_campaign),
        cmocka_unit_test(test_waiting),
        cmocka_unit_test(test_no_end_while_paused),
        cmocka_unit_test(test_broken_text),
        cmocka_unit_test(test_draft),
        cmocka_unit_test(test_report_csv),
        cmocka_unit_test(test_report_csv_is_safe),
        cmocka_unit_test(test_report_jsonl),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
