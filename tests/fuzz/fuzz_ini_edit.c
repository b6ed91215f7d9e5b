/* Any bytes as an INI file, and one change of it: "section NUL key NUL value NUL file". A value "-"
 * takes the key away.
 *
 * An edit of a file without a mistake gives a file without one, in which the key has the new value
 * and every other key the one it had, in the same order. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/ini.h"
#include "conf/ini_edit.h"

#define PATH "/nonexistent/fuzz.ini"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool take(const char **at, size_t *len, const char **word)
{
    const char *end = memchr(*at, '\0', *len);
    if (end == NULL)
        return false;
    *word = *at;
    *len -= (size_t)(end - *at) + 1;
    *at = end + 1;
    return true;
}

static enum err parse(const char *bytes, size_t len, struct ini_file **ini)
{
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    enum err error = ini_read_bytes(PATH, bytes, len, ini, &mistakes);
    mistakes_fini(&mistakes);
    return error;
}

static bool is_the_key(const struct ini_entry *entry, const struct ini_change *change)
{
    return strcmp(entry->section, change->section) == 0 && strcmp(entry->key, change->key) == 0;
}

/* The others, in their order: a new key may stand between them. */
static void compare(const struct ini_file *before, const struct ini_file *after,
                    const struct ini_change *change)
{
    size_t b = 0, a = 0;
    for (;;) {
        while (b < before->n && is_the_key(&before->entries[b], change))
            b++;
        while (a < after->n && is_the_key(&after->entries[a], change))
            a++;
        if (b == before->n || a == after->n)
            break;
        assert(strcmp(before->entries[b].section, after->entries[a].section) == 0);
        assert(strcmp(before->entries[b].key, after->entries[a].key) == 0);
        assert(strcmp(before->entries[b].value, after->entries[a].value) == 0);
        b++;
        a++;
    }
    assert(b == before->n && a == after->n);
    const struct ini_entry *entry = ini_entry(after, change->section, change->key);
    assert((entry != NULL) == (change->value != NULL));
    assert(entry == NULL || strcmp(entry->value, change->value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *at = (const char *)bytes;
    struct ini_change change;
    if (!take(&at, &len, &change.section) || !take(&at, &len, &change.key) ||
        !take(&at, &len, &change.value))
        return 0;
    if (strcmp(change.value, "-") == 0)
        change.value = NULL;
    struct buf out, alone;
    struct ini_file *before = NULL, *after = NULL, *single = NULL;
    buf_init(&out, (size_t)2 * INI_FILE_MAX);
    buf_init(&alone, INI_FILE_MAX);
    char *text = malloc(len + 1); /* exact, so that a read beyond the end is seen */
    memcpy(text, at, len);
    text = realloc(text, len == 0 ? 1 : len);
    enum err error = ini_edit(text, len, &change, 1, &out);
    /* What no file may hold (bad UTF-8) is the reader's to find. */
    bool good = error == ERR_OK && ini_edit("", 0, &change, 1, &alone) == ERR_OK &&
                parse(buf_text(&alone), alone.len, &single) == ERR_OK;
    if (good && parse(text, len, &before) == ERR_OK) {
        error = parse(buf_text(&out), out.len, &after);
        assert(error == ERR_OK);
        compare(before, after, &change);
    }
    ini_free(before);
    ini_free(after);
    ini_free(single);
    buf_fini(&out);
    buf_fini(&alone);
    free(text);
    return 0;
}
