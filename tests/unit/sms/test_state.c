#include "sms/state.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_bytes_and_words_of_the_contract(void **state)
{
    (void)state;
    static const struct {
        char byte;
        const char *word;
        bool final;
    } want[STATE_COUNT] = {
        {'A', "queued", false},   {'C', "inflight", false},  {'E', "ambiguous", false},
        {'G', "accepted", false}, {'I', "rejected", true},   {'K', "undelivered", true},
        {'M', "expired", true},   {'O', "suppressed", true}, {'Q', "cancelled", true},
        {'S', "delivered", true},
    };
    for (size_t i = 0; i < STATE_COUNT; i++) {
        enum recipient_state s = state_all[i];
        assert_int_equal(s, want[i].byte);
        assert_string_equal(state_word(s), want[i].word);
        assert_int_equal(state_is_final(s), want[i].final);
        assert_true(strlen(state_word_zh(s)) >= 6);
        enum recipient_state parsed;
        assert_true(state_parse(want[i].word, &parsed));
        assert_int_equal(parsed, s);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(state_word_zh(s), state_word_zh(state_all[j]));
    }
}

static void test_other_bytes_are_no_state(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool known = byte >= 'A' && byte <= 'S' && (byte - 'A') % 2 == 0;
        assert_int_equal(state_word((enum recipient_state)byte) != NULL, known);
        assert_int_equal(state_word_zh((enum recipient_state)byte) != NULL, known);
        if (!known) {
            assert_false(state_is_final((enum recipient_state)byte));
            assert_false(state_report_moves((enum recipient_state)byte, STATE_DELIVERED));
            assert_false(state_report_moves(STATE_ACCEPTED, (enum recipient_state)byte));
        }
    }
    enum recipient_state s = STATE_EXPIRED;
    assert_false(state_parse("Queued", &s));
    assert_false(state_parse("", &s));
    assert_false(state_parse("queue", &s));
    assert_int_equal(s, STATE_EXPIRED);
}

/* All hundred pairs, against the legal moves written out. */
static void test_reports_move_upward_only(void **state)
{
    (void)state;
    static const struct {
        char from;
        const char *to;
    } legal[] = {
        {'A', "KMS"}, {'C', "KMS"}, {'E', "KMS"}, {'G', "KMS"}, {'I', "KMS"},
        {'K', "MS"},  {'M', "S"},   {'O', ""},    {'Q', ""},    {'S', ""},
    };
    for (size_t i = 0; i < STATE_COUNT; i++) {
        for (size_t j = 0; j < STATE_COUNT; j++) {
            bool want = strchr(legal[i].to, state_all[j]) != NULL;
            if (state_report_moves((enum recipient_state)legal[i].from, state_all[j]) != want)
                fail_msg("%c to %c", legal[i].from, state_all[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_words_of_the_contract),
        cmocka_unit_test(test_other_bytes_are_no_state),
        cmocka_unit_test(test_reports_move_upward_only),
    };
    return cmocka_run_group_tests_name("sms/state", tests, NULL, NULL);
}
