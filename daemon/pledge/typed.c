/* See typed.h. */
#include "pledge/typed.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

#include "pledge/money.h"

#define TEXT_MAX 256

static bool is_blank(const char *text, size_t len, size_t *bytes)
{
    *bytes = 1;
    return len > 0 && (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r'));
}

/* NFKC, invisible characters and blanks at both ends gone. */
static enum err fold(const char *text, char out[TEXT_MAX], size_t *len)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_option_t options =
        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_IGNORE;
    if (strlen(text) >= TEXT_MAX)
        return ERR_INVALID;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text,
                                      (utf8proc_ssize_t)strlen(text), &folded, options);
    if (n < 0 || n >= TEXT_MAX) {
        free(folded);
        return ERR_INVALID;
    }
    const char *from = (const char *)folded;
    size_t left = (size_t)n, bytes;
    while (is_blank(from, left, &bytes)) {
        from += bytes;
        left -= bytes;
    }
    while (left > 0 && is_blank(from + left - 1, 1, &bytes))
        left--;
    memcpy(out, from, left);
    out[left] = '\0';
    *len = left;
    free(folded);
    return left > 0 ? ERR_OK : ERR_INVALID;
}

enum err typed_amount(const char *text, int64_t *fen)
{
    char folded[TEXT_MAX];
    size_t len;
    int64_t value = 0;
    enum err error = fold(text, folded, &len);
    if (error == ERR_OK)
        error = money_parse(folded, len, &value);
    if (error == ERR_OK)
        *fen = value;
    return error;
}

enum err typed_quantity(const char *text, int64_t *thousandths)
{
    char folded[TEXT_MAX];
    size_t len, used = 0;
    int64_t value = 0;
    enum err error = fold(text, folded, &len);
    if (error == ERR_OK)
        error = money_read_quantity(folded, len, &value, &used);
    if (error == ERR_NOT_FOUND || (error == ERR_OK && used != len))
        return ERR_INVALID;
    if (error == ERR_OK && value > MONEY_MAX_FEN)
        return ERR_RANGE;
    if (error == ERR_OK)
        *thousandths = value;
    return error;
}

/* One to `most` digits; 0 when there is none. */
static uint32_t take_digits(const char **at, size_t most, size_t *n)
{
    uint32_t value = 0;
    for (*n = 0; *n < most && **at >= '0' && **at <= '9'; (*n)++)
        value = value * 10 + (uint32_t)(*(*at)++ - '0');
    return value;
}

static bool take_word(const char **at, const char *word)
{
    size_t len = strlen(word);
    bool is_there = strncmp(*at, word, len) == 0;
    *at += is_there ? len : 0;
    return is_there;
}

static bool exists(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 2000 || year > 2999 || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && is_leap);
}

/* What divides year, month and day, and what stands behind the day. */
static const char *const dividers[][3] = {
    {"", "", ""}, {"-", "-", ""}, {"/", "/", ""}, {".", ".", ""}, {"年", "月", "日"}};

enum err typed_day(const char *text, uint32_t *day)
{
    char folded[TEXT_MAX];
    size_t len;
    enum err error = fold(text, folded, &len);
    if (error != ERR_OK)
        return error;
    for (size_t i = 0; i < sizeof dividers / sizeof *dividers; i++) {
        const char *at = folded;
        size_t y, m, d, least = i == 0 ? 2 : 1;
        uint32_t year = take_digits(&at, 4, &y);
        bool fits = take_word(&at, dividers[i][0]);
        uint32_t month = take_digits(&at, 2, &m);
        fits = fits && take_word(&at, dividers[i][1]);
        uint32_t date = take_digits(&at, 2, &d);
        fits = fits && take_word(&at, dividers[i][2]);
        if (!fits || *at != '\0' || y != 4 || m < least || d < least)
            continue;
        if (!exists(year, month, date))
            return ERR_RANGE;
        *day = year * 10000 + month * 100 + date;
        return ERR_OK;
    }
    return ERR_INVALID;
}

enum err typed_number(const char *text, struct number *number)
{
    char folded[TEXT_MAX];
    size_t len;
    enum err error = fold(text, folded, &len);
    return error == ERR_OK ? number_parse(folded, len, number) : error;
}
