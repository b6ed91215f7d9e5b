/* The tree of areas is in the digits; no table is needed to sum. */
#include "pledge/area.h"

#include <stdio.h>
#include <string.h>

static const unsigned level_digits[AREA_LEVELS] = {0, 2, 4, 6, 9, 12};

static uint64_t power10(unsigned n)
{
    uint64_t value = 1;
    while (n--)
        value *= 10;
    return value;
}

unsigned area_level_digits(enum area_level level)
{
    return level_digits[level];
}

enum err area_parse(const char *text, size_t len, uint64_t *area)
{
    if (len == 0 || (len == 1 && text[0] == '0')) {
        *area = 0;
        return ERR_OK;
    }
    if (len == strlen("unassigned") && memcmp(text, "unassigned", len) == 0) {
        *area = AREA_UNASSIGNED;
        return ERR_OK;
    }
    bool is_level = false;
    for (size_t i = 1; i < AREA_LEVELS; i++)
        is_level = is_level || len == level_digits[i];
    if (!is_level)
        return ERR_INVALID;
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return ERR_INVALID;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    value *= power10(AREA_DIGITS - (unsigned)len);
    if (value < 100000000000 || value == AREA_UNASSIGNED)
        return ERR_INVALID; /* provinces are 11 to 82 */
    *area = value;
    return ERR_OK;
}

enum area_level area_level(uint64_t area)
{
    for (int level = AREA_VILLAGE; level > AREA_NATION; level--) {
        uint64_t below = power10(AREA_DIGITS - level_digits[level]);
        uint64_t above = power10(AREA_DIGITS - level_digits[level - 1]);
        if (area % above / below)
            return (enum area_level)level;
    }
    return AREA_NATION;
}

uint64_t area_at(uint64_t area, enum area_level level)
{
    if (level == AREA_NATION)
        return 0;
    if (area == AREA_UNASSIGNED)
        return area;
    uint64_t below = power10(AREA_DIGITS - level_digits[level]);
    return area / below * below;
}

bool area_within(uint64_t area, uint64_t scope)
{
    return area_at(area, area_level(scope)) == scope;
}

bool area_is_pseudo(uint64_t area)
{
    /* 市辖区 and 县 under the municipalities, and the cities that only collect counties run by
     * their province. Towns straight under a city (Dongguan) need no row: their county digits are
     * zero, so their county and their city are one code. */
    static const unsigned cities[] = {1101, 1102, 1201, 1202, 3101, 3102,
                                      4190, 4290, 4690, 5001, 5002, 6590};
    if (area_level(area) != AREA_CITY)
        return false;
    for (size_t i = 0; i < sizeof cities / sizeof *cities; i++)
        if (area / 100000000 == cities[i])
            return true;
    return false;
}

size_t area_ancestors(uint64_t area, uint64_t out[AREA_LEVELS])
{
    size_t n = 0;
    out[n++] = 0;
    if (area == AREA_UNASSIGNED) {
        out[n++] = area;
        return n;
    }
    for (int level = AREA_PROVINCE; level <= AREA_VILLAGE; level++) {
        uint64_t code = area_at(area, (enum area_level)level);
        if (code != out[n - 1])
            out[n++] = code;
    }
    return n;
}

const char *area_format(uint64_t area, char out[AREA_TEXT_SIZE])
{
    if (area == AREA_UNASSIGNED) {
        snprintf(out, AREA_TEXT_SIZE, "unassigned");
        return out;
    }
    unsigned digits = level_digits[area_level(area)];
    if (digits == 0)
        out[0] = '\0';
    else
        snprintf(out, AREA_TEXT_SIZE, "%0*llu", (int)digits,
                 (unsigned long long)(area / power10(AREA_DIGITS - digits)));
    return out;
}
