/* /api/v1/campaigns … but the list (campaign_list.c) and the report (report.c). */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/apicall.h"
#include "api/drafts.h"
#include "api/encode.h"
#include "api/guard.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "campaign/plan.h"
#include "campaign/template.h"
#include "drafting/headlines.h"
#include "drafting/plans.h"
#include "sms/mobile.h"

#define PATH_MAX_BYTES 4096
#define PROBLEM_MAX_BYTES 32768
#define TEST_CSV_ROWS 2000 /* rows read to find the first good one for a test message */
#define TEXT_MAX_BYTES 16384

/* ---- looking ---- */

json_t *draft_json(struct apicall *call, const char *id)
{
    struct draft *draft = NULL;
    if (draft_load(call->api->settings, id, &draft) != ERR_OK) {
        return NULL;
    }
    const struct headline headline = headline_of(draft);
    json_t *json = headline_json(call, &headline);
    draft_free(draft);
    return json;
}

static void show_found(struct apicall *call)
{
    if (call->found.is_there) {
        apicall_answer(call, 200, json_incref(call->found.json));
        return;
    }
    json_t *draft = draft_json(call, call->params[0]);
    if (draft != NULL) {
        apicall_answer(call, 200, draft);
        return;
    }
    const struct launch_view *import = launcher_view(call->api->parts.launcher, call->params[0]);
    if (import != NULL) { /* launched from a file elsewhere, and it failed */
        apicall_error(call, 404, "no_campaign", NULL, "%s was not launched: %s", call->params[0],
                      import->reason);
        return;
    }
    apicall_error(call, 404, "no_campaign", NULL, "there is no campaign %s", call->params[0]);
}

void handle_campaign_show(struct apicall *call)
{
    apicall_find_campaign(call, show_found);
}

/* ---- launch and resend ---- */

static void on_audited(void *arg, enum err error, const char *reason)
{
    (void)arg;
    if (error != ERR_OK) {
        log_line(LOG_WARN, "daemon", "event=audit_lost error=\"%s\"",
                 reason != NULL ? reason : err_sentence(error));
    }
}

static void audit(struct api *api, const char *actor, const char *act, const char *object,
                  const char *detail)
{
    struct audit_line line = {
        .at_ms = clock_wall_ms(), .actor = actor, .act = act, .object = object, .detail = detail};
    if (status_audit(api->parts.store, &line, on_audited, NULL) != ERR_OK) {
        on_audited(NULL, ERR_CLOSED, NULL);
    }
}

static void on_started(void *arg, enum err error, const char *reason, const char *id,
                       const char *carrier)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    const char *actor = json_string_value(json_object_get(call->body, "actor"));
    const char *why = json_string_value(json_object_get(call->body, "reason"));
    bool is_resend = call->route->handle == handle_campaign_resend;
    audit(call->api, actor, is_resend ? "resend" : "launch", id, why != NULL ? why : "");
    if (!is_resend) { /* of a resend the campaign in the path is what it is about */
        apicall_note_made(call, id);
    }
    apicall_answer(
        call, 202,
        json_pack("{s:s, s:s, s:s}", "id", id, "carrier", carrier, "state", "importing"));
}

/* Only who has the machine names a path; for others it is an id, whatever lies in the working
 * directory. */
static bool find_definition(struct apicall *call, const char *file, char path[PATH_MAX_BYTES])
{
    bool is_there = call->who.via == VIA_CONTROL
                        ? definition_find(file, call->api->settings, path, PATH_MAX_BYTES) == ERR_OK
                        : ids_valid_name(file) &&
                              draft_ini_path(call->api->settings, file, path)[0] != '\0' &&
                              access(path, R_OK) == 0;
    if (!is_there) {
        apicall_error(call, 404, "no_campaign", "file",
                      "there is neither a file nor a campaign \"%s\"", file);
    }
    return is_there;
}

/* gives: false when it was answered. */
static bool read_launch(struct apicall *call, struct launch_request *request, const char **file)
{
    return apicall_text(call, "file", true, PATH_MAX_BYTES - 1, file) &&
           apicall_actor(call, &request->actor) && apicall_bool(call, "now", &request->now) &&
           apicall_bool(call, "again", &request->again) &&
           apicall_text(call, "reason", request->again, CALL_REASON_MAX, &request->reason) &&
           apicall_integer(call, "expect_recipients", -1, &request->expect_recipients);
}

