#include "ctl/common.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/ids.h"
#include "conf/ini.h"
#include "conf/settings.h"
#include "ctl/table.h"

#define MISTAKES_TEXT_MAX_BYTES ((size_t)1024 * 1024)
#define SENTENCE_MAX 4096

bool ctl_json(const struct ctl *ctl)
{
    return ctl->options[OPT_JSON] != NULL;
}

const char *ctl_option(const struct ctl *ctl, enum ctl_option option)
{
    return ctl->options[option];
}

const char *ctl_actor(const struct ctl *ctl)
{
    static char name[64];
    if (ctl->options[OPT_ACTOR] != NULL) {
        return ctl->options[OPT_ACTOR];
    }
    const struct passwd *entry = getpwuid(getuid());
    if (entry != NULL) {
        snprintf(name, sizeof name, "%s", entry->pw_name);
    } else {
        snprintf(name, sizeof name, "uid %u", (unsigned)getuid());
    }
    return name;
}

const char *ctl_config(const struct ctl *ctl)
{
    return ctl->options[OPT_CONFIG] != NULL ? ctl->options[OPT_CONFIG] : CTL_CONFIG_DEFAULT;
}

/* ---- answers ---- */

void ctl_print_json(const json_t *json)
{
    if (json_dumpf(json, stdout, JSON_INDENT(2)) != 0) {
        fputs("null", stdout);
    }
    fputc('\n', stdout);
}

static void print_error_json(const char *code, const char *message)
{
    json_t *json =
        json_pack("{s:{s:s, s:s%}}", "error", "code", code, "message", message, strlen(message));
    ctl_print_json(json);
    json_decref(json);
}

