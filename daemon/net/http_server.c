/* evhttp behind walls. What evhttp 2.1.12 leaves open is closed here:
 *
 * Connections in all: the listener stops accepting at the limit (the kernel queues) and goes on
 * when one closes.
 *
 * Connections an address: evhttp's accept callback cannot be wrapped, so the bufferevent it is
 * given is remembered, looked at in the same turn of the loop, before its first byte is read, and
 * shut down when its address has too many.
 *
 * Deadline of a request: counted from the first byte (evhttp has an inactivity timeout only, which
 * one byte a second defeats). All deadlines are equally long, so the connections that are being
 * read stand in a list ordered by time, and one timer serves all.
 *
 * Bytes a client pushes while its answer is written: a read high-water mark.
 *
 * A connection is ended from here by shutdown(2): evhttp then sees the end of the stream and cleans
 * up by itself. */
#include "net/http_connection.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/http_socket.h"

#define ACCEPT_PAUSE_MS 100    /* after accept() failed for want of descriptors */
#define READ_SLACK_BYTES 65536 /* of the read high-water mark, over headers and body */

/* How many connections one address has. */
struct address {
    struct address *next;
    uint8_t ip[16]; /* IPv4 as v4-mapped */
    uint32_t connections;
};

/* libevent gives the accept-error callback nothing of ours, so the listener is looked up here. */
static LIST_HEAD(, listener) all_listeners = LIST_HEAD_INITIALIZER(all_listeners);

/* ---- addresses */

static struct address **find_address(struct http_server *server, const uint8_t ip[16])
{
    uint64_t halves[2];
    memcpy(halves, ip, sizeof halves);
    uint64_t bucket = digest_mix64(halves[0] ^ digest_mix64(halves[1])) % HTTP_ADDRESS_BUCKETS;
    struct address **at = &server->addresses[bucket];
    while (*at && memcmp((*at)->ip, ip, sizeof(*at)->ip) != 0)
        at = &(*at)->next;
    return at;
}

static void release_address(struct http_server *server, struct address *address)
{
    if (!address || --address->connections > 0)
        return;
    struct address **at = find_address(server, address->ip);
    *at = address->next;
    free(address);
}

/* false: this address has as many as it may. */
static bool count_address(struct http_server *server, struct http_request *r, uint8_t ip[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(ip, mapped, sizeof mapped) != 0)
        memset(ip + 8, 0, 8); /* of IPv6 one subscriber has the whole /64 */
    struct address **at = find_address(server, ip);
    if (!*at) {
        struct address *address = calloc(1, sizeof *address);
        if (!address)
            return false;
        memcpy(address->ip, ip, sizeof address->ip);
        *at = address;
    } else if ((*at)->connections >= server->limits.connections_per_address) {
        return false;
    }
    (*at)->connections++;
    r->address = *at;
    return true;
}

/* Fills r->peer and gives the address; false on a Unix socket or a socket that is already reset. */
static bool read_peer(struct http_request *r, uint8_t ip[16])
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    if (getpeername(r->fd, (struct sockaddr *)&peer, &len))
        return false;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
        memset(ip, 0, 10);
        memset(ip + 10, 0xff, 2);
        memcpy(ip + 12, &v4->sin_addr, 4);
    } else if (peer.ss_family == AF_INET6) {
        memcpy(ip, &((const struct sockaddr_in6 *)&peer)->sin6_addr, 16);
    } else {
        return false;
    }
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    bool is_v4 = memcmp(ip, mapped, sizeof mapped) == 0;
    return inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? ip + 12 : ip, r->peer, sizeof r->peer) !=
           NULL;
}

/* ---- the deadline of requests that are being read */

static void stop_reading_clock(struct http_server *server, struct http_request *r)
{
    if (!r->reading)
        return;
    TAILQ_REMOVE(&server->reading, r, link);
    r->reading = false;
}

