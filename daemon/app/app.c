/* The stages, in order. What a stage needs stands above it; a failure at stage k takes down k-1 …
 * 0.
 *
 * The order of going down matters for who still calls whom: parts that wait for answers of Redis
 * (dispatch, launcher, drafting, pledging, webhook, API) are let go before the store; the store
 * then runs their last callbacks with ERR_CLOSED; the servers go after it, because such a callback
 * may still answer a request. */
#include "app/app.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <systemd/sd-daemon.h>

#include "app/listening.h"
#include "app/lock.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/restore.h"

#define BEAT_MS 5000
#define LAG_MINUTE_MS 60000
#define STOP_GRACE_MS 5000
#define STOP_LOOK_MS 20
#define RELOAD_TEXT_MAX_BYTES ((size_t)256 * 1024)
#define PROBLEM_MAX 1024
#define CONTROL_BODY_MAX_BYTES 16777216 /* a paper list of pledges comes whole */
#define IMPORTS_MAX 64 /* looked at when the daemon stops: those that run and those that ended */

static const struct settings_daemon *conf(const struct app *app)
{
    return &app->config->settings->daemon;
}

/* ---- state_dir and its lock ---- */

static bool state_up(struct app *app, char *problem)
{
    snprintf(app->owner, sizeof app->owner, "%s", conf(app)->id);
    app->started_ms = clock_wall_ms();
    return lock_take(conf(app)->state_dir, app->owner, &app->lock_fd, problem, PROBLEM_MAX) ==
           ERR_OK;
}

static void state_down(struct app *app)
{
    lock_release(app->lock_fd);
}

/* ---- the loop ---- */

static bool loop_up(struct app *app, char *problem)
{
    app->base = event_base_new();
    if (app->base == NULL) {
        snprintf(problem, PROBLEM_MAX, "no event loop");
        return false;
    }
    app->watch = loop_watch_new(app->base);
    app->lag_since_ms = clock_mono_ms();
    return true;
}

static void loop_down(struct app *app)
{
    loop_watch_free(app->watch);
    event_base_free(app->base);
}

/* The longest turn of this minute and the one before. */
static int64_t loop_lag_ms(void *arg)
{
    const struct app *app = arg;
    int64_t now = loop_watch_longest_ms(app->watch);
    return now > app->lag_before_ms ? now : app->lag_before_ms;
}

static void roll_lag(struct app *app)
{
    int64_t now = clock_mono_ms();
    if (now - app->lag_since_ms >= LAG_MINUTE_MS) {
        app->lag_before_ms = loop_watch_longest_ms(app->watch);
        loop_watch_reset(app->watch);
        app->lag_since_ms = now;
    }
}

/* ---- libcurl ---- */

static bool curl_up(struct app *app, char *problem)
{
    (void)app;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(problem, PROBLEM_MAX, "libcurl does not start");
        return false;
    }
    return true;
}

static void curl_down(struct app *app)
{
    (void)app;
    curl_global_cleanup();
}

/* ---- the servers, not listening yet ---- */

static void on_control(void *arg, struct http_request *request)
{
    api_handle_control(((struct app *)arg)->api, request);
}

static void on_public(void *arg, struct http_request *request)
{
    api_handle_public(((struct app *)arg)->api, request);
}

static bool servers_up(struct app *app, char *problem)
{
    struct http_limits control = {.headers_max_bytes = 16384,
                                  .body_max_bytes = CONTROL_BODY_MAX_BYTES,
                                  .connections_max = 64,
                                  .connections_per_address = 64,
                                  .idle_ms = 120000,
                                  .deadline_ms = 30000};
    struct http_limits listen = {.headers_max_bytes = 8192,
                                 .body_max_bytes = conf(app)->webhook_body_max_bytes,
                                 .connections_max = conf(app)->connections_max,
                                 .connections_per_address =
                                     settings_connections_per_address(conf(app)),
                                 .idle_ms = 60000,
                                 .deadline_ms = 30000};
    snprintf(problem, PROBLEM_MAX, "no memory for the servers");
    if (http_server_new(app->base, &control, on_control, app, &app->control) != ERR_OK) {
        return false;
    }
    if (http_server_new(app->base, &listen, on_public, app, &app->public_) != ERR_OK) {
        http_server_free(app->control);
        return false;
    }
    return true;
}

static void servers_down(struct app *app)
{
    http_server_free(app->public_);
    http_server_free(app->control);
}

/* ---- Redis ---- */

