/* POST to a carrier: libcurl multi on the libevent loop, with everything off that could send a
 * request twice.
 *
 * curl 7.88.1 repeats a POST silently when a reused connection dies before the first byte of an
 * answer (reliability.md A2.1). Here every request may be put on the wire once: the pre-request
 * callback, which libcurl calls each time it is about to send, lets the first through and stops any
 * other (CURLE_ABORTED_BY_CALLBACK, sent_any = true). The same callback is the proof of sent_any =
 * false: it was never called, so no byte of the request was written (resolve, connect, TLS).
 * Keep-alive stays on. Redirects, proxies from the environment, cookies, content encodings, HTTP/2
 * and protocols other than http(s) are off. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct event_base;
struct http_client;

struct http_client_options {
    uint32_t connections;    /* at most this many to one host */
    const char *ca_file;     /* NULL: the system's */
    const char *proxy;       /* NULL: none */
    size_t answer_max_bytes; /* a longer answer is cut off and counts as incomplete */
};

struct http_answer {
    int status;       /* 0: no complete answer */
    const char *body; /* borrowed until the callback returns; NULL-terminated */
    size_t len;
    bool complete;      /* status and body arrived whole */
    int curl_code;      /* 0 when complete */
    bool sent_any;      /* false: proof that no byte of the request left this machine */
    const char *reason; /* for people, when not complete: "connection refused" */
    int64_t took_ms;
};
typedef void http_answer_fn(void *arg, const struct http_answer *answer);

MUST_CHECK enum err http_client_new(struct event_base *base,
                                    const struct http_client_options *options,
                                    struct http_client **client);
/* Requests that are not done end with curl_code CURLE_ABORTED_BY_CALLBACK; their callbacks run
 * before this returns. sent_any is true for those on the wire, false for those that waited or were
 * still connecting. Not to be called from an on_answer. */
void http_client_free(struct http_client *client);
/* Queues one POST; at most `connections` are under way, the others wait in order. `timeout_ms`
 * counts from now and includes the waiting, so whoever posts far more than there are connections
 * will see some end in CURLE_OPERATION_TIMEDOUT with sent_any = false. `body` moves to the client
 * (malloc'ed, freed by it). `on_answer` runs exactly once, never before this returns. errors:
 * ERR_NOMEM (then no callback, and the body is freed) */
MUST_CHECK enum err http_client_post(struct http_client *client, const char *url,
                                     const char *content_type, char *body, size_t len,
                                     int64_t timeout_ms, http_answer_fn *on_answer, void *arg);
/* Requests posted and not answered, waiting ones included. */
size_t http_client_running(const struct http_client *client);
