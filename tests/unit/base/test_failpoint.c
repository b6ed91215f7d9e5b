/* failpoint: the k-th passing ends the process with 137, everything else does nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/failpoint.h"

/* Passes `name` `times` times in a child; gives its exit status. */
static int passes_in_child(const char *spec, const char *name, int times)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (failpoint_arm(spec) != ERR_OK)
            _exit(3);
        for (int i = 0; i < times; i++)
            FAILPOINT(name);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_kth_passing_exits(void **state)
{
    (void)state;
    assert_int_equal(passes_in_child("claim", "claim", 1), 137);
    assert_int_equal(passes_in_child("claim:3", "claim", 2), 0);
    assert_int_equal(passes_in_child("claim:3", "claim", 3), 137);
    assert_int_equal(passes_in_child("claim:3", "release", 9), 0);
    assert_int_equal(passes_in_child("", "claim", 9), 0);
}

static void test_bad_specs_are_refused(void **state)
{
    (void)state;
    const char *bad[] = {":1", "claim:", "claim:0", "claim:x", "claim:1x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(failpoint_arm(bad[i]), ERR_INVALID);
        assert_false(failpoint_armed);
    }
    assert_int_equal(failpoint_arm(NULL), ERR_OK);
    assert_false(failpoint_armed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kth_passing_exits),
        cmocka_unit_test(test_bad_specs_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
