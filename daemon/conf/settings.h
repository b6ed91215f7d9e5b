/* The daemon's configuration as one const struct, read from outreachd.ini through the table in
 * conf/settings_rows.c: one row a key {section, key, type, min, max, default, unit, reloadable}.
 * The same table loads, gives defaults, prints config/outreachd.ini, checks permissions of a reload
 * and offers the nearest valid key. Relative paths are made absolute here, against the file. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/mistake.h"

#define SETTINGS_CARRIERS_MAX 64

struct settings_daemon {
    const char *listen_host; /* "127.0.0.1" */
    uint16_t listen_port;
    const char *control_socket;
    const char *state_dir;
    const char *campaigns_dir;
    const char *
        codes_dir; /* report-code tables; default: codes beside the file, else the installed ones */
    const char *regions_file;  /* names of areas (pledge/regions.h); NULL: none found, codes alone
                                  are shown */
    const char *regions_extra; /* names of one's own, which win over those; NULL: none */
    const char *console_dir;   /* the console's files; NULL: none found, there is no console */
    const char *id;            /* of this daemon among several; default: the host name */
    int utc_offset_min;
    const char *log_level;
    const char *optout_words;     /* reply words that mean "no more", see sms/keyword.h */
    const char *optout_all_words; /* reply words that also stop receipts */
    uint32_t ambiguous_limit;     /* open ambiguous chunks that stop a campaign */
    bool behind_tls;              /* browsers come over TLS, by a reverse proxy */
    const struct settings_cidr *trusted_proxies; /* whose word on the client's address is taken */
    size_t n_trusted_proxies;
    int64_t session_idle_ms, session_life_ms;
    uint64_t webhook_body_max_bytes;
    uint32_t webhook_wrong_per_minute; /* pushes of one address with a wrong key */
    uint32_t connections_max;          /* inbound, in total */
    uint32_t streams_per_user;         /* of events; and of one token */
    uint32_t connections_per_address;  /* as written; see settings_connections_per_address */
    uint32_t parked_max;               /* reports kept for an unknown batch, a carrier */
    int64_t parked_for_ms;             /* 72h */
    int64_t repeat_guard_ms; /* the same text to the same list is refused for this long: 7d */
    int64_t
        resend_values_for_ms;  /* personal values are kept this long after `done`, for a resend */
    int64_t retention_ms;      /* numbers and texts of finished campaigns are kept so long: 180d */
    uint32_t four_eyes_over;   /* more people than this need a second person */
    uint32_t trial_daily;      /* messages a day of an area in trial */
    uint32_t test_daily;       /* test messages a day of a user */
    uint32_t optout_daily;     /* opt-outs a day that a user who is no operator adds */
    uint64_t upload_max_bytes; /* of a list that is uploaded: 64m */
    uint64_t upload_daily_bytes;    /* of a user's lists and copies a day: 1024m */
    uint64_t disk_free_min_bytes;   /* what must stay free beside campaigns_dir: 256m */
    int64_t resend_silent_after_ms; /* on_ambiguous = resend: sent again after this silence: 10m */
};

struct settings_redis {
    bool is_unix;
    const char *host; /* or the path of the socket */
    uint16_t port;
    uint32_t db;
    const char *password; /* NULL: none. Read from password_file */
    const char *prefix;
    bool i_accept_data_loss;
    int64_t timeout_ms;
};

struct settings_ledger {
    uint32_t grace_days; /* a pledge has lapsed so long after its due day */
    const char *hotline; /* of notices and receipts whose campaign names none; "" for none */
    uint32_t notice_days;
    /* The public page (api/public_page.h): off, and nothing is kept for it, unless public_page. */
    bool public_page;
    const char *public_title;    /* "" the area's name */
    const char *public_region;   /* an area code, "" all areas */
    const char *public_campaign; /* NULL all */
    uint32_t public_from;        /* yyyymmdd; 0: the first day of this year */
    uint32_t public_to;          /* yyyymmdd; 0: no end */
    int64_t public_refresh_ms;   /* the ledger is looked at so often, however many visit */
    uint32_t public_per_minute;  /* requests of one address */
    uint32_t public_per_second;  /* of all */
};

struct settings_cidr {
    uint8_t addr[16]; /* IPv4 as v4-mapped */
    uint8_t bits;     /* of 128 */
};

struct settings_carrier {
    const char *name;
    const char *driver;
    const char *base_url; /* no trailing slash */
    const char *submit_path;
    const char *ec_name, *ap_id, *secret_key, *sign_code, *add_serial;
    bool signature_added_by_carrier;
    bool trial;       /* it leads to a simulator: areas in trial may use it */
    bool send_secret; /* also put secretKey into the body, as some provinces want
                         (carrier-apis.md 1.4) */
    uint32_t batch_max;
    uint32_t rate; /* segments a second; 0: no limit of ours */
    uint32_t connections;
    int64_t timeout_ms;
    uint32_t price_fen;
    const char *callback_key; /* NULL: no webhooks */
    const struct settings_cidr *callback_allow;
    size_t n_callback_allow;
    const char *ca_file;          /* NULL: the system's */
    const char *proxy;            /* NULL: none, and none from the environment either */
    const char *codes;            /* name of the table in codes_dir; default: the driver's name */
    const char *default_campaign; /* of a pledge that nothing else places; NULL: none */
};

struct settings {
    const char *file; /* absolute path it was read from */
    struct settings_daemon daemon;
    struct settings_redis redis;
    struct settings_ledger ledger;
    struct settings_carrier carriers[SETTINGS_CARRIERS_MAX];
    size_t n_carriers;
};

/* Reads `path`. Every mistake is appended to `mistakes` (file, line, key, value, reason, nearest
 * valid key); *settings is set only when none of them is an error (warnings, such as a secret
 * written in the INI, may be there). `read_secrets` = false checks that secret files exist and are
 * private but leaves the secrets NULL (for outreachctl, which may not be allowed to read them: then
 * a file it cannot open is no mistake). */
MUST_CHECK enum err settings_load(const char *path, bool read_secrets, struct settings **settings,
                                  struct mistakes *mistakes);
void settings_free(struct settings *settings); /* NULL is fine */
/* The same from a file already parsed. ini->path must be absolute. */
struct ini_file;
MUST_CHECK enum err settings_load_ini(const struct ini_file *ini, bool read_secrets,
                                      struct settings **settings, struct mistakes *mistakes);
/* NULL when there is none. */
const struct settings_carrier *settings_carrier(const struct settings *settings, const char *name);
/* Inbound connections one address may hold, 1 to connections_max. Not written (0) means three
 * quarters: everything behind a reverse proxy comes from one address, so that its share must be
 * large, and yet it must not be all, or one broken client would lock everybody else out. */
uint32_t settings_connections_per_address(const struct settings_daemon *daemon);
/* Which keys differ and may not change without a restart, into `mistakes`; ERR_REFUSED if any. */
MUST_CHECK enum err settings_may_replace(const struct settings *old, const struct settings *next,
                                         struct mistakes *mistakes);
/* The words that `driver` may have. A list of its own, since conf/ does not see carrier/; a test
 * there compares the two. */
size_t settings_drivers(const char *const **names);
/* `path` as typed, against the working directory. errors: ERR_IO, ERR_NOMEM */
MUST_CHECK enum err settings_absolute_path(const char *path, char **absolute);
/* Every key with its default and its comment, as config/outreachd.ini; a test compares the two. */
struct buf;
void settings_print_example(struct buf *out);
