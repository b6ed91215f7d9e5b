/* Replies and word lists. Folding gives well-formed text without blanks at its ends; a list made of
 * one word has that word; and the weights of a text that passed text_check agree with each other.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sms/keyword.h"
#include "sms/text.h"

#define FOLDED_MAX_BYTES (1 << 20)
#define WORD_MAX_BYTES 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds)
        abort();
}

static void check_folded(const struct buf *folded)
{
    if (folded->len == 0)
        return;
    const char *s = folded->data;
    check((unsigned char)s[0] > 0x20 && (unsigned char)s[folded->len - 1] > 0x20);
    check(s[folded->len - 1] != '.' && s[folded->len - 1] != '!');
    for (size_t i = 0, at = 0; i < folded->len; i = at) {
        /* text_check stops at controls and brackets too; those may stay, broken UTF-8 may not. */
        enum text_fault fault = text_check(s + i, folded->len - i, &at);
        check(fault != TEXT_BAD_UTF8 && fault != TEXT_SURROGATE);
        if (fault == TEXT_FINE)
            break;
        at += i + 1;
        while (at < folded->len && ((unsigned char)s[at] & 0xc0) == 0x80)
            at++;
    }
}

static void check_weights(const char *text, size_t len)
{
    size_t at = 0;
    uint32_t segments_gsm = text_segments_gsm(text, len); /* takes broken text too */
    check(segments_gsm <= len);
    if (text_check(text, len, &at) != TEXT_FINE) {
        check(at < len);
        return;
    }
    uint32_t units = text_units(text, len), segments = text_segments(units);
    check(units <= len && segments <= units && (units == 0) == (segments == 0));
    check(units <= segments * TEXT_SINGLE_UNITS);
}

/* Some byte begins a blank or a comma, or might: wide blanks and commas begin with c2, e1 to e3 and
 * ef. */
static bool may_separate(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t c = data[i];
        if (c <= 0x20 || c == ',' || c == 0x7f || c == 0xc2 || (c >= 0xe1 && c <= 0xe3) ||
            c == 0xef)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_weights(text, size);

    struct buf folded;
    buf_init(&folded, FOLDED_MAX_BYTES);
    keyword_fold(text, size, &folded);
    if (folded.failed) {
        buf_fini(&folded);
        return 0;
    }
    check_folded(&folded);

    char *words = malloc(size + 1);
    check(words != NULL);
    memcpy(words, text, size);
    words[size] = '\0';
    struct keyword_set *set = NULL;
    if (strlen(words) == size && keyword_set_new(words, &set) == ERR_OK) {
        bool has = keyword_set_has(set, text, size);
        check(!has || folded.len > 0);
        if (size <= WORD_MAX_BYTES && !may_separate(data, size))
            check(has == (folded.len > 0));
        keyword_set_free(set);
    }
    free(words);
    buf_fini(&folded);
    return 0;
}
