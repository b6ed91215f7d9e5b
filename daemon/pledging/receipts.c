/* See receipts.h. A round goes through the list of the ledger page by page; of a page all messages
 * are under way at once. What fails stays on the list for the next round. */
#include "pledging/receipts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "base/loop.h"
#include "pledging/parts.h"
#include "pledging/words.h"
#include "store/ledger_owed.h"

#define REQUEST_SIZE 40
#define LOG_EVERY_MS 60000 /* of what cannot be said */

static const char why_no_page[] = "this daemon has no definition of the campaign";
static const char why_too_long[] = "its text is too long";

struct receipts {
    struct pledging *pledging;
    struct loop_timer *timer;
    size_t calls;    /* store calls under way */
    bool is_running; /* a round */
    bool again;      /* something came while it ran */
    bool has_failed; /* something of this round has to be tried again */
    bool is_cut;     /* this round could not read the whole list */
    bool is_dead;
    uint64_t next; /* where the next page begins, 0: the round ends with this page */
    struct ledger_settled settled[LEDGER_OWED_MAX]; /* of this page, to be crossed out */
    size_t n_settled;
    int64_t logged_ms;
    struct pledging_waiting waiting; /* as the last whole round found it */
    struct pledging_waiting found;   /* by this round so far */
};

/* One message under way. */
struct errand {
    struct receipts *receipts;
    uint64_t entry;
    uint32_t attempt;
    int64_t at_ms; /* of the entry */
    char campaign[PLEDGING_NAME_SIZE];
    char carrier[PLEDGING_NAME_SIZE];
};

static void step(struct receipts *receipts);

/* ---- rounds ---- */

static void round_begin(void *arg)
{
    struct receipts *receipts = arg;
    if (receipts->is_running) {
        receipts->again = true;
        return;
    }
    if (!receipts->pledging->settings)
        return;
    receipts->is_running = true;
    receipts->again = receipts->has_failed = false;
    receipts->is_cut = false;
    receipts->found = (struct pledging_waiting){0};
    receipts->next = 0;
    book_refresh(receipts->pledging->book, clock_mono_ms(), BOOK_DOUBT_MS);
    step(receipts);
}

static void round_end(struct receipts *receipts)
{
    receipts->is_running = false;
    if (!receipts->is_cut)
        receipts->waiting = receipts->found;
    loop_timer_arm(receipts->timer, receipts->again        ? 0
                                    : receipts->has_failed ? RECEIPTS_RETRY_MS
                                                           : RECEIPTS_LOOK_MS);
}

/* At the start of every callback. false: the receipts are gone, or going. */
static bool call_ended(struct receipts *receipts)
{
    receipts->calls--;
    if (!receipts->is_dead)
        return true;
    if (receipts->calls == 0)
        free(receipts);
    return false;
}

static void cross_out(struct receipts *receipts);

static void page_check(struct receipts *receipts)
{
    if (receipts->calls > 0)
        return;
    if (receipts->n_settled > 0)
        cross_out(receipts);
    else if (receipts->next > 0)
        step(receipts);
    else
        round_end(receipts);
}

/* Of the oldest it is told why. */
static void note_waiting(struct receipts *receipts, int64_t at_ms, const char *campaign,
                         const char *why)
{
    struct pledging_waiting *found = &receipts->found;
    if (found->n++ > 0 && found->since_ms <= at_ms)
        return;
    found->since_ms = at_ms;
    snprintf(found->campaign, sizeof found->campaign, "%s", campaign);
    snprintf(found->reason, sizeof found->reason, "%s", why);
}

static void log_silence(struct receipts *receipts, const struct ledger_owing *owing,
                        const char *why)
{
    int64_t now_ms = clock_mono_ms();
    char quoted[256];
    note_waiting(receipts, owing->entry.at_ms, owing->pledge.campaign, why);
    if (receipts->logged_ms != 0 && now_ms - receipts->logged_ms < LOG_EVERY_MS)
        return;
    receipts->logged_ms = now_ms;
    log_line(LOG_WARN, "pledging", "event=receipt_waits entry=%" PRIu64 " campaign=%s reason=%s",
             owing->entry.n, owing->pledge.campaign, log_quote(why, quoted, sizeof quoted));
}

