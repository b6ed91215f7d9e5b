/* See report.h. A flight is one call of status_report with the tickets of its reports; flights are
 * reused. The event that ends the collecting runs at the end of the turn in which the first report
 * came (event_active puts it behind what is active already). */
#include "inbound/report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/clock.h"
#include "base/log.h"
#include "sms/mobile.h"

#define FLIGHTS_KEPT 8
#define ALARM_CODES 32 /* different unknown codes remembered for their alarms */
#define ALARM_EVERY_MS 60000

struct flight {
    SLIST_ENTRY(flight) entry;
    struct report_desk *desk;
    size_t n;
    struct ticket *tickets[REPORTS_A_CALL];
    struct status_report reports[REPORTS_A_CALL];
    struct {
        char batch[64], code[64];
    } texts[REPORTS_A_CALL];
};

struct alarm_code {
    char code[64];
    int64_t last_ms; /* monotonic */
    uint64_t silent; /* since then */
};

struct report_desk {
    struct store *store;
    char carrier[65], subject[80];
    struct event *flush;
    uint32_t parked_max;
    struct flight *filling; /* NULL: nothing collected */
    SLIST_HEAD(, flight) spare;
    size_t n_spare, waiting, calls;
    bool is_dead;
    struct alarm_code alarms[ALARM_CODES];
};

enum recipient_state report_state(enum report_class class_)
{
    static const uint8_t states[REPORT_CLASSES] = {
        [REPORT_DELIVERED] = STATE_DELIVERED,     [REPORT_EXPIRED] = STATE_EXPIRED,
        [REPORT_TEMPORARY] = STATE_UNDELIVERED,   [REPORT_PERMANENT] = STATE_UNDELIVERED,
        [REPORT_BLACKLISTED] = STATE_UNDELIVERED, [REPORT_CONTENT] = STATE_UNDELIVERED,
        [REPORT_CONFIG] = STATE_UNDELIVERED,      [REPORT_QUOTA] = STATE_UNDELIVERED,
    };
    assert(class_ < REPORT_CLASSES);
    return (enum recipient_state)states[class_];
}

/* ---- alarms ---- */

/* A code that no table knows: may be an intermediate one, or a final one that nobody acts on. Once
 * a minute and code. */
static void alarm_unknown(struct report_desk *desk, const struct carrier_report *report)
{
    int64_t now_ms = clock_mono_ms();
    struct alarm_code *oldest = &desk->alarms[0], *found = NULL;
    for (size_t i = 0; i < ALARM_CODES && !found; i++) {
        struct alarm_code *alarm = &desk->alarms[i];
        if (alarm->last_ms != 0 && strcmp(alarm->code, report->code) == 0)
            found = alarm;
        else if (alarm->last_ms < oldest->last_ms)
            oldest = alarm;
    }
    if (found && now_ms - found->last_ms < ALARM_EVERY_MS) {
        found->silent++;
        return;
    }
    if (!found) {
        found = oldest;
        found->silent = 0;
        snprintf(found->code, sizeof found->code, "%s", report->code);
    }
    char masked[MOBILE_TEXT_SIZE], code[140];
    mobile_mask(report->number, masked);
    log_line(LOG_WARN, desk->subject, "event=unknown_report_code code=%s number=%s more=%" PRIu64,
             log_quote(report->code, code, sizeof code), masked, found->silent);
    found->last_ms = now_ms > 0 ? now_ms : 1;
    found->silent = 0;
}

/* ---- flights ---- */

static struct flight *take_flight(struct report_desk *desk)
{
    struct flight *flight = SLIST_FIRST(&desk->spare);
    if (flight) {
        SLIST_REMOVE_HEAD(&desk->spare, entry);
        desk->n_spare--;
        return flight;
    }
    flight = malloc(sizeof *flight);
    if (!flight)
        return NULL;
    flight->desk = desk;
    flight->n = 0;
    return flight;
}

static void free_desk(struct report_desk *desk)
{
    struct flight *flight;
    while ((flight = SLIST_FIRST(&desk->spare))) {
        SLIST_REMOVE_HEAD(&desk->spare, entry);
        free(flight);
    }
    free(desk);
}

