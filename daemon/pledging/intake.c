/* See intake.h. Every step may be repeated: the ledger knows the id of the uplink, the queue knows
 * what was said. So an uplink that is pushed again after a crash finishes the work, and changes
 * nothing when it was finished.
 *
 * Nothing of the book is kept over a call of the store: a definition may be changed meanwhile. */
#include "pledging/intake.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/failpoint.h"
#include "base/log.h"
#include "pledge/area.h"
#include "pledging/later.h"
#include "pledging/parts.h"
#include "pledging/receipts.h"
#include "pledging/reply.h"
#include "pledging/whose.h"
#include "pledging/words.h"
#include "sms/mobile.h"
#include "store/ledger_batch.h"
#include "store/waiting.h"

#define DAY_MS INT64_C(86400000)
#define REQUEST_SIZE 64
#define NOTE_MAX_BYTES 1000
#define SAID_MAX_BYTES 4096
#define CODE_SIZE 32

struct intake {
    struct pledging *pledging;
    struct pledge_words *usual; /* how a pledge reads when no definition says so */
    size_t waiting;
    bool is_dead;
};

/* One uplink under way. The text follows the struct. */
struct job {
    struct intake *intake;
    pledging_taken_fn *done;
    void *arg;
    uint64_t mobile;
    int64_t sent_ms, heard_ms; /* wall: written (0: not told), here for the first time */
    const char *meaning;       /* while something is being said back */
    char carrier[PLEDGING_NAME_SIZE], request[REQUEST_SIZE];
    char campaign[PLEDGING_NAME_SIZE]; /* "" until it is known */
    char code[CODE_SIZE];              /* the service code it was sent to */
    bool by_code;
    size_t n_digits; /* of the campaign that the code names, as far as there is a definition */
    bool is_guess;   /* no definition that is here has such a keyword */
    uint64_t area;
    enum reply reply;
    char number[NUMBER_TEXT_SIZE]; /* of the pledge that a reply names, else "" */
    size_t text_len;
    char text[];
};

enum err intake_new(struct pledging *pledging, struct intake **intake)
{
    *intake = calloc(1, sizeof **intake);
    if (!*intake)
        return ERR_NOMEM;
    (*intake)->pledging = pledging;
    enum err error = pledge_words_new(TERMS_KEYWORDS, "", &(*intake)->usual);
    if (error)
        free(*intake);
    return error;
}

static void free_intake(struct intake *intake)
{
    pledge_words_free(intake->usual);
    free(intake);
}

void intake_free(struct intake *intake)
{
    if (!intake)
        return;
    intake->is_dead = true;
    if (intake->waiting == 0)
        free_intake(intake);
}

/* ---- ends ---- */

static void job_free(struct job *job)
{
    struct intake *intake = job->intake;
    free(job);
    intake->waiting--;
    if (intake->is_dead && intake->waiting == 0)
        free_intake(intake);
}

static void end(struct job *job, enum err error, const char *meaning)
{
    job->done(job->arg, error, meaning);
    job_free(job);
}

/* At the start of every callback: true when the intake is gone or the call has failed, and so the
 * job. */
static bool has_ended(struct job *job, enum err error)
{
    if (!job->intake->is_dead && !error)
        return false;
    end(job, error ? error : ERR_CLOSED, "other");
    return true;
}

static void log_job(const struct job *job, enum log_level level, const char *event, const char *why)
{
    char masked[MOBILE_TEXT_SIZE], subject[PLEDGING_NAME_SIZE + 16], quoted[512];
    mobile_mask(job->mobile, masked);
    snprintf(subject, sizeof subject, "carrier/%s", job->carrier);
    log_line(level, subject, "event=%s from=%s campaign=%s reason=%s", event, masked,
             *job->campaign ? job->campaign : "-", log_quote(why, quoted, sizeof quoted));
}

static void today(const struct job *job, int64_t at_ms, int add_days, uint32_t *day)
{
    const struct settings *settings = job->intake->pledging->settings;
    *day = clock_day(at_ms + add_days * DAY_MS, settings->daemon.utc_offset_min);
}

/* ---- saying something back ---- */

static void on_said(void *arg, enum err error, const char *reason,
                    const struct queue_appended *appended)
{
    struct job *job = arg;
    if (error == ERR_REFUSED && !job->intake->is_dead) { /* nothing will change that soon */
        log_job(job, LOG_WARN, "reply_refused", reason);
        end(job, ERR_OK, job->meaning);
        return;
    }
    if (has_ended(job, error))
        return;
    if (appended->fresh)
        pledging_tell_queued(job->intake->pledging, job->carrier);
    end(job, ERR_OK, job->meaning);
}

