/* See ini_edit.h. One walk over the lines: each is copied, replaced or dropped; where a section's
 * last key ends, what is new in it is put behind. */
#include "conf/ini_edit.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "conf/ini.h"
#include "conf/span.h"

#define BOM "\xEF\xBB\xBF"
#define CHANGES_MAX 128

enum kind { LINE_OTHER, LINE_SECTION, LINE_KEY };

struct line {
    struct span whole; /* with its end */
    enum kind kind;
    struct span name;   /* of the section, or of the key */
    struct span equals; /* LINE_KEY: the `=` with the blanks around it */
};

struct edit {
    const char *bytes;
    size_t len;
    const struct ini_change *changes;
    size_t n;
    bool written[CHANGES_MAX];
    const char *line_end; /* as the text has it */
    struct buf *out;
};

/* ---- lines ---- */

static void look_at_key(struct line *line, struct span text)
{
    const char *equals = memchr(text.at, '=', text.len), *end = text.at + text.len;
    if (equals == NULL)
        return;
    line->name = span_trim((struct span){text.at, (size_t)(equals - text.at)});
    if (line->name.len == 0 || memchr(line->name.at, ':', line->name.len) != NULL)
        return;
    const char *from = line->name.at + line->name.len, *to = equals + 1;
    while (to < end && span_is_blank(*to))
        to++;
    line->kind = LINE_KEY;
    line->equals = (struct span){from, (size_t)(to - from)};
}

static struct line line_at(const struct edit *edit, size_t at)
{
    const char *start = edit->bytes + at, *feed = memchr(start, '\n', edit->len - at);
    size_t whole = feed == NULL ? edit->len - at : (size_t)(feed - start) + 1;
    struct line line = {.whole = {start, whole}, .kind = LINE_OTHER};
    struct span text = {start, whole - (feed != NULL)};
    if (text.len > 0 && text.at[text.len - 1] == '\r')
        text.len--;
    if (text.len == 0 || span_is_blank(text.at[0]) || text.at[0] == ';' || text.at[0] == '#')
        return line;
    if (text.at[0] != '[') {
        look_at_key(&line, text);
        return line;
    }
    line.kind = LINE_SECTION; /* also a broken one: the keys below are not of the section above */
    const char *close = memchr(text.at, ']', text.len);
    line.name = (struct span){text.at + 1, close == NULL ? 0 : (size_t)(close - text.at - 1)};
    return line;
}

/* ---- writing ---- */

static bool is_empty(const struct buf *out)
{
    return out->len == 0 || (out->len == 3 && memcmp(out->data, BOM, 3) == 0);
}

/* The last line of a text may have no end, or half of one. */
static void end_line(struct edit *edit)
{
    if (is_empty(edit->out))
        return;
    char last = edit->out->data[edit->out->len - 1];
    if (last != '\n')
        buf_add_text(edit->out, last == '\r' ? "\n" : edit->line_end);
}

static void write_key(struct edit *edit, size_t i, struct span equals)
{
    const struct ini_change *change = &edit->changes[i];
    buf_add_text(edit->out, change->key);
    buf_add(edit->out, equals.at, equals.len);
    buf_add_text(edit->out, change->value);
    buf_add_text(edit->out, edit->line_end);
    edit->written[i] = true;
}

static void write_new(struct edit *edit, const char *section)
{
    static const struct span equals = {" = ", 3};
    for (size_t i = 0; i < edit->n; i++) {
        if (!edit->written[i] && edit->changes[i].value != NULL &&
            strcmp(edit->changes[i].section, section) == 0) {
            end_line(edit);
            write_key(edit, i, equals);
        }
    }
}

static void write_new_sections(struct edit *edit)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->written[i] || edit->changes[i].value == NULL)
            continue;
        end_line(edit);
        if (!is_empty(edit->out))
            buf_add_text(edit->out, edit->line_end);
        buf_addf(edit->out, "[%s]%s", edit->changes[i].section, edit->line_end);
        write_new(edit, edit->changes[i].section);
    }
}

/* gives: the section of a change that this line opens, NULL for any other. */
static const char *section_of(const struct edit *edit, const struct line *line)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (span_is(line->name, edit->changes[i].section))
            return edit->changes[i].section;
    }
    return NULL;
}

