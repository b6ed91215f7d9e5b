/* The table of report codes: read once, sorted, searched by bisection for every report. The rows
 * point into the INI file they were read from, which is kept. */
#include "carrier/codes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/ini.h"

#define CODE_MAX_BYTES 63 /* what a report may carry, see carrier.h */

struct row {
    const char *code, *meaning, *meaning_en;
    unsigned line;
    enum report_class class_;
    bool has_class, has_meaning;
};

struct codes {
    struct ini_file *ini;
    struct row *rows;
    size_t n;
};

struct reading {
    const struct ini_file *ini;
    struct mistakes *mistakes;
};

static void complain(const struct reading *reading, const struct ini_entry *entry,
                     const char *nearest, const char *reason)
{
    mistakes_add(reading->mistakes, false, reading->ini->path, entry->line, entry->section,
                 entry->key, mistake_showable(entry->key, entry->value), nearest, "%s", reason);
}

static enum report_class read_class(const struct reading *reading, const struct ini_entry *entry)
{
    enum report_class class_ = REPORT_UNKNOWN;
    if (report_class_parse(entry->value, &class_) && class_ != REPORT_UNKNOWN)
        return class_;
    const char *words[REPORT_CLASSES];
    size_t n = 0;
    for (int i = REPORT_UNKNOWN + 1; i < REPORT_CLASSES; i++)
        words[n++] = report_class_word((enum report_class)i);
    complain(reading, entry, mistake_nearest(entry->value, words, n), "no such class of report");
    return REPORT_UNKNOWN;
}

static void read_entry(const struct reading *reading, const struct ini_entry *entry,
                       struct row *row)
{
    if (strcmp(entry->key, "class") == 0) {
        row->has_class = true;
        row->class_ = read_class(reading, entry);
    } else if (strcmp(entry->key, "meaning") == 0) {
        row->has_meaning = true;
        row->meaning = entry->value;
    } else if (strcmp(entry->key, "meaning_en") == 0) {
        row->meaning_en = entry->value;
    } else {
        const char *const keys[] = {"class", "meaning", "meaning_en"};
        complain(reading, entry, mistake_nearest(entry->key, keys, 3), "no such key");
    }
}

/* The row of a section. Entries come in the order of the sections, so it is the one of the entry
 * before or the next, nearly always. NULL: a section that was refused. */
static struct row *row_of(const struct codes *codes, size_t *at, const char *section)
{
    for (size_t i = 0; i < codes->n; i++) {
        size_t try = (*at + i) % codes->n;
        if (strcmp(codes->rows[try].code, section) == 0) {
            *at = try;
            return &codes->rows[try];
        }
    }
    return NULL;
}

static void read_rows(const struct reading *reading, struct codes *codes)
{
    size_t at = 0;
    for (size_t i = 0; i < reading->ini->n; i++) {
        struct row *row = row_of(codes, &at, reading->ini->entries[i].section);
        if (row)
            read_entry(reading, &reading->ini->entries[i], row);
    }
    for (size_t i = 0; i < reading->ini->n_broken;
         i++) { /* complained about already: not missing as well */
        const struct ini_entry *broken = &reading->ini->broken[i];
        struct row *row = broken->section ? row_of(codes, &at, broken->section) : NULL;
        if (!row)
            continue;
        row->has_class = row->has_class || strcmp(broken->key, "class") == 0;
        row->has_meaning = row->has_meaning || strcmp(broken->key, "meaning") == 0;
    }
}

static void check_row(const struct reading *reading, const struct row *row)
{
    const char *file = reading->ini->path;
    if (strlen(row->code) > CODE_MAX_BYTES)
        mistakes_add(reading->mistakes, false, file, row->line, row->code, NULL, NULL, NULL,
                     "a code has at most %d bytes", CODE_MAX_BYTES);
    if (!row->has_class)
        mistakes_add(reading->mistakes, false, file, row->line, row->code, "class", NULL, NULL,
                     "missing");
    if (!row->has_meaning)
        mistakes_add(reading->mistakes, false, file, row->line, row->code, "meaning", NULL, NULL,
                     "missing");
}

