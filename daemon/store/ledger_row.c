/* An entry as a list of values, and as a struct: one table of fields writes what is posted and
 * reads what lies there. The words of the ledger stand here too. */
#include "store/ledger_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "sms/mobile.h"

/* ---- words ---- */

static const char *const type_words[LEDGER_TYPES] = {"pledge", "confirm", "arrive",   "deliver",
                                                     "void",   "waive",   "transfer", "pass",
                                                     "ticket", "reverse", "close"};
static const char *const why_words[LEDGER_WHYS] = {"", "error", "donor", "bank"};
static const char *const state_words[LEDGER_STATES] = {
    "unconfirmed", "pledged", "part-arrived", "arrived", "delivered",
    "withdrawn",   "lapsed",  "void",         "waived",  "transferred"};
static const struct {
    const char *word;
    char letter;
} measures[LEDGER_MEASURES] = {{"unconfirmed", 'u'}, {"pledged", 'p'}, {"arrived", 'a'},
                               {"delivered", 'd'},   {"void", 'v'},    {"waived", 'w'},
                               {"withdrawn", 'k'},   {"moved", 'm'},   {"passed_out", 'o'},
                               {"passed_in", 'i'},   {"spent", 's'},   {"reached", 'r'},
                               {"held", 'h'}};

static int find_word(const char *const *words, int n, const char *word)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

const char *ledger_type_word(enum ledger_type type)
{
    return type_words[type];
}

bool ledger_type_parse(const char *word, enum ledger_type *type)
{
    int found = find_word(type_words, LEDGER_TYPES, word);
    if (found >= 0)
        *type = (enum ledger_type)found;
    return found >= 0;
}

const char *ledger_why_word(enum ledger_why why)
{
    return why_words[why];
}

bool ledger_why_parse(const char *word, enum ledger_why *why)
{
    int found = find_word(why_words, LEDGER_WHYS, word);
    if (found >= 0)
        *why = (enum ledger_why)found;
    return found >= 0;
}

const char *ledger_state_word(enum ledger_state state)
{
    return state_words[state];
}

bool ledger_state_parse(const char *word, enum ledger_state *state)
{
    int found = find_word(state_words, LEDGER_STATES, word);
    if (found >= 0)
        *state = (enum ledger_state)found;
    return found >= 0;
}

const char *ledger_measure_word(enum ledger_measure measure)
{
    return measures[measure].word;
}

char ledger_measure_letter(enum ledger_measure measure)
{
    return measures[measure].letter;
}

/* ---- the fields ---- */

enum form { TEXT, INT, UINT, DAY, AREA, MOBILE, TYPE, WAS, KIND, SHOWN, WHY, YES, FLAGS };

struct field {
    const char *name;
    enum form form;
    size_t at;      /* in struct ledger_entry */
    bool is_given;  /* a caller may post it */
    unsigned types; /* posted only with these types, as bits: those whose 0 says something. 0: with
                       all */
};
#define OF(type) (1U << LEDGER_##type)
#define WHERE (OF(PLEDGE) | OF(PASS) | OF(CLOSE))
#define WHAT (OF(PLEDGE) | OF(PASS))
#define WHO (OF(PLEDGE) | OF(TRANSFER))
#define F(name, form, member, given, types)                                                        \
    {                                                                                              \
        name, form, offsetof(struct ledger_entry, member), given, types                            \
    }

/* In the order of FIELDS in ledger.lua; tests compare the two. */
static const struct field fields[LEDGER_FIELDS] = {
    F("t", TYPE, type, true, 0),         F("at", INT, at_ms, false, 0),
    F("by", TEXT, actor, true, 0),       F("src", TEXT, source, true, 0),
    F("req", TEXT, request, true, 0),    F("c", TEXT, campaign, true, 0),
    F("a", AREA, area, true, WHERE),     F("y", DAY, year, true, OF(PASS)),
    F("p", TEXT, pledge, true, 0),       F("k", KIND, kind, true, WHAT),
    F("fen", INT, fen, true, 0),         F("item", TEXT, item, true, 0),
    F("qty", INT, thousandths, true, 0), F("unit", TEXT, unit, true, 0),
    F("value", INT, value_fen, true, 0), F("name", TEXT, name, true, 0),
    F("mob", MOBILE, mobile, true, 0),   F("org", YES, is_organisation, true, WHO),
    F("pub", SHOWN, shown, true, WHO),   F("purpose", TEXT, purpose, true, 0),
    F("note", TEXT, note, true, 0),      F("ref", UINT, ref, true, 0),
    F("was", WAS, was, false, 0),        F("why", WHY, why, true, 0),
    F("doc", TEXT, document, true, 0),   F("rc", TEXT, receipt, false, 0),
    F("to", AREA, to, true, 0),          F("via", AREA, via, true, 0),
    F("on", DAY, on, true, 0),           F("due", DAY, due, true, 0),
    F("peer", TEXT, peer, false, 0),     F("fl", FLAGS, type, true, OF(PLEDGE) | OF(ARRIVE)),
};