static void start_reading_clock(struct http_server *server, struct http_request *r)
{
    if (server->limits.deadline_ms <= 0)
        return;
    r->first_byte_ms = clock_mono_ms();
    if (TAILQ_EMPTY(&server->reading))
        loop_timer_arm(server->deadline, server->limits.deadline_ms);
    TAILQ_INSERT_TAIL(&server->reading, r, link);
    r->reading = true;
}

void http_connection_expect_next(struct http_request *r)
{
    if (evbuffer_get_length(bufferevent_get_input(r->bev)) > 0)
        start_reading_clock(r->listener->server, r);
}

static void on_deadline(void *arg)
{
    struct http_server *server = arg;
    int64_t now_ms = clock_mono_ms();
    struct http_request *r;
    while ((r = TAILQ_FIRST(&server->reading)) != NULL) {
        int64_t left_ms = r->first_byte_ms + server->limits.deadline_ms - now_ms;
        if (left_ms > 0) {
            loop_timer_arm(server->deadline, left_ms);
            return;
        }
        stop_reading_clock(server, r);
        shutdown(r->fd, SHUT_RDWR);
    }
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    (void)buffer;
    struct http_request *r = arg;
    if (info->n_added > 0 && !r->reading && !r->pending && r->fd >= 0)
        start_reading_clock(r->listener->server, r);
}

/* ---- connections */

static void accept_if_allowed(struct listener *listener)
{
    if (listener->bound && !listener->full && !listener->server->held)
        evconnlistener_enable(listener->accepting);
}

static void listener_made_room(struct listener *listener)
{
    if (!listener->full || !listener->bound)
        return;
    listener->full = false;
    accept_if_allowed(listener);
}

static void tell_all(struct http_server *server)
{
    struct http_request *r;
    while ((r = TAILQ_FIRST(&server->to_tell)) != NULL) {
        TAILQ_REMOVE(&server->to_tell, r, link);
        r->to_tell = false;
        void (*on_ready)(void *, bool) = r->on_ready;
        r->on_ready = NULL;
        assert(on_ready); /* or it would not stand here */
        on_ready(r->on_ready_arg, !r->listener);
    }
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_all(arg);
}

void http_connection_tell_later(struct http_server *server, struct http_request *r)
{
    if (r->to_tell)
        return;
    r->to_tell = true;
    TAILQ_INSERT_TAIL(&server->to_tell, r, link);
    event_active(server->tell, EV_TIMEOUT, 0);
}

/* The last thing evhttp does for a connection, from the loop or from evhttp_free(). */
static void on_close(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    struct http_request *r = arg;
    struct listener *listener = r->listener;
    struct http_server *server = listener->server;
    stop_reading_clock(server, r);
    release_address(server, r->address);
    server->by_fd[r->fd] = NULL;
    server->connections--;
    listener->connections--;
    listener_made_room(listener);
    r->listener = NULL;
    if (!r->pending) {
        http_request_forget(r);
        free(r);
        return;
    }
    /* The handler still holds it: it stays, and so does evhttp's request (which evhttp either has
     * let go of already, or will leave alone because it is owned), until the answer comes and is
     * thrown away. */
    evhttp_request_own(r->ev);
    r->orphan_of = server;
    LIST_INSERT_HEAD(&server->orphans, r, orphan_link);
    if (r->on_ready)
        http_connection_tell_later(server, r);
}

static bool remember_fd(struct http_server *server, struct http_request *r)
{
    size_t fd = (size_t)r->fd;
    if (fd >= server->by_fd_n) {
        size_t n = fd + 64;
        struct http_request **grown = realloc(server->by_fd, n * sizeof(struct http_request *));
        if (!grown)
            return false;
        memset(grown + server->by_fd_n, 0, (n - server->by_fd_n) * sizeof(struct http_request *));
        server->by_fd = grown;
        server->by_fd_n = n;
    }
    assert(!server->by_fd[fd]);
    server->by_fd[fd] = r;
    return true;
}

