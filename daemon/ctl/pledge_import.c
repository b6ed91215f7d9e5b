/* pledge import: a paper list goes to the daemon whole, which checks it from its first row to its
 * last and then books it (POST /api/v1/pledges/import). */
#include "ctl/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/csvcell.h"
#include "ctl/common.h"
#include "ctl/pledges.h"
#include "ctl/table.h"
#include "pledge/area.h"
#include "pledge/typed.h"

#define CHINA_MIN 480
#define LIST_MAX_BYTES ((size_t)16 * 1024 * 1024) /* as the daemon */
#define PROBLEMS_SHOWN 20
#define LINE_MAX_BYTES 2048
#define ROUTE "/api/v1/pledges/import"

/* ---- problems ---- */

static void write_problem(FILE *file, const json_t *problem)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    buf_addf(&line, "%" PRId64 ",", ctl_number(problem, "row"));
    csvcell_add(&line, ctl_text(problem, "value"));
    buf_add_char(&line, ',');
    csvcell_add(&line, ctl_text(problem, "reason"));
    fprintf(file, "%s\n", buf_text(&line));
    buf_fini(&line);
}

/* --problems FILE */
static enum ctl_exit write_problems(const struct ctl *ctl, const json_t *problems)
{
    const char *path = ctl_option(ctl, OPT_PROBLEMS);
    size_t i;
    const json_t *problem;
    if (path == NULL) {
        return CTL_DONE;
    }
    FILE *file = fopen(path, "we");
    if (file != NULL) {
        fputs("row,value,reason\n", file);
        json_array_foreach(problems, i, problem)
        {
            write_problem(file, problem);
        }
    }
    return file != NULL && fclose(file) == 0
               ? CTL_DONE
               : ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
}

