/* What others did, seen once a second and at every wake: campaigns launched, paused, resumed; the
 * account stopped or resumed; leases that ran out. Several daemons share one Redis, so nothing is
 * believed for longer than a tick; the store refuses what has become wrong in between.
 *
 * The late rule lives here: a campaign that has not begun in time is marked `missed` and waits for
 * a person. So is one whose end passed with recipients left. Nothing here ever starts a campaign
 * that is not `scheduled` or `sending`. */
#include "dispatch/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sms/mobile.h"
#include "sms/text.h"
#include "store/purge.h"

#define TEXT_MAX_BYTES ((size_t)64 << 10)

/* ---- campaigns ---- */

struct campaign *lane_campaign(const struct lane *lane, uint32_t seq)
{
    struct campaign *campaign;
    TAILQ_FOREACH(campaign, &lane->campaigns, entry)
    {
        if (campaign->seq == seq)
            return campaign;
    }
    return NULL;
}

void campaign_free(struct campaign *campaign)
{
    template_free(campaign->tmpl);
    free(campaign->text);
    free(campaign);
}

static enum campaign_class class_of(const char *word)
{
    for (int class_ = CLASS_PUBLICITY; class_ <= CLASS_RECEIPT; class_++) {
        if (strcmp(word, campaign_class_word((enum campaign_class)class_)) == 0)
            return (enum campaign_class)class_;
    }
    return CLASS_PUBLICITY; /* the one with the most restrictions */
}

/* Compiles what was frozen at the launch. A text that does not compile now was damaged since: the
 * campaign does not send. */
static void compile(struct campaign *campaign, const struct campaign_fields *fields)
{
    struct buf out;
    buf_init(&out, TEXT_MAX_BYTES);
    enum err error = template_compile(fields->signature, fields->signature_added_by_carrier,
                                      fields->text, fields->optout, &campaign->tmpl, &out);
    if (error) {
        snprintf(campaign->fault, sizeof campaign->fault, "%s",
                 out.len > 0 ? buf_text(&out) : err_sentence(error));
        campaign->tmpl = NULL;
        goto out;
    }
    const char *const *names;
    campaign->n_columns = template_columns(campaign->tmpl, &names);
    campaign->is_personal = template_is_personal(campaign->tmpl);
    if (campaign->is_personal)
        goto out;
    buf_reset(&out);
    error = template_expand(campaign->tmpl, NULL, 0, &out);
    if (!error)
        error = buf_check(&out);
    campaign->text = error ? NULL : strdup(buf_text(&out));
    campaign->text_segments = (uint16_t)text_segments(template_units(campaign->tmpl, NULL));
    if (!campaign->text)
        snprintf(campaign->fault, sizeof campaign->fault, "%s",
                 err_sentence(error ? error : ERR_NOMEM));
out:
    buf_fini(&out);
    char quoted[QUOTED_SIZE];
    if (campaign->fault[0])
        log_line(LOG_ERROR, campaign->lane->subject, "event=text_fault campaign=%s reason=%s",
                 campaign->id, log_quote(campaign->fault, quoted, sizeof quoted));
}

static struct campaign *campaign_new(struct lane *lane, const struct campaign_view *view)
{
    struct campaign *campaign = calloc(1, sizeof *campaign);
    if (!campaign)
        return NULL;
    campaign->lane = lane;
    campaign->seq = view->seq;
    snprintf(campaign->id, sizeof campaign->id, "%s", view->fields.id);
    campaign->class_ = class_of(view->fields.class_word);
    snprintf(campaign->add_serial, sizeof campaign->add_serial, "%s", view->fields.add_serial);
    compile(campaign, &view->fields);
    TAILQ_INSERT_TAIL(&lane->campaigns, campaign, entry);
    lane->n_campaigns++;
    return campaign;
}

static void see(struct lane *lane, const struct campaign_view *view)
{
    bool is_sendable = strcmp(view->state, "scheduled") == 0 || strcmp(view->state, "sending") == 0;
    struct campaign *campaign = lane_campaign(lane, view->seq);
    if (!campaign && (!is_sendable || lane->n_campaigns >= CAMPAIGNS_MAX))
        return; /* an import or a pause is of no interest before it can send */
    if (!campaign)
        campaign = campaign_new(lane, view);
    if (!campaign)
        return;
    const struct campaign_fields *fields = &view->fields;
    campaign->window =
        (struct window){.start_ms = fields->start_ms,
                        .end_ms = fields->end_ms,
                        .from_min = fields->window_from_min,
                        .to_min = fields->window_to_min,
                        .utc_offset_min = lane->dispatch->settings->daemon.utc_offset_min,
                        .late_after_ms = fields->late_after_ms};
    campaign->rate = fields->rate;
    campaign->is_listed = true;
    campaign->is_sendable = is_sendable;
    campaign->is_started = view->started_ms > 0;
    campaign->late_waived = view->late_waived;
    campaign->queued = queue_count(&view->counts, STATE_QUEUED);
    campaign->is_dry = false;
    campaign->judged_at_ms = 0;
}

