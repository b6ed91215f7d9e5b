/* The tables of commands and options: parsing, mistakes, help, completion. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/command.h"

#define WORDS_MAX 32

struct parsed {
    struct ctl ctl;
    enum err error;
    struct buf problem;
    char line[512];
};

/* Splits at blanks, "…" holds together; then parses. */
static struct parsed parse(const char *line)
{
    static struct parsed parsed;
    char *argv[WORDS_MAX];
    int argc = 0;
    buf_fini(&parsed.problem);
    memset(&parsed, 0, sizeof parsed);
    buf_init(&parsed.problem, 8192);
    snprintf(parsed.line, sizeof parsed.line, "%s", line);
    char *at = parsed.line;
    while (*at != '\0' && argc < WORDS_MAX) {
        at += strspn(at, " ");
        char stop = *at == '"' ? '"' : ' ';
        at += *at == '"';
        argv[argc++] = at;
        at += strcspn(at, stop == '"' ? "\"" : " ");
        if (*at != '\0') {
            *at++ = '\0';
        }
    }
    parsed.error = command_parse(argc, argv, &parsed.ctl, &parsed.problem);
    return parsed;
}

static void assert_mistake(const char *line, const char *says)
{
    struct parsed parsed = parse(line);
    assert_int_equal(parsed.error, ERR_INVALID);
    if (strstr(buf_text(&parsed.problem), says) == NULL) {
        fail_msg("%s: \"%s\" does not say \"%s\"", line, buf_text(&parsed.problem), says);
    }
}

static void test_options_stand_anywhere(void **state)
{
    (void)state;
    struct parsed parsed =
        parse("outreachctl --json campaign pause abc --reason \"wrong number\" --config=x.ini");
    assert_int_equal(parsed.error, ERR_OK);
    assert_string_equal(parsed.ctl.command->verb, "pause");
    assert_int_equal(parsed.ctl.n_operands, 1);
    assert_string_equal(parsed.ctl.operands[0], "abc");
    assert_string_equal(parsed.ctl.options[OPT_REASON], "wrong number");
    assert_string_equal(parsed.ctl.options[OPT_CONFIG], "x.ini");
    assert_non_null(parsed.ctl.options[OPT_JSON]);
    assert_null(parsed.ctl.options[OPT_WATCH]);

    parsed = parse("outreachctl campaign --config x.ini pause --reason why abc --json");
    assert_int_equal(parsed.error, ERR_OK);
    assert_string_equal(parsed.ctl.operands[0], "abc");
    assert_string_equal(parsed.ctl.options[OPT_CONFIG], "x.ini");
}

static void test_double_dash_ends_options(void **state)
{
    (void)state;
    struct parsed parsed = parse("outreachctl campaign plan -- --odd-name.ini");
    assert_int_equal(parsed.error, ERR_OK);
    assert_string_equal(parsed.ctl.operands[0], "--odd-name.ini");
}

static void test_mistakes_say_what_is_possible(void **state)
{
    (void)state;
    assert_mistake("outreachctl", "which command");
    assert_mistake("outreachctl campain list", "did you mean campaign?");
    assert_mistake("outreachctl campaign lunch x", "did you mean launch?");
    assert_mistake("outreachctl campaign", "plan, test, launch");
    assert_mistake("outreachctl carrier", "list, pause, resume");
    assert_mistake("outreachctl campaign pause", "ID is missing");
    assert_mistake("outreachctl campaign pause x y --reason z", "\"y\" is one too many");
    assert_mistake("outreachctl campaign pause x", "--reason TEXT is missing");
    assert_mistake("outreachctl campaign pause x --raeson y", "did you mean --reason?");
    assert_mistake("outreachctl campaign pause x --reason", "--reason needs TEXT");
    assert_mistake("outreachctl campaign pause x --reason a --reason b", "given twice");
    assert_mistake("outreachctl campaign status x --now",
                   "--now is no option of \"campaign status\"");
    assert_mistake("outreachctl campaign status x --watch=1", "--watch takes no value");
    assert_mistake("outreachctl campaign resend x --only everybody --reason y",
                   "possible: temporary rejected");
    assert_mistake("outreachctl campaign resolve x --ambiguous send --reason y",
                   "possible: resend accept fail");
}

