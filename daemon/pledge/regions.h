/* Names of areas, from config/regions.csv: `code,name`, one area a line, codes of 2, 4, 6, 9 or 12 digits. Sums need no names;
 * they are for people. Read once, then constant: 44 700 areas take about 1 MiB. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "pledge/area.h"

#define REGIONS_FILE_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define REGIONS_MAX 1000000 /* areas; with all villages there are 665 000 */
#define REGIONS_NAME_MAX_BYTES 120

struct regions;

/* Reads a file. Order, a header line `code,name`, a byte order mark and CRLF do not matter; empty lines and
 * lines that begin with # are skipped.
 * errors: ERR_IO (it cannot be read), ERR_TOO_BIG, ERR_INVALID; `problem` then has a sentence with the line. ERR_NOMEM */
MUST_CHECK enum err regions_load(const char *path, struct regions **regions, struct buf *problem);
/* The same from memory. */
MUST_CHECK enum err regions_parse(const char *bytes, size_t len, struct regions **regions, struct buf *problem);
/* Adds the names of `extra` to *regions (NULL: there are none yet), whose own give way. Frees `extra`.
 * errors: ERR_NOMEM, ERR_TOO_BIG (more than REGIONS_MAX); *regions is then as it was */
MUST_CHECK enum err regions_add(struct regions **regions, struct regions *extra);
void regions_free(struct regions *regions); /* NULL is fine */

/* In all of these `regions` may be NULL: then nothing has a name but the nation and the bucket. */

size_t regions_count(const struct regions *regions);
/* What they take of memory. */
size_t regions_bytes(const struct regions *regions);
/* `仁达乡`; `全国` for the nation, `未分配` for AREA_UNASSIGNED; NULL for an area that no line names. */
const char *regions_name(const struct regions *regions, uint64_t area);
/* Appends `四川省甘孜藏族自治州炉霍县仁达乡`: what people say, so without pseudo-levels (市辖区). Of an unknown area its code stands
 * at the end, behind the names of those that it lies in. */
void regions_path(const struct regions *regions, uint64_t area, struct buf *out);
/* Those right below `area` as they are displayed, in the order of their codes: the children of pseudo-levels stand in their
 * place. Fills `out` from the `skip`-th on. gives: how many there are in all beyond `skip`, also when that is more than `max`. */
size_t regions_children(const struct regions *regions, uint64_t area, size_t skip, uint64_t *out, size_t max);
