/* The [pledge] section of a campaign: the terms on which it takes pledges by SMS, and the texts that
 * donors get. A campaign without the section takes none. */
#pragma once

#define TERMS_KEYWORDS "捐 认捐 捐款 JK" /* where a definition names none */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum terms_confirm {
    CONFIRM_NONE,    /* a pledge by SMS counts at once */
    CONFIRM_REPLY,   /* after the donor's answer Y */
    CONFIRM_OPERATOR /* after an operator has looked at it */
};
const char *terms_confirm_word(enum terms_confirm confirm); /* "none", "reply", "operator" */

struct terms {
    char *keywords, *purchase_keywords; /* lists as pledge_words_new takes them */
    enum terms_confirm confirm;
    int64_t confirm_within_ms; /* an answer after this confirms nothing */
    uint32_t cap_per_day;      /* pledges of a number in one day */
    char *help_text;           /* a keyword, and then nothing that was understood */
    char *confirm_text;        /* asks for the answer Y */
    char *acknowledgement_text;
    char *receipt_text;
    char *hotline; /* the campaign's, else that of [ledger] in outreachd.ini; "" for none */
    int receipt_from_min, receipt_to_min;   /* minutes of the local day, as in campaign/window.h */
    int64_t lapse_after_ms;                 /* from the due day, or else from the pledge */
    char *add_serial; /* digits: replies whose service code ends with them are this campaign's; "" for none */
};

struct ini_file;
struct mistakes;
struct schema_context;
struct settings;
/* Reads [pledge] into `terms`, which is zero before; gives *has = false and zeros when there is no
 * such section. Each text is there afterwards, its default if need be, and every ((column)) in it
 * is known (pledge/receipt.h). What is wrong is appended to `mistakes`, and `terms` then holds only
 * what terms_release can free. errors: ERR_NOMEM */
MUST_CHECK enum err terms_load(const struct ini_file *ini, const struct schema_context *context,
                               const struct settings *settings, bool *has, struct terms *terms,
                               struct mistakes *mistakes);
void terms_release(struct terms *terms); /* zeros are fine */
