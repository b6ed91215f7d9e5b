/* A recursive-descent reader without the recursion: one object, strings on both sides of each
 * colon. Strings are decoded onto themselves, which is safe because an escape is never shorter than
 * what it stands for. */
#include "sim/flat.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    char *at, *end;
};

static void skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t' ||
                                        *cursor->at == '\n' || *cursor->at == '\r')) {
        cursor->at++;
    }
}

static bool take(struct cursor *cursor, char c)
{
    skip_blanks(cursor);
    if (cursor->at == cursor->end || *cursor->at != c) {
        return false;
    }
    cursor->at++;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

static bool take_hex4(struct cursor *cursor, uint32_t *unit)
{
    if (cursor->end - cursor->at < 4) {
        return false;
    }
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int value = hex_value(*cursor->at++);
        if (value < 0) {
            return false;
        }
        *unit = *unit << 4 | (uint32_t)value;
    }
    return true;
}

static char *put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (char)point;
    } else if (point < 0x800) {
        *out++ = (char)(0xc0 | point >> 6);
        *out++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *out++ = (char)(0xe0 | point >> 12);
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    } else {
        *out++ = (char)(0xf0 | point >> 18);
        *out++ = (char)(0x80 | (point >> 12 & 0x3f));
        *out++ = (char)(0x80 | (point >> 6 & 0x3f));
        *out++ = (char)(0x80 | (point & 0x3f));
    }
    return out;
}

/* What follows `\u`: one UTF-16 unit, or two that make a pair. */
static bool take_unicode_escape(struct cursor *cursor, char **out)
{
    uint32_t unit, low;
    if (!take_hex4(cursor, &unit)) {
        return false;
    }
    if (unit >= 0xdc00 && unit <= 0xdfff) {
        return false;
    }
    if (unit >= 0xd800 && unit <= 0xdbff) {
        if (cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u') {
            return false;
        }
        cursor->at += 2;
        if (!take_hex4(cursor, &low) || low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    *out = put_utf8(*out, unit);
    return true;
}

static bool take_escape(struct cursor *cursor, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (cursor->at == cursor->end) {
        return false;
    }
    char c = *cursor->at++;
    if (c == 'u') {
        return take_unicode_escape(cursor, out);
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found) {
        return false;
    }
    *(*out)++ = to[found - from];
    return true;
}

/* Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (Unicode 15, table 3-7).
 */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    size_t len = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || left < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) ||
        (lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f)) {
        return 0;
    }
    return len;
}

static bool take_string(struct cursor *cursor, struct flat_text *text)
{
    if (!take(cursor, '"')) {
        return false;
    }
    char *out = cursor->at;
    text->bytes = out;
    while (cursor->at < cursor->end) {
        unsigned char c = (unsigned char)*cursor->at;
        if (c == '"') {
            cursor->at++;
            text->len = (size_t)(out - text->bytes);
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            cursor->at++;
            if (!take_escape(cursor, &out)) {
                return false;
            }
            continue;
        }
        size_t len = 1;
        if (c >= 0x80) {
            len =
                utf8_length((const unsigned char *)cursor->at, (size_t)(cursor->end - cursor->at));
            if (len == 0) {
                return false;
            }
        }
        do {
            *out++ = *cursor->at++;
        } while (--len > 0);
    }
    return false;
}

enum err flat_read(char *text, size_t len, flat_pair_fn *on_pair, void *arg)
{
    struct cursor cursor = {text, text + len};
    if (!take(&cursor, '{')) {
        return ERR_INVALID;
    }
    if (!take(&cursor, '}')) {
        do {
            struct flat_text key, value;
            if (!take_string(&cursor, &key) || !take(&cursor, ':') ||
                !take_string(&cursor, &value)) {
                return ERR_INVALID;
            }
            enum err error = on_pair(arg, key, value);
            if (error != ERR_OK) {
                return error;
            }
        } while (take(&cursor, ','));
        if (!take(&cursor, '}')) {
            return ERR_INVALID;
        }
    }
    skip_blanks(&cursor);
    return cursor.at == cursor.end ? ERR_OK : ERR_INVALID;
}
