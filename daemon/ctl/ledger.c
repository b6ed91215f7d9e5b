/* ledger verify, seal, audit, export. */
#include "ctl/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/common.h"
#include "ctl/table.h"

#define SEALS_FILE_MAX_BYTES ((size_t)16 * 1024 * 1024)

/* ---- verify ---- */

/* The lines of a file; NULL: it cannot be read (said). */
static json_t *read_lines(const struct ctl *ctl, const char *path)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0, all = 0;
    ssize_t len;
    if (file == NULL) {
        ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
        return NULL;
    }
    json_t *lines = json_array();
    bool fine = true;
    while (fine && (len = getline(&line, &cap, file)) >= 0) {
        line[strcspn(line, "\r\n")] = '\0';
        all += (size_t)len;
        json_t *text = json_string(line);
        fine = text != NULL && all <= SEALS_FILE_MAX_BYTES;
        if (fine) {
            json_array_append_new(lines, text);
        } else {
            json_decref(text);
        }
    }
    if (!fine || ferror(file)) {
        ctl_fail(ctl, CTL_FAILED, "io", "%s: it cannot be read, or is no file of seals", path);
        json_decref(lines);
        lines = NULL;
    }
    free(line);
    fclose(file);
    return lines;
}

static void print_proof(const json_t *proof)
{
    size_t i;
    const json_t *problem;
    char clean[2048];
    printf("%" PRId64 " entries, %" PRId64 " pledges, %" PRId64 " totals of areas, %" PRId64
           " numbers of donors, %" PRId64 " seals, in %.1f s\n",
           ctl_number(proof, "entries"), ctl_number(proof, "pledges"), ctl_number(proof, "nodes"),
           ctl_number(proof, "donors"), ctl_number(proof, "seals"),
           (double)ctl_number(proof, "took_ms") / 1000);
    if (ctl_flag(proof, "ok")) {
        puts("everything agrees with the entries");
        return;
    }
    json_array_foreach(json_object_get(proof, "found"), i, problem)
    {
        table_clean(ctl_text(problem, "sentence"), clean, sizeof clean);
        printf("  %-9s %s\n", ctl_text(problem, "kind"), clean);
    }
    printf("%" PRId64 " problem%s\n", ctl_number(proof, "problems"),
           ctl_number(proof, "problems") == 1 ? "" : "s");
}

