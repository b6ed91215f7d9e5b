/* The ledger computed anew: takes entries one by one, in order, and keeps what the store keeps (totals of every area, year and
 * campaign, sums of every pledge, numbers given), from the entries alone. Pure: no I/O, no clock. verify compares the two.
 *
 * What an entry adds to the totals is a table here and a table in store/ledger.lua, written apart. */
#pragma once

#include "base/error.h"
#include "store/ledger.h"
#include "store/ledger_proof.h"

struct fold;

/* Called for everything in the entries that cannot be: a gap, a number twice, a reversal of another amount … */
typedef void fold_fault_fn(void *arg, uint64_t entry, const char *sentence);
MUST_CHECK enum err fold_new(fold_fault_fn *on_fault, void *arg, struct fold **fold);
void fold_free(struct fold *fold); /* NULL is fine */
/* The next entry. errors: ERR_NOMEM (the fold is of no use any more) */
MUST_CHECK enum err fold_add(struct fold *fold, const struct ledger_row *row);
/* The number of the last entry, 0 before the first. */
uint64_t fold_last(const struct fold *fold);

/* ---- totals: nodes are numbered from 0 and only grow ---- */

size_t fold_nodes(const struct fold *fold);
/* campaign "*" is all, "-" none; borrowed from the fold. */
struct ledger_node fold_node(const struct fold *fold, size_t node);
#define FOLD_NONE SIZE_MAX
/* The node of an area in the year and campaign of `like`, or FOLD_NONE. */
size_t fold_find(const struct fold *fold, uint64_t area, size_t like);
/* What the entries say for a figure (its value is not looked at). */
int64_t fold_value(const struct fold *fold, size_t node, const struct ledger_figure_row *figure);
/* Every figure of a node that is not 0. */
typedef void fold_figure_fn(void *arg, const struct ledger_figure_row *figure);
void fold_each(const struct fold *fold, size_t node, fold_figure_fn *each, void *arg);
size_t fold_count(const struct fold *fold, size_t node); /* how many that are */

/* ---- areas: every one that stands in a node, numbered from 0; 0 is the nation ---- */

size_t fold_areas(const struct fold *fold);
uint64_t fold_area(const struct fold *fold, size_t area);
/* Its children, one after the other: from FOLD_NONE to FOLD_NONE. */
size_t fold_next_child(const struct fold *fold, size_t area, size_t child);
size_t fold_find_area(const struct fold *fold, uint64_t code);

/* ---- pledges: by series (county and year), from serial 1 ---- */

struct fold_series {
    uint32_t county, year;
    uint64_t pledges, receipts, void_receipts;
};
size_t fold_series_count(const struct fold *fold);
struct fold_series fold_series_at(const struct fold *fold, size_t series);
/* step 0: there is no such pledge (a gap). */
struct ledger_sums fold_pledge(const struct fold *fold, size_t series, uint64_t serial);
