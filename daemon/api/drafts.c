/* /api/v1/drafts: campaigns that nobody has launched yet, as files in campaigns_dir. Making,
 * reading, changing, deleting them, and uploading their lists. */
#include "api/drafts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/encode.h"
#include "api/handlers.h"
#include "api/journal.h"
#include "api/query.h"
#include "api/words.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "campaign/problems.h"
#include "campaign/unfinished.h"
#include "sms/mobile.h"

#define CHANGES_MAX 60
#define KEY_MAX 40
#define VALUE_MAX 16384
#define NUMBERS_A_DAY 999
#define REASON_MAX_BYTES 4096
#define NUMBER_SIZE 24
#define NAME_SHOWN_BYTES 256

/* ---- a draft and what is known of it ---- */

static void work_free(void *state)
{
    struct draft_work *work = state;
    draft_free(work->draft);
    free(work);
}

static void on_told(struct apicall *call, bool is_noted)
{
    if (!is_noted && call->is_public) {
        journal_fail(call);
    } else if (apicall_lives(call)) {
        call->then(call);
    }
}

void drafts_audit(struct apicall *call, const char *who, const char *act, const char *object,
                  const char *detail, void (*then)(struct apicall *call))
{
    const struct audit_line line = {.at_ms = clock_wall_ms(),
                                    .actor = who,
                                    .act = act,
                                    .object = object,
                                    .detail = detail,
                                    .via = via_word(call->who.via),
                                    .address = call->who.address,
                                    .before = call->before,
                                    .after = call->after};
    call->then = then;
    journal_tell(call, &line, on_told);
}

static void on_looked(struct apicall *call)
{
    struct draft_work *work = call->state;
    work->is_launched = call->found.is_there;
    if (work->is_launched && work->is_for_change) {
        apicall_error(
            call, 409, "launched", NULL,
            "%s is launched: its text and list are a record. Copy it for another campaign",
            call->params[0]);
        return;
    }
    work->is_for_change = false; /* what follows only reads */
    work->then(call, work);
}

static void on_digest(void *arg, enum err error, const struct draft_digest *digest)
{
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error,
                     error == ERR_BUSY ? "somebody writes to the list just now; try again" : NULL);
        return;
    }
    work->digest = *digest;
    apicall_find_campaign(call, on_looked);
}

