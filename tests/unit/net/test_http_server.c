/* Clients are bare sockets on the same thread: a test sends bytes, turns the loop until what it
 * waits for is there, and looks. */
#include "net/http_server.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "net/http_socket.h"

#define GIVE_UP_MS 20000
#define BODY_MAX 100000

static struct event_base *base;
static struct http_server *server;
static struct http_request *held; /* what the handler keeps for later */
static int handled;
static size_t ready, ready_gone;
static char seen[1024];

/* One handler for all tests; the path says what to do. */
static void on_request(void *arg, struct http_request *r)
{
    (void)arg;
    handled++;
    const char *path = http_request_path(r), *q = http_request_query(r, "q"),
               *x = http_request_header(r, "x-test");
    size_t len;
    const char *body = http_request_body(r, &len);
    snprintf(seen, sizeof seen, "%s %s q=%s x=%s peer=%s body=%.*s", http_request_method(r), path,
             q ? q : "-", x ? x : "-", http_request_peer(r), (int)(len < 64 ? len : 64), body);
    if (strcmp(path, "/hold") == 0) {
        held = r;
        return;
    }
    if (strcmp(path, "/stream") == 0) {
        held = r;
        http_answer_start(r, 200, "text/csv");
        return;
    }
    if (strcmp(path, "/header") == 0) {
        http_answer_header(r, "Cache-Control", "max-age=60");
        http_answer_header(r, "X-Evil", "a\r\nX-Forged: yes");
    }
    if (strcmp(path, "/big") == 0) {
        static char big[4 * 1024 * 1024];
        http_answer(r, 200, NULL, big, sizeof big);
        return;
    }
    http_answer(r, strcmp(path, "/missing") == 0 ? 404 : 200, "application/json", "{}", 2);
}

static struct http_limits limits(void)
{
    return (struct http_limits){.headers_max_bytes = 8192,
                                .body_max_bytes = BODY_MAX,
                                .connections_max = 20,
                                .connections_per_address = 10,
                                .idle_ms = 10000,
                                .deadline_ms = 10000};
}

static void up_with(struct http_limits with)
{
    base = event_base_new();
    held = NULL;
    handled = 0;
    ready = ready_gone = 0;
    seen[0] = '\0';
    assert_int_equal(http_server_new(base, &with, on_request, NULL, &server), ERR_OK);
    assert_int_equal(http_server_listen_tcp(server, "127.0.0.1", 0), ERR_OK);
    assert_int_not_equal(http_server_port(server), 0);
}

static int up(void **state)
{
    (void)state;
    up_with(limits());
    return 0;
}

static int down(void **state)
{
    (void)state;
    http_server_free(server);
    server = NULL;
    event_base_free(base);
    return 0;
}

/* Also turns a little when nothing happens, so that timers get their time. */
static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
    usleep(200);
}

static void turn_for(int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        turn();
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t end_ms = clock_mono_ms() + GIVE_UP_MS;                                             \
        while (!(condition) && clock_mono_ms() < end_ms)                                           \
            turn();                                                                                \
        assert_true(condition);                                                                    \
    } while (0)

static int join(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* A loop turn between parts, so that a large request does not wait for itself. */
static bool put_bytes(int fd, const char *bytes, size_t len)
{
    int64_t end_ms = clock_mono_ms() + GIVE_UP_MS;
    while (len > 0 && clock_mono_ms() < end_ms) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
        turn();
    }
    return len == 0;
}

static void put(int fd, const char *text)
{
    assert_true(put_bytes(fd, text, strlen(text)));
}

struct read {
    char text[16384]; /* the first bytes */
    size_t len;       /* all of them */
    bool closed;
};

static void take(int fd, struct read *read)
{
    static char bytes[65536];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        read->closed = true;
    if (n <= 0)
        return;
    for (ssize_t i = 0; i < n && read->len + (size_t)i < sizeof read->text - 1; i++)
        read->text[read->len + (size_t)i] = bytes[i];
    read->len += (size_t)n;
}

