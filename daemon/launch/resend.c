/* From a finished campaign to its child.
 *
 *   find parent ─► find children PARENT-r1, -r2 … (numbers of those who are in one already are left
 * out, unless that child was cancelled before their turn) ─► dictionary of codes ─► ready ─► chunk
 * by chunk as the job asks for rows
 *
 * Left out is everybody who is delivered, accepted, ambiguous, queued, in flight, suppressed or
 * cancelled: resend_wants() names the only states that may get the message once more. */
#include "launch/resend.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/loop.h"
#include "base/numbers.h"
#include "campaign/template.h"
#include "sms/mobile.h"
#include "sms/text.h"
#include "store/chunk.h"

#define CHILDREN_MAX 99
#define EXCLUDED_MAX                                                                               \
    ((size_t)2000000) /* numbers of earlier children held in memory, 8 bytes each */
#define CODES_MAX 65536
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define TEXT_MAX_BYTES 16384
#define REASON_MAX 512
#define RETRY_MS 1000
#define RETRIES_MAX 60

struct child {
    uint32_t seq, n_chunks;
};

struct resend {
    struct event_base *base;
    struct store *store;
    void (*wake)(void *arg);
    void *wake_arg;
    resend_ready_fn *ready;
    void *arg;

    /* what was asked for */
    bool (*is_temporary)(void *ctx, const char *code);
    void *ctx;
    int64_t guard_ms, expect_recipients;

    /* the parent, and strings for the child's fields */
    char *strings[11];
    size_t n_strings;
    struct campaign_fields fields;
    uint32_t parent_seq, parent_chunks;
    int64_t parent_launched_ms;
    char child_id[128];

    /* those who are in an earlier child */
    struct child children[CHILDREN_MAX];
    size_t n_children, at_child;
    uint32_t at_chunk;
    uint64_t *excluded;
    size_t n_excluded, excluded_cap;

    bool *code_temporary;
    size_t n_codes;

    struct template *template;
    struct buf text;

    /* the rows chosen from the chunk that was read last */
    struct plan_row rows[CHUNK_MAX];
    size_t n_rows, at_row;
    struct buf values;
    uint32_t next_chunk;
    struct loop_timer *timer;
    char fault[REASON_MAX];

    uint64_t chosen, opted_out, duplicate, accepted, segments;
    uint64_t fingerprint[2];

    unsigned pending, retries, child_number;
    uint32_t price_fen, segments_same;
    bool cancelled, temporary, rejected, reading;
};

/* ---- pure ---- */

bool resend_wants(uint8_t state, bool code_temporary, bool temporary, bool rejected)
{
    if (rejected && state == STATE_REJECTED) {
        return true;
    }
    return temporary && code_temporary && (state == STATE_UNDELIVERED || state == STATE_EXPIRED);
}

int64_t resend_end_ms(int64_t parent_end_ms, int64_t now_ms)
{
    return parent_end_ms > now_ms + DAY_MS ? parent_end_ms : now_ms + DAY_MS;
}

bool resend_values(const uint8_t *values, size_t len, size_t n, size_t index, const uint8_t **value,
                   size_t *value_len)
{
    struct chunk_values walk = {.bytes = values, .len = len};
    for (size_t i = 0; i < n && chunk_values_next(&walk, value, value_len); i++) {
        if (i == index) {
            return true;
        }
    }
    return false;
}

/* ---- life ---- */

static void resend_free(struct resend *resend)
{
    for (size_t i = 0; i < resend->n_strings; i++) {
        free(resend->strings[i]);
    }
    free(resend->excluded);
    free(resend->code_temporary);
    template_free(resend->template);
    buf_fini(&resend->text);
    buf_fini(&resend->values);
    loop_timer_free(resend->timer);
    free(resend);
}

/* The preparation ended: nobody else touches the resend after an error. */
static void give_up(struct resend *resend, enum err error, const char *reason)
{
    char sentence[REASON_MAX];
    snprintf(sentence, sizeof sentence, "%s",
             reason != NULL && reason[0] != '\0' ? reason : err_sentence(error));
    if (!resend->cancelled) {
        resend->ready(resend->arg, error, sentence, NULL);
    }
    resend_free(resend);
}

/* Copies a string for as long as the resend lives; NULL without memory. */
static const char *keep(struct resend *resend, const char *text)
{
    assert(resend->n_strings < sizeof resend->strings / sizeof *resend->strings);
    char *copy = strdup(text);
    if (copy != NULL) {
        resend->strings[resend->n_strings++] = copy;
    }
    return copy;
}

