/* How many a second, over the last ten seconds. Pure; time is any clock that does not go back. All
 * zero is an empty meter. */
#pragma once

#include <stdint.h>

#define METER_WINDOW_MS 10000
#define METER_SLOTS 20 /* of half a second */

struct meter {
    uint64_t counts[METER_SLOTS];
    int64_t slot;     /* number of the newest slot: time / slot width */
    int64_t first_ms; /* of the first count after a silence of a whole window; 0: nothing yet */
};

void meter_add(struct meter *meter, uint64_t n, int64_t now_ms);
/* gives: a second, over the window or, in its first ten seconds, over the time since the first
 * count (at least one second). */
double meter_rate(const struct meter *meter, int64_t now_ms);
