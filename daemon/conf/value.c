/* Each type is three small functions at most: read, release, compare. Fields are reached through
 * memcpy, because the same reader fills `char *`, `const char *` and enums of other rooms. */
#include "conf/value.h"

#include <assert.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/ids.h"
#include "conf/address.h"
#include "conf/secret.h"

/* ---- fields ---- */

#define STORE(field, value) memcpy((field), &(value), sizeof(value))
#define EQUAL_BYTES(name, size)                                                                    \
    static bool name(const void *a, const void *b)                                                 \
    {                                                                                              \
        return memcmp(a, b, (size)) == 0;                                                          \
    }
EQUAL_BYTES(equal_bool, sizeof(bool))
EQUAL_BYTES(equal_32, sizeof(uint32_t))
EQUAL_BYTES(equal_64, sizeof(uint64_t))

static char *load_text(const void *field)
{
    char *text;
    memcpy(&text, field, sizeof text);
    return text;
}

static void take_text(void *field, char *text)
{
    STORE(field, text);
}

enum err value_set_text(void *field, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        return ERR_NOMEM;
    take_text(field, copy);
    return ERR_OK;
}

void value_release_text(void *field)
{
    free(load_text(field));
    take_text(field, NULL);
}

static void release_secret(void *field)
{
    secret_free(load_text(field));
    take_text(field, NULL);
}

bool value_equal_text(const void *a, const void *b)
{
    const char *x = load_text(a), *y = load_text(b);
    return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

size_t value_characters(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xC0) != 0x80;
    return n;
}

/* ---- texts ---- */

/* What people carry over from other INI readers: a comment behind a value, quotes around it. */
static void warn_of_habits(const char *text, struct buf *why)
{
    size_t len = strlen(text);
    if (len >= 2 && (text[0] == '"' || text[0] == '\'') && text[len - 1] == text[0])
        buf_add_text(why, "the quotes are part of the value; leave them out if they are not meant");
    else if (strstr(text, " ;") != NULL || strstr(text, "\t;") != NULL ||
             strstr(text, " # ") != NULL || strstr(text, "\t#") != NULL)
        buf_add_text(
            why, "what looks like a comment is part of the value; a comment needs its own line");
}

static enum err check_length(const struct schema_row *row, const char *text, struct buf *why)
{
    size_t n = value_characters(text);
    if ((int64_t)n >= row->min && (row->max == 0 || (int64_t)n <= row->max))
        return ERR_OK;
    if (n == 0)
        buf_add_text(why, "must not be empty");
    else if (row->min > 1)
        buf_addf(why, "must have %lld to %lld characters, and has %zu", (long long)row->min,
                 (long long)row->max, n);
    else
        buf_addf(why, "must have at most %lld characters, and has %zu", (long long)row->max, n);
    return ERR_RANGE;
}

static enum err parse_text(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)context;
    enum err error = check_length(row, text, why);
    if (error != ERR_OK)
        return error;
    warn_of_habits(text, why);
    return value_set_text(field, text);
}

static enum err parse_name(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    (void)why;
    return ids_valid_name(text) ? value_set_text(field, text) : ERR_INVALID;
}

static void list_choices(const struct schema_row *row, struct buf *out)
{
    for (size_t i = 0; row->choices[i] != NULL; i++)
        buf_addf(out, "%s%s", i == 0 ? "" : ", ", row->choices[i]);
}

static enum err find_choice(const struct schema_row *row, const char *text, size_t *index,
                            struct buf *why)
{
    size_t n = 0;
    for (; row->choices[n] != NULL; n++) {
        if (strcmp(row->choices[n], text) == 0) {
            *index = n;
            return ERR_OK;
        }
    }
    buf_add_text(why, n > 1 ? "must be one of: " : "must be: ");
    list_choices(row, why);
    const char *nearest = mistake_nearest(text, row->choices, n);
    if (nearest != NULL)
        buf_addf(why, "; \"%s\" perhaps", nearest);
    return ERR_INVALID;
}

static enum err parse_word(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)context;
    size_t index;
    enum err error = find_choice(row, text, &index, why);
    return error == ERR_OK ? value_set_text(field, row->choices[index]) : error;
}

