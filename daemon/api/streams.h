/* Open event streams (text/event-stream): who listens, and what each has still to be told. Internal
 * to api/.
 *
 * What happened goes into one ring that all streams share; a stream is a place in it. A stream that
 * does not read keeps its place and costs nothing more: it never has more than one piece on the
 * way, what it missed is told as "missed" once the ring has gone on, and after `stall_ms` it is cut
 * off. So memory is the ring and a small record a stream, whatever happens and whoever reads.
 *
 *     event: hello      once, at the beginning
 *     event: ledger     data: {"entry": 12}
 *     event: campaign   data: {"id": "…", "state": "sending"}, or {"missed": true}
 *     event: status     data: {}
 *     event: crowded    the last one: newer streams of the same owner have taken its place
 *     :                 every beat, so that a dead connection is noticed */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/http_server.h"

struct event_base;
struct streams;
struct stream;

#define STREAM_KEY_SIZE 72   /* of the caller: what it was let in by */
#define STREAM_OWNER_SIZE 80 /* a user, a token */
#define STREAM_ID_SIZE 128   /* of a campaign */
#define STREAM_STATE_SIZE 24 /* of a campaign */

struct streams_options {
    int64_t beat_ms;  /* a comment so often, and a look at each session */
    int64_t stall_ms; /* a stream that took nothing for so long is cut off */
    /* May this user hear of this area? */
    bool (*covers)(uint64_t own_area, uint64_t area);
    /* Does the session still live? The answer is given with streams_judge; NULL: nobody asks. */
    void (*ask)(void *arg, struct stream *stream, const char *key);
    void *arg;
};
MUST_CHECK enum err streams_new(struct event_base *base, const struct streams_options *options,
                                struct streams **streams);
/* Ends all of them; NULL is fine. An answer that `ask` owes is not waited for: see streams_judge.
 */
void streams_free(struct streams *streams);
void streams_end_all(struct streams *streams);
size_t streams_count(const struct streams *streams);

struct streams_listener {
    uint64_t area;
    const char *key;   /* for `ask`; "": what is never taken away */
    const char *owner; /* "": nobody whose streams are counted */
    size_t most;       /* streams of one owner */
};
/* Takes the request over, in every case: without memory it is answered 503. When the owner has as
 * many as it may, its oldest one is told that it is crowded out, and ends: behind a proxy a reader
 * that has long gone is among the oldest, and who opens a page looks at that one. */
void streams_add(struct streams *streams, struct http_request *request,
                 const struct streams_listener *listener);

/* Asks for the session of each, now and not at the next beat. */
void streams_ask(struct streams *streams);

/* What happened. Told at the next turn, to all who may hear it, each thing once. */
void streams_tell_ledger(struct streams *streams, uint64_t entry);
void streams_tell_campaign(struct streams *streams, const char *id, const char *state,
                           uint64_t area);
void streams_tell_status(struct streams *streams);

/* The answer to `ask`, once for each, also after streams_free. */
void streams_judge(struct stream *stream, bool lives);
