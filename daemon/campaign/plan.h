/* The plan of a campaign: what would be sent to whom, what it costs, when it ends. Pure but for
 * reading the CSV: it is the dry run, and the import reads its recipients through the very same
 * calls, so that the two can never disagree.
 *
 *   plan_open
 *   plan_read     a block of rows: parsed, normalised, de-duplicated, text weighed
 *                 … the caller asks the store who of the block has opted out or is in the group …
 *   plan_settle   counts them
 *   …             until done
 *   plan_finish   cost, requests, end
 *   plan_totals
 *
 * Several blocks may be on their way at once; rows = accepted + duplicate + invalid + opted_out
 * holds whenever all blocks read are settled. Memory does not depend on the number of rows (but for
 * the duplicate check: dedupe.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "campaign/definition.h"
#include "conf/mistake.h"

#define PLAN_BLOCK_ROWS 1000
#define PLAN_CANARY_ROWS 10 /* the first request of a campaign has at most so many recipients */
#define PLAN_PROBLEMS_KEPT 1000
#define PLAN_WARNINGS_KEPT 100 /* of these, so that they leave room for rows that are left out */
#define PLAN_PREVIEWS 3

struct plan;

struct plan_row {
    uint64_t number;
    uint64_t region; /* 12 digits as an integer (shorter codes are padded with zeros on the right),
                        0: none */
    uint32_t row;    /* as the spreadsheet counts: the header is row 1 */
    uint32_t segments;
    uint32_t value_at, value_len; /* in plan_block.values */
};
struct plan_block { /* empty it (n = 0, buf_reset(&values)) before it is used again */
    struct plan_row rows[PLAN_BLOCK_ROWS];
    size_t n;
    /* A row's values as stored with the chunk: for each column the text uses, in the order of first
     * use, a length as a little-endian base-128 varint and the bytes in UTF-8. Empty for a text
     * without columns. */
    struct buf values;
};

struct plan_problem {
    uint64_t row;
    const char *value;  /* the cell as it stood, cut to 64 bytes, in UTF-8; a number of the right
                           form is masked */
    const char *reason; /* what is wrong and what would be right */
    const char *word;   /* stable: "landline", "duplicate", "empty_column" … */
    bool accepted;      /* a warning: the row is sent all the same ("area_code") */
    const char *column; /* the column of the text that is at fault, "" when it is none of these */
};

struct plan_totals {
    /* rows: those read that are not blank. duplicate: also those already in the dedup group. */
    uint64_t rows, accepted, duplicate, invalid, opted_out;
    uint64_t segments_min, segments_max, segments_total;
    uint64_t cost_fen;
    uint64_t requests; /* about: a block of which some opted out goes in one request all the same */
    /* Wall clock, by the rate, the window and the start. starts_ms 0: the window does not open
     * before the end; ends_ms 0: it is not through before the end. */
    int64_t starts_ms, ends_ms;
    bool ends_in_time; /* before the definition's end */
    bool optouts_consulted;
    uint64_t problems; /* rows left out, kept or not */
    uint64_t warnings; /* accepted rows in which something could not be read */
    /* Of text and numbers, in any order of rows, opted-out ones included. Filled by plan_finish. */
    uint8_t fingerprint[16];
};

/* Bits for plan_settle. */
enum plan_lookup { PLAN_SEND = 0, PLAN_OPTED_OUT = 1, PLAN_IN_GROUP = 2 };

/* Opens the CSV, reads its header, compiles the template against its columns. `problem` gets a
 * sentence when the campaign is refused as a whole (no number column, unknown ((column)), text
 * faults, encoding). errors: ERR_INVALID, ERR_IO, ERR_NOMEM */
MUST_CHECK enum err plan_open(const struct definition *definition, const struct settings *settings,
                              struct plan **plan, struct buf *problem);
/* What plan_open would refuse, as a mistake of the definition: the text against the columns of the
 * CSV, of which only the header is read, and its weight without values. */
void plan_check(const struct definition *definition, const struct settings *settings,
                struct mistakes *mistakes);
/* Adds rows until `want` (at most PLAN_BLOCK_ROWS) stand in the block or the file ends; reads at
 * most `max_csv_rows` rows of the file and about PLAN_READ_MAX_BYTES, so that a turn of the loop
 * stays short even when all rows are bad: n may be 0 without *done. errors: ERR_INVALID (the CSV
 * breaks off: see plan_fault), ERR_IO, ERR_NOMEM. After an error the plan is good for nothing but
 * plan_fault, plan_problems and plan_free. */
#define PLAN_READ_MAX_BYTES 262144
MUST_CHECK enum err plan_read(struct plan *plan, size_t want, size_t max_csv_rows,
                              struct plan_block *block, bool *done);
/* The sentence behind an error of plan_read. */
const char *plan_fault(const struct plan *plan);
/* `lookup[i]` is a plan_lookup for block->rows[i]; NULL when nobody was asked. Removes those not to
 * be sent from the block (the order of the others stays) and counts them. */
void plan_settle(struct plan *plan, struct plan_block *block, const uint8_t *lookup);
/* After the last block: fills cost, requests and times. */
void plan_finish(struct plan *plan, int64_t now_ms);
const struct plan_totals *plan_totals(const struct plan *plan);
/* The first PLAN_PROBLEMS_KEPT; after plan_finish in the order of rows. */
size_t plan_problems(const struct plan *plan, const struct plan_problem **problems);
/* The finished texts (signature, text, wording) of the first accepted rows, at most PLAN_PREVIEWS.
 */
size_t plan_previews(const struct plan *plan, const char *const **texts);
/* Bytes of the CSV read so far and in all, for a progress bar. */
void plan_progress(const struct plan *plan, uint64_t *read_bytes, uint64_t *all_bytes);
/* The compiled text: what dispatch needs to build messages again from stored values. Lives as long
 * as the plan. */
const struct template *plan_template(const struct plan *plan);
/* Called for every row left out or warned of, kept or not (for a reject file): invalid ones and
 * duplicates in their order while a block is read, opted-out ones when it is settled. May be NULL.
 */
void plan_on_problem(struct plan *plan, void (*fn)(void *arg, const struct plan_problem *problem),
                     void *arg);
void plan_free(struct plan *plan);
void plan_block_init(struct plan_block *block);
void plan_block_fini(struct plan_block *block);
