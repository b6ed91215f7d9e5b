/* A world for tests that need the real thing: a redis-server of their own, the store, and a carrier
 * in a process of its own that speaks the Cloud MAS form, does what `shared->mode` says, and counts
 * how often it took each number. */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/settings.h"
#include "net/http_server.h"
#include "store/optout.h"
#include "store/queue.h"
#include "store/status.h"
#include "store/store.h"

#define WORLD_BASE 15400000000u * UINT64_C(1)
#define WORLD_NUMBERS 20000
#define WORLD_PATIENCE_MS 30000 /* a condition that is not met by then never will be */

enum world_mode {
    CARRIER_ACCEPTS,
    CARRIER_REFUSES_BAD,    /* the whole request, when bad_number is in it, without naming it */
    CARRIER_FAULTS,         /* IllegalMac */
    CARRIER_THROTTLES,      /* FlowOverLimit, `left` times, then accepts */
    CARRIER_TAKES_SILENTLY, /* takes it and never answers, `left` times, then accepts */
    CARRIER_BABBLES, /* takes it and answers what nobody can read, `left` times, then accepts */
    CARRIER_REFUSES_TEXT,
    CARRIER_HOLDS /* takes it, and answers when the mode changes */
};

struct world_shared {
    volatile int mode;
    volatile int left;
    volatile uint64_t bad_number;
    volatile uint32_t requests, largest;
    volatile uint32_t foreign; /* numbers outside of the range: must stay 0 */
    volatile uint8_t taken[WORLD_NUMBERS];
    char last_body[64 * 1024]; /* decoded */
};

struct world {
    char dir[64], socket[96];
    pid_t redis, carrier;
    int listen_fd;
    uint16_t port;
    struct world_shared *shared;
    struct event_base *base;
    struct store *store;
    struct settings settings;
    char base_url[64];
};

/* ---- processes ---- */

static inline void world_end_process(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static inline pid_t world_fork(void)
{
    pid_t parent = getpid(), pid = fork();
    assert(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
    }
    return pid;
}

/* It writes always: some tests kill it, and what it acknowledged must be there then. */
static inline void world_start_redis(struct world *w)
{
    w->redis = world_fork();
    if (w->redis == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", w->socket, "--dir",
               w->dir, "--save", "", "--appendonly", "yes", "--appendfsync", "always",
               "--maxmemory-policy", "noeviction", (char *)NULL);
        _exit(127);
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", w->socket);
    for (int i = 0; i < 2000; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int rc = connect(fd, (struct sockaddr *)&to, sizeof to);
        close(fd);
        if (rc == 0)
            return;
        usleep(5000);
    }
    assert(!"redis-server does not start");
}

/* ---- the carrier's process ---- */

struct world_carrier {
    struct world_shared *shared;
    uint64_t batches;
    struct http_request *held[4096];
    char held_answers[4096][96];
    size_t n_held;
};

static inline bool world_is_number(const char *at)
{
    for (int i = 0; i < 11; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
    }
    return at[0] == '1' && !(at[11] >= '0' && at[11] <= '9');
}

/* The numbers of a request: of "mobiles", or the keys of the map in "content". */
static inline size_t world_numbers(const char *body, uint64_t *numbers, size_t most)
{
    size_t n = 0;
    const char *at = strstr(body, "\"mobiles\":\"");
    assert(at);
    at += 11;
    if (*at == '"') {
        for (at = strstr(body, "\"content\":\""); at && (at = strstr(at, "\\\"1")); at += 3) {
            if (n < most && world_is_number(at + 2) && strncmp(at + 13, "\\\":", 3) == 0)
                numbers[n++] = strtoull(at + 2, NULL, 10);
        }
        return n;
    }
    for (; n < most && world_is_number(at); at += 12) {
        numbers[n++] = strtoull(at, NULL, 10);
        if (at[11] != ',')
            break;
    }
    return n;
}

static inline void world_carrier_take(struct world_shared *s, const uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t at = numbers[i] - WORLD_BASE;
        if (at < WORLD_NUMBERS)
            s->taken[at]++;
        else
            s->foreign++;
    }
}

