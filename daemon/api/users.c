/* /api/v1/users: who may log in, with which roles and where. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/query.h"
#include "api/roles.h"
#include "base/ids.h"
#include "people/password.h"
#include "pledge/area.h"
#include "store/people.h"

#define TITLE_MAX 128
#define AREA_TEXT_MAX 32

json_t *roles_json(uint32_t roles)
{
    json_t *array = json_array();
    for (int i = 0; i < ROLE_COUNT; i++) {
        if ((roles & ROLE_BIT(i)) != 0) {
            json_array_append_new(array, json_string(role_word((enum role)i)));
        }
    }
    return array;
}

static json_t *person_json(const struct person *person, int offset_min)
{
    uint32_t roles = 0;
    if (roles_parse(person->roles, &roles) != ERR_OK) {
        roles = 0;
    }
    return json_pack("{s:s, s:s, s:o, s:s, s:b, s:o, s:o}", "name", person->name, "title",
                     person->title, "roles", roles_json(roles), "area", person->area, "disabled",
                     person->is_disabled, "created_at", encode_time(person->created_ms, offset_min),
                     "last_login_at", encode_time(person->login_ms, offset_min));
}

/* ---- list ---- */

static void on_people(void *arg, enum err error, const char *reason, const struct person *persons,
                      size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    uint64_t limit;
    const char *cursor = "";
    if (!query_page(call, &limit, &cursor)) {
        return;
    }
    cursor = n > limit ? persons[limit - 1].name : "";
    json_t *array = json_array();
    for (size_t i = 0; i < n && i < limit; i++) {
        json_array_append_new(array, person_json(&persons[i], apicall_offset_min(call)));
    }
    apicall_answer(call, 200, json_pack("{s:o, s:s}", "users", array, "cursor", cursor));
}

/* One more than the limit is asked for: there is another page. */
void handle_user_list(struct apicall *call)
{
    uint64_t limit;
    const char *cursor;
    if (!query_page(call, &limit, &cursor)) {
        return;
    }
    enum err error = people_list(call->api->parts.store, cursor, limit + 1, on_people, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- reading what is asked for ---- */

struct user_work {
    struct apicall *call;
    const char *actor;
    char name[WHO_NAME_SIZE], roles[ROLES_TEXT_SIZE], area[AREA_TEXT_SIZE];
    const char *title; /* in the body */
    bool has_roles, has_area, has_disabled, is_disabled;
};

static struct user_work *begin(struct apicall *call)
{
    struct user_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return NULL;
    }
    work->call = call;
    call->state = work;
    call->free_state = free;
    return work;
}

/* A name that nobody can have is nobody's. */
static bool take_name(struct user_work *work, const char *name)
{
    size_t len = strlen(name);
    if (len >= sizeof work->name) {
        apicall_error(work->call, 404, "no_user", NULL, "there is no user of this name");
        return false;
    }
    memcpy(work->name, name, len + 1);
    return true;
}

/* An array of words, or one text with blanks. */
bool roles_read(struct apicall *call, uint32_t *roles)
{
    const json_t *value = json_object_get(call->body, "roles"), *word;
    char words[256] = "";
    size_t i, len = 0;
    if (value == NULL) {
        return true;
    }
    if (json_is_string(value)) {
        snprintf(words, sizeof words, "%s", json_string_value(value));
    }
    json_array_foreach(value, i, word)
    {
        const char *text = json_string_value(word);
        if (text == NULL || len + strlen(text) + 2 > sizeof words) {
            words[0] = '\0';
            break;
        }
        len += (size_t)snprintf(words + len, sizeof words - len, "%s ", text);
    }
    if (roles_parse(words, roles) == ERR_OK) {
        return true;
    }
    apicall_error(call, 400, "invalid", "roles",
                  "roles: one or more of township, approver, finance, viewer, operator, admin, "
                  "auditor");
    return false;
}

static bool read_roles(struct user_work *work)
{
    uint32_t roles = 0;
    if (!roles_read(work->call, &roles)) {
        return false;
    }
    work->has_roles = roles != 0;
    roles_format(roles, work->roles);
    return true;
}

static bool read_user_area(struct user_work *work)
{
    const char *text;
    uint64_t area;
    if (json_object_get(work->call->body, "area") == NULL) {
        return true;
    }
    if (!apicall_text(work->call, "area", false, AREA_TEXT_MAX, &text)) {
        return false;
    }
    if (area_parse(text, strlen(text), &area) != ERR_OK || area == AREA_UNASSIGNED) {
        apicall_error(work->call, 400, "invalid", "area",
                      "area: \"%s\" is no area code; write 2, 4, 6, 9 or 12 digits, or nothing for "
                      "all areas",
                      text);
        return false;
    }
    area_format(area, work->area);
    work->has_area = true;
    return true;
}

static bool read_new_password(struct apicall *call, const char *name, const char **out)
{
    const json_t *value = json_object_get(call->body, "password");
    *out = json_string_value(value);
    const char *fault = *out == NULL                                ? "password is missing"
                        : strlen(*out) != json_string_length(value) ? "a password has no zero byte"
                                                                    : password_fault(*out, name);
    if (fault != NULL) {
        apicall_error(call, 400, *out == NULL ? "missing" : "invalid", "password", "%s", fault);
        return false;
    }
    return true;
}

/* ---- answers ---- */

static void answer_done(struct user_work *work, int status)
{
    apicall_note_made(work->call, work->name);
    apicall_answer(work->call, status, json_pack("{s:s}", "name", work->name));
}

static bool failed(struct user_work *work, enum err error, const char *reason)
{
    struct apicall *call = work->call;
    if (!apicall_lives(call)) {
        return true;
    }
    if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_user", NULL, "%s", reason);
    } else if (error == ERR_REFUSED) {
        apicall_error(call, 409, "exists", "name", "%s", reason);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    }
    return error != ERR_OK;
}

