/* The only reader of clocks. Everything else takes `now_ms` as an argument.
 *
 * Monotonic time measures durations, wall time stands in records. Local time is wall time plus a
 * fixed offset: China is UTC+8 without daylight saving, so no time-zone database is asked. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Milliseconds since an arbitrary start; never goes back. */
int64_t clock_mono_ms(void);
/* Milliseconds since 1970-01-01T00:00Z. */
int64_t clock_wall_ms(void);

/* Tests replace the clock: wall time then starts at `wall_ms` and both move only by
 * clock_virtual_advance(). */
void clock_virtual_start(int64_t wall_ms);
void clock_virtual_advance(int64_t ms);
void clock_virtual_stop(void);

/* A civil date and time of a fixed offset. */
struct civil {
    int year, month, day, hour, minute, second; /* month and day from 1 */
};
struct civil clock_civil(int64_t wall_ms, int offset_min);
int64_t clock_from_civil(const struct civil *civil, int offset_min);
/* The local day as a number: 20261017. */
uint32_t clock_day(int64_t wall_ms, int offset_min);
/* When it begins. */
int64_t clock_day_begins(uint32_t day, int offset_min);

#define CLOCK_TEXT_SIZE 32
/* "2026-10-17 09:00:00" in local time. */
const char *clock_format(int64_t wall_ms, int offset_min, char out[CLOCK_TEXT_SIZE]);
/* "2026-10-17T09:00:00+08:00" (RFC 3339). */
const char *clock_format_rfc3339(int64_t wall_ms, int offset_min, char out[CLOCK_TEXT_SIZE]);
/* "2026-10-17 09:00", "2026-10-17 09:00:00" or with a T. errors: ERR_INVALID, ERR_RANGE (no such
 * day) */
MUST_CHECK enum err clock_parse(const char *text, int offset_min, int64_t *wall_ms);
/* "20261017090000", as Cloud MAS writes in status reports. errors: ERR_INVALID, ERR_RANGE */
MUST_CHECK enum err clock_parse_compact(const char *text, int offset_min, int64_t *wall_ms);
/* "90s", "10 m", "2h 05m": how long, for people; at most two units. */
const char *clock_format_duration(int64_t ms, char out[CLOCK_TEXT_SIZE]);
