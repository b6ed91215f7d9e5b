/* optout add, remove, check, import, export. */
#include "ctl/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/csvcell.h"
#include "ctl/common.h"
#include "sms/mobile.h"
#include "sms/optouts.h"

#define IMPORT_PROBLEMS_SHOWN 20

static const char *scope_of(const struct ctl *ctl)
{
    return ctl_option(ctl, OPT_ALL) != NULL ? "all" : "marketing";
}

/* One number of the command line as 11 digits. */
static bool read_number(const struct ctl *ctl, const char *text, char out[MOBILE_TEXT_SIZE])
{
    uint64_t number;
    enum mobile_verdict verdict = mobile_parse(text, strlen(text), &number);
    if (verdict != MOBILE_OK) {
        ctl_fail(ctl, CTL_USAGE, "number", "\"%s\": %s", text, mobile_verdict_sentence(verdict));
        return false;
    }
    mobile_format(number, out);
    return true;
}

/* Sends one block of numbers (taken); *fresh grows by those who had not opted out before. */
static enum ctl_exit add_numbers(struct ctl *ctl, json_t *numbers, const char *source,
                                 int64_t *fresh)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    json_t *body =
        json_pack("{s:o, s:s, s:s, s:s, s:s*}", "numbers", numbers, "scope", scope_of(ctl),
                  "source", source, "actor", ctl_actor(ctl), "reason", ctl_option(ctl, OPT_REASON));
    if (ctl_call(ctl, "POST", "/api/v1/optouts", body, &reply)) {
        *fresh += ctl_number(reply.json, "fresh");
    } else {
        exit = ctl_fail_reply(ctl, &reply);
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

static void print_added(const struct ctl *ctl, int64_t given, int64_t fresh, int64_t invalid)
{
    if (ctl_json(ctl)) {
        json_t *json = json_pack("{s:I, s:I, s:I}", "given", (json_int_t)given, "fresh",
                                 (json_int_t)fresh, "invalid", (json_int_t)invalid);
        ctl_print_json(json);
        json_decref(json);
    } else {
        printf("%" PRId64 " opted out (%" PRId64 " of them had already)\n", given, given - fresh);
        if (invalid > 0) {
            printf("%" PRId64 " line%s held no mobile number\n", invalid, invalid == 1 ? "" : "s");
        }
    }
}

enum ctl_exit cmd_optout_add(struct ctl *ctl)
{
    json_t *numbers = json_array();
    int64_t fresh = 0;
    for (size_t i = 0; i < ctl->n_operands; i++) {
        char number[MOBILE_TEXT_SIZE];
        if (!read_number(ctl, ctl->operands[i], number)) {
            json_decref(numbers);
            return CTL_USAGE;
        }
        json_array_append_new(numbers, json_string(number));
    }
    enum ctl_exit exit = add_numbers(ctl, numbers, "operator", &fresh);
    if (exit == CTL_DONE) {
        print_added(ctl, (int64_t)ctl->n_operands, fresh, 0);
    }
    return exit;
}

/* ---- import ---- */

struct import {
    json_t *block;
    int64_t given, fresh, invalid;
    uint64_t line;
};

/* The first cell of the line; a header line without any digit is passed over in silence. */
static void import_line(struct import *import, const char *line)
{
    char digits[MOBILE_TEXT_SIZE];
    uint64_t number;
    size_t len = strcspn(line, ",;\r\n");
    if (line[0] == '"') {
        line++;
        len = strcspn(line, "\"\r\n");
    }
    enum mobile_verdict verdict = mobile_parse(line, len, &number);
    if (verdict == MOBILE_OK) {
        mobile_format(number, digits);
        json_array_append_new(import->block, json_string(digits));
        import->given++;
    } else if (verdict != MOBILE_EMPTY &&
               !(import->line == 1 && strcspn(line, "0123456789") >= len)) {
        if (import->invalid++ < IMPORT_PROBLEMS_SHOWN) {
            fprintf(stderr, "line %" PRIu64 ": %s\n", import->line,
                    mobile_verdict_sentence(verdict));
        }
    }
}

static enum ctl_exit flush_block(struct ctl *ctl, struct import *import, size_t at_least)
{
    if (json_array_size(import->block) < at_least || json_array_size(import->block) == 0) {
        return CTL_DONE;
    }
    json_t *full = import->block;
    import->block = json_array();
    return add_numbers(ctl, full, "import", &import->fresh);
}

enum ctl_exit cmd_optout_import(struct ctl *ctl)
{
    const char *path = ctl->operands[0];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    struct import import = {.block = json_array()};
    char *line = NULL;
    size_t cap = 0;
    enum ctl_exit exit = CTL_DONE;
    while (exit == CTL_DONE && getline(&line, &cap, file) >= 0) {
        import.line++;
        import_line(&import, line);
        exit = flush_block(ctl, &import, OPTOUTS_A_CALL_MAX);
    }
    if (exit == CTL_DONE && ferror(file)) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    if (exit == CTL_DONE) {
        exit = flush_block(ctl, &import, 1);
    }
    if (exit == CTL_DONE) {
        print_added(ctl, import.given, import.fresh, import.invalid);
        exit = import.invalid > 0 ? CTL_FAILED : CTL_DONE;
    }
    free(line);
    json_decref(import.block);
    if (file != stdin) {
        fclose(file);
    }
    return exit;
}

/* ---- export ---- */

static void export_row(const json_t *row, bool json, bool first)
{
    if (json) {
        fputs(first ? "[\n  " : ",\n  ", stdout);
        json_dumpf(row, stdout, JSON_COMPACT);
        return;
    }
    const char *detail = ctl_text(row, "detail");
    printf("%s,%s,%s,%s,\"%s", ctl_text(row, "number"), ctl_text(row, "scope"), ctl_text(row, "at"),
           ctl_text(row, "source"), csvcell_is_formula(detail) ? "'" : "");
    for (const char *at = detail; *at != '\0'; at++) {
        fputs(*at == '"' ? "\"\"" : (char[]){*at, '\0'}, stdout);
    }
    fputs("\"\n", stdout);
}

enum ctl_exit cmd_optout_export(struct ctl *ctl)
{
    char cursor[64] = "", path[128];
    size_t rows = 0;
    bool more = true;
    if (!ctl_json(ctl)) {
        puts("number,scope,at,source,detail");
    }
    while (more) {
        struct reply reply;
        snprintf(path, sizeof path, "/api/v1/optouts?limit=%d&cursor=%s", OPTOUTS_A_PAGE_MAX,
                 cursor);
        if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
            enum ctl_exit exit = ctl_fail_reply(ctl, &reply);
            reply_fini(&reply);
            return exit;
        }
        size_t i;
        const json_t *row;
        json_array_foreach(json_object_get(reply.json, "optouts"), i, row)
        {
            export_row(row, ctl_json(ctl), rows++ == 0);
        }
        snprintf(cursor, sizeof cursor, "%s", ctl_text(reply.json, "cursor"));
        more = cursor[0] != '\0';
        reply_fini(&reply);
    }
    if (ctl_json(ctl)) {
        fputs(rows == 0 ? "[]\n" : "\n]\n", stdout);
    }
    return CTL_DONE;
}

