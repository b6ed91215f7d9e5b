#include "api/encode_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/encode.h"
#include "base/clock.h"
#include "base/csvcell.h"
#include "pledge/money.h"
#include "sms/mobile.h"

#define NUMBER_SIZE 24

const char *encode_day(uint32_t day, char out[ENCODE_DAY_SIZE])
{
    out[0] = '\0';
    if (day != 0) {
        snprintf(out, ENCODE_DAY_SIZE, "%04u-%02u-%02u", day / 10000 % 10000, day / 100 % 100,
                 day % 100);
    }
    return out;
}

static const char *area_text(uint64_t area, char out[AREA_TEXT_SIZE])
{
    area_format(area, out);
    return out[0] != '\0' ? out : "0";
}

json_t *encode_area(uint64_t area)
{
    char text[AREA_TEXT_SIZE];
    return json_string(area_text(area, text));
}

static bool is_money(enum pledge_kind kind)
{
    return kind == PLEDGE_CASH || kind == PLEDGE_PURCHASE;
}

static bool has_donor(const struct ledger_entry *entry)
{
    return entry->type == LEDGER_PLEDGE;
}

/* Types without area, kind and amount of their own. */
static bool has_subject(const struct ledger_entry *entry)
{
    return entry->type != LEDGER_CLOSE && entry->type != LEDGER_TICKET;
}

/* ---- members that say something ---- */

static void put_text(json_t *json, const char *key, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        json_object_set_new(json, key, encode_text(value));
    }
}

static void put_number(json_t *json, const char *key, int64_t value)
{
    if (value != 0) {
        json_object_set_new(json, key, json_integer(value));
    }
}

static void put_day(json_t *json, const char *key, uint32_t day)
{
    char text[ENCODE_DAY_SIZE];
    put_text(json, key, encode_day(day, text));
}

static void put_area(json_t *json, const char *key, uint64_t area)
{
    if (area != 0) {
        json_object_set_new(json, key, encode_area(area));
    }
}

static void put_quantity(json_t *json, const char *key, int64_t thousandths)
{
    char text[MONEY_TEXT_SIZE];
    put_text(json, key, thousandths != 0 ? money_format_quantity(thousandths, text) : "");
}

/* What somebody wrote, in which a number may stand. */
static const char *free_text(const char *text, bool is_masked, char out[LEDGER_NOTE_MAX + 1])
{
    if (!is_masked) {
        return text;
    }
    snprintf(out, LEDGER_NOTE_MAX + 1, "%s", text);
    mobile_mask_within(out);
    return out;
}

static void put_mobile(json_t *json, const char *key, uint64_t mobile, bool is_masked)
{
    char text[MOBILE_TEXT_SIZE];
    put_text(json, key, encode_mobile(mobile, is_masked, text));
}

static void put_free_text(json_t *json, const char *key, const char *text, bool is_masked)
{
    char masked[LEDGER_NOTE_MAX + 1];
    put_text(json, key, free_text(text, is_masked, masked));
}

static void put_true(json_t *json, const char *key, bool value)
{
    if (value) {
        json_object_set_new(json, key, json_true());
    }
}

/* ---- entries ---- */

json_t *encode_posted(const struct ledger_posted *posted, const char *request)
{
    json_t *json = json_object();
    json_object_set_new(json, "entry", json_integer((json_int_t)posted->entry));
    json_object_set_new(json, "last_entry", json_integer((json_int_t)posted->last_entry));
    json_object_set_new(json, "pledge", json_string(posted->pledge));
    json_object_set_new(json, "receipt", json_string(posted->receipt));
    json_object_set_new(json, "peer", json_string(posted->peer));
    json_object_set_new(json, "repeated", json_boolean(posted->repeated));
    json_object_set_new(json, "request", json_string(request));
    return json;
}

static void put_donor(json_t *json, const struct ledger_entry *entry, bool is_masked)
{
    put_free_text(json, "name", entry->name, is_masked);
    put_mobile(json, "mobile", entry->mobile, is_masked);
    json_object_set_new(json, "organisation", json_boolean(entry->is_organisation));
    json_object_set_new(json, "public", json_string(name_shown_word(entry->shown)));
}

