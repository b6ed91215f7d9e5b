/* What an answer of the carrier means for the queue. A driver maps its own words to these; nothing above it knows them. */
#pragma once

#include <stdbool.h>

/* The verdict on one submit request. */
enum outcome {
    OUTCOME_ACCEPTED,         /* the carrier took all of it */
    OUTCOME_REJECT_RECIPIENT, /* refused for good: these recipients are rejected */
    OUTCOME_REJECT_TEXT,      /* refused for the text: these are rejected and the campaign pauses */
    OUTCOME_SPLIT,            /* refused because of some recipient it does not name (or too many): halve and try again */
    OUTCOME_ACCOUNT_FAULT,    /* refused because of the account: nobody is burnt, the account stops */
    OUTCOME_QUOTA,            /* refused for money or a daily limit: the account stops until tomorrow or an operator */
    OUTCOME_THROTTLED,        /* refused for now: back to the queue, later */
    OUTCOME_NOT_SENT,         /* proof that nothing was sent (refused, DNS, TLS): back to the queue, the route backs off */
    OUTCOME_AMBIGUOUS,        /* everything else */
    OUTCOME_COUNT
};
/* "accepted", "reject_recipient" … for logs and counters. */
const char *outcome_word(enum outcome outcome);
/* The request was provably not taken: its recipients are queued again (or rejected), never ambiguous. */
bool outcome_is_refusal(enum outcome outcome);

/* What a code in a status report means. The tables are data: config/codes/<driver>.ini. */
enum report_class {
    REPORT_UNKNOWN,      /* in no table: kept raw, changes no state, raises an alarm */
    REPORT_INTERMEDIATE, /* on its way: changes no state */
    REPORT_DELIVERED,
    REPORT_EXPIRED,      /* temporary: switched off or out of reach until the validity ran out */
    REPORT_TEMPORARY,    /* undelivered, may work another time (memory full, congestion, suspended) */
    REPORT_PERMANENT,    /* undelivered, will not work another time (no such number) */
    REPORT_BLACKLISTED,  /* undelivered, the number refuses us */
    REPORT_CONTENT,      /* undelivered because of the text */
    REPORT_CONFIG,       /* undelivered because of our account's settings: an operator has to act */
    REPORT_QUOTA,        /* undelivered because of a limit */
    REPORT_NO_RECEIPT,   /* the network never told: the outcome stays unknown, never resent by itself */
    REPORT_CLASSES
};
const char *report_class_word(enum report_class class_);
bool report_class_parse(const char *word, enum report_class *class_);
/* A resend --only temporary may include it: provably not reached, and may work another time. */
bool report_class_is_temporary(enum report_class class_);
