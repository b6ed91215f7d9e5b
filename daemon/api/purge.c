/* POST /api/v1/purge: retention by hand, on the control socket. The daemon does the same by itself,
 * see dispatch/poll.c. */
#include "api/handlers.h"

#include <stdlib.h>

#include "api/apicall.h"
#include "base/clock.h"
#include "store/purge.h"

struct purging {
    bool dry_run;
    json_t *campaigns;
    uint64_t uplinks;
};

static void purging_free(void *state)
{
    struct purging *purging = state;
    json_decref(purging->campaigns);
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

static void next_carrier(struct apicall *call)
{
    struct purging *purging = call->state;
    const struct settings *settings = call->api->settings;
    char before[CLOCK_TEXT_SIZE];
    int64_t now_ms = clock_wall_ms();
    if (call->at_carrier >= settings->n_carriers) {
        apicall_answer(call, 200,
                       json_pack("{s:b, s:s, s:O, s:I}", "dry_run", purging->dry_run, "before",
                                 clock_format_rfc3339(now_ms - settings->daemon.retention_ms,
                                                      apicall_offset_min(call), before),
                                 "campaigns", purging->campaigns, "replies",
                                 (json_int_t)purging->uplinks));
        return;
    }
    const struct purge_options options = {.carrier = settings->carriers[call->at_carrier].name,
                                          .now_ms = now_ms,
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
    call->state = purging;
    call->free_state = purging_free;
    if (apicall_actor(call, &actor) && apicall_bool(call, "dry_run", &purging->dry_run)) {
        next_carrier(call);
    }
}
