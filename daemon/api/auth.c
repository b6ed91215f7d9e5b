#include "api/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/drafts.h"
#include "api/handlers.h"
#include "api/once.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/ids.h"
#include "inbound/caller.h"
#include "pledge/area.h"
#include "pledge/typed.h"
#include "store/ledger.h"
#include "store/people.h"

/* An open page asks for news by itself. That is no use of the session by its reader, who may have
 * gone home: neither such a request nor the stream of events, which browsers open again by
 * themselves, keeps it alive. */
#define UNATTENDED "X-Unattended"
#define TOKEN_BYTES 32
#define CONFIRM_MS (5 * INT64_C(60000))

/* ---- headers and the cookie ---- */

void auth_secure(struct http_request *request, bool behind_tls)
{
    static const struct {
        const char *name, *value;
    } headers[] = {
        {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "geolocation=(), camera=(), microphone=()"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        http_answer_header(request, headers[i].name, headers[i].value);
    }
    if (behind_tls) {
        http_answer_header(request, "Strict-Transport-Security", AUTH_TLS_ONLY);
    }
}

/* Behind TLS the browser itself guards the name: only the whole host, only over TLS. */
static const char *cookie_name(const struct apicall *call)
{
    return call->api->settings->daemon.behind_tls ? "__Host-sid" : "sid";
}

/* The value of our cookie, not terminated; NULL: none. */
static const char *find_cookie(const char *header, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (const char *at = header; at != NULL && *at != '\0';) {
        at += strspn(at, " ;");
        size_t whole = strcspn(at, ";");
        if (whole > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            *len = whole - name_len - 1;
            return at + name_len + 1;
        }
        at += whole;
    }
    return NULL;
}

static void digest_of(const char *token, size_t len, char digest[AUTH_DIGEST_SIZE])
{
    const struct digest_part part = {token, len};
    digest_sha256_hex(&part, 1, digest);
}

bool auth_digest(const struct apicall *call, char digest[AUTH_DIGEST_SIZE])
{
    size_t len;
    const char *header = http_request_header(call->request, "Cookie");
    const char *token = find_cookie(header, cookie_name(call), &len);
    if (token == NULL || len != AUTH_TOKEN_SIZE - 1) {
        return false;
    }
    digest_of(token, len, digest);
    return true;
}

void auth_new_token(char token[AUTH_TOKEN_SIZE], char digest[AUTH_DIGEST_SIZE])
{
    ids_random_hex(token, TOKEN_BYTES);
    digest_of(token, AUTH_TOKEN_SIZE - 1, digest);
}

void auth_set_cookie(struct apicall *call, const char *token)
{
    char cookie[256];
    bool tls = call->api->settings->daemon.behind_tls;
    snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s%s",
             cookie_name(call), token != NULL ? token : "", tls ? "; Secure" : "",
             token != NULL ? "" : "; Max-Age=0");
    http_answer_header(call->request, "Set-Cookie", cookie);
}

struct session_times auth_times(const struct apicall *call)
{
    const struct settings_daemon *daemon = &call->api->settings->daemon;
    return (struct session_times){.idle_ms = daemon->session_idle_ms,
                                  .life_ms = daemon->session_life_ms,
                                  .confirm_ms = CONFIRM_MS};
}

/* ---- requests from other pages ---- */

/* "http://host:port" of the header against the Host of the request. */
static bool is_same_origin(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    return host != NULL && at != NULL && strcasecmp(at + 3, host) == 0;
}

