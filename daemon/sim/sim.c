/* A submit goes: read and judge (submit.h) ─► which faults meet it ─► if it is taken: oracle, then
 * reports ─► the answer, at once or later, whole or spoilt. The recipients stand in the oracle
 * before the first byte of an answer leaves, so whatever the client sees or does not see, the
 * oracle knows what became of its request. */
#include "sim/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "sim/control.h"
#include "sim/mix.h"
#include "sim/submit.h"

#define GROUP_SIZE 23 /* 22 digits */
#define GROUP_COUNTER_END 1000000000u
#define JSON_TYPE "application/json;charset=UTF-8"
#define REPLY_SIZE 256

/* How one request is answered. */
struct answer {
    struct wire_conn *conn;
    enum fault_kind how; /* FAULT_KINDS: as it should be */
    int64_t number, ms;
    int status;
    const char *type, *header;
    char *owned; /* the body, or NULL: */
    char small[REPLY_SIZE];
    size_t len;
};

/* An answer that waits for a time, and perhaps for reports. */
struct deferred {
    struct deferred *next, **link;
    struct answer answer;
    struct loop_timer *timer;
    bool given, awaits_reports;
};

/* ---- answering */

static void answer_give(struct answer *answer)
{
    struct wire_answer whole = {answer->status, answer->type, answer->header,
                                answer->owned ? answer->owned : answer->small, answer->len};
    switch (answer->how) {
    case FAULT_CLOSE:
    case FAULT_KEEPALIVE_CLOSE:
        wire_answer_close(answer->conn, false);
        break;
    case FAULT_RESET:
        wire_answer_close(answer->conn, true);
        break;
    case FAULT_HANG:
        wire_answer_never(answer->conn);
        break;
    case FAULT_TRUNCATE:
        wire_answer_cut(answer->conn, &whole,
                        answer->number >= 0 ? (size_t)answer->number : answer->len / 2);
        break;
    case FAULT_DRIP:
        wire_answer_drip(answer->conn, &whole, answer->ms);
        break;
    default:
        wire_answer(answer->conn, &whole);
    }
    free(answer->owned);
    answer->owned = NULL;
}

static void deferred_free(struct deferred *deferred)
{
    *deferred->link = deferred->next;
    if (deferred->next) {
        deferred->next->link = deferred->link;
    }
    loop_timer_free(deferred->timer);
    free(deferred->answer.owned);
    free(deferred);
}

static void deferred_give(struct deferred *deferred)
{
    if (!deferred->given) {
        deferred->given = true;
        loop_timer_stop(deferred->timer);
        answer_give(&deferred->answer);
    }
    if (!deferred->awaits_reports) {
        deferred_free(deferred);
    }
}

static void on_deferred_time(void *arg)
{
    deferred_give(arg);
}

static void on_deferred_reports(void *arg)
{
    struct deferred *deferred = arg;
    deferred->awaits_reports = false;
    deferred_give(deferred);
}

static struct deferred *deferred_new(struct sim *sim)
{
    struct deferred *deferred = calloc(1, sizeof *deferred);
    if (!deferred) {
        abort(); /* out of memory in a test tool: nothing better to do */
    }
    deferred->timer = loop_timer_new(sim->base, on_deferred_time, deferred);
    deferred->next = sim->deferred;
    deferred->link = &sim->deferred;
    if (sim->deferred) {
        sim->deferred->link = &deferred->next;
    }
    sim->deferred = deferred;
    return deferred;
}

/* ---- what the answer says */

static void count_word(struct sim *sim, const char *word)
{
    for (size_t i = 0; i < sim->n_words; i++) {
        if (strcmp(sim->words[i].word, word) == 0) {
            sim->words[i].count++;
            return;
        }
    }
    if (sim->n_words < WORDS_MAX) {
        snprintf(sim->words[sim->n_words].word, sizeof sim->words[0].word, "%s", word);
        sim->words[sim->n_words++].count = 1;
    }
}

/* 22 digits like the platform's: month, day, hour, minute, second, and a running number of twelve.
 */
static void next_group(struct sim *sim, char group[GROUP_SIZE])
{
    const char *date = stamp_at(&sim->date, clock_wall_ms());
    snprintf(group, GROUP_SIZE, "%s001%09u", date + 4, (unsigned)(sim->group % GROUP_COUNTER_END));
    sim->group++;
}

/* The platform's JSON, in the style that the faults ask for. */
static void say(const struct fault_plan *plan, const char *word, bool success, const char *group,
                struct answer *answer)
{
    bool flag = success && !(fault_met(plan, FAULT_SUCCESS_FALSE));
    const char *quote = fault_met(plan, FAULT_SUCCESS_STRING) ? "\"" : "";
    int len = snprintf(
        answer->small, sizeof answer->small, "{\"%s\":\"%s\",\"rspcod\":\"%s\",\"success\":%s%s%s}",
        fault_met(plan, FAULT_MGSGROUP) ? "mgsGroup" : "msgGroup",
        fault_met(plan, FAULT_NO_GROUP) ? "" : group, word, quote, flag ? "true" : "false", quote);
    assert(len > 0 && (size_t)len < sizeof answer->small);
    answer->len = (size_t)len;
}

