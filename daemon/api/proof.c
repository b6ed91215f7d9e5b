/* POST /api/v1/ledger/verify, POST /api/v1/ledger/seal.
 *
 * verify answers when it is done; it works a page a turn, so nothing else waits for it, and one
 * runs at a time. seal also writes the seals to a file in state_dir, and gives all of them, so that
 * an auditor's own copy can be brought up to date. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/apicall.h"
#include "api/donor_count.h"
#include "api/encode_ledger.h"
#include "base/clock.h"
#include "base/log.h"
#include "ledger/seal.h"
#include "ledger/verify.h"

#define PATH_MAX_BYTES 4096
#define LINE_MAX_BYTES 256

/* ---- verify ---- */

struct proof {
    struct apicall *call;
    json_t *found;
};

static void proof_free(void *state)
{
    struct proof *proof = state;
    json_decref(proof->found);
    free(proof);
}

static void on_problem(void *arg, const struct verify_problem *problem)
{
    struct proof *proof = arg;
    json_array_append_new(proof->found,
                          json_pack("{s:s, s:I, s:s*, s:s*, s:I, s:I}", "kind",
                                    verify_kind_word(problem->kind), "entry",
                                    (json_int_t)problem->entry, "where", problem->where, "sentence",
                                    problem->sentence, "stored", (json_int_t)problem->stored,
                                    "computed", (json_int_t)problem->computed));
}

/* ---- what this daemon shows as numbers of donors; after the API has gone there is nothing ---- */

static void hold_donors(void *arg, uint64_t entry, void (*then)(void *verify, uint64_t entry),
                        void *verify)
{
    const struct proof *proof = arg;
    if (proof->call->api != NULL) {
        donor_count_hold(proof->call->api->donor_count, entry, then, verify);
    } else {
        then(verify, 0);
    }
}

static uint64_t count_donors(void *arg, uint64_t area, uint32_t year, const char *campaign)
{
    const struct proof *proof = arg;
    return donor_count_held(proof->call->api->donor_count, area, year, campaign);
}

static void let_donors_go_on(void *arg)
{
    const struct proof *proof = arg;
    if (proof->call->api != NULL) {
        donor_count_go_on(proof->call->api->donor_count);
    }
}

static void on_verified(void *arg, enum err error, const char *reason,
                        const struct verify_report *report)
{
    struct proof *proof = arg;
    struct apicall *call = proof->call;
    if (call->api != NULL) {
        call->api->verify = NULL;
    }
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    log_line(LOG_INFO, "ledger", "event=verified entries=%llu problems=%llu took_ms=%lld",
             (unsigned long long)report->entries, (unsigned long long)report->problems,
             (long long)report->took_ms);
    apicall_answer(
        call, 200,
        json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "ok", report->problems == 0,
                  "entries", (json_int_t)report->entries, "pledges", (json_int_t)report->pledges,
                  "nodes", (json_int_t)report->nodes, "donors", (json_int_t)report->donors, "seals",
                  (json_int_t)report->seals, "problems", (json_int_t)report->problems, "took_ms",
                  (json_int_t)report->took_ms, "found", proof->found));
}

/* "against": the lines of the auditor's file, one text each. */
static bool read_against(struct apicall *call, struct ledger_seal **seals, size_t *n)
{
    const json_t *lines = json_object_get(call->body, "against"), *line;
    struct buf text;
    size_t i, at = 0;
    *seals = NULL;
    *n = 0;
    if (lines == NULL || json_is_null(lines)) {
        return true;
    }
    buf_init(&text, json_array_size(lines) * LINE_MAX_BYTES);
    json_array_foreach(lines, i, line)
    {
        buf_add_text(&text, json_is_string(line) ? json_string_value(line) : "?");
        buf_add_char(&text, '\n');
    }
    enum err error = buf_check(&text);
    if (error == ERR_OK) {
        error = seal_parse(buf_text(&text), text.len, seals, n, &at);
    }
    buf_fini(&text);
    if (error == ERR_INVALID) {
        apicall_error(call, 400, "invalid", "against",
                      "line %zu of the file is no seal; a line looks like \"20261017 1-774 9f86…\"",
                      at);
    } else if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    } else if (*n == 0) {
        apicall_error(call, 400, "invalid", "against", "the file holds no seals");
        free(*seals);
        error = ERR_INVALID;
    }
    return error == ERR_OK;
}

