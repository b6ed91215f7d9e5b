/* One request: from the positions an intent granted to the outcome that goes to the store.
 *
 * Requests with an intent wait in `lane->ready` until a connection is free. What may not go any
 * more (the route broke, the account stopped, the daemon ends, the intent is too old to be sure of
 * the lease) is taken back as not sent: it never left. */
#include "dispatch/lane.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/ids.h"
#include "base/log.h"
#include "dispatch/backoff.h"

static struct request *take(struct lane *lane)
{
    struct request *request = STAILQ_FIRST(&lane->request_pool);
    if (request) {
        STAILQ_REMOVE_HEAD(&lane->request_pool, entry);
        return request;
    }
    return calloc(1, sizeof *request);
}

static void give_back(struct lane *lane, struct request *request)
{
    request->chunk = NULL;
    STAILQ_INSERT_HEAD(&lane->request_pool, request, entry);
}

static void take_back(struct chunk *chunk, const struct slice *slice, int64_t now_ms)
{
    const struct carrier_verdict not_sent = {.outcome = OUTCOME_NOT_SENT};
    chunk_add_result(chunk, slice, &not_sent, now_ms);
    chunk_close(chunk, 0, false);
}

void post_add(struct chunk *chunk, struct piece piece)
{
    struct lane *lane = chunk->lane;
    struct slice slice;
    uint32_t rate = lane_rate(lane, chunk->campaign);
    while (slice_next(chunk->states, chunk->segments, piece, STATE_INFLIGHT, chunk->request_max,
                      rate, &slice)) {
        piece.from = slice.from + slice.count;
        struct request *request = take(lane);
        if (!request) {
            take_back(chunk, &slice, clock_mono_ms());
            continue;
        }
        request->chunk = chunk;
        request->slice = slice;
        request->asked_at_ms = chunk->asked_at_ms;
        STAILQ_INSERT_TAIL(&lane->ready, request, entry);
        lane->n_ready++;
        chunk->out++;
    }
}

/* ---- the bytes ---- */

/* Collects the slice's own positions; contiguous ones are given as they lie. */
static size_t gather(const struct chunk *chunk, const struct slice *slice, uint64_t *scratch,
                     uint32_t *positions, const uint64_t **numbers)
{
    size_t n = 0;
    for (uint32_t i = slice->from; i < slice->from + slice->count; i++) {
        if (chunk->states[i] != STATE_INFLIGHT)
            continue;
        positions[n] = i;
        scratch[n++] = chunk->numbers[i];
    }
    *numbers = n == slice->count ? chunk->numbers + slice->from : scratch;
    return n;
}

/* The finished text of each position, one after the other in lane->texts. */
static enum err expand(struct chunk *chunk, const uint32_t *positions, size_t n, const char **texts)
{
    struct buf *out = &chunk->lane->texts;
    size_t at[CHUNK_MAX];
    buf_reset(out);
    for (size_t i = 0; i < n; i++) {
        uint32_t p = positions[i];
        at[i] = out->len;
        enum err error = template_expand(chunk->campaign->tmpl,
                                         (const uint8_t *)chunk->values.data + chunk->value_at[p],
                                         chunk->value_len[p], out);
        if (error)
            return error;
        buf_add_char(out, '\0');
    }
    enum err error = buf_check(out);
    for (size_t i = 0; i < n && !error; i++)
        texts[i] = out->data + at[i];
    return error;
}

static enum err build(struct chunk *chunk, const struct slice *slice, struct buf *body)
{
    uint64_t scratch[CHUNK_MAX];
    uint32_t positions[CHUNK_MAX];
    const char *texts[CHUNK_MAX];
    const struct campaign *campaign = chunk->campaign;
    struct carrier_batch batch = {.text = campaign->text, .add_serial = campaign->add_serial};
    batch.n = gather(chunk, slice, scratch, positions, &batch.numbers);
    assert(batch.n == slice->n);
    if (campaign->is_personal) {
        enum err error = expand(chunk, positions, batch.n, texts);
        if (error)
            return error;
        if (batch.n == 1) { /* the plain form carries it, and every account allows that one */
            batch.text = texts[0];
        } else {
            batch.texts = texts;
        }
    }
    enum err error = chunk->lane->driver->build(chunk->lane->conf, &batch, body);
    return error ? error : buf_check(body);
}

/* ---- the answer ---- */

