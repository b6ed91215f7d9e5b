/* What the daemon says about campaigns, for people: counts, a progress bar, lists. Pure: JSON in,
 * lines out. */
#pragma once

#include <stdio.h>

#include "ctl/common.h"

/* Everything about one campaign. */
void show_campaign(const json_t *campaign, FILE *out);
/* "queued 12, inflight 0 … of 774", only those that are not zero. */
void show_counts(const json_t *campaign, struct buf *out);
/* One line: bar, share, counts, rate, time left, what it waits for. 100 % only when nothing is
 * queued or in flight; `columns` is the width of the terminal, the line is cut to it (0: not cut).
 */
void show_progress(const json_t *campaign, size_t columns, struct buf *out);
/* Nothing will change by itself any more: done, cancelled, or a draft. */
bool show_is_over(const json_t *campaign);
/* All campaigns as a table. */
enum err show_list(const json_t *campaigns, FILE *out);
/* Carrier accounts as a table, with what is wrong below it. */
enum err show_carriers(const json_t *carriers, FILE *out);
/* The daemon's own state. */
void show_status(const json_t *status, FILE *out);
