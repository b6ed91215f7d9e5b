/* A claimed chunk, from the claim to the release:
 *
 *   claim ─► look up opt-outs ─► suppress those found ─► intent, intent, … ─► settle, settle, … ─►
 * release
 *
 * What is to be sent lies in `pieces` (a stack of ranges): at first the whole chunk, later the
 * halves of requests that the carrier refused for one recipient it did not name. `states` is what
 * this daemon knows of each position; the store knows better, and the answer to an intent says
 * which positions are really ours to send.
 *
 * Lost answers. A claim: its lease runs out. An intent: asked again (a repetition changes nothing),
 * and before the release whatever it may have recorded unseen is taken back as not sent, which is
 * the truth: nothing is posted without an answer. A settlement or a release: told again until it is
 * answered. With a newer token about (the lease ran out), facts are still told, nothing else. */
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
#include "base/varint.h"
#include "dispatch/backoff.h"
#include "sms/mobile.h"
#include "sms/text.h"
#include "store/chunk.h"

#define VALUES_MAX_BYTES ((size_t)4 << 20) /* of one chunk */
#define COLUMNS_MAX 64

static struct chunk_ref ref_of(const struct chunk *chunk)
{
    return (struct chunk_ref){
        .carrier = chunk->lane->name, .seq = chunk->campaign->seq, .chunk = chunk->number};
}

static struct store *store_of(const struct chunk *chunk)
{
    return chunk->lane->dispatch->store;
}

/* The call may have run or not, and may be made again. */
static bool is_unknown(enum err error)
{
    return error == ERR_CLOSED || error == ERR_TIMEOUT || error == ERR_BUSY || error == ERR_NOMEM;
}

static int64_t retry_delay_ms(uint32_t *tries)
{
    int64_t delay_ms = backoff_delay_ms(RETRY_BASE_MS, RETRY_CAP_MS, *tries, ids_random_u64());
    if (*tries < 30)
        (*tries)++;
    return delay_ms;
}

static void retry_later(struct chunk *chunk)
{
    chunk->retry_at_ms = clock_mono_ms() + retry_delay_ms(&chunk->tries);
}

static void log_chunk(enum log_level level, const struct chunk *chunk, const char *event,
                      enum err error, const char *reason)
{
    char quoted[QUOTED_SIZE];
    log_line(level, chunk->lane->subject, "event=%s campaign=%s chunk=%" PRIu32 " reason=%s", event,
             chunk->campaign->id, chunk->number,
             log_quote(reason && *reason ? reason : err_sentence(error), quoted, sizeof quoted));
}

/* ---- life ---- */

static struct chunk *take(struct campaign *campaign)
{
    struct lane *lane = campaign->lane;
    struct chunk *chunk = TAILQ_FIRST(&lane->chunk_pool);
    if (chunk) {
        TAILQ_REMOVE(&lane->chunk_pool, chunk, entry);
    } else {
        chunk = calloc(1, sizeof *chunk);
        if (!chunk)
            return NULL;
        buf_init(&chunk->values, VALUES_MAX_BYTES);
    }
    chunk->lane = lane;
    chunk->campaign = campaign;
    chunk->phase = CHUNK_CLAIMING;
    chunk->is_calling = true;
    chunk->is_asking = chunk->is_closing = chunk->is_releasing = chunk->is_lost = false;
    chunk->is_let_go = false;
    chunk->doubt = DOUBT_NONE;
    chunk->waits_tokens = chunk->counts_as_attempt = false;
    chunk->tries = chunk->settle_tries = 0;
    chunk->retry_at_ms = chunk->settle_retry_ms = chunk->not_before_ms = 0;
    chunk->n = chunk->out = chunk->n_pieces = chunk->n_results = chunk->n_settling =
        chunk->n_marks = 0;
    chunk->asked_requests = 0;
    campaign->held++;
    lane->n_chunks++;
    struct chunk *other;
    TAILQ_FOREACH(other, &lane->chunks, entry)
    {
        if (other->campaign->class_ < campaign->class_) {
            TAILQ_INSERT_BEFORE(other, chunk, entry);
            return chunk;
        }
    }
    TAILQ_INSERT_TAIL(&lane->chunks, chunk, entry);
    return chunk;
}

