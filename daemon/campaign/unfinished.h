/* Drafts that the console began and nobody has finished: what they lack is no mistake yet, and is
 * told apart from files that somebody believes to be right.
 *
 * The console writes a comment as the first line of what it makes:
 *
 *   # begun on the console: while something is missing, it is unfinished and not wrong
 *
 * A file with that line from which something is missing that every campaign needs (a key, its
 * value, the list) is unfinished. It cannot have been launched, or is over and its list deleted.
 * Whoever takes the line away wants to be told of everything. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "conf/ini.h"

#define UNFINISHED_LACKS_SIZE 200

/* Appends an INI's bytes with the line on top, behind a byte order mark; as they are when they have
 * it. */
void unfinished_mark(const char *bytes, size_t len, struct buf *out);
/* Is this file unfinished, which was read into `ini` with these mistakes? Writes what is missing
 * ("recipients start end"), cut to fit, "" when it is not. `ini` may be NULL: then it is not. */
bool unfinished_lacks(const struct ini_file *ini, const struct mistakes *mistakes,
                      char lacks[UNFINISHED_LACKS_SIZE]);
