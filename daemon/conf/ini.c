/* The strict reader around inih.
 *
 * inih 55 as Debian packages it has its limits in variables that a program may set: by default it
 * cuts lines at 199 bytes and reads the rest as a new key, cuts values at ` ;`, joins indented
 * lines, and takes `:` for `=`. It merges what is given twice, cuts section names at 49 bytes
 * whatever one sets, stops at a NUL, and calls back without a line number. So the work is shared:
 *
 *   - a pre-scan here looks at each physical line before inih does, reports what inih would lose or
 * alter, and keeps such a line back;
 *   - inih parses the lines that are left, one call of our reader a line, with its switches set to
 * "alter nothing";
 *   - whatever inih then gives back is compared with the bytes of that line. A libinih built with
 * other limits, or a locale in which isspace() eats half of a character, thus becomes a mistake
 * with a line number, never a shortened text.
 *
 * The switches are globals of the library; they are set before each use, always to the same values,
 * and configuration is read by one thread. */
#include "conf/ini.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utf8proc.h>

#include "conf/span.h"

#define ENTRIES_FIRST 64
#define READ_BYTES ((size_t)65536)

enum line_kind { LINE_NOTHING, LINE_SECTION, LINE_KEY };

struct feed {
    const char *bytes;
    size_t len, at;
    unsigned line; /* number of the line last taken, from 1 */

    struct ini_file *ini;
    struct mistakes *mistakes;
    size_t *section_of; /* for each entry, the index of its section; grows with ini->entries */
    size_t section;     /* index of the current one; SIZE_MAX: none, or one that cannot be used */
    bool outside_told;  /* "outside any section" was said once */
    bool bad_utf8_told;
    bool nomem, full;

    struct span key, value; /* what inih has to give back for the line it was handed */
    bool owed;              /* and has not yet */
};

/* ---- memory ---- */

static char *copy_span(struct feed *feed, struct span span)
{
    char *copy = strndup(span.at, span.len);
    if (copy == NULL)
        feed->nomem = true;
    return copy;
}

/* Capacity is a power of two from ENTRIES_FIRST on, so it need not be stored. */
static bool grow(struct feed *feed, void **items, size_t n, size_t item_size)
{
    bool at_capacity = n == 0 || (n >= ENTRIES_FIRST && (n & (n - 1)) == 0);
    if (!at_capacity)
        return true;
    size_t cap = n == 0 ? ENTRIES_FIRST : n * 2;
    void *bigger = realloc(*items, cap * item_size);
    if (bigger == NULL) {
        feed->nomem = true;
        return false;
    }
    *items = bigger;
    return true;
}

static void entries_free(struct ini_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(entries[i].section);
        free(entries[i].key);
        free(entries[i].value);
    }
    free(entries);
}

void ini_free(struct ini_file *ini)
{
    if (ini == NULL)
        return;
    entries_free(ini->entries, ini->n);
    entries_free(ini->broken, ini->n_broken);
    for (size_t i = 0; i < ini->n_sections; i++)
        free(ini->sections[i].name);
    free(ini->sections);
    free(ini->path);
    free(ini);
}

/* ---- what a line is ---- */

static bool contains(struct span span, const char *word)
{
    return memmem(span.at, span.len, word, strlen(word)) != NULL;
}

static bool is_utf8(struct span span)
{
    while (span.len > 0) {
        utf8proc_int32_t codepoint;
        size_t piece = span.len > 4 ? 4 : span.len;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)span.at,
                                              (utf8proc_ssize_t)piece, &codepoint);
        if (n <= 0)
            return false;
        span.at += n;
        span.len -= (size_t)n;
    }
    return true;
}

static const char *section_name(const struct feed *feed)
{
    return feed->section == SIZE_MAX ? NULL : feed->ini->sections[feed->section].name;
}

