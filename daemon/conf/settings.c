/* Loads outreachd.ini through the table in conf/settings_rows.c, and checks what must hold between
 * keys. */
#include "conf/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ids.h"
#include "conf/address.h"
#include "conf/callback_key.h"
#include "conf/ini.h"
#include "conf/settings_rows.h"
#include "conf/value.h"

/* source: Ministry of Industry and Information Technology, order 31 of 2015: senders keep times,
 * numbers, and subscriptions for 5 months at least */
#define RETENTION_LEAST_MS (INT64_C(150) * 24 * 3600 * 1000)
#define CALLBACK_WHY_MAX_BYTES 8192 /* a file's name and a sentence */

/* Where `make install` and the Debian package put the report-code tables. */
static const char *const installed_codes[] = {"/usr/local/share/outreachd/codes",
                                              "/usr/share/outreachd/codes"};
static const char *const installed_regions[] = {"/usr/local/share/outreachd/regions.csv",
                                                "/usr/share/outreachd/regions.csv"};
static const char *const installed_console[] = {"/usr/local/share/outreachd/console",
                                                "/usr/share/outreachd/console"};

/* ---- loading ---- */

struct loading {
    const struct ini_file *ini;
    struct schema_context context;
    struct settings *settings;
    struct mistakes mistakes;
};

static void complain(struct loading *loading, const char *section, const char *key,
                     const char *reason)
{
    const struct ini_entry *entry = ini_entry(loading->ini, section, key);
    const struct ini_section *head = ini_section(loading->ini, section);
    mistakes_add(&loading->mistakes, false, loading->ini->path,
                 entry != NULL  ? entry->line
                 : head != NULL ? head->line
                                : 0,
                 section, key, entry == NULL ? NULL : mistake_showable(key, entry->value), NULL,
                 "%s", reason);
}

static void warn(struct loading *loading, const char *section, const char *key, const char *reason,
                 const char *value)
{
    const struct ini_entry *entry = ini_entry(loading->ini, section, key);
    const struct ini_section *head = ini_section(loading->ini, section);
    mistakes_add(&loading->mistakes, true, loading->ini->path,
                 entry != NULL  ? entry->line
                 : head != NULL ? head->line
                                : 0,
                 section, key, value, NULL, "%s", reason);
}

