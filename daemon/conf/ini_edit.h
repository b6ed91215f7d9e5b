/* Changes single keys of an INI text and leaves everything else as somebody wrote it: comments,
 * the order of lines, blanks around `=`, unknown keys, CRLF, a byte order mark.
 *
 * A line is taken for a section or a key as conf/ini.h takes it. What that reader reports as a
 * mistake (a line that begins with a blank, one without `=`) is left alone. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

struct ini_change {
    const char *section;
    const char *key;   /* NULL: the section goes, its keys and its name; comments stay */
    const char *value; /* NULL: the key's line goes */
};

/* Appends the changed text. A key that is there keeps its place (the first, if it stands there
 * twice: the others go); a new one goes behind the last key of its section; a new section to the
 * end. errors: ERR_INVALID (a section, key or value that no line can hold: a control character, a
 * blank at an end, a `=`, `:` or `[` that would be read as something else; no two changes may be
 * of one key), ERR_TOO_BIG (a line over INI_LINE_MAX), ERR_NOMEM. Nothing was appended then. */
MUST_CHECK enum err ini_edit(const char *bytes, size_t len, const struct ini_change *changes,
                             size_t n, struct buf *out);