/* At most once a day and number: `what` and the day are the request. The job ends. */
static void say_back(struct job *job, const struct book_page *page, const char *what,
                     void (*write)(const struct book_page *page, struct buf *out),
                     const char *meaning)
{
    struct buf text;
    char request[REQUEST_SIZE];
    uint32_t day;
    int64_t now_ms = clock_wall_ms();
    today(job, now_ms, 0, &day);
    snprintf(request, sizeof request, "%s:%" PRIu32 ":%" PRIu64, what, day, job->mobile);
    buf_init(&text, SAID_MAX_BYTES);
    write(page, &text);
    job->meaning = meaning;
    enum err error = buf_check(&text);
    bool is_silent = !error && text.len == 0;
    if (!error && !is_silent)
        error =
            say(job->intake->pledging->store, page,
                &(struct said){.mobile = job->mobile, .request = request, .text = buf_text(&text)},
                now_ms, on_said, job);
    buf_fini(&text);
    if (error || is_silent)
        end(job, error, meaning);
}

/* Its campaign takes pledges, and has no definition now: nobody can say what its keywords are, nor
 * whether it wants a confirmation. Nothing is booked, nothing is lost. */
static void let_wait(struct job *job, const char *campaign)
{
    later_note(job->intake->pledging->later, campaign);
    end(job, ERR_OK, UPLINK_WAITS);
}

/* ---- posting ---- */

static const struct book_page *page_of(const struct job *job)
{
    const struct book_page *page = book_find(job->intake->pledging->book, job->campaign);
    return page && page->words && page->carrier ? page : NULL;
}

static void on_pledged(void *arg, enum err error, const char *reason,
                       const struct ledger_posted *posted)
{
    struct job *job = arg;
    FAILPOINT("pledge_posted");
    bool is_refused = error == ERR_REFUSED && !job->intake->is_dead;
    if (is_refused && strcmp(posted->refusal, "request") == 0) {
        /* Pushed again, and the definition changed in between: the first one counts. */
        end(job, ERR_OK, "pledge");
        return;
    }
    if (is_refused) {
        const struct book_page *page = page_of(job);
        log_job(job, LOG_WARN, "pledge_refused", reason);
        if (page && strcmp(posted->refusal, "cap") == 0)
            say_back(job, page, "cap", words_cap, "pledge_refused");
        else
            end(job, ERR_OK, "pledge_refused");
        return;
    }
    if (has_ended(job, error))
        return;
    log_job(job, LOG_INFO, "pledge", posted->pledge);
    receipts_wake(job->intake->pledging->receipts);
    end(job, ERR_OK, "pledge");
}

/* What they wrote, for whoever looks at the entry later; an entry has no control characters. */
static void write_note(const struct job *job, struct buf *note)
{
    size_t len = job->text_len;
    if (len > NOTE_MAX_BYTES)
        for (len = NOTE_MAX_BYTES; len > 0 && ((unsigned char)job->text[len] & 0xc0) == 0x80;)
            len--;
    for (size_t i = 0; i < len; i++) {
        char c = job->text[i];
        if ((unsigned char)c < 0x20 || c == 0x7f)
            c = ' ';
        buf_add_char(note, c);
    }
}

static enum err post_pledge(struct job *job, const struct book_page *page,
                            const struct pledge_text *pledge)
{
    const struct definition *definition = page->definition;
    struct buf note;
    int64_t now_ms = clock_wall_ms();
    buf_init(&note, NOTE_MAX_BYTES);
    write_note(job, &note);
    struct ledger_entry entry = {.type = LEDGER_PLEDGE,
                                 .actor = "sms",
                                 .source = "sms",
                                 .request = job->request,
                                 .campaign = job->campaign,
                                 .area = job->area,
                                 .kind = pledge->kind,
                                 .fen = pledge->fen,
                                 .thousandths = pledge->thousandths,
                                 .item = pledge->item,
                                 .unit = pledge->unit,
                                 .name = pledge->name,
                                 .mobile = job->mobile,
                                 .shown = NAME_MASKED,
                                 .note = buf_text(&note),
                                 .confirmed = definition->pledge.confirm == CONFIRM_NONE};
    /* Counted from when it was written: the same in every push of this uplink. */
    if (definition->pledge.lapse_after_ms > 0)
        today(job, job->sent_ms > 0 ? job->sent_ms : job->heard_ms,
              (int)(definition->pledge.lapse_after_ms / DAY_MS), &entry.due);
    enum err error = ledger_batch_post(job->intake->pledging->postings, &entry,
                                       definition->pledge.cap_per_day, now_ms, on_pledged, job);
    buf_fini(&note);
    return error;
}