enum ctl_exit ctl_fail(const struct ctl *ctl, enum ctl_exit exit, const char *code,
                       const char *format, ...)
{
    char message[SENTENCE_MAX], clean[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    table_clean(message, clean, sizeof clean);
    fflush(stdout);
    fprintf(stderr, "outreachctl: %s\n", clean);
    if (ctl_json(ctl)) {
        print_error_json(code, clean);
    }
    return exit;
}

enum ctl_exit ctl_fail_reply(const struct ctl *ctl, const struct reply *reply)
{
    if (reply->status == 0) {
        return ctl_fail(ctl, CTL_UNREACHABLE, "unreachable",
                        "the daemon is not reachable: %s. Is outreachd running, and does your "
                        "account belong to the group of "
                        "its control socket?",
                        reply->message);
    }
    bool missing =
        strcmp(reply->code, "no_campaign") == 0 || strcmp(reply->code, "no_carrier") == 0;
    return ctl_fail(ctl, missing ? CTL_NOT_FOUND : CTL_FAILED, reply->code, "%s", reply->message);
}

/* ---- configuration ---- */

struct settings *ctl_settings(const struct ctl *ctl)
{
    struct settings *settings = NULL;
    struct mistakes mistakes;
    struct buf text;
    mistakes_init(&mistakes);
    buf_init(&text, MISTAKES_TEXT_MAX_BYTES);
    enum err error = settings_load(ctl_config(ctl), false, &settings, &mistakes);
    if (error != ERR_OK) {
        mistakes_print(&mistakes, &text);
        fputs(buf_text(&text), stderr);
        ctl_fail(ctl, CTL_FAILED, "configuration", "%s: %zu mistakes", ctl_config(ctl),
                 mistakes.errors);
        settings = NULL;
    }
    buf_fini(&text);
    mistakes_fini(&mistakes);
    return settings;
}

/* control_socket alone, made absolute against the file as conf/schema does. */
static void find_socket(const struct ctl *ctl, char *out, size_t out_size)
{
    struct ini_file *ini = NULL;
    struct mistakes mistakes;
    snprintf(out, out_size, "%s", CTL_SOCKET_DEFAULT);
    mistakes_init(&mistakes);
    if (ini_read(ctl_config(ctl), &ini, &mistakes) == ERR_OK || ini != NULL) {
        for (size_t i = 0; i < ini->n; i++) {
            const struct ini_entry *entry = &ini->entries[i];
            if (strcmp(entry->section, "daemon") != 0 ||
                strcmp(entry->key, "control_socket") != 0) {
                continue;
            }
            const char *slash = strrchr(ctl_config(ctl), '/');
            int folder =
                entry->value[0] == '/' || slash == NULL ? 0 : (int)(slash - ctl_config(ctl) + 1);
            snprintf(out, out_size, "%.*s%s", folder, ctl_config(ctl), entry->value);
        }
        ini_free(ini);
    }
    mistakes_fini(&mistakes);
}

struct client *ctl_client(struct ctl *ctl)
{
    char path[CTL_PATH_MAX];
    if (ctl->client == NULL) {
        find_socket(ctl, path, sizeof path);
        if (client_new(path, &ctl->client) != ERR_OK) {
            ctl->client = NULL;
            fprintf(stderr, "outreachctl: %s: not usable as a control socket\n", path);
        }
    }
    return ctl->client;
}

bool ctl_call(struct ctl *ctl, const char *method, const char *path, const json_t *body,
              struct reply *reply)
{
    struct client *client = ctl_client(ctl);
    if (client == NULL) {
        memset(reply, 0, sizeof *reply);
        reply->code = reply->message = "";
        return false;
    }
    return client_call(client, method, path, body, reply);
}

#define LIST_PAGE 500 /* rows a page: the most that the daemon gives */

bool ctl_call_list(struct ctl *ctl, const char *path, const char *member, struct reply *reply)
{
    char page[CTL_PATH_MAX], cursor[256] = "";
    json_t *all = json_array();
    bool done;
    while ((snprintf(page, sizeof page, "%s?limit=%d%s%s", path, LIST_PAGE,
                     cursor[0] != '\0' ? "&cursor=" : "", cursor),
            done = ctl_call(ctl, "GET", page, NULL, reply))) {
        json_array_extend(all, json_object_get(reply->json, member));
        snprintf(cursor, sizeof cursor, "%s", ctl_text(reply->json, "cursor"));
        if (cursor[0] == '\0') {
            break;
        }
        reply_fini(reply);
    }
    if (done) {
        json_object_del(reply->json, "cursor");
        json_object_set(reply->json, member, all);
    }
    json_decref(all);
    return done;
}

bool ctl_path(const struct ctl *ctl, char *out, size_t out_size, const char *kind, const char *id,
              const char *verb, enum ctl_exit *exit)
{
    if (!ids_valid_name(id)) {
        char one[32], code[48]; /* "users": "user", "no_user" */
        snprintf(one, sizeof one, "%.*s", (int)strlen(kind) - 1, kind);
        snprintf(code, sizeof code, "no_%s", one);
        *exit = ctl_fail(ctl, CTL_NOT_FOUND, code,
                         "there is no %s \"%s\": a name is made of letters, digits, - _ and .", one,
                         id);
        return false;
    }
    snprintf(out, out_size, "/api/v1/%s/%s%s%s", kind, id, verb[0] != '\0' ? "/" : "", verb);
    return true;
}

bool ctl_confirm(const char *question, const char *expected)
{
    char line[256];
    if (!isatty(STDIN_FILENO)) {
        fprintf(stderr, "outreachctl: there is no terminal to ask on; a script gives --yes\n");
        return false;
    }
    fprintf(stderr, "%s", question);
    fflush(stderr);
    if (fgets(line, sizeof line, stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (strcmp(line, expected) != 0) {
        fprintf(stderr, "outreachctl: that is not \"%s\"; nothing was done\n", expected);
        return false;
    }
    return true;
}

bool ctl_read_line(char *out, size_t out_size)
{
    if (fgets(out, (int)out_size, stdin) == NULL) {
        return false;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return true;
}

bool ctl_ask_hidden(const char *question, char *out, size_t out_size)
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return ctl_read_line(out, out_size);
    }
    fputs(question, stderr);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    bool is_read = ctl_read_line(out, out_size);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputs("\n", stderr);
    return is_read;
}

char *ctl_escape(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = malloc(3 * strlen(text) + 1), *at = out;
    if (out == NULL) {
        return NULL;
    }
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
            *at++ = *text;
        } else {
            *at++ = '%';
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    *at = '\0';
    return out;
}

/* ---- reading answers ---- */

const char *ctl_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

int64_t ctl_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_real(value)) {
        return (int64_t)json_real_value(value);
    }
    return (int64_t)json_integer_value(value);
}

bool ctl_flag(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

const char *ctl_money(int64_t fen, char out[40])
{
    snprintf(out, 40, "%lld.%02lld yuan", (long long)(fen / 100), (long long)(fen % 100));
    return out;
}

const char *ctl_time(const char *rfc3339, char out[40])
{
    snprintf(out, 40, "%.19s", rfc3339[0] != '\0' ? rfc3339 : "-");
    char *t = strchr(out, 'T');
    if (t != NULL) {
        *t = ' ';
    }
    return out;
}
