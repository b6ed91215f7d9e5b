/* A campaign's INI as a table of rows, like outreachd.ini, and what must hold between its keys.
 *
 * Only what the definition itself can tell is checked here. Whether each ((column)) exists, and how
 * long the finished texts are, needs the CSV: that is the plan's. */
#include "campaign/definition.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ids.h"
#include "campaign/encoding.h"
#include "campaign/hours.h"
#include "campaign/terms.h"
#include "conf/ini.h"
#include "conf/schema.h"
#include "conf/value.h"
#include "sms/text.h"

#define MINUTE_MS 60000LL
#define DAY_MS 86400000LL
#define ADD_SERIAL_MAX 15 /* digits, carrier-apis.md 1.4 */

#define TEXT_FILE_MAX_BYTES 16384
#define TEXT_MAX_CHARACTERS                                                                        \
    4000 /* beyond max_segments for any signature; the plan counts exactly */

/* Hours in which platforms accept publicity at all (carrier-apis.md 4.5). */
#define PUBLICITY_FROM_MIN (8 * 60)
#define PUBLICITY_TO_MIN (22 * 60)
#define PUBLICITY_OPTOUT "拒收请回复R"

static const char *const class_words[] = {"publicity", "notice", "receipt", NULL};
static const char *const ambiguous_words[] = {"hold", "resend", NULL};

const char *campaign_class_word(enum campaign_class class_)
{
    return class_words[class_];
}

/* ---- types of its own ---- */

/* What the rows fill: the definition, and keys that become part of it afterwards. */
struct source {
    struct definition definition;
    int window[2];
    struct empty_rule {
        enum on_empty rule;
        char *text;
    } empty;
    char *text_file; /* absolute, NULL: none */
};

static enum err parse_when(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)row;
    int64_t when_ms;
    enum err error = clock_parse(text, context->utc_offset_min, &when_ms);
    if (error == ERR_RANGE)
        buf_add_text(why, "there is no such day or time");
    if (error == ERR_OK)
        memcpy(field, &when_ms, sizeof when_ms);
    return error;
}

static enum err parse_region(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    (void)why;
    size_t n = strspn(text, "0123456789");
    if (text[n] != '\0' || (n != 0 && n != 2 && n != 4 && n != 6 && n != 9 && n != 12))
        return ERR_INVALID;
    return value_set_text(field, text);
}

/* The field is struct empty_rule. */
static enum err parse_empty(const struct schema_context *context, const struct schema_row *row,
                            const char *text, void *field, struct buf *why)
{
    static const char prefix[] = "default:";
    struct empty_rule *empty = field;
    (void)context;
    (void)row;
    if (strcmp(text, "reject") == 0 || strcmp(text, "blank") == 0) {
        empty->rule = strcmp(text, "reject") == 0 ? EMPTY_REJECT : EMPTY_BLANK;
        return value_set_text(&empty->text, "");
    }
    if (strncmp(text, prefix, strlen(prefix)) != 0)
        return ERR_INVALID;
    const char *word = text + strlen(prefix) + strspn(text + strlen(prefix), " ");
    if (word[0] == '\0') {
        buf_add_text(why, "nothing stands after default: (for no text at all write blank)");
        return ERR_INVALID;
    }
    size_t at;
    enum text_fault fault = text_check(word, strlen(word), &at);
    if (fault != TEXT_FINE || strstr(word, "((") != NULL || strstr(word, "（（") != NULL) {
        buf_add_text(why, fault != TEXT_FINE ? text_fault_sentence(fault)
                                             : "a default cannot be a ((column))");
        return ERR_INVALID;
    }
    empty->rule = EMPTY_DEFAULT;
    return value_set_text(&empty->text, word);
}

static void release_empty(void *field)
{
    value_release_text(&((struct empty_rule *)field)->text);
}

/* The message's own text. It may hold " ;", so only what is set off like a comment gets a warning.
 */
static enum err parse_message(const struct schema_context *context, const struct schema_row *row,
                              const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    if (strstr(text, "  ;") != NULL || strstr(text, "\t;") != NULL || strstr(text, "  #") != NULL)
        buf_add_text(why, "what looks like a comment is part of the text and would be sent");
    return value_set_text(field, text);
}

