/* A reload: read all, check all, then swap everywhere within one turn of the loop. */
#include "app/app.h"

#include <stdio.h>

#include <systemd/sd-daemon.h>

#include "base/clock.h"
#include "base/log.h"

static enum err read_new(struct app *app, struct config **next, struct mistakes *mistakes)
{
    enum err error = config_load(app->config_path, next, mistakes);
    if (error != ERR_OK) {
        return error;
    }
    error = settings_may_replace(app->config->settings, (*next)->settings, mistakes);
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
    api_note_reload(app->api, error == ERR_OK, buf_text(out));
    mistakes_fini(&mistakes);
    sd_notify(0, "READY=1");
    return error;
}
