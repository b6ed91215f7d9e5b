/* What is wrong in a file, all of it, in the order of the lines: nobody should fix one mistake only to meet the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct mistake {
    char *file;
    unsigned line;   /* 0: the file as a whole */
    char *section;   /* NULL: none */
    char *key;       /* NULL: none */
    char *value;     /* NULL: none; cut to 80 bytes; never a secret */
    char *reason;    /* what is wrong and what would be right */
    char *nearest;   /* the nearest valid key or section, NULL: none is near */
    bool warning;
};

#define MISTAKES_MAX 200
struct mistakes {
    struct mistake *items;
    size_t n, errors; /* errors: those that are not warnings; both stop growing at MISTAKES_MAX */
};

void mistakes_init(struct mistakes *mistakes);
void mistakes_fini(struct mistakes *mistakes);
/* All strings are copied; NULLs as in the struct. `format` makes the reason. */
void mistakes_add(struct mistakes *mistakes, bool warning, const char *file, unsigned line, const char *section,
                  const char *key, const char *value, const char *nearest, const char *format, ...) PRINTF_LIKE(9, 10);
/* `file:line: [section] key = value: reason (did you mean "nearest"?)`, a line each. */
void mistakes_print(const struct mistakes *mistakes, struct buf *out);

/* The candidate with the smallest edit distance to `word`, if it is near enough to be meant; else NULL. */
const char *mistake_nearest(const char *word, const char *const *candidates, size_t n);
