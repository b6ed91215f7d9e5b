/* See words.h. */
#include "api/words.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/query.h"

#define KEY_MAX_BYTES 128

/* In the order of enum words_language. */
static const char *const languages[] = {"zh-CN", "en", NULL};

struct words {
    json_t *tables[WORDS_ENGLISH + 1]; /* [WORDS_NONE] is NULL */
};

struct words *words_new(const struct files *files)
{
    struct words *words = calloc(1, sizeof *words);
    for (size_t i = 0; words != NULL && languages[i] != NULL; i++) {
        char path[KEY_MAX_BYTES];
        snprintf(path, sizeof path, "/console/i18n/%s.json", languages[i]);
        const struct buf *bytes = files_bytes(files, path);
        words->tables[i + 1] =
            bytes != NULL ? json_loadb(buf_text(bytes), bytes->len, 0, NULL) : NULL;
    }
    return words;
}

void words_free(struct words *words)
{
    for (size_t i = 0; words != NULL && i <= WORDS_ENGLISH; i++) {
        json_decref(words->tables[i]);
    }
    free(words);
}

const char *words_find(const struct words *words, enum words_language language, const char *key,
                       const char *otherwise)
{
    const json_t *table = words != NULL ? words->tables[language] : NULL;
    const char *text = json_string_value(json_object_get(table, key));
    return text != NULL ? text : otherwise;
}

const char *words_of(const struct words *words, enum words_language language, const char *prefix,
                     const char *name, const char *otherwise)
{
    char key[KEY_MAX_BYTES];
    snprintf(key, sizeof key, "%s.%s", prefix, name);
    return words_find(words, language, key, otherwise);
}

void words_column(const struct words *words, const char *column,
                  const char *names[WORDS_COLUMN_NAMES])
{
    names[0] = words_of(words, WORDS_CHINESE, "csv", column, column);
    names[1] = words_of(words, WORDS_ENGLISH, "csv", column, column);
    names[2] = column;
}

void words_fill(struct buf *out, const char *text, const char *name, const char *value)
{
    size_t len = strlen(name);
    for (const char *at = text; *at != '\0';) {
        if (at[0] == '{' && strncmp(at + 1, name, len) == 0 && at[len + 1] == '}') {
            buf_add_text(out, value);
            at += len + 2;
        } else {
            buf_add_char(out, *at++);
        }
    }
}

bool words_query(struct apicall *call, enum words_language *language)
{
    int index;
    if (!query_word(call, "lang", languages, &index)) {
        return false;
    }
    *language = (enum words_language)(index + 1);
    return true;
}
