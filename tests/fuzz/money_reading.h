/* A second reading of amounts, for comparison: by splitting at the largest unit instead of walking,
 * and in exact fractions. It shares nothing with daemon/pledge/money.c, tables included. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __int128 reading; /* in 10^-14 yuan; negative: not understood */
#define READING_YUAN ((reading)100000000000000)
#define READING_FEN (READING_YUAN / 100)
#define READING_SYMBOLS_MAX 512

enum symbol_kind {
    SYM_DIGIT,
    SYM_UNIT,
    SYM_POINT,
    SYM_COMMA,
    SYM_YUAN,
    SYM_JIAO,
    SYM_FEN,
    SYM_CLOSING,
    SYM_SIGN,
    SYM_BLANK
};

struct symbol {
    const char *text;
    enum symbol_kind kind;
    int64_t value;
    bool han;
};

static const struct symbol reading_symbols[] = {
    {"0", SYM_DIGIT, 0, false},        {"1", SYM_DIGIT, 1, false},
    {"2", SYM_DIGIT, 2, false},        {"3", SYM_DIGIT, 3, false},
    {"4", SYM_DIGIT, 4, false},        {"5", SYM_DIGIT, 5, false},
    {"6", SYM_DIGIT, 6, false},        {"7", SYM_DIGIT, 7, false},
    {"8", SYM_DIGIT, 8, false},        {"9", SYM_DIGIT, 9, false},
    {"零", SYM_DIGIT, 0, true},        {"〇", SYM_DIGIT, 0, true},
    {"一", SYM_DIGIT, 1, true},        {"壹", SYM_DIGIT, 1, true},
    {"二", SYM_DIGIT, 2, true},        {"贰", SYM_DIGIT, 2, true},
    {"两", SYM_DIGIT, 2, true},        {"兩", SYM_DIGIT, 2, true},
    {"三", SYM_DIGIT, 3, true},        {"叁", SYM_DIGIT, 3, true},
    {"四", SYM_DIGIT, 4, true},        {"肆", SYM_DIGIT, 4, true},
    {"五", SYM_DIGIT, 5, true},        {"伍", SYM_DIGIT, 5, true},
    {"六", SYM_DIGIT, 6, true},        {"陆", SYM_DIGIT, 6, true},
    {"七", SYM_DIGIT, 7, true},        {"柒", SYM_DIGIT, 7, true},
    {"八", SYM_DIGIT, 8, true},        {"捌", SYM_DIGIT, 8, true},
    {"九", SYM_DIGIT, 9, true},        {"玖", SYM_DIGIT, 9, true},
    {"十", SYM_UNIT, 10, true},        {"拾", SYM_UNIT, 10, true},
    {"百", SYM_UNIT, 100, true},       {"佰", SYM_UNIT, 100, true},
    {"千", SYM_UNIT, 1000, true},      {"仟", SYM_UNIT, 1000, true},
    {"万", SYM_UNIT, 10000, true},     {"萬", SYM_UNIT, 10000, true},
    {"亿", SYM_UNIT, 100000000, true}, {"億", SYM_UNIT, 100000000, true},
    {".", SYM_POINT, 0, false},        {"点", SYM_POINT, 0, true},
    {"點", SYM_POINT, 0, true},        {",", SYM_COMMA, 0, false},
    {"元", SYM_YUAN, 0, true},         {"块", SYM_YUAN, 0, true},
    {"圆", SYM_YUAN, 0, true},         {"圓", SYM_YUAN, 0, true},
    {"円", SYM_YUAN, 0, true},         {"角", SYM_JIAO, 0, true},
    {"毛", SYM_JIAO, 0, true},         {"分", SYM_FEN, 0, true},
    {"钱", SYM_CLOSING, 0, true},      {"整", SYM_CLOSING, 0, true},
    {"正", SYM_CLOSING, 0, true},      {"¥", SYM_SIGN, 0, true},
    {"￥", SYM_SIGN, 0, true},         {" ", SYM_BLANK, 0, false},
    {"\t", SYM_BLANK, 0, false},
};
#define READING_SYMBOLS (sizeof reading_symbols / sizeof *reading_symbols)

