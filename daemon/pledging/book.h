/* Inside of pledging/ only: the campaign definitions in campaigns_dir, as they lie there now.
 *
 * A definition may be written, changed or taken away while the daemon runs; nobody has to say so.
 * The folder is looked at when something asks and some time has passed, and only files that
 * changed are read. A file that has become wrong keeps what it said before. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "campaign/definition.h"
#include "conf/settings.h"
#include "pledge/parse.h"

#define BOOK_FRESH_MS 1000
#define BOOK_DOUBT_MS 10
#define BOOK_PAGES_MAX 2000 /* definitions in the folder */

struct book_page { /* borrowed: the next book_refresh may free it */
    const struct definition *definition;
    const struct settings_carrier *carrier;
    const struct pledge_words *words; /* NULL: it takes no pledges */
    uint64_t area;                    /* of the campaign; AREA_UNASSIGNED without region */
};

struct book;
MUST_CHECK enum err book_new(struct book **book);
void book_free(struct book *book); /* NULL is fine */
/* Forgets everything: the definitions are read against the settings. */
void book_set_settings(struct book *book, const struct settings *settings);
/* Looks at the folder when the last look is older than `age_ms`: BOOK_FRESH_MS, or BOOK_DOUBT_MS
 * when something was not found in the book. */
void book_refresh(struct book *book, int64_t mono_ms, int64_t age_ms);

/* NULL: there is no such definition, or it never was right. */
const struct book_page *book_find(const struct book *book, const char *campaign);
/* The one of this carrier whose extension digits end the service code; the longest digits win. */
const struct book_page *book_by_code(const struct book *book, const char *carrier,
                                     const char *service_code);
/* Those of this carrier that take pledges: calls `see` for each until it gives true. gives: that
 * page, or NULL. */
const struct book_page *book_any(const struct book *book, const char *carrier,
                                 bool (*see)(void *arg, const struct book_page *page), void *arg);
