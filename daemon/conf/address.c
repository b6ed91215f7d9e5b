/* Hosts are checked for their form only: a name is resolved when it is used, so that --check works
 * without a network. */
#include "conf/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "conf/value.h"

#define HOST_MAX 253 /* RFC 1035, 2.3.4 */
#define REDIS_PORT 6379
#define REDIS_DB_MAX 1023

static enum err refuse(struct buf *why, const char *sentence)
{
    buf_add_text(why, sentence);
    return ERR_INVALID;
}

static bool is_host_sign(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* Splits "host", "host:port", "[v6]:port" of `len` bytes. *port_at is NULL when there is no port.
 */
static enum err split_host(const char *text, size_t len, const char **host, size_t *host_len,
                           const char **port_at, struct buf *why)
{
    const char *end = text + len, *rest;
    if (len > 0 && text[0] == '[') {
        char address[INET6_ADDRSTRLEN] = "";
        struct in6_addr parsed;
        const char *close = memchr(text, ']', len);
        *host = text + 1;
        *host_len = close == NULL ? 0 : (size_t)(close - *host);
        if (*host_len > 0 && *host_len < sizeof address)
            memcpy(address, *host, *host_len);
        if (close == NULL || inet_pton(AF_INET6, address, &parsed) != 1)
            return refuse(why, "what stands in [ ] is not an IPv6 address");
        rest = close + 1;
    } else {
        *host = text;
        *host_len = 0;
        while (*host_len < len && is_host_sign(text[*host_len]))
            (*host_len)++;
        rest = text + *host_len;
        if (*host_len == 0 || *host_len > HOST_MAX)
            return refuse(why, "the host is missing (an IPv6 address stands in [ ])");
    }
    *port_at = NULL;
    if (rest == end)
        return ERR_OK;
    if (*rest != ':')
        return refuse(why, "the host has a sign that no host name has");
    *port_at = rest + 1;
    return ERR_OK;
}

static enum err parse_port(const char *text, size_t len, uint16_t min, uint16_t *port,
                           struct buf *why)
{
    char digits[8] = "";
    uint64_t number;
    if (len < sizeof digits)
        memcpy(digits, text, len);
    if (value_parse_u64(digits, &number) != ERR_OK || number > UINT16_MAX || number < min) {
        buf_addf(why, "the port must be a number from %u to 65535", min);
        return ERR_INVALID;
    }
    *port = (uint16_t)number;
    return ERR_OK;
}

enum err address_parse_endpoint(const char *text, char **host, uint16_t *port, struct buf *why)
{
    const char *host_at, *port_at;
    size_t host_len, len = strlen(text);
    uint16_t number;

    if (text[0] == ':' || text[0] == '*')
        return refuse(
            why,
            "name the address to listen on: 127.0.0.1:PORT for this machine alone, 0.0.0.0:PORT "
            "for every network");
    enum err error = split_host(text, len, &host_at, &host_len, &port_at, why);
    if (error != ERR_OK)
        return error;
    if (port_at == NULL)
        return refuse(why, "must be HOST:PORT, such as 127.0.0.1:10170");
    error = parse_port(port_at, (size_t)(text + len - port_at), 0, &number, why);
    if (error != ERR_OK)
        return error;
    *host = strndup(host_at, host_len);
    if (*host == NULL)
        return ERR_NOMEM;
    *port = number;
    return ERR_OK;
}

/* ---- Redis ---- */

static enum err parse_db(const char *text, uint32_t *db, struct buf *why)
{
    uint64_t number;
    if (value_parse_u64(text, &number) != ERR_OK || number > REDIS_DB_MAX) {
        buf_addf(why, "the database must be a number from 0 to %d", REDIS_DB_MAX);
        return ERR_INVALID;
    }
    *db = (uint32_t)number;
    return ERR_OK;
}

static enum err parse_redis_unix(const char *path, struct settings_redis *redis, struct buf *why)
{
    uint32_t db = 0;
    if (strncmp(path, "//", 2) == 0)
        path += 2;
    if (path[0] != '/')
        return refuse(why, "the socket's path must be absolute: unix:///run/….sock");
    const char *query = strchr(path, '?');
    size_t len = query == NULL ? strlen(path) : (size_t)(query - path);
    if (query != NULL && strncmp(query, "?db=", 4) != 0)
        return refuse(why, "only ?db=NUMBER may stand behind the socket's path");
    if (query != NULL) {
        enum err error = parse_db(query + 4, &db, why);
        if (error != ERR_OK)
            return error;
    }
    if (len >= sizeof((struct sockaddr_un *)0)->sun_path)
        return refuse(why, "the socket's path is too long (at most 107 bytes)");
    char *host = strndup(path, len);
    if (host == NULL)
        return ERR_NOMEM;
    redis->is_unix = true;
    redis->host = host;
    redis->port = 0;
    redis->db = db;
    return ERR_OK;
}

static enum err parse_redis_tcp(const char *rest, struct settings_redis *redis, struct buf *why)
{
    const char *slash = strchr(rest, '/'), *host_at, *port_at;
    size_t len = slash == NULL ? strlen(rest) : (size_t)(slash - rest), host_len;
    uint16_t port = REDIS_PORT;
    uint32_t db = 0;
    enum err error = split_host(rest, len, &host_at, &host_len, &port_at, why);
    if (error == ERR_OK && port_at != NULL)
        error = parse_port(port_at, (size_t)(rest + len - port_at), 1, &port, why);
    if (error == ERR_OK && slash != NULL && slash[1] != '\0')
        error = parse_db(slash + 1, &db, why);
    if (error != ERR_OK)
        return error;
    char *host = strndup(host_at, host_len);
    if (host == NULL)
        return ERR_NOMEM;
    redis->is_unix = false;
    redis->host = host;
    redis->port = port;
    redis->db = db;
    return ERR_OK;
}

enum err address_parse_redis(const char *text, struct settings_redis *redis, struct buf *why)
{
    if (strncasecmp(text, "unix:", 5) == 0)
        return parse_redis_unix(text + 5, redis, why);
    if (strncasecmp(text, "rediss://", 9) == 0)
        return refuse(why, "TLS to Redis is not supported; use a Unix socket, or a tunnel");
    if (strncasecmp(text, "redis://", 8) != 0)
        return refuse(why, "must be unix:///PATH or redis://HOST:PORT/DB");
    if (strchr(text, '@') != NULL)
        return refuse(why, "user and password do not belong here; use password_file");
    return parse_redis_tcp(text + 8, redis, why);
}

/* ---- networks ---- */

static unsigned clear_host_bits(struct settings_cidr *cidr)
{
    unsigned cleared = 0;
    for (unsigned bit = cidr->bits; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> (bit % 8));
        if ((cidr->addr[bit / 8] & mask) != 0)
            cleared++;
        cidr->addr[bit / 8] &= (uint8_t)~mask;
    }
    return cleared;
}

