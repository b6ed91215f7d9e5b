/* The rules, and the thread: answers come from the loop, in order, once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <event2/event.h>

#include "people/common_list.h"
#include "people/password.h"

#define GOOD "eleven goats on the hill"

static struct event_base *base;
static struct passwords *passwords;
static int waiting;
static char hashed[PASSWORD_HASH_SIZE];

static int set_up(void **state)
{
    (void)state;
    base = event_base_new();
    return passwords_new(base, &passwords) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    passwords_free(passwords);
    event_base_free(base);
    return 0;
}

static void wait_for_all(void)
{
    while (waiting > 0) {
        event_base_loop(base, EVLOOP_ONCE);
    }
}

static void on_hashed(void *arg, enum err error, const char *hash)
{
    (void)arg;
    assert_int_equal(error, ERR_OK);
    snprintf(hashed, sizeof hashed, "%s", hash);
    waiting--;
}

static void on_checked(void *arg, enum err error, bool is_right)
{
    assert_int_equal(error, ERR_OK);
    *(bool *)arg = is_right;
    waiting--;
}

static void make_hash(void)
{
    waiting = 1;
    assert_int_equal(password_hash(passwords, GOOD, on_hashed, NULL), ERR_OK);
    wait_for_all();
}

static void test_right_and_wrong(void **state)
{
    (void)state;
    bool right = false, wrong = true, nobody = true;
    make_hash();
    assert_memory_equal(hashed, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
    waiting = 3;
    assert_int_equal(password_check(passwords, hashed, GOOD, on_checked, &right), ERR_OK);
    assert_int_equal(password_check(passwords, hashed, GOOD "s", on_checked, &wrong), ERR_OK);
    assert_int_equal(password_check(passwords, "", GOOD, on_checked, &nobody), ERR_OK);
    wait_for_all();
    assert_true(right);
    assert_false(wrong);
    assert_false(nobody);
}

static void on_ended(void *arg, enum err error, bool is_right)
{
    (void)arg;
    assert_false(is_right && error != ERR_OK);
    waiting--;
}

static void test_a_flood_is_refused_and_the_end_tells_all(void **state)
{
    (void)state;
    char hash[] = "$argon2id$v=19$m=8,t=1,p=1$broken"; /* quick: it cannot be read */
    waiting = PASSWORD_QUEUE_MAX;
    for (int i = 0; i < PASSWORD_QUEUE_MAX; i++) {
        assert_int_equal(password_check(passwords, hash, GOOD, on_ended, NULL), ERR_OK);
    }
    assert_int_equal(password_check(passwords, hash, GOOD, on_ended, NULL), ERR_BUSY);
    passwords_free(passwords);
    passwords = NULL;
    assert_int_equal(waiting, 0);
}

/* It is searched by halves. */
static void test_the_list_is_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < common_list_count; i++) {
        assert_true(i == 0 || strcmp(common_list[i - 1], common_list[i]) < 0);
        assert_non_null(password_fault(common_list[i], "chen"));
    }
}

static void test_rules(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "elevenchars",
        "1qaz2wsx3edc4rfv",
        "LeaveMeAlone",
        "Q1w2e3r4t5y6",
        "password2026!",
        "P@ssw0rdP@ssw0rd",
        "1234567890123",
        "2026-10-17-0000",
        "qwertyuiop123456",
        "iloveyou5201314",
        "aaaaaaaaaaaaaaa",
        "woaini520520520",
        "abcdefghijklmnop",
    };
    static const char *const good[] = {GOOD, "correct horse battery", "扶贫日那天我们村下了大雪",
                                       "Tk7#mm2vQx9!ba", "guizhou sour fish soup with rice"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (password_fault(bad[i], "li") == NULL) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (password_fault(good[i], "li") != NULL) {
            fail_msg("\"%s\": %s", good[i], password_fault(good[i], "li"));
        }
    }
    assert_non_null(password_fault("wang.li.2026.10", "wang.li"));
}

static void test_lengths_count_characters(void **state)
{
    (void)state;
    char longest[3 * PASSWORD_MAX_CHARS + 4] = "";
    for (int i = 0; i < PASSWORD_MAX_CHARS / 2; i++) {
        strcat(longest, "村雪");
    }
    assert_null(password_fault(longest, "li"));
    strcat(longest, "雨");
    assert_non_null(password_fault(longest, "li"));
    assert_non_null(password_fault("村里下了大雪好大好大", "li")); /* ten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_right_and_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_flood_is_refused_and_the_end_tells_all, set_up,
                                        tear_down),
        cmocka_unit_test(test_the_list_is_in_order),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_lengths_count_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
