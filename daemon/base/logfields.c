#include "base/logfields.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/digest.h"

/* What the ids are derived from; it must never change, or saved searches find nothing. */
static const char namespace[] = "outreachd event ";

static bool is_key_byte(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void add_name(struct buf *out, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char upper = (char)toupper((unsigned char)name[i]);
        buf_add(out, &upper, 1);
    }
    buf_add_text(out, "=");
}

static void add_field(struct logfields *fields, const char *name, size_t name_len,
                      const char *value, size_t value_len)
{
    add_name(&fields->text, name, name_len);
    buf_add(&fields->text, value, value_len);
    buf_add(&fields->text, "", 1);
    fields->n++;
}

/* A value in quotes, as log_quote wrote it; gives what stands behind it. */
static const char *add_quoted(struct logfields *fields, const char *name, size_t name_len,
                              const char *at)
{
    add_name(&fields->text, name, name_len);
    for (; *at != '\0' && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\')) {
            at++;
        }
        buf_add(&fields->text, at, 1);
    }
    buf_add(&fields->text, "", 1);
    fields->n++;
    return *at == '"' ? at + 1 : at;
}

static const char *add_pair(struct logfields *fields, const char *at)
{
    size_t len = 0;
    while (is_key_byte(at[len])) {
        len++;
    }
    bool is_field =
        len > 0 && len <= LOGFIELDS_NAME_MAX && at[len] == '=' && isalpha((unsigned char)at[0]);
    if (!is_field) {
        return at + strcspn(at, " ");
    }
    const char *value = at + len + 1;
    if (*value == '"') {
        return add_quoted(fields, at, len, value + 1);
    }
    size_t value_len = strcspn(value, " ");
    add_field(fields, at, len, value, value_len);
    return value + value_len;
}

enum err logfields_read(const char *subject, const char *text, struct logfields *fields)
{
    const char *name = strchr(subject, '/');
    size_t kind_len = name != NULL ? (size_t)(name - subject) : 0;
    fields->n = 0;
    add_field(fields, "subject", 7, subject, strlen(subject));
    if ((kind_len == 7 && memcmp(subject, "carrier", 7) == 0) ||
        (kind_len == 8 && memcmp(subject, "campaign", 8) == 0)) {
        add_field(fields, subject, kind_len, name + 1, strlen(name + 1));
    }
    for (const char *at = text; *at != '\0' && fields->n < LOGFIELDS_MAX;) {
        at += strspn(at, " ");
        if (*at != '\0') {
            at = add_pair(fields, at);
        }
    }
    return fields->text.failed ? ERR_NOMEM : ERR_OK;
}

void logfields_message_id(const char *event, char out[LOGFIELDS_ID_SIZE])
{
    char hex[DIGEST_SHA256_HEX];
    const struct digest_part parts[] = {{namespace, sizeof namespace - 1}, {event, strlen(event)}};
    digest_sha256_hex(parts, 2, hex);
    memcpy(out, hex, LOGFIELDS_ID_SIZE - 1);
    out[LOGFIELDS_ID_SIZE - 1] = '\0';
}
