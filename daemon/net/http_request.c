/* A request as the handler sees it, and its answer. The connection under it may end at any time;
 * then the request stays readable and its answer goes nowhere. */
#include "net/http_connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#define QUERY_MAX 32

/* The parameters of a request, decoded in place in a copy. */
struct query {
    size_t n;
    struct {
        const char *name, *value;
    } items[QUERY_MAX];
    char bytes[];
};

void http_request_forget(struct http_request *r)
{
    free(r->path);
    r->path = NULL;
    free(r->query);
    r->query = NULL;
    r->ev = NULL;
    r->pending = r->streaming = false;
    r->on_ready = NULL;
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

/* RFC 9110, 5.6.2: "Content-Length " with a blank is another name to us, and the length itself to
 * others. */
static bool is_name(const char *name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t len = strspn(name, token);
    return len > 0 && name[len] == '\0';
}

/* evhttp reads a number as strtoll does, with signs and blanks before it. */
static bool is_length(const char *value)
{
    size_t digits = strspn(value, "0123456789");
    return digits > 0 && digits <= 18 && value[digits] == '\0';
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
        bool is_of_length = evutil_ascii_strcasecmp(header->key, "Content-Length") == 0;
        if (!is_name(header->key) || (is_of_length && !is_length(header->value)))
            return 400;
        lengths += is_of_length;
    }
    return lengths > 1 ? 400 : 0;
}

bool http_request_begin(struct http_request *r, struct evhttp_request *ev)
{
    assert(!r->pending);
    r->ev = ev;
    r->pending = true;
    int refusal = check_framing(evhttp_request_get_input_headers(ev));
    if (refusal) {
        http_answer_header(r, "Connection", "close");
        http_answer(r, refusal, "text/plain", "send one Content-Length\n", 24);
        return false;
    }
    if (!decode_path(r)) {
        http_answer(r, 400, "text/plain", "bad path\n", 9);
        return false;
    }
    return true;
}

const char *http_request_method(const struct http_request *request)
{
    switch (evhttp_request_get_command(request->ev)) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    default:
        return "DELETE"; /* evhttp lets no other through */
    }
}

bool http_request_is_head(const struct http_request *request)
{
    return evhttp_request_get_command(request->ev) == EVHTTP_REQ_HEAD;
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
            *to++ = *from;
            if (*from == '+')
                to[-1] = ' ';
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

static void need_query(struct http_request *request)
{
    if (!request->query) {
        const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request->ev));
        request->query = text ? parse_query(text) : NULL;
    }
}

const char *http_request_query_name(struct http_request *request, size_t i)
{
    need_query(request);
    return request->query && i < request->query->n ? request->query->items[i].name : NULL;
}

const char *http_request_query(struct http_request *request, const char *name)
{
    need_query(request);
    for (size_t i = 0; request->query && i < request->query->n; i++) {
        if (strcmp(request->query->items[i].name, name) == 0)
            return request->query->items[i].value;
    }
    return NULL;
}

const char *http_request_whole_query(const struct http_request *request)
{
    const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request->ev));
    return text != NULL ? text : "";
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request->ev), name);
}

/* The end of `out` is full, its beginning is not. gives: where the text begins now */
static size_t put_before(char *out, size_t begin, const char *text)
{
    size_t len = strlen(text), kept = len < begin ? len : begin;
    memcpy(out + begin - kept, text + len - kept, kept);
    return begin - kept;
}

bool http_request_list(const struct http_request *request, const char *name, char *out, size_t size)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request->ev);
    const struct evkeyval *header;
    size_t begin = size - 1;
    bool is_there = false;
    out[begin] = '\0';
    TAILQ_FOREACH_REVERSE(header, headers, evkeyvalq, next)
    {
        if (evutil_ascii_strcasecmp(header->key, name) != 0)
            continue;
        begin = is_there ? put_before(out, begin, ", ") : begin;
        begin = put_before(out, begin, header->value);
        is_there = true;
    }
    memmove(out, out + begin, size - begin);
    return is_there;
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

bool http_request_is_streaming(const struct http_request *request)
{
    return request->pending && request->streaming;
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
    http_request_forget(r);
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
    evhttp_add_header(headers, "Content-Type",
                      content_type ? content_type : HTTP_DEFAULT_CONTENT_TYPE);
    add_default_header(headers, "X-Content-Type-Options", "nosniff");
    add_default_header(headers, "Cache-Control", "no-store");
    if (r->listener->server->stopped)
        add_default_header(headers, "Connection", "close");
}

/* Of the body that is not sent; an answer that never has one names none. */
static void add_length(struct http_request *r, int status, size_t len)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", len);
    if (status != 204 && status != 304)
        evhttp_add_header(evhttp_request_get_output_headers(r->ev), "Content-Length", text);
}

/* The rest is evhttp's. */
static struct evhttp_request *hand_over(struct http_request *r)
{
    struct evhttp_request *ev = r->ev;
    http_request_forget(r);
    http_connection_expect_next(r);
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
    if (http_request_is_head(request)) {
        add_length(request, status, len);
        len = 0;
    }
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
    if (!on_ready || r->to_tell) /* evhttp calls at every drain, also of a piece before */
        return;
    r->on_ready = NULL;
    on_ready(r->on_ready_arg, false);
}

void http_answer_piece(struct http_request *request, const void *bytes, size_t len,
                       void (*on_ready)(void *arg, bool gone), void *arg)
{
    assert(request->pending && request->streaming && !request->on_ready);
    request->on_ready = on_ready;
    request->on_ready_arg = arg;
    /* evhttp would not call back for these */
    if (!request->listener || len == 0 || http_request_is_head(request)) {
        struct http_server *server =
            request->listener ? request->listener->server : request->orphan_of;
        if (on_ready && server)
            http_connection_tell_later(server, request);
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

void http_answer_cut(struct http_request *request)
{
    assert(request->pending && request->streaming);
    if (request->listener)
        shutdown(request->fd, SHUT_RDWR); /* evhttp sees the end, and on_close() tells */
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