static void put_amounts(json_t *json, const struct ledger_entry *entry)
{
    put_text(json, "kind", pledge_kind_word(entry->kind));
    put_number(json, "fen", entry->fen);
    put_text(json, "item", entry->item);
    put_quantity(json, "quantity", entry->thousandths);
    put_text(json, "unit", entry->unit);
    put_number(json, "value_fen", entry->value_fen);
}

json_t *encode_entry(const struct ledger_entry *entry, bool is_masked, int offset_min)
{
    json_t *json = json_object();
    json_object_set_new(json, "entry", json_integer((json_int_t)entry->n));
    json_object_set_new(json, "type", json_string(ledger_type_word(entry->type)));
    json_object_set_new(json, "at", encode_time(entry->at_ms, offset_min));
    put_text(json, "actor", entry->actor);
    put_text(json, "source", entry->source);
    put_text(json, "request", entry->request);
    put_text(json, "campaign", entry->campaign);
    json_object_set_new(json, "region", encode_area(entry->area));
    put_number(json, "year", entry->year);
    put_text(json, "pledge", entry->pledge);
    if (has_subject(entry)) {
        put_amounts(json, entry);
    }
    if (has_donor(entry)) {
        put_donor(json, entry, is_masked);
    }
    put_text(json, "purpose", entry->purpose);
    put_free_text(json, "note", entry->note, is_masked);
    put_number(json, "ref", (int64_t)entry->ref);
    if (entry->type == LEDGER_REVERSE) {
        put_text(json, "was", ledger_type_word(entry->was));
    }
    put_text(json, "why", ledger_why_word(entry->why));
    put_text(json, "document", entry->document);
    put_text(json, "receipt", entry->receipt);
    put_area(json, "to", entry->to);
    put_area(json, "via", entry->via);
    put_day(json, "on", entry->on);
    put_day(json, "due", entry->due);
    put_text(json, "peer", entry->peer);
    put_true(json, "confirmed", entry->confirmed);
    put_true(json, "over", entry->over);
    put_true(json, "withdrawn", entry->withdrawn);
    put_true(json, "whole", entry->whole);
    return json;
}

json_t *encode_unsound(uint64_t n)
{
    json_t *json = json_object();
    json_object_set_new(json, "entry", json_integer((json_int_t)n));
    json_object_set_new(json, "unsound", json_true());
    return json;
}

/* ---- CSV ---- */

static void cell(struct buf *out, const char *text)
{
    buf_add_char(out, ',');
    csvcell_add(out, text);
}

static void cell_number(struct buf *out, uint64_t value)
{
    char text[NUMBER_SIZE] = "";
    if (value != 0) {
        snprintf(text, sizeof text, "%" PRIu64, value);
    }
    cell(out, text);
}

static void cell_fen(struct buf *out, int64_t fen)
{
    char text[MONEY_TEXT_SIZE];
    cell(out, fen != 0 ? money_format(fen, text) : "");
}

static void cell_quantity(struct buf *out, int64_t thousandths)
{
    char text[MONEY_TEXT_SIZE];
    cell(out, thousandths != 0 ? money_format_quantity(thousandths, text) : "");
}

static void cell_day(struct buf *out, uint32_t day)
{
    char text[ENCODE_DAY_SIZE];
    cell(out, encode_day(day, text));
}

static void cell_area(struct buf *out, uint64_t area, bool always)
{
    char text[AREA_TEXT_SIZE];
    cell(out, always || area != 0 ? area_text(area, text) : "");
}

static void csv_subject(const struct ledger_entry *entry, struct buf *out)
{
    cell(out, has_subject(entry) ? pledge_kind_word(entry->kind) : "");
    cell_fen(out, entry->fen);
    cell(out, entry->item);
    cell_quantity(out, entry->thousandths);
    cell(out, entry->unit);
    cell_fen(out, entry->value_fen);
}

static void cell_free_text(struct buf *out, const char *text, bool is_masked)
{
    char masked[LEDGER_NOTE_MAX + 1];
    cell(out, free_text(text, is_masked, masked));
}

