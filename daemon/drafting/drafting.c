/* The handle of the room, digests of lists, and what a crash left behind. */
#include "drafting/drafting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "drafting/parts.h"

/* Several daemons may share the directory: a younger file may be another's work. */
#define LEFT_BEHIND_MS (60 * INT64_C(60000))

/* ---- files ---- */

int parts_temporary(const struct drafting *drafting, mode_t mode, char path[DRAFT_PATH_SIZE])
{
    char random[17];
    ids_random_hex(random, 8);
    int n = snprintf(path, DRAFT_PATH_SIZE, "%s/" TEMPORARY_MARK "%s",
                     drafting->settings->daemon.campaigns_dir, random);
    int fd = -1;
    if (n < DRAFT_PATH_SIZE)
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        path[0] = '\0';
    else if (fchmod(fd, mode) != 0)
        log_line(LOG_WARN, "daemon", "event=draft_mode_not_kept");
    return fd;
}

enum err parts_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    enum err error = fsync(fd) == 0 ? ERR_OK : ERR_IO;
    close(fd);
    return error;
}

/* Temporary files, and texts that no INI names: the crash came before or after the rename. */
static bool is_left_behind(const struct settings *settings, const char *name)
{
    if (strncmp(name, TEMPORARY_MARK, strlen(TEMPORARY_MARK)) == 0)
        return true;
    char id[DRAFT_ID_SIZE];
    const char *mark = strstr(name, ".text-");
    if (mark == NULL || (size_t)(mark - name) >= sizeof id ||
        strlen(mark) != strlen(".text-.txt") + 8)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)(mark - name), name);
    struct draft *draft = NULL;
    if (draft_load(settings, id, &draft) != ERR_OK)
        return false; /* whose it is cannot be told */
    const char *named = draft_value(draft, "message", "text_file");
    bool left = named == NULL || strcmp(named, name) != 0;
    draft_free(draft);
    return left;
}

static void sweep(const struct drafting *drafting)
{
    const char *directory = drafting->settings->daemon.campaigns_dir;
    char path[DRAFT_PATH_SIZE];
    struct stat info;
    DIR *dir = opendir(directory);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        int n = snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        bool old = n < (int)sizeof path && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
                   info.st_mtim.tv_sec * INT64_C(1000) < clock_wall_ms() - LEFT_BEHIND_MS;
        if (old && is_left_behind(drafting->settings, entry->d_name) && unlink(path) == 0)
            log_line(LOG_INFO, "daemon", "event=left_behind_removed file=%s", entry->d_name);
    }
    if (dir != NULL)
        closedir(dir);
}

/* ---- the disk ---- */

bool drafting_has_room(const struct drafting *drafting, uint64_t more, struct buf *reason)
{
    const struct settings_daemon *daemon = &drafting->settings->daemon;
    struct statvfs disk;
    if (statvfs(daemon->campaigns_dir, &disk) != 0)
        return true; /* the write says what is wrong */
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (room >= more && room - more >= daemon->disk_free_min_bytes)
        return true;
    buf_addf(
        reason,
        "the disk is nearly full (%llu MB are free, disk_free_min keeps %llu): tell your operator",
        (unsigned long long)(room >> 20), (unsigned long long)(daemon->disk_free_min_bytes >> 20));
    return false;
}

/* ---- digests ---- */

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct known_list *known, const struct stat *info)
{
    return known->sha256[0] != '\0' && known->device == info->st_dev &&
           known->inode == info->st_ino && known->bytes == info->st_size &&
           same_time(&known->written, &info->st_mtim) && same_time(&known->changed, &info->st_ctim);
}

void parts_note_list(struct drafting *drafting, const struct stat *info, const char *sha256)
{
    struct known_list *place = &drafting->lists[0];
    for (size_t i = 0; i < DIGESTS_KEPT; i++) {
        if (drafting->lists[i].used < place->used)
            place = &drafting->lists[i];
    }
    *place = (struct known_list){.device = info->st_dev,
                                 .inode = info->st_ino,
                                 .bytes = info->st_size,
                                 .written = info->st_mtim,
                                 .changed = info->st_ctim,
                                 .used = ++drafting->uses};
    snprintf(place->sha256, sizeof place->sha256, "%s", sha256);
}

static void digest_whole(const char *version, struct draft_digest *digest)
{
    const struct digest_part parts[] = {
        {version, strlen(version)}, {" ", 1}, {digest->list, strlen(digest->list)}};
    digest_sha256_hex(parts, sizeof parts / sizeof *parts, digest->whole);
}

