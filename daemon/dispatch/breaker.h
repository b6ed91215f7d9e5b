/* A route that fails is left alone for a while, then tried with one request. Pure; time is any
 * clock that does not go back.
 *
 * It remembers: a success closes it but does not forgive at once. The level, which sets the next
 * delay, goes down by one for each `forget_ms` without a failure, so that a route that flaps is
 * left alone longer and longer. */
#pragma once

#include <stdint.h>

enum breaker_state {
    BREAKER_CLOSED, /* everything may go */
    BREAKER_OPEN,   /* nothing may go before retry_at_ms */
    BREAKER_PROBING /* one request at a time may go, to see */
};

struct breaker {
    int64_t base_ms, cap_ms, forget_ms;
    int64_t retry_at_ms; /* 0: closed */
    int64_t calm_since_ms;
    uint32_t level;
};

void breaker_init(struct breaker *breaker, int64_t base_ms, int64_t cap_ms, int64_t forget_ms);
enum breaker_state breaker_state(const struct breaker *breaker, int64_t now_ms);
/* Failures while it is open belong to the outage that opened it and change nothing. `random`: any
 * 64 random bits. */
void breaker_fail(struct breaker *breaker, int64_t now_ms, uint64_t random);
/* A success while it is open is an answer to an older request and changes nothing. */
void breaker_ok(struct breaker *breaker, int64_t now_ms);
