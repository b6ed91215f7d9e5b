/* A connection is in one of three states: reading (collecting a request in `in`), busy (the handler
 * has it), writing (`out` is on its way). While busy it goes on watching for the client's end, but
 * a gone connection is only freed once it was answered, so that an answer on a timer never meets
 * freed memory. */
#include "sim/wire.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"

#define IN_START_BYTES 4096
#define ACCEPT_BURST 64
#define LISTENERS_MAX 4

enum conn_state { CONN_READING, CONN_BUSY, CONN_WRITING };
enum after_writing { AFTER_KEEP, AFTER_CLOSE };

struct listener {
    struct wire *wire;
    struct event *event; /* NULL while refusing */
    struct sockaddr_storage address;
    socklen_t address_len;
    bool may_refuse;
};

struct wire_conn {
    struct wire *wire;
    struct wire_conn *next, **link;
    struct listener *listener;
    int fd;
    enum conn_state state;
    bool gone;       /* the client left while we were busy */
    bool close_wish; /* the client said Connection: close */
    bool forever;    /* wire_answer_never */
    struct event *readable, *writable, *timer;
    char *in;
    size_t in_len, in_cap;
    size_t request_len; /* of the request that is being answered, within in_len */
    uint64_t served;
    char *out; /* owned; what the socket did not take at once */
    size_t out_len, out_at;
    enum after_writing after;
    int64_t drip_ms; /* > 0: one byte of `out` a tick */
};

struct wire {
    struct event_base *base;
    wire_handler_fn *handler;
    void *arg;
    struct listener listeners[LISTENERS_MAX];
    size_t n_listeners;
    struct wire_conn *conns;
    size_t n_conns;
};

static void conn_free(struct wire_conn *conn)
{
    *conn->link = conn->next;
    if (conn->next) {
        conn->next->link = conn->link;
    }
    conn->wire->n_conns--;
    event_free(conn->readable);
    event_free(conn->writable);
    event_free(conn->timer);
    close(conn->fd);
    free(conn->in);
    free(conn->out);
    free(conn);
}

/* ---- requests in */

static char *find_header(char *headers, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    for (char *line = strstr(headers, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_len) == 0 && line[name_len] == ':') {
            char *value = line + name_len + 1;
            value += strspn(value, " \t");
            *len = strcspn(value, "\r");
            return value;
        }
    }
    return NULL;
}

static bool header_is(char *headers, const char *name, const char *value)
{
    size_t len;
    char *found = find_header(headers, name, &len);
    return found && len == strlen(value) && strncasecmp(found, value, len) == 0;
}

/* Splits "POST /path?query HTTP/1.1" in place. */
static bool split_request_line(char *line, struct wire_request *request)
{
    char *space = strchr(line, ' ');
    if (!space) {
        return false;
    }
    char *target = space + 1, *end = strchr(target, ' ');
    if (!end || strncmp(end, " HTTP/1.", 8) != 0) {
        return false;
    }
    *space = '\0';
    *end = '\0';
    target[strcspn(target, "?")] = '\0';
    request->method = line;
    request->path = target;
    return true;
}

static void refuse_request(struct wire_conn *conn, int status)
{
    conn->close_wish = true;
    conn->request_len = conn->in_len;
    conn->state = CONN_BUSY;
    wire_answer(conn, &(struct wire_answer){status, "text/plain", NULL, "", 0});
}

/* The body's length by its header. gives: an HTTP status when the request cannot be taken, 0 when
 * it can */
static int body_length(char *headers, size_t *len)
{
    size_t value_len;
    *len = 0;
    if (find_header(headers, "Transfer-Encoding", &value_len)) {
        return 411;
    }
    char *value = find_header(headers, "Content-Length", &value_len), *end;
    if (!value) {
        return 0;
    }
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (end != value + value_len || value_len == 0 || *value == '-' || errno) {
        return 400;
    }
    if (number > WIRE_BODY_MAX) {
        return 413;
    }
    *len = (size_t)number;
    return 0;
}

/* The length of the whole request once its headers are there. gives: 0 when more is needed, or when
 * it was refused */
