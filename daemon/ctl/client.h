/* HTTP over the daemon's control socket: libcurl, one handle, one request at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"

struct client;

struct reply {
    int status;          /* 0: the daemon was not reached, or went away in the middle */
    json_t *json;        /* the body, NULL when it was none or was streamed */
    const char *code;    /* of an error: "no_campaign" …; "" */
    const char *message; /* of an error, a sentence; "" */
    char transport[640]; /* when status is 0: why */
};

#define CLIENT_ANSWER_MAX_BYTES ((size_t)64 * 1024 * 1024)

MUST_CHECK enum err client_new(const char *socket_path, struct client **client);
void client_free(struct client *client); /* NULL is fine */

/* One request; `body` NULL for none, borrowed. *reply must be released with reply_fini in every
 * case. gives: status is 2xx. */
bool client_call(struct client *client, const char *method, const char *path, const json_t *body,
                 struct reply *reply);
/* POST of `len` bytes as they are. */
bool client_post_bytes(struct client *client, const char *path, const char *bytes, size_t len,
                       struct reply *reply);
/* PUT of the same. */
bool client_put_bytes(struct client *client, const char *path, const char *bytes, size_t len,
                      struct reply *reply);
void reply_fini(struct reply *reply);

/* GET whose answer is given line by line (without the line feed) as it arrives; an error answer
 * goes to *reply instead. `on_line` gives false to stop. gives: status is 2xx and the answer came
 * whole. */
bool client_stream(struct client *client, const char *path,
                   bool (*on_line)(void *arg, const char *line, size_t len), void *arg,
                   struct reply *reply);
/* The same for an answer of any bytes, as they arrive. */
bool client_download(struct client *client, const char *path,
                     bool (*on_bytes)(void *arg, const char *bytes, size_t len), void *arg,
                     struct reply *reply);
