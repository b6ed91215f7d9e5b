/* libcurl's multi-socket interface on libevent.
 *
 * A slot is an easy handle with everything that never changes set once; a request costs only what
 * differs from the one before in that slot (the body always, address and timeout rarely). There are
 * as many slots as connections, so libcurl never has to queue; requests beyond wait here, in order.
 *
 * The event of a connection is kept while the socket lives and only its interest changes: libcurl
 * takes its interest back after each answer and gives it again for the next request, and following
 * that to the letter would cost two system calls a request. */
#include "net/http_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>
#include <event2/event.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"

#define CONNECT_TIMEOUT_MAX_MS 10000
#define HEADERS_MAX_BYTES 65536
#define ANSWER_KEEP_BYTES 16384 /* a slot's answer buffer above this is given back after use */
#define CONTENT_TYPES_MAX 8

struct request {
    STAILQ_ENTRY(request) link;
    char *url, *body;
    size_t len;
    const struct curl_slist *headers;
    int64_t posted_ms, timeout_ms;
    http_answer_fn *on_answer;
    void *arg;
};
STAILQ_HEAD(request_queue, request);

struct slot {
    SLIST_ENTRY(slot) link; /* in free_slots */
    struct http_client *client;
    CURL *easy;
    struct request *request; /* NULL: free */
    char *url;               /* what the easy handle is set to */
    const struct curl_slist *headers;
    int64_t timeout_ms;
    struct buf answer;
    size_t header_bytes;
    bool on_wire, too_long;
    char error[CURL_ERROR_SIZE];
};

struct watched {
    struct event *event;
    int interest; /* what libcurl wants now; 0: nothing */
    int armed;    /* what the event is added for */
    bool ours;    /* opened by on_open_socket(), so on_close_socket() will tell of its end */
};

struct http_client {
    struct event_base *base;
    CURLM *multi;
    struct event *timer;
    struct http_client_options options;
    struct slot *slots;
    SLIST_HEAD(, slot) free_slots;
    struct request_queue waiting;
    struct loop_timer *waiting_timer;
    int64_t waiting_due_ms; /* when waiting_timer fires; 0: not armed */
    struct {
        char *content_type;
        struct curl_slist *headers;
    } types[CONTENT_TYPES_MAX];
    size_t types_n, running;
    struct watched **by_fd;
    size_t by_fd_n;
    bool calling_back;
};

static void free_request(struct request *request)
{
    free(request->url);
    free(request->body);
    free(request);
}

/* ---- one transfer: libcurl's callbacks */

/* libcurl is about to write a request. The second time for the same transfer is the silent
 * repetition. */
static int on_prerequest(void *arg, char *remote_ip, char *local_ip, int remote_port,
                         int local_port)
{
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    struct slot *slot = arg;
    if (slot->on_wire)
        return CURL_PREREQFUNC_ABORT;
    slot->on_wire = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct slot *slot = arg;
    buf_add(&slot->answer, bytes, size * n);
    if (slot->answer.failed)
        slot->too_long = true;
    return slot->answer.failed ? 0 : size * n;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    struct slot *slot = arg;
    slot->header_bytes += size * n;
    if (slot->header_bytes > HEADERS_MAX_BYTES)
        slot->too_long = true;
    return slot->too_long ? 0 : size * n;
}

static struct watched *watched_at(const struct http_client *client, curl_socket_t fd)
{
    return fd >= 0 && (size_t)fd < client->by_fd_n ? client->by_fd[fd] : NULL;
}

/* ---- completion */

/* libcurl's own sentence names address and port, which the operator knows; what the system said is
 * what helps. */
static const char *connect_reason(const struct slot *slot)
{
    static const struct {
        int number;
        const char *words;
    } reasons[] = {
        {ECONNREFUSED, "connection refused"},
        {ETIMEDOUT, "no answer to the connection attempt"},
        {ENETUNREACH, "network unreachable"},
        {EHOSTUNREACH, "host unreachable"},
        {ECONNRESET, "connection reset"},
        {EMFILE, "too many open files"},
        {EADDRNOTAVAIL, "no local port is free"},
    };
    long number = 0;
    curl_easy_getinfo(slot->easy, CURLINFO_OS_ERRNO, &number);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].number == number)
            return reasons[i].words;
    return NULL;
}

