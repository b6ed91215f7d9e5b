/* One save, in four steps: written and synced (thread), recorded (Redis), renamed (loop), the
 * directory synced (thread). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "drafting/parts.h"
#include "store/drafts.h"

#define COPY_BYTES 65536

struct save {
    struct drafting *drafting;
    struct draft *next;
    char base_version[DIGEST_SHA256_HEX]; /* "": it is new */
    char *who, *directory;
    char temporary[DRAFT_PATH_SIZE]; /* "": renamed or removed */
    int fd;
    char *list_from;
    char list_temporary[DRAFT_PATH_SIZE];
    enum err error;
    const char *reason;
    drafting_done_fn *done;
    void *arg;
};

static void save_free(struct save *save)
{
    parts_release(save->drafting);
    if (save->fd >= 0)
        close(save->fd);
    if (save->temporary[0] != '\0')
        unlink(save->temporary);
    if (save->list_temporary[0] != '\0')
        unlink(save->list_temporary);
    draft_free(save->next);
    free(save->who);
    free(save->directory);
    free(save->list_from);
    free(save);
}

static void save_end(struct save *save, enum err error, const char *reason)
{
    if (error != ERR_OK && !save->drafting->is_ending)
        draft_discard(save->drafting->settings, save->next);
    save->done(save->arg, error, reason);
    save_free(save);
}

/* ---- in the thread ---- */

static enum err sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err error = fsync(fd) == 0 ? ERR_OK : ERR_IO;
    close(fd);
    return error;
}

static enum err copy_all(int from, int to)
{
    char block[COPY_BYTES];
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && fsync(to) == 0 ? ERR_OK : ERR_IO;
        for (ssize_t done = 0; done < n;) {
            ssize_t step = write(to, block + done, (size_t)(n - done));
            if (step < 0 && errno != EINTR)
                return ERR_IO;
            done += step > 0 ? step : 0;
        }
    }
}

/* The temporary file of the list is there, empty. */
static enum err copy_list(const struct save *save)
{
    int from = open(save->list_from, O_RDONLY | O_CLOEXEC | O_NOCTTY),
        to = open(save->list_temporary, O_WRONLY | O_CLOEXEC);
    enum err error = from >= 0 && to >= 0 ? copy_all(from, to) : ERR_IO;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return error;
}

static void work_sync(void *arg)
{
    struct save *save = arg;
    save->error = fsync(save->fd) == 0 ? ERR_OK : ERR_IO;
    if (save->error == ERR_OK && save->next->text_path != NULL)
        save->error = sync_path(save->next->text_path);
    if (save->error == ERR_OK && save->list_from != NULL)
        save->error = copy_list(save);
}

static void work_sync_directory(void *arg)
{
    struct save *save = arg;
    save->error = parts_sync_directory(save->directory);
}

/* ---- on the loop ---- */

static void on_renamed(void *arg)
{
    struct save *save = arg;
    FAILPOINT("draft_after");
    if (save->error != ERR_OK) /* the new one is there; a power cut may bring the old one back */
        log_line(LOG_WARN, "daemon", "event=draft_not_synced");
    save->done(save->arg, ERR_OK, "");
    save_free(save);
}

/* The old text file, when the new INI does not name it any more. */
static void drop_old_text(const struct draft *old, const struct draft *next)
{
    if (old != NULL && old->text_path != NULL &&
        (next->text_path == NULL || strcmp(old->text_path, next->text_path) != 0))
        unlink(old->text_path);
}

static enum err put_new(struct save *save)
{
    char list[DRAFT_PATH_SIZE];
    draft_list_path(save->drafting->settings, save->next->id, list);
    if (access(save->next->path, F_OK) == 0 || access(list, F_OK) == 0)
        return ERR_EXISTS;
    if (save->list_from != NULL) {
        if (rename(save->list_temporary, list) != 0)
            return ERR_IO;
        save->list_temporary[0] = '\0';
    }
    FAILPOINT("draft_between");
    if (link(save->temporary, save->next->path) != 0)
        return errno == EEXIST ? ERR_EXISTS : ERR_IO;
    return ERR_OK; /* save_free removes the other name */
}

static enum err put_changed(struct save *save)
{
    struct draft *old = NULL;
    enum err error = draft_load(save->drafting->settings, save->next->id, &old);
    if (error == ERR_NOT_FOUND ||
        (error == ERR_OK && strcmp(old->version, save->base_version) != 0))
        error = ERR_STALE;
    if (error == ERR_OK && save->next->text_path != NULL &&
        access(save->next->text_path, F_OK) != 0)
        error = ERR_STALE; /* another save has thrown the same text away */
    FAILPOINT("draft_between");
    if (error == ERR_OK && rename(save->temporary, save->next->path) != 0)
        error = ERR_IO;
    if (error == ERR_OK) {
        save->temporary[0] = '\0';
        drop_old_text(old, save->next);
    }
    draft_free(old);
    return error;
}

