#include "api/encode.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/csvcell.h"
#include "campaign/encoding.h"
#include "sms/mobile.h"

json_t *encode_text(const char *bytes)
{
    json_t *json = json_string(bytes);
    if (json != NULL) {
        return json;
    }
    size_t len = strlen(bytes), at = 0;
    char *copy = strdup(bytes);
    if (copy == NULL) {
        return json_null();
    }
    while ((at += encoding_utf8_prefix(copy + at, len - at)) < len) {
        copy[at++] = '?';
    }
    json = json_string(copy);
    free(copy);
    return json != NULL ? json : json_string("(not UTF-8)"); /* surrogates written as bytes */
}

const char *encode_mobile(uint64_t mobile, bool is_masked, char out[MOBILE_TEXT_SIZE])
{
    out[0] = '\0';
    if (mobile != 0 && is_masked) {
        mobile_mask(mobile, out);
    } else if (mobile != 0) {
        mobile_format(mobile, out);
    }
    return out;
}

static void set_text(json_t *object, const char *key, const char *bytes)
{
    json_object_set_new(object, key, encode_text(bytes));
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
    json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_time(json_t *object, const char *key, int64_t ms, int offset_min)
{
    json_object_set_new(object, key, encode_time(ms, offset_min));
}

json_t *encode_time(int64_t ms, int offset_min)
{
    char out[CLOCK_TEXT_SIZE];
    return ms == 0 ? json_null() : json_string(clock_format_rfc3339(ms, offset_min, out));
}

json_t *encode_counts(const struct queue_counts *counts)
{
    json_t *json = json_object();
    for (size_t i = 0; i < STATE_COUNT; i++) {
        set_number(json, state_word(state_all[i]), counts->of[i]);
    }
    return json;
}

json_t *encode_import(const struct launch_view *import)
{
    static const char *const phases[] = {[LAUNCH_READING] = "reading",
                                         [LAUNCH_COMMITTING] = "committing",
                                         [LAUNCH_DONE] = "done",
                                         [LAUNCH_FAILED] = "failed"};
    json_t *json = json_object();
    set_text(json, "id", import->id);
    set_text(json, "carrier", import->carrier);
    set_text(json, "phase", phases[import->phase]);
    set_number(json, "rows", import->rows);
    set_number(json, "accepted", import->accepted);
    set_number(json, "read_bytes", import->read_bytes);
    set_number(json, "all_bytes", import->all_bytes);
    json_object_set_new(json, "reason",
                        import->phase == LAUNCH_FAILED ? encode_text(import->reason) : json_null());
    json_object_set_new(json, "refused",
                        json_boolean(import->phase == LAUNCH_FAILED && import->refused));
    return json;
}

static json_t *encode_waiting(const struct dispatch_wait *wait, int offset_min)
{
    if (wait == NULL || wait->reason[0] == '\0') {
        return json_null();
    }
    json_t *json = json_object();
    set_text(json, "reason", wait->reason);
    set_time(json, "until", wait->until_ms, offset_min);
    return json;
}

static double tenths(double rate)
{
    return rate > 0 ? (double)(int64_t)(rate * 10 + 0.5) / 10 : 0;
}

/* Seconds until everybody has been handed over, at the rate of now. */
static json_t *encode_eta(const struct campaign_view *view, double rate_now)
{
    uint64_t open =
        queue_count(&view->counts, STATE_QUEUED) + queue_count(&view->counts, STATE_INFLIGHT);
    if (open == 0 || rate_now <= 0 || strcmp(view->state, "sending") != 0) {
        return json_null();
    }
    json_int_t seconds = (json_int_t)((double)open / rate_now);
    if ((double)seconds * rate_now < (double)open) {
        seconds++;
    }
    return json_integer(seconds);
}

/* The keys that a draft has as well. */
static void set_head(json_t *json, const char *id, const char *title, const char *state,
                     const char *carrier, const char *class_word)
{
    set_text(json, "id", id);
    set_text(json, "title", title);
    set_text(json, "state", state);
    set_text(json, "carrier", carrier);
    set_text(json, "class", class_word);
}

/* A launch that was refused before anything was read: its caller was told, and the campaign that is
 * there has nothing to do with it. */
static bool is_mere_try(const struct launch_view *import)
{
    return import->phase == LAUNCH_FAILED && import->seq == 0;
}

json_t *encode_campaign(const struct campaign_view *view, const struct dispatch_wait *wait,
                        double rate_now, const struct launch_view *import, int offset_min)
{
    const struct campaign_fields *fields = &view->fields;
    json_t *json = json_object();
    set_head(json, fields->id, fields->title, view->state, fields->carrier, fields->class_word);
    set_number(json, "seq", view->seq);
    set_number(json, "accepted", view->accepted);
    json_object_set_new(json, "counts", encode_counts(&view->counts));
    set_number(json, "segments_sent", view->segments_sent);
    set_number(json, "cost_fen", view->cost_fen);
    set_time(json, "started_at", view->started_ms, offset_min);
    set_time(json, "finished_at", view->finished_ms, offset_min);
    json_object_set_new(json, "rate_now", json_real(tenths(rate_now)));
    json_object_set_new(json, "eta_s", encode_eta(view, rate_now));
    json_object_set_new(json, "waiting", encode_waiting(wait, offset_min));
    set_time(json, "launched_at", view->launched_ms, offset_min);
    set_time(json, "changed_at", view->changed_ms, offset_min);
    set_time(json, "purged_at", view->purged_ms, offset_min);
    set_time(json, "start", fields->start_ms, offset_min);
    set_time(json, "end", fields->end_ms, offset_min);
    set_text(json, "actor", fields->actor);
    set_text(json, "parent", fields->parent);
    set_text(json, "region", fields->region);
    set_text(json, "dedup_group", fields->dedup_group);
    set_number(json, "rows", fields->rows);
    set_number(json, "duplicate", fields->duplicate);
    set_number(json, "invalid", fields->invalid);
    set_number(json, "opted_out", fields->opted_out);
    set_number(json, "segments_total", fields->segments_total);
    set_number(json, "requests", view->requests);
    set_number(json, "chunks", view->n_chunks);
    set_number(json, "ambiguous_chunks", view->ambiguous_chunks);
    set_time(json, "ambiguous_since",
             view->ambiguous_since_ms != 0 || view->ambiguous_chunks == 0 ? view->ambiguous_since_ms
                                                                          : view->changed_ms,
             offset_min);
    json_object_set_new(json, "import",
                        import != NULL && !is_mere_try(import) ? encode_import(import)
                                                               : json_null());
    return json;
}

void encode_ambiguous_age(json_t *campaign, const struct campaign_view *view, int64_t now_ms)
{
    int64_t since_ms = view->ambiguous_since_ms != 0 ? view->ambiguous_since_ms : view->changed_ms;
    bool is_older = view->ambiguous_chunks > 0 && since_ms < now_ms;
    set_number(campaign, "ambiguous_s", is_older ? (uint64_t)(now_ms - since_ms) / 1000 : 0);
}

json_t *encode_draft(const struct definition *definition, const struct launch_view *import,
                     int offset_min)
{
    static const struct queue_counts none;
    json_t *json = json_object();
    set_head(json, definition->id, definition->title, "draft", definition->carrier,
             campaign_class_word(definition->class_));
    set_number(json, "seq", 0);
    set_number(json, "accepted", 0);
    json_object_set_new(json, "counts", encode_counts(&none));
    static const char *const zeros[] = {"segments_sent", "cost_fen",  "rows",           "duplicate",
                                        "invalid",       "opted_out", "segments_total", "requests"};
    static const char *const nulls[] = {"started_at", "finished_at", "eta_s", "waiting",
                                        "launched_at"};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        set_number(json, zeros[i], 0);
    }
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
        json_object_set_new(json, nulls[i], json_null());
    }
    json_object_set_new(json, "rate_now", json_real(0));
    set_time(json, "start", definition->start_ms, offset_min);
    set_time(json, "end", definition->end_ms, offset_min);
    set_text(json, "actor", "");
    set_text(json, "parent", "");
    set_text(json, "region", definition->region);
    set_text(json, "dedup_group", definition->dedup_group);
    json_object_set_new(json, "import", import != NULL ? encode_import(import) : json_null());
    return json;
}

