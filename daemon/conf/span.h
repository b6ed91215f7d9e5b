/* A piece of somebody else's bytes, as the reader and the editor of INI files cut them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

static inline bool span_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Without the blanks on both sides. */
static inline struct span span_trim(struct span span)
{
    while (span.len > 0 && span_is_blank(span.at[0])) {
        span.at++;
        span.len--;
    }
    while (span.len > 0 && span_is_blank(span.at[span.len - 1]))
        span.len--;
    return span;
}

static inline bool span_is(struct span span, const char *text)
{
    return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}
