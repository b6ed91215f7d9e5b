#include "store/people.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "store/call.h"

#define PEOPLE_MAX 10000

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
    struct changing *op = malloc(sizeof *op);
    if (op == NULL) {
        return ERR_NOMEM;
    }
    *op = (struct changing){store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_user_change", KEY_PEOPLE, "");
    call_text(&call, name);
    add_change(&call, "title", change->title);
    add_change(&call, "roles", change->roles);
    add_change(&call, "area", change->area);
    add_change(&call, "hash", change->hash);
    add_change(&call, "disabled", change->disabled < 0 ? NULL : change->disabled ? "1" : "0");
    enum err error = call_send(&call, on_changed, op);
    if (error != ERR_OK) {
        free(op);
    }
    return error;
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

enum err people_find(struct store *store, const char *name, people_fn *done, void *arg)
{
    struct finding_people *op = malloc(sizeof *op);
    if (op == NULL) {
        return ERR_NOMEM;
    }
    *op = (struct finding_people){store, done, arg};
    struct call call;
    call_begin(&call, store, name != NULL ? "or1_user_show" : "or1_user_list", KEY_PEOPLE, "");
    if (name != NULL) {
        call_text(&call, name);
    }
    enum err error = call_send(&call, on_people, op);
    if (error != ERR_OK) {
        free(op);
    }
    return error;
}

/* ---- sessions ---- */

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
    struct opening *op = malloc(sizeof *op);
    if (op == NULL) {
        return ERR_NOMEM;
    }
    *op = (struct opening){call->store, done, arg};
    enum err error = call_send(call, on_opened, op);
    if (error != ERR_OK) {
        free(op);
    }
    return error;
}

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
    struct looking *op = malloc(sizeof *op);
    if (op == NULL) {
        return ERR_NOMEM;
    }
    *op = (struct looking){store, done, arg};
    struct call call;
    call_begin(&call, store, "or1_session_look", KEY_PEOPLE, "");
    call_text(&call, digest);
    call_int(&call, times->idle_ms);
    call_int(&call, times->confirm_ms);
    enum err error = call_send(&call, on_looked, op);
    if (error != ERR_OK) {
        free(op);
    }
    return error;
}
