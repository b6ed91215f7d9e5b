/* The dry run: the definition and its list are read here, by the very code that the import uses;
 * opt-outs and dedup group are asked of the daemon when it is reachable. */
#pragma once

#include "campaign/plan.h"
#include "ctl/common.h"

struct planning {
    struct settings *settings;
    struct definition *definition;
    struct plan *plan;
    bool consulted;          /* the daemon was asked about all rows */
    char not_consulted[400]; /* else: why */
};

/* Reads everything and prints nothing but mistakes (then *exit says what to end with). `now`: as
 * launch --now. planning_fini is needed in every case. gives: the plan is there. */
bool planning_run(struct ctl *ctl, const char *file_or_id, bool now, struct planning *planning,
                  enum ctl_exit *exit);
void planning_fini(struct planning *planning);

/* The plan as people read it. */
void planning_print(const struct planning *planning, FILE *out);
/* The plan with the keys of the contract. The caller releases it. */
json_t *planning_json(const struct planning *planning);
