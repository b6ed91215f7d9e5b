/* Is the secret part of a webhook's path one that nobody guesses? Whoever has it can report
 * messages as delivered and opt people out. Pure. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#define CALLBACK_KEY_MAX 128 /* signs; ROUTE_PART_SIZE of inbound/route.h holds it */

/* 128 bits, were it made at random: so many signs as that takes of the smallest usual alphabet that
 * has all of them (22 of A-Z a-z 0-9 _ -, 25 of a-z 0-9, 32 hexadecimal digits, 39 decimal ones).
 * Refused as well: fewer than 8 different signs, and a shorter text that is repeated. `why` gets
 * what is wrong, what would be right and a command that makes it; never the key or a part of it.
 * errors: ERR_INVALID
 * source: 128 bits: OWASP ASVS 4.0.3, 6.3.2 (what must not be guessed) */
MUST_CHECK enum err callback_key_check(const char *key, struct buf *why);
