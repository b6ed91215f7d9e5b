/* Every key of outreachd.ini. To add a setting: a field in settings.h, a row here, and
 * config/outreachd.ini as the unit test prints it. Nothing else. */
#include "conf/settings_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "conf/address.h"
#include "conf/settings.h"
#include "conf/value.h"

#define KIB 1024LL
#define MIB (1024 * KIB)
#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define ADD_SERIAL_MAX 15 /* carrier-apis.md 1.4 */
#define BATCH_LIMIT 5000  /* the same: numbers in a request */

static const char *const drivers[] = {"cloudmas", NULL};
static const char *const log_levels[] = {"error", "warn", "info", "debug", NULL};
/* ---- types that fill more than one field ---- */

/* The field is the whole struct settings_daemon. */
static enum err parse_listen(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    struct settings_daemon *daemon = field;
    char *host = NULL;
    uint16_t port;
    enum err error = address_parse_endpoint(text, &host, &port, why);
    if (error != ERR_OK)
        return error;
    daemon->listen_host = host;
    daemon->listen_port = port;
    return ERR_OK;
}

static void release_listen(void *field)
{
    struct settings_daemon *daemon = field;
    value_release_text(&daemon->listen_host);
}

static bool equal_listen(const void *a, const void *b)
{
    const struct settings_daemon *x = a, *y = b;
    return value_equal_text(&x->listen_host, &y->listen_host) && x->listen_port == y->listen_port;
}

/* The field is the whole struct settings_redis. */
static enum err parse_redis(const struct schema_context *context, const struct schema_row *row,
                            const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    return address_parse_redis(text, field, why);
}

static void release_redis(void *field)
{
    struct settings_redis *redis = field;
    value_release_text(&redis->host);
}

static bool equal_redis(const void *a, const void *b)
{
    const struct settings_redis *x = a, *y = b;
    return x->is_unix == y->is_unix && x->port == y->port && x->db == y->db &&
           value_equal_text(&x->host, &y->host);
}

static void release_networks(const struct settings_cidr **list, size_t *n)
{
    void *mine; /* ours to free, const for everybody else */
    memcpy(&mine, list, sizeof mine);
    free(mine);
    *list = NULL;
    *n = 0;
}

static bool equal_networks(const struct settings_cidr *a, size_t n_a, const struct settings_cidr *b,
                           size_t n_b)
{
    return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof *a) == 0);
}

/* The field is the whole struct settings_daemon. */
static enum err parse_proxies(const struct schema_context *context, const struct schema_row *row,
                              const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    struct settings_daemon *daemon = field;
    struct settings_cidr *list = NULL;
    enum err error = address_parse_networks(text, &list, &daemon->n_trusted_proxies, why);
    daemon->trusted_proxies = list;
    return error;
}

static void release_proxies(void *field)
{
    struct settings_daemon *daemon = field;
    release_networks(&daemon->trusted_proxies, &daemon->n_trusted_proxies);
}

static bool equal_proxies(const void *a, const void *b)
{
    const struct settings_daemon *x = a, *y = b;
    return equal_networks(x->trusted_proxies, x->n_trusted_proxies, y->trusted_proxies,
                          y->n_trusted_proxies);
}

/* The field is the whole struct settings_carrier. */
static enum err parse_allow(const struct schema_context *context, const struct schema_row *row,
                            const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    struct settings_carrier *carrier = field;
    struct settings_cidr *list = NULL;
    size_t n;
    enum err error = address_parse_networks(text, &list, &n, why);
    if (error != ERR_OK)
        return error;
    carrier->callback_allow = list;
    carrier->n_callback_allow = n;
    return ERR_OK;
}

static void release_allow(void *field)
{
    struct settings_carrier *carrier = field;
    release_networks(&carrier->callback_allow, &carrier->n_callback_allow);
}