static size_t request_length(struct wire_conn *conn, size_t *headers_len)
{
    char *end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);
    if (!end) {
        if (conn->in_len > WIRE_HEADERS_MAX) {
            refuse_request(conn, 431);
        }
        return 0;
    }
    *headers_len = (size_t)(end - conn->in) + 4;
    char kept = end[2]; /* ends the headers for the searches below, and comes back: more of the body
                           may be on its way */
    end[2] = '\0';
    size_t body_len;
    int status = memchr(conn->in, '\0', *headers_len - 1) != end + 2
                     ? 400
                     : body_length(conn->in, &body_len);
    bool expects = status == 0 && conn->in_len == *headers_len &&
                   header_is(conn->in, "Expect", "100-continue");
    conn->close_wish = header_is(conn->in, "Connection", "close");
    end[2] = kept;
    if (status != 0) {
        refuse_request(conn, status);
        return 0;
    }
    if (expects) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        (void)!send(conn->fd, go_on, sizeof go_on - 1, MSG_NOSIGNAL);
    }
    return *headers_len + body_len;
}

/* Hands a complete request to the handler; answered() sees to a next one that came with it. */
static void take_requests(struct wire_conn *conn)
{
    size_t headers_len, len;
    if (conn->in_len == 0 || (len = request_length(conn, &headers_len)) == 0 ||
        conn->in_len < len) {
        return;
    }
    struct wire_request request = {.body = conn->in + headers_len,
                                   .len = len - headers_len,
                                   .served = conn->served,
                                   .conn = conn};
    conn->in[headers_len - 2] = '\0';
    conn->in[strcspn(conn->in, "\r")] = '\0';
    if (!split_request_line(conn->in, &request)) {
        refuse_request(conn, 400);
        return;
    }
    conn->request_len = len;
    conn->served++;
    conn->state = CONN_BUSY;
    conn->wire->handler(conn->wire->arg, &request);
}

static bool make_room(struct wire_conn *conn)
{
    if (conn->in_cap - conn->in_len > 1) {
        return true;
    }
    size_t cap = conn->in_cap ? conn->in_cap * 2 : IN_START_BYTES;
    if (cap > WIRE_HEADERS_MAX + 2u * WIRE_BODY_MAX) {
        return false;
    }
    char *in = realloc(conn->in, cap);
    if (!in) {
        return false;
    }
    conn->in = in;
    conn->in_cap = cap;
    return true;
}

static void client_left(struct wire_conn *conn)
{
    if (conn->state == CONN_BUSY && !conn->forever) {
        conn->gone = true;
        event_del(conn->readable);
    } else {
        conn_free(conn);
    }
}

/* While the handler has the request, its memory stays where it is and the next request waits in the
 * socket: a byte is only looked at, to notice the client's end. */
static void watch_busy(struct wire_conn *conn)
{
    char byte;
    ssize_t n = recv(conn->fd, &byte, 1, MSG_PEEK);
    if (n > 0) {
        event_del(conn->readable);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        client_left(conn);
    }
}

static void conn_read(struct wire_conn *conn)
{
    if (!make_room(conn)) {
        conn_free(conn);
        return;
    }
    ssize_t n = recv(conn->fd, conn->in + conn->in_len, conn->in_cap - conn->in_len - 1, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        conn_free(conn);
        return;
    }
    conn->in_len += (size_t)n;
    conn->in[conn->in_len] = '\0';
    take_requests(conn);
}

/* EV_TIMEOUT says that answered() asks for the next request of a row that was sent at once. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct wire_conn *conn = arg;
    if (conn->state != CONN_READING) {
        watch_busy(conn);
    } else if (what & EV_TIMEOUT) {
        take_requests(conn);
    } else {
        conn_read(conn);
    }
}

/* ---- answers out */

static void reset_and_free(struct wire_conn *conn)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn_free(conn);
}

/* The answer is out: the connection is ready for the next request. */
static void answered(struct wire_conn *conn)
{
    free(conn->out);
    conn->out = NULL;
    if (conn->gone || conn->after == AFTER_CLOSE || conn->close_wish) {
        conn_free(conn);
        return;
    }
    conn->in_len -= conn->request_len;
    memmove(conn->in, conn->in + conn->request_len, conn->in_len);
    conn->request_len = 0;
    conn->state = CONN_READING;
    event_add(conn->readable, NULL);
    if (conn->in_len > 0) {
        /* A pipelined request: from the loop, so that a long row of them does not nest. */
        event_active(conn->readable, EV_TIMEOUT, 0);
    }
}

