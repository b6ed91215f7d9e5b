/* /api/v1/optouts … and /api/v1/recipients/lookup. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "api/query.h"
#include "api/trial.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/ids.h"
#include "sms/mobile.h"
#include "sms/optouts.h"
#include "store/drafts.h"

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

static void add(struct apicall *call)
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

/* ---- who may add how many: an opt-out holds for the whole country, and only an operator takes it
 * back ---- */

static bool is_bound(const struct apicall *call)
{
    return call->who.via != VIA_CONTROL && !who_has_role(&call->who, ROLE_BIT(ROLE_OPERATOR));
}

static void on_taken(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_REFUSED) {
        apicall_error(call, 409, "too_many", "numbers",
                      "these are more than are left of the %u opt-outs that you may add today "
                      "(optout_daily): "
                      "give the list to an operator",
                      call->api->settings->daemon.optout_daily);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else {
        add(call);
    }
}

static void on_standing(void *arg, enum err error, const char *reason,
                        const struct area_standing *standing)
{
    struct apicall *call = arg;
    char whose[TRIAL_WHOSE_SIZE];
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK && !standing->is_live) {
        apicall_error(call, 409, "trial", NULL,
                      "the area is in trial: what is done in it touches nobody outside");
        return;
    }
    if (error == ERR_OK) {
        snprintf(whose, sizeof whose, "o:%s", call->who.name);
        error = drafts_allowance_take(call->api->parts.store, whose, apicall_today(call),
                                      json_array_size(json_object_get(call->body, "numbers")),
                                      call->api->settings->daemon.optout_daily, on_taken, call);
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    }
}

void handle_optout_add(struct apicall *call)
{
    const char *reason;
    uint64_t *numbers;
    size_t n;
    if (!is_bound(call)) {
        add(call);
        return;
    }
    if (!apicall_text(call, "reason", true, CALL_REASON_MAX, &reason) ||
        !apicall_mobiles(call, "numbers", OPTOUTS_A_CALL_MAX, &numbers, &n)) {
        return; /* what is wrong takes nothing of the day */
    }
    free(numbers);
    enum err error = drafts_area_find(call->api->parts.store, call->who.area, on_standing, call);
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

/* ---- pages ----
 *
 * The cursor names the last number of the page before, which must stand in no log of a proxy:
 *
 *     2f1c…(16 hex digits)  by chance, once for each cursor
 *     81d0…(10)             the number, covered with a digest of the key and the first part
 *     77a2…(16)             a digest of the key and both: what we did not make is not read
 *
 * The key lives as long as the process. */

#define NONCE_BYTES 8
#define NUMBER_BYTES 5
#define SEAL_BYTES 8
#define CURSOR_BYTES ((size_t)NONCE_BYTES + NUMBER_BYTES + SEAL_BYTES)

static void cover(const struct api *api, const char *what, const uint8_t *bytes, size_t len,
                  uint8_t out[DIGEST_SHA256_BYTES])
{
    const struct digest_part parts[] = {
        {api->cursor_key, sizeof api->cursor_key}, {what, 1}, {bytes, len}};
    digest_sha256(parts, sizeof parts / sizeof *parts, out);
}

static void cursor_write(const struct api *api, uint64_t number, char out[2 * CURSOR_BYTES + 1])
{
    uint8_t bytes[CURSOR_BYTES], mask[DIGEST_SHA256_BYTES];
    uint64_t nonce = ids_random_u64();
    memcpy(bytes, &nonce, NONCE_BYTES);
    cover(api, "n", bytes, NONCE_BYTES, mask);
    for (size_t i = 0; i < NUMBER_BYTES; i++) {
        bytes[NONCE_BYTES + i] = (uint8_t)(mask[i] ^ (uint8_t)(number >> (8 * i)));
    }
    cover(api, "s", bytes, NONCE_BYTES + NUMBER_BYTES, mask);
    memcpy(bytes + NONCE_BYTES + NUMBER_BYTES, mask, SEAL_BYTES);
    digest_to_hex(bytes, CURSOR_BYTES, out);
}

static bool cursor_read(const struct api *api, const char *text, uint64_t *number)
{
    uint8_t bytes[CURSOR_BYTES], mask[DIGEST_SHA256_BYTES], seal = 0;
    if (strlen(text) != 2 * CURSOR_BYTES || strspn(text, "0123456789abcdef") != strlen(text)) {
        return false;
    }
    for (size_t i = 0; i < CURSOR_BYTES; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    cover(api, "s", bytes, NONCE_BYTES + NUMBER_BYTES, mask);
    for (size_t i = 0; i < SEAL_BYTES; i++) {
        seal |= mask[i] ^ bytes[NONCE_BYTES + NUMBER_BYTES + i];
    }
    cover(api, "n", bytes, NONCE_BYTES, mask);
    *number = 0;
    for (size_t i = 0; i < NUMBER_BYTES; i++) {
        *number |= (uint64_t)(uint8_t)(mask[i] ^ bytes[NONCE_BYTES + i]) << (8 * i);
    }
    return seal == 0;
}

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
    char cursor[2 * CURSOR_BYTES + 1] = "";
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(array, encode_optout(&records[i], apicall_offset_min(call)));
    }
    if (more && n > 0) {
        cursor_write(call->api, records[n - 1].number, cursor);
    }
    apicall_answer(call, 200, json_pack("{s:o, s:s}", "optouts", array, "cursor", cursor));
}

void handle_optout_page(struct apicall *call)
{
    uint64_t after = 0, limit;
    const char *cursor;
    if (!query_number(call, "limit", OPTOUTS_A_PAGE_MAX, OPTOUTS_A_PAGE_MAX, &limit) ||
        !query_text(call, "cursor", QUERY_CURSOR_SIZE - 1, &cursor)) {
        return;
    }
    if (cursor[0] != '\0' && !cursor_read(call->api, cursor, &after)) {
        query_refuse_cursor(call);
        return;
    }
    enum err error =
        optout_page(call->api->parts.store, after, limit > 0 ? limit : 1, on_page, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