static void say_text(struct answer *answer, const char *text)
{
    answer->owned = strdup(text);
    answer->len = strlen(text);
    if (!answer->owned) {
        abort();
    }
}

static void say_huge(struct answer *answer, size_t bytes)
{
    answer->len = bytes;
    answer->owned = malloc(bytes + 1);
    if (!answer->owned) {
        abort();
    }
    memset(answer->owned, ' ', bytes);
    static const char start[] = "{\"rspcod\":\"success\",\"success\":true,\"x\":\"";
    memcpy(answer->owned, start, bytes < sizeof start - 1 ? bytes : sizeof start - 1);
}

/* Puts what the deciding fault wants in place of the platform's answer. */
static void spoil(const struct fault *fault, struct answer *answer)
{
    answer->how = fault->kind;
    answer->number = fault->number;
    answer->ms = fault->ms;
    if (fault->kind == FAULT_STATUS) {
        answer->status = (int)fault->status;
        answer->type = "text/html";
        answer->header = fault->status == 429 || fault->status == 503 ? "Retry-After: 1" : NULL;
        say_text(answer, "<html><body><h1>Error</h1></body></html>");
    } else if (fault->kind == FAULT_HUGE) {
        say_huge(answer, (size_t)fault->number);
    } else if (fault->kind == FAULT_BADJSON) {
        say_text(answer, "{\"rspcod\":\"success\",\"success\":tru");
    } else if (fault->kind == FAULT_BODY) {
        answer->status = (int)fault->status;
        say_text(answer, fault->text ? fault->text : "");
    }
}

/* ---- one submit */

/* The recipients are taken: oracle first, then what is owed to them. gives: the word to answer */
static const char *take(struct sim *sim, const struct submit_verdict *verdict, const char *group,
                        struct deferred *deferred)
{
    if (oracle_accept(sim->oracle, sim->requests, group, verdict->mobiles, verdict->n) != ERR_OK) {
        log_line(LOG_ERROR, "sim", "event=oracle_failed");
        return "InternalError";
    }
    sim->submits++;
    if (deferred) {
        deferred->awaits_reports = true;
    }
    if (reports_owe(sim->reports, group, verdict, &sim->plan, deferred ? on_deferred_reports : NULL,
                    deferred) != ERR_OK) {
        log_line(LOG_ERROR, "sim", "event=out_of_memory lost=reports");
        if (deferred) {
            deferred->awaits_reports = false;
        }
    }
    return "success";
}

/* Judges the request under the faults it meets. `answer` gets what is to be said, `deferred` may be
 * NULL. */
static void settle(struct sim *sim, const struct submit_verdict *verdict, struct answer *answer,
                   struct deferred *deferred)
{
    const struct fault *fault =
        sim->plan.answer != FAULT_KINDS ? &sim->plan.of[sim->plan.answer] : NULL;
    const char *word = verdict->word;
    bool success = strcmp(word, "success") == 0;
    char group[GROUP_SIZE] = "";
    if (success && fault && fault->kind == FAULT_INVALID_MOBILE) {
        word = "InvalidMobile";
        success = false;
    } else if (success && (!fault || fault->accept)) {
        next_group(sim, group);
        word = take(sim, verdict, group, deferred);
        success = strcmp(word, "success") == 0;
    }
    if (fault && fault->kind == FAULT_RSPCOD) {
        word = fault->word;
        success = fault->success;
    }
    count_word(sim, word);
    say(&sim->plan, word, success, success ? group : "", answer);
    if (fault) {
        spoil(fault, answer);
    }
}

static int64_t wait_of(const struct sim *sim)
{
    const struct options *options = sim->options;
    int64_t wait_ms = options->latency_ms;
    wait_ms += (int64_t)((double)options->latency_jitter_ms *
                         mix_share(options->reports.seed, sim->requests, 2000));
    if (fault_met(&sim->plan, FAULT_LATENCY)) {
        wait_ms += sim->plan.of[FAULT_LATENCY].ms;
    }
    return wait_ms;
}

static void on_submit(struct sim *sim, struct wire_request *request)
{
    struct submit_verdict verdict;
    sim->requests++;
    if (submit_read(sim->submit, request->body, request->len, &verdict) != ERR_OK) {
        verdict = (struct submit_verdict){.word = "InternalError"};
    }
    faults_meet(&sim->faults, sim->requests, request->served > 0, verdict.mobiles, verdict.n,
                &sim->plan);
    int64_t wait_ms = wait_of(sim);
    bool reports_first = fault_met(&sim->plan, FAULT_REPORT_FIRST);
    struct answer now, *answer = &now;
    struct deferred *deferred = NULL;
    if (wait_ms > 0 || reports_first) {
        deferred = deferred_new(sim);
        answer = &deferred->answer;
    }
    answer->conn = request->conn;
    answer->how = FAULT_KINDS;
    answer->status = 200;
    answer->type = JSON_TYPE;
    answer->header = NULL;
    answer->owned = NULL;
    settle(sim, &verdict, answer, reports_first ? deferred : NULL);
    if (deferred) {
        bool waits = deferred->awaits_reports;
        loop_timer_arm(deferred->timer,
                       wait_ms + (waits ? sim->plan.of[FAULT_REPORT_FIRST].ms : 0));
    } else {
        answer_give(answer);
    }
}

