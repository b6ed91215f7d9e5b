/* See book.h. */
#include "pledging/book.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "campaign/unfinished.h"
#include "conf/ini.h"
#include "pledge/area.h"

#define PATH_MAX_BYTES 4096

struct leaf { /* one file */
    struct leaf *next;
    char *name;
    struct timespec changed;
    off_t size;
    ino_t inode;
    bool is_seen;
    struct definition *definition; /* NULL: never right */
    struct pledge_words *words;
    struct book_page page;
};

struct book {
    const struct settings *settings;
    struct leaf *leaves;
    size_t n;
    int64_t looked_ms;
    bool has_looked;
};

enum err book_new(struct book **book)
{
    *book = calloc(1, sizeof **book);
    return *book ? ERR_OK : ERR_NOMEM;
}

static void leaf_free(struct leaf *leaf)
{
    definition_free(leaf->definition);
    pledge_words_free(leaf->words);
    free(leaf->name);
    free(leaf);
}

static void forget(struct book *book)
{
    struct leaf *leaf;
    while ((leaf = book->leaves)) {
        book->leaves = leaf->next;
        leaf_free(leaf);
    }
    book->n = 0;
    book->has_looked = false;
}

void book_free(struct book *book)
{
    if (!book)
        return;
    forget(book);
    free(book);
}

void book_set_settings(struct book *book, const struct settings *settings)
{
    forget(book);
    book->settings = settings;
}

/* ---- reading ---- */

static void log_mistakes(const struct leaf *leaf, const struct mistakes *mistakes)
{
    char quoted[512];
    for (size_t i = 0; i < mistakes->n; i++) {
        if (!mistakes->items[i].warning)
            log_line(LOG_WARN, "pledging",
                     "event=definition_wrong file=%s line=%u key=%s reason=%s", leaf->name,
                     mistakes->items[i].line, mistakes->items[i].key ? mistakes->items[i].key : "-",
                     log_quote(mistakes->items[i].reason, quoted, sizeof quoted));
    }
}

static uint64_t area_of(const struct definition *definition)
{
    uint64_t area;
    size_t len = strlen(definition->region);
    return len > 0 && !area_parse(definition->region, len, &area) ? area : AREA_UNASSIGNED;
}

/* The list of recipients is not looked at here, and may have been deleted after the launch, as it
 * should be: so that it is not missed, a file that is there stands in its place. */
static bool forget_recipients(struct ini_file *ini)
{
    for (size_t i = 0; i < ini->n; i++) {
        struct ini_entry *entry = &ini->entries[i];
        if (strcmp(entry->section, "campaign") != 0 || strcmp(entry->key, "recipients") != 0)
            continue;
        char *path = strdup(ini->path);
        if (!path)
            return false;
        free(entry->value);
        entry->value = path;
    }
    return true;
}

/* What is still being written is not wrong: nothing is said of it, so no mistakes are given. */
static enum err load(const struct book *book, const char *path, struct definition **definition,
                     struct mistakes *mistakes)
{
    char lacks[UNFINISHED_LACKS_SIZE];
    struct ini_file *ini = NULL;
    enum err error = ini_read(path, &ini, mistakes);
    if (!error && !forget_recipients(ini))
        error = ERR_NOMEM;
    if (!error)
        error = definition_load_ini(ini, book->settings, definition, mistakes);
    if (error && unfinished_lacks(ini, mistakes, lacks))
        mistakes_fini(mistakes);
    ini_free(ini);
    return error;
}

/* Reads the file; what was read before stays when it is wrong now. */
static void leaf_read(const struct book *book, struct leaf *leaf, const char *path)
{
    struct mistakes mistakes;
    struct definition *definition = NULL;
    struct pledge_words *words = NULL;
    mistakes_init(&mistakes);
    enum err error = load(book, path, &definition, &mistakes);
    if (!error && definition->takes_pledges)
        error = pledge_words_new(definition->pledge.keywords, definition->pledge.purchase_keywords,
                                 &words);
    if (error) {
        log_mistakes(leaf, &mistakes);
        definition_free(definition);
    } else {
        definition_free(leaf->definition);
        pledge_words_free(leaf->words);
        leaf->definition = definition;
        leaf->words = words;
        leaf->page =
            (struct book_page){.definition = definition,
                               .carrier = settings_carrier(book->settings, definition->carrier),
                               .words = words,
                               .area = area_of(definition)};
    }
    mistakes_fini(&mistakes);
}

