/* Has this number been seen before? Exact, for any count of numbers, with memory that depends on
 * how many seven-digit segments (1380013) are in use and how full they are, not on the rows read:
 *
 *   a segment with up to 59 numbers: 24, 56 or 120 bytes; with more: a bitmap of its 10 000
 *   numbers, 1252 bytes (2 + 1250).
 *
 * A township's million numbers lie in few, full segments: about 1.3 bits a number. Ten million
 * numbers spread over the whole country at random: about 50 MiB in all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct dedupe;

/* NULL when there is no memory. */
struct dedupe *dedupe_new(void);
void dedupe_free(struct dedupe *dedupe); /* NULL is fine */
/* `number` is a mobile number, 13 000 000 000 to 19 999 999 999. *seen: it was added before.
 * errors: ERR_NOMEM (the number was not added) */
MUST_CHECK enum err dedupe_add(struct dedupe *dedupe, uint64_t number, bool *seen);
/* What it holds now, in bytes asked of malloc. */
size_t dedupe_bytes(const struct dedupe *dedupe);
