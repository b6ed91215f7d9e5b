/* Inside this room only: a campaign's hash in Redis, as a table of fields. The same table writes
 * and reads. */
#pragma once

#include "store/call.h"

/* Appends field, value, field, value … of what is frozen at launch. */
void fields_write(struct call *call, const struct campaign_fields *fields);
/* Reads the flat array of or1_find and or1_list; *view borrows from it. errors: ERR_PROTOCOL (no
 * such array) */
MUST_CHECK enum err fields_read(const struct redisReply *flat, struct campaign_view *view);
