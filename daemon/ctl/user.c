/* user add, passwd, change, disable, enable, list: who may log in to the console. Passwords are
 * typed twice without being shown, or come as the first line of the standard input; never as an
 * argument, which others on the machine could read. */
#include "ctl/commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/common.h"
#include "ctl/table.h"

#define PASSWORD_BYTES 600

/* ---- reading a password ---- */

static bool read_password(const struct ctl *ctl, char password[PASSWORD_BYTES])
{
    char again[PASSWORD_BYTES];
    if (!isatty(STDIN_FILENO)) {
        if (ctl_read_line(password, PASSWORD_BYTES) && password[0] != '\0') {
            return true;
        }
        ctl_fail(ctl, CTL_USAGE, "password", "the first line of the input is the password");
        return false;
    }
    if (!ctl_ask_hidden("New password (at least 12 characters): ", password, PASSWORD_BYTES) ||
        !ctl_ask_hidden("Once more: ", again, sizeof again)) {
        ctl_fail(ctl, CTL_FAILED, "password", "nothing was typed");
        return false;
    }
    bool is_same = strcmp(password, again) == 0;
    explicit_bzero(again, sizeof again);
    if (!is_same) {
        ctl_fail(ctl, CTL_FAILED, "password", "the two are not the same; nothing was changed");
    }
    return is_same;
}

/* ---- calls ---- */

static enum ctl_exit post(struct ctl *ctl, const char *path, json_t *body, const char *done)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    json_object_set_new(body, "actor", json_string(ctl_actor(ctl)));
    if (!ctl_call(ctl, "POST", path, body, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        printf("%s %s\n", ctl->operands[0], done);
    }
    reply_fini(&reply);
    json_decref(body);
    return exit;
}

static enum ctl_exit post_to(struct ctl *ctl, const char *verb, json_t *body, const char *done)
{
    char path[256];
    enum ctl_exit exit;
    if (!ctl_path(ctl, path, sizeof path, "users", ctl->operands[0], verb, &exit)) {
        json_decref(body);
        return exit;
    }
    return post(ctl, path, body, done);
}

/* "all" is every area. */
static const char *area_of(const struct ctl *ctl)
{
    const char *area = ctl_option(ctl, OPT_AREA);
    return area != NULL && strcmp(area, "all") == 0 ? "" : area;
}

enum ctl_exit cmd_user_add(struct ctl *ctl)
{
    char password[PASSWORD_BYTES];
    if (!read_password(ctl, password)) {
        return CTL_FAILED;
    }
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "name", ctl->operands[0], "password",
                             password, "roles", ctl_option(ctl, OPT_ROLES), "area", area_of(ctl),
                             "title", ctl_option(ctl, OPT_TITLE));
    explicit_bzero(password, sizeof password);
    return post(ctl, "/api/v1/users", body, "may log in");
}

enum ctl_exit cmd_user_passwd(struct ctl *ctl)
{
    char password[PASSWORD_BYTES];
    if (!read_password(ctl, password)) {
        return CTL_FAILED;
    }
    json_t *body = json_pack("{s:s}", "password", password);
    explicit_bzero(password, sizeof password);
    return post_to(ctl, "password", body, "has a new password; open logins have ended");
}

enum ctl_exit cmd_user_change(struct ctl *ctl)
{
    json_t *body = json_pack("{s:s*, s:s*, s:s*}", "roles", ctl_option(ctl, OPT_ROLES), "area",
                             area_of(ctl), "title", ctl_option(ctl, OPT_TITLE));
    if (json_object_size(body) == 0) {
        json_decref(body);
        return ctl_fail(ctl, CTL_USAGE, "nothing", "give --roles, --area or --title");
    }
    return post_to(ctl, "", body, "was changed; open logins have ended");
}

enum ctl_exit cmd_user_disable(struct ctl *ctl)
{
    return post_to(ctl, "", json_pack("{s:b}", "disabled", 1),
                   "may not log in any more; open logins have ended");
}

enum ctl_exit cmd_user_enable(struct ctl *ctl)
{
    return post_to(ctl, "", json_pack("{s:b}", "disabled", 0), "may log in again");
}

/* ---- list ---- */

static void join_roles(const json_t *roles, char *out, size_t size)
{
    size_t i, len = 0;
    const json_t *role;
    out[0] = '\0';
    json_array_foreach(roles, i, role)
    {
        int n = snprintf(out + len, size - len, "%s%s", i > 0 ? " " : "", json_string_value(role));
        len += n > 0 && (size_t)n < size - len ? (size_t)n : 0;
    }
}

static void print_users(const json_t *users)
{
    static const char *const headers[] = {"name", "title", "roles", "area", "state", "last login"};
    struct table *table;
    size_t i;
    const json_t *user;
    if (table_new(headers, sizeof headers / sizeof *headers, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(users, i, user)
    {
        char roles[256], when[40];
        const char *area = ctl_text(user, "area");
        join_roles(json_object_get(user, "roles"), roles, sizeof roles);
        table_row(table, (const char *const[]){ctl_text(user, "name"), ctl_text(user, "title"),
                                               roles, area[0] != '\0' ? area : "all",
                                               ctl_flag(user, "disabled") ? "disabled" : "active",
                                               ctl_time(ctl_text(user, "last_login_at"), when)});
    }
    table_print(table, stdout);
    table_free(table);
}

enum ctl_exit cmd_user_list(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call_list(ctl, "/api/v1/users", "users", &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_users(json_object_get(reply.json, "users"));
    }
    reply_fini(&reply);
    return exit;
}
