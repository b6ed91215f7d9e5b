/* See draft.h. */
#include "drafting/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ids.h"
#include "conf/ini_edit.h"
#include "conf/schema.h"

#define CHANGES_MAX 64
#define TEXT_MARK ".text-"
#define TEXT_DIGITS 8
#define READ_BYTES ((size_t)16384)

/* What people change, in the order they are shown. */
static const struct {
    const char *key, *section;
} keys[] = {
    {"title", "campaign"},        {"region", "campaign"},     {"carrier", "campaign"},
    {"start", "campaign"},        {"end", "campaign"},        {"window", "campaign"},
    {"rate", "campaign"},         {"class", "campaign"},      {"dedup_group", "campaign"},
    {"on_ambiguous", "campaign"}, {"late_after", "campaign"}, {"signature", "message"},
    {"text", "message"},          {"optout", "message"},      {"max_segments", "message"},
    {"empty", "message"},
};
#define N_KEYS (sizeof keys / sizeof *keys)

const char *draft_section_of(const char *key)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(keys[i].key, key) == 0)
            return keys[i].section;
    }
    return NULL;
}

const char *draft_key(size_t i)
{
    return i < N_KEYS ? keys[i].key : NULL;
}

const char *draft_field_of(const struct mistake *mistake, char out[DRAFT_FIELD_SIZE])
{
    bool is_pledge = mistake->section != NULL && strcmp(mistake->section, "pledge") == 0;
    const char *key = mistake->key != NULL ? mistake->key : "";
    if (strcmp(key, "text_file") == 0)
        key = "text";
    snprintf(out, DRAFT_FIELD_SIZE, "%s%s%s", is_pledge ? "pledge" : "",
             is_pledge && key[0] != '\0' ? "." : "", key);
    return out;
}

/* ---- places ---- */

static const char *place(const struct settings *settings, const char *id, const char *tail,
                         char out[DRAFT_PATH_SIZE])
{
    int n = snprintf(out, DRAFT_PATH_SIZE, "%s/%s%s", settings->daemon.campaigns_dir, id, tail);
    if (n < 0 || n >= DRAFT_PATH_SIZE)
        out[0] = '\0';
    return out;
}

const char *draft_ini_path(const struct settings *settings, const char *id,
                           char out[DRAFT_PATH_SIZE])
{
    return place(settings, id, ".ini", out);
}

const char *draft_list_path(const struct settings *settings, const char *id,
                            char out[DRAFT_PATH_SIZE])
{
    return place(settings, id, ".csv", out);
}

/* The name is ours: ID.text-<8 hex digits>.txt, in the same directory. */
static bool is_own_text(const char *id, const char *name)
{
    size_t len = strlen(id);
    if (strncmp(name, id, len) != 0 || strncmp(name + len, TEXT_MARK, strlen(TEXT_MARK)) != 0)
        return false;
    const char *hex = name + len + strlen(TEXT_MARK);
    return strspn(hex, "0123456789abcdef") == TEXT_DIGITS && strcmp(hex + TEXT_DIGITS, ".txt") == 0;
}

/* ---- reading ---- */

/* All of an ordinary file. errors: ERR_NOT_FOUND, ERR_IO, ERR_TOO_BIG, ERR_NOMEM */
static enum err slurp(const char *path, struct buf *out)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    enum err error = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? ERR_OK : ERR_IO;
    while (error == ERR_OK) {
        char *room = buf_room(out, READ_BYTES);
        ssize_t n = room != NULL ? read(fd, room, READ_BYTES) : 0;
        if (room == NULL)
            error = out->max - out->len < READ_BYTES ? ERR_TOO_BIG : ERR_NOMEM;
        else if (n < 0 && errno != EINTR)
            error = ERR_IO;
        else if (n == 0)
            break;
        else if (n > 0)
            out->len += (size_t)n;
    }
    close(fd);
    return error;
}

static char *path_of(const struct draft *draft, const char *value)
{
    char *directory = schema_directory_of(draft->path);
    char *path = directory != NULL ? schema_absolute_path(directory, value) : NULL;
    free(directory);
    return path;
}