static void on_list(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct lane *lane = arg;
    lane->is_listing = false;
    if (lane_call_ended(lane))
        return;
    if (!error && lane->conf) {
        struct campaign *campaign, *next;
        TAILQ_FOREACH(campaign, &lane->campaigns, entry)
        campaign->is_listed = false;
        for (size_t i = 0; i < n; i++)
            see(lane, &views[i]);
        int64_t wall_ms = clock_wall_ms();
        for (campaign = TAILQ_FIRST(&lane->campaigns); campaign; campaign = next) {
            next = TAILQ_NEXT(campaign, entry);
            if (campaign->is_listed) {
                (void)campaign_is_open(campaign,
                                       wall_ms); /* late ones and ended ones are told now */
                continue;
            }
            campaign->is_sendable = false;
            if (campaign->held > 0 || campaign->is_missing)
                continue;
            TAILQ_REMOVE(&lane->campaigns, campaign, entry);
            lane->n_campaigns--;
            campaign_free(campaign);
        }
    }
    if (lane->list_again) {
        lane->list_again = false;
        lane_poll(lane);
    }
}

/* ---- missed ---- */

static void on_missed(void *arg, enum err error, const char *reason,
                      const struct queue_counts *counts)
{
    (void)counts;
    struct campaign *campaign = arg;
    struct lane *lane = campaign->lane;
    if (lane_call_ended(lane))
        return;
    campaign->is_missing = false;
    char quoted[QUOTED_SIZE];
    if (error && error != ERR_CLOSED && error != ERR_TIMEOUT)
        log_line(
            LOG_WARN, lane->subject, "event=miss_refused campaign=%s reason=%s", campaign->id,
            log_quote(reason && *reason ? reason : err_sentence(error), quoted, sizeof quoted));
    lane_poll(lane);
}

/* Has the store mark it `missed`; asked for again after a while if that did not happen. */
static void miss(struct campaign *campaign, int64_t wall_ms, const char *reason)
{
    struct lane *lane = campaign->lane;
    int64_t now_ms = clock_mono_ms();
    if (campaign->is_missing || now_ms < campaign->next_miss_ms || !lane->conf ||
        lane->dispatch->is_draining)
        return;
    lane_call_begins(lane);
    enum err error = queue_act(lane->dispatch->store, lane->name, campaign->seq, ACT_MISS,
                               "scheduler", reason, 0, wall_ms, on_missed, campaign);
    campaign->next_miss_ms = now_ms + MISS_RETRY_MS;
    if (error) {
        (void)lane_call_ended(lane);
        return;
    }
    campaign->is_missing = true;
    log_line(LOG_WARN, lane->subject, "event=missed campaign=%s reason=\"%s\"", campaign->id,
             reason);
}

static bool judge(struct campaign *campaign, int64_t wall_ms)
{
    const struct window *window = &campaign->window;
    char reason[160], start[CLOCK_TEXT_SIZE];
    int64_t until_ms;
    enum window_state state = window_at(window, wall_ms, &until_ms);
    if (state == WINDOW_ENDED) {
        if (campaign->queued == 0)
            return false; /* what is under way ends by itself */
        snprintf(reason, sizeof reason, "its end %s passed with %" PRIu64 " not sent",
                 clock_format(window->end_ms, window->utc_offset_min, start), campaign->queued);
        miss(campaign, wall_ms, reason);
        return false;
    }
    if (!campaign->is_started && !campaign->late_waived && window->late_after_ms > 0 &&
        window_is_late(window, wall_ms)) {
        char late[CLOCK_TEXT_SIZE];
        snprintf(reason, sizeof reason, "late: it should have begun %s and had not after %s",
                 clock_format(window->start_ms, window->utc_offset_min, start),
                 clock_format_duration(window->late_after_ms, late));
        miss(campaign, wall_ms, reason);
        return false;
    }
    return state == WINDOW_OPEN && !campaign->fault[0];
}

bool campaign_is_open(struct campaign *campaign, int64_t wall_ms)
{
    if (!campaign->is_sendable || campaign->is_missing)
        return false;
    if (campaign->judged_at_ms != wall_ms) {
        campaign->judged_at_ms = wall_ms;
        campaign->was_open = judge(campaign, wall_ms);
    }
    return campaign->was_open;
}

/* ---- the account ---- */

