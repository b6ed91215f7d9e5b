/* A log line as fields, for the journal: what log_line wrote as `carrier/mas event=settled chunk=3
 * code="a b"` becomes CARRIER=mas, EVENT=settled, CHUNK=3, CODE=a b. Pure.
 *
 * The subject gives CARRIER or CAMPAIGN when it has the form KIND/NAME, and SUBJECT always. A key
 * becomes a field of its name in capitals. Names that begin with an underscore, or with anything
 * but a letter, are not fields of the journal and are left out. */
#pragma once

#include <stddef.h>

#include "base/buf.h"

#define LOGFIELDS_MAX 24
#define LOGFIELDS_NAME_MAX 32
#define LOGFIELDS_ID_SIZE 33

struct logfields {
    struct buf text; /* "NAME=value" one after the other, each ended by a zero byte */
    size_t n;        /* at most LOGFIELDS_MAX; what is beyond stays in the message */
};

/* Empty `fields->text` before it is used again. errors: ERR_NOMEM */
MUST_CHECK enum err logfields_read(const char *subject, const char *text, struct logfields *fields);
/* The MESSAGE_ID of an event: always the same 32 hex digits for the same word. */
void logfields_message_id(const char *event, char out[LOGFIELDS_ID_SIZE]);
