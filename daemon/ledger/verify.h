/* The proof of the ledger: reads every entry from the store, checks its mark and the seals, folds
 * it, and compares the fold with every total, every list of children, every pledge summary and
 * every count of numbers in the store, and with what the daemon shows as numbers of different
 * donors. Works while entries are posted: each answer of the store says after which entry it is
 * true, and the fold catches up to just that entry before it compares.
 *
 * One page a turn, so that nothing else on the loop waits. It never repairs anything. */
#pragma once

#include "base/error.h"
#include "store/ledger.h"

struct event_base;
struct store;

enum verify_kind {
    VERIFY_ENTRY,    /* an entry is missing, cannot be, or was changed (its mark) */
    VERIFY_SEAL,     /* a seal does not fit the entries, or the file */
    VERIFY_TOTAL,    /* a total differs: stored and computed are set */
    VERIFY_EQUATION, /* own = direct + children, arrived + in - out - spent = held */
    VERIFY_CHILDREN, /* an area is missing in the list of its parent, or should not be there */
    VERIFY_PLEDGE,   /* a sum of a summary differs: stored and computed are set */
    VERIFY_NUMBERS,  /* the counts of numbers given differ */
    VERIFY_DONORS,   /* a number of different donors differs: stored is what is shown */
    VERIFY_KINDS
};
const char *verify_kind_word(enum verify_kind kind); /* "entry" "seal" "total" "equation" "children"
                                                        "pledge" "numbers" "donors" */

struct verify_problem {
    enum verify_kind kind;
    uint64_t entry;       /* of VERIFY_ENTRY and VERIFY_SEAL */
    const char *where;    /* "513327205 2026 oct cash pledged fen", "513327-2026-000001-60 arrived",
                             "20261017 1-774" */
    const char *sentence; /* all of it, for people */
    int64_t stored, computed;
};
struct verify_report {
    uint64_t entries, pledges, nodes, seals;
    uint64_t donors;   /* numbers of different donors; 0: none are shown */
    uint64_t problems; /* told or not: after VERIFY_PROBLEMS_MAX they are only counted */
    int64_t took_ms;
};
#define VERIFY_PROBLEMS_MAX 1000

/* Numbers of different donors lie in no store: whoever shows them counted them (ledger/donors.h).
 * Here they are counted anew, from the same pages of entries as everything else. */
struct verify_shown {
    /* Lets them stand still as of `entry` or a later one, which `then` is told; 0: nothing is
     * shown. `then` runs once, perhaps before this returns. NULL: they are not looked at. */
    void (*hold)(void *arg, uint64_t entry, void (*then)(void *verify, uint64_t entry),
                 void *verify);
    /* Only between `then` and go_on. `year` 0: all; `campaign` "": all. */
    uint64_t (*count)(void *arg, uint64_t area, uint32_t year, const char *campaign);
    void (*go_on)(void *arg); /* once after a `then` that was told an entry, before on_done */
    void *arg;
};

struct verify;
struct verify_options {
    struct store *store;
    struct event_base *base;
    const struct ledger_seal *against; /* seals of the auditor's file; copied */
    size_t n_against;
    struct verify_shown shown;
    void (*on_problem)(void *arg, const struct verify_problem *problem);
    /* Runs once. ERR_OK: the report is complete, whatever it says. Else the proof could not be
     * finished. */
    void (*on_done)(void *arg, enum err error, const char *reason,
                    const struct verify_report *report);
    void *arg;
};
/* errors: ERR_CLOSED, ERR_BUSY, ERR_NOMEM; then no callback runs. Frees itself after on_done. */
MUST_CHECK enum err verify_start(const struct verify_options *options, struct verify **verify);
/* on_done runs with ERR_STALE, at a later turn. */
void verify_stop(struct verify *verify);