static const struct schema_type type_when = {"a time such as 2026-10-17 09:00", parse_when, NULL,
                                             NULL, false};
static const struct schema_type type_region = {"an area code of 2, 4, 6, 9 or 12 digits",
                                               parse_region, value_release_text, NULL, false};
static const struct schema_type type_empty = {"reject, blank or default:TEXT", parse_empty,
                                              release_empty, NULL, false};
static const struct schema_type type_message = {NULL, parse_message, value_release_text, NULL,
                                                false};

/* ---- the table ---- */

/* clang-format off */
#define ROW(section_, key_, field, ...) {.section = section_, .key = key_, .offset = offsetof(struct source, field), __VA_ARGS__}

static const struct schema_row rows[] = {
    ROW("campaign", "id", definition.id, .type = &value_name, .flags = SCHEMA_REQUIRED),
    ROW("campaign", "title", definition.title, .type = &value_text, .min = 1, .max = 100, .flags = SCHEMA_REQUIRED),
    ROW("campaign", "region", definition.region, .type = &type_region, .def = ""),
    ROW("campaign", "carrier", definition.carrier, .type = &value_name, .flags = SCHEMA_REQUIRED),
    ROW("campaign", "recipients", definition.recipients, .type = &value_file, .flags = SCHEMA_REQUIRED),
    ROW("campaign", "start", definition.start_ms, .type = &type_when, .flags = SCHEMA_REQUIRED),
    ROW("campaign", "end", definition.end_ms, .type = &type_when, .flags = SCHEMA_REQUIRED),
    ROW("campaign", "window", window, .type = &hours_type, .def = "08:00-21:00"),
    ROW("campaign", "rate", definition.rate, .type = &value_u32, .min = 0, .max = 1000000, .def = "0",
        .flags = SCHEMA_OPTIONAL, .unit = "segments a second; 0: the carrier's"),
    ROW("campaign", "class", definition.class_, .type = &value_choice, .choices = class_words, .def = "publicity"),
    ROW("campaign", "dedup_group", definition.dedup_group, .type = &value_name, .flags = SCHEMA_OPTIONAL),
    ROW("campaign", "on_ambiguous", definition.on_ambiguous, .type = &value_choice, .choices = ambiguous_words,
        .def = "hold"),
    ROW("campaign", "late_after", definition.late_after_ms, .type = &value_duration, .min = 0, .max = 30 * DAY_MS,
        .def = "30m"),
    ROW("message", "signature", definition.signature, .type = &value_text, .min = SIGNATURE_MIN, .max = SIGNATURE_MAX, .flags = SCHEMA_REQUIRED),
    /* Texts are never shown in a mistake: those are logged. */
    ROW("message", "text", definition.text, .type = &type_message, .flags = SCHEMA_OPTIONAL | SCHEMA_SECRET),
    ROW("message", "text_file", text_file, .type = &value_file, .flags = SCHEMA_OPTIONAL),
    ROW("message", "optout", definition.optout, .type = &value_text, .max = 40), /* default by class */
    ROW("message", "empty", empty, .type = &type_empty, .def = "reject"),
    ROW("message", "max_segments", definition.max_segments, .type = &value_u32, .min = 1, .max = 20, .def = "3"),
};
/* clang-format on */
#define N_ROWS (sizeof rows / sizeof *rows)

/* Sections of a definition; the first two have rows above, [pledge] is read by campaign/terms.c. */
static const char *const sections[] = {"campaign", "message", "pledge"};
#define N_SECTIONS (sizeof sections / sizeof *sections)
#define N_OWN_SECTIONS 2

static bool is_known_section(const char *name)
{
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (strcmp(sections[i], name) == 0)
            return true;
    }
    return false;
}

/* ---- loading ---- */

struct loading {
    const struct ini_file *ini;
    const struct settings *settings;
    struct mistakes mistakes;
    struct source source;
};

