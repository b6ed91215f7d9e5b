/* See later.h. A round goes through the carriers, and through what waits of each page by page; one
 * uplink is offered at a time. What still cannot be read stays where it is. */
#include "pledging/later.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "pledging/intake.h"
#include "pledging/parts.h"
#include "store/waiting.h"

#define LOG_EVERY_MS 60000
#define PLACE_SIZE 48
#define ID_SIZE 41
#define CODE_SIZE 32

/* One of the page, kept until it is its turn. The text follows the struct. */
struct kept {
    struct kept *next;
    char place[PLACE_SIZE], id[ID_SIZE], service_code[CODE_SIZE];
    uint64_t number;
    int64_t sent_ms, came_ms;
    size_t text_len;
    char text[];
};

struct later {
    struct pledging *pledging;
    struct loop_timer *timer;
    size_t calls; /* under way */
    bool is_dead;
    size_t carrier; /* of the round */
    char name[PLEDGING_NAME_SIZE];
    uint64_t skip; /* those of this carrier that still wait */
    struct kept *page;
    int64_t logged_ms;
    char campaign[PLEDGING_NAME_SIZE]; /* the last one that was noted */
    struct pledging_waiting waiting, found;
};

static void next_one(struct later *later);
static void next_page(struct later *later);

static void drop_page(struct later *later)
{
    struct kept *kept;
    while ((kept = later->page)) {
        later->page = kept->next;
        free(kept);
    }
}

/* At the start of every callback. false: all of it is gone, or going. */
static bool call_ended(struct later *later)
{
    later->calls--;
    if (!later->is_dead)
        return true;
    if (later->calls == 0) {
        drop_page(later);
        free(later);
    }
    return false;
}

static void round_end(struct later *later)
{
    drop_page(later);
    later->waiting = later->found;
    if (later->waiting.n > 0) {
        snprintf(later->waiting.campaign, sizeof later->waiting.campaign, "%s", later->campaign);
        snprintf(later->waiting.reason, sizeof later->waiting.reason,
                 "this daemon has no definition of the campaign");
    }
    loop_timer_arm(later->timer, LATER_LOOK_MS);
}

/* ---- one uplink ---- */

static void on_taken(void *arg, enum err error, const char *reason)
{
    struct later *later = arg;
    (void)error; /* it is offered again, which changes nothing */
    (void)reason;
    if (call_ended(later))
        next_one(later);
}

static void take_off(struct later *later, const char *place)
{
    if (waiting_taken(later->pledging->store, later->name, place, on_taken, later) == ERR_OK)
        later->calls++;
    else
        round_end(later);
}

static void on_offered(void *arg, enum err error, const char *meaning)
{
    struct later *later = arg;
    if (!call_ended(later))
        return;
    struct kept *kept = later->page;
    if (error) { /* Redis is away: the next round goes on */
        round_end(later);
        return;
    }
    later->page = kept->next;
    if (strcmp(meaning, UPLINK_WAITS) == 0) {
        later->skip++;
        next_one(later);
    } else {
        take_off(later, kept->place);
    }
    free(kept);
}

static void next_one(struct later *later)
{
    const struct kept *kept = later->page;
    if (!kept) {
        next_page(later);
        return;
    }
    const struct pledging_uplink uplink = {.carrier = later->name,
                                           .id = kept->id,
                                           .mobile = kept->number,
                                           .text = kept->text,
                                           .text_len = kept->text_len,
                                           .service_code = kept->service_code,
                                           .sent_ms = kept->sent_ms,
                                           .came_ms = kept->came_ms};
    later->calls++;
    enum err error = intake_take(later->pledging->intake, &uplink, on_offered, later);
    if (error == ERR_NOT_FOUND) /* it is about something else, as things are now */
        on_offered(later, ERR_OK, "other");
    else if (error)
        on_offered(later, error, "other");
}

/* ---- pages and carriers ---- */

static enum err keep(struct later *later, const struct waiting_uplink *uplinks, size_t n)
{
    struct kept **end = &later->page;
    for (size_t i = 0; i < n; i++) {
        struct kept *kept = malloc(sizeof *kept + uplinks[i].text_len + 1);
        if (!kept)
            return ERR_NOMEM;
        kept->next = NULL;
        kept->number = uplinks[i].number;
        kept->sent_ms = uplinks[i].sent_ms;
        kept->came_ms = uplinks[i].came_ms;
        kept->text_len = uplinks[i].text_len;
        memcpy(kept->text, uplinks[i].text, kept->text_len);
        kept->text[kept->text_len] = '\0';
        snprintf(kept->place, sizeof kept->place, "%s", uplinks[i].place);
        snprintf(kept->id, sizeof kept->id, "%s", uplinks[i].id);
        snprintf(kept->service_code, sizeof kept->service_code, "%s", uplinks[i].service_code);
        *end = kept;
        end = &kept->next;
    }
    return ERR_OK;
}

static void on_list(void *arg, enum err error, uint64_t total, int64_t since_ms,
                    const struct waiting_uplink *uplinks, size_t n)
{
    struct later *later = arg;
    if (!call_ended(later))
        return;
    if (!error)
        error = keep(later, uplinks, n);
    if (error) {
        round_end(later);
        return;
    }
    if (n == 0) { /* this carrier is through */
        later->found.n += total;
        if (total > 0 && (later->found.since_ms == 0 || since_ms < later->found.since_ms))
            later->found.since_ms = since_ms;
        later->carrier++;
        later->skip = 0;
        next_page(later);
        return;
    }
    next_one(later);
}

static void next_page(struct later *later)
{
    const struct settings *settings = later->pledging->settings;
    if (later->carrier >= settings->n_carriers) {
        round_end(later);
        return;
    }
    snprintf(later->name, sizeof later->name, "%s", settings->carriers[later->carrier].name);
    if (waiting_list(later->pledging->store, later->name, later->skip, on_list, later) == ERR_OK)
        later->calls++;
    else
        round_end(later);
}

static void round_begin(void *arg)
{
    struct later *later = arg;
    later->found = (struct pledging_waiting){0};
    later->carrier = 0;
    later->skip = 0;
    if (later->pledging->settings)
        next_page(later);
    else
        loop_timer_arm(later->timer, LATER_LOOK_MS);
}

/* ---- life ---- */

enum err later_new(struct pledging *pledging, struct later **out)
{
    struct later *later = calloc(1, sizeof *later);
    if (!later)
        return ERR_NOMEM;
    later->pledging = pledging;
    later->timer = loop_timer_new(pledging->base, round_begin, later);
    if (!later->timer) {
        free(later);
        return ERR_NOMEM;
    }
    loop_timer_arm(later->timer, 0);
    *out = later;
    return ERR_OK;
}

void later_free(struct later *later)
{
    if (!later)
        return;
    loop_timer_free(later->timer);
    later->is_dead = true;
    if (later->calls > 0)
        return;
    drop_page(later);
    free(later);
}

void later_note(struct later *later, const char *campaign)
{
    int64_t now_ms = clock_mono_ms();
    snprintf(later->campaign, sizeof later->campaign, "%s", campaign);
    if (later->logged_ms != 0 && now_ms - later->logged_ms < LOG_EVERY_MS)
        return;
    later->logged_ms = now_ms;
    log_line(LOG_WARN, "pledging",
             "event=pledge_waits campaign=%s reason=\"this daemon has no definition of the "
             "campaign\"",
             campaign);
}

const struct pledging_waiting *later_waiting(const struct later *later)
{
    return &later->waiting;
}
