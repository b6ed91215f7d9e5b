/* `Idempotency-Key`: a POST that is given again with the same key and the same body gets the first
 * answer again and does nothing. Internal to api/.
 *
 * Only answers of success are kept, for a day: after a refusal the same key may be tried again. */
#pragma once

#include "api/apicall.h"

/* Calls `then` when the request is to be done; else answers. */
void once_begin(struct apicall *call, void (*then)(struct apicall *call));
/* From apicall_answer. */
void once_end(struct apicall *call, int status, const char *body);