static struct leaf *leaf_of(struct book *book, const char *name)
{
    struct leaf *leaf = book->leaves;
    while (leaf && strcmp(leaf->name, name) != 0)
        leaf = leaf->next;
    if (leaf || book->n >= BOOK_PAGES_MAX)
        return leaf;
    leaf = calloc(1, sizeof *leaf);
    if (!leaf || !(leaf->name = strdup(name))) {
        free(leaf);
        return NULL;
    }
    leaf->next = book->leaves;
    book->leaves = leaf;
    book->n++;
    return leaf;
}

static void look_at(struct book *book, const char *name)
{
    char path[PATH_MAX_BYTES];
    struct stat info;
    size_t len = strlen(name);
    if (len < 5 || name[0] == '.' || strcmp(name + len - 4, ".ini") != 0)
        return;
    int n = snprintf(path, sizeof path, "%s/%s", book->settings->daemon.campaigns_dir, name);
    if (n < 0 || (size_t)n >= sizeof path || stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return;
    struct leaf *leaf = leaf_of(book, name);
    if (!leaf)
        return;
    leaf->is_seen = true;
    if (leaf->changed.tv_sec == info.st_mtim.tv_sec &&
        leaf->changed.tv_nsec == info.st_mtim.tv_nsec && leaf->size == info.st_size &&
        leaf->inode == info.st_ino)
        return;
    leaf->changed = info.st_mtim;
    leaf->size = info.st_size;
    leaf->inode = info.st_ino;
    leaf_read(book, leaf, path);
}

static void drop_unseen(struct book *book)
{
    struct leaf **at = &book->leaves;
    while (*at) {
        struct leaf *leaf = *at;
        if (leaf->is_seen) {
            at = &leaf->next;
            continue;
        }
        *at = leaf->next;
        leaf_free(leaf);
        book->n--;
    }
}

void book_refresh(struct book *book, int64_t mono_ms, int64_t age_ms)
{
    if (!book->settings || (book->has_looked && mono_ms - book->looked_ms < age_ms))
        return;
    DIR *folder = opendir(book->settings->daemon.campaigns_dir);
    book->has_looked = true;
    book->looked_ms = mono_ms;
    if (!folder)
        return; /* what was read before still holds */
    for (struct leaf *leaf = book->leaves; leaf; leaf = leaf->next)
        leaf->is_seen = false;
    struct dirent *entry;
    while ((entry = readdir(folder)))
        look_at(book, entry->d_name);
    closedir(folder);
    drop_unseen(book);
}

/* ---- finding ---- */

const struct book_page *book_find(const struct book *book, const char *campaign)
{
    for (const struct leaf *leaf = book->leaves; leaf; leaf = leaf->next) {
        if (leaf->definition && strcmp(leaf->definition->id, campaign) == 0)
            return &leaf->page;
    }
    return NULL;
}

static bool is_of(const struct leaf *leaf, const char *carrier)
{
    return leaf->definition && leaf->words && leaf->page.carrier &&
           strcmp(leaf->definition->carrier, carrier) == 0;
}

const struct book_page *book_by_code(const struct book *book, const char *carrier,
                                     const char *service_code)
{
    const struct book_page *best = NULL;
    size_t best_len = 0, code_len = strlen(service_code);
    for (const struct leaf *leaf = book->leaves; leaf; leaf = leaf->next) {
        if (!is_of(leaf, carrier))
            continue;
        const char *digits = leaf->definition->pledge.add_serial;
        size_t len = strlen(digits);
        if (len > best_len && len <= code_len &&
            strcmp(service_code + code_len - len, digits) == 0) {
            best = &leaf->page;
            best_len = len;
        }
    }
    return best;
}

const struct book_page *book_any(const struct book *book, const char *carrier,
                                 bool (*see)(void *arg, const struct book_page *page), void *arg)
{
    for (const struct leaf *leaf = book->leaves; leaf; leaf = leaf->next) {
        if (is_of(leaf, carrier) && see(arg, &leaf->page))
            return &leaf->page;
    }
    return NULL;
}