/* Given with a value, or given in a line that was a mistake already. */
static bool is_given(const struct loading *loading, const char *section, const char *key)
{
    const struct ini_entry *entry = ini_entry(loading->ini, section, key);
    return (entry != NULL && entry->value[0] != '\0') || ini_is_broken(loading->ini, section, key);
}

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_file(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* ---- [daemon] ---- */

static enum err default_codes_dir(struct loading *loading)
{
    struct settings_daemon *daemon = &loading->settings->daemon;
    char *beside = schema_absolute_path(loading->context.directory, "codes");
    if (beside == NULL)
        return ERR_NOMEM;
    daemon->codes_dir = beside;
    for (size_t i = 0;
         !is_directory(daemon->codes_dir) && i < sizeof installed_codes / sizeof *installed_codes;
         i++) {
        if (!is_directory(installed_codes[i]))
            continue;
        value_release_text(&daemon->codes_dir);
        return value_set_text(&daemon->codes_dir, installed_codes[i]);
    }
    return ERR_OK;
}

/* None is no mistake: sums need no names. */
static enum err default_regions(struct loading *loading)
{
    struct settings_daemon *daemon = &loading->settings->daemon;
    char *beside = schema_absolute_path(loading->context.directory, "regions.csv");
    if (beside == NULL)
        return ERR_NOMEM;
    if (is_file(beside)) {
        daemon->regions_file = beside;
        return ERR_OK;
    }
    free(beside);
    for (size_t i = 0; i < sizeof installed_regions / sizeof *installed_regions; i++) {
        if (is_file(installed_regions[i]))
            return value_set_text(&daemon->regions_file, installed_regions[i]);
    }
    return ERR_OK;
}

/* None is no mistake: outreachctl needs no console. */
static enum err default_console(struct loading *loading)
{
    struct settings_daemon *daemon = &loading->settings->daemon;
    char *beside = schema_absolute_path(loading->context.directory, "console");
    if (beside == NULL)
        return ERR_NOMEM;
    if (is_directory(beside)) {
        daemon->console_dir = beside;
        return ERR_OK;
    }
    free(beside);
    for (size_t i = 0; i < sizeof installed_console / sizeof *installed_console; i++) {
        if (is_directory(installed_console[i]))
            return value_set_text(&daemon->console_dir, installed_console[i]);
    }
    return ERR_OK;
}

static enum err default_id(struct settings_daemon *daemon)
{
    char host[65] = "";
    if (gethostname(host, sizeof host - 1) != 0 || !ids_valid_name(host))
        strcpy(host, "outreachd");
    return value_set_text(&daemon->id, host);
}

static enum err load_daemon(struct loading *loading)
{
    struct settings_daemon *daemon = &loading->settings->daemon;
    enum err error = schema_load(&loading->context, settings_rows, settings_rows_n, "daemon",
                                 loading->ini, "daemon", daemon, &loading->mistakes);
    if (error == ERR_OK && !is_given(loading, "daemon", "id"))
        error = default_id(daemon);
    if (error == ERR_OK && !is_given(loading, "daemon", "regions_file"))
        error = default_regions(loading);
    if (error == ERR_OK && !is_given(loading, "daemon", "console_dir"))
        error = default_console(loading);
    else if (daemon->console_dir != NULL && !is_directory(daemon->console_dir))
        complain(loading, "daemon", "console_dir", "no such directory");
    if (error != ERR_OK)
        return error;
    if (!is_given(loading, "daemon", "codes_dir"))
        error = default_codes_dir(loading);
    else if (daemon->codes_dir != NULL && !is_directory(daemon->codes_dir))
        complain(loading, "daemon", "codes_dir", "no such directory");
    if (daemon->retention_ms < RETENTION_LEAST_MS)
        warn(loading, "daemon", "retention",
             "is shorter than the 5 months that records of messages must be kept", NULL);
    if (daemon->campaigns_dir != NULL && !is_directory(daemon->campaigns_dir))
        warn(loading, "daemon", "campaigns_dir", "no such directory: there are no campaigns yet",
             daemon->campaigns_dir);
    return error;
}

/* ---- [redis] ---- */

/* A secret has two keys, in the INI and in a file; gives whether one is given. */
static bool check_secret_pair(struct loading *loading, const char *section, const char *key,
                              const char *file_key)
{
    bool in_ini = is_given(loading, section, key), in_file = is_given(loading, section, file_key);
    if (in_ini && in_file) {
        char reason[96];
        snprintf(reason, sizeof reason, "is given twice, here and by %s; keep one", file_key);
        complain(loading, section, key, reason);
    }
    return in_ini || in_file;
}

static enum err load_redis(struct loading *loading)
{
    (void)check_secret_pair(loading, "redis", "password", "password_file");
    return schema_load(&loading->context, settings_rows, settings_rows_n, "redis", loading->ini,
                       "redis", &loading->settings->redis, &loading->mistakes);
}

/* ---- [ledger] ---- */

static enum err load_ledger(struct loading *loading)
{
    const struct settings_ledger *ledger = &loading->settings->ledger;
    enum err error =
        schema_load(&loading->context, settings_rows, settings_rows_n, "ledger", loading->ini,
                    "ledger", &loading->settings->ledger, &loading->mistakes);
    if (error == ERR_OK && ledger->public_to != 0 && ledger->public_to < ledger->public_from)
        complain(loading, "ledger", "public_to", "the period ends before it begins");
    return error;
}

/* ---- [carrier NAME] ---- */

static const char *carrier_of(const char *section)
{
    return strncmp(section, "carrier ", 8) == 0 ? section + 8 : NULL;
}

static bool all_of(const char *text, const char *signs)
{
    return text[strspn(text, signs)] == '\0';
}

/* What a driver needs besides what every carrier needs. */
static const struct {
    const char *driver, *key;
} needs[] = {{"cloudmas", "ec_name"}, {"cloudmas", "ap_id"}, {"cloudmas", "sign_code"}};

static void check_needs(struct loading *loading, const char *section,
                        const struct settings_carrier *carrier)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (carrier->driver != NULL && strcmp(needs[i].driver, carrier->driver) == 0 &&
            !is_given(loading, section, needs[i].key))
            complain(loading, section, needs[i].key,
                     "is missing or empty; driver cloudmas needs it");
    }
    if (!check_secret_pair(loading, section, "secret_key", "secret_key_file"))
        complain(loading, section, "secret_key_file",
                 "is missing or empty: the interface password");
}

static void check_callback(struct loading *loading, const char *section,
                           const struct settings_carrier *carrier)
{
    const char *key =
        is_given(loading, section, "callback_key") ? "callback_key" : "callback_key_file";
    if (!check_secret_pair(loading, section, "callback_key", "callback_key_file")) {
        warn(loading, section, key,
             "without it no status report and no reply of this carrier is taken", NULL);
        return;
    }
    if (carrier->callback_key == NULL) /* not read, or a mistake already */
        return;
    struct buf why;
    buf_init(&why, CALLBACK_WHY_MAX_BYTES);
    const struct ini_entry *entry = ini_entry(loading->ini, section, key);
    if (strcmp(key, "callback_key_file") == 0 &&
        entry != NULL) /* it was read: it is a file's name */
        buf_addf(&why, "the key in %s ", entry->value);
    if (callback_key_check(carrier->callback_key, &why) != ERR_OK)
        complain(loading, section, key, buf_text(&why));
    buf_fini(&why);
}

