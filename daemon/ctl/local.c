/* Commands that need no daemon: check, plan, help, completion. */
#include "ctl/commands.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/definition.h"
#include "campaign/plan.h"
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

static int is_definition(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 && strcmp(entry->d_name + len - 4, ".ini") == 0;
}

/* Replies go to the campaign whose digits the service code ends with, whether it is over or not. */
static void check_digits(struct definition *const *definitions, size_t n, struct mistakes *mistakes)
{
    for (size_t i = 0; i < n; i++) {
        const struct definition *one = definitions[i];
        const char *digits = one->takes_pledges ? one->pledge.add_serial : "";
        for (size_t j = 0; j < i && digits[0] != '\0'; j++) {
            const struct definition *other = definitions[j];
            if (!other->takes_pledges || strcmp(other->carrier, one->carrier) != 0 ||
                strcmp(other->pledge.add_serial, digits) != 0) {
                continue;
            }
            mistakes_add(mistakes, false, one->path, 0, "pledge", "add_serial", digits, NULL,
                         "campaign %s (%s) has the same on carrier %s, and replies are told apart "
                         "by it: give one of the two other digits, or move the file of a campaign "
                         "that is over to another folder",
                         other->id, other->path, one->carrier);
            break;
        }
    }
}

static size_t check_campaigns(const struct settings *settings, struct mistakes *mistakes)
{
    struct dirent **entries = NULL;
    size_t good = 0;
    int n = scandir(settings->daemon.campaigns_dir, &entries, is_definition, alphasort);
    if (n < 0) {
        mistakes_add(mistakes, false, settings->file, 0, "daemon", "campaigns_dir",
                     settings->daemon.campaigns_dir, NULL, "cannot be read: %s", strerror(errno));
        return 0;
    }
    struct definition **definitions = calloc((size_t)n + 1, sizeof(struct definition *));
    for (int i = 0; i < n; i++) {
        char path[CTL_PATH_MAX];
        snprintf(path, sizeof path, "%s/%s", settings->daemon.campaigns_dir, entries[i]->d_name);
        if (definitions != NULL &&
            definition_load(path, settings, &definitions[good], mistakes) == ERR_OK) {
            plan_check(definitions[good], settings, mistakes);
            good++;
        }
        free(entries[i]);
    }
    free(entries);
    check_digits(definitions, good, mistakes);
    for (size_t i = 0; i < good; i++) {
        definition_free(definitions[i]);
    }
    free(definitions);
    return good;
}

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

enum ctl_exit cmd_check(struct ctl *ctl)
{
    struct settings *settings = NULL;
    struct mistakes mistakes;
    size_t campaigns = 0;
    mistakes_init(&mistakes);
    if (settings_load(ctl_config(ctl), false, &settings, &mistakes) == ERR_OK) {
        check_codes(settings, &mistakes);
        campaigns = check_campaigns(settings, &mistakes);
        settings_free(settings);
    }
    if (ctl_json(ctl)) {
        json_t *json = json_pack("{s:b, s:I, s:I, s:o}", "ok", mistakes.errors == 0,
                                 "mistakes_total", (json_int_t)mistakes.errors, "campaigns",
                                 (json_int_t)campaigns, "mistakes", mistakes_json(&mistakes));
        ctl_print_json(json);
        json_decref(json);
    } else {
        struct buf text;
        buf_init(&text, MISTAKES_TEXT_MAX_BYTES);
        mistakes_print(&mistakes, &text);
        fputs(buf_text(&text), stderr);
        buf_fini(&text);
        if (mistakes.errors == 0) {
            printf("%s: no mistakes; %zu campaign definition%s\n", ctl_config(ctl), campaigns,
                   campaigns == 1 ? "" : "s");
        }
    }
    if (mistakes.errors > 0) {
        fprintf(stderr, "outreachctl: %zu mistake%s\n", mistakes.errors,
                mistakes.errors == 1 ? "" : "s");
    }
    enum ctl_exit exit = mistakes.errors == 0 ? CTL_DONE : CTL_FAILED;
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
