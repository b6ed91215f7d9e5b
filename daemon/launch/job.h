/* One import under way: takes blocks of recipients from a source, reserves them, stages them as
 * chunks, commits. Internal to launch/. The source is a list (launch/import.c) or a finished
 * campaign (launch/resend.c).
 *
 * At most JOB_SLOTS blocks are in memory; several questions and stagings are under way at once, but
 * blocks are settled and numbered in order. A job that failed, was cancelled or whose launcher is
 * gone throws away what it staged. */
#pragma once

#include "campaign/plan.h"
#include "launch/launch.h"

#define JOB_SLOTS 8
#define JOB_CANARY 10          /* recipients of chunk 0 */
#define JOB_RETRY_FOR_MS 60000 /* Redis may be away this long */
#define JOB_RETRY_FIRST_MS 250
#define JOB_RETRY_MAX_MS 4000

struct job;

struct job_source {
    /* Adds rows until `want` stand in the block, in at most some 2 ms. Fewer without *done: call
     * again at the next turn, or, when *wait was set, after job_wake(). An error ends the job with
     * source->fault. */
    enum err (*fill)(void *arg, size_t want, struct plan_block *block, bool *done, bool *wait);
    const char *(*fault)(void *arg);
    /* As plan_settle. An error ends the job with source->fault, before these rows are staged. */
    enum err (*settle)(void *arg, struct plan_block *block, const uint8_t *flags);
    /* After the last block: fills rows, duplicate, invalid, opted_out, segments_total, fingerprint;
     * gives the accepted. */
    uint64_t (*finish)(void *arg, struct campaign_fields *fields);
    void (*progress)(void *arg, struct launch_view *view);
    void (*free)(void *arg);
};

struct job_options {
    struct event_base *base;
    struct store *store;
    const char *owner;
    const struct job_source *source;
    void *source_arg;              /* the job's from here on, freed with source->free */
    struct campaign_fields fields; /* strings belong to the source */
    bool is_receipt, again;
    uint32_t parent_seq;
    int64_t guard_ms, expect_recipients;
    launch_started_fn *started;
    void *started_arg;
    /* Once, when the phase has become DONE or FAILED. */
    void (*on_end)(void *arg, struct job *job);
    void *on_end_arg;
};

/* Begins at a later turn. On an error return nothing was taken. */
MUST_CHECK enum err job_new(const struct job_options *options, struct job **job);
/* Lets go of the job: it ends as soon as its last answer is here. `started` runs now if it has not
 * yet. */
void job_free(struct job *job);
void job_wake(struct job *job);
/* Ends a running job with this reason. false: it is past that (committing, done, failed). */
bool job_stop(struct job *job, const char *reason);
const struct launch_view *job_view(struct job *job);
bool job_is_running(const struct job *job);
int64_t job_ended_ms(const struct job *job); /* monotonic */
