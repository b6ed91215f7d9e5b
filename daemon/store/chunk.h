/* A chunk as bytes: how rows become the strings that Redis keeps, and back. Pure.
 *
 * Five strings of n recipients in the order of their numbers (docs/redis-layout.md):
 *   numbers   5 bytes each, big-endian                13800138000 -> 03 36 8d 65 10
 *   states    1 byte each (sms/state.h)
 *   values    each a base-128 varint length and the bytes of the plan    "张三" -> 07 06 e5 bc a0
 * e4 b8 89 regions   k, k codes of 5 bytes, then (k > 1) a byte each naming its code; k = 0: more
 * than 255 codes, 5 bytes each details   4 bytes each: code number u16 big-endian, minutes u16
 * big-endian weights   segments of personal texts: empty, all 1; one byte, all the same; else 1
 * byte each */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/queue.h"

#define CHUNK_REGION_BYTES 5
#define CHUNK_DETAIL_BYTES 4
#define CHUNK_VALUES_MAX ((size_t)4 * 1024 * 1024)

/* Sorts the rows by number and appends their strings; `values`, with `weights`, and `regions` stay
 * empty when no row has any. `rows` is left as it is. errors: ERR_INVALID (a number twice, a region
 * of more than 5 bytes), ERR_TOO_BIG (n is 0 or over CHUNK_MAX), ERR_NOMEM */
MUST_CHECK enum err chunk_pack(const struct chunk_row *rows, size_t n, struct buf *numbers,
                               struct buf *values, struct buf *regions, struct buf *weights);

/* The position of `number` in n sorted packed numbers; -1 when it is not there. */
int chunk_find(const uint8_t *numbers, size_t n, uint64_t number);
uint64_t chunk_number(const uint8_t *numbers, size_t at);

/* Walks the values in order: *value and *value_len of the next recipient. errors: false when the
 * string breaks off. */
struct chunk_values {
    const uint8_t *bytes;
    size_t len, at;
};
bool chunk_values_next(struct chunk_values *walk, const uint8_t **value, size_t *value_len);

/* The region of the i-th recipient; 0: none. */
uint64_t chunk_region(const struct chunk_view *chunk, size_t i);

/* Unfolds regions to 5 bytes a recipient. errors: ERR_INVALID (does not fit n), ERR_NOMEM */
MUST_CHECK enum err chunk_regions_unfold(const uint8_t *packed, size_t len, size_t n,
                                         struct buf *out);

/* The bucket of a batch id in the batch index: a hash of 16 bits (FNV-1a folded) of all but its
 * last character, so that ids given in sequence lie together and are written together. */
uint16_t chunk_batch_bucket(const char *batch, size_t len);
