/* The public notice (公示) of an area and a period, worked out from the entries alone: what each
 * pledge brought in the days from `from` to `to`. A correction counts on the day it was booked for,
 * so a period that was published stays as it was. Pure: no I/O. */
#pragma once

#include "base/error.h"
#include "store/ledger.h"

struct notice;

struct notice_options {
    uint64_t region;
    const char *campaign; /* "" all, "-" of none; borrowed */
    uint32_t from, to;    /* yyyymmdd, both included */
    size_t pledges_max;   /* in the area, of whatever day: each is remembered until its donor is
                             printed */
};
MUST_CHECK enum err notice_new(const struct notice_options *options, struct notice **notice);
void notice_free(struct notice *notice); /* NULL is fine */
/* The next entry, from the first on. errors: ERR_NOMEM, ERR_TOO_BIG (more than pledges_max),
 * ERR_RANGE (a sum leaves 64 bits) */
MUST_CHECK enum err notice_add(struct notice *notice, const struct ledger_entry *entry);
/* Entries `from`..`to` as ledger_read gave them, all of them. errors: those of notice_add;
 * ERR_INVALID: entry *bad is missing or was changed. A notice that was given a part is of no use
 * any more. */
MUST_CHECK enum err notice_add_rows(struct notice *notice, const struct ledger_row *rows, size_t n,
                                    uint64_t from, uint64_t to, uint64_t *bad);

/* Fen of cash and purchase, thousandths of goods and service; negative when more was taken back
 * than came. */
struct notice_sums {
    int64_t pledged, arrived, delivered;
};
struct notice_row { /* texts are the notice's */
    struct number number;
    enum pledge_kind kind;
    uint64_t area;
    const char *item, *unit, *name;
    uint64_t mobile;
    bool is_organisation;
    enum name_shown shown;
    struct notice_sums sums;
};
struct notice_total {
    enum pledge_kind kind;
    const char *item, *unit;
    uint64_t donors; /* pledges with a row */
    struct notice_sums sums;
};
/* Rows with a figure that is not zero, in the order in which the numbers were given, as of what was
 * added so far. They stay as they are, also while more is added, until the next notice_finish that
 * succeeds or notice_free. errors: ERR_NOMEM, ERR_RANGE */
MUST_CHECK enum err notice_finish(struct notice *notice, const struct notice_row **rows,
                                  size_t *n_rows, const struct notice_total **totals,
                                  size_t *n_totals);
