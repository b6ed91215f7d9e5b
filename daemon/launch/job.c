/* The pipeline of an import.
 *
 *   fill ─► ask (optout_reserve) ─► settle, in order ─► stage (queue_stage) ─► … ─► commit
 *
 * A slot walks through the states of enum slot_state; slots form a ring in the order of reading.
 * Chunk numbers are given when a block is settled, so that they are dense: a block of which nobody
 * is left gets none. Until chunk 0 has its number only one block is under way, because chunk 0 is
 * the canary and holds at most JOB_CANARY recipients.
 *
 * Every call into the store counts in `pending`; the job is freed only when that is zero. Whatever
 * Redis did not answer is asked again with the same arguments for JOB_RETRY_FOR_MS, which all of
 * these calls allow. */
#include "launch/job.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/loop.h"

#define REASON_MAX 1024
#define NAME_MAX_BYTES 96

enum slot_state {
    SLOT_FILLING,
    SLOT_ASK,
    SLOT_ASKING,
    SLOT_ANSWERED,
    SLOT_STAGE,
    SLOT_STAGING,
    SLOT_DONE
};

struct slot {
    struct job *job;
    enum slot_state state;
    uint32_t chunk;
    struct plan_block block;
    uint8_t flags[PLAN_BLOCK_ROWS];
};

/* What the job is about; the order is the order of a life. */
enum stage { STAGE_BEGIN, STAGE_STREAM, STAGE_COMMIT, STAGE_STOPPING, STAGE_ABORT, STAGE_ENDED };

struct job {
    struct job_options options;
    struct campaign_fields fields;
    struct launch_view view;
    char owner[NAME_MAX_BYTES], id[NAME_MAX_BYTES], carrier[NAME_MAX_BYTES];
    char reason[REASON_MAX];
    enum stage stage;
    unsigned pending; /* answers of the store that will come */
    bool let_go;      /* job_free was called */
    bool started_told, commit_sent;

    struct slot *slots[JOB_SLOTS];
    size_t head, count; /* the ring */
    uint32_t next_chunk;
    uint64_t accepted;
    bool read_all, source_waits;

    struct loop_timer *timer;
    int64_t failing_since_ms, retry_ms, ended_ms;
    bool resting; /* the timer is armed for a retry */
};

static void run(struct job *job);

/* ---- ends ---- */

static void subject_of(const struct job *job, char out[NAME_MAX_BYTES + 16])
{
    snprintf(out, NAME_MAX_BYTES + 16, "campaign/%s", job->id);
}

static void tell_started(struct job *job, enum err error, const char *reason)
{
    if (!job->started_told) {
        job->started_told = true;
        job->options.started(job->options.started_arg, error, reason, job->id, job->carrier);
    }
}

static void destroy(struct job *job)
{
    for (size_t i = 0; i < JOB_SLOTS; i++) {
        if (job->slots[i] != NULL) {
            plan_block_fini(&job->slots[i]->block);
            free(job->slots[i]);
        }
    }
    loop_timer_free(job->timer);
    if (job->options.source_arg != NULL) {
        job->options.source->free(job->options.source_arg);
    }
    free(job);
}

/* Blocks and source (an open file, the bitmaps of the duplicate check) are not kept with an ended
 * job's view. */
static void drop_memory(struct job *job)
{
    job->options.source->free(job->options.source_arg);
    job->options.source_arg = NULL;
    memset(&job->fields, 0, sizeof job->fields);
    for (size_t i = 0; i < JOB_SLOTS; i++) {
        if (job->slots[i] != NULL) {
            plan_block_fini(&job->slots[i]->block);
            free(job->slots[i]);
            job->slots[i] = NULL;
        }
    }
    job->count = 0;
}

