/* The JSON and CSV of the pledge ledger: entries, pledges, totals. Pure. Internal to api/.
 *
 * Money is whole fen; quantities are texts such as "2.5", exact; days are "2026-10-17". Members
 * that say nothing are left out of an entry. `is_masked`: mobiles are shown as 138****8000, those
 * that somebody wrote into a name or a note too. */
#pragma once

#include <jansson.h>

#include "store/ledger.h"

/* The name of an area, "" when it is not known. */
typedef const char *encode_region_fn(const void *arg, uint64_t area);
struct encode_regions {
    encode_region_fn *name;
    const void *arg;
};

#define ENCODE_DAY_SIZE 16
const char *encode_day(uint32_t day, char out[ENCODE_DAY_SIZE]); /* "2026-10-17"; "" for 0 */
json_t *encode_area(uint64_t area);                              /* "513327", "0" for the nation */

json_t *encode_posted(const struct ledger_posted *posted, const char *request);
json_t *encode_entry(const struct ledger_entry *entry, bool is_masked, int offset_min);
/* A row that is no entry any more: somebody wrote into the stream. */
json_t *encode_unsound(uint64_t n);
/* `entries`: with all of them (of a list only the donor is read from the first). */
json_t *encode_pledge(const struct ledger_pledge *pledge, bool entries, bool is_masked,
                      const struct encode_regions *regions, int offset_min);
/* One area: {"region", "name", "level", "tree": {"cash": {"pledged": {"count", "fen"}, …}, …},
 * "direct": …}. Kinds and measures that are all zero are left out of it, so "tree" may be {}. */
json_t *encode_totals(const struct ledger_totals *totals, const struct encode_regions *regions);
/* [{"kind", "item", "unit", "tree": {"pledged": "20", …}, "direct": …}] */
json_t *encode_things(const struct ledger_thing *things, size_t n);

#define ENCODE_ENTRY_HEADER                                                                        \
    "entry,at,type,actor,source,request,campaign,region,year,pledge,kind,amount,item,quantity,"    \
    "unit,"                                                                                        \
    "value,name,mobile,organisation,public,purpose,note,ref,was,why,document,receipt,to,via,on,"   \
    "due,"                                                                                         \
    "peer,flags\n"
/* One line, ended by \n; amounts in yuan, "12.50". Cells of outsiders are defused. */
void encode_entry_csv(const struct ledger_entry *entry, bool is_masked, int offset_min,
                      struct buf *out);
void encode_unsound_csv(uint64_t n, struct buf *out);
