#include "api/apicall.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/encode.h"
#include "api/journal.h"
#include "api/once.h"
#include "api/paths.h"
#include "base/clock.h"
#include "base/ids.h"
#include "drafting/draft.h"
#include "pledge/area.h"
#include "sms/mobile.h"
#include "store/ledger.h"

#define MESSAGE_MAX 65536
#define AREA_GIVEN_MAX 32
#define JSON_TYPE "application/json"

/* ---- answers ---- */

static void apicall_free(struct apicall *call)
{
    if (call->free_state != NULL) {
        call->free_state(call->state);
    }
    if (call->link != NULL) {
        *call->link = call->next;
        if (call->next != NULL) {
            call->next->link = call->link;
        }
    }
    json_decref(call->body);
    free(call->before);
    free(call->after);
    free(call->late_bytes);
    json_decref(call->answer);
    json_decref(call->found.json);
    free(call);
}

void apicall_note_change(struct apicall *call, const char *before, const char *after)
{
    free(call->before);
    free(call->after);
    call->before = strdup(before); /* without memory the line lacks it */
    call->after = strdup(after);
}

void apicall_note_made(struct apicall *call, const char *id)
{
    snprintf(call->made, sizeof call->made, "%s", id);
}

void apicall_end(struct apicall *call)
{
    apicall_free(call);
}

/* Its line stands in the audit, or it needs none. Who has the machine is not told: status is. */
static void send_answer(struct apicall *call, bool is_noted)
{
    once_end(call, call->late_status, call->late_bytes); /* done once, noted or not */
    if (!is_noted && call->is_public) {
        call->once[0] = '\0';
        journal_fail(call);
        return;
    }
    http_answer(call->request, call->late_status, JSON_TYPE, call->late_bytes,
                strlen(call->late_bytes));
    apicall_free(call);
}

void apicall_answer(struct apicall *call, int status, json_t *json)
{
    static const char nothing[] = "{\"error\":{\"code\":\"memory\",\"message\":\"no memory for "
                                  "the answer\",\"field\":null}}";
    if (json != NULL && call->api != NULL && call->who.via != VIA_CONTROL &&
        !who_has_role(&call->who, ROLE_BIT(ROLE_OPERATOR) | ROLE_BIT(ROLE_ADMIN))) {
        paths_hide(call->api->settings, json);
    }
    free(call->late_bytes);
    call->late_bytes = json != NULL    ? json_dumps(json, JSON_COMPACT)
                       : status == 204 ? strdup("")
                                       : NULL;
    call->late_status = status;
    json_decref(json);
    if (call->late_bytes == NULL) {
        http_answer(call->request, 500, JSON_TYPE, nothing, sizeof nothing - 1);
        apicall_free(call);
    } else if (!journal_note(call, status, send_answer)) {
        send_answer(call, true);
    }
}

void apicall_error(struct apicall *call, int status, const char *code, const char *field,
                   const char *format, ...)
{
    char *message = malloc(MESSAGE_MAX);
    va_list args;
    va_start(args, format);
    if (message != NULL) {
        vsnprintf(message, MESSAGE_MAX, format, args);
    }
    va_end(args);
    json_t *json = json_pack("{s:{s:s, s:o, s:o}}", "error", "code", code, "message",
                             encode_text(message != NULL ? message : err_sentence(ERR_NOMEM)),
                             "field", field != NULL ? json_string(field) : json_null());
    free(message);
    apicall_answer(call, status, json);
}

void apicall_fail(struct apicall *call, enum err error, const char *sentence)
{
    static const struct {
        int status;
        const char *code;
    } rows[ERR_COUNT] = {
        [ERR_NOMEM] = {500, "memory"},
        [ERR_INVALID] = {400, "invalid"},
        [ERR_RANGE] = {400, "invalid"},
        [ERR_TOO_BIG] = {413, "too_big"},
        [ERR_IO] = {500, "io"},
        [ERR_NOT_FOUND] = {404, "not_found"},
        [ERR_EXISTS] = {409, "exists"},
        [ERR_REFUSED] = {409, "refused"},
        [ERR_TIMEOUT] = {503, "redis"},
        [ERR_CLOSED] = {503, "redis"},
        [ERR_PROTOCOL] = {502, "protocol"},
        [ERR_STALE] = {409, "stale"},
        [ERR_BUSY] = {503, "busy"},
    };
    const char *why = NULL;
    bool away = call->api != NULL && rows[error].status == 503 &&
                redis_health(store_redis(call->api->parts.store), &why) != REDIS_READY;
    if (sentence == NULL || sentence[0] == '\0') {
        sentence = away && why != NULL ? why : err_sentence(error);
    }
    apicall_error(call, rows[error].status != 0 ? rows[error].status : 500,
                  rows[error].code != NULL ? rows[error].code : "error", NULL, "%s", sentence);
}

