/* The audit: what was asked for by whom, and from where. Internal to api/.
 *
 * Every request that changed something writes one line; so do logins, and what was refused for a
 * role, an area or a wrong password. Handlers write lines of their own beside it, for the effect
 * with its exact figures. What was done is answered when its line is written; one that could not be
 * is counted, logged, and on the listening port told to who asked. */
#pragma once

#include "api/apicall.h"
#include "store/status.h"

/* In place of a name that nobody has. */
#define JOURNAL_NOBODY "(unknown)"

typedef void journal_done_fn(struct apicall *call, bool is_noted);
/* From apicall_answer: the line of this request. gives: false: there is none to wait for */
bool journal_note(struct apicall *call, int status, journal_done_fn *done);
/* A line in words of the handler's own, before it goes on; `done` may be called at once. */
void journal_tell(struct apicall *call, const struct audit_line *line, journal_done_fn *done);
/* The answer to who did what could not be noted. */
void journal_fail(struct apicall *call);
