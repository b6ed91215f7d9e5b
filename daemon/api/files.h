/* The files of the console and of the public page, on the listening port: a fixed list that is read
 * into memory once, so that no path of a request ever reaches the file system. Internal to api/.
 *
 * /console/… is the folder of the setting console_dir; /console/lib/bootstrap5/ and
 * /console/lib/chart.js/ are Debian's packages under /usr/share/javascript; / leads to /console/.
 * Every file has an ETag and is asked for again (Cache-Control: no-cache), so that a new version is
 * seen at once and costs a 304 otherwise. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "net/http_server.h"

struct files;

/* Reads every file with a known ending under `console_dir` (NULL: none, the console is not
 * installed). `problem` gets a sentence when the console would be incomplete.
 * errors: ERR_IO, ERR_TOO_BIG (more than a console holds: the wrong folder), ERR_NOMEM */
MUST_CHECK enum err files_load(const char *console_dir, struct files **files, struct buf *problem);
void files_free(struct files *files); /* NULL is fine */
/* false: this path is none of the console's, nothing was answered. `behind_tls`: browsers are told
 * to come by https only. */
bool files_handle(const struct files *files, struct http_request *request, bool behind_tls);

/* One of the files, by its path in the table ("/console/public.css"); false: there is none, nothing
 * was answered. `cache` is its Cache-Control. */
bool files_answer(const struct files *files, struct http_request *request, const char *path,
                  const char *cache);

/* What a file of the table holds; NULL: there is none. Borrowed. */
const struct buf *files_bytes(const struct files *files, const char *path);

/* The headers every page and every answer to a browser carries.
 * source: OWASP ASVS 4.0.3 14.4.2-14.4.7 */
void files_security_headers(struct http_request *request, bool behind_tls);