/* Times in seconds; `counts` has one more than `bounds`: what took longer than all of them. */
static json_t *encode_latency(const struct latency *latency)
{
    json_t *bounds = json_array(), *counts = json_array();
    for (size_t i = 0; i < LATENCY_BOUNDS; i++) {
        json_array_append_new(bounds, json_real(latency_bounds_ms[i] / 1000.0));
    }
    for (size_t i = 0; i <= LATENCY_BOUNDS; i++) {
        json_array_append_new(counts, json_integer((json_int_t)latency->counts[i]));
    }
    return json_pack("{s:o, s:o, s:f}", "bounds", bounds, "counts", counts, "sum",
                     (double)latency->sum_ms / 1000);
}

json_t *encode_carrier(const struct settings_carrier *carrier, const struct carrier_view *view,
                       const struct dispatch_view *lane, int offset_min)
{
    json_t *json = json_object();
    set_text(json, "name", carrier->name);
    set_text(json, "driver", carrier->driver);
    json_object_set_new(json, "trial", json_boolean(carrier->trial));
    set_text(json, "state", view->state);
    set_text(json, "reason", view->reason);
    set_text(json, "actor", view->actor);
    set_text(json, "code", view->code);
    set_time(json, "since", view->since_ms, offset_min);
    set_time(json, "resume_at", view->resume_at_ms, offset_min);
    set_number(json, "requests", view->requests);
    set_number(json, "accepted", view->accepted);
    set_number(json, "rejected", view->rejected);
    set_number(json, "ambiguous", view->ambiguous);
    set_number(json, "reports", view->reports);
    set_number(json, "uplinks", view->uplinks);
    set_number(json, "parked", view->parked);
    set_time(json, "parked_oldest", view->parked_oldest_ms, offset_min);
    set_number(json, "unknown_codes", view->unknown_codes);
    set_text(json, "last_unknown_code", view->last_unknown_code);
    set_number(json, "contradictions", view->contradictions);
    set_number(json, "rate", carrier->rate);
    json_object_set_new(json, "tokens",
                        carrier->rate != 0 ? json_integer(lane->tokens) : json_null());
    json_object_set_new(json, "latency_s", encode_latency(&lane->latency));
    set_number(json, "inflight_requests", lane->inflight_requests);
    set_number(json, "claimed_chunks", lane->claimed_chunks);
    set_text(json, "route_fault", lane->route_fault);
    set_time(json, "route_retry_at", lane->route_retry_ms, offset_min);
    set_number(json, "held_campaigns", lane->held_campaigns);
    set_number(json, "held", lane->held);
    return json;
}