static void launch(struct apicall *call, const struct guard *guard)
{
    char path[PATH_MAX_BYTES];
    const char *file;
    struct launch_request request = {.file = path};
    if (!read_launch(call, &request, &file) || !find_definition(call, file, path)) {
        return;
    }
    if (guard->is_trial) {
        request.only = guard->own;
        request.n_only = guard->n_own;
    }
    drafting_plan_spent(call->api->parts.drafting, file);
    enum err error = launcher_start(call->api->parts.launcher, &request, on_started, call);
    if (error != ERR_OK) {
        apicall_fail(call, error,
                     error == ERR_BUSY ? "too many imports run already, try again when one is done"
                                       : NULL);
    }
}

void handle_campaign_launch(struct apicall *call)
{
    const char *file;
    struct launch_request request = {.file = NULL};
    if (read_launch(call, &request, &file)) {
        guard_launch(call, request.expect_recipients, launch);
    }
}

/* Asked while the codes in force are those of the moment: the call lives until on_started. */
static bool is_temporary(void *ctx, const char *code)
{
    const struct apicall *call = ctx;
    const struct codes *codes = call->api != NULL ? apicall_codes(call, call->found.carrier) : NULL;
    return codes != NULL && report_class_is_temporary(codes_class(codes, code));
}

static void resend(struct apicall *call, const struct guard *guard)
{
    (void)guard;
    static const char *const words[] = {"temporary", "rejected", NULL};
    const struct api *api = call->api;
    const char *actor = json_string_value(json_object_get(call->body, "actor"));
    const char *reason = json_string_value(json_object_get(call->body, "reason"));
    int only;
    int64_t expect;
    if (!apicall_word(call, "only", words, true, &only) ||
        !apicall_integer(call, "expect_recipients", -1, &expect)) {
        return;
    }
    enum err error =
        launcher_resend(api->parts.launcher, call->found.carrier, call->found.id, only == 0,
                        only == 1, actor, reason, expect, is_temporary, call, on_started, call);
    if (error != ERR_OK) {
        apicall_fail(call, error,
                     error == ERR_BUSY ? "too many imports run already, try again when one is done"
                                       : NULL);
    }
}

static void resend_found(struct apicall *call)
{
    guard_live(call, json_string_value(json_object_get(call->found.json, "region")), resend);
}

void handle_campaign_resend(struct apicall *call)
{
    const char *actor, *reason;
    if (apicall_actor(call, &actor) &&
        apicall_text(call, "reason", true, CALL_REASON_MAX, &reason)) {
        apicall_need_campaign(call, resend_found);
    }
}

/* ---- what a resend would be ---- */

static void on_counted(void *arg, enum err error, const char *reason,
                       const struct launch_count *count)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    json_t *first = json_array();
    for (size_t i = 0; i < count->n_first; i++) {
        char masked[MOBILE_TEXT_SIZE];
        mobile_mask(count->first[i], masked);
        json_array_append_new(first, json_string(masked));
    }
    apicall_answer(call, 200,
                   json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "id", count->id, "people",
                             (json_int_t)count->people, "opted_out", (json_int_t)count->opted_out,
                             "duplicate", (json_int_t)count->duplicate, "segments_total",
                             (json_int_t)count->segments, "cost_fen", (json_int_t)count->cost_fen,
                             "first", first));
}