static const char *reason_for_people(const struct slot *slot, CURLcode code)
{
    const char *words = code == CURLE_COULDNT_CONNECT ? connect_reason(slot) : NULL;
    if (words)
        return words;
    if (slot->too_long)
        return "the answer is longer than the limit";
    if (code == CURLE_ABORTED_BY_CALLBACK && slot->on_wire)
        return "the connection closed before an answer came; the request was not sent again";
    return slot->error[0] ? slot->error : curl_easy_strerror(code);
}

static void start_waiting(struct http_client *client);

static void call_back(struct http_client *client, struct request *request,
                      struct http_answer *answer)
{
    client->running--;
    answer->took_ms = clock_mono_ms() - request->posted_ms;
    client->calling_back = true;
    request->on_answer(request->arg, answer);
    client->calling_back = false;
    free_request(request);
}

static void finish(struct slot *slot, CURLcode code)
{
    struct http_client *client = slot->client;
    struct request *request = slot->request;
    struct http_answer answer = {.curl_code = (int)code, .sent_any = slot->on_wire};
    if (code == CURLE_OK) {
        long status = 0;
        curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
        answer.status = (int)status;
        answer.complete = true;
        answer.body = buf_text(&slot->answer);
        answer.len = slot->answer.len;
    } else {
        answer.reason = reason_for_people(slot, code);
        answer.body = "";
    }
    /* The slot stays taken while the callback reads from it. */
    call_back(client, request, &answer);
    slot->request = NULL;
    if (slot->answer.cap > ANSWER_KEEP_BYTES)
        buf_fini(&slot->answer);
    SLIST_INSERT_HEAD(&client->free_slots, slot, link);
}

static void collect(struct http_client *client)
{
    CURLMsg *message;
    int left;
    bool any = false;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result; /* `message` is gone after the removal */
        struct slot *slot = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&slot);
        curl_multi_remove_handle(client->multi, easy);
        finish(slot, code);
        any = true;
    }
    if (any)
        start_waiting(client);
}

/* ---- the loop */

static void act(struct http_client *client, curl_socket_t fd, int what)
{
    int running;
    CURLMcode rc = curl_multi_socket_action(client->multi, fd, what, &running);
    assert(rc == CURLM_OK || rc == CURLM_BAD_SOCKET);
    (void)rc;
    collect(client);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *client = arg;
    struct watched *watched = watched_at(client, fd);
    int wanted = what & watched->interest;
    if (wanted == 0) {
        /* A kept connection with news (closed by the peer, usually) that libcurl will find out
         * about itself before it uses it. */
        event_del(watched->event);
        watched->armed = 0;
        return;
    }
    act(client, fd,
        (wanted & EV_READ ? CURL_CSELECT_IN : 0) | (wanted & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int on_multi_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    struct http_client *client = arg;
    if (timeout_ms < 0) {
        event_del(client->timer);
    } else {
        struct timeval delay = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
        event_add(client->timer, &delay);
    }
    return 0;
}

static struct watched *watch(struct http_client *client, curl_socket_t fd)
{
    if ((size_t)fd >= client->by_fd_n) {
        size_t n = (size_t)fd + 64;
        struct watched **grown = realloc(client->by_fd, n * sizeof(struct watched *));
        if (!grown)
            return NULL;
        memset(grown + client->by_fd_n, 0, (n - client->by_fd_n) * sizeof(struct watched *));
        client->by_fd = grown;
        client->by_fd_n = n;
    }
    if (!client->by_fd[fd]) {
        struct watched *watched = calloc(1, sizeof *watched);
        struct event *event =
            watched ? event_new(client->base, fd, EV_READ | EV_PERSIST, on_socket, client) : NULL;
        if (!event) {
            free(watched);
            return NULL;
        }
        watched->event = event;
        client->by_fd[fd] = watched;
    }
    return client->by_fd[fd];
}

static void unwatch(struct http_client *client, curl_socket_t fd)
{
    struct watched *watched = watched_at(client, fd);
    if (!watched)
        return;
    client->by_fd[fd] = NULL;
    event_free(watched->event);
    free(watched);
}

static curl_socket_t on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)purpose;
    struct http_client *client = arg;
    int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    struct watched *watched = watch(client, fd);
    if (!watched) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    watched->ours = true;
    return fd;
}