/* ---- one message ---- */

static void on_crossed(void *arg, enum err error, const char *reason)
{
    (void)reason;
    struct receipts *receipts = arg;
    if (!call_ended(receipts))
        return;
    receipts->has_failed |= error != ERR_OK;
    page_check(receipts);
}

/* Many in one call, at the end of their page. Until it is made they stand on the list, and are said
 * again under the same names, which changes nothing. */
static void cross_out(struct receipts *receipts)
{
    size_t n = receipts->n_settled < LEDGER_SETTLED_MAX ? receipts->n_settled : LEDGER_SETTLED_MAX;
    receipts->n_settled -= n;
    receipts->calls++;
    if (ledger_owed_done(receipts->pledging->store, receipts->settled + receipts->n_settled, n,
                         on_crossed, receipts)) {
        receipts->calls--;
        receipts->has_failed = true;
        page_check(receipts);
    }
}

static void note_settled(struct receipts *receipts, uint64_t entry, uint32_t attempt)
{
    receipts->settled[receipts->n_settled++] = (struct ledger_settled){entry, attempt};
}

static void on_queued(void *arg, enum err error, const char *reason,
                      const struct queue_appended *appended)
{
    struct errand errand = *(struct errand *)arg;
    struct receipts *receipts = errand.receipts;
    free(arg);
    FAILPOINT("receipt_queued");
    if (!call_ended(receipts))
        return;
    char quoted[256];
    if (error) {
        receipts->has_failed = true;
        if (error == ERR_REFUSED) {
            note_waiting(receipts, errand.at_ms, errand.campaign, reason);
            log_line(LOG_WARN, "pledging", "event=receipt_refused entry=%" PRIu64 " reason=%s",
                     errand.entry, log_quote(reason, quoted, sizeof quoted));
        }
    } else {
        if (appended->fresh)
            pledging_tell_queued(receipts->pledging, errand.carrier);
        note_settled(receipts, errand.entry, errand.attempt);
    }
    page_check(receipts);
}

/* The name of the message for an entry: the queue takes each name once. What became of it is found
 * by this name, so that store/ledger.lua has the same. */
static void name_request(const struct ledger_owing *owing, char request[REQUEST_SIZE])
{
    int n = snprintf(request, REQUEST_SIZE, "entry:%" PRIu64, owing->entry.n);
    if (owing->attempt > 0)
        snprintf(request + n, REQUEST_SIZE - (size_t)n, ":%" PRIu32, owing->attempt);
}

static enum err thank(struct receipts *receipts, const struct book_page *page,
                      const struct ledger_owing *owing, enum owed what, const char *text,
                      int64_t now_ms)
{
    char request[REQUEST_SIZE];
    struct errand *errand = malloc(sizeof *errand);
    if (!errand)
        return ERR_NOMEM;
    *errand = (struct errand){.receipts = receipts,
                              .entry = owing->entry.n,
                              .attempt = owing->attempt,
                              .at_ms = owing->entry.at_ms};
    snprintf(errand->campaign, sizeof errand->campaign, "%s", owing->pledge.campaign);
    snprintf(errand->carrier, sizeof errand->carrier, "%s", page->definition->carrier);
    name_request(owing, request);
    receipts->calls++;
    const struct said said = {.mobile = owing->pledge.mobile,
                              .request = request,
                              .question_of = what == OWED_QUESTION ? owing->entry.pledge : NULL,
                              .text = text};
    enum err error = say(receipts->pledging->store, page, &said, now_ms, on_queued, errand);
    if (error) {
        receipts->calls--;
        free(errand);
    }
    return error;
}