/* Out of hand, whatever the store thinks of it. */
static void drop(struct chunk *chunk)
{
    struct lane *lane = chunk->lane;
    assert(chunk->out == 0 && !chunk->is_asking && chunk->n_settling == 0);
    TAILQ_REMOVE(&lane->chunks, chunk, entry);
    TAILQ_INSERT_HEAD(&lane->chunk_pool, chunk, entry);
    lane->n_chunks--;
    chunk->campaign->held--;
    chunk->campaign->wants_tokens = false;
    buf_reset(&chunk->values);
    lane_schedule(lane);
}

void chunk_free(struct chunk *chunk)
{
    buf_fini(&chunk->values);
    free(chunk->results);
    free(chunk);
}

size_t chunk_tokens(const struct lane *lane, uint64_t *tokens)
{
    size_t n = 0;
    const struct chunk *chunk;
    TAILQ_FOREACH(chunk, &lane->chunks, entry)
    {
        if (chunk->phase != CHUNK_CLAIMING)
            tokens[n++] = chunk->token;
    }
    return n;
}

void chunk_close(struct chunk *chunk, int64_t not_before_ms, bool counts_as_attempt)
{
    chunk->is_closing = true;
    chunk->counts_as_attempt |= counts_as_attempt;
    if (not_before_ms > chunk->not_before_ms)
        chunk->not_before_ms = not_before_ms;
    if (chunk->waits_tokens) {
        chunk->waits_tokens = chunk->campaign->wants_tokens = false;
        chunk->retry_at_ms = 0; /* that was for the tokens */
    }
}

uint32_t chunk_unsent(const struct chunk *chunk, uint32_t *requests)
{
    uint32_t size = lane_request_max(chunk->lane, chunk->campaign);
    *requests = 0;
    if (chunk->is_closing)
        return 0;
    uint32_t positions = 0;
    if (chunk->phase == CHUNK_CLAIMING)
        positions = CHUNK_MAX;
    for (uint32_t i = 0; i < chunk->n_pieces; i++)
        positions += chunk->pieces[i].to - chunk->pieces[i].from;
    *requests = (positions + size - 1) / size;
    if (chunk->is_asking)
        *requests -= *requests < chunk->asked_requests ? *requests : chunk->asked_requests;
    return positions; /* at least one segment each: near enough for looking ahead */
}

/* ---- claim ---- */

/* Segments of one recipient's text from its stored values. false: they do not fit the columns. */
static bool weigh(const struct campaign *campaign, const uint8_t *values, size_t len,
                  uint16_t *segments)
{
    uint32_t units[COLUMNS_MAX];
    size_t at = 0;
    if (campaign->n_columns > COLUMNS_MAX)
        return false;
    for (size_t i = 0; i < campaign->n_columns; i++) {
        uint64_t value_len;
        if (!varint_read(values, len, &at, &value_len) || value_len > len - at)
            return false;
        units[i] = text_units((const char *)values + at, (size_t)value_len);
        at += (size_t)value_len;
    }
    *segments = (uint16_t)text_segments(template_units(campaign->tmpl, units));
    return at == len;
}

static bool read_values(struct chunk *chunk)
{
    const uint8_t *bytes = (const uint8_t *)chunk->values.data, *value;
    struct chunk_values walk = {.bytes = bytes, .len = chunk->values.len};
    for (uint32_t i = 0; i < chunk->n; i++) {
        size_t len;
        if (!chunk_values_next(&walk, &value, &len) ||
            !weigh(chunk->campaign, value, len, &chunk->segments[i]))
            return false;
        chunk->value_at[i] = (uint32_t)(value - bytes);
        chunk->value_len[i] = (uint32_t)len;
    }
    return walk.at == walk.len;
}

static bool keep(struct chunk *chunk, const struct queue_claim *claim)
{
    chunk->number = claim->chunk;
    chunk->token = claim->token;
    chunk->attempts = claim->attempts;
    if (claim->n > CHUNK_MAX)
        return false;
    chunk->n = (uint32_t)claim->n;
    memcpy(chunk->states, claim->states, chunk->n);
    for (uint32_t i = 0; i < chunk->n; i++)
        chunk->numbers[i] = mobile_unpack(claim->numbers + (size_t)i * MOBILE_PACKED_BYTES);
    chunk->pieces[0] = (struct piece){0, chunk->n};
    chunk->n_pieces = 1;
    if (!chunk->campaign->is_personal) {
        for (uint32_t i = 0; i < chunk->n; i++)
            chunk->segments[i] = chunk->campaign->text_segments;
        return true;
    }
    buf_reset(&chunk->values);
    buf_add(&chunk->values, claim->values, claim->values ? claim->values_len : 0);
    return buf_check(&chunk->values) == ERR_OK && read_values(chunk);
}

