/* Amounts as people write them, read exactly. See money.h for the forms.
 *
 * Everything is a count of *parts*: fen for money (100 parts to the yuan), thousandths for
 * quantities. A reader walks code points and keeps the parts in an int64 that can never pass the
 * ceiling, so no step can overflow. */
#include "pledge/money.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

struct reader {
    const char *text;
    size_t len, at;
};

/* The code point at the reader and its length in bytes; 0 at the end or for broken UTF-8. */
static utf8proc_int32_t peek(const struct reader *r, size_t *bytes)
{
    utf8proc_int32_t c = 0;
    if (r->at >= r->len)
        return 0;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)r->text + r->at,
                                          (utf8proc_ssize_t)(r->len - r->at), &c);
    *bytes = n > 0 ? (size_t)n : 0;
    return n > 0 ? c : 0;
}

static bool take(struct reader *r, utf8proc_int32_t wanted)
{
    size_t bytes = 0;
    if (peek(r, &bytes) != wanted)
        return false;
    r->at += bytes;
    return true;
}

static void skip_blanks(struct reader *r)
{
    while (take(r, ' ') || take(r, '\t'))
        ;
}

static bool is_digit(utf8proc_int32_t c)
{
    return c >= '0' && c <= '9';
}

/* 一 is 1, 壹 is 1, 两 is 2, 零 and 〇 are 0; -1 for anything else. */
static int han_digit(utf8proc_int32_t c)
{
    static const struct {
        utf8proc_int32_t c;
        int value;
    } digits[] = {
        {0x96f6, 0}, {0x3007, 0}, {0x4e00, 1}, {0x58f9, 1}, {0x4e8c, 2}, {0x8d30, 2},
        {0x4e24, 2}, {0x5169, 2}, {0x4e09, 3}, {0x53c1, 3}, {0x56db, 4}, {0x8086, 4},
        {0x4e94, 5}, {0x4f0d, 5}, {0x516d, 6}, {0x9646, 6}, {0x4e03, 7}, {0x67d2, 7},
        {0x516b, 8}, {0x634c, 8}, {0x4e5d, 9}, {0x7396, 9},
    };
    for (size_t i = 0; i < sizeof digits / sizeof *digits; i++)
        if (digits[i].c == c)
            return digits[i].value;
    return -1;
}

/* 十 10, 百 100, 千 1000 (and 拾佰仟): multipliers inside a group of four digits; 0 for anything
 * else. */
static int64_t small_unit(utf8proc_int32_t c)
{
    switch (c) {
    case 0x5341:
    case 0x62fe:
        return 10;
    case 0x767e:
    case 0x4f70:
        return 100;
    case 0x5343:
    case 0x4edf:
        return 1000;
    default:
        return 0;
    }
}

/* 万 and 亿 (萬, 億). */
static int64_t big_unit(utf8proc_int32_t c)
{
    if (c == 0x4e07 || c == 0x842c)
        return 10000;
    if (c == 0x4ebf || c == 0x5104)
        return 100000000;
    return 0;
}

bool money_is_numeral(int32_t c)
{
    return is_digit(c) || han_digit(c) >= 0 || small_unit(c) || big_unit(c);
}

/* a * b + c within the ceiling. */
static enum err grow(int64_t a, int64_t b, int64_t c, int64_t *out)
{
    if (b != 0 && a > (MONEY_MAX_FEN - c) / b)
        return ERR_RANGE;
    *out = a * b + c;
    return ERR_OK;
}

/* ---- Arabic: digits, thousands commas, decimals, then 百千万亿 ---- */

/* Reads `1,234` or `1234`. Commas stand every three digits or nowhere. */
static enum err read_integer(struct reader *r, int64_t *value)
{
    size_t bytes = 0, digits = 0, group = 0;
    bool commas = false;
    *value = 0;
    for (;;) {
        utf8proc_int32_t c = peek(r, &bytes);
        if (is_digit(c)) {
            enum err error = grow(*value, 10, c - '0', value);
            if (error)
                return error;
            digits++;
            group++;
        } else if (c == ',' && r->at + 1 < r->len && is_digit(r->text[r->at + 1])) {
            /* only between digits: `100,张三` goes on with a name */
            if (digits == 0 || group > 3 || (commas && group != 3))
                return ERR_INVALID;
            commas = true;
            group = 0;
        } else {
            break;
        }
        r->at += bytes;
    }
    if (digits == 0)
        return ERR_NOT_FOUND;
    return commas && group != 3 ? ERR_INVALID : ERR_OK;
}

#define DECIMALS_MAX 12

