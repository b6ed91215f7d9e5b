/* The set of numbers seen is a table of bitmaps: 10 000 numbers (1250 bytes) for each seven leading
 * digits, made on first use. The table itself is 8 MB of address space of which only touched pages
 * cost memory. */
#include "sim/oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define NUMBERS_FIRST 10000000000u
#define NUMBERS_END 20000000000u
#define BLOCK_NUMBERS 10000u
#define BLOCKS ((NUMBERS_END - NUMBERS_FIRST) / BLOCK_NUMBERS)
#define BLOCK_BYTES (BLOCK_NUMBERS / 8)
#define LINE_MAX_BYTES (20 + 1 + 63 + 1 + ORACLE_MOBILE_DIGITS + 1)
#define LINES_MAX_BYTES ((size_t)5000 * LINE_MAX_BYTES)

struct oracle {
    int fd; /* -1: counts only */
    struct buf lines;
    uint8_t **seen;
    struct oracle_counts counts;
};

enum err oracle_new(const char *path, struct oracle **out)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);
    if (!oracle) {
        return ERR_NOMEM;
    }
    buf_init(&oracle->lines, LINES_MAX_BYTES);
    oracle->fd = -1;
    oracle->seen = calloc(BLOCKS, sizeof *oracle->seen);
    if (!oracle->seen) {
        oracle_free(oracle);
        return ERR_NOMEM;
    }
    if (path) {
        oracle->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (oracle->fd < 0) {
            oracle_free(oracle);
            return ERR_IO;
        }
    }
    *out = oracle;
    return ERR_OK;
}

void oracle_free(struct oracle *oracle)
{
    if (!oracle) {
        return;
    }
    if (oracle->fd >= 0) {
        fdatasync(oracle->fd);
        close(oracle->fd);
    }
    for (size_t i = 0; oracle->seen && i < BLOCKS; i++) {
        free(oracle->seen[i]);
    }
    free(oracle->seen);
    buf_fini(&oracle->lines);
    free(oracle);
}

void oracle_format_mobile(uint64_t mobile, char out[ORACLE_MOBILE_DIGITS])
{
    for (int i = ORACLE_MOBILE_DIGITS - 1; i >= 0; i--) {
        out[i] = (char)('0' + mobile % 10);
        mobile /= 10;
    }
}

static enum err count(struct oracle *oracle, uint64_t mobile)
{
    uint64_t at = mobile - NUMBERS_FIRST;
    uint8_t **block = &oracle->seen[at / BLOCK_NUMBERS];
    if (!*block && !(*block = calloc(1, BLOCK_BYTES))) {
        return ERR_NOMEM;
    }
    uint8_t *byte = *block + at % BLOCK_NUMBERS / 8, bit = (uint8_t)(1u << at % 8);
    oracle->counts.accepted++;
    oracle->counts.distinct += !(*byte & bit);
    *byte |= bit;
    return ERR_OK;
}

static enum err write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ERR_IO;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static enum err log_lines(struct oracle *oracle, uint64_t request, const char *group,
                          const uint64_t *mobiles, size_t n)
{
    buf_reset(&oracle->lines);
    buf_addf(&oracle->lines, "%llu %s ", (unsigned long long)request, group);
    size_t prefix = oracle->lines.len, line = prefix + ORACLE_MOBILE_DIGITS + 1;
    if (buf_check(&oracle->lines) != ERR_OK || !buf_room(&oracle->lines, n * line)) {
        return ERR_NOMEM;
    }
    /* The first line's beginning is there; every further one copies it. */
    char *first = oracle->lines.data, *at = first;
    for (size_t i = 0; i < n; i++, at += line) {
        if (i > 0) {
            memcpy(at, first, prefix);
        }
        oracle_format_mobile(mobiles[i], at + prefix);
        at[line - 1] = '\n';
    }
    return write_all(oracle->fd, first, (size_t)(at - first));
}

enum err oracle_accept(struct oracle *oracle, uint64_t request, const char *group,
                       const uint64_t *mobiles, size_t n)
{
    enum err error = oracle->fd >= 0 ? log_lines(oracle, request, group, mobiles, n) : ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < n; i++) {
        error = count(oracle, mobiles[i]);
    }
    return error;
}

struct oracle_counts oracle_counts(const struct oracle *oracle)
{
    return oracle->counts;
}
