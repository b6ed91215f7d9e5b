/* A campaign as its INI file defines it (campaigns.d/ID.ini). Loading one never sends anything.
 * Unknown sections and keys are mistakes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "campaign/terms.h"
#include "campaign/window.h"
#include "conf/mistake.h"
#include "conf/settings.h"

#define SIGNATURE_MIN 2 /* characters between 【 and 】 */
#define SIGNATURE_MAX 16

enum campaign_class { CLASS_PUBLICITY, CLASS_NOTICE, CLASS_RECEIPT };
enum on_ambiguous { AMBIGUOUS_HOLD, AMBIGUOUS_RESEND };
enum on_empty {
    EMPTY_REJECT,
    EMPTY_BLANK,
    EMPTY_DEFAULT
}; /* empty = reject | blank | the text after `default:` */

struct definition {
    char *path;                               /* of the INI, absolute */
    char *id, *title, *carrier, *dedup_group; /* dedup_group: "" for none */
    char *region;                             /* "" for none */
    char *recipients;                         /* of the CSV, absolute */
    int64_t start_ms, end_ms;                 /* wall clock */
    int window_from_min, window_to_min; /* minutes of the local day; 08:00-21:00 is 480, 1260 */
    uint32_t rate;                      /* segments a second; 0: the carrier's */
    enum campaign_class class_;
    enum on_ambiguous on_ambiguous;
    int64_t late_after_ms;
    char *signature; /* without 【】 */
    char *text;      /* with ((columns)), from text or text_file */
    char *optout;    /* wording at the end; "" only for notices and receipts */
    enum on_empty on_empty;
    char *empty_default;
    uint32_t max_segments;
    bool takes_pledges; /* it has a section [pledge] */
    struct terms pledge;
};

const char *campaign_class_word(enum campaign_class class_);

/* Reads and checks `path` against the settings (its carrier must exist, its rate is at most the
 * carrier's, the file name must be ID.ini when it lies in campaigns_dir …). All mistakes are
 * appended. *definition is set when none is an error. */
MUST_CHECK enum err definition_load(const char *path, const struct settings *settings,
                                    struct definition **definition, struct mistakes *mistakes);
void definition_free(struct definition *definition); /* NULL is fine */
/* When it may send. */
struct window definition_window(const struct definition *definition, int utc_offset_min);
/* What a launch at `now_ms` would come to. OVER: its end has passed, or its window does not open
 * again before it. LATE: its start is longer ago than late_after; a launch that begins at once
 * (`at_once`) is never late. */
enum definition_time { DEFINITION_IN_TIME, DEFINITION_OVER, DEFINITION_LATE };
enum definition_time definition_time(const struct definition *definition, bool at_once,
                                     int64_t now_ms, int utc_offset_min);
/* The same from a file already parsed. ini->path must be absolute. */
struct ini_file;
MUST_CHECK enum err definition_load_ini(const struct ini_file *ini, const struct settings *settings,
                                        struct definition **definition, struct mistakes *mistakes);
/* FILE or ID as people type it: a path that exists, else campaigns_dir/ID.ini. Writes an absolute
 * path. errors: ERR_NOT_FOUND, ERR_TOO_BIG */
MUST_CHECK enum err definition_find(const char *file_or_id, const struct settings *settings,
                                    char *out, size_t out_size);
