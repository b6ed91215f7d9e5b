/* Mobile numbers. Eleven plain digits, the case of nearly every row, take a short way; everything
 * else is first reduced to the characters that matter (no blanks, dashes, invisible characters;
 * full-width forms folded) and then judged once.
 *
 * What is refused, and under which name, is for the person who has to mend the spreadsheet: the
 * verdicts tell apart what is mended differently. */
#include "sms/mobile.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <utf8proc.h>

#define KEPT_MAX 40 /* longer than any number or any 1.38001380000000000000E+10 */

#define FULLWIDTH_FIRST 0xff01 /* ！ */
#define FULLWIDTH_LAST 0xff5e  /* ～ */
#define FULLWIDTH_TO_ASCII 0xfee0

/* Eleven ASCII digits that start with 13 to 19. */
static inline bool parse_plain(const char *text, uint64_t *number)
{
    if (text[0] != '1' || text[1] < '3' || text[1] > '9')
        return false;
    uint64_t value = 1;
    unsigned odd = 0;
    for (int i = 1; i < MOBILE_DIGITS; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';
        odd |= digit > 9;
        value = value * 10 + digit;
    }
    if (odd)
        return false;
    *number = value;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Blanks and marks that are seen as nothing, or not seen at all, and dashes of every length. */
static bool is_filler(utf8proc_int32_t c)
{
    static const struct {
        utf8proc_int32_t first, last;
    } fillers[] = {
        {0x0009, 0x000d}, /* tab (Excel's guard against numbers), line ends */
        {0x0020, 0x0020}, {'-', '-'},       {0x00a0, 0x00a0}, /* no-break space */
        {0x00ad, 0x00ad},                                     /* soft hyphen */
        {0x2000, 0x2015}, /* spaces, zero-width characters, direction marks, dashes */
        {0x2028, 0x202f}, /* separators, direction marks that phone books copy along */
        {0x205f, 0x2069}, /* word joiner and other invisible ones */
        {0x2212, 0x2212}, /* minus */
        {0x3000, 0x3000}, /* ideographic space */
        {0xfe63, 0xfe63}, {0xfeff, 0xfeff}, /* small dash; BOM */
    };
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        if (c <= fillers[i].last)
            return c >= fillers[i].first;
    }
    return false;
}

static bool is_apostrophe(utf8proc_int32_t c)
{
    return c == '\'' || c == '`' || c == 0x2018 || c == 0x2019;
}

/* What is left of a cell. `n` counts on beyond what `kept` holds. */
struct scan {
    char kept[KEPT_MAX + 1];
    size_t n;
    bool signs; /* something that is neither a digit nor a leading '+' */
};

static void keep(struct scan *scan, char c)
{
    if (!is_digit(c) && !(c == '+' && scan->n == 0))
        scan->signs = true;
    if (scan->n < KEPT_MAX)
        scan->kept[scan->n] = c;
    scan->n++;
}

static void scan_text(struct scan *scan, const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(len - at), &c);
        if (n <= 0) {
            n = 1;
            c = '?'; /* a byte that is not UTF-8: a sign like any other */
        }
        at += (size_t)n;
        if (c >= FULLWIDTH_FIRST && c <= FULLWIDTH_LAST)
            c -= FULLWIDTH_TO_ASCII;
        if (is_filler(c) || (is_apostrophe(c) && scan->n == 0))
            continue;
        if (c <= 0 || c >= 0x80)
            c = '?';
        keep(scan, (char)c);
    }
    scan->kept[scan->n < KEPT_MAX ? scan->n : KEPT_MAX] = '\0';
}

static const char *skip_digits(const char *s)
{
    while (is_digit(*s))
        s++;
    return s;
}

/* 1.38E+10, 1.38001380E10 (dashes are gone already). */
static bool is_scientific(const char *s)
{
    const char *at = skip_digits(s);
    if (at == s)
        return false;
    if (*at == '.' || *at == ',')
        at = skip_digits(at + 1);
    if (*at != 'e' && *at != 'E')
        return false;
    at++;
    if (*at == '+')
        at++;
    return is_digit(*at) && *skip_digits(at) == '\0';
}

/* 010…, 02x…, 0xxx…; 013… to 019… is no area code but a mobile number with the old long-distance 0.
 */
static bool is_landline(const char *s, size_t n)
{
    return n >= 3 && s[0] == '0' && s[1] != '0' && !(s[1] == '1' && s[2] >= '3');
}

