/* How long a carrier took to answer: a histogram of this process. Pure. */
#pragma once

#include <stdint.h>

#define LATENCY_BOUNDS 11
/* Upper bounds in milliseconds, each counts what took at most so long and longer than the bound
 * before. */
extern const uint32_t latency_bounds_ms[LATENCY_BOUNDS];

struct latency {
    uint64_t counts[LATENCY_BOUNDS + 1]; /* the last one: longer than every bound */
    uint64_t sum_ms;
};

/* A negative time counts as 0. */
void latency_add(struct latency *latency, int64_t took_ms);
