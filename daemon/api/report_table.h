/* What is known of each number of a campaign, to be put behind the rows of its list. Pure. Internal
 * to api/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct report_table;
struct report_entry {
    uint64_t number, region;
    int64_t updated_ms, submitted_ms;
    uint16_t code; /* place in the dictionary of codes */
    uint8_t state; /* sms/state.h */
    bool is_given; /* stood in an earlier row of the list */
};

/* For at most `most` numbers; takes some 50 bytes for each that is added. NULL: no memory. */
struct report_table *report_table_new(size_t most);
void report_table_free(struct report_table *table); /* NULL is fine */
/* A number that is there already is left as it is. errors: ERR_TOO_BIG, ERR_NOMEM */
MUST_CHECK enum err report_table_add(struct report_table *table, const struct report_entry *entry);
/* NULL: it is not among them. Valid until the next add. */
struct report_entry *report_table_find(struct report_table *table, uint64_t number);
