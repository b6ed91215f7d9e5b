/* A reload: read all, check all, then swap everywhere within one turn of the loop. */
#include "app/app.h"

#include <stdio.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"

#define LINE_MAX_BYTES 1024

static enum err keep_busy_carriers(const struct app *app, const struct settings *next,
                                   struct mistakes *mistakes)
{
    const struct settings *now = app->config->settings;
    enum err error = ERR_OK;
    for (size_t i = 0; i < now->n_carriers; i++) {
        const char *name = now->carriers[i].name;
        size_t n = dispatch_unfinished(app->dispatch, name);
        if (n > 0 && settings_carrier(next, name) == NULL) {
            char section[80];
            snprintf(section, sizeof section, "carrier %s", name);
            mistakes_add(mistakes, false, next->file, 0, section, NULL, NULL, NULL,
                         "cannot go while it has %zu unfinished campaign%s; wait for the end or "
                         "cancel, and keep the section until then",
                         n, n == 1 ? "" : "s");
            error = ERR_REFUSED;
        }
    }
    return error;
}

static enum err read_new(struct app *app, struct config **next, struct mistakes *mistakes)
{
    enum err error = config_load(app->config_path, next, mistakes);
    if (error != ERR_OK) {
        return error;
    }
    error = settings_may_replace(app->config->settings, (*next)->settings, mistakes);
    enum err busy = keep_busy_carriers(app, (*next)->settings, mistakes);
    error = error != ERR_OK ? error : busy;
    if (error != ERR_OK) {
        config_free(*next);
    }
    return error;
}

/* The sender is the only part that can fail to take new settings (it makes lanes): it is asked
 * first, and put back if it does. */
static enum err swap(struct app *app, struct config *next)
{
    enum err error = dispatch_set_settings(app->dispatch, next->settings);
    if (error != ERR_OK) {
        (void)!dispatch_set_settings(app->dispatch, app->config->settings);
        return error;
    }
    enum log_level level;
    if (log_level_parse(next->settings->daemon.log_level, &level) == ERR_OK) {
        log_set_level(level);
    }
    store_set_ambiguous_limit(app->store, next->settings->daemon.ambiguous_limit);
    launcher_set_settings(app->launcher, next->settings);
    drafting_set_settings(app->drafting, next->settings);
    pledging_set_settings(app->pledging, next->settings);
    webhook_set_settings(app->webhook, next->settings, next->codes);
    api_set_settings(app->api, next->settings, next->codes, next->regions);
    config_free(app->config);
    app->config = next;
    return ERR_OK;
}

/* One log line a mistake: the journal is where an operator looks, whoever asked for the reload. */
static void log_mistakes(const char *at)
{
    char quoted[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    while (*at != '\0') {
        size_t len = strcspn(at, "\n");
        snprintf(line, sizeof line, "%.*s", (int)len, at);
        log_line(LOG_WARN, "daemon", "event=mistake text=%s",
                 log_quote(line, quoted, sizeof quoted));
        at += len + (at[len] != '\0');
    }
}

enum err app_reload(struct app *app, struct buf *out)
{
    struct mistakes mistakes;
    struct config *next = NULL;
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld000", (long long)clock_mono_ms());
    mistakes_init(&mistakes);
    enum err error = read_new(app, &next, &mistakes);
    if (error == ERR_OK) {
        error = swap(app, next);
        if (error != ERR_OK) {
            config_free(next);
            buf_add_text(out, err_sentence(error));
        }
    }
    mistakes_print(&mistakes, out);
    if (error == ERR_OK) {
        log_line(LOG_INFO, "daemon", "event=reloaded carriers=%zu warnings=%zu",
                 app->config->settings->n_carriers, mistakes.n);
        dispatch_wake(app->dispatch, NULL);
    } else {
        log_line(LOG_ERROR, "daemon", "event=reload_refused mistakes=%zu", mistakes.errors);
    }
    log_mistakes(buf_text(out));
    api_note_reload(app->api, error == ERR_OK, buf_text(out));
    mistakes_fini(&mistakes);
    sd_notify(0, "READY=1");
    return error;
}
