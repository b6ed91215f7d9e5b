/* What a donor is owed for an entry, and its text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pledging/words.h"

#define NOW INT64_C(1792198800000)
#define HOUR_MS INT64_C(3600000)

static char help[] = "请回复捐加数额。((热线))",
            question[] = "((姓名))认捐((金额))，编号((编号))，回复Y",
            thanks[] = "谢谢((姓名))，((日期))认捐((金额))，((编号))，((热线))",
            receipt[] = "收到((金额))，((编号))", hotline[] = "12345";
static struct definition definition = {.pledge = {.confirm = CONFIRM_REPLY,
                                                  .confirm_within_ms = HOUR_MS,
                                                  .help_text = help,
                                                  .confirm_text = question,
                                                  .acknowledgement_text = thanks,
                                                  .receipt_text = receipt,
                                                  .hotline = hotline}};
static const struct book_page page = {.definition = &definition};

static struct ledger_owing owing_of(enum ledger_type type, enum ledger_state state)
{
    struct ledger_entry pledge = {.type = LEDGER_PLEDGE,
                                  .at_ms = NOW,
                                  .source = "sms",
                                  .pledge = "513327-2026-000001-60",
                                  .kind = PLEDGE_CASH,
                                  .fen = 20000,
                                  .item = "",
                                  .unit = "",
                                  .name = "张三",
                                  .on = 20261017,
                                  .receipt = "",
                                  .document = ""};
    struct ledger_owing owing = {.entry = pledge, .pledge = pledge, .state = state};
    owing.entry.type = type;
    return owing;
}

static void test_what_is_owed(void **state)
{
    (void)state;
    static const struct {
        enum ledger_type type;
        enum ledger_state state;
        bool confirmed, is_reversed;
        enum terms_confirm confirm;
        const char *source;
        int64_t after_ms;
        enum owed owed;
    } rows[] = {
        {LEDGER_PLEDGE, LEDGER_UNCONFIRMED, false, false, CONFIRM_REPLY, "sms", 0, OWED_QUESTION},
        {LEDGER_PLEDGE, LEDGER_UNCONFIRMED, false, false, CONFIRM_REPLY, "sms", HOUR_MS + 1,
         OWED_NOTHING},
        {LEDGER_PLEDGE, LEDGER_PLEDGED, false, false, CONFIRM_REPLY, "sms", 0, OWED_NOTHING},
        {LEDGER_PLEDGE, LEDGER_UNCONFIRMED, false, false, CONFIRM_REPLY, "console", 0,
         OWED_NOTHING},
        {LEDGER_PLEDGE, LEDGER_UNCONFIRMED, false, false, CONFIRM_OPERATOR, "sms", 0, OWED_NOTHING},
        {LEDGER_PLEDGE, LEDGER_PLEDGED, true, false, CONFIRM_NONE, "csv", 10 * HOUR_MS,
         OWED_ACKNOWLEDGEMENT},
        {LEDGER_PLEDGE, LEDGER_VOIDED, true, false, CONFIRM_NONE, "sms", 0, OWED_NOTHING},
        {LEDGER_CONFIRM, LEDGER_PLEDGED, false, false, CONFIRM_REPLY, "sms", 0,
         OWED_ACKNOWLEDGEMENT},
        {LEDGER_CONFIRM, LEDGER_PLEDGED, false, true, CONFIRM_REPLY, "sms", 0, OWED_NOTHING},
        {LEDGER_CONFIRM, LEDGER_WITHDRAWN, false, false, CONFIRM_REPLY, "sms", 0, OWED_NOTHING},
        {LEDGER_ARRIVE, LEDGER_DELIVERED, false, false, CONFIRM_REPLY, "console", 0, OWED_RECEIPT},
        {LEDGER_ARRIVE, LEDGER_PLEDGED, false, true, CONFIRM_REPLY, "console", 0, OWED_NOTHING},
        {LEDGER_TICKET, LEDGER_ARRIVED, false, false, CONFIRM_REPLY, "console", 0, OWED_TICKET},
        {LEDGER_WAIVE, LEDGER_WAIVED, false, false, CONFIRM_REPLY, "console", 0, OWED_NOTHING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger_owing owing = owing_of(rows[i].type, rows[i].state);
        owing.entry.confirmed = rows[i].confirmed;
        owing.is_reversed = rows[i].is_reversed;
        owing.entry.source = rows[i].source;
        definition.pledge.confirm = rows[i].confirm;
        if (words_owed(&page, &owing, NOW + rows[i].after_ms) != rows[i].owed)
            fail_msg("row %zu", i);
    }
}

static void expect(const struct ledger_owing *owing, enum owed what, const char *text)
{
    struct buf out;
    buf_init(&out, 1024);
    words_write(&page, owing, what, &out);
    assert_int_equal(buf_check(&out), ERR_OK);
    assert_string_equal(buf_text(&out), text);
    buf_fini(&out);
}

static void test_texts(void **state)
{
    (void)state;
    struct ledger_owing owing = owing_of(LEDGER_PLEDGE, LEDGER_PLEDGED);
    expect(&owing, OWED_QUESTION, "张三认捐200元，编号513327-2026-000001-60，回复Y");
    expect(&owing, OWED_ACKNOWLEDGEMENT,
           "谢谢张三，2026年10月17日认捐200元，513327-2026-000001-60，12345");
    owing.entry.type = LEDGER_ARRIVE;
    owing.entry.receipt = "R513327-2026-000001-60";
    owing.entry.fen = 15050; /* a part of it came */
    expect(&owing, OWED_RECEIPT, "收到150.50元，R513327-2026-000001-60");
    owing.entry.document = "川财【0001】";
    expect(&owing, OWED_TICKET,
           "张三您好，收据R513327-2026-000001-60的捐赠票据已开具，票据号川财（0001）。");
}

/* Goods with a name that is longer than a text about them can hold are cut between characters. */
static void test_goods(void **state)
{
    (void)state;
    char item[3 * 60 + 1] = "";
    struct ledger_owing owing = owing_of(LEDGER_PLEDGE, LEDGER_PLEDGED);
    owing.pledge.kind = PLEDGE_GOODS;
    owing.pledge.thousandths = 2500;
    owing.pledge.item = "大米";
    owing.pledge.unit = "吨";
    owing.pledge.name = "";
    expect(&owing, OWED_QUESTION, "认捐大米2.5吨，编号513327-2026-000001-60，回复Y");
    for (size_t i = 0; i < 60; i++)
        strcat(item, "米");
    owing.pledge.item = item;
    char wanted[512] = "认捐";
    for (size_t i = 0; i < (PLEDGE_ITEM_SIZE - 1) / 3; i++)
        strcat(wanted, "米");
    strcat(wanted, "2.5吨，编号513327-2026-000001-60，回复Y");
    expect(&owing, OWED_QUESTION, wanted);
}

static void test_replies(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1024);
    words_help(&page, &out);
    assert_string_equal(buf_text(&out), "请回复捐加数额。12345");
    buf_reset(&out);
    words_cap(&page, &out);
    assert_non_null(strstr(buf_text(&out), "咨询：12345"));
    hotline[0] = '\0';
    buf_reset(&out);
    words_cap(&page, &out);
    assert_null(strstr(buf_text(&out), "咨询"));
    hotline[0] = '1';
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_owed),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_goods),
        cmocka_unit_test(test_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
