/* The control URL: faults at run time, counters, injected uplinks and reports. JSON in, JSON out.
 */
#pragma once

#include "base/buf.h"
#include "sim/sim.h"

/* Answers a request whose path begins with /control. */
void control_handle(struct sim *sim, struct wire_request *request);
/* The counters as one line of JSON. */
void control_print_stats(const struct sim *sim, struct buf *out);
