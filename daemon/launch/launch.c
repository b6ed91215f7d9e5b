/* Keeps the jobs: those that run, and the views of those that ended within the last hour. */
#include "launch/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "launch/count.h"
#include "launch/import.h"
#include "launch/resend.h"

#define VIEW_KEPT_MS (INT64_C(3600) * 1000)
#define ENDED_MAX 64
#define PROBLEM_MAX_BYTES ((size_t)64 * 1024)
#define NAME_MAX_BYTES 96

struct entry {
    struct entry *next;
    struct job *job;
};

/* A refusal that has to be told from a later turn, or a resend that is being prepared. */
struct opening {
    struct opening *next;
    struct launcher *launcher;
    struct resend *resend; /* NULL: only a refusal */
    launch_started_fn *started;
    void *started_arg;
    enum err error;
    char id[NAME_MAX_BYTES], carrier[NAME_MAX_BYTES];
    char *reason;
};

struct launcher {
    struct event_base *base;
    struct store *store;
    char owner[NAME_MAX_BYTES];
    const struct settings *settings;
    struct entry *entries; /* newest first */
    struct opening *openings;
    struct counting *counts[LAUNCH_COUNTS_MAX];
    void (*on_commit)(void *arg, const char *carrier);
    void *on_commit_arg;
};

enum err launcher_new(struct event_base *base, struct store *store, const char *owner,
                      struct launcher **launcher)
{
    struct launcher *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->base = base;
    made->store = store;
    snprintf(made->owner, sizeof made->owner, "%s", owner);
    *launcher = made;
    return ERR_OK;
}

static void opening_end(struct opening *opening)
{
    struct opening **at = &opening->launcher->openings;
    while (*at != opening) {
        at = &(*at)->next;
    }
    *at = opening->next;
    free(opening->reason);
    free(opening);
}

void launcher_free(struct launcher *launcher)
{
    if (launcher == NULL) {
        return;
    }
    while (launcher->openings != NULL) {
        struct opening *opening = launcher->openings;
        if (opening->resend != NULL) {
            resend_cancel(opening->resend);
        }
        opening->started(opening->started_arg, ERR_CLOSED, "the daemon is stopping", opening->id,
                         opening->carrier);
        /* A deferred refusal still points here; it finds launcher == NULL and frees itself. */
        launcher->openings = opening->next;
        if (opening->resend != NULL) {
            free(opening->reason);
            free(opening);
        } else {
            opening->launcher = NULL;
        }
    }
    for (size_t i = 0; i < LAUNCH_COUNTS_MAX; i++) {
        if (launcher->counts[i] != NULL) {
            counting_cancel(launcher->counts[i]);
        }
    }
    while (launcher->entries != NULL) {
        struct entry *entry = launcher->entries;
        launcher->entries = entry->next;
        job_free(entry->job);
        free(entry);
    }
    free(launcher);
}

void launcher_set_settings(struct launcher *launcher, const struct settings *settings)
{
    launcher->settings = settings;
}

void launcher_on_commit(struct launcher *launcher, void (*fn)(void *arg, const char *carrier),
                        void *arg)
{
    launcher->on_commit = fn;
    launcher->on_commit_arg = arg;
}

/* ---- jobs ---- */

static struct job *find_job(const struct launcher *launcher, const char *id)
{
    for (const struct entry *entry = launcher->entries; entry != NULL; entry = entry->next) {
        if (strcmp(job_view(entry->job)->id, id) == 0) {
            return entry->job;
        }
    }
    return NULL;
}

/* Forgets views that are too old, too many, or about an id that is launched again. */
static void forget_ended(struct launcher *launcher, const char *id)
{
    size_t ended = 0;
    int64_t now = clock_mono_ms();
    for (struct entry **at = &launcher->entries; *at != NULL;) {
        struct entry *entry = *at;
        bool running = job_is_running(entry->job);
        ended += !running;
        if (!running && (ended > ENDED_MAX || now - job_ended_ms(entry->job) > VIEW_KEPT_MS ||
                         strcmp(job_view(entry->job)->id, id) == 0)) {
            *at = entry->next;
            job_free(entry->job);
            free(entry);
        } else {
            at = &entry->next;
        }
    }
}

size_t launcher_running(const struct launcher *launcher)
{
    size_t running = 0;
    for (const struct entry *entry = launcher->entries; entry != NULL; entry = entry->next) {
        running += job_is_running(entry->job);
    }
    for (const struct opening *opening = launcher->openings; opening != NULL;
         opening = opening->next) {
        running += opening->resend != NULL;
    }
    return running;
}

