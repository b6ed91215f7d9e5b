/* GET /public/, /public/totals.json, /public/donors.json, /public/page.css.
 *
 * The ledger is read from its first entry when the edition is made, and then only on from where it
 * ended. What was written out of an edition for one visitor is kept for the next. */
#include "api/public_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/encode.h"
#include "api/encode_notice.h"
#include "api/files.h"
#include "api/handlers.h"
#include "api/public_html.h"
#include "api/publish.h"
#include "api/regions.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "ledger/notice.h"
#include "net/visitors.h"
#include "store/ledger_proof.h"

#define BLOCK_ROWS 250
#define PLEDGES_MAX 200000 /* of the area, remembered: about 40 MB */
#define PAGE_ROWS 100
#define RETRY_MS 1000 /* until there is an edition to show */
#define DAY_MS INT64_C(86400000)
#define ANSWER_MAX_BYTES ((size_t)1024 * 1024)
#define CAMPAIGN_SIZE 72
#define ETAG_SIZE (DIGEST_SHA256_HEX + 2)
#define KEPT 32 /* answers of the edition shown */
#define STYLE_SECONDS 3600

enum answer_kind { ANSWER_HTML, ANSWER_TOTALS, ANSWER_DONORS };

/* What an edition is about; another one needs the entries from the first on. */
struct scope {
    uint64_t region;
    uint32_t from, to; /* to 0: no end */
    char campaign[CAMPAIGN_SIZE];
};

struct edition {
    struct scope scope;
    struct notice *notice;
    uint64_t next; /* entry to read */
    bool is_long;  /* more pledges than PLEDGES_MAX */
    bool is_spoilt;
    const struct notice_row *rows;
    const struct notice_total *totals;
    size_t n_rows, n_totals;
    int64_t as_of_ms;
    char hotline[PUBLISH_HOTLINE_SIZE];
};

/* A question and its answer, as bytes. */
struct kept {
    bool is_kept;
    enum answer_kind kind;
    bool is_english;
    size_t page;
    char etag[ETAG_SIZE];
    struct buf bytes;
};

struct public_page {
    struct api *api; /* NULL: it has gone; freed when Redis has answered */
    struct loop_timer *timer;
    struct visitors *visitors;
    bool is_reading;
    bool is_outdated; /* settings changed while reading: nothing is shown until that is over */
    struct edition *shown, *work; /* work: while reading; it may be the one that is shown */
    uint64_t to_entry;
    int64_t as_of_ms;
    enum err told; /* the last thing that was logged */
    struct kept kept[KEPT];
};

static const struct settings_ledger *conf(const struct public_page *page)
{
    return &page->api->settings->ledger;
}

/* ---- editions ---- */

static void edition_free(struct edition *edition)
{
    if (edition != NULL) {
        notice_free(edition->notice);
        free(edition);
    }
}

static void forget_answers(struct public_page *page)
{
    for (size_t i = 0; i < KEPT; i++) {
        page->kept[i].is_kept = false;
        buf_fini(&page->kept[i].bytes);
    }
}

static void forget_all(struct public_page *page)
{
    if (page->work != page->shown) {
        edition_free(page->work);
    }
    edition_free(page->shown);
    page->work = page->shown = NULL;
    forget_answers(page);
}

static struct scope wanted_scope(const struct public_page *page, int64_t now_ms)
{
    const struct settings_ledger *ledger = conf(page);
    struct scope scope;
    memset(&scope, 0, sizeof scope); /* they are compared as bytes */
    if (area_parse(ledger->public_region, strlen(ledger->public_region), &scope.region) != ERR_OK) {
        scope.region = 0; /* the settings have looked at it */
    }
    struct civil now = clock_civil(now_ms, page->api->settings->daemon.utc_offset_min);
    scope.from = ledger->public_from != 0 ? ledger->public_from : (uint32_t)now.year * 10000 + 101;
    scope.to = ledger->public_to;
    snprintf(scope.campaign, sizeof scope.campaign, "%s",
             ledger->public_campaign != NULL ? ledger->public_campaign : "");
    return scope;
}

