/* After a cancel, the numbers that were never sent to are free again for other campaigns of the
 * group. A cancel itself is O(1) and leaves a note (key "fr"); this job works the notes off. A
 * campaign that never sent anything is done in one call. */
#include "store/owners.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "sms/mobile.h"
#include "store/fields.h"

enum err owners_free(struct store *store, const char *group, const char *carrier, uint32_t seq,
                     const uint8_t *numbers, size_t n, queue_done_fn *done, void *arg)
{
    char owner[KEY_SIZE];
    snprintf(owner, sizeof owner, "%s:%" PRIu32, carrier, seq);
    struct call call;
    call_begin(&call, store, "or1_dedup_free", KEY_GROUP, group);
    call_text(&call, owner);
    call_bytes(&call, numbers, n * MOBILE_PACKED_BYTES);
    return call_send_done(&call, done, arg);
}

struct freeing {
    struct store *store;
    uint32_t seq, chunk, n_chunks;
    char carrier[KEY_SIZE], group[KEY_SIZE];
};

static void ask_notes(struct freeing *job, uint32_t done_seq);

static void note_done(void *arg, enum err error, const char *reason)
{
    struct freeing *job = arg;
    (void)reason;
    if (error != ERR_OK)
        free(job); /* the note stays */
    else
        ask_notes(job, job->seq);
}

static void next_chunk(struct freeing *job);

static void chunk_done(void *arg, enum err error, const char *reason)
{
    struct freeing *job = arg;
    (void)reason;
    if (error != ERR_OK) {
        free(job);
        return;
    }
    job->chunk++;
    next_chunk(job);
}

static void on_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    struct freeing *job = arg;
    uint8_t unsent[CHUNK_MAX * MOBILE_PACKED_BYTES];
    size_t n = 0;
    if (error == ERR_OK && chunk->n > CHUNK_MAX)
        error = ERR_PROTOCOL;
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        free(job);
        return;
    }
    for (size_t i = 0; error == ERR_OK && i < chunk->n; i++) {
        if (chunk->states[i] == STATE_CANCELLED)
            memcpy(unsent + n++ * MOBILE_PACKED_BYTES, chunk->numbers + i * MOBILE_PACKED_BYTES,
                   MOBILE_PACKED_BYTES);
    }
    if (n == 0) {
        chunk_done(job, ERR_OK, "");
        return;
    }
    if (owners_free(job->store, job->group, job->carrier, job->seq, unsent, n, chunk_done, job) !=
        ERR_OK)
        free(job);
}

static void next_chunk(struct freeing *job)
{
    if (job->chunk >= job->n_chunks) {
        ask_notes(job, job->seq);
        return;
    }
    struct chunk_ref ref = {job->carrier, job->seq, job->chunk};
    if (queue_chunk(job->store, ref, on_chunk, job) != ERR_OK)
        free(job);
}

static uint64_t count_of(const struct queue_counts *counts, enum recipient_state state)
{
    size_t i = 0;
    while (state_all[i] != state)
        i++;
    return counts->of[i];
}

static void on_noted(void *arg, enum err error, const struct campaign_view *view, size_t n)
{
    struct freeing *job = arg;
    if (error == ERR_NOT_FOUND) {
        note_done(job, ERR_OK, "");
        return;
    }
    if (error != ERR_OK || n != 1) {
        free(job);
        return;
    }
    if (count_of(&view->counts, STATE_INFLIGHT) > 0) {
        free(job); /* what is in flight may still come back unsent: the next sweep looks again */
        return;
    }
    uint64_t unsent = count_of(&view->counts, STATE_QUEUED) +
                      count_of(&view->counts, STATE_CANCELLED) +
                      count_of(&view->counts, STATE_SUPPRESSED);
    snprintf(job->group, sizeof job->group, "%s", view->fields.dedup_group);
    job->n_chunks = view->n_chunks;
    job->chunk = 0;
    if (unsent != view->accepted)
        next_chunk(job);
    else if (owners_free(job->store, job->group, job->carrier, job->seq, NULL, 0, note_done, job) !=
             ERR_OK)
        free(job);
}

static void on_notes(void *arg, enum err error, const redisReply *reply)
{
    struct freeing *job = arg;
    struct answer answer = answer_read(job->store, error, reply);
    if (answer.error != ERR_OK || answer_len(&answer) < 2) {
        free(job); /* nothing (more) to do */
        return;
    }
    job->seq = (uint32_t)answer_int(&answer, 1);
    char id[16];
    snprintf(id, sizeof id, "#%" PRIu32, job->seq);
    if (queue_find(job->store, job->carrier, id, on_noted, job) != ERR_OK)
        free(job);
}

static void ask_notes(struct freeing *job, uint32_t done_seq)
{
    struct call call;
    call_begin(&call, job->store, "or1_to_free", KEY_CARRIER, job->carrier);
    if (done_seq != 0)
        call_int(&call, done_seq);
    else
        call_text(&call, "");
    if (call_send(&call, on_notes, job) != ERR_OK)
        free(job);
}

void owners_free_cancelled(struct store *store, const char *carrier)
{
    struct freeing *job = calloc(1, sizeof *job);
    if (job == NULL)
        return;
    job->store = store;
    snprintf(job->carrier, sizeof job->carrier, "%s", carrier);
    ask_notes(job, 0);
}