PRINTF_LIKE(5, 6)
static void complain(struct loading *loading, bool warning, const char *section, const char *key,
                     const char *format, ...)
{
    char reason[400];
    va_list args;
    va_start(args, format);
    vsnprintf(reason, sizeof reason, format, args);
    va_end(args);
    const struct ini_entry *entry = ini_entry(loading->ini, section, key);
    const struct ini_section *head = ini_section(loading->ini, section);
    unsigned line = entry != NULL ? entry->line : head != NULL ? head->line : 0;
    mistakes_add(&loading->mistakes, warning, loading->ini->path, line, section, key,
                 entry == NULL ? NULL : mistake_showable(key, entry->value), NULL, "%s", reason);
}

static bool is_given(const struct loading *loading, const char *section, const char *key)
{
    const struct ini_entry *entry = ini_entry(loading->ini, section, key);
    return (entry != NULL && entry->value[0] != '\0') || ini_is_broken(loading->ini, section, key);
}

/* ---- [campaign] ---- */

static void check_carrier(struct loading *loading)
{
    const struct definition *definition = &loading->source.definition;
    const struct settings *settings = loading->settings;
    if (definition->carrier == NULL)
        return;
    const struct settings_carrier *carrier = settings_carrier(settings, definition->carrier);
    if (carrier == NULL) {
        const char *names[SETTINGS_CARRIERS_MAX];
        for (size_t i = 0; i < settings->n_carriers; i++)
            names[i] = settings->carriers[i].name;
        const struct ini_entry *entry = ini_entry(loading->ini, "campaign", "carrier");
        mistakes_add(&loading->mistakes, false, loading->ini->path, entry->line, "campaign",
                     "carrier", entry->value,
                     mistake_nearest(definition->carrier, names, settings->n_carriers),
                     "there is no [carrier %s] in %s", definition->carrier, settings->file);
        return;
    }
    const char *own = definition->pledge.add_serial;
    if (own != NULL && carrier->add_serial != NULL &&
        strlen(own) + strlen(carrier->add_serial) > ADD_SERIAL_MAX)
        complain(loading, false, "pledge", "add_serial",
                 "behind the carrier's add_serial %s it makes more than %d digits",
                 carrier->add_serial, ADD_SERIAL_MAX);
    if (carrier->rate != 0 && definition->rate > carrier->rate)
        complain(loading, false, "campaign", "rate",
                 "%u is more than the carrier's %u segments a second", definition->rate,
                 carrier->rate);
}

/* gives: whether the window is open in some minute from start up to end. */
static bool window_ever_opens(const struct definition *definition, const int window[2],
                              int utc_offset_min)
{
    if (window[0] == window[1] || definition->end_ms - definition->start_ms >= DAY_MS)
        return true;
    for (int64_t at_ms = definition->start_ms; at_ms < definition->end_ms; at_ms += MINUTE_MS) {
        struct civil civil = clock_civil(at_ms, utc_offset_min);
        int minute = civil.hour * 60 + civil.minute;
        bool after_open = minute >= window[0], before_close = minute < window[1];
        if (window[0] < window[1] ? after_open && before_close : after_open || before_close)
            return true;
    }
    return false;
}

static void check_times(struct loading *loading)
{
    const struct definition *definition = &loading->source.definition;
    const int *window = loading->source.window;
    if (definition->start_ms != 0 && definition->end_ms != 0) {
        if (definition->end_ms <= definition->start_ms)
            complain(loading, false, "campaign", "end", "is not after start");
        else if (!window_ever_opens(definition, window, loading->settings->daemon.utc_offset_min))
            complain(loading, false, "campaign", "window", "never opens between start and end");
    }
    bool crosses = window[0] >= window[1] && window[1] != 0, whole = window[0] == window[1];
    bool late = whole || crosses || window[1] == 0 || window[1] > PUBLICITY_TO_MIN;
    if (definition->class_ == CLASS_PUBLICITY && (window[0] < PUBLICITY_FROM_MIN || late))
        complain(loading, true, "campaign", "window",
                 "publicity outside 08:00-22:00 is refused by platforms, and wakes people");
}