static enum err edition_new(const struct scope *scope, struct edition **edition)
{
    struct edition *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->scope = *scope;
    made->next = 1;
    struct notice_options options = {.region = scope->region,
                                     .campaign = made->scope.campaign,
                                     .from = scope->from,
                                     .to = scope->to != 0 ? scope->to : UINT32_MAX,
                                     .pledges_max = PLEDGES_MAX};
    enum err error = notice_new(&options, &made->notice);
    if (error != ERR_OK) {
        free(made);
        return error;
    }
    *edition = made;
    return ERR_OK;
}

/* May the edition that is shown be continued? */
static bool goes_on(const struct edition *edition, const struct scope *scope, uint64_t last)
{
    return edition != NULL && !edition->is_spoilt && edition->next <= last + 1 &&
           memcmp(&edition->scope, scope, sizeof *scope) == 0;
}

/* ---- reading ---- */

static void read_on(struct public_page *page);

/* false: the API has gone, and this with it. */
static bool lives(struct public_page *page)
{
    if (page->api != NULL) {
        return true;
    }
    forget_all(page);
    visitors_free(page->visitors);
    free(page);
    return false;
}

/* Says once what is wrong, and once that it is over. */
static void tell(struct public_page *page, enum err error, uint64_t entry)
{
    if (error == page->told) {
        return;
    }
    page->told = error;
    if (error == ERR_OK) {
        log_line(LOG_INFO, "api", "event=public_page_ready entries=%" PRIu64, page->to_entry);
    } else {
        log_line(LOG_WARN, "api", "event=public_page_not_refreshed entry=%" PRIu64 " reason=\"%s\"",
                 entry,
                 error == ERR_INVALID   ? "an entry is missing or was changed; run ledger verify"
                 : error == ERR_TOO_BIG ? "more pledges than one page can show; name a smaller area"
                                        : err_sentence(error));
    }
}

/* The edition shown stays, and what it has read of new entries is kept for the next time. */
static void give_up(struct public_page *page, enum err error, uint64_t entry)
{
    if (page->work != page->shown) {
        edition_free(page->work);
    }
    page->work = NULL;
    page->is_reading = false;
    tell(page, error, entry);
    /* Entries that somebody changed are not read over and over in a hurry. */
    int64_t refresh_ms = conf(page)->public_refresh_ms;
    bool is_urgent = page->shown == NULL && error != ERR_INVALID && refresh_ms > RETRY_MS;
    loop_timer_arm(page->timer, is_urgent ? RETRY_MS : refresh_ms);
}

static void finish(struct public_page *page)
{
    struct edition *work = page->work;
    enum err error = ERR_OK;
    if (work->is_long) {
        work->n_rows = work->n_totals = 0;
    } else {
        error =
            notice_finish(work->notice, &work->rows, &work->n_rows, &work->totals, &work->n_totals);
    }
    if (error != ERR_OK) {
        work->is_spoilt = true;
        give_up(page, error, work->next);
        return;
    }
    work->as_of_ms = page->as_of_ms;
    publish_hotline(page->api->settings, work->scope.campaign, work->hotline);
    if (work != page->shown) {
        edition_free(page->shown);
        page->shown = work;
    }
    page->work = NULL;
    page->is_reading = false;
    forget_answers(page);
    tell(page, work->is_long ? ERR_TOO_BIG : ERR_OK, work->next);
    loop_timer_arm(page->timer, conf(page)->public_refresh_ms);
}

/* Under new settings: what may not be shown any more is forgotten at once. */
static void settle(struct public_page *page)
{
    struct scope scope = wanted_scope(page, clock_wall_ms());
    bool is_same = page->shown != NULL && memcmp(&page->shown->scope, &scope, sizeof scope) == 0;
    if (!conf(page)->public_page || !is_same) {
        forget_all(page);
    }
    if (conf(page)->public_page) {
        loop_timer_arm(page->timer, 0);
    } else {
        loop_timer_stop(page->timer);
    }
}

/* What is being read may be of settings that hold no more. */
static bool begins_anew(struct public_page *page)
{
    if (!page->is_outdated) {
        return false;
    }
    page->is_outdated = page->is_reading = false;
    if (page->work != page->shown) {
        edition_free(page->work);
    }
    page->work = NULL;
    settle(page);
    return true;
}

