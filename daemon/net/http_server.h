/* evhttp with every limit set (reliability.md C6): headers, body, connections in all and an address, an absolute deadline a
 * request, methods; no chunked request bodies. The same server serves a TCP port, an inherited socket, or a Unix socket. */
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
    uint32_t connections_max, connections_per_address;
    int64_t idle_ms;     /* between bytes, and between requests of a kept connection */
    int64_t deadline_ms; /* from the first byte of a request to its last; 0: none */
};

/* Called once for every complete request. The handler answers now or later, exactly once, with one of http_answer_*. */
typedef void http_handler_fn(void *arg, struct http_request *request);

MUST_CHECK enum err http_server_new(struct event_base *base, const struct http_limits *limits, http_handler_fn *handler,
                                    void *arg, struct http_server **server);
/* port 0: any free one, see http_server_port. errors: ERR_IO */
MUST_CHECK enum err http_server_listen_tcp(struct http_server *server, const char *host, uint16_t port);
/* Replaces a stale socket file; mode is the file's, 0660. errors: ERR_IO, ERR_TOO_BIG, ERR_EXISTS (somebody listens there) */
MUST_CHECK enum err http_server_listen_unix(struct http_server *server, const char *path, unsigned mode);
MUST_CHECK enum err http_server_listen_fd(struct http_server *server, int fd);
uint16_t http_server_port(const struct http_server *server);
/* Takes no new connections; running requests may still be answered. */
void http_server_stop_listening(struct http_server *server);
size_t http_server_connections(const struct http_server *server);
void http_server_free(struct http_server *server);

const char *http_request_method(const struct http_request *request); /* "GET", "POST", "PUT", "DELETE" */
const char *http_request_path(const struct http_request *request);   /* percent-decoded, without the query */
/* One query parameter, decoded; NULL when absent. Lives as long as the request. */
const char *http_request_query(struct http_request *request, const char *name);
const char *http_request_header(const struct http_request *request, const char *name); /* NULL when absent */
const char *http_request_body(struct http_request *request, size_t *len);
/* Textual address of the peer, "" on a Unix socket. */
const char *http_request_peer(const struct http_request *request);
/* The client went away before it was answered: the answer is thrown away. Checked by http_answer_* themselves. */
bool http_request_is_gone(const struct http_request *request);

void http_answer(struct http_request *request, int status, const char *content_type, const void *body, size_t len);
/* A long answer in pieces: start, any number of pieces, end. `on_ready` is called when the last piece has been written out and
 * more may be given (so that a download never piles up in memory), and with gone = true when the client left. */
void http_answer_start(struct http_request *request, int status, const char *content_type);
void http_answer_piece(struct http_request *request, const void *bytes, size_t len,
                       void (*on_ready)(void *arg, bool gone), void *arg);
void http_answer_end(struct http_request *request);
void http_answer_header(struct http_request *request, const char *name, const char *value); /* before http_answer* */
