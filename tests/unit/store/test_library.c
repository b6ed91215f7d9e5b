/* The function library as Redis has it: same alphabet as sms/state.h, loaded when it differs,
 * loaded again when it vanishes. */
#include "rig_one.h"

#include "base/digest.h"
#include "store/chunk.h"
#include "store/library.h"

static struct rig_answer answer;

static void test_alphabet(void **state)
{
    (void)state;
    redisReply *reply = rig_admin(&rig, "FCALL or1_alphabet 0");
    assert_int_equal(reply->elements, 2 + STATE_COUNT);
    assert_int_equal(reply->element[1]->len, STATE_COUNT);
    for (size_t i = 0; i < STATE_COUNT; i++) {
        assert_int_equal(reply->element[1]->str[i], (char)state_all[i]);
        assert_string_equal(reply->element[2 + i]->str, state_word(state_all[i]));
    }
    freeReplyObject(reply);
}

static void test_same_moves_as_the_states(void **state)
{
    (void)state;
    /* What a report may do is decided in parked.lua; here it is compared with state_report_moves
     * for every pair. */
    struct chunk_row row = {.number = RIG_FIRST};
    const enum recipient_state finals[] = {STATE_UNDELIVERED, STATE_EXPIRED, STATE_DELIVERED};
    for (size_t i = 0; i < STATE_COUNT; i++) {
        for (size_t j = 0; j < 3; j++) {
            rig_do(&rig, "FLUSHALL");
            struct campaign_fields fields = rig_fields("c");
            uint32_t seq = rig_launch(&rig, fields, row.number, 1, 2, 10);
            char command[96];
            snprintf(command, sizeof command, "SETRANGE t:{mas}:s:%u:0 0 %c", seq,
                     (char)state_all[i]);
            rig_do(&rig, command);
            uint16_t bucket = chunk_batch_bucket("b", 1);
            const char two[] = {(char)(bucket >> 8), (char)bucket};
            rig_do(&rig, "HSET t:{mas}:g:%b b %u:0:0:2", two, (size_t)2, seq);
            struct status_report report = {
                .batch = "b", .number = row.number, .to = finals[j], .code = "X"};
            RIG_CALL(
                answer, &rig,
                status_report(rig.store, "mas", &report, 1, 10, RIG_NOW, rig_on_stored, &answer));
            assert_int_equal(answer.stored.parked, 0);
            assert_int_equal(answer.stored.changed, state_report_moves(state_all[i], finals[j]));
        }
    }
}

static void test_version_is_the_digest_of_the_file(void **state)
{
    (void)state;
    struct buf text;
    char digest[DIGEST_SHA1_HEX];
    buf_init(&text, LIBRARY_TEXT_MAX);
    assert_int_equal(library_text(&text, digest), ERR_OK);
    redisReply *reply = rig_admin(&rig, "FCALL_RO or1_version 0");
    assert_string_equal(reply->str, digest);
    freeReplyObject(reply);
    assert_int_equal(strncmp(text.data, "#!lua name=outreach\n", 20), 0);
    buf_fini(&text);
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, LIBRARY_TEXT_MAX);
    assert_non_null(text);
    size_t n = fread(text, 1, LIBRARY_TEXT_MAX - 1, file);
    assert_true(n > 0 && n < LIBRARY_TEXT_MAX - 1);
    fclose(file);
    return text;
}

/* Every function of the queue stands on the page, and every function on the page is loaded. */
static void test_the_page_names_every_function(void **state)
{
    (void)state;
    char *page = read_file(SOURCE_DIR "/docs/redis-layout.md");
    redisReply *list = rig_admin(&rig, "FUNCTION LIST LIBRARYNAME outreach");
    redisReply *functions = list->element[0]->element[5];
    size_t on_page = 0, loaded = 0;
    assert_int_equal(functions->type, REDIS_REPLY_ARRAY);
    assert_true(functions->elements > 30);
    for (size_t i = 0; i < functions->elements; i++) {
        const char *name = functions->element[i]->element[1]->str;
        char quoted[64];
        if (strncmp(name, "or1_ledger_", 11) == 0)
            continue; /* the ledger has its own page */
        snprintf(quoted, sizeof quoted, "`%s`", name);
        loaded++;
        if (strstr(page, quoted) == NULL)
            fail_msg("docs/redis-layout.md does not name %s", name);
    }
    const char *table = strstr(page, "## Functions");
    assert_non_null(table);
    for (const char *at = table; (at = strstr(at, "\n| `or1_")) != NULL; at++) {
        const char *end = strchr(at + 1, '|'), *word = at + 3;
        for (end = strchr(at + 3, '|'); (word = strstr(word, "`or1_")) != NULL && word < end;
             word++)
            on_page++;
    }
    assert_int_equal(on_page, loaded);
    freeReplyObject(list);
    free(page);
}

/* The functions go away under a running daemon: the call that finds out is given once more, and
 * nobody notices. */
static void test_functions_vanish(void **state)
{
    (void)state;
    struct rig_answer other = {.rig = &rig};
    rig_do(&rig, "FUNCTION FLUSH");
    assert_int_equal(status_carrier(rig.store, "mas", rig_on_carrier, &other), ERR_OK);
    RIG_CALL(answer, &rig, status_carrier(rig.store, "mas", rig_on_carrier, &answer));
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(other.calls, 1);
    assert_int_equal(other.error, ERR_OK);
    assert_int_equal(redis_pending(store_redis(rig.store)), 0);
    assert_string_equal(answer.state, "running");
}

static void reconnect(void)
{
    store_free(rig.store);
    event_base_free(rig.base);
    rig_open(&rig);
}

static void test_another_version_is_replaced(void **state)
{
    (void)state;
    rig_do(&rig, "FUNCTION LOAD REPLACE %s",
           "#!lua name=outreach\nredis.register_function{function_name='or1_version', "
           "flags={'no-writes'}, "
           "callback=function() return 'old' end}\n");
    reconnect();
    rig_until(&rig, REDIS_READY);
    redisReply *reply = rig_admin(&rig, "FCALL_RO or1_version 0");
    assert_int_equal(reply->len, 40);
    freeReplyObject(reply);
}

static void test_the_same_version_is_left_alone(void **state)
{
    (void)state;
    rig_do(&rig, "CONFIG RESETSTAT");
    reconnect();
    rig_until(&rig, REDIS_READY);
    redisReply *reply = rig_admin(&rig, "INFO commandstats");
    assert_null(strstr(reply->str, "cmdstat_function|load:"));
    freeReplyObject(reply);
}

static void test_a_newer_layout_is_not_touched(void **state)
{
    (void)state;
    rig_do(&rig, "SET t:schema 99");
    reconnect();
    rig_until(&rig, REDIS_UNFIT);
    assert_non_null(strstr(rig.sentence, "layout 99"));
    struct rig_answer none;
    assert_int_equal(status_carrier(rig.store, "mas", rig_on_carrier, &none), ERR_CLOSED);
    rig_do(&rig, "SET t:schema 1");
    rig_until(&rig, REDIS_READY); /* it looks again by itself */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_alphabet),
                                       cmocka_unit_test(test_same_moves_as_the_states),
                                       cmocka_unit_test(test_version_is_the_digest_of_the_file),
                                       cmocka_unit_test(test_the_page_names_every_function),
                                       cmocka_unit_test(test_functions_vanish),
                                       cmocka_unit_test(test_another_version_is_replaced),
                                       cmocka_unit_test(test_the_same_version_is_left_alone),
                                       cmocka_unit_test(test_a_newer_layout_is_not_touched)};
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
