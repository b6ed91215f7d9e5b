/* Which accounts Redis knows, configured or not: an account that was taken out of the file leaves
 * its campaigns here. */
#pragma once

#include "store/store.h"

#define CARRIERS_FOUND_MAX 64
/* `names`: accounts with something in their set of live campaigns; borrowed. n 0 with an error. */
typedef void carriers_found_fn(void *arg, enum err error, const char *const *names, size_t n);
/* Walks over all keys, some thousand a call, so that nobody waits long: for once after a start. No
 * more than CARRIERS_FOUND_MAX. errors: those of redis_call, ERR_NOMEM */
MUST_CHECK enum err carriers_find(struct store *store, carriers_found_fn *done, void *arg);