static bool is_own_page(const struct apicall *call)
{
    const char *origin = http_request_header(call->request, "Origin");
    const char *site = http_request_header(call->request, "Sec-Fetch-Site");
    if (origin != NULL && !is_same_origin(origin, http_request_header(call->request, "Host"))) {
        return false;
    }
    return site == NULL || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

static bool changes(const struct apicall *call)
{
    return strcmp(http_request_method(call->request), "GET") != 0;
}

/* ---- the body ---- */

/* A list or a part of a file comes as it is: its handler reads the bytes itself. */
static bool is_raw(const struct apicall *call)
{
    const char *type = http_request_header(call->request, "Content-Type");
    return strcmp(http_request_method(call->request), "PUT") == 0 ||
           (type != NULL && strncasecmp(type, "text/csv", strlen("text/csv")) == 0);
}

/* "application/json", whatever stands behind it. A form of another site can send text/plain, and no
 * more than that, without being asked first by the browser: where a cookie speaks for somebody it
 * is not read, whatever else stands in between. */
static bool is_json(const struct apicall *call)
{
    static const char json[] = "application/json";
    const char *type = http_request_header(call->request, "Content-Type");
    return type != NULL && strncasecmp(type, json, sizeof json - 1) == 0 &&
           strchr("; \t", type[sizeof json - 1]) != NULL;
}

/* Any other body is an object, or nothing. */
static bool read_body(struct apicall *call)
{
    size_t len = 0;
    json_error_t problem;
    const char *bytes = is_raw(call) ? NULL : http_request_body(call->request, &len);
    if (len == 0) {
        call->body = json_object();
        return true;
    }
    if (call->who.via == VIA_SESSION && !is_json(call)) {
        apicall_error(call, 415, "content_type", "Content-Type",
                      "the body must come as application/json");
        return false;
    }
    call->body = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(call->body)) {
        apicall_error(call, 400, "json", NULL, "the body is no JSON object: %s",
                      call->body == NULL ? problem.text : "it is something else");
        return false;
    }
    return true;
}

/* Who is logged in is who acts; nobody acts in another's name. */
static bool set_actor(struct apicall *call)
{
    const json_t *given = json_object_get(call->body, "actor");
    const char *query = http_request_query(call->request, "actor");
    bool is_other = (given != NULL && (!json_is_string(given) ||
                                       strcmp(json_string_value(given), call->who.name) != 0)) ||
                    (query != NULL && strcmp(query, call->who.name) != 0);
    if (is_other) {
        apicall_error(call, 400, "invalid", "actor", "actor: you are logged in as %s",
                      call->who.name);
        return false;
    }
    json_object_set_new(call->body, "actor", json_string(call->who.name));
    return true;
}

/* ---- the area of what is asked for ---- */

bool apicall_covers(const struct apicall *call, const char *region)
{
    uint64_t area = 0;
    if (region == NULL || area_parse(region, strlen(region), &area) != ERR_OK) {
        area = 0;
    }
    return who_covers(&call->who, area);
}

bool apicall_may_area(struct apicall *call, const char *field, uint64_t area)
{
    char own[AREA_TEXT_SIZE], other[AREA_TEXT_SIZE];
    if (who_covers(&call->who, area)) {
        return true;
    }
    apicall_error(call, 403, "area", field, "%s is not in your area %s",
                  area_format(area, other)[0] != '\0' ? other : "the whole country",
                  area_format(call->who.area, own));
    return false;
}

static void handle_now(struct apicall *call)
{
    call->route->handle(call);
}

static void handle(struct apicall *call)
{
    once_begin(call, handle_now);
}

/* What lies in another area is not there, as far as its users can tell. */
static void judge_campaign(struct apicall *call, const json_t *json)
{
    if (json != NULL && !apicall_covers(call, json_string_value(json_object_get(json, "region")))) {
        apicall_error(call, 404, "no_campaign", NULL, "there is no campaign %s", call->params[0]);
        return;
    }
    handle(call);
}

static void on_campaign(struct apicall *call)
{
    if (call->found.is_there) {
        judge_campaign(call, call->found.json);
        return;
    }
    json_t *draft = draft_json(call, call->params[0]);
    if (draft == NULL) {
        judge_campaign(call, NULL);
        return;
    }
    if (!apicall_covers(call, json_string_value(json_object_get(draft, "region")))) {
        json_decref(draft);
        apicall_error(call, 404, "no_campaign", NULL, "there is no campaign %s", call->params[0]);
        return;
    }
    json_decref(draft);
    handle(call);
}

static void on_pledge(void *arg, enum err error, const char *reason,
                      const struct ledger_pledges *pledges)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        apicall_fail(call, error, reason);
        return;
    }
    if (error == ERR_OK && !who_covers(&call->who, pledges->pledges[0].area)) {
        apicall_error(call, 404, "no_pledge", NULL, "there is no pledge %s", call->params[0]);
        return;
    }
    handle(call);
}

