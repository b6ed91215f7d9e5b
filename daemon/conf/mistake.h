/* What is wrong in a file, all of it, in the order of the lines: nobody should fix one mistake only
 * to meet the next. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct mistake {
    char *file;
    unsigned line; /* 0: the file as a whole */
    char *section; /* NULL: none */
    char *key;     /* NULL: none */
    char *value;   /* NULL: none; cut to 80 bytes; never a secret nor a text */
    char *reason;  /* what is wrong and what would be right */
    char *nearest; /* the nearest valid key or section, NULL: none is near */
    bool warning;
};

#define MISTAKES_MAX 200
struct mistakes {
    struct mistake *items;
    size_t n, errors; /* errors: those that are not warnings; both stop growing at MISTAKES_MAX */
};

void mistakes_init(struct mistakes *mistakes);
void mistakes_fini(struct mistakes *mistakes);
/* All strings are copied; NULLs as in the struct. `format` makes the reason. An error always
 * counts: when the list is full it takes the place of the last warning, and when there is no memory
 * for its words `errors` still grows. */
void mistakes_add(struct mistakes *mistakes, bool warning, const char *file, unsigned line,
                  const char *section, const char *key, const char *value, const char *nearest,
                  const char *format, ...) PRINTF_LIKE(9, 10);
/* The value of `key` as a mistake may show it. gives: `value`, or NULL when the key is, or is
 * written nearly like, one that holds a secret or the text of a message, and when the value looks
 * like a URL with a password in it. For mistakes that know no row of a table: an unknown key, a key
 * given twice. */
const char *mistake_showable(const char *key, const char *value);
/* Moves all of `from` to the end of `to`; `from` is empty then. */
void mistakes_move(struct mistakes *to, struct mistakes *from);
/* By line, line 0 first; those of one line stay in the order they were found. For the mistakes of
 * one file. */
void mistakes_sort(struct mistakes *mistakes);
/* `file:line: [section] key = value: reason (did you mean "nearest"?)`, a line each; warnings say
 * `warning: ` before the reason. Control characters in a value are shown as `?`. */
void mistakes_print(const struct mistakes *mistakes, struct buf *out);

/* The candidate with the smallest edit distance to `word` (a swap of neighbours is one edit, ASCII
 * case is none), if it is near enough to be meant: at most a third of the letters; else NULL. */
const char *mistake_nearest(const char *word, const char *const *candidates, size_t n);
