/* GET /api/v1/campaigns: those that were launched, newest first, then definitions in campaigns_dir
 * that nobody has launched. A page begins behind the row that the cursor names:
 *
 *     c.1760662800000.7.mas    launched then, the seventh of that account
 *     d.2026-10-17-gaoshan     a draft
 *
 * so that rows which are launched or written meanwhile move nothing. Definitions are read in short
 * slices between which the loop turns: the first list after a start reads all of an area's. */
#include "api/handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/drafts.h"
#include "api/encode.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/loop.h"
#include "drafting/headlines.h"

#define SLICE_MS 5

/* ---- the order ---- */

struct place {
    bool is_draft;
    int64_t launched_ms; /* INT64_MAX: it is being imported */
    uint32_t seq;
    char name[DRAFT_ID_SIZE]; /* of the carrier; of a draft its id */
};

/* Below 0: `a` stands before `b`. */
static int compare_places(const struct place *a, const struct place *b)
{
    if (a->is_draft != b->is_draft) {
        return a->is_draft ? 1 : -1;
    }
    if (a->launched_ms != b->launched_ms) {
        return a->launched_ms > b->launched_ms ? -1 : 1;
    }
    int by_name = strcmp(a->name, b->name);
    if (by_name != 0) {
        return a->is_draft ? -by_name : by_name; /* drafts' ids begin with their day */
    }
    return a->seq == b->seq ? 0 : a->seq > b->seq ? -1 : 1;
}

static void place_write(const struct place *place, char out[QUERY_CURSOR_SIZE])
{
    if (place->is_draft) {
        snprintf(out, QUERY_CURSOR_SIZE, "d.%s", place->name);
    } else {
        snprintf(out, QUERY_CURSOR_SIZE, "c.%" PRId64 ".%" PRIu32 ".%s", place->launched_ms,
                 place->seq, place->name);
    }
}

static bool place_read(const char *text, struct place *place)
{
    int at = 0;
    *place = (struct place){.is_draft = strncmp(text, "d.", 2) == 0};
    if (place->is_draft) {
        at = 2;
    } else if (sscanf(text, "c.%" SCNd64 ".%" SCNu32 ".%n", &place->launched_ms, &place->seq,
                      &at) != 2 ||
               at == 0) {
        return false;
    }
    snprintf(place->name, sizeof place->name, "%s", text + at);
    return ids_valid_name(text + at);
}

/* ---- the page that grows ---- */

struct row {
    struct place place;
    json_t *json;
};

struct listing {
    uint64_t limit;
    bool has_after;
    struct place after;
    struct row *rows; /* in order; one more than the limit shows that there are more */
    size_t n;
    struct waiting_draft {
        char id[DRAFT_ID_SIZE], state[12];
    } * waiting; /* for an approval, or for who wrote it; in order */
    size_t n_waiting;
    char **launched; /* all ids, so that their definitions are no drafts */
    size_t n_launched;
    char at[DRAFT_ID_SIZE]; /* of the definitions: this one and the later ones were looked at */
};

static void listing_free(void *state)
{
    struct listing *listing = state;
    for (size_t i = 0; i < listing->n; i++) {
        json_decref(listing->rows[i].json);
    }
    for (size_t i = 0; i < listing->n_launched; i++) {
        free(listing->launched[i]);
    }
    free(listing->rows);
    free(listing->waiting);
    free(listing->launched);
    free(listing);
}

static int compare_rows(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    return compare_places(&left->place, &right->place);
}

static bool is_full(const struct listing *listing)
{
    return listing->n > listing->limit;
}

static void answer(struct apicall *call)
{
    struct listing *listing = call->state;
    char cursor[QUERY_CURSOR_SIZE] = "";
    json_t *campaigns = json_array();
    for (size_t i = 0; i < listing->n && i < listing->limit; i++) {
        json_array_append(campaigns, listing->rows[i].json);
    }
    if (is_full(listing)) {
        place_write(&listing->rows[listing->limit - 1].place, cursor);
    }
    apicall_answer(call, 200, json_pack("{s:o, s:s}", "campaigns", campaigns, "cursor", cursor));
}

/* ---- those that were launched ---- */

static struct place place_of(const struct campaign_view *view)
{
    struct place place = {.launched_ms = view->launched_ms != 0 ? view->launched_ms : INT64_MAX,
                          .seq = view->seq};
    snprintf(place.name, sizeof place.name, "%s", view->fields.carrier);
    return place;
}

