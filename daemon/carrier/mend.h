/* JSON text that is not quite: what a carrier pushes passes a villager's message through as it came from the handset, half
 * characters included. One such record must not take an opt-out beside it along. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The bytes of the well-formed UTF-8 sequence at `text`, at most `len` (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF); 0: it is none. */
size_t mend_utf8_bytes(const char *text, size_t len);

#define MEND_GROWTH ((size_t)6)
/* `json` with everything in its strings that no reader of JSON takes made U+FFFD: escapes of half a surrogate pair, bytes
 * that are no UTF-8, and with `nul` also \u0000 (a name of a member must not hold it). Bare control characters in a string
 * become escapes. What is well-formed stays as it is; the same bytes always give the same. `out` grows to at most MEND_GROWTH
 * times `len`. errors: ERR_NOMEM */
MUST_CHECK enum err mend_json(const char *json, size_t len, bool nul, struct buf *out);
