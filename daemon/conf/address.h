/* Addresses as they stand in a configuration: host:port, Redis URLs, HTTP URLs, networks. Pure
 * readers. Each gives a reason in `why` when it refuses; nothing is allocated unless ERR_OK.
 * errors: ERR_INVALID, ERR_RANGE, ERR_NOMEM */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/settings.h"

/* "127.0.0.1:10170", "[::1]:10170", "localhost:80". *host (heap) is without the brackets. */
MUST_CHECK enum err address_parse_endpoint(const char *text, char **host, uint16_t *port,
                                           struct buf *why);
/* "unix:///run/redis.sock", "unix:/run/redis.sock", "unix:///run/redis.sock?db=2",
 * "redis://host:6379/2". A password in it is refused. Sets is_unix, host (heap), port, db. */
MUST_CHECK enum err address_parse_redis(const char *text, struct settings_redis *redis,
                                        struct buf *why);
/* "127.0.0.0/8 10.1.2.3 2001:db8::/32", split at blanks and commas. An address without bits is one
 * host. Bits beyond the prefix are refused, with the network that was probably meant. *list is heap
 * memory. */
MUST_CHECK enum err address_parse_networks(const char *text, struct settings_cidr **list, size_t *n,
                                           struct buf *why);
#define ADDRESS_NETWORKS_MAX 64

enum address_url { ADDRESS_HTTP, ADDRESS_PROXY };
/* HTTP: http or https, no user, no trailing slash, no query or fragment, ASCII. PROXY: also socks5,
 * socks5h, socks4, socks4a; may hold user:password@, has no path. */
MUST_CHECK enum err address_check_url(const char *text, enum address_url kind, struct buf *why);

/* Is the textual address (IPv4, IPv6, IPv4 within IPv6; "" is none) on the list? An empty list has
 * nobody. */
bool address_is_in(const struct settings_cidr *list, size_t n, const char *address);
