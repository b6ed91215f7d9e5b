/* Random names from the kernel's generator, and the shape of names that people give. */
#include "base/ids.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NAME_MAX_BYTES 64
#define RANDOM_BATCH_BYTES 64

static void fill_random(void *out, size_t bytes)
{
    uint8_t *to = out;
    while (bytes > 0) {
        ssize_t n = getrandom(to, bytes, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            fprintf(stderr, "outreach: the system gives no random bytes: %s\n", strerror(errno));
            abort();
        }
        to += n;
        bytes -= (size_t)n;
    }
}

void ids_random_hex(char *out, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t raw[RANDOM_BATCH_BYTES];
    while (bytes > 0) {
        size_t n = bytes < sizeof raw ? bytes : sizeof raw;
        fill_random(raw, n);
        for (size_t i = 0; i < n; i++) {
            *out++ = digits[raw[i] >> 4];
            *out++ = digits[raw[i] & 15];
        }
        bytes -= n;
    }
    *out = '\0';
}

uint64_t ids_random_u64(void)
{
    uint64_t value;
    fill_random(&value, sizeof value);
    return value;
}

bool ids_equal_secret(const char *secret, const char *given)
{
    /* Runs over the whole of `given`, whatever matches; the secret is read round and round, so that
     * its length does not show either. volatile keeps the compiler from leaving early. */
    size_t secret_len = strlen(secret), given_len = strlen(given);
    volatile unsigned char differs = secret_len != given_len;
    size_t at = 0;
    for (size_t i = 0; i < given_len; i++) {
        differs |= (unsigned char)((unsigned char)given[i] ^ (unsigned char)secret[at]);
        at = at < secret_len ? at + 1 : 0;
    }
    return differs == 0;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

bool ids_valid_name(const char *name)
{
    if (name[0] == '.' || name[0] == '-')
        return false;
    size_t n = 0;
    while (n <= NAME_MAX_BYTES && is_name_char(name[n]))
        n++;
    return n >= 1 && n <= NAME_MAX_BYTES && name[n] == '\0';
}
