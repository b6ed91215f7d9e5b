/* Two feeds, one for reports and one for uplinks: a heap by due time of *batches* (all recipients
 * of one request, from which records are cut as connections become free) and of *jobs* (one POST's
 * body, waiting to be pushed for the first time or again).
 *
 * A batch goes in rounds, one after the other: say all intermediate reports, then all final ones. A
 * round begins when the one before is wholly acknowledged, so that "out of order" and "twice" are
 * what they say however many connections there are. */
#include "sim/reports.h"

#include <assert.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "sim/mix.h"
#include "sim/oracle.h"
#include "sim/push.h"
#include "sim/seen.h"
#include "sim/stamp.h"
#include "sim/villager.h"

#define RETRY_FIRST_MS 200
#define RETRY_LONGEST_MS 5000
#define PAUSE_AFTER_BREAK_MS                                                                       \
    100 /* nobody listens: do not spend the attempts of many records at once */
#define BODY_MAX ((size_t)4 * 1024 * 1024)
#define STEPS_MAX 6
#define LOG_LINE_MAX 1024
#define CODE_SIZE 64

enum step {
    STEP_UNKNOWN_GROUP,
    STEP_UNKNOWN_MOBILE,
    STEP_INTERMEDIATE,
    STEP_FINAL,
    STEP_CONTRADICT
};

struct batch {
    LIST_ENTRY(batch) all;
    char group[64], submitted[STAMP_SIZE];
    char code[64]; /* instead of the mix; "" for the mix */
    enum step steps[STEPS_MAX];
    size_t n_steps, times, round; /* each step `times` rounds */
    size_t inflight;              /* jobs of this round */
    size_t at, n;                 /* recipients of this round already cut */
    void (*on_all)(void *arg);
    void *arg;
    uint64_t mobiles[];
};

struct job {
    LIST_ENTRY(job) all;
    struct batch *batch; /* NULL: injected, or an uplink */
    size_t records;
    unsigned attempts;
    size_t len;
    char *log; /* for the feed's log, or NULL */
    char body[];
};

struct item {
    int64_t due_ms;
    uint64_t order;
    struct batch *batch; /* exactly one of the two */
    struct job *job;
};

struct feed {
    struct reports *reports;
    struct push *push; /* NULL: no URL */
    struct item *heap;
    size_t n, cap;
    int64_t paused_until_ms;
    struct loop_timer *timer;
    struct reports_counts counts;
    int log_fd; /* what was acknowledged; -1: no log */
};

struct reports {
    struct event_base *base;
    struct reports_options options;
    struct feed report, uplink;
    LIST_HEAD(, batch) batches; /* whatever is still owed at the end is freed through these lists */
    LIST_HEAD(, job) jobs;
    uint64_t order;
    struct seen *pledged; /* who pledged in this run; NULL: nobody does */
    struct stamp date;
};

/* ---- the heap */

static bool sooner(const struct item *a, const struct item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static enum err heap_add(struct feed *feed, int64_t due_ms, struct batch *batch, struct job *job)
{
    if (feed->n == feed->cap) {
        size_t cap = feed->cap ? feed->cap * 2 : 256;
        struct item *heap = realloc(feed->heap, cap * sizeof *heap);
        if (!heap) {
            return ERR_NOMEM;
        }
        feed->heap = heap;
        feed->cap = cap;
    }
    struct item item = {due_ms, feed->reports->order++, batch, job};
    size_t at = feed->n++;
    while (at > 0 && sooner(&item, &feed->heap[(at - 1) / 2])) {
        feed->heap[at] = feed->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    feed->heap[at] = item;
    return ERR_OK;
}

static void heap_pop(struct feed *feed)
{
    struct item last = feed->heap[--feed->n];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= feed->n) {
            break;
        }
        if (child + 1 < feed->n && sooner(&feed->heap[child + 1], &feed->heap[child])) {
            child++;
        }
        if (!sooner(&feed->heap[child], &last)) {
            break;
        }
        feed->heap[at] = feed->heap[child];
        at = child;
    }
    feed->heap[at] = last;
}

/* ---- records */

static struct mix_fate fate_of(const struct reports *reports, const struct batch *batch,
                               uint64_t mobile)
{
    return batch->code[0] ? mix_fate_from_code(batch->code)
                          : mix_fate_of(reports->options.seed, mobile);
}

static struct mix_fate fate_at(const struct reports *reports, const struct batch *batch,
                               enum step step, uint64_t mobile)
{
    struct mix_fate fate = fate_of(reports, batch, mobile);
    if (step == STEP_INTERMEDIATE) {
        return (struct mix_fate){"CM:3000", ""};
    }
    if (step == STEP_CONTRADICT) {
        return mix_fate_from_code(strcmp(fate.error_code, "DELIVRD") == 0 ? "UNDELIV" : "DELIVRD");
    }
    return fate;
}

