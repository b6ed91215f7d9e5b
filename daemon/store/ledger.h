/* The pledge ledger in Redis: append-only entries, and what is derived from them in the same call (pledge summaries, totals,
 * numbers). docs/ledger.md has the rules, the equations and the keys.
 *
 * Every call is asynchronous, as in store/queue.h: the callback runs exactly once, from a later turn; `arg` and everything in
 * an answer are borrowed until it returns; an error return means no callback. Errors in callbacks: ERR_CLOSED and ERR_TIMEOUT
 * (unknown: call again with the same arguments), ERR_REFUSED (`reason` is a sentence for people), ERR_NOT_FOUND. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "pledge/area.h"
#include "pledge/names.h"
#include "pledge/number.h"
#include "pledge/parse.h"

struct store;

#define LEDGER_TEXT_MAX 256   /* bytes of a text in an entry */
#define LEDGER_NOTE_MAX 2000  /* of its note */
#define LEDGER_REQUEST_MAX 64 /* of a request id */

/* ---- entries ---- */

enum ledger_type {
    LEDGER_PLEDGE,
    LEDGER_CONFIRM,
    LEDGER_ARRIVE,
    LEDGER_DELIVER,
    LEDGER_VOID,
    LEDGER_WAIVE,
    LEDGER_TRANSFER,
    LEDGER_PASS,
    LEDGER_TICKET,
    LEDGER_REVERSE,
    LEDGER_CLOSE,
    LEDGER_TYPES
};
const char *ledger_type_word(enum ledger_type type); /* "pledge" … "close" */
MUST_CHECK bool ledger_type_parse(const char *word, enum ledger_type *type);

/* Who undoes: we entered it wrong, the donor takes it back, the bank takes it back. */
enum ledger_why { LEDGER_WHY_NONE, LEDGER_WHY_ERROR, LEDGER_WHY_DONOR, LEDGER_WHY_BANK, LEDGER_WHYS };
const char *ledger_why_word(enum ledger_why why); /* "", "error", "donor", "bank" */
MUST_CHECK bool ledger_why_parse(const char *word, enum ledger_why *why);

/* An entry, to be posted or as read. A NULL text is "" (texts of a read entry are never NULL); 0 is "not given". What each type
 * takes:
 *   pledge    campaign area kind fen|item+thousandths+unit(+value_fen) name mobile … purpose due confirmed
 *   confirm   pledge
 *   arrive    pledge fen|thousandths(+value_fen) over
 *   deliver   pledge fen|thousandths(+value_fen) to (which area) via (which area held it) purpose (what for)
 *   void      pledge why (error: void; donor: withdrawn)
 *   waive     pledge fen|thousandths (0: the rest) note (the reason) document
 *   transfer  pledge name mobile … to (0: same area) due: the rest becomes a new, confirmed pledge of another donor
 *   pass      area to campaign kind fen|item+thousandths+unit year (0: of `on`): own money or goods, passed on to another area
 *   ticket    ref (an arrive entry) document (the official number)
 *   reverse   ref why
 *   close     area on (the last day of the period)
 * and all of them actor source request note document on (0: today). */
struct ledger_entry {
    enum ledger_type type;
    const char *actor, *source; /* source: sms, console, cli, csv, api */
    const char *request;        /* the client's id of this request: the same again gives the same answer */
    const char *campaign;       /* "" is no campaign */
    uint64_t area, to, via;
    uint32_t year; /* the activity year; of a pledge the year in its number */
    const char *pledge;
    enum pledge_kind kind;
    int64_t fen;         /* cash, purchase */
    int64_t thousandths; /* goods, service */
    const char *item, *unit;
    int64_t value_fen; /* estimated, of goods and service */
    const char *name;
    uint64_t mobile;
    bool is_organisation;
    enum name_shown shown;
    const char *purpose, *note, *document;
    uint64_t ref;
    enum ledger_why why;
    uint32_t on, due; /* yyyymmdd */
    bool confirmed;   /* a pledge that counts at once */
    bool over;        /* more may arrive than was pledged; as read: more did */

    /* Worked out by the ledger; not given. */
    uint64_t n; /* from 1, no gap */
    int64_t at_ms;
    enum ledger_type was;          /* of a reversal: what it takes back */
    const char *receipt;           /* of an arrival, its ticket and its reversal */
    const char *peer;              /* transfer: the new pledge; a pledge that came by transfer: the old one */
    bool had_confirmed, withdrawn; /* void, reversed pledge: it was confirmed; its donor took it back */
    bool whole;                    /* transfer: nothing of the pledge stays */
};

