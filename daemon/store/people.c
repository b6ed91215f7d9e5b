#include "store/people.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "store/call.h"

#define PEOPLE_MAX 10000
#define CODE_OTHER 5
#define CODE_RUNNING 6

/* ---- reading a user ---- */

static const char *text_at(const redisReply *reply, size_t i)
{
    const redisReply *at = i < reply->elements ? reply->element[i] : NULL;
    return at != NULL && at->type == REDIS_REPLY_STRING ? at->str : "";
}

static void read_person(const redisReply *fields, struct person *person)
{
    *person =
        (struct person){.name = "", .title = "", .roles = "", .area = "", .hash = "", .gen = "0"};
    struct {
        const char *name, **text;
    } texts[] = {{"name", &person->name}, {"title", &person->title}, {"roles", &person->roles},
                 {"area", &person->area}, {"hash", &person->hash},   {"gen", &person->gen}};
    if (fields == NULL || fields->type != REDIS_REPLY_ARRAY) {
        return;
    }
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const char *field = text_at(fields, i), *value = text_at(fields, i + 1);
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            if (strcmp(field, texts[t].name) == 0) {
                *texts[t].text = value;
            }
        }
        if (strcmp(field, "disabled") == 0) {
            person->is_disabled = strcmp(value, "0") != 0;
        } else if (strcmp(field, "created") == 0) {
            person->created_ms = strtoll(value, NULL, 10);
        } else if (strcmp(field, "login") == 0) {
            person->login_ms = strtoll(value, NULL, 10);
        }
    }
}

/* ---- users ---- */

enum err people_add(struct store *store, const struct person *person, queue_done_fn *done,
                    void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_user_add", KEY_PEOPLE, "");
    call_text(&call, person->name);
    call_text(&call, person->title);
    call_text(&call, person->roles);
    call_text(&call, person->area);
    call_text(&call, person->hash);
    return call_send_done(&call, done, arg);
}

struct changing {
    struct store *store;
    people_changed_fn *done;
    void *arg;
};