static void add_report(struct reports *reports, const struct batch *batch, enum step step,
                       uint64_t mobile, struct buf *body, struct buf *log)
{
    struct mix_fate fate = fate_at(reports, batch, step, mobile);
    char digits[ORACLE_MOBILE_DIGITS + 1] = "", group[sizeof batch->group];
    memcpy(group, batch->group, sizeof group);
    if (step == STEP_UNKNOWN_GROUP) {
        group[0] = group[1] = '9'; /* there is no month 99 */
    }
    if (step == STEP_UNKNOWN_MOBILE) {
        mobile = 16400000000 + mobile % 100000000; /* 164 is not allocated either */
    }
    oracle_format_mobile(mobile, digits);
    buf_addf(
        body,
        "{\"reportStatus\":\"%s\",\"mobile\":\"%s\",\"submitDate\":\"%s\",\"receiveDate\":\"%s\","
        "\"errorCode\":\"%s\",\"msgGroup\":\"%s\"}",
        fate.report_status, digits, batch->submitted, stamp_at(&reports->date, clock_wall_ms()),
        fate.error_code, group);
    if (reports->report.log_fd >= 0) {
        buf_addf(log, "%s %s %s %s\n", group, digits, fate.report_status,
                 fate.error_code[0] ? fate.error_code : "-");
    }
}

static struct job *job_new(struct reports *reports, const struct buf *body, const struct buf *log,
                           size_t records, struct batch *batch)
{
    struct job *job = malloc(sizeof *job + body->len);
    if (!job) {
        return NULL;
    }
    *job = (struct job){.batch = batch, .records = records, .len = body->len};
    memcpy(job->body, body->data, body->len);
    if (log && log->len > 0) {
        job->log = strdup(log->data);
    }
    LIST_INSERT_HEAD(&reports->jobs, job, all);
    return job;
}

static void job_free(struct job *job)
{
    LIST_REMOVE(job, all);
    free(job->log);
    free(job);
}

static void batch_free(struct batch *batch)
{
    LIST_REMOVE(batch, all);
    free(batch);
}

/* Cuts the next job off the batch. gives: NULL when memory is out */
static struct job *cut_job(struct reports *reports, struct batch *batch)
{
    struct buf body, log;
    buf_init(&body, BODY_MAX);
    buf_init(&log, BODY_MAX);
    bool array = reports->options.batch > 1;
    enum step step = batch->steps[batch->round / batch->times];
    size_t records = 0;
    if (array) {
        buf_add_char(&body, '[');
    }
    while (batch->at < batch->n && records < reports->options.batch) {
        if (records > 0) {
            buf_add_char(&body, ',');
        }
        add_report(reports, batch, step, batch->mobiles[batch->at], &body, &log);
        batch->at++;
        records++;
    }
    if (array) {
        buf_add_char(&body, ']');
    }
    struct job *job = buf_check(&body) == ERR_OK && buf_check(&log) == ERR_OK
                          ? job_new(reports, &body, &log, records, batch)
                          : NULL;
    buf_fini(&body);
    buf_fini(&log);
    return job;
}

/* ---- pushing */

static void pump(struct feed *feed);

static void on_time(void *arg)
{
    pump(arg);
}

/* The round is through: begin the next, or end the batch. */
static void next_round(struct feed *feed, struct batch *batch)
{
    batch->at = 0;
    batch->round++;
    if (batch->round < batch->n_steps * batch->times) {
        if (heap_add(feed, clock_mono_ms(), batch, NULL) == ERR_OK) {
            return;
        }
        log_line(LOG_ERROR, "sim", "event=out_of_memory lost=reports");
    }
    if (batch->on_all) {
        batch->on_all(batch->arg);
    }
    batch_free(batch);
}

static void job_end(struct feed *feed, struct job *job)
{
    struct batch *batch = job->batch;
    job_free(job);
    if (batch && --batch->inflight == 0 && batch->at == batch->n) {
        next_round(feed, batch);
    }
}

static void try_again(struct feed *feed, struct job *job)
{
    unsigned doublings = job->attempts < 6 ? job->attempts : 6;
    int64_t wait_ms = (int64_t)RETRY_FIRST_MS << doublings;
    wait_ms = wait_ms < RETRY_LONGEST_MS ? wait_ms : RETRY_LONGEST_MS;
    job->attempts++;
    if (job->attempts >= feed->reports->options.attempts ||
        heap_add(feed, clock_mono_ms() + wait_ms, NULL, job) != ERR_OK) {
        feed->counts.failed += job->records;
        feed->counts.outstanding -= job->records;
        job_end(feed, job);
    }
}

