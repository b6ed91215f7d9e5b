/* The conversation, each answer awaited before the next command:
 *
 *   AUTH <password>        when there is one
 *   REPLCONF capa eof      the snapshot comes as it is made, not over a file
 *   REPLCONF rdb-only 1    and nothing after it
 *   SYNC                   "\n" now and then while we wait, then "$EOF:<40 bytes>\r\n" or
 *                          "$<length>\r\n", then the snapshot, which knows its own end */
#include "store/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/buf.h"
#include "base/loop.h"
#include "store/keys.h"

#define SILENCE_MAX_MS 60000 /* Redis says something every ten seconds */
#define LINE_MAX_BYTES 512
#define COMMAND_MAX_BYTES 2048
#define READ_MAX_BYTES ((size_t)256 * 1024)

enum word { WORD_AUTH, WORD_CAPA, WORD_ONLY, WORD_SYNC, WORD_COUNT };

struct snapshot {
    struct event_base *base;
    struct snapshot_events events;
    const struct redis_options *address;
    struct bufferevent *connection;
    struct loop_timer *silence;
    struct rdb *rdb;
    size_t prefix_len;
    enum word word; /* whose answer is awaited */
    bool is_flowing, held, over;
    char reason[LINE_MAX_BYTES + 64];
    enum err error;
};

static void tell_end(void *arg)
{
    struct snapshot *snapshot = arg;
    snapshot->events.on_end(snapshot->events.arg, snapshot->error, snapshot->reason);
}

/* The end is told by the timer, so that snapshot_free can take it back. */
static void finish(struct snapshot *snapshot, enum err error, const char *reason)
{
    if (snapshot->over)
        return;
    snapshot->over = true;
    snapshot->error = error;
    snprintf(snapshot->reason, sizeof snapshot->reason, "%s", reason);
    bufferevent_disable(snapshot->connection, EV_READ | EV_WRITE);
    loop_timer_arm(snapshot->silence, 0);
}

static void on_silence(void *arg)
{
    struct snapshot *snapshot = arg;
    if (snapshot->over)
        tell_end(snapshot);
    else if (snapshot->held)
        loop_timer_arm(snapshot->silence, SILENCE_MAX_MS);
    else
        finish(snapshot, ERR_TIMEOUT, "Redis stopped sending its snapshot");
}

static void say(struct snapshot *snapshot)
{
    static const char *const words[WORD_COUNT][4] = {
        [WORD_AUTH] = {"AUTH", NULL},
        [WORD_CAPA] = {"REPLCONF", "capa", "eof", NULL},
        [WORD_ONLY] = {"REPLCONF", "rdb-only", "1", NULL},
        [WORD_SYNC] = {"SYNC", NULL},
    };
    struct buf command;
    const char *const *word = words[snapshot->word];
    const char *password = snapshot->word == WORD_AUTH ? snapshot->address->password : NULL;
    int n = 0;
    while (word[n] != NULL)
        n++;
    buf_init(&command, COMMAND_MAX_BYTES);
    buf_addf(&command, "*%d\r\n", n + (password != NULL));
    for (int i = 0; i < n; i++)
        buf_addf(&command, "$%zu\r\n%s\r\n", strlen(word[i]), word[i]);
    if (password != NULL)
        buf_addf(&command, "$%zu\r\n%s\r\n", strlen(password), password);
    if (buf_check(&command) != ERR_OK ||
        bufferevent_write(snapshot->connection, command.data, command.len) != 0)
        finish(snapshot, ERR_NOMEM, err_sentence(ERR_NOMEM));
    if (command.data != NULL)
        explicit_bzero(command.data, command.len);
    buf_fini(&command);
}

static void refused(struct snapshot *snapshot, const char *line)
{
    char sentence[LINE_MAX_BYTES + 64];
    snprintf(sentence, sizeof sentence, "Redis does not give a snapshot (SYNC, REPLCONF): %s",
             line + (*line == '-'));
    finish(snapshot, ERR_REFUSED, sentence);
}

static void on_line(struct snapshot *snapshot, const char *line)
{
    if (*line == '\0') /* Redis is alive, and still busy */
        return;
    if (snapshot->word == WORD_SYNC && *line == '$') {
        snapshot->is_flowing = true;
        return;
    }
    if (snapshot->word == WORD_SYNC || *line != '+') {
        refused(snapshot, line);
        return;
    }
    snapshot->word++;
    say(snapshot);
}