void post_read_verdict(const struct lane *lane, const struct http_answer *answer,
                       struct carrier_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    if (answer->complete) {
        lane->driver->parse_submit(answer->status, answer->body, answer->len, verdict);
        return;
    }
    verdict->outcome = carrier_transport_outcome(answer->curl_code, answer->sent_any);
}

void post_learn_route(struct lane *lane, const struct http_answer *answer,
                      const struct carrier_verdict *verdict, int64_t now_ms)
{
    if (answer->complete) {
        breaker_ok(&lane->route, now_ms);
        return;
    }
    if (verdict->outcome != OUTCOME_NOT_SENT || breaker_state(&lane->route, now_ms) == BREAKER_OPEN)
        return;
    breaker_fail(&lane->route, now_ms, ids_random_u64());
    snprintf(lane->route_fault, sizeof lane->route_fault, "%s",
             answer->reason && *answer->reason ? answer->reason : "not reachable");
    char quoted[QUOTED_SIZE];
    log_line(LOG_WARN, lane->subject, "event=unreachable reason=%s retry_ms=%" PRId64,
             log_quote(lane->route_fault, quoted, sizeof quoted), lane->route.retry_at_ms - now_ms);
}

/* What a verdict says about the account. */
static void learn_account(struct lane *lane, const struct carrier_verdict *verdict, int64_t now_ms)
{
    char quoted[QUOTED_SIZE];
    switch (verdict->outcome) {
    case OUTCOME_THROTTLED:
        if (breaker_state(&lane->throttle, now_ms) == BREAKER_OPEN)
            return;
        breaker_fail(&lane->throttle, now_ms, ids_random_u64());
        snprintf(lane->throttle_code, sizeof lane->throttle_code, "%s",
                 *verdict->code ? verdict->code : "too fast");
        log_line(LOG_WARN, lane->subject, "event=throttled code=%s retry_ms=%" PRId64,
                 log_quote(lane->throttle_code, quoted, sizeof quoted),
                 lane->throttle.retry_at_ms - now_ms);
        return;
    case OUTCOME_ACCOUNT_FAULT:
    case OUTCOME_QUOTA: /* the store stops the account for everybody with the settlement; nothing
                           more goes from here */
        snprintf(lane->state, sizeof lane->state, "stopped");
        snprintf(lane->reason, sizeof lane->reason, "%s", verdict->code);
        lane->resume_at_ms = 0;
        return;
    case OUTCOME_NOT_SENT:
    case OUTCOME_AMBIGUOUS:
        return; /* nobody of the account has spoken */
    default:
        breaker_ok(&lane->throttle, now_ms);
    }
}

static void log_request(const struct chunk *chunk, const struct slice *slice,
                        const struct carrier_verdict *verdict, const struct http_answer *answer)
{
    enum log_level level =
        chunk->request_max == 1 && verdict->outcome == OUTCOME_ACCEPTED ? LOG_DEBUG : LOG_INFO;
    if (level > log_level())
        return;
    char code[2 * sizeof verdict->code + 4], batch[2 * sizeof verdict->batch + 4];
    log_line(level, chunk->lane->subject,
             "event=request campaign=%s chunk=%" PRIu32 " from=%" PRIu32 " n=%" PRIu32
             " outcome=%s code=%s took_ms=%" PRId64 " batch=%s",
             chunk->campaign->id, chunk->number, slice->from, slice->n,
             outcome_word(verdict->outcome),
             log_quote(*verdict->code     ? verdict->code
                       : answer->complete ? ""
                                          : answer->reason,
                       code, sizeof code),
             answer->took_ms, log_quote(verdict->batch, batch, sizeof batch));
}

/* A refusal for one recipient it does not name, with one recipient in the request: that is the one.
 */
static void judge(const struct slice *slice, struct carrier_verdict *verdict)
{
    if (verdict->outcome == OUTCOME_SPLIT && slice->n == 1)
        verdict->outcome = OUTCOME_REJECT_RECIPIENT;
}

