/* The texts that donors get: question, acknowledgement, receipt, help. A definition writes them with
 *
 *   ((姓名)) ((金额)) ((编号)) ((日期)) ((热线))
 *
 * in half-width or full-width parentheses （（姓名））; anything else between doubled parentheses is
 * refused when the definition is checked. None of these texts is a donation ticket (捐赠票据), and
 * the default ones say so. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "pledge/parse.h"

#define RECEIPT_TEXT_MAX_BYTES 2048

enum receipt_column {
    RECEIPT_NAME,   /* 姓名 */
    RECEIPT_AMOUNT, /* 金额: money, or goods and their quantity */
    RECEIPT_NUMBER, /* 编号 */
    RECEIPT_DATE,   /* 日期 */
    RECEIPT_HOTLINE /* 热线 */
};
#define RECEIPT_COLUMNS 5

/* What stands in for the columns; NULL is "". A name in front of 您好 or ： may be empty. */
struct receipt_values {
    const char *name, *amount, *number, *date, *hotline;
};

/* Looks at every ((column)) of `text`. *columns gets 1 << column for each that it uses.
 * errors: ERR_INVALID with a sentence in `problem` */
MUST_CHECK enum err receipt_check(const char *text, unsigned *columns, struct buf *problem);
/* Appends `text`, a checked one, with the values in their places. Blanks and line ends in a value
 * become one blank, and 【】 become （）, so that nobody writes a signature by calling himself so.
 * errors: ERR_INVALID (an unknown column), ERR_NOMEM. Nothing was appended then. */
MUST_CHECK enum err receipt_fill(const char *text, const struct receipt_values *values,
                                 struct buf *out);

/* Appends what was promised, as a person reads it: `100元`, `1234.50元`, `以购代捐500元`, `大米20袋`,
 * `服务8小时`. Of `pledge` the name is not used. */
void receipt_amount(const struct pledge_text *pledge, struct buf *out);
/* Appends `2026年10月17日` for 20261017. */
void receipt_date(uint32_t day, struct buf *out);

enum receipt_default {
    RECEIPT_ACKNOWLEDGEMENT, /* of a pledge that counts */
    RECEIPT_ARRIVAL,         /* of money or goods that came */
    RECEIPT_QUESTION,        /* please answer Y */
    RECEIPT_HELP             /* it was not understood */
};
/* Appends the text for those who wrote none. `keyword`: the word to begin with, said in the help.
 * The line with ((热线)) is there only with `hotline`. */
void receipt_default_text(enum receipt_default which, const char *keyword, bool hotline,
                          struct buf *out);