static json_t *view_json(struct apicall *call, const struct campaign_view *view)
{
    const struct api *api = call->api;
    struct dispatch_wait wait = {.reason = ""};
    double rate_now = 0;
    dispatch_why(api->parts.dispatch, view, clock_wall_ms(), &wait);
    dispatch_rate(api->parts.dispatch, view->fields.carrier, view->seq, &rate_now);
    return encode_campaign(view, &wait, rate_now,
                           launcher_view(api->parts.launcher, view->fields.id),
                           apicall_offset_min(call));
}

static bool is_wanted(const struct apicall *call, const struct campaign_view *view)
{
    const struct listing *listing = call->state;
    const struct place place = place_of(view);
    return apicall_covers(call, view->fields.region) &&
           (!listing->has_after || compare_places(&place, &listing->after) > 0);
}

static int compare_views(const void *a, const void *b)
{
    const struct campaign_view *const *left = a, *const *right = b;
    const struct place one = place_of(*left), other = place_of(*right);
    return compare_places(&one, &other);
}

/* Only what may stand on the page is put into words. */
static enum err add_views(struct apicall *call, const struct campaign_view *views, size_t n)
{
    struct listing *listing = call->state;
    const struct campaign_view **wanted = calloc(n + 1, sizeof(struct campaign_view *));
    size_t n_wanted = 0, most = listing->limit + 1;
    struct row *rows = realloc(listing->rows, (listing->n + most) * sizeof *rows);
    if (rows != NULL) {
        listing->rows = rows;
    }
    if (wanted == NULL || rows == NULL) {
        free(wanted);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_wanted(call, &views[i])) {
            wanted[n_wanted++] = &views[i];
        }
    }
    qsort(wanted, n_wanted, sizeof(struct campaign_view *), compare_views);
    for (size_t i = 0; i < n_wanted && i < most; i++) {
        listing->rows[listing->n++] = (struct row){place_of(wanted[i]), view_json(call, wanted[i])};
    }
    free(wanted);
    qsort(listing->rows, listing->n, sizeof *listing->rows, compare_rows);
    while (listing->n > most) {
        json_decref(listing->rows[--listing->n].json);
    }
    return ERR_OK;
}

static enum err note_launched(struct listing *listing, const struct campaign_view *views, size_t n)
{
    char **launched = realloc(listing->launched, (listing->n_launched + n + 1) * sizeof(char *));
    if (launched == NULL) {
        return ERR_NOMEM;
    }
    listing->launched = launched;
    for (size_t i = 0; i < n; i++) {
        if ((launched[listing->n_launched] = strdup(views[i].fields.id)) == NULL) {
            return ERR_NOMEM;
        }
        listing->n_launched++;
    }
    return ERR_OK;
}

static void ask_carrier(struct apicall *call);

static void on_list(void *arg, enum err error, const struct campaign_view *views, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        error = note_launched(call->state, views, n);
    }
    if (error == ERR_OK) {
        error = add_views(call, views, n);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    call->at_carrier++;
    ask_carrier(call);
}

/* ---- drafts ---- */

json_t *headline_json(const struct apicall *call, const struct headline *headline)
{
    const struct definition head = {.id = (char *)headline->id,
                                    .title = (char *)headline->title,
                                    .carrier = (char *)headline->carrier,
                                    .region = (char *)headline->region,
                                    .dedup_group = (char *)headline->dedup_group,
                                    .class_ = headline->class_,
                                    .start_ms = headline->start_ms,
                                    .end_ms = headline->end_ms};
    json_t *json = encode_draft(&head, launcher_view(call->api->parts.launcher, headline->id),
                                apicall_offset_min(call));
    json_object_set_new(json, "unfinished", json_boolean(!headline->is_finished));
    return json;
}