json_t *encode_optout(const struct optout_record *record, int offset_min)
{
    char number[MOBILE_TEXT_SIZE];
    json_t *json = json_object();
    mobile_format(record->number, number);
    set_text(json, "number", number);
    set_text(json, "scope", record->scope == OPTOUT_ALL ? "all" : "marketing");
    set_time(json, "at", record->at_ms, offset_min);
    set_text(json, "source", record->source);
    set_text(json, "detail", record->detail);
    return json;
}

json_t *encode_daemon(const struct daemon_beat *beat, int offset_min)
{
    json_t *json = json_object();
    set_text(json, "id", beat->id);
    set_text(json, "host", beat->host);
    set_text(json, "version", beat->version);
    set_number(json, "pid", (uint64_t)beat->pid);
    set_time(json, "started_at", beat->started_ms, offset_min);
    set_time(json, "seen_at", beat->seen_ms, offset_min);
    set_number(json, "inflight", beat->inflight);
    set_number(json, "claims", beat->claims);
    return json;
}

/* ---- reports ---- */

struct report_cells {
    char number[MOBILE_TEXT_SIZE], region[24], updated[CLOCK_TEXT_SIZE], submitted[CLOCK_TEXT_SIZE];
    const char *state;
};

static void fill_cells(const struct report_line *line, int offset_min, struct report_cells *cells)
{
    encode_mobile(line->number, line->is_masked, cells->number);
    cells->state = state_word((enum recipient_state)line->state);
    if (cells->state == NULL) {
        cells->state = "";
    }
    const char *(*write_time)(int64_t, int, char[CLOCK_TEXT_SIZE]) = clock_format_rfc3339;
    if (line->state_text != NULL) {
        cells->state = line->state_text;
        write_time = clock_format;
    }
    cells->updated[0] = cells->submitted[0] = cells->region[0] = '\0';
    if (line->updated_ms != 0) {
        write_time(line->updated_ms, offset_min, cells->updated);
    }
    if (line->submitted_ms != 0) {
        write_time(line->submitted_ms, offset_min, cells->submitted);
    }
    if (line->region != 0) {
        snprintf(cells->region, sizeof cells->region, "%012" PRIu64, line->region);
    }
}

void encode_report_csv(const struct report_line *line, int offset_min, struct buf *out)
{
    struct report_cells cells;
    fill_cells(line, offset_min, &cells);
    const char *const row[] = {cells.number,  cells.state,     line->code,  line->meaning,
                               cells.updated, cells.submitted, cells.region};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (i > 0) {
            buf_add_char(out, ',');
        }
        csvcell_add(out, row[i]);
    }
    buf_add_char(out, '\n');
}

void encode_report_jsonl(const struct report_line *line, int offset_min, struct buf *out)
{
    struct report_cells cells;
    fill_cells(line, offset_min, &cells);
    json_t *json = json_object();
    set_text(json, "number", cells.number);
    set_text(json, "state", cells.state);
    set_text(json, "code", line->code);
    set_text(json, "meaning", line->meaning);
    if (line->state == STATE_UNDELIVERED || line->state == STATE_EXPIRED) {
        json_object_set_new(json, "temporary", json_boolean(line->is_temporary));
    }
    json_object_set_new(json, "updated_at",
                        cells.updated[0] != '\0' ? json_string(cells.updated) : json_null());
    json_object_set_new(json, "submitted_at",
                        cells.submitted[0] != '\0' ? json_string(cells.submitted) : json_null());
    set_text(json, "region", cells.region);
    char *bytes = json_dumps(json, JSON_COMPACT);
    if (bytes != NULL) {
        buf_add_text(out, bytes);
        buf_add_char(out, '\n');
    } else {
        out->failed = true;
    }
    free(bytes);
    json_decref(json);
}
