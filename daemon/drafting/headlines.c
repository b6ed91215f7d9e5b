/* See headlines.h. */
#include "drafting/headlines.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ids.h"

#define TAIL ".ini"

/* A file is the same as long as all of this is. */
struct stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    struct timespec written, changed;
};

/* A file that the INI names: its text and its list. A definition without its list is unfinished. */
struct named {
    char *path; /* NULL: it names none */
    struct stamp stamp;
};
enum { N_TEXT, N_LIST, N_COUNT };

struct entry {
    char id[DRAFT_ID_SIZE];
    bool is_read;
    struct stamp ini;
    struct named named[N_COUNT];
    char *strings; /* what the headline borrows, one after the other; NULL: it cannot be read */
    struct headline headline;
};

struct headlines {
    struct entry **entries; /* by id */
    size_t n;
    uint64_t reads;
};

enum err headlines_new(struct headlines **headlines)
{
    *headlines = calloc(1, sizeof **headlines);
    return *headlines != NULL ? ERR_OK : ERR_NOMEM;
}

static void entry_clear(struct entry *entry)
{
    for (int i = 0; i < N_COUNT; i++) {
        free(entry->named[i].path);
        entry->named[i].path = NULL;
    }
    free(entry->strings);
    entry->strings = NULL;
    entry->is_read = false;
}

static void entry_free(struct entry *entry)
{
    if (entry == NULL)
        return;
    entry_clear(entry);
    free(entry);
}

void headlines_free(struct headlines *headlines)
{
    if (headlines == NULL)
        return;
    for (size_t i = 0; i < headlines->n; i++)
        entry_free(headlines->entries[i]);
    free(headlines->entries);
    free(headlines);
}

void headlines_forget(struct headlines *headlines)
{
    for (size_t i = 0; i < headlines->n; i++)
        entry_clear(headlines->entries[i]);
}

uint64_t headlines_reads(const struct headlines *headlines)
{
    return headlines->reads;
}

/* ---- which there are ---- */

/* "ID.ini"; others lie there as well: lists, texts, what is being written. */
static bool take_id(const char *name, char id[DRAFT_ID_SIZE])
{
    size_t len = strlen(name), tail = strlen(TAIL);
    if (len <= tail || len - tail >= DRAFT_ID_SIZE || strcmp(name + len - tail, TAIL) != 0)
        return false;
    memcpy(id, name, len - tail);
    id[len - tail] = '\0';
    return ids_valid_name(id);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *const *left = a, *const *right = b;
    return strcmp((*left)->id, (*right)->id);
}