static void check_pledge(struct apicall *call)
{
    struct number number;
    char text[NUMBER_TEXT_SIZE];
    if (typed_number(call->params[0], &number) != ERR_OK) {
        handle(call); /* it says what is wrong with the number */
        return;
    }
    enum err error = ledger_show(call->api->parts.store, number_format(&number, text), 0,
                                 clock_wall_ms(), on_pledge, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* A path is for who has the machine; others name what lies in campaigns_dir. */
static void check_campaign_of_body(struct apicall *call)
{
    const char *file = json_string_value(json_object_get(call->body, "file"));
    if (file == NULL || !ids_valid_name(file) || strlen(file) >= ROUTE_PARAM_SIZE) {
        apicall_error(call, 400, "invalid", "file", "file must be the id of a campaign");
        return;
    }
    snprintf(call->params[0], ROUTE_PARAM_SIZE, "%s", file);
    apicall_find_campaign(call, on_campaign);
}

static void check_area(struct apicall *call)
{
    if (call->who.area == 0 && call->route->area != ROUTE_AREA_CAMPAIGN_BODY) {
        handle(call);
        return;
    }
    switch (call->route->area) {
    case ROUTE_AREA_ANY:
    case ROUTE_AREA_LIST:
    case ROUTE_AREA_READ:
        handle(call);
        return;
    case ROUTE_AREA_NATION:
        apicall_error(call, 403, "area", NULL, "this is for users of all areas");
        return;
    case ROUTE_AREA_CAMPAIGN:
        apicall_find_campaign(call, on_campaign);
        return;
    case ROUTE_AREA_CAMPAIGN_BODY:
        check_campaign_of_body(call);
        return;
    case ROUTE_AREA_PLEDGE:
        check_pledge(call);
        return;
    }
}

/* ---- the session ---- */

static void permit(struct apicall *call)
{
    const struct route *route = call->route;
    if (!who_has_role(&call->who, route->roles)) {
        apicall_error(call, 403, "role", NULL, "your role does not allow this");
        return;
    }
    if ((route->flags & ROUTE_CONFIRM) != 0 && call->who.via == VIA_TOKEN) {
        apicall_error(
            call, 403, "token", NULL,
            "a token is no password: a person does this in the console, or on the machine "
            "with outreachctl");
        return;
    }
    if ((route->flags & ROUTE_CONFIRM) != 0 && call->who.via == VIA_SESSION &&
        !call->who.is_confirmed) {
        apicall_error(call, 403, "confirm", NULL, "give your password once more for this");
        return;
    }
    if (query_check(call) && read_body(call) && set_actor(call)) {
        check_area(call);
    }
}

static bool set_who(struct who *who, const struct person *person)
{
    snprintf(who->name, sizeof who->name, "%s", person->name);
    return roles_parse(person->roles, &who->roles) == ERR_OK &&
           area_parse(person->area, strlen(person->area), &who->area) == ERR_OK;
}

static void refuse_session(struct apicall *call)
{
    apicall_error(call, 401, "session", NULL, "log in first");
}

static void on_session(void *arg, enum err error, const struct session_view *session)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_NOT_FOUND) {
        auth_set_cookie(call, NULL);
        refuse_session(call);
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    call->who.via = VIA_SESSION;
    call->who.is_confirmed = session->confirmed_until_ms != 0;
    call->session_ends_ms = session->ends_ms;
    call->confirmed_until_ms = session->confirmed_until_ms;
    snprintf(call->csrf, sizeof call->csrf, "%s", session->csrf);
    snprintf(call->title, sizeof call->title, "%s", session->person.title);
    if (!set_who(&call->who, &session->person)) {
        apicall_error(call, 403, "role", NULL,
                      "your roles or your area cannot be read; ask your "
                      "administrator");
        return;
    }
    const char *csrf = http_request_header(call->request, "X-CSRF-Token");
    if (changes(call) && (csrf == NULL || !ids_equal_secret(call->csrf, csrf))) {
        apicall_error(call, 403, "csrf", NULL, "the page is too old; load it again");
        return;
    }
    permit(call);
}

static void begin_session(struct apicall *call)
{
    char digest[AUTH_DIGEST_SIZE];
    if (!auth_digest(call, digest)) {
        refuse_session(call);
        return;
    }
    struct session_times times = auth_times(call);
    if (http_request_header(call->request, UNATTENDED) != NULL ||
        call->route->handle == handle_events) {
        times.idle_ms = 0;
    }
    enum err error = people_look(call->api->parts.store, digest, &times, on_session, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- tokens ---- */

/* What the token may, which is no more than its owner may. gives: false: nothing */
static bool read_token(const struct token *token, const struct person *owner, struct who *who)
{
    uint32_t roles = 0;
    uint64_t area = 0;
    if (owner->name[0] == '\0' || owner->is_disabled || !set_who(who, owner) ||
        roles_parse(token->roles, &roles) != ERR_OK ||
        area_parse(token->area, strlen(token->area), &area) != ERR_OK ||
        (who->area != 0 && (area == 0 || !area_within(area, who->area)))) {
        return false;
    }
    who->via = VIA_TOKEN;
    who->roles &= roles;
    who->area = area;
    return true;
}

static void on_token(void *arg, enum err error, const struct token *token,
                     const struct person *owner)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        apicall_fail(call, error, NULL);
        return;
    }
    if (error != ERR_OK || !read_token(token, owner, &call->who)) {
        apicall_error(call, 401, "session", NULL, "this token is worth nothing, or not any more");
        return;
    }
    permit(call);
}

/* false: there is none. */
static bool token_digest(const struct apicall *call, char digest[AUTH_DIGEST_SIZE])
{
    static const char scheme[] = "Bearer ";
    const char *header = http_request_header(call->request, "Authorization");
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0) {
        return false;
    }
    digest_of(header + sizeof scheme - 1, strlen(header + sizeof scheme - 1), digest);
    return true;
}