static uint64_t block_end(const struct public_page *page)
{
    uint64_t left = page->to_entry + 1 - page->work->next;
    return page->work->next + (left < BLOCK_ROWS ? left : BLOCK_ROWS) - 1;
}

static void on_rows(void *arg, enum err error, const char *reason, const struct ledger_row *rows,
                    size_t n)
{
    struct public_page *page = arg;
    uint64_t bad = 0;
    (void)reason;
    if (!lives(page) || begins_anew(page)) {
        return;
    }
    struct edition *work = page->work;
    uint64_t last = block_end(page);
    if (error == ERR_OK) {
        error = notice_add_rows(work->notice, rows, n, work->next, last, &bad);
        work->is_long = error == ERR_TOO_BIG;
        work->is_spoilt = error != ERR_OK && !work->is_long;
    }
    if (error != ERR_OK && !work->is_long) {
        give_up(page, error, bad);
        return;
    }
    work->next = last + 1;
    read_on(page);
}

static void read_on(struct public_page *page)
{
    struct edition *work = page->work;
    if (work->is_long || work->next > page->to_entry) {
        finish(page);
        return;
    }
    enum err error =
        ledger_read(page->api->parts.store, work->next, block_end(page), on_rows, page);
    if (error != ERR_OK) {
        give_up(page, error, work->next);
    }
}

static void on_last(void *arg, enum err error, uint64_t entry)
{
    struct public_page *page = arg;
    if (!lives(page) || begins_anew(page)) {
        return;
    }
    if (error != ERR_OK) {
        give_up(page, error, 0);
        return;
    }
    page->to_entry = entry;
    page->as_of_ms = clock_wall_ms();
    struct scope scope = wanted_scope(page, page->as_of_ms);
    page->work = page->shown;
    if (!goes_on(page->shown, &scope, entry)) {
        page->work = NULL;
        error = edition_new(&scope, &page->work);
    }
    if (error == ERR_OK) {
        read_on(page);
    } else {
        give_up(page, error, 0);
    }
}

static void on_timer(void *arg)
{
    struct public_page *page = arg;
    if (page->is_reading || !conf(page)->public_page) {
        return;
    }
    page->is_reading = true;
    enum err error = ledger_last(page->api->parts.store, on_last, page);
    if (error != ERR_OK) {
        give_up(page, error, 0);
    }
}

/* ---- what is shown ---- */

/* The last day of the list: the period's, and then so many. 0: no end. */
static uint32_t up_until(const struct public_page *page)
{
    uint32_t to = page->shown->scope.to;
    int offset = page->api->settings->daemon.utc_offset_min;
    if (to == 0) {
        return 0;
    }
    int64_t ms = clock_day_begins(to, offset) + (int64_t)conf(page)->notice_days * DAY_MS;
    return clock_day(ms, offset);
}

static bool is_over(const struct public_page *page, uint32_t until)
{
    int offset_min = page->api->settings->daemon.utc_offset_min;
    return until != 0 && clock_day(clock_wall_ms(), offset_min) > until;
}

/* `place` holds the area's name for the view. */
static struct public_view look(const struct apicall *call, bool is_english, size_t number,
                               struct buf *place)
{
    const struct public_page *page = call->api->public_page;
    const struct edition *shown = page->shown;
    uint32_t until = up_until(page);
    regions_path(call->api->regions, shown->scope.region, place);
    struct public_view view = {.is_english = is_english,
                               .title = conf(page)->public_title,
                               .place = buf_text(place),
                               .campaign = shown->scope.campaign,
                               .hotline = shown->hotline,
                               .from = shown->scope.from,
                               .to = shown->scope.to,
                               .up_until = until,
                               .as_of_ms = shown->as_of_ms,
                               .as_of_entry = shown->next - 1,
                               .offset_min = apicall_offset_min(call),
                               .totals = shown->totals,
                               .n_totals = shown->n_totals,
                               .page = 1,
                               .pages = 1,
                               .regions = api_regions(call)};
    if (view.title[0] == '\0') {
        view.title = view.place;
    }
    view.list = shown->is_long         ? PUBLIC_LIST_LONG
                : is_over(page, until) ? PUBLIC_LIST_OVER
                                       : PUBLIC_LIST_UP;
    if (view.list == PUBLIC_LIST_UP && shown->n_rows > 0) {
        view.n_donors = shown->n_rows;
        view.pages = (shown->n_rows + PAGE_ROWS - 1) / PAGE_ROWS;
        view.page = number < 1 ? 1 : number > view.pages ? view.pages : number;
        size_t first = (view.page - 1) * PAGE_ROWS, left = shown->n_rows - first;
        view.rows = shown->rows + first;
        view.n_rows = left < PAGE_ROWS ? left : PAGE_ROWS;
    }
    return view;
}