/* A claim that gave no chunk: when may the campaign be asked again? */
static void learn_no_chunk(struct campaign *campaign, const struct queue_claim *claim)
{
    int64_t now_ms = clock_mono_ms(), wait_ms = claim->wait_ms;
    switch (claim->result) {
    case CLAIM_EMPTY:
        campaign->is_dry = true;
        return;
    case CLAIM_LATER:
        if (wait_ms > LATER_MAX_MS)
            wait_ms = LATER_MAX_MS;
        campaign->retry_at_ms = clock_wall_ms() + wait_ms;
        campaign->next_claim_ms = now_ms + (wait_ms > 0 ? wait_ms : 1);
        return;
    case CLAIM_CANARY:
        campaign->is_canary = true;
        campaign->next_claim_ms = now_ms + TICK_MS;
        return;
    case CLAIM_STOPPED:
        campaign->is_sendable = false; /* the next list says more */
        campaign->next_claim_ms = now_ms + CLAIM_RETRY_MS;
        lane_poll(campaign->lane);
        return;
    case CLAIM_CHUNK:
        return;
    }
}

static void on_claim(void *arg, enum err error, const struct queue_claim *claim)
{
    struct chunk *chunk = arg;
    struct campaign *campaign = chunk->campaign;
    struct lane *lane = chunk->lane;
    if (lane_call_ended(lane))
        return;
    chunk->is_calling = false;
    if (error) {
        lane->has_lost_claim |= error == ERR_CLOSED || error == ERR_TIMEOUT;
        if (!is_unknown(error))
            log_chunk(LOG_WARN, chunk, "claim_failed", error, claim ? claim->reason : NULL);
        campaign->next_claim_ms = clock_mono_ms() + CLAIM_RETRY_MS;
        drop(chunk);
        return;
    }
    if (claim->result != CLAIM_CHUNK) {
        learn_no_chunk(campaign, claim);
        drop(chunk);
        return;
    }
    FAILPOINT("claim");
    campaign->is_started = true;
    campaign->is_canary = false;
    campaign->retry_at_ms = 0;
    chunk->phase = CHUNK_CHECKING;
    chunk->renewed_at_ms = clock_mono_ms();
    chunk->checked_at_ms = 0;
    log_line(LOG_DEBUG, lane->subject,
             "event=claimed campaign=%s chunk=%" PRIu32 " n=%zu token=%" PRIu64, campaign->id,
             claim->chunk, claim->n, claim->token);
    if (keep(chunk, claim))
        return;
    snprintf(campaign->fault, sizeof campaign->fault, "the stored values do not fit the text");
    log_chunk(LOG_ERROR, chunk, "chunk_unreadable", ERR_INVALID, campaign->fault);
    chunk->n_pieces = 0;
    chunk_close(chunk, 0, true);
}

bool chunk_claim(struct campaign *campaign, int64_t now_ms)
{
    struct lane *lane = campaign->lane;
    struct chunk *chunk = take(campaign);
    if (!chunk)
        return false;
    lane_call_begins(lane);
    enum err error = queue_claim(store_of(chunk), lane->name, campaign->seq, lane->dispatch->owner,
                                 lane_lease_ms(lane), clock_wall_ms(), on_claim, chunk);
    if (!error)
        return true;
    (void)lane_call_ended(lane);
    chunk->is_calling = false;
    campaign->next_claim_ms = now_ms + CLAIM_RETRY_MS;
    drop(chunk);
    return false;
}

/* ---- opt-outs ---- */

/* What the store could not suppress is not queued there: an intent whose answer was lost has it in
 * flight, or the campaign was cancelled. It is not sent, and given back like all that is not ours.
 */
