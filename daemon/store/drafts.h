/* Who wrote a draft, who approved it, and which areas may send for real. The draft itself is two
 * files in campaigns_dir (drafting/draft.h). */
#pragma once

#include "store/queue.h"

enum draft_touch { DRAFT_CREATE, DRAFT_EDIT, DRAFT_UPLOAD };
/* Recorded before the files change: should the daemon die in between, somebody is named as editor
 * who changed nothing, never the other way round. `file` and `sha256` for DRAFT_UPLOAD. */
MUST_CHECK enum err drafts_touch(struct store *store, const char *id, enum draft_touch what,
                                 const char *who, const char *file, const char *sha256,
                                 int64_t now_ms, queue_done_fn *done, void *arg);

struct draft_record { /* "" and 0 for what is not known */
    const char *author, *updated_by, *uploaded_by, *file, *sha256;
    int64_t made_ms, updated_ms, uploaded_ms;
    const char *state; /* "", "asked", "approved", "returned": of `digest` */
    const char *digest, *asked_by, *decided_by, *reason;
    int64_t asked_ms, decided_ms;
    uint64_t people;
};
/* A draft that nobody has touched through us has a record of empty texts. `record` is borrowed, and
 * NULL with an error. */
typedef void drafts_record_fn(void *arg, enum err error, const char *reason,
                              const struct draft_record *record);
MUST_CHECK enum err drafts_read(struct store *store, const char *id, drafts_record_fn *done,
                                void *arg);
/* Drafts that wait for somebody: "asked" for who approves, "returned" for who wrote. One that is
 * changed waits no more; one that was changed by hand may. */
struct draft_waiting {
    const char *id, *state;
};
typedef void drafts_waiting_fn(void *arg, enum err error, const struct draft_waiting *rows,
                               size_t n);
MUST_CHECK enum err drafts_waiting(struct store *store, drafts_waiting_fn *done, void *arg);
MUST_CHECK enum err drafts_drop(struct store *store, const char *id, queue_done_fn *done,
                                void *arg);
/* ERR_REFUSED: it is approved already. */
MUST_CHECK enum err drafts_ask(struct store *store, const char *id, const char *who,
                               const char *digest, uint64_t people, int64_t now_ms,
                               queue_done_fn *done, void *arg);
/* ERR_REFUSED: nobody asked, the files are others, or `who` wrote, changed or asked. */
MUST_CHECK enum err drafts_decide(struct store *store, const char *id, const char *who,
                                  const char *digest, bool approve, const char *reason,
                                  int64_t now_ms, queue_done_fn *done, void *arg);

/* ---- areas in trial ---- */

struct area_record {
    uint64_t region; /* 12 digits; 0: the nation */
    bool is_live;
    int64_t since_ms;
    const char *by, *reason;
    const char *own; /* numbers split by blanks */
};
typedef void drafts_areas_fn(void *arg, enum err error, const struct area_record *areas, size_t n);
/* Those in `scope` in order of codes, behind `after` (DRAFTS_AREAS_FIRST: from the first): at most
 * `most`. */
#define DRAFTS_AREAS_FIRST UINT64_MAX
MUST_CHECK enum err drafts_areas(struct store *store, uint64_t scope, uint64_t after, size_t most,
                                 drafts_areas_fn *done, void *arg);
MUST_CHECK enum err drafts_area_set(struct store *store, uint64_t region, bool is_live,
                                    const char *who, const char *reason, int64_t now_ms,
                                    queue_done_fn *done, void *arg);
MUST_CHECK enum err drafts_area_numbers(struct store *store, uint64_t region,
                                        const uint64_t *numbers, size_t n, const char *who,
                                        int64_t now_ms, queue_done_fn *done, void *arg);
/* How a region stands: by its own record or the nearest one above; trial when there is none. */
struct area_standing {
    bool is_live;
    const uint64_t *own; /* numbers of the region and all above, in order */
    size_t n_own;
};
#define AREA_OWN_MAX 50 /* of one region */
typedef void drafts_standing_fn(void *arg, enum err error, const char *reason,
                                const struct area_standing *standing);
MUST_CHECK enum err drafts_area_find(struct store *store, uint64_t region, drafts_standing_fn *done,
                                     void *arg);
/* `user` launches `id` to `people` without an approval. ERR_REFUSED, with a sentence: together with
 * the other campaigns of her last 24 hours they are more than `most`. Asked again for the same id
 * it counts once. */
MUST_CHECK enum err drafts_launched_take(struct store *store, const char *user, const char *id,
                                         uint64_t people, uint64_t most, queue_done_fn *done,
                                         void *arg);
typedef void drafts_count_fn(void *arg, enum err error, uint64_t n);
/* People of her other campaigns of the last 24 hours, without an approval. */
MUST_CHECK enum err drafts_launched(struct store *store, const char *user, const char *id,
                                    drafts_count_fn *done, void *arg);
/* Takes `n` messages of what `whose` ("a:513327205000", "u:wang") may send on `day` (20261017).
 * ERR_REFUSED: more than are left of `most`. Not idempotent: asked again it takes again. */
MUST_CHECK enum err drafts_allowance_take(struct store *store, const char *whose, uint32_t day,
                                          uint64_t n, uint64_t most, queue_done_fn *done,
                                          void *arg);
/* How many of them were taken so far. */
MUST_CHECK enum err drafts_allowance_taken(struct store *store, const char *whose, uint32_t day,
                                           drafts_count_fn *done, void *arg);
