/* How often something may be asked for by people whom nobody knows: a brake for each address and
 * one for all. Pure; of bounded memory, whoever comes.
 *
 * An address may use up a minute's worth at once and then goes on at its rate; all together a
 * second's worth. Of IPv6 the first 64 bits count, because a household has that many addresses. So
 * many addresses are remembered (8192) that a storm from more of them meets the common brake first,
 * where there is one; whoever is pushed out by others begins anew. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct visitors;
MUST_CHECK enum err visitors_new(struct visitors **visitors);
void visitors_free(struct visitors *visitors); /* NULL is fine */
/* per_second 0: no common brake. */
void visitors_set_rates(struct visitors *visitors, uint32_t per_minute, uint32_t per_second);

struct visitors_wait {
    uint32_t seconds; /* after which to come again */
    bool is_new;      /* the first refusal of this address since all was paid back */
};
/* One request of `address` (as text; what is none counts as one address too), `now_ms` of a clock
 * that does not go back. false: too many, `told` says more. */
bool visitors_take(struct visitors *visitors, const char *address, int64_t now_ms,
                   struct visitors_wait *told);
