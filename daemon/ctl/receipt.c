/* pledge receipt: what a donor was told about a pledge and what became of it, and one of these
 * messages once more. */
#include "ctl/commands.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/ids.h"
#include "ctl/pledges.h"
#include "ctl/table.h"

#define REQUEST_BYTES 12
#define PATH_SIZE 128
#define TEXT_SIZE 8192

static enum ctl_exit fail(const struct ctl *ctl, const struct reply *reply)
{
    enum ctl_exit exit = ctl_fail_reply(ctl, reply);
    return strcmp(reply->code, "no_pledge") == 0 || strcmp(reply->code, "no_entry") == 0
               ? CTL_NOT_FOUND
               : exit;
}

/* ---- showing ---- */

/* Of one attempt, or of a message that is in no queue (`attempt` NULL). */
static void add_row(struct table *table, const json_t *message, const json_t *attempt)
{
    char entry[24], at[40];
    const char *when = ctl_text(attempt, "updated_at");
    snprintf(entry, sizeof entry, "%" PRId64, ctl_number(message, "entry"));
    if (when[0] == '\0') {
        when = attempt != NULL ? ctl_text(attempt, "submitted_at") : ctl_text(message, "at");
    }
    table_row(table,
              (const char *const[]){entry, ctl_text(message, "kind"), ctl_text(message, "number"),
                                    ctl_text(attempt != NULL ? attempt : message, "state"),
                                    ctl_text(attempt, "code"), ctl_text(attempt, "meaning"),
                                    ctl_time(when, at)});
}

static enum ctl_exit print_messages(const struct ctl *ctl, const json_t *answer)
{
    static const char *const headers[] = {">entry", "kind",    "number", "state",
                                          "code",   "meaning", "when"};
    const json_t *messages = json_object_get(answer, "messages"), *message, *attempt;
    struct table *table;
    size_t i, k;
    if (json_array_size(messages) == 0) {
        printf("%s: its donor was told nothing by SMS\n", ctl_text(answer, "number"));
        return CTL_DONE;
    }
    if (table_new(headers, sizeof headers / sizeof *headers, &table) != ERR_OK) {
        return ctl_fail(ctl, CTL_FAILED, "memory", "no memory for the table");
    }
    json_array_foreach(messages, i, message)
    {
        const json_t *attempts = json_object_get(message, "attempts");
        const char *state = ctl_text(message, "state");
        json_array_foreach(attempts, k, attempt)
        {
            add_row(table, message, attempt);
        }
        if (strcmp(state, "owed") == 0 || strcmp(state, "unknown") == 0) {
            add_row(table, message, NULL);
        }
    }
    table_print(table, stdout);
    table_free(table);
    return CTL_DONE;
}

static enum ctl_exit show(struct ctl *ctl, const char *path)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
        exit = fail(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        exit = print_messages(ctl, reply.json);
    }
    reply_fini(&reply);
    return exit;
}

/* ---- once more ---- */

/* Which one a number means, the newest; NULL: none, which the daemon says better. */
static const json_t *find(const json_t *messages, const char *number, int64_t entry)
{
    const char *kind = number[0] == 'R' ? "receipt" : "acknowledgement";
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const json_t *message = json_array_get(messages, i);
        bool is_meant = entry != 0 ? ctl_number(message, "entry") == entry
                                   : strcmp(ctl_text(message, "kind"), kind) == 0 &&
                                         strcmp(ctl_text(message, "number"), number) == 0;
        if (is_meant) {
            return message;
        }
    }
    return NULL;
}