static void write_some(struct wire_conn *conn)
{
    size_t left = conn->out_len - conn->out_at;
    size_t want = conn->drip_ms > 0 && left > 1 ? 1 : left;
    ssize_t n = send(conn->fd, conn->out + conn->out_at, want, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        conn_free(conn);
        return;
    }
    conn->out_at += n > 0 ? (size_t)n : 0;
    if (conn->out_at == conn->out_len) {
        answered(conn);
    } else if (conn->drip_ms > 0) {
        struct timeval wait = {conn->drip_ms / 1000, conn->drip_ms % 1000 * 1000};
        event_add(conn->timer, &wait);
    } else {
        event_add(conn->writable, NULL);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    write_some(arg);
}

static const char *status_word(int status)
{
    static const struct {
        int status;
        const char *word;
    } words[] = {{200, "OK"},
                 {400, "Bad Request"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {411, "Length Required"},
                 {413, "Content Too Large"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {500, "Internal Server Error"},
                 {502, "Bad Gateway"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].status == status) {
            return words[i].word;
        }
    }
    return "Whatever";
}

/* Writes what the socket takes of `head` and the first `body_len` bytes of the body, and keeps the
 * rest for later. */
static void write_answer(struct wire_conn *conn, char *head, size_t head_len, const char *body,
                         size_t body_len)
{
    struct iovec parts[2] = {{head, head_len}, {(char *)body, body_len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = conn->drip_ms > 0 ? 1 : 2};
    ssize_t sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        conn_free(conn);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0, all = head_len + body_len;
    conn->state = CONN_WRITING;
    if (done == all) {
        answered(conn);
        return;
    }
    conn->out = malloc(all - done);
    if (!conn->out) {
        conn_free(conn);
        return;
    }
    size_t head_left = done < head_len ? head_len - done : 0;
    memcpy(conn->out, head + head_len - head_left, head_left);
    size_t body_done = done > head_len ? done - head_len : 0;
    memcpy(conn->out + head_left, body + body_done, body_len - body_done);
    conn->out_len = all - done;
    conn->out_at = 0;
    write_some(conn);
}

static void answer_part(struct wire_conn *conn, const struct wire_answer *answer, size_t keep,
                        int64_t drip_ms)
{
    assert(conn->state == CONN_BUSY);
    if (conn->gone) {
        conn_free(conn);
        return;
    }
    char head[512];
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s\r\n",
                       answer->status, status_word(answer->status), answer->content_type,
                       answer->len, conn->close_wish ? "Connection: close\r\n" : "",
                       answer->header ? answer->header : "", answer->header ? "\r\n" : "");
    assert(len > 0 && (size_t)len < sizeof head);
    conn->after = keep < answer->len ? AFTER_CLOSE : AFTER_KEEP;
    conn->drip_ms = drip_ms;
    write_answer(conn, head, (size_t)len, answer->body, keep < answer->len ? keep : answer->len);
}

void wire_answer(struct wire_conn *conn, const struct wire_answer *answer)
{
    answer_part(conn, answer, answer->len, 0);
}

void wire_answer_cut(struct wire_conn *conn, const struct wire_answer *answer, size_t keep)
{
    answer_part(conn, answer, keep, 0);
}

void wire_answer_drip(struct wire_conn *conn, const struct wire_answer *answer, int64_t every_ms)
{
    answer_part(conn, answer, answer->len, every_ms);
}

void wire_answer_close(struct wire_conn *conn, bool reset)
{
    assert(conn->state == CONN_BUSY);
    if (reset) {
        reset_and_free(conn);
    } else {
        conn_free(conn);
    }
}

void wire_answer_never(struct wire_conn *conn)
{
    assert(conn->state == CONN_BUSY);
    if (conn->gone) {
        conn_free(conn);
    } else {
        conn->forever = true;
    }
}

/* ---- connections */

static void conn_new(struct listener *listener, int fd)
{
    struct wire *wire = listener->wire;
    struct wire_conn *conn = wire->n_conns < WIRE_CONNECTIONS_MAX ? calloc(1, sizeof *conn) : NULL;
    if (!conn) {
        close(fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn->wire = wire;
    conn->listener = listener;
    conn->fd = fd;
    conn->readable = event_new(wire->base, fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->writable = event_new(wire->base, fd, EV_WRITE, on_writable, conn);
    conn->timer = event_new(wire->base, -1, 0, on_writable, conn);
    if (!conn->readable || !conn->writable || !conn->timer) {
        abort(); /* out of memory in a test tool: nothing better to do */
    }
    event_add(conn->readable, NULL);
    conn->next = wire->conns;
    conn->link = &wire->conns;
    if (wire->conns) {
        wire->conns->link = &conn->next;
    }
    wire->conns = conn;
    wire->n_conns++;
}

static void on_connection(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
                log_line(LOG_ERROR, "sim", "event=accept_failed errno=%d", errno);
            }
            return;
        }
        conn_new(arg, accepted);
    }
}

static enum err listener_open(struct listener *listener)
{
    int on = 1,
        fd = socket(listener->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_IO;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&listener->address, listener->address_len) < 0 ||
        listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&listener->address, &listener->address_len) < 0) {
        close(fd);
        return ERR_IO;
    }
    listener->event =
        event_new(listener->wire->base, fd, EV_READ | EV_PERSIST, on_connection, listener);
    if (!listener->event) {
        close(fd);
        return ERR_NOMEM;
    }
    event_add(listener->event, NULL);
    return ERR_OK;
}