static bool keep_fields(struct resend *resend, const struct campaign_fields *parent, int64_t now_ms)
{
    struct campaign_fields *fields = &resend->fields;
    const char *actor = fields->actor;
    *fields = *parent;
    const char **texts[] = {&fields->title,     &fields->carrier,    &fields->dedup_group,
                            &fields->region,    &fields->class_word, &fields->on_ambiguous,
                            &fields->signature, &fields->text,       &fields->optout,
                            &fields->add_serial};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = keep(resend, *texts[i]);
        if (*texts[i] == NULL) {
            return false;
        }
    }
    fields->actor = actor;
    fields->source_file = "";
    fields->start_ms = now_ms;
    fields->end_ms = resend_end_ms(parent->end_ms, now_ms);
    fields->price_fen = resend->price_fen;
    return true;
}

/* ---- the end of the preparation ---- */

static enum err weigh(struct resend *resend, struct buf *problem)
{
    const struct campaign_fields *fields = &resend->fields;
    enum err error = template_compile(fields->signature, fields->signature_added_by_carrier,
                                      fields->text, fields->optout, &resend->template, problem);
    if (error != ERR_OK) {
        resend->template = NULL;
        return error;
    }
    if (!fields->personal) {
        error = template_expand_shown(resend->template, NULL, 0, &resend->text);
        resend->segments_same =
            text_segments(text_units(buf_text(&resend->text), resend->text.len));
    }
    return error;
}

static const struct job_source resend_source;

static void prepared(struct resend *resend)
{
    struct buf problem;
    struct job_options options = {.source = &resend_source,
                                  .source_arg = resend,
                                  .is_receipt = strcmp(resend->fields.class_word, "receipt") == 0,
                                  .again = true, /* it is the same text, by intent */
                                  .parent_seq = resend->parent_seq,
                                  .guard_ms = resend->guard_ms,
                                  .expect_recipients = resend->expect_recipients};
    if (resend->cancelled) {
        resend_free(resend);
        return;
    }
    buf_init(&problem, REASON_MAX);
    enum err error = weigh(resend, &problem);
    if (error != ERR_OK) {
        give_up(resend, error, buf_text(&problem));
        buf_fini(&problem);
        return;
    }
    buf_fini(&problem);
    resend->fields.id = resend->child_id;
    options.fields = resend->fields;
    resend->ready(resend->arg, ERR_OK, "", &options);
}

static void on_codes(void *arg, enum err error, const char *const *codes, size_t n)
{
    struct resend *resend = arg;
    resend->pending--;
    if (error != ERR_OK || resend->cancelled) {
        give_up(resend, error, NULL);
        return;
    }
    resend->n_codes = n < CODES_MAX ? n : CODES_MAX;
    resend->code_temporary = calloc(resend->n_codes + 1, sizeof *resend->code_temporary);
    if (resend->code_temporary == NULL) {
        give_up(resend, ERR_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < resend->n_codes; i++) {
        resend->code_temporary[i] = resend->is_temporary(resend->ctx, codes[i]);
    }
    prepared(resend);
}

static void ask_codes(struct resend *resend)
{
    enum err error = queue_codes(resend->store, resend->fields.carrier, on_codes, resend);
    if (error == ERR_OK) {
        resend->pending++;
    } else {
        give_up(resend, error, NULL);
    }
}

/* ---- earlier children ---- */

static bool is_excluded(const struct resend *resend, uint64_t number)
{
    return numbers_have(resend->excluded, resend->n_excluded, number);
}

static bool exclude(struct resend *resend, uint64_t number)
{
    if (resend->n_excluded == resend->excluded_cap) {
        size_t cap = resend->excluded_cap == 0 ? 1024 : resend->excluded_cap * 2;
        uint64_t *grown =
            cap <= EXCLUDED_MAX ? realloc(resend->excluded, cap * sizeof *grown) : NULL;
        if (grown == NULL) {
            return false;
        }
        resend->excluded = grown;
        resend->excluded_cap = cap;
    }
    resend->excluded[resend->n_excluded++] = number;
    return true;
}

static void read_child(struct resend *resend);

static void on_child_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    struct resend *resend = arg;
    resend->pending--;
    for (size_t i = 0; error == ERR_OK && i < chunk->n; i++) {
        /* Cancelled before its turn: this one was never written to by the child. */
        if (chunk->states[i] != STATE_CANCELLED &&
            !exclude(resend, mobile_unpack(chunk->numbers + i * MOBILE_PACKED_BYTES))) {
            error = ERR_NOMEM;
        }
    }
    if (error != ERR_OK || resend->cancelled) {
        give_up(resend, error, NULL);
        return;
    }
    resend->at_chunk++;
    read_child(resend);
}

