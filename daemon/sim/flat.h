/* Reads a flat JSON object whose values are all strings: the only form a submit request takes,
 * outside and inside.
 *
 * A general reader spends more on a request of a thousand numbers than everything else the
 * simulator does with it; this one decodes in place and allocates nothing. What is not of the form
 * (other types, bad UTF-8, a lone surrogate, rubbish after the object) is refused. */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct flat_text {
    const char *bytes; /* decoded UTF-8, not terminated; lies in the text that was read */
    size_t len;
};
/* A key with its value, in the order of the text. Anything but ERR_OK stops the reading and is
 * given back. */
typedef enum err flat_pair_fn(void *arg, struct flat_text key, struct flat_text value);

/* Reads `text`, which is overwritten by the decoding. errors: ERR_INVALID, and what `on_pair` gives
 * source: RFC 8259 */
MUST_CHECK enum err flat_read(char *text, size_t len, flat_pair_fn *on_pair, void *arg);
