/* The figures of /api/v1/status in Prometheus' text format 0.0.4. Pure. Internal to api/. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Reads the status document as /api/v1/status gives it. What the document does not hold (Redis is
 * away) is left out, as the format wants it; it is never written as 0. Label values are escaped.
 * source: Prometheus, "Exposition formats", text format. docs/metrics.md names each metric; a test
 * compares. */
void metrics_write(const json_t *status, struct buf *out);

/* The name of the i-th metric without its prefix "outreach_", NULL past the end. */
const char *metrics_name(size_t i);
