/* Whose turn is it? Receipts before notices before publicity; within a class the one whose last
 * turn is longest ago. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pick_candidate {
    int rank;      /* the higher rank goes first, whatever the turns */
    uint64_t turn; /* number of its last turn, 0: never had one */
    bool ready;
};

#define PICK_NONE SIZE_MAX
/* gives: an index, or PICK_NONE when nobody is ready. Of equals the first. */
size_t pick_next(const struct pick_candidate *candidates, size_t n);
