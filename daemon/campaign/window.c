/* The sending window. Local time is wall time plus a fixed offset, and every day has 24 hours, so
 * that "how long was the window open until t" has a closed form: no walk over days, however far
 * start and now lie apart. */
#include "campaign/window.h"

#include <assert.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)
#define NEVER INT64_MAX
/* Work that takes longer than this does not end in anybody's time; it also keeps sums from
 * wrapping. */
#define WORK_MAX_MS (36525 * DAY_MS)

/* A window in milliseconds of the local day. */
struct shape {
    int64_t from, to, length;
    bool is_whole, crosses;
};

static struct shape shape_of(const struct window *window)
{
    assert(window->from_min >= 0 && window->from_min <= 1440);
    assert(window->to_min >= 0 && window->to_min <= 1440);
    struct shape shape = {.from = window->from_min * MINUTE_MS, .to = window->to_min * MINUTE_MS};
    shape.length = shape.to - shape.from;
    /* 00:00-24:00 is the whole day too. */
    shape.is_whole = shape.length == 0 || shape.length == DAY_MS || shape.length == -DAY_MS;
    shape.crosses = !shape.is_whole && shape.length < 0;
    if (shape.is_whole)
        shape = (struct shape){.to = DAY_MS, .length = DAY_MS, .is_whole = true};
    else if (shape.crosses)
        shape.length += DAY_MS;
    return shape;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t offset_ms(const struct window *window)
{
    return window->utc_offset_min * MINUTE_MS;
}

/* The start of the local day of `local`. */
static int64_t day_start(int64_t local)
{
    return floor_div(local, DAY_MS) * DAY_MS;
}

static bool is_open(const struct shape *shape, int64_t time_of_day)
{
    if (shape->crosses)
        return time_of_day >= shape->from || time_of_day < shape->to;
    return time_of_day >= shape->from && time_of_day < shape->to;
}

/* The first open moment at or after `at`. */
static int64_t next_opening(const struct window *window, int64_t at_ms)
{
    struct shape shape = shape_of(window);
    int64_t local = at_ms + offset_ms(window), day = day_start(local), time_of_day = local - day;
    if (is_open(&shape, time_of_day))
        return at_ms;
    int64_t opening = day + shape.from + (time_of_day < shape.from ? 0 : DAY_MS);
    return opening - offset_ms(window);
}

/* When the window that is open at `at` closes. */
static int64_t closing(const struct window *window, int64_t at_ms)
{
    struct shape shape = shape_of(window);
    if (shape.is_whole)
        return NEVER;
    int64_t local = at_ms + offset_ms(window), day = day_start(local);
    bool tomorrow = shape.crosses && local - day >= shape.from;
    return day + shape.to + (tomorrow ? DAY_MS : 0) - offset_ms(window);
}

enum window_state window_at(const struct window *window, int64_t now_ms, int64_t *until_ms)
{
    bool has_end = window->end_ms != 0, is_early = now_ms < window->start_ms;
    int64_t opening = next_opening(window, is_early ? window->start_ms : now_ms);
    if (has_end && opening >= window->end_ms) {
        *until_ms = NEVER;
        return WINDOW_ENDED;
    }
    if (is_early || opening > now_ms) {
        *until_ms = opening;
        return is_early ? WINDOW_NOT_STARTED : WINDOW_CLOSED;
    }
    *until_ms = closing(window, now_ms);
    if (has_end && window->end_ms < *until_ms)
        *until_ms = window->end_ms;
    return WINDOW_OPEN;
}

/* For how long the window has been open between some fixed midnight and `at`: only differences
 * mean anything. */
static int64_t open_until(const struct window *window, int64_t at_ms)
{
    struct shape shape = shape_of(window);
    int64_t local = at_ms + offset_ms(window), day = floor_div(local, DAY_MS);
    int64_t time_of_day = local - day * DAY_MS, today = 0;
    if (shape.crosses)
        today += time_of_day < shape.to ? time_of_day : shape.to;
    if (time_of_day > shape.from) {
        int64_t end = shape.crosses || time_of_day < shape.to ? time_of_day : shape.to;
        today += end - shape.from;
    }
    return day * shape.length + today;
}

bool window_is_late(const struct window *window, int64_t now_ms)
{
    if (window->late_after_ms <= 0 || now_ms <= window->start_ms)
        return false;
    /* By the clock, not by open time: what could have begun in the evening and did not must not
     * begin by itself the next morning. */
    return now_ms - next_opening(window, window->start_ms) > window->late_after_ms;
}

/* The inverse of open_until: the earliest moment by which the window has been open for `open`. */
static int64_t moment_of(const struct window *window, int64_t open)
{
    struct shape shape = shape_of(window);
    int64_t day = floor_div(open - 1, shape.length); /* the last moment of a day is still its own */
    int64_t today = open - day * shape.length;
    int64_t local = day * DAY_MS + shape.from + today;
    if (shape.crosses)
        local = today <= shape.to ? day * DAY_MS + today : local - shape.to;
    return local - offset_ms(window);
}

int64_t window_finish(const struct window *window, int64_t from_ms, int64_t work_ms)
{
    assert(work_ms >= 0);
    if (work_ms > WORK_MAX_MS)
        return 0;
    int64_t begin = from_ms > window->start_ms ? from_ms : window->start_ms;
    int64_t finish = work_ms == 0 ? next_opening(window, begin)
                                  : moment_of(window, open_until(window, begin) + work_ms);
    if (window->end_ms != 0 && finish > window->end_ms)
        return 0;
    return finish;
}
