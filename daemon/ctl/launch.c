/* campaign launch, resend, test: what puts messages on their way asks first. */
#include "ctl/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/common.h"
#include "ctl/planning.h"
#include "ctl/show.h"

#define POLL_MS 200
#define PROGRESS_MAX_BYTES 1024

static void sleep_ms(long ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

/* ---- after the daemon said yes: wait until all of it is in ---- */

static void draw_import(const json_t *campaign)
{
    struct buf line;
    if (isatty(STDERR_FILENO)) {
        buf_init(&line, PROGRESS_MAX_BYTES);
        show_progress(campaign, 0, &line);
        fprintf(stderr, "\r\033[K%s", buf_text(&line));
        buf_fini(&line);
    }
}

static enum ctl_exit import_failed(const struct ctl *ctl, const char *id, const json_t *campaign)
{
    const char *reason = ctl_text(json_object_get(campaign, "import"), "reason");
    return ctl_fail(ctl, CTL_FAILED, "import", "%s was not launched: %s", id,
                    reason[0] != '\0' ? reason : "the import was broken off");
}

static enum ctl_exit committed(const struct ctl *ctl, const char *id, const json_t *campaign)
{
    if (ctl_json(ctl)) {
        ctl_print_json(campaign);
    } else {
        struct buf counts;
        buf_init(&counts, PROGRESS_MAX_BYTES);
        show_counts(campaign, &counts);
        printf("%s is launched: %s\n", id, buf_text(&counts));
        printf("watch it with: outreachctl campaign status %s --watch\n", id);
        buf_fini(&counts);
    }
    return CTL_DONE;
}

static enum ctl_exit wait_for_commit(struct ctl *ctl, const char *id)
{
    char path[256];
    snprintf(path, sizeof path, "/api/v1/campaigns/%s", id);
    for (bool drawn = false;; drawn = true) {
        struct reply reply;
        enum ctl_exit exit = CTL_DONE;
        if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
            /* Launched from a file outside of campaigns_dir, and failed: nothing of that id is
             * left. */
            exit = reply.status == 404 ? ctl_fail(ctl, CTL_FAILED, "import", "%s", reply.message)
                                       : ctl_fail_reply(ctl, &reply);
            reply_fini(&reply);
            return exit;
        }
        const char *state = ctl_text(reply.json, "state");
        const char *phase = ctl_text(json_object_get(reply.json, "import"), "phase");
        bool running = strcmp(phase, "reading") == 0 || strcmp(phase, "committing") == 0;
        bool failed = strcmp(phase, "failed") == 0 || strcmp(state, "draft") == 0;
        if (!running && (failed || strcmp(state, "importing") != 0)) {
            if (drawn && isatty(STDERR_FILENO)) {
                fputs("\r\033[K", stderr);
            }
            exit = failed ? import_failed(ctl, id, reply.json) : committed(ctl, id, reply.json);
            reply_fini(&reply);
            return exit;
        }
        draw_import(reply.json);
        reply_fini(&reply);
        sleep_ms(POLL_MS);
    }
}

/* ---- launch ---- */

static bool check_again(const struct ctl *ctl, enum ctl_exit *exit)
{
    if ((ctl_option(ctl, OPT_AGAIN) != NULL) != (ctl_option(ctl, OPT_REASON) != NULL)) {
        *exit = ctl_fail(ctl, CTL_USAGE, "usage",
                         "--again and --reason belong together: why does the same list get the "
                         "same text once more?");
        return false;
    }
    return true;
}

/* Without the daemon's word nobody was left out who opted out or is in the dedup group: the plan
 * has another number of people than the launch would have, and a difference to --expect-recipients
 * would be blamed on the list. */
static bool is_whole(const struct ctl *ctl, const struct planning *planning, enum ctl_exit *exit)
{
    if (!planning->consulted) {
        *exit = ctl_fail(ctl, CTL_FAILED, "not_consulted",
                         "the daemon could not say who opted out or has the message already (%s), "
                         "so that the plan is not the one that would be sent; nothing was "
                         "launched, try again",
                         planning->not_consulted);
    }
    return planning->consulted;
}

/* --yes needs the number that the script's author saw; a person types the id. */
static bool agree(const struct ctl *ctl, const struct planning *planning, enum ctl_exit *exit)
{
    uint64_t accepted = plan_totals(planning->plan)->accepted;
    const char *expected = ctl_option(ctl, OPT_EXPECT_RECIPIENTS);
    *exit = CTL_FAILED;
    if (expected != NULL) {
        char *end;
        errno = 0;
        unsigned long long number = strtoull(expected, &end, 10);
        if (errno != 0 || *end != '\0' || end == expected || expected[0] == '-') {
            *exit = ctl_fail(ctl, CTL_USAGE, "usage", "--expect-recipients is \"%s\", not a number",
                             expected);
            return false;
        }
        if (number != accepted) {
            *exit = ctl_fail(ctl, CTL_FAILED, "expect_recipients",
                             "%llu recipients are expected, but %" PRIu64
                             " are accepted; nothing was launched",
                             number, accepted);
            return false;
        }
    }
    if (accepted == 0) {
        *exit =
            ctl_fail(ctl, CTL_FAILED, "nobody", "there is nobody to send to; nothing was launched");
        return false;
    }
    if (ctl_option(ctl, OPT_YES) != NULL) {
        if (expected == NULL) {
            *exit = ctl_fail(ctl, CTL_USAGE, "usage",
                             "--yes needs --expect-recipients N (this plan accepts %" PRIu64 ")",
                             accepted);
        }
        return expected != NULL;
    }
    char question[512];
    snprintf(question, sizeof question,
             "\nSend to %" PRIu64 " people? Type the campaign's id (%s) to launch: ", accepted,
             planning->definition->id);
    return ctl_confirm(question, planning->definition->id);
}