static void on_suppressed(void *arg, enum err error, const char *reason, const uint8_t *are,
                          size_t n)
{
    struct chunk *chunk = arg;
    if (lane_call_ended(chunk->lane))
        return;
    chunk->is_calling = false;
    if (is_unknown(error)) {
        retry_later(chunk);
        return;
    }
    if (error) { /* somebody stopped the campaign, or took the chunk */
        chunk->is_lost |= error == ERR_STALE || error == ERR_NOT_FOUND;
        log_chunk(LOG_INFO, chunk, "suppress_refused", error, reason);
        chunk_close(chunk, 0, false);
        return;
    }
    chunk->tries = 0;
    uint32_t suppressed = 0;
    for (size_t i = 0; i < n; i++) {
        chunk->states[chunk->marks[i]] = are[i] == 1 ? STATE_SUPPRESSED : STATE_NOT_OURS;
        suppressed += are[i] == 1;
    }
    log_line(LOG_INFO, chunk->lane->subject,
             "event=suppressed campaign=%s chunk=%" PRIu32 " n=%" PRIu32 " of=%" PRIu32,
             chunk->campaign->id, chunk->number, suppressed, chunk->n_marks);
    chunk->phase = CHUNK_SENDING;
}

static void suppress(struct chunk *chunk)
{
    lane_call_begins(chunk->lane);
    chunk->is_calling = true;
    if (queue_suppress(store_of(chunk), ref_of(chunk), chunk->token, chunk->marks, chunk->n_marks,
                       on_suppressed, chunk)) {
        chunk->is_calling = false;
        retry_later(chunk);
        (void)lane_call_ended(chunk->lane);
    }
}

static void on_looked_up(void *arg, enum err error, const uint8_t *flags, size_t n)
{
    struct chunk *chunk = arg;
    if (lane_call_ended(chunk->lane))
        return;
    chunk->is_calling = false;
    if (error || n != chunk->n_marks) { /* without an answer nothing is sent */
        if (!is_unknown(error))
            log_chunk(LOG_WARN, chunk, "optout_lookup_failed", error ? error : ERR_PROTOCOL, NULL);
        retry_later(chunk);
        return;
    }
    FAILPOINT("suppress");
    chunk->tries = 0;
    uint32_t found = 0;
    for (uint32_t i = 0; i < chunk->n_marks; i++) {
        if (flags[i] & 1)
            chunk->marks[found++] = chunk->marks[i];
    }
    chunk->n_marks = found;
    chunk->checked_at_ms = clock_mono_ms();
    chunk->phase = found > 0 ? CHUNK_SUPPRESSING : CHUNK_SENDING;
}

static void look_up(struct chunk *chunk)
{
    uint64_t numbers[CHUNK_MAX];
    chunk->n_marks = 0;
    for (uint32_t p = 0; p < chunk->n_pieces; p++) {
        for (uint32_t i = chunk->pieces[p].from; i < chunk->pieces[p].to; i++) {
            if (chunk->states[i] != STATE_QUEUED)
                continue;
            numbers[chunk->n_marks] = chunk->numbers[i];
            chunk->marks[chunk->n_marks++] = i;
        }
    }
    if (chunk->n_marks == 0) {
        chunk->n_pieces = 0;
        lane_schedule(chunk->lane);
        return;
    }
    lane_call_begins(chunk->lane);
    chunk->is_calling = true;
    if (optout_lookup(store_of(chunk), numbers, chunk->n_marks,
                      chunk->campaign->class_ == CLASS_RECEIPT, "", chunk->lane->name,
                      chunk->campaign->seq, 0, on_looked_up, chunk)) {
        chunk->is_calling = false;
        retry_later(chunk);
        (void)lane_call_ended(chunk->lane);
    }
}

/* ---- intents ---- */

/* The positions asked for are not to be asked for again. They lie at the beginning of a piece;
 * halves may have been put on top of it in the meantime. */
static void cut_asked(struct chunk *chunk)
{
    uint32_t end = chunk->asked.from + chunk->asked.count;
    uint32_t i = chunk->n_pieces;
    while (i > 0 &&
           !(chunk->pieces[i - 1].from <= chunk->asked.from && end <= chunk->pieces[i - 1].to))
        i--;
    assert(i > 0);
    chunk->pieces[i - 1].from = end;
    if (end < chunk->pieces[i - 1].to)
        return;
    memmove(&chunk->pieces[i - 1], &chunk->pieces[i],
            (chunk->n_pieces - i) * sizeof chunk->pieces[0]);
    chunk->n_pieces--;
}

