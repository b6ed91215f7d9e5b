/* The growing buffer. Capacity doubles from a small start, so that n appends cost O(n) copies in
 * all; one byte more than the capacity is always allocated, for the zero at the end. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 256

void buf_init(struct buf *buf, size_t max_bytes)
{
    assert(max_bytes < SIZE_MAX / 2);
    *buf = (struct buf){.max = max_bytes};
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* Makes cap at least len + more. The slow path of every append. */
static bool grow(struct buf *buf, size_t more)
{
    if (more > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + more;
    size_t cap = buf->cap < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : buf->cap;
    while (cap < need)
        cap *= 2;
    if (cap > buf->max)
        cap = buf->max;
    char *data = realloc(buf->data, cap + 1);
    if (data == NULL) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    buf->data[buf->len] = '\0';
    return true;
}

static inline bool has_room(struct buf *buf, size_t more)
{
    if (buf->data != NULL && more <= buf->cap - buf->len)
        return true;
    return grow(buf, more);
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (!has_room(buf, len))
        return;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    if (!has_room(buf, 1))
        return;
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    if (!has_room(buf, 0))
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buf->data + buf->len, buf->cap - buf->len + 1, format, args);
    va_end(args);
    assert(n >= 0);
    if ((size_t)n > buf->cap - buf->len) {
        buf->data[buf->len] = '\0'; /* the cut attempt is not part of the contents */
        if (!grow(buf, (size_t)n))
            return;
        va_start(args, format);
        n = vsnprintf(buf->data + buf->len, buf->cap - buf->len + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)n;
}

char *buf_room(struct buf *buf, size_t more)
{
    return has_room(buf, more) ? buf->data + buf->len : NULL;
}

enum err buf_check(const struct buf *buf)
{
    return buf->failed ? ERR_NOMEM : ERR_OK;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data != NULL ? buf->data : "";
}
