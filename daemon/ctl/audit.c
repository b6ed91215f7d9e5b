/* audit list, verify: who did what, from where. */
#include "ctl/commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "ctl/common.h"
#include "ctl/table.h"
#include "sms/mobile.h"

#define PATH_BYTES 2048
#define ID_SIZE 48
#define DETAILS_BYTES 2048
#define LIST_DEFAULT 50
#define LIST_MAX 500

static void print_lines(const json_t *lines)
{
    static const char *const headers[] = {"when", "who", "from", "what", "which", "details"};
    struct table *table;
    size_t i;
    const json_t *line;
    if (table_new(headers, sizeof headers / sizeof *headers, &table) != ERR_OK) {
        return;
    }
    json_array_foreach(lines, i, line)
    {
        char when[40], details[DETAILS_BYTES];
        const char *address = ctl_text(line, "address");
        const char *before = ctl_text(line, "before"), *after = ctl_text(line, "after");
        bool is_change = before[0] != '\0' || after[0] != '\0';
        snprintf(details, sizeof details, is_change ? "%s%s -> %s" : "%s", ctl_text(line, "detail"),
                 before, after);
        table_row(table, (const char *const[]){
                             ctl_time(ctl_text(line, "at"), when), ctl_text(line, "actor"),
                             address[0] != '\0' ? address : ctl_text(line, "via"),
                             ctl_text(line, "act"), ctl_text(line, "object"), details});
    }
    table_print(table, stdout);
    table_free(table);
}

/* As a query; false without memory. */
static bool add_query(struct buf *path, const char *name, const char *text)
{
    char *value = ctl_escape(text);
    buf_addf(path, "&%s=%s", name, value != NULL ? value : "");
    free(value);
    return value != NULL;
}

/* What is looked for. A number stands masked in the lines, and has no place in a query. */
static bool add_wish(const struct ctl *ctl, struct buf *path)
{
    const char *to = ctl_option(ctl, OPT_TO);
    bool is_fine = to == NULL || add_query(path, "to", to);
    if (is_fine && ctl->n_operands > 0) {
        char *masked = strdup(ctl->operands[0]);
        if (masked != NULL) {
            mobile_mask_within(masked);
        }
        is_fine = masked != NULL && add_query(path, "about", masked);
        free(masked);
    }
    return is_fine;
}

/* Page by page, until there are `most` lines or no more. */
static enum ctl_exit collect(struct ctl *ctl, size_t most, json_t *all, char next[ID_SIZE])
{
    struct buf path;
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    next[0] = '\0';
    do {
        buf_init(&path, PATH_BYTES);
        buf_addf(&path, "/api/v1/audit?limit=%zu", most - json_array_size(all));
        bool is_fine = add_wish(ctl, &path);
        if (next[0] != '\0') {
            buf_addf(&path, "&before=%s", next);
        }
        if (!is_fine || path.failed) {
            exit = ctl_fail(ctl, CTL_USAGE, "usage", "what is looked for is too long");
        } else if (!ctl_call(ctl, "GET", buf_text(&path), NULL, &reply)) {
            exit = ctl_fail_reply(ctl, &reply);
            reply_fini(&reply);
        } else {
            json_array_extend(all, json_object_get(reply.json, "lines"));
            snprintf(next, ID_SIZE, "%s", ctl_text(reply.json, "next"));
            reply_fini(&reply);
        }
        buf_fini(&path);
    } while (exit == CTL_DONE && next[0] != '\0' && json_array_size(all) < most);
    return exit;
}

enum ctl_exit cmd_audit_list(struct ctl *ctl)
{
    char next[ID_SIZE], *end;
    const char *limit = ctl_option(ctl, OPT_LIMIT);
    unsigned long n = limit != NULL ? strtoul(limit, &end, 10) : LIST_DEFAULT;
    if (limit != NULL && (*end != '\0' || n == 0 || n > LIST_MAX)) {
        return ctl_fail(ctl, CTL_USAGE, "limit", "--limit is a whole number from 1 to %d",
                        LIST_MAX);
    }
    json_t *all = json_array();
    enum ctl_exit exit = collect(ctl, n, all, next);
    if (exit == CTL_DONE && ctl_json(ctl)) {
        json_t *json = json_pack("{s:O, s:o}", "lines", all, "next",
                                 next[0] != '\0' ? json_string(next) : json_null());
        ctl_print_json(json);
        json_decref(json);
    } else if (exit == CTL_DONE) {
        print_lines(all);
        if (next[0] != '\0') {
            fprintf(stderr, "outreachctl: there are older ones; --limit N shows them\n");
        }
    }
    json_decref(all);
    return exit;
}

enum ctl_exit cmd_audit_verify(struct ctl *ctl)
{
    struct reply reply;
    enum ctl_exit exit = CTL_DONE;
    if (!ctl_call(ctl, "POST", "/api/v1/audit/verify", NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else {
        bool is_good = ctl_flag(reply.json, "ok");
        exit = is_good ? CTL_DONE : CTL_FAILED;
        if (ctl_json(ctl)) {
            ctl_print_json(reply.json);
        } else if (is_good) {
            printf("%" PRId64 " lines, each fits the one before; the last digest is %s\n",
                   ctl_number(reply.json, "lines"), ctl_text(reply.json, "head"));
        } else {
            fprintf(stderr, "outreachctl: the line %s was changed, or one before it taken away\n",
                    ctl_text(reply.json, "bad"));
        }
    }
    reply_fini(&reply);
    return exit;
}
