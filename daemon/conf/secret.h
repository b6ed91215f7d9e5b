/* Secrets in files of their own, one a file. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

#define SECRET_MAX_BYTES 4096
/* What the package writes where the carrier's password belongs: readable, so that the daemon can
 * start before anybody has been asked for it, and told as a warning until it is replaced. */
#define SECRET_PLACEHOLDER "change-me"

/* Reads a secret: the bytes of an ordinary file without a UTF-8 BOM in front and line ends behind.
 * Refused (a sentence in `why`): a file that group or others may access (mode & 077), unless it
 * lies under $CREDENTIALS_DIRECTORY, where systemd keeps them for the service alone; an empty one;
 * control characters; more than SECRET_MAX_BYTES. ERR_OK with words in `why` is a warning.
 *
 * `read` = false only looks at the file, sets *secret to NULL, and a file that this user may not
 * see is no mistake. gives: *secret on the heap. errors: ERR_INVALID, ERR_IO, ERR_NOMEM */
MUST_CHECK enum err secret_read(const char *path, bool read, char **secret, struct buf *why);
/* The same for `name` as it stands in a file of `directory`. A relative name is a credential first:
 * with each slash as an underscore it is looked for in $CREDENTIALS_DIRECTORY, which is what
 * systemd makes of LoadCredential=secrets:/etc/outreachd/secrets and the name "secrets/mas.secret".
 * Credentials are fixed when the service starts; that the file beside the INI is newer is a
 * warning. source: systemd.exec(5), LoadCredential= */
MUST_CHECK enum err secret_load(const char *directory, const char *name, bool read, char **secret,
                                struct buf *why);
/* Wipes and frees; NULL is fine. */
void secret_free(char *secret);
