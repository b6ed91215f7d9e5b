/* Takes requests of two servers. The control socket is trusted by its file mode and gets the route
 * table; the listening port gets what of it a login allows (api/auth.c), the webhooks, /healthz,
 * /readyz and, asked from this machine, /metrics. */
#include "api/apicall.h"
#include "api/auth.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/dayline.h"
#include "api/donor_count.h"
#include "api/events.h"
#include "api/files.h"
#include "api/words.h"
#include "api/public_page.h"
#include "api/revoke.h"
#include "api/orphans.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "ledger/verify.h"

enum err api_new(const struct api_parts *parts, struct api **api)
{
    struct api *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->parts = *parts;
    for (size_t i = 0; i < sizeof made->cursor_key / sizeof *made->cursor_key; i++) {
        made->cursor_key[i] = ids_random_u64();
    }
    enum err error = events_new(made, &made->events);
    if (error == ERR_OK) {
        error = dayline_new(made, &made->dayline);
    }
    if (error == ERR_OK) {
        error = donor_count_new(made, &made->donor_count);
    }
    if (error == ERR_OK) {
        error = revoke_new(made, &made->revoke);
    }
    if (error == ERR_OK) {
        error = orphans_new(&made->orphans);
    }
    if (error == ERR_OK) {
        error = public_page_new(made, &made->public_page);
    }
    if (error != ERR_OK) {
        orphans_free(made->orphans);
        revoke_free(made->revoke);
        donor_count_free(made->donor_count);
        dayline_free(made->dayline);
        events_free(made->events);
        free(made);
        return error;
    }
    *api = made;
    return ERR_OK;
}

void api_free(struct api *api)
{
    if (api == NULL) {
        return;
    }
    backup_stop(api);
    /* Calls whose answer from Redis is still to come end by themselves: apicall_lives() tells them.
     */
    for (struct apicall *call = api->calls, *next; call != NULL; call = next) {
        next = call->next;
        call->api = NULL;
        call->next = NULL;
        call->link = NULL;
    }
    if (api->verify != NULL) {
        verify_stop(api->verify);
    }
    orphans_free(api->orphans);
    revoke_free(api->revoke);
    events_free(api->events);
    dayline_free(api->dayline);
    donor_count_free(api->donor_count);
    public_page_free(api->public_page);
    free(api->sums);
    files_free(api->files);
    words_free(api->words);
    free(api->reload_mistakes);
    free(api);
}

#define PROBLEM_MAX_BYTES 1024

/* A console that cannot be read is no reason not to send: the old one stays. */
static void load_console(struct api *api, const struct settings *settings)
{
    struct files *files;
    struct buf problem;
    char quoted[PROBLEM_MAX_BYTES];
    buf_init(&problem, PROBLEM_MAX_BYTES);
    if (files_load(settings->daemon.console_dir, &files, &problem) == ERR_OK) {
        files_free(api->files);
        api->files = files;
        words_free(api->words);
        api->words = words_new(files);
    }
    if (problem.len > 0) {
        log_line(LOG_WARN, "api", "event=console_incomplete reason=%s",
                 log_quote(buf_text(&problem), quoted, sizeof quoted));
    }
    buf_fini(&problem);
}

void api_set_settings(struct api *api, const struct settings *settings, struct codes *const *codes,
                      const struct regions *regions)
{
    api->regions = regions;
    api->settings = settings;
    api->codes = codes;
    load_console(api, settings);
    public_page_follow_settings(api->public_page);
}

void api_redis_is_ready(struct api *api)
{
    orphans_look(api->orphans, api->parts.store);
}

void api_redis_is_back(struct api *api)
{
    donor_count_forget(api->donor_count);
    dayline_forget(api->dayline);
}

void api_note_reload(struct api *api, bool ok, const char *mistakes)
{
    free(api->reload_mistakes);
    api->reload_mistakes = strdup(mistakes != NULL ? mistakes : "");
    api->reload_known = true;
    api->reload_ok = ok;
    api->reload_at_ms = clock_wall_ms();
}

void api_end_streams(struct api *api)
{
    events_stop(api->events);
}

size_t api_calls(const struct api *api)
{
    size_t n = 0;
    for (const struct apicall *call = api->calls; call != NULL; call = call->next) {
        n++;
    }
    return n;
}

