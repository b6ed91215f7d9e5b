/* Memory of hiredis' answers: all parts of one answer lie in a few blocks, which are given back together. hiredis by itself asks
 * malloc twice for each string, which made up half of what reading the ledger costs (two million strings for 30 000 entries).
 * Answers are read-only, and must not be given to freeReplyObject(). Not for several threads. */
#pragma once

#include "base/error.h"

struct redisReader;
struct redisReply;

/* Blocks that wait for the next answer; made for one connection after the other. */
struct replies;
MUST_CHECK enum err replies_new(struct replies **replies);
void replies_free(struct replies *replies); /* after the last reader and the last answer; NULL is fine */
/* Answers of this reader are made here. The reader has not begun. */
void replies_serve(struct replies *replies, struct redisReader *reader);

/* Keeps an answer (a whole one, as a callback gets it) beyond its callback; ends with replies_release(). */
void replies_hold(const struct redisReply *answer);
void replies_release(const struct redisReply *answer);
