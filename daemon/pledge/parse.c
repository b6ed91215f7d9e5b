/* Reading a pledge out of a text message. The text is NFKC-folded first, so that full-width digits,
 * letters and blanks are plain ones; from there on it is a walk: keyword, amount or thing, name,
 * end. */
#include "pledge/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <utf8proc.h>

#include "pledge/leftover.h"
#include "pledge/money.h"

#define TEXT_MAX 512
#define WORDS_MAX PLEDGE_WORDS_MAX
#define WORD_SIZE (PLEDGE_WORD_MAX_BYTES + 1)

struct pledge_words {
    struct {
        char text[WORD_SIZE];
        size_t len;
        bool purchase;
    } words[WORDS_MAX];
    size_t n;
};

static const char *const kind_words[PLEDGE_KINDS] = {"cash", "goods", "purchase", "service"};

const char *pledge_kind_word(enum pledge_kind kind)
{
    return kind_words[kind];
}

bool pledge_kind_parse(const char *word, enum pledge_kind *kind)
{
    for (size_t i = 0; i < PLEDGE_KINDS; i++) {
        if (strcmp(word, kind_words[i]) == 0) {
            *kind = (enum pledge_kind)i;
            return true;
        }
    }
    return false;
}

/* NFKC without case folding, invisible characters gone. false: not UTF-8, or too long. */
static bool fold(const char *text, size_t len, char *out, size_t size)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_IGNORE;
    if (len > TEXT_MAX)
        return false;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &folded, options);
    bool fits = n >= 0 && (size_t)n < size;
    if (fits)
        memcpy(out, folded, (size_t)n + 1);
    free(folded);
    return fits;
}

static bool is_gap(const char *p, size_t *bytes)
{
    static const char *const gaps[] = {" ", "\t", "\n", "\r", ",", ";",
                                       ":", "、", "。", "!",  "+", "."};
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++) {
        size_t n = strlen(gaps[i]);
        if (strncmp(p, gaps[i], n) == 0) {
            *bytes = n;
            return true;
        }
    }
    return false;
}

static const char *skip_gaps(const char *p)
{
    size_t bytes = 0;
    while (*p && is_gap(p, &bytes))
        p += bytes;
    return p;
}

static enum err add_words(struct pledge_words *words, const char *list, bool purchase)
{
    char folded[4 * TEXT_MAX];
    if (!fold(list, strlen(list), folded, sizeof folded))
        return ERR_INVALID;
    for (const char *p = skip_gaps(folded); *p; p = skip_gaps(p)) {
        size_t n = 0, bytes = 0;
        while (p[n] && !is_gap(p + n, &bytes))
            n++;
        if (n >= WORD_SIZE || words->n == WORDS_MAX)
            return ERR_INVALID;
        memcpy(words->words[words->n].text, p, n);
        words->words[words->n].text[n] = '\0';
        words->words[words->n].len = n;
        words->words[words->n++].purchase = purchase;
        p += n;
    }
    return ERR_OK;
}

enum err pledge_words_new(const char *keywords, const char *purchase_keywords,
                          struct pledge_words **words)
{
    struct pledge_words *made = calloc(1, sizeof *made);
    if (!made)
        return ERR_NOMEM;
    enum err error = add_words(made, keywords, false);
    if (!error)
        error = add_words(made, purchase_keywords, true);
    if (error) {
        free(made);
        return error;
    }
    *words = made;
    return ERR_OK;
}

void pledge_words_free(struct pledge_words *words)
{
    free(words);
}

const char *pledge_words_at(const struct pledge_words *words, size_t i, bool *purchase)
{
    if (i >= words->n)
        return NULL;
    *purchase = words->words[i].purchase;
    return words->words[i].text;
}

/* The longest keyword at the start, so that 捐款 wins over 捐. NULL: none. */
static const char *after_keyword(const struct pledge_words *words, const char *text, bool *purchase)
{
    size_t best = 0;
    for (size_t i = 0; i < words->n; i++) {
        size_t n = words->words[i].len;
        if (n > best && strncasecmp(text, words->words[i].text, n) == 0) {
            best = n;
            *purchase = words->words[i].purchase;
        }
    }
    if (best == 0)
        return NULL;
    /* A keyword of letters ends where the word ends: `JKL 5` is not JK. */
    bool letters = (unsigned char)text[best - 1] < 0x80;
    bool goes_on =
        (text[best] >= 'A' && text[best] <= 'Z') || (text[best] >= 'a' && text[best] <= 'z');
    return letters && goes_on ? NULL : text + best;
}

