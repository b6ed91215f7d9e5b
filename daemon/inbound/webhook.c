/* See webhook.h. Here: who may push, what the body is, and to which desk its records go (report.h,
 * uplink.h). */
#include "inbound/webhook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "inbound/caller.h"
#include "inbound/report.h"
#include "inbound/route.h"
#include "inbound/ticket.h"
#include "inbound/uplink.h"
#include "net/visitors.h"
#include "sms/mobile.h"

#define LOG_EVERY_MS 1000 /* of refusals: a scanner does not fill the log */

/* Of many lines of one kind only one so often is written, and it says how many were not. */
struct hush {
    int64_t logged_ms; /* 0: nothing was */
    uint64_t silent;
};

struct account { /* a carrier that may push */
    struct account *next;
    char name[65];
    struct report_desk *reports;
    const struct settings_carrier *conf; /* NULL: not in the settings any more */
    const struct carrier_driver *driver;
    const struct codes *codes;
};

struct webhook {
    struct event_base *base;
    struct store *store;
    const struct settings *settings;
    struct account *accounts;
    struct uplink_desk *uplinks;
    struct tickets tickets;
    struct webhook_counts counts;
    struct visitors *strangers; /* who came with a wrong key */
    struct hush refusals, floods;
};

/* ---- life and settings ---- */

enum err webhook_new(struct event_base *base, struct store *store, struct webhook **out)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (!webhook)
        return ERR_NOMEM;
    webhook->base = base;
    webhook->store = store;
    TAILQ_INIT(&webhook->tickets);
    enum err error = uplink_desk_new(store, &webhook->uplinks);
    if (!error)
        error = visitors_new(&webhook->strangers);
    if (error) {
        uplink_desk_free(webhook->uplinks);
        free(webhook);
        return error;
    }
    *out = webhook;
    return ERR_OK;
}

void webhook_free(struct webhook *webhook)
{
    if (!webhook)
        return;
    tickets_abandon(&webhook->tickets);
    uplink_desk_free(webhook->uplinks);
    struct account *account;
    while ((account = webhook->accounts)) {
        webhook->accounts = account->next;
        report_desk_free(account->reports);
        free(account);
    }
    visitors_free(webhook->strangers);
    free(webhook);
}

static struct account *find_account(const struct webhook *webhook, const char *name)
{
    struct account *account = webhook->accounts;
    while (account && strcmp(account->name, name) != 0)
        account = account->next;
    return account;
}

static struct account *add_account(struct webhook *webhook, const char *name)
{
    struct account *account = calloc(1, sizeof *account);
    if (!account)
        return NULL;
    if (report_desk_new(webhook->base, webhook->store, name, &account->reports)) {
        free(account);
        return NULL;
    }
    snprintf(account->name, sizeof account->name, "%s", name);
    account->next = webhook->accounts;
    webhook->accounts = account;
    return account;
}

void webhook_set_settings(struct webhook *webhook, const struct settings *settings,
                          struct codes *const *codes)
{
    webhook->settings = settings;
    visitors_set_rates(webhook->strangers, settings->daemon.webhook_wrong_per_minute, 0);
    for (struct account *account = webhook->accounts; account; account = account->next)
        account->conf = NULL;
    for (size_t i = 0; i < settings->n_carriers; i++) {
        const struct settings_carrier *conf = &settings->carriers[i];
        struct account *account = find_account(webhook, conf->name);
        if (!account)
            account = add_account(webhook, conf->name);
        if (!account) {
            log_line(LOG_ERROR, "webhook", "event=no_memory carrier=%s", conf->name);
            continue; /* its pushes get 503 */
        }
        account->conf = conf;
        account->driver = carrier_driver(conf->driver);
        account->codes = codes[i];
        report_desk_set_limits(account->reports, settings->daemon.parked_max);
    }
    enum err error = uplink_desk_set_words(webhook->uplinks, settings->daemon.optout_words,
                                           settings->daemon.optout_all_words);
    if (error)
        log_line(LOG_ERROR, "webhook", "event=optout_words_unchanged reason=\"%s\"",
                 err_sentence(error));
}

void webhook_set_pledging(struct webhook *webhook, struct pledging *pledging)
{
    uplink_desk_set_pledging(webhook->uplinks, pledging);
}

const struct webhook_counts *webhook_counts(const struct webhook *webhook)
{
    return &webhook->counts;
}

/* ---- refusing ---- */

static bool speaks(struct hush *hush)
{
    int64_t now_ms = clock_mono_ms();
    if (hush->logged_ms != 0 && now_ms - hush->logged_ms < LOG_EVERY_MS) {
        hush->silent++;
        return false;
    }
    hush->logged_ms = now_ms;
    return true;
}

static void refuse(struct webhook *webhook, struct http_request *request, int status,
                   const char *why)
{
    char room[ADDRESS_TEXT_SIZE];
    const char *address = http_request_peer(request);
    if (webhook->settings)
        address = caller_address(&webhook->settings->daemon, request, room);
    if (speaks(&webhook->refusals)) {
        log_line(LOG_WARN, "webhook", "event=refused status=%d reason=%s peer=%s more=%llu", status,
                 why, address, (unsigned long long)webhook->refusals.silent);
        webhook->refusals.silent = 0;
    }
    http_answer(request, status, "text/plain", "", 0);
}

/* A wrong key or name. Answers are never put off to slow a guesser down: a connection that waits
 * takes the place of one of the carrier's. */
