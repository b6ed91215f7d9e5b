/* China Mobile Cloud MAS, HTTP v2 (carrier-apis.md parts 1 and 2): free text, normal and
 * personalised form. */
#pragma once

#include "carrier/carrier.h"

extern const struct carrier_driver cloudmas_driver;
