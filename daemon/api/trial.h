/* What an area in trial refuses: every carrier but those that lead to a simulator, numbers that are
 * not its own, and more than a day's messages. guard.c holds a launch against it; a plan and a
 * draft show it beforehand, so that nobody learns it from the button. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "drafting/plans.h"
#include "store/drafts.h"

struct trial {
    bool is_trial; /* false: the area is live, or the control socket asks, which is trusted */
    uint64_t own[AREA_OWN_MAX * AREA_LEVELS]; /* in order */
    size_t n_own;
    uint64_t daily, left; /* messages: of a day, and what is left of today's for who asks */
};
/* Asks for the standing of `region` (NULL or no area: the nation), fills `trial`, which lives as
 * long as the call, and calls `then`; or answers the error. */
void trial_find(struct apicall *call, struct trial *trial, const char *region,
                void (*then)(struct apicall *call));

/* Does the carrier of the draft lead to a simulator? */
bool trial_simulates(const struct settings *settings, const struct draft *draft);

struct trial_view {
    const struct trial *trial;
    bool simulates;
    /* Of the plan: people who are none of the area's own numbers, and the row of the first. Exact
     * up to PLANS_ROWS_KEPT people; of more at least so many. */
    uint64_t others;
    uint32_t first_row;
    bool is_over; /* more people than are left of today's messages */
};
/* Pure. `plan` NULL: not counted yet. */
void trial_look(const struct trial *trial, const struct draft_plan *plan, bool simulates,
                struct trial_view *view);
/* The weightiest of what it refuses; NULL: nothing. */
struct draft_blocked;
const struct draft_blocked *trial_blocks(const struct trial_view *view);
/* null for an area that is live. */
json_t *encode_trial(const struct trial_view *view);

/* Whose allowance a message in trial is taken from: all users of one area share it. */
#define TRIAL_WHOSE_SIZE (WHO_NAME_SIZE + 8)
const char *trial_whose(const struct who *who, char out[TRIAL_WHOSE_SIZE]);
