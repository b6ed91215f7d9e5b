/* Everything the daemon reads from files at start and at a reload: settings, the code table of
 * each carrier, names of areas. One thing, so that a reload swaps all of it or nothing. */
#pragma once

#include "carrier/codes.h"
#include "conf/settings.h"
#include "pledge/regions.h"

struct config {
    struct settings *settings;
    struct codes *codes[SETTINGS_CARRIERS_MAX]; /* codes[i] belongs to settings->carriers[i] */
    struct regions *regions;                    /* NULL: no file of names */
};

/* Reads `path` and the tables it names; every mistake is appended. *config is set only without
 * errors. */
MUST_CHECK enum err config_load(const char *path, struct config **config,
                                struct mistakes *mistakes);
void config_free(struct config *config); /* NULL is fine */