static inline void world_on_submit(void *arg, struct http_request *request)
{
    struct world_carrier *c = arg;
    struct world_shared *s = c->shared;
    uint64_t numbers[2000];
    size_t len;
    const char *bytes = http_request_body(request, &len);
    struct buf body;
    buf_init(&body, 1 << 20);
    assert(digest_base64_decode(bytes, len, &body) == ERR_OK);
    size_t n = world_numbers(buf_text(&body), numbers, 2000);
    snprintf(s->last_body, sizeof s->last_body, "%s", buf_text(&body));
    buf_fini(&body);
    s->requests++;
    if (n > s->largest)
        s->largest = (uint32_t)n;
    int mode = s->mode;
    bool counts_down =
        mode == CARRIER_THROTTLES || mode == CARRIER_TAKES_SILENTLY || mode == CARRIER_BABBLES;
    if (counts_down && s->left-- <= 0)
        mode = CARRIER_ACCEPTS;
    const char *word = "success";
    for (size_t i = 0; i < n && mode == CARRIER_REFUSES_BAD; i++) {
        if (numbers[i] == s->bad_number)
            word = "InvalidMobile";
    }
    if (mode == CARRIER_FAULTS)
        word = "IllegalMac";
    if (mode == CARRIER_THROTTLES)
        word = "FlowOverLimit";
    if (mode == CARRIER_REFUSES_TEXT)
        word = "ContainSensitiveWord";
    bool takes = strcmp(word, "success") == 0;
    if (takes)
        world_carrier_take(s, numbers, n);
    if (mode == CARRIER_TAKES_SILENTLY)
        return; /* the connection stays open and silent */
    if (mode == CARRIER_BABBLES) {
        http_answer(request, 200, "text/html", "<html>busy</html>", 17);
        return;
    }
    char answer[96];
    if (takes)
        snprintf(answer, sizeof answer,
                 "{\"msgGroup\":\"%022llu\",\"rspcod\":\"success\",\"success\":true}",
                 (unsigned long long)++c->batches);
    else
        snprintf(answer, sizeof answer, "{\"msgGroup\":\"\",\"rspcod\":\"%s\",\"success\":false}",
                 word);
    if (mode == CARRIER_HOLDS) {
        assert(c->n_held < 4096);
        memcpy(c->held_answers[c->n_held], answer, sizeof answer);
        c->held[c->n_held++] = request;
        return;
    }
    http_answer(request, 200, "application/json", answer, strlen(answer));
}

static inline void world_on_carrier_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct world_carrier *c = arg;
    if (c->shared->mode == CARRIER_HOLDS)
        return;
    for (size_t i = 0; i < c->n_held; i++)
        http_answer(c->held[i], 200, "application/json", c->held_answers[i],
                    strlen(c->held_answers[i]));
    c->n_held = 0;
}

static inline void world_start_carrier(struct world *w)
{
    assert(listen(w->listen_fd, 512) == 0);
    w->carrier = world_fork();
    if (w->carrier != 0)
        return;
    static struct world_carrier carrier;
    carrier.shared = w->shared;
    struct event_base *base = event_base_new();
    const struct http_limits limits = {.headers_max_bytes = 8192,
                                       .body_max_bytes = 1 << 20,
                                       .connections_max = 1000,
                                       .connections_per_address = 1000,
                                       .idle_ms = 60000};
    struct http_server *server;
    if (http_server_new(base, &limits, world_on_submit, &carrier, &server) ||
        http_server_listen_fd(server, w->listen_fd))
        _exit(1);
    struct event *tick = event_new(base, -1, EV_PERSIST, world_on_carrier_tick, &carrier);
    const struct timeval often = {.tv_usec = 2000};
    event_add(tick, &often);
    event_base_dispatch(base);
    _exit(1);
}

