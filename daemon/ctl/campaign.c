/* campaign list, status, report, and the verbs that change a running one. */
#include "ctl/commands.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl/common.h"
#include "ctl/show.h"
#include "ctl/table.h"

#define WATCH_S 1
#define WATCH_LINE_EVERY_S                                                                         \
    10 /* without a terminal a line is written when something changed, and this often */
#define LINE_MAX_BYTES 4096

/* ---- looking ---- */

enum ctl_exit cmd_campaign_list(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call_list(ctl, "/api/v1/campaigns", "campaigns", &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (show_list(json_object_get(reply.json, "campaigns"), stdout) != ERR_OK) {
        exit = ctl_fail(ctl, CTL_FAILED, "memory", "no memory for the table");
    }
    reply_fini(&reply);
    return exit;
}

static size_t terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 100;
}

/* Redraws one line on a terminal; elsewhere writes a line when it differs from the last, or after a
 * while. */
static void draw_watch(const json_t *campaign, char last[LINE_MAX_BYTES], unsigned *silent_s)
{
    struct buf line;
    bool terminal = isatty(STDOUT_FILENO);
    buf_init(&line, LINE_MAX_BYTES - 1);
    show_progress(campaign, terminal ? terminal_columns() : 0, &line);
    if (terminal) {
        printf("\r\033[K%s", buf_text(&line));
    } else if (strcmp(last, buf_text(&line)) != 0 || *silent_s >= WATCH_LINE_EVERY_S) {
        printf("%s\n", buf_text(&line));
        *silent_s = 0;
    }
    snprintf(last, LINE_MAX_BYTES, "%s", buf_text(&line));
    *silent_s += WATCH_S;
    fflush(stdout);
    buf_fini(&line);
}

static enum ctl_exit show_one(const struct ctl *ctl, const json_t *campaign)
{
    if (ctl_json(ctl)) {
        ctl_print_json(campaign);
    } else {
        show_campaign(campaign, stdout);
    }
    return CTL_DONE;
}

enum ctl_exit cmd_campaign_status(struct ctl *ctl)
{
    char path[256], last[LINE_MAX_BYTES] = "";
    enum ctl_exit exit;
    unsigned silent_s = 0;
    bool watch = ctl_option(ctl, OPT_WATCH) != NULL, drawn = false;
    if (!ctl_path(ctl, path, sizeof path, "campaigns", ctl->operands[0], "", &exit)) {
        return exit;
    }
    for (;;) {
        struct reply reply;
        bool done = ctl_call(ctl, "GET", path, NULL, &reply);
        if (!done || !watch || show_is_over(reply.json)) {
            if (drawn && isatty(STDOUT_FILENO)) {
                fputs("\r\033[K", stdout);
            }
            exit = done ? show_one(ctl, reply.json) : ctl_fail_reply(ctl, &reply);
            reply_fini(&reply);
            return exit;
        }
        if (!ctl_json(ctl)) {
            draw_watch(reply.json, last, &silent_s);
            drawn = true;
        }
        reply_fini(&reply);
        sleep(WATCH_S);
    }
}

/* ---- report ---- */

struct report {
    const struct ctl *ctl;
    bool csv, excel;
    size_t lines;
    bool broken; /* stdout was closed, or a line was no JSON */
};

static void report_row(const json_t *row)
{
    char time[40], code[80], meaning[256];
    table_clean(ctl_text(row, "code"), code, sizeof code);
    table_clean(ctl_text(row, "meaning"), meaning, sizeof meaning);
    size_t width = table_width(code);
    printf("%-11s  %-11s  %-19s  %s%*s  %s\n", ctl_text(row, "number"), ctl_text(row, "state"),
           ctl_time(ctl_text(row, "updated_at"), time), code, (int)(width < 12 ? 12 - width : 0),
           "", meaning);
}

static bool on_report_line(void *arg, const char *line, size_t len)
{
    struct report *report = arg;
    if (report->csv) {
        fwrite(line, 1, len, stdout);
        fputs(report->excel ? "\r\n" : "\n", stdout);
    } else if (ctl_json(report->ctl)) {
        fputs(report->lines > 0 ? ",\n  " : "[\n  ", stdout);
        fwrite(line, 1, len, stdout);
    } else {
        json_t *row = json_loadb(line, len, 0, NULL);
        report->broken = row == NULL;
        if (row != NULL) {
            report_row(row);
        }
        json_decref(row);
    }
    report->lines++;
    report->broken = report->broken || ferror(stdout);
    return !report->broken;
}

