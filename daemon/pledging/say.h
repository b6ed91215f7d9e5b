/* Inside of pledging/ only: one message to one person, appended to the open campaign
 * `<campaign>-receipts` (store/queue.h): class receipt, so ahead of publicity and only stopped by
 * an opt-out of everything; in the receipt window of the definition; the finished text travels as
 * the one personal value of the text ((正文)). */
#pragma once

#include "pledging/book.h"
#include "store/queue.h"
#include "store/store.h"

#define SAY_ID_SUFFIX "-receipts"

struct said {
    uint64_t mobile;
    const char *request;     /* the same again says nothing twice */
    const char *question_of; /* as in queue_message */
    const char *text;
};
MUST_CHECK enum err say(struct store *store, const struct book_page *page, const struct said *said,
                        int64_t now_ms, queue_append_fn *done, void *arg);
