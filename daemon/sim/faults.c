#include "sim/faults.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mix.h"

/* A fault's name, what it has when nothing else is said, and its line in --help. */
static const struct kind_row {
    const char *name;
    struct fault usual;
    const char *help;
} kind_rows[FAULT_KINDS] = {
    [FAULT_RSPCOD] =
        {"rspcod",
         {.word = "SystemBusy"},
         "rspcod:WORD            refuse with this word; success=true sets the flag all the same"},
    [FAULT_CLOSE] = {"close",
                     {0},
                     "close                  close instead of answering; accept=true: after taking "
                     "the request"},
    [FAULT_RESET] = {"reset", {0}, "reset                  the same with a TCP reset"},
    [FAULT_KEEPALIVE_CLOSE] = {"keepalive_close",
                               {0},
                               "keepalive_close        close instead of answering, but only a "
                               "connection that is used again"},
    [FAULT_HANG] = {"hang",
                    {0},
                    "hang                   never answer; accept=true: after taking the request"},
    [FAULT_STATUS] = {"status",
                      {.status = 502},
                      "status:502             an HTTP error page (429, 502, 503, 504 …); "
                      "accept=true: after taking the request"},
    [FAULT_TRUNCATE] =
        {"truncate",
         {.accept = true, .number = -1},
         "truncate               half of the answer, then the end; number=BYTES: so much of it"},
    [FAULT_DRIP] = {"drip",
                    {.accept = true, .ms = 1000},
                    "drip                   the answer a byte a time, ms=1000 apart"},
    [FAULT_HUGE] = {"huge",
                    {.accept = true, .number = 50 << 20},
                    "huge                   an answer of number=52428800 bytes"},
    [FAULT_BADJSON] = {"badjson",
                       {.accept = true},
                       "badjson                an answer that is no JSON"},
    [FAULT_BODY] = {"body",
                    {.accept = true, .status = 200},
                    "body                   exactly text=… as the answer, with status=200"},
    [FAULT_INVALID_MOBILE] =
        {"invalid_mobile",
         {0},
         "invalid_mobile         InvalidMobile for every request that holds mobile=NUMBER"},
    [FAULT_SUCCESS_STRING] = {"success_string",
                              {.accept = true},
                              "success_string         \"success\":\"true\", a string"},
    [FAULT_SUCCESS_FALSE] = {"success_false",
                             {.accept = true},
                             "success_false          rspcod success, but \"success\":false"},
    [FAULT_MGSGROUP] = {"mgsgroup",
                        {.accept = true},
                        "mgsgroup               the batch id under the name mgsGroup"},
    [FAULT_NO_GROUP] = {"no_group",
                        {.accept = true},
                        "no_group               success without a batch id"},
    [FAULT_LATENCY] = {"latency",
                       {.accept = true, .ms = 1000},
                       "latency                answer ms=1000 later"},
    [FAULT_REPORT_FIRST] =
        {"report_first",
         {.accept = true, .ms = 5000},
         "report_first           reports before the answer, which waits for them at most ms=5000"},
    [FAULT_REPORT_REPEAT] = {"report_repeat",
                             {.accept = true, .number = 2},
                             "report_repeat          every report number=2 times"},
    [FAULT_REPORT_SHUFFLE] = {"report_shuffle",
                              {.accept = true},
                              "report_shuffle         recipients in a mixed order"},
    [FAULT_REPORT_INTERMEDIATE] =
        {"report_intermediate",
         {.accept = true},
         "report_intermediate    an intermediate report before the final one"},
    [FAULT_REPORT_STALE] =
        {"report_stale",
         {.accept = true},
         "report_stale           out of order: the intermediate report after the final one"},
    [FAULT_REPORT_CONTRADICT] = {"report_contradict",
                                 {.accept = true},
                                 "report_contradict      then one that says the opposite"},
    [FAULT_REPORT_LATE] = {"report_late",
                           {.accept = true, .ms = 10000},
                           "report_late            ms=10000 later than usual"},
    [FAULT_REPORT_LOST] = {"report_lost", {.accept = true}, "report_lost            never"},
    [FAULT_REPORT_UNKNOWN_GROUP] =
        {"report_unknown_group",
         {.accept = true},
         "report_unknown_group   one more with a batch id nobody was given"},
    [FAULT_REPORT_UNKNOWN_MOBILE] =
        {"report_unknown_mobile",
         {.accept = true},
         "report_unknown_mobile  one more for a number that is not in the batch"},
    [FAULT_REPORT_CODE] =
        {"report_code",
         {.accept = true, .word = "ZZ:9999"},
         "report_code:WORD       this code instead of the one of the mix, known or unknown"},
    [FAULT_REFUSE] = {"refuse",
                      {0},
                      "refuse                 stop listening (ms=N: for so long); needs --control "
                      "to be ended by hand"},
};

