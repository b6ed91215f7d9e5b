/* Internal to api/. */
#pragma once

#include "api/apicall.h"

/* Puts "carriers": […] into call->answer (an object), then goes on with `then`. Answers errors
 * itself. */
void carriers_collect(struct apicall *call, void (*then)(struct apicall *call));