static void on_health(void *arg, enum redis_health health, const char *sentence)
{
    struct app *app = arg;
    char quoted[PROBLEM_MAX];
    log_line(health == REDIS_READY ? LOG_INFO : LOG_WARN, "redis", "event=%s reason=%s",
             health == REDIS_READY ? "ready" : "not_ready",
             log_quote(sentence != NULL ? sentence : "", quoted, sizeof quoted));
    sd_notifyf(0, "STATUS=%s",
               health == REDIS_READY ? "ready"
               : sentence != NULL    ? sentence
                                     : "waiting for Redis");
    if (health == REDIS_READY) {
        listening_open(app);
    }
    if (health == REDIS_READY && !app->is_tidied) {
        app->is_tidied = true;
        restore_clear(app->store, app->owner);
        api_redis_is_ready(app->api); /* the loop runs: every stage is up */
    } else if (health == REDIS_READY && app->api != NULL) {
        api_redis_is_back(app->api);
    }
    if (health == REDIS_READY && app->dispatch != NULL) {
        dispatch_wake(app->dispatch, NULL);
    }
    if (health == REDIS_READY && app->pledging != NULL) {
        pledging_wake(app->pledging);
    }
}

static bool store_up(struct app *app, char *problem)
{
    const struct settings_redis *redis = &app->config->settings->redis;
    struct redis_options options = {.is_unix = redis->is_unix,
                                    .host = redis->host,
                                    .port = redis->port,
                                    .db = redis->db,
                                    .password = redis->password,
                                    .timeout_ms = redis->timeout_ms,
                                    .i_accept_data_loss = redis->i_accept_data_loss};
    enum err error = store_new(app->base, &options, redis->prefix, on_health, app, &app->store);
    if (error != ERR_OK) {
        snprintf(problem, PROBLEM_MAX, "the connection to Redis: %s", err_sentence(error));
        return false;
    }
    store_set_owner(app->store, app->owner);
    store_set_ambiguous_limit(app->store, conf(app)->ambiguous_limit);
    store_set_utc_offset(app->store, conf(app)->utc_offset_min);
    return true;
}

static void store_down(struct app *app)
{
    store_free(app->store);
}

/* ---- the parts ---- */

static bool dispatch_up(struct app *app, char *problem)
{
    enum err error = dispatch_new(app->base, app->store, app->owner, &app->dispatch);
    if (error == ERR_OK) {
        error = dispatch_set_settings(app->dispatch, app->config->settings);
        if (error != ERR_OK) {
            dispatch_free(app->dispatch);
        }
    }
    snprintf(problem, PROBLEM_MAX, "the sender: %s", err_sentence(error));
    return error == ERR_OK;
}

static void dispatch_down(struct app *app)
{
    dispatch_free(app->dispatch);
    app->dispatch = NULL;
}

static void on_commit(void *arg, const char *carrier)
{
    dispatch_wake(((struct app *)arg)->dispatch, carrier);
}

static bool launcher_up(struct app *app, char *problem)
{
    enum err error = launcher_new(app->base, app->store, app->owner, &app->launcher);
    snprintf(problem, PROBLEM_MAX, "the importer: %s", err_sentence(error));
    if (error != ERR_OK) {
        return false;
    }
    launcher_set_settings(app->launcher, app->config->settings);
    launcher_on_commit(app->launcher, on_commit, app);
    return true;
}

static void launcher_down(struct app *app)
{
    launcher_free(app->launcher);
}

static bool drafting_up(struct app *app, char *problem)
{
    enum err error = drafting_new(app->base, app->store, &app->drafting);
    snprintf(problem, PROBLEM_MAX, "drafts: %s", err_sentence(error));
    if (error != ERR_OK) {
        return false;
    }
    drafting_set_settings(app->drafting, app->config->settings);
    return true;
}

static void drafting_down(struct app *app)
{
    drafting_free(app->drafting);
}

static bool pledging_up(struct app *app, char *problem)
{
    enum err error = pledging_new(app->base, app->store, &app->pledging);
    snprintf(problem, PROBLEM_MAX, "pledges: %s", err_sentence(error));
    if (error != ERR_OK) {
        return false;
    }
    pledging_set_settings(app->pledging, app->config->settings);
    pledging_on_queued(app->pledging, on_commit, app);
    return true;
}

static void pledging_down(struct app *app)
{
    pledging_free(app->pledging);
    app->pledging = NULL;
}

