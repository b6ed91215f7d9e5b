/* See encoding.h. GB18030 is converted by the C library's iconv (about 450 MB/s).
 *
 * No byte of a GB18030 character after the first is a comma, a quotation mark or a line end (they
 * are 0x30-0x39, 0x40-0x7e or 0x80-0xfe), and iconv refuses a character that such a byte would
 * stand in; so a broken character never takes the structure of the table with it. */
#include "campaign/encoding.h"

#include <assert.h>
#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
/* So many whole three-byte characters for each fault make a file UTF-8 with faults. In GB18030 text
 * less than one byte pair in twenty looks like the start of one. */
#define CONVINCING 4
#define SCRATCH_BYTES 4096
/* POSIX says (iconv_t)-1. */
#define NO_CONVERSION ((iconv_t)(intptr_t)-1) /* NOLINT(performance-no-int-to-ptr) */

/* ---- UTF-8 ---- */

static size_t ascii_prefix(const char *bytes, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        if ((word & HIGH_BITS) != 0)
            break;
    }
    while (i < len && (unsigned char)bytes[i] < 0x80)
        i++;
    return i;
}

/* What a lead byte asks for: how long the character is and where its second byte must lie. */
struct lead {
    uint8_t length, second_from, second_to;
};

static struct lead lead_of(unsigned char c)
{
    if (c < 0xc2)
        return (struct lead){0};
    if (c < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (c < 0xf0) /* 0xed: surrogates are let pass */
        return (struct lead){3, c == 0xe0 ? 0xa0 : 0x80, 0xbf};
    if (c < 0xf5)
        return (struct lead){4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0};
}

/* Length of the character at `s`; 0 when it is broken. *cut: it may only be cut at the end. */
static size_t character_length(const char *s, size_t len, bool *cut)
{
    const unsigned char *bytes = (const unsigned char *)s;
    struct lead lead = lead_of(bytes[0]);
    *cut = false;
    if (lead.length == 0)
        return 0;
    for (size_t i = 1; i < lead.length; i++) {
        if (i == len) {
            *cut = true;
            return 0;
        }
        if (bytes[i] < (i == 1 ? lead.second_from : 0x80) ||
            bytes[i] > (i == 1 ? lead.second_to : 0xbf))
            return 0;
    }
    return lead.length;
}

size_t encoding_utf8_prefix(const char *bytes, size_t len)
{
    size_t at = 0;
    for (;;) {
        at += ascii_prefix(bytes + at, len - at);
        if (at == len)
            return at;
        bool cut;
        size_t n = character_length(bytes + at, len - at, &cut);
        if (n == 0)
            return at;
        at += n;
    }
}

bool encoding_is_ascii(const char *bytes, size_t len)
{
    return ascii_prefix(bytes, len) == len;
}

struct tally {
    size_t faults, long_characters;
};

static struct tally tally_utf8(const char *bytes, size_t len, bool whole)
{
    struct tally tally = {0};
    size_t at = 0;
    while ((at += ascii_prefix(bytes + at, len - at)) < len) {
        bool cut;
        size_t n = character_length(bytes + at, len - at, &cut);
        if (cut && !whole)
            break;
        tally.faults += n == 0;
        tally.long_characters += n >= 3;
        at += n > 0 ? n : 1;
    }
    return tally;
}

/* ---- GB18030 ---- */

struct encoding_converter {
    iconv_t descriptor;
};

enum err encoding_converter_new(struct encoding_converter **converter)
{
    struct encoding_converter *made = malloc(sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    made->descriptor = iconv_open("UTF-8", "GB18030");
    if (made->descriptor == NO_CONVERSION) {
        free(made);
        return ERR_IO;
    }
    *converter = made;
    return ERR_OK;
}

void encoding_converter_free(struct encoding_converter *converter)
{
    if (converter == NULL)
        return;
    iconv_close(converter->descriptor);
    free(converter);
}

size_t encoding_convert(struct encoding_converter *converter, const char *in, size_t len, bool last,
                        char *out, size_t out_size, size_t *used)
{
    char *from = (char *)in, *to = out; /* iconv reads only, whatever its prototype */
    size_t left = len, room = out_size;
    while (left > 0) {
        if (iconv(converter->descriptor, &from, &left, &to, &room) != (size_t)-1)
            continue;
        bool is_cut = errno == EINVAL;
        if (errno == E2BIG || (is_cut && !last) || room == 0)
            break;
        *to++ = ENCODING_BAD_BYTE;
        room--;
        /* Behind a bad byte a new character may begin; a cut one is bad as a whole. */
        from += is_cut ? left : 1;
        left -= is_cut ? left : 1;
    }
    *used = len - left;
    return out_size - room;
}

/* Length of the valid GB18030 that `bytes` begin with. */
static size_t gb18030_prefix(struct encoding_converter *converter, const char *bytes, size_t len,
                             bool whole)
{
    char scratch[SCRATCH_BYTES], *from = (char *)bytes;
    size_t left = len;
    while (left > 0) {
        char *to = scratch;
        size_t room = sizeof scratch;
        if (iconv(converter->descriptor, &from, &left, &to, &room) != (size_t)-1 || errno == E2BIG)
            continue;
        return errno == EINVAL && !whole ? len : len - left;
    }
    return len;
}

/* ---- detection ---- */

bool encoding_has_bom(const char *bytes, size_t len)
{
    return len >= ENCODING_BOM_BYTES && memcmp(bytes, "\xef\xbb\xbf", ENCODING_BOM_BYTES) == 0;
}

enum err encoding_detect(const char *bytes, size_t len, bool whole, enum encoding *encoding,
                         size_t *fault_at)
{
    *fault_at = 0;
    *encoding = ENCODING_UTF8;
    if (encoding_has_bom(bytes, len))
        return ERR_OK;
    if (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        *encoding = ENCODING_UTF16;
        return ERR_OK;
    }
    struct tally tally = tally_utf8(bytes, len, whole);
    if (tally.faults == 0 || tally.long_characters / CONVINCING > tally.faults)
        return ERR_OK;
    struct encoding_converter *converter;
    enum err error = encoding_converter_new(&converter);
    if (error != ERR_OK)
        return error;
    *fault_at = gb18030_prefix(converter, bytes, len, whole);
    *encoding = *fault_at == len ? ENCODING_GB18030 : ENCODING_NEITHER;
    encoding_converter_free(converter);
    return ERR_OK;
}
