/* One walk. Escapes stand only in strings, so a backslash needs no thought of where it is; bare
 * control characters do, because between the values they are white space. */
#include "carrier/mend.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPE_BYTES 6 /* \uXXXX */
#define REPLACEMENT "\\ufffd"

size_t mend_utf8_bytes(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (*at < 0x80)
        return 1;
    size_t more = *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : 1;
    if (*at < 0xc2 || *at > 0xf4 || len <= more)
        return 0;
    unsigned char low = *at == 0xe0 ? 0xa0 : *at == 0xf0 ? 0x90 : 0x80;
    unsigned char high = *at == 0xed ? 0x9f : *at == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i <= more; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return more + 1;
}

/* The code unit of the `\uXXXX` at `text`; -1: none stands there. */
static long code_unit(const char *text, size_t len)
{
    if (len < ESCAPE_BYTES || text[0] != '\\' || text[1] != 'u')
        return -1;
    char digits[5] = "";
    for (size_t i = 0; i < 4; i++) {
        if (!isxdigit((unsigned char)text[2 + i]))
            return -1;
        digits[i] = text[2 + i];
    }
    return strtol(digits, NULL, 16);
}

/* Copies the escape at `text`, mended. Gives how many bytes it had. */
static size_t add_escape(const char *text, size_t len, bool nul, struct buf *out)
{
    long unit = code_unit(text, len);
    size_t bytes = unit >= 0 ? ESCAPE_BYTES : len < 2 ? len : 2;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        long low = code_unit(text + ESCAPE_BYTES, len - ESCAPE_BYTES);
        if (low >= 0xdc00 && low <= 0xdfff)
            bytes += ESCAPE_BYTES;
    }
    bool is_half = unit >= 0xd800 && unit <= 0xdfff && bytes == ESCAPE_BYTES;
    if (is_half || (nul && unit == 0))
        buf_add_text(out, REPLACEMENT);
    else
        buf_add(out, text, bytes);
    return bytes;
}

enum err mend_json(const char *json, size_t len, bool nul, struct buf *out)
{
    bool in_string = false;
    for (size_t at = 0; at < len;) {
        unsigned char c = (unsigned char)json[at];
        size_t left = len - at, bytes = mend_utf8_bytes(json + at, left);
        if (c == '\\' && in_string) {
            /* a second backslash or a quote behind it is no sign of its own; a half character is
             * looked at by itself */
            if (left >= 2 && (unsigned char)json[at + 1] >= 0x80) {
                buf_add_char(out, '\\');
                at++;
            } else {
                at += add_escape(json + at, left, nul, out);
            }
            continue;
        }
        if (bytes == 0)
            buf_add_text(out, in_string ? REPLACEMENT : "?");
        else if (in_string && c < 0x20)
            buf_addf(out, "\\u%04x", c == 0 && nul ? 0xfffdU : c);
        else
            buf_add(out, json + at, bytes);
        in_string = c == '"' ? !in_string : in_string;
        at += bytes ? bytes : 1;
    }
    return buf_check(out);
}