/* A definition among the campaigns is found by its id, so the two names must agree. */
static enum err check_file_name(struct loading *loading)
{
    const char *path = loading->ini->path, *id = loading->source.definition.id;
    if (id == NULL || loading->settings->daemon.campaigns_dir == NULL)
        return ERR_OK;
    char *directory = schema_directory_of(path);
    if (directory == NULL)
        return ERR_NOMEM;
    char *real = realpath(directory, NULL),
         *campaigns = realpath(loading->settings->daemon.campaigns_dir, NULL);
    const char *name = strrchr(path, '/') + 1;
    size_t id_len = strlen(id);
    bool agree = strncmp(name, id, id_len) == 0 && strcmp(name + id_len, ".ini") == 0;
    if (real != NULL && campaigns != NULL && strcmp(real, campaigns) == 0 && !agree)
        complain(loading, false, "campaign", "id",
                 "is %s, but the file in campaigns_dir is %s; it must be %s.ini", id, name, id);
    free(directory);
    free(real);
    free(campaigns);
    return ERR_OK;
}

/* ---- [message] ---- */

/* An ordinary file's bytes. errors: ERR_IO, ERR_TOO_BIG, ERR_NOMEM */
static enum err slurp(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return ERR_IO;
    enum err error = ERR_OK;
    for (;;) {
        char *room = buf_room(out, 4096);
        ssize_t n = room == NULL ? 0 : read(fd, room, 4096);
        if (room == NULL)
            error = out->len >= TEXT_FILE_MAX_BYTES ? ERR_TOO_BIG : ERR_NOMEM;
        else if (n < 0 && errno == EINTR)
            continue;
        else if (n < 0)
            error = ERR_IO;
        if (n <= 0)
            break;
        out->len += (size_t)n;
    }
    if (error == ERR_OK && out->len > TEXT_FILE_MAX_BYTES)
        error = ERR_TOO_BIG;
    close(fd);
    return error;
}

/* The text as a message has it: no byte order mark, line feeds alone, none at the end. */
static char *clean_text(const struct buf *bytes)
{
    const char *from = buf_text(bytes);
    size_t len = bytes->len;
    if (encoding_has_bom(from, len)) {
        from += ENCODING_BOM_BYTES;
        len -= ENCODING_BOM_BYTES;
    }
    char *text = malloc(len + 1), *to = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        if (from[i] != '\r' || i + 1 == len || from[i + 1] != '\n')
            *to++ = from[i];
    }
    while (to > text && (to[-1] == '\n' || to[-1] == '\r'))
        to--;
    *to = '\0';
    return text;
}

static enum err read_text_file(struct loading *loading)
{
    struct source *source = &loading->source;
    struct buf bytes;
    buf_init(&bytes, TEXT_FILE_MAX_BYTES + 4096);
    enum err error = slurp(source->text_file, &bytes);
    int fault = errno;
    if (error == ERR_IO)
        complain(loading, false, "message", "text_file", "%s: %s", source->text_file,
                 strerror(fault));
    else if (error == ERR_TOO_BIG)
        complain(loading, false, "message", "text_file", "%s has more than %d bytes",
                 source->text_file, TEXT_FILE_MAX_BYTES);
    else if (error == ERR_OK && memchr(buf_text(&bytes), '\0', bytes.len) != NULL)
        complain(loading, false, "message", "text_file", "%s holds a NUL byte; save it as UTF-8",
                 source->text_file);
    else if (error == ERR_OK && (source->definition.text = clean_text(&bytes)) == NULL)
        error = ERR_NOMEM;
    buf_fini(&bytes);
    return error == ERR_NOMEM ? error : ERR_OK;
}

/* gives: the key that the text came from. */
static enum err find_text(struct loading *loading, const char **key)
{
    bool in_ini = is_given(loading, "message", "text"),
         in_file = is_given(loading, "message", "text_file");
    *key = in_file ? "text_file" : "text";
    if (in_ini && in_file)
        complain(loading, false, "message", "text_file",
                 "text and text_file are both given; keep one");
    else if (!in_ini && !in_file)
        complain(loading, false, "message", "text",
                 "is missing: write text, or text_file with the name of a file");
    else if (in_file && loading->source.text_file != NULL)
        return read_text_file(loading);
    return ERR_OK;
}