const char *const ledger_field_names[LEDGER_FIELDS] = {
    "t",    "at",  "by",   "src",   "req",  "c",   "a",   "y",   "p",       "k",    "fen",
    "item", "qty", "unit", "value", "name", "mob", "org", "pub", "purpose", "note", "ref",
    "was",  "why", "doc",  "rc",    "to",   "via", "on",  "due", "peer",    "fl"};

/* ---- writing ---- */

/* The text of a field to post, "" when it is not given. `space` is for texts that are made here. */
static const char *write_one(const struct field *field, const struct ledger_entry *entry,
                             char space[LEDGER_NUMBER_SIZE])
{
    const void *at = (const char *)entry + field->at;
    space[0] = '\0';
    switch (field->form) {
    case TEXT:
        return *(const char *const *)at != NULL ? *(const char *const *)at : "";
    case TYPE:
    case WAS:
        return type_words[*(const enum ledger_type *)at];
    case KIND:
        return pledge_kind_word(*(const enum pledge_kind *)at);
    case SHOWN:
        return name_shown_word(*(const enum name_shown *)at);
    case WHY:
        return why_words[*(const enum ledger_why *)at];
    case YES:
        return *(const bool *)at ? "1" : "";
    case FLAGS:
        return entry->type == LEDGER_ARRIVE ? (entry->over ? "o" : "")
                                            : (entry->confirmed ? "c" : "");
    case INT:
        if (*(const int64_t *)at != 0)
            snprintf(space, LEDGER_NUMBER_SIZE, "%" PRId64, *(const int64_t *)at);
        return space;
    case UINT:
        if (*(const uint64_t *)at != 0)
            snprintf(space, LEDGER_NUMBER_SIZE, "%" PRIu64, *(const uint64_t *)at);
        return space;
    case DAY:
        if (*(const uint32_t *)at != 0)
            snprintf(space, LEDGER_NUMBER_SIZE, "%" PRIu32, *(const uint32_t *)at);
        return space;
    case MOBILE:
        if (*(const uint64_t *)at != 0)
            mobile_format(*(const uint64_t *)at, space);
        return space;
    case AREA:
        if (*(const uint64_t *)at != 0 || field->types != 0)
            ledger_area_text(*(const uint64_t *)at, space);
        return space;
    }
    return "";
}

void ledger_area_text(uint64_t area, char out[LEDGER_NUMBER_SIZE])
{
    snprintf(out, LEDGER_NUMBER_SIZE, "%" PRIu64, area); /* 12 digits, or 0 */
}

bool ledger_area_read(const char *text, size_t len, uint64_t *area)
{
    bool is_nation = len == 1 && text[0] == '0';
    return (is_nation || len == AREA_DIGITS) && ledger_number_read(text, len, area) &&
           (is_nation || *area >= UINT64_C(100000000000));
}

bool ledger_number_read(const char *text, size_t len, uint64_t *value)
{
    if (len == 0 || len > 18)
        return false;
    uint64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        sum = sum * 10 + (uint64_t)(text[i] - '0');
    }
    *value = sum;
    return true;
}

void ledger_entry_write(struct call *call, const struct ledger_entry *entry,
                        char space[LEDGER_FIELDS][LEDGER_NUMBER_SIZE])
{
    for (size_t i = 0; i < LEDGER_FIELDS; i++) {
        if (!fields[i].is_given || (fields[i].types != 0 && !(fields[i].types & 1U << entry->type)))
            continue;
        const char *text = write_one(&fields[i], entry, space[i]);
        if (text[0] != '\0') {
            call_text(call, fields[i].name);
            call_text(call, text);
        }
    }
}