static void on_pushed(void *arg, void *job_arg, enum push_end end)
{
    struct feed *feed = arg;
    struct job *job = job_arg;
    if (end == PUSH_ACKNOWLEDGED) {
        feed->counts.acknowledged += job->records;
        feed->counts.outstanding -= job->records;
        if (job->log && write(feed->log_fd, job->log, strlen(job->log)) < 0) {
            log_line(LOG_ERROR, "sim", "event=log_failed");
        }
        job_end(feed, job);
    } else {
        feed->counts.refused += end == PUSH_REFUSED;
        feed->counts.broken += end == PUSH_BROKEN;
        if (end == PUSH_BROKEN) {
            feed->paused_until_ms = clock_mono_ms() + PAUSE_AFTER_BREAK_MS;
        }
        try_again(feed, job);
    }
    pump(feed);
}

/* The job that is due first, taken out of the heap; NULL when memory is out. */
static struct job *take_job(struct feed *feed)
{
    struct item *top = &feed->heap[0];
    struct batch *batch = top->batch;
    if (!batch) {
        struct job *job = top->job;
        heap_pop(feed);
        return job;
    }
    struct job *job = cut_job(feed->reports, batch);
    if (job) {
        batch->inflight++;
        if (batch->at == batch->n) {
            heap_pop(feed);
        }
    }
    return job;
}

static void pump(struct feed *feed)
{
    int64_t now_ms = clock_mono_ms();
    while (feed->n > 0 && push_ready(feed->push)) {
        int64_t due_ms = feed->heap[0].due_ms;
        due_ms = due_ms > feed->paused_until_ms ? due_ms : feed->paused_until_ms;
        if (due_ms > now_ms) {
            loop_timer_arm(feed->timer, due_ms - now_ms);
            return;
        }
        struct job *job = take_job(feed);
        if (!job) {
            loop_timer_arm(feed->timer, 1000);
            return;
        }
        feed->counts.pushed += job->records;
        push_post(feed->push, job->body, job->len, job);
    }
}

/* ---- owing */

static void plan_steps(struct batch *batch, const struct fault_plan *plan)
{
    static const struct {
        enum fault_kind kind;
        enum step step;
    } before[] = {{FAULT_REPORT_UNKNOWN_GROUP, STEP_UNKNOWN_GROUP},
                  {FAULT_REPORT_UNKNOWN_MOBILE, STEP_UNKNOWN_MOBILE},
                  {FAULT_REPORT_INTERMEDIATE, STEP_INTERMEDIATE}};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        if (fault_met(plan, before[i].kind)) {
            batch->steps[batch->n_steps++] = before[i].step;
        }
    }
    batch->steps[batch->n_steps++] = STEP_FINAL;
    if (fault_met(plan, FAULT_REPORT_STALE)) {
        batch->steps[batch->n_steps++] = STEP_INTERMEDIATE;
    }
    if (fault_met(plan, FAULT_REPORT_CONTRADICT)) {
        batch->steps[batch->n_steps++] = STEP_CONTRADICT;
    }
    assert(batch->n_steps <= STEPS_MAX);
    batch->times =
        fault_met(plan, FAULT_REPORT_REPEAT) ? (size_t)plan->of[FAULT_REPORT_REPEAT].number : 1;
    if (fault_met(plan, FAULT_REPORT_CODE)) {
        memcpy(batch->code, plan->of[FAULT_REPORT_CODE].word, sizeof batch->code);
    }
}

static void shuffle(struct batch *batch, uint64_t seed)
{
    for (size_t i = batch->n; i > 1; i--) {
        size_t j = digest_mix64(seed + i) % i;
        uint64_t other = batch->mobiles[j];
        batch->mobiles[j] = batch->mobiles[i - 1];
        batch->mobiles[i - 1] = other;
    }
}

static struct batch *batch_new(struct reports *reports, const char *group,
                               const struct submit_verdict *message, const struct fault_plan *plan)
{
    const uint64_t *mobiles = message->mobiles;
    size_t n = message->n;
    struct batch *batch = calloc(1, sizeof *batch + n * sizeof *mobiles);
    if (!batch) {
        return NULL;
    }
    snprintf(batch->group, sizeof batch->group, "%s", group);
    memcpy(batch->submitted, stamp_at(&reports->date, clock_wall_ms()), STAMP_SIZE);
    memcpy(batch->mobiles, mobiles, n * sizeof *mobiles);
    batch->n = n;
    plan_steps(batch, plan);
    if (fault_met(plan, FAULT_REPORT_SHUFFLE)) {
        shuffle(batch, reports->options.seed);
    }
    LIST_INSERT_HEAD(&reports->batches, batch, all);
    return batch;
}

