/* The simulator's own HTTP/1.1 server, on sockets and not on net/http_server: a carrier that
 * misbehaves has to do what no decent server can be asked for (close before answering, reset, cut
 * an answer short, drip it, say nothing, refuse connections). It is also quick enough to share two
 * cores with the daemon under load.
 *
 * One request at a time a connection; a request body needs a Content-Length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define WIRE_HEADERS_MAX 16384 /* bytes of request line and headers */
#define WIRE_BODY_MAX                                                                              \
    ((size_t)4 * 1024 * 1024) /* 5000 numbers need 80 KiB, 1000 texts about 1 MiB */
#define WIRE_CONNECTIONS_MAX 8192

struct event_base;
struct wire;      /* the server */
struct wire_conn; /* a connection with a request that waits for its answer */

struct wire_request {
    const char *method, *path; /* terminated; the path without its query */
    char *body;                /* may be overwritten by the handler; lives until the answer */
    size_t len;
    uint64_t served; /* requests this connection carried before this one */
    struct wire_conn *conn;
};
/* Called for every complete request. Exactly one of the wire_answer_* functions is to be called for
 * it, now or later. */
typedef void wire_handler_fn(void *arg, struct wire_request *request);

MUST_CHECK enum err wire_new(struct event_base *base, wire_handler_fn *handler, void *arg,
                             struct wire **wire);
/* Every connection is closed; a request that waits must not be answered any more. NULL is fine. */
void wire_free(struct wire *wire);
/* Listens on "HOST:PORT" ("[::1]:0" too). gives: *port, the chosen one when PORT is 0. A server may
 * listen at several places; those opened with `may_refuse` are the ones that wire_refuse() closes.
 * errors: ERR_INVALID, ERR_IO */
MUST_CHECK enum err wire_listen(struct wire *wire, const char *where, bool may_refuse,
                                uint16_t *port);
/* true: closes the listening sockets and the idle connections that came through them, so that
 * connecting is refused; false: listens again at the same ports. errors: ERR_IO (somebody took a
 * port) */
MUST_CHECK enum err wire_refuse(struct wire *wire, bool refuse);
size_t wire_connections(const struct wire *wire);

struct wire_answer {
    int status; /* 200 */
    const char *content_type;
    const char *header; /* one more header line without its end, or NULL */
    const char *body;
    size_t len;
};
/* The normal way: header and body at once, the connection stays open. */
void wire_answer(struct wire_conn *conn, const struct wire_answer *answer);
/* As wire_answer, but only `keep` bytes of the body are written before the connection is closed. */
void wire_answer_cut(struct wire_conn *conn, const struct wire_answer *answer, size_t keep);
/* As wire_answer, but a byte of the body every `every_ms`. */
void wire_answer_drip(struct wire_conn *conn, const struct wire_answer *answer, int64_t every_ms);
/* No answer: the connection is closed, with a reset instead of an end when `reset`. */
void wire_answer_close(struct wire_conn *conn, bool reset);
/* No answer, ever: the connection stays open until the client leaves. */
void wire_answer_never(struct wire_conn *conn);
