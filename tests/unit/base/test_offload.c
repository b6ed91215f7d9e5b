#include "base/offload.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <event2/event.h>

struct seen {
    struct event_base *base;
    pthread_t loop;
    char worked[8], done[8];
    bool elsewhere, here;
};

struct task {
    struct seen *seen;
    char letter;
    bool last;
};

static void work(void *arg)
{
    struct task *task = arg;
    size_t n = strlen(task->seen->worked);
    task->seen->worked[n] = task->letter;
    task->seen->elsewhere = !pthread_equal(pthread_self(), task->seen->loop);
}

static void done(void *arg)
{
    struct task *task = arg;
    size_t n = strlen(task->seen->done);
    task->seen->done[n] = task->letter;
    task->seen->here = pthread_equal(pthread_self(), task->seen->loop);
    if (task->last)
        event_base_loopbreak(task->seen->base);
}

static void test_in_order_and_from_the_loop(void **state)
{
    (void)state;
    struct seen seen = {.base = event_base_new(), .loop = pthread_self()};
    struct task tasks[] = {{&seen, 'a', false}, {&seen, 'b', false}, {&seen, 'c', true}};
    struct offload *offload;
    assert_int_equal(offload_new(seen.base, &offload), ERR_OK);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(offload_run(offload, work, done, &tasks[i]), ERR_OK);
    assert_string_equal(seen.done, ""); /* never from offload_run */
    event_base_dispatch(seen.base);
    assert_string_equal(seen.worked, "abc");
    assert_string_equal(seen.done, "abc");
    assert_true(seen.elsewhere && seen.here);
    offload_free(offload);
    event_base_free(seen.base);
}

static void test_what_was_given_is_done_before_the_end(void **state)
{
    (void)state;
    struct seen seen = {.base = event_base_new(), .loop = pthread_self()};
    struct task tasks[] = {{&seen, 'a', false}, {&seen, 'b', true}};
    struct offload *offload;
    assert_int_equal(offload_new(seen.base, &offload), ERR_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(offload_run(offload, work, done, &tasks[i]), ERR_OK);
    offload_free(offload);
    assert_string_equal(seen.worked, "ab");
    assert_string_equal(seen.done, "ab");
    offload_free(NULL);
    event_base_free(seen.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_and_from_the_loop),
        cmocka_unit_test(test_what_was_given_is_done_before_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