/* The password itself never travels (the MAC is made of it), all else does. */
static void check_plain(struct loading *loading, const char *section,
                        const struct settings_carrier *carrier)
{
    if (carrier->base_url != NULL && address_is_plain_abroad(carrier->base_url))
        warn(loading, section, "base_url",
             "every number and text goes to this host unencrypted, and whoever sits in between can "
             "read and change it: ask the carrier's office for an https address, or go through a "
             "private line",
             carrier->base_url);
}

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void check_twins(struct loading *loading, const char *section,
                        const struct settings_carrier *carrier)
{
    for (const struct settings_carrier *other = loading->settings->carriers; other < carrier;
         other++) {
        if (same_text(other->base_url, carrier->base_url) &&
            same_text(other->ec_name, carrier->ec_name) && same_text(other->ap_id, carrier->ap_id))
            warn(loading, section, "ap_id",
                 "the same account as an earlier [carrier]; their rates add up", carrier->ap_id);
    }
}

static enum err fill_carrier(struct settings_carrier *carrier)
{
    const char **texts[] = {&carrier->ec_name, &carrier->ap_id, &carrier->sign_code};
    enum err error = ERR_OK;
    for (size_t i = 0; error == ERR_OK && i < sizeof texts / sizeof *texts; i++) {
        if (*texts[i] == NULL)
            error = value_set_text(texts[i], "");
    }
    if (error == ERR_OK && carrier->codes == NULL && carrier->driver != NULL)
        error = value_set_text(&carrier->codes, carrier->driver);
    return error;
}

static enum err load_carrier(struct loading *loading, const struct ini_section *section,
                             const char *name)
{
    struct settings *settings = loading->settings;
    if (!ids_valid_name(name)) {
        mistakes_add(
            &loading->mistakes, false, loading->ini->path, section->line, section->name, NULL, NULL,
            NULL,
            "write [carrier NAME], with one blank; NAME has the signs A-Z a-z 0-9 - _ . only");
        return ERR_OK;
    }
    if (settings->n_carriers == SETTINGS_CARRIERS_MAX) {
        mistakes_add(&loading->mistakes, false, loading->ini->path, section->line, section->name,
                     NULL, NULL, NULL, "more than %d carriers", SETTINGS_CARRIERS_MAX);
        return ERR_OK;
    }
    struct settings_carrier *carrier = &settings->carriers[settings->n_carriers++];
    enum err error = value_set_text(&carrier->name, name);
    if (error == ERR_OK)
        error = schema_load(&loading->context, settings_rows, settings_rows_n, "carrier",
                            loading->ini, section->name, carrier, &loading->mistakes);
    if (error != ERR_OK)
        return error;
    if (carrier->add_serial != NULL && !all_of(carrier->add_serial, "0123456789"))
        complain(loading, section->name, "add_serial", "must be digits");
    check_needs(loading, section->name, carrier);
    check_callback(loading, section->name, carrier);
    check_plain(loading, section->name, carrier);
    check_twins(loading, section->name, carrier);
    return fill_carrier(carrier);
}

static enum err load_carriers(struct loading *loading)
{
    bool any = false;
    for (size_t i = 0; i < loading->ini->n_sections; i++) {
        const struct ini_section *section = &loading->ini->sections[i];
        const char *name = carrier_of(section->name);
        if (strcmp(section->name, "carrier") == 0)
            name = "";
        if (name == NULL)
            continue;
        any = true;
        enum err error = load_carrier(loading, section, name);
        if (error != ERR_OK)
            return error;
    }
    if (!any)
        mistakes_add(&loading->mistakes, false, loading->ini->path, 0, NULL, NULL, NULL, NULL,
                     "there is no [carrier NAME] section, so nothing could be sent");
    return ERR_OK;
}

/* ---- the whole ---- */

static bool is_known_section(const char *name)
{
    return strcmp(name, "daemon") == 0 || strcmp(name, "redis") == 0 ||
           strcmp(name, "ledger") == 0 || strcmp(name, "carrier") == 0 || carrier_of(name) != NULL;
}

static enum err load_sections(struct loading *loading)
{
    static const char *const names[] = {"daemon", "redis", "ledger", "carrier"};
    schema_check_sections(loading->ini, is_known_section, names, sizeof names / sizeof *names,
                          &loading->mistakes);
    enum err error = load_daemon(loading);
    if (error == ERR_OK)
        error = load_redis(loading);
    if (error == ERR_OK)
        error = load_ledger(loading);
    if (error == ERR_OK)
        error = load_carriers(loading);
    return error;
}

