/* Entries in the order they came, and an index of them by a hash of the number, open addressing, at
 * most half full. */
#include "api/report_table.h"

#include <stdlib.h>

#include "base/digest.h"

#define ENTRIES_FIRST 1024

struct report_table {
    struct report_entry *entries;
    size_t n, cap, most;
    uint32_t *index; /* place of an entry and one; 0: free */
    size_t mask;
};

struct report_table *report_table_new(size_t most)
{
    struct report_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return NULL;
    }
    size_t size = 16;
    while (size < 2 * most + 2) {
        size *= 2;
    }
    table->most = most;
    table->mask = size - 1;
    table->index = calloc(size, sizeof *table->index);
    if (table->index == NULL) {
        free(table);
        return NULL;
    }
    return table;
}

void report_table_free(struct report_table *table)
{
    if (table != NULL) {
        free(table->entries);
        free(table->index);
        free(table);
    }
}

/* Where the number is, or would be. */
static uint32_t *slot_of(struct report_table *table, uint64_t number)
{
    size_t at = (size_t)digest_mix64(number) & table->mask;
    while (table->index[at] != 0 && table->entries[table->index[at] - 1].number != number) {
        at = (at + 1) & table->mask;
    }
    return &table->index[at];
}

struct report_entry *report_table_find(struct report_table *table, uint64_t number)
{
    uint32_t place = *slot_of(table, number);
    return place != 0 ? &table->entries[place - 1] : NULL;
}

enum err report_table_add(struct report_table *table, const struct report_entry *entry)
{
    uint32_t *slot = slot_of(table, entry->number);
    if (*slot != 0) {
        return ERR_OK;
    }
    if (table->n == table->most) {
        return ERR_TOO_BIG;
    }
    if (table->n == table->cap) {
        size_t cap = table->cap == 0 ? ENTRIES_FIRST : 2 * table->cap;
        struct report_entry *grown = realloc(table->entries, cap * sizeof *grown);
        if (grown == NULL) {
            return ERR_NOMEM;
        }
        table->entries = grown;
        table->cap = cap;
    }
    table->entries[table->n++] = *entry;
    *slot = (uint32_t)table->n;
    return ERR_OK;
}