/* Turns until the answers' text holds `what` or the connection ends. */
static void get(int fd, const char *what, struct read *read)
{
    int64_t end_ms = clock_mono_ms() + GIVE_UP_MS;
    while (!read->closed && !(what && strstr(read->text, what)) && clock_mono_ms() < end_ms) {
        turn();
        take(fd, read);
    }
    assert_true(clock_mono_ms() < end_ms);
}

static struct read ask(const char *request, const char *until)
{
    int fd = join();
    put(fd, request);
    struct read read = {0};
    get(fd, until, &read);
    close(fd);
    return read;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void answers_with_default_headers(void **state)
{
    (void)state;
    struct read read = ask(
        "POST /a/b?q=1%202&r HTTP/1.1\r\nHost: x\r\nX-Test: yes\r\nContent-Length: 5\r\n\r\nhello",
        "{}");
    assert_string_equal(seen, "POST /a/b q=1 2 x=yes peer=127.0.0.1 body=hello");
    assert_non_null(strstr(read.text, "HTTP/1.1 200 "));
    assert_non_null(strstr(read.text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(read.text, "Content-Length: 2\r\n"));
    assert_non_null(strstr(read.text, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(read.text, "Cache-Control: no-store\r\n"));
    ask(GET("/?a&b=%3d&q=%e5%b1%b1+%2B%00%zz=&q=second"), "{}");
    assert_string_equal(seen, "GET / q=山 +%00%zz= x=- peer=127.0.0.1 body=");
    read = ask(GET("/missing"), "{}");
    assert_non_null(strstr(read.text, "HTTP/1.1 404 "));
    read = ask("DELETE /d HTTP/1.1\r\nHost: x\r\n\r\n", "{}");
    assert_string_equal(seen, "DELETE /d q=- x=- peer=127.0.0.1 body=");
    read = ask("PUT /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nz", "{}");
    assert_string_equal(seen, "PUT /p q=- x=- peer=127.0.0.1 body=z");
}

static void headers_may_be_set_and_not_forged(void **state)
{
    (void)state;
    struct read read = ask(GET("/header"), "{}");
    assert_non_null(strstr(read.text, "Cache-Control: max-age=60\r\n"));
    assert_null(strstr(read.text, "no-store"));
    assert_null(strstr(read.text, "X-Forged"));
    assert_non_null(strstr(read.text, "nosniff"));
}

static void paths_are_decoded(void **state)
{
    (void)state;
    ask(GET("/%e5%b1%b1/a%2Fb+c"), "{}");
    assert_string_equal(seen, "GET /山/a/b+c q=- x=- peer=127.0.0.1 body=");
    int before = handled;
    struct read read = ask(GET("/a%00b"), "path");
    assert_non_null(strstr(read.text, "HTTP/1.1 400 "));
    assert_int_equal(handled, before);
}

static void other_methods_are_refused(void **state)
{
    (void)state;
    struct read read = ask("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", NULL);
    assert_non_null(strstr(read.text, "HTTP/1.1 501 "));
    assert_int_equal(handled, 0);
    ask("PATCH /p HTTP/1.1\r\nHost: x\r\n\r\n", "{}"); /* the handler knows where it may be */
    assert_string_equal(seen, "PATCH /p q=- x=- peer=127.0.0.1 body=");
    ask("OPTIONS /p HTTP/1.1\r\nHost: x\r\n\r\n", "{}");
    assert_string_equal(seen, "OPTIONS /p q=- x=- peer=127.0.0.1 body=");
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    while ((text = strstr(text, what)) != NULL) {
        n++;
        text += strlen(what);
    }
    return n;
}

/* The connection goes on behind it: what a body would be is not there, in one piece or in many. */
static void head_is_get_without_a_body(void **state)
{
    (void)state;
    struct read read = ask("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"
                           "HEAD /missing HTTP/1.1\r\nHost: x\r\n\r\n" GET("/last"),
                           "{}");
    assert_non_null(strstr(read.text, "HTTP/1.1 200 "));
    assert_non_null(strstr(read.text, "HTTP/1.1 404 "));
    assert_int_equal(count(read.text, "Content-Length: 2\r\n"), 3);
    assert_int_equal(count(read.text, "Content-Type: application/json\r\n"), 3);
    assert_int_equal(count(read.text, "{}"), 1);
    assert_int_equal(handled, 3);
    assert_string_equal(seen, "GET /last q=- x=- peer=127.0.0.1 body=");
}

static void keeps_connections_and_answers_in_order(void **state)
{
    (void)state;
    int fd = join();
    struct read read = {0};
    for (int i = 0; i < 50; i++) {
        read = (struct read){0};
        put(fd, GET("/k"));
        get(fd, "{}", &read);
        assert_false(read.closed);
    }
    assert_int_equal(http_server_connections(server), 1);
    read = (struct read){0}; /* three at once */
    put(fd, GET("/missing") GET("/one") GET("/missing"));
    while (handled < 53 || count(read.text, "{}") < 3) {
        turn();
        take(fd, &read);
        assert_false(read.closed);
    }
    const char *first = strstr(read.text, "404"), *second = first ? strstr(first, "200") : NULL;
    assert_non_null(second);
    assert_non_null(strstr(second, "404"));
    close(fd);
    TURN_UNTIL(http_server_connections(server) == 0);
}

static void an_answer_may_come_later(void **state)
{
    (void)state;
    int fd = join();
    put(fd, GET("/hold"));
    TURN_UNTIL(held);
    turn_for(20);
    http_answer(held, 200, "text/plain", "late", 4);
    struct read read = {0};
    get(fd, "late", &read);
    put(fd, GET("/next"));
    get(fd, "{}", &read);
    close(fd);
}

static void a_client_may_leave_before_its_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        held = NULL;
        int fd = join();
        put(fd, GET("/hold"));
        TURN_UNTIL(held);
        if (i == 1) { /* with a reset instead of an end */
            struct linger off = {.l_onoff = 1};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
        }
        close(fd);
        turn_for(20);
        size_t len;
        http_request_body(held, &len);
        http_request_is_gone(held);
        http_answer(held, 200, "text/plain", "late", 4);
        TURN_UNTIL(http_server_connections(server) == 0);
    }
}

static void a_stop_knows_whom_it_keeps_waiting(void **state)
{
    (void)state;
    assert_int_equal(http_server_busy(server), 0);
    int fd = join(), idle = join();
    struct read read = {0};
    TURN_UNTIL(http_server_busy(server) == 2); /* neither has said anything yet */
    put(idle, GET("/k"));
    get(idle, "{}", &read);
    TURN_UNTIL(http_server_busy(server) == 1); /* kept open between two requests: nobody waits */
    http_server_stop_listening(server);
    put(fd, GET("/hold"));
    TURN_UNTIL(held);
    assert_int_equal(http_server_busy(server), 1);
    http_answer(held, 200, "text/plain", "late", 4);
    read = (struct read){0};
    get(fd, NULL, &read);
    assert_non_null(strstr(read.text, "late"));
    assert_non_null(strstr(read.text, "Connection: close"));
    TURN_UNTIL(http_server_busy(server) == 0);
    close(fd);
    put(idle, "GET /half"); /* a request that has begun */
    TURN_UNTIL(http_server_busy(server) == 1);
    close(idle);
    TURN_UNTIL(http_server_connections(server) == 0);
}

static void freeing_leaves_held_requests_answerable(void **state)
{
    (void)state;
    int one = join(), two = join(), three = join();
    put(one, GET("/hold?q=z"));
    TURN_UNTIL(held);
    struct http_request *first = held;
    held = NULL;
    put(two, GET("/stream"));
    TURN_UNTIL(held);
    put(three, "GET /half");
    turn_for(10);
    http_server_free(server);
    server = NULL;
    assert_true(http_request_is_gone(first));
    assert_string_equal(http_request_path(first), "/hold");
    assert_string_equal(http_request_query(first, "q"), "z");
    http_answer(first, 200, "text/plain", "late", 4);
    http_answer_piece(held, "x", 1, NULL, NULL);
    http_answer_end(held);
    struct read read = {0};
    get(one, NULL, &read);
    assert_true(read.closed);
    close(one);
    close(two);
    close(three);
}

static char piece[256 * 1024];

static void on_ready(void *arg, bool gone)
{
    ready++;
    ready_gone += gone;
    size_t *left = arg;
    if (gone || *left == 0) {
        http_answer_end(held);
        held = NULL;
        return;
    }
    (*left)--;
    http_answer_piece(held, piece, sizeof piece, on_ready, left);
}

static void a_long_answer_waits_for_its_reader(void **state)
{
    (void)state;
    int fd = join();
    put(fd, GET("/stream"));
    TURN_UNTIL(held);
    size_t left = 200;                                  /* 50 MiB */
    http_answer_piece(held, piece, 0, on_ready, &left); /* an empty piece calls back, too */
    assert_int_equal(ready, 0);
    size_t before;
    do { /* nobody reads: it stops by itself, once the socket buffers are full */
        before = left;
        turn_for(100);
    } while (left != before);
    assert_true(left > 100);
    struct read read = {0};
    while (held || read.len < 200 * sizeof piece) {
        turn();
        take(fd, &read);
        assert_false(read.closed);
    }
    assert_int_equal(ready, 201); /* the empty one and 200 */
    assert_int_equal(ready_gone, 0);
    assert_non_null(strstr(read.text, "Transfer-Encoding: chunked"));
    read = (struct read){0};
    put(fd, GET("/after"));
    get(fd, "{}", &read);
    assert_false(read.closed);
    close(fd);
}

static void a_long_answer_to_an_old_client_ends_with_the_connection(void **state)
{
    (void)state;
    int fd = join();
    put(fd, "GET /stream HTTP/1.0\r\n\r\n");
    TURN_UNTIL(held);
    http_answer_piece(held, "abc", 3, NULL, NULL);
    http_answer_piece(held, "def", 3, NULL, NULL);
    turn_for(20);
    http_answer_end(held);
    struct read read = {0};
    get(fd, NULL, &read);
    assert_non_null(strstr(read.text, "\r\n\r\nabcdef"));
    close(fd);
    TURN_UNTIL(http_server_connections(server) == 0);
}

static void a_reader_may_leave_a_long_answer(void **state)
{
    (void)state;
    int fd = join();
    put(fd, GET("/stream"));
    TURN_UNTIL(held);
    size_t left = 200;
    http_answer_piece(held, piece, sizeof piece, on_ready, &left);
    turn_for(20);
    close(fd);
    TURN_UNTIL(!held);
    assert_int_equal(ready_gone, 1);
    assert_true(left > 100);
    TURN_UNTIL(http_server_connections(server) == 0);
}

static void long_headers_are_cut(void **state)
{
    (void)state;
    int fd = join();
    put(fd, "GET / HTTP/1.1\r\nX-Long: ");
    char *flood = malloc(1 << 20);
    memset(flood, 'a', 1 << 20);
    struct read read = {0};
    for (int i = 0; i < 32 && !read.closed; i++) { /* 32 MiB: seconds of CPU without a limit */
        if (!put_bytes(fd, flood, 1 << 20))
            break;
        take(fd, &read);
    }
    get(fd, NULL, &read);
    assert_true(read.closed);
    assert_int_equal(handled, 0);
    free(flood);
    close(fd);
}

static void long_bodies_are_refused(void **state)
{
    (void)state;
    char *body = malloc(BODY_MAX + 1000);
    memset(body, 'b', BODY_MAX + 1000);
    char head[128];
    for (size_t len = BODY_MAX; len <= BODY_MAX + 1; len++) {
        int fd = join();
        struct read read = {0};
        snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n",
                 len);
        put(fd, head);
        assert_true(put_bytes(fd, body, len));
        get(fd, len > BODY_MAX ? NULL : "{}", &read);
        assert_non_null(strstr(read.text, len > BODY_MAX ? "HTTP/1.1 413 " : "HTTP/1.1 200 "));
        close(fd);
    }
    assert_int_equal(handled, 1);
    free(body);
}