const struct launch_view *launcher_view(const struct launcher *launcher, const char *id)
{
    struct job *job = find_job(launcher, id);
    if (job == NULL ||
        (!job_is_running(job) && clock_mono_ms() - job_ended_ms(job) > VIEW_KEPT_MS)) {
        return NULL;
    }
    return job_view(job);
}

size_t launcher_views(const struct launcher *launcher, const struct launch_view **views, size_t max)
{
    size_t n = 0;
    for (const struct entry *entry = launcher->entries; entry != NULL && n < max;
         entry = entry->next) {
        if (job_is_running(entry->job) ||
            clock_mono_ms() - job_ended_ms(entry->job) <= VIEW_KEPT_MS) {
            views[n++] = job_view(entry->job);
        }
    }
    return n;
}

bool launcher_stop(struct launcher *launcher, const char *id, const char *reason)
{
    struct job *job = find_job(launcher, id);
    return job != NULL && job_is_running(job) && job_stop(job, reason);
}

static void on_job_end(void *arg, struct job *job)
{
    struct launcher *launcher = arg;
    const struct launch_view *view = job_view(job);
    if (view->phase == LAUNCH_DONE && launcher->on_commit != NULL) {
        launcher->on_commit(launcher->on_commit_arg, view->carrier);
    }
}

static enum err add_job(struct launcher *launcher, struct job_options *options,
                        launch_started_fn *started, void *arg, struct job **job)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL) {
        return ERR_NOMEM;
    }
    forget_ended(launcher, options->fields.id);
    options->base = launcher->base;
    options->store = launcher->store;
    options->owner = launcher->owner;
    options->started = started;
    options->started_arg = arg;
    options->on_end = on_job_end;
    options->on_end_arg = launcher;
    enum err error = job_new(options, &entry->job);
    if (error != ERR_OK) {
        free(entry);
        return error;
    }
    entry->next = launcher->entries;
    launcher->entries = entry;
    *job = entry->job;
    return ERR_OK;
}

/* ---- answers from a later turn ---- */

static struct opening *opening_new(struct launcher *launcher, const char *id, const char *carrier,
                                   launch_started_fn *started, void *arg)
{
    struct opening *opening = calloc(1, sizeof *opening);
    if (opening == NULL) {
        return NULL;
    }
    opening->launcher = launcher;
    opening->started = started;
    opening->started_arg = arg;
    snprintf(opening->id, sizeof opening->id, "%s", id);
    snprintf(opening->carrier, sizeof opening->carrier, "%s", carrier);
    opening->next = launcher->openings;
    launcher->openings = opening;
    return opening;
}

static void tell_refusal(void *arg)
{
    struct opening *opening = arg;
    if (opening->launcher == NULL) {
        free(opening->reason);
        free(opening);
        return;
    }
    opening->started(opening->started_arg, opening->error, opening->reason, opening->id,
                     opening->carrier);
    opening_end(opening);
}

static enum err refuse(struct launcher *launcher, enum err error, const char *reason,
                       const char *id, const char *carrier, launch_started_fn *started, void *arg)
{
    struct opening *opening = opening_new(launcher, id, carrier, started, arg);
    char *copy = strdup(reason);
    if (opening == NULL || copy == NULL) {
        free(copy);
        if (opening != NULL) {
            opening_end(opening);
        }
        return ERR_NOMEM;
    }
    opening->error = error;
    opening->reason = copy;
    loop_defer(launcher->base, tell_refusal, opening);
    return ERR_OK;
}

/* An import of this id in this very process would be taken for a dead one by queue_begin. */
static bool is_running(const struct launcher *launcher, const char *id, char *reason, size_t size)
{
    struct job *job = find_job(launcher, id);
    if (job == NULL || !job_is_running(job)) {
        return false;
    }
    const struct launch_view *view = job_view(job);
    snprintf(reason, size, "%s is being imported already, %llu rows read", id,
             (unsigned long long)view->rows);
    return true;
}

/* ---- launch ---- */

enum err launcher_start(struct launcher *launcher, const struct launch_request *request,
                        launch_started_fn *started, void *arg)
{
    char sentence[256];
    struct buf problem;
    struct job *job;
    struct job_options options = {.expect_recipients = -1};
    if (launcher_running(launcher) >= LAUNCH_JOBS_MAX) {
        return ERR_BUSY;
    }
    buf_init(&problem, PROBLEM_MAX_BYTES);
    enum err error = import_open(request, launcher->settings, clock_wall_ms(), &options, &problem);
    if (error != ERR_OK) {
        error = refuse(launcher, error, problem.len > 0 ? buf_text(&problem) : err_sentence(error),
                       "", "", started, arg);
        buf_fini(&problem);
        return error;
    }
    buf_fini(&problem);
    if (is_running(launcher, options.fields.id, sentence, sizeof sentence)) {
        error = refuse(launcher, ERR_EXISTS, sentence, options.fields.id, options.fields.carrier,
                       started, arg);
        options.source->free(options.source_arg);
        return error;
    }
    error = add_job(launcher, &options, started, arg, &job);
    if (error != ERR_OK) {
        options.source->free(options.source_arg);
    }
    return error;
}