/* Campaign and area are known. */
static void read_pledge(struct job *job)
{
    const struct book_page *page = page_of(job);
    struct pledge_text pledge;
    enum err error = ERR_OK;
    if (!page) {
        end(job, ERR_STALE, "other"); /* taken away just now; the next push sees that */
        return;
    }
    switch (pledge_parse(page->words, job->text, job->text_len, &pledge)) {
    case PLEDGE_UNDERSTOOD:
        error = post_pledge(job, page, &pledge);
        if (error)
            end(job, error, "other");
        break;
    case PLEDGE_NO_KEYWORD: /* a keyword of another campaign than the sender's */
        end(job, ERR_OK, "other");
        break;
    case PLEDGE_MENTIONED:
    case PLEDGE_NOT_EXACT:
    case PLEDGE_OUT_OF_RANGE:
    case PLEDGE_UNCLEAR:
        say_back(job, page, "help", words_help, "pledge_unclear");
        break;
    }
}

/* ---- which campaign, which area ---- */

/* A campaign launched a moment ago may be younger than the last look at the folder. */
static const struct book_page *look_up(struct book *book, const char *campaign)
{
    const struct book_page *page = book_find(book, campaign);
    if (!page) {
        book_refresh(book, clock_mono_ms(), BOOK_DOUBT_MS);
        page = book_find(book, campaign);
    }
    return page;
}

/* The sender is in none of them. */
static void fall_back(struct job *job)
{
    const struct pledging *pledging = job->intake->pledging;
    const struct settings_carrier *carrier = settings_carrier(pledging->settings, job->carrier);
    if (!job->by_code)
        snprintf(job->campaign, sizeof job->campaign, "%s",
                 carrier && carrier->default_campaign ? carrier->default_campaign : "");
    if (*job->campaign && !look_up(pledging->book, job->campaign)) {
        let_wait(job, job->campaign);
        return;
    }
    const struct book_page *page = page_of(job);
    if (!page) {
        if (!job->is_guess)
            log_job(job, LOG_WARN, "pledge_without_campaign",
                    "the sender is in no campaign with pledges, and the carrier has no "
                    "default_campaign");
        end(job, ERR_OK, "other");
        return;
    }
    job->area = page->area;
    read_pledge(job);
}

static bool fits(void *arg, const struct launch *launch)
{
    const struct job *job = arg;
    const struct book_page *page = look_up(job->intake->pledging->book, launch->id);
    bool takes_pledges = page ? page->words != NULL : launch->takes_pledges;
    return takes_pledges && launch->recipients > 0 &&
           (!job->by_code || strcmp(launch->id, job->campaign) == 0);
}

static bool is_undefined(void *arg, const char *campaign)
{
    const struct job *job = arg;
    return !look_up(job->intake->pledging->book, campaign);
}

/* The launched campaign that the service code names and that has no definition now, or NULL. Two
 * live campaigns have no digits in common; a definition that is here wins over as many digits. */
static const char *undefined_of_code(struct job *job)
{
    const struct pledging *pledging = job->intake->pledging;
    const struct settings_carrier *carrier = settings_carrier(pledging->settings, job->carrier);
    const char *before = carrier && carrier->add_serial ? carrier->add_serial : "";
    return whose_by_code(pledging->whose, job->carrier, job->code, before, job->n_digits,
                         is_undefined, job);
}

static void on_found(void *arg, enum err error, const char *id, uint64_t region)
{
    struct job *job = arg;
    if (has_ended(job, error))
        return;
    const char *meant = undefined_of_code(job);
    if (meant) { /* whatever the number was sent before */
        let_wait(job, meant);
        return;
    }
    if (!id) {
        fall_back(job);
        return;
    }
    snprintf(job->campaign, sizeof job->campaign, "%s", id);
    if (!look_up(job->intake->pledging->book, id)) {
        let_wait(job, id);
        return;
    }
    const struct book_page *page = page_of(job);
    job->area = region ? region : page ? page->area : AREA_UNASSIGNED;
    read_pledge(job);
}

/* ---- confirmations ---- */

static void on_confirmed(void *arg, enum err error, const char *reason,
                         const struct ledger_posted *posted)
{
    struct job *job = arg;
    FAILPOINT("confirm_posted");
    if (error == ERR_REFUSED && !job->intake->is_dead) {
        /* Confirmed or withdrawn a moment ago, or this is a second push of a reply that has
         * confirmed another one: nothing is left to do. */
        log_job(job, LOG_INFO, "confirm_refused", reason);
        end(job, ERR_OK, "confirm");
        return;
    }
    if (has_ended(job, error))
        return;
    log_job(job, LOG_INFO, "confirm", posted->pledge);
    receipts_wake(job->intake->pledging->receipts);
    end(job, ERR_OK, "confirm");
}

