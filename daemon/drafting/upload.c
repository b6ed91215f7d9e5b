/* A list on its way from a browser: parts are appended to a temporary file; the last one puts it
 * in place. Not more than DRAFTING_UPLOADS_MAX files of at most upload_max bytes are there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/numbers.h"
#include "campaign/recipients.h"
#include "drafting/mend.h"
#include "drafting/parts.h"
#include "drafting/run.h"
#include "store/drafts.h"

#define TIDY_MS 60000
#define NAME_MAX_BYTES 255
#define PROBLEM_BYTES 2048
#define LIST_CHANGED "somebody else has given another list meanwhile; look at it again"

/* Rows that come back mended, until they are one list with the others again. */
struct mended_upload {
    char *row_names[DRAFTING_ROW_NAMES], list[DRAFT_PATH_SIZE];
    struct stat info; /* of the list as it was looked at */
    uint64_t *left_out;
    size_t n_left_out, cap;
    char temporary[DRAFT_PATH_SIZE]; /* the new list; "": none */
    int fd;
    struct buf problem;
};

struct upload {
    struct upload *next;
    struct drafting *drafting;
    char id[DRAFT_ID_SIZE];
    char *who, *name;
    char temporary[DRAFT_PATH_SIZE]; /* "": it is in place */
    int fd;
    uint64_t at;
    int64_t touched_ms;

    /* of the last part */
    char digest[DIGEST_SHA256_HEX];
    enum err error;
    drafting_done_fn *done;
    void *arg;
    struct mended_upload *mended; /* NULL: this is the whole list */
};

static void mended_free(struct mended_upload *mended)
{
    if (mended == NULL)
        return;
    if (mended->fd >= 0)
        close(mended->fd);
    if (mended->temporary[0] != '\0')
        unlink(mended->temporary);
    for (size_t i = 0; i < DRAFTING_ROW_NAMES; i++)
        free(mended->row_names[i]);
    free(mended->left_out);
    buf_fini(&mended->problem);
    free(mended);
}

static void upload_free(struct upload *upload)
{
    if (upload->fd >= 0)
        close(upload->fd);
    if (upload->temporary[0] != '\0')
        unlink(upload->temporary);
    mended_free(upload->mended);
    free(upload->who);
    free(upload->name);
    free(upload);
}

static void put_in(struct upload *upload)
{
    struct drafting *drafting = upload->drafting;
    upload->next = drafting->uploads;
    drafting->uploads = upload;
    drafting->n_uploads++;
}

static void take_out(struct upload *upload)
{
    struct upload **at = &upload->drafting->uploads;
    while (*at != upload)
        at = &(*at)->next;
    *at = upload->next;
    upload->drafting->n_uploads--;
}

static struct upload *find(const struct drafting *drafting, const struct drafting_part *part)
{
    for (struct upload *upload = drafting->uploads; upload != NULL; upload = upload->next) {
        if (strcmp(upload->id, part->id) == 0 && strcmp(upload->who, part->who) == 0)
            return upload;
    }
    return NULL;
}

void uploads_free(struct drafting *drafting)
{
    for (struct upload *upload = drafting->uploads, *next; upload != NULL; upload = next) {
        next = upload->next;
        upload_free(upload);
    }
    drafting->uploads = NULL;
    drafting->n_uploads = 0;
    loop_timer_free(drafting->tidy);
    drafting->tidy = NULL;
}

static void on_tidy(void *arg)
{
    struct drafting *drafting = arg;
    int64_t before = clock_mono_ms() - DRAFTING_UPLOAD_IDLE_MS;
    for (struct upload *upload = drafting->uploads, *next; upload != NULL; upload = next) {
        next = upload->next;
        if (upload->touched_ms < before) {
            take_out(upload);
            upload_free(upload);
        }
    }
    if (drafting->uploads != NULL)
        loop_timer_arm(drafting->tidy, TIDY_MS);
}

/* ---- the end of an upload ---- */

static void upload_end(struct upload *upload, enum err error, const char *reason)
{
    struct drafting *drafting = upload->drafting;
    upload->done(upload->arg, error, reason);
    upload_free(upload);
    parts_release(drafting);
}

static void on_named(void *arg, enum err error, const char *reason)
{
    upload_end(arg, error, reason);
}