static void note_outcome(struct chunk *chunk, const struct slice *slice,
                         const struct carrier_verdict *verdict, int64_t now_ms)
{
    int64_t not_before_ms = 0;
    chunk_add_result(chunk, slice, verdict, now_ms);
    switch (verdict->outcome) {
    case OUTCOME_THROTTLED:
        not_before_ms = now_ms + backoff_delay_ms(ROUTE_BASE_MS, ROUTE_CAP_MS, chunk->attempts,
                                                  ids_random_u64());
        chunk_close(chunk, not_before_ms, true);
        break;
    case OUTCOME_NOT_SENT:
    case OUTCOME_ACCOUNT_FAULT:
    case OUTCOME_QUOTA:
    case OUTCOME_REJECT_TEXT:
        chunk_close(chunk, 0, false);
        break;
    default:
        break;
    }
}

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct request *request = arg;
    struct chunk *chunk = request->chunk;
    struct lane *lane = chunk->lane;
    lane->inflight--;
    chunk->out--;
    if (lane->dispatch->is_dead) { /* dispatch_free: stays inflight in the store */
        give_back(lane, request);
        return;
    }
    FAILPOINT("post_after");
    struct carrier_verdict verdict;
    int64_t now_ms = clock_mono_ms();
    post_read_verdict(lane, answer, &verdict);
    judge(&request->slice, &verdict);
    latency_add(&lane->latency, answer->took_ms);
    log_request(chunk, &request->slice, &verdict, answer);
    post_learn_route(lane, answer, &verdict, now_ms);
    learn_account(lane, &verdict, now_ms);
    note_outcome(chunk, &request->slice, &verdict, now_ms);
    give_back(lane, request);
    post_ready(lane, now_ms);
    lane_schedule(lane);
}

/* ---- posting ---- */

/* The form cannot carry it: halve, until the recipient who is to blame is alone. */
static void refuse_unbuilt(struct chunk *chunk, const struct slice *slice, enum err error,
                           int64_t now_ms)
{
    struct carrier_verdict verdict = {.outcome = OUTCOME_SPLIT, .code = CARRIER_CODE_FORM};
    if (error == ERR_NOMEM) {
        take_back(chunk, slice, now_ms);
        return;
    }
    log_line(LOG_ERROR, chunk->lane->subject,
             "event=unbuildable campaign=%s chunk=%" PRIu32 " from=%" PRIu32 " n=%" PRIu32
             " reason=\"%s\"",
             chunk->campaign->id, chunk->number, slice->from, slice->n, err_sentence(error));
    judge(slice, &verdict);
    note_outcome(chunk, slice, &verdict, now_ms);
}

static void post(struct lane *lane, struct request *request, int64_t now_ms)
{
    struct chunk *chunk = request->chunk;
    struct buf body;
    buf_init(&body, BODY_MAX_BYTES);
    enum err error = build(chunk, &request->slice, &body);
    if (error) {
        buf_fini(&body);
    } else {
        FAILPOINT("post_before");
        lane->inflight++;
        error = http_client_post(lane->client, lane->url, lane->driver->content_type, body.data,
                                 body.len, lane->timeout_ms, on_answer, request);
        if (!error) {
            lane->requests++;
            return;
        }
        lane->inflight--;
    }
    chunk->out--;
    refuse_unbuilt(chunk, &request->slice, error, now_ms);
    give_back(lane, request);
    lane_schedule(lane);
}

static struct request *take_ready(struct lane *lane)
{
    struct request *request = STAILQ_FIRST(&lane->ready);
    STAILQ_REMOVE_HEAD(&lane->ready, entry);
    lane->n_ready--;
    return request;
}

static void cancel_first(struct lane *lane, int64_t now_ms)
{
    struct request *request = take_ready(lane);
    request->chunk->out--;
    take_back(request->chunk, &request->slice, now_ms);
    give_back(lane, request);
    lane_schedule(lane);
}

void post_cancel(struct lane *lane, int64_t now_ms)
{
    while (!STAILQ_EMPTY(&lane->ready))
        cancel_first(lane, now_ms);
}

void post_ready(struct lane *lane, int64_t now_ms)
{
    if (STAILQ_EMPTY(&lane->ready))
        return;
    uint32_t width = lane_width(lane, now_ms);
    if (width == 0) {
        post_cancel(lane, now_ms);
        return;
    }
    if (!dispatch_store_is_ready(lane->dispatch))
        return; /* nothing new goes out while its outcome could not be told */
    struct request *request;
    while ((request = STAILQ_FIRST(&lane->ready))) {
        /* Paused, out of its window, refused: an intent on record does not make it go. */
        if (request->chunk->is_closing || now_ms - request->asked_at_ms > POST_WITHIN_MS) {
            cancel_first(lane, now_ms);
            continue;
        }
        if (lane->inflight >= width)
            return;
        post(lane, take_ready(lane), now_ms);
    }
}