static void refuse_stranger(struct webhook *webhook, struct http_request *request)
{
    char address[ADDRESS_TEXT_SIZE], seconds[16];
    struct visitors_wait wait;
    if (!webhook->settings ||
        visitors_take(webhook->strangers,
                      caller_address(&webhook->settings->daemon, request, address), clock_mono_ms(),
                      &wait)) {
        webhook->counts.refused_key++;
        refuse(webhook, request, 404, "key");
        return;
    }
    webhook->counts.throttled++;
    if (wait.is_new && speaks(&webhook->floods)) {
        log_line(LOG_WARN, "webhook", "event=throttled reason=key peer=%s more=%llu", address,
                 (unsigned long long)webhook->floods.silent);
        webhook->floods.silent = 0;
    }
    snprintf(seconds, sizeof seconds, "%u", wait.seconds);
    http_answer_header(request, "Retry-After", seconds);
    http_answer_header(request, "Connection", "close"); /* the next one costs it a handshake */
    http_answer(request, 429, "text/plain", "", 0);
}

/* ---- bodies ---- */

struct reading { /* what a body's records are given to */
    struct account *account;
    struct ticket *ticket;
    struct uplink_desk *uplinks;
    uint64_t n_bad;
    uint64_t bad_number; /* the first that could be read; 0: none could */
};

static void on_bad(void *arg, uint64_t number)
{
    struct reading *reading = arg;
    reading->n_bad++;
    if (reading->bad_number == 0)
        reading->bad_number = number;
}

static void on_report(void *arg, const struct carrier_report *report)
{
    const struct reading *reading = arg;
    report_desk_take(reading->account->reports, reading->ticket, report);
}

static void on_uplink(void *arg, const struct carrier_uplink *uplink)
{
    const struct reading *reading = arg;
    uplink_desk_take(reading->uplinks, reading->ticket, reading->account->name, uplink);
}

static enum err parse(struct webhook *webhook, enum route_what what, struct reading *reading,
                      struct http_request *request)
{
    size_t len;
    const char *body = http_request_body(request, &len);
    const struct account *account = reading->account;
    const struct carrier_driver *driver = account->driver;
    int offset_min = webhook->settings->daemon.utc_offset_min;
    if (len > webhook->settings->daemon.webhook_body_max_bytes)
        return ERR_TOO_BIG;
    if (what == ROUTE_REPORT)
        return driver->parse_reports(account->codes, offset_min, body, len, on_report, on_bad,
                                     reading);
    return driver->parse_uplinks(offset_min, body, len, on_uplink, on_bad, reading);
}

static const char *word_of(enum route_what what)
{
    return what == ROUTE_REPORT ? "report" : "uplink";
}

/* One line a push, however many records of it are bad. */
static void note_bad(struct webhook *webhook, enum route_what what, const struct reading *reading)
{
    if (reading->n_bad == 0)
        return;
    webhook->counts.bad_records += reading->n_bad;
    char masked[MOBILE_TEXT_SIZE] = "-";
    if (reading->bad_number)
        mobile_mask(reading->bad_number, masked);
    log_line(LOG_WARN, "webhook", "event=bad_records carrier=%s what=%s n=%llu first=%s",
             reading->account->name, word_of(what), (unsigned long long)reading->n_bad, masked);
}

/* The push is who it says it is: reads the body and answers when its records are stored. */
static void take(struct webhook *webhook, struct account *account, enum route_what what,
                 struct http_request *request)
{
    bool is_full = what == ROUTE_REPORT ? report_desk_is_full(account->reports)
                                        : uplink_desk_is_full(webhook->uplinks);
    struct ticket *ticket =
        is_full ? NULL : ticket_open(&webhook->tickets, &webhook->counts, request, account->driver);
    if (!ticket) {
        webhook->counts.failed++;
        refuse(webhook, request, 503, "full");
        return;
    }
    struct reading reading = {.account = account, .ticket = ticket, .uplinks = webhook->uplinks};
    enum err error = parse(webhook, what, &reading, request);
    if (!error) {
        note_bad(webhook, what, &reading);
        ticket_seal(ticket);
        return;
    }
    webhook->counts.refused_body++;
    log_line(LOG_WARN, "webhook", "event=refused reason=body carrier=%s what=%s error=\"%s\"",
             account->name, word_of(what), err_sentence(error));
    ticket_refuse(ticket, error == ERR_TOO_BIG ? 413 : error == ERR_NOMEM ? 503 : 400);
}

void webhook_handle(struct webhook *webhook, struct http_request *request)
{
    char name[ROUTE_PART_SIZE], key[ROUTE_PART_SIZE];
    if (strcmp(http_request_method(request), "POST") != 0) {
        http_answer_header(request, "Allow", "POST");
        refuse(webhook, request, 405, "method");
        return;
    }
    enum route_what what = route_parse(http_request_path(request), name, key);
    const struct settings_carrier *conf =
        what != ROUTE_NONE && webhook->settings ? route_find(webhook->settings, name, key) : NULL;
    if (!conf) { /* only now: a right key is taken, whatever came from its address before */
        refuse_stranger(webhook, request);
        return;
    }
    char address[ADDRESS_TEXT_SIZE];
    caller_address(&webhook->settings->daemon, request, address);
    if (!address_is_in(conf->callback_allow, conf->n_callback_allow, address)) {
        webhook->counts.refused_address++;
        refuse(webhook, request, 403, "address");
        return;
    }
    struct account *account = find_account(webhook, conf->name);
    if (!account || !account->driver) {
        webhook->counts.failed++;
        refuse(webhook, request, 503, "no_memory");
        return;
    }
    take(webhook, account, what, request);
}
