/* Lines by one write a request, and the numbers seen so far. */
#include "sim/oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "sim/seen.h"

#define LINE_MAX_BYTES (20 + 1 + 63 + 1 + ORACLE_MOBILE_DIGITS + 1)
#define LINES_MAX_BYTES ((size_t)5000 * LINE_MAX_BYTES)

struct oracle {
    int fd; /* -1: counts only */
    struct buf lines;
    struct seen *seen;
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
    if (seen_new(&oracle->seen) != ERR_OK) {
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
    seen_free(oracle->seen);
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
    bool first;
    enum err error = seen_add(oracle->seen, mobile, &first);
    if (error != ERR_OK) {
        return error;
    }
    oracle->counts.accepted++;
    oracle->counts.distinct += first;
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
