/* Date and time as the platform writes them in reports and begins its batch ids with:
 * "20261017090000", China's time. */
#pragma once

#include <stdint.h>

#define STAMP_UTC_OFFSET_MIN 480
#define STAMP_SIZE 15

/* Keeps the last one: a busy carrier writes thousands within a second. */
struct stamp {
    int64_t second;
    char text[STAMP_SIZE];
};
/* gives: stamp->text */
const char *stamp_at(struct stamp *stamp, int64_t wall_ms);
