/* Whole mobile numbers are for who has the machine and for who asks for them (masked=0) and has
 * just given her password; everybody else gets 138****8000. Internal to api/. */
#pragma once

#include "api/apicall.h"

/* Reads `masked` of the query: without it numbers are whole on the control socket and masked
 * elsewhere. Sets call->is_masked. false: answered with 403 `confirm`. *is_to_be_told: whole
 * numbers are shown to somebody on the listening port. */
bool mask_read(struct apicall *call, bool *is_to_be_told);
/* The same, and goes on with `then`; before whole numbers are shown, "`act`" and `object` stand in
 * the audit: no number is shown of which nobody could know later. call->params is kept. */
void mask_settle(struct apicall *call, const char *act, const char *object,
                 void (*then)(struct apicall *call));
