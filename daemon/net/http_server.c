/* evhttp behind walls. What evhttp 2.1.12 leaves open is closed here:
 *
 *  - connections in all: the listener stops accepting at the limit (the kernel queues) and goes on
 * when one closes;
 *  - connections an address: evhttp's accept callback cannot be wrapped, so the bufferevent it is
 * given is remembered, looked at in the same turn of the loop, before its first byte is read, and
 * shut down when its address has too many;
 *  - deadline of a request: counted from the first byte (evhttp has an inactivity timeout only,
 * which one byte a second defeats). All deadlines are equally long, so the connections that are
 * being read stand in a list ordered by time, and one timer serves all;
 *  - bytes a client pushes while its answer is written: a read high-water mark;
 *  - Transfer-Encoding in requests (evhttp's chunk parser is lenient) and a second Content-Length
 * (evhttp heeds the first, a proxy may heed the last): refused, and the connection closed.
 *
 * A connection is ended from here by shutdown(2): evhttp then sees the end of the stream and cleans
 * up by itself. */
#include "net/http_server.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"

#define BACKLOG 1024
#define ACCEPT_PAUSE_MS 100          /* after accept() failed for want of descriptors */
#define READ_SLACK_BYTES (64 * 1024) /* of the read high-water mark, over headers and body */
#define ADDRESS_BUCKETS 1024
#define QUERY_MAX 32
#define DEFAULT_CONTENT_TYPE "application/octet-stream"

/* The parameters of a request, decoded in place in a copy. */
struct query {
    size_t n;
    struct {
        const char *name, *value;
    } items[QUERY_MAX];
    char bytes[];
};

/* How many connections one address has. */
struct address {
    struct address *next;
    uint8_t ip[16]; /* IPv4 as v4-mapped */
    uint32_t connections;
};

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
    struct address *addresses[ADDRESS_BUCKETS];
    bool stopped;
};

/* libevent gives the accept-error callback the evhttp and nothing of ours, so that is found here.
 */
static LIST_HEAD(, listener) all_listeners = LIST_HEAD_INITIALIZER(all_listeners);

/* ---- addresses */

static struct address **find_address(struct http_server *server, const uint8_t ip[16])
{
    uint64_t halves[2];
    memcpy(halves, ip, sizeof halves);
    uint64_t bucket = digest_mix64(halves[0] ^ digest_mix64(halves[1])) % ADDRESS_BUCKETS;
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
static bool count_address(struct http_server *server, struct http_request *r, const uint8_t ip[16])
{
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

static void forget_request(struct http_request *r)
{
    free(r->path);
    r->path = NULL;
    free(r->query);
    r->query = NULL;
    r->ev = NULL;
    r->pending = r->streaming = false;
    r->on_ready = NULL;
}

static void listener_made_room(struct listener *listener)
{
    if (!listener->full || !listener->bound)
        return;
    listener->full = false;
    evconnlistener_enable(listener->accepting);
}

static void tell_later(struct http_server *server, struct http_request *r)
{
    if (r->to_tell)
        return;
    r->to_tell = true;
    TAILQ_INSERT_TAIL(&server->to_tell, r, link);
    event_active(server->tell, EV_TIMEOUT, 0);
}

static void tell_all(struct http_server *server)
{
    struct http_request *r;
    while ((r = TAILQ_FIRST(&server->to_tell)) != NULL) {
        TAILQ_REMOVE(&server->to_tell, r, link);
        r->to_tell = false;
        void (*on_ready)(void *, bool) = r->on_ready;
        r->on_ready = NULL;
        on_ready(r->on_ready_arg, !r->listener);
    }
}

static void on_tell(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_all(arg);
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
        forget_request(r);
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
        tell_later(server, r);
}

static bool remember_fd(struct http_server *server, struct http_request *r)
{
    size_t fd = (size_t)r->fd;
    if (fd >= server->by_fd_n) {
        size_t n = fd + 64;
        struct http_request **grown = realloc(server->by_fd, n * sizeof *grown);
        if (!grown)
            return false;
        memset(grown + server->by_fd_n, 0, (n - server->by_fd_n) * sizeof *grown);
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
    struct listener *listener = arg;
    if (listener->bound && !listener->full)
        evconnlistener_enable(listener->accepting);
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

/* ---- requests */

/* Percent-decodes the path when it needs it. false: it hides a NUL, or there is no memory. */
static bool decode_path(struct http_request *r)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->ev);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    if (!path)
        return false;
    if (!strchr(path, '%'))
        return true;
    size_t len = 0;
    r->path = evhttp_uridecode(path, 0, &len);
    return r->path && strlen(r->path) == len;
}

/* A status to refuse with, or 0. What evhttp and a proxy in front may read differently is not let
 * through. */
static int check_framing(const struct evkeyvalq *headers)
{
    const struct evkeyval *header;
    size_t lengths = 0;
    TAILQ_FOREACH(header, headers, next)
    {
        if (evutil_ascii_strcasecmp(header->key, "Transfer-Encoding") == 0)
            return 411;
        lengths += evutil_ascii_strcasecmp(header->key, "Content-Length") == 0;
    }
    return lengths > 1 ? 400 : 0;
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
    assert(r->bev == bev && !r->pending);
    stop_reading_clock(server, r);
    r->ev = ev;
    r->pending = true;
    int refusal = check_framing(evhttp_request_get_input_headers(ev));
    if (refusal) {
        http_answer_header(r, "Connection", "close");
        http_answer(r, refusal, "text/plain", "send one Content-Length\n", 24);
    } else if (!decode_path(r)) {
        http_answer(r, 400, "text/plain", "bad path\n", 9);
    } else {
        server->handler(server->arg, r);
    }
}

const char *http_request_method(const struct http_request *request)
{
    switch (evhttp_request_get_command(request->ev)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    default:
        return "DELETE"; /* evhttp lets no other through */
    }
}

const char *http_request_path(const struct http_request *request)
{
    return request->path ? request->path
                         : evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request->ev));
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* In place: %xx (never to a NUL) and plus signs. */
static void decode_in_place(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        int high = *from == '%' ? hex_digit(from[1]) : -1,
            low = high >= 0 ? hex_digit(from[2]) : -1;
        if (low >= 0 && (high | low) != 0) {
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *to++ = *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
}

/* "a=1&b&c=x%20y"; what is beyond QUERY_MAX is not seen. NULL: no memory. */
static struct query *parse_query(const char *text)
{
    size_t size = strlen(text) + 1;
    struct query *query = malloc(sizeof *query + size);
    if (!query)
        return NULL;
    query->n = 0;
    memcpy(query->bytes, text, size);
    char *rest = query->bytes, *item;
    while ((item = strsep(&rest, "&")) != NULL && query->n < QUERY_MAX) {
        char *value = strchr(item, '=');
        if (value)
            *value++ = '\0';
        decode_in_place(item);
        if (value)
            decode_in_place(value);
        query->items[query->n].name = item;
        query->items[query->n++].value = value ? value : "";
    }
    return query;
}

const char *http_request_query(struct http_request *request, const char *name)
{
    if (!request->query) {
        const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request->ev));
        request->query = text ? parse_query(text) : NULL;
    }
    for (size_t i = 0; request->query && i < request->query->n; i++) {
        if (strcmp(request->query->items[i].name, name) == 0)
            return request->query->items[i].value;
    }
    return NULL;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request->ev), name);
}

