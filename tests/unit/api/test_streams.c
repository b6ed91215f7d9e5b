/* Streams over a real server and bare sockets on the same thread: what is told, to whom, once, and
 * what becomes of one that does not read. */
#include "api/streams.h"

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
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"

#define GIVE_UP_MS 20000
#define LONG_MS 60000 /* no beat and no cut in a test that wants none */

static struct event_base *base;
static struct http_server *server;
static struct streams *streams;
static struct stream *asked;
static int questions;

static bool covers(uint64_t own, uint64_t area)
{
    return own == 0 || own == area;
}

static void ask(void *arg, struct stream *stream, const char *key)
{
    (void)arg;
    assert_string_equal(key, "session");
    asked = stream;
    questions++;
}

/* GET /?area=1&key=session&owner=chen */
static void on_request(void *arg, struct http_request *request)
{
    (void)arg;
    const char *area = http_request_query(request, "area"),
               *key = http_request_query(request, "key"),
               *owner = http_request_query(request, "owner");
    streams_add(streams, request,
                &(struct streams_listener){.area = area != NULL ? strtoull(area, NULL, 10) : 0,
                                           .key = key != NULL ? key : "",
                                           .owner = owner != NULL ? owner : "",
                                           .most = 2});
}

static void up(int64_t beat_ms, int64_t stall_ms)
{
    const struct http_limits limits = {.headers_max_bytes = 8192,
                                       .body_max_bytes = 1000,
                                       .connections_max = 100,
                                       .connections_per_address = 100,
                                       .idle_ms = LONG_MS,
                                       .deadline_ms = LONG_MS};
    const struct streams_options options = {
        .beat_ms = beat_ms, .stall_ms = stall_ms, .covers = covers, .ask = ask};
    base = event_base_new();
    asked = NULL;
    questions = 0;
    assert_int_equal(streams_new(base, &options, &streams), ERR_OK);
    assert_int_equal(http_server_new(base, &limits, on_request, NULL, &server), ERR_OK);
    assert_int_equal(http_server_listen_tcp(server, "127.0.0.1", 0), ERR_OK);
}

static void down(void)
{
    streams_free(streams);
    http_server_free(server);
    event_base_free(base);
}

static void turn(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
    usleep(100);
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        int64_t end_ms = clock_mono_ms() + GIVE_UP_MS;                                             \
        while (!(condition) && clock_mono_ms() < end_ms)                                           \
            turn();                                                                                \
        assert_true(condition);                                                                    \
    } while (0)

struct client {
    int fd;
    char text[65536];
    size_t len;
    bool closed;
};