static void csv_donor(const struct ledger_entry *entry, bool is_masked, struct buf *out)
{
    char mobile[MOBILE_TEXT_SIZE];
    cell_free_text(out, entry->name, is_masked);
    cell(out, encode_mobile(entry->mobile, is_masked, mobile));
    cell(out, entry->is_organisation ? "yes" : "");
    cell(out, has_donor(entry) ? name_shown_word(entry->shown) : "");
}

static void csv_flags(const struct ledger_entry *entry, struct buf *out)
{
    const struct {
        bool is_set;
        const char *word;
    } flags[] = {{entry->confirmed, "confirmed"},
                 {entry->over, "over"},
                 {entry->withdrawn, "withdrawn"},
                 {entry->whole, "whole"}};
    const char *between = ",";
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (flags[i].is_set) {
            buf_addf(out, "%s%s", between, flags[i].word);
            between = " ";
        }
    }
    buf_add_text(out, between[0] == ',' ? ",\n" : "\n");
}

void encode_entry_csv(const struct ledger_entry *entry, bool is_masked, int offset_min,
                      struct buf *out)
{
    char time[CLOCK_TEXT_SIZE];
    buf_addf(out, "%" PRIu64, entry->n);
    cell(out, clock_format_rfc3339(entry->at_ms, offset_min, time));
    cell(out, ledger_type_word(entry->type));
    cell(out, entry->actor);
    cell(out, entry->source);
    cell(out, entry->request);
    cell(out, entry->campaign);
    cell_area(out, entry->area, true);
    cell_number(out, entry->year);
    cell(out, entry->pledge);
    csv_subject(entry, out);
    csv_donor(entry, is_masked, out);
    cell(out, entry->purpose);
    cell_free_text(out, entry->note, is_masked);
    cell_number(out, entry->ref);
    cell(out, entry->type == LEDGER_REVERSE ? ledger_type_word(entry->was) : "");
    cell(out, ledger_why_word(entry->why));
    cell(out, entry->document);
    cell(out, entry->receipt);
    cell_area(out, entry->to, false);
    cell_area(out, entry->via, false);
    cell_day(out, entry->on);
    cell_day(out, entry->due);
    cell(out, entry->peer);
    csv_flags(entry, out);
}

void encode_unsound_csv(uint64_t n, struct buf *out)
{
    buf_addf(out, "%" PRIu64 ",,\"NOT AN ENTRY: it was changed; see ledger verify\"\n", n);
}

/* ---- pledges ---- */

static const struct {
    const char *key;
    size_t at;
} sums[] = {{"pledged", offsetof(struct ledger_pledge, pledged)},
            {"arrived", offsetof(struct ledger_pledge, arrived)},
            {"delivered", offsetof(struct ledger_pledge, delivered)},
            {"waived", offsetof(struct ledger_pledge, waived)},
            {"moved", offsetof(struct ledger_pledge, moved)},
            {"rest", offsetof(struct ledger_pledge, rest)}};

static json_t *encode_sums(const struct ledger_pledge *pledge)
{
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
        char text[MONEY_TEXT_SIZE];
        int64_t value = *(const int64_t *)((const char *)pledge + sums[i].at);
        json_object_set_new(json, sums[i].key,
                            is_money(pledge->kind)
                                ? json_integer(value)
                                : json_string(money_format_quantity(value, text)));
    }
    return json;
}

static json_t *encode_rows(const struct ledger_pledge *pledge, bool is_masked, int offset_min)
{
    json_t *array = json_array();
    for (size_t i = 0; i < pledge->n_entries; i++) {
        struct ledger_entry entry;
        bool sound = ledger_row_read(&pledge->entries[i], &entry) == ERR_OK;
        json_array_append_new(array, sound ? encode_entry(&entry, is_masked, offset_min)
                                           : encode_unsound(pledge->entries[i].n));
    }
    return array;
}

static const char *region_name(const struct encode_regions *regions, uint64_t area)
{
    return regions != NULL && regions->name != NULL ? regions->name(regions->arg, area) : "";
}

