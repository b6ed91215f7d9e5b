/* Opt-outs and dedup groups. */
#include "rig_one.h"

static struct rig_answer answer;

static uint64_t add(uint64_t number, enum optout_scope scope, const char *source)
{
    struct optout_record record = {number, scope, RIG_NOW, source, "R"};
    RIG_CALL(answer, &rig, optout_add(rig.store, &record, 1, rig_on_added, &answer));
    assert_int_equal(answer.error, ERR_OK);
    return answer.fresh;
}

static void lookup(const uint64_t *numbers, size_t n, bool is_receipt)
{
    RIG_CALL(
        answer, &rig,
        optout_lookup(rig.store, numbers, n, is_receipt, "", "mas", 1, 0, rig_on_lookup, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.n, n);
}

struct record {
    unsigned calls;
    enum err error;
    struct optout_record is;
    char source[64], detail[64];
};
static void on_record(void *arg, enum err error, const struct optout_record *record)
{
    struct record *got = arg;
    got->calls++;
    got->error = error;
    got->is = *record;
    snprintf(got->source, sizeof got->source, "%s", record->source);
    snprintf(got->detail, sizeof got->detail, "%s", record->detail);
}
static struct record check(uint64_t number)
{
    struct record got = {0};
    assert_int_equal(optout_check(rig.store, number, on_record, &got), ERR_OK);
    while (got.calls == 0)
        rig_turn(&rig);
    assert_int_equal(got.error, ERR_OK);
    return got;
}

static void test_add_widens_and_never_narrows(void **state)
{
    (void)state;
    assert_int_equal(check(15400000001).is.at_ms, 0);
    assert_int_equal(add(15400000001, OPTOUT_MARKETING, "sms"), 1);
    assert_int_equal(add(15400000001, OPTOUT_ALL, "operator"), 0);
    assert_int_equal(add(15400000001, OPTOUT_MARKETING, "import"), 0);
    struct record got = check(15400000001);
    assert_int_equal(got.is.number, 15400000001);
    assert_int_equal(got.is.scope, OPTOUT_ALL);
    assert_int_equal(got.is.at_ms, RIG_NOW);
    assert_string_equal(got.source, "sms"); /* the first record is kept */
    assert_string_equal(got.detail, "R");
}

static void test_lookup(void **state)
{
    (void)state;
    const uint64_t numbers[] = {15400000009, 15400000001, 13900000000, 15400000002, 15410000001};
    lookup(numbers, 5, false); /* nobody has opted out yet */
    assert_memory_equal(answer.flags, "\0\0\0\0\0", 5);
    add(15400000001, OPTOUT_MARKETING, "sms");
    add(15400000002, OPTOUT_ALL, "sms");
    lookup(numbers, 5, false);
    assert_memory_equal(answer.flags, "\0\1\0\1\0", 5); /* in the caller's order */
    lookup(numbers, 5, true); /* a receipt goes to those who only want no publicity */
    assert_memory_equal(answer.flags, "\0\0\0\1\0", 5);
    lookup(numbers, 0, false);
}

static void test_remove(void **state)
{
    (void)state;
    const uint64_t number = 15400000001;
    add(number, OPTOUT_ALL, "sms");
    add(number + 1, OPTOUT_MARKETING, "sms");
    RIG_CALL(
        answer, &rig,
        optout_remove(rig.store, number, "uid:clerk1", "came back", RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    lookup(&number, 1, false);
    assert_int_equal(answer.flags[0], 0);
    lookup(&number, 1, true);
    assert_int_equal(answer.flags[0], 0);
    assert_int_equal(check(number).is.at_ms, 0);
    RIG_CALL(
        answer, &rig,
        optout_remove(rig.store, number, "uid:clerk1", "came back", RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_NOT_FOUND);
    RIG_CALL(answer, &rig,
             optout_remove(rig.store, number + 1, "uid:clerk1", "came back", RIG_NOW, rig_on_done,
                           &answer));
    assert_int_equal(rig_number(&rig, "KEYS t:{o}:*"),
                     0); /* nothing is left behind, and lookups are free again */
    assert_true(rig_number(&rig, "XLEN t:{a}:audit") >= 1);
}

struct page {
    unsigned calls;
    size_t n;
    bool more;
    uint64_t first, last;
};
static void on_page(void *arg, enum err error, const struct optout_record *records, size_t n,
                    bool more)
{
    struct page *page = arg;
    assert_int_equal(error, ERR_OK);
    *page = (struct page){page->calls + 1, n, more, n > 0 ? records[0].number : 0,
                          n > 0 ? records[n - 1].number : 0};
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(records[i].source, "import");
        assert_true(i == 0 || records[i - 1].number < records[i].number);
    }
}
static struct page page_after(uint64_t after, size_t want)
{
    struct page page = {0};
    assert_int_equal(optout_page(rig.store, after, want, on_page, &page), ERR_OK);
    while (page.calls == 0)
        rig_turn(&rig);
    return page;
}

static void test_many_and_pages(void **state)
{
    (void)state;
    static struct optout_record records[2500];
    for (size_t i = 0; i < 2500; i++)
        records[i] = (struct optout_record){15400000000 + (i * 7919) % 2500 * 40, OPTOUT_MARKETING,
                                            RIG_NOW, "import", ""};
    RIG_CALL(answer, &rig,
             optout_add(rig.store, records, 2500, rig_on_added, &answer)); /* in several calls */
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.fresh, 2500);
    RIG_CALL(answer, &rig, optout_add(rig.store, records, 2500, rig_on_added, &answer));
    assert_int_equal(answer.fresh, 0);
    struct page page = page_after(0, 1000);
    assert_int_equal(page.n, 1000);
    assert_true(page.more);
    assert_int_equal(page.first, 15400000000);
    page = page_after(page.last, 1000);
    page = page_after(page.last, 1000);
    assert_int_equal(page.n, 500);
    assert_false(page.more);
    assert_int_equal(page.last, 15400000000 + 2499 * 40);
    uint64_t all[1000];
    for (size_t i = 0; i < 1000; i++)
        all[i] = 15400000000 + i * 20; /* every second one */
    lookup(all, 1000, false);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(answer.flags[i], i % 2 == 0);
}

/* ---- dedup groups ---- */

static void ask(bool take, const uint64_t *numbers, size_t n, const char *carrier, uint32_t seq,
                uint32_t parent)
{
    if (take)
        RIG_CALL(answer, &rig,
                 optout_reserve(rig.store, numbers, n, false, "g", carrier, seq, parent,
                                rig_on_lookup, &answer));
    else
        RIG_CALL(answer, &rig,
                 optout_lookup(rig.store, numbers, n, false, "g", carrier, seq, parent,
                               rig_on_lookup, &answer));
    assert_int_equal(answer.error, ERR_OK);
}

static void test_a_number_has_one_owner(void **state)
{
    (void)state;
    const uint64_t a[] = {15400000003, 15400000001, 15400000002}, b[] = {15400000002, 15400000009};
    ask(false, a, 3, "mas", 1, 0);
    assert_int_equal(rig_number(&rig, "KEYS t:{d:g}:*"), 0); /* looking takes nothing */
    ask(true, a, 3, "mas", 1, 0);
    assert_memory_equal(answer.flags, "\0\0\0", 3);
    ask(true, a, 3, "mas", 1, 0); /* its answer was lost */
    assert_memory_equal(answer.flags, "\0\0\0", 3);
    ask(true, b, 2, "other", 1, 0); /* another carrier's campaign number 1 */
    assert_memory_equal(answer.flags, "\2\0", 2);
    ask(false, b, 2, "mas", 1, 0);
    assert_memory_equal(answer.flags, "\0\2", 2);
    ask(false, b, 2, "mas", 0, 0);
    assert_memory_equal(answer.flags, "\2\2", 2);
}

static void test_who_opted_out_is_not_reserved(void **state)
{
    (void)state;
    const uint64_t numbers[] = {15400000001, 15400000002};
    add(15400000002, OPTOUT_MARKETING, "sms");
    ask(true, numbers, 2, "mas", 1, 0);
    assert_memory_equal(answer.flags, "\0\1", 2);
    ask(false, numbers, 2, "mas", 2, 0);
    assert_memory_equal(answer.flags, "\2\1", 2);
}

static void test_a_child_takes_over(void **state)
{
    (void)state;
    const uint64_t numbers[] = {15400000001, 15400000002};
    ask(true, numbers, 2, "mas", 1, 0);
    ask(true, numbers, 1, "mas", 2, 1);
    assert_memory_equal(answer.flags, "\0", 1);
    ask(false, numbers, 2, "mas", 1, 0);
    assert_memory_equal(answer.flags, "\2\0", 2);
}

static struct campaign_fields grouped(const char *id)
{
    struct campaign_fields fields = rig_fields(id);
    fields.dedup_group = "g";
    return fields;
}

/* An import that was killed does not keep its numbers. */
static void test_a_killed_import_frees_its_numbers(void **state)
{
    (void)state;
    struct campaign_fields fields = grouped("c");
    const uint64_t number = 15400000001;
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    ask(true, &number, 1, "mas", answer.seq, 0); /* reserved, and never staged */
    RIG_CALL(answer, &rig, queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
    assert_int_equal(answer.error, ERR_OK);
    ask(true, &number, 1, "mas", answer.seq, 0);
    assert_int_equal(answer.flags[0], 0);
    ask(false, &number, 1, "mas", 77, 0);
    assert_int_equal(answer.flags[0], 2);
}

/* Somebody throws an import away while it is being committed: it is one or the other. Thrown away
 * it frees its numbers; committed it keeps them, or others would write to the same people. */
static void test_an_import_is_committed_while_it_is_thrown_away(void **state)
{
    (void)state;
    static struct rig_answer thrown;
    struct campaign_fields fields = grouped("c");
    const struct chunk_row row = {.number = RIG_FIRST};
    for (int commit_first = 0; commit_first < 2; commit_first++) {
        rig_one_empty(NULL);
        RIG_CALL(answer, &rig,
                 queue_begin(rig.store, &fields, "d1", RIG_NOW, rig_on_begin, &answer));
        uint32_t seq = answer.seq;
        RIG_CALL(answer, &rig,
                 queue_stage(rig.store, (struct chunk_ref){"mas", seq, 0}, &row, 1, rig_on_done,
                             &answer));
        ask(true, &row.number, 1, "mas", seq, 0);
        memset(&thrown, 0, sizeof thrown);
        /* The abort has looked at it, and goes on before or after the commit. */
        assert_int_equal(queue_abort(rig.store, "mas", seq, rig_on_done, &thrown), ERR_OK);
        while (!commit_first && thrown.calls == 0 &&
               rig_number(&rig, "HEXISTS t:{mas}:c:%u aborting", seq) != 1)
            event_base_loop(rig.base, EVLOOP_NONBLOCK);
        RIG_CALL(
            answer, &rig,
            queue_commit(rig.store, seq, &fields, 1, 1, 0, false, RIG_NOW, rig_on_done, &answer));
        bool is_committed = answer.error == ERR_OK;
        while (thrown.calls == 0)
            rig_turn(&rig);
        assert_int_equal(is_committed, commit_first);
        assert_int_equal(thrown.error, commit_first ? ERR_REFUSED : ERR_OK);
        ask(false, &row.number, 1, "mas", 99, 0);
        assert_int_equal(answer.flags[0], commit_first ? 2 : 0);
    }
}

static void numbers_of(uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        numbers[i] = RIG_FIRST + i;
}

static void cancel(uint32_t seq)
{
    RIG_CALL(answer, &rig,
             queue_act(rig.store, "mas", seq, ACT_CANCEL, "uid:a", "r", 0, RIG_NOW, rig_on_changed,
                       &answer));
    assert_int_equal(answer.error, ERR_OK);
    while (rig_number(&rig, "EXISTS t:{mas}:fr") != 0) /* worked off in the background */
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
}

static void test_cancel_before_anything_was_sent(void **state)
{
    (void)state;
    uint64_t numbers[60];
    numbers_of(numbers, 60);
    uint32_t seq = rig_launch(&rig, grouped("c"), RIG_FIRST, 1, 60, 25);
    ask(true, numbers, 60, "mas", seq, 0);
    cancel(seq);
    ask(true, numbers, 60, "mas", 99, 0);
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(answer.flags[i], 0);
}

static void test_cancel_after_some_were_sent(void **state)
{
    (void)state;
    uint64_t numbers[60];
    numbers_of(numbers, 60);
    uint32_t seq = rig_launch(&rig, grouped("c"), RIG_FIRST, 1, 60, 25);
    ask(true, numbers, 60, "mas", seq, 0);
    RIG_CALL(answer, &rig,
             queue_claim(rig.store, "mas", seq, "d1", 30000, RIG_NOW, rig_on_claim, &answer));
    uint64_t token = answer.token;
    struct chunk_ref ref = {"mas", seq, 0};
    struct settle_item item = {0, 5, OUTCOME_ACCEPTED, 5, "b", ""};
    RIG_CALL(
        answer, &rig,
        queue_intent(rig.store, ref, token, 0, 5, 5, 0, 0, 30000, RIG_NOW, rig_on_intent, &answer));
    RIG_CALL(answer, &rig,
             queue_settle(rig.store, ref, token, &item, 1, 30000, RIG_NOW, rig_on_done, &answer));
    assert_int_equal(answer.error, ERR_OK);
    cancel(seq);
    ask(true, numbers, 60, "mas", 99, 0);
    for (size_t i = 0; i < 60; i++)
        assert_int_equal(answer.flags[i], i < 5 ? 2 : 0); /* who got it stays in the group */
    rig_verify(&rig, seq);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, rig_one_empty)
    const struct CMUnitTest tests[] = {T(test_add_widens_and_never_narrows),
                                       T(test_lookup),
                                       T(test_remove),
                                       T(test_many_and_pages),
                                       T(test_a_number_has_one_owner),
                                       T(test_who_opted_out_is_not_reserved),
                                       T(test_a_child_takes_over),
                                       T(test_a_killed_import_frees_its_numbers),
                                       T(test_an_import_is_committed_while_it_is_thrown_away),
                                       T(test_cancel_before_anything_was_sent),
                                       T(test_cancel_after_some_were_sent)};
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