static void join(struct client *client, const char *query, int receive_bytes)
{
    char request[256];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    memset(client, 0, sizeof *client);
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (receive_bytes > 0) {
        assert_int_equal(
            setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    }
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    int len = snprintf(request, sizeof request, "GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    assert_int_equal(send(client->fd, request, (size_t)len, MSG_NOSIGNAL), len);
}

static const char *take(struct client *client)
{
    ssize_t n =
        recv(client->fd, client->text + client->len, sizeof client->text - 1 - client->len, 0);
    client->closed = client->closed || n == 0 || (n < 0 && errno != EAGAIN);
    client->len += n > 0 ? (size_t)n : 0;
    return client->text;
}

static size_t times(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) {
        n++;
    }
    return n;
}

static struct client one, two;

static void test_what_happens_is_told_once(void **state)
{
    (void)state;
    up(LONG_MS, LONG_MS);
    join(&one, "", 0);
    TURN_UNTIL(strstr(take(&one), "event: hello") != NULL);
    assert_non_null(strstr(one.text, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(one.text, "Cache-Control: no-store\r\n"));
    streams_tell_ledger(streams, 6);
    streams_tell_ledger(streams, 7);
    streams_tell_campaign(streams, "c1", "sending", 5);
    streams_tell_campaign(streams, "c2", "paused", 5);
    streams_tell_campaign(streams, "c1", "done", 5);
    streams_tell_status(streams);
    TURN_UNTIL(strstr(take(&one), "event: status\ndata: {}") != NULL);
    assert_int_equal(times(one.text, "event: ledger"), 1);
    assert_non_null(strstr(one.text, "data: {\"entry\": 7}\n\n"));
    assert_int_equal(times(one.text, "\"c1\""), 1);
    assert_non_null(strstr(one.text, "data: {\"id\": \"c1\", \"state\": \"done\"}\n\n"));
    assert_non_null(strstr(one.text, "data: {\"id\": \"c2\", \"state\": \"paused\"}\n\n"));
    close(one.fd);
    down();
}

static void test_nobody_hears_of_another_area(void **state)
{
    (void)state;
    up(LONG_MS, LONG_MS);
    join(&one, "area=1", 0);
    join(&two, "area=2", 0);
    TURN_UNTIL(strstr(take(&one), "hello") != NULL && strstr(take(&two), "hello") != NULL);
    streams_tell_campaign(streams, "secret", "sending", 1);
    streams_tell_ledger(streams, 1); /* totals are for everybody */
    TURN_UNTIL(strstr(take(&one), "ledger") != NULL && strstr(take(&two), "ledger") != NULL);
    assert_non_null(strstr(one.text, "secret"));
    assert_null(strstr(two.text, "secret"));
    close(one.fd);
    close(two.fd);
    down();
}

static void test_one_that_does_not_read_is_told_that_it_missed_something(void **state)
{
    (void)state;
    char id[32];
    up(LONG_MS, LONG_MS);
    join(&one, "", 0);
    TURN_UNTIL(strstr(take(&one), "hello") != NULL);
    for (int i = 0; i < 300; i++) { /* more than the ring holds, before it gets its turn */
        snprintf(id, sizeof id, "c%d", i);
        streams_tell_campaign(streams, id, "sending", 0);
    }
    TURN_UNTIL(times(take(&one), "data: {\"missed\": true}") == 3);
    assert_null(strstr(one.text, "\"c"));
    close(one.fd);
    down();
}

static void test_one_that_does_not_read_is_cut_off(void **state)
{
    (void)state;
    char id[128];
    up(20, 200);
    join(&one, "", 2048);
    join(&two, "", 0);
    TURN_UNTIL(streams_count(streams) == 2);
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    int64_t end_ms = clock_mono_ms() + GIVE_UP_MS;
    for (int i = 0; streams_count(streams) == 2 && clock_mono_ms() < end_ms; i++) {
        for (int k = 0; k < 100;
             k++) { /* as much as a piece can be, so that the kernel is full soon */
            snprintf(id, sizeof id, "%d-%0100d", k, i);
            streams_tell_campaign(streams, id, "sending", 0);
        }
        turn();
        two.len = 0;
        take(&two);
    }
    assert_int_equal(streams_count(streams), 1);
    assert_false(two.closed);
    close(one.fd);
    close(two.fd);
    down();
}

static void test_a_connection_that_is_gone_is_noticed_by_the_beat(void **state)
{
    (void)state;
    up(10, LONG_MS);
    join(&one, "", 0);
    TURN_UNTIL(strstr(take(&one), "\nevent: beat\ndata: {}\n\n") != NULL);
    close(one.fd);
    TURN_UNTIL(streams_count(streams) == 0);
    down();
}

static void test_a_stream_ends_with_its_session(void **state)
{
    (void)state;
    up(10, LONG_MS);
    join(&one, "key=session", 0);
    TURN_UNTIL(asked != NULL);
    streams_judge(asked, true);
    asked = NULL;
    TURN_UNTIL(asked != NULL);
    assert_int_equal(streams_count(streams), 1);
    for (int64_t end_ms = clock_mono_ms() + 50; clock_mono_ms() < end_ms;) {
        turn(); /* beats go by, and nobody asks twice */
    }
    assert_int_equal(questions, 2);
    streams_judge(asked, false);
    assert_int_equal(streams_count(streams), 0);
    TURN_UNTIL(strstr(take(&one), "\r\n0\r\n\r\n") != NULL);
    close(one.fd);
    down();
}

static void test_the_oldest_of_an_owner_makes_room(void **state)
{
    (void)state;
    static struct client of[6];
    static const char *const owners[] = {"owner=chen", "owner=chen", "owner=wang", "", "", ""};
    up(LONG_MS, LONG_MS);
    for (size_t i = 0; i < 6; i++) {
        join(&of[i], owners[i], 0);
        TURN_UNTIL(times(take(&of[i]), "event: hello") == 1);
    }
    assert_int_equal(streams_count(streams), 6);
    join(&one, "owner=chen", 0);
    TURN_UNTIL(times(take(&one), "event: hello") == 1);
    TURN_UNTIL(strstr(take(&of[0]), "\r\n0\r\n\r\n") != NULL);
    assert_int_equal(times(of[0].text, "event: crowded"), 1);
    assert_int_equal(streams_count(streams), 6);
    join(&two, "owner=chen", 0);
    TURN_UNTIL(strstr(take(&of[1]), "\r\n0\r\n\r\n") != NULL);
    TURN_UNTIL(times(take(&two), "event: hello") == 1);
    streams_tell_ledger(streams, 7);
    for (size_t i = 2; i < 6; i++) {
        TURN_UNTIL(times(take(&of[i]), "\"entry\": 7") == 1);
        assert_int_equal(times(of[i].text, "crowded"), 0);
    }
    TURN_UNTIL(times(take(&one), "\"entry\": 7") == 1 && times(take(&two), "\"entry\": 7") == 1);
    assert_int_equal(times(take(&of[0]), "entry") + times(take(&of[1]), "entry"), 0);
    for (size_t i = 0; i < 6; i++)
        close(of[i].fd);
    close(one.fd);
    close(two.fd);
    down();
}

static void test_one_that_does_not_read_makes_room_too(void **state)
{
    (void)state;
    static struct client three;
    char id[STREAM_ID_SIZE];
    up(LONG_MS, LONG_MS);
    join(&one, "owner=chen", 1024);
    TURN_UNTIL(streams_count(streams) == 1);
    for (int i = 0; i < 20000; i++) { /* until a piece of it does not leave any more */
        snprintf(id, sizeof id, "campaign-%0100d", i);
        streams_tell_campaign(streams, id, "sending", 0);
        if (i % 200 == 0)
            turn();
    }
    join(&two, "owner=chen", 0);
    TURN_UNTIL(streams_count(streams) == 2);
    join(&three, "owner=chen", 0);
    TURN_UNTIL(times(take(&three), "event: hello") == 1);
    TURN_UNTIL(streams_count(streams) == 2);
    TURN_UNTIL((take(&one), one.len = 0, one.closed));
    TURN_UNTIL(times(take(&two), "event: hello") == 1);
    assert_false(two.closed);
    close(one.fd);
    close(two.fd);
    close(three.fd);
    down();
}

static void test_an_answer_may_come_after_the_end(void **state)
{
    (void)state;
    up(10, LONG_MS);
    join(&one, "key=session", 0);
    TURN_UNTIL(asked != NULL);
    down();
    streams_judge(asked, false);
    close(one.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_happens_is_told_once),
        cmocka_unit_test(test_nobody_hears_of_another_area),
        cmocka_unit_test(test_one_that_does_not_read_is_told_that_it_missed_something),
        cmocka_unit_test(test_one_that_does_not_read_is_cut_off),
        cmocka_unit_test(test_a_connection_that_is_gone_is_noticed_by_the_beat),
        cmocka_unit_test(test_a_stream_ends_with_its_session),
        cmocka_unit_test(test_the_oldest_of_an_owner_makes_room),
        cmocka_unit_test(test_one_that_does_not_read_makes_room_too),
        cmocka_unit_test(test_an_answer_may_come_after_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
