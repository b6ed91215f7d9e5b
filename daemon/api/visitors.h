/* How often the public page may be asked for: a brake for each address and one for all. Pure; of
 * bounded memory, whoever comes. Internal to api/.
 *
 * An address may use up a minute's worth at once and then goes on at its rate; all together a
 * second's worth. Of IPv6 the first 64 bits count, because a household has that many addresses. So
 * many addresses are remembered that a storm from more of them meets the common brake first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct visitors;
MUST_CHECK enum err visitors_new(struct visitors **visitors);
void visitors_free(struct visitors *visitors); /* NULL is fine */
void visitors_set_rates(struct visitors *visitors, uint32_t per_minute, uint32_t per_second);
/* One request of `address` (as text; what is none counts as one address too), `now_ms` of a clock
 * that does not go back. false: too many; *wait_s is after how many seconds to come again. */
bool visitors_take(struct visitors *visitors, const char *address, int64_t now_ms,
                   uint32_t *wait_s);
