/* Against a server of raw sockets on the same loop, which does exactly what a test tells it to and
 * counts what it was sent. */
#include "net/http_client.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/buf.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ANSWER_MAX (256 * 1024)
#define GIVE_UP_S 20

/* What the server does with the request of this number. */
enum act { ACT_ANSWER, ACT_CLOSE, ACT_SILENT, ACT_DRIP, ACT_ENDLESS, ACT_ANSWER_AND_CLOSE };
struct step {
    enum act act;
    const char *answer;
};

struct server {
    struct event_base *base;
    struct evconnlistener *listener;
    unsigned short port;
    const struct step *steps; /* the last one is repeated */
    size_t steps_n;
    size_t requests, connections, open, open_most;
    char last[512]; /* head of the last request */
    size_t last_body;
    struct event *drip;
    struct bufferevent *dripping;
    struct bufferevent *bevs[64];
};

static void forget(struct server *server, struct bufferevent *bev)
{
    for (size_t i = 0; i < 64; i++) {
        if (server->bevs[i] == bev)
            server->bevs[i] = NULL;
    }
    if (server->dripping == bev)
        server->dripping = NULL;
    server->open--;
    bufferevent_free(bev);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    (void)what;
    forget(arg, bev);
}

static void on_drip(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct server *server = arg;
    if (server->dripping)
        bufferevent_write(server->dripping, "x", 1);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
    (void)arg;
    static const char block[65536];
    bufferevent_write(bev, block, sizeof block);
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct server *server = arg;
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return;
    char head[512] = "";
    assert_true((size_t)end.pos < sizeof head);
    evbuffer_copyout(in, head, (size_t)end.pos);
    const char *length = strstr(head, "Content-Length: ");
    size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
    if (evbuffer_get_length(in) < (size_t)end.pos + 4 + body)
        return;
    evbuffer_drain(in, (size_t)end.pos + 4 + body);
    memcpy(server->last, head, sizeof head);
    server->last_body = body;
    size_t i = server->requests < server->steps_n ? server->requests : server->steps_n - 1;
    const struct step *step = &server->steps[i];
    server->requests++;
    if (step->answer)
        bufferevent_write(bev, step->answer, strlen(step->answer));
    switch (step->act) {
    case ACT_ANSWER:
    case ACT_SILENT:
        break;
    case ACT_CLOSE:
        forget(server, bev);
        break;
    case ACT_ANSWER_AND_CLOSE:
        bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
        assert_int_equal(
            send(bufferevent_getfd(bev), step->answer, strlen(step->answer), MSG_NOSIGNAL),
            strlen(step->answer));
        evbuffer_drain(bufferevent_get_output(bev), SIZE_MAX);
        forget(server, bev);
        break;
    case ACT_DRIP: {
        struct timeval every = {.tv_usec = 20000};
        server->dripping = bev;
        event_add(server->drip, &every);
        break;
    }
    case ACT_ENDLESS:
        bufferevent_setcb(bev, NULL, on_drained, on_event, server);
        bufferevent_write(bev, "\r\n", 2);
        break;
    }
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from,
                      int len, void *arg)
{
    (void)listener;
    (void)from;
    (void)len;
    struct server *server = arg;
    struct bufferevent *bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
    size_t i = 0;
    while (server->bevs[i])
        i++;
    assert_true(i < 64);
    server->bevs[i] = bev;
    server->connections++;
    server->open++;
    if (server->open > server->open_most)
        server->open_most = server->open;
    bufferevent_setcb(bev, on_read, NULL, on_event, server);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void server_start(struct server *server, struct event_base *base, const struct step *steps,
                         size_t n)
{
    *server = (struct server){.base = base, .steps = steps, .steps_n = n};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    server->listener = evconnlistener_new_bind(base, on_accept, server, LEV_OPT_CLOSE_ON_FREE, 64,
                                               (struct sockaddr *)&at, sizeof at);
    assert_non_null(server->listener);
    socklen_t len = sizeof at;
    assert_int_equal(
        getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&at, &len), 0);
    server->port = ntohs(at.sin_port);
    server->drip = event_new(base, -1, EV_PERSIST, on_drip, server);
}

