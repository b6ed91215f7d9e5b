/* The steps of the ledger: POST /api/v1/pledges …, /api/v1/ledger/{reverse,pass,close}.
 *
 * A table says which members each step takes; one that it does not take is refused, so that a slip
 * in its name never becomes an entry without it. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/encode_ledger.h"
#include "api/query.h"
#include "base/clock.h"
#include "base/ids.h"
#include "pledge/money.h"
#include "pledge/typed.h"

#define AMOUNT_TEXT_MAX 64
#define DAY_TEXT_MAX 32

/* ---- members of a body ---- */

enum part {
    P_COMMON, /* every step */
    P_WHAT,
    P_AMOUNT,
    P_DONOR,
    P_REGION,
    P_TO,
    P_VIA,
    P_CAMPAIGN,
    P_PURPOSE,
    P_DUE,
    P_UNCONFIRMED,
    P_OVER,
    P_WHY,
    P_ENTRY,
    P_YEAR,
    P_THROUGH,
    PARTS
};
#define WITH(part) (1U << P_##part)

static const char *const part_fields[PARTS][10] = {
    [P_COMMON] = {"actor", "source", "request", "note", "document", "on"},
    [P_WHAT] = {"kind", "fen", "amount", "item", "quantity", "unit", "value_fen", "value"},
    [P_AMOUNT] = {"fen", "amount", "quantity", "value_fen", "value"},
    [P_DONOR] = {"name", "mobile", "organisation", "public"},
    [P_REGION] = {"region"},
    [P_TO] = {"to"},
    [P_VIA] = {"via"},
    [P_CAMPAIGN] = {"campaign"},
    [P_PURPOSE] = {"purpose"},
    [P_DUE] = {"due"},
    [P_UNCONFIRMED] = {"unconfirmed"},
    [P_OVER] = {"over"},
    [P_WHY] = {"why"},
    [P_ENTRY] = {"entry"},
    [P_YEAR] = {"year"},
    [P_THROUGH] = {"through"},
};

static const unsigned step_parts[LEDGER_TYPES] = {
    [LEDGER_PLEDGE] = WITH(WHAT) | WITH(DONOR) | WITH(REGION) | WITH(CAMPAIGN) | WITH(PURPOSE) |
                      WITH(DUE) | WITH(UNCONFIRMED),
    [LEDGER_CONFIRM] = 0,
    [LEDGER_ARRIVE] = WITH(AMOUNT) | WITH(OVER),
    [LEDGER_DELIVER] = WITH(AMOUNT) | WITH(TO) | WITH(VIA) | WITH(PURPOSE),
    [LEDGER_VOID] = WITH(WHY),
    [LEDGER_WAIVE] = WITH(AMOUNT),
    [LEDGER_TRANSFER] = WITH(DONOR) | WITH(TO) | WITH(DUE) | WITH(PURPOSE),
    [LEDGER_PASS] =
        WITH(WHAT) | WITH(REGION) | WITH(TO) | WITH(CAMPAIGN) | WITH(YEAR) | WITH(PURPOSE),
    [LEDGER_TICKET] = WITH(ENTRY),
    [LEDGER_REVERSE] = WITH(ENTRY) | WITH(WHY),
    [LEDGER_CLOSE] = WITH(REGION) | WITH(THROUGH),
};

static bool is_taken(unsigned parts, const char *field)
{
    for (int part = 0; part < PARTS; part++) {
        if ((parts & 1U << part) == 0) {
            continue;
        }
        for (size_t i = 0; part_fields[part][i] != NULL; i++) {
            if (strcmp(part_fields[part][i], field) == 0) {
                return true;
            }
        }
    }
    return false;
}

static void list_fields(unsigned parts, char *out, size_t size)
{
    for (int part = 0; part < PARTS; part++) {
        for (size_t i = 0; (parts & 1U << part) != 0 && part_fields[part][i] != NULL; i++) {
            size_t len = strlen(out);
            snprintf(out + len, size - len, "%s%s", len > 0 ? ", " : "", part_fields[part][i]);
        }
    }
}