static enum err owe_job(struct feed *feed, int64_t delay_ms, const struct buf *body,
                        const struct buf *log)
{
    struct job *job = buf_check(body) == ERR_OK && (!log || buf_check(log) == ERR_OK)
                          ? job_new(feed->reports, body, log, 1, NULL)
                          : NULL;
    if (!job || heap_add(feed, clock_mono_ms() + delay_ms, NULL, job) != ERR_OK) {
        if (job) {
            job_free(job);
        }
        return ERR_NOMEM;
    }
    feed->counts.outstanding++;
    /* Not from here: the caller may be in the middle of a request. */
    loop_timer_arm(feed->timer, 0);
    return ERR_OK;
}

/* `code`: the service code that the villager writes to. `log` may be NULL. */
static enum err owe_uplink(struct reports *reports, uint64_t mobile, const char *text,
                           const char *code, const struct buf *log, int64_t delay_ms)
{
    char digits[ORACLE_MOBILE_DIGITS + 1] = "", sent[CLOCK_TEXT_SIZE];
    oracle_format_mobile(mobile, digits);
    clock_format(clock_wall_ms() + delay_ms, STAMP_UTC_OFFSET_MIN, sent);
    json_t *record = json_pack("{s:s, s:s, s:s, s:s}", "mobile", digits, "smsContent", text,
                               "sendTime", sent, "addSerial", code);
    char *json = record ? json_dumps(record, JSON_COMPACT) : NULL;
    json_decref(record);
    if (!json) {
        return ERR_INVALID; /* not UTF-8 */
    }
    struct buf body;
    buf_init(&body, BODY_MAX);
    buf_add_text(&body, json);
    free(json);
    enum err error = owe_job(&reports->uplink, delay_ms, &body, log);
    buf_fini(&body);
    return error;
}

/* What the owner of this number answers to this text. false: nothing, or memory is out. */
static bool reply_of(struct reports *reports, uint64_t mobile, struct flat_text text,
                     struct villager_reply *reply)
{
    const struct reports_options *options = &reports->options;
    if (villager_pledges(options->seed, mobile, options->pledge_rate)) {
        bool first = false;
        if (villager_is_asked(text.bytes, text.len)) {
            return villager_confirm(options->seed, mobile, text.bytes, text.len, reply);
        }
        villager_pledge(options->seed, mobile, reply);
        return seen_add(reports->pledged, mobile, &first) == ERR_OK && first;
    }
    const char *other = mix_reply_of(options->seed, mobile, options->uplink_rate);
    if (other) {
        villager_say(other, reply);
    }
    return other != NULL;
}

static enum err owe_reply(struct reports *reports, uint64_t mobile,
                          const struct villager_reply *reply, const char *code, int64_t delay_ms)
{
    struct buf log;
    buf_init(&log, LOG_LINE_MAX);
    if (reports->uplink.log_fd >= 0) {
        villager_log(mobile, reply, &log);
    }
    enum err error = owe_uplink(reports, mobile, reply->text, code, &log, delay_ms);
    buf_fini(&log);
    return error;
}

static enum err owe_replies(struct reports *reports, const struct batch *batch,
                            const struct submit_verdict *message, int64_t delay_ms)
{
    enum err error = ERR_OK;
    char code[CODE_SIZE]; /* villagers answer to the code they see: with the extension digits */
    snprintf(code, sizeof code, "%s%.*s", reports->options.service_code,
             (int)message->add_serial.len, message->add_serial.bytes);
    for (size_t i = 0; i < message->n && error == ERR_OK; i++) {
        uint64_t mobile = message->mobiles[i];
        struct flat_text text = message->texts[message->n_texts == 1 ? 0 : i];
        struct villager_reply reply;
        if (strcmp(fate_of(reports, batch, mobile).error_code, "DELIVRD") == 0 &&
            reply_of(reports, mobile, text, &reply)) {
            error = owe_reply(reports, mobile, &reply, code,
                              delay_ms + reports->options.uplink_delay_ms);
        }
    }
    return error;
}

