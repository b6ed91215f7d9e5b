/* What tells the console's pages that something changed: one poll of Redis for everybody who
 * listens, and none while nobody does. Internal to api/. */
#pragma once

#include "api/apicall.h"

#define EVENTS_POLL_MS 300

struct events;
MUST_CHECK enum err events_new(struct api *api, struct events **events);
/* Ends all streams; what Redis still owes is thrown away. NULL is fine. */
void events_free(struct events *events);
/* Ends all streams and takes no more: the daemon is stopping. */
void events_stop(struct events *events);
/* Rights may have been taken away: who listens is asked for them now, not at the next beat. */
void events_ask(struct events *events);
/* How many listen. */
size_t events_listening(const struct events *events);
