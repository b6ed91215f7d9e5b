/* What the files of this room share. */
#pragma once

#include <sys/stat.h>

#include "base/loop.h"
#include "base/offload.h"
#include "drafting/drafting.h"
#include "drafting/headlines.h"

#define TEMPORARY_MARK ".draft-"
#define DIGESTS_KEPT 64

/* A list that was read: it is the same as long as all of this is. */
struct known_list {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec written, changed;
    char sha256[DIGEST_SHA256_HEX];
    uint64_t used; /* a counter; the smallest goes first */
};

struct upload;
struct run;
struct planning;

struct drafting {
    struct event_base *base;
    struct store *store;
    const struct settings *settings;
    struct offload *offload;
    struct headlines *headlines;
    bool is_swept, is_ending;
    unsigned pending; /* answers of Redis that are still to come, and what follows them */
    struct known_list lists[DIGESTS_KEPT];
    uint64_t uses;
    struct upload *uploads;
    size_t n_uploads;
    struct run *runs;
    struct planning *plans;
    struct loop_timer *tidy, *retaining;
};

/* Whoever waits for Redis holds the handle: the store's last callbacks come after drafting_free. */
void parts_hold(struct drafting *drafting);
void parts_release(struct drafting *drafting);
/* campaigns_dir/.draft-<random>, open for writing; -1 with errno. */
int parts_temporary(const struct drafting *drafting, mode_t mode, char path[DRAFT_PATH_SIZE]);
/* Makes a rename last. errors: ERR_IO */
MUST_CHECK enum err parts_sync_directory(const char *directory);
void parts_note_list(struct drafting *drafting, const struct stat *info, const char *sha256);
void uploads_free(struct drafting *drafting);
void runs_stop(struct drafting *drafting);
void plans_free(struct drafting *drafting);
/* The rounds of drafting_retain. */
void retain_begin(struct drafting *drafting);
void retain_end(struct drafting *drafting);
