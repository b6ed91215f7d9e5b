/* pledge import: a paper list, first checked from its first row to its last, then booked. */
#include "ctl/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/csvcell.h"
#include "ctl/common.h"
#include "ctl/pledge_list.h"
#include "ctl/table.h"
#include "pledge/area.h"
#include "pledge/typed.h"

#define CHINA_MIN 480
#define PROBLEM_TEXT_MAX 4096
#define PROBLEMS_SHOWN 20
#define LINE_MAX_BYTES 2048

struct counts {
    uint64_t booked, repeated, refused;
};

/* ---- problems ---- */

/* --problems FILE: every one as it is met. */
static void on_problem(void *arg, const struct plan_problem *problem)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    buf_addf(&line, "%" PRIu64 ",", problem->row);
    csvcell_add(&line, problem->value);
    buf_add_char(&line, ',');
    csvcell_add(&line, problem->reason);
    fprintf((FILE *)arg, "%s\n", buf_text(&line));
    buf_fini(&line);
}

static enum ctl_exit open_problems(const struct ctl *ctl, FILE **file)
{
    const char *path = ctl_option(ctl, OPT_PROBLEMS);
    *file = path != NULL ? fopen(path, "we") : NULL;
    if (path != NULL && *file == NULL) {
        return ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", path, strerror(errno));
    }
    if (*file != NULL) {
        fputs("row,value,reason\n", *file);
    }
    return CTL_DONE;
}

static void print_problems(const struct problems *problems, FILE *out)
{
    static const char *const headers[] = {">row", "value", "reason"};
    struct table *table;
    if (problems->n_kept == 0 || table_new(headers, 3, &table) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < problems->n_kept && i < PROBLEMS_SHOWN; i++) {
        char row[24];
        snprintf(row, sizeof row, "%" PRIu64, problems->kept[i].row);
        table_row(table,
                  (const char *const[]){row, problems->kept[i].value, problems->kept[i].reason});
    }
    fprintf(out, "\nrows left out (rows are counted as the spreadsheet does):\n");
    table_print(table, out);
    table_free(table);
    if (problems->n > PROBLEMS_SHOWN) {
        fprintf(out, "… and %" PRIu64 " more; --problems FILE writes all of them\n",
                problems->n - PROBLEMS_SHOWN);
    }
}

static json_t *problems_json(const struct problems *problems)
{
    json_t *array = json_array();
    for (size_t i = 0; i < problems->n_kept; i++) {
        const struct plan_problem *one = &problems->kept[i];
        json_array_append_new(array, json_pack("{s:I, s:s, s:s, s:s}", "row", (json_int_t)one->row,
                                               "value", one->value, "reason", one->reason, "word",
                                               one->word));
    }
    return array;
}

/* ---- closed periods: known before anything is booked ---- */

static bool is_closed(const json_t *closed, const json_t *body, char reason[160])
{
    const char *region = ctl_text(body, "region"), *on = ctl_text(body, "on");
    uint64_t area, scope;
    uint32_t day, through;
    size_t i;
    const json_t *row;
    if (on[0] == '\0' || typed_day(on, &day) != ERR_OK ||
        area_parse(region, strlen(region), &area) != ERR_OK) {
        return false;
    }
    json_array_foreach(closed, i, row)
    {
        const char *code = ctl_text(row, "region");
        if (area_parse(code, strlen(code), &scope) == ERR_OK && area_within(area, scope) &&
            typed_day(ctl_text(row, "through"), &through) == ERR_OK && day <= through) {
            snprintf(reason, 160, "area %s is closed through %s: give it a later day", code,
                     ctl_text(row, "through"));
            return true;
        }
    }
    return false;
}

/* Takes rows of a closed period out of the list. */
static enum ctl_exit check_closed(struct ctl *ctl, struct pledge_list *list)
{
    struct reply reply;
    if (!ctl_call(ctl, "GET", "/api/v1/ledger/audit", NULL, &reply)) {
        enum ctl_exit exit = ctl_fail_reply(ctl, &reply);
        reply_fini(&reply);
        return exit;
    }
    const json_t *closed = json_object_get(reply.json, "closed");
    for (size_t i = json_array_size(list->bodies); i > 0; i--) {
        const json_t *body = json_array_get(list->bodies, i - 1);
        char reason[160];
        if (is_closed(closed, body, reason)) {
            struct plan_problem problem = {(uint64_t)ctl_number(body, "row"), ctl_text(body, "on"),
                                           reason, "closed"};
            problems_add(&list->problems, &problem);
            json_array_remove(list->bodies, i - 1);
        }
    }
    problems_sort(&list->problems);
    reply_fini(&reply);
    return CTL_DONE;
}

/* ---- booking ---- */