static int compare_ids(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

static bool is_launched(const struct listing *listing, const char *id)
{
    return listing->n_launched > 0 && bsearch(&id, listing->launched, listing->n_launched,
                                              sizeof(char *), compare_ids) != NULL;
}

static int compare_waiting(const void *a, const void *b)
{
    const struct waiting_draft *left = a, *right = b;
    return strcmp(left->id, right->id);
}

static const char *approval_of(const struct listing *listing, const char *id)
{
    struct waiting_draft key;
    snprintf(key.id, sizeof key.id, "%s", id);
    const struct waiting_draft *found = listing->n_waiting > 0
                                            ? bsearch(&key, listing->waiting, listing->n_waiting,
                                                      sizeof *listing->waiting, compare_waiting)
                                            : NULL;
    return found != NULL ? found->state : "";
}

static void add_draft(struct apicall *call, const char *id)
{
    struct listing *listing = call->state;
    const struct headline *headline =
        is_launched(listing, id) ? NULL
                                 : headlines_look(drafting_headlines(call->api->parts.drafting),
                                                  call->api->settings, id);
    if (headline == NULL || !apicall_covers(call, headline->region)) {
        return;
    }
    struct row *row = &listing->rows[listing->n++];
    *row = (struct row){{.is_draft = true}, headline_json(call, headline)};
    json_object_set_new(row->json, "approval", json_string(approval_of(listing, id)));
    snprintf(row->place.name, sizeof row->place.name, "%s", id);
}

static void walk_drafts(void *arg)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    struct listing *listing = call->state;
    const struct headlines *headlines = drafting_headlines(call->api->parts.drafting);
    int64_t began_ms = clock_mono_ms();
    const char *id;
    while (!is_full(listing) && (id = headlines_before(headlines, listing->at)) != NULL) {
        if (clock_mono_ms() - began_ms >= SLICE_MS) {
            loop_defer(call->api->parts.base, walk_drafts, call);
            return;
        }
        snprintf(listing->at, sizeof listing->at, "%s", id);
        add_draft(call, listing->at);
    }
    answer(call);
}

static void begin_drafts(struct apicall *call)
{
    struct listing *listing = call->state;
    struct row *rows = realloc(listing->rows, (listing->n + listing->limit + 1) * sizeof *rows);
    if (rows == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    listing->rows = rows;
    if (listing->n_launched > 0) {
        qsort(listing->launched, listing->n_launched, sizeof(char *), compare_ids);
    }
    if (listing->has_after && listing->after.is_draft) {
        snprintf(listing->at, sizeof listing->at, "%s", listing->after.name);
    }
    /* A directory that is away for a moment hides drafts, not what was launched. */
    enum err error =
        headlines_scan(drafting_headlines(call->api->parts.drafting), call->api->settings);
    if (error == ERR_NOMEM) {
        apicall_fail(call, error, NULL);
    } else if (error != ERR_OK) {
        answer(call);
    } else {
        walk_drafts(call);
    }
}

static void on_waiting(void *arg, enum err error, const struct draft_waiting *rows, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    struct listing *listing = call->state;
    listing->waiting = error == ERR_OK ? calloc(n + 1, sizeof *listing->waiting) : NULL;
    if (listing->waiting == NULL) {
        apicall_fail(call, error != ERR_OK ? error : ERR_NOMEM, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct waiting_draft *draft = &listing->waiting[listing->n_waiting++];
        snprintf(draft->id, sizeof draft->id, "%s", rows[i].id);
        snprintf(draft->state, sizeof draft->state, "%s", rows[i].state);
    }
    qsort(listing->waiting, listing->n_waiting, sizeof *listing->waiting, compare_waiting);
    begin_drafts(call);
}

/* ---- the walk ---- */

static void ask_carrier(struct apicall *call)
{
    const struct settings *settings = call->api->settings;
    if (call->at_carrier < settings->n_carriers) {
        enum err error =
            queue_list(call->api->parts.store, settings->carriers[call->at_carrier].name, false,
                       on_list, call);
        if (error != ERR_OK) {
            apicall_fail(call, error, NULL);
        }
    } else if (is_full(call->state)) {
        answer(call);
    } else {
        enum err error = drafts_waiting(call->api->parts.store, on_waiting, call);
        if (error != ERR_OK) {
            apicall_fail(call, error, NULL);
        }
    }
}

void handle_campaign_list(struct apicall *call)
{
    struct listing *listing = calloc(1, sizeof *listing);
    const char *cursor;
    if (listing == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    call->state = listing;
    call->free_state = listing_free;
    if (!query_page(call, &listing->limit, &cursor)) {
        return;
    }
    listing->has_after = cursor[0] != '\0';
    if (listing->has_after && !place_read(cursor, &listing->after)) {
        query_refuse_cursor(call);
        return;
    }
    ask_carrier(call);
}
