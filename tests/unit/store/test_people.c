/* Users and sessions in Redis: the functions work from the first call on, and an old login ends
 * with its user's rights. */
#include "rig_one.h"

#include "store/people.h"

static int64_t code_of(const char *command)
{
    redisReply *reply = rig_admin(&rig, command);
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    int64_t code = reply->element[0]->integer;
    freeReplyObject(reply);
    return code;
}

/* Nobody has called a function of the queue yet: its helpers must be there all the same. */
static void test_the_very_first_call(void **state)
{
    (void)state;
    assert_int_equal(code_of("FCALL or1_login_try 1 t:{u}: chen 10.0.0.1"), 0);
}

static void test_a_login_ends_with_the_rights(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    assert_int_equal(code_of("FCALL or1_user_add 1 t:{u}: chen Chen viewer 51 hash"), 0);
    assert_int_equal(code_of("FCALL or1_user_add 1 t:{u}: chen Chen viewer 51 hash"), 1);
    assert_int_equal(code_of("FCALL or1_session_open 1 t:{u}: d1 chen 7 csrf 9000 9000 -"), 1);
    assert_int_equal(code_of("FCALL or1_session_open 1 t:{u}: d1 chen 1 csrf 9000 9000 -"), 0);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d1 9000 1"), 0);
    assert_int_equal(code_of("FCALL or1_user_change 1 t:{u}: chen title Ch"), 0);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d1 9000 1"), 0);
    assert_int_equal(code_of("FCALL or1_session_lives 1 t:{u}: d1"), 0);
    assert_int_equal(code_of("FCALL or1_user_change 1 t:{u}: chen gen 1"), 1);
    assert_int_equal(code_of("FCALL or1_user_change 1 t:{u}: chen area 5133"), 0);
    assert_int_equal(code_of("FCALL or1_session_lives 1 t:{u}: d1"), 3);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d1 9000 1"), 3);
    assert_int_equal(code_of("FCALL or1_user_change 1 t:{u}: nobody area 5133"), 3);
}

static int64_t ends_in(const char *session)
{
    redisReply *reply = rig_admin(&rig, "PTTL t:{u}:s:%s", session);
    int64_t ms = reply->integer;
    freeReplyObject(reply);
    return ms;
}

static void test_who_only_looks_by_itself_does_not_keep_a_login(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    assert_int_equal(code_of("FCALL or1_user_add 1 t:{u}: chen Chen viewer 51 hash"), 0);
    assert_int_equal(code_of("FCALL or1_session_open 1 t:{u}: d1 chen 1 csrf 500000 90000000 -"),
                     0);
    rig_do(&rig, "PEXPIRE t:{u}:s:d1 100000");
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d1 0 1"), 0);
    assert_in_range(ends_in("d1"), 1, 100000);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d1 500000 1"), 0);
    assert_in_range(ends_in("d1"), 100001, 500000);
}

static void test_a_login_takes_the_place_of_the_one_before(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    assert_int_equal(code_of("FCALL or1_user_add 1 t:{u}: chen Chen viewer 51 hash"), 0);
    assert_int_equal(code_of("FCALL or1_session_open 1 t:{u}: d1 chen 1 csrf 9000 9000 -"), 0);
    assert_int_equal(code_of("FCALL or1_session_open 1 t:{u}: d2 chen 1 csrf 9000 9000 d1"), 0);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d1 9000 1"), 3);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d2 9000 1"), 0);
    assert_int_equal(code_of("FCALL or1_session_close 1 t:{u}: d2"), 0);
    assert_int_equal(code_of("FCALL or1_session_look 1 t:{u}: d2 9000 1"), 3);
}

/* A request whose daemon died in it: its key is free again before long, while an answer is kept. */
static void test_a_key_waits_for_its_answer_not_for_ever(void **state)
{
    (void)state;
    rig_do(&rig, "FLUSHALL");
    assert_int_equal(code_of("FCALL or1_once_begin 1 t:{u}: chen:k digest 300000"), 0);
    assert_int_equal(code_of("FCALL or1_once_begin 1 t:{u}: chen:k digest 300000"), 6);
    assert_int_equal(code_of("FCALL or1_once_begin 1 t:{u}: chen:k other 300000"), 5);
    int64_t ms = rig_number(&rig, "PTTL t:{u}:i:chen:k");
    assert_true(ms > 0 && ms <= 300000);
    assert_int_equal(code_of("FCALL or1_once_end 1 t:{u}: chen:k 201 {} 86400000"), 0);
    assert_int_equal(code_of("FCALL or1_once_begin 1 t:{u}: chen:k digest 300000"), 0);
    ms = rig_number(&rig, "PTTL t:{u}:i:chen:k");
    assert_true(ms > 86000000 && ms <= 86400000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_very_first_call),
        cmocka_unit_test(test_a_login_ends_with_the_rights),
        cmocka_unit_test(test_who_only_looks_by_itself_does_not_keep_a_login),
        cmocka_unit_test(test_a_login_takes_the_place_of_the_one_before),
        cmocka_unit_test(test_a_key_waits_for_its_answer_not_for_ever),
    };
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
