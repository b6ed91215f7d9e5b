/* See drafts.h; the rules are in drafts.lua. */
#include "store/drafts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/numbers.h"
#include "pledge/area.h"
#include "sms/mobile.h"
#include "store/call.h"

#define AREA_ELEMENTS 6

/* ---- drafts ---- */

enum err drafts_touch(struct store *store, const char *id, enum draft_touch what, const char *who,
                      const char *file, const char *sha256, int64_t now_ms, queue_done_fn *done,
                      void *arg)
{
    static const char *const words[] = {
        [DRAFT_CREATE] = "create", [DRAFT_EDIT] = "edit", [DRAFT_UPLOAD] = "upload"};
    struct call call;
    call_begin(&call, store, "or1_draft_touch", KEY_DRAFTS, "");
    call_text(&call, id);
    call_int(&call, now_ms);
    call_text(&call, who);
    call_text(&call, words[what]);
    call_text(&call, file != NULL ? file : "");
    call_text(&call, sha256 != NULL ? sha256 : "");
    return call_send_done(&call, done, arg);
}

struct reading {
    struct store *store;
    drafts_record_fn *done;
    void *arg;
};

static const char *field(const redisReply *pairs, const char *name)
{
    for (size_t i = 0; pairs != NULL && i + 1 < pairs->elements; i += 2) {
        const redisReply *key = pairs->element[i], *value = pairs->element[i + 1];
        if (key->type == REDIS_REPLY_STRING && value->type == REDIS_REPLY_STRING &&
            strcmp(key->str, name) == 0)
            return value->str;
    }
    return "";
}

static int64_t number(const redisReply *pairs, const char *name)
{
    return strtoll(field(pairs, name), NULL, 10);
}