/* Where a section's new keys go: behind its last key before the next section, or behind its name.
 */
static size_t end_of_keys(const struct edit *edit, size_t at)
{
    size_t behind = at;
    while (at < edit->len) {
        struct line line = line_at(edit, at);
        if (line.kind == LINE_SECTION)
            break;
        at += line.whole.len;
        if (line.kind == LINE_KEY)
            behind = at;
    }
    return behind;
}

static bool goes(const struct edit *edit, const char *section)
{
    for (size_t i = 0; section != NULL && i < edit->n; i++) {
        if (edit->changes[i].key == NULL && strcmp(edit->changes[i].section, section) == 0)
            return true;
    }
    return false;
}

static void take_key(struct edit *edit, const struct line *line, const char *section)
{
    if (goes(edit, section))
        return;
    for (size_t i = 0; section != NULL && i < edit->n; i++) {
        const struct ini_change *change = &edit->changes[i];
        if (strcmp(change->section, section) != 0 || !span_is(line->name, change->key))
            continue;
        if (change->value != NULL && !edit->written[i])
            write_key(edit, i, line->equals);
        return;
    }
    buf_add(edit->out, line->whole.at, line->whole.len);
}

static void walk(struct edit *edit)
{
    const char *section = NULL;
    size_t at = 0, behind = SIZE_MAX;
    if (edit->len >= 3 && memcmp(edit->bytes, BOM, 3) == 0) {
        buf_add(edit->out, edit->bytes, 3);
        at = 3;
    }
    while (at < edit->len) {
        struct line line = line_at(edit, at);
        at += line.whole.len;
        if (line.kind == LINE_SECTION) {
            section = section_of(edit, &line);
            behind = section != NULL ? end_of_keys(edit, at) : SIZE_MAX;
        }
        if (line.kind == LINE_KEY)
            take_key(edit, &line, section);
        else if (line.kind != LINE_SECTION || !goes(edit, section))
            buf_add(edit->out, line.whole.at, line.whole.len);
        if (section != NULL && at == behind)
            write_new(edit, section);
    }
    write_new_sections(edit);
}

/* ---- what a line can hold ---- */

static bool is_plain(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return len == 0 || (!span_is_blank(text[0]) && !span_is_blank(text[len - 1]));
}

static bool is_name(const char *text, const char *never)
{
    return text[0] != '\0' && is_plain(text) && strpbrk(text, never) == NULL;
}

static bool is_key(const char *key)
{
    return is_name(key, "=:") && strchr("[;#", key[0]) == NULL;
}

static enum err check(const struct ini_change *changes, size_t n)
{
    if (n > CHANGES_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < n; i++) {
        const struct ini_change *change = &changes[i];
        bool whole = change->key == NULL;
        if (!is_name(change->section, "]") || strlen(change->section) > INI_SECTION_MAX ||
            (whole && change->value != NULL) || (!whole && !is_key(change->key)))
            return ERR_INVALID;
        if (change->value != NULL && !is_plain(change->value))
            return ERR_INVALID;
        if (change->value != NULL &&
            strlen(change->key) + strlen(change->value) + 64 > (size_t)INI_LINE_MAX)
            return ERR_TOO_BIG;
        for (size_t k = 0; k < i; k++) {
            bool same_section = strcmp(changes[k].section, change->section) == 0;
            if (same_section &&
                (whole || changes[k].key == NULL || strcmp(changes[k].key, change->key) == 0))
                return ERR_INVALID;
        }
    }
    return ERR_OK;
}

enum err ini_edit(const char *bytes, size_t len, const struct ini_change *changes, size_t n,
                  struct buf *out)
{
    enum err error = check(changes, n);
    if (error != ERR_OK)
        return error;
    struct buf own;
    buf_init(&own, INI_FILE_MAX);
    struct edit edit = {.bytes = bytes, .len = len, .changes = changes, .n = n, .out = &own};
    const char *feed = memchr(bytes, '\n', len);
    edit.line_end = feed != NULL && feed > bytes && feed[-1] == '\r' ? "\r\n" : "\n";
    walk(&edit);
    error = buf_check(&own);
    if (error == ERR_OK) {
        buf_add(out, buf_text(&own), own.len);
        error = buf_check(out);
    }
    buf_fini(&own);
    return error;
}
