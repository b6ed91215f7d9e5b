#include "sim/stamp.h"

#include <stdio.h>

#include "base/clock.h"

const char *stamp_at(struct stamp *stamp, int64_t wall_ms)
{
    if (wall_ms / 1000 != stamp->second || !stamp->text[0]) {
        struct civil civil = clock_civil(wall_ms, STAMP_UTC_OFFSET_MIN);
        stamp->second = wall_ms / 1000;
        snprintf(stamp->text, sizeof stamp->text, "%04u%02u%02u%02u%02u%02u",
                 (unsigned)civil.year % 10000, (unsigned)civil.month % 100,
                 (unsigned)civil.day % 100, (unsigned)civil.hour % 100,
                 (unsigned)civil.minute % 100, (unsigned)civil.second % 100);
    }
    return stamp->text;
}