/* A draft written by hand may name another list, or none. */
static enum err name_in_ini(struct upload *upload, const struct draft *draft)
{
    struct drafting *drafting = upload->drafting;
    char value[DRAFT_ID_SIZE + 8], field[DRAFT_FIELD_SIZE];
    struct draft *next = NULL;
    struct buf reason;
    snprintf(value, sizeof value, "%s.csv", upload->id);
    const struct draft_change change = {"campaign", "recipients", value};
    buf_init(&reason, 4096);
    enum err error = draft_change(draft, drafting->settings, &change, 1, &next, field, &reason);
    if (error == ERR_OK)
        error = drafting_save(drafting, next, draft->version, NULL, upload->who, on_named, upload);
    buf_fini(&reason);
    return error;
}

static void on_directory_synced(void *arg)
{
    struct upload *upload = arg;
    struct drafting *drafting = upload->drafting;
    struct draft *draft = NULL;
    char own[DRAFT_PATH_SIZE];
    bool is_named = false;
    if (drafting->is_ending) {
        upload_end(upload, ERR_CLOSED, "");
        return;
    }
    enum err error = draft_load(drafting->settings, upload->id, &draft);
    if (error == ERR_OK) {
        draft_list_path(drafting->settings, upload->id, own);
        is_named = draft->list != NULL && strcmp(draft->list, own) == 0;
        error = is_named ? ERR_OK : name_in_ini(upload, draft);
    }
    draft_free(draft);
    if (error != ERR_OK || is_named)
        upload_end(upload, error, "");
}

static void work_sync_directory(void *arg)
{
    struct upload *upload = arg;
    char *slash = strrchr(upload->temporary, '/');
    *slash = '\0'; /* it was renamed: only its directory is still of use */
    upload->error = parts_sync_directory(upload->temporary);
    upload->temporary[0] = '\0';
}

/* Still the one whose rows were mended. */
static bool is_the_list(const struct mended_upload *mended)
{
    struct stat now;
    return stat(mended->list, &now) == 0 && now.st_ino == mended->info.st_ino &&
           now.st_size == mended->info.st_size &&
           now.st_mtim.tv_sec == mended->info.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == mended->info.st_mtim.tv_nsec;
}

static enum err put_in_place(struct upload *upload)
{
    struct drafting *drafting = upload->drafting;
    char ini[DRAFT_PATH_SIZE], list[DRAFT_PATH_SIZE];
    struct stat info;
    if (access(draft_ini_path(drafting->settings, upload->id, ini), F_OK) != 0)
        return ERR_NOT_FOUND;
    draft_list_path(drafting->settings, upload->id, list);
    if (upload->mended != NULL && !is_the_list(upload->mended))
        return ERR_STALE;
    FAILPOINT("upload_between");
    if (rename(upload->temporary, list) != 0)
        return ERR_IO;
    if (fstat(upload->fd, &info) == 0)
        parts_note_list(drafting, &info, upload->digest);
    return ERR_OK;
}

static void on_recorded(void *arg, enum err error, const char *reason)
{
    struct upload *upload = arg;
    if (error == ERR_OK && upload->drafting->is_ending)
        error = ERR_CLOSED;
    if (error == ERR_OK) {
        error = put_in_place(upload);
        reason = error == ERR_NOT_FOUND ? "the draft was deleted meanwhile"
                 : error == ERR_STALE   ? LIST_CHANGED
                                        : "";
        if (error == ERR_OK && offload_run(upload->drafting->offload, work_sync_directory,
                                           on_directory_synced, upload) != ERR_OK) {
            upload->temporary[0] = '\0';
            error = ERR_NOMEM;
        } else if (error == ERR_OK) {
            return;
        }
    }
    upload_end(upload, error, reason);
}

static void on_synced(void *arg)
{
    struct upload *upload = arg;
    struct drafting *drafting = upload->drafting;
    FAILPOINT("upload_synced");
    enum err error = drafting->is_ending ? ERR_CLOSED : upload->error;
    if (error == ERR_OK)
        error = drafts_touch(drafting->store, upload->id, DRAFT_UPLOAD, upload->who, upload->name,
                             upload->digest, clock_wall_ms(), on_recorded, upload);
    if (error != ERR_OK)
        upload_end(upload, error, error == ERR_IO ? "the disk does not take it" : "");
}

static void work_sync(void *arg)
{
    struct upload *upload = arg;
    uint64_t len;
    upload->error = ERR_IO;
    if (fsync(upload->fd) == 0 && lseek(upload->fd, 0, SEEK_SET) == 0)
        upload->error = digest_sha256_fd(upload->fd, upload->digest, &len);
}

/* What is no table at all is refused while the person still looks at the upload; the old list
 * stays. */
static enum err check_table(const struct upload *upload, struct buf *reason)
{
    struct recipients *recipients = NULL;
    enum err error = recipients_open(upload->temporary, &recipients, reason);
    recipients_free(recipients);
    return error;
}

