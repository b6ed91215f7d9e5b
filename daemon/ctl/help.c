/* The texts are written by ctl/command.c; here they, or the rows they are made of, become output.
 */
#include "ctl/help.h"

#include <stdio.h>
#include <string.h>

#define HELP_MAX_BYTES ((size_t)256 * 1024)

/* ---- the forms of an answer ---- */

/* Takes `json`. */
static enum ctl_exit print_json(json_t *json)
{
    if (json == NULL) {
        fputs("outreachctl: no memory\n", stderr);
        return CTL_FAILED;
    }
    ctl_print_json(json);
    json_decref(json);
    return CTL_DONE;
}

static enum ctl_exit print_text(struct buf *text)
{
    enum ctl_exit exit = buf_check(text) == ERR_OK ? CTL_DONE : CTL_FAILED;
    fputs(buf_text(text), stdout);
    buf_fini(text);
    return exit;
}

/* ---- rows as JSON; NULL without memory ---- */

static json_t *choices_json(const char *choices)
{
    if (choices == NULL) {
        return json_null();
    }
    json_t *array = json_array();
    while (*choices != '\0') {
        size_t len = strcspn(choices, " ");
        json_array_append_new(array, json_stringn(choices, len));
        choices += len + (choices[len] == ' ');
    }
    return array;
}

static json_t *options_json(uint64_t options, uint64_t required)
{
    json_t *array = json_array();
    for (int i = 0; i < OPT_COUNT; i++) {
        if ((options >> i & 1) == 0) {
            continue;
        }
        const struct option_row *row = &option_rows[i];
        json_t *name = json_sprintf("--%s", row->name);
        json_array_append_new(array,
                              json_pack("{s:o, s:s?, s:o, s:b, s:s}", "option", name, "value",
                                        row->value, "choices", choices_json(row->choices),
                                        "required", (int)(required >> i & 1), "summary", row->doc));
    }
    return array;
}

static json_t *command_json(const struct command *row)
{
    json_t *examples = json_array();
    for (size_t i = 0; i < sizeof row->examples / sizeof *row->examples && row->examples[i] != NULL;
         i++)
        json_array_append_new(examples, json_string(row->examples[i]));
    json_t *name = json_sprintf("%s%s%s", row->group, row->verb != NULL ? " " : "",
                                row->verb != NULL ? row->verb : "");
    return json_pack("{s:o, s:s, s:s, s:o, s:o}", "command", name, "operands", row->operands,
                     "summary", row->summary, "options", options_json(row->options, row->required),
                     "examples", examples);
}

static json_t *commands_json(const struct command *only, const char *group)
{
    json_t *array = json_array();
    for (size_t i = 0; i < command_count; i++) {
        const struct command *row = &command_rows[i];
        bool in_group = group == NULL || strcmp(row->group, group) == 0;
        if (only != NULL ? row == only : in_group) {
            json_array_append_new(array, command_json(row));
        }
    }
    return json_pack("{s:s, s:o, s:o}", "usage", COMMAND_USAGE, "commands", array, "common_options",
                     options_json(command_common_options, 0));
}

/* ---- the three ---- */

enum ctl_exit help_version(const struct ctl *ctl)
{
    if (ctl_json(ctl)) {
        return print_json(
            json_pack("{s:s, s:s}", "program", "outreachctl", "version", OUTREACH_VERSION));
    }
    puts("outreachctl " OUTREACH_VERSION);
    return CTL_DONE;
}

enum ctl_exit help_commands(const struct ctl *ctl, const struct command *command, const char *group)
{
    struct buf text;
    if (ctl_json(ctl)) {
        return print_json(commands_json(command, group));
    }
    buf_init(&text, HELP_MAX_BYTES);
    command_help(command, group, &text);
    return print_text(&text);
}

enum ctl_exit help_completion(const struct ctl *ctl)
{
    struct buf text;
    buf_init(&text, HELP_MAX_BYTES);
    command_completion(&text);
    if (!ctl_json(ctl)) {
        return print_text(&text);
    }
    json_t *json = json_pack("{s:s, s:s}", "shell", "bash", "script", buf_text(&text));
    buf_fini(&text);
    return print_json(json);
}
