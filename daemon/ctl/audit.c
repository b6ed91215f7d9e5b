/* audit list, verify: who did what, from where. */
#include "ctl/commands.h"

#include <inttypes.h>
#include <stdlib.h>

#include "ctl/common.h"
#include "ctl/table.h"

#define PATH_BYTES 128

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
        char when[40];
        const char *address = ctl_text(line, "address");
        table_row(table, (const char *const[]){ctl_time(ctl_text(line, "at"), when),
                                               ctl_text(line, "actor"),
                                               address[0] != '\0' ? address : ctl_text(line, "via"),
                                               ctl_text(line, "act"), ctl_text(line, "object"),
                                               ctl_text(line, "detail")});
    }
    table_print(table, stdout);
    table_free(table);
}

enum ctl_exit cmd_audit_list(struct ctl *ctl)
{
    struct reply reply;
    char path[PATH_BYTES], *end;
    const char *limit = ctl_option(ctl, OPT_LIMIT);
    enum ctl_exit exit = CTL_DONE;
    unsigned long n = limit != NULL ? strtoul(limit, &end, 10) : 50;
    if (limit != NULL && (*end != '\0' || n == 0 || n > 500)) {
        return ctl_fail(ctl, CTL_USAGE, "limit", "--limit is a whole number from 1 to 500");
    }
    snprintf(path, sizeof path, "/api/v1/audit?limit=%lu", n);
    if (!ctl_call(ctl, "GET", path, NULL, &reply)) {
        exit = ctl_fail_reply(ctl, &reply);
    } else if (ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else {
        print_lines(json_object_get(reply.json, "lines"));
    }
    reply_fini(&reply);
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
