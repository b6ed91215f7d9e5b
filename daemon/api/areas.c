/* /api/v1/areas: which areas send for real. An area is in trial until somebody makes it, or one it
 * lies in, live: a recorded step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "api/handlers.h"
#include "api/query.h"
#include "base/clock.h"
#include "sms/mobile.h"
#include "store/drafts.h"

/* The area of the path, "all" for the nation; AREA_UNASSIGNED is none here. */
static bool read_area(struct apicall *call, uint64_t *area)
{
    const char *text = call->params[0];
    if (strcmp(text, "all") == 0) {
        *area = 0;
        return apicall_may_area(call, NULL, 0);
    }
    if (area_parse(text, strlen(text), area) != ERR_OK || *area == AREA_UNASSIGNED) {
        apicall_error(call, 404, "no_area", NULL, "%s is no area code", text);
        return false;
    }
    return apicall_may_area(call, NULL, *area);
}

static const char *code_of(uint64_t area, char out[AREA_TEXT_SIZE])
{
    return area == 0 ? "all" : area_format(area, out);
}

static size_t count_words(const char *text)
{
    size_t n = 0;
    while (*(text += strspn(text, " ")) != '\0') {
        text += strcspn(text, " ");
        n++;
    }
    return n;
}

/* ---- all of them ---- */

static json_t *encode_area(const struct apicall *call, const struct area_record *area)
{
    char code[AREA_TEXT_SIZE];
    const char *name = regions_name(call->api->regions, area->region);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I}", "region", code_of(area->region, code),
                             "state", area->is_live ? "live" : "trial", "by", area->by, "reason",
                             area->reason, "own_numbers", (json_int_t)count_words(area->own));
    json_object_set_new(json, "name", name != NULL ? json_string(name) : json_null());
    json_object_set_new(json, "since", encode_time(area->since_ms, apicall_offset_min(call)));
    return json;
}

/* The cursor is the code of an area, "all" for the nation. */
static bool read_page(struct apicall *call, uint64_t *limit, uint64_t *after)
{
    const char *cursor;
    if (!query_page(call, limit, &cursor)) {
        return false;
    }
    *after = cursor[0] == '\0' ? DRAFTS_AREAS_FIRST : 0;
    if (cursor[0] != '\0' && strcmp(cursor, "all") != 0 &&
        area_parse(cursor, strlen(cursor), after) != ERR_OK) {
        query_refuse_cursor(call);
        return false;
    }
    return true;
}

static void on_areas(void *arg, enum err error, const struct area_record *areas, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    uint64_t limit, after;
    char code[AREA_TEXT_SIZE];
    const char *cursor = "";
    if (!read_page(call, &limit, &after)) {
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < n && i < limit; i++) {
        json_array_append_new(array, encode_area(call, &areas[i]));
    }
    if (n > limit) {
        cursor = code_of(areas[limit - 1].region, code);
    }
    apicall_answer(call, 200, json_pack("{s:o, s:s}", "areas", array, "cursor", cursor));
}

