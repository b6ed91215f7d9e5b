/* Why does a campaign not send right now? Facts in, words for people and an end out. Pure.
 *
 * The first reason that holds is told, from the one a person has to deal with down to those that
 * pass by themselves. The words are fixed: the console has its wordings of them in
 * console/lib/sentences/waits.js. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "campaign/window.h"

struct why_facts { /* strings never NULL; times are wall clock, 0: unknown */
    int64_t now_ms;
    /* the campaign */
    const char *state;          /* "importing" … "cancelled" */
    const char *actor, *reason; /* of paused, missed */
    uint64_t queued, accepted;  /* accepted: the size of the whole campaign */
    int64_t window_until_ms;
    const char *fault;   /* "" or why its text cannot be used */
    int64_t retry_at_ms; /* what is queued waits for its backoff */
    int64_t tokens_at_ms;
    /* the way to the carrier */
    const char *redis_fault; /* "" when Redis is ready */
    const char *carrier;
    const char *carrier_state, *carrier_reason,
        *carrier_actor; /* carrier_view; "" before it is known */
    int64_t carrier_resume_ms;
    const char *route_fault; /* "" or "connection refused" */
    int64_t route_retry_ms;
    const char *throttle_code; /* "" or "FlowOverLimit" */
    int64_t throttle_retry_ms;
    int utc_offset_min;
    enum window_state window;
    bool is_canary;    /* the first chunk has no verdict yet */
    bool is_moving;    /* something was accepted within the last seconds */
    bool wants_tokens; /* until tokens_at_ms */
    bool is_outranked; /* a higher class has work */
    bool has_lane, is_draining;
};

/* Writes the reason ("" when it is sending or has nothing to send) and gives until when, 0:
 * unknown. */
int64_t why_words(const struct why_facts *facts, char *out, size_t out_size);
