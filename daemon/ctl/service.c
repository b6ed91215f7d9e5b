/* status, reload, carrier …: the daemon and its accounts. */
#include "ctl/commands.h"

#include <string.h>
#include <unistd.h>

#include "ctl/common.h"
#include "ctl/show.h"
#include "ctl/table.h"

#define WATCH_S 2
#define LINE_MAX_BYTES 65536

enum ctl_exit cmd_status(struct ctl *ctl)
{
    bool watch = ctl_option(ctl, OPT_WATCH) != NULL && !ctl_json(ctl);
    for (;;) {
        struct reply reply;
        bool done = ctl_call(ctl, "GET", "/api/v1/status", NULL, &reply);
        enum ctl_exit exit = CTL_DONE;
        if (watch && isatty(STDOUT_FILENO)) {
            fputs("\033[H\033[2J", stdout);
        }
        if (!done) {
            exit = ctl_fail_reply(ctl, &reply);
        } else if (ctl_json(ctl)) {
            ctl_print_json(reply.json);
        } else {
            show_status(reply.json, stdout);
        }
        reply_fini(&reply);
        if (!watch) {
            return exit;
        }
        fflush(stdout);
        sleep(WATCH_S);
    }
}

/* Prints text of several lines with each line cleaned. */
static void print_lines(const char *text, FILE *out)
{
    char line[LINE_MAX_BYTES], clean[LINE_MAX_BYTES];
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1), text);
        table_clean(line, clean, sizeof clean);
        fprintf(out, "%s\n", clean);
        text += len + (text[len] == '\n');
    }
}

enum ctl_exit cmd_reload(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    json_t *body = json_pack("{s:s}", "actor", ctl_actor(ctl));
    if (!ctl_call(ctl, "POST", "/api/v1/reload", body, &reply)) {
        const char *mistakes = ctl_text(json_object_get(reply.json, "error"), "mistakes");
        print_lines(mistakes, stderr);
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        printf("the configuration was read again\n");
        print_lines(ctl_text(reply.json, "message"), stdout);
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

/* ---- carriers ---- */

enum ctl_exit cmd_carrier_list(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call(ctl, "GET", "/api/v1/carriers", NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (show_carriers(json_object_get(reply.json, "carriers"), stdout) != ERR_OK) {
        exit = ctl_fail(ctl, CTL_FAILED, "memory", "no memory for the table");
    }
    reply_fini(&reply);
    return exit;
}

static enum ctl_exit carrier_act(struct ctl *ctl, const char *verb, const char *past)
{
    char path[256];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_path(ctl, path, sizeof path, "carriers", ctl->operands[0], verb, &exit)) {
        return exit;
    }
    json_t *body = json_pack("{s:s, s:s*, s:s*}", "actor", ctl_actor(ctl), "reason",
                             ctl_option(ctl, OPT_REASON), "for", ctl_option(ctl, OPT_FOR));
    if (!ctl_call(ctl, "POST", path, body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        const char *how_long = ctl_option(ctl, OPT_FOR);
        printf("carrier %s is %s%s%s\n", ctl->operands[0], past, how_long != NULL ? " for " : "",
               how_long != NULL ? how_long : "");
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

enum ctl_exit cmd_carrier_pause(struct ctl *ctl)
{
    return carrier_act(ctl, "pause", "paused");
}

enum ctl_exit cmd_carrier_resume(struct ctl *ctl)
{
    return carrier_act(ctl, "resume", "resumed");
}