static void flow(struct snapshot *snapshot, struct evbuffer *input)
{
    size_t len = evbuffer_get_length(input);
    const unsigned char *bytes = evbuffer_pullup(input, -1);
    enum err error = bytes != NULL || len == 0 ? rdb_read(snapshot->rdb, bytes, len) : ERR_NOMEM;
    evbuffer_drain(input, len);
    const char *problem = rdb_problem(snapshot->rdb);
    if (error != ERR_OK)
        finish(snapshot, error, problem[0] != '\0' ? problem : err_sentence(error));
    else if (rdb_ended(snapshot->rdb))
        finish(snapshot, ERR_OK, "");
}

static void on_bytes(struct bufferevent *connection, void *arg)
{
    struct snapshot *snapshot = arg;
    struct evbuffer *input = bufferevent_get_input(connection);
    loop_timer_arm(snapshot->silence, SILENCE_MAX_MS);
    while (!snapshot->over && !snapshot->is_flowing) {
        char line[LINE_MAX_BYTES];
        struct evbuffer_ptr feed = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_CRLF);
        if (feed.pos < 0) {
            if (evbuffer_get_length(input) > LINE_MAX_BYTES)
                finish(snapshot, ERR_PROTOCOL, "Redis sent something that is no answer");
            return;
        }
        char *text = evbuffer_readln(input, NULL, EVBUFFER_EOL_CRLF);
        snprintf(line, sizeof line, "%s", text != NULL ? text : "");
        free(text);
        on_line(snapshot, line);
    }
    if (!snapshot->over && evbuffer_get_length(input) > 0)
        flow(snapshot, input);
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
    struct snapshot *snapshot = arg;
    (void)connection;
    if (what & BEV_EVENT_CONNECTED) {
        snapshot->word = snapshot->address->password != NULL ? WORD_AUTH : WORD_CAPA;
        say(snapshot);
    } else {
        finish(snapshot, ERR_CLOSED,
               snapshot->is_flowing ? "Redis broke its snapshot off" : "Redis is not reachable");
    }
}

static enum err on_rdb_key(void *arg, const struct rdb_key *key)
{
    struct snapshot *snapshot = arg;
    struct rdb_key ours = *key;
    ours.name += snapshot->prefix_len;
    ours.name_len -= snapshot->prefix_len;
    return snapshot->events.on_key(snapshot->events.arg, &ours);
}

static bool connect_to(struct snapshot *snapshot)
{
    const struct redis_options *address = snapshot->address;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    snapshot->connection = bufferevent_socket_new(snapshot->base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (snapshot->connection == NULL)
        return false;
    bufferevent_setcb(snapshot->connection, on_bytes, NULL, on_event, snapshot);
    bufferevent_set_max_single_read(snapshot->connection, READ_MAX_BYTES);
    bufferevent_enable(snapshot->connection, EV_READ | EV_WRITE);
    if (address->is_unix) {
        if (strlen(address->host) >= sizeof path.sun_path)
            return false;
        memcpy(path.sun_path, address->host, strlen(address->host) + 1);
        return bufferevent_socket_connect(snapshot->connection, (struct sockaddr *)&path,
                                          sizeof path) == 0;
    }
    return bufferevent_socket_connect_hostname(snapshot->connection, NULL, AF_UNSPEC, address->host,
                                               address->port) == 0;
}

enum err snapshot_new(struct event_base *base, struct store *store,
                      const struct snapshot_events *events, struct snapshot **out)
{
    char prefix[KEY_SIZE];
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL)
        return ERR_NOMEM;
    snapshot->base = base;
    snapshot->events = *events;
    snapshot->address = redis_address(store_redis(store));
    snapshot->prefix_len = strlen(store_prefix(store));
    snprintf(prefix, sizeof prefix, "%s:", store_prefix(store));
    snapshot->silence = loop_timer_new(base, on_silence, snapshot);
    enum err error = rdb_new(snapshot->address->db, prefix, on_rdb_key, snapshot, &snapshot->rdb);
    if (error == ERR_OK && !connect_to(snapshot))
        error = ERR_CLOSED;
    if (error != ERR_OK) {
        snapshot_free(snapshot);
        return error;
    }
    loop_timer_arm(snapshot->silence, SILENCE_MAX_MS);
    *out = snapshot;
    return ERR_OK;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    if (snapshot->connection != NULL)
        bufferevent_free(snapshot->connection);
    loop_timer_free(snapshot->silence);
    rdb_free(snapshot->rdb);
    free(snapshot);
}

void snapshot_hold(struct snapshot *snapshot, bool held)
{
    snapshot->held = held;
    if (snapshot->over)
        return;
    if (held)
        bufferevent_disable(snapshot->connection, EV_READ);
    else
        bufferevent_enable(snapshot->connection, EV_READ);
}

uint32_t snapshot_version(const struct snapshot *snapshot)
{
    return rdb_version(snapshot->rdb);
}
