/* dispatch_test: one real message to one number, outside of any campaign.
 *
 *   opt-out looked up ─► tokens (the shadow bucket) ─► carrier's state asked for ─► audit line
 * stored ─► POST ─► verdict as a sentence
 *
 * A carrier that a person paused sends nothing, not even this: the text or the account may be
 * wrong. So one that rests after a quota: the carrier has said when it is enough. But one that a
 * fault of the account stopped (a wrong key, an address that is not on the list) is tried with
 * nothing else: who has mended it wants to see one message go before all others do. It stays
 * stopped. The store is asked, after the wait for tokens: what the lane knows may be seconds old.
 *
 * The audit line comes before the POST: a real message that nobody can find in the record must not
 * exist. What became of it goes into a second line and into the log. It is never repeated and never
 * counted with a campaign. */
#include "dispatch/lane.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sms/mobile.h"
#include "sms/text.h"

#define TRIALS_MAX 16
#define TRIAL_WAIT_MAX_MS 30000 /* for tokens */
#define SENTENCE_SIZE 512

struct trial {
    TAILQ_ENTRY(trial) entry;
    struct lane *lane;
    uint64_t number;
    char *text;
    char masked[MOBILE_TEXT_SIZE];
    struct loop_timer *timer;
    dispatch_test_fn *done;
    void *arg;
    /* of the end, told from a later turn */
    enum err error;
    char sentence[SENTENCE_SIZE];
    char stopped[192]; /* the fault for which the carrier is stopped; "" */
    bool is_calling;   /* the store has a callback to come */
    bool is_posted;
};

static void forget(struct trial *trial)
{
    TAILQ_REMOVE(&trial->lane->dispatch->trials, trial, entry);
    loop_timer_free(trial->timer);
    free(trial->text);
    free(trial);
}

static void end(struct trial *trial)
{
    struct dispatch *dispatch = trial->lane->dispatch;
    char quoted[2 * SENTENCE_SIZE];
    log_line(LOG_INFO, trial->lane->subject, "event=test to=%s error=%d result=%s", trial->masked,
             (int)trial->error, log_quote(trial->sentence, quoted, sizeof quoted));
    trial->done(trial->arg, trial->error, trial->sentence);
    forget(trial);
    if (dispatch->is_draining)
        dispatch_check_drained(dispatch);
}

/* Around each store call, like lane_call_begins and lane_call_ended. Whoever waited was told by
 * trials_abandon when the dispatcher is gone; only the memory is left to free. */
static void call_begins(struct trial *trial)
{
    trial->is_calling = true;
    lane_call_begins(trial->lane);
}

/* The store took no call: no callback will come. */
static void call_refused(struct trial *trial)
{
    trial->is_calling = false;
    (void)lane_call_ended(trial->lane);
}

static bool call_ended(struct trial *trial)
{
    struct lane *lane = trial->lane;
    trial->is_calling = false;
    if (lane->dispatch->is_dead) {
        forget(trial);
        (void)lane_call_ended(lane);
        return true;
    }
    return lane_call_ended(lane);
}

static void finish(struct trial *trial, enum err error, const char *format, ...) PRINTF_LIKE(3, 4);

static void finish(struct trial *trial, enum err error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trial->sentence, sizeof trial->sentence, format, args);
    va_end(args);
    trial->error = error;
    end(trial);
}

/* ---- the verdict ---- */

static void on_verdict_recorded(void *arg, enum err error, const char *reason)
{
    (void)reason;
    struct trial *trial = arg;
    if (call_ended(trial))
        return;
    if (error)
        log_line(LOG_WARN, trial->lane->subject, "event=audit_failed reason=\"%s\"",
                 err_sentence(error));
    end(trial);
}

static void record_verdict(struct trial *trial)
{
    struct lane *lane = trial->lane;
    const struct audit_line line = {.at_ms = clock_wall_ms(),
                                    .actor = lane->dispatch->owner,
                                    .act = "test_verdict",
                                    .object = lane->name,
                                    .detail = trial->sentence};
    call_begins(trial);
    if (status_audit(lane->dispatch->store, &line, on_verdict_recorded, trial)) {
        call_refused(trial);
        end(trial);
    }
}

/* Nobody is to believe that the carrier sends again. */
static void add_stopped(struct trial *trial)
{
    size_t len = strlen(trial->sentence);
    if (*trial->stopped)
        snprintf(trial->sentence + len, sizeof trial->sentence - len,
                 "; carrier %s stays stopped (%s) until it is resumed", trial->lane->name,
                 trial->stopped);
}