bool apicall_lives(struct apicall *call)
{
    if (call->api != NULL) {
        return true;
    }
    apicall_error(call, 503, "stopping", NULL, "the daemon is stopping");
    return false;
}

int apicall_offset_min(const struct apicall *call)
{
    return call->api->settings->daemon.utc_offset_min;
}

uint32_t apicall_today(const struct apicall *call)
{
    return clock_day(clock_wall_ms(), apicall_offset_min(call));
}

const struct codes *apicall_codes(const struct apicall *call, const char *carrier)
{
    const struct settings *settings = call->api->settings;
    for (size_t i = 0; i < settings->n_carriers; i++) {
        if (strcmp(settings->carriers[i].name, carrier) == 0) {
            return call->api->codes[i];
        }
    }
    return NULL;
}

const struct carrier_driver *apicall_driver(const struct apicall *call, const char *carrier)
{
    const struct settings_carrier *found = settings_carrier(call->api->settings, carrier);
    return found != NULL ? carrier_driver(found->driver) : NULL;
}

/* ---- reading the body ---- */

static bool is_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

bool apicall_text(struct apicall *call, const char *field, bool required, size_t max,
                  const char **out)
{
    const json_t *value = json_object_get(call->body, field);
    *out = "";
    if (value == NULL || json_is_null(value)) {
        if (required) {
            apicall_error(call, 400, "missing", field, "%s is missing", field);
        }
        return !required;
    }
    const char *text = json_string_value(value);
    if (text == NULL || strlen(text) != json_string_length(value)) {
        apicall_error(call, 400, "invalid", field, "%s must be a text", field);
        return false;
    }
    if ((required && text[0] == '\0') || strlen(text) > max || !is_clean(text)) {
        apicall_error(call, 400, "invalid", field,
                      "%s must be a text of %s%zu bytes without control characters", field,
                      required ? "1 to " : "at most ", max);
        return false;
    }
    *out = text;
    return true;
}

bool apicall_word(struct apicall *call, const char *field, const char *const *words, bool required,
                  int *index)
{
    char list[256] = "";
    const char *text;
    *index = -1;
    if (!apicall_text(call, field, required, 64, &text)) {
        return false;
    }
    if (text[0] == '\0') {
        return true;
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *index = i;
            return true;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "",
                 words[i]);
    }
    apicall_error(call, 400, "invalid", field, "%s is \"%s\"; possible: %s", field, text, list);
    return false;
}

bool apicall_bool(struct apicall *call, const char *field, bool *out)
{
    const json_t *value = json_object_get(call->body, field);
    *out = json_is_true(value);
    if (value != NULL && !json_is_boolean(value) && !json_is_null(value)) {
        apicall_error(call, 400, "invalid", field, "%s must be true or false", field);
        return false;
    }
    return true;
}