/* The event goes before the descriptor can mean something else. */
static int on_close_socket(void *arg, curl_socket_t fd)
{
    unwatch(arg, fd);
    return close(fd);
}

static int on_multi_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    (void)easy;
    (void)unused;
    struct http_client *client = arg;
    if (what == CURL_POLL_REMOVE) {
        struct watched *known = watched_at(client, fd);
        if (!known || !known->ours) { /* of the resolver: closed without telling */
            unwatch(client, fd);
            return 0;
        }
        known->interest = 0;
        if (known->armed & EV_WRITE) { /* would fire at every turn */
            event_del(known->event);
            known->armed = 0;
        }
        return 0;
    }
    struct watched *watched = watch(client, fd);
    if (!watched)
        return -1;
    watched->interest =
        (short)((what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
    if (watched->armed == watched->interest)
        return 0;
    if (watched->armed != 0)
        event_del(watched->event);
    event_assign(watched->event, client->base, fd, (short)(watched->interest | EV_PERSIST),
                 on_socket, client);
    watched->armed = event_add(watched->event, NULL) == 0 ? watched->interest : 0;
    return watched->armed ? 0 : -1;
}

/* ---- starting a request */

static bool set_url(struct slot *slot, const char *url)
{
    if (slot->url && strcmp(slot->url, url) == 0)
        return true;
    char *copy = strdup(url);
    if (!copy)
        return false;
    free(slot->url);
    slot->url = copy;
    return curl_easy_setopt(slot->easy, CURLOPT_URL, url) == CURLE_OK;
}

static void set_timeout(struct slot *slot, int64_t timeout_ms)
{
    if (slot->timeout_ms == timeout_ms)
        return;
    slot->timeout_ms = timeout_ms;
    int64_t connect_ms = timeout_ms < CONNECT_TIMEOUT_MAX_MS ? timeout_ms : CONNECT_TIMEOUT_MAX_MS;
    curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
}

/* Gives the slot to the request; a failure (no memory) is reported like any other end of a request,
 * by the caller. */
static CURLcode start(struct http_client *client, struct slot *slot, struct request *request,
                      int64_t left_ms)
{
    slot->request = request;
    slot->on_wire = slot->too_long = false;
    slot->header_bytes = 0;
    slot->error[0] = '\0';
    buf_reset(&slot->answer);
    if (!set_url(slot, request->url))
        return CURLE_OUT_OF_MEMORY;
    set_timeout(slot, left_ms);
    if (slot->headers != request->headers) {
        slot->headers = request->headers;
        curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, request->headers);
    }
    /* A body given this way travels with the headers in one segment. libcurl would also be able to
     * send it again: see on_prerequest(). */
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
    curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
    return curl_multi_add_handle(client->multi, slot->easy) == CURLM_OK ? CURLE_OK
                                                                        : CURLE_OUT_OF_MEMORY;
}

/* The end of a request that never had a slot. */
static void fail_waiting(struct http_client *client, struct request *request, CURLcode code)
{
    struct http_answer answer = {
        .curl_code = (int)code, .reason = curl_easy_strerror(code), .body = ""};
    if (code == CURLE_OPERATION_TIMEDOUT)
        answer.reason = "no connection was free in time";
    call_back(client, request, &answer);
}

static void arm_waiting(struct http_client *client, int64_t now_ms, int64_t due_ms)
{
    if (client->waiting_due_ms != 0 && client->waiting_due_ms <= due_ms)
        return;
    client->waiting_due_ms = due_ms;
    loop_timer_arm(client->waiting_timer, due_ms - now_ms);
}