static int by_code(const void *a, const void *b)
{
    return strcasecmp(((const struct row *)a)->code, ((const struct row *)b)->code);
}

static void check_twice(const struct reading *reading, const struct codes *codes)
{
    for (size_t i = 1; i < codes->n; i++) {
        const struct row *one = &codes->rows[i - 1], *two = &codes->rows[i];
        if (by_code(one, two) == 0)
            mistakes_add(reading->mistakes, false, reading->ini->path,
                         two->line > one->line ? two->line : one->line, two->code, NULL, NULL, NULL,
                         "the same code as in line %u: upper and lower case are one",
                         two->line > one->line ? one->line : two->line);
    }
}

/* Takes `ini`. */
static enum err build(struct ini_file *ini, struct codes **out, struct mistakes *mistakes)
{
    struct reading reading = {.ini = ini, .mistakes = mistakes};
    size_t errors_before = mistakes->errors;
    struct codes *codes = calloc(1, sizeof *codes);
    if (codes)
        codes->rows = calloc(ini->n_sections + 1, sizeof *codes->rows);
    if (!codes || !codes->rows) {
        free(codes);
        ini_free(ini);
        return ERR_NOMEM;
    }
    codes->ini = ini;
    codes->n = ini->n_sections;
    for (size_t i = 0; i < codes->n; i++) {
        struct row *row = &codes->rows[i];
        *row = (struct row){.code = ini->sections[i].name,
                            .line = ini->sections[i].line,
                            .meaning = "",
                            .meaning_en = ""};
    }
    read_rows(&reading, codes);
    for (size_t i = 0; i < codes->n; i++)
        check_row(&reading, &codes->rows[i]);
    qsort(codes->rows, codes->n, sizeof *codes->rows, by_code);
    check_twice(&reading, codes);
    if (mistakes->errors > errors_before) {
        codes_free(codes);
        return ERR_INVALID;
    }
    *out = codes;
    return ERR_OK;
}

static enum err finish(enum err read, struct ini_file *ini, struct codes **out,
                       struct mistakes *mistakes)
{
    if (read && read != ERR_INVALID)
        return read;
    enum err built =
        build(ini, out, mistakes); /* also after mistakes of form: all are told at once */
    if (read && !built) {
        codes_free(*out);
        *out = NULL;
        return read;
    }
    return built;
}

enum err codes_load(const char *path, struct codes **codes, struct mistakes *mistakes)
{
    struct ini_file *ini = NULL;
    enum err read = ini_read(path, &ini, mistakes);
    return finish(read, ini, codes, mistakes);
}

enum err codes_load_bytes(const char *path, const char *bytes, size_t len, struct codes **codes,
                          struct mistakes *mistakes)
{
    struct ini_file *ini = NULL;
    enum err read = ini_read_bytes(path, bytes, len, &ini, mistakes);
    return finish(read, ini, codes, mistakes);
}

void codes_free(struct codes *codes)
{
    if (!codes)
        return;
    ini_free(codes->ini);
    free(codes->rows);
    free(codes);
}

static const struct row *find(const struct codes *codes, const char *code)
{
    struct row key = {.code = code};
    return codes->n == 0 ? NULL
                         : bsearch(&key, codes->rows, codes->n, sizeof *codes->rows, by_code);
}

enum report_class codes_class(const struct codes *codes, const char *code)
{
    const struct row *row = find(codes, code);
    return row ? row->class_ : REPORT_UNKNOWN;
}

const char *codes_meaning(const struct codes *codes, const char *code)
{
    const struct row *row = find(codes, code);
    return row ? row->meaning : "";
}

const char *codes_meaning_en(const struct codes *codes, const char *code)
{
    const struct row *row = find(codes, code);
    return row ? row->meaning_en : "";
}

size_t codes_count(const struct codes *codes)
{
    return codes->n;
}
