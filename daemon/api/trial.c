/* See trial.h. */
#include "api/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/drafts.h"
#include "base/numbers.h"
#include "base/clock.h"

/* ---- asking ---- */

struct finding {
    struct apicall *call;
    struct trial *trial;
    void (*then)(struct apicall *call);
};

static void on_taken(void *arg, enum err error, uint64_t taken)
{
    struct finding op = *(struct finding *)arg;
    free(arg);
    if (!apicall_lives(op.call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(op.call, error, NULL);
        return;
    }
    op.trial->daily = op.call->api->settings->daemon.trial_daily;
    op.trial->left = taken < op.trial->daily ? op.trial->daily - taken : 0;
    op.then(op.call);
}

static void on_standing(void *arg, enum err error, const char *reason,
                        const struct area_standing *standing)
{
    struct finding op = *(struct finding *)arg;
    char whose[TRIAL_WHOSE_SIZE];
    if (!apicall_lives(op.call)) {
        free(arg);
        return;
    }
    if (error == ERR_OK && standing->is_live) {
        free(arg);
        op.then(op.call);
        return;
    }
    if (error == ERR_OK) {
        op.trial->is_trial = true;
        op.trial->n_own = standing->n_own;
        memcpy(op.trial->own, standing->own, standing->n_own * sizeof *standing->own);
        error = drafts_allowance_taken(op.call->api->parts.store, trial_whose(&op.call->who, whose),
                                       apicall_today(op.call), on_taken, arg);
    }
    if (error != ERR_OK) {
        free(arg);
        apicall_fail(op.call, error, reason);
    }
}

void trial_find(struct apicall *call, struct trial *trial, const char *region,
                void (*then)(struct apicall *call))
{
    uint64_t area = 0;
    *trial = (struct trial){.is_trial = false};
    if (call->who.via == VIA_CONTROL) {
        then(call);
        return;
    }
    if (region == NULL || area_parse(region, strlen(region), &area) != ERR_OK) {
        area = 0;
    }
    struct finding *op = malloc(sizeof *op);
    enum err error = ERR_NOMEM;
    if (op != NULL) {
        *op = (struct finding){call, trial, then};
        error = drafts_area_find(call->api->parts.store, area, on_standing, op);
    }
    if (error != ERR_OK) {
        free(op);
        apicall_fail(call, error, NULL);
    }
}

/* ---- judging ---- */

bool trial_simulates(const struct settings *settings, const struct draft *draft)
{
    const char *name = draft_value(draft, "campaign", "carrier");
    const struct settings_carrier *carrier = settings_carrier(settings, name != NULL ? name : "");
    return carrier != NULL && carrier->trial;
}

/* Of a list that is longer than the rows kept, not all of those behind them can be own numbers. */
static void count_others(const struct trial *trial, const struct draft_plan *plan,
                         struct trial_view *view)
{
    uint64_t accepted = plan->totals.accepted;
    size_t n = plan->n_rows < accepted ? plan->n_rows : (size_t)accepted;
    for (size_t i = 0; i < n; i++) {
        const struct draft_plan_row *row = &plan->rows[i];
        if (!numbers_have(trial->own, trial->n_own, row->number)) {
            view->first_row = view->others++ == 0 ? row->row : view->first_row;
        }
    }
    if (n < accepted && accepted > trial->n_own && accepted - trial->n_own > view->others) {
        view->others = accepted - trial->n_own;
    }
}

void trial_look(const struct trial *trial, const struct draft_plan *plan, bool simulates,
                struct trial_view *view)
{
    *view = (struct trial_view){.trial = trial, .simulates = simulates};
    if (trial->is_trial && plan != NULL) {
        count_others(trial, plan, view);
        view->is_over = plan->totals.accepted > trial->left;
    }
}

const struct draft_blocked *trial_blocks(const struct trial_view *view)
{
    static const struct draft_blocked
        carrier = {"trial_carrier",
                   "not allowed in trial: its carrier leads to no simulator (trial = "
                   "yes)"},
        numbers = {"trial_numbers",
                   "not allowed in trial: not all of them are the area's own numbers"},
        limit = {"trial_limit", "not allowed in trial: they are more than the messages that are "
                                "left for today"};
    if (!view->trial->is_trial) {
        return NULL;
    }
    return !view->simulates   ? &carrier
           : view->others > 0 ? &numbers
           : view->is_over    ? &limit
                              : NULL;
}

json_t *encode_trial(const struct trial_view *view)
{
    if (view == NULL || !view->trial->is_trial) {
        return json_null();
    }
    json_t *refusals = json_array();
    if (!view->simulates) {
        json_array_append_new(refusals, json_string("carrier"));
    }
    if (view->others > 0) {
        json_array_append_new(refusals, json_string("numbers"));
    }
    if (view->is_over) {
        json_array_append_new(refusals, json_string("limit"));
    }
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:I, s:o}", "own_numbers", (json_int_t)view->trial->n_own,
                  "others", (json_int_t)view->others, "left_today", (json_int_t)view->trial->left,
                  "daily", (json_int_t)view->trial->daily, "refusals", refusals);
    json_object_set_new(json, "first_row",
                        view->first_row > 0 ? json_integer(view->first_row) : json_null());
    return json;
}

/* ---- the allowance ---- */

const char *trial_whose(const struct who *who, char out[TRIAL_WHOSE_SIZE])
{
    snprintf(out, TRIAL_WHOSE_SIZE, "a:%llu", (unsigned long long)who->area);
    return out;
}
