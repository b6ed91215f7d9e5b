/* See why.h. */
#include "dispatch/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define CANARY_MAX 10 /* recipients of the first chunk (store/queue.h) */

static int64_t say(char *out, size_t out_size, int64_t until_ms, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int64_t say(char *out, size_t out_size, int64_t until_ms, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, out_size, format, args);
    va_end(args);
    return until_ms;
}

/* "next try in 8 s": never "in 0 s", the try is then already on its way. */
static const char *in_words(int64_t at_ms, int64_t now_ms, char out[CLOCK_TEXT_SIZE])
{
    int64_t left_s = (at_ms - now_ms + 999) / 1000;
    if (left_s <= 0)
        return "now";
    snprintf(out, CLOCK_TEXT_SIZE, "in %lld s", (long long)left_s);
    return out;
}

/* paused, missed, importing; *said is false when the state alone is no reason. */
static int64_t why_state(const struct why_facts *f, char *out, size_t size, bool *said)
{
    *said = true;
    if (strcmp(f->state, "importing") == 0)
        return say(out, size, 0, "the list is still being read");
    if (strcmp(f->state, "paused") == 0) {
        if (*f->actor)
            return say(out, size, 0, "paused by %s: %s", f->actor, f->reason);
        return say(out, size, 0, "paused: %s", f->reason);
    }
    if (strcmp(f->state, "missed") == 0)
        return say(out, size, 0, "missed: %s; waits for a person", f->reason);
    bool is_live = strcmp(f->state, "scheduled") == 0 || strcmp(f->state, "sending") == 0;
    *said = !is_live || f->queued == 0;
    return 0;
}

static int64_t why_window(const struct why_facts *f, char *out, size_t size)
{
    char text[CLOCK_TEXT_SIZE];
    if (f->window == WINDOW_OPEN) /* perhaps for ever: until_ms is no time then */
        return 0;
    if (f->window == WINDOW_ENDED)
        return say(out, size, 0, "its end has passed");
    clock_format(f->window_until_ms, f->utc_offset_min, text);
    text[16] = '\0'; /* "2026-10-17 09:00" */
    if (f->window == WINDOW_NOT_STARTED)
        return say(out, size, f->window_until_ms, "starts %s", text);
    return say(out, size, f->window_until_ms, "window opens %s", text + 11);
}

static int64_t why_carrier(const struct why_facts *f, char *out, size_t size)
{
    char text[CLOCK_TEXT_SIZE];
    if (strcmp(f->carrier_state, "stopped") == 0)
        return say(out, size, f->carrier_resume_ms, "carrier %s stopped: %s", f->carrier,
                   f->carrier_reason);
    if (strcmp(f->carrier_state, "paused") == 0)
        return say(out, size, f->carrier_resume_ms, "carrier %s paused by %s: %s", f->carrier,
                   f->carrier_actor, f->carrier_reason);
    if (*f->route_fault)
        return say(out, size, f->route_retry_ms, "carrier %s unreachable: %s, next try %s",
                   f->carrier, f->route_fault, in_words(f->route_retry_ms, f->now_ms, text));
    if (*f->throttle_code)
        return say(out, size, f->throttle_retry_ms, "carrier %s asks for patience: %s, next try %s",
                   f->carrier, f->throttle_code, in_words(f->throttle_retry_ms, f->now_ms, text));
    return 0;
}

/* What passes by itself. */
static int64_t why_waiting(const struct why_facts *f, char *out, size_t size)
{
    char text[CLOCK_TEXT_SIZE];
    if (f->is_canary)
        return say(out, size, 0, "first %u messages have no verdict yet",
                   (unsigned)(f->accepted < CANARY_MAX ? f->accepted : CANARY_MAX));
    if (f->is_moving)
        return 0;
    if (f->retry_at_ms > f->now_ms)
        return say(out, size, f->retry_at_ms, "tries again %s",
                   in_words(f->retry_at_ms, f->now_ms, text));
    if (f->wants_tokens)
        return say(out, size, f->tokens_at_ms, "waiting for tokens");
    if (f->is_outranked)
        return say(out, size, 0, "more urgent messages go first");
    return 0;
}

int64_t why_words(const struct why_facts *f, char *out, size_t out_size)
{
    bool said;
    out[0] = '\0';
    int64_t until_ms = why_state(f, out, out_size, &said);
    if (said)
        return until_ms;
    if (*f->redis_fault)
        return say(out, out_size, 0, "Redis: %s", f->redis_fault);
    if (!f->has_lane)
        return say(out, out_size, 0, "carrier %s is not in this daemon's configuration",
                   f->carrier);
    if (f->is_draining)
        return say(out, out_size, 0, "this daemon is stopping");
    until_ms = why_window(f, out, out_size);
    if (out[0])
        return until_ms;
    until_ms = why_carrier(f, out, out_size);
    if (out[0])
        return until_ms;
    if (*f->fault)
        return say(out, out_size, 0, "its text cannot be used: %s", f->fault);
    return why_waiting(f, out, out_size);
}
