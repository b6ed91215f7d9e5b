/* Report codes and their meaning: config/codes/<name>.ini, data and not code, because they differ
 * between provinces.
 *
 *   [DB:0140]
 *   class   = config
 *   meaning = 号码不在白名单（白名单类服务代码）
 *   meaning_en = not in the whitelist of this service code
 *
 * `class` is a word of sms/outcome.h (report_class_word), without "unknown": that is what a code
 * without a row is. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "conf/mistake.h"
#include "sms/outcome.h"

struct codes;
/* Every mistake is appended to `mistakes`. *codes is set only when none is an error.
 * errors: ERR_IO (the file cannot be read), ERR_INVALID, ERR_NOMEM */
MUST_CHECK enum err codes_load(const char *path, struct codes **codes, struct mistakes *mistakes);
/* The same from memory; `path` is only a name. */
MUST_CHECK enum err codes_load_bytes(const char *path, const char *bytes, size_t len,
                                     struct codes **codes, struct mistakes *mistakes);
void codes_free(struct codes *codes); /* NULL is fine */
/* REPORT_UNKNOWN when no row has it. Compared as written, ASCII case ignored. */
enum report_class codes_class(const struct codes *codes, const char *code);
/* "" when no row has it. */
const char *codes_meaning(const struct codes *codes, const char *code);
const char *codes_meaning_en(const struct codes *codes, const char *code);
size_t codes_count(const struct codes *codes);
