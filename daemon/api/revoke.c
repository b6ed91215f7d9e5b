/* See revoke.h. One small question a POLL_MS while anything is streamed: has anybody lost a right
 * (people_revision)? Only then is each stream's login or token looked at. Who takes rights away may
 * do that at another daemon. */
#include "api/revoke.h"

#include <stdlib.h>

#include "api/auth.h"
#include "api/events.h"
#include "base/log.h"
#include "base/loop.h"
#include "store/people.h"

#define POLL_MS 500

struct revoke {
    struct api *api; /* NULL: it has gone; freed with the last answer */
    struct loop_timer *timer;
    bool is_asking, knows;
    uint64_t revision;
    size_t asked; /* downloads that are being asked for */
};

struct asked {
    struct revoke *revoke;
    uint64_t serial; /* of a call that may have ended meanwhile */
};

static void forget_if_over(struct revoke *revoke)
{
    if (revoke->api == NULL && !revoke->is_asking && revoke->asked == 0) {
        free(revoke);
    }
}

/* ---- downloads ---- */

static bool is_download(const struct apicall *call)
{
    return call->who.via != VIA_CONTROL && call->route != NULL &&
           http_request_is_streaming(call->request);
}

static bool is_anything_streamed(const struct api *api)
{
    for (const struct apicall *call = api->calls; call != NULL; call = call->next) {
        if (is_download(call)) {
            return true;
        }
    }
    return events_listening(api->events) > 0;
}

static void cut(struct api *api, uint64_t serial)
{
    for (struct apicall *call = api->calls; call != NULL; call = call->next) {
        if (call->serial == serial && is_download(call)) {
            log_line(LOG_WARN, "people", "event=download_ended user=%s address=%s path=%s",
                     call->who.name, call->who.address, call->route->path);
            http_answer_cut(call->request); /* its handler is told, and ends it */
            return;
        }
    }
}

static void on_asked(void *arg, bool is_let_in)
{
    struct asked asked = *(struct asked *)arg;
    free(arg);
    asked.revoke->asked--;
    if (asked.revoke->api != NULL && !is_let_in) {
        cut(asked.revoke->api, asked.serial);
    }
    forget_if_over(asked.revoke);
}

static void ask_downloads(struct revoke *revoke)
{
    char key[AUTH_KEY_SIZE];
    for (struct apicall *call = revoke->api->calls; call != NULL; call = call->next) {
        struct asked *asked = is_download(call) ? malloc(sizeof *asked) : NULL;
        if (asked != NULL) {
            *asked = (struct asked){revoke, call->serial};
            revoke->asked++;
            auth_ask(revoke->api, auth_key(call, key), call->route->roles, on_asked, asked);
        }
    }
}

/* ---- the poll ---- */

static void on_revision(void *arg, enum err error, uint64_t revision)
{
    struct revoke *revoke = arg;
    revoke->is_asking = false;
    if (revoke->api == NULL) {
        forget_if_over(revoke);
        return;
    }
    if (error == ERR_OK) {
        bool has_changed = !revoke->knows || revision != revoke->revision;
        revoke->knows = true;
        revoke->revision = revision;
        if (has_changed) {
            events_ask(revoke->api->events);
            ask_downloads(revoke);
        }
    }
    loop_timer_arm(revoke->timer, POLL_MS);
}

static void on_timer(void *arg)
{
    struct revoke *revoke = arg;
    if (!is_anything_streamed(revoke->api)) {
        loop_timer_arm(revoke->timer, POLL_MS);
        return;
    }
    revoke->is_asking = true;
    if (people_revision(revoke->api->parts.store, on_revision, revoke) != ERR_OK) {
        revoke->is_asking = false;
        loop_timer_arm(revoke->timer, POLL_MS);
    }
}

enum err revoke_new(struct api *api, struct revoke **revoke)
{
    struct revoke *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    made->api = api;
    made->timer = loop_timer_new(api->parts.base, on_timer, made);
    loop_timer_arm(made->timer, POLL_MS);
    *revoke = made;
    return ERR_OK;
}

void revoke_free(struct revoke *revoke)
{
    if (revoke == NULL) {
        return;
    }
    loop_timer_free(revoke->timer);
    revoke->api = NULL;
    forget_if_over(revoke);
}
