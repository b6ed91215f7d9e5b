/* Retention of lists that people uploaded on the console: a list goes when its campaign was purged
 * (store/purge.h), or was never launched, and nobody has touched draft or list for as long. Lists
 * that lie in campaigns_dir without the console's doing are their owners'. One list after the
 * other; what is cut off is found again by the next run. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "drafting/parts.h"
#include "store/drafts.h"

#define LISTS_A_RUN 20000
#define FIRST_MS 20000
#define RETRY_MS 60000
#define EVERY_MS (60 * INT64_C(60000))

struct retain {
    struct drafting *drafting;
    struct drafting_retain_options options;
    char (*ids)[DRAFT_ID_SIZE];
    size_t n, at, at_carrier;
};

static void finish(struct retain *retain, enum err error, const char *reason)
{
    struct drafting_retain_options options = retain->options;
    struct drafting *drafting = retain->drafting;
    free(retain->ids);
    free(retain);
    options.on_done(options.arg, error, reason);
    parts_release(drafting);
}

static bool is_old(const struct retain *retain, const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_mtim.tv_sec * INT64_C(1000) < retain->options.now_ms - retain->options.keep_ms;
}

/* The ids of ID.csv in campaigns_dir that were not written for so long. */
static enum err collect(struct retain *retain)
{
    const struct settings *settings = retain->drafting->settings;
    char path[DRAFT_PATH_SIZE], id[DRAFT_ID_SIZE];
    retain->ids = calloc(LISTS_A_RUN, sizeof *retain->ids);
    if (retain->ids == NULL)
        return ERR_NOMEM;
    DIR *dir = opendir(settings->daemon.campaigns_dir);
    for (struct dirent *entry;
         dir != NULL && retain->n < LISTS_A_RUN && (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || len <= 4 || len - 4 >= sizeof id ||
            strcmp(entry->d_name + len - 4, ".csv") != 0)
            continue;
        snprintf(id, sizeof id, "%.*s", (int)(len - 4), entry->d_name);
        if (is_old(retain, draft_list_path(settings, id, path)))
            memcpy(retain->ids[retain->n++], id, sizeof id);
    }
    if (dir == NULL)
        return ERR_IO;
    closedir(dir);
    return ERR_OK;
}

static void next(struct retain *retain);
static void ask_campaign(struct retain *retain);

static void skip(struct retain *retain)
{
    retain->at++;
    next(retain);
}

/* Nobody had a reason to keep it. */
static void drop(struct retain *retain)
{
    const char *id = retain->ids[retain->at];
    char path[DRAFT_PATH_SIZE];
    draft_list_path(retain->drafting->settings, id, path);
    /* It may have been written anew while Redis was asked. */
    bool gone = is_old(retain, path) && (retain->options.dry_run || unlink(path) == 0);
    if (gone && !retain->options.dry_run)
        log_line(LOG_INFO, "daemon", "event=purged draft=%s text=\"its uploaded list is deleted\"",
                 id);
    if (gone && retain->options.on_list != NULL)
        retain->options.on_list(retain->options.arg, id);
    skip(retain);
}

static void on_campaign(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct retain *retain = arg;
    if (error == ERR_NOT_FOUND || (error == ERR_OK && n == 1 && views[0].purged_ms != 0)) {
        retain->at_carrier++;
        ask_campaign(retain);
    } else if (error == ERR_OK) {
        skip(retain);
    } else {
        finish(retain, error, "");
    }
}

/* On whichever account it was launched: the INI may name another one by now. */
static void ask_campaign(struct retain *retain)
{
    const struct settings *settings = retain->drafting->settings;
    if (retain->drafting->is_ending) {
        finish(retain, ERR_CLOSED, "");
        return;
    }
    if (retain->at_carrier >= settings->n_carriers) {
        drop(retain);
        return;
    }
    enum err error =
        queue_find(retain->drafting->store, settings->carriers[retain->at_carrier].name,
                   retain->ids[retain->at], on_campaign, retain);
    if (error != ERR_OK)
        finish(retain, error, "");
}

static int64_t last_touch(const struct draft_record *record)
{
    int64_t last = record->made_ms > record->updated_ms ? record->made_ms : record->updated_ms;
    return record->uploaded_ms > last ? record->uploaded_ms : last;
}

static void on_record(void *arg, enum err error, const char *reason,
                      const struct draft_record *record)
{
    struct retain *retain = arg;
    if (error != ERR_OK) {
        finish(retain, error, reason);
        return;
    }
    /* Uploaded, or copied when the draft was made. */
    bool is_ours = record->sha256[0] != '\0' || record->author[0] != '\0';
    if (!is_ours || last_touch(record) >= retain->options.now_ms - retain->options.keep_ms) {
        skip(retain);
        return;
    }
    retain->at_carrier = 0;
    ask_campaign(retain);
}

static void next(struct retain *retain)
{
    if (retain->drafting->is_ending || retain->at >= retain->n) {
        finish(retain, retain->at < retain->n ? ERR_CLOSED : ERR_OK, "");
        return;
    }
    enum err error =
        drafts_read(retain->drafting->store, retain->ids[retain->at], on_record, retain);
    if (error != ERR_OK)
        finish(retain, error, "");
}

enum err drafting_retain(struct drafting *drafting, const struct drafting_retain_options *options)
{
    struct retain *retain = calloc(1, sizeof *retain);
    if (retain == NULL)
        return ERR_NOMEM;
    retain->drafting = drafting;
    retain->options = *options;
    enum err error = collect(retain);
    if (error == ERR_OK && retain->n > 0) /* the first question; next() would call back at once */
        error = drafts_read(drafting->store, retain->ids[0], on_record, retain);
    if (error != ERR_OK) {
        free(retain->ids);
        free(retain);
        return error;
    }
    parts_hold(drafting);
    if (retain->n == 0)
        finish(retain, ERR_OK, "");
    return ERR_OK;
}

/* ---- by itself ---- */

static void on_round(void *arg, enum err error, const char *reason)
{
    struct drafting *drafting = arg;
    (void)reason;
    if (!drafting->is_ending)
        loop_timer_arm(drafting->retaining, error == ERR_OK ? EVERY_MS : RETRY_MS);
}

static void on_time(void *arg)
{
    struct drafting *drafting = arg;
    const struct drafting_retain_options options = {.now_ms = clock_wall_ms(),
                                                    .keep_ms =
                                                        drafting->settings->daemon.retention_ms,
                                                    .on_done = on_round,
                                                    .arg = drafting};
    enum err error = drafting_retain(drafting, &options);
    if (error != ERR_OK)
        on_round(drafting, error, "");
}

void retain_begin(struct drafting *drafting)
{
    drafting->retaining = loop_timer_new(drafting->base, on_time, drafting);
    if (drafting->retaining != NULL)
        loop_timer_arm(drafting->retaining, FIRST_MS);
}

void retain_end(struct drafting *drafting)
{
    loop_timer_free(drafting->retaining);
    drafting->retaining = NULL;
}