static enum err parse_network(const char *word, struct settings_cidr *cidr, struct buf *why)
{
    char address[INET6_ADDRSTRLEN];
    const char *slash = strchr(word, '/');
    size_t len = slash == NULL ? strlen(word) : (size_t)(slash - word);
    struct in_addr v4;
    bool is_v4 = false;
    uint64_t bits;

    *cidr = (struct settings_cidr){.bits = 128};
    if (len >= sizeof address)
        return refuse(why, "that is no address");
    memcpy(address, word, len);
    address[len] = '\0';
    if (inet_pton(AF_INET, address, &v4) == 1) {
        is_v4 = true;
        cidr->addr[10] = cidr->addr[11] = 0xFF;
        memcpy(cidr->addr + 12, &v4, 4);
    } else if (inet_pton(AF_INET6, address, cidr->addr) != 1) {
        buf_addf(why, "\"%s\" is neither an IPv4 nor an IPv6 address (names are not taken)",
                 address);
        return ERR_INVALID;
    }
    if (slash == NULL)
        return ERR_OK;
    if (value_parse_u64(slash + 1, &bits) != ERR_OK || bits > (is_v4 ? 32u : 128u)) {
        buf_addf(why, "the bits after %s/ must be a number from 0 to %d", address,
                 is_v4 ? 32 : 128);
        return ERR_INVALID;
    }
    cidr->bits = (uint8_t)(is_v4 ? bits + 96 : bits);
    if (clear_host_bits(cidr) == 0)
        return ERR_OK;
    char network[INET6_ADDRSTRLEN] = "";
    inet_ntop(is_v4 ? AF_INET : AF_INET6, cidr->addr + (is_v4 ? 12 : 0), network, sizeof network);
    buf_addf(why, "%s has bits beyond its prefix; the network is %s/%u, the one address %s", word,
             network, (unsigned)bits, address);
    return ERR_INVALID;
}