static void read_child(struct resend *resend)
{
    while (resend->at_child < resend->n_children &&
           resend->at_chunk >= resend->children[resend->at_child].n_chunks) {
        resend->at_child++;
        resend->at_chunk = 0;
    }
    if (resend->at_child == resend->n_children) {
        if (resend->n_excluded > 1) {
            numbers_sort(resend->excluded, resend->n_excluded);
        }
        ask_codes(resend);
        return;
    }
    struct chunk_ref ref = {.carrier = resend->fields.carrier,
                            .seq = resend->children[resend->at_child].seq,
                            .chunk = resend->at_chunk};
    enum err error = queue_chunk(resend->store, ref, on_child_chunk, resend);
    if (error == ERR_OK) {
        resend->pending++;
    } else {
        give_up(resend, error, NULL);
    }
}

static bool is_finished(const char *state)
{
    return strcmp(state, "done") == 0 || strcmp(state, "cancelled") == 0;
}

static void find_child(struct resend *resend);

static void on_child(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct resend *resend = arg;
    char sentence[REASON_MAX];
    resend->pending--;
    if (error == ERR_NOT_FOUND || (error == ERR_OK && n == 0)) {
        if (!resend->cancelled) {
            read_child(resend); /* the first free id is the child's */
            return;
        }
    }
    if (error != ERR_OK || resend->cancelled) {
        give_up(resend, error, NULL);
        return;
    }
    /* A child of an earlier launch of the parent holds its id, but says nothing about this launch.
     */
    if (views[0].launched_ms >= resend->parent_launched_ms || !is_finished(views[0].state)) {
        if (!is_finished(views[0].state) && strcmp(views[0].state, "importing") != 0) {
            snprintf(sentence, sizeof sentence,
                     "%s is %s; wait for its end, then resend who is left", resend->child_id,
                     views[0].state);
            give_up(resend, ERR_REFUSED, sentence);
            return;
        }
        if (strcmp(views[0].state, "importing") == 0) {
            read_child(resend); /* broken off before its commit: begun anew under the same id */
            return;
        }
        resend->children[resend->n_children++] =
            (struct child){.seq = views[0].seq, .n_chunks = views[0].n_chunks};
    }
    find_child(resend);
}

static void find_child(struct resend *resend)
{
    if (resend->child_number == CHILDREN_MAX) {
        give_up(resend, ERR_REFUSED, "it has 99 children already");
        return;
    }
    snprintf(resend->child_id, sizeof resend->child_id, "%s-r%u", resend->fields.parent,
             ++resend->child_number);
    enum err error =
        queue_find(resend->store, resend->fields.carrier, resend->child_id, on_child, resend);
    if (error == ERR_OK) {
        resend->pending++;
    } else {
        give_up(resend, error, NULL);
    }
}

/* ---- the parent ---- */

static enum err check_parent(const struct campaign_view *parent, char *sentence, size_t size)
{
    if (!is_finished(parent->state)) {
        snprintf(sentence, size, "%s is %s: only a campaign that is done or cancelled is resent",
                 parent->fields.id, parent->state);
        return ERR_REFUSED;
    }
    if (parent->fields.personal && parent->values_dropped) {
        snprintf(sentence, size,
                 "the personal values of %s were deleted (resend_values_for has passed)",
                 parent->fields.id);
        return ERR_REFUSED;
    }
    return ERR_OK;
}

static void on_parent(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct resend *resend = arg;
    char sentence[REASON_MAX] = "";
    resend->pending--;
    if (error == ERR_OK && n == 0) {
        error = ERR_NOT_FOUND;
    }
    if (error == ERR_OK) {
        error = check_parent(&views[0], sentence, sizeof sentence);
    }
    const char *id = error == ERR_OK ? resend->fields.parent : NULL;
    if (error == ERR_OK && !keep_fields(resend, &views[0].fields, clock_wall_ms())) {
        error = ERR_NOMEM;
    }
    if (error != ERR_OK || resend->cancelled) {
        give_up(resend, error, sentence);
        return;
    }
    resend->fields.parent = id;
    resend->parent_seq = views[0].seq;
    resend->parent_chunks = views[0].n_chunks;
    resend->parent_launched_ms = views[0].launched_ms;
    find_child(resend);
}

static void on_retry(void *arg);

