/* See breaker.h. */
#include "dispatch/breaker.h"

#include "dispatch/backoff.h"

#define LEVEL_MAX 30 /* beyond it every delay is the cap anyway */

void breaker_init(struct breaker *breaker, int64_t base_ms, int64_t cap_ms, int64_t forget_ms)
{
    *breaker = (struct breaker){.base_ms = base_ms, .cap_ms = cap_ms, .forget_ms = forget_ms};
}

enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_ms)
{
    if (breaker->retry_at_ms == 0)
        return BREAKER_CLOSED;
    return now_ms < breaker->retry_at_ms ? BREAKER_OPEN : BREAKER_PROBING;
}

/* Takes off the levels that calm time has paid for. Only a closed breaker has calm time. */
static void forgive(struct breaker *breaker, int64_t now_ms)
{
    int64_t steps = (now_ms - breaker->calm_since_ms) / breaker->forget_ms;
    if (steps <= 0)
        return;
    breaker->level = steps >= breaker->level ? 0 : breaker->level - (uint32_t)steps;
    breaker->calm_since_ms += steps * breaker->forget_ms;
}

void breaker_fail(struct breaker *breaker, int64_t now_ms, uint64_t random)
{
    switch (breaker_state(breaker, now_ms)) {
    case BREAKER_OPEN:
        return;
    case BREAKER_CLOSED:
        forgive(breaker, now_ms);
        break;
    case BREAKER_PROBING:
        break;
    }
    int64_t delay_ms = backoff_delay_ms(breaker->base_ms, breaker->cap_ms, breaker->level, random);
    if (breaker->level < LEVEL_MAX)
        breaker->level++;
    breaker->retry_at_ms = now_ms + delay_ms;
}

void breaker_ok(struct breaker *breaker, int64_t now_ms)
{
    switch (breaker_state(breaker, now_ms)) {
    case BREAKER_OPEN:
        return;
    case BREAKER_PROBING:
        breaker->retry_at_ms = 0;
        breaker->calm_since_ms = now_ms;
        return;
    case BREAKER_CLOSED:
        forgive(breaker, now_ms);
    }
}
