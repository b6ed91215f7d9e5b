/* The simulated carrier as a whole: takes requests, keeps the oracle, owes reports, and fails as
 * told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sim/faults.h"
#include "sim/options.h"
#include "sim/oracle.h"
#include "sim/reports.h"
#include "sim/stamp.h"
#include "sim/wire.h"

struct event_base;
struct deferred; /* an answer that waits, see sim.c */

#define WORDS_MAX 64 /* different words of refusal that are counted by name */

struct sim {
    struct event_base *base;
    struct options *options; /* borrowed */
    struct wire *wire;
    struct submit *submit;
    struct oracle *oracle;
    struct reports *reports;
    struct faults faults;
    struct fault_plan plan; /* of the request at hand */
    struct loop_timer *refuse_timer;
    struct deferred *deferred;
    uint64_t requests, submits; /* all requests but control, and those that were accepted */
    struct stamp date;
    uint64_t group; /* the last twelve digits of the next msgGroup */
    struct {
        char word[64];
        uint64_t count;
    } words[WORDS_MAX]; /* what was answered, by rspcod */
    size_t n_words;
    uint16_t port, control_port;
};

/* `problem` gets a sentence. errors: as of the parts */
MUST_CHECK enum err sim_start(struct event_base *base, struct options *options, struct sim **sim,
                              struct buf *problem);
/* Flushes the oracle. NULL is fine. */
void sim_stop(struct sim *sim);

/* Switches a fault on, `refuse` included; the fault is taken over. errors: ERR_BUSY, ERR_IO */
MUST_CHECK enum err sim_fault(struct sim *sim, const struct fault *fault);
/* Switches all of a kind off; FAULT_KINDS: everything. errors: ERR_IO (the port was taken
 * meanwhile) */
MUST_CHECK enum err sim_fault_off(struct sim *sim, enum fault_kind kind);
