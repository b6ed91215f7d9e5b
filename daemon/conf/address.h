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

/* Does this HTTP URL leave the machine unencrypted: http to a host that is not this one? A name
 * other than localhost is taken for another host. */
bool address_is_plain_abroad(const char *url);

/* Is the textual address (IPv4, IPv6, IPv4 within IPv6; "" is none) on the list? An empty list has
 * nobody. */
bool address_is_in(const struct settings_cidr *list, size_t n, const char *address);

#define ADDRESS_TEXT_SIZE 64
/* Who is at the other end of a connection from `peer` that may be a proxy's. `forwarded` is the
 * whole X-Forwarded-For, NULL for none: from its end, each address was written by the one behind
 * it, so the first that is no trusted proxy's is the client's; what stands before that is the
 * client's own word and is not looked at. "unknown", which is on no list, when a proxy names what
 * is no address: its own must not stand for its clients. gives: out */
const char *address_of_client(const struct settings_cidr *proxies, size_t n, const char *peer,
                              const char *forwarded, char out[ADDRESS_TEXT_SIZE]);
/* What limits are counted by: an IPv4 address itself, of IPv6 the /64, all of which one subscriber
 * has. What is no address stays as it is. gives: out */
const char *address_of_subscriber(const char *address, char out[ADDRESS_TEXT_SIZE]);
