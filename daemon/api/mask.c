#include "api/mask.h"

#include <stdio.h>
#include <string.h>

#include "api/drafts.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/csvcell.h"

/* false: answered. */
static bool may_unmask(struct apicall *call)
{
    if (call->who.via == VIA_TOKEN) {
        apicall_error(call, 403, "token", "masked",
                      "a token never gets whole numbers: log in, or ask on the machine itself");
        return false;
    }
    if (!call->who.is_confirmed) {
        apicall_error(call, 403, "confirm", NULL,
                      "give your password once more to see whole numbers");
        return false;
    }
    return true;
}

static bool read_reason(struct apicall *call, const char **reason)
{
    if (!query_text(call, "reason", CALL_REASON_MAX, reason)) {
        return false;
    }
    if ((*reason)[strspn(*reason, " ")] == '\0') {
        apicall_error(call, 400, "missing", "reason",
                      "reason is missing: what a list with whole numbers is needed for");
        return false;
    }
    return true;
}

static void set_watermark(struct apicall *call)
{
    char when[CLOCK_TEXT_SIZE];
    snprintf(call->watermark, sizeof call->watermark, "%s %s", call->who.name,
             clock_format(clock_wall_ms(), apicall_offset_min(call), when));
}

void mask_settle(struct apicall *call, enum mask_kind kind, const char *act, const char *object,
                 void (*then)(struct apicall *call))
{
    const char *masked = http_request_query(call->request, "masked"), *reason = "";
    bool is_trusted = call->who.via == VIA_CONTROL;
    call->is_masked = masked != NULL ? strcmp(masked, "0") != 0 : !is_trusted;
    if (call->is_masked || is_trusted) {
        then(call);
        return;
    }
    if (!may_unmask(call) || (kind == MASK_MANY && !read_reason(call, &reason))) {
        return;
    }
    if (kind == MASK_MANY) {
        set_watermark(call);
    }
    drafts_audit(call, call->who.name, act, object, reason, then);
}

const char *mask_watermark(const struct apicall *call)
{
    return call->watermark;
}

void mask_note(const struct apicall *call, json_t *document)
{
    if (call->watermark[0] != '\0') {
        json_object_set_new(document, "watermark", json_string(call->watermark));
    }
}

/* Takes `tail` off the end of `out`. */
static void cut(struct buf *out, const char *tail)
{
    size_t len = strlen(tail);
    if (out->len >= len && memcmp(out->data + out->len - len, tail, len) == 0) {
        out->len -= len;
    }
}

void mask_end_csv_line(const struct apicall *call, const char *cell, struct buf *out)
{
    if (call->watermark[0] != '\0') {
        cut(out, "\n");
        buf_add_char(out, ',');
        csvcell_add(out, cell);
        buf_add_char(out, '\n');
    }
}

void mask_end_json_line(const struct apicall *call, struct buf *out)
{
    if (call->watermark[0] != '\0') { /* a user's name and a time: nothing to escape */
        cut(out, "}\n");
        buf_addf(out, ",\"watermark\":\"%s\"}\n", call->watermark);
    }
}