/* ---- rights, as the audit tells them ---- */

#define RIGHTS_MAX_BYTES 256

static void write_rights(char out[RIGHTS_MAX_BYTES], const char *roles, const char *area,
                         bool is_disabled)
{
    snprintf(out, RIGHTS_MAX_BYTES, "roles=\"%s\" area=%s disabled=%s", roles,
             area[0] != '\0' ? area : "all", is_disabled ? "yes" : "no");
}

/* ---- add ---- */

static void on_added(void *arg, enum err error, const char *reason)
{
    struct user_work *work = arg;
    if (failed(work, error, reason)) {
        return;
    }
    char is[RIGHTS_MAX_BYTES];
    write_rights(is, work->roles, work->area, false);
    apicall_note_change(work->call, "", is);
    answer_done(work, 201);
}

static void on_hashed_new(void *arg, enum err error, const char *hash)
{
    struct user_work *work = arg;
    if (failed(work, error, NULL)) {
        return;
    }
    const struct person person = {.name = work->name,
                                  .title = work->title,
                                  .roles = work->roles,
                                  .area = work->area,
                                  .hash = hash};
    error = people_add(work->call->api->parts.store, &person, on_added, work);
    if (error != ERR_OK) {
        apicall_fail(work->call, error, NULL);
    }
}

void handle_user_add(struct apicall *call)
{
    struct user_work *work = begin(call);
    const char *name, *password;
    if (work == NULL || !apicall_actor(call, &work->actor) ||
        !apicall_text(call, "name", true, WHO_NAME_SIZE - 1, &name)) {
        return;
    }
    if (!ids_valid_name(name)) {
        apicall_error(call, 400, "invalid", "name",
                      "name: 1 to 64 letters, digits, '-', '_' or '.', as in wang.li");
        return;
    }
    if (!take_name(work, name) || !apicall_text(call, "title", false, TITLE_MAX, &work->title) ||
        !read_roles(work) || !read_user_area(work) || !read_new_password(call, name, &password)) {
        return;
    }
    if (!work->has_roles || !work->has_area) {
        apicall_error(call, 400, "missing", work->has_roles ? "area" : "roles", "%s is missing",
                      work->has_roles ? "area (\"\" is all areas)" : "roles");
        return;
    }
    enum err error = password_hash(call->api->parts.passwords, password, on_hashed_new, work);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- change ---- */

static void on_changed(void *arg, enum err error, const char *reason, const struct person *before)
{
    struct user_work *work = arg;
    if (failed(work, error, reason)) {
        return;
    }
    char was[RIGHTS_MAX_BYTES], is[RIGHTS_MAX_BYTES];
    bool is_disabled = work->has_disabled ? work->is_disabled : before->is_disabled;
    write_rights(was, before->roles, before->area, before->is_disabled);
    write_rights(is, work->has_roles ? work->roles : before->roles,
                 work->has_area ? work->area : before->area, is_disabled);
    apicall_note_change(work->call, was, is);
    answer_done(work, 200);
}

void handle_user_change(struct apicall *call)
{
    struct user_work *work = begin(call);
    bool is_disabled;
    const json_t *disabled = json_object_get(call->body, "disabled");
    if (work == NULL || !take_name(work, call->params[0]) || !apicall_actor(call, &work->actor) ||
        !apicall_text(call, "title", false, TITLE_MAX, &work->title) || !read_roles(work) ||
        !read_user_area(work) || !apicall_bool(call, "disabled", &is_disabled)) {
        return;
    }
    bool is_self = call->who.via != VIA_CONTROL && strcmp(call->who.name, work->name) == 0;
    if (is_self && (work->has_roles || work->has_area || disabled != NULL)) {
        apicall_error(call, 409, "own", NULL,
                      "nobody changes her own rights: ask another administrator, or use "
                      "outreachctl on the server");
        return;
    }
    work->has_disabled = disabled != NULL;
    work->is_disabled = is_disabled;
    const struct person_change change = {
        .title = json_object_get(call->body, "title") != NULL ? work->title : NULL,
        .roles = work->has_roles ? work->roles : NULL,
        .area = work->has_area ? work->area : NULL,
        .disabled = disabled != NULL ? is_disabled : -1};
    enum err error = people_change(call->api->parts.store, work->name, &change, on_changed, work);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- passwords ---- */

static void on_password_set(void *arg, enum err error, const char *reason,
                            const struct person *before)
{
    struct user_work *work = arg;
    (void)before;
    if (!failed(work, error, reason)) {
        answer_done(work, 200);
    }
}

static void on_hashed(void *arg, enum err error, const char *hash)
{
    struct user_work *work = arg;
    if (failed(work, error, NULL)) {
        return;
    }
    const struct person_change change = {.hash = hash, .disabled = -1};
    error = people_change(work->call->api->parts.store, work->name, &change, on_password_set, work);
    if (error != ERR_OK) {
        apicall_fail(work->call, error, NULL);
    }
}

void users_set_password(struct apicall *call, const char *name, const char *password)
{
    if (call->free_state != NULL) {
        call->free_state(call->state);
    }
    call->free_state = NULL;
    struct user_work *work = begin(call);
    if (work == NULL || !take_name(work, name) || !apicall_actor(call, &work->actor)) {
        return;
    }
    enum err error = password_hash(call->api->parts.passwords, password, on_hashed, work);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_user_password(struct apicall *call)
{
    const char *password;
    if (read_new_password(call, call->params[0], &password)) {
        users_set_password(call, call->params[0], password);
    }
}