static void doubtful_framing_is_refused(void **state)
{
    (void)state;
    struct read read =
        ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            NULL);
    assert_non_null(strstr(read.text, "HTTP/1.1 411 "));
    assert_true(read.closed);
    read = ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: "
               "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
               NULL);
    assert_non_null(strstr(read.text, "HTTP/1.1 400 "));
    read = ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
               NULL);
    assert_non_null(strstr(read.text, "HTTP/1.1 400 "));
    read = ask(
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc",
        NULL);
    assert_null(strstr(read.text, "HTTP/1.1 200 "));
    assert_int_equal(handled, 0);
    read = ask("GET / HTTP/1.1\r\nHost: x\r\nX-Test: a\r\n b\r\n\r\n",
               "{}"); /* a folded header is joined */
    assert_string_equal(seen, "GET / q=- x=a b peer=127.0.0.1 body=");
}

static void a_slow_request_meets_its_deadline(void **state)
{
    (void)state;
    struct http_limits with = limits();
    with.deadline_ms = 150;
    up_with(with);
    int fd = join(), patient = join();
    struct read read = {0}, other = {0};
    int64_t start_ms = clock_mono_ms();
    put(fd, "GET / HTTP/1.1\r\n");
    while (!read.closed && clock_mono_ms() < start_ms + GIVE_UP_MS) { /* a byte in time, always */
        send(fd, "X", 1, MSG_NOSIGNAL);
        turn_for(5);
        take(fd, &read);
    }
    assert_true(read.closed);
    assert_true(clock_mono_ms() - start_ms >= 150);
    assert_int_equal(handled, 0);
    /* One that has sent nothing yet is not hurried, nor one whose answer takes its time. */
    put(patient, GET("/hold"));
    TURN_UNTIL(held);
    turn_for(300);
    http_answer(held, 200, "text/plain", "late", 4);
    get(patient, "late", &other);
    turn_for(300);
    put(patient, GET("/again"));
    get(patient, "{}", &other);
    /* The clock of a pipelined half request starts with the answer to the one before. */
    held = NULL;
    put(patient, GET("/hold") "GET /half");
    TURN_UNTIL(held);
    http_answer(held, 200, "text/plain", "late", 4);
    get(patient, NULL, &other);
    assert_true(other.closed);
    close(fd);
    close(patient);
    down(NULL);
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    struct http_limits with = limits();
    with.idle_ms = 100;
    up_with(with);
    int fd = join();
    struct read read = {0};
    get(fd, NULL, &read);
    assert_true(read.closed);
    close(fd);
    TURN_UNTIL(http_server_connections(server) == 0);
    down(NULL);
}

