/* /api/v1/session: logging in and out, the password again, a new one. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/encode.h"
#include "api/journal.h"
#include "api/regions.h"
#include "api/roles.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "campaign/definition.h"
#include "conf/address.h"
#include "people/password.h"
#include "pledge/area.h"
#include "sms/mobile.h"
#include "store/drafts.h"
#include "store/people.h"

#define CSRF_BYTES 32

/* ---- who is logged in ---- */

static json_t *session_json(struct apicall *call, bool is_trial)
{
    const struct who *who = &call->who;
    const struct settings_daemon *daemon = &call->api->settings->daemon;
    char area[AREA_TEXT_SIZE], day[ENCODE_DAY_SIZE], offset[16];
    int minutes = apicall_offset_min(call);
    struct encode_regions regions = api_regions(call);
    snprintf(offset, sizeof offset, "%c%02d:%02d", minutes < 0 ? '-' : '+', abs(minutes) / 60,
             abs(minutes) % 60);
    json_t *json = json_pack(
        "{s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:s}", "user", who->name, "title",
        call->title, "roles", roles_json(who->roles), "area", area_format(who->area, area),
        "area_name", regions.name != NULL ? regions.name(regions.arg, who->area) : "", "csrf",
        call->csrf, "confirmed_until", encode_time(call->confirmed_until_ms, minutes), "expires_at",
        encode_time(call->session_ends_ms, minutes), "version", OUTREACH_VERSION, "utc_offset",
        offset, "today", encode_day(apicall_today(call), day));
    json_object_set_new(json, "trial", json_boolean(is_trial));
    json_object_set_new(json, "limits",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i}", "four_eyes_over",
                                  (json_int_t)daemon->four_eyes_over, "part_bytes",
                                  (json_int_t)DRAFTING_PART_MAX_BYTES, "upload_bytes",
                                  (json_int_t)daemon->upload_max_bytes, "test_daily",
                                  (json_int_t)daemon->test_daily, "trial_daily",
                                  (json_int_t)daemon->trial_daily, "optout_daily",
                                  (json_int_t)daemon->optout_daily, "signature_min", SIGNATURE_MIN,
                                  "signature_max", SIGNATURE_MAX));
    return json;
}

static void on_standing(void *arg, enum err error, const char *reason,
                        const struct area_standing *standing)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    apicall_answer(call, 200, session_json(call, !standing->is_live));
}

