/* A directory of its own for a test, and files in it. Removed by scratch_remove, with all that was
 * made in it. */
#pragma once

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/mistake.h"

static char scratch[64];

static inline void scratch_make(void)
{
    strcpy(scratch, "/tmp/outreach-unit-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        abort();
}

static inline int scratch_unlink(const char *path, const struct stat *info, int type,
                                 struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void scratch_remove(void)
{
    nftw(scratch, scratch_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* gives: a static string, one of four in turn. */
static inline const char *scratch_path(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static inline const char *scratch_bytes(const char *name, mode_t mode, const void *bytes,
                                        size_t len)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0 ||
        chmod(path, mode) != 0)
        abort();
    return path;
}

static inline const char *scratch_file(const char *name, mode_t mode, const char *text)
{
    return scratch_bytes(name, mode, text, strlen(text));
}

/* All mistakes as printed. The caller frees it. */
static inline char *mistakes_text(const struct mistakes *mistakes)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    mistakes_print(mistakes, &out);
    char *text = strdup(buf_text(&out));
    buf_fini(&out);
    return text;
}

/* The first mistake at this line whose reason has `words`, or NULL after printing what is there. */
static inline const struct mistake *mistake_at(const struct mistakes *mistakes, unsigned line,
                                               const char *words)
{
    for (size_t i = 0; i < mistakes->n; i++) {
        if (mistakes->items[i].line == line && strstr(mistakes->items[i].reason, words) != NULL)
            return &mistakes->items[i];
    }
    char *text = mistakes_text(mistakes);
    fprintf(stderr, "no mistake at line %u with \"%s\" among:\n%s", line, words, text);
    free(text);
    return NULL;
}