void faults_init(struct faults *faults, uint64_t seed)
{
    *faults = (struct faults){.seed = seed};
}

void fault_fini(struct fault *fault)
{
    free(fault->text);
    fault->text = NULL;
}

void faults_clear(struct faults *faults)
{
    for (size_t i = 0; i < faults->n; i++) {
        fault_fini(&faults->list[i]);
    }
    faults->n = 0;
}

int faults_kind(const char *name)
{
    for (int i = 0; i < FAULT_KINDS; i++) {
        if (strcmp(kind_rows[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

const char *faults_name(enum fault_kind kind)
{
    return kind_rows[kind].name;
}

const char *faults_help(size_t i)
{
    return i < FAULT_KINDS ? kind_rows[i].help : NULL;
}

/* ---- reading one */

static enum err set_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno) {
        return ERR_INVALID;
    }
    if (number < min || number > max) {
        return ERR_RANGE;
    }
    *value = number;
    return ERR_OK;
}

static enum err set_share(const char *text, double *value)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number)) {
        return ERR_INVALID;
    }
    *value = number;
    return number >= 0 && number <= 1 ? ERR_OK : ERR_RANGE;
}

static enum err set_flag(const char *text, bool *value)
{
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0;
    bool no = strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "0") == 0;
    *value = yes;
    return yes || no ? ERR_OK : ERR_INVALID;
}

/* The word goes into JSON strings as it is. */
static enum err set_word(const char *text, char *word, size_t size)
{
    if (strlen(text) >= size) {
        return ERR_RANGE;
    }
    if (text[strcspn(text, "\"\\\n\r\t")]) {
        return ERR_INVALID;
    }
    memcpy(word, text, strlen(text) + 1);
    return ERR_OK;
}

enum err fault_set(struct fault *fault, const char *key, const char *value)
{
    const struct {
        const char *key;
        int64_t min, max;
        int64_t *value;
    } numbers[] = {{"count", -1, INT64_MAX, &fault->count},
                   {"status", 100, 599, &fault->status},
                   {"number", 0, 1 << 30, &fault->number},
                   {"times", 1, 1000, &fault->number},
                   {"bytes", 0, 1 << 30, &fault->number},
                   {"ms", 0, 86400000, &fault->ms},
                   {"mobile", 10000000000, 19999999999, (int64_t *)&fault->mobile}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(key, numbers[i].key) == 0) {
            return set_number(value, numbers[i].min, numbers[i].max, numbers[i].value);
        }
    }
    if (strcmp(key, "share") == 0) {
        return set_share(value, &fault->share);
    }
    if (strcmp(key, "accept") == 0) {
        return set_flag(value, &fault->accept);
    }
    if (strcmp(key, "success") == 0) {
        return set_flag(value, &fault->success);
    }
    if (strcmp(key, "word") == 0) {
        return fault->kind == FAULT_STATUS ? set_number(value, 100, 599, &fault->status)
                                           : set_word(value, fault->word, sizeof fault->word);
    }
    if (strcmp(key, "text") == 0) {
        free(fault->text);
        fault->text = strdup(value);
        return fault->text ? ERR_OK : ERR_NOMEM;
    }
    return ERR_NOT_FOUND;
}

