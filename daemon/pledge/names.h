/* Names on public lists, as their owners allow: `张*`, `欧阳**`, organisations in full, 爱心人士 for those who want none. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

enum name_shown { NAME_FULL, NAME_MASKED, NAME_ANONYMOUS };
const char *name_shown_word(enum name_shown shown); /* "name", "masked", "anonymous" */
bool name_shown_parse(const char *word, enum name_shown *shown);

/* Appends what may be printed. A masked person keeps the surname (compound ones whole) and one * a further character; a masked
 * name of one character is a * alone; a name in Latin letters keeps its first letter. Organisations are printed in full unless
 * anonymous. */
void name_public(const char *name, bool is_organisation, enum name_shown shown, struct buf *out);
