/* Puts a backup (base/archive.h) back: its bytes come in parts, its keys are put beside the present
 * ones (under "<prefix>~restore:"), and when the last was checked all of them come to their place
 * in one call, which replaces every key of the prefix. Until then nothing present is touched.
 *
 * It refuses when this Redis holds data, unless `replace`; when another daemon is heard of; a
 * backup of a newer layout; a damaged one. Accounts that may have something to send are paused. */
#pragma once

#include "base/error.h"
#include "store/queue.h"
#include "store/store.h"

struct restore;

/* `owner` is this daemon's id. */
MUST_CHECK enum err restore_new(struct store *store, const char *owner, bool replace,
                                struct restore **restore);
/* Not while a part or the swap waits for its answer. What was brought so far stays until
 * restore_clear, or until the next restore begins. NULL is fine. */
void restore_free(struct restore *restore);
/* The bytes from `at` on (copied); the parts follow one another. `done` says why it failed; then
 * this restore is over. errors: ERR_STALE (not the part that is next), ERR_BUSY (one is under
 * way), ERR_NOMEM, those of redis_call */
MUST_CHECK enum err restore_part(struct restore *restore, uint64_t at, const void *bytes,
                                 size_t len, queue_done_fn *done, void *arg);
bool restore_is_working(const struct restore *restore); /* `done` is owed */
uint64_t restore_at(const struct restore *restore);     /* where the next part begins */
bool restore_is_whole(const struct restore *restore);   /* the last part was taken and checked */
uint64_t restore_keys(const struct restore *restore);
/* Only of a whole one. errors: those of redis_call */
MUST_CHECK enum err restore_swap(struct restore *restore, const char *actor, int64_t now_ms,
                                 queue_done_fn *done, void *arg);
/* Throws away what a restore of `owner`, or of a daemon that is gone, had brought before it was broken
 * off. Only while none is under way here. Costs a look when there is nothing; what goes wrong is
 * logged. */
void restore_clear(struct store *store, const char *owner);
