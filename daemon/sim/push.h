/* The carrier's pushing side: POSTs JSON to one URL over a few keep-alive connections. It keeps no
 * queue: whoever has something to push asks for a free connection first.
 *
 * A push has three ends: acknowledged (2xx), refused (another status), or broken (no connection, no
 * answer in time). What broke may or may not have arrived, and the carrier pushes it again: real
 * ones do, and receivers have to live with it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct event_base;
struct push;

enum push_end { PUSH_ACKNOWLEDGED, PUSH_REFUSED, PUSH_BROKEN };
typedef void push_done_fn(void *arg, void *job, enum push_end end);

/* `url` is http://HOST[:PORT]/PATH. errors: ERR_INVALID, ERR_NOT_FOUND (no such host), ERR_NOMEM */
MUST_CHECK enum err push_new(struct event_base *base, const char *url, size_t connections,
                             int64_t timeout_ms, push_done_fn *on_done, void *arg,
                             struct push **push);
/* Pushes under way end without a call of on_done. NULL is fine. */
void push_free(struct push *push);
bool push_ready(const struct push *push);
size_t push_running(const struct push *push);
/* Only when push_ready(). `body` is copied. on_done(arg, job, …) runs exactly once, never before
 * this returns. */
void push_post(struct push *push, const char *body, size_t len, void *job);