static void an_address_has_its_share(void **state)
{
    (void)state;
    struct http_limits with = limits();
    with.connections_per_address = 3;
    up_with(with);
    int fds[5];
    for (int i = 0; i < 5; i++)
        fds[i] = join();
    struct read last = {0}, first = {0};
    get(fds[4], NULL, &last);
    assert_true(last.closed);
    TURN_UNTIL(http_server_connections(server) == 3);
    put(fds[0], GET("/"));
    get(fds[0], "{}", &first);
    assert_false(first.closed);
    close(fds[0]);
    TURN_UNTIL(http_server_connections(server) == 2);
    struct read again = ask(GET("/"), "{}");
    assert_non_null(strstr(again.text, "200"));
    for (int i = 1; i < 5; i++)
        close(fds[i]);
    TURN_UNTIL(http_server_connections(server) == 0);
    down(NULL);
}

static void all_connections_have_a_limit(void **state)
{
    (void)state;
    struct http_limits with = limits();
    with.connections_max = 3;
    up_with(with);
    int fds[6];
    for (int i = 0; i < 6; i++) {
        fds[i] = join(); /* the kernel takes them all */
        put(fds[i], GET("/"));
    }
    turn_for(100);
    assert_int_equal(handled, 3);
    assert_int_equal(http_server_connections(server), 3);
    close(fds[0]);
    TURN_UNTIL(handled == 4);
    for (int i = 1; i < 6; i++)
        close(fds[i]);
    TURN_UNTIL(handled == 6 && http_server_connections(server) == 0);
    ask(GET("/"), "{}");
    down(NULL);
}