/* ---- resend ---- */

static void wake_job(void *arg)
{
    job_wake(arg);
}

static void on_resend_ready(void *arg, enum err error, const char *reason,
                            struct job_options *options)
{
    struct opening *opening = arg;
    struct launcher *launcher = opening->launcher;
    struct resend *resend = opening->resend;
    struct job *job;
    char sentence[256];
    const char *id = opening->id;
    opening->resend = NULL;
    if (error == ERR_OK) {
        id = options->fields.id;
        if (is_running(launcher, id, sentence, sizeof sentence)) {
            error = ERR_EXISTS;
            reason = sentence;
        } else {
            error = add_job(launcher, options, opening->started, opening->started_arg, &job);
            reason = err_sentence(error);
        }
        if (error == ERR_OK) {
            resend_attach(resend, wake_job, job);
            opening_end(opening);
            return;
        }
    }
    opening->started(opening->started_arg, error, reason, id, opening->carrier);
    if (options != NULL) {
        options->source->free(options->source_arg);
    }
    opening_end(opening);
}

enum err launcher_resend(struct launcher *launcher, const char *carrier, const char *parent_id,
                         bool temporary, bool rejected, const char *actor, const char *reason,
                         int64_t expect_recipients,
                         bool (*is_temporary)(void *ctx, const char *code), void *ctx,
                         launch_started_fn *started, void *arg)
{
    if (launcher_running(launcher) >= LAUNCH_JOBS_MAX) {
        return ERR_BUSY;
    }
    if (settings_carrier(launcher->settings, carrier) == NULL) {
        return refuse(launcher, ERR_NOT_FOUND, "its carrier is not configured any more", parent_id,
                      carrier, started, arg);
    }
    struct opening *opening = opening_new(launcher, parent_id, carrier, started, arg);
    if (opening == NULL) {
        return ERR_NOMEM;
    }
    struct resend_request request = {.base = launcher->base,
                                     .store = launcher->store,
                                     .settings = launcher->settings,
                                     .carrier = carrier,
                                     .parent_id = parent_id,
                                     .actor = actor,
                                     .reason = reason,
                                     .temporary = temporary,
                                     .rejected = rejected,
                                     .is_temporary = is_temporary,
                                     .ctx = ctx,
                                     .expect_recipients = expect_recipients};
    enum err error = resend_new(&request, on_resend_ready, opening, &opening->resend);
    if (error != ERR_OK) {
        opening->resend = NULL;
        opening_end(opening);
        return error == ERR_NOMEM
                   ? error
                   : refuse(launcher, error, err_sentence(error), parent_id, carrier, started, arg);
    }
    return ERR_OK;
}

static void on_count_end(void *arg, struct counting *counting)
{
    struct launcher *launcher = arg;
    for (size_t i = 0; i < LAUNCH_COUNTS_MAX; i++) {
        if (launcher->counts[i] == counting) {
            launcher->counts[i] = NULL;
        }
    }
}

enum err launcher_count_resend(struct launcher *launcher, const char *carrier,
                               const char *parent_id, bool temporary, bool rejected,
                               bool (*is_temporary)(void *ctx, const char *code), void *ctx,
                               launch_counted_fn *done, void *arg)
{
    size_t i = 0;
    while (i < LAUNCH_COUNTS_MAX && launcher->counts[i] != NULL) {
        i++;
    }
    if (i == LAUNCH_COUNTS_MAX) {
        return ERR_BUSY;
    }
    if (settings_carrier(launcher->settings, carrier) == NULL) {
        return ERR_NOT_FOUND;
    }
    struct resend_request request = {.base = launcher->base,
                                     .store = launcher->store,
                                     .settings = launcher->settings,
                                     .carrier = carrier,
                                     .parent_id = parent_id,
                                     .actor = "",
                                     .reason = "",
                                     .temporary = temporary,
                                     .rejected = rejected,
                                     .is_temporary = is_temporary,
                                     .ctx = ctx,
                                     .expect_recipients = -1};
    return counting_new(&request, done, arg, on_count_end, launcher, &launcher->counts[i]);
}
