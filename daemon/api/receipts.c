/* GET and POST /api/v1/pledges/{number}/messages: what a donor was told about a pledge and what
 * became of it, and one of these messages once more, with the same number in it.
 *
 * An order goes onto the ledger's list of what is owed, as a new entry does, so that it is neither
 * lost nor sent twice (pledging/pledging.h); everything that may stand in its way is looked at in
 * that same step. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode.h"
#include "api/encode_ledger.h"
#include "api/guard.h"
#include "api/mask.h"
#include "api/query.h"
#include "base/failpoint.h"
#include "carrier/carrier.h"
#include "pledging/pledging.h"
#include "sms/mobile.h"
#include "sms/state.h"
#include "store/ledger_owed.h"

#define CARRIERS_MAX_BYTES 65536

/* ---- what both share ---- */

/* The number in the path, in its one form. */
static bool settle_number(struct apicall *call)
{
    struct number number;
    char text[NUMBER_TEXT_SIZE];
    if (!query_number_text(call, call->params[0], &number)) {
        return false;
    }
    snprintf(call->params[0], ROUTE_PARAM_SIZE, "%s", number_format(&number, text));
    return true;
}

/* The names of the configured carriers, divided by blanks. errors: ERR_NOMEM */
static enum err list_carriers(const struct apicall *call, struct buf *out)
{
    const struct settings *settings = call->api->settings;
    buf_init(out, CARRIERS_MAX_BYTES);
    for (size_t i = 0; i < settings->n_carriers; i++) {
        buf_addf(out, "%s%s", i > 0 ? " " : "", settings->carriers[i].name);
    }
    return buf_check(out);
}

static void look(struct apicall *call, ledger_messages_fn *done)
{
    struct buf carriers;
    enum err error = list_carriers(call, &carriers);
    if (error == ERR_OK) {
        error = ledger_messages(call->api->parts.store, call->params[0], buf_text(&carriers), done,
                                call);
    }
    buf_fini(&carriers);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* false: the call is answered. */
static bool came(struct apicall *call, enum err error, const char *reason)
{
    if (!apicall_lives(call)) {
        return false;
    }
    if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_pledge", NULL, "%s", reason);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    }
    return error == ERR_OK;
}

static const char *kind_of(const struct ledger_entry *entry)
{
    switch (entry->type) {
    case LEDGER_ARRIVE:
        return "receipt";
    case LEDGER_TICKET:
        return "ticket";
    case LEDGER_PLEDGE:
        return entry->confirmed ? "acknowledgement" : "question";
    default:
        return "acknowledgement";
    }
}

/* The number that stands in its text. */
static const char *number_in(const struct ledger_entry *entry)
{
    return entry->receipt[0] != '\0' ? entry->receipt : entry->pledge;
}

static const char *state_of(const struct ledger_message *message)
{
    uint8_t state = message->told[message->n_told - 1].state;
    return state != 0 ? state_word(state) : message->is_owed ? "owed" : "unknown";
}

/* ---- GET ---- */

static json_t *encode_told(struct apicall *call, const struct ledger_told *told)
{
    const char *meaning = told->code[0] != '\0'
                              ? carrier_meaning(apicall_driver(call, told->carrier),
                                                apicall_codes(call, told->carrier), told->code)
                              : "";
    int offset_min = apicall_offset_min(call);
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "state",
                     told->state != 0 ? state_word(told->state) : "unknown", "carrier",
                     told->carrier, "code", told->code, "meaning", meaning, "submitted_at",
                     encode_time(told->submitted_ms, offset_min), "updated_at",
                     encode_time(told->updated_ms, offset_min));
}

