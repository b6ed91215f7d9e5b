/* What the two halves of a report share: the walk over the chunks (report.c), and the list it is
 * put beside (report_list.c). Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "api/encode.h"
#include "api/report_table.h"
#include "api/words.h"
#include "base/loop.h"
#include "campaign/recipients.h"
#include "sms/state.h"

struct report {
    struct apicall *call;
    bool csv, started, is_masked, has_bom;
    bool wanted[STATE_COUNT];     /* by the order of state_all */
    bool all;                     /* all of them are wanted */
    enum words_language language; /* of heads and states */
    char **texts;                 /* the carrier's dictionary of codes */
    size_t n_texts;
    uint32_t at_chunk;
    unsigned retries;
    struct loop_timer *timer;

    /* with=columns */
    bool with_columns;
    struct report_table *table;
    struct recipients *list; /* NULL while the chunks are read */
    size_t n_columns, number_column;
};

bool report_wants(const struct report *report, uint8_t state);
/* Fills a line from an entry. */
void report_fill(const struct report *report, const struct report_entry *entry,
                 struct report_line *line);
/* The first piece: status line, headers, byte order mark. */
void report_start(struct report *report, struct buf *piece);
/* The names of our columns. */
void report_header(const struct report *report, struct buf *piece);
/* A word of ours in the reader's language. */
const char *report_word(const struct report *report, const char *prefix, const char *word);
/* Says in the stream that it is not whole, or answers the error. */
void report_break_off(struct report *report, const char *reason);

/* Opens the list of the campaign; false: it was answered. */
bool report_list_open(struct report *report);
/* All chunks are in the table: writes the list, row by row, with what is known behind it. */
void report_list_write(struct report *report);
