/* Inside of inbound/ only: status reports of one carrier, on their way to the store. What arrives
 * within one turn of the loop goes there in one call (at most REPORTS_A_CALL), and several calls
 * may be under way. */
#pragma once

#include "carrier/carrier.h"
#include "inbound/ticket.h"
#include "sms/state.h"

#define REPORTS_A_CALL 500
#define REPORTS_WAITING_MAX 50000 /* a carrier; above it pushes are answered 503 */

/* What a report of this class makes of its recipient; 0: its code is only noted. Pure. */
enum recipient_state report_state(enum report_class class_);

struct report_desk;
MUST_CHECK enum err report_desk_new(struct event_base *base, struct store *store,
                                    const char *carrier, struct report_desk **desk);
/* Records under way are still told to their tickets. */
void report_desk_free(struct report_desk *desk);
void report_desk_set_limits(struct report_desk *desk, uint32_t parked_max);
bool report_desk_is_full(const struct report_desk *desk);
/* Takes one report; the ticket waits for it. */
void report_desk_take(struct report_desk *desk, struct ticket *ticket,
                      const struct carrier_report *report);
