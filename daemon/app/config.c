#include "app/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 4096
#define PROBLEM_MAX_BYTES 1024

static bool load_codes(struct config *config, struct mistakes *mistakes)
{
    bool good = true;
    for (size_t i = 0; i < config->settings->n_carriers; i++) {
        char path[PATH_MAX_BYTES];
        snprintf(path, sizeof path, "%s/%s.ini", config->settings->daemon.codes_dir,
                 config->settings->carriers[i].codes);
        if (codes_load(path, &config->codes[i], mistakes) != ERR_OK) {
            config->codes[i] = NULL;
            good = false;
        }
    }
    return good;
}

/* Adds the names of one file; NULL is none. */
static bool add_regions(struct config *config, const char *path, struct mistakes *mistakes)
{
    struct regions *names = NULL;
    struct buf problem;
    if (path == NULL) {
        return true;
    }
    buf_init(&problem, PROBLEM_MAX_BYTES);
    enum err error = regions_load(path, &names, &problem);
    if (error == ERR_OK) {
        error = regions_add(&config->regions, names);
    }
    if (error != ERR_OK) {
        mistakes_add(mistakes, false, path, 0, NULL, NULL, NULL, NULL, "%s",
                     problem.len > 0 ? buf_text(&problem) : err_sentence(error));
    }
    buf_fini(&problem);
    return error == ERR_OK;
}

static bool load_regions(struct config *config, struct mistakes *mistakes)
{
    const struct settings_daemon *daemon = &config->settings->daemon;
    return add_regions(config, daemon->regions_file, mistakes) &&
           add_regions(config, daemon->regions_extra, mistakes);
}

enum err config_load(const char *path, struct config **config, struct mistakes *mistakes)
{
    struct config *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    enum err error = settings_load(path, true, &made->settings, mistakes);
    if (error != ERR_OK) {
        made->settings = NULL;
    } else if (!load_codes(made, mistakes) || !load_regions(made, mistakes)) {
        error = ERR_INVALID;
    }
    if (error != ERR_OK) {
        config_free(made);
        return error;
    }
    *config = made;
    return ERR_OK;
}

void config_free(struct config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < SETTINGS_CARRIERS_MAX; i++) {
        if (config->codes[i] != NULL) {
            codes_free(config->codes[i]);
        }
    }
    regions_free(config->regions);
    settings_free(config->settings);
    free(config);
}
