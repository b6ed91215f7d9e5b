/* Two levels of tables lead to a segment: 700 areas (1300 … 1999) of 1000 segments each, made on
 * first use. A segment begins as a list of the last four digits in no order; a list is scanned, at
 * most 120 bytes. When it would outgrow 59 entries it becomes a bitmap. */
#include "campaign/dedupe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_NUMBER UINT64_C(13000000000)
#define AREAS 700
#define SEGMENTS_PER_AREA 1000
#define NUMBERS_PER_SEGMENT 10000

#define IS_BITMAP UINT16_MAX /* in `n` */
#define WORD_BITS 16
#define BITMAP_WORDS ((NUMBERS_PER_SEGMENT + WORD_BITS - 1) / WORD_BITS)

struct segment {
    uint16_t n; /* entries in the list, or IS_BITMAP */
    uint16_t items[];
};

/* With the count in front and malloc's word behind, each is a round number of bytes. */
static const uint16_t list_sizes[] = {11, 27, 59};
#define LIST_SIZES (sizeof list_sizes / sizeof list_sizes[0])

struct area {
    struct segment *segments[SEGMENTS_PER_AREA];
};

struct dedupe {
    struct area *areas[AREAS];
    size_t bytes;
};

static size_t segment_bytes(size_t items)
{
    return sizeof(struct segment) + items * sizeof(uint16_t);
}

struct dedupe *dedupe_new(void)
{
    struct dedupe *dedupe = calloc(1, sizeof *dedupe);
    if (dedupe != NULL)
        dedupe->bytes = sizeof *dedupe;
    return dedupe;
}

void dedupe_free(struct dedupe *dedupe)
{
    if (dedupe == NULL)
        return;
    for (size_t i = 0; i < AREAS; i++) {
        if (dedupe->areas[i] == NULL)
            continue;
        for (size_t j = 0; j < SEGMENTS_PER_AREA; j++)
            free(dedupe->areas[i]->segments[j]);
        free(dedupe->areas[i]);
    }
    free(dedupe);
}

/* Where the segment's pointer stands. NULL: no memory for its area. */
static struct segment **find_slot(struct dedupe *dedupe, uint32_t index)
{
    struct area **area = &dedupe->areas[index / SEGMENTS_PER_AREA];
    if (*area == NULL) {
        *area = calloc(1, sizeof **area);
        if (*area == NULL)
            return NULL;
        dedupe->bytes += sizeof **area;
    }
    return &(*area)->segments[index % SEGMENTS_PER_AREA];
}

/* true: it was not there. */
static bool set_bit(struct segment *segment, uint32_t last)
{
    uint16_t *word = &segment->items[last / WORD_BITS];
    uint16_t bit = (uint16_t)(1u << last % WORD_BITS);
    bool fresh = (*word & bit) == 0;
    *word |= bit;
    return fresh;
}

static struct segment *to_bitmap(const struct segment *list)
{
    struct segment *bitmap = calloc(1, segment_bytes(BITMAP_WORDS));
    if (bitmap == NULL)
        return NULL;
    bitmap->n = IS_BITMAP;
    for (uint16_t i = 0; i < list->n; i++)
        set_bit(bitmap, list->items[i]);
    return bitmap;
}

/* Gives a full list more room, as a longer list or as a bitmap. NULL: no memory, all is as it was.
 */
static struct segment *grow(struct dedupe *dedupe, struct segment *list)
{
    size_t level = 0;
    uint16_t n = list != NULL ? list->n : 0;
    while (level < LIST_SIZES && list_sizes[level] <= n)
        level++;
    size_t old_bytes = n > 0 ? segment_bytes(n) : 0;
    size_t new_bytes = segment_bytes(level < LIST_SIZES ? list_sizes[level] : BITMAP_WORDS);
    struct segment *grown;
    if (level < LIST_SIZES) {
        grown = realloc(list, new_bytes);
        if (grown != NULL && list == NULL)
            grown->n = 0;
    } else {
        grown = to_bitmap(list);
        if (grown != NULL)
            free(list);
    }
    if (grown != NULL)
        dedupe->bytes += new_bytes - old_bytes;
    return grown;
}

static bool is_full(const struct segment *list)
{
    for (size_t i = 0; i < LIST_SIZES; i++) {
        if (list->n == list_sizes[i])
            return true;
    }
    return false;
}

static bool list_has(const struct segment *list, uint16_t last)
{
    for (uint16_t i = 0; i < list->n; i++) {
        if (list->items[i] == last)
            return true;
    }
    return false;
}

enum err dedupe_add(struct dedupe *dedupe, uint64_t number, bool *seen)
{
    uint64_t at = number - FIRST_NUMBER;
    assert(number >= FIRST_NUMBER &&
           at < (uint64_t)AREAS * SEGMENTS_PER_AREA * NUMBERS_PER_SEGMENT);
    uint32_t last = (uint32_t)(at % NUMBERS_PER_SEGMENT);
    struct segment **slot = find_slot(dedupe, (uint32_t)(at / NUMBERS_PER_SEGMENT));
    if (slot == NULL)
        return ERR_NOMEM;
    struct segment *segment = *slot;
    if (segment != NULL && segment->n != IS_BITMAP && list_has(segment, (uint16_t)last)) {
        *seen = true;
        return ERR_OK;
    }
    if (segment == NULL || (segment->n != IS_BITMAP && is_full(segment))) {
        segment = grow(dedupe, segment);
        if (segment == NULL)
            return ERR_NOMEM;
        *slot = segment;
    }
    if (segment->n == IS_BITMAP) {
        *seen = !set_bit(segment, last);
    } else {
        segment->items[segment->n++] = (uint16_t)last;
        *seen = false;
    }
    return ERR_OK;
}

size_t dedupe_bytes(const struct dedupe *dedupe)
{
    return dedupe->bytes;
}
