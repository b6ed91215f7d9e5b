/* Report codes and their meaning: config/codes/<name>.ini, data and not code, because they differ between provinces.
 *
 *   [DB:0140]
 *   class   = config
 *   meaning = 号码不在白名单（白名单类服务代码）
 *   meaning_en = not in the whitelist of this service code */
#pragma once

#include <stddef.h>

#include "conf/mistake.h"
#include "sms/outcome.h"

struct codes;
MUST_CHECK enum err codes_load(const char *path, struct codes **codes, struct mistakes *mistakes);
void codes_free(struct codes *codes);
/* REPORT_UNKNOWN when no row has it. Compared as written, ASCII case ignored. */
enum report_class codes_class(const struct codes *codes, const char *code);
/* "" when no row has it. */
const char *codes_meaning(const struct codes *codes, const char *code);
const char *codes_meaning_en(const struct codes *codes, const char *code);
size_t codes_count(const struct codes *codes);
