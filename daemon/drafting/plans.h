/* The plans of drafts: counted once for all who ask at the same time, kept for a while so that rows
 * can be looked at one by one. */
#pragma once

#include "drafting/run.h"

#define PLANS_KEPT 16          /* those used last */
#define PLANS_FRESH_MS 20000   /* somebody may have opted out since */
#define PLANS_ROWS_KEPT 2000   /* of the accepted: to be looked at one by one */
#define PLANS_REGIONS_MAX 2000 /* what lies in more is counted under region 0 */
#define PLANS_WORDS_MAX 40

struct draft_plan_row {
    uint64_t number;
    uint32_t row, segments;
    size_t value_at, value_len;
};
struct draft_plan {
    char id[DRAFT_ID_SIZE];
    struct draft_digest digest;
    enum run_stage stage;
    const char *fault; /* "" when it got to the rows */
    bool is_complete;  /* the definition is without mistakes: the figures are those of a launch */
    const struct plan *plan; /* NULL: not opened */
    struct plan_totals totals;
    struct plan_words {
        char word[32];
        uint64_t n;
    } words[PLANS_WORDS_MAX]; /* of the rows left out */
    size_t n_words;
    struct plan_region {
        uint64_t region, people;
    } regions[PLANS_REGIONS_MAX + 1]; /* of the accepted, by region */
    size_t n_regions;
    struct draft_plan_row rows[PLANS_ROWS_KEPT + 1]; /* the first, and behind them the longest */
    size_t n_rows, longest; /* rows[longest]: the row with the most segments */
    struct buf values;      /* as plan_block.values */
};

/* `plan` is borrowed and NULL with an error. Never runs from the call itself. errors: ERR_BUSY (too
 * many are counted just now), ERR_IO, ERR_NOMEM, ERR_CLOSED. Mistakes are no error: see stage. */
typedef void drafting_plan_fn(void *arg, enum err error, const struct draft_plan *plan);
/* `is_fresh`: not older than PLANS_FRESH_MS; else one of the same files will do. */
MUST_CHECK enum err drafting_plan(struct drafting *drafting, const struct draft *draft,
                                  bool is_fresh, drafting_plan_fn *done, void *arg);
/* A launch of the draft has begun: when it fails, the next plan is counted anew, however young the
 * last one is. */
void drafting_plan_spent(struct drafting *drafting, const char *id);
/* What was counted last for files with this digest, however long ago; NULL: nothing. Borrowed until
 * the next turn. */
const struct draft_plan *drafting_known_plan(const struct drafting *drafting,
                                             const struct draft_digest *digest);
