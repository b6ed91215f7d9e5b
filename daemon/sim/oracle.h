/* The oracle: what the carrier really took. Tests hold the daemon's books against it.
 *
 * One line an accepted recipient, `REQUEST MSGGROUP MOBILE`, written before the request is
 * answered:
 *
 *   17 1017090000001000330441 15400001234
 *
 * The lines of a request go out by one write. Beside the file it counts who was accepted more than
 * once. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct oracle;

#define ORACLE_MOBILE_DIGITS 11

/* `path` may be NULL: then it only counts. The file is appended to. errors: ERR_IO, ERR_NOMEM */
MUST_CHECK enum err oracle_new(const char *path, struct oracle **oracle);
/* Flushes to the disk. NULL is fine. */
void oracle_free(struct oracle *oracle);
/* Records the recipients of one request. errors: ERR_IO (the file is full: the request must not be
 * accepted), ERR_NOMEM */
MUST_CHECK enum err oracle_accept(struct oracle *oracle, uint64_t request, const char *group,
                                  const uint64_t *mobiles, size_t n);

struct oracle_counts {
    uint64_t accepted, distinct; /* accepted - distinct is the number of acceptances too many */
};
struct oracle_counts oracle_counts(const struct oracle *oracle);

/* Writes an 11-digit number; no zero at the end. */
void oracle_format_mobile(uint64_t mobile, char out[ORACLE_MOBILE_DIGITS]);