enum err address_parse_networks(const char *text, struct settings_cidr **list, size_t *n,
                                struct buf *why)
{
    static const char blanks[] = " \t,";
    struct settings_cidr found[ADDRESS_NETWORKS_MAX];
    size_t count = 0;

    for (const char *at = text + strspn(text, blanks); *at != '\0'; at += strspn(at, blanks)) {
        char word[INET6_ADDRSTRLEN + 8];
        size_t len = strcspn(at, blanks);
        if (count == ADDRESS_NETWORKS_MAX)
            return refuse(why, "too many addresses (at most 64)");
        if (len >= sizeof word)
            return refuse(why, "must be addresses such as 127.0.0.0/8 10.1.2.3 2001:db8::/32");
        memcpy(word, at, len);
        word[len] = '\0';
        enum err error = parse_network(word, &found[count], why);
        if (error != ERR_OK)
            return error;
        count++;
        at += len;
    }
    if (count == 0)
        return refuse(why,
                      "name at least one address or network (0.0.0.0/0 ::/0 allows every one)");
    *list = malloc(count * sizeof **list);
    if (*list == NULL)
        return ERR_NOMEM;
    memcpy(*list, found, count * sizeof **list);
    *n = count;
    return ERR_OK;
}

/* ---- URLs ---- */

static const char *const http_schemes[] = {"http://", "https://", NULL};
static const char *const proxy_schemes[] = {"http://",   "https://",   "socks5://", "socks5h://",
                                            "socks4://", "socks4a://", NULL};

/* What follows the scheme, or NULL. */
static const char *after_scheme(const char *text, const char *const *schemes)
{
    for (; *schemes != NULL; schemes++) {
        size_t len = strlen(*schemes);
        if (strncasecmp(text, *schemes, len) == 0)
            return text + len;
    }
    return NULL;
}

