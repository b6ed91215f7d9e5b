/* See uplink.h. The opt-out goes first: when only one of the two can be stored, it is the one that
 * protects somebody. All calls may be repeated by a repeated push and change nothing then. */
#include "inbound/uplink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "sms/keyword.h"
#include "sms/mobile.h"

#define WORD_MAX_BYTES 256 /* folded; no opt-out word is longer */

struct uplink_desk {
    struct store *store;
    struct pledging *pledging;
    struct keyword_set *marketing, *all;
    size_t waiting;
    bool is_dead;
};

/* One uplink under way. The text follows the struct. */
struct job {
    struct uplink_desk *desk;
    struct ticket *ticket;
    uint64_t number;
    int64_t sent_ms;
    int scope; /* 0: no opt-out */
    const char *meaning;
    char carrier[65], id[41], service_code[32], word[WORD_MAX_BYTES + 1];
    size_t text_len;
    char text[];
};

enum err uplink_desk_new(struct store *store, struct uplink_desk **out)
{
    struct uplink_desk *desk = calloc(1, sizeof *desk);
    if (!desk)
        return ERR_NOMEM;
    desk->store = store;
    *out = desk;
    return ERR_OK;
}

static void free_desk(struct uplink_desk *desk)
{
    keyword_set_free(desk->marketing);
    keyword_set_free(desk->all);
    free(desk);
}

void uplink_desk_set_pledging(struct uplink_desk *desk, struct pledging *pledging)
{
    desk->pledging = pledging;
}

void uplink_desk_free(struct uplink_desk *desk)
{
    if (!desk)
        return;
    desk->is_dead = true;
    if (desk->waiting == 0)
        free_desk(desk);
}

enum err uplink_desk_set_words(struct uplink_desk *desk, const char *optout_words,
                               const char *optout_all_words)
{
    struct keyword_set *marketing = NULL, *all = NULL;
    enum err error = keyword_set_new(optout_words, &marketing);
    if (!error)
        error = keyword_set_new(optout_all_words, &all);
    if (error) {
        keyword_set_free(marketing);
        return error;
    }
    keyword_set_free(desk->marketing);
    keyword_set_free(desk->all);
    desk->marketing = marketing;
    desk->all = all;
    return ERR_OK;
}

bool uplink_desk_is_full(const struct uplink_desk *desk)
{
    return desk->waiting >= UPLINKS_WAITING_MAX;
}

/* ---- one uplink ---- */

static void log_job(const struct job *job, enum log_level level, const char *event, const char *how)
{
    char masked[MOBILE_TEXT_SIZE], subject[80];
    mobile_mask(job->number, masked);
    snprintf(subject, sizeof subject, "carrier/%s", job->carrier);
    log_line(level, subject, "event=%s from=%s meaning=%s %s", event, masked, job->meaning, how);
}

static void end(struct job *job, bool is_stored)
{
    struct uplink_desk *desk = job->desk;
    desk->waiting--;
    ticket_done(job->ticket, is_stored);
    free(job);
    if (desk->is_dead && desk->waiting == 0)
        free_desk(desk);
}

static void fail(struct job *job, enum err error)
{
    char how[128];
    snprintf(how, sizeof how, "reason=\"%s\"", err_sentence(error));
    log_job(job, LOG_WARN, "uplink_not_stored", how);
    end(job, false);
}

static void on_kept(void *arg, enum err error, bool fresh)
{
    struct job *job = arg;
    if (error) {
        fail(job, error);
        return;
    }
    log_job(job, LOG_INFO, "uplink", fresh ? "fresh=yes" : "fresh=no");
    end(job, true);
}

static void keep(struct job *job)
{
    const struct uplink_record record = {.id = job->id,
                                         .number = job->number,
                                         .text = job->text,
                                         .text_len = job->text_len,
                                         .service_code = job->service_code,
                                         .meaning = job->meaning,
                                         .sent_ms = job->sent_ms};
    enum err error =
        status_uplink(job->desk->store, job->carrier, &record, clock_wall_ms(), on_kept, job);
    if (error)
        fail(job, error);
}

