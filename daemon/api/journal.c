#include "api/journal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "sms/mobile.h"
#include "store/status.h"

#define DETAIL_MAX_BYTES 512
#define VALUE_MAX_BYTES 80
#define ACT_MAX_BYTES 160
#define SHOWN_MAX 8 /* of an array */

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

/* The elements of a short array; of anything else what it is itself. */
static void add_values(struct buf *out, const json_t *value)
{
    size_t n = json_array_size(value); /* 0: empty, or no array */
    if (n == 0 || n > SHOWN_MAX) {
        add_value(out, value);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_text(out, i == 0 ? "" : ",");
        add_value(out, json_array_get(value, i));
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
        add_values(&one, value);
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
                                    .object = call->made[0] != '\0' ? call->made : call->params[0],
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