/* Recorded in the store as ours to send and yet not to be sent: taken back at once. */
static void add_unsent(struct chunk *chunk, const struct slice *slice, int64_t now_ms)
{
    const struct carrier_verdict not_sent = {.outcome = OUTCOME_NOT_SENT};
    chunk_add_result(chunk, slice, &not_sent, now_ms);
}

/* A position may be granted that this daemon does not want to send any more: the first answer to
 * the intent was lost, and before it was asked again an opt-out was found, which the store could
 * not mark because the position was in flight there. No request may span it, for the outcome of a
 * request counts for all that is in flight in its range. It is queued again in the store, and
 * suppressed by the next claim. The same for one that was not ours before and became it since, or
 * that is queued again after it was ambiguous. */
static void granted(struct chunk *chunk, const struct queue_intent *intent)
{
    struct piece range = {chunk->asked.from, chunk->asked.from + chunk->asked.count};
    int64_t now_ms = clock_mono_ms();
    FAILPOINT("intent_after");
    chunk->tries = 0;
    if (chunk->doubt == DOUBT_ASKS)
        chunk->doubt = DOUBT_KEPT;
    chunk->renewed_at_ms = chunk->asked_at_ms;
    limiter_take(&chunk->lane->shadow, chunk->asked.segments, now_ms);
    cut_asked(chunk);
    uint32_t from = range.from;
    for (uint32_t i = range.from; i < range.to; i++) {
        bool is_mine = i - range.from < intent->n && intent->mine[i - range.from] == 1;
        if (chunk->states[i] == STATE_QUEUED) {
            chunk->states[i] = is_mine ? STATE_INFLIGHT : STATE_NOT_OURS;
        } else if (is_mine &&
                   (chunk->states[i] == STATE_NOT_OURS || chunk->states[i] == STATE_AMBIGUOUS)) {
            const struct slice one = {i, 1, 1, chunk->segments[i]};
            post_add(chunk, (struct piece){from, i});
            from = i + 1;
            chunk->states[i] = STATE_NOT_OURS;
            add_unsent(chunk, &one, now_ms);
        }
    }
    post_add(chunk, (struct piece){from, range.to});
}

static void on_intent(void *arg, const struct queue_intent *intent)
{
    struct chunk *chunk = arg;
    struct lane *lane = chunk->lane;
    if (lane_call_ended(lane))
        return;
    chunk->is_asking = false;
    lane->n_asked -= chunk->asked_requests;
    if (intent->error == ERR_OK) {
        granted(chunk, intent);
        return;
    }
    if (intent->error == ERR_BUSY) {
        chunk->retry_at_ms = clock_mono_ms() + (intent->wait_ms > 0 ? intent->wait_ms : 1);
        chunk->waits_tokens = chunk->campaign->wants_tokens = true;
        chunk->campaign->tokens_at_ms = clock_wall_ms() + intent->wait_ms;
        return;
    }
    if (is_unknown(intent->error)) {
        chunk->doubt = DOUBT_ASKS;
        retry_later(chunk);
        return;
    }
    chunk->is_lost |= intent->error == ERR_STALE || intent->error == ERR_NOT_FOUND;
    log_chunk(LOG_INFO, chunk, "intent_refused", intent->error, intent->reason);
    chunk->campaign->next_claim_ms = clock_mono_ms() + CLAIM_RETRY_MS;
    chunk_close(chunk, 0, false);
    lane_poll(lane);
}

/* The topmost piece that has something queued; pieces without are dropped. */
static bool next_slice(struct chunk *chunk, uint32_t n_max, uint32_t segments_max,
                       struct slice *slice)
{
    while (chunk->n_pieces > 0) {
        if (slice_next(chunk->states, chunk->segments, chunk->pieces[chunk->n_pieces - 1],
                       STATE_QUEUED, n_max, segments_max, slice))
            return true;
        chunk->n_pieces--;
    }
    return false;
}

