/* See terms.h. The section as a table of rows, what must hold between its keys, and the texts of
 * those who wrote none. */
#include "campaign/terms.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "campaign/hours.h"
#include "conf/ini.h"
#include "conf/settings.h"
#include "conf/value.h"
#include "pledge/parse.h"
#include "pledge/receipt.h"
#include "sms/keyword.h"
#include "sms/text.h"

#define SECTION "pledge"
#define MINUTE_MS INT64_C(60000)
#define DAY_MS INT64_C(86400000)

#define PURCHASE_DEFAULT "以购代捐"
#define LIST_MAX_CHARACTERS 150
#define TEXT_MAX_CHARACTERS                                                                        \
    300                   /* five segments; an order of magnitude above what a receipt needs */
#define ADD_SERIAL_MAX 15 /* carrier-apis.md 1.4 */

static const char *const confirm_words[] = {"none", "reply", "operator", NULL};

const char *terms_confirm_word(enum terms_confirm confirm)
{
    return confirm_words[confirm];
}

/* ---- types of its own ---- */

/* A text that is sent to donors. */
static enum err parse_donor_text(const struct schema_context *context, const struct schema_row *row,
                                 const char *text, void *field, struct buf *why)
{
    (void)context;
    size_t at, characters = value_characters(text);
    unsigned columns;
    enum text_fault fault = text_check(text, strlen(text), &at);
    if (fault != TEXT_FINE) {
        char before[RECEIPT_TEXT_MAX_BYTES];
        snprintf(before, sizeof before, "%.*s", (int)at, text);
        buf_addf(why, "%s (character %zu)", text_fault_sentence(fault),
                 value_characters(before) + 1);
        return ERR_INVALID;
    }
    if (characters > (size_t)row->max) {
        buf_addf(why, "has %zu characters, at most %lld", characters, (long long)row->max);
        return ERR_RANGE;
    }
    enum err error = receipt_check(text, &columns, why);
    return error == ERR_OK ? value_set_text(field, text) : error;
}

static enum err parse_digits(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)why;
    size_t n = strspn(text, "0123456789");
    return text[n] != '\0' || n > (size_t)row->max ? ERR_INVALID : value_set_text(field, text);
}

static const struct schema_type type_donor_text = {NULL, parse_donor_text, value_release_text, NULL,
                                                   false};
static const struct schema_type type_digits = {"up to 15 digits, or nothing", parse_digits,
                                               value_release_text, NULL, false};

/* ---- the table ---- */

/* What the rows fill: the terms, and what becomes part of them afterwards. */
struct source {
    struct terms terms;
    int hours[2];
};

/* clang-format off */
#define ROW(key_, field, ...) {.section = SECTION, .key = key_, .offset = offsetof(struct source, field), __VA_ARGS__}
/* As in [message], texts are never shown in a mistake: those are logged. */
#define TEXT(key_) ROW(#key_, terms.key_, .type = &type_donor_text, .max = TEXT_MAX_CHARACTERS, .flags = SCHEMA_OPTIONAL | SCHEMA_SECRET)

static const struct schema_row rows[] = {
    ROW("keywords", terms.keywords, .type = &value_text, .max = LIST_MAX_CHARACTERS, .def = TERMS_KEYWORDS,
        .flags = SCHEMA_OPTIONAL),
    ROW("purchase_keywords", terms.purchase_keywords, .type = &value_text, .max = LIST_MAX_CHARACTERS,
        .def = PURCHASE_DEFAULT, .flags = SCHEMA_OPTIONAL),
    ROW("confirm", terms.confirm, .type = &value_choice, .choices = confirm_words, .def = "reply"),
    ROW("confirm_within", terms.confirm_within_ms, .type = &value_duration, .min = MINUTE_MS, .max = 30 * DAY_MS,
        .def = "24h"),
    ROW("cap_per_day", terms.cap_per_day, .type = &value_u32, .min = 1, .max = 1000, .def = "5",
        .unit = "pledges of a number in a day"),
    TEXT(help_text),
    TEXT(confirm_text),
    TEXT(acknowledgement_text),
    TEXT(receipt_text),
    ROW("hotline", terms.hotline, .type = &value_text, .max = 40, .def = ""),
    ROW("receipt_window", hours, .type = &hours_type, .def = "07:00-22:00"),
    ROW("lapse_after", terms.lapse_after_ms, .type = &value_duration, .min = DAY_MS, .max = 3650 * DAY_MS, .def = "90d"),
    ROW("add_serial", terms.add_serial, .type = &type_digits, .max = ADD_SERIAL_MAX, .def = ""),
};
/* clang-format on */
#define N_ROWS (sizeof rows / sizeof *rows)

