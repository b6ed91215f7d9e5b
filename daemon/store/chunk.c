/* Packing and unpacking of chunks. See the header for the bytes. */
#include "store/chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "sms/mobile.h"

_Static_assert(MOBILE_PACKED_BYTES == 5, "chunk.lua reads numbers of 5 bytes");

#define REGION_KINDS_MAX 255

static int by_number(const void *a, const void *b)
{
    const struct chunk_row *const *x = a, *const *y = b;
    return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

bool chunk_values_next(struct chunk_values *walk, const uint8_t **value, size_t *value_len)
{
    uint64_t n;
    if (!varint_read(walk->bytes, walk->len, &walk->at, &n) || n > walk->len - walk->at)
        return false;
    *value = walk->bytes + walk->at;
    *value_len = (size_t)n;
    walk->at += (size_t)n;
    return true;
}

uint64_t chunk_region(const struct chunk_view *chunk, size_t i)
{
    uint64_t region = 0;
    for (size_t b = 0; chunk->regions != NULL && b < CHUNK_REGION_BYTES; b++)
        region = region << 8 | chunk->regions[CHUNK_REGION_BYTES * i + b];
    return region;
}

static void region_write(uint64_t region, uint8_t out[CHUNK_REGION_BYTES])
{
    for (int i = CHUNK_REGION_BYTES - 1; i >= 0; i--, region >>= 8)
        out[i] = (uint8_t)region;
}

/* The distinct regions of the rows in `kinds`; more than REGION_KINDS_MAX: 0. */
static size_t region_kinds(const struct chunk_row *const *sorted, size_t n,
                           uint64_t kinds[REGION_KINDS_MAX], uint8_t place[CHUNK_MAX])
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < k && kinds[j] != sorted[i]->region)
            j++;
        if (j == REGION_KINDS_MAX)
            return 0;
        if (j == k)
            kinds[k++] = sorted[i]->region;
        place[i] = (uint8_t)j;
    }
    return k;
}

static void pack_regions(const struct chunk_row *const *sorted, size_t n, struct buf *out)
{
    uint64_t kinds[REGION_KINDS_MAX];
    uint8_t place[CHUNK_MAX], five[CHUNK_REGION_BYTES];
    size_t k = region_kinds(sorted, n, kinds, place);
    buf_add_char(out, (char)(uint8_t)k);
    for (size_t i = 0; i < (k != 0 ? k : n); i++) {
        region_write(k != 0 ? kinds[i] : sorted[i]->region, five);
        buf_add(out, five, sizeof five);
    }
    if (k > 1)
        buf_add(out, place, n);
}

enum err chunk_regions_unfold(const uint8_t *packed, size_t len, size_t n, struct buf *out)
{
    size_t k = len > 0 ? packed[0] : 0;
    size_t want = 1 + (k != 0 ? k : n) * CHUNK_REGION_BYTES + (k > 1 ? n : 0);
    if (len != want)
        return ERR_INVALID;
    for (size_t i = 0; i < n; i++) {
        size_t at = k == 0 ? i : k == 1 ? 0 : packed[1 + k * CHUNK_REGION_BYTES + i];
        if (k != 0 && at >= k)
            return ERR_INVALID;
        buf_add(out, packed + 1 + at * CHUNK_REGION_BYTES, CHUNK_REGION_BYTES);
    }
    return buf_check(out);
}

static uint8_t weight_of(const struct chunk_row *row)
{
    return row->segments == 0 ? 1 : (uint8_t)row->segments;
}

static void pack_weights(const struct chunk_row *const *sorted, size_t n, struct buf *out)
{
    uint8_t weights[CHUNK_MAX];
    bool is_mixed = false;
    for (size_t i = 0; i < n; i++) {
        weights[i] = weight_of(sorted[i]);
        is_mixed = is_mixed || weights[i] != weights[0];
    }
    if (is_mixed || weights[0] != 1)
        buf_add(out, weights, is_mixed ? n : 1);
}

enum err chunk_pack(const struct chunk_row *rows, size_t n, struct buf *numbers, struct buf *values,
                    struct buf *regions, struct buf *weights)
{
    const struct chunk_row *sorted[CHUNK_MAX];
    bool any_values = false, any_regions = false;
    if (n == 0 || n > CHUNK_MAX)
        return ERR_TOO_BIG;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = &rows[i];
        any_values = any_values || rows[i].values != NULL;
        any_regions = any_regions || rows[i].region != 0;
        if (rows[i].region >> (8 * CHUNK_REGION_BYTES) != 0 || rows[i].segments > UINT8_MAX)
            return ERR_INVALID;
    }
    qsort(sorted, n, sizeof sorted[0], by_number);
    for (size_t i = 0; i < n; i++) {
        uint8_t five[MOBILE_PACKED_BYTES], varint[VARINT_MAX_BYTES];
        if (i > 0 && sorted[i]->number == sorted[i - 1]->number)
            return ERR_INVALID;
        mobile_pack(sorted[i]->number, five);
        buf_add(numbers, five, sizeof five);
        if (any_values) {
            size_t len = sorted[i]->values != NULL ? sorted[i]->values_len : 0;
            buf_add(values, varint, varint_write(len, varint));
            if (len > 0)
                buf_add(values, sorted[i]->values, len);
        }
    }
    if (any_regions)
        pack_regions(sorted, n, regions);
    if (any_values)
        pack_weights(sorted, n, weights);
    if (buf_check(numbers) != ERR_OK || buf_check(values) != ERR_OK || buf_check(weights) != ERR_OK)
        return ERR_NOMEM;
    return buf_check(regions);
}

uint64_t chunk_number(const uint8_t *numbers, size_t at)
{
    return mobile_unpack(numbers + at * MOBILE_PACKED_BYTES);
}

int chunk_find(const uint8_t *numbers, size_t n, uint64_t number)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint64_t here = chunk_number(numbers, middle);
        if (here == number)
            return (int)middle;
        if (here < number)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

uint16_t chunk_batch_bucket(const char *batch, size_t len)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i + 1 < len; i++)
        hash = (hash ^ (uint8_t)batch[i]) * 16777619u;
    return (uint16_t)(hash ^ hash >> 16);
}