/* As after_keyword, behind polite words, each at most once: 我要认捐100元, 本人捐100,
 * 我们家也想捐大米20袋. Whatever else stands before the keyword might turn its meaning: 我不捐100,
 * 请问捐100行吗. */
static const char *after_politeness(const struct pledge_words *words, const char *text,
                                    bool *purchase)
{
    static const char *const polite[] = {
        "您好", "你好", "我们", "我家", "我", "本人", "俺们", "俺",   "咱们", "咱", "家",
        "自愿", "愿意", "愿",   "想要", "想", "要",   "打算", "准备", "也",   "再", "来",
    };
    unsigned used = 0;
    const char *p = skip_gaps(text), *after = NULL;
    while (*p && !(after = after_keyword(words, p, purchase))) {
        size_t i = 0, n = sizeof polite / sizeof *polite;
        while (i < n && ((used >> i & 1) || strncmp(p, polite[i], strlen(polite[i])) != 0))
            i++;
        if (i == n)
            return NULL;
        used |= 1u << i;
        p = skip_gaps(p + strlen(polite[i]));
    }
    return after;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A digit, a numeral or a question: whoever writes that behind or around a keyword means it. */
static bool has_number_or_question(const char *text)
{
    static const char *const asked[] = {"?",  "吗",   "呢",   "怎么", "怎样",   "如何",
                                        "哪", "请问", "什么", "多少", "能不能", "可以"};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (strstr(text, asked[i]))
            return true;
    for (const char *p = text; *p;) {
        utf8proc_int32_t c = 0;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &c);
        if (n <= 0)
            return false;
        if (money_is_numeral(c))
            return true;
        p += n;
    }
    return false;
}

/* One character such as 捐 is also a part of words: 感谢捐赠, 义捐活动, 募捐箱. */
static bool is_one_character(const char *from, const char *to)
{
    for (from++; from < to && ((unsigned char)*from & 0xc0) == 0x80;)
        from++;
    return from == to;
}

/* Does a keyword stand anywhere? One of letters as a word of its own only; one of a single
 * character at an end, or in a text with a number or a question. */
static bool mentions_keyword(const struct pledge_words *words, const char *text)
{
    bool ignored = false, is_meant = has_number_or_question(text);
    for (size_t at = 0; text[at]; at++) {
        if (((unsigned char)text[at] & 0xc0) == 0x80)
            continue; /* inside a character */
        bool goes_on = at > 0 && is_alnum(text[at]) && is_alnum(text[at - 1]);
        const char *after = goes_on ? NULL : after_keyword(words, text + at, &ignored);
        size_t bytes = 0;
        if (after &&
            (is_meant || !*after || is_gap(after, &bytes) || !is_one_character(text + at, after)))
            return true;
    }
    return false;
}

static const struct {
    const char *word;
    enum pledge_kind kind;
} units[] = {
    {"公斤", PLEDGE_GOODS},   {"千克", PLEDGE_GOODS},   {"小时", PLEDGE_SERVICE},
    {"人次", PLEDGE_SERVICE}, {"人天", PLEDGE_SERVICE}, {"课时", PLEDGE_SERVICE},
    {"袋", PLEDGE_GOODS},     {"斤", PLEDGE_GOODS},     {"吨", PLEDGE_GOODS},
    {"件", PLEDGE_GOODS},     {"台", PLEDGE_GOODS},     {"箱", PLEDGE_GOODS},
    {"桶", PLEDGE_GOODS},     {"瓶", PLEDGE_GOODS},     {"套", PLEDGE_GOODS},
    {"床", PLEDGE_GOODS},     {"本", PLEDGE_GOODS},     {"册", PLEDGE_GOODS},
    {"只", PLEDGE_GOODS},     {"头", PLEDGE_GOODS},     {"个", PLEDGE_GOODS},
    {"份", PLEDGE_GOODS},     {"辆", PLEDGE_GOODS},     {"双", PLEDGE_GOODS},
    {"条", PLEDGE_GOODS},     {"包", PLEDGE_GOODS},     {"盒", PLEDGE_GOODS},
    {"批", PLEDGE_GOODS},     {"张", PLEDGE_GOODS},     {"支", PLEDGE_GOODS},
    {"米", PLEDGE_GOODS},     {"天", PLEDGE_SERVICE},
};

/* 1 to PLEDGE_UNIT_SIZE bytes of a known unit at p; 0: none. */
static size_t unit_at(const char *p, enum pledge_kind *kind)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = strlen(units[i].word);
        if (strncmp(p, units[i].word, n) == 0) {
            *kind = units[i].kind;
            return n;
        }
    }
    return 0;
}

