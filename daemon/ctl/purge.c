/* purge --dry-run | --yes: retention by hand. */
#include "ctl/commands.h"

#include <inttypes.h>

#include "ctl/common.h"

static void print_purge(const json_t *answer)
{
    size_t i;
    const json_t *campaign;
    char when[40];
    bool dry_run = ctl_flag(answer, "dry_run");
    json_array_foreach(json_object_get(answer, "campaigns"), i, campaign)
    {
        printf("%-40s %s  over since %s  %" PRId64 " recipients\n", ctl_text(campaign, "id"),
               ctl_text(campaign, "carrier"), ctl_time(ctl_text(campaign, "finished_at"), when),
               ctl_number(campaign, "recipients"));
    }
    size_t n_campaigns = i;
    json_array_foreach(json_object_get(answer, "lists"), i, campaign)
    {
        printf("%-40s its uploaded list\n", json_string_value(campaign));
    }
    printf("%zu campaigns that were over before %s and %" PRId64 " replies %s; %zu lists\n",
           n_campaigns, ctl_time(ctl_text(answer, "before"), when), ctl_number(answer, "replies"),
           dry_run ? "would lose their numbers and texts (nothing was done)"
                   : "have lost their numbers and texts",
           i);
}

enum ctl_exit cmd_purge(struct ctl *ctl)
{
    struct reply reply;
    bool dry_run = ctl_option(ctl, OPT_DRY_RUN) != NULL;
    if (!dry_run && ctl_option(ctl, OPT_YES) == NULL) {
        return ctl_fail(ctl, CTL_USAGE, "usage",
                        "what is purged cannot be brought back: look with --dry-run, then say "
                        "--yes");
    }
    json_t *body = json_pack("{s:s, s:b}", "actor", ctl_actor(ctl), "dry_run", dry_run);
    enum ctl_exit exit = ctl_call(ctl, "POST", "/api/v1/purge", body, &reply)
                             ? CTL_DONE
                             : ctl_fail_reply(ctl, &reply);
    if (exit == CTL_DONE && ctl_json(ctl)) {
        ctl_print_json(reply.json);
    } else if (exit == CTL_DONE) {
        print_purge(reply.json);
    }
    json_decref(body);
    reply_fini(&reply);
    return exit;
}
