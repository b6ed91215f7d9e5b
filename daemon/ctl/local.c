/* Commands that need no daemon: check, plan, help, completion. */
#include "ctl/commands.h"

#include <stdlib.h>
#include <string.h>

#include "campaign/folder.h"
#include "carrier/codes.h"
#include "conf/settings.h"
#include "ctl/common.h"
#include "ctl/help.h"
#include "ctl/planning.h"

#define MISTAKES_TEXT_MAX_BYTES ((size_t)1024 * 1024)

enum ctl_exit cmd_help(struct ctl *ctl)
{
    const struct command *found = NULL;
    const char *group = ctl->n_operands > 0 ? ctl->operands[0] : NULL;
    const char *verb = ctl->n_operands > 1 ? ctl->operands[1] : NULL;
    bool known = group == NULL;
    for (size_t i = 0; i < command_count && group != NULL; i++) {
        const struct command *row = &command_rows[i];
        if (strcmp(row->group, group) == 0) {
            known = known || verb == NULL;
            if (row->verb == NULL || (verb != NULL && strcmp(row->verb, verb) == 0)) {
                found = row;
                known = true;
            }
        }
    }
    if (!known) {
        return ctl_fail(ctl, CTL_USAGE, "usage",
                        "there is no command \"%s%s%s\"; \"outreachctl help\" lists them", group,
                        verb != NULL ? " " : "", verb != NULL ? verb : "");
    }
    return help_commands(ctl, found, group);
}

enum ctl_exit cmd_completion(struct ctl *ctl)
{
    return help_completion(ctl);
}

/* ---- check ---- */

static void check_codes(const struct settings *settings, struct mistakes *mistakes)
{
    for (size_t i = 0; i < settings->n_carriers; i++) {
        char path[CTL_PATH_MAX];
        struct codes *codes = NULL;
        snprintf(path, sizeof path, "%s/%s.ini", settings->daemon.codes_dir,
                 settings->carriers[i].codes);
        if (codes_load(path, &codes, mistakes) == ERR_OK) {
            codes_free(codes);
        }
    }
}

static json_t *optional_text(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *mistakes_json(const struct mistakes *mistakes)
{
    json_t *array = json_array();
    for (size_t i = 0; i < mistakes->n; i++) {
        const struct mistake *item = &mistakes->items[i];
        json_array_append_new(
            array, json_pack("{s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:b}", "file",
                             optional_text(item->file), "line", (int)item->line, "section",
                             optional_text(item->section), "key", optional_text(item->key), "value",
                             optional_text(item->value), "reason", optional_text(item->reason),
                             "nearest", optional_text(item->nearest), "warning", item->warning));
    }
    return array;
}

static json_t *drafts_json(const struct folder *folder)
{
    json_t *array = json_array();
    for (size_t i = 0; i < folder->n_drafts; i++) {
        json_array_append_new(array, json_pack("{s:s, s:s}", "file", folder->drafts[i].name,
                                               "lacks", folder->drafts[i].lacks));
    }
    return array;
}

static void print_check(struct ctl *ctl, const struct mistakes *mistakes,
                        const struct folder *folder)
{
    struct buf text;
    buf_init(&text, MISTAKES_TEXT_MAX_BYTES);
    mistakes_print(mistakes, &text);
    fputs(buf_text(&text), stderr);
    buf_reset(&text);
    if (mistakes->errors == 0) {
        buf_addf(&text, "%s: no mistakes; %zu campaign definition%s\n", ctl_config(ctl),
                 folder->n_definitions, folder->n_definitions == 1 ? "" : "s");
    }
    folder_print_drafts(folder, &text);
    fputs(buf_text(&text), stdout);
    buf_fini(&text);
}

enum ctl_exit cmd_check(struct ctl *ctl)
{
    struct settings *settings = NULL;
    struct mistakes mistakes;
    struct folder folder = {0};
    enum err error = ERR_OK;
    mistakes_init(&mistakes);
    if (settings_load(ctl_config(ctl), false, &settings, &mistakes) == ERR_OK) {
        check_codes(settings, &mistakes);
        error = folder_read(&folder, settings, &mistakes);
        settings_free(settings);
    }
    if (error != ERR_OK) {
        mistakes_fini(&mistakes);
        return ctl_fail(ctl, CTL_FAILED, "nomem", "%s", err_sentence(error));
    }
    if (ctl_json(ctl)) {
        json_t *json =
            json_pack("{s:b, s:I, s:I, s:o, s:o}", "ok", mistakes.errors == 0, "mistakes_total",
                      (json_int_t)mistakes.errors, "campaigns", (json_int_t)folder.n_definitions,
                      "drafts", drafts_json(&folder), "mistakes", mistakes_json(&mistakes));
        ctl_print_json(json);
        json_decref(json);
    } else {
        print_check(ctl, &mistakes, &folder);
    }
    if (mistakes.errors > 0) {
        fprintf(stderr, "outreachctl: %zu mistake%s\n", mistakes.errors,
                mistakes.errors == 1 ? "" : "s");
    }
    enum ctl_exit exit = mistakes.errors == 0 ? CTL_DONE : CTL_FAILED;
    folder_fini(&folder);
    mistakes_fini(&mistakes);
    return exit;
}

enum ctl_exit cmd_campaign_plan(struct ctl *ctl)
{
    struct planning planning;
    enum ctl_exit exit;
    if (planning_run(ctl, ctl->operands[0], ctl_option(ctl, OPT_NOW) != NULL, &planning, &exit)) {
        exit = CTL_DONE;
        if (ctl_json(ctl)) {
            json_t *json = planning_json(&planning);
            ctl_print_json(json);
            json_decref(json);
        } else {
            planning_print(&planning, stdout);
        }
    }
    planning_fini(&planning);
    return exit;
}