static bool webhook_up(struct app *app, char *problem)
{
    enum err error = webhook_new(app->base, app->store, &app->webhook);
    snprintf(problem, PROBLEM_MAX, "the webhooks: %s", err_sentence(error));
    if (error != ERR_OK) {
        return false;
    }
    webhook_set_settings(app->webhook, app->config->settings, app->config->codes);
    webhook_set_pledging(app->webhook, app->pledging);
    return true;
}

static void webhook_down(struct app *app)
{
    webhook_free(app->webhook);
}

static enum err reload_by_api(void *arg, struct buf *out)
{
    return app_reload(arg, out);
}

static void stop_by_api(void *arg)
{
    app_stop(arg);
}

static bool api_up(struct app *app, char *problem)
{
    enum err error = passwords_new(app->base, &app->passwords);
    if (error != ERR_OK) {
        snprintf(problem, PROBLEM_MAX, "passwords: %s", err_sentence(error));
        return false;
    }
    struct api_parts parts = {.base = app->base,
                              .store = app->store,
                              .dispatch = app->dispatch,
                              .launcher = app->launcher,
                              .drafting = app->drafting,
                              .pledging = app->pledging,
                              .webhook = app->webhook,
                              .passwords = app->passwords,
                              .owner = app->owner,
                              .started_ms = app->started_ms,
                              .reload = reload_by_api,
                              .reload_arg = app,
                              .stop = stop_by_api,
                              .stop_arg = app,
                              .loop_lag_ms = loop_lag_ms,
                              .loop_lag_arg = app};
    error = api_new(&parts, &app->api);
    snprintf(problem, PROBLEM_MAX, "the API: %s", err_sentence(error));
    if (error != ERR_OK) {
        passwords_free(app->passwords);
        return false;
    }
    api_set_settings(app->api, app->config->settings, app->config->codes, app->config->regions);
    return true;
}

static void api_down(struct app *app)
{
    api_free(app->api);
    app->api = NULL;
    passwords_free(app->passwords);
}

/* ---- signals and the end ---- */

static bool is_quiet(const struct app *app)
{
    return launcher_running(app->launcher) == 0 && api_calls(app->api) == 0 &&
           http_server_busy(app->public_) == 0;
}

static void on_stopping(void *arg)
{
    struct app *app = arg;
    if (app->is_drained && (is_quiet(app) || clock_mono_ms() >= app->stop_by_ms)) {
        event_base_loopbreak(app->base);
        return;
    }
    loop_timer_arm(app->stopping, STOP_LOOK_MS);
}

static void on_drained(void *arg)
{
    struct app *app = arg;
    log_line(LOG_INFO, "daemon", "event=drained");
    app->is_drained = true;
    /* Who connects from now on waits for the next process, if systemd holds the port too; who is
     * connected already gets an answer. */
    http_server_stop_listening(app->public_);
    api_end_streams(app->api);
    app->stop_by_ms = clock_mono_ms() + STOP_GRACE_MS;
    loop_timer_arm(app->stopping, 0);
}

static void stop_imports(struct app *app)
{
    const struct launch_view *views[IMPORTS_MAX];
    size_t n = launcher_views(app->launcher, views, IMPORTS_MAX);
    for (size_t i = 0; i < n; i++) {
        (void)launcher_stop(app->launcher, views[i]->id, "the daemon was stopped; launch it again");
    }
}

void app_stop(struct app *app)
{
    if (app->is_stopping) {
        log_line(LOG_WARN, "daemon", "event=stopped_at_once");
        app->exit_code = 1;
        event_base_loopbreak(app->base);
        return;
    }
    app->is_stopping = true;
    log_line(LOG_INFO, "daemon", "event=stopping");
    sd_notify(0, "STOPPING=1");
    stop_imports(app);
    /* The listening port stays open while draining: reports of what is in flight may still come. */
    dispatch_drain(app->dispatch, on_drained, app);
}

static void on_stop_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    app_stop(arg);
}

static void on_reload_signal(evutil_socket_t fd, short what, void *arg)
{
    struct buf text;
    (void)fd;
    (void)what;
    buf_init(&text, RELOAD_TEXT_MAX_BYTES);
    (void)!app_reload(arg, &text); /* it has logged what is wrong */
    buf_fini(&text);
}

static bool signals_up(struct app *app, char *problem)
{
    static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < 3; i++) {
        app->signals[i] =
            evsignal_new(app->base, numbers[i], i < 2 ? on_stop_signal : on_reload_signal, app);
        if (app->signals[i] == NULL || event_add(app->signals[i], NULL) != 0) {
            snprintf(problem, PROBLEM_MAX, "no signal handlers");
            return false;
        }
    }
    app->stopping = loop_timer_new(app->base, on_stopping, app);
    return true;
}