static void server_stop(struct server *server)
{
    for (size_t i = 0; i < 64; i++) {
        if (server->bevs[i])
            bufferevent_free(server->bevs[i]);
    }
    event_free(server->drip);
    evconnlistener_free(server->listener);
}

/* What one request came to. */
struct got {
    bool done;
    int status, curl_code;
    bool complete, sent_any;
    char body[64], reason[160];
    size_t len;
    int order;
};
static int order;

static void on_answer(void *arg, const struct http_answer *answer)
{
    struct got *got = arg;
    assert_false(got->done);
    *got = (struct got){.done = true,
                        .status = answer->status,
                        .curl_code = answer->curl_code,
                        .complete = answer->complete,
                        .sent_any = answer->sent_any,
                        .len = answer->len,
                        .order = ++order};
    snprintf(got->body, sizeof got->body, "%s", answer->body);
    snprintf(got->reason, sizeof got->reason, "%s", answer->reason ? answer->reason : "");
    assert_int_equal(answer->complete, answer->status != 0);
    assert_int_equal(answer->complete, answer->curl_code == 0);
    assert_int_equal(answer->complete, answer->reason == NULL);
}

struct world {
    struct event_base *base;
    struct server server;
    struct http_client *client;
    char url[64];
};

static void world_up(struct world *w, uint32_t connections, const struct step *steps, size_t n)
{
    order = 0;
    w->base = event_base_new();
    server_start(&w->server, w->base, steps, n);
    struct http_client_options options = {.connections = connections,
                                          .answer_max_bytes = ANSWER_MAX};
    assert_int_equal(http_client_new(w->base, &options, &w->client), ERR_OK);
    snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u/sms/norsubmit", w->server.port);
}

static void world_down(struct world *w)
{
    http_client_free(w->client);
    server_stop(&w->server);
    event_base_free(w->base);
}

static void post_to(struct world *w, const char *url, const char *body, size_t len,
                    int64_t timeout_ms, struct got *got)
{
    char *own = malloc(len + 1);
    memcpy(own, body, len);
    *got = (struct got){0};
    assert_int_equal(http_client_post(w->client, url, "application/json;charset=UTF-8", own, len,
                                      timeout_ms, on_answer, got),
                     ERR_OK);
    assert_false(got->done);
}

static void post(struct world *w, struct got *got)
{
    post_to(w, w->url, "Ym9keQ==", 8, 5000, got);
}

static void on_give_up(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

static void wait_for(struct world *w, const struct got *got)
{
    bool gave_up = false;
    struct event *timer = evtimer_new(w->base, on_give_up, &gave_up);
    struct timeval limit = {.tv_sec = GIVE_UP_S};
    event_add(timer, &limit);
    while (!got->done && !gave_up)
        event_base_loop(w->base, EVLOOP_ONCE);
    event_free(timer);
    assert_true(got->done);
}

/* Lets whatever is still on its way arrive. */
static void linger(struct world *w, int64_t ms)
{
    bool over = false;
    struct event *timer = evtimer_new(w->base, on_give_up, &over);
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(timer, &limit);
    while (!over)
        event_base_loop(w->base, EVLOOP_ONCE);
    event_free(timer);
}

#define UP(w, connections, ...)                                                                    \
    const struct step steps[] = {__VA_ARGS__};                                                     \
    struct world w;                                                                                \
    world_up(&w, connections, steps, sizeof steps / sizeof steps[0])

static void posts_and_reads(void **state)
{
    (void)state;
    UP(w, 2, {ACT_ANSWER, OK_ANSWER});
    struct got got;
    post(&w, &got);
    assert_int_equal(http_client_running(w.client), 1);
    wait_for(&w, &got);
    assert_int_equal(http_client_running(w.client), 0);
    assert_int_equal(got.status, 200);
    assert_true(got.sent_any);
    assert_string_equal(got.body, "ok");
    assert_int_equal(got.len, 2);
    assert_int_equal(strncmp(w.server.last, "POST /sms/norsubmit HTTP/1.1\r\n", 30), 0);
    assert_non_null(strstr(w.server.last, "Content-Type: application/json;charset=UTF-8"));
    assert_non_null(strstr(w.server.last, "Content-Length: 8"));
    assert_null(strcasestr(w.server.last, "Expect"));
    assert_null(strcasestr(w.server.last, "Accept-Encoding"));
    assert_null(strcasestr(w.server.last, "Transfer-Encoding"));
    assert_int_equal(w.server.last_body, 8);
    world_down(&w);
}

static void keeps_the_connection(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ANSWER, OK_ANSWER});
    for (int i = 0; i < 20; i++) {
        struct got got;
        post(&w, &got);
        wait_for(&w, &got);
        assert_true(got.complete);
    }
    assert_int_equal(w.server.requests, 20);
    assert_int_equal(w.server.connections, 1);
    world_down(&w);
}