/* May this reply confirm it? */
static bool is_meant(const struct job *job, const struct ledger_pledge *pledge)
{
    const struct book_page *page = book_find(job->intake->pledging->book, pledge->campaign);
    struct ledger_entry first;
    if (!page || !page->words || page->definition->pledge.confirm != CONFIRM_REPLY ||
        strcmp(page->definition->carrier, job->carrier) != 0)
        return false;
    if (job->by_code && strcmp(pledge->campaign, job->campaign) != 0)
        return false;
    if (job->reply == REPLY_NUMBER && strcmp(pledge->number, job->number) != 0)
        return false;
    return pledge->n_entries > 0 && !ledger_row_read(&pledge->entries[0], &first) &&
           job->heard_ms - first.at_ms <= page->definition->pledge.confirm_within_ms;
}

/* Could it be meant, if only the definition of its campaign were here? NULL: there is none. */
static const char *find_undefined(const struct job *job, const struct ledger_pledges *pledges)
{
    struct book *book = job->intake->pledging->book;
    for (size_t i = 0; i < pledges->n; i++) {
        const struct ledger_pledge *pledge = &pledges->pledges[i];
        bool is_named = job->reply != REPLY_NUMBER || strcmp(pledge->number, job->number) == 0;
        is_named = is_named && (!job->by_code || strcmp(pledge->campaign, job->campaign) == 0);
        if (is_named && *pledge->campaign && !look_up(book, pledge->campaign))
            return pledge->campaign;
    }
    return NULL;
}

static void on_unconfirmed(void *arg, enum err error, const char *reason,
                           const struct ledger_pledges *pledges)
{
    (void)reason;
    struct job *job = arg;
    if (has_ended(job, error))
        return;
    int64_t now_ms = clock_wall_ms();
    size_t i = 0;
    while (i < pledges->n && !is_meant(job, &pledges->pledges[i]))
        i++;
    if (i == pledges->n) { /* an answer to something else, or too late */
        const char *campaign = find_undefined(job, pledges);
        if (campaign)
            let_wait(job, campaign);
        else
            end(job, ERR_OK, "other");
        return;
    }
    snprintf(job->campaign, sizeof job->campaign, "%s", pledges->pledges[i].campaign);
    if (job->reply == REPLY_BAD_NUMBER) {
        say_back(job, page_of(job), "help", words_help, "pledge_unclear");
        return;
    }
    const struct ledger_entry entry = {.type = LEDGER_CONFIRM,
                                       .actor = "sms",
                                       .source = "sms",
                                       .request = job->request,
                                       .pledge = pledges->pledges[i].number};
    error = ledger_post(job->intake->pledging->store, &entry, 0, now_ms, on_confirmed, job);
    if (error)
        end(job, error, "other");
}

static enum err find_unconfirmed(struct job *job)
{
    const struct ledger_query query = {
        .state = LEDGER_UNCONFIRMED, .mobile = job->mobile, .most = LEDGER_LIST_MAX};
    return ledger_list(job->intake->pledging->store, &query, clock_wall_ms(), on_unconfirmed, job);
}

static bool nothing_fits(void *arg, const struct launch *launch)
{
    (void)arg;
    (void)launch;
    return false;
}

static void on_launches_known(void *arg, enum err error, const char *id, uint64_t region)
{
    struct job *job = arg;
    (void)id;
    (void)region;
    if (has_ended(job, error))
        return;
    const char *meant = undefined_of_code(job);
    if (meant) {
        job->by_code = true;
        snprintf(job->campaign, sizeof job->campaign, "%s", meant);
    }
    error = find_unconfirmed(job);
    if (error)
        end(job, error, "other");
}

/* Which campaign the code names, and then which pledge of it. */
static enum err look_for_unconfirmed(struct job *job)
{
    if (*job->code == '\0')
        return find_unconfirmed(job);
    return whose_find(job->intake->pledging->whose, job->carrier, job->mobile, clock_mono_ms(),
                      nothing_fits, on_launches_known, job);
}

/* ---- taking ---- */

static enum pledge_verdict read_text(const struct book_page *page,
                                     const struct pledging_uplink *uplink)
{
    struct pledge_text ignored;
    return pledge_parse(page->words, uplink->text, uplink->text_len, &ignored);
}

