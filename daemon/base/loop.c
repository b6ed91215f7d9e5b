/* Helpers over libevent. Timers here are one-shot; what repeats arms itself again, so that a slow
 * callback never finds a heap of missed ticks. */
#include "base/loop.h"

#include <assert.h>
#include <stdlib.h>

#include <event2/event.h>

#include "base/clock.h"

#define WATCH_TICK_MS 5

static struct timeval to_timeval(int64_t ms)
{
    if (ms < 0)
        ms = 0;
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

/* Small pieces without which nothing can go on; there is no sensible answer to their absence. */
static void *must(void *thing)
{
    if (thing == NULL)
        abort();
    return thing;
}

struct loop_timer {
    struct event *event;
    void (*on_fire)(void *arg);
    void *arg;
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_timer *timer = arg;
    timer->on_fire(timer->arg); /* may free the timer: nothing of it is touched afterwards */
}

struct loop_timer *loop_timer_new(struct event_base *base, void (*on_fire)(void *arg), void *arg)
{
    struct loop_timer *timer = must(calloc(1, sizeof *timer));
    timer->on_fire = on_fire;
    timer->arg = arg;
    timer->event = must(evtimer_new(base, on_timer, timer));
    return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->event);
    free(timer);
}

void loop_timer_arm(struct loop_timer *timer, int64_t delay_ms)
{
    struct timeval delay = to_timeval(delay_ms);
    int rc = evtimer_add(timer->event, &delay);
    assert(rc == 0);
    (void)rc;
}

void loop_timer_stop(struct loop_timer *timer)
{
    evtimer_del(timer->event);
}

/* What waits for the next turn of one base, in order of the calls; exists only while something
 * waits.
 *
 * event_base_once() with no delay would not do: libevent runs such an event in the same turn, and a
 * chain of deferred calls (an import that yields) would keep sockets from ever being looked at. A
 * timer of 0 ms fires at the next turn. */
struct deferred {
    struct deferred *next;
    void (*fn)(void *arg);
    void *arg;
};
struct defer_queue {
    struct defer_queue *next;
    struct event_base *base;
    struct event *event;
    struct deferred *first, **end;
};
static struct defer_queue *defer_queues; /* one a base; a daemon has one */

static struct defer_queue **find_queue(const struct event_base *base)
{
    struct defer_queue **at = &defer_queues;
    while (*at != NULL && (*at)->base != base)
        at = &(*at)->next;
    return at;
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct defer_queue *queue = arg;
    /* Taken off first: what is deferred from here on belongs to the turn after this. */
    *find_queue(queue->base) = queue->next;
    event_free(queue->event);
    struct deferred *deferred = queue->first;
    free(queue);
    while (deferred != NULL) {
        struct deferred *next = deferred->next;
        deferred->fn(deferred->arg);
        free(deferred);
        deferred = next;
    }
}

static void drop_all(struct defer_queue *queue)
{
    while (queue->first != NULL) {
        struct deferred *next = queue->first->next;
        free(queue->first);
        queue->first = next;
    }
    queue->end = &queue->first;
}

static void arm_queue(struct defer_queue *queue)
{
    struct timeval next_turn = {0};
    int rc = evtimer_add(queue->event, &next_turn);
    assert(rc == 0);
    (void)rc;
}

/* The queue of `base`, armed. */
static struct defer_queue *take_queue(struct event_base *base)
{
    struct defer_queue **at = find_queue(base), *queue = *at;
    if (queue == NULL) {
        queue = must(calloc(1, sizeof *queue));
        queue->base = base;
        queue->event = must(evtimer_new(base, on_turn, queue));
        queue->end = &queue->first;
        *at = queue;
        arm_queue(queue);
    } else if (!evtimer_pending(queue->event, NULL)) {
        /* Its base was freed while calls waited, and a new base has got the same address. */
        drop_all(queue);
        arm_queue(queue);
    }
    return queue;
}

void loop_defer(struct event_base *base, void (*fn)(void *arg), void *arg)
{
    struct defer_queue *queue = take_queue(base);
    struct deferred *deferred = must(malloc(sizeof *deferred));
    *deferred = (struct deferred){.fn = fn, .arg = arg};
    *queue->end = deferred;
    queue->end = &deferred->next;
}

struct loop_watch {
    struct event *event;
    int64_t due_ms, longest_ms;
};

static void arm_watch(struct loop_watch *watch)
{
    struct timeval tick = to_timeval(WATCH_TICK_MS);
    watch->due_ms = clock_mono_ms() + WATCH_TICK_MS;
    int rc = evtimer_add(watch->event, &tick);
    assert(rc == 0);
    (void)rc;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_watch *watch = arg;
    int64_t late_ms = clock_mono_ms() - watch->due_ms;
    if (late_ms > watch->longest_ms)
        watch->longest_ms = late_ms;
    arm_watch(watch);
}

struct loop_watch *loop_watch_new(struct event_base *base)
{
    struct loop_watch *watch = must(calloc(1, sizeof *watch));
    watch->event = must(evtimer_new(base, on_tick, watch));
    arm_watch(watch);
    return watch;
}

void loop_watch_free(struct loop_watch *watch)
{
    if (watch == NULL)
        return;
    event_free(watch->event);
    free(watch);
}

int64_t loop_watch_longest_ms(const struct loop_watch *watch)
{
    return watch->longest_ms;
}

void loop_watch_reset(struct loop_watch *watch)
{
    watch->longest_ms = 0;
}