json_t *encode_pledge(const struct ledger_pledge *pledge, bool entries, bool is_masked,
                      const struct encode_regions *regions, int offset_min)
{
    struct ledger_entry first;
    json_t *json = json_object();
    json_object_set_new(json, "number", json_string(pledge->number));
    json_object_set_new(json, "state", json_string(ledger_state_word(pledge->state)));
    json_object_set_new(json, "kind", json_string(pledge_kind_word(pledge->kind)));
    put_text(json, "campaign", pledge->campaign);
    json_object_set_new(json, "region", encode_area(pledge->area));
    put_text(json, "region_name", region_name(regions, pledge->area));
    put_number(json, "year", pledge->year);
    put_day(json, "due", pledge->due);
    put_text(json, "item", pledge->item);
    put_text(json, "unit", pledge->unit);
    json_object_set_new(json, is_money(pledge->kind) ? "fen" : "quantity", encode_sums(pledge));
    put_number(json, "value_fen", pledge->value_fen);
    if (pledge->n_entries > 0 && ledger_row_read(&pledge->entries[0], &first) == ERR_OK) {
        put_donor(json, &first, is_masked);
        put_text(json, "purpose", first.purpose);
        put_free_text(json, "note", first.note, is_masked);
        put_day(json, "on", first.on);
        put_text(json, "source", first.source);
        put_text(json, "peer", first.peer);
        json_object_set_new(json, "entry", json_integer((json_int_t)first.n));
    } else {
        put_mobile(json, "mobile", pledge->mobile, is_masked);
    }
    if (entries) {
        json_object_set_new(json, "entries", encode_rows(pledge, is_masked, offset_min));
    }
    return json;
}

/* ---- totals ---- */

static const char *level_word(uint64_t area)
{
    static const char *const words[AREA_LEVELS] = {
        [AREA_NATION] = "nation", [AREA_PROVINCE] = "province", [AREA_CITY] = "city",
        [AREA_COUNTY] = "county", [AREA_TOWNSHIP] = "township", [AREA_VILLAGE] = "village"};
    return area == AREA_UNASSIGNED ? "unassigned" : words[area_level(area)];
}

static json_t *encode_scope(const struct ledger_figure of[PLEDGE_KINDS][LEDGER_MEASURES])
{
    json_t *json = json_object();
    for (int kind = 0; kind < PLEDGE_KINDS; kind++) {
        json_t *measures = json_object();
        for (int measure = 0; measure < LEDGER_MEASURES; measure++) {
            const struct ledger_figure *figure = &of[kind][measure];
            if (figure->count == 0 && figure->fen == 0) {
                continue;
            }
            json_t *one = json_object();
            if (measure != LEDGER_M_HELD) {
                json_object_set_new(one, "count", json_integer(figure->count));
            }
            json_object_set_new(one, "fen", json_integer(figure->fen));
            json_object_set_new(measures, ledger_measure_word((enum ledger_measure)measure), one);
        }
        if (json_object_size(measures) > 0) {
            json_object_set_new(json, pledge_kind_word((enum pledge_kind)kind), measures);
        } else {
            json_decref(measures);
        }
    }
    return json;
}

json_t *encode_totals(const struct ledger_totals *totals, const struct encode_regions *regions)
{
    json_t *json = json_object();
    json_object_set_new(json, "region", encode_area(totals->area));
    json_object_set_new(json, "name", json_string(region_name(regions, totals->area)));
    json_object_set_new(json, "level", json_string(level_word(totals->area)));
    json_object_set_new(json, "tree", encode_scope(totals->of[LEDGER_TREE]));
    json_object_set_new(json, "direct", encode_scope(totals->of[LEDGER_DIRECT]));
    return json;
}

static json_t *encode_quantities(const int64_t thousandths[LEDGER_MEASURES])
{
    json_t *json = json_object();
    for (int measure = 0; measure < LEDGER_MEASURES; measure++) {
        put_quantity(json, ledger_measure_word((enum ledger_measure)measure), thousandths[measure]);
    }
    return json;
}

json_t *encode_things(const struct ledger_thing *things, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *json = json_object();
        json_object_set_new(json, "kind", json_string(pledge_kind_word(things[i].kind)));
        json_object_set_new(json, "item", json_string(things[i].item));
        json_object_set_new(json, "unit", json_string(things[i].unit));
        json_object_set_new(json, "tree", encode_quantities(things[i].thousandths[LEDGER_TREE]));
        json_object_set_new(json, "direct",
                            encode_quantities(things[i].thousandths[LEDGER_DIRECT]));
        json_array_append_new(array, json);
    }
    return array;
}
