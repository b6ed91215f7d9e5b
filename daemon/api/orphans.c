/* Campaigns of accounts that are in the file no more. A reload refuses to drop an account with
 * campaigns that are not finished, a restart cannot: so it is looked for once, after the start. */
#include "api/orphans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "base/log.h"
#include "conf/settings.h"
#include "store/carriers.h"

#define NAME_SIZE 65

struct orphans {
    bool is_asked, is_gone; /* is_gone: the API went while the answer was to come */
    size_t n;
    char names[CARRIERS_FOUND_MAX][NAME_SIZE];
};

enum err orphans_new(struct orphans **orphans)
{
    *orphans = calloc(1, sizeof **orphans);
    return *orphans != NULL ? ERR_OK : ERR_NOMEM;
}

void orphans_free(struct orphans *orphans)
{
    if (orphans != NULL && orphans->is_asked) {
        orphans->is_gone = true;
    } else {
        free(orphans);
    }
}

static void on_found(void *arg, enum err error, const char *const *names, size_t n)
{
    struct orphans *orphans = arg;
    orphans->is_asked = false;
    if (orphans->is_gone) {
        free(orphans);
        return;
    }
    if (error != ERR_OK) {
        log_line(LOG_WARN, "api", "event=accounts_unknown reason=\"%s\"", err_sentence(error));
    }
    orphans->n = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(orphans->names[orphans->n++], NAME_SIZE, "%s", names[i]);
    }
}

void orphans_look(struct orphans *orphans, struct store *store)
{
    if (orphans->is_asked) {
        return;
    }
    orphans->is_asked = true;
    enum err error = carriers_find(store, on_found, orphans);
    if (error != ERR_OK) {
        on_found(orphans, error, NULL, 0);
    }
}

static bool is_configured(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n_carriers; i++) {
        if (strcmp(settings->carriers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

const char *orphans_next(const struct orphans *orphans, const struct settings *settings, size_t *at)
{
    while (*at < orphans->n) {
        const char *name = orphans->names[(*at)++];
        if (!is_configured(settings, name)) {
            return name;
        }
    }
    return NULL;
}
