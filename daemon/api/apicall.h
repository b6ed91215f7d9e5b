/* One API request from its first byte to its answer, and the small language that handlers are
 * written in. Internal to api/. */
#pragma once

#include <jansson.h>

#include "api/api.h"
#include "api/routes.h"

struct api {
    struct api_parts parts;
    const struct settings *settings;
    struct codes *const *codes;
    const struct regions *regions;
    struct files *files; /* of the console, NULL: none */
    struct words *words; /* of these files, for what is downloaded */
    struct events *events;
    struct dayline *dayline;
    struct orphans *orphans;
    struct public_page *public_page;
    struct donor_count *donor_count;
    struct message_sums *sums; /* of all campaigns, see api/messages.c */
    struct apicall *calls;
    uint64_t cursor_key[4]; /* what cursors that name a person are covered with */
    uint64_t serials;       /* calls there ever were */
    uint64_t audit_lost;    /* acts that could not be noted */
    struct revoke *revoke;
    struct verify *verify;   /* under way, see api/proof.c */
    struct apicall *backup;  /* the same, see api/backup.c */
    struct restore *restore; /* a part was taken, see api/backup.c */
    int64_t restore_part_ms;
    bool reload_known, reload_ok;
    int64_t reload_at_ms;
    char *reload_mistakes;
};

/* What apicall_find_campaign found: the newest launch of the id on any carrier. */
struct found {
    bool is_there;
    char id[ROUTE_PARAM_SIZE], carrier[ROUTE_PARAM_SIZE], state[24];
    uint32_t seq, n_chunks;
    int64_t launched_ms, base_ms; /* base: where chunk details count their minutes from */
    json_t *json;
};

#define WHO_TITLE_SIZE 132

struct apicall {
    struct apicall *next, **link;
    uint64_t serial; /* of all calls there ever were */
    struct api *api; /* NULL: the API is gone, only an answer is owed */
    struct http_request *request;
    const struct route *route;
    bool is_public;                     /* came over the listening port */
    bool is_masked;                     /* of mobile numbers, see api/mask.h */
    char watermark[WHO_NAME_SIZE + 40]; /* of a list with whole ones, else "" */
    bool is_nobody; /* who tried to log in is no user: what was typed may be a password */
    struct who who; /* see api/auth.h */
    char title[WHO_TITLE_SIZE], csrf[WHO_NAME_SIZE]; /* of a session, else "" */
    char once[2 * WHO_NAME_SIZE + 4];            /* not "": its answer is kept, see api/once.h */
    int64_t session_ends_ms, confirmed_until_ms; /* the same, else 0 */
    char params[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE];
    char made[ROUTE_PARAM_SIZE]; /* what it made, for the audit: see apicall_note_made */
    json_t *body;                /* of a POST: an object */
    char *before, *after;        /* what was changed, for the audit: see apicall_note_change */
    int late_status;             /* an answer that waits for its line in the audit */
    char *late_bytes;
    void (*on_noted)(struct apicall *call, bool is_noted);

    struct found found;
    void (*on_found)(struct apicall *call), (*then)(struct apicall *call);
    const char *request_id;               /* see apicall_known_campaign */
    void (*render)(struct apicall *call); /* how a status that was collected is answered */
    size_t at_carrier;                    /* of a walk over the carriers */
    size_t at_orphan;                     /* the same, over those that are not configured */
    enum err error;                       /* of a collection that broke off */
    json_t *answer;                       /* grows while the handler works */
    void *state;                          /* the handler's own */
    void (*free_state)(void *state);
};

/* The API goes away: breaks off a backup, forgets a restore that waits for its next part. */
void backup_stop(struct api *api);
/* Throws away what a restore left that nobody continues; now and then. */
void backup_tidy(struct api *api);

/* ---- answers: each ends the call ---- */

/* Takes `json`; NULL with status 204: it is done, and there is nothing to say. */
void apicall_answer(struct apicall *call, int status, json_t *json);
/* `field` NULL: none. */
void apicall_error(struct apicall *call, int status, const char *code, const char *field,
                   const char *format, ...) PRINTF_LIKE(5, 6);
