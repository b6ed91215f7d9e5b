/* The ledger against a real Redis: what each step allows, and random steps whose totals are
 * compared with a slow, plain sum over the entries that shares nothing with the library. A refused
 * step must leave the whole of Redis as it was. */
#include "store/ledger.h"

#include "rig_one.h"

#include <inttypes.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/ledger_proof.h"

#define TODAY 20261017U
#define VILLAGE UINT64_C(513327205201)
#define OTHER_VILLAGE UINT64_C(513327205202)
#define TOWNSHIP UINT64_C(513327205000)
#define COUNTY UINT64_C(513327000000)
#define PROVINCE UINT64_C(510000000000)
#define DONGGUAN_TOWN UINT64_C(441900003000)
#define LIMIT INT64_C(1000000000000000)
#define PHONE UINT64_C(13800138000)

static int start(void **state)
{
    (void)state;
    static const char *const more[] = {"--enable-debug-command", "yes", NULL};
    rig_start_with(&rig, more);
    return 0;
}

/* ---- calls that wait ---- */

struct got {
    unsigned calls;
    enum err error;
    char reason[512], refusal[32];
    uint64_t entry, last;
    char pledge[64], receipt[64], peer[64];
    bool repeated;
};

static void on_posted(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    struct got *got = arg;
    got->calls++;
    got->error = error;
    snprintf(got->reason, sizeof got->reason, "%s", reason);
    snprintf(got->refusal, sizeof got->refusal, "%s", posted->refusal);
    snprintf(got->pledge, sizeof got->pledge, "%s", posted->pledge);
    snprintf(got->receipt, sizeof got->receipt, "%s", posted->receipt);
    snprintf(got->peer, sizeof got->peer, "%s", posted->peer);
    got->entry = posted->entry;
    got->last = posted->last_entry;
    got->repeated = posted->repeated;
}

static void wait_for(const unsigned *calls)
{
    assert_int_equal(*calls, 0);
    while (*calls == 0)
        rig_turn(&rig);
    assert_int_equal(*calls, 1);
}

static unsigned cap;

static struct got post(const struct ledger_entry *entry)
{
    struct got got = {.calls = 0};
    assert_int_equal(ledger_post(rig.store, entry, cap, RIG_NOW, on_posted, &got), ERR_OK);
    wait_for(&got.calls);
    return got;
}

static unsigned requests;

static const char *new_request(void)
{
    static char request[32];
    snprintf(request, sizeof request, "req-%u", requests++);
    return request;
}

static struct got done(struct ledger_entry entry)
{
    if (entry.request == NULL)
        entry.request = new_request();
    struct got got = post(&entry);
    if (got.error != ERR_OK)
        fail_msg("refused: %s", got.reason);
    return got;
}

static void digest(char out[64])
{
    redisReply *reply = rig_admin(&rig, "DEBUG DIGEST");
    snprintf(out, 64, "%s", reply->str);
    freeReplyObject(reply);
}

/* How many writes Redis has done: cheaper than a digest, and as strict. */
static long long writes(void)
{
    redisReply *reply = rig_admin(&rig, "INFO persistence");
    const char *at = strstr(reply->str, "rdb_changes_since_last_save:");
    assert_non_null(at);
    long long n = strtoll(strchr(at, ':') + 1, NULL, 10);
    freeReplyObject(reply);
    return n;
}

/* The step is refused for this reason, and nothing has changed. */
static void refused_as(struct ledger_entry entry, enum err error, const char *word)
{
    char before[64], after[64];
    digest(before);
    if (entry.request == NULL)
        entry.request = new_request();
    struct got got = post(&entry);
    digest(after);
    assert_int_equal(got.error, error);
    assert_string_equal(got.refusal, word);
    assert_true(strlen(got.reason) > 10); /* a sentence */
    assert_string_equal(before, after);
}

static void refused(struct ledger_entry entry, const char *word)
{
    refused_as(entry, ERR_REFUSED, word);
}

static struct ledger_entry cash(uint64_t area, int64_t fen)
{
    return (struct ledger_entry){.type = LEDGER_PLEDGE,
                                 .actor = "uid:clerk1",
                                 .source = "cli",
                                 .campaign = "oct",
                                 .area = area,
                                 .kind = PLEDGE_CASH,
                                 .fen = fen,
                                 .name = "张三",
                                 .mobile = PHONE,
                                 .shown = NAME_MASKED,
                                 .confirmed = true};
}

static struct ledger_entry rice(uint64_t area, int64_t thousandths)
{
    struct ledger_entry entry = cash(area, 0);
    entry.kind = PLEDGE_GOODS;
    entry.thousandths = thousandths;
    entry.item = "大米";
    entry.unit = "袋";
    return entry;
}

