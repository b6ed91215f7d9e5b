/* See count.h. Blocks go through fill and settle as in a job; between the two optout_lookup is
 * asked where a job reserves. */
#include "launch/count.h"

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "sms/mobile.h"
#include "store/optout.h"

struct counting {
    struct store *store;
    struct resend *resend; /* until it is ready; then it is the source's */
    struct job_options options;
    bool has_source, is_asking, is_gone, is_done;
    struct plan_block block;
    struct launch_count count;
    struct loop_timer *turn;
    launch_counted_fn *done;
    void *arg;
    void (*on_end)(void *arg, struct counting *counting);
    void *on_end_arg;
};

static void counting_free(struct counting *counting)
{
    if (counting->has_source) {
        counting->options.source->free(counting->options.source_arg);
    }
    plan_block_fini(&counting->block);
    loop_timer_free(counting->turn);
    free(counting);
}

static void end(struct counting *counting, enum err error, const char *reason)
{
    counting->on_end(counting->on_end_arg, counting);
    counting->done(counting->arg, error, reason, error == ERR_OK ? &counting->count : NULL);
    counting_free(counting);
}

static void finish(struct counting *counting)
{
    struct launch_count *count = &counting->count;
    struct campaign_fields fields = counting->options.fields;
    count->people = counting->options.source->finish(counting->options.source_arg, &fields);
    count->opted_out = fields.opted_out;
    count->duplicate = fields.duplicate;
    count->segments = fields.segments_total;
    count->cost_fen = fields.segments_total * fields.price_fen;
    count->id = fields.id;
    end(counting, ERR_OK, "");
}

static void settle(struct counting *counting, const uint8_t *flags)
{
    struct launch_count *count = &counting->count;
    const struct plan_block *block = &counting->block;
    const struct job_source *source = counting->options.source;
    enum err error = source->settle(counting->options.source_arg, &counting->block, flags);
    if (error != ERR_OK) {
        end(counting, error, source->fault(counting->options.source_arg));
        return;
    }
    for (size_t i = 0; i < block->n && count->n_first < LAUNCH_COUNT_FIRST; i++) {
        count->first[count->n_first++] = block->rows[i].number;
    }
    counting->block.n = 0;
    buf_reset(&counting->block.values);
    if (counting->is_done) {
        finish(counting);
    } else {
        loop_timer_arm(counting->turn, 0);
    }
}

static void on_flags(void *arg, enum err error, const uint8_t *flags, size_t n)
{
    struct counting *counting = arg;
    counting->is_asking = false;
    if (counting->is_gone) {
        counting_free(counting);
    } else if (error != ERR_OK || n != counting->block.n) {
        end(counting, error != ERR_OK ? error : ERR_PROTOCOL, "");
    } else {
        settle(counting, flags);
    }
}

static void ask(struct counting *counting)
{
    uint64_t numbers[PLAN_BLOCK_ROWS];
    const struct campaign_fields *fields = &counting->options.fields;
    for (size_t i = 0; i < counting->block.n; i++) {
        numbers[i] = counting->block.rows[i].number;
    }
    counting->is_asking = true;
    enum err error = optout_lookup(
        counting->store, numbers, counting->block.n, counting->options.is_receipt,
        fields->dedup_group, fields->carrier, 0, counting->options.parent_seq, on_flags, counting);
    if (error != ERR_OK) {
        counting->is_asking = false;
        end(counting, error, "");
    }
}

static void on_turn(void *arg)
{
    struct counting *counting = arg;
    bool wait = false;
    enum err error = counting->options.source->fill(counting->options.source_arg, PLAN_BLOCK_ROWS,
                                                    &counting->block, &counting->is_done, &wait);
    if (error != ERR_OK) {
        end(counting, error, counting->options.source->fault(counting->options.source_arg));
    } else if (wait) {
        return; /* on_wake */
    } else if (counting->block.n > 0) {
        ask(counting);
    } else if (counting->is_done) {
        finish(counting);
    } else {
        loop_timer_arm(counting->turn, 0);
    }
}

static void on_wake(void *arg)
{
    loop_timer_arm(((struct counting *)arg)->turn, 0);
}

static void on_ready(void *arg, enum err error, const char *reason, struct job_options *options)
{
    struct counting *counting = arg;
    struct resend *resend = counting->resend;
    counting->resend = NULL;
    if (error != ERR_OK) {
        end(counting, error, reason);
        return;
    }
    counting->options = *options;
    counting->has_source = true;
    resend_attach(resend, on_wake, counting);
    loop_timer_arm(counting->turn, 0);
}

enum err counting_new(const struct resend_request *request, launch_counted_fn *done, void *arg,
                      void (*on_end)(void *arg, struct counting *counting), void *on_end_arg,
                      struct counting **counting)
{
    struct counting *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return ERR_NOMEM;
    }
    *made = (struct counting){.store = request->store,
                              .done = done,
                              .arg = arg,
                              .on_end = on_end,
                              .on_end_arg = on_end_arg};
    plan_block_init(&made->block);
    made->turn = loop_timer_new(request->base, on_turn, made);
    enum err error =
        made->turn != NULL ? resend_new(request, on_ready, made, &made->resend) : ERR_NOMEM;
    if (error != ERR_OK) {
        counting_free(made);
        return error;
    }
    *counting = made;
    return ERR_OK;
}

void counting_cancel(struct counting *counting)
{
    counting->done(counting->arg, ERR_CLOSED, "the daemon is stopping", NULL);
    counting->is_gone = true;
    if (counting->resend != NULL) {
        resend_cancel(counting->resend);
    }
    if (!counting->is_asking) {
        counting_free(counting);
    }
}
