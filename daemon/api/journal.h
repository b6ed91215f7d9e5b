/* The audit: what was asked for by whom, and from where. Internal to api/.
 *
 * Every request that changed something writes one line; so do logins, and what was refused for a
 * role, an area or a wrong password. Handlers write lines of their own beside it, for the effect
 * with its exact figures. */
#pragma once

#include "api/apicall.h"

/* From apicall_answer: the line of this request, if it is one to be told. */
void journal_note(struct apicall *call, int status);