static bool check_fields(struct apicall *call, enum ledger_type type)
{
    unsigned parts = step_parts[type] | WITH(COMMON);
    const char *field;
    json_t *value;
    json_object_foreach(call->body, field, value)
    {
        if (!is_taken(parts, field)) {
            char list[512] = "";
            list_fields(parts, list, sizeof list);
            apicall_error(call, 400, "invalid", field, "%s takes no %.64s; possible: %s",
                          ledger_type_word(type), field, list);
            return false;
        }
    }
    return true;
}

/* ---- reading them ---- */

static bool wrong_amount(struct apicall *call, const char *field, enum err error, const char *text)
{
    apicall_error(
        call, 400, "invalid", field,
        error == ERR_RANGE
            ? "%s: \"%s\" is not from 0.01 to 10000000000000 yuan"
            : "%s: \"%s\" is no exact amount; write it such as 100, 12.50, 1.5万 or 一百元",
        field, text);
    return false;
}

/* "fen" as a whole number, or `typed` as people write it; 0 when neither is there. */
static bool read_money(struct apicall *call, const char *whole, const char *typed, int64_t *fen)
{
    const char *text;
    if (!apicall_integer(call, whole, 0, fen) ||
        !apicall_text(call, typed, false, AMOUNT_TEXT_MAX, &text)) {
        return false;
    }
    if (json_object_get(call->body, whole) != NULL && *fen == 0) {
        apicall_error(call, 400, "invalid", whole, "%s must be from 1", whole);
        return false;
    }
    if (text[0] == '\0') {
        return true;
    }
    if (*fen != 0) {
        apicall_error(call, 400, "invalid", typed, "give %s or %s, not both", whole, typed);
        return false;
    }
    enum err error = typed_amount(text, fen);
    return error == ERR_OK || wrong_amount(call, typed, error, text);
}

static bool read_quantity(struct apicall *call, int64_t *thousandths)
{
    const char *text;
    if (!apicall_text(call, "quantity", false, AMOUNT_TEXT_MAX, &text)) {
        return false;
    }
    if (text[0] == '\0' || typed_quantity(text, thousandths) == ERR_OK) {
        return true;
    }
    apicall_error(call, 400, "invalid", "quantity",
                  "quantity: \"%s\" is no exact number; write it such as 20 or 2.5, at most three "
                  "decimals, without the unit",
                  text);
    return false;
}

static bool read_amounts(struct apicall *call, struct ledger_entry *entry)
{
    return read_money(call, "fen", "amount", &entry->fen) &&
           read_quantity(call, &entry->thousandths) &&
           read_money(call, "value_fen", "value", &entry->value_fen);
}

static bool read_what(struct apicall *call, struct ledger_entry *entry)
{
    static const char *const kinds[] = {[PLEDGE_CASH] = "cash",
                                        [PLEDGE_GOODS] = "goods",
                                        [PLEDGE_PURCHASE] = "purchase",
                                        [PLEDGE_SERVICE] = "service",
                                        NULL};
    int kind;
    if (!read_amounts(call, entry) || !apicall_word(call, "kind", kinds, false, &kind) ||
        !apicall_text(call, "item", false, PLEDGE_ITEM_SIZE - 1, &entry->item) ||
        !apicall_text(call, "unit", false, PLEDGE_UNIT_SIZE - 1, &entry->unit)) {
        return false;
    }
    bool is_thing = entry->item[0] != '\0' || entry->thousandths != 0;
    entry->kind = kind >= 0 ? (enum pledge_kind)kind : is_thing ? PLEDGE_GOODS : PLEDGE_CASH;
    bool is_money = entry->kind == PLEDGE_CASH || entry->kind == PLEDGE_PURCHASE;
    if (is_money ? entry->fen == 0 : entry->thousandths == 0) {
        const char *field = is_money ? "amount" : "quantity";
        apicall_error(call, 400, "missing", field, "%s is missing: %s", field,
                      is_money ? "how much money (or give item, quantity and unit)"
                               : "how much of it, in its unit");
        return false;
    }
    if (!is_money && entry->unit[0] == '\0') {
        apicall_error(call, 400, "missing", "unit", "unit is missing: 袋, 吨, 小时 …");
        return false;
    }
    return true;
}

