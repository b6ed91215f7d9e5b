/* One pass through a draft's list, block by block in turns of the loop, with opt-outs and dedup
 * group asked as the import asks them. Internal to drafting/ but for those who stream what it
 * meets (the rows left out). */
#pragma once

#include "campaign/plan.h"
#include "drafting/drafting.h"

/* How far a draft gets: faults of one class at a time, since the next only confuse. */
enum run_stage {
    RUN_DEFINITION, /* the INI has mistakes that leave nothing to count */
    RUN_FILE,       /* there is no list, or it is no table */
    RUN_COLUMNS,    /* the number or a column of the text is not in it */
    RUN_TEXT,       /* the text by itself cannot be sent */
    RUN_ROWS,       /* the table breaks off, or rows are left out */
    RUN_OK
};
const char *run_stage_word(enum run_stage stage);

struct run;
struct run_hooks { /* any may be NULL but `end` */
    /* Each row left out. */
    void (*problem)(void *arg, const struct plan_problem *problem);
    /* A block, after those not to be sent were taken out of it. */
    void (*settled)(void *arg, const struct plan_block *block);
    /* May the next block be read? After false, run_resume goes on. */
    bool (*ready)(void *arg);
    /* Once; the run is freed after it. ERR_OK: the plan is finished. `fault`: the sentence. */
    void (*end)(void *arg, struct run *run, enum err error, const char *fault);
};

/* Opens list and text. errors: ERR_INVALID, ERR_IO, ERR_NOT_FOUND with *stage and `fault`;
 * ERR_NOMEM, ERR_BUSY (RUNS_MAX run). The draft is not needed any more afterwards. */
#define RUNS_MAX 8
MUST_CHECK enum err run_new(struct drafting *drafting, const struct draft *draft,
                            const struct run_hooks *hooks, void *arg, struct run **run,
                            enum run_stage *stage, struct buf *fault);
void run_resume(struct run *run);
/* Nobody wants it any more: no hook runs from here on. */
void run_cancel(struct run *run);
/* Of a run that lives. */
struct plan *run_plan(struct run *run);
/* The plan is the caller's from here on; only in `end`. */
struct plan *run_take_plan(struct run *run);