static bool equal_allow(const void *a, const void *b)
{
    const struct settings_carrier *x = a, *y = b;
    return equal_networks(x->callback_allow, x->n_callback_allow, y->callback_allow,
                          y->n_callback_allow);
}

static const struct schema_type type_listen = {"HOST:PORT, such as 127.0.0.1:10170", parse_listen,
                                               release_listen, equal_listen, false};
static const struct schema_type type_redis = {"unix:///PATH or redis://HOST:PORT/DB", parse_redis,
                                              release_redis, equal_redis, true};
static const struct schema_type type_allow = {"addresses and networks, split by blanks",
                                              parse_allow, release_allow, equal_allow, false};
static const struct schema_type type_proxies = {"addresses and networks, split by blanks",
                                                parse_proxies, release_proxies, equal_proxies,
                                                false};

/* ---- of the public page ---- */

/* An area code as pledge/area.h reads it: the digits of one of its levels. */
static enum err parse_region(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    (void)why;
    size_t len = strlen(text);
    bool fits = len == 0 || len == 2 || len == 4 || len == 6 || len == 9 || len == 12;
    if (!fits || strspn(text, "0123456789") != len)
        return ERR_INVALID;
    return value_set_text(field, text);
}

/* The field is a uint32_t, yyyymmdd. */
static enum err parse_day(const struct schema_context *context, const struct schema_row *row,
                          const char *text, void *field, struct buf *why)
{
    (void)row;
    (void)why;
    char moment[CLOCK_TEXT_SIZE];
    int64_t wall_ms;
    if (strlen(text) != strlen("2026-10-17"))
        return ERR_INVALID;
    snprintf(moment, sizeof moment, "%s 00:00", text);
    enum err error = clock_parse(moment, context->utc_offset_min, &wall_ms);
    if (error != ERR_OK)
        return error;
    struct civil civil = clock_civil(wall_ms, context->utc_offset_min);
    *(uint32_t *)field = (uint32_t)(civil.year * 10000 + civil.month * 100 + civil.day);
    return ERR_OK;
}

static bool equal_day(const void *a, const void *b)
{
    return *(const uint32_t *)a == *(const uint32_t *)b;
}

static const struct schema_type type_region = {"an area code of 2, 4, 6, 9 or 12 digits",
                                               parse_region, value_release_text, value_equal_text,
                                               false};
static const struct schema_type type_day = {"a day such as 2026-10-17", parse_day, NULL, equal_day,
                                            false};

/* ---- the table ---- */

/* clang-format off */
#define DAEMON(key_, field, ...) {.section = "daemon", .key = key_, .offset = offsetof(struct settings_daemon, field), __VA_ARGS__}
#define REDIS(key_, field, ...) {.section = "redis", .key = key_, .offset = offsetof(struct settings_redis, field), __VA_ARGS__}
#define LEDGER(key_, field, ...) {.section = "ledger", .key = key_, .offset = offsetof(struct settings_ledger, field), __VA_ARGS__}
#define CARRIER(key_, field, ...) {.section = "carrier", .key = key_, .offset = offsetof(struct settings_carrier, field), __VA_ARGS__}

