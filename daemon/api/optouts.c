/* /api/v1/optouts … and /api/v1/recipients/lookup. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "base/clock.h"
#include "base/ids.h"
#include "sms/mobile.h"
#include "sms/optouts.h"

/* ---- lookup ---- */

static void on_lookup(void *arg, enum err error, const uint8_t *flags, size_t n)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    char *text = error == ERR_OK ? malloc(n + 1) : NULL;
    if (error == ERR_OK && text == NULL) {
        error = ERR_NOMEM;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)('0' + (flags[i] & 3));
    }
    text[n] = '\0';
    apicall_answer(call, 200, json_pack("{s:s}", "flags", text));
    free(text);
}

void handle_recipients_lookup(struct apicall *call)
{
    static const char *const words[] = {[CLASS_PUBLICITY] = "publicity",
                                        [CLASS_NOTICE] = "notice",
                                        [CLASS_RECEIPT] = "receipt",
                                        NULL};
    const char *group, *carrier;
    uint64_t *numbers;
    int64_t seq;
    size_t n;
    int class_;
    if (!apicall_word(call, "class", words, true, &class_) ||
        !apicall_text(call, "dedup_group", false, 64, &group) ||
        !apicall_text(call, "carrier", false, 64, &carrier) ||
        !apicall_integer(call, "seq", 0, &seq) ||
        !apicall_mobiles(call, "numbers", OPTOUTS_A_CALL_MAX, &numbers, &n)) {
        return;
    }
    enum err error = optout_lookup(call->api->parts.store, numbers, n, class_ == CLASS_RECEIPT,
                                   group, carrier, (uint32_t)seq, 0, on_lookup, call);
    free(numbers);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- add ---- */

static void on_added(void *arg, enum err error, uint64_t fresh)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    size_t given = json_array_size(json_object_get(call->body, "numbers"));
    apicall_answer(call, 200,
                   json_pack("{s:I, s:I}", "given", (json_int_t)given, "fresh", (json_int_t)fresh));
}

void handle_optout_add(struct apicall *call)
{
    static const char *const scopes[] = {"marketing", "all", NULL}, *const sources[] = {
                                                                        "operator", "import", NULL};
    const char *actor, *reason;
    char detail[CALL_ACTOR_MAX + CALL_REASON_MAX + 8];
    uint64_t *numbers;
    size_t n;
    int scope, source;
    if (!apicall_actor(call, &actor) ||
        !apicall_text(call, "reason", false, CALL_REASON_MAX, &reason) ||
        !apicall_word(call, "scope", scopes, false, &scope) ||
        !apicall_word(call, "source", sources, false, &source) ||
        !apicall_mobiles(call, "numbers", OPTOUTS_A_CALL_MAX, &numbers, &n)) {
        return;
    }
    snprintf(detail, sizeof detail, "%s%s%s", actor, reason[0] != '\0' ? ": " : "", reason);
    struct optout_record *records = calloc(n, sizeof *records);
    for (size_t i = 0; records != NULL && i < n; i++) {
        records[i] = (struct optout_record){.number = numbers[i],
                                            .scope = scope == 1 ? OPTOUT_ALL : OPTOUT_MARKETING,
                                            .at_ms = clock_wall_ms(),
                                            .source = source == 1 ? "import" : "operator",
                                            .detail = detail};
    }
    enum err error = records != NULL
                         ? optout_add(call->api->parts.store, records, n, on_added, call)
                         : ERR_NOMEM;
    free(records);
    free(numbers);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- remove, check ---- */

static void on_removed(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_optout", "number", "this number has not opted out");
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else {
        apicall_answer(call, 200, json_pack("{s:b}", "removed", 1));
    }
}

void handle_optout_remove(struct apicall *call)
{
    const char *actor, *reason;
    uint64_t number;
    if (!apicall_actor(call, &actor) ||
        !apicall_text(call, "reason", false, CALL_REASON_MAX, &reason) ||
        !apicall_mobile(call, "number", &number)) {
        return;
    }
    enum err error = optout_remove(call->api->parts.store, number, actor, reason, clock_wall_ms(),
                                   on_removed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_checked(void *arg, enum err error, const struct optout_record *record)
{
    struct apicall *call = arg;
    char number[MOBILE_TEXT_SIZE];
    uint64_t asked = 0;
    if (!apicall_lives(call)) {
        return;
    }
    bool known = error == ERR_OK && record != NULL && record->at_ms != 0;
    if (error != ERR_OK && error != ERR_NOT_FOUND) {
        apicall_fail(call, error, NULL);
        return;
    }
    json_t *json = known ? encode_optout(record, apicall_offset_min(call)) : json_object();
    if (!known && apicall_mobile(call, "number", &asked)) {
        mobile_format(asked, number);
        json_object_set_new(json, "number", json_string(number));
    }
    json_object_set_new(json, "opted_out", json_boolean(known));
    apicall_answer(call, 200, json);
}

void handle_optout_check(struct apicall *call)
{
    uint64_t number;
    if (!apicall_mobile(call, "number", &number)) {
        return;
    }
    enum err error = optout_check(call->api->parts.store, number, on_checked, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- pages ---- */

static void on_page(void *arg, enum err error, const struct optout_record *records, size_t n,
                    bool more)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, encode_optout(&records[i], apicall_offset_min(call)));
    }
    apicall_answer(call, 200, json_pack("{s:o, s:b}", "optouts", array, "more", more));
}

static bool query_number(struct apicall *call, const char *name, uint64_t fallback, uint64_t max,
                         uint64_t *out)
{
    const char *text = http_request_query(call->request, name);
    char *end;
    *out = fallback;
    if (text == NULL) {
        return true;
    }
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || *out > max) {
        apicall_error(call, 400, "invalid", name, "%s must be a whole number up to %llu", name,
                      (unsigned long long)max);
        return false;
    }
    return true;
}

void handle_optout_page(struct apicall *call)
{
    uint64_t after, limit;
    if (!query_number(call, "after", 0, UINT64_C(99999999999), &after) ||
        !query_number(call, "limit", OPTOUTS_A_PAGE_MAX, OPTOUTS_A_PAGE_MAX, &limit)) {
        return;
    }
    enum err error =
        optout_page(call->api->parts.store, after, limit > 0 ? limit : 1, on_page, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
