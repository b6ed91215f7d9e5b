/* A definition and its list as the source of a job. Internal to launch/. */
#pragma once

#include "launch/job.h"

/* Loads and checks the definition, opens its list, and fills options->source, source_arg, fields,
 * is_receipt, again, expect_recipients, guard_ms. `problem` gets what is wrong. errors:
 * ERR_INVALID, ERR_REFUSED (its time has passed), ERR_IO … */
MUST_CHECK enum err import_open(const struct launch_request *request,
                                const struct settings *settings, int64_t now_ms,
                                struct job_options *options, struct buf *problem);