#define STEP(kind, number, ...)                                                                    \
    ((struct ledger_entry){                                                                        \
        .type = LEDGER_##kind, .pledge = (number), .actor = "a", .source = "cli", __VA_ARGS__})
#define REVERSE(entry, reason)                                                                     \
    ((struct ledger_entry){.type = LEDGER_REVERSE,                                                 \
                           .ref = (entry),                                                         \
                           .why = LEDGER_WHY_##reason,                                             \
                           .actor = "a",                                                           \
                           .source = "cli"})

struct seen_totals {
    unsigned calls;
    enum err error;
    uint64_t as_of;
    size_t n;
    struct ledger_totals areas[64];
};

static void on_totals(void *arg, enum err error, const char *reason,
                      const struct ledger_totals_answer *answer)
{
    struct seen_totals *seen = arg;
    (void)reason;
    seen->calls++;
    seen->error = error;
    seen->as_of = answer->as_of_entry;
    seen->n = answer->n;
    for (size_t i = 0; i < answer->n && i < 64; i++)
        seen->areas[i] = answer->areas[i];
}

static const struct seen_totals *totals(struct ledger_totals_query query)
{
    static struct seen_totals seen;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(ledger_totals(rig.store, &query, on_totals, &seen), ERR_OK);
    wait_for(&seen.calls);
    assert_int_equal(seen.error, ERR_OK);
    assert_true(seen.n >= 1);
    assert_int_equal(seen.areas[0].area, query.area);
    return &seen;
}

static struct ledger_figure cash_of(uint64_t area, enum ledger_measure measure)
{
    return totals((struct ledger_totals_query){.area = area})
        ->areas[0]
        .of[LEDGER_TREE][PLEDGE_CASH][measure];
}

struct seen_pledges {
    unsigned calls;
    enum err error;
    size_t n, n_entries;
    struct ledger_pledge first;
    char numbers[64][NUMBER_TEXT_SIZE + 4], cursor[64], donor[64];
};

static void on_pledges(void *arg, enum err error, const char *reason,
                       const struct ledger_pledges *pledges)
{
    struct seen_pledges *seen = arg;
    (void)reason;
    seen->calls++;
    seen->error = error;
    seen->n = pledges->n;
    snprintf(seen->cursor, sizeof seen->cursor, "%s", pledges->cursor);
    for (size_t i = 0; i < pledges->n && i < 64; i++)
        snprintf(seen->numbers[i], sizeof seen->numbers[i], "%s", pledges->pledges[i].number);
    if (pledges->n == 0)
        return;
    seen->first = pledges->pledges[0];
    seen->n_entries = pledges->pledges[0].n_entries;
    struct ledger_entry entry;
    assert_true(seen->n_entries > 0);
    assert_int_equal(ledger_row_read(&pledges->pledges[0].entries[0], &entry), ERR_OK);
    snprintf(seen->donor, sizeof seen->donor, "%s", entry.name);
}

static struct seen_pledges show(const char *number)
{
    struct seen_pledges seen = {.calls = 0};
    assert_int_equal(ledger_show(rig.store, number, 30, RIG_NOW, on_pledges, &seen), ERR_OK);
    wait_for(&seen.calls);
    return seen;
}

static enum ledger_state state_of(const char *number)
{
    struct seen_pledges seen = show(number);
    assert_int_equal(seen.error, ERR_OK);
    return seen.first.state;
}

/* ---- single rules ---- */

static void test_numbers_and_requests(void **state)
{
    (void)state;
    struct ledger_entry entry = cash(VILLAGE, 10000);
    entry.request = "paper-1";
    struct got first = done(entry), again = done(entry);
    assert_string_equal(first.pledge, "513327-2026-000001-60");
    assert_int_equal(first.entry, 1);
    assert_false(first.repeated);
    assert_true(again.repeated);
    assert_int_equal(again.entry, 1);
    assert_string_equal(again.pledge, first.pledge);

    struct number number;
    assert_int_equal(number_parse(first.pledge, strlen(first.pledge), &number), ERR_OK);
    assert_int_equal(number.serial, 1);

    entry.fen = 10001; /* the same request with another body */
    refused(entry, "request");
    entry.fen = 10000;
    entry.name = "李四";
    refused(entry, "request");

    assert_string_equal(done(cash(OTHER_VILLAGE, 1)).pledge,
                        "513327-2026-000002-57"); /* one series a county and year */
    struct ledger_entry earlier = cash(VILLAGE, 1);
    earlier.on = 20251231;
    assert_memory_equal(done(earlier).pledge, "513327-2025-000001-", 19);
    assert_memory_equal(done(cash(DONGGUAN_TOWN, 1)).pledge, "441900-2026-000001-", 19);
    assert_memory_equal(done(cash(AREA_UNASSIGNED, 1)).pledge, "999999-2026-000001-", 19);
    assert_memory_equal(done(cash(0, 1)).pledge, "000000-2026-000001-", 19);
    assert_int_equal(cash_of(0, LEDGER_M_PLEDGED).count, 6);
    assert_int_equal(cash_of(0, LEDGER_M_PLEDGED).fen, 10005);
    assert_int_equal(cash_of(AREA_UNASSIGNED, LEDGER_M_PLEDGED).fen, 1);
    assert_int_equal(cash_of(441900000000, LEDGER_M_PLEDGED).fen, 1);
}

static void test_a_pledge_lives(void **state)
{
    (void)state;
    struct ledger_entry by_sms = cash(VILLAGE, 10000);
    by_sms.confirmed = false;
    by_sms.source = "sms";
    struct got got = done(by_sms);
    const char *number = got.pledge;
    assert_int_equal(state_of(number), LEDGER_UNCONFIRMED);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_UNCONFIRMED).fen, 10000);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_PLEDGED).fen, 0);
    refused(STEP(ARRIVE, number, .fen = 1), "state"); /* confirm it first */
    done(STEP(CONFIRM, number));
    refused(STEP(CONFIRM, number), "state");
    assert_int_equal(state_of(number), LEDGER_PLEDGED);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_UNCONFIRMED).count, 0);
    assert_int_equal(cash_of(0, LEDGER_M_PLEDGED).fen, 10000);

    struct got arrival = done(STEP(ARRIVE, number, .fen = 4000));
    assert_string_equal(arrival.receipt, "R513327-2026-000001-60");
    assert_int_equal(state_of(number), LEDGER_PART_ARRIVED);
    assert_int_equal(state_of(arrival.receipt), LEDGER_PART_ARRIVED); /* found by its receipt */
    refused(STEP(ARRIVE, number, .fen = 6001), "amount");
    refused(STEP(DELIVER, number, .fen = 4001), "amount");
    refused(STEP(VOID, number, .why = LEDGER_WHY_ERROR), "state");
    struct got delivery =
        done(STEP(DELIVER, number, .fen = 4000, .to = OTHER_VILLAGE, .purpose = "化肥"));
    refused(REVERSE(arrival.entry, BANK), "state"); /* it is delivered */
    assert_string_equal(done(STEP(ARRIVE, number, .fen = 6000)).receipt, "R513327-2026-000002-57");
    assert_int_equal(state_of(number), LEDGER_ARRIVED);
    done(STEP(ARRIVE, number, .fen = 500, .over = true));
    done(STEP(DELIVER, number, .fen = 6500));
    assert_int_equal(state_of(number), LEDGER_DELIVERED);
    assert_int_equal(cash_of(OTHER_VILLAGE, LEDGER_M_REACHED).fen, 4000);
    assert_int_equal(cash_of(TOWNSHIP, LEDGER_M_HELD).fen, 0);

    done(REVERSE(delivery.entry, ERROR));
    refused(REVERSE(delivery.entry, ERROR), "state");
    done(REVERSE(arrival.entry, BANK));
    struct seen_pledges seen = show(number);
    assert_int_equal(seen.first.arrived, 6500);
    assert_int_equal(seen.first.delivered, 6500);
    assert_int_equal(seen.first.rest, 3500);
    assert_int_equal(seen.n_entries, 9);
    assert_string_equal(seen.donor, "张三");
    assert_int_equal(cash_of(0, LEDGER_M_ARRIVED).fen, 6500);
    assert_int_equal(cash_of(0, LEDGER_M_ARRIVED).count, 2);
}

