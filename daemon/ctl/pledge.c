/* pledge add, confirm, arrive, deliver, void, waive, transfer, ticket, reverse, pass; ledger close:
 * the options of the line become the members of one POST. What they mean is the daemon's business.
 */
#include "ctl/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "ctl/common.h"
#include "ctl/pledges.h"
#include "pledge/typed.h"

#define REQUEST_BYTES 12

enum form { FORM_TEXT, FORM_FLAG, FORM_NUMBER };
static const struct {
    enum ctl_option option;
    const char *member;
    enum form form;
} members[] = {
    {OPT_REGION, "region", FORM_TEXT},
    {OPT_CAMPAIGN, "campaign", FORM_TEXT},
    {OPT_YEAR, "year", FORM_NUMBER},
    {OPT_KIND, "kind", FORM_TEXT},
    {OPT_AMOUNT, "amount", FORM_TEXT},
    {OPT_ITEM, "item", FORM_TEXT},
    {OPT_QUANTITY, "quantity", FORM_TEXT},
    {OPT_UNIT, "unit", FORM_TEXT},
    {OPT_VALUE, "value", FORM_TEXT},
    {OPT_NAME, "name", FORM_TEXT},
    {OPT_MOBILE, "mobile", FORM_TEXT},
    {OPT_ORGANISATION, "organisation", FORM_FLAG},
    {OPT_PUBLIC, "public", FORM_TEXT},
    {OPT_PURPOSE, "purpose", FORM_TEXT},
    {OPT_NOTE, "note", FORM_TEXT},
    {OPT_DOCUMENT, "document", FORM_TEXT},
    {OPT_ON, "on", FORM_TEXT},
    {OPT_DUE, "due", FORM_TEXT},
    {OPT_WHY, "why", FORM_TEXT},
    {OPT_ENTRY, "entry", FORM_NUMBER},
    {OPT_OVER, "over", FORM_FLAG},
    {OPT_UNCONFIRMED, "unconfirmed", FORM_FLAG},
    {OPT_TO, "to", FORM_TEXT},
    {OPT_VIA, "via", FORM_TEXT},
    {OPT_THROUGH, "through", FORM_TEXT},
};

bool pledges_whole_number(const char *text, int64_t *value)
{
    char *end;
    *value = strtoll(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *value < INT64_MAX;
}

/* An argument that is no UTF-8 cannot travel as JSON. */
static bool put_text(const struct ctl *ctl, json_t *body, const char *member, const char *value)
{
    json_t *text = json_string(value);
    if (text == NULL) {
        ctl_fail(ctl, CTL_USAGE, "usage", "--%s is not UTF-8", member);
        return false;
    }
    json_object_set_new(body, member, text);
    return true;
}

static bool put_option(const struct ctl *ctl, json_t *body, size_t i)
{
    const char *value = ctl_option(ctl, members[i].option);
    int64_t number;
    switch (members[i].form) {
    case FORM_FLAG:
        json_object_set_new(body, members[i].member, json_true());
        return true;
    case FORM_NUMBER:
        if (!pledges_whole_number(value, &number)) {
            ctl_fail(ctl, CTL_USAGE, "usage", "--%s is \"%s\", not a whole number",
                     members[i].member, value);
            return false;
        }
        json_object_set_new(body, members[i].member, json_integer(number));
        return true;
    case FORM_TEXT:
        break;
    }
    return put_text(ctl, body, members[i].member, value);
}

/* NULL: a mistake was said. */
static json_t *body_of(const struct ctl *ctl)
{
    char request[2 * REQUEST_BYTES + 8] = "cli-";
    ids_random_hex(request + 4, REQUEST_BYTES);
    const char *own = ctl_option(ctl, OPT_REQUEST);
    json_t *body = json_pack("{s:s, s:s}", "actor", ctl_actor(ctl), "source", "cli");
    bool fine = body != NULL && put_text(ctl, body, "request", own != NULL ? own : request);
    for (size_t i = 0; fine && i < sizeof members / sizeof *members; i++) {
        if (ctl_option(ctl, members[i].option) != NULL) {
            fine = put_option(ctl, body, i);
        }
    }
    if (!fine) {
        json_decref(body);
        return NULL;
    }
    return body;
}

static void print_posted(const struct ctl *ctl, const json_t *answer)
{
    const char *pledge = ctl_text(answer, "pledge"), *receipt = ctl_text(answer, "receipt");
    const char *peer = ctl_text(answer, "peer");
    if (pledge[0] != '\0') {
        printf("%s: ", pledge);
    }
    printf("%s %s, entry %" PRId64, ctl->command->verb,
           ctl_flag(answer, "repeated") ? "was booked before" : "is booked",
           ctl_number(answer, "entry"));
    if (receipt[0] != '\0') {
        printf(", receipt %s", receipt);
    }
    if (peer[0] != '\0') {
        printf(", the rest goes on as %s", peer);
    }
    putchar('\n');
}

/* Nobody knows whether it was booked: the same request may be sent again. */
static enum ctl_exit fail(const struct ctl *ctl, const struct reply *reply, const json_t *body)
{
    enum ctl_exit exit = ctl_fail_reply(ctl, reply);
    if (reply->status == 0 || reply->status == 503) {
        fprintf(stderr,
                "outreachctl: to be sure, give the same command again with --request %s: it is "
                "booked once at most\n",
                ctl_text(body, "request"));
    }
    return strcmp(reply->code, "no_pledge") == 0 || strcmp(reply->code, "no_entry") == 0
               ? CTL_NOT_FOUND
               : exit;
}

/* Takes `body`. */
static enum ctl_exit post(struct ctl *ctl, const char *path, json_t *body)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call(ctl, "POST", path, body, &reply)) {
        exit = fail(ctl, &reply, body);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_posted(ctl, reply.json);
    }
    reply_fini(&reply);
    json_decref(body);
    return exit;
}

