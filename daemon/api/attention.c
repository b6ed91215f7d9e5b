/* One function an object; each sentence says what is stuck, since when, and the command that helps.
 */
#include "api/attention.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define SENTENCE_MAX 1024
#define LOOP_LAG_MAX_MS 500
#define DAEMON_SILENT_MS 30000
#define AMBIGUOUS_OLD_MS (INT64_C(3600) * 1000)
#define PARKED_OLD_MS (INT64_C(3600) * 1000)
#define MEMORY_PERCENT_MAX 80

struct view {
    json_t *lines;
    int64_t now_ms;
    int offset_min;
};

static void say(struct view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct view *view, const char *format, ...)
{
    char sentence[SENTENCE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    json_t *line = json_string(sentence);
    if (line != NULL) { /* cut within a character: the sentence was too long for a sentence */
        json_array_append_new(view->lines, line);
    }
}

static const char *text(const json_t *object, const char *key)
{
    const char *found = json_string_value(json_object_get(object, key));
    return found != NULL ? found : "";
}

static int64_t number(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

/* Milliseconds since an RFC 3339 time of ours; -1 when there is none. */
static int64_t age_ms(const struct view *view, const char *rfc3339)
{
    char local[CLOCK_TEXT_SIZE];
    int64_t ms;
    snprintf(local, sizeof local, "%.19s", rfc3339);
    return rfc3339[0] != '\0' && clock_parse(local, view->offset_min, &ms) == ERR_OK
               ? view->now_ms - ms
               : -1;
}

static const char *age_text(const struct view *view, const char *rfc3339, char out[CLOCK_TEXT_SIZE])
{
    int64_t age = age_ms(view, rfc3339);
    return age < 0 ? "an unknown time" : clock_format_duration(age, out);
}

static void look_at_redis(struct view *view, const json_t *status)
{
    const json_t *redis = json_object_get(status, "redis");
    const char *health = text(redis, "health");
    if (strcmp(health, "ready") != 0) {
        say(view,
            "Redis is %s: %s. Nothing is sent and webhooks are answered 503 until it is ready; "
            "what is queued stays.",
            health, text(redis, "sentence"));
        return;
    }
    int64_t used = number(redis, "used_memory"), max = number(redis, "maxmemory");
    if (max > 0 && used * 100 / max >= MEMORY_PERCENT_MAX) {
        say(view,
            "Redis uses %" PRId64
            " %% of its maxmemory: no list can be imported. Raise maxmemory in redis.conf.",
            used * 100 / max);
    }
}

#define HELD_SIZE 96

/* " 756 recipients of 2 campaigns wait for it.", or nothing. */
static void write_held(const json_t *carrier, char out[HELD_SIZE])
{
    int64_t campaigns = number(carrier, "held_campaigns"), held = number(carrier, "held");
    out[0] = '\0';
    if (held > 0) {
        snprintf(out, HELD_SIZE, " %" PRId64 " recipient%s of %" PRId64 " campaign%s wait for it.",
                 held, held == 1 ? "" : "s", campaigns, campaigns == 1 ? "" : "s");
    }
}

static void look_at_carrier(struct view *view, const json_t *carrier)
{
    char age[CLOCK_TEXT_SIZE], held[HELD_SIZE];
    const char *name = text(carrier, "name"), *state = text(carrier, "state");
    write_held(carrier, held);
    if (strcmp(state, "stopped") == 0) {
        const char *again = text(carrier, "resume_at");
        if (again[0] != '\0') {
            say(view, "Carrier %s stopped %s ago: %s.%s It tries again by itself at %s.", name,
                age_text(view, text(carrier, "since"), age), text(carrier, "reason"), held, again);
        } else {
            say(view,
                "Carrier %s stopped %s ago: %s.%s Put the account right, try it with outreachctl "
                "campaign test, then: outreachctl carrier resume %s",
                name, age_text(view, text(carrier, "since"), age), text(carrier, "reason"), held,
                name);
        }
    } else if (strcmp(state, "paused") == 0) {
        const char *again = text(carrier, "resume_at");
        if (again[0] != '\0') {
            say(view,
                "Carrier %s was paused %s ago by %s: %s.%s It goes on by itself at %s; at once: "
                "outreachctl carrier resume %s",
                name, age_text(view, text(carrier, "since"), age), text(carrier, "actor"),
                text(carrier, "reason"), held, again, name);
        } else {
            say(view,
                "Carrier %s was paused %s ago by %s: %s.%s To go on: outreachctl carrier resume %s",
                name, age_text(view, text(carrier, "since"), age), text(carrier, "actor"),
                text(carrier, "reason"), held, name);
        }
    }
    if (text(carrier, "route_fault")[0] != '\0') {
        say(view,
            "Carrier %s cannot be reached: %s. It is tried again by itself; look at base_url and "
            "the network.",
            name, text(carrier, "route_fault"));
    }
    if (number(carrier, "unknown_codes") > 0) {
        say(view,
            "Carrier %s sent %" PRId64 " reports with a code that no table knows (last: %s). They "
            "change no state; look the code up "
            "and add it to the code table, then: outreachctl reload",
            name, number(carrier, "unknown_codes"), text(carrier, "last_unknown_code"));
    }
    if (number(carrier, "parked") > 0 &&
        age_ms(view, text(carrier, "parked_oldest")) > PARKED_OLD_MS) {
        say(view,
            "Carrier %s: %" PRId64 " reports belong to no request of ours, the oldest for %s. Does "
            "somebody else send over this "
            "account?",
            name, number(carrier, "parked"), age_text(view, text(carrier, "parked_oldest"), age));
    }
    if (number(carrier, "contradictions") > 0) {
        say(view,
            "Carrier %s sent %" PRId64 " reports against what was known (such as a failure after a "
            "delivery); states were kept.",
            name, number(carrier, "contradictions"));
    }
}

static void look_at_campaign(struct view *view, const json_t *campaign)
{
    char age[CLOCK_TEXT_SIZE];
    const char *id = text(campaign, "id"), *state = text(campaign, "state");
    const char *why = text(json_object_get(campaign, "waiting"), "reason");
    int64_t ambiguous = number(json_object_get(campaign, "counts"), "ambiguous");
    if (json_is_true(json_object_get(campaign, "not_configured"))) {
        say(view,
            "Campaign %s is not finished and its %s: nothing of it is sent, and nobody can pause "
            "or "
            "cancel it. Put the section [carrier %s] back into outreachd.ini and restart; a "
            "campaign "
            "that is not wanted is cancelled then.",
            id, why, text(campaign, "carrier"));
        return;
    }
    if (strcmp(state, "missed") == 0) {
        say(view,
            "Campaign %s waits for a decision: %s. To send it after all: outreachctl campaign "
            "resume %s --until TIME; else: "
            "outreachctl campaign cancel %s --reason TEXT",
            id, why, id, id);
    } else if (strcmp(state, "paused") == 0) {
        say(view, "Campaign %s stands still: %s. To go on: outreachctl campaign resume %s", id, why,
            id);
    } else if (strcmp(state, "importing") == 0 &&
               !json_is_object(json_object_get(campaign, "import"))) {
        say(view,
            "The import of %s was broken off (by another daemon, or one that died). To begin anew: "
            "outreachctl campaign launch %s",
            id, id);
    }
    if (ambiguous > 0 && age_ms(view, text(campaign, "ambiguous_since")) > AMBIGUOUS_OLD_MS) {
        say(view,
            "Campaign %s: for %s nothing is known about %" PRId64
            " recipients. Reports may come for 72 h; to decide: outreachctl "
            "campaign resolve %s --ambiguous accept|fail|resend --reason TEXT",
            id, age_text(view, text(campaign, "ambiguous_since"), age), ambiguous, id);
    }
}

static void look_at_daemon(struct view *view, const json_t *daemon)
{
    char age[CLOCK_TEXT_SIZE];
    const char *seen = text(daemon, "seen_at");
    if (age_ms(view, seen) > DAEMON_SILENT_MS) {
        say(view,
            "Daemon %s on %s was last seen %s ago; what it had in flight becomes ambiguous when "
            "its leases end.",
            text(daemon, "id"), text(daemon, "host"), age_text(view, seen, age));
    }
}

static void each(struct view *view, const json_t *array,
                 void (*look)(struct view *view, const json_t *item))
{
    size_t i;
    const json_t *item;
    json_array_foreach(array, i, item)
    {
        look(view, item);
    }
}

static void look_at_import(struct view *view, const json_t *import)
{
    /* What a rule refused was told to the person who tried. */
    if (strcmp(text(import, "phase"), "failed") == 0 &&
        !json_is_true(json_object_get(import, "refused"))) {
        say(view, "%s was not launched: %s", text(import, "id"), text(import, "reason"));
    }
}

static void look_at_receipts(struct view *view, const json_t *receipts)
{
    char age[CLOCK_TEXT_SIZE];
    int64_t n = number(receipts, "n");
    if (n > 0) {
        say(view,
            "Donors are owed %" PRId64 " message%s that cannot be sent, the oldest for %s, of "
            "campaign %s: %s. They go out by themselves once that is put right; see: outreachctl "
            "check",
            n, n == 1 ? "" : "s", age_text(view, text(receipts, "since"), age),
            text(receipts, "campaign"), text(receipts, "reason"));
    }
}

static void look_at_replies(struct view *view, const json_t *replies)
{
    char age[CLOCK_TEXT_SIZE];
    int64_t n = number(replies, "n");
    if (n > 0) {
        say(view,
            "%" PRId64 " repl%s to be booked, the oldest for %s: campaign %s takes pledges, and "
            "its definition is missing in campaigns_dir. They are booked by themselves once it is "
            "back; see: outreachctl check",
            n, n == 1 ? "y waits" : "ies wait", age_text(view, text(replies, "since"), age),
            text(replies, "campaign"));
    }
}

json_t *attention_lines(const json_t *status, int64_t now_ms, int offset_min)
{
    struct view view = {.lines = json_array(), .now_ms = now_ms, .offset_min = offset_min};
    look_at_redis(&view, status);
    each(&view, json_object_get(status, "carriers"), look_at_carrier);
    each(&view, json_object_get(status, "campaigns"), look_at_campaign);
    each(&view, json_object_get(status, "imports"), look_at_import);
    each(&view, json_object_get(status, "daemons"), look_at_daemon);
    look_at_receipts(&view, json_object_get(status, "receipts_waiting"));
    look_at_replies(&view, json_object_get(status, "replies_waiting"));
    const json_t *reload = json_object_get(status, "last_reload");
    if (json_is_object(reload) && json_is_false(json_object_get(reload, "ok"))) {
        say(&view, "The last reload was refused, the old configuration is in force; see: "
                   "outreachctl check");
    }
    int64_t lost = number(status, "audit_lost");
    if (lost > 0) {
        say(&view,
            "%lld acts are missing in the audit since this daemon started; the log names them "
            "(event=audit_lost).",
            (long long)lost);
    }
    int64_t lag = number(status, "loop_lag_ms");
    if (lag > LOOP_LAG_MAX_MS) {
        say(&view,
            "The daemon was slow to react (%" PRId64 " ms in one turn): is the machine overloaded?",
            lag);
    }
    return view.lines;
}
