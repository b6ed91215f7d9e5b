/* One row a metric: where it stands in the status document, and by what factor that becomes the
 * base unit. The rows of one list (carriers, campaigns) are walked metric by metric, because the
 * format wants all lines of a metric together. */
#include "api/metrics.h"

#include <stdlib.h>
#include <string.h>

enum place {
    PLACE_OWN,
    PLACE_RECEIPTS,
    PLACE_REPLIES,
    PLACE_WEBHOOKS,
    PLACE_REDIS,
    PLACE_LEDGER,
    PLACE_IMPORT,
    PLACE_CARRIER,
    PLACE_CAMPAIGN
};

struct metric {
    const char *name, *type, *help;
    enum place place;
    const char *key;
    double factor;
    const char *equals; /* not NULL: 1 when the text under `key` is this one, else 0 */
};

/* Stands among the answers of the status document, and counts records. */
#define WEBHOOK_BAD_RECORDS "bad_records"

static const struct metric metrics[] = {
    {"loop_lag_seconds", "gauge", "Longest turn of the event loop in the last two minutes.",
     PLACE_OWN, "loop_lag_ms", 0.001, NULL},
    {"audit_lost_total", "counter", "Acts that could not be noted in the audit.", PLACE_OWN,
     "audit_lost", 1, NULL},
    {"receipts_waiting", "gauge", "Messages owed to donors that cannot be sent as things are.",
     PLACE_RECEIPTS, "n", 1, NULL},
    {"replies_waiting", "gauge", "Replies that wait for the definition of their campaign.",
     PLACE_REPLIES, "n", 1, NULL},
    {"imports_running", "gauge", "Recipient lists being read now.", PLACE_OWN, "imports_running", 1,
     NULL},
    {"import_rows", "gauge", "Rows of a recipient list read so far.", PLACE_IMPORT, "rows", 1,
     NULL},
    {"import_read_bytes", "gauge", "Bytes of a recipient list read so far.", PLACE_IMPORT,
     "read_bytes", 1, NULL},
    {"import_size_bytes", "gauge", "Bytes of a recipient list in all.", PLACE_IMPORT, "all_bytes",
     1, NULL},
    {"ledger_entries_total", "counter", "Entries in the ledger of pledges.", PLACE_LEDGER,
     "entries", 1, NULL},
    {"webhook_bad_records_total", "counter",
     "Records left out of pushes whose other records were stored.", PLACE_WEBHOOKS,
     WEBHOOK_BAD_RECORDS, 1, NULL},
    {"redis_up", "gauge", "1 while Redis answers and is fit to be written to.", PLACE_REDIS,
     "health", 1, "ready"},
    {"redis_round_trip_seconds", "gauge", "Time of the last call to Redis.", PLACE_REDIS,
     "round_trip_us", 0.000001, NULL},
    {"redis_used_memory_bytes", "gauge", "Memory that Redis says it uses.", PLACE_REDIS,
     "used_memory", 1, NULL},
    {"redis_pending_calls", "gauge", "Calls to Redis without an answer yet.", PLACE_REDIS,
     "pending", 1, NULL},
    {"carrier_up", "gauge", "1 while the account is neither paused nor stopped.", PLACE_CARRIER,
     "state", 1, "running"},
    {"carrier_requests_total", "counter", "Requests made to the carrier.", PLACE_CARRIER,
     "requests", 1, NULL},
    {"carrier_accepted_total", "counter", "Recipients the carrier accepted.", PLACE_CARRIER,
     "accepted", 1, NULL},
    {"carrier_rejected_total", "counter", "Recipients the carrier refused.", PLACE_CARRIER,
     "rejected", 1, NULL},
    {"carrier_ambiguous_total", "counter",
     "Recipients that became ambiguous, whatever became of them since.", PLACE_CARRIER, "ambiguous",
     1, NULL},
    {"carrier_reports_total", "counter", "Status reports stored.", PLACE_CARRIER, "reports", 1,
     NULL},
    {"carrier_uplinks_total", "counter", "Replies stored.", PLACE_CARRIER, "uplinks", 1, NULL},
    {"carrier_parked_reports", "gauge", "Status reports that belong to no known request yet.",
     PLACE_CARRIER, "parked", 1, NULL},
    {"carrier_unknown_codes_total", "counter", "Status reports with a code that no table knows.",
     PLACE_CARRIER, "unknown_codes", 1, NULL},
    {"carrier_contradictions_total", "counter", "Status reports against a final state.",
     PLACE_CARRIER, "contradictions", 1, NULL},
    {"carrier_requests_in_flight", "gauge", "Requests of this daemon under way.", PLACE_CARRIER,
     "inflight_requests", 1, NULL},
    {"carrier_claimed_chunks", "gauge", "Chunks this daemon holds.", PLACE_CARRIER,
     "claimed_chunks", 1, NULL},
    {"carrier_rate_limit", "gauge", "Segments a second that the account may send; 0: no limit.",
     PLACE_CARRIER, "rate", 1, NULL},
    {"carrier_tokens", "gauge", "Segments that may go at once, as this daemon sees the bucket.",
     PLACE_CARRIER, "tokens", 1, NULL},
    {"campaign_rate", "gauge", "Recipients a second over the last ten seconds.", PLACE_CAMPAIGN,
     "rate_now", 1, NULL},
    {"campaign_segments_sent", "gauge", "Segments the carrier took.", PLACE_CAMPAIGN,
     "segments_sent", 1, NULL},
    {"campaign_cost_yuan", "gauge", "What these segments cost.", PLACE_CAMPAIGN, "cost_fen", 0.01,
     NULL},
    {"campaign_ambiguous_chunks", "gauge", "Chunks with an ambiguous recipient.", PLACE_CAMPAIGN,
     "ambiguous_chunks", 1, NULL},
    {"campaign_ambiguous_age_seconds", "gauge",
     "How long nothing has been known of the oldest ambiguous chunk; 0: there is none.",
     PLACE_CAMPAIGN, "ambiguous_s", 1, NULL},
    {"campaign_queue_age_seconds", "gauge",
     "How long its queued recipients have been waiting since they could have gone.", PLACE_CAMPAIGN,
     "queued_s", 1, NULL},
};
#define METRICS_N (sizeof metrics / sizeof *metrics)