enum ctl_exit cmd_campaign_report(struct ctl *ctl)
{
    char path[256], query[300];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    struct report report = {.ctl = ctl, .excel = ctl_option(ctl, OPT_EXCEL) != NULL};
    report.csv = (report.excel || ctl_option(ctl, OPT_CSV) != NULL) && !ctl_json(ctl);
    if (!ctl_path(ctl, path, sizeof path, "campaigns", ctl->operands[0], "report", &exit)) {
        return exit;
    }
    struct client *client = ctl_client(ctl);
    if (client == NULL) {
        return CTL_UNREACHABLE;
    }
    snprintf(query, sizeof query, "%s?format=%s", path, report.csv ? "csv" : "jsonl");
    if (report.excel && report.csv) {
        fputs("\xef\xbb\xbf", stdout);
    }
    bool done = client_stream(client, query, on_report_line, &report, &reply);
    if (ctl_json(ctl) && (done || report.lines > 0)) {
        fputs(report.lines > 0 ? "\n]\n" : "[]\n", stdout);
    }
    if (report.broken) {
        exit = CTL_FAILED;
    } else if (!done && report.lines > 0) {
        fprintf(stderr, "outreachctl: the report broke off after %zu lines: %s\n", report.lines,
                reply.message);
        exit = CTL_FAILED;
    } else if (!done) {
        exit = ctl_fail_reply(ctl, &reply);
    }
    reply_fini(&reply);
    return exit;
}

/* ---- changing ---- */

/* Posts `body` (taken) to the campaign's verb and prints the exact counts that the daemon answers.
 */
static enum ctl_exit act(struct ctl *ctl, const char *verb, const char *past, json_t *body)
{
    char path[256];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    json_object_set_new(body, "actor", json_string(ctl_actor(ctl)));
    if (ctl_option(ctl, OPT_REASON) != NULL) {
        json_object_set_new(body, "reason", json_string(ctl_option(ctl, OPT_REASON)));
    }
    if (!ctl_path(ctl, path, sizeof path, "campaigns", ctl->operands[0], verb, &exit)) {
        json_decref(body);
        return exit;
    }
    if (!ctl_call(ctl, "POST", path, body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        struct buf counts;
        buf_init(&counts, LINE_MAX_BYTES);
        show_counts(reply.json, &counts);
        printf("%s is %s: %s\n", ctl->operands[0], past, buf_text(&counts));
        buf_fini(&counts);
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

enum ctl_exit cmd_campaign_pause(struct ctl *ctl)
{
    return act(ctl, "pause", "paused", json_object());
}

enum ctl_exit cmd_campaign_resume(struct ctl *ctl)
{
    json_t *body = json_object();
    if (ctl_option(ctl, OPT_UNTIL) != NULL) {
        json_object_set_new(body, "until", json_string(ctl_option(ctl, OPT_UNTIL)));
    }
    return act(ctl, "resume", "resumed", body);
}

static bool ask_for_id(const struct ctl *ctl, const char *what)
{
    char question[512];
    if (ctl_option(ctl, OPT_YES) != NULL) {
        return true;
    }
    snprintf(question, sizeof question, "%s\nType the campaign's id (%s) to do it: ", what,
             ctl->operands[0]);
    return ctl_confirm(question, ctl->operands[0]);
}

enum ctl_exit cmd_campaign_cancel(struct ctl *ctl)
{
    /* A person at a terminal is asked; a script that names campaign and reason has decided. */
    if (isatty(STDIN_FILENO) && !ask_for_id(ctl, "This ends the campaign for good.")) {
        return CTL_FAILED;
    }
    return act(ctl, "cancel", "cancelled", json_object());
}

enum ctl_exit cmd_campaign_resolve(struct ctl *ctl)
{
    const char *as = ctl_option(ctl, OPT_AMBIGUOUS);
    if (isatty(STDIN_FILENO) && strcmp(as, "resend") == 0 &&
        !ask_for_id(ctl, "Whoever did get the message will get it twice.")) {
        return CTL_FAILED;
    }
    return act(ctl, "resolve", "resolved", json_pack("{s:s}", "as", as));
}
