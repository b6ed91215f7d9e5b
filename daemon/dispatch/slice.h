/* Cutting a chunk into requests. Pure: it sees a byte a position (the state as this daemon knows
 * it) and the weight of each position in segments. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A run of positions [from, to) still to be sent. */
struct piece {
    uint32_t from, to;
};

struct slice {
    uint32_t from, count; /* from the first to the last wanted position; others may lie between */
    uint32_t n;           /* of them in the wanted state */
    uint32_t segments;    /* of those */
};

/* The next slice of [piece->from, piece->to) whose positions are in `state`: at most n_max of them
 * and at most segments_max segments (0: any), but always one. false: none is left in the piece. */
bool slice_next(const uint8_t *states, const uint16_t *segments, struct piece piece, uint8_t state,
                uint32_t n_max, uint32_t segments_max, struct slice *slice);
/* Two halves with the same number of positions in `state`, one more on the left when that is odd.
 * Wants at least two of them. */
void slice_halve(const uint8_t *states, struct piece whole, uint8_t state, struct piece *left,
                 struct piece *right);

/* Recipients a request: what account and driver allow and about a second's worth of segments at
 * `rate` (0: no limit), at least 1. */
uint32_t slice_request_max(uint32_t account_max, uint32_t driver_max, uint32_t rate);
/* Requests of `request_max` recipients that one intent covers: up to `room`, but no more than
 * INTENT_POSITIONS_MAX recipients in all (what a crash would leave ambiguous), and at least 1. */
#define INTENT_POSITIONS_MAX 256
uint32_t slice_intent_requests(uint32_t request_max, uint32_t room);
