/* A redis-server of its own, a store, and a folder with a configuration and campaigns, for tests of
 * the importer. */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "launch/launch.h"
#include "store/optout.h"
#include "store/status.h"
#include "store/store.h"

#define RIG_PATIENCE_MS 30000 /* a condition that is not met by then never will be */

struct rig {
    char dir[64], socket[96], ini[96];
    pid_t redis;
    struct event_base *base;
    struct store *store;
    struct settings *settings;
    struct launcher *launcher;

    /* what the callbacks said last */
    bool answered;
    enum err error;
    char reason[2048], id[128];
    unsigned commits;
};

static inline void rig_start_redis(struct rig *rig)
{
    pid_t parent = getpid();
    rig->redis = fork();
    assert(rig->redis >= 0);
    if (rig->redis == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        if (getppid() == parent)
            execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", rig->socket,
                   "--dir", rig->dir, "--save", "", "--appendonly", "yes", "--maxmemory-policy",
                   "noeviction", (char *)NULL);
        _exit(127);
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", rig->socket);
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

static inline void rig_kill_redis(struct rig *rig)
{
    kill(rig->redis, SIGKILL);
    waitpid(rig->redis, NULL, 0);
    rig->redis = 0;
}

static inline void rig_write(const struct rig *rig, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", rig->dir, name);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    fputs(text, file);
    fclose(file);
    chmod(path, 0600);
}

/* Turns of the loop until *flag. */
static inline void rig_wait(struct rig *rig, bool (*is_met)(struct rig *rig))
{
    int64_t stop = clock_mono_ms() + RIG_PATIENCE_MS;
    while (!is_met(rig)) {
        assert(clock_mono_ms() < stop);
        event_base_loop(rig->base, EVLOOP_ONCE);
    }
}

static inline bool rig_is_ready(struct rig *rig)
{
    const char *sentence;
    return redis_health(store_redis(rig->store), &sentence) == REDIS_READY;
}

static inline bool rig_has_answer(struct rig *rig)
{
    return rig->answered;
}

static inline void rig_on_health(void *arg, enum redis_health health, const char *sentence)
{
    (void)arg;
    (void)health;
    (void)sentence;
}

static inline void rig_on_commit(void *arg, const char *carrier)
{
    (void)carrier;
    ((struct rig *)arg)->commits++;
}

/* Store and launcher of a daemon; the one before is gone as if it had been killed: what it had
 * asked Redis is not followed up. */
static inline void rig_new_daemon(struct rig *rig, const char *owner)
{
    struct redis_options options = {.is_unix = true, .host = rig->socket, .timeout_ms = 1000};
    launcher_free(rig->launcher);
    if (rig->store != NULL)
        store_free(rig->store);
    assert(store_new(rig->base, &options, "t", rig_on_health, rig, &rig->store) == ERR_OK);
    rig_wait(rig, rig_is_ready);
    assert(launcher_new(rig->base, rig->store, owner, &rig->launcher) == ERR_OK);
    launcher_set_settings(rig->launcher, rig->settings);
    launcher_on_commit(rig->launcher, rig_on_commit, rig);
}

static inline void rig_start(struct rig *rig)
{
    struct mistakes mistakes;
    memset(rig, 0, sizeof *rig);
    snprintf(rig->dir, sizeof rig->dir, "/tmp/outreach-launch-XXXXXX");
    assert(mkdtemp(rig->dir) != NULL);
    snprintf(rig->socket, sizeof rig->socket, "%s/redis.sock", rig->dir);
    snprintf(rig->ini, sizeof rig->ini, "%s/outreachd.ini", rig->dir);
    rig_write(rig, "outreachd.ini",
              "[daemon]\ncontrol_socket = c.sock\nstate_dir = .\ncampaigns_dir = .\ncodes_dir = .\n"
              "[redis]\nurl = redis://127.0.0.1:1/0\n"
              "[carrier mas]\ndriver = cloudmas\nbase_url = http://127.0.0.1:1\nec_name = e\nap_id "
              "= a\nsign_code = s\n"
              "secret_key_file = mas.secret\n");
    rig_write(rig, "mas.secret", "secret");
    mistakes_init(&mistakes);
    enum err error = settings_load(rig->ini, true, &rig->settings, &mistakes);
    if (error != ERR_OK) {
        struct buf text;
        buf_init(&text, 65536);
        mistakes_print(&mistakes, &text);
        fputs(buf_text(&text), stderr);
    }
    assert(error == ERR_OK);
    mistakes_fini(&mistakes);
    log_set_level(LOG_ERROR);
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    rig_start_redis(rig);
    rig->base = event_base_new();
    rig_new_daemon(rig, "daemon-1");
}

static inline void rig_stop(struct rig *rig)
{
    char command[160];
    launcher_free(rig->launcher);
    store_free(rig->store);
    event_base_loop(rig->base, EVLOOP_NONBLOCK);
    event_base_free(rig->base);
    settings_free(rig->settings);
    if (rig->redis > 0)
        rig_kill_redis(rig);
    snprintf(command, sizeof command, "rm -rf '%s'", rig->dir);
    assert(system(command) == 0);
}

/* ---- campaigns ---- */

/* ID.ini with ID.csv of `csv`; `more` are further lines of [campaign]. */
static inline void rig_campaign(const struct rig *rig, const char *id, const char *csv,
                                const char *more)
{
    char name[128], text[4096], start[CLOCK_TEXT_SIZE], end[CLOCK_TEXT_SIZE];
    int64_t now = clock_wall_ms();
    snprintf(name, sizeof name, "%s.csv", id);
    rig_write(rig, name, csv);
    snprintf(text, sizeof text,
             "[campaign]\nid = %s\ntitle = 测试\ncarrier = mas\nrecipients = %s.csv\nstart = "
             "%s\nend = %s\n"
             "window = 00:00-24:00\nclass = notice\nlate_after = 2h\n%s\n"
             "[message]\nsignature = 高山乡人民政府\ntext = %s请注意。\noptout = 拒收请回复R\n",
             id, id, clock_format(now - 60000, 480, start), clock_format(now + 86400000, 480, end),
             more, strstr(csv, "姓名") != NULL ? "((姓名))" : "");
    snprintf(name, sizeof name, "%s.ini", id);
    rig_write(rig, name, text);
}

/* A list of `n` numbers from 15400000000 + first, malloc'ed. */
static inline char *rig_list(unsigned first, unsigned n, bool named)
{
    size_t size = 64 + (size_t)n * 40, at;
    char *csv = malloc(size);
    at = (size_t)snprintf(csv, size, named ? "手机号,姓名\n" : "手机号\n");
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(csv + at, size - at, named ? "154%08u,张%u\n" : "154%08u\n",
                               first + i, i);
    return csv;
}

static inline void rig_on_started(void *arg, enum err error, const char *reason, const char *id,
                                  const char *carrier)
{
    struct rig *rig = arg;
    (void)carrier;
    assert(!rig->answered);
    rig->answered = true;
    rig->error = error;
    snprintf(rig->reason, sizeof rig->reason, "%s", reason != NULL ? reason : "");
    snprintf(rig->id, sizeof rig->id, "%s", id);
}

/* launcher_start and its answer. */
static inline enum err rig_launch_with(struct rig *rig, const char *id,
                                       struct launch_request request)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.ini", rig->dir, id);
    request.file = path;
    request.actor = "tester";
    request.reason = "because";
    rig->answered = false;
    assert(launcher_start(rig->launcher, &request, rig_on_started, rig) == ERR_OK);
    assert(!rig->answered); /* never before the call returns */
    rig_wait(rig, rig_has_answer);
    return rig->error;
}