/* NULL: nothing was said for this entry, and nothing will be. */
static json_t *encode_message(struct apicall *call, const struct ledger_message *message)
{
    struct buf text;
    buf_init(&text, PLEDGING_TEXT_MAX_BYTES);
    const char *why = pledging_text(call->api->parts.pledging, &message->owing, &text, NULL);
    bool was_told = message->told[message->n_told - 1].state != 0 || message->n_told > 1;
    if (why != NULL && !was_told && !message->is_owed) {
        buf_fini(&text);
        return NULL;
    }
    json_t *attempts = json_array();
    for (size_t i = 0; i < message->n_told; i++) {
        if (message->told[i].state != 0 || i + 1 < message->n_told) {
            json_array_append_new(attempts, encode_told(call, &message->told[i]));
        }
    }
    char shown[PLEDGING_TEXT_MAX_BYTES + 1];
    snprintf(shown, sizeof shown, "%s", why == NULL ? buf_text(&text) : "");
    if (call->is_masked) {
        mobile_mask_within(shown);
    }
    buf_fini(&text);
    const struct ledger_entry *entry = &message->owing.entry;
    return json_pack(
        "{s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:o}", "entry", (json_int_t)entry->n, "kind",
        kind_of(entry), "number", number_in(entry), "campaign", message->owing.pledge.campaign,
        "at", encode_time(entry->at_ms, apicall_offset_min(call)), "state", state_of(message),
        "text", shown, "silent", why != NULL ? why : "", "attempts", attempts);
}

static void on_messages(void *arg, enum err error, const char *reason,
                        const struct ledger_message *messages, size_t n)
{
    struct apicall *call = arg;
    char mobile[MOBILE_TEXT_SIZE] = "";
    if (!came(call, error, reason)) {
        return;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *message = encode_message(call, &messages[i]);
        if (message != NULL) {
            json_array_append_new(array, message);
        }
    }
    if (n > 0) {
        encode_mobile(messages[0].owing.pledge.mobile, call->is_masked, mobile);
    }
    apicall_answer(call, 200,
                   json_pack("{s:s, s:s, s:o}", "number",
                             n > 0 ? messages[0].owing.pledge.pledge : call->params[0], "mobile",
                             mobile, "messages", array));
}

static void show(struct apicall *call)
{
    look(call, on_messages);
}

void handle_pledge_messages(struct apicall *call)
{
    if (settle_number(call)) {
        mask_settle(call, MASK_ONE, "pledge unmasked", call->params[0], show);
    }
}

/* ---- POST ---- */

static bool is_meant(const struct ledger_entry *entry, const char *number, int64_t n)
{
    if (n != 0) {
        return entry->n == (uint64_t)n;
    }
    return number[0] == 'R' ? entry->type == LEDGER_ARRIVE && strcmp(entry->receipt, number) == 0
                            : strcmp(kind_of(entry), "acknowledgement") == 0;
}

/* The newest that is meant; NULL: answered. */
static const struct ledger_message *choose(struct apicall *call,
                                           const struct ledger_message *messages, size_t n)
{
    int64_t entry = json_integer_value(json_object_get(call->body, "entry"));
    for (size_t i = n; i-- > 0;) {
        if (is_meant(&messages[i].owing.entry, call->params[0], entry)) {
            return &messages[i];
        }
    }
    if (entry != 0) {
        apicall_error(call, 404, "no_entry", "entry", "entry %lld of %s is told to nobody",
                      (long long)entry, call->params[0]);
    } else {
        apicall_error(call, 409, "refused", "entry",
                      "%s: there is no such message; a receipt goes by its own number, any other "
                      "by its entry",
                      call->params[0]);
    }
    return NULL;
}

