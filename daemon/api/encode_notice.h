/* The JSON of a public notice (公示): donors named as they allow, mobiles masked. Pure. Internal to
 * api/. */
#pragma once

#include <jansson.h>

#include "api/encode_ledger.h"
#include "ledger/notice.h"

/* What the figures of a notice count, in a sentence for whoever reads it. */
extern const char encode_notice_definition[];
/* {"kind", "item", "unit", "fen": {"pledged", "arrived", "delivered"} or "quantity": …, "donors"}
 */
json_t *encode_notice_total(const struct notice_total *total);
/* The same of one donor, with "number", "name", "mobile", "organisation", "region", "region_name".
 */
json_t *encode_notice_row(const struct notice_row *row, const struct encode_regions *regions);