/* A connection that evhttp has taken. Its callbacks carry the evhttp_connection as their argument:
 * that is the only way to it before its first request. */
static void adopt(struct http_server *server, struct http_request *r)
{
    void *evcon = NULL;
    bufferevent_getcb(r->bev, NULL, NULL, NULL, &evcon);
    r->fd = bufferevent_getfd(r->bev);
    bool alive = evcon != NULL && r->fd >= 0;
    if (alive && !remember_fd(server, r)) {
        shutdown(r->fd, SHUT_RDWR); /* evhttp ends it; we never knew it */
        alive = false;
    }
    if (!alive) {
        evbuffer_remove_cb(bufferevent_get_input(r->bev), on_input, r);
        bufferevent_decref(r->bev);
        server->connections--;
        r->listener->connections--;
        listener_made_room(r->listener);
        free(r);
        return;
    }
    assert(evhttp_connection_get_bufferevent(evcon) == r->bev);
    evhttp_connection_set_closecb(evcon, on_close, r);
    bufferevent_decref(r->bev);
    uint8_t ip[16];
    if (!r->listener->is_unix && (!read_peer(r, ip) || !count_address(server, r, ip)))
        shutdown(r->fd, SHUT_RDWR);
}

static void look_at_fresh(struct http_server *server)
{
    struct http_request *r;
    while ((r = TAILQ_FIRST(&server->fresh)) != NULL) {
        TAILQ_REMOVE(&server->fresh, r, link);
        adopt(server, r);
    }
}

static void on_look_at_fresh(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look_at_fresh(arg);
}

/* evhttp asks for the bufferevent of a connection just accepted; it sets the descriptor after this
 * returns. */
static struct bufferevent *on_accept(struct event_base *base, void *arg)
{
    struct listener *listener = arg;
    struct http_server *server = listener->server;
    struct http_request *r = calloc(1, sizeof *r);
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!r || !bev || !evbuffer_add_cb(bufferevent_get_input(bev), on_input, r)) {
        /* Out of memory: evhttp makes one itself, which on_request does not know and refuses. */
        free(r);
        if (bev)
            bufferevent_free(bev);
        return NULL;
    }
    bufferevent_setwatermark(bev, EV_READ, 0,
                             server->limits.headers_max_bytes + server->limits.body_max_bytes +
                                 READ_SLACK_BYTES);
    bufferevent_incref(bev); /* until adopt() */
    r->listener = listener;
    r->bev = bev;
    r->fd = -1;
    TAILQ_INSERT_TAIL(&server->fresh, r, link);
    event_active(server->look_at_fresh, EV_TIMEOUT, 0);
    server->connections++;
    if (++listener->connections >= server->limits.connections_max) {
        listener->full = true;
        evconnlistener_disable(listener->accepting);
    }
    return bev;
}

static void on_resume(void *arg)
{
    accept_if_allowed(arg);
}

/* No descriptor left, most likely. The pending connection keeps the listening socket readable, so
 * without a pause the loop would spin. */
static void on_accept_error(struct evconnlistener *accepting, void *arg)
{
    (void)arg;
    int reason = errno;
    struct listener *listener;
    LIST_FOREACH(listener, &all_listeners, all_link)
    {
        if (listener->accepting == accepting)
            break;
    }
    assert(listener);
    log_line(LOG_WARN, "http", "event=accept_failed errno=%d pause_ms=%d", reason, ACCEPT_PAUSE_MS);
    evconnlistener_disable(accepting);
    loop_timer_arm(listener->resume, ACCEPT_PAUSE_MS);
}

static void on_request(struct evhttp_request *ev, void *arg)
{
    struct listener *listener = arg;
    struct http_server *server = listener->server;
    look_at_fresh(server);
    struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(ev));
    size_t fd = (size_t)bufferevent_getfd(bev);
    struct http_request *r = fd < server->by_fd_n ? server->by_fd[fd] : NULL;
    if (!r) {
        evhttp_send_error(ev, 503, NULL);
        return;
    }
    assert(r->bev == bev);
    stop_reading_clock(server, r);
    r->used = true;
    if (http_request_begin(r, ev))
        server->handler(server->arg, r);
}

