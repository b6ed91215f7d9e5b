/* What is stuck and what to do about it: sentences for the operator at 3 a.m. Pure. Internal to
 * api/. */
#pragma once

#include <stdint.h>

#include <jansson.h>

/* Reads the status document as /api/v1/status gives it (redis, carriers, campaigns, daemons,
 * imports, last_reload, loop_lag_ms) and gives an array of sentences, the most urgent first. */
json_t *attention_lines(const json_t *status, int64_t now_ms, int offset_min);