static void check_part(struct loading *loading, const char *key, const char *text)
{
    size_t at;
    if (text == NULL)
        return;
    enum text_fault fault = text_check(text, strlen(text), &at);
    if (fault == TEXT_FINE)
        return;
    size_t character = 1;
    for (size_t i = 0; i < at; i++)
        character += ((unsigned char)text[i] & 0xC0) != 0x80;
    complain(loading, false, "message", key, "%s (character %zu)", text_fault_sentence(fault),
             character);
}

static enum err check_optout(struct loading *loading)
{
    struct definition *definition = &loading->source.definition;
    bool publicity = definition->class_ == CLASS_PUBLICITY;
    if (definition->optout == NULL && !ini_is_broken(loading->ini, "message", "optout") &&
        ini_entry(loading->ini, "message", "optout") == NULL)
        return value_set_text(&definition->optout, publicity ? PUBLICITY_OPTOUT : "");
    if (definition->optout != NULL && definition->optout[0] == '\0' && publicity)
        complain(loading, false, "message", "optout",
                 "publicity must say how to refuse it, such as " PUBLICITY_OPTOUT
                 " (only class notice or receipt may leave it out)");
    return ERR_OK;
}

static enum err load_message(struct loading *loading)
{
    struct definition *definition = &loading->source.definition;
    const char *key;
    enum err error = find_text(loading, &key);
    if (error == ERR_OK)
        error = check_optout(loading);
    if (error != ERR_OK)
        return error;
    check_part(loading, "signature", definition->signature);
    check_part(loading, "optout", definition->optout);
    check_part(loading, key, definition->text);
    const char *text = definition->text, *optout = definition->optout,
               *signature = definition->signature;
    if (text != NULL && text[strspn(text, " \t\n")] == '\0')
        complain(loading, false, "message", key, "the text is empty");
    if (text != NULL && value_characters(text) > TEXT_MAX_CHARACTERS)
        complain(loading, false, "message", key, "the text has more than %d characters",
                 TEXT_MAX_CHARACTERS);
    if (text != NULL && optout != NULL && optout[0] != '\0' && strstr(text, optout) != NULL)
        complain(loading, true, "message", "optout",
                 "stands in the text already, and would be said twice");
    if (signature != NULL && signature[strspn(signature, "0123456789")] == '\0')
        complain(loading, true, "message", "signature",
                 "has digits alone, which carriers refuse to register");
    return ERR_OK;
}

/* ---- the whole ---- */

static enum err load_sections(struct loading *loading)
{
    struct source *source = &loading->source;
    char *directory = schema_directory_of(loading->ini->path);
    if (directory == NULL)
        return ERR_NOMEM;
    struct schema_context context = {.directory = directory,
                                     .utc_offset_min = loading->settings->daemon.utc_offset_min};
    schema_check_sections(loading->ini, is_known_section, sections, N_SECTIONS, &loading->mistakes);
    enum err error = ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < N_OWN_SECTIONS; i++)
        error = schema_load(&context, rows, N_ROWS, sections[i], loading->ini, sections[i], source,
                            &loading->mistakes);
    if (error == ERR_OK)
        error =
            terms_load(loading->ini, &context, loading->settings, &source->definition.takes_pledges,
                       &source->definition.pledge, &loading->mistakes);
    free(directory);
    if (error != ERR_OK)
        return error;
    check_carrier(loading);
    check_times(loading);
    error = check_file_name(loading);
    return error == ERR_OK ? load_message(loading) : error;
}

/* Moves what was read into a definition of its own. */
static enum err finish(struct loading *loading, struct definition **out)
{
    struct source *source = &loading->source;
    struct definition *definition = malloc(sizeof *definition);
    if (definition == NULL)
        return ERR_NOMEM;
    source->definition.path = strdup(loading->ini->path);
    if (source->definition.dedup_group == NULL)
        source->definition.dedup_group = strdup("");
    source->definition.window_from_min = source->window[0];
    source->definition.window_to_min = source->window[1];
    source->definition.on_empty = source->empty.rule;
    source->definition.empty_default = source->empty.text;
    source->empty.text = NULL;
    *definition = source->definition;
    source->definition = (struct definition){0};
    if (definition->path == NULL || definition->dedup_group == NULL) {
        definition_free(definition);
        return ERR_NOMEM;
    }
    *out = definition;
    return ERR_OK;
}

