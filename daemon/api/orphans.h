/* Accounts that have campaigns and are not configured: nobody sends them, and without this nobody
 * would see them either. */
#pragma once

#include <stddef.h>

#include "base/error.h"

struct orphans;
struct settings;
struct store;

/* errors: ERR_NOMEM */
MUST_CHECK enum err orphans_new(struct orphans **orphans);
void orphans_free(struct orphans *orphans); /* NULL is fine */
/* Looks through Redis. What goes wrong is logged. */
void orphans_look(struct orphans *orphans, struct store *store);
/* The next name that was found and is not configured; NULL: no more. *at is 0 at first. */
const char *orphans_next(const struct orphans *orphans, const struct settings *settings,
                         size_t *at);
