/* Drafts on disk and what is known about them: saving so that a crash leaves the old or the new,
 * never half; uploads of lists; digests; plans. What a person may do is the API's to decide, what
 * one has done is in store/drafts.h.
 *
 * A file is written under a name of its own (.draft-…), synced by a thread (base/offload.h),
 * recorded in Redis, and renamed from the loop, where the version is compared once more: of two
 * who save at once the second is told. */
#pragma once

#include "drafting/draft.h"
#include "store/store.h"

struct event_base;
struct drafting;
struct headlines;

/* errors: ERR_NOMEM, ERR_IO */
MUST_CHECK enum err drafting_new(struct event_base *base, struct store *store,
                                 struct drafting **drafting);
/* What was begun ends with ERR_CLOSED; NULL is fine. */
void drafting_free(struct drafting *drafting);
/* Settings are borrowed until the next call of this. The first time what a crash left behind in
 * campaigns_dir is removed. */
void drafting_set_settings(struct drafting *drafting, const struct settings *settings);

/* What is known of the definitions in campaigns_dir, see headlines.h. Borrowed. */
struct headlines *drafting_headlines(const struct drafting *drafting);

/* `reason` is a sentence, "" when the error says enough. */
typedef void drafting_done_fn(void *arg, enum err error, const char *reason);

/* Saves `next` (taken in every case) in place of `base_version`; NULL: as a new draft, with a copy
 * of the list `list_from` (NULL: none). Errors of `done`: ERR_STALE (somebody saved in between),
 * ERR_EXISTS (new: there is a draft or a list of this id), ERR_IO, those of Redis. errors as
 * return: the same, and `done` does not run. */
MUST_CHECK enum err drafting_save(struct drafting *drafting, struct draft *next,
                                  const char *base_version, const char *list_from, const char *who,
                                  drafting_done_fn *done, void *arg);
/* Removes INI, text and list (only those that are ours). errors: ERR_IO, those of Redis */
MUST_CHECK enum err drafting_remove(struct drafting *drafting, const struct draft *draft,
                                    drafting_done_fn *done, void *arg);

/* ---- uploads ---- */

/* A list comes in parts. One upload a draft, person and file name; what is not continued for
 * DRAFTING_UPLOAD_IDLE_MS is thrown away, and so is everything at a restart. */
#define DRAFTING_UPLOADS_MAX 16
/* Of one person; one more takes the place of that which has rested longest. */
#define DRAFTING_UPLOADS_OF_ONE 4
#define DRAFTING_UPLOAD_IDLE_MS (15 * INT64_C(60000))
#define DRAFTING_PART_MAX_BYTES 1048576
/* Adds a part. `last`: `done` runs when the file is in the place of the old one (and, if need be,
 * named in the INI); else it runs at once. errors as return (then `done` does not run): ERR_STALE
 * (the offset is another: *at), ERR_TOO_BIG, ERR_BUSY (too many uploads), ERR_INVALID (this is no
 * table: the reason; of mended rows `done` may say so as well, and ERR_STALE: somebody gave another
 * list meanwhile), ERR_RANGE (the disk is nearly full: the reason), ERR_IO, ERR_NOMEM */
#define DRAFTING_ROW_NAMES 3
struct drafting_part {
    const char *id, *who, *name;
    uint64_t at;
    const void *bytes;
    size_t len;
    bool last;
    /* Not NULL: these are rows of the present list that were left out and come back mended; each
     * says its number in a column of one of these names (DRAFTING_ROW_NAMES of them). They take
     * their places in the list, and nothing else of it changes. */
    const char *const *mended;
};
/* A part at this offset would be taken: it goes on where the upload stands, or begins one. */
bool drafting_expects(const struct drafting *drafting, const char *id, const char *who,
                      uint64_t at);
/* false, with the reason: less than disk_free_min would stay free with `more` bytes. */
bool drafting_has_room(const struct drafting *drafting, uint64_t more, struct buf *reason);
MUST_CHECK enum err drafting_upload(struct drafting *drafting, const struct drafting_part *part,
                                    uint64_t *at, struct buf *reason, drafting_done_fn *done,
                                    void *arg);

/* ---- digests ---- */

struct draft_digest {
    char list[DIGEST_SHA256_HEX];  /* of the CSV; "" when there is none */
    char whole[DIGEST_SHA256_HEX]; /* of INI, text and CSV: what an approval is bound to */
    uint64_t list_bytes;
};
/* `digest` NULL with an error. Never runs from the call itself. A draft without a list has a digest
 * as well. */
typedef void drafting_digest_fn(void *arg, enum err error, const struct draft_digest *digest);
MUST_CHECK enum err drafting_digest(struct drafting *drafting, const struct draft *draft,
                                    drafting_digest_fn *done, void *arg);
/* The same at once, if the list has not changed since it was last read; false: it must be read. */
bool drafting_known_digest(struct drafting *drafting, const struct draft *draft,
                           struct draft_digest *digest);

/* ---- retention ---- */

/* Deletes lists that were uploaded on the console, when their campaign was purged or never launched
 * and draft and list were not touched for `keep_ms`. The daemon does it by itself, soon after its
 * start and every hour; INI and text stay. */
struct drafting_retain_options {
    int64_t now_ms, keep_ms;
    bool dry_run; /* only tells */
    /* Each that was deleted, or would be. May be NULL. */
    void (*on_list)(void *arg, const char *id);
    drafting_done_fn *on_done; /* once; from the call itself when there is nothing to look at */
    void *arg;
};
/* errors: ERR_IO (campaigns_dir cannot be read), ERR_NOMEM, those of redis_call */
MUST_CHECK enum err drafting_retain(struct drafting *drafting,
                                    const struct drafting_retain_options *options);
