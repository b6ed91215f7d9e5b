#include "app/listening.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "app/app.h"
#include "app/lock.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/http_socket.h"

/* What the socket we leave with systemd is called there; those of outreachd.socket have the name of
 * that unit. */
#define STORED "listen"
#define OPEN_AFTER_MS 3000

static const struct settings_daemon *conf(const struct app *app)
{
    return &app->config->settings->daemon;
}

static bool is_wanted(const struct app *app, int fd)
{
    return http_socket_is_tcp(fd, conf(app)->listen_host, conf(app)->listen_port);
}

static bool is_tcp_listener(int fd)
{
    return sd_is_socket(fd, AF_INET, SOCK_STREAM, 1) > 0 ||
           sd_is_socket(fd, AF_INET6, SOCK_STREAM, 1) > 0;
}

/* One socket from systemd. *wanted: it is the one `listen` names. */
static bool take_over(struct app *app, int fd, const char *name, bool *wanted, char *problem,
                      size_t size)
{
    if (!is_tcp_listener(fd)) {
        snprintf(problem, size, "systemd gave a socket (%s) that is no listening TCP socket", name);
        close(fd);
        return false;
    }
    bool fits = is_wanted(app, fd);
    if (!fits && strcmp(name, STORED) == 0) { /* `listen` was changed since it was opened */
        sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" STORED);
        close(fd);
        return true;
    }
    *wanted = *wanted || fits;
    enum err error = http_server_listen_fd(app->public_, fd);
    snprintf(problem, size, "the socket %s from systemd: %s", name, err_sentence(error));
    if (error == ERR_OK) {
        log_line(LOG_INFO, "daemon", "event=socket_taken_over name=%s", name);
    }
    return error == ERR_OK;
}

static bool take_over_all(struct app *app, bool *wanted, size_t *n, char *problem, size_t size)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    bool good = true;
    for (int i = 0; i < count; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        if (good) {
            good = take_over(app, fd, names[i], wanted, problem, size);
        } else {
            close(fd);
        }
        free(names[i]);
    }
    free(names);
    *n = count > 0 ? (size_t)count : 0;
    return good;
}

/* The port that `listen` names, opened here. A copy stays with systemd, if that runs us. */
static bool open_port(struct app *app, char *problem, size_t size)
{
    int fd = -1;
    enum err error = http_socket_tcp(conf(app)->listen_host, conf(app)->listen_port, &fd);
    if (error == ERR_OK) {
        (void)sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" STORED, &fd, 1);
        error = http_server_listen_fd(app->public_, fd);
    }
    if (error != ERR_OK) {
        snprintf(problem, size, "listen %s:%u: %s", conf(app)->listen_host, conf(app)->listen_port,
                 error == ERR_IO ? strerror(errno) : err_sentence(error));
    }
    return error == ERR_OK;
}

static bool public_up(struct app *app, char *problem, size_t size)
{
    bool wanted = false;
    size_t inherited;
    if (!take_over_all(app, &wanted, &inherited, problem, size)) {
        return false;
    }
    if (wanted) {
        return true;
    }
    if (http_server_port(app->public_) != 0) {
        log_line(LOG_WARN, "daemon",
                 "event=listen_differs sockets=%zu reason=\"the socket unit has another address "
                 "than listen; both are served\"",
                 inherited);
    }
    return open_port(app, problem, size);
}

void listening_open(struct app *app)
{
    http_server_hold(app->public_, false);
    if (!app->is_announced) {
        app->is_announced = true;
        sd_notify(0, "READY=1");
    }
}

static void on_opening(void *arg)
{
    listening_open(arg);
}

bool listening_up(struct app *app, char *problem, size_t size)
{
    char port[16];
    enum err error = http_server_listen_unix(app->control, conf(app)->control_socket, 0660);
    if (error != ERR_OK) {
        snprintf(problem, size, "control_socket %s: %s", conf(app)->control_socket,
                 error == ERR_EXISTS ? "another daemon listens there"
                 : error == ERR_IO   ? strerror(errno)
                                     : err_sentence(error));
        return false;
    }
    http_server_hold(app->public_, true);
    if (!public_up(app, problem, size)) {
        listening_down(app);
        return false;
    }
    app->opening = loop_timer_new(app->base, on_opening, app);
    loop_timer_arm(app->opening, OPEN_AFTER_MS);
    snprintf(port, sizeof port, "%u\n", http_server_port(app->public_));
    if (lock_write_file(conf(app)->state_dir, "port", port) != ERR_OK) {
        log_line(LOG_WARN, "daemon", "event=port_file_not_written");
    }
    log_line(LOG_INFO, "daemon", "event=listening host=%s port=%u control_socket=%s",
             conf(app)->listen_host, http_server_port(app->public_), conf(app)->control_socket);
    return true;
}

void listening_down(struct app *app)
{
    http_server_stop_listening(app->public_);
    http_server_stop_listening(app->control);
    loop_timer_free(app->opening);
    app->opening = NULL;
}