/* A mistake is told in the form that was asked for, wherever on the line that stands. */
static void test_mistakes_keep_the_form(void **state)
{
    (void)state;
    struct parsed parsed = parse("outreachctl status --bogus --json");
    assert_int_equal(parsed.error, ERR_INVALID);
    assert_non_null(parsed.ctl.options[OPT_JSON]);
    assert_null(parse("outreachctl status --bogus").ctl.options[OPT_JSON]);
}

static void test_help_needs_nothing_else(void **state)
{
    (void)state;
    assert_int_equal(parse("outreachctl --help").error, ERR_OK);
    assert_int_equal(parse("outreachctl --version").error, ERR_OK);
    assert_int_equal(parse("outreachctl campaign --help").error, ERR_OK);
    struct parsed parsed = parse("outreachctl campaign pause --help");
    assert_int_equal(parsed.error, ERR_OK);
    assert_string_equal(parsed.ctl.command->verb, "pause");
}

/* Every example of the help is a line that the program takes. */
static void test_examples_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *row = &command_rows[i];
        assert_non_null(row->examples[0]);
        for (size_t e = 0;
             e < sizeof row->examples / sizeof *row->examples && row->examples[e] != NULL; e++) {
            char line[512];
            snprintf(line, sizeof line, "%s", row->examples[e]);
            char *redirect = strstr(line, " > ");
            if (redirect != NULL) {
                *redirect = '\0';
            }
            struct parsed parsed = parse(line);
            if (parsed.error != ERR_OK) {
                fail_msg("%s: %s", line, buf_text(&parsed.problem));
            }
            assert_ptr_equal(parsed.ctl.command, row);
        }
    }
}

static void test_rows_are_consistent(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *row = &command_rows[i];
        assert_true((row->required & ~row->options) == 0);
        assert_true((row->options & command_common_options) == 0);
        assert_true(row->min <= row->max && row->max <= CTL_OPERANDS_MAX);
        assert_true((row->max == 0) == (row->operands[0] == '\0'));
        assert_non_null(row->run);
    }
    for (int i = 0; i < OPT_COUNT; i++) {
        assert_non_null(option_rows[i].name);
        assert_true(option_rows[i].choices == NULL || option_rows[i].value != NULL);
    }
}

static void test_help_shows_every_command(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    command_help(NULL, NULL, &text);
    for (size_t i = 0; i < command_count; i++) {
        assert_non_null(strstr(buf_text(&text), command_rows[i].summary));
    }
    buf_fini(&text);
    for (size_t i = 0; i < command_count; i++) {
        buf_init(&text, 1 << 20);
        command_help(&command_rows[i], NULL, &text);
        assert_non_null(strstr(buf_text(&text), "Examples:"));
        assert_non_null(strstr(buf_text(&text), command_rows[i].examples[0]));
        assert_int_equal(buf_check(&text), ERR_OK);
        buf_fini(&text);
    }
}

/* config/outreachctl.bash-completion is what `outreachctl completion` prints. */
static void test_shipped_completion(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 1 << 20);
    command_completion(&text);
    FILE *file = fopen(SOURCE_DIR "/config/outreachctl.bash-completion", "r");
    assert_non_null(file);
    char *shipped = calloc(1, 1 << 20);
    size_t len = fread(shipped, 1, (1 << 20) - 1, file);
    fclose(file);
    assert_int_equal(len, text.len);
    assert_string_equal(shipped, buf_text(&text));
    free(shipped);
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_anywhere),
        cmocka_unit_test(test_double_dash_ends_options),
        cmocka_unit_test(test_mistakes_say_what_is_possible),
        cmocka_unit_test(test_mistakes_keep_the_form),
        cmocka_unit_test(test_help_needs_nothing_else),
        cmocka_unit_test(test_examples_parse),
        cmocka_unit_test(test_rows_are_consistent),
        cmocka_unit_test(test_help_shows_every_command),
        cmocka_unit_test(test_shipped_completion),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)parse("outreachctl status"); /* the last static buffer is empty: nothing leaks */
    return failed;
}
