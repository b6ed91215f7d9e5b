/* How many opt-outs go in one call: the daemon keeps to it, outreachctl cuts its calls by it, and
 * docs/api.md states it. */
#pragma once

/* Numbers added or looked up. They may all share their leading digits and are then arguments of one
 * command; Lua inside Redis cannot unpack 8000. */
#define OPTOUTS_A_CALL_MAX 5000
#define OPTOUTS_A_PAGE_MAX 1000 /* records of one page; Redis gathers them in one step */
