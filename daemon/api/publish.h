/* What the public notice of an area and the public page share. Internal to api/. */
#pragma once

#include "conf/settings.h"

#define PUBLISH_HOTLINE_SIZE 129

/* The telephone number for questions: of the campaign ("": none), else of [ledger]; "" when neither
 * has one. Reads the campaign's definition. */
void publish_hotline(const struct settings *settings, const char *campaign,
                     char out[PUBLISH_HOTLINE_SIZE]);