/* One more than the limit is asked for: there is another page. */
void handle_area_list(struct apicall *call)
{
    uint64_t limit, after;
    if (!read_page(call, &limit, &after)) {
        return;
    }
    enum err error =
        drafts_areas(call->api->parts.store, call->who.area, after, limit + 1, on_areas, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- one of them ---- */

#define STANDING_MAX_BYTES 1024

/* Kept from before a change, for the audit. */
struct change {
    bool is_live, is_numbers; /* what it is to be */
    uint64_t area, *numbers;
    size_t n;
    const char *who, *reason;
    char before[STANDING_MAX_BYTES];
};

static void change_free(void *state)
{
    struct change *change = state;
    free(change->numbers);
    free(change);
}

/* `state=trial own_numbers="154****0001 154****0002"`: what counts there, by whichever record. */
static void write_standing(const struct area_standing *standing, char out[STANDING_MAX_BYTES])
{
    int at = snprintf(out, STANDING_MAX_BYTES, "state=%s own_numbers=\"",
                      standing->is_live ? "live" : "trial");
    for (size_t i = 0; i < standing->n_own && at < STANDING_MAX_BYTES - MOBILE_TEXT_SIZE - 2; i++) {
        char masked[MOBILE_TEXT_SIZE];
        mobile_mask(standing->own[i], masked);
        at +=
            snprintf(out + at, (size_t)(STANDING_MAX_BYTES - at), "%s%s", i > 0 ? " " : "", masked);
    }
    snprintf(out + at, (size_t)(STANDING_MAX_BYTES - at), "\"");
}

static void on_standing(void *arg, enum err error, const char *reason,
                        const struct area_standing *standing)
{
    struct apicall *call = arg;
    char code[AREA_TEXT_SIZE];
    uint64_t area = 0;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    if (strcmp(call->params[0], "all") != 0 &&
        area_parse(call->params[0], strlen(call->params[0]), &area) != ERR_OK) {
        area = 0;
    }
    if (call->state != NULL) {
        const struct change *change = call->state;
        char after[STANDING_MAX_BYTES];
        write_standing(standing, after);
        apicall_note_change(call, change->before, after);
    }
    const char *name = regions_name(call->api->regions, area);
    json_t *numbers = json_array();
    for (size_t i = 0; i < standing->n_own; i++) {
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)standing->own[i]);
        json_array_append_new(numbers, json_string(number));
    }
    json_t *json = json_pack("{s:s, s:s, s:o}", "region", code_of(area, code), "state",
                             standing->is_live ? "live" : "trial", "own_numbers", numbers);
    json_object_set_new(json, "name", name != NULL ? json_string(name) : json_null());
    apicall_answer(call, 200, json);
}

static void show_area(struct apicall *call)
{
    uint64_t area;
    if (!read_area(call, &area)) {
        return;
    }
    enum err error = drafts_area_find(call->api->parts.store, area, on_standing, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_area_show(struct apicall *call)
{
    show_area(call);
}

/* ---- changing one ---- */

static void on_changed(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    show_area(call);
}

static void on_before(void *arg, enum err error, const char *reason,
                      const struct area_standing *standing)
{
    struct apicall *call = arg;
    struct change *change = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        struct store *store = call->api->parts.store;
        int64_t now_ms = clock_wall_ms();
        write_standing(standing, change->before);
        error = change->is_numbers
                    ? drafts_area_numbers(store, change->area, change->numbers, change->n,
                                          change->who, now_ms, on_changed, call)
                    : drafts_area_set(store, change->area, change->is_live, change->who,
                                      change->reason, now_ms, on_changed, call);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    }
}

/* NULL: no memory, and answered. */
static struct change *change_new(struct apicall *call)
{
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return NULL;
    }
    call->state = change;
    call->free_state = change_free;
    return change;
}

static void begin_change(struct apicall *call, const struct change *change)
{
    enum err error = drafts_area_find(call->api->parts.store, change->area, on_before, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_area_numbers(struct apicall *call)
{
    struct change *change = change_new(call);
    const json_t *given = json_object_get(call->body, "own_numbers");
    bool is_none = json_is_array(given) && json_array_size(given) == 0;
    if (change == NULL || !apicall_actor(call, &change->who) || !read_area(call, &change->area) ||
        (!is_none &&
         !apicall_mobiles(call, "own_numbers", AREA_OWN_MAX, &change->numbers, &change->n))) {
        return;
    }
    change->is_numbers = true;
    begin_change(call, change);
}

static void set_state(struct apicall *call, bool is_live)
{
    struct change *change = change_new(call);
    if (change == NULL || !apicall_actor(call, &change->who) ||
        !apicall_text(call, "reason", true, CALL_REASON_MAX, &change->reason) ||
        !read_area(call, &change->area)) {
        return;
    }
    change->is_live = is_live;
    begin_change(call, change);
}

void handle_area_live(struct apicall *call)
{
    set_state(call, true);
}

void handle_area_trial(struct apicall *call)
{
    set_state(call, false);
}
