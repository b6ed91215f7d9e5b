/* The console's texts, for what the daemon itself writes in the reader's language: files that a
 * browser downloads. One table for both, so that a page and its download say the same. Internal to
 * api/.
 *
 *   problem.landline   "这是固定电话，换成手机号"
 *   problem.empty_column   "“{column}”空着，填上内容" */
#pragma once

#include "api/apicall.h"
#include "api/files.h"

enum words_language {
    WORDS_NONE, /* nobody asked for one: the contract's words, and English sentences */
    WORDS_CHINESE,
    WORDS_ENGLISH
};
struct words;

/* From the console's files i18n/zh-CN.json and i18n/en.json; what is not there is not known.
 * gives: NULL without memory */
struct words *words_new(const struct files *files);
void words_free(struct words *words); /* NULL is fine */
/* The text of `key`; `otherwise` when there is none, and for WORDS_NONE. */
const char *words_find(const struct words *words, enum words_language language, const char *key,
                       const char *otherwise);
/* The same for the key PREFIX.NAME. */
const char *words_of(const struct words *words, enum words_language language, const char *prefix,
                     const char *name, const char *otherwise);
/* What the column of a file of ours may be called, in each language and in none. */
#define WORDS_COLUMN_NAMES 3
void words_column(const struct words *words, const char *column,
                  const char *names[WORDS_COLUMN_NAMES]);
/* Appends `text` with `value` in place of each {name}. */
void words_fill(struct buf *out, const char *text, const char *name, const char *value);
/* `lang` of the query: zh-CN or en, WORDS_NONE when absent; false: it was answered. */
bool words_query(struct apicall *call, enum words_language *language);
