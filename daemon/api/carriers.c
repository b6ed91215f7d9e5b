/* /api/v1/carriers …, and the same walk over all carriers for /api/v1/status. */
#include "api/carriers.h"

#include <stdio.h>
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/value.h"

static void walk(struct apicall *call);

static void on_carrier(void *arg, enum err error, const struct carrier_view *view)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        call->error = error;
        call->then(call);
        return;
    }
    const struct settings *settings = call->api->settings;
    if (call->at_carrier < settings->n_carriers) { /* a reload may have taken it away */
        const struct settings_carrier *carrier = &settings->carriers[call->at_carrier];
        struct dispatch_view lane = {.route_fault = ""};
        dispatch_lane_view(call->api->parts.dispatch, carrier->name, &lane);
        json_array_append_new(json_object_get(call->answer, "carriers"),
                              encode_carrier(carrier, view, &lane, apicall_offset_min(call)));
    }
    call->at_carrier++;
    walk(call);
}

static void walk(struct apicall *call)
{
    const struct settings *settings = call->api->settings;
    if (call->at_carrier >= settings->n_carriers) {
        call->then(call);
        return;
    }
    enum err error = status_carrier(call->api->parts.store,
                                    settings->carriers[call->at_carrier].name, on_carrier, call);
    if (error != ERR_OK) {
        call->error = error;
        call->then(call);
    }
}

void carriers_collect(struct apicall *call, void (*then)(struct apicall *call))
{
    call->then = then;
    call->at_carrier = 0;
    json_object_set_new(call->answer, "carriers", json_array());
    walk(call);
}

static void listed(struct apicall *call)
{
    if (call->error != ERR_OK) {
        apicall_fail(call, call->error, NULL);
        return;
    }
    apicall_answer(call, 200, json_incref(call->answer));
}

void handle_carrier_list(struct apicall *call)
{
    call->answer = json_object();
    carriers_collect(call, listed);
}

/* ---- pause, resume ---- */

#define ACT_MAX_BYTES 640

struct acting {
    enum carrier_act act;
    const char *actor, *reason;
    int64_t for_ms; /* a pause ends by itself after this; 0: it does not */
    char before[ACT_MAX_BYTES];
};

static void write_state(const char *state, const char *reason, char out[ACT_MAX_BYTES])
{
    char quoted[ACT_MAX_BYTES];
    snprintf(out, ACT_MAX_BYTES, "state=%s%s%s", state, reason[0] != '\0' ? " reason=" : "",
             reason[0] != '\0' ? log_quote(reason, quoted, sizeof quoted) : "");
}

static void on_acted(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    const struct acting *acting = call->state;
    char after[ACT_MAX_BYTES];
    bool pauses = acting->act == CARRIER_PAUSE;
    write_state(pauses ? "paused" : "running", pauses ? acting->reason : "", after);
    if (acting->for_ms > 0) {
        char how_long[24];
        size_t len = strlen(after);
        snprintf(after + len, sizeof after - len, " for=%s",
                 value_format_duration(acting->for_ms, how_long));
    }
    apicall_note_change(call, acting->before, after);
    dispatch_wake(call->api->parts.dispatch, call->params[0]);
    apicall_answer(call, 200, json_pack("{s:s}", "name", call->params[0]));
}

static void on_before(void *arg, enum err error, const struct carrier_view *view)
{
    struct apicall *call = arg;
    struct acting *acting = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        write_state(view->state, view->reason, acting->before);
        error =
            status_carrier_act(call->api->parts.store, call->params[0], acting->act, acting->actor,
                               acting->reason, "", acting->for_ms, clock_wall_ms(), on_acted, call);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

#define PAUSE_MIN_MS INT64_C(1000)
#define PAUSE_MAX_MS (30 * INT64_C(86400000))

/* "30m"; absent: 0. */
static bool read_for(struct apicall *call, enum carrier_act act, int64_t *for_ms)
{
    const char *text;
    *for_ms = 0;
    if (act != CARRIER_PAUSE) {
        return true;
    }
    if (!apicall_text(call, "for", false, 24, &text)) {
        return false;
    }
    if (text[0] != '\0' && (value_parse_duration(text, for_ms) != ERR_OK ||
                            *for_ms < PAUSE_MIN_MS || *for_ms > PAUSE_MAX_MS)) {
        apicall_error(call, 400, "invalid", "for", "for is a time such as 30m or 2h, 1s to 30d");
        return false;
    }
    return true;
}

static void act(struct apicall *call, enum carrier_act act_, const char *default_reason)
{
    const char *actor, *reason;
    int64_t for_ms;
    if (!apicall_actor(call, &actor) ||
        !apicall_text(call, "reason", false, CALL_REASON_MAX, &reason) ||
        !read_for(call, act_, &for_ms)) {
        return;
    }
    if (reason == NULL || *reason == '\0') {
        reason = default_reason;
    }
    const struct settings *settings = call->api->settings;
    if (settings_carrier(settings, call->params[0]) == NULL) {
        const char *names[SETTINGS_CARRIERS_MAX];
        for (size_t i = 0; i < settings->n_carriers; i++) {
            names[i] = settings->carriers[i].name;
        }
        const char *near = mistake_nearest(call->params[0], names, settings->n_carriers);
        apicall_error(call, 404, "no_carrier", NULL, "there is no carrier \"%s\"%s%s%s",
                      call->params[0], near != NULL ? " (did you mean \"" : "",
                      near != NULL ? near : "", near != NULL ? "\"?)" : "");
        return;
    }
    struct acting *acting = calloc(1, sizeof *acting);
    if (acting == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    *acting = (struct acting){.act = act_, .actor = actor, .reason = reason, .for_ms = for_ms};
    call->state = acting;
    call->free_state = free;
    enum err error = status_carrier(call->api->parts.store, call->params[0], on_before, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_carrier_pause(struct apicall *call)
{
    act(call, CARRIER_PAUSE, "no reason was given");
}

void handle_carrier_resume(struct apicall *call)
{
    act(call, CARRIER_RESUME, "");
}