static void put_into_words(struct trial *trial, const struct carrier_verdict *verdict,
                           const struct http_answer *answer)
{
    const char *carrier = trial->lane->name, *to = trial->masked;
    const char *code = *verdict->code ? verdict->code : answer->reason ? answer->reason : "no code";
    char *out = trial->sentence;
    switch (verdict->outcome) {
    case OUTCOME_ACCEPTED:
        trial->error = ERR_OK;
        snprintf(out, SENTENCE_SIZE, "%s accepted the message to %s, batch %s", carrier, to,
                 *verdict->batch ? verdict->batch : "without a number");
        return;
    case OUTCOME_NOT_SENT:
        trial->error = ERR_IO;
        snprintf(out, SENTENCE_SIZE, "nothing was sent to %s: carrier %s is unreachable (%s)", to,
                 carrier, code);
        return;
    case OUTCOME_AMBIGUOUS:
        trial->error = ERR_TIMEOUT;
        snprintf(out, SENTENCE_SIZE, "it is unknown whether %s took the message to %s (%s)",
                 carrier, to, code);
        return;
    default:
        trial->error = ERR_REFUSED;
        snprintf(out, SENTENCE_SIZE, "%s refused the message to %s: %s", carrier, to, code);
    }
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct trial *trial = arg;
    struct lane *lane = trial->lane;
    struct carrier_verdict verdict;
    lane->inflight--;
    if (lane->dispatch->is_dead) {
        finish(trial, ERR_CLOSED,
               "this daemon is stopping; it is unknown whether the message to %s was taken",
               trial->masked);
        return;
    }
    post_read_verdict(lane, answer, &verdict);
    post_learn_route(lane, answer, &verdict, clock_mono_ms());
    put_into_words(trial, &verdict, answer);
    add_stopped(trial);
    if (*verdict.batch)
        status_tested(lane->dispatch->store, lane->name, verdict.batch);
    lane_schedule(lane);
    record_verdict(trial);
}

/* ---- the way there ---- */

static void post(struct trial *trial)
{
    struct lane *lane = trial->lane;
    const struct carrier_batch batch = {.numbers = &trial->number, .n = 1, .text = trial->text};
    struct buf body;
    if (!lane->conf) {
        finish(trial, ERR_NOT_FOUND, "carrier %s is not in the configuration any more", lane->name);
        return;
    }
    buf_init(&body, BODY_MAX_BYTES);
    enum err error = lane->driver->build(lane->conf, &batch, &body);
    if (!error)
        error = buf_check(&body);
    if (error) {
        buf_fini(&body);
    } else {
        lane->inflight++;
        error = http_client_post(lane->client, lane->url, lane->driver->content_type, body.data,
                                 body.len, lane->timeout_ms, on_answer, trial);
        if (!error) {
            trial->is_posted = true;
            lane->requests++;
            return;
        }
        lane->inflight--;
    }
    finish(trial, error, "the request cannot be built: %s", err_sentence(error));
}

static void on_recorded(void *arg, enum err error, const char *reason)
{
    struct trial *trial = arg;
    if (call_ended(trial))
        return;
    if (error)
        finish(trial, error, "nothing was sent: the audit line could not be stored (%s)",
               reason && *reason ? reason : err_sentence(error));
    else
        post(trial);
}

static void record(struct trial *trial)
{
    struct lane *lane = trial->lane;
    char detail[64];
    snprintf(detail, sizeof detail, "one message to %s, %" PRIu32 " segments", trial->masked,
             text_segments(text_units(trial->text, strlen(trial->text))));
    const struct audit_line line = {.at_ms = clock_wall_ms(),
                                    .actor = lane->dispatch->owner,
                                    .act = "test",
                                    .object = lane->name,
                                    .detail = detail};
    call_begins(trial);
    enum err error = status_audit(lane->dispatch->store, &line, on_recorded, trial);
    if (error) {
        call_refused(trial);
        finish(trial, error, "nothing was sent: the audit line could not be stored (%s)",
               err_sentence(error));
    }
}

static bool may_try(const struct carrier_view *view)
{
    if (strcmp(view->state, "stopped") == 0) /* a fault of the account, or a rest that is over */
        return view->rest_ms == 0;
    return strcmp(view->state, "running") == 0;
}