static void end(struct job *job, enum launch_phase phase)
{
    char subject[NAME_MAX_BYTES + 16], quoted[REASON_MAX * 2];
    assert(job->pending == 0);
    subject_of(job, subject);
    job->options.source->progress(job->options.source_arg, &job->view);
    job->stage = STAGE_ENDED;
    job->view.phase = phase;
    job->ended_ms = clock_mono_ms();
    loop_timer_stop(job->timer);
    drop_memory(job);
    if (phase == LAUNCH_DONE) {
        log_line(LOG_INFO, subject, "event=launched seq=%u chunks=%u accepted=%llu rows=%llu",
                 job->view.seq, job->next_chunk, (unsigned long long)job->accepted,
                 (unsigned long long)job->view.rows);
    } else {
        log_line(LOG_WARN, subject, "event=launch_failed seq=%u reason=%s", job->view.seq,
                 log_quote(job->reason, quoted, sizeof quoted));
    }
    if (job->let_go) {
        destroy(job); /* nobody touches the job after end() */
    } else {
        job->options.on_end(job->options.on_end_arg, job);
    }
}

/* Nothing new is begun; when the last answer is here, what was staged is thrown away. */
static void fail(struct job *job, const char *reason, bool refused)
{
    if (job->stage >= STAGE_STOPPING) {
        return;
    }
    snprintf(job->reason, sizeof job->reason, "%s", reason);
    job->view.reason = job->reason;
    job->view.refused = refused;
    job->stage = STAGE_STOPPING;
    job->resting = false;
    job->failing_since_ms = 0;
    loop_timer_arm(job->timer, 0);
}

/* ---- retries ---- */

static bool is_unknown(enum err error)
{
    return error == ERR_CLOSED || error == ERR_TIMEOUT || error == ERR_BUSY;
}

static void answered(struct job *job)
{
    job->failing_since_ms = 0;
    job->retry_ms = JOB_RETRY_FIRST_MS;
}

/* After an error that says nothing: rest, then ask again. gives: false when that went on for too
 * long. */
static bool rest(struct job *job)
{
    int64_t now = clock_mono_ms();
    if (job->failing_since_ms == 0) {
        job->failing_since_ms = now;
    }
    if (now - job->failing_since_ms >= JOB_RETRY_FOR_MS) {
        return false;
    }
    if (!job->resting) {
        job->resting = true;
        loop_timer_arm(job->timer, job->retry_ms);
        job->retry_ms = job->retry_ms * 2 > JOB_RETRY_MAX_MS ? JOB_RETRY_MAX_MS : job->retry_ms * 2;
    }
    return true;
}

/* Whether the caller may go on with the answer; if not, the job rests or ends. */
static bool take_answer(struct job *job, enum err error, const char *reason)
{
    char sentence[REASON_MAX];
    if (error == ERR_OK) {
        answered(job);
        return true;
    }
    if (is_unknown(error) && rest(job)) {
        return false;
    }
    snprintf(sentence, sizeof sentence, "%s%s",
             is_unknown(error) ? "Redis did not answer for a minute: " : "",
             reason != NULL && reason[0] != '\0' ? reason : err_sentence(error));
    fail(job, sentence, !is_unknown(error));
    return false;
}

/* ---- ask ---- */

static void on_reserved(void *arg, enum err error, const uint8_t *flags, size_t n)
{
    struct slot *slot = arg;
    struct job *job = slot->job;
    job->pending--;
    slot->state = SLOT_ASK;
    if (job->stage == STAGE_STREAM && take_answer(job, error, NULL)) {
        assert(n == slot->block.n);
        memcpy(slot->flags, flags, n);
        slot->state = SLOT_ANSWERED;
    }
    run(job);
}

static void ask(struct job *job, struct slot *slot)
{
    uint64_t numbers[PLAN_BLOCK_ROWS];
    for (size_t i = 0; i < slot->block.n; i++) {
        numbers[i] = slot->block.rows[i].number;
    }
    slot->state = SLOT_ASKING;
    enum err error = optout_reserve(job->options.store, numbers, slot->block.n,
                                    job->options.is_receipt, job->fields.dedup_group, job->carrier,
                                    job->view.seq, job->options.parent_seq, on_reserved, slot);
    if (error == ERR_OK) {
        job->pending++;
    } else {
        slot->state = SLOT_ASK;
        (void)take_answer(job, error, NULL);
    }
}