/* ---- reading ---- */

static bool read_number(const struct field *field, const char *text, size_t len, void *at)
{
    uint64_t value = 0;
    if (len > 0 && !ledger_number_read(text, len, &value))
        return false;
    if (field->form == DAY)
        *(uint32_t *)at = (uint32_t)value;
    else if (field->form == INT)
        *(int64_t *)at = (int64_t)value;
    else
        *(uint64_t *)at = value;
    return field->form != DAY || value <= UINT32_MAX;
}

static bool read_flags(const char *text, struct ledger_entry *entry)
{
    bool is_undone = entry->type == LEDGER_VOID || entry->type == LEDGER_REVERSE;
    for (; *text != '\0'; text++) {
        if (*text == 'c')
            entry->confirmed = !is_undone, entry->had_confirmed = is_undone;
        else if (*text == 'o')
            entry->over = true;
        else if (*text == 'k')
            entry->withdrawn = true;
        else if (*text == 'w')
            entry->whole = true;
        else
            return false;
    }
    return true;
}

static bool read_one(const struct field *field, const char *text, size_t len,
                     struct ledger_entry *entry)
{
    void *at = (char *)entry + field->at;
    switch (field->form) {
    case TEXT:
        *(const char **)at = text;
        return true;
    case TYPE:
        return ledger_type_parse(text, at);
    case WAS:
        return len == 0 || ledger_type_parse(text, at);
    case KIND:
        return len == 0 || pledge_kind_parse(text, at);
    case SHOWN:
        return len == 0 || name_shown_parse(text, at);
    case WHY:
        return ledger_why_parse(text, at);
    case YES:
        *(bool *)at = len > 0;
        return len == 0 || strcmp(text, "1") == 0;
    case AREA:
        return len == 0 || ledger_area_read(text, len, at);
    case FLAGS:
        return read_flags(text, entry);
    case INT:
    case UINT:
    case DAY:
    case MOBILE:
        return read_number(field, text, len, at);
    }
    return false;
}

enum err ledger_row_read(const struct ledger_row *row, struct ledger_entry *entry)
{
    *entry = (struct ledger_entry){.n = row->n};
    if (!row->is_sound)
        return ERR_INVALID;
    for (size_t i = 0; i < LEDGER_FIELDS; i++) {
        if (!read_one(&fields[i], row->values[i], row->lens[i], entry))
            return ERR_INVALID;
    }
    return ERR_OK;
}

/* ---- digests ---- */

/* The digits of a number, ending before `end`. verify does this for millions of values, so no
 * printf. */
static char *digits_before(char *end, uint64_t number)
{
    do {
        *--end = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return end;
}

/* "<len>:<bytes>," */
static void add_counted(struct buf *out, const char *bytes, size_t len)
{
    if (len == 0) { /* most values */
        buf_add(out, "0:,", 3);
        return;
    }
    char digits[LEDGER_NUMBER_SIZE], *end = digits + sizeof digits;
    *--end = ':';
    char *at = digits_before(end, len);
    size_t n = (size_t)(digits + sizeof digits - at);
    char *room = buf_room(out, n + len + 1);
    if (room == NULL)
        return;
    memcpy(room, at, n);
    memcpy(room + n, bytes, len);
    room[n + len] = ',';
    room[n + len + 1] = '\0'; /* a buffer has one byte more than its room */
    out->len += n + len + 1;
}

void ledger_row_canonical(const struct ledger_row *row, struct buf *out)
{
    char number[LEDGER_NUMBER_SIZE], *end = number + sizeof number;
    char *at = digits_before(end, row->n);
    add_counted(out, at, (size_t)(end - at));
    for (size_t i = 0; i < LEDGER_FIELDS; i++)
        add_counted(out, row->values[i], row->lens[i]);
}

void ledger_bytes_mark(const char *canonical, size_t len, char out[LEDGER_MARK_HEX + 1])
{
    char digest[DIGEST_SHA1_HEX];
    struct digest_part part = {canonical, len};
    digest_sha1_hex(&part, 1, digest);
    memcpy(out, digest, LEDGER_MARK_HEX);
    out[LEDGER_MARK_HEX] = '\0';
}
