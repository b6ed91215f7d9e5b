/* Verify against a real Redis: a sound ledger has nothing to tell, also while it is being written;
 * whatever somebody changes behind the daemon's back is named, with both values. */
#include "ledger/verify.h"

#include "../store/rig_one.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/loop.h"
#include "ledger/donors.h"
#include "ledger/seal.h"
#include "store/ledger_proof.h"

#define VILLAGE UINT64_C(513327205201)
#define TOWNSHIP UINT64_C(513327205000)
#define COUNTY UINT64_C(513327000000)
#define L "t:{l}:"

static unsigned requests;

static int start(void **state)
{
    (void)state;
    rig_start(&rig);
    requests = 0;
    return 0;
}

/* ---- a ledger with everything in it ---- */

struct got {
    unsigned calls;
    enum err error;
    char reason[256];
    uint64_t entry;
    char pledge[64], peer[64];
};

static void on_posted(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    struct got *got = arg;
    got->calls++;
    got->error = error;
    got->entry = posted->entry;
    snprintf(got->reason, sizeof got->reason, "%s", reason);
    snprintf(got->pledge, sizeof got->pledge, "%s", posted->pledge);
    snprintf(got->peer, sizeof got->peer, "%s", posted->peer);
}

static struct got post(struct ledger_entry entry)
{
    struct got got = {.calls = 0};
    char request[32];
    snprintf(request, sizeof request, "r%u", requests++);
    entry.request = request;
    entry.actor = "uid:clerk1";
    entry.source = "api";
    assert_int_equal(ledger_post(rig.store, &entry, 0, RIG_NOW, on_posted, &got), ERR_OK);
    while (got.calls == 0)
        rig_turn(&rig);
    if (got.error != ERR_OK)
        fail_msg("refused: %s", got.reason);
    return got;
}

#define POST(kind, ...) post((struct ledger_entry){.type = LEDGER_##kind, __VA_ARGS__})
#define CASH(where, amount, ...)                                                                   \
    POST(PLEDGE, .campaign = "oct", .area = (where), .kind = PLEDGE_CASH, .fen = (amount),         \
         .name = "张三", .mobile = UINT64_C(13800138000), .shown = NAME_MASKED, __VA_ARGS__)

/* Every type of entry, in several areas. */
static void fill(void)
{
    struct got by_sms = CASH(VILLAGE, 10000, .confirmed = false);
    POST(CONFIRM, .pledge = by_sms.pledge);
    struct got first = POST(ARRIVE, .pledge = by_sms.pledge, .fen = 4000);
    POST(TICKET, .ref = first.entry, .document = "票据 1");
    POST(PASS, .campaign = "oct", .area = VILLAGE, .to = TOWNSHIP, .kind = PLEDGE_CASH,
         .fen = 1000);
    POST(DELIVER, .pledge = by_sms.pledge, .fen = 3000, .to = UINT64_C(441900003001));
    POST(DELIVER, .pledge = by_sms.pledge, .fen = 500, .via = TOWNSHIP);
    POST(WAIVE, .pledge = by_sms.pledge, .fen = 1000, .note = "n", .document = "d");
    struct got moved =
        POST(TRANSFER, .pledge = by_sms.pledge, .name = "李四", .to = UINT64_C(441900004000));
    struct got wrong = CASH(AREA_UNASSIGNED, 77, .confirmed = true);
    struct got voided = POST(VOID, .pledge = wrong.pledge, .why = LEDGER_WHY_ERROR);
    POST(REVERSE, .ref = voided.entry, .why = LEDGER_WHY_ERROR);
    POST(REVERSE, .ref = wrong.entry, .why = LEDGER_WHY_DONOR);
    POST(VOID, .pledge = moved.peer, .why = LEDGER_WHY_ERROR);
    POST(REVERSE, .ref = moved.entry, .why = LEDGER_WHY_ERROR);
    struct got gone = POST(ARRIVE, .pledge = by_sms.pledge, .fen = 2000);
    POST(REVERSE, .ref = gone.entry, .why = LEDGER_WHY_BANK);
    struct got rice = POST(PLEDGE, .area = COUNTY, .kind = PLEDGE_GOODS, .thousandths = 20000,
                           .item = "大米", .unit = "袋", .value_fen = 240000, .name = "某公司",
                           .is_organisation = true, .confirmed = true);
    POST(ARRIVE, .pledge = rice.pledge, .thousandths = 25000, .over = true, .value_fen = 300000);
    POST(PASS, .area = COUNTY, .to = VILLAGE, .kind = PLEDGE_GOODS, .thousandths = 500,
         .item = "大米", .unit = "袋");
    POST(TRANSFER, .pledge = CASH(0, 900, .confirmed = true).pledge, .name = "王五");
    POST(PLEDGE, .area = VILLAGE, .kind = PLEDGE_SERVICE, .thousandths = 8000, .unit = "小时",
         .confirmed = true);
    POST(PLEDGE, .area = VILLAGE, .kind = PLEDGE_PURCHASE, .fen = 120000, .confirmed = true);
}

