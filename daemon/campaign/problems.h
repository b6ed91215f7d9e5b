/* The rows that are left out and why: all counted and told to a listener, the first
 * PLAN_PROBLEMS_KEPT kept with their words. */
#pragma once

#include "base/buf.h"
#include "campaign/plan.h"

#define PROBLEM_VALUE_MAX_BYTES 64

struct problems {
    struct plan_problem *kept; /* with strings of their own */
    size_t n_kept, n_warnings_kept;
    uint64_t n; /* without warnings */
    void (*on_problem)(void *arg, const struct plan_problem *problem);
    void *arg;
};

void problems_init(struct problems *problems);
void problems_fini(struct problems *problems);
/* Strings are borrowed. Without memory a problem is counted and told, but not kept. */
void problems_add(struct problems *problems, const struct plan_problem *problem);
/* By row: rows that opted out are known later than those around them. */
void problems_sort(struct problems *problems);

/* Writes a cell so that it can be shown: cut to `size - 1` bytes at a character, control
 * characters as ?, broken UTF-8 as U+FFFD. */
void problems_show(const char *text, size_t len, char *out, size_t size);