static void on_request(void *arg, struct wire_request *request)
{
    struct sim *sim = arg;
    static const struct wire_answer not_found = {404, "text/plain", NULL, "", 0};
    static const struct wire_answer not_allowed = {405, "text/plain", NULL, "", 0};
    if (strncmp(request->path, "/control", 8) == 0) {
        control_handle(sim, request);
    } else if (strcmp(request->path, "/sms/norsubmit") != 0 &&
               strcmp(request->path, "/sms/submit") != 0) {
        wire_answer(request->conn, &not_found);
    } else if (strcmp(request->method, "POST") != 0) {
        wire_answer(request->conn, &not_allowed);
    } else {
        on_submit(sim, request);
    }
}

/* ---- faults that are not of a request */

static void on_refused_long_enough(void *arg)
{
    if (sim_fault_off(arg, FAULT_REFUSE) != ERR_OK) {
        log_line(LOG_ERROR, "sim", "event=listen_failed");
    }
}

enum err sim_fault(struct sim *sim, const struct fault *fault)
{
    enum err error = faults_add(&sim->faults, fault);
    if (error == ERR_OK && fault->kind == FAULT_REFUSE) {
        error = wire_refuse(sim->wire, true);
        if (fault->ms > 0) {
            loop_timer_arm(sim->refuse_timer, fault->ms);
        }
    }
    return error;
}

enum err sim_fault_off(struct sim *sim, enum fault_kind kind)
{
    if (kind == FAULT_KINDS) {
        faults_clear(&sim->faults);
    } else {
        faults_remove(&sim->faults, kind);
    }
    if (kind == FAULT_KINDS || kind == FAULT_REFUSE) {
        loop_timer_stop(sim->refuse_timer);
        return wire_refuse(sim->wire, false);
    }
    return ERR_OK;
}

/* ---- life */

static enum err start_parts(struct sim *sim, struct buf *problem)
{
    const struct options *options = sim->options;
    enum err error = oracle_new(options->oracle, &sim->oracle);
    if (error != ERR_OK) {
        buf_addf(problem, "--oracle: %s", err_sentence(error));
        return error;
    }
    error = reports_new(sim->base, &options->reports, &sim->reports);
    if (error != ERR_OK) {
        buf_addf(problem, "--report-url, --uplink-url, --report-log or --pledge-log: %s",
                 err_sentence(error));
        return error;
    }
    error = submit_new(&options->account, &sim->submit);
    return error == ERR_OK ? wire_new(sim->base, on_request, sim, &sim->wire) : error;
}

static enum err start_listening(struct sim *sim, struct buf *problem)
{
    const struct options *options = sim->options;
    enum err error = wire_listen(sim->wire, options->listen, true, &sim->port);
    if (error == ERR_OK && options->control) {
        error = wire_listen(sim->wire, options->control, false, &sim->control_port);
    }
    if (error != ERR_OK) {
        buf_addf(problem, "cannot listen: %s", err_sentence(error));
    }
    return error;
}

enum err sim_start(struct event_base *base, struct options *options, struct sim **out,
                   struct buf *problem)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim) {
        return ERR_NOMEM;
    }
    sim->base = base;
    sim->options = options;
    faults_init(&sim->faults, options->reports.seed);
    sim->refuse_timer = loop_timer_new(base, on_refused_long_enough, sim);
    /* Somewhere else after each start, so that the batch ids of two runs in one second differ. */
    sim->group = digest_mix64((uint64_t)clock_wall_ms() ^ (uint64_t)getpid() << 48) %
                 (GROUP_COUNTER_END / 2);
    enum err error = start_parts(sim, problem);
    if (error == ERR_OK) {
        error = start_listening(sim, problem);
    }
    for (size_t i = 0; error == ERR_OK && i < options->n_faults; i++) {
        error = sim_fault(sim, &options->faults[i]);
    }
    if (error != ERR_OK) {
        sim_stop(sim);
        return error;
    }
    options->n_faults = 0; /* they moved */
    *out = sim;
    return ERR_OK;
}

void sim_stop(struct sim *sim)
{
    if (!sim) {
        return;
    }
    for (struct deferred *deferred = sim->deferred, *next; deferred; deferred = next) {
        next = deferred->next;
        deferred_free(deferred);
    }
    wire_free(sim->wire);
    reports_free(sim->reports);
    oracle_free(sim->oracle);
    submit_free(sim->submit);
    faults_clear(&sim->faults);
    loop_timer_free(sim->refuse_timer);
    free(sim);
}