static void signals_down(struct app *app)
{
    for (size_t i = 0; i < 3; i++) {
        event_free(app->signals[i]);
    }
    loop_timer_free(app->stopping);
}

/* ---- listening ---- */

static bool listen_up(struct app *app, char *problem)
{
    return listening_up(app, problem, PROBLEM_MAX);
}

/* ---- the heart: beats for the other daemons, the watchdog for systemd ---- */

static void on_beat_stored(void *arg, enum err error, const char *reason)
{
    (void)arg;
    (void)reason;
    if (error != ERR_OK) {
        log_line(LOG_DEBUG, "daemon", "event=beat_lost");
    }
}

static void on_beat(void *arg)
{
    struct app *app = arg;
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    struct daemon_beat beat = {.id = app->owner,
                               .host = host,
                               .version = OUTREACH_VERSION,
                               .pid = getpid(),
                               .started_ms = app->started_ms,
                               .seen_ms = clock_wall_ms()};
    for (size_t i = 0; i < app->config->settings->n_carriers; i++) {
        struct dispatch_view view = {.route_fault = ""};
        dispatch_lane_view(app->dispatch, app->config->settings->carriers[i].name, &view);
        beat.inflight += view.inflight_requests;
        beat.claims += view.claimed_chunks;
    }
    const char *sentence;
    if (redis_health(store_redis(app->store), &sentence) == REDIS_READY) {
        if (status_beat(app->store, &beat, on_beat_stored, app) != ERR_OK) {
            on_beat_stored(app, ERR_CLOSED, NULL);
        }
    }
    roll_lag(app);
    loop_timer_arm(app->beat, BEAT_MS);
}

static void on_watchdog(void *arg)
{
    struct app *app = arg;
    sd_notify(0, "WATCHDOG=1");
    loop_timer_arm(app->watchdog, (int64_t)(app->watchdog_us / 2000));
}

static bool heart_up(struct app *app, char *problem)
{
    (void)problem;
    app->beat = loop_timer_new(app->base, on_beat, app);
    loop_timer_arm(app->beat, 1000);
    if (sd_watchdog_enabled(0, &app->watchdog_us) > 0) {
        app->watchdog = loop_timer_new(app->base, on_watchdog, app);
        loop_timer_arm(app->watchdog, 0);
    }
    return true;
}

static void heart_down(struct app *app)
{
    loop_timer_free(app->beat);
    loop_timer_free(app->watchdog);
}

/* ---- the table ---- */

static const struct stage {
    const char *name;
    bool (*up)(struct app *app, char *problem); /* problem: PROBLEM_MAX bytes, a sentence */
    void (*down)(struct app *app);
} stages[] = {
    {"state", state_up, state_down},
    {"loop", loop_up, loop_down},
    {"curl", curl_up, curl_down},
    {"servers", servers_up, servers_down},
    {"store", store_up, store_down},
    {"dispatch", dispatch_up, dispatch_down},
    {"launcher", launcher_up, launcher_down},
    {"drafting", drafting_up, drafting_down},
    {"pledging", pledging_up, pledging_down},
    {"webhook", webhook_up, webhook_down},
    {"api", api_up, api_down},
    {"signals", signals_up, signals_down},
    {"listen", listen_up, listening_down},
    {"heart", heart_up, heart_down},
};
#define STAGES (sizeof stages / sizeof *stages)

int app_run(struct app *app)
{
    char problem[PROBLEM_MAX] = "", quoted[PROBLEM_MAX * 2];
    size_t up = 0;
    app->lock_fd = -1;
    while (up < STAGES && stages[up].up(app, problem)) {
        up++;
    }
    if (up == STAGES) {
        log_line(LOG_INFO, "daemon", "event=started version=%s id=%s pid=%ld", OUTREACH_VERSION,
                 app->owner, (long)getpid());
        event_base_dispatch(app->base);
        log_line(LOG_INFO, "daemon", "event=stopped");
    } else {
        log_line(LOG_ERROR, "daemon", "event=start_failed stage=%s reason=%s", stages[up].name,
                 log_quote(problem, quoted, sizeof quoted));
        app->exit_code = 1;
    }
    while (up > 0) {
        stages[--up].down(app);
    }
    return app->exit_code;
}