/* reliability.md A2.1: plain libcurl would send the second request again, up to five times. */
static void never_sends_twice(size_t body_len)
{
    UP(w, 1, {ACT_ANSWER, OK_ANSWER}, {ACT_CLOSE, NULL});
    struct got got;
    char *body = calloc(1, body_len);
    memset(body, 'a', body_len);
    post(&w, &got);
    wait_for(&w, &got);
    assert_true(got.complete);
    assert_int_equal(w.server.requests, 1);

    post_to(&w, w.url, body, body_len, 5000, &got);
    wait_for(&w, &got);
    linger(&w, 50);
    assert_int_equal(w.server.requests, 2);
    assert_false(got.complete);
    assert_true(got.sent_any);
    assert_int_equal(got.status, 0);
    free(body);
    world_down(&w);
}

static void never_sends_twice_on_a_reused_connection(void **state)
{
    (void)state;
    never_sends_twice(8);
    never_sends_twice(16 * 1024);
    never_sends_twice(300 * 1024); /* too long to travel with the headers */
    never_sends_twice(3 * 1024 * 1024);
}

static void a_fresh_connection_that_closes_is_ambiguous(void **state)
{
    (void)state;
    UP(w, 1, {ACT_CLOSE, NULL});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    linger(&w, 50);
    assert_int_equal(w.server.requests, 1);
    assert_false(got.complete);
    assert_true(got.sent_any);
    assert_int_equal(got.curl_code, CURLE_GOT_NOTHING);
    world_down(&w);
}

/* The peer closed while the connection was idle: libcurl sees that before it writes, and a new one
 * is opened. */
static void an_idle_connection_that_was_closed_is_replaced(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ANSWER_AND_CLOSE, OK_ANSWER}, {ACT_ANSWER, OK_ANSWER});
    struct got got;
    for (int i = 0; i < 3; i++) {
        post(&w, &got);
        wait_for(&w, &got);
        assert_true(got.complete);
        linger(&w, 20);
    }
    assert_int_equal(w.server.requests, 3);
    assert_int_equal(w.server.connections, 2);
    world_down(&w);
}

static void a_truncated_body_is_incomplete(void **state)
{
    (void)state;
    UP(w, 1,
       {ACT_ANSWER_AND_CLOSE,
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"rspcod\":\"success\""});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    assert_false(got.complete);
    assert_true(got.sent_any);
    assert_int_equal(got.curl_code, CURLE_PARTIAL_FILE);
    assert_int_equal(got.len, 0);
    world_down(&w);
}

static void an_endless_body_is_cut(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ENDLESS, "HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n"},
       {ACT_ENDLESS, "HTTP/1.1 200 OK\r\n\r\n"}, {ACT_ANSWER, OK_ANSWER});
    struct got got;
    for (int i = 0; i < 2; i++) { /* with a length and without */
        post(&w, &got);
        wait_for(&w, &got);
        assert_false(got.complete);
        assert_true(got.sent_any);
        assert_int_equal(got.curl_code, CURLE_WRITE_ERROR);
        assert_non_null(strstr(got.reason, "longer than the limit"));
    }
    post(&w, &got);
    wait_for(&w, &got);
    assert_true(got.complete); /* the slot works again */
    world_down(&w);
}

static void endless_headers_are_cut(void **state)
{
    (void)state;
    char *flood = malloc(200 * 1024);
    size_t len = (size_t)sprintf(flood, "HTTP/1.1 200 OK\r\n");
    while (len < 190 * 1024)
        len += (size_t)sprintf(flood + len, "X-Filler: %0500d\r\n", 7);
    UP(w, 1, {ACT_SILENT, flood});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    assert_false(got.complete);
    assert_int_equal(got.curl_code, CURLE_WRITE_ERROR);
    world_down(&w);
    free(flood);
}