static void test_every_illegal_step(void **state)
{
    (void)state;
    struct got open = done(cash(VILLAGE, 10000)), gone = done(cash(VILLAGE, 500)),
               back = done(cash(VILLAGE, 700));
    struct got arrival = done(STEP(ARRIVE, open.pledge, .fen = 10000));
    struct got voiding = done(STEP(VOID, gone.pledge, .why = LEDGER_WHY_ERROR));
    done(STEP(VOID, back.pledge, .why = LEDGER_WHY_DONOR));
    assert_int_equal(state_of(gone.pledge), LEDGER_VOIDED);
    assert_int_equal(state_of(back.pledge), LEDGER_WITHDRAWN);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_VOID).fen, 500);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_WITHDRAWN).fen, 700);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_PLEDGED).fen, 10000);

    const char *const dead[] = {gone.pledge, back.pledge};
    for (size_t i = 0; i < 2; i++) {
        refused(STEP(ARRIVE, dead[i], .fen = 1), "state");
        refused(STEP(DELIVER, dead[i], .fen = 1), "state");
        refused(STEP(CONFIRM, dead[i]), "state");
        refused(STEP(VOID, dead[i], .why = LEDGER_WHY_ERROR), "state");
        refused(STEP(WAIVE, dead[i], .fen = 1, .note = "n", .document = "d"), "state");
        refused(STEP(TRANSFER, dead[i], .name = "李四"), "state");
    }
    refused(REVERSE(gone.entry, ERROR), "state"); /* void already */
    refused_as(REVERSE(999, ERROR), ERR_NOT_FOUND, "");
    refused_as(STEP(ARRIVE, "513327-2026-000099-00", .fen = 1), ERR_NOT_FOUND, "");
    refused(REVERSE(voiding.entry, BANK), "why");
    struct got again =
        done(REVERSE(voiding.entry, ERROR)); /* it was the wrong number that was voided */
    assert_int_equal(state_of(gone.pledge), LEDGER_PLEDGED);
    refused(REVERSE(again.entry, ERROR), "state"); /* a reversal */
    refused(REVERSE(voiding.entry, ERROR), "state");
    refused(REVERSE(arrival.entry, NONE), "why");
    refused(STEP(VOID, gone.pledge), "why");
    refused(STEP(WAIVE, gone.pledge, .fen = 1), "why");
    refused(STEP(WAIVE, gone.pledge, .fen = 501, .note = "n", .document = "d"), "amount");
    refused(STEP(TRANSFER, gone.pledge), "donor");
    refused(STEP(TRANSFER, open.pledge, .name = "李四"), "amount"); /* nothing is open */
    refused(STEP(TICKET, NULL, .ref = open.entry, .document = "X1"), "state");

    /* amounts */
    refused(cash(VILLAGE, 0), "amount");
    refused(cash(VILLAGE, LIMIT + 1), "amount");
    struct ledger_entry bad = cash(VILLAGE, 100);
    assert_int_equal(
        ledger_post(rig.store, &(struct ledger_entry){.fen = -1}, 0, RIG_NOW, on_posted, NULL),
        ERR_RANGE);
    bad.item = "大米";
    refused(bad, "amount");
    bad = rice(VILLAGE, 1000);
    bad.fen = 5;
    refused(bad, "amount");
    bad = rice(VILLAGE, 1000);
    bad.unit = "";
    refused(bad, "amount");
    bad = rice(VILLAGE, 1000);
    bad.item = "a|b";
    refused(bad, "amount");
    bad = cash(VILLAGE, 100);
    bad.value_fen = 5;
    refused(bad, "amount");
    /* form */
    bad = cash(VILLAGE, 100);
    bad.note = "a\nb";
    refused(bad, "type");
    bad = cash(VILLAGE, 100);
    bad.on = TODAY + 1;
    refused(bad, "date");
    bad.on = 20260231;
    assert_int_equal(ledger_post(rig.store, &bad, 0, RIG_NOW, on_posted, NULL), ERR_RANGE);
    bad = cash(UINT64_C(513327), 100);
    refused(bad, "area");
    refused(STEP(ARRIVE, gone.pledge, .fen = 1, .to = VILLAGE),
            "type"); /* an arrival goes nowhere */
    bad = cash(VILLAGE, 100);
    bad.request = "";
    refused(bad, "request");
}

static void test_waive_and_transfer(void **state)
{
    (void)state;
    struct got old = done(cash(VILLAGE, 10000));
    done(STEP(ARRIVE, old.pledge, .fen = 3000));
    struct got waiver =
        done(STEP(WAIVE, old.pledge, .fen = 2000, .note = "企业破产", .document = "〔2026〕1号"));
    struct got move = done(
        STEP(TRANSFER, old.pledge, .name = "某公司", .is_organisation = true, .to = DONGGUAN_TOWN));
    assert_int_equal(move.last, move.entry + 1);
    assert_memory_equal(move.peer, "441900-2026-000001-", 19);
    struct seen_pledges heir = show(move.peer), left = show(old.pledge);
    assert_int_equal(heir.first.pledged, 5000);
    assert_string_equal(heir.donor, "某公司");
    assert_int_equal(left.first.rest, 0);
    assert_int_equal(left.first.state, LEDGER_ARRIVED);
    assert_int_equal(cash_of(0, LEDGER_M_PLEDGED).fen, 10000); /* the same promise, counted once */
    assert_int_equal(cash_of(PROVINCE, LEDGER_M_PLEDGED).fen, 5000);
    assert_int_equal(cash_of(PROVINCE, LEDGER_M_MOVED).fen, 5000);

    refused(REVERSE(move.entry, ERROR), "state"); /* the new pledge stands */
    struct got voided = done(STEP(VOID, move.peer, .why = LEDGER_WHY_ERROR));
    done(REVERSE(move.entry, ERROR));
    refused(REVERSE(voided.entry, ERROR), "state"); /* its rest is with the old one again */
    assert_int_equal(show(old.pledge).first.rest, 5000);
    done(REVERSE(waiver.entry, ERROR));
    assert_int_equal(show(old.pledge).first.rest, 7000);
    assert_int_equal(cash_of(0, LEDGER_M_PLEDGED).fen, 10000);
    assert_int_equal(cash_of(0, LEDGER_M_WAIVED).fen, 0);

    struct got whole = done(cash(VILLAGE, 900));
    done(STEP(TRANSFER, whole.pledge, .name = "王五"));
    assert_int_equal(state_of(whole.pledge), LEDGER_TRANSFERRED);
    struct got none = done(cash(VILLAGE, 800));
    done(STEP(WAIVE, none.pledge, .note = "n", .document = "d"));
    assert_int_equal(state_of(none.pledge), LEDGER_WAIVED);
}