static enum err check_signs(const char *text, struct buf *why)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text <= 0x20 || (unsigned char)*text >= 0x7F)
            return refuse(
                why, "a URL has no blanks and no characters outside ASCII (write them as %XX)");
        if (strchr("\"<>\\^`{|}", *text) != NULL) {
            buf_addf(why, "a URL has no %c", *text);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

enum err address_check_url(const char *text, enum address_url kind, struct buf *why)
{
    const char *at = after_scheme(text, kind == ADDRESS_HTTP ? http_schemes : proxy_schemes);
    if (at == NULL)
        return refuse(why, kind == ADDRESS_HTTP ? "must begin with http:// or https://"
                                                : "must begin with http://, https:// or socks5://");
    enum err error = check_signs(text, why);
    if (error != ERR_OK)
        return error;
    size_t authority = strcspn(at, "/?#");
    const char *user_end = memrchr(at, '@', authority);
    if (user_end != NULL && kind == ADDRESS_HTTP)
        return refuse(why, "user and password do not belong into the URL");
    if (user_end != NULL) {
        authority -= (size_t)(user_end + 1 - at);
        at = user_end + 1;
    }
    const char *host, *port_at, *rest = at + authority;
    size_t host_len;
    uint16_t port;
    error = split_host(at, authority, &host, &host_len, &port_at, why);
    if (error == ERR_OK && port_at != NULL)
        error = parse_port(port_at, (size_t)(rest - port_at), 1, &port, why);
    if (error != ERR_OK)
        return error;
    if (strpbrk(rest, "?#") != NULL)
        return refuse(why, "has a query or fragment (? or #), which does not belong here");
    if (rest[0] != '\0' && kind == ADDRESS_PROXY)
        return refuse(why, "a proxy has no path");
    if (rest[0] != '\0' && rest[strlen(rest) - 1] == '/')
        return refuse(why, "has a slash at the end; leave it out");
    return ERR_OK;
}

static bool is_this_machine(const char *host, size_t len)
{
    char text[HOST_MAX + 1];
    struct in_addr v4;
    struct in6_addr v6;
    if (len >= sizeof text)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, text, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcasecmp(text, "localhost") == 0;
}

bool address_is_plain_abroad(const char *url)
{
    static const char scheme[] = "http://";
    const char *host, *port_at;
    size_t host_len;
    struct buf why;
    if (strncasecmp(url, scheme, strlen(scheme)) != 0)
        return false;
    const char *at = url + strlen(scheme);
    buf_init(&why, 256);
    enum err error = split_host(at, strcspn(at, "/?#"), &host, &host_len, &port_at, &why);
    buf_fini(&why);
    return error == ERR_OK && !is_this_machine(host, host_len);
}

/* ---- is it among them ---- */

/* 16 bytes, IPv4 as v4-mapped. */
static bool parse_address(const char *text, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char plain[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "%"); /* a link-local address names its interface */
    if (len >= sizeof plain)
        return false;
    memcpy(plain, text, len);
    plain[len] = '\0';
    if (inet_pton(AF_INET, plain, out + 12) == 1) {
        memcpy(out, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, plain, out) == 1;
}

static bool is_in(const struct settings_cidr *cidr, const uint8_t address[16])
{
    unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;
    if (cidr->bits > 128 || memcmp(cidr->addr, address, whole) != 0)
        return false;
    return rest == 0 || ((cidr->addr[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

bool address_is_in(const struct settings_cidr *list, size_t n, const char *address)
{
    uint8_t bytes[16];
    if (!parse_address(address, bytes))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (is_in(&list[i], bytes))
            return true;
    }
    return false;
}

/* ---- behind proxies ---- */

static bool is_v4(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(address, mapped, sizeof mapped) == 0;
}

static const char *write_address(const uint8_t address[16], char out[ADDRESS_TEXT_SIZE])
{
    bool v4 = is_v4(address);
    return inet_ntop(v4 ? AF_INET : AF_INET6, address + (v4 ? 12 : 0), out, ADDRESS_TEXT_SIZE);
}

/* "192.0.2.1", "192.0.2.1:443", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443" */
static bool parse_forwarded(const char *at, size_t len, uint8_t out[16])
{
    char word[INET6_ADDRSTRLEN];
    const char *end = at + len, *close, *colon;
    if (len > 0 && at[0] == '[') {
        close = memchr(at, ']', len);
        if (close == NULL || (close + 1 != end && close[1] != ':'))
            return false;
        at++;
        end = close;
    } else if ((colon = memchr(at, ':', len)) != NULL &&
               memchr(colon + 1, ':', (size_t)(end - colon - 1)) == NULL) {
        end = colon;
    }
    len = (size_t)(end - at);
    if (len >= sizeof word)
        return false;
    memcpy(word, at, len);
    word[len] = '\0';
    return parse_address(word, out);
}

const char *address_of_client(const struct settings_cidr *proxies, size_t n, const char *peer,
                              const char *forwarded, char out[ADDRESS_TEXT_SIZE])
{
    uint8_t bytes[16];
    size_t len = strnlen(peer, ADDRESS_TEXT_SIZE - 1);
    memcpy(out, peer, len);
    out[len] = '\0';
    size_t end = forwarded != NULL ? strlen(forwarded) : 0;
    while (end > 0 && address_is_in(proxies, n, out)) {
        const char *comma = memrchr(forwarded, ',', end);
        size_t from = comma != NULL ? (size_t)(comma - forwarded) + 1 : 0, to = end;
        end = comma != NULL ? from - 1 : 0;
        while (from < to && (forwarded[from] == ' ' || forwarded[from] == '\t'))
            from++;
        while (to > from && (forwarded[to - 1] == ' ' || forwarded[to - 1] == '\t'))
            to--;
        if (!parse_forwarded(forwarded + from, to - from, bytes)) {
            snprintf(out, ADDRESS_TEXT_SIZE, "unknown");
            return out;
        }
        write_address(bytes, out);
    }
    return out;
}

const char *address_of_subscriber(const char *address, char out[ADDRESS_TEXT_SIZE])
{
    uint8_t bytes[16];
    if (parse_address(address, bytes) && !is_v4(bytes)) {
        memset(bytes + 8, 0, 8);
        write_address(bytes, out);
        size_t len = strnlen(out, ADDRESS_TEXT_SIZE);
        snprintf(out + len, ADDRESS_TEXT_SIZE - len, "/64");
    } else {
        size_t len = strnlen(address, ADDRESS_TEXT_SIZE - 1);
        memcpy(out, address, len);
        out[len] = '\0';
    }
    return out;
}