/* An error of a lower room with its sentence (NULL: the error's own): 404, 409, 503 … */
void apicall_fail(struct apicall *call, enum err error, const char *sentence);
/* For the top of every callback: false when the API went away meanwhile; then the call was
 * answered. */
bool apicall_lives(struct apicall *call);
/* Ends a call whose answer was streamed. */
void apicall_end(struct apicall *call);

/* For the line of this request in the audit: what is changed, as it was and as it is. Copied; no
 * secrets. */
void apicall_note_change(struct apicall *call, const char *before, const char *after);
/* The same: the id or number of what it made, which stands in no path. */
void apicall_note_made(struct apicall *call, const char *id);

/* ---- reading the body: false means that the call was answered with the mistake ---- */

/* A text of 1 to `max` bytes without control characters; *out is "" when it is absent and not
 * required. */
bool apicall_text(struct apicall *call, const char *field, bool required, size_t max,
                  const char **out);
/* One of `words` (NULL at the end); *index is -1 when absent and not required. */
bool apicall_word(struct apicall *call, const char *field, const char *const *words, bool required,
                  int *index);
bool apicall_bool(struct apicall *call, const char *field, bool *out); /* absent: false */
bool apicall_integer(struct apicall *call, const char *field, int64_t fallback, int64_t *out);
/* A mobile number, as text or integer. */
bool apicall_mobile(struct apicall *call, const char *field, uint64_t *out);
/* An array of 1 to `max` mobile numbers, malloc'ed. */
bool apicall_mobiles(struct apicall *call, const char *field, size_t max, uint64_t **numbers,
                     size_t *n);
#define CALL_ACTOR_MAX 64
#define CALL_REASON_MAX 500
/* "actor", required. */
bool apicall_actor(struct apicall *call, const char **out);

/* ---- areas: a user sees her own ---- */

/* `region` as a text, "" or NULL: of no area. */
bool apicall_covers(const struct apicall *call, const char *region);
/* false: answered with 403. */
bool apicall_may_area(struct apicall *call, const char *field, uint64_t area);
/* Of a field and its text. */
#define AREA_REFUSED                                                                               \
    "%s: \"%s\" is no area code; write 2, 4, 6, 9 or 12 digits such as 513327205, or unassigned"
/* An area code of the body, wherever it lies: where something goes to, or came through. */
bool apicall_place(struct apicall *call, const char *field, bool required, uint64_t *area);
/* An area code of the body, held against the user's area; without one `*area` is the user's own. */
bool apicall_area(struct apicall *call, const char *field, bool required, uint64_t *area);

/* ---- campaigns ---- */

/* Looks for params[0] on every carrier, then calls `on_found` with call->found (is_there may be
 * false). */
void apicall_find_campaign(struct apicall *call, void (*on_found)(struct apicall *call));
/* The same, but answers 404 itself when there is none. */
void apicall_need_campaign(struct apicall *call, void (*on_found)(struct apicall *call));
/* Goes on with `then` when the campaign has a definition in campaigns_dir or was launched on any
 * carrier, or when `id` is "": of no campaign. Also when the ledger knows the request id (NULL:
 * there is none; borrowed as long as the call): what was booked is answered again, whatever became
 * of its campaign. Answers 404 with the field `campaign` otherwise. For routes without an id in
 * their path: params[0] is used. */
void apicall_known_campaign(struct apicall *call, const char *id, const char *request,
                            void (*then)(struct apicall *call));

int apicall_offset_min(const struct apicall *call);
/* The local day, 20261017. */
uint32_t apicall_today(const struct apicall *call);
/* The driver of a carrier, NULL when the carrier is not configured any more. */
const struct carrier_driver *apicall_driver(const struct apicall *call, const char *carrier);
/* The code table of a carrier, NULL when the carrier is not configured any more. Ask anew in every
 * callback: a reload replaces it. */
const struct codes *apicall_codes(const struct apicall *call, const char *carrier);
