/* The JSON of the API, in one place: what a campaign, a carrier, an opt-out look like from outside.
 * Pure. Internal to api/. The keys of a campaign are fixed by the contract. Absent times are null.
 */
#pragma once

#include <jansson.h>

#include "campaign/definition.h"
#include "dispatch/dispatch.h"
#include "launch/launch.h"
#include "sms/mobile.h"
#include "store/optout.h"
#include "store/status.h"

/* A string of whatever bytes: each that is not UTF-8 is shown as '?', because a broken name must
 * not take the whole answer away. */
json_t *encode_text(const char *bytes);
/* 138****8000, or the whole number; "" for 0. Gives `out`. */
const char *encode_mobile(uint64_t mobile, bool is_masked, char out[MOBILE_TEXT_SIZE]);
/* RFC 3339 in local time; null for 0. */
json_t *encode_time(int64_t ms, int offset_min);
/* All ten words, always. */
json_t *encode_counts(const struct queue_counts *counts);
/* `wait` NULL or with reason "": waiting is null. `import` NULL: none. rate_now < 0: unknown. */
json_t *encode_campaign(const struct campaign_view *view, const struct dispatch_wait *wait,
                        double rate_now, const struct launch_view *import, int offset_min);
/* ambiguous_s: how long nobody has known of the oldest of its ambiguous chunks; 0: there is none.
 */
void encode_ambiguous_age(json_t *campaign, const struct campaign_view *view, int64_t now_ms);
/* A definition that nobody has launched. `import` may tell of a launch that failed. */
json_t *encode_draft(const struct definition *definition, const struct launch_view *import,
                     int offset_min);
json_t *encode_import(const struct launch_view *import);
json_t *encode_carrier(const struct settings_carrier *carrier, const struct carrier_view *view,
                       const struct dispatch_view *lane, int offset_min);
json_t *encode_optout(const struct optout_record *record, int offset_min);
json_t *encode_daemon(const struct daemon_beat *beat, int offset_min);

/* One line of a report. `code` and `meaning` may be "". Times 0: empty. */
struct report_line {
    uint64_t number, region;
    uint8_t state;
    const char *code, *meaning;
    int64_t updated_ms, submitted_ms;
    bool is_masked;    /* 138****8000 */
    bool is_temporary; /* of a failure: a resend of temporary ones takes it along */
    /* For a reader: the state in her words, and times as people write them; NULL: the contract's.
     */
    const char *state_text;
};
/* number,state,code,meaning,updated_at,submitted_at,region (RFC 4180); a cell that a spreadsheet
 * would take for a formula gets an apostrophe. */
void encode_report_csv(const struct report_line *line, int offset_min, struct buf *out);
void encode_report_jsonl(const struct report_line *line, int offset_min, struct buf *out);
