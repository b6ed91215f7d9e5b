/* Internal to api/. */
#pragma once

#include "api/call.h"

/* Puts "carriers": […] into call->answer (an object), then goes on with `then`. Answers errors
 * itself. */
void carriers_collect(struct call *call, void (*then)(struct call *call));
