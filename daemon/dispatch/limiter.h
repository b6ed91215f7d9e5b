/* A token bucket: `rate` tokens a second, at most one second's worth saved up. Pure; time is any
 * clock that does not go back.
 *
 * The bucket that counts lies in Redis and is shared by all daemons (queue_intent). This one is its
 * shadow here: it paces what has no intent (a test message). An amount larger than a second's worth
 * goes when the bucket is full, and is paid back afterwards. */
#pragma once

#include <stdint.h>

struct limiter {
    uint32_t rate;       /* tokens a second; 0: no limit */
    int64_t level_milli; /* thousandths of a token; below 0: debt */
    int64_t at_ms;
};

/* Full. */
void limiter_init(struct limiter *limiter, uint32_t rate, int64_t now_ms);
/* Keeps what was saved up, as far as the new rate allows. */
void limiter_set_rate(struct limiter *limiter, uint32_t rate, int64_t now_ms);
/* gives: milliseconds until `amount` may go; 0: now. */
int64_t limiter_delay_ms(const struct limiter *limiter, uint32_t amount, int64_t now_ms);
/* Tokens that may go at once, 0 in debt. Without a limit: 0. */
uint32_t limiter_level(const struct limiter *limiter, int64_t now_ms);
void limiter_take(struct limiter *limiter, uint32_t amount, int64_t now_ms);