/* The texts: what each may and must say. */
static const struct text_rule {
    const char *key;
    size_t offset;
    enum receipt_default kind;
    unsigned may;     /* columns, as receipt_check counts them */
    bool names_entry; /* ((编号)) must be there: what has no number can be asked after by nobody */
    bool denies_ticket; /* it should say that it is no donation ticket */
} text_rules[] = {
    {"help_text", offsetof(struct terms, help_text), RECEIPT_HELP, 1u << RECEIPT_HOTLINE, false,
     false},
    {"confirm_text", offsetof(struct terms, confirm_text), RECEIPT_QUESTION, ~0u, true, false},
    {"acknowledgement_text", offsetof(struct terms, acknowledgement_text), RECEIPT_ACKNOWLEDGEMENT,
     ~0u, true, true},
    {"receipt_text", offsetof(struct terms, receipt_text), RECEIPT_ARRIVAL, ~0u, true, true},
};
#define N_TEXTS (sizeof text_rules / sizeof *text_rules)

static char **text_of(struct terms *terms, const struct text_rule *rule)
{
    return (char **)(void *)((char *)terms + rule->offset);
}

/* ---- what must hold between keys ---- */

struct loading {
    const struct ini_file *ini;
    const struct settings *settings;
    struct mistakes *mistakes;
    struct source source;
    struct pledge_words *words; /* NULL when the lists are no good */
};

PRINTF_LIKE(4, 5)
static void complain(struct loading *loading, bool warning, const char *key, const char *format,
                     ...)
{
    char reason[400];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    const struct ini_entry *entry = ini_entry(loading->ini, SECTION, key);
    const struct ini_section *head = ini_section(loading->ini, SECTION);
    mistakes_add(loading->mistakes, warning, loading->ini->path,
                 entry != NULL ? entry->line : head->line, SECTION, key,
                 entry == NULL ? NULL : mistake_showable(key, entry->value), NULL, "%s", reason);
}

static const char *key_of(bool purchase)
{
    return purchase ? "purchase_keywords" : "keywords";
}

/* Words of the daemon that win over every keyword. */
static enum err check_optouts(struct loading *loading, const char *key, const char *list)
{
    struct keyword_set *set;
    enum err error = keyword_set_new(list, &set);
    if (error != ERR_OK)
        return error == ERR_NOMEM ? error : ERR_OK; /* a mistake of the settings, told there */
    const char *word;
    bool purchase;
    for (size_t i = 0; (word = pledge_words_at(loading->words, i, &purchase)) != NULL; i++) {
        if (keyword_set_has(set, word, strlen(word)))
            complain(loading, false, key_of(purchase), "%s is one of %s, which win over pledges",
                     word, key);
    }
    keyword_set_free(set);
    return ERR_OK;
}

static void check_words(struct loading *loading)
{
    const char *word, *other;
    bool purchase, other_purchase;
    for (size_t i = 0; (word = pledge_words_at(loading->words, i, &purchase)) != NULL; i++) {
        char last = word[strlen(word) - 1];
        if (last >= '0' && last <= '9')
            complain(loading, false, key_of(purchase),
                     "%s ends with a digit, so %s5 could be read in two ways", word, word);
        for (size_t k = 0; k < i; k++) {
            other = pledge_words_at(loading->words, k, &other_purchase);
            if (strcasecmp(word, other) == 0) /* as pledge_parse compares */
                complain(loading, false, key_of(purchase), "%s stands %s", word,
                         purchase == other_purchase ? "there twice" : "among keywords, too");
        }
    }
}

static enum err load_words(struct loading *loading)
{
    const struct terms *terms = &loading->source.terms;
    if (terms->keywords == NULL || terms->purchase_keywords == NULL)
        return ERR_OK; /* a mistake already */
    enum err error = pledge_words_new(terms->keywords, terms->purchase_keywords, &loading->words);
    if (error == ERR_INVALID) {
        complain(loading, false, "keywords",
                 "at most %d words, each of at most %d bytes (%d Chinese characters), "
                 "purchase_keywords with them",
                 PLEDGE_WORDS_MAX, PLEDGE_WORD_MAX_BYTES, PLEDGE_WORD_MAX_BYTES / 3);
        return ERR_OK;
    }
    if (error != ERR_OK)
        return error;
    bool purchase;
    if (pledge_words_at(loading->words, 0, &purchase) == NULL || purchase) {
        complain(loading, false, "keywords", "holds no word");
        return ERR_OK;
    }
    check_words(loading);
    error = check_optouts(loading, "optout_words", loading->settings->daemon.optout_words);
    if (error == ERR_OK)
        error =
            check_optouts(loading, "optout_all_words", loading->settings->daemon.optout_all_words);
    return error;
}

