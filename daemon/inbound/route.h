/* Inside of inbound/ only: the path of a push. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "conf/settings.h"

enum route_what { ROUTE_NONE, ROUTE_REPORT, ROUTE_UPLINK };

#define ROUTE_PART_SIZE 256

/* /hook/NAME/KEY/report or /hook/NAME/KEY/uplink. KEY may contain slashes. ROUTE_NONE for any other
 * path, or when a part is longer than fits. */
enum route_what route_parse(const char *path, char name[ROUTE_PART_SIZE],
                            char key[ROUTE_PART_SIZE]);

/* The account with this name and key, or NULL. Costs the same for a wrong key, a wrong name, and an
 * account without webhooks. */
const struct settings_carrier *route_find(const struct settings *settings, const char *name,
                                          const char *key);
