/* A world (world.h) with a dispatcher in it, for the tests of the sender. One world at a time. */
#pragma once

#include "dispatch/dispatch.h"
#include "world.h"

static struct world w;
static struct dispatch *dispatch;

static inline void start(void)
{
    assert_int_equal(dispatch_new(w.base, w.store, "d1", &dispatch), ERR_OK);
    assert_int_equal(dispatch_set_settings(dispatch, &w.settings), ERR_OK);
}

static inline void on_drained(void *arg)
{
    *(bool *)arg = true;
}

static inline void drain_and_stop(void)
{
    bool is_drained = false;
    dispatch_drain(dispatch, on_drained, &is_drained);
    world_until(&w, &is_drained);
    dispatch_free(dispatch);
    dispatch = NULL;
}

static inline void on_added(void *arg, enum err error, uint64_t fresh)
{
    (void)fresh;
    world_on_done(arg, error, "");
}

/* The owner of the number WORLD_BASE + at wants no more. */
static inline void opt_out(uint32_t at)
{
    const struct optout_record record = {.number = WORLD_BASE + at,
                                         .scope = OPTOUT_MARKETING,
                                         .at_ms = clock_wall_ms(),
                                         .source = "sms",
                                         .detail = "r"};
    struct world_done done = {0};
    assert_int_equal(optout_add(w.store, &record, 1, on_added, &done), ERR_OK);
    world_until(&w, &done.is_over);
    assert_int_equal(done.error, ERR_OK);
}

static inline int open_world(void **state)
{
    (void)state;
    world_open(&w, true);
    return 0;
}

static inline int open_silent_world(void **state)
{
    (void)state;
    world_open(&w, false);
    return 0;
}

static inline int close_world(void **state)
{
    (void)state;
    dispatch_free(dispatch);
    dispatch = NULL;
    world_close(&w);
    return 0;
}

static inline void on_seq(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    *(uint32_t *)arg = error || n == 0 ? UINT32_MAX : views[0].seq;
}

/* The counters are what the records say. */
static inline void verify(const char *id)
{
    uint32_t seq = 0;
    assert_int_equal(queue_find(w.store, "mas", id, on_seq, &seq), ERR_OK);
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (seq == 0) {
        assert_true(clock_mono_ms() < by_ms);
        world_pass(&w, 2);
    }
    struct world_done done = {0};
    assert_int_equal(queue_verify(w.store, "mas", seq, world_on_done, &done), ERR_OK);
    world_until(&w, &done.is_over);
    assert_string_equal(done.reason, "");
    assert_int_equal(done.error, ERR_OK);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)