static void check_text(struct loading *loading, const struct text_rule *rule, const char *text)
{
    struct buf ignored;
    unsigned columns = 0;
    buf_init(&ignored, RECEIPT_TEXT_MAX_BYTES);
    enum err error = receipt_check(text, &columns, &ignored);
    buf_fini(&ignored);
    assert(error == ERR_OK); /* parse_donor_text has seen it */
    const char *hotline = loading->source.terms.hotline;
    if ((columns & ~rule->may) != 0)
        complain(loading, false, rule->key,
                 "only ((热线)) is known when a text was not understood");
    else if (rule->names_entry && (columns & 1u << RECEIPT_NUMBER) == 0)
        complain(loading, false, rule->key,
                 "has no ((编号)); a donor could ask after it only with its number");
    if ((columns & 1u << RECEIPT_HOTLINE) != 0 && hotline != NULL && hotline[0] == '\0')
        complain(loading, false, rule->key,
                 "uses ((热线)), and hotline is empty, here and in [ledger] of outreachd.ini");
    if (rule->denies_ticket && strstr(text, "票据") == NULL)
        complain(loading, true, rule->key,
                 "does not say that it is no donation ticket, such as 不作为捐赠票据");
}

/* The text of those who wrote none. */
static enum err fill_text(struct loading *loading, const struct text_rule *rule)
{
    struct terms *terms = &loading->source.terms;
    struct buf text;
    bool purchase, hotline = terms->hotline != NULL && terms->hotline[0] != '\0';
    const char *keyword =
        loading->words == NULL ? NULL : pledge_words_at(loading->words, 0, &purchase);
    buf_init(&text, RECEIPT_TEXT_MAX_BYTES);
    receipt_default_text(rule->kind, keyword == NULL ? "捐" : keyword, hotline, &text);
    enum err error = buf_check(&text);
    if (error == ERR_OK)
        error = value_set_text(text_of(terms, rule), buf_text(&text));
    buf_fini(&text);
    return error;
}

static enum err load_texts(struct loading *loading)
{
    enum err error = ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < N_TEXTS; i++) {
        const struct text_rule *rule = &text_rules[i];
        const char *text = *text_of(&loading->source.terms, rule);
        if (text != NULL)
            check_text(loading, rule, text);
        else
            error = fill_text(loading, rule);
    }
    return error;
}

/* The hotline of a campaign that names none is the daemon's. */
static enum err default_hotline(struct loading *loading)
{
    char **hotline = &loading->source.terms.hotline;
    const char *general = loading->settings->ledger.hotline;
    if (*hotline == NULL || (*hotline)[0] != '\0' || general == NULL)
        return ERR_OK;
    value_release_text(hotline);
    return value_set_text(hotline, general);
}

static enum err load_section(struct loading *loading, const struct schema_context *context)
{
    struct source *source = &loading->source;
    enum err error = schema_load(context, rows, N_ROWS, SECTION, loading->ini, SECTION, source,
                                 loading->mistakes);
    if (error == ERR_OK)
        error = default_hotline(loading);
    if (error == ERR_OK)
        error = load_words(loading);
    if (error == ERR_OK)
        error = load_texts(loading);
    source->terms.receipt_from_min = source->hours[0];
    source->terms.receipt_to_min = source->hours[1];
    return error;
}

enum err terms_load(const struct ini_file *ini, const struct schema_context *context,
                    const struct settings *settings, bool *has, struct terms *terms,
                    struct mistakes *mistakes)
{
    *terms = (struct terms){0};
    *has = ini_section(ini, SECTION) != NULL;
    if (!*has)
        return ERR_OK;
    struct loading loading = {.ini = ini, .settings = settings, .mistakes = mistakes};
    enum err error = load_section(&loading, context);
    pledge_words_free(loading.words);
    *terms = loading.source.terms;
    return error;
}

void terms_release(struct terms *terms)
{
    struct source source = {.terms = *terms};
    schema_release(rows, N_ROWS, SECTION, &source);
    *terms = (struct terms){0};
}
