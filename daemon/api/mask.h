/* Whole mobile numbers are for who has the machine and for who asks for them (masked=0) and has
 * just given her password; everybody else gets 138****8000. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "base/buf.h"

enum mask_kind {
    MASK_ONE,  /* one number, to call its owner */
    MASK_MANY, /* a list that goes out of the house: it needs a reason (`reason` of the query) and
                  carries who took it and when */
};
/* Reads `masked` of the query: without it numbers are whole on the control socket and masked
 * elsewhere; to a token they are never whole, because it is no person who gives a password. Sets
 * call->is_masked, and then goes on with `then`. Before whole numbers are shown on the listening
 * port, "`act`", `object` and the reason stand in the audit: no number is shown of which nobody
 * could know later. call->params is kept. */
void mask_settle(struct apicall *call, enum mask_kind kind, const char *act, const char *object,
                 void (*then)(struct apicall *call));

/* "wang 2026-11-29 18:25:03": stands on every line of such a list, so that it stays when the list
 * is cut; "" when there is none to be shown. */
const char *mask_watermark(const struct apicall *call);
/* A member `watermark` of a document. */
void mask_note(const struct apicall *call, json_t *document);
/* Puts `cell` behind the last line of `out`, which ends with a line feed; nothing without a
 * watermark. */
void mask_end_csv_line(const struct apicall *call, const char *cell, struct buf *out);
/* The same for a line that is a JSON object: a member `watermark`. */
void mask_end_json_line(const struct apicall *call, struct buf *out);
