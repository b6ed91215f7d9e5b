/* Waiting longer after each failure, never in step with others. Pure. */
#pragma once

#include <stdint.h>

/* The delay before try number `attempt` + 1 (attempt 0: after the first failure): base_ms doubled
 * `attempt` times, at most cap_ms, of which the upper half is drawn by `random` (any 64 random
 * bits). gives: milliseconds, in [d/2, d] with d = min(cap_ms, base_ms << attempt); at least 1. */
int64_t backoff_delay_ms(int64_t base_ms, int64_t cap_ms, uint32_t attempt, uint64_t random);