static enum err read_decimals(struct reader *r, int64_t *numerator, int64_t *denominator)
{
    size_t bytes = 0, digits = 0;
    *numerator = 0;
    *denominator = 1;
    if (!take(r, '.'))
        return ERR_OK;
    while (is_digit(peek(r, &bytes))) {
        if (++digits > DECIMALS_MAX)
            return ERR_INVALID;
        *numerator = *numerator * 10 + (r->text[r->at] - '0');
        *denominator *= 10;
        r->at += bytes;
    }
    return digits ? ERR_OK : ERR_INVALID;
}

/* 百千万亿 behind a number: *parts grows by each. */
static enum err read_units(struct reader *r, int64_t *parts)
{
    size_t bytes = 0;
    int64_t unit;
    while ((unit = small_unit(peek(r, &bytes))) || (unit = big_unit(peek(r, &bytes)))) {
        if (unit == 10)
            return ERR_INVALID; /* `5十` is nobody's way to write fifty */
        enum err error = grow(*parts, unit, 0, parts);
        if (error)
            return error;
        r->at += bytes;
    }
    return ERR_OK;
}

/* (whole + numerator / denominator) * parts, exact or refused. */
static enum err in_parts(int64_t whole, int64_t numerator, int64_t denominator, int64_t parts,
                         int64_t *out)
{
    __int128 product = (__int128)numerator * parts;
    if (product % denominator)
        return ERR_INVALID;
    return grow(whole, parts, (int64_t)(product / denominator), out);
}

static enum err read_arabic(struct reader *r, int64_t parts, int64_t *out)
{
    int64_t whole = 0, numerator = 0, denominator = 1;
    enum err error = read_integer(r, &whole);
    if (!error)
        error = read_decimals(r, &numerator, &denominator);
    if (!error)
        error = read_units(r, &parts);
    if (error)
        return error;
    /* `1百2`, `3万5千`: an Arabic number that goes on after its unit means different things to
     * different people. */
    size_t bytes = 0;
    if (is_digit(peek(r, &bytes)) || han_digit(peek(r, &bytes)) >= 0)
        return parts > 1000 ? ERR_INVALID : ERR_NOT_FOUND;
    return in_parts(whole, numerator, denominator, parts, out);
}

/* ---- Chinese numerals ---- */

struct han {
    int64_t total;     /* finished 亿 and 万 sections */
    int64_t section;   /* the running group of four */
    int64_t digit;     /* the last digit */
    int64_t last_unit; /* a bare digit behind it counts in its tenth (两万三) */
    int64_t seen_unit; /* the last 亿 or 万 */
    bool any, pending, zero;
};

static enum err han_step_digit(struct han *h, int digit)
{
    if (h->pending)
        return ERR_INVALID; /* two digits without a unit between them: 一二 */
    if (digit == 0) {
        h->zero = true;
        h->any = true;
        return ERR_OK;
    }
    h->digit = digit;
    h->pending = h->any = true;
    return ERR_OK;
}

static enum err han_step_small(struct han *h, int64_t unit)
{
    if (!h->pending) {
        if (unit != 10 || (h->section && !h->zero))
            return ERR_INVALID; /* 百 needs a digit; 十 alone is ten only at the start of its group
                                 */
        h->digit = 1;
    }
    if (h->section && h->last_unit && unit >= h->last_unit && h->last_unit < 10000)
        return ERR_INVALID; /* units fall inside a group: 一百二千 is no number */
    h->section += h->digit * unit;
    h->digit = 0;
    h->pending = h->zero = false;
    h->any = true;
    h->last_unit = unit;
    return ERR_OK;
}

static enum err han_step_big(struct han *h, int64_t unit)
{
    /* 一百二万 is 102 or 120 times 万, 一万二万 one or two of them. */
    if (h->pending && !h->zero && h->last_unit >= 100)
        return ERR_INVALID;
    if (h->seen_unit && (unit >= h->seen_unit) && !(unit == 100000000 && h->seen_unit == 10000))
        return ERR_INVALID;
    int64_t group = h->section + h->digit;
    if (group == 0 && !(unit == 100000000 && h->total))
        return ERR_INVALID;
    enum err error = ERR_OK;
    if (unit == 100000000) /* 一万亿 */
        error = grow(h->total + group, unit, 0, &h->total);
    else
        error = grow(group, unit, h->total, &h->total);
    h->section = h->digit = 0;
    h->pending = h->zero = false;
    h->last_unit = h->seen_unit = unit;
    return error;
}