/* 110, 10086, 12345, 95588, 95013xxx, 400 and 800 numbers, 106… ports. */
static bool is_service(const char *s, size_t n)
{
    if (n == 10 && (s[0] == '4' || s[0] == '8') && s[1] == '0' && s[2] == '0')
        return true;
    if (n >= 5 && n <= 8 && s[0] == '9' && (s[1] == '5' || s[1] == '6'))
        return true;
    if ((n == 3 || n == 5) && s[0] == '1' && s[1] <= '2')
        return true;
    return n >= 8 && n != MOBILE_DIGITS && memcmp(s, "106", 3) == 0;
}

static enum mobile_verdict judge_digits(const char *s, size_t n, uint64_t *number)
{
    if (n == MOBILE_DIGITS && parse_plain(s, number))
        return MOBILE_OK;
    if (is_landline(s, n))
        return MOBILE_LANDLINE;
    if (is_service(s, n))
        return MOBILE_SERVICE;
    if (n < MOBILE_DIGITS)
        return MOBILE_TOO_SHORT;
    return n > MOBILE_DIGITS ? MOBILE_TOO_LONG : MOBILE_PREFIX;
}

/* How many digits to leave out in front: 0086, 86 (13 digits in all), 17951 (the old IP prefix, 16
 * in all). */
static size_t dialling_prefix(const char *s, size_t n)
{
    if (n > 4 && memcmp(s, "0086", 4) == 0)
        return 4;
    if (n == MOBILE_DIGITS + 2 && memcmp(s, "86", 2) == 0)
        return 2;
    if (n == MOBILE_DIGITS + 5 && memcmp(s, "17951", 5) == 0)
        return 5;
    return 0;
}

static enum mobile_verdict parse_untidy(const char *text, size_t len, uint64_t *number)
{
    struct scan scan = {.n = 0};
    scan_text(&scan, text, len);
    if (scan.n == 0)
        return MOBILE_EMPTY;
    if (scan.signs)
        return scan.n <= KEPT_MAX && is_scientific(scan.kept) ? MOBILE_SCIENTIFIC
                                                              : MOBILE_CHARACTERS;
    if (scan.n > KEPT_MAX)
        return MOBILE_TOO_LONG;
    const char *s = scan.kept;
    size_t n = scan.n;
    if (s[0] == '+') {
        if (n == 1)
            return MOBILE_CHARACTERS;
        /* Another country's number may look like one of ours once its + is gone: +1 415 555 0123.
         */
        if (n < 3 || s[1] != '8' || s[2] != '6')
            return MOBILE_PREFIX;
        return n == 3 ? MOBILE_TOO_SHORT : judge_digits(s + 3, n - 3, number);
    }
    size_t skip = dialling_prefix(s, n);
    return judge_digits(s + skip, n - skip, number);
}

enum mobile_verdict mobile_parse(const char *text, size_t len, uint64_t *number)
{
    if (len == MOBILE_DIGITS && parse_plain(text, number))
        return MOBILE_OK;
    return parse_untidy(text, len, number);
}

static const struct {
    const char *word, *sentence;
} verdicts[MOBILE_VERDICTS] = {
    [MOBILE_OK] = {"ok", "a mobile number"},
    [MOBILE_EMPTY] = {"empty",
                      "there is no number in the cell; write the 11 digits of a mobile number"},
    [MOBILE_SCIENTIFIC] =
        {"scientific",
         "a spreadsheet has rounded the number and its last digits are lost; format the "
         "column as text and enter the number again"},
    [MOBILE_LANDLINE] = {"landline",
                         "a landline number cannot receive the message; write a mobile number"},
    [MOBILE_SERVICE] =
        {"service", "a service number cannot receive the message; write a person's mobile number"},
    [MOBILE_TOO_SHORT] = {"too_short", "a mobile number has 11 digits and this one has fewer"},
    [MOBILE_TOO_LONG] =
        {"too_long",
         "a mobile number has 11 digits and this one has more; write one number a cell"},
    [MOBILE_PREFIX] =
        {"prefix", "not a mainland mobile number; those have 11 digits and start with 13 to 19"},
    [MOBILE_CHARACTERS] =
        {"characters",
         "letters or signs stand among the digits; write the 11 digits only, one number a cell"},
};

const char *mobile_verdict_sentence(enum mobile_verdict verdict)
{
    assert((unsigned)verdict < MOBILE_VERDICTS);
    return verdicts[verdict].sentence;
}