static bool read_donor(struct apicall *call, struct ledger_entry *entry)
{
    static const char *const words[] = {
        [NAME_FULL] = "name", [NAME_MASKED] = "masked", [NAME_ANONYMOUS] = "anonymous", NULL};
    int shown;
    const json_t *mobile = json_object_get(call->body, "mobile");
    if (!apicall_text(call, "name", false, LEDGER_TEXT_MAX, &entry->name) ||
        !apicall_bool(call, "organisation", &entry->is_organisation) ||
        !apicall_word(call, "public", words, false, &shown)) {
        return false;
    }
    entry->shown = shown >= 0 ? (enum name_shown)shown : NAME_MASKED;
    return mobile == NULL || json_is_null(mobile) || apicall_mobile(call, "mobile", &entry->mobile);
}

static bool read_day(struct apicall *call, const char *field, bool required, uint32_t *day)
{
    const char *text;
    if (!apicall_text(call, field, required, DAY_TEXT_MAX, &text)) {
        return false;
    }
    if (text[0] == '\0' || typed_day(text, day) == ERR_OK) {
        return true;
    }
    apicall_error(call, 400, "invalid", field, "%s: \"%s\" is no day; write it 2026-10-17", field,
                  text);
    return false;
}

static bool read_campaign(struct apicall *call, struct ledger_entry *entry)
{
    if (!apicall_text(call, "campaign", false, ROUTE_PARAM_SIZE - 1, &entry->campaign)) {
        return false;
    }
    if (entry->campaign[0] == '\0' || ids_valid_name(entry->campaign)) {
        return true;
    }
    apicall_error(call, 400, "invalid", "campaign", "campaign: \"%s\" is no campaign's id",
                  entry->campaign);
    return false;
}

static bool read_why(struct apicall *call, struct ledger_entry *entry)
{
    static const char *const words[] = {"error", "donor", "bank", NULL};
    static const enum ledger_why whys[] = {LEDGER_WHY_ERROR, LEDGER_WHY_DONOR, LEDGER_WHY_BANK};
    int i;
    if (!apicall_word(call, "why", words, true, &i)) {
        return false;
    }
    entry->why = whys[i];
    return true;
}

static bool read_ref(struct apicall *call, bool required, struct ledger_entry *entry)
{
    int64_t ref;
    if (!apicall_integer(call, "entry", 0, &ref)) {
        return false;
    }
    if (required && ref == 0) {
        apicall_error(call, 400, "missing", "entry", "entry is missing: the number of the entry");
        return false;
    }
    entry->ref = (uint64_t)ref;
    return true;
}

static bool read_year(struct apicall *call, struct ledger_entry *entry)
{
    int64_t year;
    if (!apicall_integer(call, "year", 0, &year)) {
        return false;
    }
    if (year != 0 && (year < 2000 || year > 2999)) {
        apicall_error(call, 400, "invalid", "year", "year must be from 2000 to 2999");
        return false;
    }
    entry->year = (uint32_t)year;
    return true;
}

/* What an area holds is only spent by who may act for it; without one it is the pledge's own. */
static bool read_via(struct apicall *call, struct ledger_entry *entry)
{
    return apicall_place(call, "via", false, &entry->via) &&
           (json_object_get(call->body, "via") == NULL || entry->via == 0 ||
            apicall_may_area(call, "via", entry->via));
}

