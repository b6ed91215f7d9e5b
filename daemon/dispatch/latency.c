#include "dispatch/latency.h"

const uint32_t latency_bounds_ms[LATENCY_BOUNDS] = {5,   10,   25,   50,   100,  250,
                                                    500, 1000, 2500, 5000, 10000};

void latency_add(struct latency *latency, int64_t took_ms)
{
    int i = 0;
    if (took_ms < 0) {
        took_ms = 0;
    }
    while (i < LATENCY_BOUNDS && took_ms > latency_bounds_ms[i]) {
        i++;
    }
    latency->counts[i]++;
    latency->sum_ms += (uint64_t)took_ms;
}
