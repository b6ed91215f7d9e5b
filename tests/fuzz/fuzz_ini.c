/* Any bytes as an INI file: parsed, then read as outreachd.ini and as a campaign definition.
 *
 * Besides "no crash": nothing may be lost in silence. Of each line that was taken for a key, key
 * and value must stand in that very line of the file; and a file without a mistake must have as
 * many keys as lines with one. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/definition.h"
#include "conf/ini.h"
#include "conf/settings.h"

/* Relative paths of the input lead into nowhere. */
#define PATH "/nonexistent/outreachd/fuzz.ini"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct line {
    const char *at;
    size_t len;
};

static struct line line_at(const char *bytes, size_t len, unsigned number)
{
    struct line line = {bytes, 0};
    const char *end = bytes + len;
    for (unsigned i = 1; i < number; i++) {
        const char *feed = memchr(line.at, '\n', (size_t)(end - line.at));
        assert(feed != NULL);
        line.at = feed + 1;
    }
    const char *feed = memchr(line.at, '\n', (size_t)(end - line.at));
    line.len = (size_t)((feed == NULL ? end : feed) - line.at);
    return line;
}

static void check_entries(const struct ini_file *ini, const char *bytes, size_t len)
{
    for (size_t i = 0; i < ini->n; i++) {
        const struct ini_entry *entry = &ini->entries[i];
        struct line line = line_at(bytes, len, entry->line);
        size_t key = strlen(entry->key), value = strlen(entry->value);
        assert(key > 0 && key + 1 + value <= line.len);
        assert(memmem(line.at, line.len, entry->key, key) != NULL);
        assert(memmem(line.at, line.len, entry->value, value) != NULL);
        /* what is not key or value is one '=' and blanks */
        size_t other = 0;
        for (size_t k = 0; k < line.len; k++)
            other += strchr(" \t\r", line.at[k]) == NULL || line.at[k] == '\0';
        size_t given = 0;
        for (size_t k = 0; k < key + value; k++)
            given += strchr(" \t\r", k < key ? entry->key[k] : entry->value[k - key]) == NULL;
        size_t bom = entry->line == 1 && len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        assert(other == given + 1 + bom);
    }
}

static size_t count_key_lines(const char *bytes, size_t len)
{
    size_t n = 0;
    const char *at = bytes, *end = bytes + len;
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        at += 3;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at)), *stop = feed == NULL ? end : feed;
        while (at < stop && strchr(" \t\r", *at) != NULL && *at != '\0')
            at++;
        n += at < stop && *at != ';' && *at != '#' && *at != '[';
        at = feed == NULL ? end : feed + 1;
    }
    return n;
}

static struct settings *make_settings(void)
{
    static const char text[] =
        "[carrier mas]\nbase_url = http://h\nec_name = e\nap_id = a\nsign_code = s\n"
        "secret_key = x\ncallback_key = 0123456789_-abcdefgHIJ\n";
    struct mistakes mistakes;
    struct ini_file *ini;
    struct settings *settings = NULL;
    mistakes_init(&mistakes);
    enum err error = ini_read_bytes(PATH, text, sizeof text - 1, &ini, &mistakes);
    assert(error == ERR_OK);
    error = settings_load_ini(ini, true, &settings, &mistakes);
    assert(error == ERR_OK);
    ini_free(ini);
    mistakes_fini(&mistakes);
    return settings;
}

/* Mistakes of all kinds must print, as UTF-8 lines without control characters. */
static void check_print(const struct mistakes *mistakes)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    mistakes_print(mistakes, &out);
    for (size_t i = 0; i < out.len; i++)
        assert(out.data[i] == '\n' || out.data[i] == '\t' || (unsigned char)out.data[i] >= 0x20);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct settings *with;
    if (with == NULL)
        with = make_settings();
    char *text = malloc(len + 1); /* exact, so that a read beyond the end is seen */
    memcpy(text, bytes, len);
    text = realloc(text, len == 0 ? 1 : len);

    struct mistakes mistakes;
    struct ini_file *ini = NULL;
    mistakes_init(&mistakes);
    enum err error = ini_read_bytes(PATH, text, len, &ini, &mistakes);
    assert((error == ERR_OK) == (mistakes.errors == 0));
    if (ini != NULL) {
        check_entries(ini, text, len);
        if (error == ERR_OK)
            assert(ini->n == count_key_lines(text, len));
        struct settings *settings = NULL;
        size_t before = mistakes.errors;
        error = settings_load_ini(ini, false, &settings, &mistakes);
        assert((error == ERR_OK) == (settings != NULL));
        assert(before == MISTAKES_MAX || (error == ERR_OK) == (mistakes.errors == before));
        if (settings != NULL)
            error = settings_may_replace(with, settings, &mistakes);
        settings_free(settings);
        struct definition *definition = NULL;
        error = definition_load_ini(ini, with, &definition, &mistakes);
        assert((error == ERR_OK) == (definition != NULL));
        definition_free(definition);
    }
    check_print(&mistakes);
    ini_free(ini);
    mistakes_fini(&mistakes);
    free(text);
    return 0;
}
