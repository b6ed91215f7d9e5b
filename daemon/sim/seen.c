/* A table of bitmaps: 10 000 numbers (1250 bytes) for each seven leading digits. The table itself
 * is 8 MB of address space of which only touched pages cost memory. */
#include "sim/seen.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#define NUMBERS_FIRST 10000000000u
#define NUMBERS_END 20000000000u
#define BLOCK_NUMBERS 10000u
#define BLOCKS ((NUMBERS_END - NUMBERS_FIRST) / BLOCK_NUMBERS)
#define BLOCK_BYTES (BLOCK_NUMBERS / 8)

struct seen {
    uint8_t **blocks;
};

enum err seen_new(struct seen **out)
{
    struct seen *seen = calloc(1, sizeof *seen);
    if (!seen) {
        return ERR_NOMEM;
    }
    seen->blocks = calloc(BLOCKS, sizeof *seen->blocks);
    if (!seen->blocks) {
        free(seen);
        return ERR_NOMEM;
    }
    *out = seen;
    return ERR_OK;
}

void seen_free(struct seen *seen)
{
    if (!seen) {
        return;
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        free(seen->blocks[i]);
    }
    free(seen->blocks);
    free(seen);
}

enum err seen_add(struct seen *seen, uint64_t mobile, bool *first)
{
    assert(mobile >= NUMBERS_FIRST && mobile < NUMBERS_END);
    uint64_t at = mobile - NUMBERS_FIRST;
    uint8_t **block = &seen->blocks[at / BLOCK_NUMBERS];
    if (!*block && !(*block = calloc(1, BLOCK_BYTES))) {
        return ERR_NOMEM;
    }
    uint8_t *byte = *block + at % BLOCK_NUMBERS / 8, bit = (uint8_t)(1u << at % 8);
    *first = !(*byte & bit);
    *byte |= bit;
    return ERR_OK;
}