static void test_own_and_passed_on(void **state)
{
    (void)state;
    struct got gift = done(cash(VILLAGE, 10000));
    struct got arrival = done(STEP(ARRIVE, gift.pledge, .fen = 10000));
    struct ledger_entry pass = {.type = LEDGER_PASS,
                                .campaign = "oct",
                                .kind = PLEDGE_CASH,
                                .area = VILLAGE,
                                .to = TOWNSHIP,
                                .fen = 10000,
                                .actor = "a",
                                .source = "cli"};
    struct ledger_entry more = pass;
    more.fen = 10001;
    refused(more, "held");
    more = pass;
    more.campaign = "other";
    refused(more, "held");
    more = pass;
    more.to = VILLAGE;
    refused(more, "area");
    more = pass;
    more.kind = PLEDGE_SERVICE;
    refused(more, "amount");
    struct got up = done(pass);
    pass.area = TOWNSHIP;
    pass.to = COUNTY;
    done(pass);
    pass.area = COUNTY;
    pass.to = PROVINCE;
    struct got top = done(pass);
    refused(REVERSE(up.entry, ERROR), "held"); /* the township has passed it on */
    refused(REVERSE(arrival.entry, BANK), "held");

    /* counted once, wherever one looks; inside a tree, out and in cancel */
    const uint64_t levels[] = {0, PROVINCE, COUNTY, TOWNSHIP, VILLAGE};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(cash_of(levels[i], LEDGER_M_ARRIVED).fen, 10000);
    assert_int_equal(cash_of(0, LEDGER_M_OUT).fen, 30000);
    assert_int_equal(cash_of(0, LEDGER_M_IN).fen, 30000);
    assert_int_equal(cash_of(COUNTY, LEDGER_M_HELD).fen, 0);
    assert_int_equal(cash_of(PROVINCE, LEDGER_M_HELD).fen, 10000);
    refused(STEP(DELIVER, gift.pledge, .fen = 10000), "held"); /* the village has it no more */
    done(STEP(DELIVER, gift.pledge, .fen = 10000, .via = PROVINCE, .to = OTHER_VILLAGE));
    assert_int_equal(cash_of(PROVINCE, LEDGER_M_HELD).fen, 0);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_DELIVERED).fen, 10000);
    refused(REVERSE(top.entry, ERROR), "held");
}

static void test_goods(void **state)
{
    (void)state;
    struct ledger_entry entry = rice(VILLAGE, 20000);
    entry.value_fen = 240000;
    struct got got = done(entry);
    refused(STEP(ARRIVE, got.pledge, .fen = 100), "amount");
    done(STEP(ARRIVE, got.pledge, .thousandths = 12500, .value_fen = 150000));
    refused(STEP(ARRIVE, got.pledge, .thousandths = 7501), "amount");
    done(STEP(DELIVER, got.pledge, .thousandths = 12500));
    const struct ledger_totals *t = &totals((struct ledger_totals_query){.area = COUNTY})->areas[0];
    assert_int_equal(t->of[LEDGER_TREE][PLEDGE_GOODS][LEDGER_M_PLEDGED].fen, 240000);
    assert_int_equal(t->of[LEDGER_TREE][PLEDGE_GOODS][LEDGER_M_ARRIVED].fen, 150000);
    assert_int_equal(t->of[LEDGER_TREE][PLEDGE_CASH][LEDGER_M_ARRIVED].fen, 0);
    assert_int_equal(t->of[LEDGER_DIRECT][PLEDGE_GOODS][LEDGER_M_ARRIVED].fen, 0);
}

static void test_closed_periods(void **state)
{
    (void)state;
    struct ledger_entry old = cash(VILLAGE, 10000);
    old.on = 20260930;
    struct got got = done(old);
    struct ledger_entry arrive = STEP(ARRIVE, got.pledge, .fen = 10000, .on = 20260930);
    struct got arrival = done(arrive);
    struct ledger_entry close = {
        .type = LEDGER_CLOSE, .area = COUNTY, .on = TODAY, .actor = "a", .source = "cli"};
    refused(close, "date"); /* today is not over */
    close.on = 20260930;
    done(close);
    refused(close, "closed");
    refused(old, "closed"); /* in the county's period */
    old.area = DONGGUAN_TOWN;
    done(old);
    refused(STEP(VOID, got.pledge, .why = LEDGER_WHY_ERROR, .on = 20260930), "state");
    struct ledger_entry reverse = REVERSE(arrival.entry, BANK);
    reverse.on = 20260930;
    refused(reverse, "closed");
    reverse.on = 0; /* today: it names the entry of the closed period */
    done(reverse);
    struct ledger_entry final = REVERSE(got.entry + 2, ERROR);
    refused(final, "state"); /* a closed period stays closed */
}

static void test_tickets(void **state)
{
    (void)state;
    struct got got = done(cash(VILLAGE, 10000));
    struct got arrival = done(STEP(ARRIVE, got.pledge, .fen = 5000));
    struct got ticket =
        done(STEP(TICKET, NULL, .ref = arrival.entry, .document = "51060124 0000123456"));
    assert_string_equal(ticket.receipt, arrival.receipt);
    refused(STEP(TICKET, NULL, .ref = arrival.entry, .document = "2"), "state");
    done(REVERSE(ticket.entry, ERROR));
    done(STEP(TICKET, NULL, .ref = arrival.entry, .document = "2"));
    done(REVERSE(arrival.entry, DONOR));
    refused(STEP(TICKET, NULL, .ref = arrival.entry, .document = "3"), "state");
}

static void test_limits_are_exact(void **state)
{
    (void)state;
    struct got least = done(cash(VILLAGE, 1)), most = done(cash(VILLAGE, LIMIT));
    assert_int_equal(show(least.pledge).first.pledged, 1);
    assert_int_equal(show(most.pledge).first.pledged, LIMIT);
    assert_int_equal(cash_of(0, LEDGER_M_PLEDGED).fen, LIMIT + 1);
    done(STEP(ARRIVE, most.pledge, .fen = LIMIT - 1));
    refused(STEP(ARRIVE, most.pledge, .fen = 2), "amount");
    assert_int_equal(show(most.pledge).first.rest, 1);
    done(STEP(ARRIVE, most.pledge, .fen = 1));
    for (int i = 0; i < 8; i++)
        done(STEP(ARRIVE, most.pledge, .fen = LIMIT, .over = true));
    assert_int_equal(show(most.pledge).first.arrived, 9 * LIMIT);
    refused(STEP(ARRIVE, most.pledge, .fen = 1, .over = true), "amount");
    assert_int_equal(cash_of(0, LEDGER_M_ARRIVED).fen, 9 * LIMIT);
    assert_int_equal(cash_of(VILLAGE, LEDGER_M_HELD).fen, 9 * LIMIT);

    /* sums far beyond what a double holds stay exact, and stop before 2^63 */
    rig_do(&rig, "HSET t:{l}:t:0:2026:* cash|pf 8998999999999999999");
    done(cash(VILLAGE, LIMIT));
    redisReply *reply = rig_admin(&rig, "HGET t:{l}:t:0:2026:* cash|pf");
    assert_string_equal(reply->str, "8999999999999999999");
    freeReplyObject(reply);
    refused(cash(VILLAGE, LIMIT), "amount");
}

