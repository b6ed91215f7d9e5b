/* What people type at a keyboard or into a list: amounts, quantities, days, numbers. Full-width
 * digits, blanks around and zero-width characters are fine; the whole of the text must be the
 * thing. */
#pragma once

#include "pledge/number.h"

/* `1.5万`, `一百元` (pledge/money.h). errors: ERR_INVALID (no amount, or not exact), ERR_RANGE */
MUST_CHECK enum err typed_amount(const char *text, int64_t *fen);
/* `20`, `2.5`, `二十`, in thousandths; at most 10^15 of them. errors: ERR_INVALID, ERR_RANGE */
MUST_CHECK enum err typed_quantity(const char *text, int64_t *thousandths);
/* `2026-10-17`, `2026/10/17`, `2026.10.17`, `2026年10月17日` or `20261017`, as 20261017. errors:
 * ERR_INVALID, ERR_RANGE (no such day, or not of 2000 to 2999) */
MUST_CHECK enum err typed_day(const char *text, uint32_t *day);
/* A number of a pledge or receipt, in its one form. errors as number_parse */
MUST_CHECK enum err typed_number(const char *text, struct number *number);