static bool has_keyword(void *arg, const struct book_page *page)
{
    enum pledge_verdict verdict = read_text(page, arg);
    return verdict != PLEDGE_NO_KEYWORD && verdict != PLEDGE_MENTIONED;
}

static bool mentions_keyword(void *arg, const struct book_page *page)
{
    return read_text(page, arg) == PLEDGE_MENTIONED;
}

/* Does one of the campaigns that may be meant `see` something in the text? `named`: the one of the
 * service code, or NULL. */
static bool is_seen(struct book *book, const struct pledging_uplink *uplink,
                    const struct book_page *named,
                    bool (*see)(void *arg, const struct book_page *page))
{
    struct pledging_uplink heard = *uplink;
    return named ? see(&heard, named) : book_any(book, uplink->carrier, see, &heard) != NULL;
}

/* *named: the campaign that the service code names, or NULL. */
static bool is_talk_of_pledges(struct book *book, const struct pledging_uplink *uplink,
                               int64_t age_ms, const struct book_page **named)
{
    book_refresh(book, clock_mono_ms(), age_ms);
    *named = book_by_code(book, uplink->carrier, uplink->service_code);
    return is_seen(book, uplink, *named, has_keyword);
}

/* A pledge by the usual keywords: it may belong to a campaign whose definition is not here. */
static bool is_usual_pledge(const struct intake *intake, const struct pledging_uplink *uplink)
{
    struct pledge_text ignored;
    enum pledge_verdict verdict =
        pledge_parse(intake->usual, uplink->text, uplink->text_len, &ignored);
    return verdict != PLEDGE_NO_KEYWORD && verdict != PLEDGE_MENTIONED;
}

static struct job *job_new(struct intake *intake, const struct pledging_uplink *uplink,
                           pledging_taken_fn *done, void *arg)
{
    struct job *job = malloc(sizeof *job + uplink->text_len + 1);
    if (!job)
        return NULL;
    *job = (struct job){.intake = intake,
                        .done = done,
                        .arg = arg,
                        .mobile = uplink->mobile,
                        .sent_ms = uplink->sent_ms,
                        .heard_ms = uplink->came_ms > 0 ? uplink->came_ms : clock_wall_ms(),
                        .text_len = uplink->text_len};
    memcpy(job->text, uplink->text, uplink->text_len);
    job->text[uplink->text_len] = '\0';
    snprintf(job->carrier, sizeof job->carrier, "%s", uplink->carrier);
    snprintf(job->request, sizeof job->request, "sms:%s", uplink->id);
    snprintf(job->code, sizeof job->code, "%s", uplink->service_code);
    intake->waiting++;
    return job;
}

enum err intake_take(struct intake *intake, const struct pledging_uplink *uplink,
                     pledging_taken_fn *done, void *arg)
{
    struct pledging *pledging = intake->pledging;
    const struct book_page *named;
    struct number number;
    if (intake->waiting >= INTAKE_WAITING_MAX)
        return ERR_BUSY;
    bool is_pledge = is_talk_of_pledges(pledging->book, uplink, BOOK_FRESH_MS, &named) ||
                     is_talk_of_pledges(pledging->book, uplink, BOOK_DOUBT_MS, &named);
    enum reply reply = is_pledge ? REPLY_NONE : reply_read(uplink->text, uplink->text_len, &number);
    /* A yes is a yes; only what is neither gets the help text for a keyword in its middle. */
    if (!is_pledge && reply == REPLY_NONE)
        is_pledge = is_seen(pledging->book, uplink, named, mentions_keyword);
    bool is_guess = !is_pledge && reply == REPLY_NONE && is_usual_pledge(intake, uplink);
    is_pledge |= is_guess;
    if (!is_pledge && reply == REPLY_NONE)
        return ERR_NOT_FOUND;
    struct job *job = job_new(intake, uplink, done, arg);
    if (!job)
        return ERR_NOMEM;
    job->reply = reply;
    job->is_guess = is_guess;
    job->by_code = named != NULL;
    if (named) {
        snprintf(job->campaign, sizeof job->campaign, "%s", named->definition->id);
        job->n_digits = strlen(named->definition->pledge.add_serial);
    }
    if (reply == REPLY_NUMBER)
        number_format(&number, job->number);
    FAILPOINT("pledge_before");
    enum err error = is_pledge ? whose_find(pledging->whose, job->carrier, job->mobile,
                                            clock_mono_ms(), fits, on_found, job)
                               : look_for_unconfirmed(job);
    if (error)
        job_free(job);
    return error;
}