#define COMPLAIN(feed, ...)                                                                        \
    mistakes_add((feed)->mistakes, false, (feed)->ini->path, (feed)->line, section_name(feed),     \
                 NULL, NULL, NULL, __VA_ARGS__)

/* Faults of bytes. gives: true when the line may be read on. A comment may hold control characters,
 * but no NUL: inih would see the line end there. */
static bool check_bytes(struct feed *feed, struct span line, bool is_comment)
{
    if (memchr(line.at, '\0', line.len) != NULL) {
        COMPLAIN(feed, "the line holds a NUL byte; is this a text file in UTF-8?");
        return false;
    }
    if (!is_utf8(line)) {
        if (!feed->bad_utf8_told) /* in a GBK file every second line would say it again */
            COMPLAIN(
                feed,
                "not UTF-8 from here on; save the file as UTF-8 (not as ANSI, GBK or GB18030)");
        feed->bad_utf8_told = true;
        return false;
    }
    if (is_comment)
        return true;
    if (line.len > INI_LINE_MAX) {
        COMPLAIN(feed, "the line has %zu bytes, more than %d", line.len, INI_LINE_MAX);
        return false;
    }
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            COMPLAIN(feed, "control character 0x%02X at byte %zu of the line", c, i + 1);
            return false;
        }
    }
    if (contains(line, "\xEF\xBB\xBF")) {
        COMPLAIN(feed,
                 "an invisible byte order mark stands in the line (were two files put together?)");
        return false;
    }
    return true;
}

/* ---- sections ---- */

static void add_section(struct feed *feed, struct span name)
{
    struct ini_file *ini = feed->ini;
    feed->section = SIZE_MAX;
    for (size_t i = 0; i < ini->n_sections; i++) {
        if (strlen(ini->sections[i].name) != name.len ||
            memcmp(ini->sections[i].name, name.at, name.len) != 0)
            continue;
        feed->section = i; /* its keys are still checked, as if the two stood together */
        COMPLAIN(feed, "section [%s] is there twice; the first is on line %u",
                 ini->sections[i].name, ini->sections[i].line);
        return;
    }
    if (ini->n_sections == INI_SECTIONS_MAX) {
        if (!feed->full)
            COMPLAIN(feed, "more than %d sections", INI_SECTIONS_MAX);
        feed->full = true;
        return;
    }
    if (!grow(feed, (void **)&ini->sections, ini->n_sections, sizeof *ini->sections))
        return;
    char *copy = copy_span(feed, name);
    if (copy == NULL)
        return;
    ini->sections[ini->n_sections] = (struct ini_section){.name = copy, .line = feed->line};
    feed->section = ini->n_sections++;
}

/* gives: whether the line goes to inih. The keys under a section that cannot be used are passed
 * over without a further word. */
static bool take_section(struct feed *feed, struct span line)
{
    feed->section = SIZE_MAX;
    feed->outside_told = true;
    const char *end = memchr(line.at, ']', line.len);
    if (end == NULL) {
        COMPLAIN(feed, "the section's name has no closing ]");
        return false;
    }
    struct span name = {line.at + 1, (size_t)(end - line.at - 1)};
    if (name.len == 0 || span_trim(name).len != name.len) {
        COMPLAIN(feed, name.len == 0 ? "the section has no name" : "blanks just inside [ ]");
        return false;
    }
    if (name.len > INI_SECTION_MAX) {
        COMPLAIN(feed, "the section's name has %zu bytes, more than %d", name.len, INI_SECTION_MAX);
        return false;
    }
    if (end != line.at + line.len - 1)
        COMPLAIN(feed, "something stands after the closing ] (a comment needs its own line)");
    add_section(feed, name);
    return feed->section != SIZE_MAX;
}

/* ---- keys ---- */

