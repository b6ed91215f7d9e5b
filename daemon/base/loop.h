/* Helpers over libevent's loop that the rooms share. */
#pragma once

#include <stdint.h>

struct event_base;

/* A timer that may be armed, re-armed and stopped at will; its callback runs from the loop, never from loop_timer_arm(). */
struct loop_timer;
struct loop_timer *loop_timer_new(struct event_base *base, void (*on_fire)(void *arg), void *arg);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */
/* Fires once, `delay_ms` from now; an armed timer is moved. */
void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms);
void loop_timer_stop(struct loop_timer *timer);

/* Runs `fn(arg)` once at the start of a later turn. Use it to free what the running callback still stands on. */
void loop_defer(struct event_base *base, void (*fn)(void *arg), void *arg);

/* Watches how long turns take: a repeating 5 ms tick that keeps the longest lateness since the last read.
 * gives: milliseconds. Reported as loop lag in status, and measured by scripts/bench loop_stall_ms. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct event_base *base);
void loop_watch_free(struct loop_watch *watch);
int64_t loop_watch_longest_ms(const struct loop_watch *watch);
void loop_watch_reset(struct loop_watch *watch);