/* gives: go on. A row that the ledger refuses is a problem of its own; no answer ends it. */
static bool book_row(struct ctl *ctl, json_t *body, struct pledge_list *list, struct counts *counts,
                     enum ctl_exit *exit)
{
    struct reply reply;
    int64_t row = ctl_number(body, "row");
    json_object_del(body, "row");
    bool done = ctl_call(ctl, "POST", "/api/v1/pledges", body, &reply), go_on = true;
    if (done) {
        counts->repeated += ctl_flag(reply.json, "repeated");
        counts->booked += !ctl_flag(reply.json, "repeated");
    } else if (reply.status == 409 || reply.status == 400) {
        struct plan_problem problem = {(uint64_t)row, ctl_text(body, "name"), reply.message,
                                       "refused"}; /* the word is kept as it is */
        problems_add(&list->problems, &problem);
        counts->refused++;
    } else {
        *exit = ctl_fail_reply(ctl, &reply);
        fprintf(stderr,
                "outreachctl: it broke off at row %" PRId64 " after %" PRIu64
                " rows; give the same command again: what is booked is not booked twice\n",
                row, counts->booked + counts->repeated);
        go_on = false;
    }
    reply_fini(&reply);
    return go_on;
}

static enum ctl_exit book(struct ctl *ctl, struct pledge_list *list, struct counts *counts)
{
    enum ctl_exit exit = CTL_DONE;
    size_t i;
    json_t *body;
    json_array_foreach(list->bodies, i, body)
    {
        if (!book_row(ctl, body, list, counts, &exit)) {
            return exit;
        }
    }
    return CTL_DONE;
}

static void print_result(const struct ctl *ctl, const struct pledge_list *list,
                         const struct counts *counts)
{
    uint64_t rejected = list->problems.n;
    if (ctl_json(ctl)) {
        json_t *json =
            json_pack("{s:I, s:I, s:I, s:I, s:o}", "rows", (json_int_t)list->rows, "booked",
                      (json_int_t)counts->booked, "repeated", (json_int_t)counts->repeated,
                      "rejected", (json_int_t)rejected, "problems", problems_json(&list->problems));
        ctl_print_json(json);
        json_decref(json);
        return;
    }
    printf("%" PRIu64 " rows: %" PRIu64 " booked, %" PRIu64 " booked before, %" PRIu64
           " left out\n",
           list->rows, counts->booked, counts->repeated, rejected);
    print_problems(&list->problems, stdout);
    if (rejected > 0 && counts->booked + counts->repeated > 0) {
        puts("\nMend the rows that were left out in a file of their own: this file with a change "
             "would be another list, and its good rows would be booked again.");
    }
}

static enum ctl_exit import_list(struct ctl *ctl, struct pledge_list *list)
{
    struct counts counts = {0};
    enum ctl_exit exit = check_closed(ctl, list);
    if (exit != CTL_DONE) {
        return exit;
    }
    bool stops = list->problems.n > 0 && ctl_option(ctl, OPT_PARTIAL) == NULL;
    if (!stops) {
        exit = book(ctl, list, &counts);
    }
    if (exit == CTL_DONE) {
        print_result(ctl, list, &counts);
        exit = list->problems.n > 0 ? CTL_FAILED : CTL_DONE;
    }
    if (stops) {
        fprintf(stderr, "outreachctl: nothing was booked; mend the rows, or book the good ones "
                        "with --partial\n");
    }
    return exit;
}

/* The day in China, as the daemon's; it has the last word. */
static uint32_t china_today(void)
{
    struct civil civil = clock_civil(clock_wall_ms(), CHINA_MIN);
    return (uint32_t)(civil.year * 10000 + civil.month * 100 + civil.day);
}

/* Options are checked once, not row by row. */
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
    struct pledge_list list;
    struct buf problem;
    FILE *file;
    struct pledge_list_options options = {.actor = ctl_actor(ctl),
                                          .region = ctl_option(ctl, OPT_REGION),
                                          .campaign = ctl_option(ctl, OPT_CAMPAIGN),
                                          .on = ctl_option(ctl, OPT_ON),
                                          .today = china_today()};
    enum ctl_exit exit = check_options(ctl);
    if (exit == CTL_DONE) {
        exit = open_problems(ctl, &file);
    }
    if (exit != CTL_DONE) {
        return exit;
    }
    if (file != NULL) {
        options.on_problem = on_problem;
        options.arg = file;
    }
    buf_init(&problem, PROBLEM_TEXT_MAX);
    enum err error = pledge_list_read(ctl->operands[0], &options, &list, &problem);
    if (error != ERR_OK) {
        exit = ctl_fail(ctl, CTL_FAILED, "list", "%s: %s", ctl->operands[0],
                        problem.len > 0 ? buf_text(&problem) : err_sentence(error));
    } else {
        exit = import_list(ctl, &list);
    }
    if (file != NULL && fclose(file) != 0) {
        exit = ctl_fail(ctl, CTL_FAILED, "io", "%s: %s", ctl_option(ctl, OPT_PROBLEMS),
                        strerror(errno));
    }
    buf_fini(&problem);
    pledge_list_fini(&list);
    return exit;
}
