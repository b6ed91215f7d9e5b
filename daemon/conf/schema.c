/* The engine under the tables: what a row means is said here once. */
#include "conf/schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/value.h"

#define WHY_MAX_BYTES 1024
#define CANDIDATES_MAX 64

static void *field_of(const struct schema_row *row, void *into)
{
    return (char *)into + row->offset;
}

static bool is_of(const struct schema_row *row, const char *row_section)
{
    return strcmp(row->section, row_section) == 0;
}

static const struct schema_row *find_row(const struct schema_row *rows, size_t n,
                                         const char *row_section, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (is_of(&rows[i], row_section) && strcmp(rows[i].key, key) == 0)
            return &rows[i];
    }
    return NULL;
}

/* ---- loading ---- */

struct load {
    const struct schema_context *context;
    const struct schema_row *rows;
    size_t n;
    const char *row_section, *section;
    const struct ini_file *ini;
    struct mistakes *mistakes;
    void *into;
};

static void complain_unknown(const struct load *load, const struct ini_entry *entry)
{
    const char *keys[CANDIDATES_MAX], *value = mistake_showable(entry->key, entry->value);
    size_t n = 0;
    for (size_t i = 0; i < load->n; i++) {
        const struct schema_row *row = &load->rows[i];
        if (is_of(row, load->row_section)) {
            assert(n < CANDIDATES_MAX);
            keys[n++] = row->key;
        } else if (strcmp(row->key, entry->key) == 0) {
            mistakes_add(load->mistakes, false, load->ini->path, entry->line, entry->section,
                         entry->key, value, NULL,
                         "is no key of this section; it belongs into [%s%s]", row->section,
                         strcmp(row->section, "carrier") == 0 ? " NAME" : "");
            return;
        }
    }
    mistakes_add(load->mistakes, false, load->ini->path, entry->line, entry->section, entry->key,
                 value, mistake_nearest(entry->key, keys, n), "is no key of this section");
}

static bool looks_commented(const char *value)
{
    return strstr(value, " ;") != NULL || strstr(value, "\t;") != NULL ||
           strstr(value, " #") != NULL || strstr(value, "\t#") != NULL;
}

static void complain(const struct load *load, const struct schema_row *row,
                     const struct ini_entry *entry, bool warning, const char *why)
{
    bool hide = (row->flags & SCHEMA_SECRET) != 0 ||
                (row->type->hides_value && strchr(entry->value, '@') != NULL);
    bool commented = !warning && looks_commented(entry->value);
    bool formed = why[0] == '\0';
    mistakes_add(load->mistakes, warning, load->ini->path, entry->line, entry->section, entry->key,
                 hide ? NULL : entry->value, NULL, "%s%s%s", formed ? "must be " : why,
                 !formed                   ? ""
                 : row->type->form == NULL ? "another value"
                                           : row->type->form,
                 commented
                     ? " (a comment behind a value is taken for part of it: give it its own line)"
                     : "");
}

static enum err load_entry(const struct load *load, const struct schema_row *row,
                           const struct ini_entry *entry)
{
    struct buf why;
    buf_init(&why, WHY_MAX_BYTES);
    enum err error =
        row->type->parse(load->context, row, entry->value, field_of(row, load->into), &why);
    if (error != ERR_OK && error != ERR_NOMEM)
        complain(load, row, entry, false, buf_text(&why));
    else if (error == ERR_OK && why.len > 0)
        complain(load, row, entry, true, buf_text(&why));
    buf_fini(&why);
    return error == ERR_NOMEM ? error : ERR_OK;
}

/* A default is read by the same reader as a value; that it can be read is our own affair. */
static enum err load_default(const struct load *load, const struct schema_row *row)
{
    if (row->def == NULL)
        return ERR_OK;
    struct buf why;
    buf_init(&why, WHY_MAX_BYTES);
    enum err error =
        row->type->parse(load->context, row, row->def, field_of(row, load->into), &why);
    buf_fini(&why);
    assert(error == ERR_OK || error == ERR_NOMEM);
    return error;
}

static enum err load_row(const struct load *load, const struct schema_row *row)
{
    const struct ini_entry *entry = ini_entry(load->ini, load->section, row->key);
    bool empty = entry != NULL && entry->value[0] == '\0';

    if (entry != NULL && empty && (row->flags & SCHEMA_REQUIRED) != 0) {
        mistakes_add(load->mistakes, false, load->ini->path, entry->line, entry->section,
                     entry->key, NULL, NULL, "must not be empty");
        return ERR_OK;
    }
    if (entry != NULL && !(empty && (row->flags & SCHEMA_OPTIONAL) != 0))
        return load_entry(load, row, entry);
    if (entry == NULL && (row->flags & SCHEMA_REQUIRED) != 0 &&
        !ini_is_broken(load->ini, load->section, row->key)) {
        const struct ini_section *section = ini_section(load->ini, load->section);
        mistakes_add(load->mistakes, false, load->ini->path, section == NULL ? 0 : section->line,
                     load->section, row->key, NULL, NULL, "is missing");
    }
    return load_default(load, row);
}

