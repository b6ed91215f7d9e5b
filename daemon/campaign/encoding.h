/* UTF-8 or GB18030? Spreadsheet programs in China write either, and say so nowhere. Detection looks
 * at the beginning of a file; what follows is converted block by block. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum encoding {
    ENCODING_UTF8,
    ENCODING_GB18030,
    ENCODING_UTF16, /* by its BOM; not supported */
    ENCODING_NEITHER
};

#define ENCODING_BOM_BYTES 3 /* of UTF-8 */

/* `whole`: nothing follows `bytes`; else a character cut at the end is no fault. A BOM decides.
 * Bytes that are all valid UTF-8 are UTF-8. Else all must be valid GB18030 – unless the three-byte
 * characters of UTF-8 outnumber the faults by far: then it is UTF-8 with some broken cells, because
 * reading it as GB18030 would send rubbish to people. *fault_at, for NEITHER: the offset of the
 * first byte that is neither. errors: ERR_IO (the system cannot convert GB18030) */
MUST_CHECK enum err encoding_detect(const char *bytes, size_t len, bool whole,
                                    enum encoding *encoding, size_t *fault_at);
bool encoding_has_bom(const char *bytes, size_t len);

/* Length of the valid UTF-8 that `bytes` begin with. Surrogates written as three bytes pass here:
 * they are a fault of the text (sms/text.h names it), not of the encoding. */
size_t encoding_utf8_prefix(const char *bytes, size_t len);

bool encoding_is_ascii(const char *bytes, size_t len);

/* A byte that stands for what was no GB18030. UTF-8 never holds it, so the row is found out. */
#define ENCODING_BAD_BYTE '\xff'

struct encoding_converter;
/* errors: ERR_NOMEM, ERR_IO (the system cannot convert GB18030) */
MUST_CHECK enum err encoding_converter_new(struct encoding_converter **converter);
void encoding_converter_free(struct encoding_converter *converter); /* NULL is fine */
/* Converts GB18030 to UTF-8. gives: bytes written; *used: bytes read. It stops early when `out` is
 * full or a character is cut at the end of `in`; with `last` a cut character is a bad byte. With
 * out_size >= 2 * len all but a cut character (3 bytes at most) is read. */
size_t encoding_convert(struct encoding_converter *converter, const char *in, size_t len, bool last,
                        char *out, size_t out_size, size_t *used);