static json_t *day_json(uint32_t day)
{
    char text[ENCODE_DAY_SIZE];
    return day != 0 ? json_string(encode_day(day, text)) : json_null();
}

static json_t *heading_json(const struct public_view *view, uint64_t region)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:o, s:I, s:s, s:o}", "title",
                     view->title, "region", encode_area(region), "path", view->place, "campaign",
                     view->campaign, "from", day_json(view->from), "to", day_json(view->to),
                     "definition", encode_notice_definition, "as_of",
                     encode_time(view->as_of_ms, view->offset_min), "as_of_entry",
                     (json_int_t)view->as_of_entry, "hotline", view->hotline, "notice_until",
                     day_json(view->up_until));
}

static json_t *totals_json(const struct public_view *view, uint64_t region)
{
    json_t *json = heading_json(view, region), *totals = json_array();
    for (size_t i = 0; i < view->n_totals; i++) {
        json_array_append_new(totals, encode_notice_total(&view->totals[i]));
    }
    json_object_set_new(json, "totals", totals);
    return json;
}

static json_t *donors_json(const struct public_view *view, uint64_t region)
{
    json_t *json = heading_json(view, region), *donors = json_array();
    for (size_t i = 0; i < view->n_rows; i++) {
        json_array_append_new(donors, encode_notice_row(&view->rows[i], &view->regions));
    }
    json_object_set_new(json, "shown", json_boolean(view->list == PUBLIC_LIST_UP));
    json_object_set_new(json, "page", json_integer((json_int_t)view->page));
    json_object_set_new(json, "pages", json_integer((json_int_t)view->pages));
    json_object_set_new(json, "pledges", json_integer((json_int_t)view->n_donors));
    json_object_set_new(json, "donors", donors);
    return json;
}

static void write_json(json_t *json, struct buf *out)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text != NULL) {
        buf_add_text(out, text);
    } else {
        out->failed = true;
    }
    free(text);
    json_decref(json);
}

static struct kept *write_answer(struct kept *kept, enum answer_kind kind,
                                 const struct public_view *view, uint64_t region)
{
    char hex[DIGEST_SHA256_HEX];
    buf_init(&kept->bytes, ANSWER_MAX_BYTES);
    switch (kind) {
    case ANSWER_HTML:
        public_html(view, &kept->bytes);
        break;
    case ANSWER_TOTALS:
        write_json(totals_json(view, region), &kept->bytes);
        break;
    case ANSWER_DONORS:
        write_json(donors_json(view, region), &kept->bytes);
        break;
    }
    if (buf_check(&kept->bytes) != ERR_OK) {
        buf_fini(&kept->bytes);
        return NULL;
    }
    digest_sha256_hex(&(struct digest_part){buf_text(&kept->bytes), kept->bytes.len}, 1, hex);
    snprintf(kept->etag, sizeof kept->etag, "\"%s\"", hex);
    kept->kind = kind;
    kept->is_english = view->is_english;
    kept->page = view->page;
    kept->is_kept = true;
    return kept;
}

/* NULL: no memory. */
static const struct kept *find_answer(const struct apicall *call, enum answer_kind kind)
{
    struct public_page *page = call->api->public_page;
    struct http_request *request = call->request;
    const char *lang = http_request_query(request, "lang"),
               *number = http_request_query(request, "page");
    struct buf place;
    buf_init(&place, REGION_PATH_MAX_BYTES);
    struct public_view view =
        look(call, kind == ANSWER_HTML && lang != NULL && strcmp(lang, "en") == 0,
             number != NULL ? strtoul(number, NULL, 10) : 1, &place);
    struct kept *kept = &page->kept[(view.page * 2 + view.is_english + (size_t)kind * 7) % KEPT];
    bool is_same = kept->is_kept && kept->kind == kind && kept->is_english == view.is_english &&
                   kept->page == view.page;
    if (!is_same) {
        buf_fini(&kept->bytes);
        kept->is_kept = false;
        kept = write_answer(kept, kind, &view, page->shown->scope.region);
    }
    buf_fini(&place);
    return kept;
}