/* Ends what has waited too long, keeps the others in order. */
static void on_waiting_timer(void *arg)
{
    struct http_client *client = arg;
    client->waiting_due_ms = 0;
    int64_t now_ms = clock_mono_ms(), next_ms = INT64_MAX;
    struct request_queue overdue = STAILQ_HEAD_INITIALIZER(overdue),
                         rest = STAILQ_HEAD_INITIALIZER(rest);
    struct request *request;
    while ((request = STAILQ_FIRST(&client->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&client->waiting, link);
        int64_t due_ms = request->posted_ms + request->timeout_ms;
        if (due_ms <= now_ms) {
            STAILQ_INSERT_TAIL(&overdue, request, link);
        } else {
            next_ms = due_ms < next_ms ? due_ms : next_ms;
            STAILQ_INSERT_TAIL(&rest, request, link);
        }
    }
    STAILQ_CONCAT(&client->waiting, &rest);
    if (!STAILQ_EMPTY(&client->waiting))
        arm_waiting(client, now_ms, next_ms);
    while ((request = STAILQ_FIRST(&overdue)) != NULL) {
        STAILQ_REMOVE_HEAD(&overdue, link);
        fail_waiting(client, request, CURLE_OPERATION_TIMEDOUT);
    }
}

static void start_waiting(struct http_client *client)
{
    if (STAILQ_EMPTY(&client->waiting))
        return;
    int64_t now_ms = clock_mono_ms();
    while (!STAILQ_EMPTY(&client->waiting) && !SLIST_EMPTY(&client->free_slots)) {
        struct request *request = STAILQ_FIRST(&client->waiting);
        int64_t left_ms = request->posted_ms + request->timeout_ms - now_ms;
        STAILQ_REMOVE_HEAD(&client->waiting, link);
        if (left_ms <= 0) {
            fail_waiting(client, request, CURLE_OPERATION_TIMEDOUT);
            continue;
        }
        /* Few milliseconds of waiting are given back: an unchanged timeout spares setting it. */
        if (request->timeout_ms - left_ms < request->timeout_ms / 16)
            left_ms = request->timeout_ms;
        struct slot *slot = SLIST_FIRST(&client->free_slots);
        SLIST_REMOVE_HEAD(&client->free_slots, link);
        CURLcode code = start(client, slot, request, left_ms);
        if (code != CURLE_OK)
            finish(slot, code);
    }
}

/* The header list of a content type, made once. */
static const struct curl_slist *headers_of(struct http_client *client, const char *content_type)
{
    for (size_t i = 0; i < client->types_n; i++) {
        if (strcmp(client->types[i].content_type, content_type) == 0)
            return client->types[i].headers;
    }
    assert(client->types_n < CONTENT_TYPES_MAX); /* a driver has one */
    char line[256];
    int len = snprintf(line, sizeof line, "Content-Type: %s", content_type);
    assert(len > 0 && (size_t)len < sizeof line);
    char *name = strdup(content_type);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    struct curl_slist *both = headers ? curl_slist_append(headers, "Expect:") : NULL;
    if (!name || !both) {
        free(name);
        curl_slist_free_all(headers);
        return NULL;
    }
    client->types[client->types_n].content_type = name;
    client->types[client->types_n++].headers = both;
    return both;
}

enum err http_client_post(struct http_client *client, const char *url, const char *content_type,
                          char *body, size_t len, int64_t timeout_ms, http_answer_fn *on_answer,
                          void *arg)
{
    assert(timeout_ms > 0);
    struct request *request = malloc(sizeof *request);
    const struct curl_slist *headers = headers_of(client, content_type);
    char *url_copy = strdup(url);
    if (!request || !headers || !url_copy) {
        free(request);
        free(url_copy);
        free(body);
        return ERR_NOMEM;
    }
    *request = (struct request){.url = url_copy,
                                .body = body,
                                .len = len,
                                .headers = headers,
                                .posted_ms = clock_mono_ms(),
                                .timeout_ms = timeout_ms,
                                .on_answer = on_answer,
                                .arg = arg};
    client->running++;
    struct slot *slot = STAILQ_EMPTY(&client->waiting) ? SLIST_FIRST(&client->free_slots) : NULL;
    if (slot) {
        SLIST_REMOVE_HEAD(&client->free_slots, link);
        if (start(client, slot, request, timeout_ms) == CURLE_OK)
            return ERR_OK;
        slot->request = NULL;
        SLIST_INSERT_HEAD(&client->free_slots, slot, link);
        client->running--;
        free_request(request);
        return ERR_NOMEM;
    }
    STAILQ_INSERT_TAIL(&client->waiting, request, link);
    arm_waiting(client, request->posted_ms, request->posted_ms + timeout_ms);
    return ERR_OK;
}

size_t http_client_running(const struct http_client *client)
{
    return client->running;
}

/* ---- making and freeing */

static bool set_once(struct slot *slot, const struct http_client_options *options)
{
    CURL *e = slot->easy;
    bool ok = true;
#define SET(option, value) ok = curl_easy_setopt(e, option, value) == CURLE_OK && ok
    SET(CURLOPT_PRIVATE, slot);
    SET(CURLOPT_ERRORBUFFER, slot->error);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_PREREQFUNCTION, on_prerequest);
    SET(CURLOPT_PREREQDATA, slot);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, slot);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, slot);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, slot->client);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    SET(CURLOPT_CLOSESOCKETDATA, slot->client);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY,
        options->proxy ? options->proxy : ""); /* "": none, and none from the environment */
    SET(CURLOPT_NOPROXY, "");                  /* nor exceptions from the environment */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file)
        SET(CURLOPT_CAINFO, options->ca_file);
