/* See pledging.h. */
#include "pledging/pledging.h"

#include <stdlib.h>

#include "pledging/intake.h"
#include "pledging/later.h"
#include "pledging/parts.h"
#include "pledging/receipts.h"
#include "pledging/whose.h"
#include "store/ledger_batch.h"

enum err pledging_new(struct event_base *base, struct store *store, struct pledging **out)
{
    struct pledging *pledging = calloc(1, sizeof *pledging);
    if (!pledging)
        return ERR_NOMEM;
    pledging->base = base;
    pledging->store = store;
    enum err error = book_new(&pledging->book);
    if (!error)
        error = ledger_batch_new(base, store, &pledging->postings);
    if (!error)
        error = whose_new(store, &pledging->whose);
    if (!error)
        error = intake_new(pledging, &pledging->intake);
    if (!error)
        error = receipts_new(pledging, &pledging->receipts);
    if (!error)
        error = later_new(pledging, &pledging->later);
    if (error) {
        pledging_free(pledging);
        return error;
    }
    *out = pledging;
    return ERR_OK;
}

void pledging_free(struct pledging *pledging)
{
    if (!pledging)
        return;
    receipts_free(pledging->receipts);
    later_free(pledging->later);
    whose_free(pledging->whose);
    ledger_batch_free(pledging->postings);
    intake_free(pledging->intake);
    book_free(pledging->book);
    free(pledging);
}

void pledging_set_settings(struct pledging *pledging, const struct settings *settings)
{
    pledging->settings = settings;
    book_set_settings(pledging->book, settings);
    pledging_wake(pledging);
}

void pledging_on_queued(struct pledging *pledging, void (*fn)(void *arg, const char *carrier),
                        void *arg)
{
    pledging->queued = fn;
    pledging->queued_arg = arg;
}

void pledging_tell_queued(const struct pledging *pledging, const char *carrier)
{
    if (pledging->queued)
        pledging->queued(pledging->queued_arg, carrier);
}

void pledging_wake(struct pledging *pledging)
{
    receipts_wake(pledging->receipts);
}

const struct pledging_waiting *pledging_waiting(const struct pledging *pledging)
{
    return receipts_waiting(pledging->receipts);
}

const char *pledging_text(const struct pledging *pledging, const struct ledger_owing *owing,
                          struct buf *text, const char **carrier)
{
    return receipts_text(pledging, owing, text, carrier);
}

const struct pledging_waiting *pledging_replies(const struct pledging *pledging)
{
    return later_waiting(pledging->later);
}

enum err pledging_take(struct pledging *pledging, const struct pledging_uplink *uplink,
                       pledging_taken_fn *done, void *arg)
{
    return intake_take(pledging->intake, uplink, done, arg);
}