const char *http_request_body(struct http_request *request, size_t *len)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request->ev);
    *len = evbuffer_get_length(body);
    if (*len == 0)
        return "";
    const char *bytes = (const char *)evbuffer_pullup(body, -1);
    if (!bytes)
        *len = 0;
    return bytes ? bytes : "";
}

const char *http_request_peer(const struct http_request *request)
{
    return request->peer;
}

bool http_request_is_gone(const struct http_request *request)
{
    return !request->listener;
}

/* ---- answers */

/* The handler has paid what it owed on a connection that is no more. */
static void release_orphan(struct http_request *r)
{
    if (r->to_tell)
        TAILQ_REMOVE(&r->orphan_of->to_tell, r, link);
    if (r->orphan_of)
        LIST_REMOVE(r, orphan_link);
    evhttp_request_free(r->ev);
    forget_request(r);
    free(r);
}

void http_answer_header(struct http_request *request, const char *name, const char *value)
{
    assert(request->pending && !request->streaming);
    evhttp_add_header(evhttp_request_get_output_headers(request->ev), name, value);
}

static void add_default_header(struct evkeyvalq *headers, const char *name, const char *value)
{
    if (!evhttp_find_header(headers, name))
        evhttp_add_header(headers, name, value);
}

static void add_headers(struct http_request *r, const char *content_type)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(r->ev);
    evhttp_add_header(headers, "Content-Type", content_type ? content_type : DEFAULT_CONTENT_TYPE);
    add_default_header(headers, "X-Content-Type-Options", "nosniff");
    add_default_header(headers, "Cache-Control", "no-store");
    if (r->listener->server->stopped)
        add_default_header(headers, "Connection", "close");
}

/* Bytes of a pipelined request that came during this one are waiting already: no read will tell of
 * them. */
static struct evhttp_request *hand_over(struct http_request *r)
{
    struct evhttp_request *ev = r->ev;
    forget_request(r);
    if (evbuffer_get_length(bufferevent_get_input(r->bev)) > 0)
        start_reading_clock(r->listener->server, r);
    return ev;
}

void http_answer(struct http_request *request, int status, const char *content_type,
                 const void *body, size_t len)
{
    assert(request->pending && !request->streaming);
    if (!request->listener) {
        release_orphan(request);
        return;
    }
    add_headers(request, content_type);
    struct evhttp_request *ev = hand_over(request);
    if (len > 0 && evbuffer_add(evhttp_request_get_output_buffer(ev), body, len)) {
        evhttp_send_error(ev, 503, NULL); /* no memory: never a truncated answer */
        return;
    }
    evhttp_send_reply(ev, status, NULL, NULL);
}