/* Without descriptors the server waits instead of spinning, and goes on when there are some. */
static void running_out_of_descriptors_is_a_pause(void **state)
{
    (void)state;
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    int fd = join(); /* waits in the kernel's queue: nothing has been accepted yet */
    now = before;
    int free_number = dup(fd);
    close(free_number);
    now.rlim_cur = (rlim_t)free_number; /* every number below is taken */
    setrlimit(RLIMIT_NOFILE, &now);
    int turns = 0;
    for (int64_t end = clock_mono_ms() + 250; clock_mono_ms() < end; turns++)
        event_base_loop(base, EVLOOP_ONCE); /* blocks while nothing is due: a spinning listener
                                               would make thousands of turns */
    assert_true(turns < 20);
    assert_int_equal(http_server_connections(server), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    put(fd, GET("/"));
    TURN_UNTIL(handled == 1);
    close(fd);
}

static void a_flood_behind_an_unread_answer_is_held_back(void **state)
{
    (void)state;
    int fd = join();
    put(fd, GET("/big"));
    char *flood = calloc(1, 1 << 20);
    memset(flood, 'a', 1 << 20);
    size_t sent = 0;
    int idle = 0;
    while (idle < 100 && sent < (size_t)64 << 20) {
        ssize_t n = send(fd, flood, 1 << 20, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle + 1;
        turn();
    }
    assert_true(sent < (size_t)32 << 20); /* the socket buffers, no more */
    free(flood);
    close(fd);
}

static char socket_dir[] = "/tmp/outreach-http-XXXXXX";

static int join_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* CVE-2026-63388 is in this path: an AF_UNIX peer has a two-byte address. */
static void a_unix_socket_serves_too(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(socket_dir));
    char path[64], file[64], longer[200];
    snprintf(path, sizeof path, "%s/control.sock", socket_dir);
    snprintf(file, sizeof file, "%s/file", socket_dir);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(http_server_listen_unix(server, longer, 0660), ERR_TOO_BIG);
    close(open(file, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(http_server_listen_unix(server, file, 0660), ERR_EXISTS);

    int stale = socket(AF_UNIX, SOCK_STREAM, 0); /* left by a killed daemon */
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    assert_int_equal(bind(stale, (struct sockaddr *)&at, sizeof at), 0);
    close(stale);
    assert_int_equal(http_server_listen_unix(server, path, 0660), ERR_OK);
    assert_int_equal(http_server_listen_unix(server, path, 0660), ERR_EXISTS);
    struct stat made;
    assert_int_equal(stat(path, &made), 0);
    assert_int_equal(made.st_mode & 0777, 0660);

    struct read read = {0};
    int many[15]; /* no limit an address */
    for (int i = 0; i < 15; i++)
        many[i] = join_unix(path);
    for (int i = 0; i < 15; i++) {
        read = (struct read){0};
        put(many[i], "POST /control HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
        get(many[i], "{}", &read);
        assert_non_null(strstr(read.text, "200"));
    }
    assert_string_equal(seen, "POST /control q=- x=- peer= body=hi");
    for (int i = 0; i < 15; i++)
        close(many[i]);
    int named = socket(AF_UNIX, SOCK_STREAM, 0); /* a peer with a name of its own, of full length */
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    memset(own.sun_path, 'n', sizeof own.sun_path);
    own.sun_path[0] = '\0'; /* not in the file system */
    int self = (int)getpid();
    memcpy(own.sun_path + 1, &self, sizeof self);
    assert_int_equal(bind(named, (struct sockaddr *)&own, sizeof own), 0);
    assert_int_equal(connect(named, (struct sockaddr *)&at, sizeof at), 0);
    fcntl(named, F_SETFL, O_NONBLOCK);
    read = (struct read){0};
    put(named, GET("/"));
    get(named, "{}", &read);
    assert_non_null(strstr(read.text, "200"));
    close(named);
    TURN_UNTIL(http_server_connections(server) == 0);
    http_server_stop_listening(server);
    assert_int_equal(access(path, F_OK), -1);
    unlink(file);
    rmdir(socket_dir);
}

static void an_inherited_socket_serves_too(void **state)
{
    (void)state;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(http_server_listen_fd(server, fd), ERR_OK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&at, sizeof at), 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    struct read read = {0};
    put(client, GET("/"));
    get(client, "{}", &read);
    close(client);
}

static void a_held_server_lets_clients_wait(void **state)
{
    (void)state;
    http_server_hold(server, true);
    int fd = join();
    put(fd, GET("/k"));
    turn_for(30);
    assert_int_equal(http_server_connections(server), 0);
    http_server_hold(server, false);
    struct read read = {0};
    get(fd, "{}", &read);
    close(fd);
}

static void a_socket_knows_its_address(void **state)
{
    (void)state;
    int fd, other;
    assert_int_equal(http_socket_tcp("127.0.0.1", 0, &fd), ERR_OK);
    assert_int_equal(http_socket_tcp("127.0.0.2", 0, &other), ERR_OK);
    struct sockaddr_in at;
    socklen_t len = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    uint16_t port = ntohs(at.sin_port);
    assert_true(http_socket_is_tcp(fd, "127.0.0.1", port));
    assert_true(http_socket_is_tcp(fd, "127.0.0.1", 0));
    assert_false(http_socket_is_tcp(fd, "127.0.0.1", (uint16_t)(port + 1)));
    assert_false(http_socket_is_tcp(fd, "::1", port));
    assert_false(http_socket_is_tcp(other, "127.0.0.1", 0));
    close(fd);
    close(other);
}

static void a_taken_port_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(http_server_listen_tcp(server, "127.0.0.1", http_server_port(server)), ERR_IO);
    assert_int_equal(http_server_listen_tcp(server, "192.0.2.1", 0),
                     ERR_IO); /* not an address of this machine */
}

static void stopping_lets_running_requests_end(void **state)
{
    (void)state;
    int fd = join();
    put(fd, GET("/hold"));
    TURN_UNTIL(held);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    http_server_stop_listening(server);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof to), -1);
    close(late);
    assert_int_equal(http_server_port(server), 0);
    http_answer(held, 200, "text/plain", "late", 4);
    struct read read = {0};
    get(fd, NULL, &read);
    assert_non_null(strstr(read.text, "Connection: close"));
    assert_non_null(strstr(read.text, "late"));
    close(fd);
    TURN_UNTIL(http_server_connections(server) == 0);
}

int main(void)
{
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, up, down)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(answers_with_default_headers),
        WITH_SERVER(headers_may_be_set_and_not_forged),
        WITH_SERVER(paths_are_decoded),
        WITH_SERVER(other_methods_are_refused),
        WITH_SERVER(head_is_get_without_a_body),
        WITH_SERVER(keeps_connections_and_answers_in_order),
        WITH_SERVER(an_answer_may_come_later),
        WITH_SERVER(a_client_may_leave_before_its_answer),
        WITH_SERVER(a_stop_knows_whom_it_keeps_waiting),
        WITH_SERVER(freeing_leaves_held_requests_answerable),
        WITH_SERVER(a_long_answer_waits_for_its_reader),
        WITH_SERVER(a_long_answer_to_an_old_client_ends_with_the_connection),
        WITH_SERVER(a_reader_may_leave_a_long_answer),
        WITH_SERVER(long_headers_are_cut),
        WITH_SERVER(long_bodies_are_refused),
        WITH_SERVER(doubtful_framing_is_refused),
        cmocka_unit_test(a_slow_request_meets_its_deadline),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(an_address_has_its_share),
        cmocka_unit_test(all_connections_have_a_limit),
        WITH_SERVER(running_out_of_descriptors_is_a_pause),
        WITH_SERVER(a_flood_behind_an_unread_answer_is_held_back),
        WITH_SERVER(a_unix_socket_serves_too),
        WITH_SERVER(an_inherited_socket_serves_too),
        WITH_SERVER(a_held_server_lets_clients_wait),
        cmocka_unit_test(a_socket_knows_its_address),
        WITH_SERVER(a_taken_port_is_an_error),
        WITH_SERVER(stopping_lets_running_requests_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