static enum ctl_exit launch_planned(struct ctl *ctl, const struct planning *planning)
{
    struct reply reply;
    json_t *body =
        json_pack("{s:s, s:b, s:b, s:s*, s:I, s:s}", "file", planning->definition->path, "now",
                  ctl_option(ctl, OPT_NOW) != NULL, "again", ctl_option(ctl, OPT_AGAIN) != NULL,
                  "reason", ctl_option(ctl, OPT_REASON), "expect_recipients",
                  (json_int_t)plan_totals(planning->plan)->accepted, "actor", ctl_actor(ctl));
    enum ctl_exit exit = CTL_DONE;
    bool done = ctl_call(ctl, "POST", "/api/v1/campaigns/launch", body, &reply);
    if (!done) {
        exit = ctl_fail_reply(ctl, &reply);
    }
    json_decref(body);
    reply_fini(&reply);
    return done ? wait_for_commit(ctl, planning->definition->id) : exit;
}

/* Nobody should read a whole plan to learn at its end that there is no daemon. */
static bool daemon_is_there(struct ctl *ctl, enum ctl_exit *exit)
{
    struct reply reply;
    bool done = ctl_call(ctl, "GET", "/api/v1/status", NULL, &reply);
    if (!done) {
        *exit = ctl_fail_reply(ctl, &reply);
    }
    reply_fini(&reply);
    return done;
}

enum ctl_exit cmd_campaign_launch(struct ctl *ctl)
{
    struct planning planning;
    enum ctl_exit exit = CTL_FAILED;
    if (!check_again(ctl, &exit) || !daemon_is_there(ctl, &exit)) {
        return exit;
    }
    if (planning_run(ctl, ctl->operands[0], ctl_option(ctl, OPT_NOW) != NULL, &planning, &exit)) {
        planning_print(&planning, ctl_json(ctl) ? stderr : stdout);
        fflush(stdout);
        if (is_whole(ctl, &planning, &exit) && agree(ctl, &planning, &exit)) {
            exit = launch_planned(ctl, &planning);
        }
    }
    planning_fini(&planning);
    return exit;
}

/* ---- resend ---- */

enum ctl_exit cmd_campaign_resend(struct ctl *ctl)
{
    char path[256], id[160] = "";
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_path(ctl, path, sizeof path, "campaigns", ctl->operands[0], "resend", &exit)) {
        return exit;
    }
    /* A script's --only and --reason say all: nobody who may have got it is among these. */
    if (ctl_option(ctl, OPT_YES) == NULL && isatty(STDIN_FILENO)) {
        char question[512];
        snprintf(question, sizeof question,
                 "A child campaign of %s will send once more to those who are %s.\nType the "
                 "campaign's id (%s) to do it: ",
                 ctl->operands[0],
                 strcmp(ctl_option(ctl, OPT_ONLY), "rejected") == 0
                     ? "rejected"
                     : "undelivered for a temporary reason",
                 ctl->operands[0]);
        if (!ctl_confirm(question, ctl->operands[0])) {
            return CTL_FAILED;
        }
    }
    json_t *body = json_pack("{s:s, s:s, s:s}", "only", ctl_option(ctl, OPT_ONLY), "reason",
                             ctl_option(ctl, OPT_REASON), "actor", ctl_actor(ctl));
    bool done = ctl_call(ctl, "POST", path, body, &reply);
    if (done) {
        snprintf(id, sizeof id, "%s", ctl_text(reply.json, "id"));
    } else {
        exit = ctl_fail_reply(ctl, &reply);
    }
    json_decref(body);
    reply_fini(&reply);
    return done ? wait_for_commit(ctl, id) : exit;
}

/* ---- one real message ---- */

enum ctl_exit cmd_campaign_test(struct ctl *ctl)
{
    char path[CTL_PATH_MAX];
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    struct settings *settings = ctl_settings(ctl);
    if (settings == NULL) {
        return CTL_FAILED;
    }
    enum err error = definition_find(ctl->operands[0], settings, path, sizeof path);
    settings_free(settings);
    if (error != ERR_OK) {
        return ctl_fail(ctl, CTL_NOT_FOUND, "no_campaign",
                        "there is neither a file nor a campaign \"%s\"", ctl->operands[0]);
    }
    json_t *body = json_pack("{s:s, s:s, s:s}", "file", path, "to", ctl_option(ctl, OPT_TO),
                             "actor", ctl_actor(ctl));
    if (!ctl_call(ctl, "POST", "/api/v1/campaigns/test", body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        printf("%s\n  %s\n", ctl_text(reply.json, "message"), ctl_text(reply.json, "text"));
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}