/* Asks for as much as the connections can take soon. */
static void ask(struct chunk *chunk, int64_t now_ms)
{
    struct lane *lane = chunk->lane;
    const struct campaign *campaign = chunk->campaign;
    uint32_t at_least, size = lane_request_max(lane, campaign);
    uint32_t slots = lane_slots(lane, size, now_ms, &at_least);
    uint32_t taken = lane->inflight + lane->n_ready + lane->n_asked;
    if (taken >= slots || (slots - taken < at_least && lane->n_ready + lane->n_asked > 0))
        return;
    uint32_t requests = slice_intent_requests(size, slots - taken);
    uint32_t rate = lane_rate(lane, campaign);
    if (chunk->doubt != DOUBT_ASKS) {
        if (!next_slice(chunk, size * requests, rate, &chunk->asked)) {
            lane_schedule(lane); /* nothing left to ask for: the next turn ends it */
            return;
        }
        chunk->request_max = size;
        chunk->asked_requests = (chunk->asked.n + size - 1) / size;
    }
    chunk->waits_tokens = chunk->campaign->wants_tokens = false;
    chunk->asked_at_ms = now_ms;
    FAILPOINT("intent_before");
    lane_call_begins(lane);
    chunk->is_asking = true;
    lane->n_asked += chunk->asked_requests;
    if (queue_intent(store_of(chunk), ref_of(chunk), chunk->token, chunk->asked.from,
                     chunk->asked.count, chunk->asked.segments, lane->rate, campaign->rate,
                     lane_lease_ms(lane), clock_wall_ms(), on_intent, chunk)) {
        chunk->is_asking = false;
        lane->n_asked -= chunk->asked_requests;
        retry_later(chunk);
        (void)lane_call_ended(lane);
    }
}

/* ---- settling ---- */

void chunk_add_result(struct chunk *chunk, const struct slice *slice,
                      const struct carrier_verdict *verdict, int64_t now_ms)
{
    if (chunk->n_results == chunk->cap_results) {
        uint32_t cap = chunk->cap_results ? 2 * chunk->cap_results : 8;
        struct result *results = realloc(chunk->results, cap * sizeof *results);
        /* An outcome that cannot be kept would be lost; dying here leaves it ambiguous, which is
         * true. */
        if (!results)
            abort();
        chunk->results = results;
        chunk->cap_results = cap;
    }
    if (chunk->n_results == 0)
        chunk->first_result_ms = now_ms;
    struct result *result = &chunk->results[chunk->n_results++];
    result->slice = *slice;
    result->outcome = verdict->outcome;
    memcpy(result->code, verdict->code, sizeof result->code);
    memcpy(result->batch, verdict->batch, sizeof result->batch);
}

/* The halves of a refused request come next, the left one first. */
static void push_halves(struct chunk *chunk, const struct slice *slice)
{
    struct piece left, right, whole = {slice->from, slice->from + slice->count};
    slice_halve(chunk->states, whole, STATE_QUEUED, &left, &right);
    assert(chunk->n_pieces + 2 <= CHUNK_MAX);
    chunk->pieces[chunk->n_pieces++] = right;
    chunk->pieces[chunk->n_pieces++] = left;
}

static enum recipient_state state_after(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_ACCEPTED:
        return STATE_ACCEPTED;
    case OUTCOME_REJECT_RECIPIENT:
    case OUTCOME_REJECT_TEXT:
        return STATE_REJECTED;
    case OUTCOME_AMBIGUOUS:
        return STATE_AMBIGUOUS;
    default:
        return STATE_QUEUED;
    }
}

struct tally {
    uint32_t accepted, rejected, ambiguous, requeued;
};

static void learn_settled(struct chunk *chunk, const struct result *result, struct tally *tally)
{
    const struct slice *slice = &result->slice;
    enum recipient_state after = state_after(result->outcome);
    for (uint32_t i = slice->from; i < slice->from + slice->count; i++) {
        if (chunk->states[i] == STATE_INFLIGHT)
            chunk->states[i] = (uint8_t)after;
    }
    tally->accepted += after == STATE_ACCEPTED ? slice->n : 0;
    tally->rejected += after == STATE_REJECTED ? slice->n : 0;
    tally->ambiguous += after == STATE_AMBIGUOUS ? slice->n : 0;
    tally->requeued += after == STATE_QUEUED ? slice->n : 0;
    if (result->outcome == OUTCOME_SPLIT && !chunk->is_closing && slice->n > 1)
        push_halves(chunk, slice);
}