/* ---- waiting ---- */

/* Runs the loop until *flag. */
static inline void world_until(struct world *w, const bool *flag)
{
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    while (!*flag) {
        struct timeval most = {.tv_usec = 20000};
        event_base_loopexit(w->base, &most);
        event_base_dispatch(w->base);
        if (clock_mono_ms() >= by_ms) {
            fprintf(stderr, "world: waited in vain\n");
            abort();
        }
    }
}

static inline void world_pass(struct world *w, int64_t ms)
{
    int64_t by_ms = clock_mono_ms() + ms;
    while (clock_mono_ms() < by_ms) {
        struct timeval most = {.tv_usec = 5000};
        event_base_loopexit(w->base, &most);
        event_base_dispatch(w->base);
    }
}

struct world_done {
    bool is_over;
    enum err error;
    char reason[256];
    uint32_t seq;
};

static inline void world_on_done(void *arg, enum err error, const char *reason)
{
    struct world_done *done = arg;
    done->is_over = true;
    done->error = error;
    snprintf(done->reason, sizeof done->reason, "%s", reason ? reason : "");
}

static inline void world_on_begun(void *arg, enum err error, const char *reason, uint32_t seq)
{
    struct world_done *done = arg;
    world_on_done(done, error, reason);
    done->seq = seq;
}

static inline void world_on_changed(void *arg, enum err error, const char *reason,
                                    const struct queue_counts *counts)
{
    (void)counts;
    world_on_done(arg, error, reason);
}

/* ---- campaigns ---- */

struct world_campaign {
    const char *id, *class_word, *text;
    uint32_t first, n; /* recipients WORLD_BASE + first … */
    bool personal;     /* the text has ((姓名)) */
    uint32_t rate;
    int64_t start_ms, end_ms, late_after_ms; /* 0: an hour ago, in an hour, never */
    int window_from_min, window_to_min;      /* 0, 0: the whole day */
};

static inline uint32_t world_launch(struct world *w, const struct world_campaign *c)
{
    int64_t now_ms = clock_wall_ms();
    const struct campaign_fields fields = {.id = c->id,
                                           .title = "a title",
                                           .carrier = "mas",
                                           .dedup_group = "",
                                           .region = "",
                                           .class_word = c->class_word ? c->class_word : "notice",
                                           .on_ambiguous = "hold",
                                           .signature = "高山乡人民政府",
                                           .text = c->text ? c->text : "明天上午九点开会",
                                           .optout = "",
                                           .parent = "",
                                           .actor = "test",
                                           .source_file = "test.csv",
                                           .personal = c->personal,
                                           .start_ms = c->start_ms ? c->start_ms : now_ms - 3600000,
                                           .end_ms = c->end_ms ? c->end_ms : now_ms + 3600000,
                                           .late_after_ms = c->late_after_ms,
                                           .window_from_min = c->window_from_min,
                                           .window_to_min = c->window_to_min,
                                           .rate = c->rate,
                                           .max_segments = 3,
                                           .price_fen = 5,
                                           .rows = c->n,
                                           .segments_total = c->n,
                                           .fingerprint = ""};
    struct world_done done = {0};
    assert(queue_begin(w->store, &fields, "test", now_ms, world_on_begun, &done) == ERR_OK);
    world_until(w, &done.is_over);
    if (done.error)
        fprintf(stderr, "queue_begin: %s\n", done.reason);
    assert(done.error == ERR_OK);
    uint32_t seq = done.seq, chunk = 0;
    for (uint32_t at = 0; at < c->n; chunk++) {
        struct chunk_row rows[CHUNK_MAX];
        uint8_t values[CHUNK_MAX][8];
        uint32_t most = chunk == 0 ? 10 : CHUNK_MAX, n = 0;
        for (; n < most && at < c->n; n++, at++) {
            values[n][0] = 5; /* one column of five bytes */
            snprintf((char *)values[n] + 1, 7, "n%04u", (c->first + at) % 10000);
            rows[n] = (struct chunk_row){.number = WORLD_BASE + c->first + at,
                                         .values = c->personal ? values[n] : NULL,
                                         .values_len = c->personal ? 6 : 0};
        }
        done = (struct world_done){0};
        assert(queue_stage(w->store, (struct chunk_ref){"mas", seq, chunk}, rows, n, world_on_done,
                           &done) == ERR_OK);
        world_until(w, &done.is_over);
        assert(done.error == ERR_OK);
    }
    done = (struct world_done){0};
    assert(queue_commit(w->store, seq, &fields, chunk, c->n, 0, true, now_ms, world_on_done,
                        &done) == ERR_OK);
    world_until(w, &done.is_over);
    if (done.error)
        fprintf(stderr, "queue_commit: %s\n", done.reason);
    assert(done.error == ERR_OK);
    return seq;
}

