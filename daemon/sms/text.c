/* Weighing a text. UTF-16 units are counted on the UTF-8 bytes, without decoding: every character
 * has one byte that is not a continuation byte, and a character outside the BMP starts with a byte
 * of 0xf0 or more. */
#include "sms/text.h"

#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#define GSM_SINGLE_SEPTETS 160
#define GSM_PART_SEPTETS 153

#define LEFT_BRACKET 0x3010  /* 【 */
#define RIGHT_BRACKET 0x3011 /* 】 */

/* Decodes one character; gives its length in bytes, 0 when it is not UTF-8. */
static size_t decode(const char *text, size_t len, utf8proc_int32_t *c)
{
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, c);
    return n > 0 ? (size_t)n : 0;
}

/* U+D800 to U+DFFF written as three bytes, which is how careless software writes half an emoji. */
static bool is_surrogate(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    return len >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] <= 0xbf && (s[2] & 0xc0) == 0x80;
}

static bool is_control(utf8proc_int32_t c)
{
    return (c < 0x20 && c != '\n') || (c >= 0x7f && c <= 0x9f);
}

enum text_fault text_check(const char *text, size_t len, size_t *at)
{
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        utf8proc_int32_t c;
        n = decode(text + i, len - i, &c);
        enum text_fault fault = TEXT_FINE;
        if (n == 0)
            fault = is_surrogate(text + i, len - i) ? TEXT_SURROGATE : TEXT_BAD_UTF8;
        else if (is_control(c))
            fault = TEXT_CONTROL;
        else if (c == LEFT_BRACKET || c == RIGHT_BRACKET)
            fault = TEXT_BRACKETS;
        if (fault != TEXT_FINE) {
            *at = i;
            return fault;
        }
    }
    return TEXT_FINE;
}

const char *text_fault_sentence(enum text_fault fault)
{
    switch (fault) {
    case TEXT_FINE:
        return "the text is fine";
    case TEXT_BAD_UTF8:
        return "the text is not UTF-8; save the file as UTF-8";
    case TEXT_SURROGATE:
        return "the text holds half of a character (a lone surrogate); type the character again";
    case TEXT_CONTROL:
        return "the text holds a control character; only line feeds are allowed";
    case TEXT_BRACKETS:
        return "the text holds 【 or 】, which are reserved for the signature";
    }
    return "the text has a fault without a name";
}

#define LOW_BITS UINT64_C(0x0101010101010101)

/* The sum of eight bytes that are 0 or 1. */
static uint32_t sum_bytes(uint64_t ones)
{
    return (uint32_t)((ones * LOW_BITS) >> 56);
}

uint32_t text_units(const char *text, size_t len)
{
    uint32_t units = 0;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t w;
        memcpy(&w, text + i, sizeof w);
        /* Bits 7 and 6 of each byte, moved to bit 0: 10 is a continuation, 1111 in bits 7 to 4
         * starts a pair. */
        uint64_t continues = (w >> 7) & ~(w >> 6) & LOW_BITS;
        uint64_t pairs = (w >> 7) & (w >> 6) & (w >> 5) & (w >> 4) & LOW_BITS;
        units += 8 - sum_bytes(continues) + sum_bytes(pairs);
    }
    for (; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        units += ((c & 0xc0) != 0x80) + (c >= 0xf0);
    }
    return units;
}

uint32_t text_segments(uint32_t units)
{
    if (units == 0)
        return 0;
    return units <= TEXT_SINGLE_UNITS ? 1 : (units + TEXT_PART_UNITS - 1) / TEXT_PART_UNITS;
}

/* Septets of a character in the GSM 7-bit default alphabet (1), its extension table (2), 0 when in
 * neither. source: carrier-apis.md 4.1 (3GPP 23.038). */
static uint32_t gsm_septets(utf8proc_int32_t c)
{
    if (c < 0x80) {
        if (c < 0x20)
            return c == '\n' || c == '\r' ? 1 : c == '\f' ? 2 : 0;
        if (c == '`' || c == 0x7f)
            return 0;
        return strchr("^{}\\[~]|", (int)c) != NULL ? 2 : 1;
    }
    static const uint16_t one_septet[] = {
        0xa1, 0xa3, 0xa4, 0xa5,  0xa7,  0xbf,  0xc4,  0xc5,  0xc6,  0xc7,  0xc9,  0xd1,  0xd6,
        0xd8, 0xdc, 0xdf, 0xe0,  0xe4,  0xe5,  0xe6,  0xe8,  0xe9,  0xec,  0xf1,  0xf2,  0xf6,
        0xf8, 0xf9, 0xfc, 0x393, 0x394, 0x398, 0x39b, 0x39e, 0x3a0, 0x3a3, 0x3a6, 0x3a8, 0x3a9,
    };
    for (size_t i = 0; i < sizeof one_septet / sizeof one_septet[0]; i++) {
        if (c == one_septet[i])
            return 1;
    }
    return c == 0x20ac ? 2 : 0; /* € */
}

static uint32_t ucs2_units(utf8proc_int32_t c)
{
    return c > 0xffff ? 2 : 1;
}

/* One character after the other into parts of `part`; one that needs two places is never cut in
 * two. */
static uint32_t count_parts(const char *text, size_t len, uint32_t single, uint32_t part,
                            uint32_t (*weigh)(utf8proc_int32_t c))
{
    uint32_t parts = 1, used = 0, total = 0;
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        utf8proc_int32_t c;
        n = decode(text + i, len - i, &c);
        uint32_t weight = 1;
        if (n == 0)
            n = 1; /* a broken byte would be sent as one replacement character */
        else
            weight = weigh(c);
        total += weight;
        if (used + weight > part) {
            parts++;
            used = 0;
        }
        used += weight;
    }
    return total <= single ? 1 : parts;
}

static bool all_gsm(const char *text, size_t len)
{
    size_t n;
    for (size_t i = 0; i < len; i += n) {
        utf8proc_int32_t c;
        n = decode(text + i, len - i, &c);
        if (n == 0 || gsm_septets(c) == 0)
            return false;
    }
    return true;
}

uint32_t text_segments_gsm(const char *text, size_t len)
{
    if (len == 0)
        return 0;
    /* One character outside the alphabet turns the whole message into UCS-2. */
    if (all_gsm(text, len))
        return count_parts(text, len, GSM_SINGLE_SEPTETS, GSM_PART_SEPTETS, gsm_septets);
    return count_parts(text, len, TEXT_SINGLE_UNITS, TEXT_PART_UNITS, ucs2_units);
}