static void count_found(struct apicall *call)
{
    const char *only = http_request_query(call->request, "only");
    enum err error =
        launcher_count_resend(call->api->parts.launcher, call->found.carrier, call->found.id,
                              strcmp(only, "temporary") == 0, strcmp(only, "rejected") == 0,
                              is_temporary, call, on_counted, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_campaign_resend_count(struct apicall *call)
{
    const char *only = http_request_query(call->request, "only");
    if (only == NULL || (strcmp(only, "temporary") != 0 && strcmp(only, "rejected") != 0)) {
        apicall_error(call, 400, "invalid", "only", "only must be temporary or rejected");
        return;
    }
    apicall_need_campaign(call, count_found);
}

/* ---- pause, resume, cancel, resolve ---- */

static void on_changed(void *arg, enum err error, const char *reason,
                       const struct queue_counts *counts)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    uint64_t accepted = 0;
    for (size_t i = 0; counts != NULL && i < STATE_COUNT; i++) {
        accepted += counts->of[i];
    }
    static const struct queue_counts none;
    dispatch_wake(call->api->parts.dispatch, call->found.carrier);
    apicall_answer(call, 200,
                   json_pack("{s:s, s:I, s:o}", "id", call->found.id, "accepted",
                             (json_int_t)accepted, "counts",
                             encode_counts(counts != NULL ? counts : &none)));
}

/* What it is from now on; a campaign that goes on waits for its time, or sends at once. */
static void note_act(struct apicall *call, enum campaign_act act)
{
    char before[40];
    snprintf(before, sizeof before, "state=%s", call->found.state);
    apicall_note_change(call, before,
                        act == ACT_PAUSE    ? "state=paused"
                        : act == ACT_CANCEL ? "state=cancelled"
                                            : "state=resumed");
}

static void act_found(struct apicall *call, enum campaign_act act)
{
    note_act(call, act);
    int64_t until_ms = 0;
    const char *until = json_string_value(json_object_get(call->body, "until"));
    const char *actor = json_string_value(json_object_get(call->body, "actor"));
    const char *reason = json_string_value(json_object_get(call->body, "reason"));
    if (until != NULL && clock_parse(until, apicall_offset_min(call), &until_ms) != ERR_OK) {
        apicall_error(call, 400, "invalid", "until",
                      "until is \"%s\", not a time such as \"2026-10-17 21:00\"", until);
        return;
    }
    enum err error =
        queue_act(call->api->parts.store, call->found.carrier, call->found.seq, act, actor,
                  reason != NULL ? reason : "", until_ms, clock_wall_ms(), on_changed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void pause_found(struct apicall *call)
{
    act_found(call, ACT_PAUSE);
}

/* An area that was put back in trial sends no more for real, not what waits either. */
static void go_on(struct apicall *call, void (*go)(struct apicall *call, const struct guard *guard))
{
    static const struct guard simulated = {.is_trial = true};
    const struct settings_carrier *carrier =
        settings_carrier(call->api->settings, call->found.carrier);
    if (carrier != NULL && carrier->trial) {
        go(call, &simulated);
    } else {
        guard_live(call, json_string_value(json_object_get(call->found.json, "region")), go);
    }
}

static void resume(struct apicall *call, const struct guard *guard)
{
    (void)guard;
    act_found(call, ACT_RESUME);
}

static void resume_found(struct apicall *call)
{
    go_on(call, resume);
}

static void cancel_found(struct apicall *call)
{
    char sentence[CALL_REASON_MAX + CALL_ACTOR_MAX + 32];
    if (strcmp(call->found.state, "importing") == 0) {
        snprintf(sentence, sizeof sentence, "cancelled by %s: %s",
                 json_string_value(json_object_get(call->body, "actor")),
                 json_string_value(json_object_get(call->body, "reason")));
        if (launcher_stop(call->api->parts.launcher, call->found.id, sentence)) {
            note_act(call, ACT_CANCEL);
            on_changed(call, ERR_OK, "", NULL);
            return;
        }
    }
    act_found(call, ACT_CANCEL);
}

static void change(struct apicall *call, bool needs_reason, void (*on_found)(struct apicall *call))
{
    const char *actor, *reason, *until;
    if (apicall_actor(call, &actor) &&
        apicall_text(call, "reason", needs_reason, CALL_REASON_MAX, &reason) &&
        apicall_text(call, "until", false, 40, &until)) {
        apicall_need_campaign(call, on_found);
    }
}

void handle_campaign_pause(struct apicall *call)
{
    change(call, true, pause_found);
}

void handle_campaign_resume(struct apicall *call)
{
    change(call, false, resume_found);
}

void handle_campaign_cancel(struct apicall *call)
{
    change(call, true, cancel_found);
}

static void resolve(struct apicall *call, enum resolve_as as)
{
    enum err error = queue_resolve(call->api->parts.store, call->found.carrier, call->found.seq, as,
                                   json_string_value(json_object_get(call->body, "actor")),
                                   json_string_value(json_object_get(call->body, "reason")),
                                   clock_wall_ms(), on_changed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void resolve_resend(struct apicall *call, const struct guard *guard)
{
    (void)guard;
    resolve(call, RESOLVE_RESEND);
}

static void resolve_found(struct apicall *call)
{
    static const char *const words[] = {
        [RESOLVE_RESEND] = "resend", [RESOLVE_ACCEPT] = "accept", [RESOLVE_FAIL] = "fail", NULL};
    int as;
    if (!apicall_word(call, "as", words, true, &as)) {
        return;
    }
    if (as == RESOLVE_RESEND) {
        go_on(call, resolve_resend);
    } else {
        resolve(call, (enum resolve_as)as);
    }
}

void handle_campaign_resolve(struct apicall *call)
{
    change(call, true, resolve_found);
}

/* ---- one real message ---- */

static void on_tested(void *arg, enum err error, const char *sentence)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, sentence);
        return;
    }
    json_t *answer = json_incref(call->answer);
    json_object_set_new(answer, "message", json_string(sentence));
    apicall_answer(call, 200, answer);
}

/* The text with the values of the first row that would get it. */
static enum err first_text(struct plan *plan, struct buf *text, struct buf *shown)
{
    struct plan_block block;
    bool done = false;
    plan_block_init(&block);
    enum err error = plan_read(plan, 1, TEST_CSV_ROWS, &block, &done);
    if (error == ERR_OK && block.n == 0) {
        error = ERR_NOT_FOUND;
    }
    if (error == ERR_OK) {
        const uint8_t *values = (const uint8_t *)buf_text(&block.values) + block.rows[0].value_at;
        error = template_expand(plan_template(plan), values, block.rows[0].value_len, text);
        if (error == ERR_OK) {
            error =
                template_expand_shown(plan_template(plan), values, block.rows[0].value_len, shown);
        }
    }
    plan_block_fini(&block);
    return error;
}

static void send_test(struct apicall *call, const struct definition *definition, uint64_t number,
                      const char *actor)
{
    struct plan *plan = NULL;
    struct buf problem, text, shown;
    char masked[MOBILE_TEXT_SIZE];
    buf_init(&problem, PROBLEM_MAX_BYTES);
    buf_init(&text, TEXT_MAX_BYTES);
    buf_init(&shown, TEXT_MAX_BYTES);
    enum err error = plan_open(definition, call->api->settings, &plan, &problem);
    if (error == ERR_OK) {
        error = first_text(plan, &text, &shown);
        if (error != ERR_OK) {
            buf_add_text(&problem, error == ERR_NOT_FOUND
                                       ? "no good row stands at the head of the list"
                                       : plan_fault(plan));
        }
        plan_free(plan);
    }
    if (error != ERR_OK) {
        apicall_error(call, 400, "definition", "file", "%s",
                      problem.len > 0 ? buf_text(&problem) : err_sentence(error));
    } else {
        mobile_mask(number, masked);
        call->answer = json_pack("{s:s, s:s}", "id", definition->id, "text", buf_text(&shown));
        audit(call->api, actor, "test", definition->id, masked);
        apicall_note_made(call, definition->id);
        error = dispatch_test(call->api->parts.dispatch, definition->carrier, number,
                              buf_text(&text), on_tested, call);
        if (error != ERR_OK) {
            apicall_fail(call, error, NULL);
        }
    }
    buf_fini(&problem);
    buf_fini(&text);
    buf_fini(&shown);
}

static void test(struct apicall *call, const struct guard *guard)
{
    char path[PATH_MAX_BYTES];
    const char *file, *actor;
    uint64_t number;
    struct mistakes mistakes;
    struct definition *definition = NULL;
    (void)guard;
    if (!apicall_text(call, "file", true, sizeof path - 1, &file) || !apicall_actor(call, &actor) ||
        !apicall_mobile(call, "to", &number) || !find_definition(call, file, path)) {
        return;
    }
    mistakes_init(&mistakes);
    if (definition_load(path, call->api->settings, &definition, &mistakes) == ERR_OK) {
        send_test(call, definition, number, actor);
        definition_free(definition);
    } else {
        struct buf text;
        buf_init(&text, PROBLEM_MAX_BYTES);
        mistakes_print(&mistakes, &text);
        apicall_error(call, 400, "definition", "file", "%s", buf_text(&text));
        buf_fini(&text);
    }
    mistakes_fini(&mistakes);
}

void handle_campaign_test(struct apicall *call)
{
    const char *file;
    uint64_t number;
    if (apicall_text(call, "file", true, PATH_MAX_BYTES - 1, &file) &&
        apicall_mobile(call, "to", &number)) {
        guard_test(call, number, test);
    }
}
