/* See pick.h. A turn is a chunk of at most 1000 recipients, so turns are fair enough without
 * weighing them. */
#include "dispatch/pick.h"

size_t pick_next(const struct pick_candidate *candidates, size_t n)
{
    size_t best = PICK_NONE;
    for (size_t i = 0; i < n; i++) {
        const struct pick_candidate *c = &candidates[i];
        if (!c->ready)
            continue;
        if (best == PICK_NONE || c->rank > candidates[best].rank ||
            (c->rank == candidates[best].rank && c->turn < candidates[best].turn))
            best = i;
    }
    return best;
}
