/* The log: one line, one write(2), so that lines of several processes on one file do not mix.
 * Writing never fails the caller: a full disk must not stop the queue. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 4096
#define LOG_OFFSET_MIN (8 * 60) /* lines are in China's time, whatever a campaign's offset */

static enum log_level threshold = LOG_INFO;
static int log_fd = STDERR_FILENO;
static log_sink_fn *log_sink;

static const struct {
    const char *name, *tag;
} levels[] = {
    [LOG_ERROR] = {"error", "ERROR"},
    [LOG_WARN] = {"warn", "WARN"},
    [LOG_INFO] = {"info", "INFO"},
    [LOG_DEBUG] = {"debug", "DEBUG"},
};
#define LEVELS (sizeof levels / sizeof levels[0])

void log_set_level(enum log_level level)
{
    threshold = level;
}

enum log_level log_level(void)
{
    return threshold;
}

enum err log_level_parse(const char *name, enum log_level *level)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (strcmp(name, levels[i].name) == 0) {
            *level = (enum log_level)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

void log_set_fd(int fd)
{
    log_fd = fd;
}

void log_set_sink(log_sink_fn *sink)
{
    log_sink = sink;
}

/* Control characters and DEL: with them an input could forge a line or drive a terminal. */
static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* Writes one byte as it may stand in a line; gives how many characters that took (at most 4). */
static size_t put_escaped(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[0x20] = {['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    to[0] = '\\';
    if (c < 0x20 && letters[c] != 0) {
        to[1] = letters[c];
        return 2;
    }
    to[1] = 'x';
    to[2] = digits[c >> 4];
    to[3] = digits[c & 15];
    return 4;
}

/* Steps back over the tail of a UTF-8 character that was cut in two. */
static size_t whole_chars(const char *text, size_t len)
{
    size_t back = 0;
    while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back >= len)
        return len;
    unsigned char lead = (unsigned char)text[len - 1 - back];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return want > back + 1 ? len - 1 - back : len;
}

/* Appends `text` with control characters escaped; at most `size` bytes in all. gives: the new
 * length. */
static size_t add_clean(char *line, size_t len, size_t size, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (len + 4 > size)
            break;
        if (needs_escape(c))
            len += put_escaped(line + len, c);
        else
            line[len++] = *text;
    }
    return *text == '\0' ? len : whole_chars(line, len);
}

static void write_all(const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(log_fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        bytes += n;
        len -= (size_t)n;
    }
}

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
    if (level > threshold)
        return;
    int saved_errno = errno; /* a log line between a failure and its report must not change it */
    int64_t now = clock_wall_ms();
    struct civil c = clock_civil(now, LOG_OFFSET_MIN);
    char text[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        text[0] = '\0';
    else if ((size_t)n >= sizeof text)
        text[whole_chars(text, sizeof text - 1)] = '\0';

    char line[LINE_MAX_BYTES];
    if (log_sink != NULL) {
        line[add_clean(line, 0, sizeof line - 1, text)] = '\0';
        if (log_sink(level, subject, line)) {
            errno = saved_errno;
            return;
        }
    }
    size_t len = (size_t)snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03d+08:00 %s ",
                                  c.year, c.month, c.day, c.hour, c.minute, c.second,
                                  (int)(((now % 1000) + 1000) % 1000), levels[level].tag);
    len = add_clean(line, len, sizeof line - 2, subject);
    line[len++] = ' ';
    len = add_clean(line, len, sizeof line - 1, text);
    line[len++] = '\n';
    write_all(line, len);
    errno = saved_errno;
}

const char *log_quote(const char *text, char *out, size_t out_size)
{
    if (out_size < 3) { /* not even "" */
        if (out_size > 0)
            out[0] = '\0';
        return out;
    }
    size_t len = 0, size = out_size - 2; /* the closing quote and the zero */
    out[len++] = '"';
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char piece[4];
        size_t n = 1;
        piece[0] = *text;
        if (c == '"' || c == '\\') {
            piece[0] = '\\';
            piece[1] = *text;
            n = 2;
        } else if (needs_escape(c)) {
            n = put_escaped(piece, c);
        }
        if (len + n > size) {
            len = whole_chars(out, len);
            break;
        }
        memcpy(out + len, piece, n);
        len += n;
    }
    out[len++] = '"';
    out[len] = '\0';
    return out;
}