static void on_recorded(void *arg, enum err error, const char *reason)
{
    struct save *save = arg;
    if (save->drafting->is_ending && error == ERR_OK)
        error = ERR_CLOSED;
    if (error != ERR_OK) {
        save_end(save, error, reason);
        return;
    }
    error = save->base_version[0] == '\0' ? put_new(save) : put_changed(save);
    if (error == ERR_OK)
        error = offload_run(save->drafting->offload, work_sync_directory, on_renamed, save);
    if (error != ERR_OK)
        save_end(save, error,
                 error == ERR_STALE    ? "somebody else has saved it meanwhile; look at it again"
                 : error == ERR_EXISTS ? "there is a campaign of this name already"
                                       : "");
}

static void on_synced(void *arg)
{
    struct save *save = arg;
    struct drafting *drafting = save->drafting;
    FAILPOINT("draft_synced");
    enum err error = drafting->is_ending ? ERR_CLOSED : save->error;
    if (error == ERR_OK)
        error = drafts_touch(drafting->store, save->next->id,
                             save->base_version[0] == '\0' ? DRAFT_CREATE : DRAFT_EDIT, save->who,
                             NULL, NULL, clock_wall_ms(), on_recorded, save);
    if (error != ERR_OK)
        save_end(save, error, error == ERR_IO ? "the disk does not take it" : "");
}

/* ---- beginning ---- */

/* As the file that is replaced: an operator may have opened it to a group. */
static mode_t mode_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_mode & 0777 : DRAFT_FILE_MODE;
}

static enum err write_temporary(struct save *save)
{
    const struct buf *bytes = &save->next->bytes;
    save->fd = parts_temporary(save->drafting, mode_of(save->next->path), save->temporary);
    if (save->fd < 0)
        return ERR_IO;
    if (write(save->fd, buf_text(bytes), bytes->len) != (ssize_t)bytes->len)
        return ERR_IO;
    if (save->list_from == NULL)
        return ERR_OK;
    int list = parts_temporary(save->drafting, DRAFT_FILE_MODE, save->list_temporary);
    if (list < 0)
        return ERR_IO;
    close(list);
    return ERR_OK;
}

enum err drafting_save(struct drafting *drafting, struct draft *next, const char *base_version,
                       const char *list_from, const char *who, drafting_done_fn *done, void *arg)
{
    struct save *save = calloc(1, sizeof *save);
    if (save == NULL) {
        draft_free(next);
        return ERR_NOMEM;
    }
    *save = (struct save){.drafting = drafting,
                          .next = next,
                          .who = strdup(who),
                          .directory = strdup(drafting->settings->daemon.campaigns_dir),
                          .fd = -1,
                          .done = done,
                          .arg = arg};
    parts_hold(drafting);
    snprintf(save->base_version, sizeof save->base_version, "%s",
             base_version != NULL ? base_version : "");
    save->list_from = list_from != NULL ? strdup(list_from) : NULL;
    bool no_memory = save->who == NULL || save->directory == NULL ||
                     (list_from != NULL && save->list_from == NULL);
    enum err error = no_memory ? ERR_NOMEM : write_temporary(save);
    FAILPOINT("draft_written");
    if (error == ERR_OK)
        error = offload_run(drafting->offload, work_sync, on_synced, save);
    if (error != ERR_OK) {
        draft_discard(drafting->settings, next);
        save_free(save);
    }
    return error;
}

/* ---- removing ---- */

struct removal {
    struct drafting *drafting;
    drafting_done_fn *done;
    void *arg;
};

static void on_dropped(void *arg, enum err error, const char *reason)
{
    struct removal op = *(struct removal *)arg;
    free(arg);
    op.done(op.arg, error, reason);
}

enum err drafting_remove(struct drafting *drafting, const struct draft *draft,
                         drafting_done_fn *done, void *arg)
{
    char list[DRAFT_PATH_SIZE];
    struct removal *op = malloc(sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    *op = (struct removal){drafting, done, arg};
    /* The INI first: without it the others mean nothing. */
    enum err error = unlink(draft->path) == 0 ? ERR_OK : ERR_IO;
    if (error == ERR_OK) {
        if (draft->text_path != NULL)
            unlink(draft->text_path);
        if (draft->list != NULL &&
            strcmp(draft_list_path(drafting->settings, draft->id, list), draft->list) == 0)
            unlink(list);
        error = drafts_drop(drafting->store, draft->id, on_dropped, op);
    }
    if (error != ERR_OK)
        free(op);
    return error;
}