enum ctl_exit cmd_ledger_verify(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    json_t *body = json_pack("{s:s}", "actor", ctl_actor(ctl));
    const char *against = ctl_option(ctl, OPT_AGAINST);
    if (against != NULL) {
        json_t *lines = read_lines(ctl, against);
        if (lines == NULL) {
            json_decref(body);
            return CTL_FAILED;
        }
        json_object_set_new(body, "against", lines);
    }
    if (!ctl_call(ctl, "POST", "/api/v1/ledger/verify", body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else {
        if (ctl_json(ctl)) {
            ctl_print_json(reply.json);
        } else {
            print_proof(reply.json);
        }
        exit = ctl_flag(reply.json, "ok") ? CTL_DONE : CTL_FAILED;
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

/* ---- seal ---- */

static bool has_line(const json_t *lines, const char *text)
{
    size_t i;
    const json_t *line;
    json_array_foreach(lines, i, line)
    {
        if (strcmp(json_string_value(line), text) == 0) {
            return true;
        }
    }
    return false;
}

/* Appends the seals that the file lacks. A file that holds other seals is left alone: it belongs to
 * another ledger, or somebody changed one of the two. */
static enum ctl_exit bring_up_to_date(const struct ctl *ctl, const char *path, const json_t *lines,
                                      size_t *added)
{
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    json_t *there = read_lines(ctl, path);
    enum ctl_exit exit = there != NULL ? CTL_DONE : CTL_FAILED;
    size_t i;
    const json_t *line;
    *added = 0;
    json_array_foreach(there, i, line)
    {
        const char *text = json_string_value(line);
        if (exit == CTL_DONE && text[0] != '\0' && text[0] != '#' && !has_line(lines, text)) {
            exit = ctl_fail(ctl, CTL_FAILED, "seal",
                            "%s, line %zu, is no seal of this ledger; nothing was written there. "
                            "`ledger verify --against %s` says more",
                            path, i + 1, path);
        }
    }
    json_array_foreach(lines, i, line)
    {
        if (exit == CTL_DONE && !has_line(there, json_string_value(line))) {
            fprintf(file, "%s\n", json_string_value(line));
            (*added)++;
        }
    }
    if (fclose(file) != 0 && exit == CTL_DONE) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    json_decref(there);
    return exit;
}

static void print_seal(const json_t *answer)
{
    if (ctl_number(answer, "from") == 0) {
        puts("there is nothing to seal");
        return;
    }
    printf("entries %" PRId64 " to %" PRId64 " %s %s\n%s\n", ctl_number(answer, "from"),
           ctl_number(answer, "to"), ctl_flag(answer, "fresh") ? "sealed," : "were sealed on",
           ctl_text(answer, "day"), ctl_text(answer, "hash"));
}

enum ctl_exit cmd_ledger_seal(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    const char *file = ctl_option(ctl, OPT_FILE);
    size_t added = 0;
    json_t *body = json_pack("{s:s}", "actor", ctl_actor(ctl));
    if (!ctl_call(ctl, "POST", "/api/v1/ledger/seal", body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else {
        if (file != NULL) {
            exit = bring_up_to_date(ctl, file, json_object_get(reply.json, "lines"), &added);
        }
        if (exit == CTL_DONE && ctl_json(ctl)) {
            ctl_print_json(reply.json);
        } else if (exit == CTL_DONE) {
            print_seal(reply.json);
        }
        if (exit == CTL_DONE && file != NULL && !ctl_json(ctl)) {
            printf("%zu line%s added to %s\n", added, added == 1 ? "" : "s", file);
        }
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

/* ---- audit ---- */

static enum ctl_exit print_audit(const struct ctl *ctl, const json_t *audit)
{
    static const char *const headers[] = {"series", "county", "name",  ">year", "first",
                                          "last",   ">count", ">void", "no gap"};
    struct table *table;
    size_t i;
    const json_t *row;
    char time[40];
    if (table_new(headers, 9, &table) != ERR_OK) {
        return ctl_fail(ctl, CTL_FAILED, "memory", "no memory for the table");
    }
    json_array_foreach(json_object_get(audit, "series"), i, row)
    {
        char year[24], count[24], voids[24];
        snprintf(year, sizeof year, "%" PRId64, ctl_number(row, "year"));
        snprintf(count, sizeof count, "%" PRId64, ctl_number(row, "count"));
        snprintf(voids, sizeof voids, "%" PRId64, ctl_number(row, "void"));
        table_row(table, (const char *const[]){ctl_text(row, "series"), ctl_text(row, "region"),
                                               ctl_text(row, "name"), year, ctl_text(row, "first"),
                                               ctl_text(row, "last"), count, voids,
                                               ctl_flag(row, "no_gap") ? "yes" : "NO"});
    }
    printf("as of %s, after entry %" PRId64 "\n\n", ctl_time(ctl_text(audit, "as_of"), time),
           ctl_number(audit, "as_of_entry"));
    table_print(table, stdout);
    table_free(table);
    putchar('\n');
    json_array_foreach(json_object_get(audit, "closed"), i, row)
    {
        printf("%s is closed through %s\n", ctl_text(row, "region"), ctl_text(row, "through"));
    }
    printf("%" PRId64 " seals, %" PRId64 " entries are not sealed yet\n",
           ctl_number(audit, "seals"), ctl_number(audit, "unsealed_entries"));
    if (ctl_number(audit, "unsound") > 0) {
        printf("%" PRId64 " entries were changed; `ledger verify` names them\n",
               ctl_number(audit, "unsound"));
    }
    return CTL_DONE;
}

enum ctl_exit cmd_ledger_audit(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call(ctl, "GET", "/api/v1/ledger/audit", NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
        reply_fini(&reply);
        return exit;
    }
    if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        exit = print_audit(ctl, reply.json);
    }
    if (exit == CTL_DONE && !ctl_flag(reply.json, "no_gap")) {
        exit = CTL_FAILED;
    }
    reply_fini(&reply);
    return exit;
}

/* ---- export ---- */

struct export
{
    bool json, excel, broken, cut;
    size_t lines;
};

static bool on_export_line(void *arg, const char *line, size_t len)
{
    struct export *export = arg;
    /* The daemon can only say in the stream that Redis went away. */
    export->cut =
        export->cut || strstr(line, "EXPORT BROKEN OFF") == line + (export->json ? 10 : 1);
    if (export->json) {
        fputs(export->lines > 0 ? ",\n  " : "[\n  ", stdout);
    }
    fwrite(line, 1, len, stdout);
    if (!export->json) {
        fputs(export->excel ? "\r\n" : "\n", stdout);
    }
    export->lines++;
    export->broken = ferror(stdout);
    return !export->broken;
}

enum ctl_exit cmd_ledger_export(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    struct export export = {.json = ctl_json(ctl),
                            .excel = ctl_option(ctl, OPT_EXCEL) != NULL && !ctl_json(ctl)};
    struct client *client = ctl_client(ctl);
    if (client == NULL) {
        return CTL_UNREACHABLE;
    }
    if (export.excel) {
        fputs("\xef\xbb\xbf", stdout);
    }
    bool done = client_stream(client,
                              export.json ? "/api/v1/ledger/entries?format=jsonl"
                                          : "/api/v1/ledger/entries?format=csv",
                              on_export_line, &export, &reply);
    if (export.json && (done || export.lines > 0)) {
        fputs(export.lines > 0 ? "\n]\n" : "[]\n", stdout);
    }
    if (export.broken) {
        exit = CTL_FAILED;
    } else if ((!done && export.lines > 0) || export.cut) {
        fprintf(stderr, "outreachctl: the export broke off after %zu lines\n", export.lines);
        exit = CTL_FAILED;
    } else if (!done) {
        exit = ctl_fail_reply(ctl, &reply);
    }
    reply_fini(&reply);
    return exit;
}