/* The text as the definition reads it, also when something else is wrong. */
static enum err read_text(struct draft *draft)
{
    const char *text = draft_value(draft, "message", "text"),
               *file = draft_value(draft, "message", "text_file");
    if (draft->definition != NULL)
        text = draft->definition->text;
    if (file != NULL && file[0] != '\0' && is_own_text(draft->id, file))
        draft->text_path = path_of(draft, file);
    if (draft->definition != NULL || file == NULL || file[0] == '\0') {
        draft->text = strdup(text != NULL ? text : "");
        return draft->text != NULL ? ERR_OK : ERR_NOMEM;
    }
    struct buf bytes;
    buf_init(&bytes, (size_t)2 * DRAFT_TEXT_MAX_BYTES + READ_BYTES);
    char *path = path_of(draft, file);
    enum err error = path != NULL ? slurp(path, &bytes) : ERR_NOMEM;
    bool good = error == ERR_OK && strlen(buf_text(&bytes)) == bytes.len;
    while (good && bytes.len > 0 && strchr("\r\n", bytes.data[bytes.len - 1]) != NULL)
        bytes.data[--bytes.len] = '\0';
    draft->text = strdup(good ? buf_text(&bytes) : ""); /* what is wrong is among the mistakes */
    buf_fini(&bytes);
    free(path);
    return draft->text != NULL && error != ERR_NOMEM ? ERR_OK : ERR_NOMEM;
}

static void set_version(struct draft *draft)
{
    const struct digest_part parts[] = {{buf_text(&draft->bytes), draft->bytes.len},
                                        {"", 1}, /* an INI holds no NUL */
                                        {draft->text, strlen(draft->text)}};
    digest_sha256_hex(parts, sizeof parts / sizeof *parts, draft->version);
}

static enum err understand(struct draft *draft, const struct settings *settings)
{
    enum err error = ini_read_bytes(draft->path, buf_text(&draft->bytes), draft->bytes.len,
                                    &draft->ini, &draft->mistakes);
    if (draft->ini == NULL)
        return error == ERR_NOMEM ? error : ERR_IO;
    enum err meaning =
        definition_load_ini(draft->ini, settings, &draft->definition, &draft->mistakes);
    if (error != ERR_OK && draft->definition != NULL) { /* mistakes of form count as well */
        definition_free(draft->definition);
        draft->definition = NULL;
    }
    if (error == ERR_NOMEM || meaning == ERR_NOMEM)
        return ERR_NOMEM;
    mistakes_sort(&draft->mistakes);
    const char *list = draft_value(draft, "campaign", "recipients");
    if (list != NULL && list[0] != '\0' && (draft->list = path_of(draft, list)) == NULL)
        return ERR_NOMEM;
    error = read_text(draft);
    if (error == ERR_OK)
        set_version(draft);
    return error;
}

