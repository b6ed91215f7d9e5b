/* Every way in which a carrier can fail us, as a table (reliability.md part E). A fault is switched
 * on by --fault or by POST /control and then meets the next N requests, a share of them, or all.
 *
 *   --fault 'rspcod:SystemBusy,count=3'     {"fault": "rspcod", "word": "SystemBusy", "count": 3}
 *   --fault 'close,accept=true,share=0.1'   {"fault": "close", "accept": true, "share": 0.1} */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

enum fault_kind {
    /* instead of the answer; the first that meets a request decides */
    FAULT_RSPCOD,
    FAULT_CLOSE,
    FAULT_RESET,
    FAULT_KEEPALIVE_CLOSE,
    FAULT_HANG,
    FAULT_STATUS,
    FAULT_TRUNCATE,
    FAULT_DRIP,
    FAULT_HUGE,
    FAULT_BADJSON,
    FAULT_BODY,
    FAULT_INVALID_MOBILE,
    /* in how a successful answer is written; may come together */
    FAULT_SUCCESS_STRING,
    FAULT_SUCCESS_FALSE,
    FAULT_MGSGROUP,
    FAULT_NO_GROUP,
    FAULT_LATENCY,
    /* in the reports on the recipients of this request; may come together */
    FAULT_REPORT_FIRST,
    FAULT_REPORT_REPEAT,
    FAULT_REPORT_SHUFFLE,
    FAULT_REPORT_INTERMEDIATE,
    FAULT_REPORT_STALE,
    FAULT_REPORT_CONTRADICT,
    FAULT_REPORT_LATE,
    FAULT_REPORT_LOST,
    FAULT_REPORT_UNKNOWN_GROUP,
    FAULT_REPORT_UNKNOWN_MOBILE,
    FAULT_REPORT_CODE,
    /* not of a request: as long as it is on, connecting is refused */
    FAULT_REFUSE,
    FAULT_KINDS
};
#define FAULT_FIRST_STYLE FAULT_SUCCESS_STRING

struct fault {
    enum fault_kind kind;
    int64_t count;  /* requests it will still meet; -1: no end */
    double share;   /* of the requests, by the seed; 1: each */
    bool accept;    /* are the recipients taken, and only the answer spoilt? */
    bool success;   /* the flag in the answer of `rspcod` */
    char word[64];  /* of `rspcod` and `report_code` */
    char *text;     /* of `body`; owned */
    int64_t status; /* of `status` and `body` */
    int64_t number; /* times, or bytes */
    int64_t ms;
    uint64_t mobile;
    uint64_t hits;
};

#define FAULTS_MAX 32
struct faults {
    struct fault list[FAULTS_MAX];
    size_t n;
    uint64_t seed;
};

void faults_init(struct faults *faults, uint64_t seed);
void faults_clear(struct faults *faults);
/* "rspcod", or -1 for a name that no fault has. */
int faults_kind(const char *name);
const char *faults_name(enum fault_kind kind);
/* One line for --help, NULL behind the last. */
const char *faults_help(size_t i);

/* A fault of the kind `name` (with its word behind a colon, if any) with its defaults. errors:
 * ERR_NOT_FOUND */
MUST_CHECK enum err fault_start(const char *name, struct fault *fault);
/* Sets one key of it by its text. errors: ERR_NOT_FOUND (no such key), ERR_INVALID, ERR_RANGE,
 * ERR_NOMEM */
MUST_CHECK enum err fault_set(struct fault *fault, const char *key, const char *value);
void fault_fini(struct fault *fault);
/* A whole switch. `problem` gets a sentence. errors: ERR_INVALID */
MUST_CHECK enum err fault_parse(const char *spec, struct fault *fault, struct buf *problem);
/* Takes the fault over. errors: ERR_BUSY (FAULTS_MAX are on) */
MUST_CHECK enum err faults_add(struct faults *faults, const struct fault *fault);
/* Switches off all of a kind. */
void faults_remove(struct faults *faults, enum fault_kind kind);

/* What one request meets: a copy per kind that does, `text` still belonging to the fault. */
struct fault_plan {
    uint64_t met;           /* bit 1 << kind */
    enum fault_kind answer; /* the deciding one, FAULT_KINDS: none */
    struct fault of[FAULT_KINDS];
};
static inline bool fault_met(const struct fault_plan *plan, enum fault_kind kind)
{
    return plan->met >> kind & 1;
}
/* Throws the dice for a request and counts. `reused`: the connection has carried a request before.
 */
void faults_meet(struct faults *faults, uint64_t request, bool reused, const uint64_t *mobiles,
                 size_t n, struct fault_plan *plan);
