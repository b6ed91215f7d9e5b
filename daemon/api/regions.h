/* Names of areas, which all handlers of the ledger share. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "api/encode_ledger.h"

/* Names of areas; valid until the next turn. */
struct encode_regions api_regions(const struct apicall *call);
/* "四川省甘孜藏族自治州炉霍县仁达乡", for headings. */
#define REGION_PATH_MAX_BYTES 1024
json_t *api_region_path(const struct apicall *call, uint64_t area);
