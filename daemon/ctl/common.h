/* What all commands share: options, the daemon, answers and their exit codes. */
#pragma once

#include "ctl/client.h"
#include "ctl/command.h"

struct settings;

#define CTL_CONFIG_DEFAULT "/etc/outreachd/outreachd.ini"
#define CTL_SOCKET_DEFAULT "/run/outreachd/control.sock"
#define CTL_PATH_MAX 4096

bool ctl_json(const struct ctl *ctl);
/* An option's value, NULL when it was not given. */
const char *ctl_option(const struct ctl *ctl, enum ctl_option option);
/* --actor, else the login name. */
const char *ctl_actor(const struct ctl *ctl);
const char *ctl_config(const struct ctl *ctl);

/* Says why on stderr, with --json also as {"error":{"code","message"}} on stdout; gives `exit`
 * back. */
enum ctl_exit ctl_fail(const struct ctl *ctl, enum ctl_exit exit, const char *code,
                       const char *format, ...) PRINTF_LIKE(4, 5);
/* The same for an answer of the daemon that was not 2xx (or did not come). */
enum ctl_exit ctl_fail_reply(const struct ctl *ctl, const struct reply *reply);
/* Prints `json` on stdout. */
void ctl_print_json(const json_t *json);

/* The whole configuration, without its secrets. On mistakes they are printed and NULL is given. */
struct settings *ctl_settings(const struct ctl *ctl);

/* One call to the daemon, which is found through control_socket alone: other mistakes in
 * outreachd.ini must not keep an operator from a running daemon. *reply is released with reply_fini
 * in every case. gives: 2xx. */
bool ctl_call(struct ctl *ctl, const char *method, const char *path, const json_t *body,
              struct reply *reply);
/* GET of a list that comes in pages: `path` without a question mark, `member` the array in each
 * page. *reply holds one document with all of them. */
bool ctl_call_list(struct ctl *ctl, const char *path, const char *member, struct reply *reply);
/* The client itself, NULL without memory (said on stderr). */
struct client *ctl_client(struct ctl *ctl);
/* "/api/v1/campaigns/ID/verb": false when `id` is no possible id (then it is said, and *exit is
 * CTL_NOT_FOUND). */
bool ctl_path(const struct ctl *ctl, char *out, size_t out_size, const char *kind, const char *id,
              const char *verb, enum ctl_exit *exit);

/* Asks on the terminal for `expected` to be typed. false: it was not, or there is no terminal
 * (said). */
bool ctl_confirm(const char *question, const char *expected);

/* One line of the standard input, without its end. false: there is none. */
bool ctl_read_line(char *out, size_t out_size);
/* The same of a question on the terminal, whose answer is not shown; without a terminal the next
 * line is taken. */
bool ctl_ask_hidden(const char *question, char *out, size_t out_size);
/* For a query; on the heap, NULL without memory. */
char *ctl_escape(const char *text);

const char *ctl_text(const json_t *object, const char *key); /* "" when absent or null */
int64_t ctl_number(const json_t *object, const char *key);   /* 0 when absent or null */
bool ctl_flag(const json_t *object, const char *key);
/* "38.70 yuan" */
const char *ctl_money(int64_t fen, char out[40]);
/* "2026-10-17 09:00:00" of "2026-10-17T09:00:00+08:00"; "-" of nothing. */
const char *ctl_time(const char *rfc3339, char out[40]);
