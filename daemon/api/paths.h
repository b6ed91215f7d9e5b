/* Where the daemon keeps its files is no business of those who only write campaigns: sentences made
 * for who runs it name whole paths. Internal to api/. */
#pragma once

#include <jansson.h>

#include "conf/settings.h"

/* In every text of the document the folder of the configuration and campaigns_dir are cut off
 * before the names of their files: "/etc/outreach/campaigns.d/x.ini" becomes "x.ini". */
void paths_hide(const struct settings *settings, json_t *document);
