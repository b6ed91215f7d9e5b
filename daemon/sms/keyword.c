/* Reply words. Texts come from handsets: full-width letters, a stray space, a closing full stop, an
 * invisible character that an input method left. Folding takes these away and nothing else, and
 * only the whole text counts. */
#include "sms/keyword.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#define WORDS_MAX_BYTES 65536
#define TEXT_MAX_BYTES 1024 /* far beyond any word; spares folding long replies */

#define IDEOGRAPHIC_STOP "\xe3\x80\x82" /* 。 */

static bool is_blank(utf8proc_int32_t c)
{
    if (c <= 0x20 || c == 0x7f || c == 0x85)
        return true;
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
           category == UTF8PROC_CATEGORY_ZP;
}

/* After NFKC the blanks of interest are ASCII, so the ends can be trimmed by bytes. */
static void add_trimmed(struct buf *out, const char *s, size_t len)
{
    while (len > 0 && (unsigned char)s[0] <= 0x20) {
        s++;
        len--;
    }
    for (;;) {
        if (len > 0 &&
            ((unsigned char)s[len - 1] <= 0x20 || s[len - 1] == '.' || s[len - 1] == '!'))
            len--;
        else if (len >= 3 && memcmp(s + len - 3, IDEOGRAPHIC_STOP, 3) == 0)
            len -= 3;
        else
            break;
    }
    buf_add(out, s, len);
}

void keyword_fold(const char *text, size_t len, struct buf *out)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map(
        (const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &folded,
        UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    if (n == UTF8PROC_ERROR_NOMEM)
        out->failed = true;
    else if (n > 0)
        add_trimmed(out, (const char *)folded, (size_t)n);
    free(folded);
}

/* The folded words, each followed by a line feed, which no folded word holds. */
struct keyword_set {
    struct buf words;
};

static bool is_separator(utf8proc_int32_t c)
{
    return is_blank(c) || c == ',' || c == 0xff0c || c == 0x3001; /* ，、 */
}

static void add_word(struct keyword_set *set, const char *word, size_t len)
{
    size_t before = set->words.len;
    keyword_fold(word, len, &set->words);
    if (set->words.len > before) /* a word of closing punctuation only is no word */
        buf_add_char(&set->words, '\n');
}

static enum err add_words(struct keyword_set *set, const char *words)
{
    size_t len = strlen(words), start = 0, at = 0;
    while (at < len) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)words + at,
                                              (utf8proc_ssize_t)(len - at), &c);
        if (n <= 0)
            return ERR_INVALID;
        if (is_separator(c)) {
            add_word(set, words + start, at - start);
            start = at + (size_t)n;
        }
        at += (size_t)n;
    }
    add_word(set, words + start, len - start);
    return buf_check(&set->words);
}

enum err keyword_set_new(const char *words, struct keyword_set **set)
{
    struct keyword_set *made = malloc(sizeof *made);
    if (made == NULL)
        return ERR_NOMEM;
    buf_init(&made->words, WORDS_MAX_BYTES);
    enum err error = add_words(made, words);
    if (error != ERR_OK) {
        keyword_set_free(made);
        return error;
    }
    *set = made;
    return ERR_OK;
}

void keyword_set_free(struct keyword_set *set)
{
    if (set == NULL)
        return;
    buf_fini(&set->words);
    free(set);
}

static bool holds(const struct keyword_set *set, const char *folded, size_t len)
{
    const char *at = buf_text(&set->words), *end = at + set->words.len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if ((size_t)(stop - at) == len && memcmp(at, folded, len) == 0)
            return true;
        at = stop + 1;
    }
    return false;
}

bool keyword_set_has(const struct keyword_set *set, const char *text, size_t len)
{
    if (len == 0 || len > TEXT_MAX_BYTES)
        return false;
    struct buf folded;
    buf_init(&folded, WORDS_MAX_BYTES);
    keyword_fold(text, len, &folded);
    bool found = !folded.failed && folded.len > 0 && holds(set, folded.data, folded.len);
    buf_fini(&folded);
    return found;
}
