/* Inside of inbound/ only: one push that waits for its records to be stored, and then is answered.
 *
 * Every record of the body makes the ticket wait once more; the answer goes out when the body has
 * been read to its end (sealed) and nothing is waited for: 200 with the driver's acknowledgement
 * when all were stored, else 503, so that the carrier pushes again. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "carrier/carrier.h"
#include "inbound/webhook.h"

struct ticket;
TAILQ_HEAD(tickets, ticket);

/* NULL without memory (nothing was answered). `counts` and `list` are those of the webhook. */
struct ticket *ticket_open(struct tickets *list, struct webhook_counts *counts,
                           struct http_request *request, const struct carrier_driver *driver);
void ticket_wait(struct ticket *ticket);
/* One record is stored, or cannot be. May answer and free the ticket. */
void ticket_done(struct ticket *ticket, bool is_stored);
/* The body was read. May answer and free the ticket. */
void ticket_seal(struct ticket *ticket);
/* The body was wrong: answers `status` and frees, or 503 later when part of it is on its way
 * already. */
void ticket_refuse(struct ticket *ticket, int status);
/* The webhook ends: answers 503 to all; their records may still call ticket_done. */
void tickets_abandon(struct tickets *list);
