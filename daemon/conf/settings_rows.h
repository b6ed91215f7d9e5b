/* The table of outreachd.ini's keys. For settings.c; others read struct settings. */
#pragma once

#include "conf/schema.h"

/* Row sections: "daemon" fills a struct settings_daemon, "redis" a struct settings_redis, "carrier"
 * a struct settings_carrier. */
extern const struct schema_row settings_rows[];
extern const size_t settings_rows_n;
