/* GET /api/v1/audit, POST /api/v1/audit/verify: the audit as it is read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/query.h"
#include "base/clock.h"
#include "campaign/problems.h"
#include "sms/mobile.h"
#include "store/status.h"

#define PAGE_DEFAULT 100
#define DAY_MS (24 * INT64_C(3600000))
#define ID_MAX 40
#define WORD_MAX 128
#define SHOWN_BYTES 513
#define LOOKED_MAX 5000 /* lines a call, so that a rare word keeps nobody waiting */

/* ---- a page ---- */

struct journal_page {
    struct apicall *call;
    char before[ID_MAX + 1];  /* the line to go on behind */
    const char *by;           /* "": anybody */
    char about[WORD_MAX + 1]; /* "": anything */
    size_t limit, asked, looked;
    int64_t until_ms; /* of the last line that was looked at */
    json_t *lines;
};

static void page_free(void *state)
{
    struct journal_page *page = state;
    json_decref(page->lines);
    free(page);
}

static bool mentions(const struct audit_line *line, const char *word)
{
    const char *const texts[] = {line->actor,  line->act,   line->object, line->detail,
                                 line->before, line->after, line->address};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i] != NULL && strstr(texts[i], word) != NULL) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct journal_page *page, const struct audit_line *line)
{
    return (page->by[0] == '\0' || (line->actor != NULL && strcmp(line->actor, page->by) == 0)) &&
           (page->about[0] == '\0' || mentions(line, page->about));
}

/* What somebody sent may be no UTF-8: a line must not vanish for that. */
static json_t *text_json(const char *text)
{
    char shown[SHOWN_BYTES];
    if (text == NULL) {
        return NULL;
    }
    json_t *json = json_string(text);
    if (json == NULL) {
        problems_show(text, strlen(text), shown, sizeof shown);
        json = json_string(shown);
    }
    return json;
}

static void add_line(struct journal_page *page, const struct audit_seen *seen)
{
    const struct audit_line *line = &seen->line;
    json_t *row = json_pack(
        "{s:s, s:o, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*, s:o*}", "id", seen->id, "at",
        encode_time(line->at_ms, apicall_offset_min(page->call)), "actor", text_json(line->actor),
        "act", text_json(line->act), "object", text_json(line->object), "detail",
        text_json(line->detail), "via", text_json(line->via), "address", text_json(line->address),
        "before", text_json(line->before), "after", text_json(line->after));
    if (row != NULL) {
        json_array_append_new(page->lines, row);
    }
}

static void answer_page(struct journal_page *page, bool is_more)
{
    struct apicall *call = page->call;
    json_t *until =
        page->looked > 0 ? encode_time(page->until_ms, apicall_offset_min(call)) : json_null();
    apicall_answer(call, 200,
                   json_pack("{s:O, s:o, s:I, s:o}", "lines", page->lines, "next",
                             is_more ? json_string(page->before) : json_null(), "looked",
                             (json_int_t)page->looked, "until", until));
}

static void look_further(struct journal_page *page);

static void on_lines(void *arg, enum err error, const struct audit_seen *lines, size_t n)
{
    struct journal_page *page = arg;
    struct apicall *call = page->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    size_t at = 0;
    for (; at < n && json_array_size(page->lines) < page->limit; at++) {
        if (is_wanted(page, &lines[at].line)) {
            add_line(page, &lines[at]);
        }
        snprintf(page->before, sizeof page->before, "%s", lines[at].id);
        page->until_ms = lines[at].line.at_ms;
        page->looked++;
    }
    bool is_full = json_array_size(page->lines) == page->limit;
    bool is_end = n < page->asked && at == n;
    if (is_full || is_end || page->looked >= LOOKED_MAX) {
        answer_page(page, !is_end);
    } else {
        look_further(page);
    }
}

static void look_further(struct journal_page *page)
{
    bool is_filtered = page->by[0] != '\0' || page->about[0] != '\0';
    page->asked = is_filtered ? AUDIT_PAGE_MAX : page->limit;
    enum err error = status_audit_page(page->call->api->parts.store, page->before,
                                       (uint32_t)page->asked, on_lines, page);
    if (error != ERR_OK) {
        apicall_fail(page->call, error, NULL);
    }
}

static bool is_id(const char *text)
{
    return text[strspn(text, "0123456789-")] == '\0';
}

void handle_audit_page(struct apicall *call)
{
    const char *before, *by, *about;
    uint64_t limit;
    uint32_t to;
    if (!query_text(call, "before", ID_MAX, &before) || !query_text(call, "by", WORD_MAX, &by) ||
        !query_text(call, "about", WORD_MAX, &about) || !query_day(call, "to", &to) ||
        !query_number(call, "limit", PAGE_DEFAULT, AUDIT_PAGE_MAX, &limit)) {
        return;
    }
    if (!is_id(before)) {
        apicall_error(call, 400, "invalid", "before", "before is the id of a line");
        return;
    }
    struct journal_page *page = calloc(1, sizeof *page);
    if (page == NULL || (page->lines = json_array()) == NULL) {
        free(page);
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    page->call = call;
    page->limit = limit > 0 ? (size_t)limit : 1;
    page->by = by;
    if (before[0] == '\0' && to != 0) {
        /* An id of Redis begins with its time: what is younger begins with the next midnight. */
        int64_t next_ms = clock_day_begins(to, apicall_offset_min(call)) + DAY_MS;
        snprintf(page->before, sizeof page->before, "%lld", (long long)next_ms);
    } else {
        snprintf(page->before, sizeof page->before, "%s", before);
    }
    snprintf(page->about, sizeof page->about, "%s", about);
    mobile_mask_within(page->about); /* as it stands in the lines */
    call->state = page;
    call->free_state = page_free;
    look_further(page);
}

/* ---- the proof ---- */

static void on_proof(void *arg, enum err error, const struct audit_proof *proof)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    bool is_good = proof->bad_id[0] == '\0';
    apicall_answer(call, 200,
                   json_pack("{s:b, s:I, s:I, s:s, s:o}", "ok", is_good, "lines",
                             (json_int_t)proof->lines, "ever", (json_int_t)proof->ever, "head",
                             proof->head, "bad",
                             is_good ? json_null() : json_string(proof->bad_id)));
}

void handle_audit_verify(struct apicall *call)
{
    enum err error = status_audit_verify(call->api->parts.store, on_proof, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