static void test_cap_a_day(void **state)
{
    (void)state;
    cap = 2;
    done(cash(VILLAGE, 1));
    done(cash(VILLAGE, 1));
    refused(cash(VILLAGE, 1), "cap");
    struct ledger_entry other = cash(VILLAGE, 1);
    other.mobile = PHONE + 1;
    done(other);
    cap = 0;
    done(cash(VILLAGE, 1));
}

static void test_lapsed(void **state)
{
    (void)state;
    struct ledger_entry entry = cash(VILLAGE, 100);
    entry.due = 20260917; /* and 30 days of grace: lapsed from the 18th of October on */
    struct got in_time = done(entry);
    entry.due = 20260916;
    struct got late = done(entry);
    assert_int_equal(state_of(in_time.pledge), LEDGER_PLEDGED);
    assert_int_equal(state_of(late.pledge), LEDGER_LAPSED);
    done(STEP(ARRIVE, late.pledge, .fen = 100)); /* money that comes still counts */
    assert_int_equal(state_of(late.pledge), LEDGER_ARRIVED);
}

static struct seen_pledges list(struct ledger_query query)
{
    struct seen_pledges seen = {.calls = 0};
    query.grace_days = 30;
    assert_int_equal(ledger_list(rig.store, &query, RIG_NOW, on_pledges, &seen), ERR_OK);
    wait_for(&seen.calls);
    assert_int_equal(seen.error, ERR_OK);
    return seen;
}

static void test_lists(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++) {
        struct ledger_entry entry = cash(i % 5 == 0 ? DONGGUAN_TOWN
                                         : i % 2    ? VILLAGE
                                                    : OTHER_VILLAGE,
                                         100 + i);
        entry.mobile = PHONE + (uint64_t)(i % 4);
        entry.campaign = i % 3 ? "oct" : "";
        entry.on = i < 10 ? 20251017 : 0;
        done(entry);
    }
    /* every pledge once, page by page, whatever the size of a page */
    for (uint32_t most = 1; most <= 30; most += 4) {
        char seen_numbers[32][NUMBER_TEXT_SIZE + 4];
        size_t n = 0;
        struct seen_pledges page = {.cursor = ""};
        do {
            page = list((struct ledger_query){
                .state = LEDGER_ANY_STATE, .most = most, .cursor = page.cursor});
            assert_true(page.n <= most);
            for (size_t i = 0; i < page.n; i++) {
                for (size_t j = 0; j < n; j++)
                    assert_string_not_equal(seen_numbers[j], page.numbers[i]);
                memcpy(seen_numbers[n++], page.numbers[i], sizeof seen_numbers[0]);
            }
        } while (page.cursor[0] != '\0');
        assert_int_equal(n, 25);
    }
    struct ledger_query all = {.state = LEDGER_ANY_STATE, .most = 60};
    assert_memory_equal(list(all).numbers[0], "441900-2026-000003",
                        18); /* newest year, by county, newest first */
    struct ledger_query query = all;
    query.scope = DONGGUAN_TOWN;
    assert_int_equal(list(query).n, 5);
    query = all;
    query.scope = TOWNSHIP;
    assert_int_equal(list(query).n, 20);
    query.scope = VILLAGE;
    assert_int_equal(list(query).n, 10);
    query.year = 2025;
    assert_int_equal(list(query).n, 4);
    query = all;
    query.campaign = "oct";
    assert_int_equal(list(query).n, 16);
    query.campaign = "-";
    assert_int_equal(list(query).n, 9);
    query = all;
    query.mobile = PHONE + 3;
    assert_int_equal(list(query).n, 6);
    query.mobile = PHONE + 9;
    assert_int_equal(list(query).n, 0);
    query = all;
    done(STEP(VOID, list(all).numbers[7], .why = LEDGER_WHY_ERROR));
    query.state = LEDGER_VOIDED;
    assert_int_equal(list(query).n, 1);
    query.state = LEDGER_PLEDGED;
    assert_int_equal(list(query).n, 24);
    assert_int_equal(show("R513327-2026-000001-60").error, ERR_NOT_FOUND);
    assert_int_equal(show("nonsense").error, ERR_NOT_FOUND);
}

/* ---- the page ---- */

static char *read_page(void)
{
    FILE *file = fopen(SOURCE_DIR "/docs/ledger.md", "rb");
    char *text = calloc(1, 100000);
    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, 99999, file) > 1000);
    fclose(file);
    return text;
}

static void assert_on_page(const char *page, const char *word)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "`%s`", word);
    if (strstr(page, quoted) == NULL)
        fail_msg("docs/ledger.md does not name %s", word);
}

/* Every function, field, type and state, and every kind of key that a full ledger has. */
static void test_the_page_names_everything(void **state)
{
    (void)state;
    char *page = read_page();
    redisReply *list_reply = rig_admin(&rig, "FUNCTION LIST LIBRARYNAME outreach");
    redisReply *functions = list_reply->element[0]->element[5];
    size_t n = 0;
    for (size_t i = 0; i < functions->elements; i++) {
        const char *name = functions->element[i]->element[1]->str;
        if (strncmp(name, "or1_ledger_", 11) == 0) {
            assert_on_page(page, name);
            n++;
        }
    }
    assert_true(n > 10);
    freeReplyObject(list_reply);
    for (size_t i = 0; i < LEDGER_FIELDS; i++)
        assert_on_page(page, ledger_field_names[i]);
    for (int i = 0; i < LEDGER_TYPES; i++)
        assert_on_page(page, ledger_type_word((enum ledger_type)i));
    for (int i = 0; i < LEDGER_STATES; i++)
        assert_on_page(page, ledger_state_word((enum ledger_state)i));
    for (int i = 0; i < LEDGER_MEASURES; i++) {
        char letter[2] = {ledger_measure_letter((enum ledger_measure)i), '\0'};
        assert_on_page(page, letter);
    }

    cap = 5;
    struct got got = done(rice(VILLAGE, 5000));
    cap = 0;
    struct got arrival = done(STEP(ARRIVE, got.pledge, .thousandths = 5000));
    done(STEP(TICKET, NULL, .ref = arrival.entry, .document = "1"));
    done(REVERSE(arrival.entry, DONOR));
    struct ledger_entry close = {
        .type = LEDGER_CLOSE, .area = COUNTY, .on = 20251231, .actor = "a", .source = "cli"};
    done(close);
    redisReply *keys = rig_admin(&rig, "KEYS t:{l}:*");
    for (size_t i = 0; i < keys->elements; i++) {
        char name[32];
        const char *key = keys->element[i]->str + strlen("t:{l}:");
        size_t len = strcspn(key, ":");
        snprintf(name, sizeof name, "%.*s%s", (int)len, key, key[len] == ':' ? ":<" : "`");
        char quoted[64];
        snprintf(quoted, sizeof quoted, "| `%s", name);
        if (strstr(page, quoted) == NULL)
            fail_msg("docs/ledger.md has no row for the key %s", key);
    }
    freeReplyObject(keys);
    free(page);
}

