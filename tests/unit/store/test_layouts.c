/* The number of the newest layout and the steps that lead to it belong together. */
#include "rig_one.h"

#include "store/layouts.h"

static void test_a_step_for_each_older_layout(void **state)
{
    (void)state;
    struct buf text;
    char *end;
    buf_init(&text, LAYOUTS_TEXT_MAX);
    assert_int_equal(layouts_text(&text), ERR_OK);
    end = strstr(text.data, "-- Runs the steps of"); /* where migrate.lua begins */
    assert_non_null(end);
    *end = '\0';
    redisReply *reply =
        redisCommand(rig.admin, "EVAL %b%s 0", text.data, (size_t)(end - text.data),
                     "for i = 1, #STEPS do assert(type(STEPS[i]) == 'function') end return #STEPS");
    assert_non_null(reply);
    buf_fini(&text);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    assert_int_equal(reply->integer, LAYOUT_NEWEST - 1);
    assert_int_equal(layout_newest, LAYOUT_NEWEST);
    freeReplyObject(reply);
}

static void test_an_empty_redis_has_the_newest(void **state)
{
    (void)state;
    redisReply *reply = rig_admin(&rig, "GET t:schema");
    assert_int_equal(strtol(reply->str, NULL, 10), LAYOUT_NEWEST);
    freeReplyObject(reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_step_for_each_older_layout),
                                       cmocka_unit_test(test_an_empty_redis_has_the_newest)};
    return cmocka_run_group_tests(tests, rig_one_start, rig_one_stop);
}
