/* A driver is a struct of functions that builds bytes and reads bytes. No I/O, no clock, no memory
 * of earlier calls: each function can be tested with the worked vectors of carrier-apis.md. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "conf/settings.h"
#include "sms/outcome.h"

/* One request's worth of messages. Numbers are 11-digit integers. */
struct carrier_batch {
    const uint64_t *numbers;
    size_t n;
    const char *text;         /* one text for all, or NULL: */
    const char *const *texts; /* one for each */
    const char *add_serial;   /* digits behind the account's own, so that replies name the campaign;
                                 NULL: none */
};

struct carrier_verdict {
    enum outcome outcome;
    char code[64]; /* the carrier's own word, "" when there was none; printable ASCII or well-formed
                      UTF-8 */
    char batch[64]; /* its id for this request (msgGroup), "" when there is none */
};

/* One status report. */
struct carrier_report {
    char batch[64];
    uint64_t number;
    char code[64];            /* the significant code as the carrier wrote it */
    enum report_class class_; /* by the table given */
    int64_t submitted_ms;     /* wall; 0: not told */
};

struct carrier_uplink {
    uint64_t number;
    const char *text; /* borrowed until the callback returns */
    size_t text_len;
    char service_code[32]; /* full code with extension, as pushed */
    int64_t sent_ms;       /* wall; 0: not told */
    char id[41]; /* stable for repetitions of the same push: SHA-1 hex over number, time, text, code
                  */
};

/* One number of a pushed record that cannot be used; 0: where a number should stand there is none,
 * or the number itself is what cannot be read. */
typedef void carrier_bad_fn(void *arg, uint64_t number);

struct codes;

struct carrier_driver {
    const char *name;
    uint32_t batch_max_same, batch_max_personal;
    const char *content_type; /* of the request body */
    /* Appends the request body. errors: ERR_INVALID (a number or text the form cannot carry),
     * ERR_NOMEM */
    enum err (*build)(const struct settings_carrier *carrier, const struct carrier_batch *batch,
                      struct buf *body);
    /* Reads a complete answer. Only a complete, parsed verdict is a verdict: everything else is
     * OUTCOME_AMBIGUOUS. */
    void (*parse_submit)(int http_status, const char *body, size_t len,
                         struct carrier_verdict *verdict);
    /* What a word of refusal means, in Chinese; "" for one it does not know. */
    const char *(*word_meaning)(const char *word);
    /* Reads a pushed body (object or array), calls `on_report` for each number of a good record and
     * `on_bad` for each of a bad one. On an error nothing was called. errors: ERR_INVALID (not one
     * good), ERR_TOO_BIG (more good ones than CARRIER_REPORTS_MAX). */
    enum err (*parse_reports)(const struct codes *codes, int utc_offset_min, const char *body,
                              size_t len,
                              void (*on_report)(void *arg, const struct carrier_report *report),
                              carrier_bad_fn *on_bad, void *arg);
    enum err (*parse_uplinks)(int utc_offset_min, const char *body, size_t len,
                              void (*on_uplink)(void *arg, const struct carrier_uplink *uplink),
                              carrier_bad_fn *on_bad, void *arg);
    /* What the carrier wants to read when its push was stored. */
    const char *ack_body, *ack_content_type;
};

#define CARRIER_REPORTS_MAX 5000

/* NULL when there is no such driver. */
const struct carrier_driver *carrier_driver(const char *name);
size_t carrier_driver_names(const char *const **names);

/* The code of a recipient whom a person gave up for lost (`campaign resolve … fail`): no carrier
 * said it. */
#define CARRIER_CODE_OPERATOR "OPERATOR"
/* The code of a recipient of whom no request could be made. */
#define CARRIER_CODE_FORM "local:form"
/* What a recipient's code means, in Chinese: by the table of report codes, which the operator may
 * change, then by the driver's words, then as the daemon's own. `driver` and `codes` may be NULL.
 * gives: "" when nobody knows. */
const char *carrier_meaning(const struct carrier_driver *driver, const struct codes *codes,
                            const char *code);

/* Outcome of a transport failure. `curl_code` is libcurl's, `sent_any` is true when any byte of the
 * request may have left. */
enum outcome carrier_transport_outcome(int curl_code, bool sent_any);