/* The place of the first entry whose id is not below `id`. */
static size_t place_of(const struct headlines *headlines, const char *id)
{
    size_t low = 0, high = headlines->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(headlines->entries[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find(const struct headlines *headlines, const char *id)
{
    size_t at = place_of(headlines, id);
    return at < headlines->n && strcmp(headlines->entries[at]->id, id) == 0 ? headlines->entries[at]
                                                                            : NULL;
}

/* errors: ERR_NOMEM */
static enum err add_entry(struct headlines *seen, size_t *room, const char *id)
{
    if (seen->n == *room) {
        size_t more = *room > 0 ? 2 * *room : 64;
        struct entry **entries = realloc(seen->entries, more * sizeof(struct entry *));
        if (entries == NULL)
            return ERR_NOMEM;
        seen->entries = entries;
        *room = more;
    }
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return ERR_NOMEM;
    memcpy(entry->id, id, strlen(id) + 1);
    seen->entries[seen->n++] = entry;
    return ERR_OK;
}

/* What is known of those that are still there goes over to `seen`; both are in order. */
static void carry_over(struct headlines *headlines, struct headlines *seen)
{
    size_t old = 0;
    for (size_t i = 0; i < seen->n; i++) {
        while (old < headlines->n && strcmp(headlines->entries[old]->id, seen->entries[i]->id) < 0)
            old++;
        if (old < headlines->n && strcmp(headlines->entries[old]->id, seen->entries[i]->id) == 0) {
            struct entry *known = headlines->entries[old];
            headlines->entries[old] = seen->entries[i];
            seen->entries[i] = known;
        }
    }
}

enum err headlines_scan(struct headlines *headlines, const struct settings *settings)
{
    struct headlines seen = {.entries = NULL};
    size_t room = 0;
    char id[DRAFT_ID_SIZE];
    enum err error = ERR_OK;
    DIR *directory = opendir(settings->daemon.campaigns_dir);
    if (directory == NULL)
        return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
    for (const struct dirent *file; error == ERR_OK && (file = readdir(directory)) != NULL;) {
        if (take_id(file->d_name, id))
            error = add_entry(&seen, &room, id);
    }
    closedir(directory);
    if (error == ERR_OK && seen.n > 0) {
        qsort(seen.entries, seen.n, sizeof(struct entry *), compare_entries);
        carry_over(headlines, &seen);
    }
    struct headlines *gone = error == ERR_OK ? headlines : &seen;
    for (size_t i = 0; i < gone->n; i++)
        entry_free(gone->entries[i]);
    free(gone->entries);
    if (error == ERR_OK) {
        headlines->entries = seen.entries;
        headlines->n = seen.n;
    }
    return error;
}

const char *headlines_before(const struct headlines *headlines, const char *id)
{
    size_t at = id[0] != '\0' ? place_of(headlines, id) : headlines->n;
    return at > 0 ? headlines->entries[at - 1]->id : NULL;
}

/* ---- what they say ---- */

/* gives: false when there is no such file; the stamp is then that of nothing */
static bool stamp_file(const char *path, struct stamp *stamp)
{
    struct stat info;
    memset(stamp, 0, sizeof *stamp);
    if (stat(path, &info) != 0)
        return false;
    stamp->device = info.st_dev;
    stamp->inode = info.st_ino;
    stamp->bytes = info.st_size;
    stamp->written = info.st_mtim;
    stamp->changed = info.st_ctim;
    return true;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           is_same_time(&a->written, &b->written) && is_same_time(&a->changed, &b->changed);
}

static const char *text_or_nothing(const char *text)
{
    return text != NULL ? text : "";
}

struct headline headline_of(const struct draft *draft)
{
    const struct definition *definition = draft->definition;
    if (definition == NULL)
        return (struct headline){
            .id = draft->id,
            .title = text_or_nothing(draft_value(draft, "campaign", "title")),
            .carrier = text_or_nothing(draft_value(draft, "campaign", "carrier")),
            .region = text_or_nothing(draft_value(draft, "campaign", "region")),
            .dedup_group = ""};
    return (struct headline){.id = draft->id,
                             .title = definition->title,
                             .carrier = definition->carrier,
                             .region = definition->region,
                             .dedup_group = definition->dedup_group,
                             .is_finished = true,
                             .class_ = definition->class_,
                             .start_ms = definition->start_ms,
                             .end_ms = definition->end_ms};
}

/* Copies what `of` borrows. errors: ERR_NOMEM */
static enum err keep(struct entry *entry, const struct headline *of)
{
    entry->headline = *of;
    entry->headline.id = entry->id;
    const char **places[] = {&entry->headline.title, &entry->headline.carrier,
                             &entry->headline.region, &entry->headline.dedup_group};
    size_t bytes = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        bytes += strlen(*places[i]) + 1;
    char *at = entry->strings = malloc(bytes);
    if (at == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        size_t len = strlen(*places[i]) + 1;
        memcpy(at, *places[i], len);
        *places[i] = at;
        at += len;
    }
    return ERR_OK;
}

static bool is_fresh(const struct entry *entry, const struct stamp *ini)
{
    struct stamp now;
    if (!entry->is_read || !is_same(&entry->ini, ini))
        return false;
    for (int i = 0; i < N_COUNT; i++) {
        const struct named *named = &entry->named[i];
        if (named->path != NULL && (stamp_file(named->path, &now), !is_same(&named->stamp, &now)))
            return false;
    }
    return true;
}

/* Takes `path`. */
static void note_named(struct named *named, char *path)
{
    named->path = path;
    if (path != NULL)
        stamp_file(path, &named->stamp);
}

static void read_entry(struct headlines *headlines, const struct settings *settings,
                       struct entry *entry)
{
    struct draft *draft = NULL;
    headlines->reads++;
    enum err error = draft_load(settings, entry->id, &draft);
    if (error == ERR_OK) {
        const struct headline headline = headline_of(draft);
        note_named(&entry->named[N_TEXT], draft_text_file(draft));
        note_named(&entry->named[N_LIST], draft->list != NULL ? strdup(draft->list) : NULL);
        error = keep(entry, &headline);
        draft_free(draft);
    }
    entry->is_read = error != ERR_NOMEM; /* what cannot be read is known, too, until it changes */
}

const struct headline *headlines_look(struct headlines *headlines, const struct settings *settings,
                                      const char *id)
{
    char path[DRAFT_PATH_SIZE];
    struct stamp ini;
    struct entry *entry = find(headlines, id);
    if (entry == NULL || draft_ini_path(settings, id, path)[0] == '\0' || !stamp_file(path, &ini))
        return NULL;
    if (!is_fresh(entry, &ini)) {
        entry_clear(entry);
        entry->ini = ini; /* taken before it is read: what is written meanwhile is another stamp */
        read_entry(headlines, settings, entry);
    }
    return entry->strings != NULL ? &entry->headline : NULL;
}
