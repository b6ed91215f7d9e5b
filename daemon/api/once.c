#include "api/once.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "store/people.h"

#define KEY_MAX 64
#define KEPT_MAX_BYTES 65536

static void on_once(void *arg, enum err error, enum once once, int status, const char *body)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        call->once[0] = '\0';
        apicall_fail(call, error, NULL);
        return;
    }
    if (once == ONCE_FIRST) {
        call->then(call);
        return;
    }
    call->once[0] = '\0'; /* what is kept stays */
    if (once == ONCE_OTHER) {
        apicall_error(call, 409, "key_reused", "Idempotency-Key",
                      "this key was given with another request; take a new one");
    } else if (once == ONCE_RUNNING) {
        apicall_error(call, 409, "busy", "Idempotency-Key",
                      "this very request is still being worked on");
    } else {
        http_answer_header(call->request, "Idempotent-Replayed", "true");
        json_t *json = json_loads(body, 0, NULL);
        apicall_answer(call, status, json != NULL ? json : json_object());
    }
}

void once_begin(struct apicall *call, void (*then)(struct apicall *call))
{
    const char *key = http_request_header(call->request, "Idempotency-Key");
    bool is_kept = (call->route->flags & (ROUTE_SECRET | ROUTE_LOOKS)) == 0;
    if (key == NULL || !is_kept || strcmp(http_request_method(call->request), "POST") != 0) {
        then(call);
        return;
    }
    if (key[0] == '\0' || strlen(key) > KEY_MAX) {
        apicall_error(call, 400, "invalid", "Idempotency-Key",
                      "Idempotency-Key is a text of 1 to %d bytes", KEY_MAX);
        return;
    }
    size_t len;
    char digest[DIGEST_SHA256_HEX];
    const char *body = http_request_body(call->request, &len);
    const char *path = http_request_path(call->request),
               *query = http_request_whole_query(call->request); /* a check is no booking */
    const struct digest_part parts[] = {
        {path, strlen(path) + 1}, {query, strlen(query) + 1}, {body, len}};
    digest_sha256_hex(parts, sizeof parts / sizeof *parts, digest);
    snprintf(call->once, sizeof call->once, "%s:%s", call->who.name, key);
    call->then = then;
    enum err error = people_once(call->api->parts.store, call->once, digest, on_once, call);
    if (error != ERR_OK) {
        call->once[0] = '\0';
        apicall_fail(call, error, NULL);
    }
}

void once_end(struct apicall *call, int status, const char *body)
{
    if (call->once[0] == '\0' || call->api == NULL) {
        return;
    }
    bool is_kept = status < 300 && strlen(body) <= KEPT_MAX_BYTES;
    people_once_end(call->api->parts.store, call->once, is_kept ? status : 0, body);
}