/* ---- verifying ---- */

struct seen {
    unsigned calls;
    enum err error;
    char reason[256];
    struct verify_report report;
    unsigned of[VERIFY_KINDS];
    size_t n;
    char sentences[40][512];
    struct verify_problem problems[40];
};

static void on_problem(void *arg, const struct verify_problem *problem)
{
    struct seen *seen = arg;
    seen->of[problem->kind]++;
    if (seen->n == 40)
        return;
    snprintf(seen->sentences[seen->n], 512, "%s", problem->sentence);
    seen->problems[seen->n++] = *problem;
}

static void on_done(void *arg, enum err error, const char *reason,
                    const struct verify_report *report)
{
    struct seen *seen = arg;
    seen->calls++;
    seen->error = error;
    seen->report = *report;
    snprintf(seen->reason, sizeof seen->reason, "%s", reason);
}

static struct verify_shown shown; /* of donors; all zero: they are not looked at */

static struct verify *begin(struct seen *seen, const struct ledger_seal *against, size_t n)
{
    struct verify *verify;
    memset(seen, 0, sizeof *seen);
    struct verify_options options = {.store = rig.store,
                                     .base = rig.base,
                                     .against = against,
                                     .n_against = n,
                                     .shown = shown,
                                     .on_problem = on_problem,
                                     .on_done = on_done,
                                     .arg = seen};
    assert_int_equal(verify_start(&options, &verify), ERR_OK);
    assert_int_equal(seen->calls, 0);
    return verify;
}

static struct seen *verify_against(const struct ledger_seal *against, size_t n)
{
    static struct seen seen;
    begin(&seen, against, n);
    while (seen.calls == 0)
        rig_turn(&rig);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.error, ERR_OK);
    return &seen;
}

static struct seen *verify_all(void)
{
    return verify_against(NULL, 0);
}

static void assert_sound(const struct seen *seen)
{
    if (seen->report.problems != 0)
        fail_msg("%" PRIu64 " problems, first: %s", seen->report.problems, seen->sentences[0]);
}

/* One problem says all of this. */
static bool says(const struct seen *seen, enum verify_kind kind, const char *what)
{
    for (size_t i = 0; i < seen->n; i++) {
        if (seen->problems[i].kind == kind && strstr(seen->sentences[i], what) != NULL)
            return true;
    }
    return false;
}

static void assert_says(const struct seen *seen, enum verify_kind kind, const char *what)
{
    if (says(seen, kind, what))
        return;
    for (size_t i = 0; i < seen->n; i++)
        print_message("told: %s: %s\n", verify_kind_word(seen->problems[i].kind),
                      seen->sentences[i]);
    fail_msg("not told: %s: %s", verify_kind_word(kind), what);
}

static void test_sound(void **state)
{
    (void)state;
    assert_sound(verify_all()); /* of nothing */
    fill();
    POST(CLOSE, .area = COUNTY, .on = 20251231);
    const struct seen *seen = verify_all();
    assert_sound(seen);
    assert_int_equal(seen->report.entries, rig_number(&rig, "GET " L "n"));
    assert_int_equal(seen->report.entries, rig_number(&rig, "XLEN " L "e"));
    assert_int_equal(seen->report.pledges, 8);
    assert_true(seen->report.nodes > 20);
}

