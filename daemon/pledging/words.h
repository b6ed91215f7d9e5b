/* Inside of pledging/ only: the finished texts of what is said to donors. Pure. */
#pragma once

#include "pledging/book.h"
#include "store/ledger_owed.h"

/* What a message about an entry is. */
enum owed {
    OWED_NOTHING,
    OWED_QUESTION,        /* please confirm */
    OWED_ACKNOWLEDGEMENT, /* a pledge that counts now */
    OWED_RECEIPT,         /* of an arrival */
    OWED_TICKET           /* the number of its official ticket */
};
/* What the donor is owed for the entry now. A question that nobody may answer any more is not
 * asked. */
enum owed words_owed(const struct book_page *page, const struct ledger_owing *owing,
                     int64_t now_ms);
/* Appends its text. out->failed: no memory, or it is too long. */
void words_write(const struct book_page *page, const struct ledger_owing *owing, enum owed what,
                 struct buf *out);
void words_help(const struct book_page *page, struct buf *out);
/* No more pledges of this number today. */
void words_cap(const struct book_page *page, struct buf *out);
