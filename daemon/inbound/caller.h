/* Who is at the other end of a request on the listening port: what limits count, the audit names
 * and callback_allow is held against. */
#pragma once

#include "conf/address.h"
#include "net/http_server.h"

/* The peer, or with behind_tls and a peer among trusted_proxies the client whom its
 * X-Forwarded-For names (conf/address.h). gives: out */
const char *caller_address(const struct settings_daemon *daemon, struct http_request *request,
                           char out[ADDRESS_TEXT_SIZE]);
