/* Inside of pledging/ only: what its files share. */
#pragma once

#include "pledging/book.h"
#include "pledging/pledging.h"
#include "pledging/say.h"

struct intake;
struct later;
struct ledger_batch;
struct receipts;
struct whose;

struct pledging {
    struct event_base *base;
    struct store *store;
    const struct settings *settings; /* NULL before the first pledging_set_settings */
    struct book *book;
    struct intake *intake;
    struct receipts *receipts;
    struct ledger_batch *postings; /* of pledges */
    struct whose *whose;
    struct later *later;
    void (*queued)(void *arg, const char *carrier);
    void *queued_arg;
};

/* pledging.c */
void pledging_tell_queued(const struct pledging *pledging, const char *carrier);
