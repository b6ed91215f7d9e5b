/* Passwords: the rules for new ones, and argon2id in a thread of its own, so that the loop never
 * waits (19 MiB and some 30 ms each). One thread and a bounded queue: a flood of logins makes
 * logins wait, and nothing else.
 *
 * source: reliability.md C5 (OWASP: argon2id, m = 19 MiB, t = 2, p = 1; 12 to 128 characters, any
 * characters, no forced change) */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct event_base;
struct passwords;

#define PASSWORD_MIN_CHARS 12
#define PASSWORD_MAX_CHARS 128
#define PASSWORD_MAX_BYTES 512
#define PASSWORD_HASH_SIZE 128
#define PASSWORD_QUEUE_MAX 32

/* NULL when `password` may be a new one, else a sentence that says what is wrong with it. */
const char *password_fault(const char *password, const char *user);

MUST_CHECK enum err passwords_new(struct event_base *base, struct passwords **passwords);
/* Waits for the one under way; callbacks of the others run with ERR_CLOSED before this returns.
 * NULL is fine. */
void passwords_free(struct passwords *passwords);

/* `done` runs once, later, from the loop, unless an error is returned. The password is copied and
 * wiped. errors: ERR_BUSY (PASSWORD_QUEUE_MAX wait), ERR_TOO_BIG, ERR_NOMEM */
typedef void password_hashed_fn(void *arg, enum err error, const char *hash);
MUST_CHECK enum err password_hash(struct passwords *passwords, const char *password,
                                  password_hashed_fn *done, void *arg);
/* `hash` "" for a user who does not exist: it takes as long, and is never right. */
typedef void password_checked_fn(void *arg, enum err error, bool is_right);
MUST_CHECK enum err password_check(struct passwords *passwords, const char *hash,
                                   const char *password, password_checked_fn *done, void *arg);