/* ---- mended rows: what is left out is asked of a run, then a thread writes the new list ---- */

static void on_mended(void *arg)
{
    struct upload *upload = arg;
    struct mended_upload *mended = upload->mended;
    enum err error = upload->drafting->is_ending ? ERR_CLOSED : upload->error;
    if (error == ERR_OK) { /* from here on it is an upload like any other */
        close(upload->fd);
        unlink(upload->temporary);
        upload->fd = mended->fd;
        memcpy(upload->temporary, mended->temporary, sizeof upload->temporary);
        mended->fd = -1;
        mended->temporary[0] = '\0';
        error = offload_run(upload->drafting->offload, work_sync, on_synced, upload);
    }
    if (error != ERR_OK)
        upload_end(upload, error, buf_text(&mended->problem));
}

static void work_mend(void *arg)
{
    struct upload *upload = arg;
    struct mended_upload *mended = upload->mended;
    struct mend mend = {.list = mended->list,
                        .mended = upload->temporary,
                        .out = mended->fd,
                        .left_out = mended->left_out,
                        .n_left_out = mended->n_left_out};
    for (size_t i = 0; i < DRAFTING_ROW_NAMES; i++)
        mend.row_names[i] = mended->row_names[i];
    upload->error = mend_list(&mend, &mended->problem);
}

static void on_left_out(void *arg, const struct plan_problem *problem)
{
    struct mended_upload *mended = ((struct upload *)arg)->mended;
    if (problem->accepted)
        return;
    if (mended->n_left_out == mended->cap) {
        size_t cap = mended->cap > 0 ? 2 * mended->cap : 256;
        uint64_t *grown = realloc(mended->left_out, cap * sizeof *grown);
        if (grown == NULL)
            return; /* the row counts as a good one, and its mended row is refused */
        mended->left_out = grown;
        mended->cap = cap;
    }
    mended->left_out[mended->n_left_out++] = problem->row;
}

static void on_run_end(void *arg, struct run *run, enum err error, const char *fault)
{
    struct upload *upload = arg;
    struct mended_upload *mended = upload->mended;
    (void)run;
    numbers_sort(mended->left_out, mended->n_left_out);
    if (error == ERR_OK)
        error = offload_run(upload->drafting->offload, work_mend, on_mended, upload);
    if (error != ERR_OK)
        upload_end(upload, error, fault);
}

static enum err begin_mending(struct upload *upload, struct buf *reason)
{
    static const struct run_hooks hooks = {.problem = on_left_out, .end = on_run_end};
    struct drafting *drafting = upload->drafting;
    struct mended_upload *mended = upload->mended;
    struct draft *draft = NULL;
    struct run *run; /* lives until its end: nobody breaks it off */
    enum run_stage stage;
    enum err error = draft_load(drafting->settings, upload->id, &draft);
    draft_list_path(drafting->settings, upload->id, mended->list);
    if (error == ERR_OK && (draft->list == NULL || strcmp(draft->list, mended->list) != 0 ||
                            stat(mended->list, &mended->info) != 0)) {
        buf_add_text(reason, "there is no list here yet that could be mended: give the whole list");
        error = ERR_INVALID;
    }
    if (error == ERR_OK) {
        mended->fd = parts_temporary(drafting, DRAFT_FILE_MODE, mended->temporary);
        error = mended->fd >= 0 ? run_new(drafting, draft, &hooks, upload, &run, &stage, reason)
                                : ERR_IO;
    }
    draft_free(draft);
    return error;
}