static enum err begin(const struct settings *settings, const char *id, struct draft **draft)
{
    char path[DRAFT_PATH_SIZE];
    if (!ids_valid_name(id) || draft_ini_path(settings, id, path)[0] == '\0')
        return ERR_INVALID;
    struct draft *made = calloc(1, sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    snprintf(made->id, sizeof made->id, "%s", id);
    buf_init(&made->bytes, INI_FILE_MAX + 2 * READ_BYTES);
    mistakes_init(&made->mistakes);
    made->path = strdup(path);
    *draft = made;
    return made->path != NULL ? ERR_OK : ERR_NOMEM;
}

enum err draft_from_bytes(const struct settings *settings, const char *id, const char *bytes,
                          size_t len, struct draft **draft)
{
    struct draft *made = NULL;
    enum err error = begin(settings, id, &made);
    if (error == ERR_OK) {
        buf_add(&made->bytes, bytes, len);
        error = buf_check(&made->bytes);
    }
    if (error == ERR_OK)
        error = understand(made, settings);
    if (error != ERR_OK) {
        draft_free(made);
        return error;
    }
    *draft = made;
    return ERR_OK;
}

enum err draft_load(const struct settings *settings, const char *id, struct draft **draft)
{
    struct draft *made = NULL;
    enum err error = begin(settings, id, &made);
    if (error == ERR_OK)
        error = slurp(made->path, &made->bytes);
    if (error == ERR_OK)
        error = understand(made, settings);
    if (error != ERR_OK) {
        draft_free(made);
        return error;
    }
    *draft = made;
    return ERR_OK;
}

void draft_free(struct draft *draft)
{
    if (draft == NULL)
        return;
    buf_fini(&draft->bytes);
    ini_free(draft->ini);
    definition_free(draft->definition);
    mistakes_fini(&draft->mistakes);
    free(draft->path);
    free(draft->text);
    free(draft->text_path);
    free(draft->list);
    free(draft);
}

const char *draft_value(const struct draft *draft, const char *section, const char *key)
{
    const struct ini_entry *entry = draft->ini != NULL ? ini_entry(draft->ini, section, key) : NULL;
    return entry != NULL ? entry->value : NULL;
}

char *draft_text_file(const struct draft *draft)
{
    const char *file = draft_value(draft, "message", "text_file");
    return file != NULL && file[0] != '\0' ? path_of(draft, file) : NULL;
}

/* ---- changing ---- */

/* Blanks and line ends off both ends, CRLF as LF. gives: the copy, NULL without memory */
static char *clean_value(const char *value)
{
    static const char blank[] = " \t\r\n";
    value += strspn(value, blank);
    size_t len = strlen(value), n = 0;
    while (len > 0 && strchr(blank, value[len - 1]) != NULL)
        len--;
    char *copy = malloc(len + 1);
    for (size_t i = 0; copy != NULL && i < len; i++) {
        if (value[i] != '\r' || value[i + 1] != '\n')
            copy[n++] = value[i];
    }
    if (copy != NULL)
        copy[n] = '\0';
    return copy;
}

/* Written under another name and renamed: a file of this name is whole. */
static enum err write_text(const struct draft *draft, const char *text, const char *name)
{
    char *path = path_of(draft, name), temporary[DRAFT_PATH_SIZE];
    if (path == NULL)
        return ERR_NOMEM;
    size_t len = strlen(text);
    char random[17];
    ids_random_hex(random, 8);
    int n = snprintf(temporary, sizeof temporary, "%.*s/.draft-%s",
                     (int)(strrchr(path, '/') - path), path, random);
    int fd = n < (int)sizeof temporary
                 ? open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                 : -1;
    bool good = fd >= 0 && fchmod(fd, DRAFT_FILE_MODE) == 0 &&
                write(fd, text, len) == (ssize_t)len && write(fd, "\n", 1) == 1;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    good = good && rename(temporary, path) == 0;
    if (!good && fd >= 0)
        unlink(temporary);
    free(path);
    return good ? ERR_OK : ERR_IO;
}

struct changing {
    const struct draft *draft;
    const struct settings *settings;
    struct ini_change lines[CHANGES_MAX + 1];
    size_t n;
    char text_name[DRAFT_ID_SIZE + 32];
    char *field;
    struct buf *reason;
};

static enum err refuse(struct changing *changing, enum err error, const char *section,
                       const char *key, const char *reason)
{
    char word[DRAFT_FIELD_SIZE];
    union {
        const char *in;
        char *out;
    } s = {section}, k = {key}; /* a mistake owns its strings; this one only lends them */
    const struct mistake mistake = {.section = s.out, .key = k.out};
    snprintf(changing->field, DRAFT_FIELD_SIZE, "%s", draft_field_of(&mistake, word));
    buf_add_text(changing->reason, reason);
    return error;
}

static void add_line(struct changing *changing, const char *section, const char *key,
                     const char *value)
{
    changing->lines[changing->n++] = (struct ini_change){section, key, value};
}

/* One text in one of two keys. */
static enum err add_text(struct changing *changing, const char *value)
{
    char digest[DIGEST_SHA256_HEX];
    bool in_file = value != NULL && strchr(value, '\n') != NULL;
    if (in_file) {
        if (strlen(value) >= DRAFT_TEXT_MAX_BYTES)
            return refuse(changing, ERR_TOO_BIG, "message", "text", "the text is too long");
        const struct digest_part part = {value, strlen(value)};
        digest_sha256_hex(&part, 1, digest);
        snprintf(changing->text_name, sizeof changing->text_name, "%s" TEXT_MARK "%.*s.txt",
                 changing->draft->id, TEXT_DIGITS, digest);
        enum err error = write_text(changing->draft, value, changing->text_name);
        if (error != ERR_OK)
            return refuse(changing, error, "message", "text", "the text cannot be written to disk");
    }
    add_line(changing, "message", "text", in_file ? NULL : value);
    add_line(changing, "message", "text_file", in_file ? changing->text_name : NULL);
    return ERR_OK;
}

static enum err add_change(struct changing *changing, const struct draft_change *change,
                           const char *value)
{
    if (change->key != NULL && strcmp(change->section, "message") == 0 &&
        strcmp(change->key, "text") == 0)
        return add_text(changing, value);
    if (value != NULL && strchr(value, '\n') != NULL)
        return refuse(changing, ERR_INVALID, change->section, change->key,
                      "a line break cannot stand here");
    add_line(changing, change->section, change->key, value);
    return ERR_OK;
}

/* The first line of the edited text that cannot hold its value tells which it is. */
static enum err edit(struct changing *changing, struct buf *out)
{
    const struct buf *bytes = &changing->draft->bytes;
    enum err error = ini_edit(buf_text(bytes), bytes->len, changing->lines, changing->n, out);
    if (error != ERR_INVALID && error != ERR_TOO_BIG)
        return error;
    for (size_t i = 0; i < changing->n; i++) {
        struct buf alone;
        buf_init(&alone, INI_FILE_MAX);
        enum err one = ini_edit("", 0, &changing->lines[i], 1, &alone);
        buf_fini(&alone);
        if (one != ERR_OK)
            return refuse(changing, one, changing->lines[i].section, changing->lines[i].key,
                          one == ERR_TOO_BIG ? "it is too long"
                                             : "a control character cannot stand here");
    }
    return refuse(changing, error, "", "", "the file would be too long");
}

static bool is_of(const struct mistake *mistake, const struct ini_change *line)
{
    return mistake->section != NULL && mistake->key != NULL &&
           strcmp(mistake->section, line->section) == 0 && strcmp(mistake->key, line->key) == 0;
}

/* Is what was given right? What else is wrong may wait. */
static enum err judge(struct changing *changing, const struct draft *next)
{
    for (size_t i = 0; i < changing->n; i++) {
        const struct ini_change *line = &changing->lines[i];
        bool is_theirs = line->key != NULL && (strcmp(line->section, "pledge") == 0 ||
                                               draft_section_of(line->key) != NULL ||
                                               strcmp(line->key, "text_file") == 0);
        if (line->value == NULL || !is_theirs)
            continue;
        for (size_t m = 0; m < next->mistakes.n; m++) {
            const struct mistake *mistake = &next->mistakes.items[m];
            if (!mistake->warning && is_of(mistake, line))
                return refuse(changing, ERR_INVALID, line->section, line->key, mistake->reason);
        }
        if (next->ini == NULL || ini_is_broken(next->ini, line->section, line->key))
            return refuse(changing, ERR_INVALID, line->section, line->key,
                          "a character of it cannot stand in the file");
    }
    return ERR_OK;
}

static void discard(const struct settings *settings, const char *id, const char *text_path)
{
    struct draft *saved = NULL;
    enum err error = draft_load(settings, id, &saved);
    bool shared = error != ERR_OK && error != ERR_NOT_FOUND;
    if (error == ERR_OK)
        shared = saved->text_path != NULL && strcmp(saved->text_path, text_path) == 0;
    draft_free(saved);
    if (!shared)
        unlink(text_path);
}

void draft_discard(const struct settings *settings, const struct draft *next)
{
    if (next->text_path != NULL)
        discard(settings, next->id, next->text_path);
}

enum err draft_change(const struct draft *draft, const struct settings *settings,
                      const struct draft_change *changes, size_t n, struct draft **next,
                      char field[DRAFT_FIELD_SIZE], struct buf *reason)
{
    struct changing changing = {
        .draft = draft, .settings = settings, .field = field, .reason = reason};
    char *values[CHANGES_MAX] = {NULL};
    struct draft *made = NULL;
    struct buf bytes;
    field[0] = '\0';
    if (n >= CHANGES_MAX - 1)
        return refuse(&changing, ERR_TOO_BIG, "", "", "too many fields in one call");
    buf_init(&bytes, INI_FILE_MAX);
    enum err error = ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        if (changes[i].value != NULL)
            values[i] = clean_value(changes[i].value);
        error = changes[i].value != NULL && values[i] == NULL
                    ? ERR_NOMEM
                    : add_change(&changing, &changes[i], values[i]);
    }
    if (error == ERR_OK)
        error = edit(&changing, &bytes);
    if (error == ERR_OK)
        error = draft_from_bytes(settings, draft->id, buf_text(&bytes), bytes.len, &made);
    if (error == ERR_OK)
        error = judge(&changing, made);
    if (error == ERR_OK) {
        *next = made;
    } else {
        char path[DRAFT_PATH_SIZE] = "";
        draft_free(made);
        if (changing.text_name[0] != '\0')
            discard(settings, draft->id, place(settings, changing.text_name, "", path));
    }
    buf_fini(&bytes);
    for (size_t i = 0; i < n; i++)
        free(values[i]);
    return error;
}