enum err settings_load_ini(const struct ini_file *ini, bool read_secrets,
                           struct settings **settings, struct mistakes *mistakes)
{
    *settings = NULL;
    struct loading loading = {.ini = ini, .settings = calloc(1, sizeof *loading.settings)};
    if (loading.settings == NULL)
        return ERR_NOMEM;
    mistakes_init(&loading.mistakes);
    char *directory = schema_directory_of(ini->path);
    loading.context = (struct schema_context){.directory = directory, .read_secrets = read_secrets};

    enum err error =
        directory == NULL ? ERR_NOMEM : value_set_text(&loading.settings->file, ini->path);
    if (error == ERR_OK)
        error = load_sections(&loading);
    free(directory);
    if (error == ERR_OK && loading.mistakes.errors > 0)
        error = ERR_INVALID;
    mistakes_sort(&loading.mistakes);
    mistakes_move(mistakes, &loading.mistakes);
    if (error != ERR_OK) {
        settings_free(loading.settings);
        return error;
    }
    *settings = loading.settings;
    return ERR_OK;
}

enum err settings_absolute_path(const char *path, char **absolute)
{
    *absolute = NULL;
    char *directory = getcwd(NULL, 0);
    if (directory == NULL && path[0] != '/')
        return ERR_IO;
    *absolute = schema_absolute_path(directory == NULL ? "/" : directory, path);
    free(directory);
    return *absolute == NULL ? ERR_NOMEM : ERR_OK;
}

enum err settings_load(const char *path, bool read_secrets, struct settings **settings,
                       struct mistakes *mistakes)
{
    *settings = NULL;
    char *absolute;
    enum err error = settings_absolute_path(path, &absolute);
    if (error != ERR_OK)
        return error;
    struct mistakes own;
    struct ini_file *ini;
    mistakes_init(&own);
    error = ini_read(absolute, &ini, &own);
    if (ini != NULL) {
        enum err meaning = settings_load_ini(ini, read_secrets, settings, &own);
        if (error == ERR_OK || meaning == ERR_NOMEM)
            error = meaning;
    }
    if (error != ERR_OK) {
        settings_free(*settings);
        *settings = NULL;
    }
    mistakes_sort(&own);
    mistakes_move(mistakes, &own);
    ini_free(ini);
    free(absolute);
    return error;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL)
        return;
    schema_release(settings_rows, settings_rows_n, "daemon", &settings->daemon);
    schema_release(settings_rows, settings_rows_n, "redis", &settings->redis);
    schema_release(settings_rows, settings_rows_n, "ledger", &settings->ledger);
    for (size_t i = 0; i < settings->n_carriers; i++) {
        schema_release(settings_rows, settings_rows_n, "carrier", &settings->carriers[i]);
        value_release_text(&settings->carriers[i].name);
    }
    value_release_text(&settings->file);
    free(settings);
}

const struct settings_carrier *settings_carrier(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->n_carriers; i++) {
        if (strcmp(settings->carriers[i].name, name) == 0)
            return &settings->carriers[i];
    }
    return NULL;
}

uint32_t settings_connections_per_address(const struct settings_daemon *daemon)
{
    uint32_t all = daemon->connections_max, given = daemon->connections_per_address;
    if (given == 0)
        return all - all / 4;
    return given < all ? given : all;
}

/* ---- replacing ---- */

static void compare(const char *row_section, const char *section, const void *old, const void *next,
                    const struct settings *settings, struct mistakes *mistakes, bool *differs)
{
    for (size_t i = 0; i < settings_rows_n; i++) {
        const struct schema_row *row = &settings_rows[i];
        if (strcmp(row->section, row_section) != 0 || (row->flags & SCHEMA_RELOADABLE) != 0 ||
            row->type->equal((const char *)old + row->offset, (const char *)next + row->offset))
            continue;
        *differs = true;
        mistakes_add(mistakes, false, settings->file, 0, section, row->key, NULL, NULL,
                     "cannot change while the daemon runs; restart it, or put the old value back");
    }
}

enum err settings_may_replace(const struct settings *old, const struct settings *next,
                              struct mistakes *mistakes)
{
    bool differs = false;
    compare("daemon", "daemon", &old->daemon, &next->daemon, next, mistakes, &differs);
    compare("redis", "redis", &old->redis, &next->redis, next, mistakes, &differs);
    compare("ledger", "ledger", &old->ledger, &next->ledger, next, mistakes, &differs);
    for (size_t i = 0; i < next->n_carriers; i++) {
        const struct settings_carrier *carrier = &next->carriers[i];
        const struct settings_carrier *before = settings_carrier(old, carrier->name);
        char section[INI_SECTION_MAX + 16];
        snprintf(section, sizeof section, "carrier %s", carrier->name);
        if (before != NULL)
            compare("carrier", section, before, carrier, next, mistakes, &differs);
    }
    return differs ? ERR_REFUSED : ERR_OK;
}
