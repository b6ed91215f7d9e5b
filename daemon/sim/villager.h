/* What a villager answers to a message, and what he means by it: pledges in the spellings that
 * occur, the answer to a request to confirm one, opt-outs, and nonsense. Decided by a seed, the
 * number and the message, so that a run can be repeated. Knows nothing of how the daemon reads
 * pledges, so that one mistake cannot hide in both. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum villager_meaning {
    VILLAGER_CASH,
    VILLAGER_PURCHASE, /* buys instead of giving */
    VILLAGER_GOODS,
    VILLAGER_SERVICE,
    VILLAGER_UNCLEAR, /* begins like a pledge and is none that anybody could book */
    VILLAGER_CONFIRM, /* says yes to the pledge that he was asked about */
    VILLAGER_OTHER    /* thanks, opt-outs, questions */
};
const char *villager_meaning_word(enum villager_meaning meaning); /* "cash" … "other" */

struct villager_reply {
    enum villager_meaning meaning;
    int64_t fen;             /* of cash and purchase */
    int64_t thousandths;     /* of goods and service */
    const char *item, *unit; /* of goods and service; else "" */
    const char *name;        /* "" when he gave none */
    char text[160];
};

/* Is he one of those who pledge? They say nothing else. */
bool villager_pledges(uint64_t seed, uint64_t mobile, double rate);
/* His pledge, or what he takes for one. */
void villager_pledge(uint64_t seed, uint64_t mobile, struct villager_reply *reply);
/* A message that names a pledge's number and asks to answer Y or 是. */
bool villager_is_asked(const char *text, size_t len);
/* What he answers then. false: nothing (a few never do). */
bool villager_confirm(uint64_t seed, uint64_t mobile, const char *text, size_t len,
                      struct villager_reply *reply);
/* Something that is no pledge, at most a line long. */
void villager_say(const char *text, struct villager_reply *reply);
/* Appends the line of the pledge log:
 *
 *   15400001234<TAB>cash<TAB>10000<TAB>0<TAB><TAB><TAB>张三<TAB>JK 100 张三
 *
 * mobile, meaning, fen, thousandths, item, unit, name, text. */
void villager_log(uint64_t mobile, const struct villager_reply *reply, struct buf *out);
/* The n-th way to write a pledge, with the dice of `number`; false behind the last. For tests. */
bool villager_spelling(size_t n, uint64_t number, struct villager_reply *reply);
