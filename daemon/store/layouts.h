/* The layouts of what lies in Redis: which is the newest this program knows, and the text that
 * brings an older one to it (store/layouts.lua, the steps, then store/migrate.lua, which runs
 * them). A Redis that holds a newer layout is not touched. */
#pragma once

#include "base/buf.h"

/* The layout of this version: one more than there are steps. A test holds the two together. */
#define LAYOUT_NEWEST 2
/* What the program goes by: LAYOUT_NEWEST. The build of the upgrade's test has steps of its own
 * behind ours, and another number here. */
extern const int layout_newest;

#define LAYOUTS_TEXT_MAX ((size_t)64 * 1024)
/* The text for EVAL. `out` must have LAYOUTS_TEXT_MAX as its ceiling. errors: ERR_NOMEM */
MUST_CHECK enum err layouts_text(struct buf *out);
