/* A set of mobile numbers: a bit for each, in blocks of 10 000 numbers that are made on first use.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct seen;
MUST_CHECK enum err seen_new(struct seen **seen);
void seen_free(struct seen *seen); /* NULL is fine */
/* Puts an 11-digit number in; *first says whether it was not there yet. errors: ERR_NOMEM */
MUST_CHECK enum err seen_add(struct seen *seen, uint64_t mobile, bool *first);
