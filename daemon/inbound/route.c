/* See route.h. */
#include "inbound/route.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/ids.h"

#define PREFIX "/hook/"
/* What a key is compared with when there is no account. Its value does not matter: equal or not,
 * the answer is no. */
#define NO_KEY "no account has this key"

static bool copy_part(char out[ROUTE_PART_SIZE], const char *from, const char *to)
{
    size_t len = (size_t)(to - from);
    if (len == 0 || len >= ROUTE_PART_SIZE)
        return false;
    memcpy(out, from, len);
    out[len] = '\0';
    return true;
}

enum route_what route_parse(const char *path, char name[ROUTE_PART_SIZE], char key[ROUTE_PART_SIZE])
{
    static const struct {
        const char *word;
        enum route_what what;
    } ends[] = {{"report", ROUTE_REPORT}, {"uplink", ROUTE_UPLINK}};
    if (strncmp(path, PREFIX, strlen(PREFIX)) != 0)
        return ROUTE_NONE;
    const char *begin = path + strlen(PREFIX);
    const char *after_name = strchr(begin, '/');
    const char *after_key = strrchr(begin, '/');
    if (!after_name || after_key == after_name || !copy_part(name, begin, after_name) ||
        !copy_part(key, after_name + 1, after_key))
        return ROUTE_NONE;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(after_key + 1, ends[i].word) == 0)
            return ends[i].what;
    }
    return ROUTE_NONE;
}

const struct settings_carrier *route_find(const struct settings *settings, const char *name,
                                          const char *key)
{
    const struct settings_carrier *found = NULL;
    for (size_t i = 0; i < settings->n_carriers; i++) { /* to the end, wherever it stands */
        const struct settings_carrier *carrier = &settings->carriers[i];
        if (carrier->callback_key && strcmp(carrier->name, name) == 0)
            found = carrier;
    }
    bool is_right = ids_equal_secret(found ? found->callback_key : NO_KEY, key);
    return is_right ? found : NULL;
}

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

bool route_allows(const struct settings_cidr *list, size_t n, const char *address)
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
