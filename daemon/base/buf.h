/* A growing byte buffer that is born with a ceiling.
 *
 * A failed append (no memory, ceiling reached) leaves the contents as they were and sets `failed`; a builder may append
 * many times and look once at the end. `data` is always zero-terminated when `data` is not NULL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct buf {
    char *data;
    size_t len, cap, max; /* max: the ceiling for len, in bytes */
    bool failed;
};

/* An empty buffer that never grows past `max_bytes`. Allocates nothing yet. */
void buf_init(struct buf *buf, size_t max_bytes);
/* Frees the bytes; the buffer may be used again with the same ceiling. */
void buf_fini(struct buf *buf);
/* Forgets the contents and `failed`, keeps the memory. */
void buf_reset(struct buf *buf);

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_text(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
/* Makes room for `more` bytes and gives where they go; the caller fills them and adds to len. NULL when it cannot. */
char *buf_room(struct buf *buf, size_t more);
/* ERR_NOMEM when any append since init or reset failed. */
MUST_CHECK enum err buf_check(const struct buf *buf);
/* "" instead of NULL for an empty buffer. */
const char *buf_text(const struct buf *buf);