/* Trial is told to those who could send. */
static void answer_session(struct apicall *call)
{
    if (!who_has_role(&call->who, ROLE_BIT(ROLE_TOWNSHIP) | ROLE_BIT(ROLE_APPROVER))) {
        apicall_answer(call, 200, session_json(call, false));
        return;
    }
    enum err error = drafts_area_find(call->api->parts.store, call->who.area, on_standing, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static bool has_session(struct apicall *call)
{
    if (call->is_public) {
        return true;
    }
    apicall_error(call, 404, "no_route", NULL, "the control socket has no sessions");
    return false;
}

/* A token may come with the cookie of another's login: what it confirms or ends must be its own. */
static bool has_own_session(struct apicall *call)
{
    if (call->who.via != VIA_TOKEN) {
        return has_session(call);
    }
    apicall_error(call, 403, "role", NULL, "this is for who has logged in, not for a token");
    return false;
}

void handle_session_show(struct apicall *call)
{
    if (has_session(call)) {
        answer_session(call);
    }
}

/* ---- logging in ---- */

struct login {
    struct apicall *call;
    char user[WHO_NAME_SIZE], gen[32], hash[PASSWORD_HASH_SIZE];
    char token[AUTH_TOKEN_SIZE];
    bool is_known;
};

static void free_login(void *state)
{
    struct login *login = state;
    memset(login, 0, sizeof *login);
    free(login);
}

/* The same answer for a name nobody has, a wrong password and a disabled user. */
static void refuse_login(struct login *login)
{
    struct apicall *call = login->call;
    char quoted[2 * WHO_NAME_SIZE + 4];
    log_line(LOG_WARN, "people", "event=login_failed user=%s address=%s",
             log_quote(call->is_nobody ? JOURNAL_NOBODY : login->user, quoted, sizeof quoted),
             call->who.address);
    apicall_error(call, 401, "login", NULL, "wrong name or password");
}

static void refuse_attempt(struct apicall *call, const char *user, int64_t wait_ms)
{
    char seconds[24], quoted[2 * WHO_NAME_SIZE + 4], shown[WHO_NAME_SIZE];
    int64_t wait_s = (wait_ms + 999) / 1000;
    snprintf(seconds, sizeof seconds, "%lld", (long long)wait_s);
    http_answer_header(call->request, "Retry-After", seconds);
    snprintf(shown, sizeof shown, "%s", user);
    mobile_mask_within(shown);
    log_line(LOG_WARN, "people", "event=login_throttled user=%s address=%s",
             log_quote(shown, quoted, sizeof quoted), call->who.address);
    apicall_error(call, 429, "too_many", NULL, "too many attempts; try again in %lld seconds",
                  (long long)wait_s);
}

static void on_opened(void *arg, enum err error, const char *reason, int64_t ends_ms)
{
    struct login *login = arg;
    struct apicall *call = login->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_REFUSED) {
        refuse_login(login);
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    log_line(LOG_INFO, "people", "event=login user=%s address=%s", login->user, call->who.address);
    call->session_ends_ms = ends_ms;
    call->confirmed_until_ms = clock_wall_ms() + auth_times(call).confirm_ms;
    auth_set_cookie(call, login->token);
    answer_session(call);
}

static void on_checked(void *arg, enum err error, bool is_right)
{
    struct login *login = arg;
    struct apicall *call = login->call;
    char digest[AUTH_DIGEST_SIZE], old[AUTH_DIGEST_SIZE];
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    if (!is_right || !login->is_known) {
        refuse_login(login);
        return;
    }
    people_forgive(call->api->parts.store, login->user);
    auth_new_token(login->token, digest);
    ids_random_hex(call->csrf, CSRF_BYTES);
    struct session_times times = auth_times(call);
    error = people_open(call->api->parts.store, digest, login->user, login->gen, call->csrf,
                        auth_digest(call, old) ? old : "", &times, on_opened, login);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_person(void *arg, enum err error, const char *reason, const struct person *persons,
                      size_t n)
{
    struct login *login = arg;
    struct apicall *call = login->call;
    const char *password = json_string_value(json_object_get(call->body, "password"));
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        apicall_fail(call, error, reason);
        return;
    }
    call->is_nobody = error == ERR_NOT_FOUND;
    if (error == ERR_OK && n == 1 && !persons->is_disabled) {
        login->is_known =
            roles_parse(persons->roles, &call->who.roles) == ERR_OK &&
            area_parse(persons->area, strlen(persons->area), &call->who.area) == ERR_OK;
        snprintf(call->who.name, sizeof call->who.name, "%s", persons->name);
        snprintf(call->title, sizeof call->title, "%s", persons->title);
        snprintf(login->gen, sizeof login->gen, "%s", persons->gen);
        snprintf(login->hash, sizeof login->hash, "%s", persons->hash);
    }
    error = password_check(call->api->parts.passwords, login->is_known ? login->hash : "", password,
                           on_checked, login);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_try(void *arg, enum err error, const char *reason, int64_t wait_ms)
{
    struct login *login = arg;
    struct apicall *call = login->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK && wait_ms > 0) {
        refuse_attempt(call, login->user, wait_ms);
        return;
    }
    if (error == ERR_OK) {
        error = people_find(call->api->parts.store, login->user, on_person, login);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    }
}

/* A password may hold anything, so apicall_text does not read it. */
static bool read_password(struct apicall *call, const char *field, const char **out)
{
    const json_t *value = json_object_get(call->body, field);
    *out = json_string_value(value);
    if (*out != NULL && **out != '\0' && strlen(*out) == json_string_length(value) &&
        strlen(*out) <= PASSWORD_MAX_BYTES) {
        return true;
    }
    apicall_error(call, 400, *out == NULL ? "missing" : "invalid", field,
                  "%s must be a text of 1 to %d bytes", field, PASSWORD_MAX_BYTES);
    return false;
}

void handle_session_open(struct apicall *call)
{
    const char *user, *password;
    char whose[ADDRESS_TEXT_SIZE];
    if (!has_session(call) || !apicall_text(call, "user", true, WHO_NAME_SIZE - 1, &user) ||
        !read_password(call, "password", &password)) {
        return;
    }
    struct login *login = calloc(1, sizeof *login);
    if (login == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    login->call = call;
    snprintf(login->user, sizeof login->user, "%s", user);
    call->state = login;
    call->free_state = free_login;
    enum err error = people_try(call->api->parts.store, login->user,
                                address_of_subscriber(call->who.address, whose), on_try, login);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- logging out ---- */

static void on_closed(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    auth_set_cookie(call, NULL);
    apicall_answer(call, 204, NULL);
}

void handle_session_close(struct apicall *call)
{
    char digest[AUTH_DIGEST_SIZE];
    if (!has_own_session(call)) {
        return;
    }
    if (!auth_digest(call, digest)) {
        apicall_error(call, 401, "session", NULL, "log in first");
        return;
    }
    enum err error = people_close(call->api->parts.store, digest, on_closed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- the own password: again, or a new one ---- */

struct proof {
    struct apicall *call;
    void (*then)(struct proof *proof);
};

static void on_proved(void *arg, enum err error, bool is_right)
{
    struct proof *proof = arg;
    struct apicall *call = proof->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    if (!is_right) {
        log_line(LOG_WARN, "people", "event=confirm_failed user=%s address=%s", call->who.name,
                 call->who.address);
        apicall_error(call, 403, "login", NULL, "wrong password");
        return;
    }
    people_forgive(call->api->parts.store, call->who.name);
    proof->then(proof);
}

static void on_self(void *arg, enum err error, const char *reason, const struct person *persons,
                    size_t n)
{
    struct proof *proof = arg;
    struct apicall *call = proof->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK || n != 1) {
        apicall_fail(call, error != ERR_OK ? error : ERR_NOT_FOUND, reason);
        return;
    }
    const json_t *old = json_object_get(call->body, "old");
    const json_t *given = old != NULL ? old : json_object_get(call->body, "password");
    error = password_check(call->api->parts.passwords, persons->hash, json_string_value(given),
                           on_proved, proof);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_proof_try(void *arg, enum err error, const char *reason, int64_t wait_ms)
{
    struct proof *proof = arg;
    struct apicall *call = proof->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK && wait_ms > 0) {
        refuse_attempt(call, call->who.name, wait_ms);
        return;
    }
    if (error == ERR_OK) {
        error = people_find(call->api->parts.store, call->who.name, on_self, proof);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    }
}

static void prove(struct apicall *call, void (*then)(struct proof *proof))
{
    char whose[ADDRESS_TEXT_SIZE];
    struct proof *proof = calloc(1, sizeof *proof);
    if (proof == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    *proof = (struct proof){call, then};
    call->state = proof;
    call->free_state = free;
    enum err error =
        people_try(call->api->parts.store, call->who.name,
                   address_of_subscriber(call->who.address, whose), on_proof_try, proof);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_confirmed(void *arg, enum err error, const char *reason, int64_t ends_ms)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    apicall_answer(
        call, 200,
        json_pack("{s:o}", "confirmed_until", encode_time(ends_ms, apicall_offset_min(call))));
}

static void confirm(struct proof *proof)
{
    struct apicall *call = proof->call;
    char digest[AUTH_DIGEST_SIZE] = "";
    struct session_times times = auth_times(call);
    (void)auth_digest(call, digest); /* there is one: the session was found by it */
    enum err error = people_confirm(call->api->parts.store, digest, &times, on_confirmed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_session_confirm(struct apicall *call)
{
    const char *password;
    if (has_own_session(call) && read_password(call, "password", &password)) {
        prove(call, confirm);
    }
}

static void change_password(struct proof *proof)
{
    struct apicall *call = proof->call;
    users_set_password(call, call->who.name, json_string_value(json_object_get(call->body, "new")));
}

/* All sessions of the user end with it, this one too: the page asks for the new password. */
void handle_session_password(struct apicall *call)
{
    const char *old, *new;
    if (!has_own_session(call) || !read_password(call, "old", &old) ||
        !read_password(call, "new", &new)) {
        return;
    }
    const char *fault = password_fault(new, call->who.name);
    if (fault != NULL) {
        apicall_error(call, 400, "invalid", "new", "%s", fault);
        return;
    }
    prove(call, change_password);
}
