/* Opens listening sockets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* `host` is an address or a name (resolved here and now); port 0 is any free one. Accepted
 * connections inherit TCP_NODELAY. errors: ERR_IO (errno) */
MUST_CHECK enum err http_socket_tcp(const char *host, uint16_t port, int *fd);
/* Whether the socket is bound to what http_socket_tcp would bind to; port 0 is any. A name is
 * resolved here and now. */
bool http_socket_is_tcp(int fd, const char *host, uint16_t port);
/* Replaces a socket file that nobody listens on; mode is the file's.
 * errors: ERR_IO (errno), ERR_TOO_BIG, ERR_EXISTS (somebody listens there, or it is no socket) */
MUST_CHECK enum err http_socket_unix(const char *path, unsigned mode, int *fd);
