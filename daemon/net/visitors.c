/* Each brake is one number: when what was taken will be paid back (the generic cell rate
 * algorithm). An address whose number lies in the past is as good as forgotten.
 *
 * The addresses stand in sets of a hash table; a new one takes the place of the one in its set that
 * is paid back first. The hash has a seed of its own, so that nobody can aim at a set. */
#include "net/visitors.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/ids.h"

#define SETS 2048 /* a power of two */
#define WAYS 4
#define MINUTE_US INT64_C(60000000)
#define SECOND_US INT64_C(1000000)

struct visitor {
    uint64_t key;
    int64_t paid_us;
    bool was_refused; /* since all was paid back */
};
struct visitors {
    uint64_t seed;
    uint32_t per_minute, per_second;
    int64_t all_paid_us;
    struct visitor of[SETS][WAYS];
};

enum err visitors_new(struct visitors **visitors)
{
    *visitors = calloc(1, sizeof **visitors);
    if (*visitors == NULL) {
        return ERR_NOMEM;
    }
    (*visitors)->seed = ids_random_u64();
    (*visitors)->per_minute = (*visitors)->per_second = 1;
    return ERR_OK;
}

void visitors_free(struct visitors *visitors)
{
    free(visitors);
}

void visitors_set_rates(struct visitors *visitors, uint32_t per_minute, uint32_t per_second)
{
    visitors->per_minute = per_minute;
    visitors->per_second = per_second;
}

/* Two addresses have the same key once in 2^64. */
static uint64_t key_of(const struct visitors *visitors, const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    uint64_t first = 0, family = 0;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        first = v4.s_addr;
        family = 4;
    } else if (inet_pton(AF_INET6, address, &v6) == 1) {
        memcpy(&first, &v6, sizeof first);
        family = 6;
    }
    return digest_mix64(digest_mix64(visitors->seed ^ first) ^ family) | 1; /* 0: an empty place */
}

static struct visitor *find(struct visitors *visitors, uint64_t key)
{
    struct visitor *set = visitors->of[(key >> 32) & (SETS - 1)], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
        if (set[i].paid_us < oldest->paid_us) {
            oldest = &set[i];
        }
    }
    *oldest = (struct visitor){.key = key};
    return oldest;
}

/* gives: how long to wait, 0 if it may go now. */
static int64_t wait_us(int64_t paid_us, int64_t span_us, int64_t one_us, int64_t now_us)
{
    int64_t wait = paid_us + one_us - now_us - span_us;
    return wait > 0 ? wait : 0;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

bool visitors_take(struct visitors *visitors, const char *address, int64_t now_ms,
                   struct visitors_wait *told)
{
    int64_t now_us = now_ms * 1000;
    int64_t one_us = MINUTE_US / visitors->per_minute;
    int64_t all_us = visitors->per_second != 0 ? SECOND_US / visitors->per_second : 0;
    struct visitor *visitor = find(visitors, key_of(visitors, address));
    if (visitor->paid_us <= now_us) {
        visitor->was_refused = false;
    }
    int64_t wait = later(wait_us(visitor->paid_us, MINUTE_US, one_us, now_us),
                         wait_us(visitors->all_paid_us, SECOND_US, all_us, now_us));
    if (wait > 0) {
        told->seconds = (uint32_t)((wait + SECOND_US - 1) / SECOND_US);
        told->is_new = !visitor->was_refused;
        visitor->was_refused = true;
        return false;
    }
    visitor->paid_us = later(visitor->paid_us, now_us) + one_us;
    visitors->all_paid_us = later(visitors->all_paid_us, now_us) + all_us;
    return true;
}