static void a_slow_drip_meets_the_timeout(void **state)
{
    (void)state;
    UP(w, 1, {ACT_DRIP, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"});
    struct got got;
    post_to(&w, w.url, "b", 1, 200, &got);
    wait_for(&w, &got);
    assert_false(got.complete);
    assert_true(got.sent_any);
    assert_int_equal(got.curl_code, CURLE_OPERATION_TIMEDOUT);
    world_down(&w);
}

static void gzip_stays_packed(void **state)
{
    (void)state;
    UP(w, 1,
       {ACT_ANSWER,
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08z"});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    assert_true(got.complete);
    assert_memory_equal(got.body, "\x1f\x8b\x08z", 4);
    world_down(&w);
}

static void a_redirect_is_an_answer(void **state)
{
    (void)state;
    UP(w, 1,
       {ACT_ANSWER, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"},
       {ACT_ANSWER, "HTTP/1.1 307 Again\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    assert_int_equal(got.status, 302);
    post(&w, &got);
    wait_for(&w, &got);
    assert_int_equal(got.status, 307);
    linger(&w, 20);
    assert_int_equal(w.server.requests, 2);
    world_down(&w);
}

static void an_error_status_is_an_answer(void **state)
{
    (void)state;
    UP(w, 1,
       {ACT_ANSWER,
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    assert_int_equal(got.status, 503);
    assert_string_equal(got.body, "busy");
    world_down(&w);
}

static void the_environment_has_no_say(void **state)
{
    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    UP(w, 1, {ACT_ANSWER, OK_ANSWER});
    struct got got;
    post(&w, &got);
    wait_for(&w, &got);
    assert_true(got.complete);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    world_down(&w);
}

static void a_refused_connection_sent_nothing(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ANSWER, OK_ANSWER});
    int fd = socket(AF_INET, SOCK_STREAM,
                    0); /* bound and not listening: nobody else can take the port meanwhile */
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u/", ntohs(at.sin_port));
    struct got got;
    post_to(&w, url, "b", 1, 5000, &got);
    wait_for(&w, &got);
    assert_false(got.sent_any);
    assert_int_equal(got.curl_code, CURLE_COULDNT_CONNECT);
    assert_true(strlen(got.reason) > 0);
    close(fd);
    world_down(&w);
}

static void an_unknown_name_sent_nothing(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ANSWER, OK_ANSWER});
    struct got got;
    post_to(&w, "http://no-such-host.invalid/", "b", 1, 10000, &got);
    wait_for(&w, &got);
    assert_false(got.sent_any);
    assert_true(got.curl_code == CURLE_COULDNT_RESOLVE_HOST ||
                got.curl_code == CURLE_OPERATION_TIMEDOUT);
    /* The resolver's own descriptors are gone; their numbers are taken by these connections. */
    for (int i = 0; i < 3; i++) {
        post(&w, &got);
        wait_for(&w, &got);
        assert_true(got.complete);
    }
    world_down(&w);
}

static void a_failed_tls_handshake_sent_nothing(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ANSWER, OK_ANSWER});
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%u/", w.server.port);
    struct got got;
    post_to(&w, url, "b", 1, 300,
            &got); /* the server waits for an end of headers that never comes */
    wait_for(&w, &got);
    assert_false(got.sent_any);
    assert_int_equal(w.server.requests, 0);
    assert_int_equal(w.server.connections, 1);
    assert_true(got.curl_code == CURLE_OPERATION_TIMEDOUT ||
                got.curl_code == CURLE_SSL_CONNECT_ERROR);
    world_down(&w);
}

static void other_protocols_are_refused(void **state)
{
    (void)state;
    UP(w, 1, {ACT_ANSWER, OK_ANSWER});
    struct got got;
    post_to(&w, "file:///etc/hostname", "b", 1, 1000, &got);
    wait_for(&w, &got);
    assert_false(got.complete);
    assert_false(got.sent_any);
    assert_int_equal(got.curl_code, CURLE_UNSUPPORTED_PROTOCOL);
    world_down(&w);
}

static void others_wait_for_a_connection_in_order(void **state)
{
    (void)state;
    UP(w, 2, {ACT_ANSWER, OK_ANSWER});
    struct got got[40];
    for (int i = 0; i < 40; i++)
        post(&w, &got[i]);
    assert_int_equal(http_client_running(w.client), 40);
    for (int i = 0; i < 40; i++)
        wait_for(&w, &got[i]);
    for (int i = 0; i < 40; i++) {
        assert_true(got[i].complete);
        assert_true(abs(got[i].order - (i + 1)) <= 2);
    }
    assert_int_equal(w.server.requests, 40);
    assert_int_equal(w.server.open_most, 2);
    assert_int_equal(w.server.connections, 2);
    world_down(&w);
}

static void waiting_in_vain_sent_nothing(void **state)
{
    (void)state;
    UP(w, 1, {ACT_SILENT, NULL});
    struct got first, second, third;
    post_to(&w, w.url, "b", 1, 400, &first);
    post_to(&w, w.url, "b", 1, 3000, &second);
    post_to(&w, w.url, "b", 1, 100, &third);
    wait_for(&w, &third); /* before the one that holds the connection */
    assert_false(first.done);
    assert_false(third.sent_any);
    assert_int_equal(third.curl_code, CURLE_OPERATION_TIMEDOUT);
    wait_for(&w, &first);
    assert_true(first.sent_any);
    assert_int_equal(first.curl_code, CURLE_OPERATION_TIMEDOUT);
    assert_false(second.done);
    while (w.server.requests < 2)
        event_base_loop(w.base, EVLOOP_ONCE); /* the second has its turn */
    world_down(&w);
    assert_true(second.done);
    assert_true(second.sent_any);
}

static void freeing_ends_everything(void **state)
{
    (void)state;
    UP(w, 1, {ACT_SILENT, NULL});
    struct got running, waiting;
    post(&w, &running);
    post(&w, &waiting);
    while (w.server.requests < 1)
        event_base_loop(w.base, EVLOOP_ONCE);
    world_down(&w);
    assert_true(running.done);
    assert_true(running.sent_any);
    assert_int_equal(running.curl_code, CURLE_ABORTED_BY_CALLBACK);
    assert_true(waiting.done);
    assert_false(waiting.sent_any);
    assert_int_equal(waiting.curl_code, CURLE_ABORTED_BY_CALLBACK);
}

/* ---- TLS */

/* Writes a key and a certificate, signed by itself, for 127.0.0.1 into one file. */
static void make_certificate(const char *path)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *cert = X509_new();
    assert_non_null(key);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"carrier", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(cert, san, -1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(PEM_write_X509(out, cert), 1);
    fclose(out);
    X509_EXTENSION_free(san);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* Answers every connection once and says, a letter each, what happened: H a handshake, R a request.
 */
static const char tls_server[] = "import ssl, socket, sys\n"
                                 "c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
                                 "c.load_cert_chain(sys.argv[1])\n"
                                 "s = socket.create_server(('127.0.0.1', 0))\n"
                                 "print(s.getsockname()[1], flush=True)\n"
                                 "while True:\n"
                                 "    p, _ = s.accept()\n"
                                 "    try:\n"
                                 "        t = c.wrap_socket(p, server_side=True)\n"
                                 "        print('H', end='', flush=True)\n"
                                 "        if t.recv(65536):\n"
                                 "            print('R', end='', flush=True)\n"
                                 "            t.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: "
                                 "2\\r\\nConnection: close\\r\\n\\r\\nok')\n"
                                 "            t.close()\n"
                                 "    except OSError:\n"
                                 "        p.close()\n";

static pid_t start_tls_server(const char *certificate, FILE **said)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], 1);
        execlp("python3", "python3", "-c", tls_server, certificate, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *said = fdopen(ends[0], "r");
    return pid;
}

static struct got post_tls(uint16_t port, const char *host, const char *ca_file)
{
    struct world w = {.base = event_base_new()};
    struct http_client_options options = {
        .connections = 1, .answer_max_bytes = ANSWER_MAX, .ca_file = ca_file};
    assert_int_equal(http_client_new(w.base, &options, &w.client), ERR_OK);
    char url[64];
    snprintf(url, sizeof url, "https://%s:%u/", host, port);
    struct got got;
    post_to(&w, url, "b", 1, 10000, &got);
    wait_for(&w, &got);
    http_client_free(w.client);
    event_base_free(w.base);
    return got;
}

static void certificates_are_checked(void **state)
{
    (void)state;
    char path[] = "/tmp/outreach-tls-XXXXXX", line[16] = "", letters[16] = "";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    make_certificate(path);
    FILE *said;
    pid_t pid = start_tls_server(path, &said);
    assert_non_null(fgets(line, sizeof line, said));
    uint16_t port = (uint16_t)atoi(line);

    struct got nobody_vouches = post_tls(port, "127.0.0.1", NULL);
    struct got other_name = post_tls(port, "localhost", path);
    struct got right = post_tls(port, "127.0.0.1", path);
    struct got no_file = post_tls(port, "127.0.0.1", "/nonexistent/ca.pem");

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    size_t n = fread(letters, 1, sizeof letters - 1, said), requests = 0;
    for (size_t i = 0; i < n; i++)
        requests += letters[i] == 'R';
    fclose(said);
    unlink(path);
    assert_int_equal(nobody_vouches.curl_code, CURLE_PEER_FAILED_VERIFICATION);
    assert_false(nobody_vouches.sent_any);
    assert_int_equal(other_name.curl_code, CURLE_PEER_FAILED_VERIFICATION);
    assert_false(other_name.sent_any);
    assert_int_equal(no_file.curl_code, CURLE_SSL_CACERT_BADFILE);
    assert_false(no_file.sent_any);
    assert_true(right.complete);
    assert_string_equal(right.body, "ok");
    assert_int_equal(requests, 1);
}

/* A driver posts the next one from the callback of the last. */
struct chain {
    struct world *w;
    int left, done;
};

static void on_link(void *arg, const struct http_answer *answer)
{
    struct chain *chain = arg;
    assert_true(answer->complete);
    assert_string_equal(answer->body, "ok");
    chain->done++;
    if (chain->left == 0)
        return;
    chain->left--;
    assert_int_equal(http_client_post(chain->w->client, chain->w->url, "text/plain", strdup("b"), 1,
                                      5000, on_link, chain),
                     ERR_OK);
}

static void a_callback_may_post(void **state)
{
    (void)state;
    UP(w, 3, {ACT_ANSWER, OK_ANSWER});
    struct chain chain = {.w = &w, .left = 500};
    for (int i = 0; i < 5; i++)
        assert_int_equal(
            http_client_post(w.client, w.url, "text/plain", strdup("b"), 1, 5000, on_link, &chain),
            ERR_OK);
    while (chain.done < 505)
        event_base_loop(w.base, EVLOOP_ONCE);
    assert_int_equal(w.server.requests, 505);
    assert_int_equal(w.server.connections, 3);
    assert_non_null(strstr(w.server.last, "Content-Type: text/plain"));
    world_down(&w);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_and_reads),
        cmocka_unit_test(keeps_the_connection),
        cmocka_unit_test(never_sends_twice_on_a_reused_connection),
        cmocka_unit_test(a_fresh_connection_that_closes_is_ambiguous),
        cmocka_unit_test(an_idle_connection_that_was_closed_is_replaced),
        cmocka_unit_test(a_truncated_body_is_incomplete),
        cmocka_unit_test(an_endless_body_is_cut),
        cmocka_unit_test(endless_headers_are_cut),
        cmocka_unit_test(a_slow_drip_meets_the_timeout),
        cmocka_unit_test(gzip_stays_packed),
        cmocka_unit_test(a_redirect_is_an_answer),
        cmocka_unit_test(an_error_status_is_an_answer),
        cmocka_unit_test(the_environment_has_no_say),
        cmocka_unit_test(a_refused_connection_sent_nothing),
        cmocka_unit_test(an_unknown_name_sent_nothing),
        cmocka_unit_test(a_failed_tls_handshake_sent_nothing),
        cmocka_unit_test(certificates_are_checked),
        cmocka_unit_test(other_protocols_are_refused),
        cmocka_unit_test(others_wait_for_a_connection_in_order),
        cmocka_unit_test(waiting_in_vain_sent_nothing),
        cmocka_unit_test(freeing_ends_everything),
        cmocka_unit_test(a_callback_may_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