/* ---- what somebody changes ---- */

static void test_changed_totals(void **state)
{
    (void)state;
    fill();
    rig_do(&rig, "HINCRBY " L "t:513327205000:2026:oct cash|pf 100");
    const struct seen *seen = verify_all();
    assert_int_equal(seen->of[VERIFY_TOTAL], 1);
    assert_says(seen, VERIFY_TOTAL,
                "513327205 2026 oct cash pledged fen: stored is 10100, the entries say 10000");
    assert_int_equal(seen->problems[0].stored, 10100);
    assert_int_equal(seen->problems[0].computed, 10000);
    /* the township does not add up to its villages, nor the county to its townships */
    assert_says(seen, VERIFY_EQUATION,
                "513327205 2026 oct cash pledged fen: own total = direct + children");
    assert_says(seen, VERIFY_EQUATION,
                "513327 2026 oct cash pledged fen: own total = direct + children");
    assert_int_equal(seen->of[VERIFY_EQUATION], 2);
    rig_do(&rig, "HINCRBY " L "t:513327205000:2026:oct cash|pf -100");
    assert_sound(verify_all());

    rig_do(&rig, "HINCRBY " L "t:513327205000:2026:oct cash|HF 7");
    assert_says(verify_all(), VERIFY_EQUATION, "held = arrived + in - out - spent");
    rig_do(&rig, "HINCRBY " L "t:513327205000:2026:oct cash|HF -7");
    rig_do(&rig, "HINCRBY " L "t:0:2026:* cash|on 1");
    rig_do(&rig, "HINCRBY " L "g:513327000000:2026:- goods|pq|大米|袋 500");
    rig_do(&rig, "HSET " L "t:513327205201:2026:oct nonsense 5");
    rig_do(&rig, "HDEL " L "t:513327205201:2026:oct cash|AF");
    seen = verify_all();
    assert_says(seen, VERIFY_TOTAL, "nation 2026 * cash passed_out count");
    assert_says(seen, VERIFY_EQUATION, "passed out = passed in");
    assert_says(seen, VERIFY_TOTAL,
                "goods pledged 大米 (袋): stored is 20500, the entries say 20000");
    assert_says(seen, VERIFY_TOTAL, "nonsense");
    assert_says(
        seen, VERIFY_TOTAL,
        "513327205201 2026 oct cash arrived fen, direct: stored is 0, the entries say 4000");
}

static void test_changed_summaries(void **state)
{
    (void)state;
    fill();
    redisReply *reply = rig_admin(&rig, "KEYS " L "p:513327-2026-000001-*");
    rig_do(&rig, "HINCRBY %s ar 1", reply->element[0]->str);
    assert_says(verify_all(), VERIFY_PLEDGE, "arrived is 4001, the entries say 4000");
    rig_do(&rig, "HINCRBY %s ar -1", reply->element[0]->str);
    rig_do(&rig, "HSET %s x v", reply->element[0]->str);
    assert_says(verify_all(), VERIFY_PLEDGE, "its step is 'v', the entries say 'p'");
    rig_do(&rig, "DEL %s", reply->element[0]->str);
    assert_says(verify_all(), VERIFY_PLEDGE, "its step is '-'");
    freeReplyObject(reply);
}

static void test_changed_lists_and_numbers(void **state)
{
    (void)state;
    fill();
    rig_do(&rig, "SREM " L "ch:513327205000 513327205201");
    rig_do(&rig, "SADD " L "ch:0 990000000000");
    rig_do(&rig, "HINCRBY " L "ser 513327:2026 1");
    rig_do(&rig, "HINCRBY " L "ser V513327:2026 1");
    const struct seen *seen = verify_all();
    assert_says(seen, VERIFY_CHILDREN, "513327205000: 0 of its 1 children are listed");
    assert_says(seen, VERIFY_CHILDREN, "990000000000 that no entry names");
    assert_says(seen, VERIFY_NUMBERS, "513327-2026 pledges");
    assert_says(seen, VERIFY_NUMBERS, "513327-2026 void receipts: 2 are given, the entries have 1");
}

