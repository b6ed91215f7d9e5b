/* Clocks and the civil calendar. Nothing else in the daemon asks the system for the time
 * (tests/lint/test_rooms.py).
 *
 * The calendar is the proleptic Gregorian one, counted in days since 1970-01-01; no time-zone
 * database is read, because the offset is fixed by configuration. */
#include "base/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define SECONDS_PER_DAY INT64_C(86400)
#define YEAR_MAX 9999

static struct {
    bool on;
    int64_t wall_ms, mono_ms;
} virtual_clock;

static int64_t read_clock_ms(clockid_t which)
{
    struct timespec now;
    int rc = clock_gettime(which, &now);
    assert(rc == 0);
    (void)rc;
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    return virtual_clock.on ? virtual_clock.mono_ms : read_clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return virtual_clock.on ? virtual_clock.wall_ms : read_clock_ms(CLOCK_REALTIME);
}

void clock_virtual_start(int64_t wall_ms)
{
    /* Monotonic time goes on from where it is: whoever remembered a moment must not see it in the
     * future. */
    virtual_clock.mono_ms = clock_mono_ms();
    virtual_clock.wall_ms = wall_ms;
    virtual_clock.on = true;
}

void clock_virtual_advance(int64_t ms)
{
    assert(virtual_clock.on && ms >= 0);
    virtual_clock.wall_ms += ms;
    virtual_clock.mono_ms += ms;
}

void clock_virtual_stop(void)
{
    virtual_clock.on = false;
}

static int64_t div_floor(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to the first of January of `year`. */
static int64_t days_before_year(int64_t year)
{
    int64_t past = year - 1;
    return 365 * (year - 1970) + (div_floor(past, 4) - 1969 / 4) -
           (div_floor(past, 100) - 1969 / 100) + (div_floor(past, 400) - 1969 / 400);
}

struct civil clock_civil(int64_t wall_ms, int offset_min)
{
    int64_t seconds = div_floor(wall_ms + offset_min * MS_PER_MINUTE, MS_PER_SECOND);
    int64_t day = div_floor(seconds, SECONDS_PER_DAY);
    int second_of_day = (int)(seconds - day * SECONDS_PER_DAY);

    /* The mean year has 146097/400 days; the guess is at most one off. */
    int64_t year = 1970 + div_floor(day * 400, 146097);
    while (days_before_year(year) > day)
        year--;
    while (days_before_year(year + 1) <= day)
        year++;
    int rest = (int)(day - days_before_year(year));
    int month = 1;
    while (rest >= days_in_month((int)year, month))
        rest -= days_in_month((int)year, month++);

    return (struct civil){.year = (int)year,
                          .month = month,
                          .day = rest + 1,
                          .hour = second_of_day / 3600,
                          .minute = second_of_day / 60 % 60,
                          .second = second_of_day % 60};
}

int64_t clock_from_civil(const struct civil *civil, int offset_min)
{
    assert(civil->month >= 1 && civil->month <= 12);
    int64_t day = days_before_year(civil->year) + civil->day - 1;
    for (int month = 1; month < civil->month; month++)
        day += days_in_month(civil->year, month);
    int second_of_day = (civil->hour * 60 + civil->minute) * 60 + civil->second;
    int64_t seconds = day * SECONDS_PER_DAY + second_of_day;
    return seconds * MS_PER_SECOND - offset_min * MS_PER_MINUTE;
}

uint32_t clock_day(int64_t wall_ms, int offset_min)
{
    struct civil civil = clock_civil(wall_ms, offset_min);
    return (uint32_t)(civil.year * 10000 + civil.month * 100 + civil.day);
}

int64_t clock_day_begins(uint32_t day, int offset_min)
{
    const struct civil midnight = {
        .year = (int)(day / 10000), .month = (int)(day / 100 % 100), .day = (int)(day % 100)};
    return clock_from_civil(&midnight, offset_min);
}

const char *clock_format(int64_t wall_ms, int offset_min, char out[CLOCK_TEXT_SIZE])
{
    struct civil c = clock_civil(wall_ms, offset_min);
    snprintf(out, CLOCK_TEXT_SIZE, "%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
             c.minute, c.second);
    return out;
}

const char *clock_format_rfc3339(int64_t wall_ms, int offset_min, char out[CLOCK_TEXT_SIZE])
{
    struct civil c = clock_civil(wall_ms, offset_min);
    int offset = offset_min < 0 ? -offset_min : offset_min;
    snprintf(out, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", c.year, c.month,
             c.day, c.hour, c.minute, c.second, offset_min < 0 ? '-' : '+', offset / 60,
             offset % 60);
    return out;
}

/* Exactly `digits` digits at *at; moves *at behind them. */
static bool take_number(const char **at, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static enum err finish_civil(const struct civil *c, int offset_min, int64_t *wall_ms)
{
    if (c->year < 1970 || c->year > YEAR_MAX || c->month < 1 || c->month > 12)
        return ERR_RANGE;
    if (c->day < 1 || c->day > days_in_month(c->year, c->month))
        return ERR_RANGE;
    if (c->hour > 23 || c->minute > 59 || c->second > 59)
        return ERR_RANGE;
    *wall_ms = clock_from_civil(c, offset_min);
    return ERR_OK;
}

enum err clock_parse(const char *text, int offset_min, int64_t *wall_ms)
{
    struct civil c = {0};
    const char *at = text;
    if (!take_number(&at, 4, &c.year) || !take_char(&at, '-') || !take_number(&at, 2, &c.month) ||
        !take_char(&at, '-') || !take_number(&at, 2, &c.day))
        return ERR_INVALID;
    if (!take_char(&at, ' ') && !take_char(&at, 'T'))
        return ERR_INVALID;
    if (!take_number(&at, 2, &c.hour) || !take_char(&at, ':') || !take_number(&at, 2, &c.minute))
        return ERR_INVALID;
    if (take_char(&at, ':') && !take_number(&at, 2, &c.second))
        return ERR_INVALID;
    if (*at != '\0')
        return ERR_INVALID;
    return finish_civil(&c, offset_min, wall_ms);
}

enum err clock_parse_compact(const char *text, int offset_min, int64_t *wall_ms)
{
    struct civil c = {0};
    const char *at = text;
    if (!take_number(&at, 4, &c.year) || !take_number(&at, 2, &c.month) ||
        !take_number(&at, 2, &c.day) || !take_number(&at, 2, &c.hour) ||
        !take_number(&at, 2, &c.minute) || !take_number(&at, 2, &c.second) || *at != '\0')
        return ERR_INVALID;
    return finish_civil(&c, offset_min, wall_ms);
}

const char *clock_format_duration(int64_t ms, char out[CLOCK_TEXT_SIZE])
{
    if (ms < 0)
        ms = 0;
    int64_t s = ms / MS_PER_SECOND;
    if (ms < MS_PER_SECOND)
        snprintf(out, CLOCK_TEXT_SIZE, "%dms", (int)ms);
    else if (s < 120)
        snprintf(out, CLOCK_TEXT_SIZE, "%ds", (int)s);
    else if (s < 3600)
        snprintf(out, CLOCK_TEXT_SIZE, s % 60 ? "%dm %02ds" : "%dm", (int)(s / 60), (int)(s % 60));
    else if (s < SECONDS_PER_DAY)
        snprintf(out, CLOCK_TEXT_SIZE, "%dh %02dm", (int)(s / 3600), (int)(s / 60 % 60));
    else
        snprintf(out, CLOCK_TEXT_SIZE, "%lldd %02dh", (long long)(s / SECONDS_PER_DAY),
                 (int)(s / 3600 % 24));
    return out;
}
