/* Inside of pledging/ only: in which chunk of a campaign does a number stand? A table of hashes,
 * six bytes a number: it names the chunk, and with one number in some hundreds another one too, so
 * that whoever asks looks there. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define NUMBERS_CHUNKS_MAX 1000000u /* of a campaign */

struct numbers;
/* For up to `n` numbers. errors: ERR_NOMEM */
MUST_CHECK enum err numbers_new(uint64_t n, struct numbers **numbers);
void numbers_free(struct numbers *numbers); /* NULL is fine */
/* More than n are left out: numbers_find then names no chunk for them. */
void numbers_add(struct numbers *numbers, uint64_t number, uint32_t chunk);
/* The chunks in which it may stand; 0: it stands in none. More than `most` are not told. */
size_t numbers_find(const struct numbers *numbers, uint64_t number, uint32_t *chunks, size_t most);