static enum err parse_choice(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    (void)context;
    size_t index;
    enum err error = find_choice(row, text, &index, why);
    if (error != ERR_OK)
        return error;
    unsigned number = (unsigned)index;
    STORE(field, number);
    return ERR_OK;
}

/* ---- paths ---- */

static enum err parse_path(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)row;
    if (text[0] == '\0') {
        buf_add_text(why, "must not be empty");
        return ERR_INVALID;
    }
    char *path = schema_absolute_path(context->directory, text);
    if (path == NULL)
        return ERR_NOMEM;
    take_text(field, path);
    warn_of_habits(text, why);
    return ERR_OK;
}

static enum err parse_socket(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    enum err error = parse_path(context, row, text, field, why);
    if (error != ERR_OK)
        return error;
    size_t len = strlen(load_text(field)), max = sizeof((struct sockaddr_un *)0)->sun_path - 1;
    if (len <= max)
        return ERR_OK;
    buf_reset(why);
    buf_addf(why, "the path %s has %zu bytes, a Unix socket takes at most %zu", load_text(field),
             len, max);
    value_release_text(field);
    return ERR_TOO_BIG;
}

static enum err parse_file(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    struct stat info;
    enum err error = parse_path(context, row, text, field, why);
    if (error != ERR_OK)
        return error;
    const char *path = load_text(field);
    bool seen = stat(path, &info) == 0;
    if (seen && S_ISREG(info.st_mode))
        return ERR_OK;
    int fault = errno;
    buf_reset(why);
    buf_addf(why, "%s: %s", path, seen ? "not an ordinary file" : strerror(fault));
    value_release_text(field);
    return ERR_NOT_FOUND;
}

/* ---- URLs ---- */

static enum err parse_http_url(const struct schema_context *context, const struct schema_row *row,
                               const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    enum err error = address_check_url(text, ADDRESS_HTTP, why);
    return error == ERR_OK ? value_set_text(field, text) : error;
}

static enum err parse_proxy_url(const struct schema_context *context, const struct schema_row *row,
                                const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    enum err error = address_check_url(text, ADDRESS_PROXY, why);
    return error == ERR_OK ? value_set_text(field, text) : error;
}

static enum err parse_http_path(const struct schema_context *context, const struct schema_row *row,
                                const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    (void)why;
    if (text[0] != '/')
        return ERR_INVALID;
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7F ||
            strchr("#?\"<>\\^`{|}", *at) != NULL)
            return ERR_INVALID;
    }
    return value_set_text(field, text);
}

/* ---- secrets ---- */

static enum err parse_secret(const struct schema_context *context, const struct schema_row *row,
                             const char *text, void *field, struct buf *why)
{
    release_secret(field); /* two keys, in the INI or in a file, fill the one field */
    enum err error = context->read_secrets ? value_set_text(field, text) : ERR_OK;
    if (error == ERR_OK)
        buf_addf(why, "a secret stands in the INI; better keep it in a file of its own (%s_file)",
                 row->key);
    return error;
}

static enum err parse_secret_file(const struct schema_context *context,
                                  const struct schema_row *row, const char *text, void *field,
                                  struct buf *why)
{
    (void)row;
    char *secret;
    enum err error = secret_load(context->directory, text, context->read_secrets, &secret, why);
    if (error == ERR_OK) {
        release_secret(field);
        take_text(field, secret);
    }
    return error;
}

/* ---- numbers ---- */

enum err value_parse_u64(const char *text, uint64_t *number)
{
    uint64_t sum = 0;
    if (*text == '\0')
        return ERR_INVALID;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return ERR_INVALID;
        uint64_t digit = (uint64_t)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return ERR_RANGE;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return ERR_OK;
}

struct unit {
    const char *word;
    uint64_t factor;
};
static const struct unit duration_units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                             {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1}, {"k", 1024}, {"m", 1048576}, {NULL, 0}};