/* The names are the caller's. */
static enum err note_mended(struct upload *upload, const char *const *names)
{
    struct mended_upload *mended = calloc(1, sizeof *mended);
    if (mended == NULL)
        return ERR_NOMEM;
    mended->fd = -1;
    buf_init(&mended->problem, PROBLEM_BYTES);
    upload->mended = mended;
    for (size_t i = 0; i < DRAFTING_ROW_NAMES; i++) {
        if ((mended->row_names[i] = strdup(names[i])) == NULL)
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static enum err finish(struct upload *upload, const char *const *mended, struct buf *reason,
                       drafting_done_fn *done, void *arg)
{
    take_out(upload);
    upload->done = done;
    upload->arg = arg;
    enum err error = check_table(upload, reason);
    if (error == ERR_OK && mended != NULL)
        error = note_mended(upload, mended);
    if (error == ERR_OK && mended != NULL)
        error = begin_mending(upload, reason);
    else if (error == ERR_OK)
        error = offload_run(upload->drafting->offload, work_sync, on_synced, upload);
    if (error == ERR_OK)
        parts_hold(upload->drafting);
    else
        upload_free(upload);
    return error;
}

/* ---- parts ---- */

/* A page that was closed leaves its upload behind: it must not keep its owner out, and nobody has
 * more than her share. */
static void make_room_of_own(struct drafting *drafting, const char *who)
{
    struct upload *oldest = NULL;
    size_t n = 0;
    for (struct upload *upload = drafting->uploads; upload != NULL; upload = upload->next) {
        if (strcmp(upload->who, who) != 0)
            continue;
        n++;
        if (oldest == NULL || upload->touched_ms < oldest->touched_ms)
            oldest = upload;
    }
    if (n >= DRAFTING_UPLOADS_OF_ONE) {
        take_out(oldest);
        upload_free(oldest);
    }
}

static enum err begin(struct drafting *drafting, const struct drafting_part *part,
                      struct upload **out)
{
    if (drafting->n_uploads >= DRAFTING_UPLOADS_MAX)
        return ERR_BUSY;
    struct upload *upload = calloc(1, sizeof *upload);
    if (upload == NULL)
        return ERR_NOMEM;
    *upload = (struct upload){.drafting = drafting,
                              .touched_ms = clock_mono_ms(),
                              .who = strdup(part->who),
                              .name = strndup(part->name, NAME_MAX_BYTES),
                              .fd = -1};
    snprintf(upload->id, sizeof upload->id, "%s", part->id);
    if (drafting->tidy == NULL)
        drafting->tidy = loop_timer_new(drafting->base, on_tidy, drafting);
    enum err error =
        upload->who != NULL && upload->name != NULL && drafting->tidy != NULL ? ERR_OK : ERR_NOMEM;
    if (error == ERR_OK) {
        upload->fd = parts_temporary(drafting, DRAFT_FILE_MODE, upload->temporary);
        error = upload->fd >= 0 ? ERR_OK : ERR_IO;
    }
    if (error != ERR_OK) {
        upload_free(upload);
        return error;
    }
    if (drafting->n_uploads == 0)
        loop_timer_arm(drafting->tidy, TIDY_MS);
    put_in(upload);
    *out = upload;
    return ERR_OK;
}

static enum err append(struct upload *upload, const struct drafting_part *part)
{
    const char *bytes = part->bytes;
    for (size_t done = 0; done < part->len;) {
        ssize_t n = pwrite(upload->fd, bytes + done, part->len - done,
                           (off_t)(upload->at + (uint64_t)done));
        if (n < 0 && errno != EINTR)
            return ERR_IO;
        done += n > 0 ? (size_t)n : 0;
    }
    upload->at += part->len;
    upload->touched_ms = clock_mono_ms();
    return ERR_OK;
}

bool drafting_expects(const struct drafting *drafting, const char *id, const char *who, uint64_t at)
{
    const struct upload *upload = find(drafting, &(struct drafting_part){.id = id, .who = who});
    return at == 0 || (upload != NULL && upload->at == at);
}

enum err drafting_upload(struct drafting *drafting, const struct drafting_part *part, uint64_t *at,
                         struct buf *reason, drafting_done_fn *done, void *arg)
{
    struct upload *upload = find(drafting, part);
    *at = 0;
    if (upload != NULL && part->at == 0) { /* from the beginning */
        take_out(upload);
        upload_free(upload);
        upload = NULL;
    } else if (part->at == 0) {
        make_room_of_own(drafting, part->who);
    }
    if (!drafting_has_room(drafting, part->len, reason))
        return ERR_RANGE;
    enum err error = upload == NULL && part->at == 0 ? begin(drafting, part, &upload) : ERR_OK;
    if (error != ERR_OK)
        return error;
    bool is_other = upload == NULL || strcmp(upload->name, part->name) != 0;
    if (is_other || upload->at != part->at) {
        *at = is_other ? 0 : upload->at;
        return ERR_STALE;
    }
    uint64_t most = drafting->settings->daemon.upload_max_bytes;
    error = part->len <= most - upload->at ? append(upload, part) : ERR_TOO_BIG;
    if (error != ERR_OK) {
        if (error == ERR_TOO_BIG)
            buf_addf(reason, "the list is larger than %llu bytes (upload_max)",
                     (unsigned long long)most);
        take_out(upload);
        upload_free(upload);
        return error;
    }
    *at = upload->at;
    if (part->last)
        return finish(upload, part->mended, reason, done, arg);
    done(arg, ERR_OK, "");
    return ERR_OK;
}
