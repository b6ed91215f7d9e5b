#include "sim/control.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_TYPE "application/json"
#define ANSWER_MAX (1024 * 1024)

/* ---- counters */

static json_t *feed_json(struct reports_counts counts)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "pushed", (json_int_t)counts.pushed,
                     "acknowledged", (json_int_t)counts.acknowledged, "refused",
                     (json_int_t)counts.refused, "broken", (json_int_t)counts.broken, "failed",
                     (json_int_t)counts.failed, "outstanding", (json_int_t)counts.outstanding);
}

static json_t *stats_json(const struct sim *sim)
{
    struct oracle_counts counts = oracle_counts(sim->oracle);
    json_t *words = json_object();
    for (size_t i = 0; i < sim->n_words; i++) {
        json_object_set_new(words, sim->words[i].word,
                            json_integer((json_int_t)sim->words[i].count));
    }
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:I}", "requests", (json_int_t)sim->requests,
        "submits_accepted", (json_int_t)sim->submits, "accepted", (json_int_t)counts.accepted,
        "distinct", (json_int_t)counts.distinct, "duplicates",
        (json_int_t)(counts.accepted - counts.distinct), "rspcod", words, "reports",
        feed_json(sim->reports ? reports_report_counts(sim->reports) : (struct reports_counts){0}),
        "uplinks", feed_json(reports_uplink_counts(sim->reports)), "connections",
        (json_int_t)wire_connections(sim->wire));
}

static json_t *faults_json(const struct sim *sim)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sim->faults.n; i++) {
        const struct fault *fault = &sim->faults.list[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:I, s:f, s:b, s:I}", "fault",
                                        faults_name(fault->kind), "word", fault->word, "count",
                                        (json_int_t)fault->count, "share", fault->share, "accept",
                                        fault->accept, "hits", (json_int_t)fault->hits));
    }
    return list;
}

void control_print_stats(const struct sim *sim, struct buf *out)
{
    json_t *stats = stats_json(sim);
    char *text = json_dumps(stats, JSON_COMPACT);
    buf_add_text(out, text ? text : "{}");
    free(text);
    json_decref(stats);
}

/* ---- answers */

static void answer_json(struct wire_request *request, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    const char *body = text ? text : "{}";
    wire_answer(request->conn, &(struct wire_answer){status, JSON_TYPE, NULL, body, strlen(body)});
    free(text);
}

static void answer_error(struct wire_request *request, int status, const char *sentence)
{
    answer_json(request, status, json_pack("{s:s}", "error", sentence));
}

static void answer_done(struct wire_request *request, enum err error)
{
    if (error == ERR_OK) {
        answer_json(request, 200, json_pack("{s:b}", "ok", 1));
    } else {
        answer_error(request, 400, err_sentence(error));
    }
}

/* ---- faults */

/* A JSON value as the text that the switch would have. */
static const char *value_text(const json_t *value, char out[64])
{
    if (json_is_string(value)) {
        return json_string_value(value);
    }
    if (json_is_integer(value)) {
        snprintf(out, 64, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, 64, "%.17g", json_real_value(value));
    } else {
        snprintf(out, 64, "%s",
                 json_is_true(value)    ? "true"
                 : json_is_false(value) ? "false"
                                        : "?");
    }
    return out;
}

static enum err fill_fault(const json_t *json, struct fault *fault, struct buf *problem)
{
    const char *key;
    json_t *value;
    char number[64];
    json_object_foreach((json_t *)json, key, value)
    {
        if (strcmp(key, "fault") == 0) {
            continue;
        }
        enum err error = fault_set(fault, key, value_text(value, number));
        if (error != ERR_OK) {
            buf_addf(problem, "%s: %s", key, err_sentence(error));
            return error;
        }
    }
    return ERR_OK;
}

/* One object of the body: a fault on, one kind off, all off. */
static enum err take_order(struct sim *sim, const json_t *json, struct buf *problem)
{
    const char *name = json_string_value(json_object_get(json, "fault"));
    if (!name) {
        buf_add_text(problem, "\"fault\" is missing");
        return ERR_INVALID;
    }
    if (strcmp(name, "none") == 0) {
        return sim_fault_off(sim, FAULT_KINDS);
    }
    if (json_is_true(json_object_get(json, "off"))) {
        int kind = faults_kind(name);
        if (kind >= 0) {
            return sim_fault_off(sim, (enum fault_kind)kind);
        }
    }
    struct fault fault;
    enum err error = fault_start(name, &fault);
    if (error != ERR_OK) {
        buf_addf(problem, "no such fault: %.64s", name);
        return error;
    }
    error = fill_fault(json, &fault, problem);
    if (error == ERR_OK) {
        error = sim_fault(sim, &fault);
    }
    if (error != ERR_OK) {
        fault_fini(&fault);
    }
    return error;
}

static void post_control(struct sim *sim, struct wire_request *request)
{
    json_t *json = json_loadb(request->body, request->len, 0, NULL);
    struct buf problem;
    buf_init(&problem, 1024);
    enum err error = json_is_object(json) ? take_order(sim, json, &problem) : ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < json_array_size(json); i++) {
        error = take_order(sim, json_array_get(json, i), &problem);
    }
    if (!json_is_object(json) && !json_is_array(json)) {
        answer_error(request, 400, "a JSON object or an array of them is wanted");
    } else if (error != ERR_OK) {
        answer_error(request, 400, problem.len ? buf_text(&problem) : err_sentence(error));
    } else {
        answer_json(request, 200, json_pack("{s:o}", "faults", faults_json(sim)));
    }
    buf_fini(&problem);
    json_decref(json);
}

static void get_control(struct sim *sim, struct wire_request *request)
{
    answer_json(request, 200,
                json_pack("{s:o, s:o}", "faults", faults_json(sim), "stats", stats_json(sim)));
}

static void delete_control(struct sim *sim, struct wire_request *request)
{
    answer_done(request, sim_fault_off(sim, FAULT_KINDS));
}

static void get_stats(struct sim *sim, struct wire_request *request)
{
    answer_json(request, 200, stats_json(sim));
}

/* ---- injections */

static void post_uplink(struct sim *sim, struct wire_request *request)
{
    json_t *json = json_loadb(request->body, request->len, 0, NULL);
    const char *mobile = json_string_value(json_object_get(json, "mobile"));
    const char *text = json_string_value(json_object_get(json, "text"));
    char *end = NULL;
    uint64_t number = mobile ? strtoull(mobile, &end, 10) : 0;
    if (!mobile || !text || *end || number < 10000000000 || number > 19999999999) {
        answer_error(request, 400, "\"mobile\" (11 digits) and \"text\" are wanted");
    } else {
        answer_done(request, reports_uplink(sim->reports, number, text));
    }
    json_decref(json);
}

static void post_report(struct sim *sim, struct wire_request *request)
{
    answer_done(request, reports_raw(sim->reports, request->body, request->len));
}

void control_handle(struct sim *sim, struct wire_request *request)
{
    static const struct {
        const char *method, *path;
        void (*handle)(struct sim *sim, struct wire_request *request);
    } routes[] = {
        {"POST", "/control", post_control},       {"GET", "/control", get_control},
        {"DELETE", "/control", delete_control},   {"GET", "/control/stats", get_stats},
        {"POST", "/control/uplink", post_uplink}, {"POST", "/control/report", post_report},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].method, request->method) == 0 &&
            strcmp(routes[i].path, request->path) == 0) {
            routes[i].handle(sim, request);
            return;
        }
    }
    answer_error(request, 404, "no such route; see outreach-sim --help");
}
