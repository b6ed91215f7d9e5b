/* A load generator for webhooks: one POST a record over keep-alive connections, as fast as the
 * answers come.
 *
 *   bench_post_load HOST PORT PATH CONNECTIONS FILE
 *
 * FILE is the simulator's oracle log: "<request> <msgGroup> <mobile>" a line; each line becomes one
 * report of a delivered message. A line that begins with { is a body as it stands. Prints:
 * requests/s, answers that were not 2xx, broken connections. Pure sockets and epoll: the generator
 * must be cheaper than what it measures. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 4096
#define CONNECTIONS_MAX 1024

struct connection {
    int fd;
    char out[1024];
    size_t out_len, out_at;
    char in[ANSWER_MAX];
    size_t in_len;
};

struct load {
    const char *host, *path;
    unsigned short port;
    FILE *lines;
    int poll;
    unsigned long sent, answered, refused, broken;
    int open;
};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* The length of the body that the line means; 0: none. */
static int body_of(const char *line, char *body, size_t size)
{
    char group[64], mobile[16];
    unsigned long request;
    if (line[0] == '{')
        return snprintf(body, size, "%.*s", (int)strcspn(line, "\n"), line);
    if (sscanf(line, "%lu %63s %15s", &request, group, mobile) != 3)
        return 0;
    return snprintf(
        body, size,
        "{\"errorCode\":\"DELIVRD\",\"mobile\":\"%s\",\"msgGroup\":\"%s\",\"receiveDate\":"
        "\"20261017090105\",\"reportStatus\":\"CM:0000\",\"submitDate\":\"20261017090100\"}",
        mobile, group);
}

/* false: the file is at its end. */
static bool next_request(struct load *load, struct connection *c)
{
    char line[320], body[320];
    int body_len;
    do {
        if (!fgets(line, sizeof line, load->lines))
            return false;
    } while ((body_len = body_of(line, body, sizeof body)) == 0);
    c->out_len =
        (size_t)snprintf(c->out, sizeof c->out,
                         "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
                         "Content-Length: %d\r\n\r\n%s",
                         load->path, load->host, body_len, body);
    c->out_at = 0;
    c->in_len = 0;
    load->sent++;
    return true;
}

static void leave(struct load *load, struct connection *c)
{
    close(c->fd);
    c->fd = -1;
    load->open--;
}

static void push(struct load *load, struct connection *c)
{
    while (c->out_at < c->out_len) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n < 0) {
            load->broken++;
            leave(load, c);
            return;
        }
        c->out_at += (size_t)n;
    }
}

/* Length of the whole answer when it is there, else 0. */
static size_t answer_length(const char *in, size_t len)
{
    const char *end = memmem(in, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    size_t head = (size_t)(end - in) + 4, body = 0;
    const char *length = memmem(in, head, "Content-Length:", 15);
    if (length)
        body = strtoul(length + 15, NULL, 10);
    return len >= head + body ? head + body : 0;
}

static void pull(struct load *load, struct connection *c)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, sizeof c->in - 1 - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        load->broken++;
        leave(load, c);
        return;
    }
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
    if (!answer_length(c->in, c->in_len))
        return;
    load->answered++;
    if (strncmp(c->in + 9, "2", 1) != 0)
        load->refused++;
    if (!next_request(load, c)) {
        leave(load, c);
        return;
    }
    push(load, c);
}

static bool join(struct load *load, struct connection *c)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(load->port)};
    if (inet_pton(AF_INET, load->host, &to.sin_addr) != 1)
        return false;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to))
        return false;
    int one = 1;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(load->poll, EPOLL_CTL_ADD, c->fd, &event);
    load->open++;
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s HOST PORT PATH CONNECTIONS FILE\n", argv[0]);
        return 2;
    }
    static struct connection connections[CONNECTIONS_MAX];
    struct load load = {.host = argv[1], .path = argv[3], .port = (unsigned short)atoi(argv[2])};
    int want = atoi(argv[4]);
    load.lines = fopen(argv[5], "r");
    load.poll = epoll_create1(EPOLL_CLOEXEC);
    if (!load.lines || load.poll < 0 || want < 1 || want > CONNECTIONS_MAX) {
        fprintf(stderr, "%s: cannot start\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    double start = seconds();
    for (int i = 0; i < want; i++) {
        if (!join(&load, &connections[i])) {
            perror("connect");
            return 1;
        }
        if (!next_request(&load, &connections[i])) {
            leave(&load, &connections[i]);
            break;
        }
        push(&load, &connections[i]);
    }
    while (load.open > 0) {
        struct epoll_event events[256];
        int n = epoll_wait(load.poll, events, 256, 10000);
        if (n <= 0)
            break;
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->fd >= 0 && c->out_at < c->out_len)
                push(&load, c);
            if (c->fd >= 0)
                pull(&load, c);
        }
    }
    double took = seconds() - start;
    printf("%.0f %lu %lu\n", (double)load.answered / took, load.refused,
           load.broken + load.sent - load.answered);
    return 0;
}