static void on_state(void *arg, enum err error, const struct carrier_view *view)
{
    struct trial *trial = arg;
    if (call_ended(trial))
        return;
    if (error && error != ERR_NOT_FOUND) { /* not found: nothing was ever sent through it */
        finish(trial, error, "nothing was sent: the carrier's state could not be looked up (%s)",
               err_sentence(error));
    } else if (!error && !may_try(view)) {
        finish(trial, ERR_REFUSED, "nothing was sent: carrier %s is %s%s%s", trial->lane->name,
               view->state, *view->reason ? ": " : "", view->reason);
    } else {
        if (!error && strcmp(view->state, "stopped") == 0 && view->resume_at_ms == 0)
            snprintf(trial->stopped, sizeof trial->stopped, "%s", view->reason);
        record(trial);
    }
}

static void ask_state(struct trial *trial)
{
    struct lane *lane = trial->lane;
    call_begins(trial);
    enum err error = status_carrier(lane->dispatch->store, lane->name, on_state, trial);
    if (error) {
        call_refused(trial);
        finish(trial, error, "nothing was sent: the carrier's state could not be looked up (%s)",
               err_sentence(error));
    }
}

/* Takes its tokens, or waits for them. */
static void pace(void *arg)
{
    struct trial *trial = arg;
    struct lane *lane = trial->lane;
    int64_t now_ms = clock_mono_ms();
    uint32_t segments = text_segments(text_units(trial->text, strlen(trial->text)));
    int64_t delay_ms = limiter_delay_ms(&lane->shadow, segments, now_ms);
    if (delay_ms > TRIAL_WAIT_MAX_MS) {
        finish(trial, ERR_BUSY,
               "nothing was sent: carrier %s is at its rate for another %" PRId64 " s", lane->name,
               delay_ms / 1000);
    } else if (delay_ms > 0) {
        loop_timer_arm(trial->timer, delay_ms);
    } else {
        limiter_take(&lane->shadow, segments, now_ms);
        ask_state(trial);
    }
}

static void on_checked(void *arg, enum err error, const struct optout_record *record_)
{
    struct trial *trial = arg;
    if (call_ended(trial))
        return;
    if (error && error != ERR_NOT_FOUND) {
        finish(trial, error, "nothing was sent: opt-outs could not be looked up (%s)",
               err_sentence(error));
    } else if (!error && record_->at_ms != 0) {
        finish(trial, ERR_REFUSED, "nothing was sent: %s has opted out (%s)", trial->masked,
               record_->source);
    } else {
        pace(trial);
    }
}

enum err dispatch_test(struct dispatch *dispatch, const char *carrier, uint64_t number,
                       const char *text, dispatch_test_fn *done, void *arg)
{
    struct lane *lane = dispatch_lane(dispatch, carrier);
    size_t n = 0;
    struct trial *trial;
    TAILQ_FOREACH(trial, &dispatch->trials, entry)
    n++;
    if (!lane || !lane->conf)
        return ERR_NOT_FOUND;
    if (n >= TRIALS_MAX || dispatch->is_draining)
        return ERR_BUSY;
    trial = calloc(1, sizeof *trial);
    if (!trial)
        return ERR_NOMEM;
    trial->lane = lane;
    trial->number = number;
    trial->done = done;
    trial->arg = arg;
    mobile_mask(number, trial->masked);
    TAILQ_INSERT_TAIL(&dispatch->trials, trial, entry);
    trial->text = strdup(text);
    trial->timer = loop_timer_new(dispatch->base, pace, trial);
    enum err error = trial->text && trial->timer ? ERR_OK : ERR_NOMEM;
    if (!error) {
        call_begins(trial);
        error = optout_check(dispatch->store, number, on_checked, trial);
        if (error)
            call_refused(trial);
    }
    if (error)
        forget(trial);
    return error;
}

bool trials_use(const struct dispatch *dispatch, const struct lane *lane)
{
    const struct trial *trial;
    TAILQ_FOREACH(trial, &dispatch->trials, entry)
    {
        if (trial->lane == lane)
            return true;
    }
    return false;
}

/* Those that are posted end with their client, in lane_stop. Those that wait for the store are told
 * now, and freed by their callback. */
void trials_abandon(struct dispatch *dispatch)
{
    struct trial *trial = TAILQ_FIRST(&dispatch->trials), *next;
    for (; trial; trial = next) {
        next = TAILQ_NEXT(trial, entry);
        if (trial->is_calling) {
            bool has_verdict = trial->sentence[0] != '\0';
            trial->done(trial->arg, has_verdict ? trial->error : ERR_CLOSED,
                        has_verdict ? trial->sentence
                                    : "nothing was sent: this daemon is stopping");
            loop_timer_free(trial->timer);
            trial->timer = NULL;
        } else if (!trial->is_posted) {
            finish(trial, ERR_CLOSED, "nothing was sent: this daemon is stopping");
        }
    }
}
