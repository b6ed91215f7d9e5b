/* Rights that were taken away end what is still served with them: streams of events and downloads.
 * What is asked anew looks them up anyway. Internal to api/. */
#pragma once

#include "api/apicall.h"

struct revoke;
MUST_CHECK enum err revoke_new(struct api *api, struct revoke **revoke);
/* What Redis still owes is thrown away. NULL is fine. */
void revoke_free(struct revoke *revoke);
