/* See column.h. */
#include "campaign/column.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define NEAREST_CHARACTERS_MAX 48

/* Bytes of one blank or invisible character at `s`, 0 when it is none. Every value of a personal
 * text passes here, so it looks at bytes and calls nothing. */
static inline size_t blank_at(const char *s, size_t len)
{
    const unsigned char *c = (const unsigned char *)s;
    if (c[0] < 0x80)
        return c[0] == ' ' || (c[0] >= '\t' && c[0] <= '\r');
    if (len >= 2 && c[0] == 0xc2)
        return c[1] == 0xa0 ? 2 : 0; /* no-break space */
    if (len < 3)
        return 0;
    switch (c[0] << 16 | c[1] << 8 | c[2]) {
    case 0xe2808b: /* zero-width space */
    case 0xe2808c: /* zero-width non-joiner */
    case 0xe2808d: /* zero-width joiner */
    case 0xe281a0: /* word joiner */
    case 0xe38080: /* ideographic space */
    case 0xefbbbf: /* BOM */
        return 3;
    default:
        return 0;
    }
}

/* Bytes of a blank that ends at the end of `s`. */
static inline size_t blank_before_end(const char *s, size_t len)
{
    unsigned char last = (unsigned char)s[len - 1];
    if (last < 0x80)
        return blank_at(s + len - 1, 1);
    if (last >= 0xc0)
        return 0;
    if (len >= 2 && (unsigned char)s[len - 2] == 0xc2)
        return blank_at(s + len - 2, 2);
    return len >= 3 && blank_at(s + len - 3, 3) == 3 ? 3 : 0;
}

void column_trim(const char **text, size_t *len)
{
    size_t n;
    while (*len > 0 && (n = blank_at(*text, *len)) > 0) {
        *text += n;
        *len -= n;
    }
    while (*len > 0 && (n = blank_before_end(*text, *len)) > 0)
        *len -= n;
}

void column_fold(const char *name, size_t len, struct buf *out)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map(
        (const utf8proc_uint8_t *)name, (utf8proc_ssize_t)len, &folded,
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    if (n == UTF8PROC_ERROR_NOMEM)
        out->failed = true;
    if (n > 0) {
        const char *text = (const char *)folded;
        size_t text_len = (size_t)n;
        column_trim(&text, &text_len);
        buf_add(out, text, text_len);
    }
    free(folded);
}

/* The characters of a folded name; 0 when there are none or too many. */
static size_t decode(const char *text, int32_t out[NEAREST_CHARACTERS_MAX])
{
    size_t n = 0, len = strlen(text);
    for (size_t at = 0; at < len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t used =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(len - at), &c);
        if (used <= 0 || n == NEAREST_CHARACTERS_MAX)
            return 0;
        out[n++] = c;
        at += (size_t)used;
    }
    return n;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Edits (insert, delete, change) from one name to the other. */
static unsigned distance(const int32_t *a, size_t n, const int32_t *b, size_t m)
{
    unsigned row[NEAREST_CHARACTERS_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(changed, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[m];
}

size_t column_nearest(const char *word, const char *const *folded, size_t n)
{
    int32_t ours[NEAREST_CHARACTERS_MAX], theirs[NEAREST_CHARACTERS_MAX];
    size_t length = decode(word, ours), nearest = COLUMN_NONE;
    size_t best = 0;
    if (length == 0)
        return COLUMN_NONE;
    for (size_t i = 0; i < n; i++) {
        size_t their_length = decode(folded[i], theirs);
        size_t longer = their_length > length ? their_length : length;
        if (their_length == 0)
            continue;
        size_t differ = distance(ours, length, theirs, their_length);
        if (2 * differ <= longer && (nearest == COLUMN_NONE || differ < best)) {
            nearest = i;
            best = differ;
        }
    }
    return nearest;
}