enum err resend_new(const struct resend_request *request, resend_ready_fn *ready, void *arg,
                    struct resend **resend)
{
    const struct settings_carrier *carrier = settings_carrier(request->settings, request->carrier);
    struct resend *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    assert(carrier != NULL);
    made->base = request->base;
    made->store = request->store;
    made->ready = ready;
    made->arg = arg;
    made->temporary = request->temporary;
    made->rejected = request->rejected;
    made->is_temporary = request->is_temporary;
    made->ctx = request->ctx;
    made->expect_recipients = request->expect_recipients;
    made->price_fen = carrier->price_fen;
    made->guard_ms = request->settings->daemon.repeat_guard_ms;
    buf_init(&made->text, TEXT_MAX_BYTES);
    buf_init(&made->values, (size_t)CHUNK_MAX * TEXT_MAX_BYTES);
    made->timer = loop_timer_new(request->base, on_retry, made);
    /* Two more strings than keep_fields takes would not fit: the two live in one. */
    size_t parent_len = strlen(request->parent_id) + 1, actor_len = strlen(request->actor) + 1;
    char *both = malloc(parent_len + actor_len);
    if (both == NULL) {
        resend_free(made);
        return ERR_NOMEM;
    }
    memcpy(both, request->parent_id, parent_len);
    memcpy(both + parent_len, request->actor, actor_len);
    made->strings[made->n_strings++] = both;
    made->fields.parent = both;
    made->fields.actor = both + parent_len;
    enum err error = queue_find(made->store, request->carrier, request->parent_id, on_parent, made);
    if (error != ERR_OK) {
        resend_free(made);
        return error;
    }
    made->pending++;
    *resend = made;
    return ERR_OK;
}

void resend_cancel(struct resend *resend)
{
    resend->cancelled = true;
    if (resend->pending == 0) {
        resend_free(resend);
    }
}

void resend_attach(struct resend *resend, void (*wake)(void *arg), void *arg)
{
    resend->wake = wake;
    resend->wake_arg = arg;
}

/* ---- as a source ---- */

static uint16_t code_number(const struct chunk_view *chunk, size_t i)
{
    return chunk->details == NULL
               ? 0
               : (uint16_t)(chunk->details[4 * i] << 8 | chunk->details[4 * i + 1]);
}

static bool take_row(struct resend *resend, const struct chunk_view *chunk, size_t i,
                     uint64_t number)
{
    const uint8_t *value = NULL;
    size_t len = 0;
    if (resend->fields.personal &&
        (chunk->values == NULL ||
         !resend_values(chunk->values, chunk->values_len, chunk->n, i, &value, &len))) {
        snprintf(resend->fault, sizeof resend->fault, "the personal values of the parent are gone");
        return false;
    }
    struct plan_row *row = &resend->rows[resend->n_rows++];
    *row = (struct plan_row){.number = number,
                             .region = chunk_region(chunk, i),
                             .segments = resend->segments_same,
                             .value_at = (uint32_t)resend->values.len,
                             .value_len = (uint32_t)len};
    buf_add(&resend->values, value, len);
    if (resend->fields.personal) {
        buf_reset(&resend->text);
        if (template_expand_shown(resend->template, value, len, &resend->text) != ERR_OK) {
            snprintf(resend->fault, sizeof resend->fault,
                     "the personal values of the parent do not fit its text");
            return false;
        }
        row->segments = text_segments(text_units(buf_text(&resend->text), resend->text.len));
    }
    return buf_check(&resend->values) == ERR_OK;
}

static void choose_rows(struct resend *resend, const struct chunk_view *chunk)
{
    resend->n_rows = resend->at_row = 0;
    buf_reset(&resend->values);
    for (size_t i = 0; i < chunk->n && resend->fault[0] == '\0'; i++) {
        uint16_t code = code_number(chunk, i);
        bool is_temporary = code < resend->n_codes && resend->code_temporary[code];
        uint64_t number = mobile_unpack(chunk->numbers + i * MOBILE_PACKED_BYTES);
        if (resend_wants(chunk->states[i], is_temporary, resend->temporary, resend->rejected) &&
            !is_excluded(resend, number)) {
            if (!take_row(resend, chunk, i, number) && resend->fault[0] == '\0') {
                snprintf(resend->fault, sizeof resend->fault, "%s", err_sentence(ERR_NOMEM));
            }
        }
    }
    resend->chosen += resend->n_rows;
}

