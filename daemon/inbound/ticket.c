/* See ticket.h. */
#include "inbound/ticket.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NOT_STORED "not stored, push again\n"

struct ticket {
    TAILQ_ENTRY(ticket) entry;
    struct tickets *list; /* NULL: answered already, by tickets_abandon */
    struct webhook_counts *counts;
    struct http_request *request;
    const struct carrier_driver *driver;
    uint32_t waiting, stored;
    bool is_sealed, has_failed;
};

struct ticket *ticket_open(struct tickets *list, struct webhook_counts *counts,
                           struct http_request *request, const struct carrier_driver *driver)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);
    if (!ticket)
        return NULL;
    ticket->list = list;
    ticket->counts = counts;
    ticket->request = request;
    ticket->driver = driver;
    TAILQ_INSERT_TAIL(list, ticket, entry);
    return ticket;
}

static void answer(struct ticket *ticket)
{
    if (ticket->list) {
        const struct carrier_driver *driver = ticket->driver;
        TAILQ_REMOVE(ticket->list, ticket, entry);
        if (ticket->has_failed) {
            ticket->counts->failed++;
            http_answer_header(ticket->request, "Retry-After", "10");
            http_answer(ticket->request, 503, "text/plain", NOT_STORED, strlen(NOT_STORED));
        } else {
            ticket->counts->stored += ticket->stored;
            http_answer(ticket->request, 200, driver->ack_content_type, driver->ack_body,
                        strlen(driver->ack_body));
        }
    }
    free(ticket);
}

void ticket_wait(struct ticket *ticket)
{
    ticket->waiting++;
}

void ticket_done(struct ticket *ticket, bool is_stored)
{
    assert(ticket->waiting > 0);
    ticket->waiting--;
    ticket->stored += is_stored;
    ticket->has_failed |= !is_stored;
    if (ticket->is_sealed && ticket->waiting == 0)
        answer(ticket);
}

void ticket_seal(struct ticket *ticket)
{
    ticket->is_sealed = true;
    if (ticket->waiting == 0)
        answer(ticket);
}

void ticket_refuse(struct ticket *ticket, int status)
{
    if (ticket->waiting > 0 ||
        ticket->stored > 0) { /* part of it is on its way: let it be pushed again */
        ticket->has_failed = true;
        ticket_seal(ticket);
        return;
    }
    TAILQ_REMOVE(ticket->list, ticket, entry);
    http_answer(ticket->request, status, "text/plain", "", 0);
    free(ticket);
}

void tickets_abandon(struct tickets *list)
{
    struct ticket *ticket = TAILQ_FIRST(list), *next;
    TAILQ_INIT(list);
    for (; ticket; ticket = next) {
        next = TAILQ_NEXT(ticket, entry);
        ticket->list = NULL;
        ticket->is_sealed = ticket->has_failed = true;
        http_answer(ticket->request, 503, "text/plain", NOT_STORED, strlen(NOT_STORED));
        if (ticket->waiting == 0)
            free(ticket);
    }
}