static bool read_common(struct apicall *call, struct ledger_entry *entry)
{
    static const char *const sources[] = {"api", "console", "cli", "csv", NULL};
    int source;
    if (!apicall_actor(call, &entry->actor) ||
        !apicall_word(call, "source", sources, false, &source) ||
        !apicall_text(call, "request", true, LEDGER_REQUEST_MAX, &entry->request) ||
        !apicall_text(call, "note", false, LEDGER_NOTE_MAX, &entry->note) ||
        !apicall_text(call, "document", false, LEDGER_TEXT_MAX, &entry->document) ||
        !read_day(call, "on", false, &entry->on)) {
        return false;
    }
    entry->source = sources[source >= 0 ? source : 0];
    return true;
}

static bool read_parts(struct apicall *call, struct ledger_entry *entry)
{
    unsigned parts = step_parts[entry->type];
    bool unconfirmed = false;
#define HAS(part) ((parts & WITH(part)) != 0)
    bool fine =
        read_common(call, entry) && (!HAS(WHAT) || read_what(call, entry)) &&
        (!HAS(AMOUNT) || read_amounts(call, entry)) && (!HAS(DONOR) || read_donor(call, entry)) &&
        (!HAS(REGION) || apicall_area(call, "region", true, &entry->area)) &&
        (!HAS(TO) || apicall_place(call, "to", entry->type == LEDGER_PASS, &entry->to)) &&
        (!HAS(VIA) || read_via(call, entry)) && (!HAS(CAMPAIGN) || read_campaign(call, entry)) &&
        (!HAS(PURPOSE) || apicall_text(call, "purpose", false, LEDGER_TEXT_MAX, &entry->purpose)) &&
        (!HAS(DUE) || read_day(call, "due", false, &entry->due)) &&
        (!HAS(UNCONFIRMED) || apicall_bool(call, "unconfirmed", &unconfirmed)) &&
        (!HAS(OVER) || apicall_bool(call, "over", &entry->over)) &&
        (!HAS(WHY) || read_why(call, entry)) &&
        (!HAS(ENTRY) || read_ref(call, entry->type == LEDGER_REVERSE, entry)) &&
        (!HAS(YEAR) || read_year(call, entry)) &&
        (!HAS(THROUGH) || read_day(call, "through", true, &entry->on));
#undef HAS
    if (fine) { /* else the call is answered, and the entry is gone with it */
        entry->confirmed = entry->type == LEDGER_PLEDGE && !unconfirmed;
    }
    return fine;
}

/* ---- posting ---- */

struct step {
    struct apicall *call;
    struct ledger_entry entry;
    char pledge[NUMBER_TEXT_SIZE];
};

/* Which member of the body a refusal of the ledger is about. */
static const char *refused_field(const struct step *step, const char *word)
{
    static const struct {
        const char *word, *field;
    } rows[] = {{"area", "region"}, {"date", "on"},         {"closed", "on"},
                {"donor", "name"},  {"cap", "mobile"},      {"held", "via"},
                {"why", "why"},     {"request", "request"}, {"amount", "amount"}};
    if (strcmp(word, "amount") == 0 && step->entry.thousandths != 0) {
        return "quantity";
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].word, word) == 0) {
            return rows[i].field;
        }
    }
    return NULL;
}

static void on_posted(void *arg, enum err error, const char *reason,
                      const struct ledger_posted *posted)
{
    struct step *step = arg;
    struct apicall *call = step->call;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_OK) {
        pledging_wake(call->api->parts.pledging); /* a donor may be owed a message */
        apicall_note_made(call, posted->pledge);
        apicall_answer(call, posted->repeated ? 200 : 201,
                       encode_posted(posted, step->entry.request));
    } else if (error == ERR_REFUSED) {
        apicall_error(call, 409, "refused", refused_field(step, posted->refusal), "%s", reason);
    } else if (error == ERR_NOT_FOUND) {
        bool names_entry = step->entry.ref != 0;
        apicall_error(call, 404, names_entry ? "no_entry" : "no_pledge",
                      names_entry ? "entry" : NULL, "%s", reason);
    } else if (error == ERR_CLOSED || error == ERR_TIMEOUT) {
        apicall_error(call, 503, "unknown", NULL,
                      "Redis went away: whether it was booked is not known; send the same request "
                      "again (\"%s\"), it is booked once at most",
                      step->entry.request);
    } else {
        apicall_fail(call, error, reason);
    }
}

