/* Definitions in campaigns_dir that nobody has launched. Internal to api/. */
#pragma once

#include "api/apicall.h"

/* As GET /api/v1/campaigns/{id} shows it; NULL: there is none that can be read. */
json_t *draft_json(struct apicall *call, const char *id);