/* Those whose lines no row of the table can say. */
static const char *const others[] = {"build_info",
                                     "attention",
                                     "daemons",
                                     "last_reload_ok",
                                     "webhook_answers_total",
                                     "campaign_recipients",
                                     "carrier_request_seconds",
                                     "ledger_amount_yuan",
                                     "ledger_steps"};
#define OTHERS_N (sizeof others / sizeof *others)

const char *metrics_name(size_t i)
{
    if (i < METRICS_N) {
        return metrics[i].name;
    }
    return i - METRICS_N < OTHERS_N ? others[i - METRICS_N] : NULL;
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_addf(out, "# HELP outreach_%s %s\n# TYPE outreach_%s %s\n", name, help, name, type);
}

static void add_label(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, "%s=\"", name);
    for (const char *p = value != NULL ? value : ""; *p != '\0'; p++) {
        if (*p == '\n') {
            buf_add_text(out, "\\n");
        } else {
            buf_addf(out, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
        }
    }
    buf_add_text(out, "\"");
}

static void add_value(struct buf *out, const struct metric *metric, const json_t *value)
{
    if (metric->equals != NULL) {
        const char *text = json_string_value(value);
        buf_addf(out, " %d\n", text != NULL && strcmp(text, metric->equals) == 0);
    } else if (json_is_integer(value) && metric->factor == 1) {
        buf_addf(out, " %lld\n", (long long)json_integer_value(value));
    } else {
        buf_addf(out, " %.10g\n", json_number_value(value) * metric->factor);
    }
}

static bool is_figure(const struct metric *metric, const json_t *value)
{
    return metric->equals != NULL ? json_is_string(value) : json_is_number(value);
}

static void write_single(const struct metric *metric, const json_t *object, struct buf *out)
{
    const json_t *value = json_object_get(object, metric->key);
    if (is_figure(metric, value)) {
        head(out, metric->name, metric->type, metric->help);
        buf_addf(out, "outreach_%s", metric->name);
        add_value(out, metric, value);
    }
}

