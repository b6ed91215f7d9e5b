/* A line is one connection: closed, or idle, or with one job. Only the status of an answer matters;
 * its body is read to know where the next answer begins, and a connection whose answer has no plain
 * length is closed after it. */
#include "sim/push.h"

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
#include <unistd.h>

#define ANSWER_MAX 16384 /* headers and what is read of the body at a time */

struct line {
    struct push *push;
    int fd; /* -1: closed */
    struct event *readable, *writable, *timer;
    bool busy;
    void *job;
    char *out;
    size_t out_len, out_at, out_cap;
    char in[ANSWER_MAX + 1];
    size_t in_len;
    int status;       /* 0: the headers are not in */
    size_t body_left; /* of the answer's body */
    bool close_after;
};

struct push {
    struct event_base *base;
    push_done_fn *on_done;
    void *arg;
    int64_t timeout_ms;
    struct sockaddr_storage address;
    socklen_t address_len;
    char *head; /* request line and headers up to the length */
    struct line *lines;
    size_t n_lines;
    struct line **idle;
    size_t n_idle;
};

static void line_close(struct line *line)
{
    if (line->fd >= 0) {
        event_del(line->readable);
        event_del(line->writable);
        close(line->fd);
        line->fd = -1;
    }
}

static void line_done(struct line *line, enum push_end end)
{
    struct push *push = line->push;
    event_del(line->timer);
    event_del(line->writable);
    if (end == PUSH_BROKEN || line->close_after) {
        line_close(line);
    }
    line->busy = false;
    push->idle[push->n_idle++] = line;
    push->on_done(push->arg, line->job, end);
}

static void line_finish(struct line *line)
{
    line_done(line, line->status >= 200 && line->status < 300 ? PUSH_ACKNOWLEDGED : PUSH_REFUSED);
}

/* Reads the headers of an answer once they are all there. gives: false when this is no answer */
static bool take_headers(struct line *line)
{
    char *end = strstr(line->in, "\r\n\r\n");
    if (!end) {
        return line->in_len < ANSWER_MAX;
    }
    if (strncmp(line->in, "HTTP/1.", 7) != 0 || line->in_len < 12) {
        return false;
    }
    *end = '\0';
    line->status = atoi(line->in + 9);
    if (line->status == 100) {
        return false; /* nobody asked for it */
    }
    const char *length = strcasestr(line->in, "\r\ncontent-length:");
    const char *connection = strcasestr(line->in, "\r\nconnection: close");
    line->close_after = connection || (!length && line->status != 204);
    line->body_left = length ? strtoull(length + 17, NULL, 10) : 0;
    size_t came = line->in_len - (size_t)(end + 4 - line->in);
    if (came > line->body_left) {
        line->close_after = true; /* more than the answer: do not guess what it is */
        came = line->body_left;
    }
    line->body_left -= came;
    line->in_len = 0;
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct line *line = arg;
    size_t at = line->status == 0 ? line->in_len : 0;
    ssize_t n = recv(fd, line->in + at, ANSWER_MAX - at, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0 || !line->busy) {
        /* The end of an idle connection, or bytes nobody asked for. */
        if (line->busy) {
            line_done(line, PUSH_BROKEN);
        } else {
            line_close(line);
        }
        return;
    }
    if (line->status == 0) {
        line->in_len += (size_t)n;
        line->in[line->in_len] = '\0';
        if (!take_headers(line)) {
            line_done(line, PUSH_BROKEN);
            return;
        }
    } else {
        line->body_left -= (size_t)n < line->body_left ? (size_t)n : line->body_left;
    }
    if (line->status != 0 && line->body_left == 0) {
        line_finish(line);
    }
}

static void line_write(struct line *line)
{
    ssize_t n =
        send(line->fd, line->out + line->out_at, line->out_len - line->out_at, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
        event_active(line->timer, EV_WRITE, 0); /* from the loop: push_post must not call back */
        return;
    }
    line->out_at += n > 0 ? (size_t)n : 0;
    if (line->out_at < line->out_len) {
        event_add(line->writable, NULL);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct line *line = arg;
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        line_done(line, PUSH_BROKEN);
    } else {
        line_write(line);
    }
}

