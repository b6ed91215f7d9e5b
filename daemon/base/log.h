/* Log lines: `2026-10-17T09:00:00.123+08:00 INFO campaign/2026-10-17-gaoshan event=settled chunk=3 accepted=998`.
 *
 * The subject says what the line is about ("carrier/mas", "campaign/ID", "daemon", "redis"). The text is key=value pairs;
 * a value with blanks is written with log_quote(). Numbers of people are masked by the caller (mobile_mask); secrets and
 * message texts never reach this module. Control characters are escaped here, so that no input can forge a line. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines less urgent than `level` are not written. Default LOG_INFO. */
void log_set_level(enum log_level level);
enum log_level log_level(void);
/* "error", "warn", "info", "debug". errors: ERR_INVALID */
MUST_CHECK enum err log_level_parse(const char *name, enum log_level *level);

/* Lines go to `fd` (default 2). */
void log_set_fd(int fd);
/* Lines go to `sink` first (NULL: none); only those it gives false for are written to the descriptor. `text` is clean: control
 * characters are escaped. The sink must not log. */
typedef bool log_sink_fn(enum log_level level, const char *subject, const char *text);
void log_set_sink(log_sink_fn *sink);

/* One line, cut at 4 KiB. `format` makes the key=value part. */
void log_line(enum log_level level, const char *subject, const char *format, ...) PRINTF_LIKE(3, 4);

/* Writes `text` in double quotes with escapes into `out` (cut to fit, always terminated); gives `out`. */
const char *log_quote(const char *text, char *out, size_t out_size);