static void forget_settled(struct chunk *chunk, int64_t now_ms)
{
    struct tally tally = {0};
    uint32_t n = chunk->n_settling;
    for (uint32_t i = 0; i < n; i++)
        learn_settled(chunk, &chunk->results[i], &tally);
    chunk->n_results -= n;
    chunk->n_settling = 0;
    memmove(chunk->results, chunk->results + n, chunk->n_results * sizeof *chunk->results);
    chunk->first_result_ms = now_ms;
    struct campaign *campaign = chunk->campaign;
    if (tally.accepted > 0) {
        meter_add(&campaign->accepted, tally.accepted, now_ms);
        chunk->lane->accepted += tally.accepted;
    }
    if (chunk->number == 0)
        campaign->next_claim_ms = 0; /* the canary has a verdict */
    log_line(n > 1 ? LOG_INFO : LOG_DEBUG, chunk->lane->subject,
             "event=settled campaign=%s chunk=%" PRIu32 " requests=%" PRIu32 " accepted=%" PRIu32
             " rejected=%" PRIu32 " ambiguous=%" PRIu32 " requeued=%" PRIu32,
             campaign->id, chunk->number, n, tally.accepted, tally.rejected, tally.ambiguous,
             tally.requeued);
}

static void on_settled(void *arg, enum err error, const char *reason)
{
    struct chunk *chunk = arg;
    if (lane_call_ended(chunk->lane))
        return;
    int64_t now_ms = clock_mono_ms();
    if (error == ERR_STALE || error == ERR_NOT_FOUND) {
        log_chunk(LOG_WARN, chunk, "settled_late", error, reason);
        chunk->is_lost = true;
        chunk_close(chunk, 0, false);
    } else if (error) { /* never dropped before it is stored */
        if (!is_unknown(error))
            log_chunk(LOG_ERROR, chunk, "settle_failed", error, reason);
        chunk->n_settling = 0;
        chunk->settle_retry_ms = now_ms + retry_delay_ms(&chunk->settle_tries);
        return;
    } else {
        FAILPOINT("settle_after");
        chunk->renewed_at_ms = now_ms;
    }
    chunk->settle_tries = 0;
    forget_settled(chunk, now_ms);
    /* The store lets a chunk go by itself with the last settlement. After a lost answer its idea of
     * what is left may differ from ours: then it is asked to. */
    chunk->is_let_go = chunk->doubt == DOUBT_NONE &&
                       !memchr(chunk->states, STATE_QUEUED, chunk->n) &&
                       !memchr(chunk->states, STATE_INFLIGHT, chunk->n) &&
                       !memchr(chunk->states, STATE_NOT_OURS, chunk->n);
}

static void settle(struct chunk *chunk, int64_t now_ms)
{
    struct settle_item items[SETTLE_MAX];
    uint32_t n = chunk->n_results < SETTLE_MAX ? chunk->n_results : SETTLE_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const struct result *result = &chunk->results[i];
        items[i] = (struct settle_item){.from = result->slice.from,
                                        .count = result->slice.count,
                                        .outcome = result->outcome,
                                        .segments = result->slice.segments,
                                        .batch = result->batch,
                                        .code = result->code};
    }
    FAILPOINT("settle_before");
    lane_call_begins(chunk->lane);
    chunk->n_settling = n;
    if (queue_settle(store_of(chunk), ref_of(chunk), chunk->token, items, n,
                     lane_lease_ms(chunk->lane), clock_wall_ms(), on_settled, chunk)) {
        chunk->n_settling = 0;
        chunk->settle_retry_ms = now_ms + retry_delay_ms(&chunk->settle_tries);
        (void)lane_call_ended(chunk->lane);
    }
}

/* Many together when many come, at once when nothing else is under way. */
static void settle_if_due(struct chunk *chunk, int64_t now_ms)
{
    if (chunk->n_results == 0 || chunk->n_settling > 0)
        return;
    if (now_ms < chunk->settle_retry_ms) {
        lane_note_due(chunk->lane, chunk->settle_retry_ms);
        return;
    }
    int64_t wait_until_ms = chunk->first_result_ms + SETTLE_WAIT_MS;
    if (chunk->n_results >= SETTLE_MANY || chunk->out == 0 || now_ms >= wait_until_ms)
        settle(chunk, now_ms);
    else
        lane_note_due(chunk->lane, wait_until_ms);
}

/* ---- release ---- */

