/* Inside of the HTTP server: what http_server.c (sockets, connections, limits) and http_request.c
 * (requests, answers) share. Nobody else includes this. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "net/http_server.h"

#define HTTP_DEFAULT_CONTENT_TYPE "application/octet-stream"
#define HTTP_ADDRESS_BUCKETS 1024

struct address;
struct bufferevent;
struct evbuffer;
struct event;
struct evhttp;
struct evhttp_bound_socket;
struct evhttp_request;
struct evconnlistener;
struct loop_timer;
struct query;

struct listener {
    LIST_ENTRY(listener) link;
    LIST_ENTRY(listener) all_link;
    struct http_server *server;
    struct evhttp *http;
    struct evhttp_bound_socket *bound; /* NULL: stopped */
    struct evconnlistener *accepting;  /* owned by bound */
    struct loop_timer *resume;         /* ends a pause for want of descriptors */
    char *unix_path;                   /* NULL: TCP */
    size_t connections;
    bool is_unix, full;
};

/* A connection, and the request in progress on it: evhttp reads the next one only when the last is
 * answered. */
struct http_request {
    TAILQ_ENTRY(http_request) link; /* in fresh, reading or to_tell */
    struct listener *listener;      /* NULL: the connection is closed */
    struct bufferevent *bev;
    int fd;
    struct address *address;
    char peer[INET6_ADDRSTRLEN];
    int64_t first_byte_ms;
    bool used;    /* a whole request came on it */
    bool reading; /* stands in server->reading */
    bool pending; /* the handler owes an answer */
    bool streaming;
    bool to_tell; /* stands in server->to_tell */

    struct http_server *orphan_of; /* closed but not answered: stands in its orphans; NULL when the
                                      server is freed */
    LIST_ENTRY(http_request) orphan_link;

    struct evhttp_request *ev; /* while pending */
    char *path;                /* decoded; NULL: as in ev */
    struct query *query;       /* NULL: not asked for yet */
    void (*on_ready)(void *arg, bool gone);
    void *on_ready_arg;
};
TAILQ_HEAD(request_list, http_request);

struct http_server {
    struct event_base *base;
    struct http_limits limits;
    http_handler_fn *handler;
    void *arg;
    LIST_HEAD(, listener) listeners;
    struct request_list fresh;   /* accepted in this turn, not looked at */
    struct request_list reading; /* by first_byte_ms, oldest first */
    struct request_list to_tell; /* their on_ready is to be called in the next turn */
    LIST_HEAD(, http_request) orphans;
    struct event *look_at_fresh, *tell;
    struct loop_timer *deadline;
    struct http_request **by_fd;
    size_t by_fd_n, connections;
    struct evbuffer *piece;
    struct address *addresses[HTTP_ADDRESS_BUCKETS];
    bool stopped, held;
};

/* ---- of http_server.c */

/* Calls on_ready in the next turn, with gone = the connection is closed. */
void http_connection_tell_later(struct http_server *server, struct http_request *r);
/* The request is over and its answer is on its way: bytes of the next one may be waiting already,
 * and no read will tell. */
void http_connection_expect_next(struct http_request *r);

/* ---- of http_request.c */

/* A request has been read whole. Answers it when it is not fit for the handler. gives: whether the
 * handler is to be called. */
bool http_request_begin(struct http_request *r, struct evhttp_request *ev);
/* Frees what belongs to the request and not to the connection. */
void http_request_forget(struct http_request *r);