/* ---- random steps against a plain sum ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % n);
}

static const uint64_t places[] = {VILLAGE,
                                  OTHER_VILLAGE,
                                  TOWNSHIP,
                                  UINT64_C(513327101001),
                                  COUNTY,
                                  PROVINCE,
                                  UINT64_C(513328100002),
                                  DONGGUAN_TOWN,
                                  UINT64_C(441900004001),
                                  AREA_UNASSIGNED,
                                  UINT64_C(429004001001)};
#define PLACES (sizeof places / sizeof *places)
static const char *const campaigns[] = {"oct", "jun", ""};
#define STEPS_MAX 700
#define KEPT_MAX 4000

static struct ledger_entry kept[KEPT_MAX]; /* kept[n - 1], texts copied */
static char kept_texts[KEPT_MAX][8][64];
static size_t n_kept;

static struct {
    unsigned calls;
    size_t n;
} reading;

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    (void)arg;
    (void)reason;
    reading.calls++;
    reading.n = n;
    assert_int_equal(error, ERR_OK);
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry *entry = &kept[n_kept];
        assert_true(rows[i].is_sound);
        assert_int_equal(ledger_row_read(&rows[i], entry), ERR_OK);
        assert_int_equal(entry->n, n_kept + 1); /* no gap */
        const char **texts[] = {&entry->pledge,  &entry->campaign, &entry->item,   &entry->unit,
                                &entry->receipt, &entry->peer,     &entry->request};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++) {
            snprintf(kept_texts[n_kept][j], 64, "%s", *texts[j]);
            *texts[j] = kept_texts[n_kept][j];
        }
        n_kept++;
    }
}

static void read_all(void)
{
    do {
        reading.calls = 0;
        assert_int_equal(ledger_read(rig.store, n_kept + 1, n_kept + 500, on_rows, NULL), ERR_OK);
        wait_for(&reading.calls);
    } while (reading.n > 0);
}

/* By the digits, without pledge/area.c. */
static bool within(uint64_t area, uint64_t scope, bool tree)
{
    static const uint64_t units[] = {1, 1000, 1000000, 100000000, 10000000000};
    uint64_t unit = 1;
    if (!tree || area == scope || scope == 0)
        return area == scope || tree;
    if (area == AREA_UNASSIGNED || scope == AREA_UNASSIGNED)
        return false;
    for (size_t i = 0; i < 5; i++)
        unit = scope % units[i] == 0 ? units[i] : unit;
    return area / unit == scope / unit;
}

/* What one entry adds to a measure of an area, read off the manual. sign 0: nothing. */
static int sign_at(const struct ledger_entry *e, enum ledger_measure measure, uint64_t scope,
                   bool tree, bool *counts)
{
    enum ledger_type type = e->type;
    int sign = 1;
    if (type == LEDGER_REVERSE) {
        sign = e->was == LEDGER_PLEDGE ? 1 : -1;
        type = e->was == LEDGER_PLEDGE ? LEDGER_VOID : e->was;
    }
    bool here = within(e->area, scope, tree), there = e->to != 0 && within(e->to, scope, tree),
         held = within(e->via != 0 ? e->via : e->area, scope, tree);
    *counts = measure != LEDGER_M_HELD;
    switch (type) {
    case LEDGER_PLEDGE:
        return here && measure == (e->confirmed ? LEDGER_M_PLEDGED : LEDGER_M_UNCONFIRMED) ? sign
                                                                                           : 0;
    case LEDGER_CONFIRM:
        return !here                             ? 0
               : measure == LEDGER_M_PLEDGED     ? sign
               : measure == LEDGER_M_UNCONFIRMED ? -sign
                                                 : 0;
    case LEDGER_ARRIVE:
        return here && (measure == LEDGER_M_ARRIVED || measure == LEDGER_M_HELD) ? sign : 0;
    case LEDGER_DELIVER:
        if (measure == LEDGER_M_DELIVERED)
            return here ? sign : 0;
        if (measure == LEDGER_M_REACHED)
            return there ? sign : 0;
        return !held ? 0 : measure == LEDGER_M_SPENT ? sign : measure == LEDGER_M_HELD ? -sign : 0;
    case LEDGER_VOID:
        if (!here)
            return 0;
        if (measure == (e->had_confirmed ? LEDGER_M_PLEDGED : LEDGER_M_UNCONFIRMED))
            return -sign;
        return measure == (e->withdrawn ? LEDGER_M_WITHDRAWN : LEDGER_M_VOID) ? sign : 0;
    case LEDGER_WAIVE:
        return here && measure == LEDGER_M_WAIVED ? sign : 0;
    case LEDGER_TRANSFER:
        if (measure == LEDGER_M_PLEDGED)
            *counts = e->whole;
        return !here                         ? 0
               : measure == LEDGER_M_MOVED   ? sign
               : measure == LEDGER_M_PLEDGED ? -sign
                                             : 0;
    case LEDGER_PASS:
        if (measure == LEDGER_M_OUT)
            return here ? sign : 0;
        if (measure == LEDGER_M_IN)
            return there ? sign : 0;
        return measure == LEDGER_M_HELD ? (there - here) * sign : 0;
    default:
        return 0;
    }
}

static struct ledger_figure plain_sum(uint64_t scope, bool tree, uint32_t year,
                                      const char *campaign, enum pledge_kind kind,
                                      enum ledger_measure measure)
{
    struct ledger_figure sum = {0, 0};
    for (size_t i = 0; i < n_kept; i++) {
        const struct ledger_entry *e = &kept[i];
        if (e->kind != kind || (year != 0 && e->year != year) ||
            (campaign != NULL && strcmp(e->campaign, campaign) != 0))
            continue;
        bool counts, is_money = kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
        int sign = sign_at(e, measure, scope, tree, &counts);
        sum.count += counts ? sign : 0;
        sum.fen += sign * (is_money ? e->fen : measure == LEDGER_M_HELD ? 0 : e->value_fen);
    }
    return sum;
}