static void on_changed(void *arg, enum err error, const redisReply *reply)
{
    struct changing op = *(struct changing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct person before;
    read_person(answer.error == ERR_OK ? answer_at(&answer, 1) : NULL, &before);
    op.done(op.arg, answer.error, answer.reason, answer.error == ERR_OK ? &before : NULL);
}

static void add_change(struct call *call, const char *field, const char *value)
{
    if (value != NULL) {
        call_text(call, field);
        call_text(call, value);
    }
}

enum err people_change(struct store *store, const char *name, const struct person_change *change,
                       people_changed_fn *done, void *arg)
{
    const struct changing op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_user_change", KEY_PEOPLE, "");
    call_text(&call, name);
    add_change(&call, "title", change->title);
    add_change(&call, "roles", change->roles);
    add_change(&call, "area", change->area);
    add_change(&call, "hash", change->hash);
    add_change(&call, "disabled", change->disabled < 0 ? NULL : change->disabled ? "1" : "0");
    return call_send_with(&call, on_changed, &op, sizeof op);
}

struct opening {
    struct store *store;
    people_opened_fn *done;
    void *arg;
};

static void on_opened(void *arg, enum err error, const redisReply *reply)
{
    struct opening op = *(struct opening *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    op.done(op.arg, answer.error, answer.reason, answer_int(&answer, 1));
}

static enum err send_opening(const struct call *call, people_opened_fn *done, void *arg)
{
    const struct opening op = {call->store, done, arg};
    return call_send_with(call, on_opened, &op, sizeof op);
}

/* ---- attempts ---- */

struct trying {
    struct store *store;
    people_try_fn *done;
    void *arg;
};

static void on_tried(void *arg, enum err error, const redisReply *reply)
{
    struct trying op = *(struct trying *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    op.done(op.arg, answer.error, answer.reason,
            answer.code == CODE_OTHER ? answer_int(&answer, 1) : 0);
}

enum err people_try(struct store *store, const char *user, const char *address, people_try_fn *done,
                    void *arg)
{
    const struct trying op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_login_try", KEY_PEOPLE, "");
    call_text(&call, user);
    call_text(&call, address);
    return call_send_with(&call, on_tried, &op, sizeof op);
}

void people_forgive(struct store *store, const char *user)
{
    struct call call;
    call_begin(&call, store, "or1_login_good", KEY_PEOPLE, "");
    call_text(&call, user);
    if (call_send_done(&call, NULL, NULL) != ERR_OK) {
        log_line(LOG_INFO, "people", "event=not_forgiven user=%s", user); /* it expires by itself */
    }
}

/* ---- tokens ---- */

static void read_token(const redisReply *fields, struct token *token)
{
    *token = (struct token){.id = "", .owner = "", .title = "", .roles = "", .area = ""};
    struct {
        const char *name, **text;
    } texts[] = {{"id", &token->id},
                 {"owner", &token->owner},
                 {"title", &token->title},
                 {"roles", &token->roles},
                 {"area", &token->area}};
    struct {
        const char *name;
        int64_t *ms;
    } times[] = {
        {"created", &token->created_ms}, {"ends", &token->ends_ms}, {"used", &token->used_ms}};
    if (fields == NULL || fields->type != REDIS_REPLY_ARRAY) {
        return;
    }
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const char *field = text_at(fields, i), *value = text_at(fields, i + 1);
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            if (strcmp(field, texts[t].name) == 0) {
                *texts[t].text = value;
            }
        }
        for (size_t t = 0; t < sizeof times / sizeof *times; t++) {
            if (strcmp(field, times[t].name) == 0) {
                *times[t].ms = strtoll(value, NULL, 10);
            }
        }
    }
}

enum err people_token_add(struct store *store, const char *digest, const struct token *token,
                          int64_t life_ms, people_token_made_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_token_add", KEY_PEOPLE, "");
    call_text(&call, digest);
    call_text(&call, token->id);
    call_text(&call, token->owner);
    call_text(&call, token->title);
    call_text(&call, token->roles);
    call_text(&call, token->area);
    call_int(&call, life_ms);
    return send_opening(&call, done, arg);
}

struct looking_token {
    struct store *store;
    people_token_fn *done;
    void *arg;
};

static void on_token(void *arg, enum err error, const redisReply *reply)
{
    struct looking_token op = *(struct looking_token *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct token token;
    struct person owner;
    bool is_fine = answer.error == ERR_OK;
    read_token(is_fine ? answer_at(&answer, 1) : NULL, &token);
    read_person(is_fine ? answer_at(&answer, 2) : NULL, &owner);
    op.done(op.arg, answer.error, is_fine ? &token : NULL, is_fine ? &owner : NULL);
}

enum err people_token_look(struct store *store, const char *digest, people_token_fn *done,
                           void *arg)
{
    const struct looking_token op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_token_look", KEY_PEOPLE, "");
    call_text(&call, digest);
    return call_send_with(&call, on_token, &op, sizeof op);
}

struct listing_tokens {
    struct store *store;
    people_tokens_fn *done;
    void *arg;
};

static void on_tokens(void *arg, enum err error, const redisReply *reply)
{
    struct listing_tokens op = *(struct listing_tokens *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = answer.error == ERR_OK ? answer_len(&answer) - 1 : 0;
    struct token *tokens = calloc(n > 0 ? n : 1, sizeof *tokens);
    if (tokens == NULL) {
        op.done(op.arg, ERR_NOMEM, "", NULL, 0);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        read_token(answer_at(&answer, i + 1), &tokens[i]);
    }
    op.done(op.arg, answer.error, answer.reason, tokens, n);
    free(tokens);
}

enum err people_token_list(struct store *store, const char *owner, const char *after, size_t most,
                           people_tokens_fn *done, void *arg)
{
    const struct listing_tokens op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_token_list", KEY_PEOPLE, "");
    call_text(&call, owner);
    call_text(&call, after);
    call_int(&call, (int64_t)most);
    return call_send_with(&call, on_tokens, &op, sizeof op);
}

enum err people_token_drop(struct store *store, const char *id, const char *owner,
                           queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_token_drop", KEY_PEOPLE, "");
    call_text(&call, id);
    call_text(&call, owner);
    return call_send_done(&call, done, arg);
}

/* ---- once ---- */

struct onceing {
    struct store *store;
    people_once_fn *done;
    void *arg;
};

static void on_once(void *arg, enum err error, const redisReply *reply)
{
    struct onceing op = *(struct onceing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    int status = (int)answer_int(&answer, 1);
    enum once once = answer.code == CODE_OTHER     ? ONCE_OTHER
                     : answer.code == CODE_RUNNING ? ONCE_RUNNING
                     : status != 0                 ? ONCE_AGAIN
                                                   : ONCE_FIRST;
    op.done(op.arg, answer.error, once, status, answer_text(&answer, 2));
}

enum err people_once(struct store *store, const char *name, const char *digest,
                     people_once_fn *done, void *arg)
{
    const struct onceing op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_once_begin", KEY_PEOPLE, "");
    call_text(&call, name);
    call_text(&call, digest);
    call_int(&call, PEOPLE_ONCE_RUNNING_MS);
    return call_send_with(&call, on_once, &op, sizeof op);
}

void people_once_end(struct store *store, const char *name, int status, const char *body)
{
    char number[16] = "";
    struct call call;
    if (status != 0) {
        snprintf(number, sizeof number, "%d", status);
    }
    call_begin(&call, store, "or1_once_end", KEY_PEOPLE, "");
    call_text(&call, name);
    call_text(&call, number);
    call_text(&call, body);
    call_int(&call, PEOPLE_ONCE_KEPT_MS);
    if (call_send_done(&call, NULL, NULL) != ERR_OK) {
        log_line(LOG_WARN, "people", "event=answer_not_kept"); /* a repetition is told to wait */
    }
}

struct finding_people {
    struct store *store;
    people_fn *done;
    void *arg;
};

static void on_people(void *arg, enum err error, const redisReply *reply)
{
    struct finding_people op = *(struct finding_people *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = answer.error == ERR_OK ? answer_len(&answer) - 1 : 0;
    struct person *persons = calloc(n > 0 ? n : 1, sizeof *persons);
    if (persons == NULL || n > PEOPLE_MAX) {
        free(persons);
        op.done(op.arg, persons == NULL ? ERR_NOMEM : ERR_TOO_BIG, "", NULL, 0);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        read_person(answer_at(&answer, i + 1), &persons[i]);
    }
    op.done(op.arg, answer.error, answer.reason, persons, n);
    free(persons);
}

static enum err send_finding(const struct call *call, people_fn *done, void *arg)
{
    const struct finding_people op = {call->store, done, arg};
    return call_send_with(call, on_people, &op, sizeof op);
}

enum err people_find(struct store *store, const char *name, people_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_user_show", KEY_PEOPLE, "");
    call_text(&call, name);
    return send_finding(&call, done, arg);
}

enum err people_list(struct store *store, const char *after, size_t most, people_fn *done,
                     void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_user_list", KEY_PEOPLE, "");
    call_text(&call, after);
    call_int(&call, (int64_t)most);
    return send_finding(&call, done, arg);
}

/* ---- sessions ---- */

enum err people_open(struct store *store, const char *digest, const char *user, const char *gen,
                     const char *csrf, const char *instead, const struct session_times *times,
                     people_opened_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_session_open", KEY_PEOPLE, "");
    call_text(&call, digest);
    call_text(&call, user);
    call_text(&call, gen);
    call_text(&call, csrf);
    call_int(&call, times->idle_ms);
    call_int(&call, times->life_ms);
    call_text(&call, instead);
    return send_opening(&call, done, arg);
}

enum err people_confirm(struct store *store, const char *digest, const struct session_times *times,
                        people_opened_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_session_confirm", KEY_PEOPLE, "");
    call_text(&call, digest);
    call_int(&call, times->confirm_ms);
    return send_opening(&call, done, arg);
}

enum err people_lives(struct store *store, const char *digest, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_session_lives", KEY_PEOPLE, "");
    call_text(&call, digest);
    return call_send_done(&call, done, arg);
}

struct revision {
    people_revision_fn *done;
    void *arg;
};

static void on_revision(void *arg, enum err error, const redisReply *reply)
{
    struct revision op = *(struct revision *)arg;
    free(arg);
    op.done(op.arg, error,
            error == ERR_OK && reply->type == REDIS_REPLY_STRING ? strtoull(reply->str, NULL, 10)
                                                                 : 0);
}

enum err people_revision(struct store *store, people_revision_fn *done, void *arg)
{
    char key[KEY_SIZE];
    struct revision *op = malloc(sizeof *op);
    if (op == NULL) {
        return ERR_NOMEM;
    }
    *op = (struct revision){done, arg};
    int len = snprintf(key, sizeof key, KEY_PEOPLE "rev", store_prefix(store));
    const char *argv[] = {"GET", key};
    enum err error =
        redis_call(store_redis(store), on_revision, op, 2, argv, (const size_t[]){3, (size_t)len});
    if (error != ERR_OK) {
        free(op);
    }
    return error;
}

enum err people_close(struct store *store, const char *digest, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_session_close", KEY_PEOPLE, "");
    call_text(&call, digest);
    return call_send_done(&call, done, arg);
}

struct looking {
    struct store *store;
    people_session_fn *done;
    void *arg;
};

static void on_looked(void *arg, enum err error, const redisReply *reply)
{
    struct looking op = *(struct looking *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    struct session_view view = {.csrf = answer_text(&answer, 1),
                                .ends_ms = answer_int(&answer, 2),
                                .confirmed_until_ms = answer_int(&answer, 3)};
    read_person(answer.error == ERR_OK ? answer_at(&answer, 4) : NULL, &view.person);
    op.done(op.arg, answer.error, answer.error == ERR_OK ? &view : NULL);
}

enum err people_look(struct store *store, const char *digest, const struct session_times *times,
                     people_session_fn *done, void *arg)
{
    const struct looking op = {store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_session_look", KEY_PEOPLE, "");
    call_text(&call, digest);
    call_int(&call, times->idle_ms);
    call_int(&call, times->confirm_ms);
    return call_send_with(&call, on_looked, &op, sizeof op);
}