/* The time is up, or line_open() or line_write() failed at once. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    line_done(arg, PUSH_BROKEN);
}

static bool line_open(struct line *line)
{
    struct push *push = line->push;
    int on = 1, fd = socket(push->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&push->address, push->address_len) < 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    line->fd = fd;
    event_assign(line->readable, push->base, fd, EV_READ | EV_PERSIST, on_readable, line);
    event_assign(line->writable, push->base, fd, EV_WRITE, on_writable, line);
    event_add(line->readable, NULL);
    return true;
}

static bool line_fill(struct line *line, const char *body, size_t len)
{
    size_t need = strlen(line->push->head) + 32 + len;
    if (need > line->out_cap) {
        char *out = realloc(line->out, need);
        if (!out) {
            return false;
        }
        line->out = out;
        line->out_cap = need;
    }
    int head = snprintf(line->out, line->out_cap, "%s%zu\r\n\r\n", line->push->head, len);
    memcpy(line->out + head, body, len);
    line->out_len = (size_t)head + len;
    return true;
}

void push_post(struct push *push, const char *body, size_t len, void *job)
{
    assert(push->n_idle > 0);
    struct line *line = push->idle[--push->n_idle];
    line->busy = true;
    line->job = job;
    line->out_at = line->out_len = line->in_len = 0;
    line->status = 0;
    line->close_after = false;
    bool fresh = line->fd < 0;
    if (!line_fill(line, body, len) || (fresh && !line_open(line))) {
        event_active(line->timer, EV_WRITE, 0);
        return;
    }
    struct timeval wait = {push->timeout_ms / 1000, push->timeout_ms % 1000 * 1000};
    event_add(line->timer, &wait);
    if (fresh) {
        event_add(line->writable, NULL);
    } else {
        line_write(line);
    }
}

bool push_ready(const struct push *push)
{
    return push->n_idle > 0;
}

size_t push_running(const struct push *push)
{
    return push->n_lines - push->n_idle;
}

/* Splits http://HOST[:PORT]/PATH, looks the host up, and makes the constant part of the requests.
 */
static enum err take_url(struct push *push, const char *url)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0) {
        return ERR_INVALID;
    }
    const char *place = url + sizeof scheme - 1;
    size_t len = strcspn(place, "/");
    char host[256], *port = NULL;
    if (len == 0 || len >= sizeof host || url[strcspn(url, " \r\n")]) {
        return ERR_INVALID;
    }
    snprintf(host, sizeof host, "%.*s", (int)len, place);
    char *colon = strrchr(host, ':');
    if (colon) {
        *colon = '\0';
        port = colon + 1;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    if (getaddrinfo(host, port ? port : "80", &hints, &found) != 0) {
        return ERR_NOT_FOUND;
    }
    memcpy(&push->address, found->ai_addr, found->ai_addrlen);
    push->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    int n = asprintf(
        &push->head,
        "POST %s HTTP/1.1\r\nHost: %.*s\r\nContent-Type: application/json;charset=UTF-8\r\n"
        "Content-Length: ",
        place[len] ? place + len : "/", (int)len, place);
    return n < 0 ? ERR_NOMEM : ERR_OK;
}

static enum err make_lines(struct push *push, size_t n)
{
    push->lines = calloc(n, sizeof *push->lines);
    push->idle = calloc(n, sizeof(struct line *));
    if (!push->lines || !push->idle) {
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        struct line *line = &push->lines[i];
        line->push = push;
        line->fd = -1;
        line->readable = event_new(push->base, -1, 0, on_readable, line);
        line->writable = event_new(push->base, -1, 0, on_writable, line);
        line->timer = event_new(push->base, -1, 0, on_timer, line);
        push->n_lines++;
        if (!line->readable || !line->writable || !line->timer) {
            return ERR_NOMEM;
        }
        push->idle[push->n_idle++] = line;
    }
    return ERR_OK;
}

enum err push_new(struct event_base *base, const char *url, size_t connections, int64_t timeout_ms,
                  push_done_fn *on_done, void *arg, struct push **out)
{
    struct push *push = calloc(1, sizeof *push);
    if (!push) {
        return ERR_NOMEM;
    }
    push->base = base;
    push->on_done = on_done;
    push->arg = arg;
    push->timeout_ms = timeout_ms;
    enum err error = take_url(push, url);
    if (error == ERR_OK) {
        error = make_lines(push, connections);
    }
    if (error != ERR_OK) {
        push_free(push);
        return error;
    }
    *out = push;
    return ERR_OK;
}

static void free_event(struct event *event)
{
    if (event) {
        event_free(event);
    }
}

void push_free(struct push *push)
{
    if (!push) {
        return;
    }
    for (size_t i = 0; i < push->n_lines; i++) {
        struct line *line = &push->lines[i];
        line_close(line);
        free_event(line->readable);
        free_event(line->writable);
        free_event(line->timer);
        free(line->out);
    }
    free(push->lines);
    free(push->idle);
    free(push->head);
    free(push);
}
