/* Numbers of pledges and receipts: `513327-2026-000123-54`, county, year, serial, and two check digits (ISO 7064 mod 97-10 over
 * the digits before them), so that a number typed into a reply is verified before anything is looked up. A receipt's number has
 * the same form with an R in front: `R513327-2026-000045-40`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define NUMBER_TEXT_SIZE 28

struct number {
    bool is_receipt;
    uint32_t county; /* six digits */
    uint32_t year;   /* four digits */
    uint32_t serial; /* from 1; more than six digits are printed whole */
};

/* 0 to 97-ish: the value of the two check digits for these digits. */
unsigned number_check_digits(const struct number *number);
const char *number_format(const struct number *number, char out[NUMBER_TEXT_SIZE]);
/* With or without dashes and blanks; `text` is NFKC-folded. errors: ERR_INVALID (not of the form), ERR_RANGE (the check
 * digits are wrong: a slip of the finger) */
MUST_CHECK enum err number_parse(const char *text, size_t len, struct number *number);
