/* What a list says of each definition in campaigns_dir: its title, place and times, not its text.
 * To understand a definition takes the better part of a millisecond, so that a list of two thousand
 * reads each once and then only those whose files have changed: another time, size or inode of the
 * INI, or of the text or the list that it names. */
#pragma once

#include "drafting/draft.h"

struct headlines;

struct headline { /* borrowed until the next call; strings never NULL */
    const char *id, *title, *carrier, *region, *dedup_group;
    bool is_finished; /* no mistake is left; else what it has is shown as it stands */
    enum campaign_class class_;
    int64_t start_ms, end_ms; /* 0 when unfinished */
};

MUST_CHECK enum err headlines_new(struct headlines **headlines);
void headlines_free(struct headlines *headlines); /* NULL is fine */
/* The settings are others: what was finished may be so no more, and the other way round. */
void headlines_forget(struct headlines *headlines);

/* Looks which definitions there are; reads none. errors: ERR_IO, ERR_NOMEM */
MUST_CHECK enum err headlines_scan(struct headlines *headlines, const struct settings *settings);
/* The ids of the last scan from the last to the first, which is from the newest to the oldest, as
 * they begin with their day: the one before `id`, "" for the last of all. gives: NULL at the end */
const char *headlines_before(const struct headlines *headlines, const char *id);
/* Reads the files if they have changed. gives: NULL when there is no such definition any more, or
 * none that can be read */
const struct headline *headlines_look(struct headlines *headlines, const struct settings *settings,
                                      const char *id);
/* How many were read so far, for tests. */
uint64_t headlines_reads(const struct headlines *headlines);

/* Of a draft that was just loaded; borrows from it. */
struct headline headline_of(const struct draft *draft);