static int64_t plain_quantity(uint64_t scope, bool tree, const char *item,
                              enum ledger_measure measure)
{
    int64_t sum = 0;
    bool counts;
    for (size_t i = 0; i < n_kept; i++) {
        if (kept[i].kind == PLEDGE_GOODS && strcmp(kept[i].item, item) == 0)
            sum += sign_at(&kept[i], measure, scope, tree, &counts) * kept[i].thousandths;
    }
    return sum;
}

static void compare_totals(uint32_t year, const char *campaign)
{
    uint64_t areas[256];
    size_t n = 0;
    for (size_t i = 0; i < PLACES; i++)
        n += area_ancestors(places[i], areas + n);
    for (size_t i = 0; i < n; i++) {
        bool is_done = false;
        for (size_t j = 0; j < i; j++)
            is_done = is_done || areas[j] == areas[i];
        if (is_done)
            continue;
        struct ledger_totals_query query = {
            .area = areas[i],
            .year = year,
            .campaign = campaign != NULL && campaign[0] == '\0' ? "-" : campaign};
        const struct ledger_totals *t = &totals(query)->areas[0];
        for (int scope = 0; scope < LEDGER_SCOPES; scope++) {
            for (int kind = 0; kind < PLEDGE_KINDS; kind++) {
                for (int m = 0; m < LEDGER_MEASURES; m++) {
                    struct ledger_figure want =
                        plain_sum(areas[i], scope == LEDGER_TREE, year, campaign,
                                  (enum pledge_kind)kind, (enum ledger_measure)m);
                    struct ledger_figure have = t->of[scope][kind][m];
                    if (want.count != have.count || want.fen != have.fen)
                        fail_msg("area %" PRIu64 " %s %s: %" PRId64 "/%" PRId64
                                 " fen, entries say %" PRId64 "/%" PRId64,
                                 areas[i], pledge_kind_word((enum pledge_kind)kind),
                                 ledger_measure_word((enum ledger_measure)m), have.count, have.fen,
                                 want.count, want.fen);
                    assert_true(have.count >= 0);
                    assert_true(have.fen >= 0);
                }
            }
        }
    }
}

struct goods_seen {
    unsigned calls;
    uint64_t area;
};

static void on_goods(void *arg, enum err error, const char *reason, uint64_t as_of,
                     const struct ledger_thing *things, size_t n)
{
    struct goods_seen *seen = arg;
    (void)reason;
    assert_int_equal(error, ERR_OK);
    assert_int_equal(as_of, n_kept);
    seen->calls++;
    for (size_t i = 0; i < n; i++) {
        if (things[i].kind != PLEDGE_GOODS)
            continue;
        for (int scope = 0; scope < LEDGER_SCOPES; scope++) {
            for (int m = 0; m < LEDGER_MEASURES; m++) {
                int64_t have = things[i].thousandths[scope][m];
                assert_int_equal(have, plain_quantity(seen->area, scope == LEDGER_TREE,
                                                      things[i].item, (enum ledger_measure)m));
                assert_true(have >= 0);
            }
        }
    }
}

static void compare_goods(void)
{
    for (size_t i = 0; i < PLACES; i++) {
        uint64_t areas[AREA_LEVELS];
        size_t n = area_ancestors(places[i], areas);
        for (size_t j = 0; j < n; j++) {
            struct goods_seen seen = {.area = areas[j]};
            struct ledger_totals_query query = {.area = areas[j]};
            assert_int_equal(ledger_goods(rig.store, &query, on_goods, &seen), ERR_OK);
            wait_for(&seen.calls);
        }
    }
}

/* The tree of every area is its direct figures and the trees of its children. */
static void check_tree(uint64_t area)
{
    struct seen_totals seen = *totals((struct ledger_totals_query){.area = area, .children = true});
    for (int kind = 0; kind < PLEDGE_KINDS; kind++) {
        for (int m = 0; m < LEDGER_MEASURES; m++) {
            int64_t sum = seen.areas[0].of[LEDGER_DIRECT][kind][m].fen;
            for (size_t i = 1; i < seen.n; i++)
                sum += seen.areas[i].of[LEDGER_TREE][kind][m].fen;
            assert_int_equal(sum, seen.areas[0].of[LEDGER_TREE][kind][m].fen);
        }
    }
    for (size_t i = 1; i < seen.n; i++)
        check_tree(seen.areas[i].area);
}

/* No number twice and no gap, for pledges and for receipts. */
static void check_numbers(bool receipts)
{
    static uint32_t counts[64];
    static char heads[64][16];
    size_t n = 0;
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < n_kept; i++) {
        enum ledger_type type = receipts ? LEDGER_ARRIVE : LEDGER_PLEDGE;
        if (kept[i].type != type)
            continue;
        struct number number;
        const char *text = receipts ? kept[i].receipt : kept[i].pledge;
        assert_int_equal(number_parse(text, strlen(text), &number), ERR_OK);
        assert_int_equal(number.is_receipt, receipts);
        char head[16];
        size_t at = 0;
        snprintf(head, sizeof head, "%06u-%04u", number.county, number.year);
        while (at < n && strcmp(heads[at], head) != 0)
            at++;
        if (at == n)
            memcpy(heads[n++], head, sizeof head);
        assert_true(n < 64);
        assert_int_equal(number.serial, ++counts[at]); /* in order: none twice, none missing */
    }
    assert_true(n > 0);
}

