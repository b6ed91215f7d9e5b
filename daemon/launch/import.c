/* Reads through campaign/plan, as the dry run does. */
#include "launch/import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/numbers.h"
#include "campaign/template.h"
#include "sms/mobile.h"

#define FAULT_SIZE 192
#define SLICE_CSV_ROWS 1000 /* a turn reads at most this many rows, well under 2 ms */

struct import {
    struct definition *definition;
    struct plan *plan;
    char *actor;
    int64_t now_ms;
    uint64_t *only; /* NULL: any number */
    size_t n_only;
    char fault[FAULT_SIZE]; /* "": the plan's */
};

static enum err import_fill(void *arg, size_t want, struct plan_block *block, bool *done,
                            bool *wait)
{
    struct import *import = arg;
    *wait = false;
    return plan_read(import->plan, want, SLICE_CSV_ROWS, block, done);
}

static const char *import_fault(void *arg)
{
    const struct import *import = arg;
    return import->fault[0] != '\0' ? import->fault : plan_fault(import->plan);
}

/* An area in trial writes to its own numbers: one other, and nothing is sent. Only those who are
 * left after the opt-outs count, as in a plan: nothing goes to the rest of the list. */
static enum err check_numbers(struct import *import, const struct plan_block *block)
{
    char masked[MOBILE_TEXT_SIZE];
    for (size_t i = 0; import->only != NULL && i < block->n; i++) {
        const uint64_t number = block->rows[i].number;
        if (numbers_have(import->only, import->n_only, number)) {
            continue;
        }
        mobile_mask(number, masked);
        snprintf(import->fault, sizeof import->fault,
                 "the area is in trial and row %u (%s) is not one of its own numbers",
                 block->rows[i].row, masked);
        return ERR_REFUSED;
    }
    return ERR_OK;
}

static enum err import_settle(void *arg, struct plan_block *block, const uint8_t *flags)
{
    struct import *import = arg;
    plan_settle(import->plan, block, flags);
    return check_numbers(import, block);
}

static uint64_t import_finish(void *arg, struct campaign_fields *fields)
{
    struct import *import = arg;
    plan_finish(import->plan, import->now_ms);
    const struct plan_totals *totals = plan_totals(import->plan);
    fields->rows = totals->rows;
    fields->duplicate = totals->duplicate;
    fields->invalid = totals->invalid;
    fields->opted_out = totals->opted_out;
    fields->segments_total = totals->segments_total;
    digest_to_hex(totals->fingerprint, sizeof totals->fingerprint, fields->fingerprint);
    return totals->accepted;
}

static void import_progress(void *arg, struct launch_view *view)
{
    const struct import *import = arg;
    const struct plan_totals *totals = plan_totals(import->plan);
    view->rows = totals->rows;
    view->accepted = totals->accepted;
    plan_progress(import->plan, &view->read_bytes, &view->all_bytes);
}

static void import_free(void *arg)
{
    struct import *import = arg;
    plan_free(import->plan);
    definition_free(import->definition);
    free(import->actor);
    free(import->only);
    free(import);
}

static const struct job_source import_source = {
    .fill = import_fill,
    .fault = import_fault,
    .settle = import_settle,
    .finish = import_finish,
    .progress = import_progress,
    .free = import_free,
};

/* A campaign whose time is over is not staged only to be missed. */
static enum err check_time(const struct definition *definition, bool now, int64_t now_ms,
                           int offset_min, struct buf *problem)
{
    char time[CLOCK_TEXT_SIZE], late[CLOCK_TEXT_SIZE];
    switch (definition_time(definition, now, now_ms, offset_min)) {
    case DEFINITION_OVER:
        buf_addf(problem, "its end %s has passed, or its window does not open again before it",
                 clock_format(definition->end_ms, offset_min, time));
        return ERR_REFUSED;
    case DEFINITION_LATE:
        buf_addf(
            problem,
            "its start %s is more than %s ago (late_after); launch it with --now to begin at once",
            clock_format(definition->start_ms, offset_min, time),
            clock_format_duration(definition->late_after_ms, late));
        return ERR_REFUSED;
    default:
        return ERR_OK;
    }
}

