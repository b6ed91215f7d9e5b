/* When may a campaign send? Pure: wall time in, permission or a wait with a reason out. A window
 * may cross midnight. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct window {
    int64_t start_ms, end_ms; /* wall; end 0: none */
    int from_min, to_min;     /* minutes of the local day; equal: the whole day */
    int utc_offset_min;
    int64_t late_after_ms; /* 0: never late */
};

enum window_state {
    WINDOW_OPEN,
    WINDOW_NOT_STARTED, /* until: start, or the first opening after it */
    WINDOW_CLOSED,      /* until: the next opening before the end */
    WINDOW_ENDED        /* the end has passed, or no opening is left before it */
};
/* *until_ms: when the state may change (for OPEN: when the window closes or the end comes).
 * INT64_MAX: never. */
enum window_state window_at(const struct window *window, int64_t now_ms, int64_t *until_ms);
/* A campaign that has not begun late_after after it could have, asks a person: its start, or the first opening of the window
 * behind it. Whether the window closed in between does not matter. */
bool window_is_late(const struct window *window, int64_t now_ms);
/* When `work_ms` of sending would be over, begun at `from_ms`, stopping while the window is closed.
 * 0: not before the end. */
int64_t window_finish(const struct window *window, int64_t from_ms, int64_t work_ms);
