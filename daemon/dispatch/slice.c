/* See slice.h. */
#include "dispatch/slice.h"

#include <assert.h>

bool slice_next(const uint8_t *states, const uint16_t *segments, struct piece piece, uint8_t state,
                uint32_t n_max, uint32_t segments_max, struct slice *slice)
{
    *slice = (struct slice){0};
    for (uint32_t i = piece.from; i < piece.to && slice->n < n_max; i++) {
        if (states[i] != state)
            continue;
        if (slice->n == 0)
            slice->from = i;
        else if (segments_max > 0 && slice->segments + segments[i] > segments_max)
            break;
        slice->n++;
        slice->segments += segments[i];
        slice->count = i + 1 - slice->from;
    }
    return slice->n > 0;
}

void slice_halve(const uint8_t *states, struct piece whole, uint8_t state, struct piece *left,
                 struct piece *right)
{
    uint32_t n = 0;
    for (uint32_t i = whole.from; i < whole.to; i++)
        n += states[i] == state;
    assert(n >= 2);
    uint32_t take = n - n / 2, at = whole.from;
    for (; take > 0; at++)
        take -= states[at] == state;
    *left = (struct piece){whole.from, at};
    *right = (struct piece){at, whole.to};
}

uint32_t slice_request_max(uint32_t account_max, uint32_t driver_max, uint32_t rate)
{
    uint32_t max = account_max < driver_max ? account_max : driver_max;
    if (rate > 0 && rate < max)
        max = rate;
    return max > 0 ? max : 1;
}

uint32_t slice_intent_requests(uint32_t request_max, uint32_t room)
{
    uint32_t most = INTENT_POSITIONS_MAX / request_max;
    uint32_t requests = room < most ? room : most;
    return requests > 0 ? requests : 1;
}