/* The values of an entry as it lies in the stream, packed or (layout 1) named: texts of the reply.
 */
static void values_of(const redisReply *entry, const char *values[LEDGER_FIELDS])
{
    const redisReply *flat = entry->element[1];
    bool is_packed = flat->elements == 2;
    for (size_t i = 0; i < LEDGER_FIELDS; i++)
        values[i] = is_packed ? "" : flat->element[2 * i + 1]->str;
    const char *at = flat->element[1]->str;
    for (const char *end = at + flat->element[1]->len; is_packed && at < end;
         at += strlen(at) + 1) {
        size_t place = (unsigned char)*at++;
        values[place - 1] = at;
    }
}

/* An entry as the ledger writes it, or as layout 1 had it. */
static void put_entry(const char *id, const char *const values[LEDGER_FIELDS], bool is_named)
{
    const char *argv[3 + 2 * LEDGER_FIELDS] = {"XADD", L "e", id, "v"};
    size_t lens[3 + 2 * LEDGER_FIELDS], n = 3;
    char packed[4096];
    for (size_t i = 0; i < LEDGER_FIELDS && is_named; i++) {
        argv[n++] = ledger_field_names[i];
        argv[n++] = values[i];
    }
    for (size_t i = 0; i < n; i++)
        lens[i] = strlen(argv[i]);
    if (!is_named) {
        size_t len = 0;
        for (size_t i = 0; i < LEDGER_FIELDS; i++) {
            if (values[i][0] == '\0')
                continue;
            len +=
                (size_t)snprintf(packed + len, sizeof packed - len, "%c%s", (int)i + 1, values[i]) +
                1;
        }
        argv[n] = "v";
        lens[n++] = 1;
        argv[n] = packed;
        lens[n++] = len;
    }
    redisReply *reply = redisCommandArgv(rig.admin, (int)n, argv, lens);
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    freeReplyObject(reply);
}

/* Writes the stream anew with one value of one entry changed: what somebody with a key to Redis
 * would do. Entries up to `named` are written as layout 1 had them. */
static void rewrite(uint64_t entry, const char *field, const char *value, uint64_t named)
{
    redisReply *all = rig_admin(&rig, "XRANGE " L "e - +");
    rig_do(&rig, "DEL " L "e");
    for (size_t i = 0; i < all->elements; i++) {
        const char *values[LEDGER_FIELDS];
        values_of(all->element[i], values);
        for (size_t j = 0; j < LEDGER_FIELDS && i + 1 == entry; j++) {
            if (strcmp(ledger_field_names[j], field) == 0)
                values[j] = value;
        }
        put_entry(all->element[i]->element[0]->str, values, i + 1 <= named);
    }
    freeReplyObject(all);
}

static void change_entry(uint64_t entry, const char *field, const char *value)
{
    rewrite(entry, field, value, 0);
}

struct sealing {
    unsigned calls;
    enum err error;
    struct sealed sealed;
};

static void on_sealed(void *arg, enum err error, const char *reason, const struct sealed *sealed)
{
    struct sealing *sealing = arg;
    (void)reason;
    sealing->calls++;
    sealing->error = error;
    sealing->sealed = *sealed;
}

static struct sealing seal(uint32_t day, const char *path)
{
    struct sealing sealing = {.calls = 0};
    assert_int_equal(seal_make(rig.store, day, path, on_sealed, &sealing), ERR_OK);
    while (sealing.calls == 0)
        rig_turn(&rig);
    return sealing;
}

