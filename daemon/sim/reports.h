/* What the carrier owes us after it took a request: a status report a recipient, and the replies of
 * the villagers (sim/villager.h). Each is due at some time, is pushed over a few connections, and
 * is pushed again with growing pauses until it is acknowledged or given up.
 *
 * The records are exactly those of carrier-apis.md 2.2 and 2.3:
 *
 *   {"reportStatus":"CM:0000","mobile":"15400001234","submitDate":"20261017090000",
 *    "receiveDate":"20261017090003","errorCode":"DELIVRD","msgGroup":"1017090000001000330441"}
 *   {"mobile":"15400001234","smsContent":"R","sendTime":"2026-10-17 09:00:09",
 *    "addSerial":"106573010158"} */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sim/faults.h"
#include "sim/submit.h"

struct event_base;
struct reports;

struct reports_options {
    const char *report_url, *uplink_url; /* NULL: none are pushed */
    const char *report_log;      /* a line an acknowledged report: MSGGROUP MOBILE STATUS ERRORCODE;
                                    NULL: none */
    bool reports;                /* false: of accepted messages none is reported */
    int64_t delay_ms, jitter_ms; /* from acceptance to report */
    int64_t uplink_delay_ms;     /* from the report to the villager's reply */
    double uplink_rate;
    double pledge_rate;     /* of the villagers pledge, once, and say nothing of uplink_rate */
    const char *pledge_log; /* a line an acknowledged reply, see sim/villager.h; NULL: none */
    size_t batch;           /* reports a POST; more than one goes as an array */
    size_t connections;     /* for reports; uplinks have one */
    int64_t timeout_ms;
    unsigned attempts; /* pushes of a record, then it is given up */
    uint64_t seed;
    const char *service_code; /* the full code that villagers see and answer to */
};

struct reports_counts {
    uint64_t pushed;          /* records in POSTs, repetitions included */
    uint64_t acknowledged;    /* records answered 2xx */
    uint64_t refused, broken; /* POSTs that must be repeated */
    uint64_t failed;          /* records given up */
    uint64_t outstanding;     /* records that are owed */
};

/* errors: ERR_INVALID (a URL), ERR_NOT_FOUND (its host), ERR_IO (the log), ERR_NOMEM. `options` is
 * copied, its texts borrowed. */
MUST_CHECK enum err reports_new(struct event_base *base, const struct reports_options *options,
                                struct reports **reports);
void reports_free(struct reports *reports); /* NULL is fine */

/* The request with this batch id was accepted now, `message` being its success. `plan` says which
 * faults its reports meet. `on_all`, unless NULL, runs once when every report of it is acknowledged
 * or given up, never before this returns. errors: ERR_NOMEM */
MUST_CHECK enum err reports_owe(struct reports *reports, const char *group,
                                const struct submit_verdict *message, const struct fault_plan *plan,
                                void (*on_all)(void *arg), void *arg);
/* Injected ones: a villager writes now; a report goes out as given. errors: ERR_REFUSED (no URL),
 * ERR_NOMEM */
MUST_CHECK enum err reports_uplink(struct reports *reports, uint64_t mobile, const char *text);
MUST_CHECK enum err reports_raw(struct reports *reports, const char *body, size_t len);

struct reports_counts reports_report_counts(const struct reports *reports);
struct reports_counts reports_uplink_counts(const struct reports *reports);
