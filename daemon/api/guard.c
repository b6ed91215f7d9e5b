/* See guard.h. The checks run one after the other, each an answer of Redis; the files are compared
 * once more in the turn that launches. */
#include "api/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/trial.h"
#include "drafting/plans.h"

#define GUARD_WHY_MAX 256
#define MANY "a campaign to so many people must be approved by a second person"

struct guarding {
    struct guard guard;
    struct draft *draft; /* NULL: guard_live */
    struct draft_digest digest;
    const char *seen;        /* the digest of what was looked at, "": not said */
    uint64_t people, number; /* number 0: a launch */
    char why[GUARD_WHY_MAX]; /* it needs an approval */
    bool takes;              /* of a day's allowance */
    void (*go)(struct apicall *call, const struct guard *guard);
};

static void guarding_free(void *state)
{
    struct guarding *guarding = state;
    draft_free(guarding->draft);
    free(guarding);
}

static bool is_own(const struct guard *guard, uint64_t number)
{
    for (size_t i = 0; i < guard->n_own; i++) {
        if (guard->own[i] == number) {
            return true;
        }
    }
    return false;
}

/* ---- the last step ---- */

/* What was checked is what goes out: somebody may have saved while Redis was asked. */
static bool is_unchanged(struct apicall *call, const struct guarding *guarding)
{
    struct draft_digest now;
    struct draft *draft = NULL;
    if (draft_load(call->api->settings, guarding->draft->id, &draft) != ERR_OK) {
        return false;
    }
    bool is_same = strcmp(draft->version, guarding->draft->version) == 0;
    if (is_same && guarding->digest.whole[0] != '\0') {
        is_same = drafting_known_digest(call->api->parts.drafting, draft, &now) &&
                  strcmp(now.whole, guarding->digest.whole) == 0;
    }
    draft_free(draft);
    return is_same;
}

static void pass(struct apicall *call)
{
    struct guarding *guarding = call->state;
    if (guarding->draft != NULL && !is_unchanged(call, guarding)) {
        apicall_error(call, 409, "stale", NULL, "text or list were changed just now");
        return;
    }
    guarding->go(call, &guarding->guard);
}

/* ---- a day's allowance ---- */

static void on_taken(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    const struct guarding *guarding = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_REFUSED) {
        apicall_error(
            call, 409, guarding->guard.is_trial ? "trial" : "too_many", NULL, "%s%s",
            guarding->guard.is_trial ? "the area is in trial: " : "test messages: ", reason);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else {
        pass(call);
    }
}