const struct schema_row settings_rows[] = {
    {.section = "daemon", .key = "listen", .type = &type_listen, .offset = 0, .def = "127.0.0.1:10170",
     .comment = "Where the console, the API and the carriers' webhooks are served."},
    DAEMON("control_socket", control_socket, .type = &value_socket, .def = "/run/outreachd/control.sock",
           .comment = "The socket outreachctl talks to. Whoever may open it may send: its directory decides who."),
    DAEMON("state_dir", state_dir, .type = &value_path, .def = "/var/lib/outreachd",
           .comment = "The daemon's own files."),
    DAEMON("campaigns_dir", campaigns_dir, .type = &value_path, .def = "campaigns.d", .flags = SCHEMA_RELOADABLE,
           .comment = "Campaign definitions: ID.ini, one campaign a file. Relative paths are relative to this file."),
    DAEMON("codes_dir", codes_dir, .type = &value_path, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "Report-code tables, a file a carrier driver. Empty: codes beside this file, else the installed ones."),
    DAEMON("regions_file", regions_file, .type = &value_file, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "Names of areas (code,name), made by scripts/regions. Empty: regions.csv beside this file, else the installed one."),
    DAEMON("regions_extra", regions_extra, .type = &value_file, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "More names in a file of one's own, such as the villages of a township; they win over those of regions_file."),
    DAEMON("console_dir", console_dir, .type = &value_path, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "The files of the web console. Empty: console beside this file, else the installed ones."),
    DAEMON("id", id, .type = &value_name, .flags = SCHEMA_OPTIONAL,
           .comment = "The name of this daemon when several share one Redis; no two may have the same. Empty: the host name."),
    DAEMON("utc_offset", utc_offset_min, .type = &value_utc_offset, .def = "+08:00",
           .comment = "Local time of every date and window. China has one offset and no daylight saving."),
    DAEMON("log_level", log_level, .type = &value_word, .choices = log_levels, .def = "info", .flags = SCHEMA_RELOADABLE,
           .comment = "The least urgent lines that are written to the journal."),
    DAEMON("optout_words", optout_words, .type = &value_text, .min = 1, .max = 1000, .def = "R T TD N 0000 退订 拒收",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Replies that mean \"no more\", split by blanks. The whole reply must be the word; width and case do not matter."),
    DAEMON("optout_all_words", optout_all_words, .type = &value_text, .min = 1, .max = 1000, .def = "全部退订 TDALL",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Replies that also stop receipts."),
    DAEMON("ambiguous_limit", ambiguous_limit, .type = &value_u32, .min = 1, .max = 100000, .def = "3", .unit = "chunks",
           .flags = SCHEMA_RELOADABLE,
           .comment = "A campaign stops and asks when so many chunks are open of which nobody knows whether the carrier took them."),
    DAEMON("behind_tls", behind_tls, .type = &value_bool, .def = "no", .flags = SCHEMA_RELOADABLE,
           .comment = "Browsers come over HTTPS, through a reverse proxy: the login's cookie is then never sent without."),
    {.section = "daemon", .key = "trusted_proxies", .type = &type_proxies, .offset = 0, .def = "127.0.0.0/8 ::1", .flags = SCHEMA_RELOADABLE,
     .comment = "With behind_tls: the proxies whose X-Forwarded-For tells who the client is, for callback_allow, attempts to log in and the audit."},
    DAEMON("session_idle", session_idle_ms, .type = &value_duration, .min = MINUTE, .max = 12 * HOUR, .def = "30m",
           .flags = SCHEMA_RELOADABLE,
           .comment = "A login ends when nothing was done with it for so long."),
    DAEMON("session_life", session_life_ms, .type = &value_duration, .min = MINUTE, .max = 7 * DAY, .def = "12h",
           .flags = SCHEMA_RELOADABLE,
           .comment = "A login ends after so long in any case."),
    DAEMON("webhook_body_max", webhook_body_max_bytes, .type = &value_size, .min = 4 * KIB, .max = 16 * MIB, .def = "1m",
           .unit = "bytes",
           .comment = "The largest body a carrier may push."),
    DAEMON("webhook_wrong_per_minute", webhook_wrong_per_minute, .type = &value_u32, .min = 1, .max = 60000, .def = "60",
           .unit = "pushes", .flags = SCHEMA_RELOADABLE,
           .comment = "Pushes of one address (IPv6: of one /64) with a wrong key in a minute; more are answered 429. A push with the right key is never among them."),
    DAEMON("upload_max", upload_max_bytes, .type = &value_size, .min = 64 * KIB, .max = 1024 * MIB, .def = "64m",
           .unit = "bytes", .flags = SCHEMA_RELOADABLE,
           .comment = "The largest list of recipients that may be uploaded. 64m is about a million rows."),
    DAEMON("upload_daily", upload_daily_bytes, .type = &value_size, .min = MIB, .max = MIB * 1024 * 1024, .def = "1024m",
           .unit = "bytes", .flags = SCHEMA_RELOADABLE,
           .comment = "Lists that one user may upload or copy a day, all together; each draft counts as a megabyte at least."),
    DAEMON("disk_free_min", disk_free_min_bytes, .type = &value_size, .min = 0, .max = MIB * 1024 * 1024, .def = "256m",
           .unit = "bytes", .flags = SCHEMA_RELOADABLE,
           .comment = "No list is taken, and no draft copied, when less than this would stay free on the disk of campaigns_dir."),
    DAEMON("four_eyes_over", four_eyes_over, .type = &value_u32, .min = 0, .max = 1000000000, .def = "100", .unit = "people",
           .flags = SCHEMA_RELOADABLE,
           .comment = "A campaign to more people than this must be approved by a second person, when it is launched from the console or with a token; what one user launched without an approval in 24 hours counts together."),
    DAEMON("trial_daily", trial_daily, .type = &value_u32, .min = 0, .max = 100000, .def = "50", .unit = "messages",
           .flags = SCHEMA_RELOADABLE,
           .comment = "What the people of an area in trial may send a day, to the area's own numbers only."),
    DAEMON("test_daily", test_daily, .type = &value_u32, .min = 0, .max = 100000, .def = "20", .unit = "messages",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Test messages that a user of the console or a token may send a day."),
    DAEMON("optout_daily", optout_daily, .type = &value_u32, .min = 0, .max = 100000, .def = "200", .unit = "numbers",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Opt-outs that a user who is no operator may add a day, by hand or with her tokens, as people call: they hold for the whole country. A longer list is an operator's."),
    DAEMON("connections_max", connections_max, .type = &value_u32, .min = 16, .max = 65000, .def = "4000",
           .unit = "connections",
           .comment = "Inbound connections in all."),
    DAEMON("connections_per_address", connections_per_address, .type = &value_u32, .min = 0, .max = 65000, .def = "0",
           .unit = "connections",
           .comment = "Inbound connections from one address; never more than connections_max. 0: three quarters of connections_max,\n"
                      "much for a reverse proxy, behind which everybody has one address, and never all there are."),
    DAEMON("streams_per_user", streams_per_user, .type = &value_u32, .min = 1, .max = 100000, .def = "20", .unit = "streams",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Pages that one user has open at once and that update themselves, and event streams of one token. Beyond, the oldest ends and its page says so."),
    DAEMON("parked_max", parked_max, .type = &value_u32, .min = 1, .max = 10000000, .def = "200000",
           .unit = "reports a carrier", .flags = SCHEMA_RELOADABLE,
           .comment = "Status reports kept that belong to no request known yet (they may come before the answer to it)."),
    DAEMON("parked_for", parked_for_ms, .type = &value_duration, .min = SECOND, .max = 30 * DAY, .def = "72h",
           .flags = SCHEMA_RELOADABLE,
           .comment = "How long they are kept."),
    DAEMON("repeat_guard", repeat_guard_ms, .type = &value_duration, .min = 0, .max = 365 * DAY, .def = "7d",
           .flags = SCHEMA_RELOADABLE,
           .comment = "The same text to the same list is refused for this long, unless --again is given. 0: never refused."),
    DAEMON("resend_values_for", resend_values_for_ms, .type = &value_duration, .min = 0, .max = 90 * DAY, .def = "7d",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Names and other personal values are deleted so long after a campaign is done; a resend needs them."),
    DAEMON("retention", retention_ms, .type = &value_duration, .min = DAY, .max = 3650 * DAY, .def = "180d",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Numbers, regions, personal values and texts of campaigns that finished longer ago are deleted, and replies too;\n"
                      "figures, opt-outs and the ledger stay. Records of messages must be kept for 5 months: less than 150d warns."),
    DAEMON("resend_silent_after", resend_silent_after_ms, .type = &value_duration, .min = SECOND, .max = 7 * DAY, .def = "10m",
           .flags = SCHEMA_RELOADABLE,
           .comment = "Campaigns with on_ambiguous = resend: of whom nobody knows whether the carrier took them, they are sent again,\n"
                      "once, when no report came for so long. Some may then get the message twice."),

    {.section = "redis", .key = "url", .type = &type_redis, .offset = 0,
     .def = "unix:///run/outreachd-redis/redis.sock",
     .comment = "unix:///PATH (?db=N for another database) or redis://HOST:PORT/DB."},
    REDIS("password_file", password, .type = &value_secret_file, .flags = SCHEMA_OPTIONAL | SCHEMA_SECRET,
          .comment = "A file that holds nothing but the password. Empty: none is needed."),
    REDIS("password", password, .type = &value_secret, .flags = SCHEMA_OPTIONAL | SCHEMA_SECRET,
          .comment = "The password itself, instead of password_file. Works, with a warning."),
    REDIS("prefix", prefix, .type = &value_name, .def = "outreach",
          .comment = "Every key in Redis begins with this and a colon."),
    REDIS("timeout", timeout_ms, .type = &value_duration, .min = 100, .max = MINUTE, .def = "5s",
          .comment = "A Redis that gives no answer for so long is taken for lost, and connected to again."),
    REDIS("i_accept_data_loss", i_accept_data_loss, .type = &value_bool, .def = "no",
          .comment = "Run on a Redis that does not write to disk (no AOF). A power cut then loses who got a message already."),

    LEDGER("grace_days", grace_days, .type = &value_u32, .min = 0, .max = 3650, .def = "30", .unit = "days",
           .flags = SCHEMA_RELOADABLE,
           .comment = "A pledge that has not arrived so long after its due day is shown as lapsed. Money that comes still matches it."),
    LEDGER("hotline", hotline, .type = &value_text, .max = 40, .def = "", .flags = SCHEMA_RELOADABLE,
           .comment = "The telephone number for questions, in public notices and as ((热线)) in receipts, where the campaign names none."),
    LEDGER("notice_days", notice_days, .type = &value_u32, .min = 1, .max = 365, .def = "7", .unit = "days",
           .flags = SCHEMA_RELOADABLE,
           .comment = "How long a public notice (公示) is up, where the call does not say."),
    LEDGER("public_page", public_page, .type = &value_bool, .def = "no", .flags = SCHEMA_RELOADABLE,
           .comment = "Show everybody, without a login, the totals and the masked list of donors under /public/."),
    LEDGER("public_title", public_title, .type = &value_text, .max = 100, .def = "", .flags = SCHEMA_RELOADABLE,
           .comment = "Who publishes, as the heading of that page. Empty: the name of the area."),
    LEDGER("public_region", public_region, .type = &type_region, .def = "", .flags = SCHEMA_RELOADABLE,
           .comment = "The area it is about, 2, 4, 6, 9 or 12 digits. Empty: all."),
    LEDGER("public_campaign", public_campaign, .type = &value_name, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "The campaign it is about. Empty: all."),
    LEDGER("public_from", public_from, .type = &type_day, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "The first day of its period, such as 2026-10-01. Empty: the first day of this year."),
    LEDGER("public_to", public_to, .type = &type_day, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
           .comment = "The last day of its period; notice_days later the list of donors comes off, the totals stay. Empty: no end."),
    LEDGER("public_refresh", public_refresh_ms, .type = &value_duration, .min = SECOND, .max = HOUR, .def = "60s",
           .flags = SCHEMA_RELOADABLE,
           .comment = "How old it may be: Redis is asked so often, however many look at the page."),
    LEDGER("public_per_minute", public_per_minute, .type = &value_u32, .min = 1, .max = 60000, .def = "240",
           .unit = "requests", .flags = SCHEMA_RELOADABLE,
           .comment = "Requests of one address (IPv6: of one /64) to it in a minute. Many telephones share an address."),
    LEDGER("public_per_second", public_per_second, .type = &value_u32, .min = 1, .max = 100000, .def = "200",
           .unit = "requests", .flags = SCHEMA_RELOADABLE,
           .comment = "Requests to it in a second, of all together."),

    CARRIER("driver", driver, .type = &value_word, .choices = drivers, .def = "cloudmas",
            .comment = "The carrier's interface. cloudmas: China Mobile Cloud MAS over HTTP."),
    CARRIER("base_url", base_url, .type = &value_http_url, .flags = SCHEMA_REQUIRED | SCHEMA_RELOADABLE,
            .shown = "http://127.0.0.1:1992",
            .comment = "The entry point the carrier's office named, without a slash at the end."),
    CARRIER("submit_path", submit_path, .type = &value_http_path, .def = "/sms/norsubmit", .flags = SCHEMA_RELOADABLE,
            .comment = "Some entry points have /sms/submit here."),
    CARRIER("ec_name", ec_name, .type = &value_text, .max = 100, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .shown = "高山乡人民政府",
            .comment = "ecName: the customer's name exactly as it stands on the platform. cloudmas needs it."),
    CARRIER("ap_id", ap_id, .type = &value_text, .max = 64, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .shown = "gaoshan",
            .comment = "apId: the interface account (not the web login). cloudmas needs it."),
    CARRIER("secret_key_file", secret_key, .type = &value_secret_file,
            .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL | SCHEMA_SECRET, .shown = "secrets/mas.secret",
            .comment = "A file that holds nothing but the interface password; nobody but its owner may access it (chmod 600).\n"
                       "secrets/NAME is also looked for among the credentials that systemd gives the daemon, and there first."),
    CARRIER("secret_key", secret_key, .type = &value_secret, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL | SCHEMA_SECRET,
            .comment = "The password itself, instead of secret_key_file. Works, with a warning."),
    CARRIER("send_secret", send_secret, .type = &value_bool, .def = "no", .flags = SCHEMA_RELOADABLE,
            .comment = "Also put secretKey into the request body, as some provinces want. It is part of the MAC in every case."),
    CARRIER("sign_code", sign_code, .type = &value_text, .max = 64, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .shown = "DemoSign1",
            .comment = "sign: the signature's code from the platform, not its text. cloudmas needs it."),
    CARRIER("add_serial", add_serial, .type = &value_text, .max = ADD_SERIAL_MAX, .def = "", .flags = SCHEMA_RELOADABLE,
            .comment = "Extension digits behind the service code. Empty for a service code that is matched exactly."),
    CARRIER("signature_added_by_carrier", signature_added_by_carrier, .type = &value_bool, .def = "no",
            .flags = SCHEMA_RELOADABLE,
            .comment = "yes: the platform puts 【signature】 in front; it is counted, but not sent."),
    CARRIER("trial", trial, .type = &value_bool, .def = "no", .flags = SCHEMA_RELOADABLE,
            .comment = "yes: base_url is a simulator, nothing reaches a phone. Areas in trial may use only such carriers."),
    CARRIER("batch_max", batch_max, .type = &value_u32, .min = 1, .max = BATCH_LIMIT, .def = "1000",
            .unit = "recipients a request", .flags = SCHEMA_RELOADABLE,
            .comment = "Recipients in one request. Never more than the driver allows (personal texts: 1000)."),
    CARRIER("rate", rate, .type = &value_u32, .min = 0, .max = 1000000, .def = "500", .unit = "segments a second",
            .flags = SCHEMA_RELOADABLE,
            .comment = "What the contract with the carrier allows, shared by all campaigns. 0: no limit of ours."),
    CARRIER("connections", connections, .type = &value_u32, .min = 1, .max = 256, .def = "8", .unit = "connections",
            .flags = SCHEMA_RELOADABLE,
            .comment = "Requests under way at the same time."),
    CARRIER("timeout", timeout_ms, .type = &value_duration, .min = 100, .max = 5 * MINUTE, .def = "10s",
            .flags = SCHEMA_RELOADABLE,
            .comment = "A request without a whole answer after so long is ambiguous: nobody knows whether it was taken."),
    CARRIER("price_fen", price_fen, .type = &value_fen, .min = 0, .max = 10000, .def = "5", .unit = "fen a segment",
            .flags = SCHEMA_RELOADABLE,
            .comment = "What a segment costs, for plans and reports."),
    CARRIER("callback_key_file", callback_key, .type = &value_secret_file,
            .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL | SCHEMA_SECRET, .shown = "secrets/mas.callback",
            .comment = "A file with the secret part of the webhook path, /hook/NAME/KEY/report and /uplink: at least 22 random signs of A-Z a-z 0-9 _ -,\n"
                       "or 32 hexadecimal digits, such as this makes: od -An -N16 -tx1 /dev/urandom | tr -dc 0-9a-f\n"
                       "Empty: this carrier's status reports and replies are not taken."),
    CARRIER("callback_key", callback_key, .type = &value_secret,
            .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL | SCHEMA_SECRET,
            .comment = "The key itself, instead of callback_key_file. Works, with a warning."),
    {.section = "carrier", .key = "callback_allow", .type = &type_allow, .offset = 0, .def = "127.0.0.0/8",
     .flags = SCHEMA_RELOADABLE,
     .comment = "Addresses the webhooks are taken from: the carrier's. Behind a proxy of trusted_proxies it is the carrier whose address counts."},
    CARRIER("ca_file", ca_file, .type = &value_file, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .comment = "Certificates (PEM) that an https entry point is checked against. Empty: the system's."),
    CARRIER("proxy", proxy, .type = &value_proxy_url, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .comment = "An HTTP or SOCKS proxy on the way to the carrier. Empty: none, whatever the environment says."),
    CARRIER("codes", codes, .type = &value_name, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .comment = "The report-code table in codes_dir, without .ini. Empty: the driver's name."),
    CARRIER("default_campaign", default_campaign, .type = &value_name, .flags = SCHEMA_RELOADABLE | SCHEMA_OPTIONAL,
            .comment = "The campaign of a pledge by SMS that neither extension digits nor an earlier message place.\n"
                       "Empty: such a text counts nowhere."),
};
/* clang-format on */
const size_t settings_rows_n = sizeof settings_rows / sizeof *settings_rows;

size_t settings_drivers(const char *const **names)
{
    *names = drivers;
    return sizeof drivers / sizeof *drivers - 1;
}

/* ---- the example ---- */

void settings_print_example(struct buf *out)
{
    buf_add_text(
        out,
        "; outreachd.ini: every key with its default. UTF-8; a relative path is relative to this "
        "file.\n"
        "; A comment has its own line: behind a value it would be part of the value.\n"
        "; Times have a unit (ms s m h d), money is whole fen, a secret has a file of its own.\n"
        "; outreachd --check --config FILE reports every mistake at once.\n"
        "\n[daemon]\n\n");
    schema_print_example(settings_rows, settings_rows_n, "daemon", out);
    buf_add_text(out, "[redis]\n\n");
    schema_print_example(settings_rows, settings_rows_n, "redis", out);
    buf_add_text(out, "; Pledges.\n[ledger]\n\n");
    schema_print_example(settings_rows, settings_rows_n, "ledger", out);
    buf_add_text(out, "; One section a carrier account: [carrier NAME]. NAME stands in campaign "
                      "definitions and webhook paths.\n"
                      "[carrier mas]\n\n");
    schema_print_example(settings_rows, settings_rows_n, "carrier", out);
    if (out->len > 0 && out->data[out->len - 1] == '\n' && !out->failed) /* one line end, not two */
        out->data[--out->len] = '\0';
}