/* Who sits at a terminal sees text and number before they go out. */
static bool agree(struct ctl *ctl, const char *path, const char *number, int64_t entry,
                  enum ctl_exit *exit)
{
    char masked[PATH_SIZE + 16], question[TEXT_SIZE + 256], text[TEXT_SIZE];
    struct reply reply;
    bool fine = true;
    if (ctl_option(ctl, OPT_YES) != NULL || !isatty(STDIN_FILENO)) {
        return true;
    }
    snprintf(masked, sizeof masked, "%s?masked=1", path);
    if (!ctl_call(ctl, "GET", masked, NULL, &reply)) {
        *exit = fail(ctl, &reply);
        fine = false;
    } else {
        const json_t *message = find(json_object_get(reply.json, "messages"), number, entry);
        table_clean(ctl_text(message, "text"), text, sizeof text);
        snprintf(question, sizeof question,
                 "To %s, whose message is %s:\n  %s\nType the number (%s) to send it once more: ",
                 ctl_text(reply.json, "mobile"), ctl_text(message, "state"), text, number);
        *exit = CTL_FAILED;
        fine = message == NULL || ctl_confirm(question, number);
    }
    reply_fini(&reply);
    return fine;
}

static void print_ordered(const json_t *answer)
{
    printf("%s: the %s goes out once more%s; `pledge receipt %s` shows what becomes of it\n",
           ctl_text(answer, "number"), ctl_text(answer, "kind"),
           ctl_flag(answer, "repeated") ? " (was ordered before)" : "", ctl_text(answer, "number"));
}

static enum ctl_exit send_again(struct ctl *ctl, const char *path, int64_t entry)
{
    char request[2 * REQUEST_BYTES + 8] = "cli-";
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    ids_random_hex(request + 4, REQUEST_BYTES);
    const char *own = ctl_option(ctl, OPT_REQUEST);
    json_t *body = json_pack("{s:s, s:s, s:s, s:b}", "actor", ctl_actor(ctl), "reason",
                             ctl_option(ctl, OPT_REASON), "request", own != NULL ? own : request,
                             "again", ctl_option(ctl, OPT_AGAIN) != NULL);
    if (body == NULL) {
        return ctl_fail(ctl, CTL_USAGE, "usage", "--reason or --request is not UTF-8");
    }
    if (entry != 0) {
        json_object_set_new(body, "entry", json_integer(entry));
    }
    if (!ctl_call(ctl, "POST", path, body, &reply)) {
        exit = fail(ctl, &reply);
        if (reply.status == 0 || reply.status == 503) {
            fprintf(stderr,
                    "outreachctl: to be sure, give the same command again with --request %s: it is "
                    "sent once at most\n",
                    ctl_text(body, "request"));
        }
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_ordered(reply.json);
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}

enum ctl_exit cmd_pledge_receipt(struct ctl *ctl)
{
    static const enum ctl_option orders[] = {OPT_REASON, OPT_ENTRY, OPT_AGAIN, OPT_REQUEST,
                                             OPT_YES};
    char number[NUMBER_TEXT_SIZE], path[PATH_SIZE];
    int64_t entry = 0;
    enum ctl_exit exit;
    if (!pledges_number(ctl, ctl->operands[0], number)) {
        return CTL_USAGE;
    }
    snprintf(path, sizeof path, "/api/v1/pledges/%s/messages", number);
    if (ctl_option(ctl, OPT_RESEND) == NULL) {
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
            if (ctl_option(ctl, orders[i]) != NULL) {
                return ctl_fail(ctl, CTL_USAGE, "usage", "--%s goes with --resend",
                                option_rows[orders[i]].name);
            }
        }
        return show(ctl, path);
    }
    if (ctl_option(ctl, OPT_REASON) == NULL) {
        return ctl_fail(ctl, CTL_USAGE, "usage", "--resend needs --reason: why it is sent again");
    }
    const char *given = ctl_option(ctl, OPT_ENTRY);
    if (given != NULL && (!pledges_whole_number(given, &entry) || entry == 0)) {
        return ctl_fail(ctl, CTL_USAGE, "usage", "--entry is \"%s\", not the number of an entry",
                        given);
    }
    return agree(ctl, path, number, entry, &exit) ? send_again(ctl, path, entry) : exit;
}