/* ---- stage ---- */

static void on_staged(void *arg, enum err error, const char *reason)
{
    struct slot *slot = arg;
    struct job *job = slot->job;
    job->pending--;
    slot->state = SLOT_STAGE;
    if (job->stage == STAGE_STREAM && take_answer(job, error, reason)) {
        FAILPOINT("import_staged");
        slot->state = SLOT_DONE;
    }
    run(job);
}

static void stage(struct job *job, struct slot *slot)
{
    struct chunk_row rows[PLAN_BLOCK_ROWS];
    const struct plan_block *block = &slot->block;
    for (size_t i = 0; i < block->n; i++) {
        const struct plan_row *row = &block->rows[i];
        rows[i] = (struct chunk_row){.number = row->number, .region = row->region};
        if (block->values.len == 0)
            continue; /* one text for all */
        rows[i].values = (const uint8_t *)block->values.data + row->value_at;
        rows[i].values_len = row->value_len;
        rows[i].segments = row->segments;
    }
    slot->state = SLOT_STAGING;
    struct chunk_ref ref = {.carrier = job->carrier, .seq = job->view.seq, .chunk = slot->chunk};
    enum err error = queue_stage(job->options.store, ref, rows, block->n, on_staged, slot);
    if (error == ERR_OK) {
        job->pending++;
    } else {
        slot->state = SLOT_STAGE;
        (void)take_answer(job, error, NULL);
    }
}

static void settle(struct job *job, struct slot *slot)
{
    const struct job_source *source = job->options.source;
    if (source->settle(job->options.source_arg, &slot->block, slot->flags) != ERR_OK) {
        fail(job, source->fault(job->options.source_arg), true);
        return;
    }
    if (slot->block.n == 0) {
        slot->state = SLOT_DONE;
        return;
    }
    slot->chunk = job->next_chunk++;
    job->accepted += slot->block.n;
    slot->state = SLOT_STAGE;
}

/* ---- the stream ---- */

static struct slot *slot_at(const struct job *job, size_t i)
{
    return job->slots[(job->head + i) % JOB_SLOTS];
}

static struct slot *take_slot(struct job *job)
{
    size_t at = (job->head + job->count) % JOB_SLOTS;
    if (job->slots[at] == NULL) {
        job->slots[at] = calloc(1, sizeof *job->slots[at]);
        if (job->slots[at] == NULL) {
            return NULL;
        }
        job->slots[at]->job = job;
        plan_block_init(&job->slots[at]->block);
    }
    job->count++;
    job->slots[at]->block.n = 0;
    buf_reset(&job->slots[at]->block.values);
    job->slots[at]->state = SLOT_FILLING;
    return job->slots[at];
}

/* The slot to read into, NULL when reading has to wait. */
static struct slot *slot_to_fill(struct job *job)
{
    if (job->count > 0) {
        struct slot *last = slot_at(job, job->count - 1);
        if (last->state == SLOT_FILLING) {
            return last;
        }
    }
    bool canary_open = job->next_chunk == 0 && job->count > 0;
    return canary_open || job->count == JOB_SLOTS ? NULL : take_slot(job);
}

static bool may_fill(const struct job *job)
{
    if (job->stage != STAGE_STREAM || job->read_all || job->source_waits || job->resting) {
        return false;
    }
    bool filling = job->count > 0 && slot_at(job, job->count - 1)->state == SLOT_FILLING;
    return filling || (job->count < JOB_SLOTS && (job->next_chunk > 0 || job->count == 0));
}

static void fill(struct job *job)
{
    struct slot *slot = slot_to_fill(job);
    size_t want = job->next_chunk == 0 ? JOB_CANARY : PLAN_BLOCK_ROWS;
    bool wait = false;
    if (slot == NULL) {
        fail(job, "no memory for the import", false);
        return;
    }
    enum err error = job->options.source->fill(job->options.source_arg, want, &slot->block,
                                               &job->read_all, &wait);
    if (error != ERR_OK) {
        fail(job, job->options.source->fault(job->options.source_arg), true);
        return;
    }
    job->source_waits = wait;
    if (slot->block.n >= want || (job->read_all && slot->block.n > 0)) {
        slot->state = SLOT_ASK;
    } else if (job->read_all) {
        slot->state = SLOT_DONE;
    }
}