static void test_changed_entries(void **state)
{
    (void)state;
    fill();
    struct sealing first = seal(20261017, NULL);
    assert_int_equal(first.error, ERR_OK);
    assert_true(first.sealed.is_new);
    assert_int_equal(first.sealed.seal.to, rig_number(&rig, "GET " L "n"));
    assert_false(seal(20261017, NULL).sealed.is_new); /* nothing since */
    CASH(VILLAGE, 5, .confirmed = true);
    struct sealing second = seal(20261018, NULL);
    assert_int_equal(second.sealed.seal.from, first.sealed.seal.to + 1);
    assert_sound(verify_all());

    change_entry(3, "fen", "4001"); /* the arrival */
    const struct seen *seen = verify_all();
    assert_says(seen, VERIFY_ENTRY, "entry 3: it was changed after it was posted");
    assert_says(seen, VERIFY_SEAL, "20261017 1-");
    assert_int_equal(seen->of[VERIFY_SEAL], 1); /* and only that seal */
    assert_says(seen, VERIFY_TOTAL,
                "513327205201 2026 oct cash arrived fen: stored is 4000, the entries say 4001");
    assert_says(seen, VERIFY_PLEDGE, "arrived is 4000, the entries say 4001");
    change_entry(3, "fen", "4000");
    assert_sound(verify_all());

    change_entry(2, "note", "anything"); /* no figure changes, and it shows all the same */
    seen = verify_all();
    assert_says(seen, VERIFY_ENTRY, "entry 2: it was changed");
    assert_int_equal(seen->of[VERIFY_TOTAL], 0);
    change_entry(2, "note", "");

    change_entry(4, "fl", "z");
    assert_says(verify_all(), VERIFY_ENTRY, "entry 4: it is not written as the ledger writes");
    change_entry(4, "fl", "");
    assert_sound(verify_all());
    rig_do(&rig, "XDEL " L "e 5-0");
    seen = verify_all();
    assert_says(seen, VERIFY_ENTRY, "entry 5: entries 5 to 5 are missing");
    assert_says(seen, VERIFY_SEAL, "20261017 1-");
}

/* Whatever value of whatever entry is changed, in whatever way: the entry is named, by its number,
 * and nothing is told once the value is back. */
static void test_any_change_is_named(void **state)
{
    (void)state;
    const char *given = getenv("SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)clock_wall_ms();
    print_message("seed %" PRIu64 " (SEED=… repeats it)\n", seed);
    fill();
    for (int round = 0; round < 40; round++) {
        redisReply *all = rig_admin(&rig, "XRANGE " L "e - +");
        seed = digest_mix64(seed);
        size_t at = seed % all->elements, field = seed / 1000 % LEDGER_FIELDS;
        const char *values[LEDGER_FIELDS];
        char name[32], old[256], new[300], wanted[32];
        values_of(all->element[at], values);
        snprintf(name, sizeof name, "%s", ledger_field_names[field]);
        snprintf(old, sizeof old, "%s", values[field]);
        freeReplyObject(all);
        size_t len = strlen(old);
        if (len == 0 || seed / 100000 % 3 == 0) { /* longer, shorter, or another last sign */
            snprintf(new, sizeof new, "%s1", old);
        } else {
            snprintf(new, sizeof new, "%s", old);
            new[len - 1] = seed / 100000 % 3 == 1 ? '\0' : old[len - 1] == '7' ? '8' : '7';
        }
        print_message("entry %zu, %s: \"%s\" -> \"%s\"\n", at + 1, name, old, new);
        change_entry(at + 1, name, new);
        snprintf(wanted, sizeof wanted, "entry %zu: ", at + 1);
        assert_says(verify_all(), VERIFY_ENTRY, wanted);
        change_entry(at + 1, name, old);
        assert_sound(verify_all());
    }
}

/* Entries of layout 1 are read, proved and taken back as they lie there, beside packed ones. */
static void test_entries_of_layout_1(void **state)
{
    (void)state;
    fill();
    uint64_t last = (uint64_t)rig_number(&rig, "GET " L "n");
    seal(20261017, NULL);
    rewrite(0, "", "", last - 1);
    assert_sound(verify_all());
    struct got more = CASH(VILLAGE, 100, .confirmed = true);
    assert_int_equal(more.entry, last + 1);
    POST(REVERSE, .ref = 7, .why = LEDGER_WHY_ERROR);
    assert_sound(verify_all());
    rewrite(3, "fen", "4001", last - 1);
    assert_says(verify_all(), VERIFY_ENTRY, "entry 3: it was changed after it was posted");
    rewrite(3, "fen", "4000", last - 1);
    assert_sound(verify_all());
}

/* What is packed in another way than the ledger packs is no entry, whatever it means. */
static void test_packed_otherwise(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } wrong[] = {{"", 0},
                 {"\x01pledge", 7},
                 {"\x01pledge\0\x01pledge\0", 16},
                 {"\x03x\0\x01pledge\0", 11},
                 {"\x01pledge\0\x03\0", 10},
                 {"\x00pledge\0", 8},
                 {"!pledge\0", 8}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rig_do(&rig, "FLUSHDB");
        requests = 0;
        CASH(VILLAGE, 4000, .confirmed = true);
        rig_do(&rig, "DEL " L "e");
        redisReply *reply =
            redisCommand(rig.admin, "XADD " L "e 1-0 v %b", wrong[i].bytes, wrong[i].len);
        assert_int_equal(reply->type, REDIS_REPLY_STRING);
        freeReplyObject(reply);
        assert_says(verify_all(), VERIFY_ENTRY, "entry 1: it is not written as the ledger writes");
    }
}

