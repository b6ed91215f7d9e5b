/* What must hold before something leaves on behalf of a session or a token: the campaign was
 * approved by a second person when it is large, and its area is live, or else the message goes to
 * one of the area's own numbers over a carrier that leads to a simulator. The control socket is
 * trusted. Internal to api/. */
#pragma once

#include "api/apicall.h"
#include "store/drafts.h"

/* What the guard found; lives as long as the call. */
struct guard {
    bool is_trial;
    uint64_t own[AREA_OWN_MAX * AREA_LEVELS]; /* in order */
    size_t n_own;
};

/* Of params[0], to exactly `people`: calls `go` when it may be launched now, in this very turn;
 * else answers 409 `trial`, `approval`, or `stale` when `digest` in the body is not that of its
 * files. */
#define GUARD_STALE "text or list were changed since you have looked at them"
void guard_launch(struct apicall *call, int64_t people,
                  void (*go)(struct apicall *call, const struct guard *guard));
/* One test message of the draft params[0] to `number`; 409 `trial`, or the user's tests of the day
 * are used up. */
void guard_test(struct apicall *call, uint64_t number,
                void (*go)(struct apicall *call, const struct guard *guard));
/* Of what was launched in `region`: only when that is live. */
void guard_live(struct apicall *call, const char *region,
                void (*go)(struct apicall *call, const struct guard *guard));