static bool is_surname(const char *unit)
{
    static const char *const surnames[] = {"张", "米", "包", "支"};
    for (size_t i = 0; i < sizeof surnames / sizeof *surnames; i++)
        if (strncmp(unit, surnames[i], strlen(surnames[i])) == 0)
            return true;
    return false;
}

static bool has_digit(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= '0' && p[i] <= '9')
            return true;
    return false;
}

/* The length of the sign of decoration (an emoji) that ends at p + n; 0: none. */
static size_t decoration_before(const char *p, size_t n)
{
    size_t at = n;
    while (at > 0 && ((unsigned char)p[at - 1] & 0xc0) == 0x80)
        at--;
    if (at == 0)
        return 0;
    at--;
    utf8proc_int32_t c = 0;
    if (utf8proc_iterate((const utf8proc_uint8_t *)p + at, (utf8proc_ssize_t)(n - at), &c) <= 0)
        return 0;
    utf8proc_category_t category = utf8proc_category(c);
    bool decorates =
        category == UTF8PROC_CATEGORY_SO || (category == UTF8PROC_CATEGORY_SK && c >= 0x80);
    return decorates ? n - at : 0;
}

/* What is left behind an amount or a quantity may be a name, or must change the amount.
 * `on_digits`: nothing stands between. */
static enum pledge_verdict take_name(const char *p, bool on_digits, char *name)
{
    const char *start = skip_gaps(p);
    size_t n = strlen(start), bytes = 0;
    while (n > 0) {
        if (is_gap(start + n - 1, &bytes) && bytes == 1)
            n--;
        else if (n >= 3 && is_gap(start + n - 3, &bytes) && bytes == 3)
            n -= 3;
        else if ((bytes = decoration_before(start, n)))
            n -= bytes;
        else
            break;
    }
    if (n > TEXT_MAX || has_digit(start, n))
        return PLEDGE_UNCLEAR;
    bool follows = on_digits && start == p;
    if (leftover_judge(start, n, follows) == LEFTOVER_AMOUNT)
        return PLEDGE_NOT_EXACT;
    char said[TEXT_MAX];
    size_t len = leftover_without_courtesies(start, n, said);
    enum leftover leftover = leftover_judge(said, len, follows);
    if (leftover != LEFTOVER_NAME || len >= PLEDGE_NAME_SIZE)
        return leftover == LEFTOVER_AMOUNT ? PLEDGE_NOT_EXACT : PLEDGE_UNCLEAR;
    memcpy(name, said, len);
    name[len] = '\0';
    return PLEDGE_UNDERSTOOD;
}

static enum pledge_verdict amount_verdict(enum err error)
{
    return error == ERR_RANGE ? PLEDGE_OUT_OF_RANGE : PLEDGE_NOT_EXACT;
}

/* `20袋大米 李四`: quantity, unit, item up to a gap, name. */
static enum pledge_verdict quantity_first(const char *p, size_t number_bytes, size_t unit_bytes,
                                          struct pledge_text *pledge)
{
    memcpy(pledge->unit, p + number_bytes, unit_bytes);
    pledge->unit[unit_bytes] = '\0';
    p = skip_gaps(p + number_bytes + unit_bytes);
    size_t n = 0, bytes = 0;
    while (p[n] && !is_gap(p + n, &bytes))
        n++;
    if (n >= PLEDGE_ITEM_SIZE || has_digit(p, n) || (n == 0 && pledge->kind == PLEDGE_GOODS))
        return PLEDGE_UNCLEAR;
    if (leftover_is_amount(p, n))
        return PLEDGE_NOT_EXACT;
    memcpy(pledge->item, n ? p : "服务", n ? n : strlen("服务"));
    pledge->item[n ? n : strlen("服务")] = '\0';
    return take_name(p + n, false, pledge->name);
}