/* Moves every slot as far as it goes without waiting. */
static void move_slots(struct job *job)
{
    bool settled_before = true;
    for (size_t i = 0; i < job->count && job->stage == STAGE_STREAM && !job->resting; i++) {
        struct slot *slot = slot_at(job, i);
        if (slot->state == SLOT_ASK) {
            ask(job, slot);
        }
        if (slot->state == SLOT_ANSWERED && settled_before) {
            settle(job, slot);
        }
        if (slot->state == SLOT_STAGE && job->stage == STAGE_STREAM && !job->resting) {
            stage(job, slot);
        }
        settled_before = settled_before && slot->state > SLOT_ANSWERED;
    }
    while (job->count > 0 && slot_at(job, 0)->state == SLOT_DONE) {
        job->head = (job->head + 1) % JOB_SLOTS;
        job->count--;
    }
}

/* ---- begin, commit, abort ---- */

static void on_begun(void *arg, enum err error, const char *reason, uint32_t seq)
{
    struct job *job = arg;
    job->pending--;
    if (error != ERR_OK) {
        const char *sentence = reason != NULL && reason[0] != '\0' ? reason : err_sentence(error);
        if (job->stage == STAGE_BEGIN) {
            fail(job, sentence, true);
        }
        tell_started(job, error, job->reason);
    } else {
        job->view.seq = seq;
        if (job->stage == STAGE_BEGIN) {
            job->stage = STAGE_STREAM;
        }
        tell_started(job, job->stage == STAGE_STREAM ? ERR_OK : ERR_REFUSED, job->reason);
    }
    run(job);
}

static void begin(struct job *job)
{
    enum err error =
        queue_begin(job->options.store, &job->fields, job->owner, clock_wall_ms(), on_begun, job);
    if (error == ERR_OK) {
        job->pending++;
        return;
    }
    fail(job,
         error == ERR_CLOSED ? "Redis is not reachable, nothing was launched" : err_sentence(error),
         true);
    tell_started(job, error, job->reason);
}

static void on_committed(void *arg, enum err error, const char *reason)
{
    struct job *job = arg;
    job->pending--;
    if (job->stage == STAGE_COMMIT && take_answer(job, error, reason)) {
        end(job, LAUNCH_DONE);
        return;
    }
    run(job);
}

static bool expected(struct job *job)
{
    char sentence[REASON_MAX];
    int64_t want = job->options.expect_recipients;
    if (job->accepted == 0) {
        fail(job, "there is nobody to send to: every row is a duplicate, invalid or opted out",
             true);
        return false;
    }
    if (want >= 0 && (uint64_t)want != job->accepted) {
        snprintf(sentence, sizeof sentence,
                 "%lld recipients were expected, but %llu are accepted; look at the plan again",
                 (long long)want, (unsigned long long)job->accepted);
        fail(job, sentence, true);
        return false;
    }
    return true;
}

static void commit(struct job *job)
{
    FAILPOINT("import_commit");
    job->commit_sent = true;
    enum err error = queue_commit(job->options.store, job->view.seq, &job->fields, job->next_chunk,
                                  job->accepted, job->options.guard_ms, job->options.again,
                                  clock_wall_ms(), on_committed, job);
    if (error == ERR_OK) {
        job->pending++;
    } else {
        (void)take_answer(job, error, NULL);
    }
}

static void on_aborted(void *arg, enum err error, const char *reason)
{
    struct job *job = arg;
    (void)reason;
    job->pending--;
    if (is_unknown(error) && !job->let_go && rest(job)) {
        return;
    }
    /* No import to throw away although the commit was asked for: it had been done, only its answer
     * was lost. */
    end(job, job->commit_sent && error == ERR_REFUSED ? LAUNCH_DONE : LAUNCH_FAILED);
}

