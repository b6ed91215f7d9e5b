/* See problems.h. */
#include "campaign/problems.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

void problems_init(struct problems *problems)
{
    *problems = (struct problems){.kept = NULL};
}

void problems_fini(struct problems *problems)
{
    for (size_t i = 0; i < problems->n_kept; i++) {
        free((char *)problems->kept[i].value);
        free((char *)problems->kept[i].reason);
        free((char *)problems->kept[i].column);
    }
    free(problems->kept);
    *problems = (struct problems){.kept = NULL};
}

static void keep(struct problems *problems, const struct plan_problem *problem)
{
    if (problems->kept == NULL)
        problems->kept = calloc(PLAN_PROBLEMS_KEPT, sizeof *problems->kept);
    if (problems->kept == NULL)
        return;
    char *value = strdup(problem->value), *reason = strdup(problem->reason),
         *column = strdup(problem->column);
    if (value == NULL || reason == NULL || column == NULL) {
        free(value);
        free(reason);
        free(column);
        return;
    }
    problems->kept[problems->n_kept++] = (struct plan_problem){
        problem->row, value, reason, problem->word, problem->accepted, column};
    problems->n_warnings_kept += problem->accepted;
}

void problems_add(struct problems *problems, const struct plan_problem *problem)
{
    problems->n += !problem->accepted;
    bool is_one_too_many = problem->accepted && problems->n_warnings_kept == PLAN_WARNINGS_KEPT;
    if (problems->n_kept < PLAN_PROBLEMS_KEPT && !is_one_too_many)
        keep(problems, problem);
    if (problems->on_problem != NULL)
        problems->on_problem(problems->arg, problem);
}

static int compare_rows(const void *a, const void *b)
{
    const struct plan_problem *x = a, *y = b;
    if (x->row != y->row)
        return x->row > y->row ? 1 : -1;
    return x->accepted - y->accepted; /* a row is left out for one reason at most */
}

void problems_sort(struct problems *problems)
{
    if (problems->n_kept > 1)
        qsort(problems->kept, problems->n_kept, sizeof *problems->kept, compare_rows);
}

void problems_show(const char *text, size_t len, char *out, size_t size)
{
    size_t written = 0;
    for (size_t at = 0; at < len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(len - at), &c);
        const char *piece = text + at;
        size_t piece_len = n > 0 ? (size_t)n : strlen(REPLACEMENT);
        if (n <= 0) {
            piece = REPLACEMENT;
        } else if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) {
            piece = "?";
            piece_len = 1;
        }
        if (written + piece_len >= size)
            break;
        memcpy(out + written, piece, piece_len);
        written += piece_len;
        at += n > 0 ? (size_t)n : 1;
    }
    out[written] = '\0';
}