static void test_last_entry_gone(void **state)
{
    (void)state;
    fill();
    seal(20261017, NULL);
    char what[64];
    long long last = rig_number(&rig, "GET " L "n");
    rig_do(&rig, "XDEL " L "e %lld-0", last);
    const struct seen *seen = verify_all();
    snprintf(what, sizeof what, "entry %lld: it is missing", last);
    assert_says(seen, VERIFY_ENTRY, what);
    assert_says(seen, VERIFY_SEAL, "are not all there");
    rig_do(&rig, "XTRIM " L "e MINID 10000"); /* all of them */
    assert_says(verify_all(), VERIFY_ENTRY, "entry 1: it is missing, and all up to the end");
}

/* The auditor's file convicts even who rewrites the marks, the totals and the seals. */
static void test_against_a_file(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/seals.txt", rig.server.dir);
    struct got only = CASH(VILLAGE, 4000, .confirmed = true);
    assert_int_equal(only.entry, 1);
    struct sealing made = seal(20261017, path);
    assert_int_equal(made.error, ERR_OK);
    struct ledger_seal kept = made.sealed.seal;

    /* a ledger that was begun again from nothing, with another amount, is sound in itself */
    rig_do(&rig, "FLUSHDB");
    requests = 0;
    CASH(VILLAGE, 4001, .confirmed = true);
    CASH(VILLAGE, 1, .confirmed = true);
    seal(20261017, NULL);
    assert_sound(verify_all());
    const struct seen *seen = verify_against(&kept, 1);
    assert_int_equal(seen->report.problems, 1);
    assert_says(seen, VERIFY_SEAL, "the seal 20261017 1-1 of the file");
    kept.to = 9;
    assert_says(verify_against(&kept, 1), VERIFY_SEAL, "are not all there");
}

/* ---- different donors ---- */

/* A daemon that shows them: it has read the ledger, and answers at once or in a later turn. */
struct shower {
    struct donors *donors;
    uint64_t entry;
    bool is_lazy, is_kept, is_read; /* kept: the test answers */
    unsigned holds, held, go_ons;
    void (*then)(void *verify, uint64_t entry);
    void *verify;
};

static void on_rows_shown(void *arg, enum err error, const char *reason,
                          const struct ledger_row *rows, size_t n)
{
    struct shower *shower = arg;
    (void)reason;
    assert_int_equal(error, ERR_OK);
    for (size_t i = 0; i < n; i++) {
        struct ledger_entry entry;
        assert_int_equal(ledger_row_read(&rows[i], &entry), ERR_OK);
        assert_int_equal(donors_add(shower->donors, &entry), ERR_OK);
        shower->entry = rows[i].n;
    }
    shower->is_read = true;
}

static void answer_hold(void *arg)
{
    struct shower *shower = arg;
    shower->held = shower->entry != 0;
    shower->then(shower->verify, shower->entry);
}