static inline enum err rig_launch(struct rig *rig, const char *id)
{
    return rig_launch_with(rig, id, (struct launch_request){.now = true, .expect_recipients = -1});
}

static inline bool rig_is_idle(struct rig *rig)
{
    return launcher_running(rig->launcher) == 0;
}

/* Until no import runs; gives the view of this one. */
static inline const struct launch_view *rig_finish(struct rig *rig, const char *id)
{
    rig_wait(rig, rig_is_idle);
    const struct launch_view *view = launcher_view(rig->launcher, id);
    assert(view != NULL);
    return view;
}

/* ---- looking at the store ---- */

struct rig_campaign_copy {
    struct rig *rig;
    bool is_there;
    char state[24];
    uint32_t seq, n_chunks;
    uint64_t accepted, rows, duplicate, invalid, opted_out, segments_total;
};

static inline void rig_on_view(void *arg, enum err error, const struct campaign_view *views,
                               size_t n)
{
    struct rig_campaign_copy *copy = arg;
    assert(error == ERR_OK || error == ERR_NOT_FOUND);
    copy->is_there = error == ERR_OK && n == 1;
    if (copy->is_there) {
        snprintf(copy->state, sizeof copy->state, "%s", views->state);
        copy->seq = views->seq;
        copy->n_chunks = views->n_chunks;
        copy->accepted = views->accepted;
        copy->rows = views->fields.rows;
        copy->duplicate = views->fields.duplicate;
        copy->invalid = views->fields.invalid;
        copy->opted_out = views->fields.opted_out;
        copy->segments_total = views->fields.segments_total;
    }
    copy->rig->answered = true;
}