struct ledger_posted {
    uint64_t entry, last_entry; /* a transfer has two: itself and the new pledge */
    const char *pledge, *receipt, *peer;
    bool repeated;       /* this request was answered before, with the same */
    const char *refusal; /* ERR_REFUSED: amount area cap closed date donor held request state type why; else "" */
};
typedef void ledger_posted_fn(void *arg, enum err error, const char *reason, const struct ledger_posted *posted);
/* One step of the ledger, all of it or nothing. `pledges_a_day`: the most pledges a mobile may make today, 0 is no limit.
 * `now_ms` also says what "today" is (store_set_utc_offset).
 * errors: ERR_CLOSED, ERR_BUSY, ERR_NOMEM; ERR_RANGE (a negative amount, a day or year that is none) */
MUST_CHECK enum err ledger_post(struct store *store, const struct ledger_entry *entry, uint32_t pledges_a_day, int64_t now_ms,
                                ledger_posted_fn *done, void *arg);

/* ---- entries as they lie there ---- */

#define LEDGER_FIELDS 32
extern const char *const ledger_field_names[LEDGER_FIELDS];
/* The raw values in the order of ledger_field_names. `is_sound` false: not the fields of an entry (somebody wrote it by hand). */
struct ledger_row {
    uint64_t n;
    bool is_sound;
    const char *values[LEDGER_FIELDS];
    size_t lens[LEDGER_FIELDS];
};
/* *entry borrows from the row. errors: ERR_INVALID (a value is not what the ledger writes) */
MUST_CHECK enum err ledger_row_read(const struct ledger_row *row, struct ledger_entry *entry);
struct buf;
/* The bytes over which digests of entries are taken: "<len>:<bytes>," of the number, then of every value. */
void ledger_row_canonical(const struct ledger_row *row, struct buf *out);

/* ---- pledges ---- */

/* Computed from the entries, never set by hand. */
enum ledger_state {
    LEDGER_UNCONFIRMED,
    LEDGER_PLEDGED,
    LEDGER_PART_ARRIVED,
    LEDGER_ARRIVED,
    LEDGER_DELIVERED,
    LEDGER_WITHDRAWN,
    LEDGER_LAPSED, /* due and a grace have passed, and it has not arrived; money that comes still counts */
    LEDGER_VOIDED,
    LEDGER_WAIVED,      /* nothing arrived, and the rest was waived */
    LEDGER_TRANSFERRED, /* the whole of it went to another donor */
    LEDGER_STATES
};
const char *ledger_state_word(enum ledger_state state); /* "unconfirmed" "pledged" "part-arrived" … */
MUST_CHECK bool ledger_state_parse(const char *word, enum ledger_state *state);

struct ledger_pledge {
    const char *number;
    enum ledger_state state;
    enum pledge_kind kind;
    const char *campaign;
    uint64_t area;
    uint32_t year, due;
    const char *item, *unit;
    uint64_t mobile;
    /* Fen of cash and purchase, thousandths of goods and service. rest = pledged - moved - waived - arrived; negative when more
     * came than was pledged. */
    int64_t pledged, value_fen, arrived, delivered, waived, moved, rest;
    const struct ledger_row *entries; /* oldest first; in lists only the first: the donor stands there */
    size_t n_entries;
};
struct ledger_pledges {
    uint64_t as_of_entry;
    const struct ledger_pledge *pledges;
    size_t n;
    const char *cursor; /* give it to the next call; "" is the end */
};
typedef void ledger_pledges_fn(void *arg, enum err error, const char *reason, const struct ledger_pledges *pledges);
/* One pledge with all its entries, by its number or the number of a receipt. `grace_days` after its due day it has lapsed. */
MUST_CHECK enum err ledger_show(struct store *store, const char *number, uint32_t grace_days, int64_t now_ms,
                                ledger_pledges_fn *done, void *arg);