/* Digits, blanks perhaps, one of the units. */
static enum err parse_with_unit(const char *text, const struct unit *units, uint64_t *value)
{
    char digits[24] = "";
    size_t n = strspn(text, "0123456789");
    uint64_t number;
    if (n == 0)
        return ERR_INVALID;
    if (n >= sizeof digits)
        return ERR_RANGE;
    memcpy(digits, text, n);
    enum err error = value_parse_u64(digits, &number);
    if (error != ERR_OK)
        return error;
    text += n;
    text += strspn(text, " ");
    for (; units->word != NULL; units++) {
        if (strcmp(text, units->word) != 0)
            continue;
        if (number > (uint64_t)INT64_MAX / units->factor)
            return ERR_RANGE;
        *value = number * units->factor;
        return ERR_OK;
    }
    return ERR_INVALID;
}

enum err value_parse_duration(const char *text, int64_t *ms)
{
    uint64_t value;
    if (strcmp(text, "0") == 0) { /* nothing has no unit */
        *ms = 0;
        return ERR_OK;
    }
    enum err error = parse_with_unit(text, duration_units, &value);
    if (error == ERR_OK)
        *ms = (int64_t)value;
    return error;
}

enum err value_parse_size(const char *text, uint64_t *bytes)
{
    return parse_with_unit(text, size_units, bytes);
}

const char *value_format_duration(int64_t ms, char out[24])
{
    const struct unit *unit = &duration_units[0];
    assert(ms >= 0);
    for (size_t i = 0; ms != 0 && duration_units[i].word != NULL; i++) {
        /* 24h is read more easily than 1d, 72h than 3d: days from a week on */
        bool few_days = duration_units[i].factor == 86400000 && ms < 7 * 86400000LL;
        if (!few_days && (uint64_t)ms % duration_units[i].factor == 0)
            unit = &duration_units[i];
    }
    if (ms == 0)
        snprintf(out, 24, "0");
    else
        snprintf(out, 24, "%llu%s", (unsigned long long)((uint64_t)ms / unit->factor), unit->word);
    return out;
}

/* A number within the row's range. */
static enum err check_range(const struct schema_row *row, enum err parsed, uint64_t number,
                            struct buf *why)
{
    if (parsed == ERR_INVALID) {
        buf_addf(why, "must be a whole number from %lld to %lld", (long long)row->min,
                 (long long)row->max);
        return parsed;
    }
    if (parsed == ERR_OK && number >= (uint64_t)row->min && number <= (uint64_t)row->max)
        return ERR_OK;
    buf_addf(why, "is outside %lld to %lld", (long long)row->min, (long long)row->max);
    if (row->unit != NULL)
        buf_addf(why, " (%s)", row->unit);
    return ERR_RANGE;
}

static enum err parse_u32(const struct schema_context *context, const struct schema_row *row,
                          const char *text, void *field, struct buf *why)
{
    (void)context;
    uint64_t number = 0;
    enum err error = value_parse_u64(text, &number);
    error = check_range(row, error, number, why);
    if (error != ERR_OK)
        return error;
    uint32_t narrow = (uint32_t)number;
    STORE(field, narrow);
    return ERR_OK;
}

static enum err parse_fen(const struct schema_context *context, const struct schema_row *row,
                          const char *text, void *field, struct buf *why)
{
    if (strpbrk(text, ".,") != NULL) {
        buf_add_text(why, "money is whole fen: 5 is 0.05 yuan");
        return ERR_INVALID;
    }
    return parse_u32(context, row, text, field, why);
}

static enum err parse_size(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)context;
    uint64_t bytes = 0;
    enum err error = value_parse_size(text, &bytes);
    if (error == ERR_INVALID)
        return error;
    if (error != ERR_OK || bytes < (uint64_t)row->min || bytes > (uint64_t)row->max) {
        buf_addf(why, "is outside %lld to %lld bytes", (long long)row->min, (long long)row->max);
        return ERR_RANGE;
    }
    STORE(field, bytes);
    return ERR_OK;
}

static enum err parse_duration(const struct schema_context *context, const struct schema_row *row,
                               const char *text, void *field, struct buf *why)
{
    (void)context;
    int64_t ms = 0;
    uint64_t bare;
    enum err error = value_parse_duration(text, &ms);
    if (error == ERR_INVALID && value_parse_u64(text, &bare) == ERR_OK)
        buf_add_text(why, "the unit is missing: ms, s, m, h or d");
    if (error == ERR_INVALID)
        return error;
    if (error != ERR_OK || ms < row->min || ms > row->max) {
        char least[24], most[24];
        buf_addf(why, "is outside %s to %s", value_format_duration(row->min, least),
                 value_format_duration(row->max, most));
        return ERR_RANGE;
    }
    STORE(field, ms);
    return ERR_OK;
}