enum err fault_start(const char *name, struct fault *fault)
{
    char copy[128];
    const char *colon = strchr(name, ':');
    size_t len = colon ? (size_t)(colon - name) : strlen(name);
    if (len >= sizeof copy) {
        return ERR_NOT_FOUND;
    }
    memcpy(copy, name, len);
    copy[len] = '\0';
    int kind = faults_kind(copy);
    if (kind < 0) {
        return ERR_NOT_FOUND;
    }
    *fault = kind_rows[kind].usual;
    fault->kind = (enum fault_kind)kind;
    fault->count = -1;
    fault->share = 1;
    return colon ? fault_set(fault, "word", colon + 1) : ERR_OK;
}

enum err fault_parse(const char *spec, struct fault *fault, struct buf *problem)
{
    char *copy = strdup(spec), *rest = copy;
    if (!copy) {
        return ERR_NOMEM;
    }
    char *part = strsep(&rest, ",");
    enum err error = fault_start(part, fault);
    if (error != ERR_OK) {
        buf_addf(problem, "no such fault: %s", part);
    }
    while (error == ERR_OK && (part = strsep(&rest, ","))) {
        char *equals = strchr(part, '=');
        if (equals) {
            *equals = '\0';
        }
        error = equals ? fault_set(fault, part, equals + 1) : ERR_INVALID;
        if (error != ERR_OK) {
            buf_addf(problem, "%s: %s: %s", spec, part, err_sentence(error));
            fault_fini(fault);
        }
    }
    free(copy);
    return error == ERR_OK || error == ERR_NOMEM ? error : ERR_INVALID;
}

enum err faults_add(struct faults *faults, const struct fault *fault)
{
    if (faults->n == FAULTS_MAX) {
        return ERR_BUSY;
    }
    faults->list[faults->n++] = *fault;
    return ERR_OK;
}

void faults_remove(struct faults *faults, enum fault_kind kind)
{
    size_t kept = 0;
    for (size_t i = 0; i < faults->n; i++) {
        if (faults->list[i].kind == kind) {
            fault_fini(&faults->list[i]);
        } else {
            faults->list[kept++] = faults->list[i];
        }
    }
    faults->n = kept;
}

/* ---- meeting a request */

static bool holds(const uint64_t *mobiles, size_t n, uint64_t mobile)
{
    for (size_t i = 0; i < n; i++) {
        if (mobiles[i] == mobile) {
            return true;
        }
    }
    return false;
}

static bool meets(const struct faults *faults, const struct fault *fault, uint64_t request,
                  bool reused, const uint64_t *mobiles, size_t n)
{
    if (fault->count == 0 || fault->kind == FAULT_REFUSE) {
        return false;
    }
    if (fault->kind == FAULT_KEEPALIVE_CLOSE && !reused) {
        return false;
    }
    if (fault->mobile != 0 && !holds(mobiles, n, fault->mobile)) {
        return false;
    }
    return fault->share >= 1 ||
           mix_share(faults->seed, request, 100u + (unsigned)fault->kind) < fault->share;
}

void faults_meet(struct faults *faults, uint64_t request, bool reused, const uint64_t *mobiles,
                 size_t n, struct fault_plan *plan)
{
    plan->met = 0;
    plan->answer = FAULT_KINDS;
    for (size_t i = 0; i < faults->n; i++) {
        struct fault *fault = &faults->list[i];
        bool decides = fault->kind < FAULT_FIRST_STYLE;
        if ((decides && plan->answer != FAULT_KINDS) || fault_met(plan, fault->kind) ||
            !meets(faults, fault, request, reused, mobiles, n)) {
            continue;
        }
        fault->hits++;
        fault->count -= fault->count > 0;
        plan->met |= (uint64_t)1 << fault->kind;
        plan->of[fault->kind] = *fault;
        if (decides) {
            plan->answer = fault->kind;
        }
    }
}