enum err definition_load_ini(const struct ini_file *ini, const struct settings *settings,
                             struct definition **definition, struct mistakes *mistakes)
{
    *definition = NULL;
    struct loading loading = {.ini = ini, .settings = settings};
    mistakes_init(&loading.mistakes);
    enum err error = load_sections(&loading);
    if (error == ERR_OK && loading.mistakes.errors > 0)
        error = ERR_INVALID;
    if (error == ERR_OK)
        error = finish(&loading, definition);
    terms_release(&loading.source.definition.pledge);
    for (size_t i = 0; i < N_OWN_SECTIONS; i++)
        schema_release(rows, N_ROWS, sections[i], &loading.source);
    free(loading.source.definition.path);
    mistakes_sort(&loading.mistakes);
    mistakes_move(mistakes, &loading.mistakes);
    return error;
}

enum err definition_load(const char *path, const struct settings *settings,
                         struct definition **definition, struct mistakes *mistakes)
{
    *definition = NULL;
    char *absolute;
    enum err error = settings_absolute_path(path, &absolute);
    if (error != ERR_OK)
        return error;
    struct mistakes own;
    struct ini_file *ini;
    mistakes_init(&own);
    error = ini_read(absolute, &ini, &own);
    if (ini != NULL) {
        enum err meaning = definition_load_ini(ini, settings, definition, &own);
        if (error == ERR_OK || meaning == ERR_NOMEM)
            error = meaning;
    }
    if (error != ERR_OK) {
        definition_free(*definition);
        *definition = NULL;
    }
    mistakes_sort(&own);
    mistakes_move(mistakes, &own);
    ini_free(ini);
    free(absolute);
    return error;
}

struct window definition_window(const struct definition *definition, int utc_offset_min)
{
    return (struct window){.start_ms = definition->start_ms,
                           .end_ms = definition->end_ms,
                           .from_min = definition->window_from_min,
                           .to_min = definition->window_to_min,
                           .utc_offset_min = utc_offset_min,
                           .late_after_ms = definition->late_after_ms};
}

enum definition_time definition_time(const struct definition *definition, bool at_once,
                                     int64_t now_ms, int utc_offset_min)
{
    struct window window = definition_window(definition, utc_offset_min);
    int64_t until_ms;
    if (at_once) {
        window.start_ms = now_ms;
    }
    if (window_at(&window, now_ms, &until_ms) == WINDOW_ENDED) {
        return DEFINITION_OVER;
    }
    return !at_once && window_is_late(&window, now_ms) ? DEFINITION_LATE : DEFINITION_IN_TIME;
}

void definition_free(struct definition *definition)
{
    if (definition == NULL)
        return;
    char *texts[] = {definition->path,       definition->id,           definition->title,
                     definition->carrier,    definition->dedup_group,  definition->region,
                     definition->recipients, definition->signature,    definition->text,
                     definition->optout,     definition->empty_default};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    terms_release(&definition->pledge);
    free(definition);
}

/* ---- finding ---- */

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum err definition_find(const char *file_or_id, const struct settings *settings, char *out,
                         size_t out_size)
{
    char *path = NULL;
    enum err error = ERR_OK;
    if (is_file(file_or_id)) {
        error = settings_absolute_path(file_or_id, &path);
    } else if (ids_valid_name(file_or_id)) {
        char name[80];
        snprintf(name, sizeof name, "%s.ini", file_or_id);
        path = schema_absolute_path(settings->daemon.campaigns_dir, name);
        if (path == NULL)
            error = ERR_NOMEM;
    }
    if (error == ERR_OK && (path == NULL || !is_file(path)))
        error = ERR_NOT_FOUND;
    if (error == ERR_OK && strlen(path) >= out_size)
        error = ERR_TOO_BIG;
    if (error == ERR_OK)
        memcpy(out, path, strlen(path) + 1);
    free(path);
    return error;
}