static void land(struct flight *flight, bool is_stored)
{
    struct report_desk *desk = flight->desk;
    desk->waiting -= flight->n;
    for (size_t i = 0; i < flight->n; i++)
        ticket_done(flight->tickets[i], is_stored);
    flight->n = 0;
    if (desk->n_spare >= FLIGHTS_KEPT) {
        free(flight);
        return;
    }
    SLIST_INSERT_HEAD(&desk->spare, flight, entry);
    desk->n_spare++;
}

static void log_stored(const struct report_desk *desk, size_t n, enum err error,
                       const struct status_stored *stored)
{
    if (error) {
        log_line(LOG_WARN, desk->subject, "event=reports_not_stored n=%zu reason=\"%s\"", n,
                 err_sentence(error));
        return;
    }
    bool is_worth_it = stored->parked > 0 || stored->contradictions > 0 || stored->cured > 0;
    log_line(is_worth_it ? LOG_INFO : LOG_DEBUG, desk->subject,
             "event=reports n=%zu changed=%" PRIu64 " repeated=%" PRIu64 " parked=%" PRIu64
             " noted=%" PRIu64 " contradictions=%" PRIu64 " cured=%" PRIu64,
             n, stored->changed, stored->repeated, stored->parked, stored->noted,
             stored->contradictions, stored->cured);
}

static void on_stored(void *arg, enum err error, const struct status_stored *stored)
{
    struct flight *flight = arg;
    struct report_desk *desk = flight->desk;
    if (!desk->is_dead)
        log_stored(desk, flight->n, error, stored);
    land(flight, !error);
    desk->calls--;
    if (desk->is_dead && desk->calls == 0)
        free_desk(desk);
}

static void take_off(struct report_desk *desk)
{
    struct flight *flight = desk->filling;
    desk->filling = NULL;
    enum err error = status_report(desk->store, desk->carrier, flight->reports, flight->n,
                                   desk->parked_max, clock_wall_ms(), on_stored, flight);
    if (!error) {
        desk->calls++;
        return;
    }
    log_stored(desk, flight->n, error, NULL);
    land(flight, false);
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct report_desk *desk = arg;
    if (desk->filling)
        take_off(desk);
}

/* ---- the desk ---- */

enum err report_desk_new(struct event_base *base, struct store *store, const char *carrier,
                         struct report_desk **out)
{
    struct report_desk *desk = calloc(1, sizeof *desk);
    struct event *flush = desk ? event_new(base, -1, 0, on_flush, desk) : NULL;
    if (!flush) {
        free(desk);
        return ERR_NOMEM;
    }
    desk->flush = flush;
    desk->store = store;
    snprintf(desk->carrier, sizeof desk->carrier, "%s", carrier);
    snprintf(desk->subject, sizeof desk->subject, "carrier/%s", carrier);
    SLIST_INIT(&desk->spare);
    *out = desk;
    return ERR_OK;
}

void report_desk_free(struct report_desk *desk)
{
    if (!desk)
        return;
    desk->is_dead = true;
    event_free(desk->flush);
    if (desk->filling)
        land(desk->filling, false);
    desk->filling = NULL;
    if (desk->calls == 0)
        free_desk(desk);
}

void report_desk_set_limits(struct report_desk *desk, uint32_t parked_max)
{
    desk->parked_max = parked_max;
}

bool report_desk_is_full(const struct report_desk *desk)
{
    return desk->waiting >= REPORTS_WAITING_MAX;
}

void report_desk_take(struct report_desk *desk, struct ticket *ticket,
                      const struct carrier_report *report)
{
    ticket_wait(ticket);
    if (report->class_ == REPORT_UNKNOWN)
        alarm_unknown(desk, report);
    if (!desk->filling) {
        desk->filling = take_flight(desk);
        if (!desk->filling) {
            ticket_done(ticket, false);
            return;
        }
        event_active(desk->flush, 0, 0);
    }
    struct flight *flight = desk->filling;
    size_t i = flight->n++;
    desk->waiting++;
    flight->tickets[i] = ticket;
    memcpy(flight->texts[i].batch, report->batch, sizeof flight->texts[i].batch);
    memcpy(flight->texts[i].code, report->code, sizeof flight->texts[i].code);
    flight->reports[i] = (struct status_report){.batch = flight->texts[i].batch,
                                                .number = report->number,
                                                .to = report_state(report->class_),
                                                .unknown_code = report->class_ == REPORT_UNKNOWN,
                                                .code = flight->texts[i].code,
                                                .submitted_ms = report->submitted_ms};
    if (flight->n == REPORTS_A_CALL)
        take_off(desk);
}
