/* See meter.h. A ring of half-second counts; a slot that has left the window is cleared when its
 * place is needed. */
#include "dispatch/meter.h"

#include <string.h>

#define SLOT_MS (METER_WINDOW_MS / METER_SLOTS)
#define SHORTEST_MS 1000 /* the first answers of a campaign are no rate */

void meter_add(struct meter *meter, uint64_t n, int64_t now_ms)
{
    int64_t slot = now_ms / SLOT_MS;
    if (meter->first_ms == 0 || slot - meter->slot >= METER_SLOTS) {
        memset(meter, 0, sizeof *meter);
        meter->first_ms = now_ms > 0 ? now_ms : 1;
        meter->slot = slot;
    }
    for (; meter->slot < slot; meter->slot++)
        meter->counts[(meter->slot + 1) % METER_SLOTS] = 0;
    meter->counts[meter->slot % METER_SLOTS] += n;
}

double meter_rate(const struct meter *meter, int64_t now_ms)
{
    int64_t slot = now_ms / SLOT_MS, oldest = slot - METER_SLOTS + 1;
    if (meter->first_ms == 0 || meter->slot < oldest)
        return 0;
    uint64_t sum = 0;
    for (int64_t s = meter->slot - METER_SLOTS + 1; s <= meter->slot; s++) {
        if (s >= oldest && s >= 0)
            sum += meter->counts[s % METER_SLOTS];
    }
    /* The newest slot is under way: the window covers the full ones and that part. */
    int64_t span_ms = METER_WINDOW_MS - SLOT_MS + now_ms % SLOT_MS;
    if (now_ms - meter->first_ms < span_ms)
        span_ms = now_ms - meter->first_ms;
    if (span_ms < SHORTEST_MS)
        span_ms = SHORTEST_MS;
    return (double)sum * 1000 / (double)span_ms;
}