/* 点五 of 一点五万. 点 without a digit behind it is no part of the number: *denominator stays 1. */
static enum err read_han_decimals(struct reader *r, int64_t *numerator, int64_t *denominator)
{
    size_t bytes = 0, start = r->at, digits = 0;
    *numerator = 0;
    *denominator = 1;
    if (!take(r, 0x70b9) && !take(r, 0x9ede)) /* 点 點 */
        return ERR_OK;
    if (is_digit(peek(r, &bytes)))
        return ERR_INVALID; /* 一点5 */
    for (int digit; (digit = han_digit(peek(r, &bytes))) >= 0; r->at += bytes) {
        if (++digits > DECIMALS_MAX)
            return ERR_INVALID;
        *numerator = *numerator * 10 + digit;
        *denominator *= 10;
    }
    if (digits == 0)
        r->at = start;
    return ERR_OK;
}

static enum err read_han(struct reader *r, int64_t parts, int64_t *out)
{
    struct han h = {0};
    size_t bytes = 0;
    for (;;) {
        utf8proc_int32_t c = peek(r, &bytes);
        int digit = han_digit(c);
        int64_t unit;
        enum err error;
        if (digit >= 0)
            error = han_step_digit(&h, digit);
        else if ((unit = small_unit(c)))
            error = han_step_small(&h, unit);
        else if ((unit = big_unit(c)) && h.any)
            error = han_step_big(&h, unit);
        else
            break;
        if (error)
            return error;
        r->at += bytes;
    }
    if (!h.any)
        return ERR_NOT_FOUND;
    if (is_digit(peek(r, &bytes)))
        return ERR_INVALID;
    int64_t numerator = 0, denominator = 1;
    enum err error = read_han_decimals(r, &numerator, &denominator);
    if (error)
        return error;
    if (denominator > 1) {
        /* 一百五点五 and 一万点五万: the digit before 点 would count in tens, the unit behind it
         * twice */
        if (h.last_unit >= 100 && (small_unit(peek(r, &bytes)) || big_unit(peek(r, &bytes))))
            return ERR_INVALID;
        if (h.pending && !h.zero && h.last_unit >= 100)
            return ERR_INVALID;
        error = read_units(r, &parts);
        if (!error && (is_digit(peek(r, &bytes)) || han_digit(peek(r, &bytes)) >= 0))
            error = ERR_INVALID;
        int64_t whole = h.total + h.section + h.digit;
        return error ? error : in_parts(whole, numerator, denominator, parts, out);
    }
    /* 两万三 is 23 000 and 一百五 is 150, but 一百零五 is 105 and 十五 is 15. */
    if (h.pending && !h.zero && h.last_unit >= 100)
        h.digit *= h.last_unit / 10;
    int64_t value;
    error = grow(h.total, 1, h.section + h.digit, &value);
    return error ? error : grow(value, parts, 0, out);
}

static enum err read_number(struct reader *r, int64_t parts, int64_t *out)
{
    size_t bytes = 0;
    return is_digit(peek(r, &bytes)) ? read_arabic(r, parts, out) : read_han(r, parts, out);
}

/* ---- money ---- */

static bool take_yuan(struct reader *r)
{
    static const utf8proc_int32_t words[] = {0x5143, 0x5757, 0x5706, 0x5713,
                                             0x5186}; /* 元 块 圆 圓 円 */
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (take(r, words[i]))
            return true;
    return false;
}

/* One digit before 角 or 分 (or, right after 块, alone). */
static int take_one_digit(struct reader *r)
{
    size_t bytes = 0;
    utf8proc_int32_t c = peek(r, &bytes);
    int digit = is_digit(c) ? c - '0' : han_digit(c);
    if (digit >= 0)
        r->at += bytes;
    return digit;
}

/* The end, or a sign: no letter that the word before could be part of. */
static bool is_closed(const struct reader *r)
{
    size_t bytes = 0;
    utf8proc_int32_t c = peek(r, &bytes);
    if (c == 0)
        return r->at == r->len;
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_SO:
        return c != '%';
    default:
        return false;
    }
}

/* 钱, 整 and 正 are also surnames and beginnings of names: taken only when nothing follows. */
static void take_closing(struct reader *r)
{
    size_t start = r->at;
    (void)take(r, 0x94b1);
    (void)(take(r, 0x6574) || take(r, 0x6b63));
    if (!is_closed(r))
        r->at = start;
}

/* 分 behind 角: `5分`, 五分. What is no number of 分 is left alone. */
static int64_t read_fen(struct reader *r)
{
    size_t before = r->at;
    int digit = take_one_digit(r);
    if (digit >= 0 && take(r, 0x5206))
        return digit;
    r->at = before;
    return 0;
}

