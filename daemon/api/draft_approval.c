/* Four eyes: asking for an approval, approving, returning. Who may is decided in one step with what
 * is recorded (store/drafts.h); an approval holds for the bytes of INI, text and list. */
#include <stdio.h>
#include <string.h>

#include "api/drafts.h"
#include "api/guard.h"
#include "api/handlers.h"
#include "base/clock.h"

static void on_recorded(void *arg, enum err error, const char *reason)
{
    struct apicall *call = arg;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    drafts_answer(call, 200);
}

/* ---- asking ---- */

static void on_counted(void *arg, enum err error, const struct draft_plan *plan)
{
    static const struct draft_record nobody = {.state = "", .digest = ""};
    struct apicall *call = arg;
    struct draft_work *work = call->state;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
        return;
    }
    /* Over any number, and whatever a trial refuses today: what an approval or an administrator
     * settles is no hindrance to asking for it. */
    const struct draft_facts facts = {.draft = work->draft,
                                      .digest = &plan->digest,
                                      .record = &nobody,
                                      .plan = plan,
                                      .four_eyes_over = UINT32_MAX,
                                      .now_ms = clock_wall_ms(),
                                      .utc_offset_min = apicall_offset_min(call)};
    const struct draft_blocked *blocked = drafts_blocked(&facts);
    if (blocked->code[0] != '\0') {
        apicall_error(call, 409, "refused", NULL, "%s", blocked->sentence);
        return;
    }
    error = drafts_ask(call->api->parts.store, work->draft->id, work->who, plan->digest.whole,
                       plan->totals.accepted, clock_wall_ms(), on_recorded, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void ask(struct apicall *call, struct draft_work *work)
{
    enum err error = drafting_plan(call->api->parts.drafting, work->draft, true, on_counted, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_draft_ask(struct apicall *call)
{
    const char *who;
    struct draft_work *work = drafts_work(call);
    if (work != NULL && apicall_actor(call, &who)) {
        drafts_open_for_change(call, who, ask);
    }
}

/* ---- deciding ---- */

static void decide(struct apicall *call, struct draft_work *work)
{
    const char *seen = json_string_value(json_object_get(call->body, "digest"));
    if (work->approve && seen != NULL && strcmp(seen, work->digest.whole) != 0) {
        apicall_error(call, 409, "stale", "digest", GUARD_STALE);
        return;
    }
    enum err error =
        drafts_decide(call->api->parts.store, work->draft->id, work->who, work->digest.whole,
                      work->approve, work->text, clock_wall_ms(), on_recorded, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

static void begin(struct apicall *call, bool approve)
{
    const char *who, *reason;
    struct draft_work *work = drafts_work(call);
    if (work != NULL && apicall_actor(call, &who) &&
        apicall_text(call, "reason", !approve, CALL_REASON_MAX, &reason)) {
        work->approve = approve;
        work->text = reason;
        drafts_open_for_change(call, who, decide);
    }
}

void handle_draft_approve(struct apicall *call)
{
    begin(call, true);
}

void handle_draft_return(struct apicall *call)
{
    begin(call, false);
}