enum err value_parse_bool(const char *text, bool *yes)
{
    static const struct {
        const char *word;
        bool yes;
    } words[] = {{"yes", true}, {"true", true},   {"on", true},
                 {"no", false}, {"false", false}, {"off", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *yes = words[i].yes;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

static enum err parse_bool(const struct schema_context *context, const struct schema_row *row,
                           const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    (void)why;
    bool yes;
    enum err error = value_parse_bool(text, &yes);
    if (error == ERR_OK)
        STORE(field, yes);
    return error;
}

static int two_digits(const char *text)
{
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return -1;
    return (text[0] - '0') * 10 + text[1] - '0';
}

enum err value_parse_utc_offset(const char *text, int *minutes)
{
    if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return ERR_INVALID;
    int hours = two_digits(text + 1), rest = two_digits(text + 4);
    if (hours < 0 || rest < 0)
        return ERR_INVALID;
    int sum = (hours * 60 + rest) * (text[0] == '-' ? -1 : 1);
    if (rest > 59 || sum < -12 * 60 || sum > 14 * 60)
        return ERR_RANGE;
    *minutes = sum;
    return ERR_OK;
}

static enum err parse_utc_offset(const struct schema_context *context, const struct schema_row *row,
                                 const char *text, void *field, struct buf *why)
{
    (void)context;
    (void)row;
    (void)why;
    int minutes;
    enum err error = value_parse_utc_offset(text, &minutes);
    if (error == ERR_OK)
        STORE(field, minutes);
    return error;
}

/* ---- the types ---- */

const struct schema_type value_text = {NULL, parse_text, value_release_text, value_equal_text,
                                       false};
const struct schema_type value_name = {"1 to 64 of A-Z a-z 0-9 - _ . (no . or - in front)",
                                       parse_name, value_release_text, value_equal_text, false};
const struct schema_type value_word = {NULL, parse_word, value_release_text, value_equal_text,
                                       false};
const struct schema_type value_path = {"a path", parse_path, value_release_text, value_equal_text,
                                       false};
const struct schema_type value_socket = {"the path of a Unix socket", parse_socket,
                                         value_release_text, value_equal_text, false};
const struct schema_type value_file = {"the path of a file", parse_file, value_release_text,
                                       value_equal_text, false};
const struct schema_type value_http_url = {"a URL such as http://10.0.0.1:1992", parse_http_url,
                                           value_release_text, value_equal_text, true};
const struct schema_type value_proxy_url = {"a URL such as http://10.0.0.1:3128", parse_proxy_url,
                                            release_secret, value_equal_text, true};
const struct schema_type value_http_path = {"a path such as /sms/norsubmit, without a query",
                                            parse_http_path, value_release_text, value_equal_text,
                                            false};
const struct schema_type value_secret = {"a secret", parse_secret, release_secret, value_equal_text,
                                         false};
const struct schema_type value_secret_file = {"the path of a file that only the daemon may read",
                                              parse_secret_file, release_secret, value_equal_text,
                                              false};
const struct schema_type value_bool = {"yes or no", parse_bool, NULL, equal_bool, false};
const struct schema_type value_u32 = {"a whole number", parse_u32, NULL, equal_32, false};
const struct schema_type value_fen = {"whole fen", parse_fen, NULL, equal_32, false};
const struct schema_type value_size = {"bytes such as 65536, 64k or 1m", parse_size, NULL, equal_64,
                                       false};
const struct schema_type value_duration = {"a time such as 500ms, 10s, 5m, 72h or 7d",
                                           parse_duration, NULL, equal_64, false};
const struct schema_type value_utc_offset = {"an offset from -12:00 to +14:00, such as +08:00",
                                             parse_utc_offset, NULL, equal_32, false};
const struct schema_type value_choice = {NULL, parse_choice, NULL, equal_32, false};