static bool take_jiao(struct reader *r)
{
    return take(r, 0x89d2) || take(r, 0x6bdb); /* 角 毛 */
}

/* Behind 元: `5角`, `五毛5分`, and the bare 五 of 五块五, which counts only at the end: 陆 of
 * `100元陆小明` is a surname. What is no change is left alone. */
static enum err read_small_change(struct reader *r, int64_t *fen)
{
    int64_t change = 0;
    size_t start = r->at;
    int digit = take_one_digit(r);
    if (digit < 0)
        return ERR_OK;
    if (take_jiao(r)) {
        change = INT64_C(10) * digit;
        change += read_fen(r);
    } else if (take(r, 0x5206)) {
        change = digit;
    } else if (is_closed(r)) {
        change = INT64_C(10) * digit;
    } else {
        r->at = start;
    }
    return grow(*fen, 1, change, fen);
}

/* 角 and 分 without 元. 毛 is a surname and 角 and 分 begin words (八角5斤, 100毛小明): they are
 * money only at the end. Above a hundred of them nobody can tell 一百五毛. *fen: the number before
 * them, as if it were yuan. */
static enum err read_change_alone(struct reader *r, int64_t *fen)
{
    size_t start = r->at;
    int64_t value = *fen, divisor = 100;
    if (take_jiao(r))
        divisor = 10;
    else if (!take(r, 0x5206))
        return ERR_OK;
    if (value % divisor)
        return ERR_INVALID; /* not exact in fen */
    value /= divisor;
    if (divisor == 10)
        value += read_fen(r);
    take_closing(r);
    if (*fen > INT64_C(100) * 100 || !is_closed(r)) {
        r->at = start;
        return ERR_OK;
    }
    *fen = value;
    return ERR_OK;
}

enum err money_read(const char *text, size_t len, int64_t *fen, size_t *used)
{
    struct reader r = {.text = text, .len = len};
    bool sign = take(&r, 0xa5) || take(&r, 0xffe5); /* ¥ ￥ */
    size_t bytes = 0;
    if (peek(&r, &bytes) == '-')
        return ERR_INVALID;
    int64_t value = 0;
    enum err error = read_number(&r, 100, &value);
    if (error)
        return sign && error == ERR_NOT_FOUND ? ERR_INVALID : error;
    size_t after_number = r.at;
    skip_blanks(&r);
    size_t unit = r.at;
    if (take_yuan(&r)) {
        size_t after_yuan = r.at;
        take_closing(&r);
        if (r.at == after_yuan)
            error = read_small_change(&r, &value);
        take_closing(&r);
    } else if (!sign) {
        error = read_change_alone(&r, &value);
    }
    if (r.at == unit)
        r.at = after_number;
    if (error)
        return error;
    if (value < 1 || value > MONEY_MAX_FEN)
        return ERR_RANGE;
    *fen = value;
    *used = r.at;
    return ERR_OK;
}

enum err money_parse(const char *text, size_t len, int64_t *fen)
{
    size_t used = 0;
    enum err error = money_read(text, len, fen, &used);
    if (error)
        return error == ERR_NOT_FOUND ? ERR_INVALID : error;
    return used == len ? ERR_OK : ERR_INVALID;
}

enum err money_read_quantity(const char *text, size_t len, int64_t *thousandths, size_t *used)
{
    struct reader r = {.text = text, .len = len};
    int64_t value = 0;
    enum err error = read_number(&r, 1000, &value);
    if (error)
        return error;
    if (value < 1)
        return ERR_RANGE;
    *thousandths = value;
    *used = r.at;
    return ERR_OK;
}

const char *money_format(int64_t fen, char out[MONEY_TEXT_SIZE])
{
    uint64_t size = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    snprintf(out, MONEY_TEXT_SIZE, "%s%llu.%02u", fen < 0 ? "-" : "",
             (unsigned long long)(size / 100), (unsigned)(size % 100));
    return out;
}

const char *money_format_quantity(int64_t thousandths, char out[MONEY_TEXT_SIZE])
{
    uint64_t size = thousandths < 0 ? 0 - (uint64_t)thousandths : (uint64_t)thousandths;
    snprintf(out, MONEY_TEXT_SIZE, "%s%llu.%03u", thousandths < 0 ? "-" : "",
             (unsigned long long)(size / 1000), (unsigned)(size % 1000));
    size_t n = strlen(out);
    while (out[n - 1] == '0')
        out[--n] = '\0';
    if (out[n - 1] == '.')
        out[--n] = '\0';
    return out;
}