/* `大米20袋 李四`: item up to the number, quantity, unit, name. */
static enum pledge_verdict item_first(const char *p, struct pledge_text *pledge)
{
    for (size_t at = 1; p[at]; at++) {
        if (((unsigned char)p[at] & 0xc0) == 0x80)
            continue; /* inside a character */
        size_t used = 0;
        enum err error = money_read_quantity(p + at, strlen(p + at), &pledge->thousandths, &used);
        if (error == ERR_NOT_FOUND)
            continue;
        if (error)
            return amount_verdict(error);
        const char *after = skip_gaps(p + at + used);
        size_t unit_bytes = unit_at(after, &pledge->kind);
        if (!unit_bytes)
            continue; /* 三 of 三轮车1辆 */
        size_t n = at;
        while (n > 0 && p[n - 1] == ' ')
            n--;
        if (n >= PLEDGE_ITEM_SIZE)
            return PLEDGE_UNCLEAR;
        if (leftover_is_amount(p, n))
            return PLEDGE_NOT_EXACT;
        memcpy(pledge->item, p, n);
        pledge->item[n] = '\0';
        memcpy(pledge->unit, after, unit_bytes);
        pledge->unit[unit_bytes] = '\0';
        return take_name(after + unit_bytes, false, pledge->name);
    }
    return PLEDGE_UNCLEAR;
}

/* The last character of the amount of `n` bytes. */
static utf8proc_int32_t last_character(const char *p, size_t n)
{
    size_t at = n - 1;
    while (at > 0 && ((unsigned char)p[at] & 0xc0) == 0x80)
        at--;
    utf8proc_int32_t c = 0;
    (void)utf8proc_iterate((const utf8proc_uint8_t *)p + at, (utf8proc_ssize_t)(n - at), &c);
    return c;
}

/* 万小明, 陆小明 and 伍小明 have a numeral for a surname: `100万小明` is a hundred yuan or a
 * million. */
static bool may_be_surname(utf8proc_int32_t c)
{
    return c == 0x4e07 || c == 0x842c || c == 0x9646 || c == 0x4f0d;
}

static enum pledge_verdict cash(const char *p, bool purchase, struct pledge_text *pledge)
{
    size_t used = 0;
    enum err error = money_read(p, strlen(p), &pledge->fen, &used);
    if (error)
        return amount_verdict(error);
    pledge->kind = purchase ? PLEDGE_PURCHASE : PLEDGE_CASH;
    size_t bytes = 0;
    bool closed = !p[used] || is_gap(p + used, &bytes) || (unsigned char)p[used - 1] >= 0x80;
    if (p[used] == '.' && p[used + 1] >= '0' && p[used + 1] <= '9')
        return PLEDGE_NOT_EXACT;
    /* `200张三` is read, `100abc` and `100%` are not. */
    if (!closed && (unsigned char)p[used] < 0x80)
        return PLEDGE_UNCLEAR;
    /* What follows a number without 元 at once may be its unit. */
    utf8proc_int32_t last = last_character(p, used);
    if (may_be_surname(last) && (unsigned char)p[used] >= 0x80 && !is_gap(p + used, &bytes))
        return PLEDGE_NOT_EXACT;
    return take_name(p + used, money_is_numeral(last), pledge->name);
}

enum pledge_verdict pledge_parse(const struct pledge_words *words, const char *text, size_t len,
                                 struct pledge_text *pledge)
{
    char folded[4 * TEXT_MAX];
    bool purchase = false;
    *pledge = (struct pledge_text){0};
    if (!fold(text, len, folded, sizeof folded))
        return PLEDGE_NO_KEYWORD;
    const char *p = after_politeness(words, folded, &purchase);
    if (!p)
        return mentions_keyword(words, folded) ? PLEDGE_MENTIONED : PLEDGE_NO_KEYWORD;
    p = skip_gaps(p);
    if (*p == '-')
        return PLEDGE_NOT_EXACT;
    size_t used = 0;
    enum err error = money_read_quantity(p, strlen(p), &pledge->thousandths, &used);
    if (error == ERR_NOT_FOUND && *p) {
        if (strncmp(p, "\xc2\xa5", 2) == 0)
            return cash(p, purchase, pledge);
        return item_first(p, pledge);
    }
    if (!error) {
        const char *after = skip_gaps(p + used);
        size_t unit_bytes = unit_at(after, &pledge->kind);
        /* 张 is a unit and the commonest of surnames: `捐200张三` is money from 张三, `捐200张桌子`
         * are tables. Nobody can tell by rule, so a unit that is also a surname counts only behind
         * an item (桌子200张). */
        if (unit_bytes && !is_surname(after))
            return quantity_first(p, (size_t)(after - p), unit_bytes, pledge);
    }
    pledge->thousandths = 0;
    if (!*p)
        return PLEDGE_UNCLEAR;
    enum pledge_verdict verdict = cash(p, purchase, pledge);
    /* 三轮车1辆 begins with a numeral that is none. */
    if (verdict == PLEDGE_UNCLEAR && (unsigned char)*p >= 0x80) {
        *pledge = (struct pledge_text){0};
        verdict = item_first(p, pledge);
    }
    return verdict;
}