static void fill_fields(const struct import *import, const struct settings_carrier *carrier,
                        struct campaign_fields *fields)
{
    static const char *const ambiguous_words[] = {
        [AMBIGUOUS_HOLD] = "hold", [AMBIGUOUS_RESEND] = "resend"};
    const struct definition *definition = import->definition;
    *fields = (struct campaign_fields){
        .id = definition->id,
        .title = definition->title,
        .carrier = definition->carrier,
        .dedup_group = definition->dedup_group,
        .region = definition->region,
        .class_word = campaign_class_word(definition->class_),
        .on_ambiguous = ambiguous_words[definition->on_ambiguous],
        .signature = definition->signature,
        .text = definition->text,
        .optout = definition->optout,
        .add_serial = definition->takes_pledges ? definition->pledge.add_serial : "",
        .parent = "",
        .actor = import->actor,
        .source_file = definition->path,
        .signature_added_by_carrier = carrier->signature_added_by_carrier,
        .personal = template_is_personal(plan_template(import->plan)),
        .takes_pledges = definition->takes_pledges,
        .start_ms = definition->start_ms,
        .end_ms = definition->end_ms,
        .late_after_ms = definition->late_after_ms,
        .window_from_min = definition->window_from_min,
        .window_to_min = definition->window_to_min,
        .rate = definition->rate,
        .max_segments = definition->max_segments,
        .price_fen = carrier->price_fen,
    };
}

static enum err load(const struct launch_request *request, const struct settings *settings,
                     struct import *import, struct buf *problem)
{
    struct mistakes mistakes;
    mistakes_init(&mistakes);
    enum err error = definition_load(request->file, settings, &import->definition, &mistakes);
    if (error != ERR_OK) {
        import->definition = NULL;
        mistakes_print(&mistakes, problem);
    }
    mistakes_fini(&mistakes);
    return error;
}

/* false: no memory */
static bool keep_numbers(struct import *import, const struct launch_request *request)
{
    if (request->only == NULL) {
        return true;
    }
    import->n_only = request->n_only;
    import->only = calloc(request->n_only + 1, sizeof *import->only);
    if (import->only != NULL && request->n_only > 0) {
        memcpy(import->only, request->only, request->n_only * sizeof *import->only);
    }
    return import->only != NULL;
}

enum err import_open(const struct launch_request *request, const struct settings *settings,
                     int64_t now_ms, struct job_options *options, struct buf *problem)
{
    struct import *import = calloc(1, sizeof *import);
    if (import == NULL) {
        return ERR_NOMEM;
    }
    import->now_ms = now_ms;
    import->actor = strdup(request->actor);
    enum err error = import->actor != NULL && keep_numbers(import, request)
                         ? load(request, settings, import, problem)
                         : ERR_NOMEM;
    if (error == ERR_OK) {
        error = check_time(import->definition, request->now, now_ms,
                           settings->daemon.utc_offset_min, problem);
    }
    if (error == ERR_OK) {
        if (request->now) {
            import->definition->start_ms = now_ms;
        }
        error = plan_open(import->definition, settings, &import->plan, problem);
    }
    const struct settings_carrier *carrier =
        error == ERR_OK ? settings_carrier(settings, import->definition->carrier) : NULL;
    if (error == ERR_OK && carrier == NULL) {
        buf_addf(problem, "there is no carrier %s any more", import->definition->carrier);
        error = ERR_INVALID;
    }
    if (error != ERR_OK) {
        import_free(import);
        return error;
    }
    fill_fields(import, carrier, &options->fields);
    options->source = &import_source;
    options->source_arg = import;
    options->is_receipt = import->definition->class_ == CLASS_RECEIPT;
    options->again = request->again;
    options->expect_recipients = request->expect_recipients;
    options->guard_ms = settings->daemon.repeat_guard_ms;
    return ERR_OK;
}
