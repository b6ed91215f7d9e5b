/* The ways to a listening socket. The Unix one is created without any permission and gets its mode
 * before it listens, so that nobody slips in between. */
#include "net/http_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

static int bind_tcp(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0)
        return -1;
    /* Accepted connections inherit TCP_NODELAY. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) ||
        bind(fd, to->ai_addr, to->ai_addrlen) || listen(fd, BACKLOG)) {
        int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

static struct addrinfo *resolve(const char *host, uint16_t port)
{
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    return getaddrinfo(host, service, &hints, &found) == 0 ? found : NULL;
}

enum err http_socket_tcp(const char *host, uint16_t port, int *fd)
{
    struct addrinfo *found = resolve(host, port);
    if (!found) {
        errno = EADDRNOTAVAIL;
        return ERR_IO;
    }
    *fd = bind_tcp(found);
    freeaddrinfo(found);
    return *fd < 0 ? ERR_IO : ERR_OK;
}

/* Of the two families we know; the others are never equal. */
static bool same_address(const struct sockaddr *a, const struct sockaddr *b, bool any_port)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *x = (const struct sockaddr_in *)a,
                                 *y = (const struct sockaddr_in *)b;
        return x->sin_addr.s_addr == y->sin_addr.s_addr && (any_port || x->sin_port == y->sin_port);
    }
    const struct sockaddr_in6 *x = (const struct sockaddr_in6 *)a,
                              *y = (const struct sockaddr_in6 *)b;
    return a->sa_family == AF_INET6 &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0 &&
           (any_port || x->sin6_port == y->sin6_port);
}

bool http_socket_is_tcp(int fd, const char *host, uint16_t port)
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof own;
    struct addrinfo *wanted = resolve(host, port);
    bool same = wanted && !getsockname(fd, (struct sockaddr *)&own, &len) &&
                same_address((const struct sockaddr *)&own, wanted->ai_addr, port == 0);
    if (wanted)
        freeaddrinfo(wanted);
    return same;
}

/* ERR_OK: the name is free, or was a dead socket that is removed now. */
static enum err clear_stale_socket(const struct sockaddr_un *to)
{
    struct stat there;
    if (lstat(to->sun_path, &there))
        return errno == ENOENT ? ERR_OK : ERR_IO;
    if (!S_ISSOCK(there.st_mode))
        return ERR_EXISTS;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return ERR_IO;
    int rc = connect(fd, (const struct sockaddr *)to, sizeof *to);
    bool is_dead = rc != 0 && errno == ECONNREFUSED;
    close(fd);
    if (!is_dead)
        return ERR_EXISTS;
    return unlink(to->sun_path) ? ERR_IO : ERR_OK;
}

enum err http_socket_unix(const char *path, unsigned mode, int *out)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        return ERR_TOO_BIG;
    memcpy(to.sun_path, path, strlen(path));
    enum err err = clear_stale_socket(&to);
    if (err)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    mode_t umask_before = umask(0777); /* nobody gets in before the mode is what was asked for */
    int rc = bind(fd, (const struct sockaddr *)&to, sizeof to);
    umask(umask_before);
    if (rc || chmod(path, mode) || listen(fd, BACKLOG)) {
        int reason = errno;
        close(fd);
        if (!rc)
            unlink(path);
        errno = reason;
        return ERR_IO;
    }
    *out = fd;
    return ERR_OK;
}
