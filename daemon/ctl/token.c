/* token add, drop, list: what programs show instead of a login. */
#include "ctl/commands.h"

#include <stdlib.h>

#include "ctl/common.h"
#include "ctl/table.h"

#define PATH_BYTES 256

enum ctl_exit cmd_token_add(struct ctl *ctl)
{
    struct reply reply;
    char *end = NULL;
    const char *days = ctl_option(ctl, OPT_DAYS);
    long long n = days != NULL ? strtoll(days, &end, 10) : 0;
    if (days != NULL && (*days == '\0' || *end != '\0' || n < 1)) {
        return ctl_fail(ctl, CTL_USAGE, "days", "--days is a whole number from 1");
    }
    json_t *body = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "actor", ctl_actor(ctl), "owner",
                             ctl->operands[0], "title", ctl_option(ctl, OPT_TITLE), "roles",
                             ctl_option(ctl, OPT_ROLES), "area", ctl_option(ctl, OPT_AREA));
    if (days != NULL) {
        json_object_set_new(body, "days", json_integer(n));
    }
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call(ctl, "POST", "/api/v1/tokens", body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        char when[40];
        printf("%s\n", ctl_text(reply.json, "token"));
        fprintf(stderr, "its id is %s; it ends %s and is not shown again\n",
                ctl_text(reply.json, "id"), ctl_time(ctl_text(reply.json, "expires_at"), when));
    }
    reply_fini(&reply);
    json_decref(body);
    return exit;
}

enum ctl_exit cmd_token_drop(struct ctl *ctl)
{
    struct reply reply;
    char path[PATH_BYTES];
    enum ctl_exit exit = CTL_DONE;
    json_t *body = json_pack("{s:s}", "actor", ctl_actor(ctl));
    if (snprintf(path, sizeof path, "/api/v1/tokens/%s", ctl->operands[0]) >= (int)sizeof path) {
        json_decref(body);
        return ctl_fail(ctl, CTL_USAGE, "id", "there is no token of this name");
    }
    if (!ctl_call(ctl, "DELETE", path, body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        printf("%s is worth nothing any more\n", ctl->operands[0]);
    }
    reply_fini(&reply);
    json_decref(body);
    return exit;
}

static void print_tokens(const json_t *tokens)
{
    static const char *const headers[] = {"id", "owner", "title", "area", "ends", "last use"};
    struct table *table;
    size_t i;
    const json_t *token;
    if (table_new(headers, sizeof headers / sizeof *headers, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(tokens, i, token)
    {
        char ends[40], used[40];
        const char *area = ctl_text(token, "area");
        table_row(table,
                  (const char *const[]){ctl_text(token, "id"), ctl_text(token, "owner"),
                                        ctl_text(token, "title"), area[0] != '\0' ? area : "all",
                                        ctl_time(ctl_text(token, "expires_at"), ends),
                                        ctl_time(ctl_text(token, "last_used_at"), used)});
    }
    table_print(table, stdout);
    table_free(table);
}

enum ctl_exit cmd_token_list(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call_list(ctl, "/api/v1/tokens", "tokens", &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_tokens(json_object_get(reply.json, "tokens"));
    }
    reply_fini(&reply);
    return exit;
}
