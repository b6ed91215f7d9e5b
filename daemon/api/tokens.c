/* /api/v1/tokens: what a program shows instead of a login. A token is shown once and stored as its
 * digest; it may do no more than its owner, and nothing once she is disabled. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/encode.h"
#include "api/query.h"
#include "api/roles.h"
#include "base/ids.h"
#include "pledge/area.h"
#include "store/people.h"

#define TITLE_MAX 128
#define ID_BYTES 6
#define DAYS_DEFAULT 90
#define DAYS_MAX 400
#define DAY_MS (24 * INT64_C(3600000))

struct making {
    struct apicall *call;
    char id[2 * ID_BYTES + 1], token[AUTH_TOKEN_SIZE];
};

static void on_made(void *arg, enum err error, const char *reason, int64_t ends_ms)
{
    struct making *making = arg;
    struct apicall *call = making->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    apicall_note_made(call, making->id);
    apicall_answer(call, 201,
                   json_pack("{s:s, s:s, s:o}", "id", making->id, "token", making->token,
                             "expires_at", encode_time(ends_ms, apicall_offset_min(call))));
}

/* A program does not make more of its kind. */
static bool may_handle(struct apicall *call)
{
    if (call->who.via != VIA_TOKEN) {
        return true;
    }
    apicall_error(call, 403, "role", NULL, "tokens are for who has logged in to make and to end");
    return false;
}

/* `owner` is who it acts for, with her roles and her area; it gets these or less. */
static void make_token(struct apicall *call, const struct who *owner)
{
    const char *title;
    char roles_text[ROLES_TEXT_SIZE], area_text[AREA_TEXT_SIZE], digest[AUTH_DIGEST_SIZE];
    uint32_t roles = owner->roles;
    uint64_t area = owner->area;
    int64_t days;
    if (!apicall_text(call, "title", true, TITLE_MAX, &title) || !roles_read(call, &roles) ||
        !apicall_place(call, "area", false, &area) ||
        !apicall_integer(call, "days", DAYS_DEFAULT, &days)) {
        return;
    }
    if ((roles & ~owner->roles) != 0) {
        apicall_error(call, 403, "role", "roles", "a token may do no more than its owner");
        return;
    }
    if (owner->area != 0 && (area == 0 || !area_within(area, owner->area))) {
        apicall_error(call, 403, "area", "area", "%s is not in its owner's area %s",
                      area_format(area, area_text), area_format(owner->area, roles_text));
        return;
    }
    if (days < 1 || days > DAYS_MAX) {
        apicall_error(call, 400, "invalid", "days", "days must be 1 to %d", DAYS_MAX);
        return;
    }
    struct making *making = calloc(1, sizeof *making);
    if (making == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    making->call = call;
    call->state = making;
    call->free_state = free;
    ids_random_hex(making->id, ID_BYTES);
    auth_new_token(making->token, digest);
    const struct token token = {.id = making->id,
                                .owner = owner->name,
                                .title = title,
                                .roles = roles_format(roles, roles_text),
                                .area = area_format(area, area_text)};
    enum err error =
        people_token_add(call->api->parts.store, digest, &token, days * DAY_MS, on_made, making);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_owner(void *arg, enum err error, const char *reason, const struct person *persons,
                     size_t n)
{
    struct apicall *call = arg;
    struct who owner = {.via = VIA_TOKEN};
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_NOT_FOUND || (error == ERR_OK && n != 1)) {
        apicall_error(call, 404, "no_user", "owner", "there is no user of this name");
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    snprintf(owner.name, sizeof owner.name, "%s", persons->name);
    if (roles_parse(persons->roles, &owner.roles) != ERR_OK ||
        area_parse(persons->area, strlen(persons->area), &owner.area) != ERR_OK) {
        apicall_error(call, 409, "refused", "owner", "her roles or her area cannot be read");
        return;
    }
    make_token(call, &owner);
}

/* A login makes tokens of its own; on the control socket `owner` names whose it is to be. */
void handle_token_add(struct apicall *call)
{
    const char *owner, *actor;
    if (!may_handle(call)) {
        return;
    }
    if (call->who.via == VIA_SESSION) {
        make_token(call, &call->who);
        return;
    }
    if (!apicall_actor(call, &actor) ||
        !apicall_text(call, "owner", true, WHO_NAME_SIZE - 1, &owner)) {
        return;
    }
    enum err error = people_find(call->api->parts.store, owner, on_owner, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* Her own; all for who looks after users. */
static const char *whose(const struct apicall *call)
{
    return who_has_role(&call->who, ROLE_BIT(ROLE_ADMIN)) && call->who.area == 0 ? ""
                                                                                 : call->who.name;
}

static void on_tokens(void *arg, enum err error, const char *reason, const struct token *tokens,
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
    int offset = apicall_offset_min(call);
    uint64_t limit;
    const char *cursor;
    if (!query_page(call, &limit, &cursor)) {
        return;
    }
    cursor = n > limit ? tokens[limit - 1].id : "";
    json_t *array = json_array();
    for (size_t i = 0; i < n && i < limit; i++) {
        uint32_t roles = 0;
        if (roles_parse(tokens[i].roles, &roles) != ERR_OK) {
            roles = 0;
        }
        json_array_append_new(
            array,
            json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:o, s:o}", "id", tokens[i].id, "owner",
                      tokens[i].owner, "title", tokens[i].title, "roles", roles_json(roles), "area",
                      tokens[i].area, "created_at", encode_time(tokens[i].created_ms, offset),
                      "expires_at", encode_time(tokens[i].ends_ms, offset), "last_used_at",
                      encode_time(tokens[i].used_ms, offset)));
    }
    apicall_answer(call, 200, json_pack("{s:o, s:s}", "tokens", array, "cursor", cursor));
}

/* One more than the limit is asked for: there is another page. */
void handle_token_list(struct apicall *call)
{
    uint64_t limit;
    const char *cursor;
    if (!query_page(call, &limit, &cursor)) {
        return;
    }
    enum err error =
        people_token_list(call->api->parts.store, whose(call), cursor, limit + 1, on_tokens, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_dropped(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_token", NULL, "%s", reason);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else {
        apicall_answer(call, 200, json_pack("{s:s}", "id", call->params[0]));
    }
}

void handle_token_drop(struct apicall *call)
{
    if (!may_handle(call)) {
        return;
    }
    enum err error =
        people_token_drop(call->api->parts.store, call->params[0], whose(call), on_dropped, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
