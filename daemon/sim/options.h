/* The command line of outreach-sim: one row an option, used for reading and for --help. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sim/faults.h"
#include "sim/reports.h"
#include "sim/submit.h"

struct options {
    const char *listen, *control; /* HOST:PORT; control NULL: only at `listen` */
    const char *secret_file;
    struct submit_account account;
    const char *oracle; /* NULL: none */
    int64_t latency_ms, latency_jitter_ms;
    struct reports_options reports;
    struct fault faults[FAULTS_MAX];
    size_t n_faults;
    bool stats;
    bool help, version; /* asked for */
};

/* `problem` gets a sentence. Texts are borrowed from argv. A secret read from --secret-file is
 * owned. errors: ERR_INVALID, ERR_IO (the secret file) */
MUST_CHECK enum err options_read(int argc, char **argv, struct options *options,
                                 struct buf *problem);
void options_fini(struct options *options);
void options_print_help(void);