static inline enum err world_act(struct world *w, uint32_t seq, enum campaign_act act,
                                 const char *reason)
{
    struct world_done done = {0};
    assert(queue_act(w->store, "mas", seq, act, "clerk1", reason, 0, clock_wall_ms(),
                     world_on_changed, &done) == ERR_OK);
    world_until(w, &done.is_over);
    return done.error;
}

struct world_seen {
    bool is_over;
    enum err error;
    char state[16], reason[256], actor[64];
    uint64_t of[STATE_COUNT], accepted;
};

static inline void world_on_view(void *arg, enum err error, const struct campaign_view *views,
                                 size_t n)
{
    struct world_seen *seen = arg;
    seen->is_over = true;
    seen->error = error;
    if (error || n == 0)
        return;
    snprintf(seen->state, sizeof seen->state, "%s", views[0].state);
    snprintf(seen->reason, sizeof seen->reason, "%s", views[0].wait_reason);
    snprintf(seen->actor, sizeof seen->actor, "%s", views[0].wait_actor);
    memcpy(seen->of, views[0].counts.of, sizeof seen->of);
    seen->accepted = views[0].accepted;
}

static inline struct world_seen world_see(struct world *w, const char *id)
{
    struct world_seen seen = {0};
    if (queue_find(w->store, "mas", id, world_on_view, &seen) != ERR_OK)
        return (struct world_seen){.error = ERR_CLOSED};
    world_until(w, &seen.is_over);
    uint64_t sum = 0;
    for (size_t i = 0; i < STATE_COUNT; i++)
        sum += seen.of[i];
    assert(seen.error || sum == seen.accepted); /* the buckets always add up */
    return seen;
}

static inline uint64_t world_count(const struct world_seen *seen, enum recipient_state state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (state_all[i] == state)
            return seen->of[i];
    }
    return 0;
}

/* Until the campaign has this state. */
static inline struct world_seen world_until_state(struct world *w, const char *id,
                                                  const char *state)
{
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    for (;;) {
        struct world_seen seen = world_see(w, id);
        if (!seen.error && strcmp(seen.state, state) == 0)
            return seen;
        if (clock_mono_ms() >= by_ms) {
            fprintf(stderr, "world: campaign %s is %s (%s), wanted %s\n", id, seen.state,
                    seen.reason, state);
            abort();
        }
        world_pass(w, 10);
    }
}

/* Until so many recipients have this state. */
static inline struct world_seen world_until_count(struct world *w, const char *id,
                                                  enum recipient_state state, uint64_t least)
{
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    for (;;) {
        struct world_seen seen = world_see(w, id);
        if (!seen.error && world_count(&seen, state) >= least)
            return seen;
        if (clock_mono_ms() >= by_ms) {
            fprintf(stderr, "world: campaign %s has %llu %s, wanted %llu; it is %s (%s)\n", id,
                    (unsigned long long)world_count(&seen, state), state_word(state),
                    (unsigned long long)least, seen.state, seen.reason);
            abort();
        }
        world_pass(w, 10);
    }
}

