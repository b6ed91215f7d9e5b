/* The public page as HTML: totals, the list of donors, in Chinese or English, without a script.
 * Everything that people entered is escaped. Pure. Internal to api/. */
#pragma once

#include "api/encode_ledger.h"
#include "ledger/notice.h"

enum public_list {
    PUBLIC_LIST_UP,   /* donors may be shown */
    PUBLIC_LIST_OVER, /* their time is over, only totals are shown */
    PUBLIC_LIST_LONG, /* more than can be kept: neither list nor totals */
};

struct public_view { /* all borrowed */
    bool is_english;
    const char *title, *place, *campaign, *hotline; /* "": none */
    uint32_t from, to, up_until;                    /* yyyymmdd; to and up_until 0: no end */
    int64_t as_of_ms;
    uint64_t as_of_entry;
    int offset_min;
    enum public_list list;
    const struct notice_total *totals;
    size_t n_totals;
    const struct notice_row *rows; /* those of this page */
    size_t n_rows, n_donors;       /* n_donors: on all pages */
    size_t page, pages;            /* from 1 */
    struct encode_regions regions;
};
void public_html(const struct public_view *view, struct buf *out);