static void hold(void *arg, uint64_t entry, void (*then)(void *verify, uint64_t entry),
                 void *verify)
{
    struct shower *shower = arg;
    assert_true(shower->entry == 0 || shower->entry >= entry);
    shower->holds++;
    shower->then = then;
    shower->verify = verify;
    if (shower->is_kept)
        return;
    if (shower->is_lazy)
        loop_defer(rig.base, answer_hold, shower);
    else
        answer_hold(shower);
}

static uint64_t count_shown(void *arg, uint64_t area, uint32_t year, const char *campaign)
{
    const struct shower *shower = arg;
    assert_int_equal(shower->held, 1);
    return donors_count(shower->donors, area, year, campaign);
}

static void go_on(void *arg)
{
    struct shower *shower = arg;
    assert_int_equal(shower->held, 1);
    shower->held = 0;
    shower->go_ons++;
}

static void show(struct shower *shower)
{
    memset(shower, 0, sizeof *shower);
    assert_int_equal(donors_new(1000, &shower->donors), ERR_OK);
    assert_int_equal(ledger_read(rig.store, 1, LEDGER_READ_MAX, on_rows_shown, shower), ERR_OK);
    while (!shower->is_read)
        rig_turn(&rig);
    shown = (struct verify_shown){hold, count_shown, go_on, shower};
}

static void show_no_more(struct shower *shower)
{
    donors_free(shower->donors);
    memset(&shown, 0, sizeof shown);
}

static void give_as(const char *name, uint64_t area)
{
    POST(PLEDGE, .campaign = "oct", .area = area, .kind = PLEDGE_CASH, .fen = 100, .name = name,
         .is_organisation = true, .shown = NAME_MASKED, .confirmed = true);
}

static void test_numbers_of_donors(void **state)
{
    struct shower shower;
    (void)state;
    fill();
    give_as("某公司", VILLAGE);
    for (int is_lazy = 0; is_lazy < 2; is_lazy++) {
        show(&shower);
        shower.is_lazy = is_lazy == 1;
        const struct seen *seen = verify_all();
        assert_sound(seen);
        assert_int_equal(seen->report.donors, 2 * seen->report.nodes);
        assert_int_equal(shower.holds, 1);
        assert_int_equal(shower.go_ons, 1);
        show_no_more(&shower);
    }
    assert_int_equal(verify_all()->report.donors, 0);
}

/* Somebody who never gave is shown as a donor; somebody who gave is not. */
static void test_a_donor_too_many_or_too_few(void **state)
{
    struct shower shower;
    char number[NUMBER_TEXT_SIZE];
    (void)state;
    fill();
    give_as("某公司", VILLAGE);
    give_as("某公司", TOWNSHIP); /* the same donor */
    give_as("合作社", TOWNSHIP);
    show(&shower);
    const struct ledger_entry forged = {
        .type = LEDGER_PLEDGE,
        .pledge =
            number_format(&(struct number){.county = 513327, .year = 2026, .serial = 900}, number),
        .area = TOWNSHIP,
        .year = 2026,
        .campaign = "oct",
        .mobile = UINT64_C(13900139000),
        .name = "",
        .item = "",
        .unit = "",
        .confirmed = true};
    assert_int_equal(donors_add(shower.donors, &forged), ERR_OK);
    const struct seen *seen = verify_all();
    assert_says(seen, VERIFY_DONORS,
                "513327205 2026 oct: 4 different donors are shown, the entries say 3");
    assert_says(seen, VERIFY_DONORS, "513327205 all years oct: 4 different donors");
    assert_says(seen, VERIFY_DONORS, "nation 2026 *");
    for (size_t i = 0; i < seen->n; i++) {
        assert_int_equal(seen->problems[i].kind, VERIFY_DONORS);
        assert_int_equal(seen->problems[i].stored, seen->problems[i].computed + 1);
    }
    assert_false(says(seen, VERIFY_DONORS, "513327205201")); /* the village below has them all */
    assert_int_equal(shower.go_ons, 1);
    show_no_more(&shower);

    show(
        &shower); /* and then one is written over another in Redis: her pledge is somebody's else */
    uint64_t last = (uint64_t)rig_number(&rig, "GET " L "n");
    change_entry(last, "name", "某公司");
    seen = verify_all();
    assert_says(seen, VERIFY_DONORS,
                "513327205 2026 oct: 3 different donors are shown, the entries say 2");
    assert_int_equal(seen->of[VERIFY_TOTAL], 0);
    show_no_more(&shower);
}