bool apicall_integer(struct apicall *call, const char *field, int64_t fallback, int64_t *out)
{
    const json_t *value = json_object_get(call->body, field);
    *out = fallback;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        apicall_error(call, 400, "invalid", field, "%s must be a whole number from 0", field);
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

static enum mobile_verdict read_mobile(const json_t *value, uint64_t *number)
{
    char digits[32];
    if (json_is_integer(value)) {
        snprintf(digits, sizeof digits, "%lld", (long long)json_integer_value(value));
        return mobile_parse(digits, strlen(digits), number);
    }
    if (json_is_string(value)) {
        return mobile_parse(json_string_value(value), json_string_length(value), number);
    }
    return MOBILE_EMPTY;
}

bool apicall_mobile(struct apicall *call, const char *field, uint64_t *out)
{
    enum mobile_verdict verdict = read_mobile(json_object_get(call->body, field), out);
    if (verdict != MOBILE_OK) {
        apicall_error(call, 400, "invalid", field, "%s: %s", field,
                      mobile_verdict_sentence(verdict));
    }
    return verdict == MOBILE_OK;
}

bool apicall_mobiles(struct apicall *call, const char *field, size_t max, uint64_t **numbers,
                     size_t *n)
{
    const json_t *array = json_object_get(call->body, field);
    *n = json_array_size(array);
    if (*n == 0 || *n > max) {
        apicall_error(call, 400, "invalid", field, "%s must be an array of 1 to %zu mobile numbers",
                      field, max);
        return false;
    }
    *numbers = calloc(*n, sizeof **numbers);
    if (*numbers == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return false;
    }
    for (size_t i = 0; i < *n; i++) {
        enum mobile_verdict verdict = read_mobile(json_array_get(array, i), &(*numbers)[i]);
        if (verdict != MOBILE_OK) {
            free(*numbers);
            apicall_error(call, 400, "invalid", field, "%s[%zu]: %s", field, i,
                          mobile_verdict_sentence(verdict));
            return false;
        }
    }
    return true;
}

bool apicall_place(struct apicall *call, const char *field, bool required, uint64_t *area)
{
    const char *text;
    if (!apicall_text(call, field, required, AREA_GIVEN_MAX, &text)) {
        return false;
    }
    if (text[0] == '\0' || area_parse(text, strlen(text), area) == ERR_OK) {
        return true;
    }
    apicall_error(call, 400, "invalid", field, AREA_REFUSED, field, text);
    return false;
}

bool apicall_area(struct apicall *call, const char *field, bool required, uint64_t *area)
{
    *area = call->who.area;
    return apicall_place(call, field, required, area) && apicall_may_area(call, field, *area);
}

bool apicall_actor(struct apicall *call, const char **out)
{
    return apicall_text(call, "actor", true, CALL_ACTOR_MAX, out);
}

/* ---- campaigns ---- */

static void search(struct apicall *call);

static void note_view(struct apicall *call, const struct campaign_view *view)
{
    struct api *api = call->api;
    struct found *found = &call->found;
    struct dispatch_wait wait = {.reason = ""};
    double rate_now = 0;
    if (found->is_there && view->launched_ms < found->launched_ms) {
        return;
    }
    const struct launch_view *import = launcher_view(api->parts.launcher, view->fields.id);
    dispatch_why(api->parts.dispatch, view, clock_wall_ms(), &wait);
    dispatch_rate(api->parts.dispatch, view->fields.carrier, view->seq, &rate_now);
    found->is_there = true;
    snprintf(found->id, sizeof found->id, "%s", view->fields.id);
    snprintf(found->carrier, sizeof found->carrier, "%s", view->fields.carrier);
    snprintf(found->state, sizeof found->state, "%s", view->state);
    found->seq = view->seq;
    found->n_chunks = view->n_chunks;
    found->launched_ms = view->launched_ms;
    found->base_ms =
        view->fields.start_ms > view->launched_ms ? view->fields.start_ms : view->launched_ms;
    json_decref(found->json);
    found->json = encode_campaign(view, &wait, rate_now, import, apicall_offset_min(call));
    encode_ambiguous_age(found->json, view, clock_wall_ms());
}

static void on_view(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        apicall_fail(call, error, NULL);
        return;
    }
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        note_view(call, &views[i]);
    }
    call->at_carrier++;
    search(call);
}

static void search(struct apicall *call)
{
    const struct settings *settings = call->api->settings;
    if (call->at_carrier >= settings->n_carriers) {
        call->on_found(call);
        return;
    }
    enum err error = queue_find(call->api->parts.store, settings->carriers[call->at_carrier].name,
                                call->params[0], on_view, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void apicall_find_campaign(struct apicall *call, void (*on_found)(struct apicall *call))
{
    call->on_found = on_found;
    call->at_carrier = 0;
    if (!ids_valid_name(call->params[0])) {
        apicall_error(call, 404, "no_campaign", NULL,
                      "there is no such campaign: its name is not valid");
        return;
    }
    search(call);
}

static void check_found(struct apicall *call)
{
    if (!call->found.is_there) {
        apicall_error(call, 404, "no_campaign", NULL, "no campaign %s has been launched",
                      call->params[0]);
        return;
    }
    call->then(call);
}

static void on_request_looked_up(void *arg, enum err error, uint64_t entry)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    } else if (entry == 0) {
        apicall_error(call, 404, "no_campaign", "campaign",
                      "campaign: there is neither a definition nor a launch of \"%s\"",
                      call->params[0]);
    } else {
        call->then(call);
    }
}

static void check_known(struct apicall *call)
{
    if (call->found.is_there) {
        call->then(call);
        return;
    }
    if (call->request_id == NULL) {
        on_request_looked_up(call, ERR_OK, 0);
        return;
    }
    enum err error =
        ledger_request(call->api->parts.store, call->request_id, on_request_looked_up, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void apicall_known_campaign(struct apicall *call, const char *id, const char *request,
                            void (*then)(struct apicall *call))
{
    char path[DRAFT_PATH_SIZE];
    if (id[0] == '\0' ||
        (ids_valid_name(id) && draft_ini_path(call->api->settings, id, path)[0] != '\0' &&
         access(path, F_OK) == 0)) {
        then(call);
        return;
    }
    call->then = then;
    call->request_id = request;
    snprintf(call->params[0], sizeof call->params[0], "%s", id);
    apicall_find_campaign(call, check_known);
}

void apicall_need_campaign(struct apicall *call, void (*on_found)(struct apicall *call))
{
    call->then = on_found;
    apicall_find_campaign(call, check_found);
}
