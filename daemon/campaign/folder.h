/* All of campaigns_dir at once, as `check` looks at it: which definitions are right, what is wrong
 * with the others, and which are still being written. */
#pragma once

#include "campaign/definition.h"
#include "campaign/unfinished.h"

struct folder {
    struct definition **definitions; /* those that are right, by name */
    size_t n_definitions;
    struct folder_draft {
        char *name; /* of the file */
        char lacks[UNFINISHED_LACKS_SIZE];
    } * drafts; /* unfinished.h; by name */
    size_t n_drafts;
};

/* Reads every *.ini, and of those that are right the list's head. Appends the mistakes, those of
 * drafts left out. A folder that cannot be read is one mistake. `folder` is empty when
 * there was no memory (ERR_NOMEM); else end it with folder_fini(). */
MUST_CHECK enum err folder_read(struct folder *folder, const struct settings *settings,
                                struct mistakes *mistakes);
void folder_fini(struct folder *folder);
/* "2 drafts are being written on the console, and were not counted:" and a line each; nothing when
 * there is none. */
void folder_print_drafts(const struct folder *folder, struct buf *out);