enum err schema_load(const struct schema_context *context, const struct schema_row *rows, size_t n,
                     const char *row_section, const struct ini_file *ini, const char *section,
                     void *into, struct mistakes *mistakes)
{
    struct load load = {.context = context,
                        .rows = rows,
                        .n = n,
                        .row_section = row_section,
                        .section = section,
                        .ini = ini,
                        .mistakes = mistakes,
                        .into = into};
    for (size_t i = 0; i < ini->n; i++) {
        if (strcmp(ini->entries[i].section, section) == 0 &&
            find_row(rows, n, row_section, ini->entries[i].key) == NULL)
            complain_unknown(&load, &ini->entries[i]);
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_of(&rows[i], row_section))
            continue;
        enum err error = load_row(&load, &rows[i]);
        if (error != ERR_OK)
            return error;
    }
    return ERR_OK;
}

void schema_release(const struct schema_row *rows, size_t n, const char *row_section, void *from)
{
    for (size_t i = 0; i < n; i++) {
        if (is_of(&rows[i], row_section) && rows[i].type->release != NULL)
            rows[i].type->release(field_of(&rows[i], from));
    }
}

void schema_check_sections(const struct ini_file *ini, bool (*known)(const char *section),
                           const char *const *names, size_t n, struct mistakes *mistakes)
{
    for (size_t i = 0; i < ini->n_sections; i++) {
        const struct ini_section *section = &ini->sections[i];
        if (known(section->name))
            continue;
        char word[INI_SECTION_MAX + 1];
        snprintf(word, sizeof word, "%.*s", (int)strcspn(section->name, " \t"), section->name);
        mistakes_add(mistakes, false, ini->path, section->line, section->name, NULL, NULL,
                     mistake_nearest(word, names, n), "no such section");
    }
}

/* ---- the example ---- */

static void print_comment(const char *comment, struct buf *out)
{
    buf_add_text(out, "; ");
    for (; *comment != '\0'; comment++) {
        buf_add_char(out, *comment);
        if (*comment == '\n')
            buf_add_text(out, "; ");
    }
    buf_add_char(out, '\n');
}

static void print_range(const struct schema_row *row, struct buf *out)
{
    char least[24], most[24];
    if (row->type == &value_duration)
        buf_addf(out, "%s to %s", value_format_duration(row->min, least),
                 value_format_duration(row->max, most));
    else if (row->choices != NULL)
        for (size_t i = 0; row->choices[i] != NULL; i++)
            buf_addf(out, "%s%s", i == 0 ? "" : " | ", row->choices[i]);
    else if (row->type == &value_u32 || row->type == &value_fen || row->type == &value_size)
        buf_addf(out, "%lld to %lld", (long long)row->min, (long long)row->max);
    else if (row->type->form != NULL)
        buf_add_text(out, row->type->form);
    else if (row->min > 0)
        buf_addf(out, "%lld to %lld characters", (long long)row->min, (long long)row->max);
    else
        buf_addf(out, "up to %lld characters", (long long)row->max);
    if (row->unit != NULL)
        buf_addf(out, " (%s)", row->unit);
}

/* "; 1 to 5000 (recipients); default 1000; read again on reload" */
static void print_facts(const struct schema_row *row, struct buf *out)
{
    buf_add_text(out, "; ");
    print_range(row, out);
    if ((row->flags & SCHEMA_REQUIRED) != 0)
        buf_add_text(out, "; required");
    else if (row->def != NULL && row->def[0] != '\0')
        buf_addf(out, "; default %s", row->def);
    else if (row->shown == NULL)
        buf_add_text(out, "; may be empty");
    buf_add_text(out, (row->flags & SCHEMA_RELOADABLE) != 0 ? "; read again on reload\n"
                                                            : "; a change needs a restart\n");
}

void schema_print_example(const struct schema_row *rows, size_t n, const char *row_section,
                          struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct schema_row *row = &rows[i];
        if (!is_of(row, row_section))
            continue;
        const char *value = row->shown != NULL ? row->shown : row->def;
        print_comment(row->comment, out);
        print_facts(row, out);
        buf_addf(out, "%s =%s%s\n\n", row->key, value == NULL || value[0] == '\0' ? "" : " ",
                 value == NULL ? "" : value);
    }
}

/* ---- paths ---- */

char *schema_absolute_path(const char *directory, const char *path)
{
    char *joined;
    if (path[0] == '/')
        return strdup(path);
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    size_t size = strlen(directory) + 1 + strlen(path) + 1;
    joined = malloc(size);
    if (joined != NULL)
        snprintf(joined, size, "%s%s%s", strcmp(directory, "/") == 0 ? "" : directory, "/", path);
    return joined;
}

char *schema_directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    assert(slash != NULL);
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}