static void note_broken(struct feed *feed, struct span key)
{
    struct ini_file *ini = feed->ini;
    if (feed->section == SIZE_MAX || key.len == 0 || !is_utf8(key) ||
        memchr(key.at, '\0', key.len) != NULL || ini->n_broken == INI_ENTRIES_MAX)
        return;
    if (!grow(feed, (void **)&ini->broken, ini->n_broken, sizeof *ini->broken))
        return;
    struct ini_entry entry = {
        .key = copy_span(feed, key), .section = strdup(section_name(feed)), .line = feed->line};
    ini->broken[ini->n_broken++] = entry;
    if (entry.key == NULL || entry.section == NULL)
        feed->nomem = true;
}

/* The key of a line that is a mistake, as far as there is one. */
static struct span key_of(struct span line)
{
    const char *equals = memchr(line.at, '=', line.len);
    size_t len = equals == NULL ? 0 : (size_t)(equals - line.at);
    return span_trim((struct span){line.at, len});
}

static void complain_no_equals(struct feed *feed, struct span line)
{
    const char *hint = "write key = value";
    if (contains(line, "＝"))
        hint = "it has a full-width ＝; write the plain =";
    else if (memchr(line.at, ':', line.len) != NULL)
        hint = "write key = value; `:` is not taken for `=`";
    COMPLAIN(feed, "the line has no `=`: %s (a value cannot go on in the next line)", hint);
}

static bool take_key(struct feed *feed, struct span line)
{
    const char *equals = memchr(line.at, '=', line.len);
    if (equals == NULL) {
        complain_no_equals(feed, line);
        return false;
    }
    feed->key = key_of(line);
    feed->value = span_trim((struct span){equals + 1, (size_t)(line.at + line.len - equals - 1)});
    if (feed->key.len == 0) {
        COMPLAIN(feed, "nothing stands before the `=`");
        return false;
    }
    if (memchr(feed->key.at, ':', feed->key.len) != NULL) {
        COMPLAIN(feed, "a `:` stands before the `=`; a key has none");
        return false;
    }
    if (feed->section == SIZE_MAX) {
        if (!feed->outside_told)
            COMPLAIN(feed, "a key outside any section; the first line must be a [section]");
        feed->outside_told = true;
        return false;
    }
    return true;
}

/* gives: the kind as which the line goes to inih; LINE_NOTHING when it does not. */
static enum line_kind take_line(struct feed *feed, struct span line)
{
    struct span text = span_trim(line);
    bool is_comment = text.len > 0 && (text.at[0] == ';' || text.at[0] == '#');
    if (!check_bytes(feed, line, is_comment)) {
        if (!is_comment)
            note_broken(feed, key_of(text));
        return LINE_NOTHING;
    }
    if (text.len == 0 || is_comment)
        return LINE_NOTHING;
    if (text.at != line.at) {
        COMPLAIN(feed,
                 "the line begins with a blank; keys and sections begin at the margin, and a value "
                 "cannot go on in the next line");
        note_broken(feed, key_of(text));
        return LINE_NOTHING;
    }
    if (text.at[0] == '[')
        return take_section(feed, text) ? LINE_SECTION : LINE_NOTHING;
    if (take_key(feed, text))
        return LINE_KEY;
    note_broken(feed, key_of(text));
    return LINE_NOTHING;
}

static bool next_line(struct feed *feed, struct span *line)
{
    if (feed->at >= feed->len)
        return false;
    const char *start = feed->bytes + feed->at;
    const char *end = memchr(start, '\n', feed->len - feed->at);
    size_t len = end == NULL ? feed->len - feed->at : (size_t)(end - start);
    feed->at += len + (end == NULL ? 0 : 1);
    feed->line++;
    if (len > 0 && start[len - 1] == '\r')
        len--;
    *line = (struct span){start, len};
    return true;
}

/* ---- the two ends of inih ---- */

static void check_paid(struct feed *feed)
{
    if (!feed->owed)
        return;
    feed->owed = false;
    COMPLAIN(feed, "the INI library did not read this line; it would have been lost");
    note_broken(feed, feed->key);
}

