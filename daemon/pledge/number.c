/* ISO 7064 mod 97-10: the digits, followed by the check digits, are 1 modulo 97. */
#include "pledge/number.h"

#include <string.h>

#define SERIAL_DIGITS_MAX 9

static unsigned remainder97(const char *digits)
{
    unsigned rest = 0;
    for (; *digits; digits++)
        rest = (rest * 10 + (unsigned)(*digits - '0')) % 97;
    return rest;
}

/* At least `width` digits, with zeros in front. No printf: verify writes millions of numbers. */
static char *put_digits(char *out, uint32_t value, unsigned width)
{
    char digits[10];
    unsigned n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || n < width);
    while (n > 0)
        *out++ = digits[--n];
    return out;
}

unsigned number_check_digits(const struct number *number)
{
    char digits[32], *at = put_digits(digits, number->county, 6);
    at = put_digits(at, number->year, 4);
    at = put_digits(at, number->serial, 6);
    memcpy(at, "00", 3);
    return 98 - remainder97(digits);
}

const char *number_format(const struct number *number, char out[NUMBER_TEXT_SIZE])
{
    char *at = out;
    if (number->is_receipt)
        *at++ = 'R';
    at = put_digits(at, number->county % 1000000, 6);
    *at++ = '-';
    at = put_digits(at, number->year % 10000, 4);
    *at++ = '-';
    at = put_digits(at, number->serial % 1000000000, 6);
    *at++ = '-';
    *put_digits(at, number_check_digits(number), 2) = '\0';
    return out;
}

static uint32_t take_digits(const char *digits, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (uint32_t)(digits[i] - '0');
    return value;
}

enum err number_parse(const char *text, size_t len, struct number *number)
{
    char digits[32];
    size_t n = 0, at = 0;
    bool is_receipt = len > 0 && (text[0] == 'R' || text[0] == 'r');
    for (at = is_receipt ? 1 : 0; at < len; at++) {
        if (text[at] == '-' || text[at] == ' ')
            continue;
        if (text[at] < '0' || text[at] > '9' || n == 12 + SERIAL_DIGITS_MAX)
            return ERR_INVALID;
        digits[n++] = text[at];
    }
    if (n < 6 + 4 + 6 + 2)
        return ERR_INVALID;
    digits[n] = '\0';
    if (remainder97(digits) != 1)
        return ERR_RANGE;
    *number = (struct number){
        .is_receipt = is_receipt,
        .county = take_digits(digits, 6),
        .year = take_digits(digits + 6, 4),
        .serial = take_digits(digits + 10, n - 12),
    };
    return number->serial ? ERR_OK : ERR_INVALID;
}