static inline struct rig_campaign_copy rig_find(struct rig *rig, const char *id)
{
    struct rig_campaign_copy copy = {.rig = rig};
    rig->answered = false;
    assert(queue_find(rig->store, "mas", id, rig_on_view, &copy) == ERR_OK);
    rig_wait(rig, rig_has_answer);
    return copy;
}

struct rig_chunk {
    struct rig *rig;
    size_t n;
    uint64_t numbers[CHUNK_MAX];
    uint8_t states[CHUNK_MAX];
};

static inline void rig_on_chunk(void *arg, enum err error, const struct chunk_view *chunk)
{
    struct rig_chunk *copy = arg;
    assert(error == ERR_OK);
    copy->n = chunk->n;
    for (size_t i = 0; i < chunk->n; i++) {
        copy->numbers[i] = 0;
        for (size_t b = 0; b < 5; b++)
            copy->numbers[i] = copy->numbers[i] << 8 | chunk->numbers[5 * i + b];
        copy->states[i] = chunk->states[i];
    }
    copy->rig->answered = true;
}

static inline void rig_read_chunk(struct rig *rig, uint32_t seq, uint32_t number,
                                  struct rig_chunk *copy)
{
    struct chunk_ref ref = {.carrier = "mas", .seq = seq, .chunk = number};
    copy->rig = rig;
    rig->answered = false;
    assert(queue_chunk(rig->store, ref, rig_on_chunk, copy) == ERR_OK);
    rig_wait(rig, rig_has_answer);
}

static inline void rig_on_added(void *arg, enum err error, uint64_t fresh)
{
    struct rig *rig = arg;
    (void)fresh;
    assert(error == ERR_OK);
    rig->answered = true;
}

static inline void rig_opt_out(struct rig *rig, unsigned first, unsigned n)
{
    struct optout_record *records = calloc(n, sizeof *records);
    for (unsigned i = 0; i < n; i++)
        records[i] = (struct optout_record){.number = UINT64_C(15400000000) + first + i,
                                            .scope = OPTOUT_MARKETING,
                                            .at_ms = 1,
                                            .source = "operator",
                                            .detail = ""};
    rig->answered = false;
    assert(optout_add(rig->store, records, n, rig_on_added, rig) == ERR_OK);
    rig_wait(rig, rig_has_answer);
    free(records);
}