static void listener_close(struct listener *listener)
{
    if (listener->event) {
        int fd = event_get_fd(listener->event);
        event_free(listener->event);
        listener->event = NULL;
        close(fd);
    }
}

enum err wire_new(struct event_base *base, wire_handler_fn *handler, void *arg, struct wire **wire)
{
    *wire = calloc(1, sizeof **wire);
    if (!*wire) {
        return ERR_NOMEM;
    }
    (*wire)->base = base;
    (*wire)->handler = handler;
    (*wire)->arg = arg;
    return ERR_OK;
}

void wire_free(struct wire *wire)
{
    if (!wire) {
        return;
    }
    for (size_t i = 0; i < wire->n_listeners; i++) {
        listener_close(&wire->listeners[i]);
    }
    for (struct wire_conn *conn = wire->conns, *next; conn; conn = next) {
        next = conn->next;
        conn_free(conn);
    }
    free(wire);
}

/* "HOST:PORT" to an address. */
static enum err resolve(const char *where, struct listener *listener)
{
    char host[256];
    const char *colon = strrchr(where, ':');
    size_t len = colon ? (size_t)(colon - where) : 0;
    if (!colon || len >= sizeof host) {
        return ERR_INVALID;
    }
    bool bracketed = len >= 2 && where[0] == '[' && where[len - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(bracketed ? len - 2 : len),
             bracketed ? where + 1 : where);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found;
    if (getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found) != 0) {
        return ERR_INVALID;
    }
    memcpy(&listener->address, found->ai_addr, found->ai_addrlen);
    listener->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return ERR_OK;
}

static uint16_t address_port(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

enum err wire_listen(struct wire *wire, const char *where, bool may_refuse, uint16_t *port)
{
    assert(wire->n_listeners < LISTENERS_MAX);
    struct listener *listener = &wire->listeners[wire->n_listeners];
    listener->wire = wire;
    listener->may_refuse = may_refuse;
    enum err error = resolve(where, listener);
    if (error == ERR_OK) {
        error = listener_open(listener);
    }
    if (error == ERR_OK) {
        wire->n_listeners++;
        *port = address_port(&listener->address);
    }
    return error;
}

enum err wire_refuse(struct wire *wire, bool refuse)
{
    enum err error = ERR_OK;
    for (size_t i = 0; i < wire->n_listeners; i++) {
        struct listener *listener = &wire->listeners[i];
        if (!listener->may_refuse) {
            continue;
        }
        if (refuse) {
            listener_close(listener);
        } else if (!listener->event && error == ERR_OK) {
            error = listener_open(listener);
        }
    }
    struct wire_conn *next;
    for (struct wire_conn *conn = wire->conns; refuse && conn; conn = next) {
        next = conn->next;
        if (conn->state == CONN_READING && conn->listener->may_refuse) {
            conn_free(conn);
        }
    }
    return error;
}

size_t wire_connections(const struct wire *wire)
{
    return wire->n_conns;
}