/* NULL: without a definition nothing can be said, nor is it known whether something is owed. */
static const struct book_page *find_page(const struct pledging *pledging,
                                         const struct ledger_owing *owing)
{
    const struct book_page *page = book_find(pledging->book, owing->pledge.campaign);
    return page && page->carrier ? page : NULL;
}

/* Nothing is written when nothing is owed. */
static enum owed compose(const struct book_page *page, const struct ledger_owing *owing,
                         int64_t now_ms, struct buf *text)
{
    enum owed what = page->words ? words_owed(page, owing, now_ms) : OWED_NOTHING;
    if (what != OWED_NOTHING)
        words_write(page, owing, what, text);
    return what;
}

static void settle(struct receipts *receipts, const struct ledger_owing *owing)
{
    int64_t now_ms = clock_wall_ms();
    const struct book_page *page = find_page(receipts->pledging, owing);
    if (!page) {
        log_silence(receipts, owing, why_no_page);
        return;
    }
    struct buf text;
    buf_init(&text, PLEDGING_TEXT_MAX_BYTES);
    enum owed what = compose(page, owing, now_ms, &text);
    if (buf_check(&text)) {
        receipts->has_failed = true;
        log_silence(receipts, owing, why_too_long);
    } else if (text.len == 0) {
        note_settled(receipts, owing->entry.n, owing->attempt);
    } else if (thank(receipts, page, owing, what, buf_text(&text), now_ms)) {
        receipts->has_failed = true;
    }
    buf_fini(&text);
}

const char *receipts_text(const struct pledging *pledging, const struct ledger_owing *owing,
                          struct buf *text, const char **carrier)
{
    book_refresh(pledging->book, clock_mono_ms(), BOOK_DOUBT_MS);
    const struct book_page *page = find_page(pledging, owing);
    if (!page)
        return why_no_page;
    if (carrier)
        *carrier = page->definition->carrier;
    compose(page, owing, clock_wall_ms(), text);
    if (buf_check(text))
        return why_too_long;
    return text->len == 0 ? "nothing is owed for it now" : NULL;
}

static void on_owed(void *arg, enum err error, const struct ledger_owing *owing, size_t n,
                    uint64_t next)
{
    struct receipts *receipts = arg;
    if (!call_ended(receipts))
        return;
    if (n > 0)
        FAILPOINT("receipt_before");
    receipts->calls++; /* the page does not end before all of it is under way */
    receipts->has_failed |= error != ERR_OK;
    receipts->is_cut |= error != ERR_OK;
    receipts->next = error ? 0 : next;
    for (size_t i = 0; !error && i < n; i++)
        settle(receipts, &owing[i]);
    receipts->calls--;
    page_check(receipts);
}

static void step(struct receipts *receipts)
{
    receipts->calls++;
    if (ledger_owed(receipts->pledging->store, receipts->next, on_owed, receipts)) {
        receipts->calls--;
        receipts->has_failed = receipts->is_cut = true;
        round_end(receipts);
    }
}

/* ---- life ---- */

enum err receipts_new(struct pledging *pledging, struct receipts **out)
{
    struct receipts *receipts = calloc(1, sizeof *receipts);
    if (!receipts)
        return ERR_NOMEM;
    receipts->pledging = pledging;
    receipts->timer = loop_timer_new(pledging->base, round_begin, receipts);
    if (!receipts->timer) {
        free(receipts);
        return ERR_NOMEM;
    }
    loop_timer_arm(receipts->timer, 0);
    *out = receipts;
    return ERR_OK;
}

void receipts_free(struct receipts *receipts)
{
    if (!receipts)
        return;
    loop_timer_free(receipts->timer);
    receipts->is_dead = true;
    if (receipts->calls == 0)
        free(receipts);
}

void receipts_wake(struct receipts *receipts)
{
    if (receipts->is_running)
        receipts->again = true;
    else
        loop_timer_arm(receipts->timer, 0);
}

const struct pledging_waiting *receipts_waiting(const struct receipts *receipts)
{
    return &receipts->waiting;
}
