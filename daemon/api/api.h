/* The JSON API: one route table {method, path, where, handler}, served on the control socket
 * (trusted by its file mode), later on the listening port too. Errors are {"error": {"code": …,
 * "message": …, "field": …}}. docs/api.md lists the routes; a test compares. */
#pragma once

#include "carrier/codes.h"
#include "dispatch/dispatch.h"
#include "drafting/plans.h"
#include "inbound/webhook.h"
#include "launch/launch.h"
#include "net/http_server.h"
#include "people/password.h"
#include "pledge/regions.h"
#include "pledging/pledging.h"

struct api;
struct api_parts { /* all borrowed */
    struct event_base *base;
    struct store *store;
    struct dispatch *dispatch;
    struct launcher *launcher;
    struct drafting *drafting;
    struct pledging *pledging;
    struct webhook *webhook;
    struct passwords *passwords;
    const char *owner;
    int64_t started_ms;
    /* Reads configuration again; all or nothing. `out` gets the mistakes or what changed. */
    enum err (*reload)(void *arg, struct buf *out);
    void *reload_arg;
    /* Ends the daemon as SIGTERM does, after a restore: what it remembers is of other data. */
    void (*stop)(void *arg);
    void *stop_arg;
    int64_t (*loop_lag_ms)(void *arg);
    void *loop_lag_arg;
};
MUST_CHECK enum err api_new(const struct api_parts *parts, struct api **api);
void api_free(struct api *api);
/* `regions` NULL: areas have no names. */
void api_set_settings(struct api *api, const struct settings *settings, struct codes *const *codes,
                      const struct regions *regions);
/* Requests that wait for an answer of Redis or of a carrier. */
size_t api_calls(const struct api *api);
/* Redis can be asked, for the first time: looks for campaigns of accounts that are not configured.
 */
void api_redis_is_ready(struct api *api);
/* Again, perhaps with fewer entries than it had (its file was cut, a replica took over): what was
 * counted from them is counted anew. */
void api_redis_is_back(struct api *api);
/* The daemon is stopping: who only listens is sent away. */
void api_end_streams(struct api *api);
void api_note_reload(struct api *api, bool ok, const char *mistakes); /* shown in status */
/* Handlers for the two servers. */
void api_handle_control(void *api, struct http_request *request);
void api_handle_public(void *api, struct http_request *request); /* /healthz and the webhooks */
