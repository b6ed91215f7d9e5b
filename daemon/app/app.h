/* The daemon as a whole: its parts, and the table of stages that brings them up in order and takes
 * them down in reverse. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/api.h"
#include "app/config.h"
#include "pledging/pledging.h"

struct event;
struct loop_timer;
struct loop_watch;

#define APP_OWNER_MAX 96

struct app {
    const char *config_path;
    struct config *config;
    char owner[APP_OWNER_MAX]; /* settings.daemon.id, which a reload cannot change */
    int lock_fd;
    int64_t started_ms;

    struct event_base *base;
    struct loop_watch *watch;
    int64_t lag_before_ms; /* the longest turn of the minute before */
    int64_t lag_since_ms;
    struct http_server *control, *public_;
    struct store *store;
    struct dispatch *dispatch;
    struct launcher *launcher;
    struct drafting *drafting;
    struct pledging *pledging;
    struct webhook *webhook;
    struct passwords *passwords;
    struct api *api;
    struct event *signals[3];
    struct loop_timer *beat, *watchdog, *stopping, *opening;
    uint64_t watchdog_us;

    bool is_stopping, is_drained;
    bool is_announced; /* systemd knows that we are ready */
    bool is_tidied;    /* Redis was ready once, and what an earlier daemon had left there is gone */
    int64_t stop_by_ms; /* monotonic: imports and answers get this long after the drain */
    int exit_code;
};

/* Brings everything up, runs until told to stop, takes everything down. gives: the exit code of the
 * process. */
int app_run(struct app *app);
/* Reads the configuration again; `out` gets the mistakes or the warnings. errors: ERR_INVALID,
 * ERR_REFUSED, ERR_NOMEM */
MUST_CHECK enum err app_reload(struct app *app, struct buf *out);
/* First call: drain, then leave. Second: leave. */
void app_stop(struct app *app);
