/* Entries, pledges and totals as the API shows them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "api/encode_ledger.h"

#define CHINA 480
#define AT INT64_C(1792198800000) /* 2026-10-17T09:00:00+08:00 */

static struct ledger_entry cash(void)
{
    return (struct ledger_entry){.type = LEDGER_PLEDGE,
                                 .n = 12,
                                 .at_ms = AT,
                                 .actor = "王",
                                 .source = "cli",
                                 .request = "r-1",
                                 .campaign = "oct",
                                 .area = UINT64_C(513327205000),
                                 .year = 2026,
                                 .pledge = "513327-2026-000001-60",
                                 .fen = 1250,
                                 .item = "",
                                 .unit = "",
                                 .name = "=1+1",
                                 .mobile = UINT64_C(13800138000),
                                 .shown = NAME_MASKED,
                                 .purpose = "",
                                 .note = "a,b",
                                 .document = "",
                                 .receipt = "",
                                 .peer = "",
                                 .on = 20261017,
                                 .confirmed = true};
}

static void assert_text(const json_t *json, const char *key, const char *wanted)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    assert_string_equal(text, wanted);
}

static void test_days_and_areas(void **state)
{
    (void)state;
    char day[ENCODE_DAY_SIZE];
    assert_string_equal(encode_day(20261017, day), "2026-10-17");
    assert_string_equal(encode_day(0, day), "");
    static const struct {
        uint64_t area;
        const char *text;
    } rows[] = {{0, "0"}, {UINT64_C(510000000000), "51"}, {AREA_UNASSIGNED, "unassigned"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *json = encode_area(rows[i].area);
        assert_string_equal(json_string_value(json), rows[i].text);
        json_decref(json);
    }
}

static void test_an_entry(void **state)
{
    (void)state;
    struct ledger_entry entry = cash();
    json_t *json = encode_entry(&entry, false, CHINA);
    assert_text(json, "type", "pledge");
    assert_text(json, "at", "2026-10-17T09:00:00+08:00");
    assert_text(json, "region", "513327205");
    assert_text(json, "kind", "cash");
    assert_text(json, "mobile", "13800138000");
    assert_text(json, "public", "masked");
    assert_text(json, "on", "2026-10-17");
    assert_int_equal(json_integer_value(json_object_get(json, "fen")), 1250);
    assert_true(json_is_true(json_object_get(json, "confirmed")));
    static const char *const absent[] = {"item", "quantity", "value_fen", "purpose", "why",
                                         "was",  "to",       "over",      "unsound"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(json_object_get(json, absent[i]));
    json_decref(json);
}

static void test_a_period_has_no_kind(void **state)
{
    (void)state;
    struct ledger_entry entry = cash();
    entry.type = LEDGER_CLOSE;
    entry.fen = 0;
    entry.name = "";
    json_t *json = encode_entry(&entry, false, CHINA);
    assert_null(json_object_get(json, "kind"));
    assert_null(json_object_get(json, "name"));
    json_decref(json);
}

/* Somebody wrote bytes that are no UTF-8 into the stream: the rest of the answer must survive. */
static void test_broken_texts(void **state)
{
    (void)state;
    struct ledger_entry entry = cash();
    entry.name = "\xff\xfe";
    json_t *json = encode_entry(&entry, false, CHINA);
    assert_text(json, "name", "??");
    assert_text(json, "note", "a,b");
    json_decref(json);
}

static size_t cells_in(const char *line)
{
    size_t n = 1;
    bool quoted = false;
    for (; *line != '\0' && *line != '\n'; line++) {
        quoted ^= *line == '"';
        n += *line == ',' && !quoted;
    }
    return n;
}

static void test_csv(void **state)
{
    (void)state;
    struct ledger_entry entry = cash();
    struct buf out;
    buf_init(&out, 4096);
    encode_entry_csv(&entry, false, CHINA, &out);
    assert_string_equal(
        buf_text(&out),
        "12,2026-10-17T09:00:00+08:00,pledge,王,cli,r-1,oct,513327205,2026,513327-2026-000001-60,"
        "cash,"
        "12.50,,,,,\"'=1+1\",13800138000,,masked,,\"a,b\",,,,,,,,2026-10-17,,,confirmed\n");
    assert_int_equal(cells_in(buf_text(&out)), cells_in(ENCODE_ENTRY_HEADER));
    buf_reset(&out);
    entry.type = LEDGER_REVERSE;
    entry.was = LEDGER_VOID;
    entry.why = LEDGER_WHY_DONOR;
    entry.withdrawn = entry.over = true;
    encode_entry_csv(&entry, false, CHINA, &out);
    assert_int_equal(cells_in(buf_text(&out)), cells_in(ENCODE_ENTRY_HEADER));
    assert_non_null(strstr(buf_text(&out), ",void,donor,"));
    assert_non_null(strstr(buf_text(&out), ",confirmed over withdrawn\n"));
    buf_fini(&out);
}

static const char *name_of(const void *arg, uint64_t area)
{
    (void)arg;
    return area == 0 ? "全国" : "高山乡";
}

static void test_pledges_by_kind(void **state)
{
    (void)state;
    struct encode_regions regions = {.name = name_of};
    struct ledger_pledge pledge = {.number = "513327-2026-000001-60",
                                   .state = LEDGER_PART_ARRIVED,
                                   .kind = PLEDGE_GOODS,
                                   .campaign = "",
                                   .area = UINT64_C(513327205000),
                                   .year = 2026,
                                   .item = "大米",
                                   .unit = "袋",
                                   .mobile = UINT64_C(13800138000),
                                   .pledged = 20000,
                                   .arrived = 2500,
                                   .rest = 17500};
    json_t *json = encode_pledge(&pledge, true, false, &regions, CHINA);
    assert_text(json, "state", "part-arrived");
    assert_text(json, "region_name", "高山乡");
    assert_text(json_object_get(json, "quantity"), "arrived", "2.5");
    assert_null(json_object_get(json, "fen"));
    json_decref(json);
    pledge.kind = PLEDGE_PURCHASE;
    pledge.rest = -5;
    json = encode_pledge(&pledge, false, false, NULL, CHINA);
    assert_null(json_object_get(json, "entries"));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "fen"), "rest")), -5);
    json_decref(json);
}

static void test_totals(void **state)
{
    (void)state;
    static struct ledger_totals totals = {.area = UINT64_C(440000000000)};
    totals.of[LEDGER_TREE][PLEDGE_CASH][LEDGER_M_PLEDGED] = (struct ledger_figure){2, 300};
    totals.of[LEDGER_TREE][PLEDGE_CASH][LEDGER_M_HELD] = (struct ledger_figure){0, 50};
    json_t *json = encode_totals(&totals, NULL);
    assert_text(json, "region", "44");
    assert_text(json, "level", "province");
    json_t *tree = json_object_get(json, "tree");
    assert_int_equal(json_object_size(tree), 1);
    const json_t *held = json_object_get(json_object_get(tree, "cash"), "held");
    assert_null(json_object_get(held, "count"));
    assert_int_equal(json_integer_value(json_object_get(held, "fen")), 50);
    assert_int_equal(json_object_size(json_object_get(json, "direct")), 0);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_and_areas),
        cmocka_unit_test(test_an_entry),
        cmocka_unit_test(test_a_period_has_no_kind),
        cmocka_unit_test(test_broken_texts),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_pledges_by_kind),
        cmocka_unit_test(test_totals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