static enum ctl_exit post_options(struct ctl *ctl, const char *path)
{
    json_t *body = body_of(ctl);
    return body != NULL ? post(ctl, path, body) : CTL_USAGE;
}

bool pledges_number(const struct ctl *ctl, const char *typed, char out[NUMBER_TEXT_SIZE])
{
    struct number number;
    enum err error = typed_number(typed, &number);
    if (error == ERR_OK) {
        number_format(&number, out);
        return true;
    }
    ctl_fail(ctl, CTL_USAGE, "number",
             error == ERR_RANGE
                 ? "%s: the last two digits do not fit the others; a digit is mistyped"
                 : "\"%s\" is not the number of a pledge; it looks like 513327-2026-000123-54",
             typed);
    return false;
}

enum ctl_exit cmd_pledge_add(struct ctl *ctl)
{
    return post_options(ctl, "/api/v1/pledges");
}

enum ctl_exit cmd_pledge_step(struct ctl *ctl)
{
    char number[NUMBER_TEXT_SIZE], path[128];
    if (!pledges_number(ctl, ctl->operands[0], number)) {
        return CTL_USAGE;
    }
    snprintf(path, sizeof path, "/api/v1/pledges/%s/%s", number, ctl->command->verb);
    return post_options(ctl, path);
}

enum ctl_exit cmd_pledge_reverse(struct ctl *ctl)
{
    int64_t entry;
    if (!pledges_whole_number(ctl->operands[0], &entry)) {
        return ctl_fail(ctl, CTL_USAGE, "usage",
                        "\"%s\" is not the number of an entry; `pledge show` lists them",
                        ctl->operands[0]);
    }
    json_t *body = body_of(ctl);
    if (body == NULL) {
        return CTL_USAGE;
    }
    json_object_set_new(body, "entry", json_integer(entry));
    return post(ctl, "/api/v1/ledger/reverse", body);
}

enum ctl_exit cmd_pledge_pass(struct ctl *ctl)
{
    return post_options(ctl, "/api/v1/ledger/pass");
}

enum ctl_exit cmd_ledger_close(struct ctl *ctl)
{
    return post_options(ctl, "/api/v1/ledger/close");
}
