/* What stands beside the entries of the ledger (store/ledger.h), for proof: reading the entries from number to number, numbers
 * given, closed periods, seals, and the stored figures that ledger/verify compares with a fold of the entries.
 *
 * Answers marked "owned" belong to the callback, which frees them; they may be kept and compared later. */
#pragma once

#include "store/ledger.h"

typedef void ledger_done_fn(void *arg, enum err error, const char *reason);

/* Entries from..to that exist, in order; at most LEDGER_READ_MAX. */
#define LEDGER_READ_MAX 1000
typedef void ledger_rows_fn(void *arg, enum err error, const char *reason, const struct ledger_row *rows, size_t n);
MUST_CHECK enum err ledger_read(struct store *store, uint64_t from, uint64_t to, ledger_rows_fn *done, void *arg);

/* How many numbers each county and year has given. */
struct ledger_serial {
    uint32_t county, year;
    uint64_t pledges, receipts, void_receipts;
};
typedef void ledger_serials_fn(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                               const struct ledger_serial *serials, size_t n);
MUST_CHECK enum err ledger_serials(struct store *store, ledger_serials_fn *done, void *arg);

struct ledger_closed {
    uint64_t area;
    uint32_t through; /* yyyymmdd */
};
typedef void ledger_closed_fn(void *arg, enum err error, const char *reason, const struct ledger_closed *closed, size_t n);
MUST_CHECK enum err ledger_closed(struct store *store, ledger_closed_fn *done, void *arg);

/* A seal covers the entries since the one before. The value is a chain, see ledger/seal.h. */
#define LEDGER_HASH_HEX 65
struct ledger_seal {
    uint32_t day; /* yyyymmdd */
    uint64_t from, to;
    char hash[LEDGER_HASH_HEX];
};
/* The same seal again is fine; ERR_REFUSED when it does not follow the last one. */
MUST_CHECK enum err ledger_seal_add(struct store *store, const struct ledger_seal *seal, ledger_done_fn *done, void *arg);
typedef void ledger_seals_fn(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                             const struct ledger_seal *seals, size_t n);
/* All of them, oldest first. */
MUST_CHECK enum err ledger_seals(struct store *store, ledger_seals_fn *done, void *arg);

/* The first LEDGER_MARK_HEX hex digits of the SHA-1 of each entry's canonical bytes, kept since it was posted: they name an entry
 * that was changed behind our back. from..to as in ledger_read; `marks` is shorter when there are none. */
#define LEDGER_MARK_HEX 12
typedef void ledger_marks_fn(void *arg, enum err error, const char *reason, const char *marks, size_t len);
MUST_CHECK enum err ledger_marks(struct store *store, uint64_t from, uint64_t to, ledger_marks_fn *done, void *arg);
/* The mark of an entry with these canonical bytes; `out` is terminated. */
void ledger_bytes_mark(const char *canonical, size_t len, char out[LEDGER_MARK_HEX + 1]);

/* ---- stored figures; each answer names the entry after which it is true ---- */

struct ledger_node { /* the totals of one area, year and campaign */
    uint64_t area;
    uint32_t year;
    const char *campaign; /* "*" all, "-" none */
};
struct ledger_figure_row {
    size_t node;      /* which of those asked for */
    bool is_known;    /* false: a field that is none of ours; its name is in item */
    bool is_quantity; /* thousandths of item and unit; else a count or fen */
    bool is_count;
    enum pledge_kind kind;
    enum ledger_measure measure;
    enum ledger_scope scope;
    const char *item, *unit;
    int64_t value;
};
struct ledger_figures {
    uint64_t as_of_entry;
    size_t n;
    struct ledger_figure_row rows[];
};
#define LEDGER_NODES_MAX 50
typedef void ledger_figures_fn(void *arg, enum err error, const char *reason, struct ledger_figures *owned);
/* All figures of at most LEDGER_NODES_MAX nodes. free() the answer; NULL with an error. */
MUST_CHECK enum err ledger_figures(struct store *store, const struct ledger_node *nodes, size_t n, ledger_figures_fn *done,
                                   void *arg);

struct ledger_child {
    size_t node;
    uint64_t area;
};
struct ledger_children {
    uint64_t as_of_entry;
    size_t n;
    struct ledger_child rows[];
};
typedef void ledger_children_fn(void *arg, enum err error, const char *reason, struct ledger_children *owned);
/* The known children of at most LEDGER_NODES_MAX areas. free() the answer. */
MUST_CHECK enum err ledger_children(struct store *store, const uint64_t *areas, size_t n, ledger_children_fn *done, void *arg);

/* The sums of a pledge as its summary has them. */
struct ledger_sums {
    int64_t pledged, value_fen, arrived, delivered, waived, moved, moved_value_fen;
    char step; /* 'u' unconfirmed, 'p' confirmed, 'v' void, 'k' withdrawn; 0: there is no such summary */
};
struct ledger_summaries {
    uint64_t as_of_entry;
    size_t n;
    struct ledger_sums rows[]; /* as asked for */
};
#define LEDGER_SUMMARIES_MAX 100
typedef void ledger_summaries_fn(void *arg, enum err error, const char *reason, struct ledger_summaries *owned);
/* free() the answer. */
MUST_CHECK enum err ledger_summaries(struct store *store, const struct number *numbers, size_t n, ledger_summaries_fn *done,
                                     void *arg);