void handle_ledger_verify(struct apicall *call)
{
    const char *actor;
    struct ledger_seal *against;
    size_t n;
    struct api *api = call->api;
    if (!apicall_actor(call, &actor) || !read_against(call, &against, &n)) {
        return;
    }
    if (api->verify != NULL) {
        free(against);
        apicall_error(call, 503, "busy", NULL, "a proof is under way; ask again when it is done");
        return;
    }
    struct proof *proof = calloc(1, sizeof *proof);
    if (proof == NULL) {
        free(against);
        apicall_fail(call, ERR_NOMEM, NULL);
        return;
    }
    *proof = (struct proof){call, json_array()};
    call->state = proof;
    call->free_state = proof_free;
    struct verify_options options = {.store = api->parts.store,
                                     .base = api->parts.base,
                                     .against = against,
                                     .n_against = n,
                                     .shown = {.hold = hold_donors,
                                               .count = count_donors,
                                               .go_on = let_donors_go_on,
                                               .arg = proof},
                                     .on_problem = on_problem,
                                     .on_done = on_verified,
                                     .arg = proof};
    enum err error = verify_start(&options, &api->verify);
    free(against);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

/* ---- seal ---- */

static void add_line(json_t *lines, const struct ledger_seal *seal)
{
    struct buf line;
    buf_init(&line, LINE_MAX_BYTES);
    seal_line(seal, &line);
    json_array_append_new(lines, json_stringn(buf_text(&line), line.len > 0 ? line.len - 1 : 0));
    buf_fini(&line);
}

static void on_seals(void *arg, enum err error, const char *reason, uint64_t as_of_entry,
                     const struct ledger_seal *seals, size_t n)
{
    struct apicall *call = arg;
    (void)as_of_entry;
    if (!apicall_lives(call)) {
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    json_t *lines = json_array();
    for (size_t i = 0; i < n; i++) {
        add_line(lines, &seals[i]);
    }
    json_object_set_new(call->answer, "lines", lines);
    apicall_answer(call, 200, json_incref(call->answer));
}

static void on_sealed(void *arg, enum err error, const char *reason, const struct sealed *sealed)
{
    struct apicall *call = arg;
    char day[ENCODE_DAY_SIZE];
    if (!apicall_lives(call)) {
        return;
    }
    if (error == ERR_STALE) {
        apicall_error(call, 409, "refused", NULL, "%s; nothing was sealed, run ledger verify",
                      reason);
        return;
    }
    if (error != ERR_OK) {
        apicall_fail(call, error, reason);
        return;
    }
    const struct ledger_seal *seal = &sealed->seal;
    call->answer = json_pack("{s:b, s:s, s:I, s:I, s:s}", "fresh", sealed->is_new, "day",
                             encode_day(seal->day, day), "from", (json_int_t)seal->from, "to",
                             (json_int_t)seal->to, "hash", seal->from != 0 ? seal->hash : "");
    error = ledger_seals(call->api->parts.store, on_seals, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}

void handle_ledger_seal(struct apicall *call)
{
    char path[PATH_MAX_BYTES];
    const char *actor;
    if (!apicall_actor(call, &actor)) {
        return;
    }
    backup_tidy(call->api); /* every night */
    const struct settings *settings = call->api->settings;
    snprintf(path, sizeof path, "%s/%s", settings->daemon.state_dir, "ledger-seals.txt");
    enum err error = seal_make(call->api->parts.store, apicall_today(call), path, on_sealed, call);
    if (error != ERR_OK) {
        apicall_fail(call, error, NULL);
    }
}
