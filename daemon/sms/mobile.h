/* A mainland mobile number: as a person types it, as 11 digits, and packed in 5 bytes.
 *
 * Stored and sent as bare 11 digits (source: carrier-apis.md 4.9). The prefix proves neither
 * operator nor reachability (number portability), so every 1[3-9]xxxxxxxxx is accepted, unallocated
 * prefixes too. Packed numbers are big-endian, so that sorting the bytes sorts the numbers:
 * 13800138000 is 03 36 8d 65 10 (35 bits would do). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MOBILE_DIGITS 11
#define MOBILE_TEXT_SIZE 12
#define MOBILE_PACKED_BYTES 5

enum mobile_verdict {
    MOBILE_OK = 0,
    MOBILE_EMPTY,      /* nothing in the cell */
    MOBILE_SCIENTIFIC, /* 1.38E+10: a spreadsheet rounded it, the last digits are gone */
    MOBILE_LANDLINE,   /* 0xx…: a landline cannot take the message */
    MOBILE_SERVICE,    /* 400…, 95xxx, 12345: a service number */
    MOBILE_TOO_SHORT,  /* fewer than 11 digits */
    MOBILE_TOO_LONG,   /* more than 11 digits */
    MOBILE_PREFIX,     /* 11 digits that start with 10, 11 or 12, or not with 1 */
    MOBILE_CHARACTERS, /* letters or signs among the digits */
    MOBILE_VERDICTS
};

/* Takes full-width digits, +86, 0086, 86 (13 digits in all), 17951 (16), blanks, dashes, zero-width
 * characters, a BOM, Excel's tab and leading apostrophe. `text` is UTF-8 and need not be
 * terminated. *number is 11 digits as an integer. */
enum mobile_verdict mobile_parse(const char *text, size_t len, uint64_t *number);
/* gives: what is wrong and what would be right, one sentence for the person with the spreadsheet.
 */
const char *mobile_verdict_sentence(enum mobile_verdict verdict);
/* gives: a stable word for --json, "landline". */
const char *mobile_verdict_word(enum mobile_verdict verdict);

void mobile_format(uint64_t number, char out[MOBILE_TEXT_SIZE]); /* "13800138000" */
void mobile_mask(uint64_t number, char out[MOBILE_TEXT_SIZE]);   /* "138****8000" */

void mobile_pack(uint64_t number, uint8_t out[MOBILE_PACKED_BYTES]);
uint64_t mobile_unpack(const uint8_t in[MOBILE_PACKED_BYTES]);

/* Masks whatever in a text may be a mobile number, in place: "called 138****8000". Also with blanks
 * and dashes within ("138-****-8000"), in full-width digits, behind 86 or 0086. */
void mobile_mask_within(char *text);