/* What is shown may know of more entries than the proof has read: it reads on. Or nothing is shown.
 */
static void test_donors_that_are_ahead_or_unknown(void **state)
{
    struct shower shower = {.is_lazy = true};
    static struct seen seen;
    (void)state;
    fill();
    uint64_t before = (uint64_t)rig_number(&rig, "GET " L "n");
    shown = (struct verify_shown){hold, count_shown, go_on, &shower};
    begin(&seen, NULL, 0);
    while (seen.calls == 0)
        rig_turn(&rig);
    assert_sound(&seen);
    assert_int_equal(seen.report.donors, 0);
    assert_int_equal(shower.holds, 1);
    assert_int_equal(shower.go_ons, 0);

    show(&shower);
    shower.is_kept = true;
    begin(&seen, NULL, 0);
    while (shower.holds == 0)
        rig_turn(&rig);
    give_as("甲公司", VILLAGE);
    shower.is_read = false;
    assert_int_equal(ledger_read(rig.store, before + 1, before + 1, on_rows_shown, &shower),
                     ERR_OK);
    while (!shower.is_read)
        rig_turn(&rig);
    answer_hold(&shower);
    while (seen.calls == 0)
        rig_turn(&rig);
    assert_sound(&seen);
    assert_int_equal(seen.report.entries, before + 1);
    assert_true(seen.report.donors > 0);
    assert_int_equal(shower.go_ons, 1);

    shower.holds = 0; /* stopped while it waits for them: nothing stands still afterwards */
    struct verify *verify = begin(&seen, NULL, 0);
    while (shower.holds == 0)
        rig_turn(&rig);
    verify_stop(verify);
    answer_hold(&shower);
    while (seen.calls == 0)
        rig_turn(&rig);
    assert_int_equal(seen.error, ERR_STALE);
    assert_int_equal(shower.go_ons, 2);
    show_no_more(&shower);
}

/* ---- while it is written ---- */

static void test_while_it_is_written(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        fill();
    static struct seen seen;
    uint64_t before = (uint64_t)rig_number(&rig, "GET " L "n");
    begin(&seen, NULL, 0);
    unsigned posted = 0;
    while (seen.calls == 0) {
        if (posted++ < 400)
            CASH(VILLAGE + posted % 7, 100, .confirmed = true); /* turns the loop too */
        else
            rig_turn(&rig);
    }
    assert_int_equal(seen.error, ERR_OK);
    assert_sound(&seen);
    assert_true(seen.report.entries > before); /* it caught up */
}

static void test_stopped(void **state)
{
    (void)state;
    fill();
    static struct seen seen;
    verify_stop(begin(&seen, NULL, 0));
    assert_int_equal(seen.calls, 0);
    while (seen.calls == 0)
        rig_turn(&rig);
    assert_int_equal(seen.error, ERR_STALE);

    begin(&seen, NULL, 0); /* and Redis dies under it */
    rig_server_kill(&rig.server);
    while (seen.calls == 0)
        rig_turn(&rig);
    assert_true(seen.error == ERR_CLOSED || seen.error == ERR_TIMEOUT);
    assert_int_equal(seen.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_changed_totals, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_changed_summaries, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_changed_lists_and_numbers, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_changed_entries, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_any_change_is_named, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_entries_of_layout_1, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_packed_otherwise, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_last_entry_gone, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_against_a_file, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_numbers_of_donors, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_a_donor_too_many_or_too_few, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_donors_that_are_ahead_or_unknown, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_while_it_is_written, start, rig_one_stop),
        cmocka_unit_test_setup_teardown(test_stopped, start, rig_one_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
