/* The public page, /public/: what an area pledged, received and delivered, and the masked list of
 * donors, for everybody, without a login. Internal to api/.
 *
 * It is shown from an edition in memory. A timer, not the visitors, brings the edition up to date:
 * every `public_refresh` the new entries of the ledger are read and added. So Redis hears nothing
 * of a storm of visitors, and while Redis is away the last edition is shown with the time it was
 * true. An edition with an entry that is missing or was changed is not shown; the one before stays.
 */
#pragma once

#include "api/apicall.h"

struct public_page;
MUST_CHECK enum err public_page_new(struct api *api, struct public_page **page);
void public_page_free(struct public_page *page); /* NULL is fine */
/* After api->settings has changed. */
void public_page_follow_settings(struct public_page *page);
