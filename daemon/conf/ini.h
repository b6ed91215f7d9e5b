/* inih made strict: every line is counted, none is cut, joined or merged in silence (architecture,
 * "traps").
 *
 * UTF-8 with or without a BOM, LF or CRLF. `;` and `#` start a comment only as the first sign of a
 * line: after a value they belong to the value. Mistakes are: a NUL byte or another control
 * character, bad UTF-8, an over-long line (INI_LINE_MAX), a line without `=`, `:` before the `=`
 * (inih would split there), a blank before a key or a section (other readers join such a line to
 * the one above), a key outside any section, a section name over INI_SECTION_MAX, a section or key
 * given twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/mistake.h"

#define INI_LINE_MAX 16384   /* bytes of a line, without its end */
#define INI_FILE_MAX 1048576 /* bytes */
#define INI_SECTION_MAX 49   /* bytes of a section's name; inih cuts there */
#define INI_SECTIONS_MAX 4096
#define INI_ENTRIES_MAX 20000

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
    } * sections; /* also those without a key; each name once */
    size_t n_sections;
    /* Keys whose line was reported as a mistake and so is not among the entries: "missing" need not
     * be said of them too. The value is NULL. */
    struct ini_entry *broken;
    size_t n_broken;
};

/* errors: ERR_IO (the file cannot be read, or is no file, or over INI_FILE_MAX: one mistake with
 * the reason), ERR_INVALID (mistakes of form). *ini is set in every case but ERR_IO and ERR_NOMEM,
 * so that the caller can go on and report mistakes of meaning as well. */
MUST_CHECK enum err ini_read(const char *path, struct ini_file **ini, struct mistakes *mistakes);
/* The same from memory; `path` is only a name. (Not called ini_parse: inih exports a function of
 * that name.) */
MUST_CHECK enum err ini_read_bytes(const char *path, const char *bytes, size_t len,
                                   struct ini_file **ini, struct mistakes *mistakes);
void ini_free(struct ini_file *ini); /* NULL is fine */

/* NULL when there is no such section, no such key. */
const struct ini_section *ini_section(const struct ini_file *ini, const char *name);
const struct ini_entry *ini_entry(const struct ini_file *ini, const char *section, const char *key);
/* The key is in the section, but its line is a mistake that was reported. */
bool ini_is_broken(const struct ini_file *ini, const char *section, const char *key);