/* ---- listening */

static void free_listener(struct listener *listener)
{
    if (listener->http)
        evhttp_free(listener->http); /* also its bound sockets and its connections, which are told
                                        to on_close() */
    if (listener->bound && listener->unix_path)
        unlink(listener->unix_path);
    loop_timer_free(listener->resume);
    free(listener->unix_path);
    LIST_REMOVE(listener, link);
    LIST_REMOVE(listener, all_link);
    free(listener);
}

static struct timeval to_timeval(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static struct evhttp *new_evhttp(struct listener *listener)
{
    const struct http_limits *limits = &listener->server->limits;
    struct evhttp *http = evhttp_new(listener->server->base);
    if (!http)
        return NULL;
    struct timeval idle = to_timeval(limits->idle_ms);
    evhttp_set_timeout_tv(http, &idle);
    evhttp_set_max_headers_size(http, (ev_ssize_t)limits->headers_max_bytes);
    evhttp_set_max_body_size(http, (ev_ssize_t)limits->body_max_bytes);
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                                         EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_PATCH |
                                         EVHTTP_REQ_OPTIONS);
    evhttp_set_default_content_type(http, HTTP_DEFAULT_CONTENT_TYPE);
    /* A body over the limit is read to its end, unstored and under the deadline, so that the client
     * sees the 413 and not a reset. */
    evhttp_set_flags(http, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_bevcb(http, on_accept, listener);
    evhttp_set_gencb(http, on_request, listener);
    return http;
}

/* Takes the descriptor, also when it fails. */
static enum err listen_on(struct http_server *server, int fd, bool is_unix, const char *unix_path)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        close(fd);
        return ERR_NOMEM;
    }
    listener->server = server;
    listener->is_unix = is_unix;
    LIST_INSERT_HEAD(&server->listeners, listener, link);
    LIST_INSERT_HEAD(&all_listeners, listener, all_link);
    listener->resume = loop_timer_new(server->base, on_resume, listener);
    listener->unix_path = unix_path ? strdup(unix_path) : NULL;
    listener->http = new_evhttp(listener);
    if (evutil_make_socket_nonblocking(fd) || evutil_make_socket_closeonexec(fd) ||
        !listener->http || (unix_path && !listener->unix_path)) {
        close(fd);
        free_listener(listener);
        return ERR_NOMEM;
    }
    /* The callback is evhttp's, set by evhttp_bind_listener(). A backlog of 0 does not call
     * listen(2) again. */
    listener->accepting =
        evconnlistener_new(server->base, NULL, NULL,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0, fd);
    listener->bound =
        listener->accepting ? evhttp_bind_listener(listener->http, listener->accepting) : NULL;
    if (!listener->bound) {
        if (listener->accepting)
            evconnlistener_free(listener->accepting);
        else
            close(fd);
        free_listener(listener);
        return ERR_NOMEM;
    }
    evconnlistener_set_error_cb(listener->accepting, on_accept_error);
    accept_if_allowed(listener);
    return ERR_OK;
}

enum err http_server_listen_fd(struct http_server *server, int fd)
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &len)) {
        close(fd);
        return ERR_IO;
    }
    return listen_on(server, fd, own.ss_family == AF_UNIX, NULL);
}

enum err http_server_listen_tcp(struct http_server *server, const char *host, uint16_t port)
{
    int fd = -1;
    enum err err = http_socket_tcp(host, port, &fd);
    return err ? err : listen_on(server, fd, false, NULL);
}

enum err http_server_listen_unix(struct http_server *server, const char *path, unsigned mode)
{
    int fd = -1;
    enum err err = http_socket_unix(path, mode, &fd);
    return err ? err : listen_on(server, fd, true, path);
}

