/* Users and their sessions in Redis. Roles and areas travel as texts: this room does not judge
 * them. */
#pragma once

#include "store/queue.h"

struct person {
    const char *name, *title, *roles, *area, *hash;
    const char *gen; /* changes with password, rights, or when disabled: old sessions end */
    bool is_disabled;
    int64_t created_ms, login_ms; /* login 0: never */
};

MUST_CHECK enum err people_add(struct store *store, const struct person *person,
                               queue_done_fn *done, void *arg);
/* Fields that are NULL stay; `disabled` -1 stays. ERR_NOT_FOUND. `before`: as it was, NULL with an
 * error. */
struct person_change {
    const char *title, *roles, *area, *hash;
    int disabled;
};
typedef void people_changed_fn(void *arg, enum err error, const char *reason,
                               const struct person *before);
MUST_CHECK enum err people_change(struct store *store, const char *name,
                                  const struct person_change *change, people_changed_fn *done,
                                  void *arg);
typedef void people_fn(void *arg, enum err error, const char *reason, const struct person *persons,
                       size_t n);
/* One by name; ERR_NOT_FOUND. */
MUST_CHECK enum err people_find(struct store *store, const char *name, people_fn *done, void *arg);
/* In order of names, those behind `after` (""): at most `most`. */
MUST_CHECK enum err people_list(struct store *store, const char *after, size_t most,
                                people_fn *done, void *arg);

/* ---- attempts ---- */

/* Before a password is looked at; `wait_ms` 0: go on. */
typedef void people_try_fn(void *arg, enum err error, const char *reason, int64_t wait_ms);
MUST_CHECK enum err people_try(struct store *store, const char *user, const char *address,
                               people_try_fn *done, void *arg);
/* The password was right: the account's failures are forgotten. Nobody waits for it. */
void people_forgive(struct store *store, const char *user);

/* ---- tokens of programs: `digest` is the hex SHA-256 of the token ---- */

struct token {
    const char *id, *owner, *title, *roles, *area;
    int64_t created_ms, ends_ms, used_ms; /* used 0: never */
};
typedef void people_token_made_fn(void *arg, enum err error, const char *reason, int64_t ends_ms);
MUST_CHECK enum err people_token_add(struct store *store, const char *digest,
                                     const struct token *token, int64_t life_ms,
                                     people_token_made_fn *done, void *arg);
/* ERR_NOT_FOUND: it has ended, or never was. The owner may be disabled: look. */
typedef void people_token_fn(void *arg, enum err error, const struct token *token,
                             const struct person *owner);
MUST_CHECK enum err people_token_look(struct store *store, const char *digest,
                                      people_token_fn *done, void *arg);
/* `owner` "": all. In order of ids, those behind `after` (""): at most `most`. */
typedef void people_tokens_fn(void *arg, enum err error, const char *reason,
                              const struct token *tokens, size_t n);
MUST_CHECK enum err people_token_list(struct store *store, const char *owner, const char *after,
                                      size_t most, people_tokens_fn *done, void *arg);
MUST_CHECK enum err people_token_drop(struct store *store, const char *id, const char *owner,
                                      queue_done_fn *done, void *arg);

/* ---- requests that are done once ---- */

enum once { ONCE_FIRST, ONCE_AGAIN, ONCE_OTHER, ONCE_RUNNING };
/* AGAIN: `status` and `body` are those of the first time. OTHER: the name was used for another
 * request. */
typedef void people_once_fn(void *arg, enum err error, enum once once, int status,
                            const char *body);
MUST_CHECK enum err people_once(struct store *store, const char *name, const char *digest,
                                people_once_fn *done, void *arg);
/* `status` 0: it came to nothing and may be tried again. Nobody waits for it. */
void people_once_end(struct store *store, const char *name, int status, const char *body);
#define PEOPLE_ONCE_KEPT_MS (24 * INT64_C(3600000))
#define PEOPLE_ONCE_RUNNING_MS (5 * INT64_C(60000)) /* then its daemon has died: try again */

/* ---- sessions: `digest` is the hex SHA-256 of the token ---- */

struct session_times {
    int64_t idle_ms, life_ms, confirm_ms;
};
/* `instead`: the digest of a session that ends with this one's begin, or "". ERR_REFUSED: the user
 * was changed since `gen` was read. */
typedef void people_opened_fn(void *arg, enum err error, const char *reason, int64_t ends_ms);
MUST_CHECK enum err people_open(struct store *store, const char *digest, const char *user,
                                const char *gen, const char *csrf, const char *instead,
                                const struct session_times *times, people_opened_fn *done,
                                void *arg);
struct session_view {
    const char *csrf;
    int64_t ends_ms, confirmed_until_ms; /* 0: the password has to be given again */
    struct person person;
};
/* Counts as use of the session, but not with an idle_ms of 0. ERR_NOT_FOUND: it has ended, or never was. */
typedef void people_session_fn(void *arg, enum err error, const struct session_view *session);
MUST_CHECK enum err people_look(struct store *store, const char *digest,
                                const struct session_times *times, people_session_fn *done,
                                void *arg);
/* ERR_NOT_FOUND when it has ended; does not count as use of it. */
MUST_CHECK enum err people_lives(struct store *store, const char *digest, queue_done_fn *done,
                                 void *arg);
/* A number that grows whenever a login or a token has lost a right: a password, roles, an area were
 * changed, somebody was disabled or has logged out, a token was dropped. What merely expires does
 * not change it. */
typedef void people_revision_fn(void *arg, enum err error, uint64_t revision);
MUST_CHECK enum err people_revision(struct store *store, people_revision_fn *done, void *arg);
MUST_CHECK enum err people_close(struct store *store, const char *digest, queue_done_fn *done,
                                 void *arg);
/* `ends_ms` of the callback: until when the confirmation holds. */
MUST_CHECK enum err people_confirm(struct store *store, const char *digest,
                                   const struct session_times *times, people_opened_fn *done,
                                   void *arg);
