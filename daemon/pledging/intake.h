/* Inside of pledging/ only: from an uplink to an entry in the ledger. See pledging.h.
 *
 * Which campaign: the extension digits at the end of the service code name it; else the latest
 * campaign with pledges that was sent to this number over this carrier; else the carrier's
 * default_campaign. Which area: the region of the recipient's row, else of the campaign, else
 * unassigned. */
#pragma once

#include "pledging/pledging.h"

#define INTAKE_WAITING_MAX 10000 /* uplinks under way */

struct intake;
MUST_CHECK enum err intake_new(struct pledging *pledging, struct intake **intake);
void intake_free(struct intake *intake); /* NULL is fine */
/* As pledging_take. */
MUST_CHECK enum err intake_take(struct intake *intake, const struct pledging_uplink *uplink,
                                pledging_taken_fn *done, void *arg);