/* An import that cannot be thrown away now (Redis is gone for long) is thrown away by the next
 * launch of the same id. So is that of a job which was let go: its store may be on its way out. */
static void abort_import(struct job *job)
{
    bool nothing_to_do = job->view.seq == 0 || job->let_go;
    enum err error = nothing_to_do ? ERR_NOT_FOUND
                                   : queue_abort(job->options.store, job->carrier, job->view.seq,
                                                 on_aborted, job);
    if (error == ERR_OK) {
        job->pending++;
    } else if (!is_unknown(error) || !rest(job)) {
        end(job, LAUNCH_FAILED);
    }
}

/* ---- the turn ---- */

static void run_stream(struct job *job)
{
    move_slots(job);
    if (job->stage == STAGE_STREAM && job->read_all && job->count == 0) {
        uint64_t accepted = job->options.source->finish(job->options.source_arg, &job->fields);
        assert(accepted == job->accepted);
        job->options.source->progress(job->options.source_arg, &job->view);
        if (expected(job)) {
            job->stage = STAGE_COMMIT;
            job->view.phase = LAUNCH_COMMITTING;
            commit(job);
        }
    } else if (may_fill(job)) {
        loop_timer_arm(job->timer, 0);
    }
}

static void run(struct job *job)
{
    if (job->resting) {
        return;
    }
    if (job->stage == STAGE_STREAM) {
        run_stream(job);
    } else if (job->stage == STAGE_COMMIT && job->pending == 0) {
        commit(job);
    }
    if (job->stage == STAGE_STOPPING && job->pending == 0) {
        job->stage = STAGE_ABORT;
        abort_import(job);
    }
}

static void on_timer(void *arg)
{
    struct job *job = arg;
    job->resting = false;
    if (job->stage == STAGE_BEGIN && job->pending == 0) {
        begin(job);
        return;
    }
    if (job->stage == STAGE_ABORT && job->pending == 0) {
        abort_import(job);
        return;
    }
    if (may_fill(job)) {
        fill(job);
    }
    run(job);
}

/* ---- the handle ---- */

enum err job_new(const struct job_options *options, struct job **job)
{
    struct job *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->options = *options;
    made->fields = options->fields;
    made->retry_ms = JOB_RETRY_FIRST_MS;
    snprintf(made->owner, sizeof made->owner, "%s", options->owner);
    snprintf(made->id, sizeof made->id, "%s", options->fields.id);
    snprintf(made->carrier, sizeof made->carrier, "%s", options->fields.carrier);
    made->view =
        (struct launch_view){.id = made->id, .carrier = made->carrier, .reason = made->reason};
    made->timer = loop_timer_new(options->base, on_timer, made);
    loop_timer_arm(made->timer, 0);
    *job = made;
    return ERR_OK;
}

void job_free(struct job *job)
{
    if (job == NULL) {
        return;
    }
    tell_started(job, ERR_CLOSED, "the daemon is stopping");
    job->let_go = true;
    if (job->pending == 0) {
        /* Nobody will call back: what is staged stays, and the next launch of the id throws it
         * away. */
        destroy(job);
    } else {
        fail(job, "the daemon is stopping", false);
    }
}

void job_wake(struct job *job)
{
    job->source_waits = false;
    if (job->stage < STAGE_ENDED && !job->resting) {
        loop_timer_arm(job->timer, 0);
    }
}

bool job_stop(struct job *job, const char *reason)
{
    if (job->stage >= STAGE_COMMIT) {
        return false;
    }
    fail(job, reason, true);
    return true;
}

const struct launch_view *job_view(struct job *job)
{
    if (job->stage < STAGE_STOPPING) {
        job->options.source->progress(job->options.source_arg, &job->view);
    }
    return &job->view;
}

bool job_is_running(const struct job *job)
{
    return job->stage != STAGE_ENDED;
}

int64_t job_ended_ms(const struct job *job)
{
    return job->ended_ms;
}
