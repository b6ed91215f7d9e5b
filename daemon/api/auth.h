/* Who asks, and whether she may: between the route table and the handlers. Internal to api/.
 *
 * The control socket may do everything. On the listening port a request carries a session's cookie;
 * what changes something carries its CSRF token too, and comes from our own pages (Origin,
 * Sec-Fetch-Site). Then the route's roles, its need of a fresh password, and its area are checked,
 * in this order, before the handler runs. source: reliability.md C5 */
#pragma once

#include "api/apicall.h"

/* Goes on with call->route->handle when it may, else answers 401 or 403. The body is read on the
 * way. */
void auth_begin(struct apicall *call);

/* The cookie's token as its digest; false when there is none. */
#define AUTH_DIGEST_SIZE 65
bool auth_digest(const struct apicall *call, char digest[AUTH_DIGEST_SIZE]);
/* What the request was let in by, for auth_ask: a letter for the kind and the digest. "" on the
 * control socket, which nobody takes away. */
#define AUTH_KEY_SIZE (AUTH_DIGEST_SIZE + 1)
const char *auth_key(const struct apicall *call, char key[AUTH_KEY_SIZE]);
/* Would it still be let in, to something that `roles` may? Only a clear no is one: while Redis is
 * away nobody has lost anything. `done` is called once, also after the API has gone. */
typedef void auth_asked_fn(void *arg, bool is_let_in);
void auth_ask(struct api *api, const char *key, uint32_t roles, auth_asked_fn *done, void *arg);
/* A new token and its digest. */
#define AUTH_TOKEN_SIZE 65
void auth_new_token(char token[AUTH_TOKEN_SIZE], char digest[AUTH_DIGEST_SIZE]);
/* Sets or, with NULL, deletes the cookie in the answer. */
void auth_set_cookie(struct apicall *call, const char *token);
struct session_times auth_times(const struct apicall *call);
/* Strict-Transport-Security: for a year a browser comes back over TLS only. */
#define AUTH_TLS_ONLY "max-age=31536000"
/* Headers of every answer on the listening port that is no page and no file: those have a policy of
 * their own, see files_security_headers. */
void auth_secure(struct http_request *request, bool behind_tls);
