/* Money is int64 fen, never floating point. What people write is read exactly or refused.
 *
 * Read: `100`, `1,000.50`, `100元`, `１００块`, `1.5万`, `3亿`, `一百元`, `两万三`, `壹仟贰佰元整`, `五块五`, `5元5角`, `￥20`,
 * `5角`, `五毛五分`, `8分`, `一点五万`.
 * Refused: fractions of a fen (`1,000.005`, `1.5分`), negative amounts, misplaced commas, digits run together with numerals
 * (`1百2`), 角 and 分 of more than a hundred without 元 (`一百五毛` is 15 yuan to one reader and 100.50 to the next). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define MONEY_MAX_FEN INT64_C(1000000000000000) /* 10^15: ten trillion yuan; more is a slip of the finger */
#define MONEY_TEXT_SIZE 32

/* Reads one amount at the start of `text` (UTF-8, already NFKC-folded, see pledge/parse.h). *used: bytes taken, its unit
 * included. gives: 1 to MONEY_MAX_FEN.
 * errors: ERR_NOT_FOUND (no amount stands here), ERR_INVALID (it is not exact, or malformed), ERR_RANGE */
MUST_CHECK enum err money_read(const char *text, size_t len, int64_t *fen, size_t *used);
/* The whole of `text` is one amount. */
MUST_CHECK enum err money_parse(const char *text, size_t len, int64_t *fen);
/* A whole number, for quantities of goods and hours: `20`, `二十`, `1.5万` when exact. In thousandths, so that 2.5 吨 is 2500.
 * errors as money_read */
MUST_CHECK enum err money_read_quantity(const char *text, size_t len, int64_t *thousandths, size_t *used);
/* Can the code point `c` be part of a number: `0`, 零, 三, 叁, 两, 十, 百, 万 …? */
bool money_is_numeral(int32_t c);
/* "1234.50"; negative amounts (reversals) with a leading '-'. */
const char *money_format(int64_t fen, char out[MONEY_TEXT_SIZE]);
/* "2.5", "20". */
const char *money_format_quantity(int64_t thousandths, char out[MONEY_TEXT_SIZE]);
