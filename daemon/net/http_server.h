/* evhttp with every limit set (reliability.md C6): headers, body, connections in all and an
 * address, an absolute deadline a request, methods; no chunked request bodies. The same server
 * serves a TCP port, an inherited socket, or a Unix socket.
 *
 * Every answer carries a Content-Type, X-Content-Type-Options: nosniff and Cache-Control: no-store
 * (unless http_answer_header set the latter two otherwise). What is refused before the handler sees
 * it: 400 malformed, 411 chunked, 413 body over the limit, 501 another method. A server makes the
 * process ignore SIGPIPE if nobody has decided on that signal yet. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct event_base;
struct http_server;
struct http_request; /* one request in progress */

struct http_limits {
    size_t headers_max_bytes, body_max_bytes;
    uint32_t connections_max; /* a listening socket; those beyond wait in the kernel's queue */
    uint32_t connections_per_address; /* TCP only; those beyond are closed */
    int64_t idle_ms;                  /* between bytes, and between requests of a kept connection */
    int64_t deadline_ms;              /* from the first byte of a request to its last; 0: none */
};

/* Called once for every complete request. The handler answers now or later, exactly once, with one
 * of http_answer_*. */
typedef void http_handler_fn(void *arg, struct http_request *request);

MUST_CHECK enum err http_server_new(struct event_base *base, const struct http_limits *limits,
                                    http_handler_fn *handler, void *arg,
                                    struct http_server **server);
/* port 0: any free one, see http_server_port. A host name is resolved here and now, which blocks.
 * errors: ERR_IO (errno), ERR_NOMEM */
MUST_CHECK enum err http_server_listen_tcp(struct http_server *server, const char *host,
                                           uint16_t port);
/* Replaces a stale socket file; mode is the file's, 0660. The file goes when listening stops.
 * errors: ERR_IO (errno), ERR_TOO_BIG (108 bytes and no more), ERR_EXISTS (somebody listens there,
 * or it is no socket), ERR_NOMEM */
MUST_CHECK enum err http_server_listen_unix(struct http_server *server, const char *path,
                                            unsigned mode);
/* A listening socket of any family, from systemd. It moves to the server, also when this fails.
 * errors: ERR_IO, ERR_NOMEM */
MUST_CHECK enum err http_server_listen_fd(struct http_server *server, int fd);
/* Of the TCP socket; 0 when there is none. */
uint16_t http_server_port(const struct http_server *server);
/* Takes no new connections (those in the queue of a socket that somebody else holds too wait for
 * that one); running requests may still be answered, and their connections close
 * after that. */
void http_server_stop_listening(struct http_server *server);
/* While held, who connects waits in the queue of the socket; also before it listens. */
void http_server_hold(struct http_server *server, bool held);
size_t http_server_connections(const struct http_server *server);
/* Connections of a client who waits: its first request has not come whole yet, or its answer has
 * not left. What a stop should wait for, within reason; kept connections between two requests do
 * not count. Looks at every connection. */
size_t http_server_busy(const struct http_server *server);
/* Closes everything. Requests that were not answered stay valid, and gone, until they are answered;
 * NULL is fine. */
void http_server_free(struct http_server *server);

/* "GET" (also of a HEAD, which is answered like it but for the body, that this module leaves out),
 * "POST", "PUT", "DELETE", and "PATCH" and "OPTIONS", which nobody takes here. */
const char *http_request_method(const struct http_request *request);
/* Only for answers that would never end. */
bool http_request_is_head(const struct http_request *request);
const char *
http_request_path(const struct http_request *request); /* percent-decoded, without the query */
/* One query parameter, decoded, "" when it has no value; NULL when absent. Lives as long as the
 * request. */
const char *http_request_query(struct http_request *request, const char *name);
/* The name of the `i`-th of them, from 0; NULL behind the last. */
const char *http_request_query_name(struct http_request *request, size_t i);
/* All of it as it came, "" when there is none. */
const char *http_request_whole_query(const struct http_request *request);
const char *http_request_header(const struct http_request *request,
                                const char *name); /* NULL when absent */
/* A header that is a list, all lines of it in their order, with ", " between. Of what is longer
 * than `out` its end. gives: false when it is absent */
bool http_request_list(const struct http_request *request, const char *name, char *out,
                       size_t size);
/* Never NULL; not terminated. */
const char *http_request_body(struct http_request *request, size_t *len);
/* Textual address of the peer, "" on a Unix socket. */
const char *http_request_peer(const struct http_request *request);
/* The client went away before it was answered: the answer is thrown away. Checked by http_answer_*
 * themselves. Seen for certain only while an answer is being written: nothing is read from a
 * connection whose request waits for its answer. */
/* Its answer has begun and not ended. */
bool http_request_is_streaming(const struct http_request *request);
bool http_request_is_gone(const struct http_request *request);

/* content_type NULL: application/octet-stream. The body is copied. The request is over with this
 * call. */
void http_answer(struct http_request *request, int status, const char *content_type,
                 const void *body, size_t len);
/* A long answer in pieces: start, any number of pieces, end. `on_ready` is called when the last
 * piece has been written out and more may be given (so that a download never piles up in memory),
 * or with gone = true when the client left; never before http_answer_piece returns. NULL: nobody
 * waits. Give no further piece while an on_ready is outstanding. http_answer_end is called in every
 * case, once, also after gone = true, and may be called from on_ready; an outstanding on_ready then
 * never comes. */
void http_answer_start(struct http_request *request, int status, const char *content_type);
void http_answer_piece(struct http_request *request, const void *bytes, size_t len,
                       void (*on_ready)(void *arg, bool gone), void *arg);
void http_answer_end(struct http_request *request);
/* Of an answer in pieces whose reader does not read: closes the connection and throws away what
 * waits for it. An outstanding on_ready then says gone; http_answer_end is called as always. */
void http_answer_cut(struct http_request *request);
/* Before http_answer*. A value with a line break is dropped: it would forge a header. */
void http_answer_header(struct http_request *request, const char *name, const char *value);
