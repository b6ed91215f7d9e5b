/* Hours of the day as an INI has them: 08:00-21:00. They may cross midnight; 00:00-24:00 is the
 * whole day. */
#pragma once

#include "conf/schema.h"

#define HOURS_DAY_MIN (24 * 60)

/* The field is int[2], minutes of the local day. The end is less than a day: 24:00 is 0, and equal
 * minutes are the whole day, as in campaign/window.h. */
extern const struct schema_type hours_type;