/* How many of the numbers the carrier took `times` times. */
static inline uint32_t world_taken(const struct world *w, uint32_t first, uint32_t n, uint8_t times)
{
    uint32_t found = 0;
    for (uint32_t i = first; i < first + n; i++)
        found += w->shared->taken[i] == times;
    return found;
}

/* ---- the whole ---- */

static inline void world_on_health(void *arg, enum redis_health health, const char *sentence)
{
    (void)arg;
    (void)health;
    (void)sentence;
}

static inline void world_open_store(struct world *w)
{
    const struct redis_options options = {.is_unix = true, .host = w->socket, .timeout_ms = 3000};
    assert(store_new(w->base, &options, "t", world_on_health, w, &w->store) == ERR_OK);
    store_set_ambiguous_limit(w->store, 100);
    int64_t by_ms = clock_mono_ms() + WORLD_PATIENCE_MS;
    const char *sentence = "";
    while (redis_health(store_redis(w->store), &sentence) != REDIS_READY) {
        world_pass(w, 5);
        if (clock_mono_ms() >= by_ms) {
            fprintf(stderr, "world: the store is not ready: %s\n", sentence);
            abort();
        }
    }
}

/* With `listens` false nobody listens at the carrier's port until world_start_carrier. */
static inline void world_open(struct world *w, bool listens)
{
    memset(w, 0, sizeof *w);
    signal(SIGPIPE, SIG_IGN);
    if (!getenv("WORLD_LOG"))
        log_set_level(LOG_ERROR);
    snprintf(w->dir, sizeof w->dir, "/tmp/outreach-unit-XXXXXX");
    assert(mkdtemp(w->dir));
    snprintf(w->socket, sizeof w->socket, "%s/redis.sock", w->dir);
    w->shared =
        mmap(NULL, sizeof *w->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(w->shared != MAP_FAILED);
    w->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    assert(bind(w->listen_fd, (struct sockaddr *)&any, len) == 0);
    assert(getsockname(w->listen_fd, (struct sockaddr *)&any, &len) == 0);
    w->port = ntohs(any.sin_port);
    world_start_redis(w);
    if (listens)
        world_start_carrier(w);
    w->base = event_base_new();
    world_open_store(w);
    snprintf(w->base_url, sizeof w->base_url, "http://127.0.0.1:%u", w->port);
    w->settings.daemon = (struct settings_daemon){.id = "d1",
                                                  .utc_offset_min = 480,
                                                  .optout_words = "R T TD N 退订",
                                                  .optout_all_words = "TDALL",
                                                  .ambiguous_limit = 100,
                                                  .webhook_body_max_bytes = 65536,
                                                  .parked_max = 1000,
                                                  .parked_for_ms = 259200000,
                                                  .resend_values_for_ms = 86400000,
                                                  .retention_ms = INT64_C(15552000000),
                                                  .resend_silent_after_ms = 600000};
    w->settings.n_carriers = 1;
    w->settings.carriers[0] = (struct settings_carrier){.name = "mas",
                                                        .driver = "cloudmas",
                                                        .base_url = w->base_url,
                                                        .submit_path = "/sms/norsubmit",
                                                        .ec_name = "高山乡人民政府",
                                                        .ap_id = "gaoshan",
                                                        .secret_key = "Demo#2024",
                                                        .sign_code = "DemoSign1",
                                                        .add_serial = "",
                                                        .batch_max = 1000,
                                                        .connections = 4,
                                                        .timeout_ms = 10000,
                                                        .price_fen = 5,
                                                        .codes = "cloudmas"};
}

static inline void world_close(struct world *w)
{
    if (w->store)
        store_free(w->store);
    event_base_loop(w->base, EVLOOP_NONBLOCK); /* what was put off to a later turn */
    event_base_free(w->base);
    world_end_process(w->carrier);
    world_end_process(w->redis);
    close(w->listen_fd);
    munmap(w->shared, sizeof *w->shared);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", w->dir);
    assert(system(command) == 0);
}
