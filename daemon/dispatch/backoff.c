/* See backoff.h. Half of the delay is kept fixed: with jitter over all of it a second try may
 * follow at once. */
#include "dispatch/backoff.h"

int64_t backoff_delay_ms(int64_t base_ms, int64_t cap_ms, uint32_t attempt, uint64_t random)
{
    int64_t delay_ms = base_ms < cap_ms ? base_ms : cap_ms;
    while (attempt-- > 0 && delay_ms < cap_ms)
        delay_ms = delay_ms > cap_ms / 2 ? cap_ms : delay_ms * 2;
    int64_t half_ms = delay_ms / 2;
    delay_ms = half_ms + (int64_t)(random % (uint64_t)(delay_ms - half_ms + 1));
    return delay_ms > 0 ? delay_ms : 1;
}