void http_answer_start(struct http_request *request, int status, const char *content_type)
{
    assert(request->pending && !request->streaming);
    if (request->listener) {
        add_headers(request, content_type);
        evhttp_send_reply_start(request->ev, status, NULL);
    }
    request->streaming = true;
}

static void on_written(struct evhttp_connection *evcon, void *arg)
{
    (void)evcon;
    struct http_request *r = arg;
    void (*on_ready)(void *, bool) = r->on_ready;
    r->on_ready = NULL;
    if (on_ready && !r->to_tell)
        on_ready(r->on_ready_arg, false);
}

void http_answer_piece(struct http_request *request, const void *bytes, size_t len,
                       void (*on_ready)(void *arg, bool gone), void *arg)
{
    assert(request->pending && request->streaming && !request->on_ready);
    request->on_ready = on_ready;
    request->on_ready_arg = arg;
    if (!request->listener || len == 0) { /* evhttp would not call back for these */
        struct http_server *server =
            request->listener ? request->listener->server : request->orphan_of;
        if (on_ready && server)
            tell_later(server, request);
        return;
    }
    struct evbuffer *piece = request->listener->server->piece;
    if (evbuffer_add(piece, bytes, len)) {
        shutdown(request->fd,
                 SHUT_RDWR); /* no memory: better a broken download than one with a hole */
        return;
    }
    evhttp_send_reply_chunk_with_cb(request->ev, piece, on_ready ? on_written : NULL, request);
}

void http_answer_end(struct http_request *request)
{
    assert(request->pending && request->streaming);
    if (!request->listener) {
        release_orphan(request);
        return;
    }
    if (request->to_tell) {
        TAILQ_REMOVE(&request->listener->server->to_tell, request, link);
        request->to_tell = false;
    }
    evhttp_send_reply_end(hand_over(request)); /* may end the connection, and with it `request` */
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
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                                         EVHTTP_REQ_DELETE);
    evhttp_set_default_content_type(http, DEFAULT_CONTENT_TYPE);
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
    evconnlistener_enable(listener->accepting);
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

static int bind_tcp(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return -1;
    /* Accepted connections inherit TCP_NODELAY. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        bind(fd, to->ai_addr, to->ai_addrlen) || listen(fd, BACKLOG)) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

enum err http_server_listen_tcp(struct http_server *server, const char *host, uint16_t port)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    if (getaddrinfo(host, service, &hints, &found)) {
        errno = EADDRNOTAVAIL;
        return ERR_IO;
    }
    int fd = bind_tcp(found);
    freeaddrinfo(found);
    return fd < 0 ? ERR_IO : listen_on(server, fd, false, NULL);
}

/* ERR_OK: the name is free, or was a dead socket that is removed now. */
static enum err clear_stale_socket(const struct sockaddr_un *to)
{
    struct stat there;
    if (lstat(to->sun_path, &there))
        return errno == ENOENT ? ERR_OK : ERR_IO;
    if (!S_ISSOCK(there.st_mode))
        return ERR_EXISTS;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    int rc = connect(fd, (const struct sockaddr *)to, sizeof *to);
    bool is_dead = rc != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!is_dead)
        return ERR_EXISTS;
    return unlink(to->sun_path) ? ERR_IO : ERR_OK;
}

enum err http_server_listen_unix(struct http_server *server, const char *path, unsigned mode)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        return ERR_TOO_BIG;
    memcpy(to.sun_path, path, strlen(path));
    enum err err = clear_stale_socket(&to);
    if (err)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    mode_t umask_before = umask(0777); /* nobody gets in before the mode is what was asked for */
    int rc = bind(fd, (const struct sockaddr *)&to, sizeof to);
    umask(umask_before);
    if (rc || chmod(path, mode) || listen(fd, BACKLOG)) {
        int reason = errno;
        close(fd);
        if (!rc)
            unlink(path);
        errno = reason;
        return ERR_IO;
    }
    return listen_on(server, fd, true, path);
}

uint16_t http_server_port(const struct http_server *server)
{
    const struct listener *listener;
    LIST_FOREACH(listener, &server->listeners, link)
    {
        if (listener->is_unix || !listener->bound)
            continue;
        struct sockaddr_storage own = {0};
        socklen_t len = sizeof own;
        if (getsockname(evhttp_bound_socket_get_fd(listener->bound), (struct sockaddr *)&own, &len))
            continue;
        return ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
                                               : ((struct sockaddr_in *)&own)->sin_port);
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

size_t http_server_connections(const struct http_server *server)
{
    return server->connections;
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
    struct listener *listener;
    while ((listener = LIST_FIRST(&server->listeners)) != NULL)
        free_listener(listener);
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