static void on_record(void *arg, enum err error, const redisReply *reply)
{
    struct reading op = *(struct reading *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    const redisReply *pairs = answer.error == ERR_OK ? answer_at(&answer, 1) : NULL;
    struct draft_record record = {.author = field(pairs, "author"),
                                  .updated_by = field(pairs, "by"),
                                  .uploaded_by = field(pairs, "upby"),
                                  .file = field(pairs, "file"),
                                  .sha256 = field(pairs, "sha"),
                                  .made_ms = number(pairs, "made"),
                                  .updated_ms = number(pairs, "at"),
                                  .uploaded_ms = number(pairs, "upat"),
                                  .state = field(pairs, "state"),
                                  .digest = field(pairs, "digest"),
                                  .asked_by = field(pairs, "askby"),
                                  .decided_by = field(pairs, "decby"),
                                  .reason = field(pairs, "why"),
                                  .asked_ms = number(pairs, "askat"),
                                  .decided_ms = number(pairs, "decat"),
                                  .people = (uint64_t)number(pairs, "people")};
    op.done(op.arg, answer.error, answer.reason, answer.error == ERR_OK ? &record : NULL);
}

enum err drafts_read(struct store *store, const char *id, drafts_record_fn *done, void *arg)
{
    struct call call;
    const struct reading op = {store, done, arg};
    call_begin(&call, store, "or1_draft_read", KEY_DRAFTS, "");
    call_text(&call, id);
    return call_send_with(&call, on_record, &op, sizeof op);
}

struct asking_who_waits {
    struct store *store;
    drafts_waiting_fn *done;
    void *arg;
};

static void on_waiting(void *arg, enum err error, const redisReply *reply)
{
    struct asking_who_waits op = *(struct asking_who_waits *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    const redisReply *pairs = answer.error == ERR_OK ? answer_at(&answer, 1) : NULL;
    size_t most = pairs != NULL ? pairs->elements / 2 : 0, n = 0;
    struct draft_waiting *rows = calloc(most + 1, sizeof *rows);
    if (rows == NULL)
        answer.error = ERR_NOMEM;
    for (size_t i = 0; rows != NULL && i < most; i++) {
        const redisReply *id = pairs->element[2 * i], *state = pairs->element[2 * i + 1];
        if (id->type == REDIS_REPLY_STRING && state->type == REDIS_REPLY_STRING)
            rows[n++] = (struct draft_waiting){id->str, state->str};
    }
    op.done(op.arg, answer.error, rows, n);
    free(rows);
}

enum err drafts_waiting(struct store *store, drafts_waiting_fn *done, void *arg)
{
    struct call call;
    const struct asking_who_waits op = {store, done, arg};
    call_begin(&call, store, "or1_draft_waiting", KEY_DRAFTS, "");
    return call_send_with(&call, on_waiting, &op, sizeof op);
}

enum err drafts_drop(struct store *store, const char *id, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_draft_drop", KEY_DRAFTS, "");
    call_text(&call, id);
    return call_send_done(&call, done, arg);
}

enum err drafts_ask(struct store *store, const char *id, const char *who, const char *digest,
                    uint64_t people, int64_t now_ms, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_draft_ask", KEY_DRAFTS, "");
    call_text(&call, id);
    call_int(&call, now_ms);
    call_text(&call, who);
    call_text(&call, digest);
    call_int(&call, (int64_t)people);
    return call_send_done(&call, done, arg);
}

enum err drafts_decide(struct store *store, const char *id, const char *who, const char *digest,
                       bool approve, const char *reason, int64_t now_ms, queue_done_fn *done,
                       void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_draft_decide", KEY_DRAFTS, "");
    call_text(&call, id);
    call_int(&call, now_ms);
    call_text(&call, who);
    call_text(&call, digest);
    call_text(&call, approve ? "1" : "0");
    call_text(&call, reason);
    return call_send_done(&call, done, arg);
}

/* ---- areas ---- */

static void add_region(struct call *call, uint64_t region)
{
    call_int(call, (int64_t)region);
}

struct listing {
    struct store *store;
    drafts_areas_fn *done;
    void *arg;
};

static bool read_area(redisReply *one, struct area_record *area)
{
    if (one->type != REDIS_REPLY_ARRAY || one->elements != AREA_ELEMENTS)
        return false;
    for (size_t i = 0; i < AREA_ELEMENTS; i++) {
        if (one->element[i]->type != REDIS_REPLY_STRING)
            return false;
    }
    *area = (struct area_record){.region = strtoull(one->element[0]->str, NULL, 10),
                                 .is_live = strcmp(one->element[1]->str, "live") == 0,
                                 .since_ms = strtoll(one->element[2]->str, NULL, 10),
                                 .by = one->element[3]->str,
                                 .reason = one->element[4]->str,
                                 .own = one->element[5]->str};
    return true;
}

static void on_areas(void *arg, enum err error, const redisReply *reply)
{
    struct listing op = *(struct listing *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    size_t n = 0, most = answer.error == ERR_OK ? answer_len(&answer) : 0;
    struct area_record *areas = calloc(most + 1, sizeof *areas);
    if (areas == NULL)
        answer.error = ERR_NOMEM;
    for (size_t i = 1; areas != NULL && i < most; i++)
        n += read_area(answer.reply->element[i], &areas[n]);
    op.done(op.arg, answer.error, areas, n);
    free(areas);
}

enum err drafts_areas(struct store *store, uint64_t scope, uint64_t after, size_t most,
                      drafts_areas_fn *done, void *arg)
{
    struct call call;
    char digits[AREA_TEXT_SIZE];
    const struct listing op = {store, done, arg};
    call_begin(&call, store, "or1_area_list", KEY_DRAFTS, "");
    if (after == DRAFTS_AREAS_FIRST)
        call_text(&call, "");
    else
        add_region(&call, after);
    call_text(&call, area_format(scope, digits));
    call_int(&call, (int64_t)most);
    return call_send_with(&call, on_areas, &op, sizeof op);
}

enum err drafts_area_set(struct store *store, uint64_t region, bool is_live, const char *who,
                         const char *reason, int64_t now_ms, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_area_set", KEY_DRAFTS, "");
    add_region(&call, region);
    call_int(&call, now_ms);
    call_text(&call, who);
    call_text(&call, is_live ? "live" : "trial");
    call_text(&call, reason);
    return call_send_done(&call, done, arg);
}

enum err drafts_area_numbers(struct store *store, uint64_t region, const uint64_t *numbers,
                             size_t n, const char *who, int64_t now_ms, queue_done_fn *done,
                             void *arg)
{
    struct call call;
    char text[AREA_OWN_MAX * 12 + 1] = "";
    if (n > AREA_OWN_MAX)
        return ERR_TOO_BIG;
    for (size_t i = 0, at = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%" PRIu64, i > 0 ? " " : "",
                               numbers[i]);
    call_begin(&call, store, "or1_area_numbers", KEY_DRAFTS, "");
    add_region(&call, region);
    call_int(&call, now_ms);
    call_text(&call, who);
    call_text(&call, text);
    return call_send_done(&call, done, arg);
}

struct finding {
    struct store *store;
    drafts_standing_fn *done;
    void *arg;
};

static size_t read_numbers(const char *text, uint64_t *out, size_t max)
{
    size_t n = 0;
    while (n < max) {
        text += strspn(text, " ");
        size_t len = strcspn(text, " ");
        if (len == 0)
            break;
        n += mobile_parse(text, len, &out[n]) == MOBILE_OK;
        text += len;
    }
    numbers_sort(out, n);
    return n;
}

static void on_standing(void *arg, enum err error, const redisReply *reply)
{
    struct finding op = *(struct finding *)arg;
    free(arg);
    uint64_t own[AREA_OWN_MAX * AREA_LEVELS];
    struct answer answer = answer_read(op.store, error, reply);
    struct area_standing standing = {.is_live = strcmp(answer_text(&answer, 1), "live") == 0,
                                     .own = own};
    standing.n_own = read_numbers(answer_text(&answer, 2), own, sizeof own / sizeof *own);
    op.done(op.arg, answer.error, answer.reason, answer.error == ERR_OK ? &standing : NULL);
}

enum err drafts_area_find(struct store *store, uint64_t region, drafts_standing_fn *done, void *arg)
{
    struct call call;
    uint64_t line[AREA_LEVELS];
    const struct finding op = {store, done, arg};
    call_begin(&call, store, "or1_area_find", KEY_DRAFTS, "");
    for (size_t i = area_ancestors(region, line); i > 0; i--)
        add_region(&call, line[i - 1]);
    return call_send_with(&call, on_standing, &op, sizeof op);
}

enum err drafts_allowance_take(struct store *store, const char *whose, uint32_t day, uint64_t n,
                               uint64_t most, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_allowance_take", KEY_DRAFTS, "");
    call_int(&call, day);
    call_text(&call, whose);
    call_int(&call, (int64_t)n);
    call_int(&call, (int64_t)most);
    return call_send_done(&call, done, arg);
}

struct counting {
    struct store *store;
    drafts_count_fn *done;
    void *arg;
};

static void on_counted(void *arg, enum err error, const redisReply *reply)
{
    struct counting op = *(struct counting *)arg;
    free(arg);
    struct answer answer = answer_read(op.store, error, reply);
    op.done(op.arg, answer.error, answer.error == ERR_OK ? (uint64_t)answer_int(&answer, 1) : 0);
}

enum err drafts_allowance_taken(struct store *store, const char *whose, uint32_t day,
                                drafts_count_fn *done, void *arg)
{
    struct call call;
    const struct counting op = {store, done, arg};
    call_begin(&call, store, "or1_allowance_taken", KEY_DRAFTS, "");
    call_int(&call, day);
    call_text(&call, whose);
    return call_send_with(&call, on_counted, &op, sizeof op);
}

/* ---- launched without an approval ---- */

enum err drafts_launched_take(struct store *store, const char *user, const char *id,
                              uint64_t people, uint64_t most, queue_done_fn *done, void *arg)
{
    struct call call;
    call_begin(&call, store, "or1_launched_take", KEY_DRAFTS, "");
    call_text(&call, user);
    call_text(&call, id);
    call_int(&call, (int64_t)people);
    call_int(&call, (int64_t)most);
    return call_send_done(&call, done, arg);
}

enum err drafts_launched(struct store *store, const char *user, const char *id,
                         drafts_count_fn *done, void *arg)
{
    struct call call;
    const struct counting op = {store, done, arg};
    call_begin(&call, store, "or1_launched_sum", KEY_DRAFTS, "");
    call_text(&call, user);
    call_text(&call, id);
    return call_send_with(&call, on_counted, &op, sizeof op);
}