enum err reports_owe(struct reports *reports, const char *group,
                     const struct submit_verdict *message, const struct fault_plan *plan,
                     void (*on_all)(void *arg), void *arg)
{
    const struct reports_options *options = &reports->options;
    bool reported = reports->report.push && options->reports && !fault_met(plan, FAULT_REPORT_LOST);
    bool replied = reports->uplink.push && (options->uplink_rate > 0 || options->pledge_rate > 0);
    if (on_all && !reported) {
        loop_defer(reports->base, on_all, arg);
        on_all = NULL;
    }
    if (!reported && !replied) {
        return ERR_OK;
    }
    struct batch *batch = batch_new(reports, group, message, plan);
    if (!batch) {
        return ERR_NOMEM;
    }
    int64_t delay_ms = fault_met(plan, FAULT_REPORT_FIRST) ? 0 : options->delay_ms;
    delay_ms +=
        (int64_t)((double)options->jitter_ms * mix_share(options->seed, reports->order, 1000));
    delay_ms += fault_met(plan, FAULT_REPORT_LATE) ? plan->of[FAULT_REPORT_LATE].ms : 0;
    enum err error = replied ? owe_replies(reports, batch, message, delay_ms) : ERR_OK;
    batch->on_all = on_all;
    batch->arg = arg;
    if (error == ERR_OK && reported) {
        error = heap_add(&reports->report, clock_mono_ms() + delay_ms, batch, NULL);
    }
    if (error != ERR_OK || !reported) {
        batch_free(batch);
        return error;
    }
    reports->report.counts.outstanding += message->n * batch->n_steps * batch->times;
    loop_timer_arm(reports->report.timer, 0); /* pump() finds out when it is due */
    return ERR_OK;
}

enum err reports_uplink(struct reports *reports, uint64_t mobile, const char *text)
{
    return reports->uplink.push
               ? owe_uplink(reports, mobile, text, reports->options.service_code, NULL, 0)
               : ERR_REFUSED;
}

enum err reports_raw(struct reports *reports, const char *bytes, size_t len)
{
    if (!reports->report.push) {
        return ERR_REFUSED;
    }
    struct buf body;
    buf_init(&body, BODY_MAX);
    buf_add(&body, bytes, len);
    enum err error = owe_job(&reports->report, 0, &body, NULL);
    buf_fini(&body);
    return error;
}

/* ---- life */

static enum err open_log(const char *path, int *fd)
{
    *fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640) : -1;
    return path && *fd < 0 ? ERR_IO : ERR_OK;
}

static enum err feed_open(struct reports *reports, struct feed *feed, const char *url,
                          size_t connections)
{
    feed->reports = reports;
    feed->timer = loop_timer_new(reports->base, on_time, feed);
    if (!feed->timer) {
        return ERR_NOMEM;
    }
    return url ? push_new(reports->base, url, connections, reports->options.timeout_ms, on_pushed,
                          feed, &feed->push)
               : ERR_OK;
}

static void feed_close(struct feed *feed)
{
    push_free(feed->push);
    free(feed->heap);
    loop_timer_free(feed->timer);
    if (feed->log_fd >= 0) {
        close(feed->log_fd);
    }
}

enum err reports_new(struct event_base *base, const struct reports_options *options,
                     struct reports **out)
{
    struct reports *reports = calloc(1, sizeof *reports);
    if (!reports) {
        return ERR_NOMEM;
    }
    reports->base = base;
    reports->options = *options;
    reports->report.log_fd = reports->uplink.log_fd = -1;
    enum err error =
        feed_open(reports, &reports->report, options->report_url, options->connections);
    if (error == ERR_OK) {
        error = feed_open(reports, &reports->uplink, options->uplink_url, 1);
    }
    if (error == ERR_OK) {
        error = open_log(options->report_log, &reports->report.log_fd);
    }
    if (error == ERR_OK) {
        error = open_log(options->pledge_log, &reports->uplink.log_fd);
    }
    if (error == ERR_OK && options->pledge_rate > 0) {
        error = seen_new(&reports->pledged);
    }
    if (error != ERR_OK) {
        reports_free(reports);
        return error;
    }
    *out = reports;
    return ERR_OK;
}

void reports_free(struct reports *reports)
{
    if (!reports) {
        return;
    }
    feed_close(&reports->report);
    feed_close(&reports->uplink);
    for (struct job *job = LIST_FIRST(&reports->jobs), *next; job; job = next) {
        next = LIST_NEXT(job, all);
        free(job->log);
        free(job);
    }
    for (struct batch *batch = LIST_FIRST(&reports->batches), *next; batch; batch = next) {
        next = LIST_NEXT(batch, all);
        free(batch);
    }
    seen_free(reports->pledged);
    free(reports);
}

struct reports_counts reports_report_counts(const struct reports *reports)
{
    return reports->report.counts;
}

struct reports_counts reports_uplink_counts(const struct reports *reports)
{
    return reports->uplink.counts;
}