uint16_t http_server_port(const struct http_server *server)
{
    const struct listener *listener;
    LIST_FOREACH(listener, &server->listeners, link)
    {
        if (listener->is_unix || !listener->bound)
            continue;
        union {
            struct sockaddr any;
            struct sockaddr_in v4;
            struct sockaddr_in6 v6;
        } own;
        memset(&own, 0, sizeof own);
        socklen_t len = sizeof own;
        if (!getsockname(evhttp_bound_socket_get_fd(listener->bound), &own.any, &len))
            return ntohs(own.any.sa_family == AF_INET6 ? own.v6.sin6_port : own.v4.sin_port);
    }
    return 0;
}

void http_server_stop_listening(struct http_server *server)
{
    server->stopped = true;
    struct listener *listener;
    LIST_FOREACH(listener, &server->listeners, link)
    {
        if (!listener->bound)
            continue;
        evhttp_del_accept_socket(listener->http, listener->bound);
        listener->bound = NULL;
        listener->accepting = NULL;
        if (listener->unix_path)
            unlink(listener->unix_path);
    }
}

void http_server_hold(struct http_server *server, bool held)
{
    server->held = held;
    struct listener *listener;
    LIST_FOREACH(listener, &server->listeners, link)
    {
        if (held && listener->bound)
            evconnlistener_disable(listener->accepting);
        accept_if_allowed(listener);
    }
}

size_t http_server_connections(const struct http_server *server)
{
    return server->connections;
}

size_t http_server_busy(const struct http_server *server)
{
    size_t busy = 0;
    const struct http_request *r;
    TAILQ_FOREACH(r, &server->fresh, link)
    {
        busy++;
    }
    for (size_t fd = 0; fd < server->by_fd_n; fd++) {
        r = server->by_fd[fd];
        busy += r && (!r->used || r->reading || r->pending ||
                      evbuffer_get_length(bufferevent_get_output(r->bev)) > 0);
    }
    return busy;
}

enum err http_server_new(struct event_base *base, const struct http_limits *limits,
                         http_handler_fn *handler, void *arg, struct http_server **out)
{
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return ERR_NOMEM;
    server->base = base;
    server->limits = *limits;
    server->handler = handler;
    server->arg = arg;
    LIST_INIT(&server->listeners);
    LIST_INIT(&server->orphans);
    TAILQ_INIT(&server->fresh);
    TAILQ_INIT(&server->reading);
    TAILQ_INIT(&server->to_tell);
    server->deadline = loop_timer_new(base, on_deadline, server);
    server->look_at_fresh = event_new(base, -1, 0, on_look_at_fresh, server);
    server->tell = event_new(base, -1, 0, on_tell, server);
    server->piece = evbuffer_new();
    if (!server->look_at_fresh || !server->tell || !server->piece) {
        http_server_free(server);
        return ERR_NOMEM;
    }
    /* A client that leaves must not end the process. */
    struct sigaction now;
    if (!sigaction(SIGPIPE, NULL, &now) && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
    *out = server;
    return ERR_OK;
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    look_at_fresh(server);
    struct listener *next;
    for (struct listener *listener = LIST_FIRST(&server->listeners); listener; listener = next) {
        next = LIST_NEXT(listener, link);
        free_listener(listener);
    }
    tell_all(server);
    struct http_request *r;
    while ((r = LIST_FIRST(&server->orphans)) !=
           NULL) { /* answered later by their handlers, or never */
        LIST_REMOVE(r, orphan_link);
        r->orphan_of = NULL;
    }
    assert(server->connections == 0);
    loop_timer_free(server->deadline);
    if (server->look_at_fresh)
        event_free(server->look_at_fresh);
    if (server->tell)
        event_free(server->tell);
    if (server->piece)
        evbuffer_free(server->piece);
    free(server->by_fd);
    free(server);
}
