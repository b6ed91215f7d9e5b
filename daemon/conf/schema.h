/* One row a key: the table behind outreachd.ini and behind a campaign definition. A row loads its
 * key, gives its default, says whether a reload may change it, prints itself in the example, and is
 * a candidate for "did you mean".
 *
 * A row's type is a struct of functions (conf/value.h has the common ones), so that a room can add
 * its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/ini.h"
#include "conf/mistake.h"

struct schema_row;

/* What a value may depend on besides its own text. */
struct schema_context {
    const char *directory; /* of the file, absolute: relative paths start here */
    bool read_secrets;     /* false: secrets stay NULL, their files are only looked at */
    int utc_offset_min;    /* for dates */
};

struct schema_type {
    /* How a value looks, for the sentence of a mistake and for the example: "a time such as 10s, 5m
     * or 72h". NULL: any text. */
    const char *form;
    /* Sets *field. errors: any but ERR_OK is a mistake, its reason in `why` (if that stays empty:
     * "must be <form>"). ERR_OK with words in `why` is a warning. */
    enum err (*parse)(const struct schema_context *context, const struct schema_row *row,
                      const char *text, void *field, struct buf *why);
    void (*release)(
        void *field); /* frees what parse allocated, and forgets it; NULL: nothing to free */
    bool (*equal)(const void *a, const void *b);
    bool hides_value; /* a value with '@' in it may hold a password and is not shown */
};

enum schema_flags {
    SCHEMA_RELOADABLE = 1, /* may change without a restart */
    SCHEMA_SECRET = 2,     /* the value is never shown */
    SCHEMA_REQUIRED = 4,   /* absent or empty is a mistake */
    SCHEMA_OPTIONAL = 8,   /* empty is the same as absent */
};

struct schema_row {
    const char *section; /* "carrier" stands for every [carrier NAME] */
    const char *key;
    const struct schema_type *type;
    size_t offset;              /* of the field in the struct that is filled */
    int64_t min, max;           /* in the type's unit: a number, characters of a text, ms, bytes */
    const char *def;            /* as one would write it; NULL: the field stays as it is (zero) */
    const char *shown;          /* in the example instead of def; NULL: def */
    const char *unit;           /* "segments a second"; NULL: none or told by the type */
    const char *const *choices; /* of value_word and value_choice, NULL-terminated */
    unsigned flags;
    const char *comment; /* for the example; a line feed begins a new comment line */
};

/* Reads section `section` of the file (its row name is `row_section`) into `into`, which is zeroed
 * before. Unknown keys, bad values and missing required keys go to `mistakes`; keys not given get
 * their default. errors: ERR_NOMEM. Mistakes are no error here. */
MUST_CHECK enum err schema_load(const struct schema_context *context, const struct schema_row *rows,
                                size_t n, const char *row_section, const struct ini_file *ini,
                                const char *section, void *into, struct mistakes *mistakes);
/* Frees what the rows of `row_section` allocated in `from`. */
void schema_release(const struct schema_row *rows, size_t n, const char *row_section, void *from);
/* The rows of one section as an example: for each its comment lines (what it is, range, default,
 * reload), then `key = value`. */
void schema_print_example(const struct schema_row *rows, size_t n, const char *row_section,
                          struct buf *out);
/* Every [section] of the file for which `known` is false is a mistake; `names` (first words:
 * "carrier" for [carrier NAME]) are the candidates for "did you mean". */
void schema_check_sections(const struct ini_file *ini, bool (*known)(const char *section),
                           const char *const *names, size_t n, struct mistakes *mistakes);
/* `path` as an absolute path, against `directory` when it is relative. NULL: no memory. The caller
 * frees it. */
char *schema_absolute_path(const char *directory, const char *path);
/* The directory part of an absolute path. NULL: no memory. The caller frees it. */
char *schema_directory_of(const char *path);
