/* The states of a recipient: one byte each in Redis, in an alphabet whose order is the order of knowledge, so that "only
 * upward" is a byte comparison and a repeated or late report changes nothing (reliability.md B2).
 *
 * Downward moves exist, each by one named act and never by a report: a definite refusal to take the request
 * (inflight -> queued), an operator's `resolve --ambiguous resend` (ambiguous -> queued).
 * store/outreach.lua holds the same alphabet; tests/unit/store/test_library.c compares the two. */
#pragma once

#include <stdbool.h>

enum recipient_state {
    STATE_QUEUED = 'A',      /* waits for its turn */
    STATE_INFLIGHT = 'C',    /* intent recorded, no verdict yet */
    STATE_AMBIGUOUS = 'E',   /* it cannot be known whether the carrier took it */
    STATE_ACCEPTED = 'G',    /* the carrier took it, no final report yet */
    STATE_REJECTED = 'I',    /* the carrier refused it */
    STATE_UNDELIVERED = 'K', /* final report: not delivered */
    STATE_EXPIRED = 'M',     /* final report: validity ran out (long switched off) */
    STATE_SUPPRESSED = 'O',  /* opted out after import */
    STATE_CANCELLED = 'Q',   /* the campaign was cancelled before its turn */
    STATE_DELIVERED = 'S'    /* final report: on the handset */
};
#define STATE_COUNT 10

/* All states in order of their bytes, for tables. */
extern const enum recipient_state state_all[STATE_COUNT];
/* "queued", the key of `counts`. NULL for a byte that is no state. */
const char *state_word(enum recipient_state state);
/* 排队中 … the word a clerk reads. */
const char *state_word_zh(enum recipient_state state);
/* errors: false when no state has this word. */
bool state_parse(const char *word, enum recipient_state *state);
/* Nothing more is expected. Accepted and ambiguous are not final. */
bool state_is_final(enum recipient_state state);
/* May a status report move a recipient from `from` to `to`? Upward only, from anything that was handed to the carrier or
 * waits to be (a resend that turns out to be unnecessary); never from suppressed or cancelled. */
bool state_report_moves(enum recipient_state from, enum recipient_state to);