static void on_opted_out(void *arg, enum err error, uint64_t fresh)
{
    struct job *job = arg;
    if (error) {
        fail(job, error);
        return;
    }
    log_job(job, LOG_INFO, "optout", fresh > 0 ? "fresh=yes" : "fresh=no");
    if (job->desk->is_dead) /* the store may be on its way out too */
        end(job, false);
    else
        keep(job);
}

static void opt_out(struct job *job)
{
    const struct optout_record record = {.number = job->number,
                                         .scope = (enum optout_scope)job->scope,
                                         .at_ms = clock_wall_ms(),
                                         .source = "sms",
                                         .detail = job->word};
    enum err error = optout_add(job->desk->store, &record, 1, on_opted_out, job);
    if (error)
        fail(job, error);
}

static void on_taken(void *arg, enum err error, const char *meaning)
{
    struct job *job = arg;
    job->meaning = meaning;
    if (error)
        fail(job, error);
    else if (job->desk->is_dead)
        end(job, false);
    else
        keep(job);
}

/* Stored only after the ledger has it: a push that is repeated in between does no harm there. */
static void offer(struct job *job)
{
    const struct pledging_uplink uplink = {.carrier = job->carrier,
                                           .id = job->id,
                                           .mobile = job->number,
                                           .text = job->text,
                                           .text_len = job->text_len,
                                           .service_code = job->service_code,
                                           .sent_ms = job->sent_ms};
    struct pledging *pledging = job->desk->pledging;
    enum err error = pledging ? pledging_take(pledging, &uplink, on_taken, job) : ERR_NOT_FOUND;
    if (error == ERR_NOT_FOUND)
        keep(job);
    else if (error)
        fail(job, error);
}

/* ---- taking ---- */

static size_t cut(const char *text, size_t len)
{
    if (len <= UPLINK_TEXT_MAX_BYTES)
        return len;
    len = UPLINK_TEXT_MAX_BYTES;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    return len;
}

/* Which of the lists has it; the folded word goes into the record. */
static void find_meaning(struct job *job)
{
    const struct uplink_desk *desk = job->desk;
    if (desk->all && keyword_set_has(desk->all, job->text, job->text_len))
        job->scope = OPTOUT_ALL;
    else if (desk->marketing && keyword_set_has(desk->marketing, job->text, job->text_len))
        job->scope = OPTOUT_MARKETING;
    else
        return;
    job->meaning = job->scope == OPTOUT_ALL ? "optout_all" : "optout";
    struct buf word;
    buf_init(&word, WORD_MAX_BYTES);
    keyword_fold(job->text, job->text_len, &word);
    snprintf(job->word, sizeof job->word, "%s", buf_text(&word));
    buf_fini(&word);
}

void uplink_desk_take(struct uplink_desk *desk, struct ticket *ticket, const char *carrier,
                      const struct carrier_uplink *uplink)
{
    size_t len = cut(uplink->text, uplink->text_len);
    struct job *job = malloc(sizeof *job + len + 1);
    ticket_wait(ticket);
    if (!job) {
        ticket_done(ticket, false);
        return;
    }
    *job = (struct job){.desk = desk,
                        .ticket = ticket,
                        .number = uplink->number,
                        .sent_ms = uplink->sent_ms,
                        .meaning = "other",
                        .text_len = len};
    memcpy(job->text, uplink->text, len);
    job->text[len] = '\0';
    snprintf(job->carrier, sizeof job->carrier, "%s", carrier);
    memcpy(job->id, uplink->id, sizeof job->id);
    memcpy(job->service_code, uplink->service_code, sizeof job->service_code);
    desk->waiting++;
    find_meaning(job);
    if (job->scope)
        opt_out(job);
    else
        offer(job);
}
