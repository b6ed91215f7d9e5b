/* A pledge in a text message: `捐100`, `认捐 100元`, `JK 200 张三`, `捐一百元`, `捐1.5万`, `认捐大米20袋`, `捐20袋大米 李四`,
 * `认捐服务8小时`.
 *
 * perhaps a few polite words (我要, 本人, 我家也想), keyword, then an amount of money or a thing with quantity and unit, then perhaps a
 * name. Anything else is not understood: better one help reply than a wrong figure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum pledge_kind { PLEDGE_CASH, PLEDGE_GOODS, PLEDGE_PURCHASE, PLEDGE_SERVICE };
#define PLEDGE_KINDS 4
const char *pledge_kind_word(enum pledge_kind kind); /* "cash", "goods", "purchase", "service" */
bool pledge_kind_parse(const char *word, enum pledge_kind *kind);

#define PLEDGE_ITEM_SIZE 64
#define PLEDGE_UNIT_SIZE 16
#define PLEDGE_NAME_SIZE 64

struct pledge_text {
    enum pledge_kind kind;
    int64_t fen;         /* of cash and purchase */
    int64_t thousandths; /* of goods and service: the quantity */
    char item[PLEDGE_ITEM_SIZE], unit[PLEDGE_UNIT_SIZE];
    char name[PLEDGE_NAME_SIZE]; /* "" when none was given */
};

enum pledge_verdict {
    PLEDGE_UNDERSTOOD,
    PLEDGE_NO_KEYWORD,  /* it is about something else: no help reply */
    PLEDGE_MENTIONED,   /* a keyword stands behind other words (请问怎么捐, 我不捐): never a pledge */
    PLEDGE_NOT_EXACT,   /* the amount is not exact in fen, or malformed */
    PLEDGE_OUT_OF_RANGE,
    PLEDGE_UNCLEAR      /* a keyword, and then nothing we are sure of */
};

struct pledge_words;
/* `keywords` and `purchase_keywords` (以购代捐) are lists as in sms/keyword.h. errors: ERR_NOMEM, ERR_INVALID (not UTF-8, a
 * list of over 512 bytes, or more than the two limits below) */
MUST_CHECK enum err pledge_words_new(const char *keywords, const char *purchase_keywords, struct pledge_words **words);
void pledge_words_free(struct pledge_words *words);
#define PLEDGE_WORDS_MAX 64
#define PLEDGE_WORD_MAX_BYTES 47
/* The word at `i`, folded, in the order of the lists, those of purchase last; NULL behind the last. */
const char *pledge_words_at(const struct pledge_words *words, size_t i, bool *purchase);

/* `text` as it came in. */
enum pledge_verdict pledge_parse(const struct pledge_words *words, const char *text, size_t len, struct pledge_text *pledge);