static void print_problems(const json_t *problems, int64_t n, FILE *out)
{
    static const char *const headers[] = {">row", "value", "reason"};
    struct table *table;
    size_t i;
    const json_t *problem;
    if (n == 0 || table_new(headers, 3, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(problems, i, problem)
    {
        char row[24];
        snprintf(row, sizeof row, "%" PRId64, ctl_number(problem, "row"));
        if (i < PROBLEMS_SHOWN) {
            table_row(table, (const char *const[]){row, ctl_text(problem, "value"),
                                                   ctl_text(problem, "reason")});
        }
    }
    fprintf(out, "\nrows left out (rows are counted as the spreadsheet does):\n");
    table_print(table, out);
    table_free(table);
    if (n > PROBLEMS_SHOWN) {
        fprintf(out, "… and %" PRId64 " more; --problems FILE writes the first %zu\n",
                n - PROBLEMS_SHOWN, json_array_size(problems));
    }
}

/* ---- the list ---- */

static enum ctl_exit read_list(const struct ctl *ctl, char **bytes, size_t *len)
{
    const char *path = ctl->operands[0];
    FILE *file = fopen(path, "re");
    *bytes = malloc(LIST_MAX_BYTES + 1);
    *len = 0;
    enum ctl_exit exit = CTL_DONE;
    if (file == NULL || *bytes == NULL) {
        exit = ctl_fail(ctl, CTL_FAILED, "list", "%s: %s", path,
                        file == NULL ? strerror(errno) : err_sentence(ERR_NOMEM));
    } else {
        *len = fread(*bytes, 1, LIST_MAX_BYTES + 1, file);
    }
    if (exit == CTL_DONE && ferror(file) != 0) {
        exit = ctl_fail(ctl, CTL_FAILED, "list", "%s: it cannot be read", path);
    } else if (exit == CTL_DONE && *len > LIST_MAX_BYTES) {
        exit = ctl_fail(ctl, CTL_FAILED, "list", "%s: more than %zu MiB; divide the list", path,
                        LIST_MAX_BYTES >> 20);
    }
    if (file != NULL) {
        fclose(file);
    }
    return exit;
}

static enum ctl_exit fail_import(const struct ctl *ctl, const struct reply *reply)
{
    if (strcmp(reply->code, "list") == 0) {
        return ctl_fail(ctl, CTL_FAILED, "list", "%s: %s", ctl->operands[0], reply->message);
    }
    enum ctl_exit exit = ctl_fail_reply(ctl, reply);
    if (reply->status == 0 || reply->status == 503) {
        fputs("outreachctl: give the same command again: what is booked is not booked twice\n",
              stderr);
    }
    return exit;
}

static enum ctl_exit report(const struct ctl *ctl, const json_t *answer)
{
    int64_t rejected = ctl_number(answer, "rejected"), repeated = ctl_number(answer, "repeated"),
            booked = ctl_number(answer, "booked");
    const json_t *problems = json_object_get(answer, "problems");
    if (ctl_json(ctl)) {
        ctl_print_json(answer);
    } else {
        printf("%" PRId64 " rows: %" PRId64 " booked, %" PRId64 " booked before, %" PRId64
               " left out\n",
               ctl_number(answer, "rows"), booked, repeated, rejected);
        print_problems(problems, rejected, stdout);
    }
    if (!ctl_json(ctl) && rejected > 0 && booked + repeated > 0) {
        puts("\nMend the rows that were left out in a file of their own: this file with a change "
             "would be another list, and its good rows would be booked again.");
    }
    if (rejected > 0 && ctl_option(ctl, OPT_PARTIAL) == NULL && booked + repeated == 0) {
        fprintf(stderr, "outreachctl: nothing was booked; mend the rows, or book the good ones "
                        "with --partial\n");
    }
    enum ctl_exit exit = write_problems(ctl, problems);
    return exit == CTL_DONE && rejected > 0 ? CTL_FAILED : exit;
}

/* ---- the command ---- */

/* The day in China, as the daemon's; it has the last word. */
static uint32_t china_today(void)
{
    struct civil civil = clock_civil(clock_wall_ms(), CHINA_MIN);
    return (uint32_t)(civil.year * 10000 + civil.month * 100 + civil.day);
}

/* Told as a mistake of the command line, before anything is read. */
static enum ctl_exit check_options(const struct ctl *ctl)
{
    const char *region = ctl_option(ctl, OPT_REGION), *on = ctl_option(ctl, OPT_ON);
    uint64_t area;
    uint32_t day;
    if (region != NULL && area_parse(region, strlen(region), &area) != ERR_OK) {
        return ctl_fail(ctl, CTL_USAGE, "usage",
                        "--region \"%s\" is no area code of 2, 4, 6, 9 or 12 digits", region);
    }
    if (on != NULL && (typed_day(on, &day) != ERR_OK || day > china_today())) {
        return ctl_fail(ctl, CTL_USAGE, "usage", "--on \"%s\" is no day that has come", on);
    }
    return CTL_DONE;
}

enum ctl_exit cmd_pledge_import(struct ctl *ctl)
{
    static const struct pledges_query queries[] = {{OPT_ACTOR, "actor"},
                                                   {OPT_REGION, "region"},
                                                   {OPT_CAMPAIGN, "campaign"},
                                                   {OPT_PARTIAL, "partial"},
                                                   {OPT_ON, "on"}};
    char path[PLEDGES_PATH_MAX], *bytes = NULL;
    size_t len = 0;
    struct reply reply;
    enum ctl_exit exit = check_options(ctl);
    if (exit == CTL_DONE) {
        exit = read_list(ctl, &bytes, &len);
    }
    struct client *client = exit == CTL_DONE ? ctl_client(ctl) : NULL;
    if (client == NULL) {
        free(bytes);
        return exit == CTL_DONE ? CTL_FAILED : exit;
    }
    ctl->options[OPT_ACTOR] = ctl_actor(ctl); /* the login name, if none was given */
    pledges_path(ctl, ROUTE, queries, sizeof queries / sizeof *queries, path);
    exit = client_post_bytes(client, path, bytes, len, &reply) ? report(ctl, reply.json)
                                                               : fail_import(ctl, &reply);
    reply_fini(&reply);
    free(bytes);
    return exit;
}