#undef SET
    return ok;
}

static bool make_multi(struct http_client *client)
{
    client->multi = curl_multi_init();
    client->timer = evtimer_new(client->base, on_timer, client);
    if (!client->multi || !client->timer)
        return false;
    long connections = (long)client->options.connections;
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_multi_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_multi_timer);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
    curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
    return true;
}

static bool make_slots(struct http_client *client)
{
    uint32_t n = client->options.connections;
    client->slots = calloc(n, sizeof *client->slots);
    if (!client->slots)
        return false;
    for (uint32_t i = n; i-- > 0;) {
        struct slot *slot = &client->slots[i];
        slot->client = client;
        slot->timeout_ms = -1;
        buf_init(&slot->answer, client->options.answer_max_bytes);
        slot->easy = curl_easy_init();
        if (!slot->easy || !set_once(slot, &client->options))
            return false;
        SLIST_INSERT_HEAD(&client->free_slots, slot, link);
    }
    return true;
}

enum err http_client_new(struct event_base *base, const struct http_client_options *options,
                         struct http_client **out)
{
    assert(options->connections > 0);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_NOMEM;
    struct http_client *client = calloc(1, sizeof *client);
    if (!client) {
        curl_global_cleanup();
        return ERR_NOMEM;
    }
    client->base = base;
    client->options = *options;
    STAILQ_INIT(&client->waiting);
    client->waiting_timer = loop_timer_new(base, on_waiting_timer, client);
    if (!make_multi(client) || !make_slots(client)) {
        http_client_free(client);
        return ERR_NOMEM;
    }
    *out = client;
    return ERR_OK;
}

static void free_slots(struct http_client *client)
{
    for (uint32_t i = 0; client->slots && i < client->options.connections; i++) {
        struct slot *slot = &client->slots[i];
        curl_easy_cleanup(slot->easy);
        buf_fini(&slot->answer);
        free(slot->url);
    }
    free(client->slots);
}

/* Everything that was posted is answered, even by an end; nothing new may be posted from those
 * callbacks. */
static void end_all(struct http_client *client)
{
    for (uint32_t i = 0; client->slots && i < client->options.connections; i++) {
        struct slot *slot = &client->slots[i];
        if (!slot->request)
            continue;
        curl_multi_remove_handle(client->multi, slot->easy);
        snprintf(slot->error, sizeof slot->error, "the client is shutting down");
        slot->too_long = false;
        struct request *request = slot->request;
        struct http_answer answer = {.curl_code = CURLE_ABORTED_BY_CALLBACK,
                                     .sent_any = slot->on_wire,
                                     .reason = slot->error,
                                     .body = ""};
        call_back(client, request, &answer);
        slot->request = NULL;
    }
    struct request *request;
    while ((request = STAILQ_FIRST(&client->waiting)) != NULL) {
        STAILQ_REMOVE_HEAD(&client->waiting, link);
        fail_waiting(client, request, CURLE_ABORTED_BY_CALLBACK);
    }
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    assert(!client->calling_back);
    SLIST_INIT(
        &client->free_slots); /* a post from a last callback would wait, and be ended as well */
    end_all(client);
    free_slots(client);
    curl_multi_cleanup(client->multi); /* closes the kept connections: on_close_socket() */
    if (client->timer)
        event_free(client->timer);
    loop_timer_free(client->waiting_timer);
    for (size_t i = 0; i < client->types_n; i++) {
        free(client->types[i].content_type);
        curl_slist_free_all(client->types[i].headers);
    }
    for (size_t i = 0; i < client->by_fd_n; i++)
        assert(!client->by_fd[i]);
    free(client->by_fd);
    free(client);
    curl_global_cleanup();
}