/* Digits in a row, as decimals or as a whole number. */
static reading reading_digits(const struct symbol *const *s, size_t n)
{
    reading value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i]->kind == SYM_COMMA)
            continue;
        if (s[i]->kind != SYM_DIGIT)
            return -1;
        value = value * 10 + s[i]->value;
    }
    return value;
}

/* 一亿二千万三: cut at the largest unit, read both sides. */
static reading reading_han(const struct symbol *const *s, size_t n)
{
    while (n > 0 && s[0]->kind == SYM_DIGIT && s[0]->value == 0) {
        s++;
        n--;
    }
    if (n == 0)
        return 0;
    size_t cut = n;
    for (size_t i = 0; i < n; i++)
        if (s[i]->kind == SYM_UNIT && (cut == n || s[i]->value >= s[cut]->value))
            cut = i;
    if (cut == n)
        return n == 1 || (n > 1 && s[1]->value == 0 && reading_han(s + 1, n - 1) == 0) ? s[0]->value
                                                                                       : -1;
    reading left = cut == 0 ? 1 : reading_han(s, cut),
            right = reading_han(s + cut + 1, n - cut - 1);
    int64_t unit = s[cut]->value;
    if (left < 0 || right < 0 || (cut == 0 && unit != 10) || (unit < 10000 && left > 9))
        return -1;
    if (n - cut == 2 && unit >= 100 && s[cut + 1]->kind == SYM_DIGIT)
        right *= unit / 10;
    return right < unit ? left * unit + right : -1;
}

static reading reading_number(const struct symbol *const *s, size_t n)
{
    size_t point = n, units = n;
    if (n == 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (s[i]->kind == SYM_POINT)
            point = i;
    if (point == n && s[0]->han)
        return reading_han(s, n) < 0 ? -1 : reading_han(s, n) * READING_YUAN;
    reading factor = 1;
    while (units > 0 && s[units - 1]->kind == SYM_UNIT)
        factor *= s[--units]->value;
    if (point == n)
        point = units;
    reading whole = s[0]->han ? reading_han(s, point) : reading_digits(s, point),
            part = READING_YUAN * factor;
    if (whole < 0)
        return -1;
    reading value = whole * part;
    for (size_t i = point + 1; i < units; i++) {
        if (s[i]->kind != SYM_DIGIT)
            return -1;
        part /= 10;
        value += s[i]->value * part;
    }
    return value;
}

/* [digit 角] [digit 分] behind 元, or the bare digit of 五块五. */
static reading reading_change(const struct symbol *const *s, size_t n)
{
    reading value = 0;
    if (n == 1)
        return s[0]->kind == SYM_DIGIT ? s[0]->value * (READING_YUAN / 10) : -1;
    for (size_t i = 0; i < n; i += 2) {
        if (i + 1 == n || s[i]->kind != SYM_DIGIT)
            return -1;
        value += s[i]->value * (s[i + 1]->kind == SYM_JIAO ? READING_YUAN / 10 : READING_FEN);
    }
    return value;
}

static reading reading_of(const char *text, size_t len)
{
    const struct symbol *s[READING_SYMBOLS_MAX];
    size_t n = 0;
    for (size_t at = 0; at < len;) {
        size_t i = 0;
        while (i < READING_SYMBOLS &&
               strncmp(text + at, reading_symbols[i].text, strlen(reading_symbols[i].text)) != 0)
            i++;
        if (i == READING_SYMBOLS || n == READING_SYMBOLS_MAX)
            return -1;
        at += strlen(reading_symbols[i].text);
        if (reading_symbols[i].kind != SYM_BLANK && reading_symbols[i].kind != SYM_SIGN)
            s[n++] = &reading_symbols[i];
    }
    while (n > 0 && s[n - 1]->kind == SYM_CLOSING)
        n--;
    size_t cut = 0;
    while (cut < n && s[cut]->kind <= SYM_COMMA)
        cut++;
    reading number = reading_number(s, cut);
    if (number < 0 || cut == n)
        return number;
    if (s[cut]->kind == SYM_FEN)
        return cut + 1 == n ? number / 100 : -1;
    reading rest = cut + 1 == n ? 0 : reading_change(s + cut + 1, n - cut - 1);
    return rest < 0 ? -1 : (s[cut]->kind == SYM_JIAO ? number / 10 : number) + rest;
}
