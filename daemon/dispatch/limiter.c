/* See limiter.h. Thousandths make a millisecond at `rate` tokens a second exactly `rate`
 * thousandths: no rounding. */
#include "dispatch/limiter.h"

static int64_t full_milli(const struct limiter *limiter)
{
    return (int64_t)limiter->rate * 1000;
}

static int64_t level_at(const struct limiter *limiter, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - limiter->at_ms;
    if (elapsed_ms <= 0)
        return limiter->level_milli;
    int64_t full = full_milli(limiter);
    int64_t missing = full - limiter->level_milli;
    if (limiter->rate == 0 || elapsed_ms >= missing / limiter->rate + 1)
        return full;
    return limiter->level_milli + elapsed_ms * limiter->rate;
}

void limiter_init(struct limiter *limiter, uint32_t rate, int64_t now_ms)
{
    *limiter = (struct limiter){.rate = rate, .level_milli = (int64_t)rate * 1000, .at_ms = now_ms};
}

void limiter_set_rate(struct limiter *limiter, uint32_t rate, int64_t now_ms)
{
    if (limiter->rate == 0) { /* nothing was counted so far */
        limiter_init(limiter, rate, now_ms);
        return;
    }
    limiter->level_milli = level_at(limiter, now_ms);
    limiter->at_ms = now_ms;
    limiter->rate = rate;
    if (limiter->level_milli > full_milli(limiter))
        limiter->level_milli = full_milli(limiter);
}

int64_t limiter_delay_ms(const struct limiter *limiter, uint32_t amount, int64_t now_ms)
{
    if (limiter->rate == 0)
        return 0;
    int64_t need = (int64_t)amount * 1000;
    if (need > full_milli(limiter))
        need = full_milli(limiter);
    int64_t missing = need - level_at(limiter, now_ms);
    return missing <= 0 ? 0 : (missing + limiter->rate - 1) / limiter->rate;
}

uint32_t limiter_level(const struct limiter *limiter, int64_t now_ms)
{
    int64_t level_milli = limiter->rate == 0 ? 0 : level_at(limiter, now_ms);
    return level_milli > 0 ? (uint32_t)(level_milli / 1000) : 0;
}

void limiter_take(struct limiter *limiter, uint32_t amount, int64_t now_ms)
{
    if (limiter->rate == 0)
        return;
    limiter->level_milli = level_at(limiter, now_ms) - (int64_t)amount * 1000;
    if (now_ms > limiter->at_ms)
        limiter->at_ms = now_ms;
}
