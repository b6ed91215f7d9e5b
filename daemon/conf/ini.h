/* inih made strict: every line is counted, none is cut, joined or merged in silence (architecture, "traps").
 *
 * UTF-8 with or without a BOM, LF or CRLF. `;` and `#` start a comment only at the start of a line. A NUL byte, bad UTF-8, an
 * over-long line (INI_LINE_MAX), a line without `=`, a key outside any section, a section or key given twice are mistakes. */
#pragma once

#include <stddef.h>

#include "conf/mistake.h"

#define INI_LINE_MAX 16384
#define INI_FILE_MAX (1024 * 1024)

struct ini_entry {
    char *section; /* "carrier mas" */
    char *key;
    char *value; /* blanks around it gone, "" when empty */
    unsigned line;
};
struct ini_file {
    char *path;
    struct ini_entry *entries;
    size_t n;
    struct ini_section {
        char *name;
        unsigned line;
    } *sections; /* also those without a key */
    size_t n_sections;
};

/* errors: ERR_IO (the file cannot be read: one mistake with the reason), ERR_INVALID (mistakes of form). *ini is set in every
 * case but ERR_IO and ERR_NOMEM, so that the caller can go on and report mistakes of meaning as well. */
MUST_CHECK enum err ini_read(const char *path, struct ini_file **ini, struct mistakes *mistakes);
/* The same from memory; `path` is only a name. */
MUST_CHECK enum err ini_parse(const char *path, const char *bytes, size_t len, struct ini_file **ini,
                              struct mistakes *mistakes);
void ini_free(struct ini_file *ini);