static bool begin_token(struct apicall *call)
{
    char digest[AUTH_DIGEST_SIZE];
    if (!token_digest(call, digest)) {
        return false;
    }
    enum err error = people_token_look(call->api->parts.store, digest, on_token, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
    return true;
}

/* ---- asked again, while an answer is still streamed ---- */

#define KEY_SESSION 's'
#define KEY_TOKEN 't'

const char *auth_key(const struct apicall *call, char key[AUTH_KEY_SIZE])
{
    key[0] = '\0';
    if (call->who.via == VIA_TOKEN && token_digest(call, key + 1)) {
        key[0] = KEY_TOKEN;
    } else if (call->who.via == VIA_SESSION && auth_digest(call, key + 1)) {
        key[0] = KEY_SESSION;
    }
    return key;
}

struct asking {
    uint32_t roles;
    auth_asked_fn *done;
    void *arg;
};

static void end_asking(struct asking *asking, bool is_let_in)
{
    struct asking copy = *asking;
    free(asking);
    copy.done(copy.arg, is_let_in);
}

/* Roles of a session need no look: it ends when they change. */
static void on_session_asked(void *arg, enum err error, const char *reason)
{
    (void)reason;
    end_asking(arg, error != ERR_NOT_FOUND);
}

static void on_token_asked(void *arg, enum err error, const struct token *token,
                           const struct person *owner)
{
    struct asking *asking = arg;
    struct who who = {.via = VIA_TOKEN};
    bool is_let_in = error != ERR_NOT_FOUND;
    if (error == ERR_OK) {
        is_let_in = read_token(token, owner, &who) && who_has_role(&who, asking->roles);
    }
    end_asking(asking, is_let_in);
}

void auth_ask(struct api *api, const char *key, uint32_t roles, auth_asked_fn *done, void *arg)
{
    struct store *store = api->parts.store;
    struct asking *asking = malloc(sizeof *asking);
    if (asking == NULL) {
        done(arg, true);
        return;
    }
    *asking = (struct asking){roles, done, arg};
    enum err error = key[0] == KEY_TOKEN ? people_token_look(store, key + 1, on_token_asked, asking)
                                         : people_lives(store, key + 1, on_session_asked, asking);
    if (error != ERR_OK) {
        end_asking(asking, true);
    }
}

void auth_begin(struct apicall *call)
{
    if (!call->is_public) {
        call->who = (struct who){.via = VIA_CONTROL};
        if (query_check(call) && read_body(call)) {
            handle(call);
        }
        return;
    }
    if (call->route->roles == 0 && (call->route->flags & ROUTE_OPEN) == 0) {
        apicall_error(call, 404, "no_route", NULL, "there is no route %s",
                      http_request_path(call->request));
        return;
    }
    if (changes(call) && !is_own_page(call)) {
        apicall_error(call, 403, "csrf", NULL, "this request comes from another site's page");
        return;
    }
    caller_address(&call->api->settings->daemon, call->request, call->who.address);
    if ((call->route->flags & ROUTE_OPEN) == 0) {
        if (!begin_token(call)) {
            begin_session(call);
        }
        return;
    }
    call->who.via = VIA_SESSION;
    /* Links to public pages grow parameters where they are passed on: those are not looked at. */
    if ((!changes(call) || query_check(call)) && read_body(call)) {
        handle(call);
    }
}
