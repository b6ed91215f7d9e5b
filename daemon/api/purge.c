/* POST /api/v1/purge: retention by hand, on the control socket. The daemon does the same by itself,
 * see dispatch/poll.c. */
#include "api/handlers.h"

#include <stdlib.h>

#include "api/apicall.h"
#include "base/clock.h"
#include "drafting/drafting.h"
#include "store/purge.h"

struct purging {
    bool dry_run;
    json_t *campaigns, *lists;
    int64_t now_ms;
    uint64_t uplinks;
};

static void purging_free(void *state)
{
    struct purging *purging = state;
    json_decref(purging->campaigns);
    json_decref(purging->lists);
    free(purging);
}

static void next_carrier(struct apicall *call);

static void on_campaign(void *arg, const struct purge_campaign *campaign)
{
    struct apicall *call = arg;
    struct purging *purging = call->state;
    char when[CLOCK_TEXT_SIZE];
    if (call->api == NULL) {
        return;
    }
    json_array_append_new(
        purging->campaigns,
        json_pack("{s:s, s:s, s:s, s:I}", "id", campaign->id, "carrier",
                  call->api->settings->carriers[call->at_carrier].name, "finished_at",
                  clock_format_rfc3339(campaign->finished_ms, apicall_offset_min(call), when),
                  "recipients", (json_int_t)campaign->accepted));
}

static void on_done(void *arg, enum err error, const char *reason, uint64_t uplinks)
{
    struct apicall *call = arg;
    struct purging *purging = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    purging->uplinks += uplinks;
    call->at_carrier++;
    next_carrier(call);
}

/* ---- lists that were uploaded, last: their campaigns are purged by then ---- */

static void on_list(void *arg, const char *id)
{
    struct apicall *call = arg;
    struct purging *purging = call->state;
    if (call->api != NULL) {
        json_array_append_new(purging->lists, json_string(id));
    }
}

static void on_lists(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    struct purging *purging = call->state;
    char before[CLOCK_TEXT_SIZE];
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    clock_format_rfc3339(purging->now_ms - call->api->settings->daemon.retention_ms,
                         apicall_offset_min(call), before);
    apicall_answer(call, 200,
                   json_pack("{s:b, s:s, s:O, s:O, s:I}", "dry_run", purging->dry_run, "before",
                             before, "campaigns", purging->campaigns, "lists", purging->lists,
                             "replies", (json_int_t)purging->uplinks));
}

static void look_at_lists(struct apicall *call)
{
    struct purging *purging = call->state;
    const struct drafting_retain_options options = {.now_ms = purging->now_ms,
                                                    .keep_ms =
                                                        call->api->settings->daemon.retention_ms,
                                                    .dry_run = purging->dry_run,
                                                    .on_list = on_list,
                                                    .on_done = on_lists,
                                                    .arg = call};
    enum err error = drafting_retain(call->api->parts.drafting, &options);
    if (error != ERR_OK) {
        apicall_fail(call, error, error == ERR_IO ? "campaigns_dir cannot be read" : NULL);
    }
}

static void next_carrier(struct apicall *call)
{
    struct purging *purging = call->state;
    const struct settings *settings = call->api->settings;
    if (call->at_carrier >= settings->n_carriers) {
        look_at_lists(call);
        return;
    }
    const struct purge_options options = {.carrier = settings->carriers[call->at_carrier].name,
                                          .now_ms = purging->now_ms,
                                          .keep_ms = settings->daemon.retention_ms,
                                          .dry_run = purging->dry_run,
                                          .on_campaign = on_campaign,
                                          .on_done = on_done,
                                          .arg = call};
    enum err error = purge_run(call->api->parts.store, &options);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_purge(struct apicall *call)
{
    const char *actor;
    struct purging *purging = calloc(1, sizeof *purging);
    if (purging == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    purging->campaigns = json_array();
    purging->lists = json_array();
    purging->now_ms = clock_wall_ms();
    call->state = purging;
    call->free_state = purging_free;
    if (apicall_actor(call, &actor) && apicall_bool(call, "dry_run", &purging->dry_run)) {
        next_carrier(call);
    }
}