const char *mobile_verdict_word(enum mobile_verdict verdict)
{
    assert((unsigned)verdict < MOBILE_VERDICTS);
    return verdicts[verdict].word;
}

void mobile_format(uint64_t number, char out[MOBILE_TEXT_SIZE])
{
    assert(number < UINT64_C(100000000000));
    for (int i = MOBILE_DIGITS - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    out[MOBILE_DIGITS] = '\0';
}

void mobile_mask(uint64_t number, char out[MOBILE_TEXT_SIZE])
{
    mobile_format(number, out);
    memset(out + 3, '*', 4);
}

void mobile_pack(uint64_t number, uint8_t out[MOBILE_PACKED_BYTES])
{
    assert(number >> (8 * MOBILE_PACKED_BYTES) == 0);
    for (int i = MOBILE_PACKED_BYTES - 1; i >= 0; i--) {
        out[i] = (uint8_t)number;
        number >>= 8;
    }
}

uint64_t mobile_unpack(const uint8_t in[MOBILE_PACKED_BYTES])
{
    uint64_t number = 0;
    for (int i = 0; i < MOBILE_PACKED_BYTES; i++)
        number = number << 8 | in[i];
    return number;
}

#define MASK_FROM 3
#define MASK_UNTIL 7

/* ---- numbers in running text ---- */

#define FILLERS_MAX 3 /* between two groups of one number: "138 - 0013 - 8000" */

/* Digits that follow each other, of either width, with where each stands. */
struct digits {
    char of[MOBILE_DIGITS + 4]; /* what is longer is no number */
    char *at[MOBILE_DIGITS + 4];
    size_t n;
    char *end; /* behind the last */
};

/* The character at `at`, full-width forms folded; '\0' at the end of the text. */
static utf8proc_int32_t next_char(const char *at, size_t *len)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)at, -1, &c);
    *len = n > 0 ? (size_t)n : 1;
    if (n <= 0)
        return *at == '\0' ? 0 : '?';
    return c >= FULLWIDTH_FIRST && c <= FULLWIDTH_LAST ? c - FULLWIDTH_TO_ASCII : c;
}

static void take_group(struct digits *digits, char *at)
{
    size_t len;
    utf8proc_int32_t c;
    while ((c = next_char(at, &len)) >= '0' && c <= '9') {
        if (digits->n < sizeof digits->of) {
            digits->of[digits->n] = (char)c;
            digits->at[digits->n] = at;
        }
        digits->n++;
        at += len;
    }
    digits->end = at;
}

/* Where the next group of the same number may begin, NULL: it does not. */
static char *skip_fillers(char *at)
{
    size_t len;
    for (int i = 0; i <= FILLERS_MAX; i++) {
        utf8proc_int32_t c = next_char(at, &len);
        if (c >= '0' && c <= '9')
            return at;
        if (!is_filler(c))
            return NULL;
        at += len;
    }
    return NULL;
}

/* A full-width digit has three bytes, and so has the star in its place. */
static void mask_digits(const struct digits *digits, size_t from)
{
    for (size_t i = from + MASK_FROM; i < from + MASK_UNTIL; i++) {
        bool is_wide = !is_digit(*digits->at[i]);
        memcpy(digits->at[i], is_wide ? "＊" : "*", is_wide ? 3 : 1);
    }
}

static bool is_number(const struct digits *digits, size_t from)
{
    return digits->n == from + MOBILE_DIGITS && digits->of[from] == '1' &&
           digits->of[from + 1] >= '3';
}

/* gives: how much of the text is dealt with */
static char *mask_at(char *text)
{
    struct digits digits = {.n = 0};
    take_group(&digits, text);
    char *first_end = digits.end, *next;
    size_t from = digits.n == MOBILE_DIGITS + 2 && memcmp(digits.of, "86", 2) == 0     ? 2
                  : digits.n == MOBILE_DIGITS + 4 && memcmp(digits.of, "0086", 4) == 0 ? 4
                                                                                       : 0;
    while (digits.n < MOBILE_DIGITS && (next = skip_fillers(digits.end)) != NULL)
        take_group(&digits, next);
    if (!is_number(&digits, from))
        return first_end; /* one may begin with the group after it: "12 13800138000" */
    mask_digits(&digits, from);
    return digits.end;
}

void mobile_mask_within(char *text)
{
    size_t len;
    utf8proc_int32_t c;
    while ((c = next_char(text, &len)) != 0)
        text = c >= '0' && c <= '9' ? mask_at(text) : text + len;
}