static void add_carrier_labels(struct buf *out, const json_t *row)
{
    add_label(out, "carrier", json_string_value(json_object_get(row, "name")));
}

static void add_import_labels(struct buf *out, const json_t *row)
{
    add_label(out, "campaign", json_string_value(json_object_get(row, "id")));
}

/* An id may be launched more than once, and each launch is a row. */
static void add_campaign_labels(struct buf *out, const json_t *row)
{
    add_label(out, "campaign", json_string_value(json_object_get(row, "id")));
    buf_add_text(out, ",");
    add_label(out, "carrier", json_string_value(json_object_get(row, "carrier")));
    buf_addf(out, ",launch=\"%lld\"", (long long)json_integer_value(json_object_get(row, "seq")));
}

static void write_list(const struct metric *metric, const json_t *list,
                       void (*add_labels)(struct buf *out, const json_t *row), struct buf *out)
{
    size_t i;
    const json_t *row;
    bool begun = false;
    json_array_foreach(list, i, row)
    {
        const json_t *value = json_object_get(row, metric->key);
        if (!is_figure(metric, value)) {
            continue;
        }
        if (!begun) {
            head(out, metric->name, metric->type, metric->help);
            begun = true;
        }
        buf_addf(out, "outreach_%s{", metric->name);
        add_labels(out, row);
        buf_add_text(out, "}");
        add_value(out, metric, value);
    }
}

static void write_build(const json_t *status, struct buf *out)
{
    head(out, "build_info", "gauge", "Always 1; its labels say which daemon answers.");
    buf_add_text(out, "outreach_build_info{");
    add_label(out, "version", json_string_value(json_object_get(status, "version")));
    buf_add_text(out, ",");
    add_label(out, "daemon", json_string_value(json_object_get(status, "daemon")));
    buf_add_text(out, "} 1\n");
}

static void write_lengths(const json_t *status, struct buf *out)
{
    head(out, "attention", "gauge",
         "Things that wait for a person: outreachctl status names them.");
    buf_addf(out, "outreach_attention %zu\n",
             json_array_size(json_object_get(status, "attention")));
    head(out, "daemons", "gauge", "Daemons seen on this Redis.");
    buf_addf(out, "outreach_daemons %zu\n", json_array_size(json_object_get(status, "daemons")));
}

static void write_reload(const json_t *status, struct buf *out)
{
    const json_t *ok = json_object_get(json_object_get(status, "last_reload"), "ok");
    head(out, "last_reload_ok", "gauge",
         "0 while the newest configuration is refused and the one before it in force.");
    buf_addf(out, "outreach_last_reload_ok %d\n", !json_is_false(ok));
}

static void write_webhooks(const json_t *status, struct buf *out)
{
    json_t *counts = json_object_get(status, "webhooks");
    const char *key;
    json_t *value;
    head(out, "webhook_answers_total", "counter", "Pushes of carriers by what became of them.");
    json_object_foreach(counts, key, value)
    {
        if (strcmp(key, WEBHOOK_BAD_RECORDS) == 0) {
            continue;
        }
        buf_add_text(out, "outreach_webhook_answers_total{");
        add_label(out, "answer", key);
        buf_addf(out, "} %lld\n", (long long)json_integer_value(value));
    }
}

static void write_recipients(const json_t *campaigns, struct buf *out)
{
    size_t i;
    const json_t *row;
    if (json_array_size(campaigns) > 0) {
        head(out, "campaign_recipients", "gauge", "Recipients of an open campaign by state.");
    }
    json_array_foreach(campaigns, i, row)
    {
        const char *key;
        json_t *value;
        json_object_foreach(json_object_get(row, "counts"), key, value)
        {
            buf_add_text(out, "outreach_campaign_recipients{");
            add_campaign_labels(out, row);
            buf_add_text(out, ",");
            add_label(out, "state", key);
            buf_addf(out, "} %lld\n", (long long)json_integer_value(value));
        }
    }
}

