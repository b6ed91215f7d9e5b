/* Logging to systemd's journal with a field for every key, so that
 * `journalctl -u outreachd EVENT=stopped CARRIER=mas` finds what it names. */
#pragma once

#include <stdbool.h>

/* Is our standard error a stream of the journal (systemd sets JOURNAL_STREAM)? Then log lines go
 * there by its own protocol from now on; else nothing changes. source: systemd.exec(5) */
bool journal_take_over(void);
