/* What was launched on a carrier account, and where a number stands in it: for people who write
 * back. A caller keeps the list and an index of numbers of its own (pledging/whose.h), because a
 * search through every chunk costs some 10 us a chunk; a version tells it when anybody, this daemon
 * or another, has launched something since.
 *
 * Calls as in store/queue.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct store;

#define LAUNCHES_MAX 500 /* newest campaigns on the list */
#define LAUNCHES_VERSION_SIZE 48

struct launch {
    uint32_t seq, n_chunks;
    const char *id; /* borrowed */
    int64_t launched_ms;
    uint64_t recipients;
    bool takes_pledges;     /* its definition had [pledge] then */
    const char *add_serial; /* the extension digits of its own, "": none; borrowed */
};
/* Newest first; of each id its latest launch; open campaigns (receipts) are left out. */
typedef void launches_list_fn(void *arg, enum err error, const char *version,
                              const struct launch *launches, size_t n);
MUST_CHECK enum err launches_list(struct store *store, const char *carrier, launches_list_fn *done,
                                  void *arg);

/* Chunks from … to - 1 of a campaign. */
struct launches_range {
    uint32_t seq, from, to;
};
struct launches_place {
    bool is_there;
    size_t range; /* in which of the ranges */
    uint32_t chunk, position;
    uint64_t region; /* of the row, 0: none */
};
#define LAUNCHES_RANGES_MAX 32
#define LAUNCHES_CHUNKS_A_CALL 100 /* below a millisecond of Redis' time */
/* Where the number stands first, in the order of the ranges. ERR_STALE: the version is not that of
 * Redis any more. errors: ERR_RANGE (more ranges, or chunks in all, than the limits) */
typedef void launches_seek_fn(void *arg, enum err error, const struct launches_place *place);
MUST_CHECK enum err launches_seek(struct store *store, const char *carrier, const char *version,
                                  uint64_t number, const struct launches_range *ranges, size_t n,
                                  launches_seek_fn *done, void *arg);

#define LAUNCHES_NUMBERS_CHUNKS_MAX 20
/* One chunk: its numbers, 5 bytes each; n is 0 when it was purged. `chunk` runs for each of the
 * range, in order, then `done`. */
typedef void launches_chunk_fn(void *arg, uint32_t chunk, const uint8_t *numbers, size_t n);
typedef void launches_done_fn(void *arg, enum err error);
MUST_CHECK enum err launches_numbers(struct store *store, const char *carrier,
                                     struct launches_range range, launches_chunk_fn *chunk,
                                     launches_done_fn *done, void *arg);
