/* What a resend would be, without being it: the same source read to its end, opt-outs and dedup
 * group asked but nothing reserved. Internal to launch/. */
#pragma once

#include "launch/resend.h"

struct counting;
/* `done` runs once, later. On an error return it does not run. */
MUST_CHECK enum err counting_new(const struct resend_request *request, launch_counted_fn *done,
                                 void *arg, void (*on_end)(void *arg, struct counting *counting),
                                 void *on_end_arg, struct counting **counting);
/* Tells `done` ERR_CLOSED now; `on_end` does not run. */
void counting_cancel(struct counting *counting);
