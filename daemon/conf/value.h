/* The types of values a schema row can have, as readers of their text. What each takes is in its
 * `form`. */
#pragma once

#include "conf/schema.h"

/* Fields are `const char *`, own heap memory; min and max count characters (code points). */
extern const struct schema_type value_text;   /* any text */
extern const struct schema_type value_name;   /* ids_valid_name */
extern const struct schema_type value_word;   /* one of row->choices */
extern const struct schema_type value_path;   /* made absolute against the file */
extern const struct schema_type value_socket; /* the same, short enough for a Unix socket */
extern const struct schema_type value_file;   /* the same, and an ordinary file is there */
extern const struct schema_type
    value_http_url; /* http:// or https://, no trailing slash, no query */
extern const struct schema_type value_proxy_url; /* also socks5://, user and password allowed */
extern const struct schema_type value_http_path; /* "/sms/norsubmit" */
extern const struct schema_type value_secret;    /* in the INI itself: works, with a warning */
extern const struct schema_type
    value_secret_file; /* conf/secret.h; the field gets the secret, not the path */

extern const struct schema_type value_bool;       /* bool: yes no true false on off */
extern const struct schema_type value_u32;        /* uint32_t */
extern const struct schema_type value_fen;        /* uint32_t, money in whole fen */
extern const struct schema_type value_size;       /* uint64_t bytes: 65536, 64k, 1m */
extern const struct schema_type value_duration;   /* int64_t ms: 500ms 10s 5m 72h 7d */
extern const struct schema_type value_utc_offset; /* int, minutes: +08:00 */
extern const struct schema_type value_choice;     /* an enum: the index in row->choices */

/* The readers behind them, for types made elsewhere. Nothing is set unless ERR_OK.
 * errors: ERR_INVALID (not of the form), ERR_RANGE (does not fit) */
MUST_CHECK enum err value_parse_duration(const char *text, int64_t *ms);
MUST_CHECK enum err value_parse_size(const char *text, uint64_t *bytes);
MUST_CHECK enum err value_parse_u64(const char *text, uint64_t *number); /* digits only */
MUST_CHECK enum err value_parse_bool(const char *text, bool *yes);
MUST_CHECK enum err value_parse_utc_offset(const char *text, int *minutes);
/* "10s", "72h", "500ms": the largest unit that loses nothing. `out` holds 24 bytes. */
const char *value_format_duration(int64_t ms, char out[24]);

/* Code points of well-formed UTF-8. */
size_t value_characters(const char *text);
/* Sets a `const char *` field to a copy. errors: ERR_NOMEM */
MUST_CHECK enum err value_set_text(void *field, const char *text);
void value_release_text(void *field);
bool value_equal_text(const void *a, const void *b);
