/* Who must not be written to, and the dedup groups. Opt-outs have their own hash tag, each dedup
 * group its own. */
#pragma once

#include "store/queue.h"

enum optout_scope {
    OPTOUT_MARKETING = 1, /* publicity and notices; receipts still go out */
    OPTOUT_ALL = 2        /* nothing at all */
};
struct optout_record {
    uint64_t number;
    enum optout_scope scope;
    int64_t at_ms;      /* when it was recorded; 0 in answers: not opted out */
    const char *source; /* "sms", "operator", "import" */
    const char *detail; /* actor and reason, or the reply word */
};
typedef void optout_added_fn(void *arg, enum err error, uint64_t fresh);
/* Adds or widens; never narrows. The first record of a number is kept. allow-oom. */
MUST_CHECK enum err optout_add(struct store *store, const struct optout_record *records, size_t n,
                               optout_added_fn *done, void *arg);
/* The number's owner came back, with actor and reason in the audit. ERR_NOT_FOUND. */
MUST_CHECK enum err optout_remove(struct store *store, uint64_t number, const char *actor,
                                  const char *reason, int64_t now_ms, queue_done_fn *done,
                                  void *arg);
typedef void optout_record_fn(void *arg, enum err error, const struct optout_record *record);
MUST_CHECK enum err optout_check(struct store *store, uint64_t number, optout_record_fn *done,
                                 void *arg);

/* For each number: bit 0 = opted out for this class, bit 1 = owned by another campaign of
 * `dedup_group` ("" for none) than `seq` (0: any) and `parent_seq`. Campaigns are named
 * "carrier:seq" there. `flags` is n bytes. */
typedef void optout_lookup_fn(void *arg, enum err error, const uint8_t *flags, size_t n);
MUST_CHECK enum err optout_lookup(struct store *store, const uint64_t *numbers, size_t n,
                                  bool is_receipt, const char *dedup_group, const char *carrier,
                                  uint32_t seq, uint32_t parent_seq, optout_lookup_fn *done,
                                  void *arg);
/* The same, and takes the free numbers for `carrier`:`seq` (or takes them over from the parent).
 * Idempotent. */
MUST_CHECK enum err optout_reserve(struct store *store, const uint64_t *numbers, size_t n,
                                   bool is_receipt, const char *dedup_group, const char *carrier,
                                   uint32_t seq, uint32_t parent_seq, optout_lookup_fn *done,
                                   void *arg);
/* Pages through all opt-outs in order of number. `after` 0: from the start. */
typedef void optout_page_fn(void *arg, enum err error, const struct optout_record *records,
                            size_t n, bool more);
MUST_CHECK enum err optout_page(struct store *store, uint64_t after, size_t want,
                                optout_page_fn *done, void *arg);