static bool load(struct apicall *call, struct draft_work *work)
{
    const char *id = call->params[0];
    enum err error = draft_load(call->api->settings, id, &work->draft);
    if (error == ERR_NOT_FOUND || error == ERR_INVALID) {
        apicall_error(call, 404, "no_draft", NULL, "there is no draft %s",
                      error == ERR_INVALID ? "of this name" : id);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
    return error == ERR_OK;
}

struct draft_work *drafts_work(struct apicall *call)
{
    if (call->state == NULL) {
        struct draft_work *work = calloc(1, sizeof *work);
        if (work == NULL) {
            apicall_fail(call, ERR_NOMEM, NULL);
            return NULL;
        }
        work->who = "";
        work->status = 200;
        call->state = work;
        call->free_state = work_free;
    }
    return call->state;
}

void drafts_open(struct apicall *call, const char *who,
                 void (*then)(struct apicall *call, struct draft_work *work))
{
    struct draft_work *work = drafts_work(call);
    if (work == NULL) {
        return;
    }
    draft_free(work->draft);
    work->draft = NULL;
    work->then = then;
    if (who != NULL) {
        work->who = who;
    }
    if (!load(call, work)) {
        return;
    }
    enum err error = drafting_digest(call->api->parts.drafting, work->draft, on_digest, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void drafts_open_for_change(struct apicall *call, const char *who,
                            void (*then)(struct apicall *call, struct draft_work *work))
{
    struct draft_work *work = drafts_work(call);
    if (work != NULL) {
        work->is_for_change = true;
        drafts_open(call, who, then);
    }
}

/* ---- the document ---- */

static void on_record(void *arg, enum err error, const char *reason,
                      const struct draft_record *record)
{
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    const struct draft_plan *plan = drafting_known_plan(call->api->parts.drafting, &work->digest);
    uint32_t over = call->api->settings->daemon.four_eyes_over;
    struct trial_view trial;
    trial_look(&work->trial, plan, trial_simulates(call->api->settings, work->draft), &trial);
    const struct draft_facts facts = {
        .draft = work->draft,
        .digest = &work->digest,
        .record = record,
        .is_launched = work->is_launched,
        .plan = plan,
        .four_eyes_over = work->launched < over ? over - (uint32_t)work->launched : 0,
        .trial = &trial,
        .now_ms = clock_wall_ms(),
        .utc_offset_min = apicall_offset_min(call)};
    apicall_answer(call, work->status, encode_draft_document(&facts));
}

static void show_record(struct apicall *call)
{
    struct draft_work *work = call->state;
    enum err error = drafts_read(call->api->parts.store, work->draft->id, on_record, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_launched(void *arg, enum err error, uint64_t people)
{
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    work->launched = people;
    trial_find(call, &work->trial, draft_value(work->draft, "campaign", "region"), show_record);
}

/* Whether it needs an approval depends on what who asks has launched today. */
static void show(struct apicall *call, struct draft_work *work)
{
    if (call->who.via == VIA_CONTROL || !who_has_role(&call->who, ROLE_BIT(ROLE_TOWNSHIP))) {
        trial_find(call, &work->trial, draft_value(work->draft, "campaign", "region"), show_record);
        return;
    }
    enum err error =
        drafts_launched(call->api->parts.store, call->who.name, work->draft->id, on_launched, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void drafts_answer(struct apicall *call, int status)
{
    struct draft_work *work = drafts_work(call);
    if (work != NULL) {
        work->status = status;
        drafts_open(call, NULL, show);
    }
}

static void answer_done(struct apicall *call)
{
    const struct draft_work *work = call->state;
    drafts_answer(call, work->status);
}

void drafts_on_done(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    const struct draft_work *work = call->state;
    if (work->detail[0] != '\0') {
        drafts_audit(call, work->who, "draft change", call->params[0], work->detail, answer_done);
    } else {
        answer_done(call);
    }
}

void drafts_name_file(struct apicall *call, const char *what)
{
    char value[ROUTE_PARAM_SIZE + 64];
    snprintf(value, sizeof value, "attachment; filename=\"%s-%s.csv\"", call->params[0], what);
    http_answer_header(call->request, "Content-Disposition", value);
}

void handle_draft_show(struct apicall *call)
{
    drafts_answer(call, 200);
}

/* ---- changing ---- */

struct changes {
    struct draft_change list[CHANGES_MAX];
    char numbers[CHANGES_MAX][NUMBER_SIZE];
    size_t n;
};

static bool add(struct apicall *call, struct changes *changes, const char *section, const char *key,
                const char *field, const json_t *value)
{
    if (changes->n == CHANGES_MAX) {
        apicall_error(call, 400, "invalid", field, "too many fields in one call");
        return false;
    }
    struct draft_change *change = &changes->list[changes->n];
    *change = (struct draft_change){section, key, NULL};
    if (json_is_integer(value)) {
        snprintf(changes->numbers[changes->n], NUMBER_SIZE, "%lld",
                 (long long)json_integer_value(value));
        change->value = changes->numbers[changes->n];
    } else if (json_is_string(value)) {
        const char *text = json_string_value(value);
        bool is_empty = text[strspn(text, " \t\r\n")] == '\0';
        if (strlen(text) != json_string_length(value) || strlen(text) > VALUE_MAX) {
            apicall_error(call, 400, "invalid", field, "%s is too long, or holds a NUL", field);
            return false;
        }
        /* An empty field is one that is not filled in; only no wording at all is a choice. */
        change->value = is_empty && strcmp(key, "optout") != 0 ? NULL : text;
    } else if (!json_is_null(value)) {
        apicall_error(call, 400, "invalid", field, "%s must be a text, a number or null", field);
        return false;
    }
    changes->n++;
    return true;
}

/* A campaign does not leave the area of who writes it: in a region that is none nobody would see it
 * again. */
static bool may_write_in(struct apicall *call, const char *region)
{
    uint64_t area;
    if (area_parse(region, strlen(region), &area) != ERR_OK) {
        apicall_error(call, 400, "invalid", "region", AREA_REFUSED, "region", region);
        return false;
    }
    return apicall_may_area(call, "region", area);
}

static bool may_move(struct apicall *call, const struct draft_change *change)
{
    return may_write_in(call, change->value != NULL ? change->value : "");
}

static bool read_fields(struct apicall *call, struct changes *changes)
{
    json_t *fields = json_object_get(call->body, "fields");
    const char *key;
    const json_t *value;
    if (fields != NULL && !json_is_object(fields)) {
        apicall_error(call, 400, "invalid", "fields", "fields must be an object");
        return false;
    }
    json_object_foreach(fields, key, value)
    {
        const char *section = draft_section_of(key);
        if (section == NULL) {
            apicall_error(call, 400, "invalid", "fields", "there is no field \"%.40s\"", key);
            return false;
        }
        if (!add(call, changes, section, key, key, value)) {
            return false;
        }
        if (strcmp(key, "region") == 0 && !may_move(call, &changes->list[changes->n - 1])) {
            return false;
        }
    }
    return true;
}

static bool is_plain_key(const char *key)
{
    size_t n = strspn(key, "abcdefghijklmnopqrstuvwxyz_");
    return n > 0 && n < KEY_MAX && key[n] == '\0';
}

static bool read_pledge(struct apicall *call, const struct draft *draft, struct changes *changes)
{
    json_t *pledge = json_object_get(call->body, "pledge");
    const json_t *value;
    const char *key;
    if (pledge == NULL) {
        return true;
    }
    if (json_is_null(pledge)) {
        changes->list[changes->n++] = (struct draft_change){"pledge", NULL, NULL};
        return true;
    }
    if (!json_is_object(pledge)) {
        apicall_error(call, 400, "invalid", "pledge", "pledge must be an object or null");
        return false;
    }
    bool is_new = draft->ini == NULL || ini_section(draft->ini, "pledge") == NULL;
    if (is_new && json_object_size(pledge) == 0) { /* a section of nothing but defaults */
        changes->list[changes->n++] = (struct draft_change){"pledge", "confirm", "reply"};
    }
    json_object_foreach(pledge, key, value)
    {
        char field[KEY_MAX + 8];
        snprintf(field, sizeof field, "pledge.%.*s", KEY_MAX, key);
        if (!is_plain_key(key)) {
            apicall_error(call, 400, "invalid", "pledge", "\"%.40s\" is no key of [pledge]", key);
            return false;
        }
        if (!add(call, changes, "pledge", key, field, value)) {
            return false;
        }
    }
    return true;
}

/* Edits and begins the save. */
static void save(struct apicall *call, const struct draft *draft, const struct changes *changes,
                 const char *base_version, const char *list_from)
{
    struct draft_work *work = call->state;
    char field[DRAFT_FIELD_SIZE];
    struct buf reason;
    struct draft *next = NULL;
    buf_init(&reason, REASON_MAX_BYTES);
    enum err error =
        draft_change(draft, call->api->settings, changes->list, changes->n, &next, field, &reason);
    if (error == ERR_INVALID || error == ERR_TOO_BIG) {
        apicall_error(call, 400, "invalid", field[0] != '\0' ? field : NULL, "%s",
                      buf_text(&reason));
    } else {
        if (error == ERR_OK) {
            error = drafting_save(call->api->parts.drafting, next, base_version, list_from,
                                  work->who, drafts_on_done, call);
        }
        if (error != ERR_OK) {
            apicall_fail(call, error, buf_text(&reason));
        }
    }
    buf_fini(&reason);
}

/* What people would have been sent, and what they would be sent now: too long for the details. */
static void tell_text(struct apicall *call, const struct draft *draft,
                      const struct draft_change *change)
{
    const char *was = draft_value(draft, change->section, change->key);
    char *old = strdup(was != NULL ? was : ""),
         *new = strdup(change->value != NULL ? change->value : "");
    if (old != NULL && new != NULL && strcmp(old, new) != 0) {
        mobile_mask_within(old);
        mobile_mask_within(new);
        apicall_note_change(call, old, new);
    }
    free(old);
    free(new);
}

/* `title "甲" -> "乙", text`: the text is named here, and told for itself. */
static void tell_changes(const struct draft *draft, const struct changes *changes, char *out,
                         size_t size)
{
    char old[80], new[80], quoted[2][160];
    size_t at = 0;
    for (size_t i = 0; i < changes->n && at < size; i++) {
        const struct draft_change *change = &changes->list[i];
        const char *key = change->key != NULL ? change->key : "[pledge]", *was = "";
        bool is_text = change->key == NULL || strstr(key, "text") != NULL;
        if (!is_text && draft_value(draft, change->section, key) != NULL) {
            was = draft_value(draft, change->section, key);
        }
        const char *is = change->value != NULL ? change->value : "";
        problems_show(was, strlen(was), old, sizeof old); /* cut at a character */
        problems_show(is, strlen(is), new, sizeof new);
        int n = is_text ? snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "", key)
                        : snprintf(out + at, size - at, "%s%s %s -> %s", i > 0 ? ", " : "", key,
                                   log_quote(old, quoted[0], sizeof quoted[0]),
                                   log_quote(new, quoted[1], sizeof quoted[1]));
        if (n < 0 || (size_t)n >= size - at) { /* whole or not at all */
            out[at] = '\0';
            return;
        }
        at += (size_t)n;
    }
}

static void change_draft(struct apicall *call, struct draft_work *work)
{
    const char *version = json_string_value(json_object_get(call->body, "version"));
    struct changes *changes = calloc(1, sizeof *changes);
    if (changes == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    if (version == NULL) {
        apicall_error(call, 400, "missing", "version",
                      "version is missing: give the one of the draft you have read");
    } else if (strcmp(version, work->draft->version) != 0) {
        apicall_error(call, 409, "stale", NULL,
                      "somebody else has saved it meanwhile; look at it again");
    } else if (read_fields(call, changes) && read_pledge(call, work->draft, changes)) {
        tell_changes(work->draft, changes, work->detail, sizeof work->detail);
        for (size_t i = 0; i < changes->n; i++) {
            if (changes->list[i].key != NULL && strcmp(changes->list[i].key, "text") == 0) {
                tell_text(call, work->draft, &changes->list[i]);
            }
        }
        save(call, work->draft, changes, work->draft->version, NULL);
    }
    free(changes);
}

void handle_draft_change(struct apicall *call)
{
    const char *who;
    if (apicall_actor(call, &who)) {
        drafts_open_for_change(call, who, change_draft);
    }
}

/* ---- what one user may put on the disk a day ---- */

#define MIB_SHIFT 20

static void on_space(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_REFUSED) {
        apicall_error(
            call, 409, "too_many", NULL,
            "with this you would have put more on the disk today than one user may "
            "(upload_daily: %llu MB); go on tomorrow, or ask your operator",
            (unsigned long long)(call->api->settings->daemon.upload_daily_bytes >> MIB_SHIFT));
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else {
        call->then(call);
    }
}

static void take_space(struct apicall *call, uint64_t bytes, void (*then)(struct apicall *call))
{
    char whose[WHO_NAME_SIZE + 8];
    if (call->who.via == VIA_CONTROL) {
        then(call);
        return;
    }
    call->then = then;
    snprintf(whose, sizeof whose, "b:%s", call->who.name);
    enum err error = drafts_allowance_take(
        call->api->parts.store, whose, apicall_today(call), (bytes >> MIB_SHIFT) + 1,
        call->api->settings->daemon.upload_daily_bytes >> MIB_SHIFT, on_space, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- making ---- */

static bool is_free(const struct apicall *call, const char *id)
{
    char ini[DRAFT_PATH_SIZE], list[DRAFT_PATH_SIZE];
    draft_ini_path(call->api->settings, id, ini);
    draft_list_path(call->api->settings, id, list);
    return access(ini, F_OK) != 0 && access(list, F_OK) != 0;
}

/* 2026-10-17-513327205-1: the day, the area, and a number that is free. */
static bool make_id(struct apicall *call, const char *region)
{
    struct civil civil = clock_civil(clock_wall_ms(), apicall_offset_min(call));
    const char *digits =
        region[0] != '\0' && strspn(region, "0123456789") == strlen(region) && strlen(region) <= 12
            ? region
            : "0";
    for (int i = 1; i <= NUMBERS_A_DAY; i++) {
        snprintf(call->params[0], ROUTE_PARAM_SIZE, "%04d-%02d-%02d-%s-%d", civil.year, civil.month,
                 civil.day, digits, i);
        if (is_free(call, call->params[0])) {
            return true;
        }
    }
    apicall_error(call, 409, "exists", "id", "this area has %d drafts of this day already",
                  NUMBERS_A_DAY);
    return false;
}

/* Somebody's draft lies in her own area; said or not. */
static bool choose_region(struct apicall *call)
{
    char own[AREA_TEXT_SIZE];
    const char *region;
    bool is_copy = json_object_get(call->body, "copy_of") != NULL;
    if (!apicall_text(call, "region", false, 12, &region)) {
        return false;
    }
    if (region[0] == '\0') {
        if (call->who.area != 0 && !is_copy) {
            json_object_set_new(call->body, "region",
                                json_string(area_format(call->who.area, own)));
        }
        return true;
    }
    return may_write_in(call, region);
}

static bool choose_id(struct apicall *call)
{
    const char *id, *region;
    if (!apicall_text(call, "id", false, 64, &id) ||
        !apicall_text(call, "region", false, 12, &region)) {
        return false;
    }
    if (id[0] == '\0') {
        return make_id(call, region);
    }
    if (!ids_valid_name(id)) {
        apicall_error(call, 400, "invalid", "id",
                      "id must be 1 to 64 of A-Z a-z 0-9 - _ . and not begin with . or -");
        return false;
    }
    if (!is_free(call, id)) {
        apicall_error(call, 409, "exists", "id", "there is a campaign %s already", id);
        return false;
    }
    snprintf(call->params[0], ROUTE_PARAM_SIZE, "%s", id);
    return true;
}

static bool load_source(struct apicall *call, const char *copy_of, struct draft **source)
{
    enum err error = draft_load(call->api->settings, copy_of, source);
    bool is_hidden =
        error == ERR_OK && !apicall_covers(call, draft_value(*source, "campaign", "region"));
    if (error == ERR_NOT_FOUND || error == ERR_INVALID || is_hidden) {
        apicall_error(call, 404, "no_draft", "copy_of", "there is no campaign file %s", copy_of);
        draft_free(*source);
        *source = NULL;
        return false;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
    return error == ERR_OK;
}

/* What the new one has of the call, and of the one it is a copy of. */
static bool add_heads(struct apicall *call, const struct draft *source, struct changes *changes,
                      const char *list)
{
    static const char *const heads[] = {"title", "region", "carrier"};
    changes->list[changes->n++] = (struct draft_change){"campaign", "id", call->params[0]};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const json_t *value = json_object_get(call->body, heads[i]);
        if (value != NULL && !add(call, changes, "campaign", heads[i], heads[i], value)) {
            return false;
        }
    }
    changes->list[changes->n++] = (struct draft_change){"campaign", "recipients", list};
    if (source != NULL) {
        /* The old days are over; the text may lie in a file of the old one. */
        changes->list[changes->n++] = (struct draft_change){"campaign", "start", NULL};
        changes->list[changes->n++] = (struct draft_change){"campaign", "end", NULL};
        changes->list[changes->n++] =
            (struct draft_change){"message", "text", source->text[0] != '\0' ? source->text : NULL};
    }
    return true;
}

static void create(struct apicall *call, const struct draft *source)
{
    static const char empty[] = "[campaign]\n\n[message]\n";
    char list[ROUTE_PARAM_SIZE + 8];
    struct draft *base = NULL;
    struct changes *changes = calloc(1, sizeof *changes);
    snprintf(list, sizeof list, "%s.csv", call->params[0]);
    struct buf bytes;
    buf_init(&bytes, INI_FILE_MAX);
    unfinished_mark(source != NULL ? buf_text(&source->bytes) : empty,
                    source != NULL ? source->bytes.len : strlen(empty), &bytes);
    enum err error = changes == NULL ? ERR_NOMEM : buf_check(&bytes);
    if (error == ERR_OK) {
        error = draft_from_bytes(call->api->settings, call->params[0], buf_text(&bytes), bytes.len,
                                 &base);
    }
    buf_fini(&bytes);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    } else if (add_heads(call, source, changes, list)) {
        bool has_list = source != NULL && source->list != NULL && access(source->list, R_OK) == 0;
        save(call, base, changes, NULL, has_list ? source->list : NULL);
    }
    draft_free(base);
    free(changes);
}

static void create_now(struct apicall *call)
{
    const char *copy_of = json_string_value(json_object_get(call->body, "copy_of"));
    struct draft *source = NULL;
    if (copy_of != NULL && copy_of[0] != '\0' && !load_source(call, copy_of, &source)) {
        return;
    }
    create(call, source);
    draft_free(source);
}

static void on_name_looked(struct apicall *call)
{
    const char *copy_of = json_string_value(json_object_get(call->body, "copy_of"));
    struct draft *source = NULL;
    if (call->found.is_there) {
        apicall_error(call, 409, "exists", "id", "there is a campaign %s already", call->params[0]);
        return;
    }
    if (copy_of != NULL && copy_of[0] != '\0' && !load_source(call, copy_of, &source)) {
        return;
    }
    struct stat list;
    uint64_t bytes = source != NULL && source->list != NULL && stat(source->list, &list) == 0 &&
                             S_ISREG(list.st_mode)
                         ? (uint64_t)list.st_size
                         : 0;
    draft_free(source);
    struct buf reason;
    buf_init(&reason, REASON_MAX_BYTES);
    if (drafting_has_room(call->api->parts.drafting, bytes, &reason)) {
        take_space(call, bytes, create_now);
    } else {
        apicall_error(call, 503, "disk", NULL, "%s", buf_text(&reason));
    }
    buf_fini(&reason);
}

void handle_draft_create(struct apicall *call)
{
    const char *who, *text;
    bool is_copy = json_object_get(call->body, "copy_of") != NULL;
    if (!apicall_actor(call, &who) || !apicall_text(call, "copy_of", false, 64, &text) ||
        !apicall_text(call, "title", !is_copy, 400, &text) ||
        !apicall_text(call, "carrier", !is_copy, 64, &text) || !choose_region(call) ||
        !choose_id(call)) {
        return;
    }
    struct draft_work *work = drafts_work(call);
    if (work != NULL) {
        work->who = who;
        work->status = 201;
        apicall_find_campaign(call, on_name_looked);
    }
}

/* ---- deleting ---- */

static void on_removed(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    apicall_answer(call, 200, json_pack("{s:s}", "id", call->params[0]));
}

static void remove_draft(struct apicall *call, struct draft_work *work)
{
    const char *version = http_request_query(call->request, "version");
    if (version != NULL && strcmp(version, work->draft->version) != 0) {
        apicall_error(call, 409, "stale", "version",
                      "somebody else has saved it meanwhile; look at it again");
        return;
    }
    enum err error = drafting_remove(call->api->parts.drafting, work->draft, on_removed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, error == ERR_IO ? "the file cannot be removed" : NULL);
    }
}

/* A DELETE and a PUT of bytes may have no object as a body: on the control socket the query may
 * name the actor. */
static const char *actor_of(struct apicall *call)
{
    const char *who = json_string_value(json_object_get(call->body, "actor"));
    if (who == NULL) {
        who = http_request_query(call->request, "actor");
    }
    return who != NULL && who[0] != '\0' && strlen(who) <= CALL_ACTOR_MAX ? who : "control";
}

void handle_draft_delete(struct apicall *call)
{
    drafts_open_for_change(call, actor_of(call), remove_draft);
}

/* ---- the list ---- */

/* gives: false when it was answered. */
static bool read_offset(struct apicall *call, uint64_t *at)
{
    const char *text = http_request_query(call->request, "at");
    char *end = NULL;
    *at = 0;
    if (text == NULL || text[0] == '\0') {
        return true;
    }
    errno = 0;
    *at = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9') {
        apicall_error(call, 400, "invalid", "at", "at is \"%s\", not a number of bytes", text);
        return false;
    }
    return true;
}

static void on_part(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_INVALID) {
        apicall_error(call, 400, "list", "recipients", "%s", reason);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else if (work->is_last) {
        char name[160];
        const char *given = http_request_query(call->request, "name");
        given = given != NULL ? given : "";
        problems_show(given, strlen(given), name, sizeof name);
        snprintf(work->detail, sizeof work->detail, "%llu bytes of %s%s",
                 (unsigned long long)work->at, work->is_mended ? "mended rows, " : "", name);
        drafts_audit(call, work->who, "draft upload", work->draft->id, work->detail, answer_done);
    } else {
        apicall_answer(call, 200, json_pack("{s:I}", "at", (json_int_t)work->at));
    }
}

static void refuse_part(struct apicall *call, enum err error, uint64_t at, const char *reason)
{
    if (error == ERR_STALE) {
        char message[128];
        snprintf(message, sizeof message, "the upload stands at byte %llu", (unsigned long long)at);
        apicall_answer(call, 409,
                       json_pack("{s:I, s:{s:s, s:s, s:s}}", "at", (json_int_t)at, "error", "code",
                                 "offset", "message", message, "field", "at"));
    } else if (error == ERR_INVALID) {
        apicall_error(call, 400, "list", "recipients", "%s", reason);
    } else if (error == ERR_RANGE) {
        apicall_error(call, 503, "disk", NULL, "%s", reason);
    } else {
        apicall_fail(call, error,
                     error == ERR_BUSY ? "too many lists are uploaded just now; try again"
                                       : reason);
    }
}

_Static_assert(WORDS_COLUMN_NAMES == DRAFTING_ROW_NAMES, "row names");

static void put_part(struct apicall *call)
{
    struct draft_work *work = call->state;
    const char *name = http_request_query(call->request, "name");
    uint64_t at;
    struct buf reason;
    if (!read_offset(call, &at)) {
        return;
    }
    char shown[NAME_SHOWN_BYTES]; /* the name goes into JSON some day */
    problems_show(name != NULL ? name : "", name != NULL ? strlen(name) : 0, shown, sizeof shown);
    struct drafting_part part = {
        .id = work->draft->id, .who = work->who, .name = shown, .at = at, .last = work->is_last};
    const char *names[WORDS_COLUMN_NAMES];
    words_column(call->api->words, DRAFTS_ROW_COLUMN, names);
    part.mended = work->is_mended ? names : NULL;
    part.bytes = http_request_body(call->request, &part.len);
    work->at = at + part.len;
    buf_init(&reason, REASON_MAX_BYTES);
    enum err error = drafting_upload(call->api->parts.drafting, &part, &at, &reason, on_part, call);
    if (error != ERR_OK) {
        refuse_part(call, error, at, buf_text(&reason));
    }
    buf_fini(&reason);
}

/* What is whole with this part is a list that stays on the disk. */
static void take_part(struct apicall *call, struct draft_work *work)
{
    const char *last = http_request_query(call->request, "last");
    uint64_t at;
    size_t len;
    if (!read_offset(call, &at) || !query_flag(call, "mended", &work->is_mended)) {
        return;
    }
    work->is_last = last != NULL && (strcmp(last, "1") == 0 || strcmp(last, "true") == 0);
    (void)http_request_body(call->request, &len);
    const char *id = work->draft->id;
    if (work->is_last && drafting_expects(call->api->parts.drafting, id, work->who, at)) {
        take_space(call, at + len, put_part);
    } else {
        put_part(call);
    }
}

void handle_draft_recipients(struct apicall *call)
{
    drafts_open_for_change(call, actor_of(call), take_part);
}