/* An ini_reader: the next line worth reading, ended as inih expects, or NULL at the end. */
static char *on_read(char *out, int out_size, void *arg)
{
    struct feed *feed = arg;
    struct span line;

    check_paid(feed);
    while (!feed->nomem && next_line(feed, &line)) {
        enum line_kind kind = take_line(feed, line);
        if (kind == LINE_NOTHING)
            continue;
        assert(line.len + 2 <= (size_t)out_size);
        feed->owed = kind == LINE_KEY;
        if (kind == LINE_SECTION) /* the name alone: what stood after it was reported */
            snprintf(out, (size_t)out_size, "[%s]\n", section_name(feed));
        else
            snprintf(out, (size_t)out_size, "%.*s\n", (int)line.len, line.at);
        return out;
    }
    return NULL;
}

/* gives: false when it was reported and must not be added. */
static bool is_new_key(struct feed *feed, const char *name, const char *value)
{
    struct ini_file *ini = feed->ini;
    for (size_t i = 0; i < ini->n; i++) {
        if (feed->section_of[i] != feed->section || strcmp(ini->entries[i].key, name) != 0)
            continue;
        mistakes_add(feed->mistakes, false, ini->path, feed->line, section_name(feed), name,
                     mistake_showable(name, value), NULL, "is there twice; the first is on line %u",
                     ini->entries[i].line);
        return false;
    }
    if (ini->n < INI_ENTRIES_MAX)
        return true;
    if (!feed->full)
        COMPLAIN(feed, "more than %d keys", INI_ENTRIES_MAX);
    feed->full = true;
    return false;
}

static void add_entry(struct feed *feed, const char *name, const char *value)
{
    struct ini_file *ini = feed->ini;
    if (!grow(feed, (void **)&ini->entries, ini->n, sizeof *ini->entries) ||
        !grow(feed, (void **)&feed->section_of, ini->n, sizeof *feed->section_of))
        return;
    struct ini_entry entry = {.section = strdup(section_name(feed)),
                              .key = strdup(name),
                              .value = strdup(value),
                              .line = feed->line};
    if (entry.section == NULL || entry.key == NULL || entry.value == NULL)
        feed->nomem = true;
    feed->section_of[ini->n] = feed->section;
    ini->entries[ini->n++] = entry;
}

/* An ini_handler. gives: 1, since mistakes are kept here and inih's own error line is not needed.
 */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
    struct feed *feed = arg;
    if (feed->nomem)
        return 1;
    assert(section_name(feed) != NULL); /* a line outside is kept back */
    if (!feed->owed || strcmp(section, section_name(feed)) != 0 || !span_is(feed->key, name) ||
        !span_is(feed->value, value)) {
        COMPLAIN(feed, "the INI library read another key or value than stands in this line");
        note_broken(feed, feed->key);
    } else if (is_new_key(feed, name, value)) {
        add_entry(feed, name, value);
    }
    feed->owed = false;
    return 1;
}

static void run_inih(struct feed *feed)
{
    ini_use_stack = false;
    ini_allow_realloc = false;
    ini_initial_alloc = ini_max_line = INI_LINE_MAX + 3; /* CR, LF, zero: see its header */
    ini_allow_multiline = false;
    ini_allow_inline_comments = false;
    ini_allow_no_value = false;
    ini_allow_bom = false; /* taken off before */
    ini_stop_on_first_error = false;
    int result = ini_parse_stream(on_read, feed, on_key, feed);
    check_paid(feed);
    if (result == -2)
        feed->nomem = true;
    else if (result != 0 && feed->mistakes->errors == 0) /* a line we took for good */
        COMPLAIN(feed, "the INI library refuses the file");
}

/* ---- the whole ---- */