static void take(struct apicall *call)
{
    const struct guarding *guarding = call->state;
    const struct settings_daemon *daemon = &call->api->settings->daemon;
    char whose[TRIAL_WHOSE_SIZE];
    bool is_trial = guarding->guard.is_trial;
    if (!is_trial && guarding->number == 0) {
        pass(call);
        return;
    }
    if (is_trial) {
        trial_whose(&call->who, whose);
    } else {
        snprintf(whose, sizeof whose, "u:%s", call->who.name);
    }
    enum err error =
        drafts_allowance_take(call->api->parts.store, whose, apicall_today(call),
                              guarding->number != 0 ? 1 : guarding->people,
                              is_trial ? daemon->trial_daily : daemon->test_daily, on_taken, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- four eyes ---- */

static void on_record(void *arg, enum err error, const char *reason,
                      const struct draft_record *record)
{
    struct apicall *call = arg;
    const struct guarding *guarding = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    bool is_current = strcmp(record->digest, guarding->digest.whole) == 0;
    if (strcmp(record->state, "approved") != 0 || !is_current) {
        apicall_error(call, 409, "approval", NULL, "%s",
                      strcmp(record->state, "approved") == 0
                          ? "text or list were changed after the approval: ask for it again"
                          : guarding->why);
    } else if (call->found.is_there && json_is_true(json_object_get(call->body, "again"))) {
        apicall_error(call, 409, "approval", NULL,
                      "it was approved for one launch: copy it, and have the copy approved");
    } else {
        take(call);
    }
}

static void read_record(struct apicall *call)
{
    const struct guarding *guarding = call->state;
    enum err error = drafts_read(call->api->parts.store, guarding->draft->id, on_record, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_digest(void *arg, enum err error, const struct draft_digest *digest)
{
    struct apicall *call = arg;
    struct guarding *guarding = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    guarding->digest = *digest;
    read_record(call);
}

static void need_approval(struct apicall *call, const char *why)
{
    struct guarding *guarding = call->state;
    snprintf(guarding->why, sizeof guarding->why, "%s", why);
    /* It may be known, of what was looked at; is_unchanged holds the files to it. */
    if (guarding->digest.whole[0] != '\0') {
        read_record(call);
        return;
    }
    enum err error = drafting_digest(call->api->parts.drafting, guarding->draft, on_digest, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void on_launched_taken(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_REFUSED) {
        need_approval(call, reason);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, reason);
    } else {
        take(call);
    }
}

/* Many small campaigns are one large one: what somebody launched on her own within 24 hours counts
 * together. An area in trial reaches its own numbers only, at most trial_daily. */
static void check_approval(struct apicall *call)
{
    const struct guarding *guarding = call->state;
    uint32_t over = call->api->settings->daemon.four_eyes_over;
    if (guarding->draft == NULL || guarding->number != 0 ||
        (guarding->guard.is_trial && guarding->people <= over)) {
        take(call);
        return;
    }
    if (guarding->people > over) {
        need_approval(call, MANY);
        return;
    }
    enum err error =
        drafts_launched_take(call->api->parts.store, call->who.name, guarding->draft->id,
                             guarding->people, over, on_launched_taken, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- what was looked at ---- */

static void on_seen(void *arg, enum err error, const struct draft_digest *digest)
{
    struct apicall *call = arg;
    struct guarding *guarding = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    } else if (strcmp(digest->whole, guarding->seen) != 0) {
        apicall_error(call, 409, "stale", "digest", GUARD_STALE);
    } else {
        guarding->digest = *digest;
        check_approval(call);
    }
}

/* As many people as were expected may be others, and get another text. */
static void check_seen(struct apicall *call)
{
    struct guarding *guarding = call->state;
    if (guarding->draft == NULL || guarding->seen[0] == '\0') {
        check_approval(call);
        return;
    }
    enum err error = drafting_digest(call->api->parts.drafting, guarding->draft, on_seen, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- the area ---- */

/* gives: false when it was answered. */
static bool check_trial(struct apicall *call, const struct guarding *guarding)
{
    if (guarding->draft == NULL) {
        apicall_error(call, 409, "trial", NULL,
                      "the area is in trial: launch a copy of it for its own numbers instead");
        return false;
    }
    if (!trial_simulates(call->api->settings, guarding->draft)) {
        const char *name = draft_value(guarding->draft, "campaign", "carrier");
        apicall_error(call, 409, "trial", NULL,
                      "the area is in trial: only a carrier that leads to a simulator may be used "
                      "(trial = yes), and %s is none",
                      name != NULL ? name : "this");
        return false;
    }
    if (guarding->number != 0 && !is_own(&guarding->guard, guarding->number)) {
        apicall_error(call, 409, "trial", "to",
                      "the area is in trial: this is not one of its own numbers");
        return false;
    }
    return true;
}

static void on_standing(void *arg, enum err error, const char *reason,
                        const struct area_standing *standing)
{
    struct apicall *call = arg;
    struct guarding *guarding = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    guarding->guard.is_trial = !standing->is_live;
    guarding->guard.n_own = standing->n_own;
    memcpy(guarding->guard.own, standing->own, standing->n_own * sizeof *standing->own);
    if (standing->is_live || check_trial(call, guarding)) {
        check_seen(call);
    }
}

static void check_area(struct apicall *call, const char *region)
{
    uint64_t area = 0;
    if (region == NULL || area_parse(region, strlen(region), &area) != ERR_OK) {
        area = 0;
    }
    enum err error = drafts_area_find(call->api->parts.store, area, on_standing, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- beginning ---- */

/* NULL: it was answered, or passed. */
static struct guarding *begin(struct apicall *call,
                              void (*go)(struct apicall *call, const struct guard *guard))
{
    static const struct guard trusted = {.is_trial = false};
    if (call->who.via == VIA_CONTROL) {
        go(call, &trusted);
        return NULL;
    }
    struct guarding *guarding = calloc(1, sizeof *guarding);
    if (guarding == NULL) {
        apicall_fail(call, ERR_NOMEM, NULL);
        return NULL;
    }
    guarding->go = go;
    guarding->seen = "";
    call->state = guarding;
    call->free_state = guarding_free;
    return guarding;
}

static void check_draft(struct apicall *call, struct guarding *guarding)
{
    enum err error = draft_load(call->api->settings, call->params[0], &guarding->draft);
    if (error != ERR_OK) {
        apicall_error(call, 404, "no_campaign", "file", "there is no campaign \"%s\"",
                      call->params[0]);
        return;
    }
    check_area(call, draft_value(guarding->draft, "campaign", "region"));
}

void guard_launch(struct apicall *call, int64_t people,
                  void (*go)(struct apicall *call, const struct guard *guard))
{
    struct guarding *guarding = begin(call, go);
    if (guarding == NULL) {
        return;
    }
    if (people < 0) { /* the number that was looked at, and the one that was approved */
        apicall_error(call, 400, "missing", "expect_recipients",
                      "expect_recipients is missing: how many people the plan has");
        return;
    }
    guarding->people = (uint64_t)people;
    if (apicall_text(call, "digest", false, sizeof guarding->digest.whole - 1, &guarding->seen)) {
        check_draft(call, guarding);
    }
}

void guard_test(struct apicall *call, uint64_t number,
                void (*go)(struct apicall *call, const struct guard *guard))
{
    struct guarding *guarding = begin(call, go);
    if (guarding != NULL) {
        guarding->number = number;
        check_draft(call, guarding);
    }
}

void guard_live(struct apicall *call, const char *region,
                void (*go)(struct apicall *call, const struct guard *guard))
{
    if (begin(call, go) != NULL) {
        check_area(call, region);
    }
}