static void post(struct apicall *call)
{
    struct step *step = call->state;
    enum err error =
        ledger_post(call->api->parts.store, &step->entry, 0, clock_wall_ms(), on_posted, step);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* The number in the path, in its one form. */
static bool read_number(struct apicall *call, bool receipts, char out[NUMBER_TEXT_SIZE])
{
    struct number number;
    if (!query_number_text(call, call->params[0], &number)) {
        return false;
    }
    if (number.is_receipt && !receipts) {
        apicall_error(call, 400, "invalid", NULL,
                      "%s is the number of a receipt; give the number of the pledge",
                      call->params[0]);
        return false;
    }
    number_format(&number, out);
    return true;
}

static struct step *step_new(struct apicall *call, enum ledger_type type)
{
    struct step *step = calloc(1, sizeof *step);
    if (step == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return NULL;
    }
    step->call = call;
    step->entry.type = type;
    call->state = step;
    call->free_state = free;
    return check_fields(call, type) && read_parts(call, &step->entry) ? step : NULL;
}

static void handle_step(struct apicall *call, enum ledger_type type)
{
    struct step *step = step_new(call, type);
    if (step != NULL) {
        apicall_known_campaign(call, step->entry.campaign != NULL ? step->entry.campaign : "",
                               step->entry.request, post);
    }
}

static void handle_pledge_step(struct apicall *call, enum ledger_type type)
{
    struct step *step = step_new(call, type);
    if (step != NULL && read_number(call, false, step->pledge)) {
        step->entry.pledge = step->pledge;
        post(call);
    }
}

void handle_pledge_add(struct apicall *call)
{
    handle_step(call, LEDGER_PLEDGE);
}

void handle_pledge_confirm(struct apicall *call)
{
    handle_pledge_step(call, LEDGER_CONFIRM);
}

void handle_pledge_arrive(struct apicall *call)
{
    handle_pledge_step(call, LEDGER_ARRIVE);
}

void handle_pledge_deliver(struct apicall *call)
{
    handle_pledge_step(call, LEDGER_DELIVER);
}

void handle_pledge_void(struct apicall *call)
{
    handle_pledge_step(call, LEDGER_VOID);
}

void handle_pledge_waive(struct apicall *call)
{
    handle_pledge_step(call, LEDGER_WAIVE);
}

void handle_pledge_transfer(struct apicall *call)
{
    handle_pledge_step(call, LEDGER_TRANSFER);
}

void handle_ledger_reverse(struct apicall *call)
{
    handle_step(call, LEDGER_REVERSE);
}

void handle_ledger_pass(struct apicall *call)
{
    handle_step(call, LEDGER_PASS);
}

void handle_ledger_close(struct apicall *call)
{
    handle_step(call, LEDGER_CLOSE);
}

/* ---- what corrects an entry of a pledge: the pledge is looked up first ---- */

static bool is_reversed(const struct ledger_pledge *pledge, uint64_t n)
{
    for (size_t i = 0; i < pledge->n_entries; i++) {
        struct ledger_entry entry;
        if (ledger_row_read(&pledge->entries[i], &entry) == ERR_OK &&
            entry.type == LEDGER_REVERSE && entry.ref == n) {
            return true;
        }
    }
    return false;
}

/* The arrival of the pledge that still stands, or the one with that receipt, whatever became of it:
 * then the ledger says why not. 0 and *n: how many there are. */
static uint64_t find_arrival(const struct ledger_pledge *pledge, const char *number, size_t *n)
{
    uint64_t found = 0;
    *n = 0;
    for (size_t i = 0; i < pledge->n_entries; i++) {
        struct ledger_entry entry;
        if (ledger_row_read(&pledge->entries[i], &entry) != ERR_OK || entry.type != LEDGER_ARRIVE ||
            (number[0] == 'R' ? strcmp(entry.receipt, number) != 0
                              : is_reversed(pledge, entry.n))) {
            continue;
        }
        found = entry.n;
        (*n)++;
    }
    return *n == 1 ? found : 0;
}

/* The area was checked of the pledge in the path: an entry of another may lie anywhere. */
static bool has_entry(const struct ledger_pledge *pledge, uint64_t n)
{
    for (size_t i = 0; i < pledge->n_entries; i++) {
        if (pledge->entries[i].n == n) {
            return true;
        }
    }
    return false;
}

/* The pledge of the path was read, and the entry of the body, if there is one, is its own. */
static bool is_of_pledge(const struct step *step, enum err error, const char *reason,
                         const struct ledger_pledges *pledges)
{
    struct apicall *call = step->call;
    if (!apicall_lives(call)) {
        return false;
    }
    if (error == ERR_NOT_FOUND) {
        apicall_error(call, 404, "no_pledge", NULL, "%s", reason);
        return false;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return false;
    }
    if (step->entry.ref != 0 && !has_entry(&pledges->pledges[0], step->entry.ref)) {
        apicall_error(call, 404, "no_entry", "entry", "entry %llu is none of %s",
                      (unsigned long long)step->entry.ref, step->pledge);
        return false;
    }
    return true;
}

static void look_up(struct step *step, ledger_pledges_fn *then)
{
    enum err error =
        ledger_show(step->call->api->parts.store, step->pledge, 0, clock_wall_ms(), then, step);
    if (error != ERR_OK) {
        apicall_fail(step->call, error, NULL);
    }
}

static void on_ticket_pledge(void *arg, enum err error, const char *reason,
                             const struct ledger_pledges *pledges)
{
    struct step *step = arg;
    struct apicall *call = step->call;
    size_t n;
    if (!is_of_pledge(step, error, reason, pledges)) {
        return;
    }
    if (step->entry.ref != 0) {
        post(call);
        return;
    }
    step->entry.ref = find_arrival(&pledges->pledges[0], step->pledge, &n);
    if (step->entry.ref == 0) {
        apicall_error(call, 409, "refused", "entry",
                      n == 0 ? "nothing has arrived for %s: a ticket belongs to an arrival"
                             : "several amounts have arrived for %s: name the receipt, or the "
                               "arrival as entry",
                      step->pledge);
        return;
    }
    post(call);
}

void handle_pledge_ticket(struct apicall *call)
{
    struct step *step = step_new(call, LEDGER_TICKET);
    if (step == NULL || !read_number(call, true, step->pledge)) {
        return;
    }
    if (step->entry.document[0] == '\0') {
        apicall_error(call, 400, "missing", "document",
                      "document is missing: the number of the official ticket");
        return;
    }
    look_up(step, on_ticket_pledge);
}

/* ---- one entry of a pledge is taken back by who books it; any entry of any area is the nation's:
 * see handle_ledger_reverse ---- */

static void on_reversed_pledge(void *arg, enum err error, const char *reason,
                               const struct ledger_pledges *pledges)
{
    const struct step *step = arg;
    if (is_of_pledge(step, error, reason, pledges)) {
        post(step->call);
    }
}

void handle_pledge_reverse(struct apicall *call)
{
    struct step *step = step_new(call, LEDGER_REVERSE);
    if (step != NULL && read_number(call, false, step->pledge)) {
        look_up(step, on_reversed_pledge);
    }
}