static void on_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    struct resend *resend = arg;
    resend->pending--;
    if (resend->cancelled) {
        resend_free(resend);
        return;
    }
    if ((error == ERR_CLOSED || error == ERR_TIMEOUT) && resend->retries++ < RETRIES_MAX) {
        loop_timer_arm(resend->timer, RETRY_MS);
        return;
    }
    resend->reading = false;
    if (error != ERR_OK) {
        snprintf(resend->fault, sizeof resend->fault, "the parent cannot be read: %s",
                 err_sentence(error));
    } else {
        resend->retries = 0;
        resend->next_chunk++;
        choose_rows(resend, chunk);
    }
    resend->wake(resend->wake_arg);
}

static void read_chunk(struct resend *resend)
{
    struct chunk_ref ref = {
        .carrier = resend->fields.carrier, .seq = resend->parent_seq, .chunk = resend->next_chunk};
    resend->reading = true;
    if (queue_chunk(resend->store, ref, on_chunk, resend) == ERR_OK) {
        resend->pending++;
    } else if (resend->retries++ < RETRIES_MAX) {
        loop_timer_arm(resend->timer, RETRY_MS);
    } else {
        resend->reading = false;
        snprintf(resend->fault, sizeof resend->fault,
                 "the parent cannot be read: Redis is not reachable");
    }
}

static void on_retry(void *arg)
{
    struct resend *resend = arg;
    read_chunk(resend);
    if (!resend->reading) {
        resend->wake(resend->wake_arg);
    }
}

static enum err resend_fill(void *arg, size_t want, struct plan_block *block, bool *done,
                            bool *wait)
{
    struct resend *resend = arg;
    while (block->n < want && resend->at_row < resend->n_rows) {
        struct plan_row *row = &block->rows[block->n++];
        *row = resend->rows[resend->at_row++];
        uint32_t at = row->value_at;
        row->value_at = (uint32_t)block->values.len;
        buf_add(&block->values, buf_text(&resend->values) + at, row->value_len);
    }
    if (resend->fault[0] == '\0' && buf_check(&block->values) != ERR_OK) {
        snprintf(resend->fault, sizeof resend->fault, "%s", err_sentence(ERR_NOMEM));
    }
    bool empty = resend->at_row == resend->n_rows;
    *done = empty && resend->next_chunk == resend->parent_chunks;
    *wait = false;
    if (resend->fault[0] == '\0' && empty && !*done && block->n < want) {
        if (!resend->reading) {
            read_chunk(resend);
        }
        *wait = resend->fault[0] == '\0';
    }
    return resend->fault[0] == '\0' ? ERR_OK : ERR_REFUSED;
}

static const char *resend_fault(void *arg)
{
    return ((struct resend *)arg)->fault;
}

static enum err resend_settle(void *arg, struct plan_block *block, const uint8_t *flags)
{
    struct resend *resend = arg;
    size_t kept = 0;
    for (size_t i = 0; i < block->n; i++) {
        const struct plan_row *row = &block->rows[i];
        if (flags[i] & PLAN_OPTED_OUT) {
            resend->opted_out++;
        } else if (flags[i] & PLAN_IN_GROUP) {
            resend->duplicate++;
        } else {
            resend->accepted++;
            resend->segments += row->segments;
            resend->fingerprint[0] += digest_mix64(row->number);
            resend->fingerprint[1] +=
                digest_mix64(row->number ^ resend->parent_seq ^ UINT64_C(0x9e3779b97f4a7c15));
            block->rows[kept++] = *row;
        }
    }
    block->n = kept;
    return ERR_OK;
}

static uint64_t resend_finish(void *arg, struct campaign_fields *fields)
{
    const struct resend *resend = arg;
    fields->rows = resend->chosen;
    fields->duplicate = resend->duplicate;
    fields->invalid = 0;
    fields->opted_out = resend->opted_out;
    fields->segments_total = resend->segments;
    snprintf(fields->fingerprint, sizeof fields->fingerprint, "%016llx%016llx",
             (unsigned long long)resend->fingerprint[0],
             (unsigned long long)resend->fingerprint[1]);
    return resend->accepted;
}

static void resend_progress(void *arg, struct launch_view *view)
{
    const struct resend *resend = arg;
    view->rows = resend->chosen;
    view->accepted = resend->accepted;
    view->read_bytes = resend->next_chunk; /* in chunks: only their share is shown */
    view->all_bytes = resend->parent_chunks;
}

static void resend_source_free(void *arg)
{
    struct resend *resend = arg;
    resend->cancelled = true;
    if (resend->pending == 0) {
        resend_free(resend);
    }
}

static const struct job_source resend_source = {
    .fill = resend_fill,
    .fault = resend_fault,
    .settle = resend_settle,
    .finish = resend_finish,
    .progress = resend_progress,
    .free = resend_source_free,
};