static void on_resumed(void *arg, enum err error, const char *reason)
{
    (void)reason;
    struct lane *lane = arg;
    if (!lane_call_ended(lane) && !error) /* else the next tick looks again */
        lane_poll(lane);
}

/* A quota fault tries again by itself when its time has come, and a pause for a time ends. */
static void resume_by_time(struct lane *lane, int64_t rest_ms)
{
    if (strcmp(lane->state, "running") == 0 || lane->resume_at_ms == 0 || rest_ms > 0)
        return;
    lane_call_begins(lane);
    if (status_carrier_act(lane->dispatch->store, lane->name, CARRIER_RETRY, "scheduler",
                           "its time has come", "", 0, clock_wall_ms(), on_resumed, lane))
        (void)lane_call_ended(lane);
    lane->resume_at_ms = 0;
}

static void on_state(void *arg, enum err error, const struct carrier_view *view)
{
    struct lane *lane = arg;
    lane->is_asking_state = false;
    if (lane_call_ended(lane))
        return;
    if (error == ERR_NOT_FOUND) { /* nothing was ever sent through it */
        snprintf(lane->state, sizeof lane->state, "running");
        return;
    }
    if (error)
        return;
    char reason[QUOTED_SIZE], actor[QUOTED_SIZE], why[QUOTED_SIZE];
    snprintf(why, sizeof why, "%s", view->reason);
    mobile_mask_within(why);
    if (strcmp(lane->state, view->state) != 0)
        log_line(strcmp(view->state, "running") == 0 ? LOG_INFO : LOG_WARN, lane->subject,
                 "event=state state=%s reason=%s actor=%s", view->state,
                 log_quote(why, reason, sizeof reason),
                 log_quote(view->actor, actor, sizeof actor));
    snprintf(lane->state, sizeof lane->state, "%s", view->state);
    snprintf(lane->reason, sizeof lane->reason, "%s", view->reason);
    snprintf(lane->actor, sizeof lane->actor, "%s", view->actor);
    lane->resume_at_ms = view->resume_at_ms;
    if (lane->conf)
        resume_by_time(lane, view->rest_ms);
}

/* ---- sweeps ---- */

static void on_swept(void *arg, enum err error, const struct queue_swept *swept)
{
    struct lane *lane = arg;
    lane->is_sweeping = false;
    if (lane_call_ended(lane) || error)
        return;
    if (swept->chunks > 0) {
        log_line(swept->ambiguous > 0 ? LOG_WARN : LOG_INFO, lane->subject,
                 "event=swept chunks=%" PRIu64 " ambiguous=%" PRIu64, swept->chunks,
                 swept->ambiguous);
        lane_poll(lane);
    }
}

static void on_swept_own(void *arg, enum err error, const struct queue_swept *swept)
{
    struct lane *lane = arg;
    if (error && error != ERR_CLOSED && error != ERR_TIMEOUT)
        log_line(LOG_ERROR, lane->subject, "event=sweep_failed reason=\"%s\"", err_sentence(error));
    if (!error && !lane->dispatch->is_dead) {
        lane->is_swept = true;
        lane->has_lost_claim = false;
    }
    on_swept(arg, error, swept);
}

/* Claims of this daemon's earlier life, or whose answer was lost. Only while nothing is held: it
 * would take it from us, and so nothing is claimed before it has succeeded; the next poll tries
 * again. */
static void sweep_own(struct lane *lane)
{
    lane_call_begins(lane);
    lane->is_sweeping = true;
    lane->is_swept = false;
    if (queue_sweep(lane->dispatch->store, lane->name, lane->dispatch->owner, NULL, 0,
                    clock_wall_ms(), on_swept_own, lane)) {
        lane->is_sweeping = false;
        (void)lane_call_ended(lane);
    }
}

static void sweep(struct lane *lane)
{
    uint64_t *held = calloc(lane->n_chunks + 1, sizeof *held);
    if (!held)
        return; /* the next tick tries again */
    lane_call_begins(lane);
    lane->is_sweeping = true;
    if (queue_sweep(lane->dispatch->store, lane->name, NULL, held, chunk_tokens(lane, held),
                    clock_wall_ms(), on_swept, lane)) {
        lane->is_sweeping = false;
        (void)lane_call_ended(lane);
    }
    free(held);
}

/* ---- on_ambiguous = resend ---- */

static void on_resent(void *arg, enum err error, const struct queue_resent *resent)
{
    struct lane *lane = arg;
    lane->is_resending = false;
    if (lane_call_ended(lane) || error || resent->chunks == 0)
        return;
    log_line(LOG_WARN, lane->subject, "event=resent_silent chunks=%" PRIu64 " recipients=%" PRIu64,
             resent->chunks, resent->recipients);
    lane_poll(lane); /* a campaign that was done may live again */
}