/* ---- requests ---- */

static struct apicall *apicall_new(struct api *api, struct http_request *request)
{
    struct apicall *call = calloc(1, sizeof *call);
    if (call == NULL) {
        http_answer(request, 500, "application/json", "{}", 2);
        return NULL;
    }
    call->api = api;
    call->request = request;
    call->serial = ++api->serials;
    call->next = api->calls;
    call->link = &api->calls;
    if (call->next != NULL) {
        call->next->link = &call->next;
    }
    api->calls = call;
    return call;
}

static bool is_of_public_page(const struct http_request *request)
{
    return strncmp(http_request_path(request), "/public/", strlen("/public/")) == 0;
}

static void handle_route(struct api *api, struct http_request *request, bool is_public)
{
    const struct route *route = NULL;
    char allowed[ROUTE_METHODS_SIZE];
    struct apicall *call = apicall_new(api, request);
    if (call == NULL) {
        return;
    }
    if (is_public && is_of_public_page(request)) {
        files_security_headers(request, api->settings->daemon.behind_tls);
    } else if (is_public) {
        auth_secure(request, api->settings->daemon.behind_tls);
    }
    const char *method = http_request_method(request), *path = http_request_path(request);
    switch (routes_find(method, path, &route, call->params)) {
    case ROUTE_NO_PATH:
        apicall_error(call, 404, "no_route", NULL, "there is no route %s", path);
        return;
    case ROUTE_NO_METHOD:
        http_answer_header(request, "Allow", routes_methods(path, allowed));
        apicall_error(call, 405, "no_method", NULL, "%s is not a method of %s; possible: %s",
                      method, path, allowed);
        return;
    case ROUTE_FOUND:
        break;
    }
    call->route = route;
    call->is_public = is_public;
    auth_begin(call);
}

void api_handle_control(void *arg, struct http_request *request)
{
    handle_route(arg, request, false);
}

/* Only who asks from this machine, and not through a reverse proxy that stands on it. */
static bool is_own_machine(const struct http_request *request)
{
    const char *peer = http_request_peer(request);
    return (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0) &&
           http_request_header(request, "X-Forwarded-For") == NULL &&
           http_request_header(request, "Forwarded") == NULL;
}

static void answer_text(struct http_request *request, int status, const char *text)
{
    http_answer(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

/* May work be given to it? */
static void answer_ready(const struct api *api, struct http_request *request)
{
    const char *sentence;
    bool ready = redis_health(store_redis(api->parts.store), &sentence) == REDIS_READY;
    answer_text(request, ready ? 200 : 503, ready ? "ok\n" : "redis is not ready\n");
}

/* false: answered with 405. */
static bool is_get(struct http_request *request)
{
    if (strcmp(http_request_method(request), "GET") == 0) {
        return true;
    }
    http_answer_header(request, "Allow", "GET, HEAD");
    answer_text(request, 405, "only GET\n");
    return false;
}

void api_handle_public(void *arg, struct http_request *request)
{
    struct api *api = arg;
    const char *path = http_request_path(request);
    bool behind_tls = api->settings->daemon.behind_tls;
    if (strncmp(path, "/hook/", 6) == 0) {
        auth_secure(request, behind_tls);
        webhook_handle(api->parts.webhook, request);
    } else if (strncmp(path, "/api/", 5) == 0 ||
               (is_of_public_page(request) && api->settings->ledger.public_page)) {
        handle_route(api, request, true);
    } else if (strcmp(path, "/healthz") == 0) {
        auth_secure(request, behind_tls);
        if (is_get(
                request)) { /* it lives, as its loop turns: a restart would not bring Redis back */
            answer_text(request, 200, "ok\n");
        }
    } else if (strcmp(path, "/readyz") == 0) {
        auth_secure(request, behind_tls);
        if (is_get(request)) {
            answer_ready(api, request);
        }
    } else if (strcmp(path, "/metrics") == 0 && is_own_machine(request) &&
               strcmp(http_request_method(request), "GET") == 0) {
        auth_secure(request, behind_tls);
        api_handle_control(api, request);
    } else if (!files_handle(api->files, request, behind_tls)) {
        auth_secure(request, behind_tls);
        answer_text(request, 404, "not found\n");
    }
}