struct ledger_query {
    uint64_t scope;       /* area, 0 is all */
    uint32_t year;        /* 0: all */
    const char *campaign; /* NULL or "": all; "-": those of no campaign */
    int state;            /* enum ledger_state, or LEDGER_ANY_STATE */
    uint64_t mobile;      /* not 0: the pledges of this number, newest first (the last 200) */
    const char *name;     /* not NULL or "": whose donor's name holds this */
    const char *cursor;   /* NULL or "": from the newest */
    uint32_t most;        /* at most LEDGER_LIST_MAX */
    uint32_t grace_days;
};
#define LEDGER_ANY_STATE (-1)
#define LEDGER_LIST_MAX 500
/* Newest year first, by county, newest number first. May answer fewer than `most`, with a cursor; none at all with a cursor only
 * after LEDGER_LIST_LOOKS pledges were looked at in vain. errors: ERR_RANGE (most) */
#define LEDGER_LIST_LOOKS 20000
MUST_CHECK enum err ledger_list(struct store *store, const struct ledger_query *query, int64_t now_ms,
                                ledger_pledges_fn *done, void *arg);

/* ---- totals ---- */

enum ledger_measure {
    LEDGER_M_UNCONFIRMED,
    LEDGER_M_PLEDGED, /* confirmed, without void, withdrawn and transferred ones */
    LEDGER_M_ARRIVED,
    LEDGER_M_DELIVERED,
    LEDGER_M_VOID,
    LEDGER_M_WAIVED,
    LEDGER_M_WITHDRAWN,
    LEDGER_M_MOVED,  /* to another donor */
    LEDGER_M_OUT,    /* passed on to another area */
    LEDGER_M_IN,     /* from another area; over a whole tree, out and in cancel */
    LEDGER_M_SPENT,  /* delivered out of what this area held */
    LEDGER_M_REACHED, /* delivered into this area */
    LEDGER_M_HELD,   /* arrived + in - out - spent; has no count */
    LEDGER_MEASURES
};
const char *ledger_measure_word(enum ledger_measure measure); /* "unconfirmed" "pledged" … "held" */
char ledger_measure_letter(enum ledger_measure measure);      /* as in the keys, docs/ledger.md */
enum ledger_scope {
    LEDGER_TREE,   /* the area and everything under it */
    LEDGER_DIRECT, /* what was booked at the area itself */
    LEDGER_SCOPES
};
struct ledger_figure {
    int64_t count;
    int64_t fen; /* estimated values, for goods and service */
};
struct ledger_totals {
    uint64_t area;
    struct ledger_figure of[LEDGER_SCOPES][PLEDGE_KINDS][LEDGER_MEASURES];
};
struct ledger_totals_query {
    uint64_t area;
    uint32_t year;        /* 0: all */
    const char *campaign; /* NULL or "": all; "-": of no campaign */
    bool children;
    enum area_level down_to; /* with children: AREA_NATION is only the direct ones; else everything down to this level */
};
struct ledger_totals_answer {
    uint64_t as_of_entry;              /* the totals are those after this entry, all of them */
    const struct ledger_totals *areas; /* [0] is the area itself, then by code */
    size_t n;
};
typedef void ledger_totals_fn(void *arg, enum err error, const char *reason, const struct ledger_totals_answer *answer);
/* One call of Redis, so that all areas are of one instant. An area's tree is its own direct figures and the trees of its direct
 * children. ERR_REFUSED: more than 6000 areas. */
MUST_CHECK enum err ledger_totals(struct store *store, const struct ledger_totals_query *query, ledger_totals_fn *done,
                                  void *arg);

/* The number of the last entry, 0 before the first: the cheapest way to see that something was booked. */
typedef void ledger_last_fn(void *arg, enum err error, uint64_t entry);
MUST_CHECK enum err ledger_last(struct store *store, ledger_last_fn *done, void *arg);
/* The entry that was posted under a request id, 0 when none was: the same request is only answered again. */
MUST_CHECK enum err ledger_request(struct store *store, const char *request, ledger_last_fn *done, void *arg);

struct ledger_thing {
    enum pledge_kind kind;
    const char *item, *unit;
    int64_t thousandths[LEDGER_SCOPES][LEDGER_MEASURES];
};
typedef void ledger_goods_fn(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                             const struct ledger_thing *things, size_t n);
/* Goods and service of one area by item and unit; `children` and `down_to` are not looked at. */
MUST_CHECK enum err ledger_goods(struct store *store, const struct ledger_totals_query *query, ledger_goods_fn *done, void *arg);