static bool skip_bom(struct feed *feed)
{
    static const char utf8_bom[] = "\xEF\xBB\xBF";
    if (feed->len >= 2 &&
        (memcmp(feed->bytes, "\xFF\xFE", 2) == 0 || memcmp(feed->bytes, "\xFE\xFF", 2) == 0)) {
        COMPLAIN(feed, "the file is UTF-16 (\"Unicode\"); save it as UTF-8");
        return false;
    }
    if (feed->len >= 3 && memcmp(feed->bytes, utf8_bom, 3) == 0)
        feed->at = 3;
    return true;
}

enum err ini_read_bytes(const char *path, const char *bytes, size_t len, struct ini_file **ini,
                        struct mistakes *mistakes)
{
    *ini = NULL;
    struct mistakes own;
    mistakes_init(&own);
    struct feed feed = {.bytes = bytes,
                        .len = len,
                        .ini = calloc(1, sizeof *feed.ini),
                        .mistakes = &own,
                        .section = SIZE_MAX};
    if (feed.ini == NULL || (feed.ini->path = strdup(path)) == NULL) {
        free(feed.ini);
        return ERR_NOMEM;
    }
    if (len > INI_FILE_MAX) {
        COMPLAIN(&feed, "the file has %zu bytes, more than %d", len, INI_FILE_MAX);
        mistakes_move(mistakes, &own);
        ini_free(feed.ini);
        return ERR_IO;
    }
    if (skip_bom(&feed))
        run_inih(&feed);
    free(feed.section_of);
    if (feed.nomem) {
        mistakes_fini(&own);
        ini_free(feed.ini);
        return ERR_NOMEM;
    }
    bool faulty = own.errors > 0;
    mistakes_move(mistakes, &own);
    *ini = feed.ini;
    return faulty ? ERR_INVALID : ERR_OK;
}

/* All bytes of an ordinary file, at most one more than INI_FILE_MAX. errors: ERR_IO with errno;
 * errno 0: no ordinary file */
static enum err slurp(const char *path, struct buf *out)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return ERR_IO;
    enum err error = ERR_OK;
    if (fstat(fd, &info) != 0) {
        error = ERR_IO;
    } else if (!S_ISREG(info.st_mode)) {
        error = ERR_IO;
        errno = 0;
    }
    while (error == ERR_OK && out->len <= (size_t)INI_FILE_MAX) {
        char *room = buf_room(out, READ_BYTES);
        if (room == NULL) {
            error = ERR_NOMEM;
            break;
        }
        ssize_t n = read(fd, room, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            error = ERR_IO;
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return error;
}

enum err ini_read(const char *path, struct ini_file **ini, struct mistakes *mistakes)
{
    *ini = NULL;
    struct buf bytes;
    buf_init(&bytes, INI_FILE_MAX + 2 * READ_BYTES);
    enum err error = slurp(path, &bytes);
    if (error == ERR_OK)
        error = ini_read_bytes(path, buf_text(&bytes), bytes.len, ini, mistakes);
    else if (error == ERR_IO)
        mistakes_add(mistakes, false, path, 0, NULL, NULL, NULL, NULL, "cannot be read: %s",
                     errno == 0 ? "it is not an ordinary file" : strerror(errno));
    buf_fini(&bytes);
    return error;
}

const struct ini_section *ini_section(const struct ini_file *ini, const char *name)
{
    for (size_t i = 0; i < ini->n_sections; i++) {
        if (strcmp(ini->sections[i].name, name) == 0)
            return &ini->sections[i];
    }
    return NULL;
}

static const struct ini_entry *find(const struct ini_entry *entries, size_t n, const char *section,
                                    const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i].section, section) == 0 && strcmp(entries[i].key, key) == 0)
            return &entries[i];
    }
    return NULL;
}

const struct ini_entry *ini_entry(const struct ini_file *ini, const char *section, const char *key)
{
    return find(ini->entries, ini->n, section, key);
}

bool ini_is_broken(const struct ini_file *ini, const char *section, const char *key)
{
    return find(ini->broken, ini->n_broken, section, key) != NULL;
}
