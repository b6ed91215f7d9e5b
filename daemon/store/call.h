/* Inside this room only: one call of one function of the library, from arguments to what its answer
 * means. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "store/keys.h"
#include "store/queue.h"
#include "store/store.h"

#define CALL_ARGS_MAX 128
#define CALL_NUMBERS_MAX 2048 /* bytes of numbers written as text */

/* A call under construction. Texts and bytes are borrowed until it is sent (or kept). */
struct call {
    struct store *store;
    int argc;
    const char *argv[CALL_ARGS_MAX];
    size_t lens[CALL_ARGS_MAX];
    char key[KEY_SIZE];
    char numbers[CALL_NUMBERS_MAX];
    size_t used;
};

/* `format` is one of KEY_…, for the store's prefix and `name` (ignored by formats with one %s). */
void call_begin(struct call *call, struct store *store, const char *function, const char *format,
                const char *name);
void call_text(struct call *call, const char *text);
void call_bytes(struct call *call, const void *bytes, size_t len);
void call_int(struct call *call, int64_t value);
/* errors: those of redis_call */
MUST_CHECK enum err call_send(const struct call *call, redis_reply_fn *on_reply, void *arg);
/* The same with a copy of `op` (of `size` bytes) as its argument, which on_reply frees. errors:
 * also ERR_NOMEM */
MUST_CHECK enum err call_send_with(const struct call *call, redis_reply_fn *on_reply,
                                   const void *op, size_t size);

/* A copy of a call that may be sent more than once, for acts of several steps. NULL: no memory. */
struct kept_call;
struct kept_call *call_keep(const struct call *call);
MUST_CHECK enum err call_send_kept(const struct kept_call *kept, redis_reply_fn *on_reply,
                                   void *arg);
void call_forget(struct kept_call *kept); /* NULL is fine */

/* What an answer means. `code` is the first element (0 when there is an error from below); `error`
 * and `reason` are ready for a callback: ERR_OK for code 0 and for codes over 4, which the caller
 * knows. */
struct answer {
    enum err error;
    const char *reason; /* never NULL */
    int64_t code;
    const struct redisReply *reply; /* NULL: no elements may be read */
};
struct answer answer_read(struct store *store, enum err error, const struct redisReply *reply);
size_t answer_len(const struct answer *answer);
/* The i-th element (0 is the code). Missing or of another kind: 0, "", NULL. */
int64_t answer_int(const struct answer *answer, size_t i);
const char *answer_text(const struct answer *answer, size_t i);
const uint8_t *answer_bytes(const struct answer *answer, size_t i, size_t *len);
const struct redisReply *answer_at(const struct answer *answer, size_t i);

/* For calls whose answer is only yes or no. `done` may be NULL: nobody listens. */
MUST_CHECK enum err call_send_done(const struct call *call, queue_done_fn *done, void *arg);

/* A text of an audit line: mobile numbers in it are masked, and it is cut, in whole characters, to
 * the room it is copied to, which lives until the call is sent. */
#define AUDIT_TEXT_SIZE 1024
void call_audited(struct call *call, const char *text, char room[AUDIT_TEXT_SIZE]);
/* Writes an audit line and does not wait for it. */
void call_audit(struct store *store, int64_t at_ms, const char *actor, const char *act,
                const char *object, const char *detail);