static void on_released(void *arg, enum err error, const char *reason)
{
    struct chunk *chunk = arg;
    if (lane_call_ended(chunk->lane))
        return;
    chunk->is_calling = false;
    chunk->is_releasing = false;
    if (is_unknown(error)) {
        retry_later(chunk);
        return;
    }
    if (error && error != ERR_STALE && error != ERR_NOT_FOUND)
        log_chunk(LOG_WARN, chunk, "release_failed", error, reason);
    if (memchr(chunk->states, STATE_QUEUED, chunk->n))
        chunk->campaign->is_dry = false;
    drop(chunk);
}

static void release(struct chunk *chunk, int64_t now_ms)
{
    int64_t delay_ms = chunk->not_before_ms > now_ms ? chunk->not_before_ms - now_ms : 0;
    FAILPOINT("release");
    lane_call_begins(chunk->lane);
    chunk->is_calling = chunk->is_releasing = true;
    if (queue_release(store_of(chunk), ref_of(chunk), chunk->token, delay_ms,
                      chunk->counts_as_attempt, on_released, chunk)) {
        chunk->is_calling = chunk->is_releasing = false;
        retry_later(chunk);
        (void)lane_call_ended(chunk->lane);
    }
}

/* Settled to the last outcome, then given back. */
static void finish(struct chunk *chunk, int64_t now_ms)
{
    if (chunk->is_asking || chunk->out > 0 || chunk->n_results > 0)
        return;
    if (chunk->is_lost || chunk->is_let_go) {
        drop(chunk);
        return;
    }
    if (now_ms < chunk->retry_at_ms) {
        lane_note_due(chunk->lane, chunk->retry_at_ms);
        return;
    }
    if (chunk->doubt == DOUBT_ASKS || chunk->doubt == DOUBT_KEPT) {
        const struct slice all = {.from = 0, .count = chunk->n};
        chunk->doubt = DOUBT_OVER;
        add_unsent(chunk, &all, now_ms);
        settle_if_due(chunk, now_ms);
        return;
    }
    release(chunk, now_ms);
}

/* ---- the step ---- */

/* Must it be given back although something is left? */
static void close_if_it_must(struct chunk *chunk, int64_t now_ms)
{
    const struct lane *lane = chunk->lane;
    bool is_open = campaign_is_open(chunk->campaign, clock_wall_ms());
    bool is_gated = lane_width(lane, now_ms) == 0;
    /* Nothing has renewed the lease for half of it, and nothing is about to. */
    bool is_idle = chunk->out == 0 && chunk->n_results == 0 && !chunk->is_asking &&
                   !chunk->is_calling && now_ms - chunk->renewed_at_ms > lane_lease_ms(lane) / 2;
    if (!is_open || is_gated || is_idle)
        chunk_close(chunk, 0, false);
}

/* A chunk that waits for the account's tokens lets none of its rank or below go first; one that
 * waits for its own campaign's rate is in nobody's way. */
static bool blocks_others(const struct chunk *chunk)
{
    const struct lane *lane = chunk->lane;
    uint32_t own = chunk->campaign->rate;
    return chunk->waits_tokens && lane->rate > 0 && (own == 0 || own >= lane->rate);
}

void chunk_step(struct chunk *chunk, int64_t now_ms, bool *is_blocked)
{
    if (chunk->phase == CHUNK_CLAIMING)
        return;
    settle_if_due(chunk, now_ms);
    bool is_spent = chunk->n_pieces == 0 && !chunk->is_asking;
    if (!chunk->is_closing && (!is_spent || chunk->out > 0))
        close_if_it_must(chunk, now_ms);
    if (chunk->is_calling)
        return;
    if (chunk->is_closing || is_spent) {
        finish(chunk, now_ms);
        return;
    }
    if (now_ms < chunk->retry_at_ms) {
        lane_note_due(chunk->lane, chunk->retry_at_ms);
        *is_blocked |= blocks_others(chunk);
        return;
    }
    if (chunk->phase == CHUNK_SENDING && now_ms - chunk->checked_at_ms > OPTOUT_FRESH_MS &&
        !chunk->is_asking)
        chunk->phase = CHUNK_CHECKING;
    switch (chunk->phase) {
    case CHUNK_CHECKING:
        look_up(chunk);
        break;
    case CHUNK_SUPPRESSING:
        suppress(chunk);
        break;
    case CHUNK_SENDING:
        if (!*is_blocked && !chunk->is_asking)
            ask(chunk, now_ms);
        break;
    case CHUNK_CLAIMING:
        break;
    }
}
