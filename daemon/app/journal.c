/* Above all others, since sd-journal.h brings syslog's macros LOG_INFO and LOG_DEBUG. */
#include "base/log.h"

#include "app/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION /* it would name this file, for every line */
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/logfields.h"

#define TEXT_MAX_BYTES ((size_t)16384)

static bool is_our_stderr(const char *stream)
{
    uintmax_t device, inode;
    struct stat have;
    return stream != NULL && sscanf(stream, "%" SCNuMAX ":%" SCNuMAX, &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &have) == 0 && have.st_dev == device && have.st_ino == inode;
}

static void add_message_id(struct logfields *fields)
{
    static const char event[] = "EVENT=";
    const char *at = fields->text.data;
    for (size_t i = 0; i < fields->n; i++, at += strlen(at) + 1) {
        if (strncmp(at, event, sizeof event - 1) == 0) {
            char id[LOGFIELDS_ID_SIZE];
            logfields_message_id(at + sizeof event - 1, id);
            buf_addf(&fields->text, "MESSAGE_ID=%s", id);
            buf_add(&fields->text, "", 1);
            fields->n++;
            return;
        }
    }
}

/* false when the journal is away or the line does not fit: the stream still takes it. */
static bool send_line(enum log_level level, const char *subject, const char *text)
{
    static const char digits[] = {'3', '4', '6',
                                  '7'}; /* error, warn, info, debug as in syslog(3) */
    struct logfields fields;
    struct iovec vector[LOGFIELDS_MAX + 3];
    bool is_sent = false;
    buf_init(&fields.text, 2 * TEXT_MAX_BYTES);
    if (logfields_read(subject, text, &fields) == ERR_OK) {
        add_message_id(&fields);
        buf_addf(&fields.text, "MESSAGE=%s %s", subject, text);
        buf_add(&fields.text, "", 1);
        buf_addf(&fields.text, "PRIORITY=%c", digits[level]);
        buf_add(&fields.text, "", 1);
        fields.n += 2;
    }
    if (!fields.text.failed) {
        char *at = fields.text.data;
        for (size_t i = 0; i < fields.n; i++) {
            vector[i] = (struct iovec){.iov_base = at, .iov_len = strlen(at)};
            at += vector[i].iov_len + 1;
        }
        is_sent = sd_journal_sendv(vector, (int)fields.n) == 0;
    }
    buf_fini(&fields.text);
    return is_sent;
}

bool journal_take_over(void)
{
    if (!is_our_stderr(getenv("JOURNAL_STREAM"))) {
        return false;
    }
    log_set_sink(send_line);
    return true;
}
