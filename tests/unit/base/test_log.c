#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define STAMP "2026-10-17T09:00:00.123+08:00 "

/* Log lines go into a packet-less pipe large enough for a test; what was written is read back at
 * once. */
static int ends[2];

static int set_up(void **state)
{
    (void)state;
    if (pipe(ends) != 0)
        return -1;
    log_set_fd(ends[1]);
    log_set_level(LOG_INFO);
    clock_virtual_start(INT64_C(1792198800123));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clock_virtual_stop();
    log_set_fd(2);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static char got[16384];

static size_t read_back(void)
{
    assert_int_equal(write(ends[1], "$", 1), 1); /* an end mark, so that reading never waits */
    size_t len = 0;
    while (len == 0 || got[len - 1] != '$') {
        ssize_t n = read(ends[0], got + len, sizeof got - len - 1);
        assert_true(n > 0);
        len += (size_t)n;
    }
    got[--len] = '\0';
    return len;
}

static void test_line_has_its_form(void **state)
{
    (void)state;
    log_line(LOG_INFO, "campaign/x", "event=%s chunk=%d", "settled", 3);
    log_line(LOG_WARN, "daemon", "event=late");
    log_line(LOG_ERROR, "redis", "event=lost");
    read_back();
    assert_string_equal(got, STAMP "INFO campaign/x event=settled chunk=3\n" STAMP
                                   "WARN daemon event=late\n" STAMP "ERROR redis event=lost\n");
}

static void test_level_filters(void **state)
{
    (void)state;
    assert_int_equal(log_level(), LOG_INFO);
    log_line(LOG_DEBUG, "a", "b=1");
    assert_int_equal(read_back(), 0);
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "a", "b=1");
    assert_int_equal(read_back(), 0);
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "a", "b=1");
    read_back();
    assert_string_equal(got, STAMP "DEBUG a b=1\n");
}

static void test_level_names(void **state)
{
    (void)state;
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++) {
        enum log_level level;
        assert_int_equal(log_level_parse(names[i], &level), ERR_OK);
        assert_int_equal(level, i);
    }
    enum log_level level = LOG_WARN;
    assert_int_equal(log_level_parse("INFO", &level), ERR_INVALID);
    assert_int_equal(log_level_parse("", &level), ERR_INVALID);
    assert_int_equal(level, LOG_WARN);
}

static void test_no_input_forges_a_line(void **state)
{
    (void)state;
    log_line(LOG_INFO, "x\ny", "v=%s", "a\r\nb\tc\x1b[31m\x7f高");
    read_back();
    assert_string_equal(got, STAMP "INFO x\\ny v=a\\r\\nb\\tc\\x1b[31m\\x7f高\n");
}

static void test_long_lines_are_cut_between_characters(void **state)
{
    (void)state;
    char text[9000];
    for (size_t shift = 0; shift < 4; shift++) {
        size_t n = 0;
        while (n < shift)
            text[n++] = 'x';
        while (n + 3 < sizeof text) {
            memcpy(text + n, "高", 3);
            n += 3;
        }
        text[n] = '\0';
        log_line(LOG_INFO, "s", "%s", text);
        size_t len = read_back();
        assert_in_range(len, 4080, 4096);
        assert_int_equal(got[len - 1], '\n');
        assert_memory_equal(got + len - 4, "高", 3);
    }
    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_line(LOG_INFO, text, "%s", text);
    size_t len = read_back();
    assert_true(len <= 4096);
    assert_ptr_equal(strchr(got, '\n'), got + len - 1);
}

static void test_errno_survives(void **state)
{
    (void)state;
    log_set_fd(-1);
    errno = ENOSPC;
    log_line(LOG_ERROR, "a", "b=1");
    assert_int_equal(errno, ENOSPC);
}

static void test_quote(void **state)
{
    (void)state;
    char out[16];
    assert_string_equal(log_quote("a b", out, sizeof out), "\"a b\"");
    assert_string_equal(log_quote("", out, sizeof out), "\"\"");
    assert_string_equal(log_quote("a\"\\\n", out, sizeof out), "\"a\\\"\\\\\\n\"");
    assert_string_equal(log_quote("0123456789abcdefgh", out, sizeof out), "\"0123456789abc\"");
    assert_string_equal(log_quote("0123456789ab\"", out, sizeof out), "\"0123456789ab\"");
    assert_string_equal(log_quote("0123456789a高", out, sizeof out), "\"0123456789a\"");
    assert_string_equal(log_quote("x", out, 4), "\"x\"");
    assert_string_equal(log_quote("x", out, 3), "\"\"");
    assert_string_equal(log_quote("x", out, 2), "");
    assert_string_equal(log_quote("x", out, 1), "");
}

static char sunk[512];
static bool takes;

static bool sink(enum log_level level, const char *subject, const char *text)
{
    snprintf(sunk, sizeof sunk, "%d %s %s", (int)level, subject, text);
    return takes;
}

static void test_sink_comes_first(void **state)
{
    (void)state;
    log_set_sink(sink);
    takes = true;
    log_line(LOG_WARN, "carrier/mas", "event=stopped reason=a\nb");
    log_line(LOG_DEBUG, "carrier/mas", "event=below_the_level");
    assert_int_equal(read_back(), 0);
    assert_string_equal(sunk, "1 carrier/mas event=stopped reason=a\\nb");
    takes = false;
    log_line(LOG_WARN, "carrier/mas", "event=stopped");
    read_back();
    assert_string_equal(got, STAMP "WARN carrier/mas event=stopped\n");
    log_set_sink(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line_has_its_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_level_filters, set_up, tear_down),
        cmocka_unit_test(test_level_names),
        cmocka_unit_test_setup_teardown(test_no_input_forges_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines_are_cut_between_characters, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_errno_survives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sink_comes_first, set_up, tear_down),
        cmocka_unit_test(test_quote),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