/* ---- one number ---- */

static enum ctl_exit call_one(struct ctl *ctl, const char *path, struct reply *reply,
                              char number[MOBILE_TEXT_SIZE])
{
    if (!read_number(ctl, ctl->operands[0], number)) {
        memset(reply, 0, sizeof *reply);
        return CTL_USAGE;
    }
    json_t *body = json_pack("{s:s, s:s, s:s*}", "number", number, "actor", ctl_actor(ctl),
                             "reason", ctl_option(ctl, OPT_REASON));
    bool done = ctl_call(ctl, "POST", path, body, reply);
    json_decref(body);
    return done ? CTL_DONE : ctl_fail_reply(ctl, reply);
}

enum ctl_exit cmd_optout_remove(struct ctl *ctl)
{
    struct reply reply;
    char number[MOBILE_TEXT_SIZE];
    enum ctl_exit exit = call_one(ctl, "/api/v1/optouts/remove", &reply, number);
    if (exit == CTL_DONE && ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (exit == CTL_DONE) {
        printf("%s may be written to again\n", number);
    }
    reply_fini(&reply);
    return exit;
}

enum ctl_exit cmd_optout_check(struct ctl *ctl)
{
    struct reply reply;
    char number[MOBILE_TEXT_SIZE], time[40];
    enum ctl_exit exit = call_one(ctl, "/api/v1/optouts/check", &reply, number);
    if (exit == CTL_DONE && ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (exit == CTL_DONE && ctl_flag(reply.json, "opted_out")) {
        printf("%s opted out of %s on %s (%s: %s)\n", number,
               strcmp(ctl_text(reply.json, "scope"), "all") == 0 ? "everything"
                                                                 : "publicity and notices",
               ctl_time(ctl_text(reply.json, "at"), time), ctl_text(reply.json, "source"),
               ctl_text(reply.json, "detail"));
    } else if (exit == CTL_DONE) {
        printf("%s has not opted out\n", number);
    }
    reply_fini(&reply);
    return exit;
}
