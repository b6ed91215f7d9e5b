/* See numbers.h. Open addressing; a slot is 12 bits of the hash and 20 bits of the chunk + 1, 0 is
 * an empty one. Two thirds of the slots are used, so that a number that is not there meets some
 * five others, and one in 4096 of them looks like it. */
#include "pledging/numbers.h"

#include <stdbool.h>
#include <stdlib.h>

#define CHUNK_BITS 20
#define CHUNK_MASK ((UINT32_C(1) << CHUNK_BITS) - 1)

struct numbers {
    uint64_t n, most, n_slots;
    uint32_t slots[];
};

static uint64_t hash_of(uint64_t number)
{
    number ^= number >> 29;
    number *= UINT64_C(0x9e3779b97f4a7c15);
    number ^= number >> 32;
    number *= UINT64_C(0xd6e8feb86659fd93);
    return number ^ number >> 32;
}

static uint64_t slot_of(const struct numbers *numbers, uint64_t hash)
{
    return (hash >> 32) * numbers->n_slots >> 32;
}

static uint32_t mark_of(uint64_t hash)
{
    return (uint32_t)hash & ~CHUNK_MASK;
}

enum err numbers_new(uint64_t n, struct numbers **out)
{
    uint64_t n_slots = n + n / 2 + 8;
    struct numbers *numbers = NULL;
    if (n_slots <= UINT32_MAX)
        numbers = calloc(1, sizeof *numbers + n_slots * sizeof numbers->slots[0]);
    if (!numbers)
        return ERR_NOMEM;
    numbers->most = n;
    numbers->n_slots = n_slots;
    *out = numbers;
    return ERR_OK;
}

void numbers_free(struct numbers *numbers)
{
    free(numbers);
}

void numbers_add(struct numbers *numbers, uint64_t number, uint32_t chunk)
{
    uint64_t hash = hash_of(number), at = slot_of(numbers, hash);
    if (numbers->n == numbers->most || chunk >= NUMBERS_CHUNKS_MAX)
        return;
    while (numbers->slots[at])
        at = at + 1 == numbers->n_slots ? 0 : at + 1;
    numbers->slots[at] = mark_of(hash) | (chunk + 1);
    numbers->n++;
}

size_t numbers_find(const struct numbers *numbers, uint64_t number, uint32_t *chunks, size_t most)
{
    uint64_t hash = hash_of(number), at = slot_of(numbers, hash);
    size_t n = 0;
    for (; numbers->slots[at] && n < most; at = at + 1 == numbers->n_slots ? 0 : at + 1) {
        uint32_t slot = numbers->slots[at];
        if ((slot & ~CHUNK_MASK) == mark_of(hash))
            chunks[n++] = (slot & CHUNK_MASK) - 1;
    }
    return n;
}