/* A random step, mostly sensible; the texts live in `space`. */
static struct ledger_entry random_step(char space[2][64])
{
    static const struct {
        enum ledger_type type;
        unsigned weight;
    } mix[] = {{LEDGER_PLEDGE, 30},  {LEDGER_CONFIRM, 8}, {LEDGER_ARRIVE, 30},
               {LEDGER_DELIVER, 14}, {LEDGER_VOID, 6},    {LEDGER_WAIVE, 4},
               {LEDGER_TRANSFER, 4}, {LEDGER_PASS, 12},   {LEDGER_TICKET, 3},
               {LEDGER_REVERSE, 14}, {LEDGER_CLOSE, 1}};
    unsigned draw = random_below(126), at = 0;
    while (draw >= mix[at].weight)
        draw -= mix[at++].weight;
    struct ledger_entry e = {
        .type = mix[at].type, .actor = "a", .source = "api", .shown = NAME_MASKED};
    const struct ledger_entry *any = n_kept > 0 ? &kept[random_below((uint32_t)n_kept)] : NULL;
    bool is_new = e.type == LEDGER_PLEDGE || e.type == LEDGER_PASS;
    bool of_pledge =
        !is_new && e.type != LEDGER_REVERSE && e.type != LEDGER_TICKET && e.type != LEDGER_CLOSE;
    enum pledge_kind kind = (enum pledge_kind)random_below(PLEDGE_KINDS);
    if (any != NULL && (of_pledge || (e.type == LEDGER_PASS && random_below(4) > 0)))
        kind = any->kind;
    static const int64_t sizes[] = {1, 50, 1000, 999999, LIMIT};
    int64_t amount = 1 + (int64_t)random_below((uint32_t)1000) * sizes[random_below(4)] % LIMIT;
    if (random_below(40) == 0)
        amount = LIMIT;
    bool is_money = kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
    if (any != NULL && !is_new && random_below(2) == 0)
        amount = is_money ? any->fen : any->thousandths; /* often exactly */
    if (is_new || e.type == LEDGER_ARRIVE || e.type == LEDGER_DELIVER || e.type == LEDGER_WAIVE) {
        e.fen = is_money ? amount : 0;
        e.thousandths = is_money ? 0 : amount;
        e.value_fen = is_money || random_below(2) ? 0 : 1 + random_below(100000);
    }
    if (of_pledge && any != NULL) {
        snprintf(space[0], 64, "%s", any->pledge);
        e.pledge = space[0];
    }
    if (is_new) {
        e.kind = kind;
        e.campaign = campaigns[random_below(3)];
        e.area = places[random_below(PLACES)];
        e.item = is_money ? "" : random_below(2) ? "大米" : "电视机";
        e.unit = is_money ? "" : "件";
        if (any != NULL && e.type == LEDGER_PASS && any->type == LEDGER_ARRIVE &&
            random_below(4) > 0) {
            e.kind = any->kind; /* something that is likely held there */
            e.area = any->area;
            snprintf(space[1], 64, "%s", any->campaign);
            e.campaign = space[1];
            e.fen = any->fen;
            e.thousandths = any->thousandths;
            e.item = any->item[0] == '\0' ? "" : strcmp(any->item, "大米") == 0 ? "大米" : "电视机";
            e.unit = any->unit[0] == '\0' ? "" : "件";
            e.year = any->year;
            e.value_fen = 0;
        }
    }
    if (e.type == LEDGER_PASS || (e.type == LEDGER_DELIVER && random_below(2)) ||
        e.type == LEDGER_TRANSFER)
        e.to = places[random_below(PLACES)];
    if (e.type == LEDGER_DELIVER && random_below(4) == 0)
        e.via = places[random_below(PLACES)];
    if (e.type == LEDGER_PLEDGE || e.type == LEDGER_TRANSFER) {
        e.name = "某人";
        e.mobile = random_below(3) ? PHONE + random_below(20) : 0;
        e.confirmed = e.type == LEDGER_PLEDGE && random_below(3) > 0;
    }
    e.over = e.type == LEDGER_ARRIVE && random_below(5) == 0;
    if (e.type == LEDGER_WAIVE)
        e.note = "n", e.document = "d";
    if (e.type == LEDGER_TICKET)
        e.document = "票据";
    if (e.type == LEDGER_TICKET || e.type == LEDGER_REVERSE)
        e.ref = 1 + random_below((uint32_t)n_kept + 3);
    if (e.type == LEDGER_VOID || e.type == LEDGER_REVERSE)
        e.why = (enum ledger_why)(1 + random_below(3));
    e.on = random_below(4) ? 0 : 20250101 + random_below(28);
    if (e.type == LEDGER_CLOSE) {
        e.area = places[random_below(PLACES)];
        e.on = 20250101 + random_below(10);
    }
    return e;
}

static void random_steps(uint64_t seed, unsigned by_type[LEDGER_TYPES])
{
    print_message("seed %" PRIu64 " (SEED=… repeats it)\n", seed);
    random_state = seed;
    n_kept = 0;
    unsigned n_done = 0, n_refused = 0, n_repeated = 0;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        char space[2][64], request[32], before[64] = "", after[64] = "";
        struct ledger_entry step = random_step(space);
        snprintf(request, sizeof request, "r%u", i);
        step.request = request;
        bool looks = i % 16 == 0; /* at every byte */
        if (looks)
            digest(before);
        long long n_writes = writes();
        struct got got = post(&step);
        if (got.error == ERR_OK) {
            assert_true(writes() > n_writes);
            by_type[step.type]++;
            n_done++;
            if (random_below(4) == 0) { /* any repetition: the same answer, and nothing more */
                n_writes = writes();
                struct got again = post(&step);
                assert_true(again.repeated);
                assert_int_equal(again.entry, got.entry);
                assert_int_equal(again.last, got.last);
                assert_string_equal(again.pledge, got.pledge);
                assert_string_equal(again.receipt, got.receipt);
                assert_string_equal(again.peer, got.peer);
                assert_int_equal(writes(), n_writes);
                n_repeated++;
            }
        } else {
            if (looks)
                digest(after);
            assert_true(got.error == ERR_REFUSED || got.error == ERR_NOT_FOUND);
            assert_true(strlen(got.reason) > 10);
            assert_string_equal(before, after);
            assert_int_equal(writes(), n_writes);
            n_refused++;
        }
        read_all();
    }
    print_message("%u steps done, %u refused, %u repeated, %zu entries\n", n_done, n_refused,
                  n_repeated, n_kept);
    compare_totals(0, NULL);
    compare_totals(2026, NULL);
    compare_totals(2025, "oct");
    compare_totals(0, "");
    compare_goods();
    check_tree(0);
    check_numbers(false);
    check_numbers(true);
}

static void test_random_steps(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    unsigned by_type[LEDGER_TYPES] = {0};
    random_steps(given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_ms(), by_type);
}

static void test_steps_of_every_type(void **state)
{
    (void)state;
    unsigned by_type[LEDGER_TYPES] = {0};
    random_steps(20261017, by_type);
    for (int type = 0; type < LEDGER_TYPES; type++)
        assert_true(by_type[type] > 0); /* the mix reaches every rule */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_numbers_and_requests, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_a_pledge_lives, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_every_illegal_step, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_waive_and_transfer, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_own_and_passed_on, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_goods, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_closed_periods, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_tickets, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_limits_are_exact, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_cap_a_day, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_lapsed, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_lists, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_the_page_names_everything, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_random_steps, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_steps_of_every_type, start, rig_one_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