/* The format counts each bucket together with all below it. */
static void write_latency(const json_t *carriers, struct buf *out)
{
    static const char name[] = "carrier_request_seconds";
    size_t i;
    const json_t *row;
    json_array_foreach(carriers, i, row)
    {
        const json_t *latency = json_object_get(row, "latency_s");
        const json_t *bounds = json_object_get(latency, "bounds");
        const json_t *counts = json_object_get(latency, "counts");
        json_int_t sum = 0;
        if (i == 0) {
            head(out, name, "histogram", "Time from a request to the carrier's answer.");
        }
        for (size_t k = 0; k < json_array_size(counts); k++) {
            sum += json_integer_value(json_array_get(counts, k));
            buf_addf(out, "outreach_%s_bucket{", name);
            add_carrier_labels(out, row);
            if (k < json_array_size(bounds)) {
                buf_addf(out, ",le=\"%g\"", json_number_value(json_array_get(bounds, k)));
            } else {
                buf_add_text(out, ",le=\"+Inf\"");
            }
            buf_addf(out, "} %lld\n", (long long)sum);
        }
        buf_addf(out, "outreach_%s_sum{", name);
        add_carrier_labels(out, row);
        buf_addf(out, "} %.10g\n", json_number_value(json_object_get(latency, "sum")));
        buf_addf(out, "outreach_%s_count{", name);
        add_carrier_labels(out, row);
        buf_addf(out, "} %lld\n", (long long)sum);
    }
}

/* Whole fen are written as yuan digit by digit: a province's total is not rounded. */
static void write_ledger(json_t *totals, bool money, struct buf *out)
{
    const char *name = money ? "ledger_amount_yuan" : "ledger_steps", *kind, *measure;
    json_t *measures, *figure;
    if (totals == NULL) {
        return;
    }
    head(out, name, "gauge",
         money ? "Money in the ledger; of goods and service their estimated value."
               : "Pledges and steps in the ledger.");
    json_object_foreach(totals, kind, measures)
    {
        json_object_foreach(measures, measure, figure)
        {
            long long value = json_integer_value(json_object_get(figure, money ? "fen" : "count"));
            buf_addf(out, "outreach_%s{", name);
            add_label(out, "kind", kind);
            buf_add_text(out, ",");
            add_label(out, "measure", measure);
            if (money) {
                buf_addf(out, "} %s%lld.%02lld\n", value < 0 ? "-" : "", llabs(value / 100),
                         llabs(value % 100));
            } else {
                buf_addf(out, "} %lld\n", value);
            }
        }
    }
}

void metrics_write(const json_t *status, struct buf *out)
{
    const json_t *redis = json_object_get(status, "redis");
    const json_t *ledger = json_object_get(status, "ledger");
    const json_t *carriers = json_object_get(status, "carriers");
    const json_t *campaigns = json_object_get(status, "campaigns");
    write_build(status, out);
    write_lengths(status, out);
    write_reload(status, out);
    write_webhooks(status, out);
    for (size_t i = 0; i < METRICS_N; i++) {
        switch (metrics[i].place) {
        case PLACE_OWN:
            write_single(&metrics[i], status, out);
            break;
        case PLACE_RECEIPTS:
            write_single(&metrics[i], json_object_get(status, "receipts_waiting"), out);
            break;
        case PLACE_REPLIES:
            write_single(&metrics[i], json_object_get(status, "replies_waiting"), out);
            break;
        case PLACE_WEBHOOKS:
            write_single(&metrics[i], json_object_get(status, "webhooks"), out);
            break;
        case PLACE_REDIS:
            write_single(&metrics[i], redis, out);
            break;
        case PLACE_LEDGER:
            write_single(&metrics[i], ledger, out);
            break;
        case PLACE_IMPORT:
            write_list(&metrics[i], json_object_get(status, "imports"), add_import_labels, out);
            break;
        case PLACE_CARRIER:
            write_list(&metrics[i], carriers, add_carrier_labels, out);
            break;
        case PLACE_CAMPAIGN:
            write_list(&metrics[i], campaigns, add_campaign_labels, out);
            break;
        }
    }
    write_recipients(campaigns, out);
    write_latency(carriers, out);
    json_t *totals = json_object_get(ledger, "totals");
    write_ledger(totals, true, out);
    write_ledger(totals, false, out);
}
