/* The path of every request is "http://outreachd/api/…" over the Unix socket; proxies and redirects
 * are off. */
#include "ctl/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"

#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS 300000L /* resolve and cancel walk through all chunks of a campaign */
#define STALL_TIMEOUT_S 120L      /* a streamed report that stands still this long is given up */
#define LINE_MAX_BYTES 65536
#define URL_MAX_BYTES 2048
#define CLIENT_PATH_MAX 256

struct client {
    CURL *curl;
    char path[CLIENT_PATH_MAX];
    char error[CURL_ERROR_SIZE];
};

struct transfer {
    CURL *curl;
    struct buf body; /* of a plain or error answer */
    struct buf line; /* the unfinished line of a streamed one */
    bool (*on_line)(void *arg, const char *line, size_t len);
    bool (*on_bytes)(void *arg, const char *bytes, size_t len); /* in place of on_line */
    void *arg;
};

enum err client_new(const char *socket_path, struct client **client)
{
    struct client *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->curl = curl_easy_init();
    if (made->curl == NULL) {
        free(made);
        return ERR_NOMEM;
    }
    snprintf(made->path, sizeof made->path, "%s", socket_path);
    curl_easy_setopt(made->curl, CURLOPT_ERRORBUFFER, made->error);
    curl_easy_setopt(made->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(made->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(made->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(made->curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(made->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    CURLcode code = curl_easy_setopt(made->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    if (code != CURLE_OK) {
        client_free(made);
        return ERR_NOMEM;
    }
    *client = made;
    return ERR_OK;
}

void client_free(struct client *client)
{
    if (client != NULL) {
        curl_easy_cleanup(client->curl);
        free(client);
    }
}

/* Gives lines away; keeps the unfinished one. */
static bool feed_lines(struct transfer *transfer, const char *bytes, size_t len)
{
    while (len > 0) {
        const char *feed = memchr(bytes, '\n', len);
        size_t part = feed != NULL ? (size_t)(feed - bytes) : len;
        buf_add(&transfer->line, bytes, part);
        if (buf_check(&transfer->line) != ERR_OK) {
            return false;
        }
        if (feed == NULL) {
            return true;
        }
        if (!transfer->on_line(transfer->arg, buf_text(&transfer->line), transfer->line.len)) {
            return false;
        }
        buf_reset(&transfer->line);
        bytes += part + 1;
        len -= part + 1;
    }
    return true;
}

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
    struct transfer *transfer = arg;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->on_line != NULL && status / 100 == 2) {
        return feed_lines(transfer, bytes, size * n) ? size * n : 0;
    }
    if (transfer->on_bytes != NULL && status / 100 == 2) {
        return transfer->on_bytes(transfer->arg, bytes, size * n) ? size * n : 0;
    }
    buf_add(&transfer->body, bytes, size * n);
    return buf_check(&transfer->body) == ERR_OK ? size * n : 0;
}

static const char *member_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void read_reply(const struct transfer *transfer, long status, struct reply *reply)
{
    reply->status = (int)status;
    if (transfer->body.len > 0) {
        reply->json = json_loadb(transfer->body.data, transfer->body.len, 0, NULL);
    }
    if (status / 100 != 2) {
        const json_t *error = json_object_get(reply->json, "error");
        reply->code = member_text(error, "code");
        reply->message = member_text(error, "message");
        if (reply->message[0] == '\0') {
            snprintf(reply->transport, sizeof reply->transport,
                     "the daemon answered with HTTP status %ld", status);
            reply->message = reply->transport;
        }
    }
}

/* libcurl speaks of ports even for a Unix socket: the path and the system's own word help more. */
static void say_why(struct client *client, CURLcode code, struct reply *reply)
{
    long number = 0;
    curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number);
    if (code == CURLE_COULDNT_CONNECT) {
        snprintf(reply->transport, sizeof reply->transport, "%s: %s", client->path,
                 number != 0 ? strerror((int)number) : "cannot connect");
    } else {
        snprintf(reply->transport, sizeof reply->transport, "%s: %s", client->path,
                 client->error[0] != '\0' ? client->error : curl_easy_strerror(code));
    }
}

static bool perform(struct client *client, struct transfer *transfer, const char *path,
                    struct reply *reply)
{
    char url[URL_MAX_BYTES];
    snprintf(url, sizeof url, "http://outreachd%s", path);
    transfer->curl = client->curl;
    client->error[0] = '\0';
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, transfer);
    CURLcode code = curl_easy_perform(client->curl);
    long status = 0;
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        say_why(client, code, reply);
        reply->message = reply->transport;
    } else {
        read_reply(transfer, status, reply);
    }
    return code == CURLE_OK && status / 100 == 2;
}

static void reply_init(struct reply *reply)
{
    memset(reply, 0, sizeof *reply);
    reply->code = reply->message = "";
}

/* `bytes` NULL: no body. */
static bool send_bytes(struct client *client, const char *method, const char *path,
                       const char *type, const char *bytes, size_t len, struct reply *reply)
{
    struct transfer transfer = {.on_line = NULL};
    reply_init(reply);
    buf_init(&transfer.body, CLIENT_ANSWER_MAX_BYTES);
    struct curl_slist *headers = curl_slist_append(NULL, type);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, 0L);
    if (strcmp(method, "GET") == 0) {
        curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    } else {
        curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, bytes != NULL ? bytes : "");
        curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
        /* A command must not be given twice: no reused connection, so no silent repetition by
         * libcurl. */
        curl_easy_setopt(client->curl, CURLOPT_FRESH_CONNECT, 1L);
    }
    bool done = perform(client, &transfer, path, reply);
    curl_easy_setopt(client->curl, CURLOPT_FRESH_CONNECT, 0L);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(headers);
    buf_fini(&transfer.body);
    return done;
}

bool client_call(struct client *client, const char *method, const char *path, const json_t *body,
                 struct reply *reply)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool done = send_bytes(client, method, path, "Content-Type: application/json", text,
                           text != NULL ? strlen(text) : 0, reply);
    free(text);
    return done;
}

bool client_post_bytes(struct client *client, const char *path, const char *bytes, size_t len,
                       struct reply *reply)
{
    return send_bytes(client, "POST", path, "Content-Type: text/csv", bytes, len, reply);
}

bool client_put_bytes(struct client *client, const char *path, const char *bytes, size_t len,
                      struct reply *reply)
{
    return send_bytes(client, "PUT", path, "Content-Type: application/octet-stream", bytes, len,
                      reply);
}

static bool download(struct client *client, const char *path, struct transfer *transfer,
                     struct reply *reply)
{
    reply_init(reply);
    buf_init(&transfer->body, LINE_MAX_BYTES);
    buf_init(&transfer->line, LINE_MAX_BYTES);
    curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(client->curl, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(client->curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S);
    bool done = perform(client, transfer, path, reply);
    buf_fini(&transfer->body);
    buf_fini(&transfer->line);
    return done;
}

bool client_stream(struct client *client, const char *path,
                   bool (*on_line)(void *arg, const char *line, size_t len), void *arg,
                   struct reply *reply)
{
    struct transfer transfer = {.on_line = on_line, .arg = arg};
    return download(client, path, &transfer, reply);
}

bool client_download(struct client *client, const char *path,
                     bool (*on_piece)(void *arg, const char *bytes, size_t len), void *arg,
                     struct reply *reply)
{
    struct transfer transfer = {.on_bytes = on_piece, .arg = arg};
    return download(client, path, &transfer, reply);
}

void reply_fini(struct reply *reply)
{
    json_decref(reply->json);
    reply->json = NULL;
}