static void on_ordered(void *arg, enum err error, const char *reason,
                       const struct ledger_ordered *ordered)
{
    struct apicall *call = arg;
    FAILPOINT("receipt_ordered");
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        pledging_wake(call->api->parts.pledging);
        json_t *json = json_incref(call->answer);
        json_object_set_new(json, "attempt", json_integer(ordered->attempt));
        json_object_set_new(json, "repeated", json_boolean(ordered->is_repeated));
        apicall_answer(call, ordered->is_repeated ? 200 : 201, json);
    } else if (error == ERR_REFUSED) {
        bool names_field =
            strcmp(ordered->refusal, "again") == 0 || strcmp(ordered->refusal, "request") == 0;
        apicall_error(call, 409, "refused", names_field ? ordered->refusal : NULL, "%s", reason);
    } else if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_entry", "entry", "%s", reason);
    } else if (error == ERR_CLOSED || error == ERR_TIMEOUT) {
        apicall_error(call, 503, "unknown", NULL,
                      "Redis went away: whether it was ordered is not known; send the same request "
                      "again (\"%s\"), it is sent once at most",
                      json_string_value(json_object_get(call->body, "request")));
    } else {
        apicall_fail(call, error, reason);
    }
}

static void order(struct apicall *call, const struct guard *guard)
{
    struct buf carriers;
    (void)guard;
    enum err error = list_carriers(call, &carriers);
    if (error == ERR_OK) {
        const struct ledger_again wanted = {
            .entry = (uint64_t)json_integer_value(json_object_get(call->answer, "entry")),
            .request = json_string_value(json_object_get(call->body, "request")),
            .anyway = json_is_true(json_object_get(call->body, "again")),
            .carriers = buf_text(&carriers)};
        error = ledger_again(call->api->parts.store, &wanted, on_ordered, call);
    }
    buf_fini(&carriers);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* Whether its carrier leads to a simulator. */
static bool is_simulated(const struct apicall *call, const char *carrier)
{
    const struct settings_carrier *found = settings_carrier(call->api->settings, carrier);
    return found != NULL && found->trial;
}

static void order_chosen(struct apicall *call, const struct ledger_message *message)
{
    static const struct guard simulated = {.is_trial = true};
    const struct ledger_owing *owing = &message->owing;
    const char *carrier = "";
    char area[AREA_TEXT_SIZE], before[64];
    struct buf text;
    buf_init(&text, PLEDGING_TEXT_MAX_BYTES);
    const char *why = pledging_text(call->api->parts.pledging, owing, &text, &carrier);
    buf_fini(&text);
    bool is_void = owing->is_reversed || owing->state == LEDGER_VOIDED ||
                   owing->state == LEDGER_WITHDRAWN; /* the ledger says it better */
    if (why != NULL && !is_void) {
        apicall_error(call, 409, "refused", NULL, "entry %llu: %s",
                      (unsigned long long)owing->entry.n, why);
        return;
    }
    call->answer = json_pack("{s:I, s:s, s:s, s:s, s:s}", "entry", (json_int_t)owing->entry.n,
                             "kind", kind_of(&owing->entry), "number", number_in(&owing->entry),
                             "campaign", owing->pledge.campaign, "request",
                             json_string_value(json_object_get(call->body, "request")));
    snprintf(before, sizeof before, "state=%s", state_of(message));
    apicall_note_change(call, before, "state=owed");
    if (is_simulated(call, carrier)) {
        order(call, &simulated);
    } else {
        area_format(owing->entry.area, area);
        guard_live(call, area, order);
    }
}

static void on_choice(void *arg, enum err error, const char *reason,
                      const struct ledger_message *messages, size_t n)
{
    struct apicall *call = arg;
    if (came(call, error, reason)) {
        const struct ledger_message *message = choose(call, messages, n);
        if (message != NULL) {
            order_chosen(call, message);
        }
    }
}

void handle_pledge_message_again(struct apicall *call)
{
    const char *actor, *reason, *request;
    int64_t entry;
    bool again;
    if (settle_number(call) && apicall_actor(call, &actor) &&
        apicall_text(call, "reason", true, CALL_REASON_MAX, &reason) &&
        apicall_text(call, "request", true, LEDGER_REQUEST_MAX, &request) &&
        apicall_integer(call, "entry", 0, &entry) && apicall_bool(call, "again", &again)) {
        look(call, on_choice);
    }
}