bool drafting_known_digest(struct drafting *drafting, const struct draft *draft,
                           struct draft_digest *digest)
{
    struct stat info;
    *digest = (struct draft_digest){0};
    if (draft->list == NULL || stat(draft->list, &info) != 0 || !S_ISREG(info.st_mode)) {
        digest_whole(draft->version, digest);
        return true;
    }
    for (size_t i = 0; i < DIGESTS_KEPT; i++) {
        struct known_list *known = &drafting->lists[i];
        if (is_same(known, &info)) {
            known->used = ++drafting->uses;
            memcpy(digest->list, known->sha256, sizeof digest->list);
            digest->list_bytes = (uint64_t)info.st_size;
            digest_whole(draft->version, digest);
            return true;
        }
    }
    return false;
}

struct digesting {
    struct drafting *drafting;
    char *list; /* NULL: nothing to read */
    char version[DIGEST_SHA256_HEX];
    struct draft_digest digest;
    struct stat before, after;
    enum err error;
    drafting_digest_fn *done;
    void *arg;
};

static void work_digest(void *arg)
{
    struct digesting *op = arg;
    if (op->list == NULL)
        return;
    int fd = open(op->list, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool good = fd >= 0 && fstat(fd, &op->before) == 0 && S_ISREG(op->before.st_mode);
    op->error = good ? digest_sha256_fd(fd, op->digest.list, &op->digest.list_bytes) : ERR_IO;
    if (op->error == ERR_OK && fstat(fd, &op->after) != 0)
        op->error = ERR_IO;
    if (fd >= 0)
        close(fd);
}

static void on_digest(void *arg)
{
    struct digesting *op = arg;
    struct known_list seen = {.device = op->before.st_dev,
                              .inode = op->before.st_ino,
                              .bytes = op->before.st_size,
                              .written = op->before.st_mtim,
                              .changed = op->before.st_ctim,
                              .sha256 = "?"};
    if (op->error == ERR_OK && op->list != NULL && !is_same(&seen, &op->after))
        op->error = ERR_BUSY; /* somebody writes to it just now */
    if (op->error == ERR_OK && op->list != NULL)
        parts_note_list(op->drafting, &op->after, op->digest.list);
    digest_whole(op->version, &op->digest);
    op->done(op->arg, op->error, op->error == ERR_OK ? &op->digest : NULL);
    free(op->list);
    free(op);
}

enum err drafting_digest(struct drafting *drafting, const struct draft *draft,
                         drafting_digest_fn *done, void *arg)
{
    struct digesting *op = calloc(1, sizeof *op);
    if (op == NULL)
        return ERR_NOMEM;
    op->drafting = drafting;
    op->done = done;
    op->arg = arg;
    memcpy(op->version, draft->version, sizeof op->version);
    enum err error = ERR_OK;
    if (!drafting_known_digest(drafting, draft, &op->digest)) {
        op->list = strdup(draft->list);
        error = op->list != NULL ? ERR_OK : ERR_NOMEM;
    }
    if (error == ERR_OK)
        error = offload_run(drafting->offload, work_digest, on_digest, op);
    if (error != ERR_OK) {
        free(op->list);
        free(op);
    }
    return error;
}

/* ---- the handle ---- */

enum err drafting_new(struct event_base *base, struct store *store, struct drafting **drafting)
{
    struct drafting *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    made->base = base;
    made->store = store;
    made->pending = 1; /* the owner */
    enum err error = headlines_new(&made->headlines);
    if (error == ERR_OK)
        error = offload_new(base, &made->offload);
    if (error != ERR_OK) {
        headlines_free(made->headlines);
        free(made);
        return error;
    }
    *drafting = made;
    return ERR_OK;
}

void drafting_free(struct drafting *drafting)
{
    if (drafting == NULL)
        return;
    drafting->is_ending = true;
    offload_free(drafting->offload); /* runs what is owed */
    drafting->offload = NULL;
    uploads_free(drafting);
    retain_end(drafting);
    runs_stop(drafting);
    plans_free(drafting);
    headlines_free(drafting->headlines);
    drafting->headlines = NULL;
    parts_release(drafting);
}

struct headlines *drafting_headlines(const struct drafting *drafting)
{
    return drafting->headlines;
}

void parts_hold(struct drafting *drafting)
{
    drafting->pending++;
}

void parts_release(struct drafting *drafting)
{
    if (--drafting->pending == 0)
        free(drafting);
}

void drafting_set_settings(struct drafting *drafting, const struct settings *settings)
{
    drafting->settings = settings;
    headlines_forget(drafting->headlines);
    if (!drafting->is_swept) {
        sweep(drafting);
        retain_begin(drafting);
    }
    drafting->is_swept = true;
}