/* ---- requests ---- */

static void end_plain(struct apicall *call, int status, unsigned retry_after_s, const char *text)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%u", retry_after_s);
    if (retry_after_s > 0) {
        http_answer_header(call->request, "Retry-After", seconds);
    }
    http_answer(call->request, status, "text/plain; charset=utf-8", text, strlen(text));
    apicall_end(call);
}

/* false: it was answered. */
static bool may_see(struct apicall *call)
{
    struct public_page *page = call->api->public_page;
    struct visitors_wait wait;
    if (!conf(page)->public_page) {
        end_plain(call, 404, 0, "not found\n");
        return false;
    }
    if (call->is_public &&
        !visitors_take(page->visitors, call->who.address, clock_mono_ms(), &wait)) {
        end_plain(call, 429, wait.seconds,
                  "访问过于频繁，请稍后再试。\nToo many requests; please come again later.\n");
        return false;
    }
    return true;
}

static void answer(struct apicall *call, enum answer_kind kind)
{
    char cache[64];
    if (!may_see(call)) {
        return;
    }
    struct public_page *page = call->api->public_page;
    const struct kept *kept =
        page->shown != NULL && !page->is_outdated ? find_answer(call, kind) : NULL;
    if (kept == NULL) {
        end_plain(call, 503, 5, "数据正在准备，请稍后再试。\nNot ready yet; please come again.\n");
        return;
    }
    const char *type = kind == ANSWER_HTML ? "text/html; charset=utf-8" : "application/json";
    const char *known = http_request_header(call->request, "If-None-Match");
    snprintf(cache, sizeof cache, "public, max-age=%lld",
             (long long)(conf(page)->public_refresh_ms / 1000));
    http_answer_header(call->request, "ETag", kept->etag);
    http_answer_header(call->request, "Cache-Control", cache);
    if (known != NULL &&
        strstr(known, kept->etag) != NULL) { /* of a list, or weakened by a proxy */
        http_answer(call->request, 304, type, NULL, 0);
    } else {
        http_answer(call->request, 200, type, buf_text(&kept->bytes), kept->bytes.len);
    }
    apicall_end(call);
}

void handle_public_page(struct apicall *call)
{
    answer(call, ANSWER_HTML);
}

void handle_public_totals(struct apicall *call)
{
    answer(call, ANSWER_TOTALS);
}

void handle_public_donors(struct apicall *call)
{
    answer(call, ANSWER_DONORS);
}

void handle_public_style(struct apicall *call)
{
    char cache[64];
    if (!may_see(call)) {
        return;
    }
    snprintf(cache, sizeof cache, "public, max-age=%d", STYLE_SECONDS);
    if (files_answer(call->api->files, call->request, "/console/public.css", cache)) {
        apicall_end(call);
    } else {
        end_plain(call, 404, 0, "not found\n");
    }
}

/* ---- the room's side ---- */

enum err public_page_new(struct api *api, struct public_page **page)
{
    struct public_page *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->api = api;
    made->timer = loop_timer_new(api->parts.base, on_timer, made);
    if (made->timer == NULL || visitors_new(&made->visitors) != ERR_OK) {
        loop_timer_free(made->timer);
        free(made);
        return ERR_NOMEM;
    }
    *page = made;
    return ERR_OK;
}

void public_page_free(struct public_page *page)
{
    if (page == NULL) {
        return;
    }
    loop_timer_free(page->timer);
    page->timer = NULL;
    page->api = NULL;
    if (!page->is_reading) {
        (void)lives(page);
    }
}

void public_page_follow_settings(struct public_page *page)
{
    visitors_set_rates(page->visitors, conf(page)->public_per_minute,
                       conf(page)->public_per_second);
    forget_answers(page); /* names of areas, the title, the period may be others */
    if (page->is_reading) {
        page->is_outdated = true;
        return;
    }
    settle(page);
}