/* Not while the carrier is out of reach: what is ambiguous can still be found by a report, what is
 * queued cannot. */
static void resend_silent(struct lane *lane, int64_t wall_ms)
{
    int64_t silence_ms = lane->dispatch->settings->daemon.resend_silent_after_ms;
    if (lane->is_resending || !lane_may_claim(lane, clock_mono_ms()))
        return;
    lane_call_begins(lane);
    lane->is_resending = true;
    if (queue_resend_silent(lane->dispatch->store, lane->name, silence_ms, wall_ms, on_resent,
                            lane)) {
        lane->is_resending = false;
        (void)lane_call_ended(lane);
    }
}

static void on_maintained(void *arg, enum err error, const char *reason)
{
    struct lane *lane = arg;
    if (lane_call_ended(lane))
        return;
    char quoted[QUOTED_SIZE];
    if (error && error != ERR_CLOSED && error != ERR_TIMEOUT)
        log_line(
            LOG_WARN, lane->subject, "event=maintenance_failed reason=%s",
            log_quote(reason && *reason ? reason : err_sentence(error), quoted, sizeof quoted));
}

static void on_purged_campaign(void *arg, const struct purge_campaign *campaign)
{
    const struct lane *lane = arg;
    log_line(LOG_INFO, lane->subject, "event=purged campaign=%s recipients=%" PRIu64, campaign->id,
             campaign->accepted);
}

static void on_purged(void *arg, enum err error, const char *reason, uint64_t uplinks)
{
    struct lane *lane = arg;
    lane->is_purging = false;
    if (uplinks > 0)
        log_line(LOG_INFO, lane->subject, "event=purged replies=%" PRIu64, uplinks);
    on_maintained(lane, error, reason);
}

/* One campaign a round: there is no hurry. */
static void purge(struct lane *lane, int64_t wall_ms)
{
    const struct purge_options options = {.carrier = lane->name,
                                          .now_ms = wall_ms,
                                          .keep_ms = lane->dispatch->settings->daemon.retention_ms,
                                          .campaigns_max = 1,
                                          .on_campaign = on_purged_campaign,
                                          .on_done = on_purged,
                                          .arg = lane};
    if (lane->is_purging)
        return;
    lane_call_begins(lane);
    lane->is_purging = true;
    if (purge_run(lane->dispatch->store, &options) != ERR_OK) {
        lane->is_purging = false;
        (void)lane_call_ended(lane);
    }
}

void lane_maintain(struct lane *lane)
{
    struct dispatch *dispatch = lane->dispatch;
    int64_t wall_ms = clock_wall_ms();
    const struct settings_daemon *daemon = &dispatch->settings->daemon;
    if (!lane->conf || dispatch->is_draining)
        return;
    if (dispatch->ticks % SWEEP_TICKS == 0 && !lane->is_sweeping && lane->is_swept)
        sweep(lane);
    if (dispatch->ticks % SILENT_TICKS == 0)
        resend_silent(lane, wall_ms);
    if (dispatch->ticks % MAINTAIN_TICKS != MAINTAIN_FIRST)
        return;
    lane_call_begins(lane);
    if (status_expire_parked(dispatch->store, lane->name, daemon->parked_for_ms, wall_ms,
                             on_maintained, lane))
        (void)lane_call_ended(lane);
    lane_call_begins(lane);
    if (queue_drop_values(dispatch->store, lane->name, wall_ms - daemon->resend_values_for_ms,
                          on_maintained, lane))
        (void)lane_call_ended(lane);
    purge(lane, wall_ms);
}

void lane_poll(struct lane *lane)
{
    struct dispatch *dispatch = lane->dispatch;
    if (!dispatch_store_is_ready(dispatch) || dispatch->is_draining || !lane->conf)
        return;
    bool holds_nothing = lane->n_chunks == 0 && lane->inflight == 0;
    if ((!lane->is_swept || lane->has_lost_claim) && !lane->is_sweeping && holds_nothing)
        sweep_own(lane);
    if (!lane->is_asking_state) {
        lane_call_begins(lane);
        lane->is_asking_state = true;
        if (status_carrier(dispatch->store, lane->name, on_state, lane)) {
            lane->is_asking_state = false;
            (void)lane_call_ended(lane);
        }
    }
    if (lane->is_listing) {
        lane->list_again = true;
        return;
    }
    lane_call_begins(lane);
    lane->is_listing = true;
    if (queue_list(dispatch->store, lane->name, true, on_list, lane)) {
        lane->is_listing = false;
        (void)lane_call_ended(lane);
    }
}
