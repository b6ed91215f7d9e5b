/* GET /api/v1/audit, POST /api/v1/audit/verify, and the line of each request. */
#include "api/journal.h"

#include <stdio.h>
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/log.h"
#include "campaign/problems.h"
#include "sms/mobile.h"
#include "store/status.h"

#define DETAIL_MAX_BYTES 512
#define VALUE_MAX_BYTES 80
#define ACT_MAX_BYTES 160
#define PAGE_DEFAULT 100
#define ID_MAX 40

/* ---- one line ---- */

/* Never written, not even masked. */
static bool is_secret(const char *member)
{
    static const char *const secrets[] = {"password", "old", "new", "token", "actor"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strcmp(member, secrets[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* As much as fits, in whole characters. */
static void cut(char out[VALUE_MAX_BYTES], const char *text)
{
    size_t len = strlen(text);
    if (len >= VALUE_MAX_BYTES) {
        len = VALUE_MAX_BYTES - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

/* A text that is a mobile number is masked, whatever member it stands in. */
static void add_text(struct buf *out, const char *text)
{
    uint64_t number;
    char shown[VALUE_MAX_BYTES], quoted[2 * VALUE_MAX_BYTES], masked[MOBILE_TEXT_SIZE];
    char whole[DETAIL_MAX_BYTES];
    if (mobile_parse(text, strlen(text), &number) == MOBILE_OK) {
        mobile_mask(number, masked);
        buf_add_text(out, masked);
        return;
    }
    snprintf(whole, sizeof whole, "%s", text);
    mobile_mask_within(whole);
    cut(shown, whole);
    buf_add_text(out, log_quote(shown, quoted, sizeof quoted));
}

static void add_value(struct buf *out, const json_t *value)
{
    char number[24];
    switch (json_typeof(value)) {
    case JSON_STRING:
        add_text(out, json_string_value(value));
        break;
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        if (strlen(number) == 11) {
            add_text(out, number);
        } else {
            buf_add_text(out, number);
        }
        break;
    case JSON_ARRAY:
        buf_addf(out, "(%zu)", json_array_size(value));
        break;
    case JSON_OBJECT:
        buf_addf(out, "{%zu}", json_object_size(value));
        break;
    case JSON_REAL:
        buf_addf(out, "%g", json_real_value(value));
        break;
    default:
        buf_add_text(out, json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-");
    }
}

/* What was asked for, member by member, as far as it fits. */
static void write_detail(const struct apicall *call, int status, struct buf *out)
{
    const char *member;
    json_t *value;
    if (status >= 300) {
        buf_addf(out, "refused=%d ", status);
    }
    json_object_foreach(call->body, member, value)
    {
        struct buf one;
        if (is_secret(member) || (call->is_nobody && strcmp(member, "user") == 0)) {
            continue;
        }
        buf_init(&one, DETAIL_MAX_BYTES);
        buf_addf(&one, "%s=", member);
        add_value(&one, value);
        buf_add_text(&one, " ");
        if (!one.failed) {
            buf_add(out, buf_text(&one), one.len);
        }
        buf_fini(&one);
    }
}

/* Reading is not told, but what was refused is. */
static bool is_told(const struct apicall *call, int status)
{
    if (call->api == NULL || call->route == NULL) {
        return false;
    }
    if (status == 401 || status == 403) {
        return call->who.name[0] != '\0' || (call->route->flags & ROUTE_OPEN) != 0;
    }
    return status < 300 && strcmp(call->route->method, "GET") != 0 &&
           (call->route->flags & ROUTE_QUIET) == 0;
}

static void on_line(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    char quoted[2 * WHO_NAME_SIZE + 4], object[2 * ROUTE_PARAM_SIZE + 4];
    (void)reason;
    if (error != ERR_OK) {
        log_line(LOG_ERROR, "api", "event=audit_lost act=\"%s %s\" object=%s actor=%s error=\"%s\"",
                 call->route->method, call->route->path,
                 log_quote(call->params[0], object, sizeof object),
                 log_quote(call->who.name, quoted, sizeof quoted), err_sentence(error));
        if (call->api != NULL) {
            call->api->audit_lost++;
        }
    }
    call->on_noted(call, error == ERR_OK);
}

void journal_tell(struct apicall *call, const struct audit_line *line, journal_done_fn *done)
{
    call->on_noted = done;
    enum err error = status_audit(call->api->parts.store, line, on_line, call);
    if (error != ERR_OK) {
        on_line(call, error, "");
    }
}

void journal_fail(struct apicall *call)
{
    apicall_error(
        call, 503, "audit", NULL,
        "the audit could not note this (Redis): look whether it was done before you do it "
        "again, and tell your operator");
}

/* A refusal has nothing to wait for. */
static void note_refusal(const struct apicall *call, const struct audit_line *line)
{
    char quoted[2 * WHO_NAME_SIZE + 4];
    log_line(LOG_WARN, "people", "event=refused status=%d actor=%s address=%s act=\"%s\"",
             call->late_status, log_quote(line->actor, quoted, sizeof quoted), line->address,
             line->act);
    if (status_audit(call->api->parts.store, line, NULL, NULL) != ERR_OK) {
        log_line(LOG_WARN, "redis", "event=audit_lost act=\"%s\"", line->act);
    }
}

bool journal_note(struct apicall *call, int status, journal_done_fn *done)
{
    char act[ACT_MAX_BYTES];
    struct buf detail;
    if (!is_told(call, status)) {
        return false;
    }
    const char *actor = call->who.name;
    if (actor[0] == '\0') { /* the control socket, and who tries to log in, say it themselves */
        const char *member = (call->route->flags & ROUTE_OPEN) != 0 ? "user" : "actor";
        actor = json_string_value(json_object_get(call->body, member));
        if (actor == NULL && !call->is_public) { /* nothing but a query, as of a DELETE */
            actor = http_request_query(call->request, "actor");
        }
    }
    char name[CALL_ACTOR_MAX + 1];
    snprintf(name, sizeof name, "%s",
             call->is_nobody ? JOURNAL_NOBODY
             : actor != NULL ? actor
                             : "");
    if (call->who.name[0] == '\0') {
        mobile_mask_within(name);
    }
    snprintf(act, sizeof act, "%s %s", call->route->method, call->route->path);
    buf_init(&detail, DETAIL_MAX_BYTES);
    write_detail(call, status, &detail);
    const struct audit_line line = {.at_ms = clock_wall_ms(),
                                    .actor = name,
                                    .act = act,
                                    .object = call->params[0],
                                    .detail = buf_text(&detail),
                                    .via = via_word(call->who.via),
                                    .address = call->who.address,
                                    .before = call->before,
                                    .after = call->after,
                                    .is_refused = status >= 300};
    if (line.is_refused) {
        note_refusal(call, &line);
    } else {
        journal_tell(call, &line, done);
    }
    buf_fini(&detail);
    return !line.is_refused;
}

/* ---- reading ---- */

/* What somebody sent may be no UTF-8: a line must not vanish for that. */
static json_t *text_json(const char *text)
{
    char shown[DETAIL_MAX_BYTES + 1];
    if (text == NULL) {
        return NULL;
    }
    json_t *json = json_string(text);
    if (json == NULL) {
        problems_show(text, strlen(text), shown, sizeof shown);
        json = json_string(shown);
    }
    return json;
}

static void on_page(void *arg, enum err error, const struct audit_seen *lines, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct audit_line *line = &lines[i].line;
        json_t *row =
            json_pack("{s:s, s:o, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "id",
                      lines[i].id, "at", encode_time(line->at_ms, apicall_offset_min(call)),
                      "actor", text_json(line->actor), "act", text_json(line->act), "object",
                      text_json(line->object), "detail", text_json(line->detail), "via",
                      text_json(line->via), "address", text_json(line->address), "before",
                      text_json(line->before), "after", text_json(line->after));
        if (row != NULL) {
            json_array_append_new(array, row);
        }
    }
    bool is_more = n == (size_t)json_integer_value(call->answer);
    apicall_answer(call, 200,
                   json_pack("{s:o, s:o}", "lines", array, "next",
                             is_more && n > 0 ? json_string(lines[n - 1].id) : json_null()));
}

static bool is_id(const char *text)
{
    return text[strspn(text, "0123456789-")] == '\0';
}

void handle_audit_page(struct apicall *call)
{
    const char *before;
    uint64_t limit;
    if (!query_text(call, "before", ID_MAX, &before) ||
        !query_number(call, "limit", PAGE_DEFAULT, AUDIT_PAGE_MAX, &limit)) {
        return;
    }
    if (!is_id(before)) {
        apicall_error(call, 400, "invalid", "before", "before is the id of a line");
        return;
    }
    limit = limit > 0 ? limit : 1;
    call->answer = json_integer((json_int_t)limit);
    enum err error =
        status_audit_page(call->api->parts.store, before, (uint32_t)limit, on_page, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_proof(void *arg, enum err error, const struct audit_proof *proof)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    bool is_good = proof->bad_id[0] == '\0';
    apicall_answer(call, 200,
                   json_pack("{s:b, s:I, s:I, s:s, s:o}", "ok", is_good, "lines",
                             (json_int_t)proof->lines, "ever", (json_int_t)proof->ever, "head",
                             proof->head, "bad",
                             is_good ? json_null() : json_string(proof->bad_id)));
}

void handle_audit_verify(struct apicall *call)
{
    enum err error = status_audit_verify(call->api->parts.store, on_proof, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
