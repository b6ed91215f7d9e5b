/* POST /hook/NAME/KEY/report and /hook/NAME/KEY/uplink. Secret compared in constant time, source
 * address on the list, body within its limit, parsed by the carrier's driver, stored, and only then
 * answered 200 with what the carrier wants to read. Reports that arrive in the same turn of the
 * loop are stored by one call. A bad record beside good ones is counted and
 * logged; it would be bad in every repetition, so the good ones are stored and answered 200. 404
 * for a wrong key or name (nobody learns which), and 429 when those of one address are too many;
 * 403 for a wrong address, 413, 400 with nothing
 * stored when no record is good, 503 when it cannot be stored now. */
#pragma once

#include "carrier/carrier.h"
#include "carrier/codes.h"
#include "net/http_server.h"
#include "store/optout.h"
#include "store/status.h"
#include "store/store.h"

struct webhook;
MUST_CHECK enum err webhook_new(struct event_base *base, struct store *store,
                                struct webhook **webhook);
void webhook_free(struct webhook *webhook);
/* `codes[i]` belongs to settings->carriers[i]. Borrowed until the next call. */
void webhook_set_settings(struct webhook *webhook, const struct settings *settings,
                          struct codes *const *codes);
/* Takes requests whose path starts with /hook/. */
void webhook_handle(struct webhook *webhook, struct http_request *request);
/* Takes pledges from uplinks; NULL: nobody does. */
struct pledging;
void webhook_set_pledging(struct webhook *webhook, struct pledging *pledging);
struct webhook_counts {
    uint64_t stored, refused_key, refused_address, refused_body, throttled, failed;
    uint64_t bad_records; /* numbers of records left out beside good ones */
};
const struct webhook_counts *webhook_counts(const struct webhook *webhook);
