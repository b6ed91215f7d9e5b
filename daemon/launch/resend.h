/* A child campaign of those who were provably not reached, as the source of a job. Internal to
 * launch/. */
#pragma once

#include "launch/job.h"

struct resend;
struct resend_request {
    struct event_base *base;
    struct store *store;
    const struct settings *settings; /* borrowed for as long as resend_new runs */
    const char *carrier, *parent_id, *actor, *reason;
    bool temporary, rejected;
    bool (*is_temporary)(void *ctx, const char *code);
    void *ctx;                 /* used only until `ready` */
    int64_t expect_recipients; /* < 0: any */
};
/* `options` is filled as by import_open (not base, store, owner, started…) and the resend is its
 * source_arg; on an error it is freed already and `reason` says why. */
typedef void resend_ready_fn(void *arg, enum err error, const char *reason,
                             struct job_options *options);

/* Looks at the parent, at its earlier children and at the codes, then calls `ready` once. */
MUST_CHECK enum err resend_new(const struct resend_request *request, resend_ready_fn *ready,
                               void *arg, struct resend **resend);
/* Nobody wants the answer any more: `ready` is not called. Only before `ready`. */
void resend_cancel(struct resend *resend);
/* Who takes the rows, and is woken when a fill that had to wait may go on; must be told before the
 * first fill. */
void resend_attach(struct resend *resend, void (*wake)(void *arg), void *arg);

/* May this recipient get the message once more? Pure. `code_temporary` tells about the code number
 * of its last report. */
bool resend_wants(uint8_t state, bool code_temporary, bool temporary, bool rejected);
/* The end of a child: the parent's if that is at least a day ahead of now, else now and a day.
 * Pure. */
int64_t resend_end_ms(int64_t parent_end_ms, int64_t now_ms);
/* Chunk_view.values: the values of recipient `index` of `n`. false: the bytes do not fit. Pure. */
bool resend_values(const uint8_t *values, size_t len, size_t n, size_t index, const uint8_t **value,
                   size_t *value_len);
