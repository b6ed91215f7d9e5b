/* What becomes of a message and what the villager answers: decided by a seed and the number alone,
 * so that a run can be repeated and a number meets the same fate each time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The two status words of a report (carrier-apis.md 2.2). */
struct mix_fate {
    const char *report_status, *error_code;
};
/* The realistic mix: about 95 % delivered, the rest spread over the classes of carrier-apis.md 2.4
 * and 2.5. */
struct mix_fate mix_fate_of(uint64_t seed, uint64_t mobile);
/* The fate that a given code makes: a word "CM:…" other than CM:0000 is the platform's own,
 * everything else the gateway's. */
struct mix_fate mix_fate_from_code(const char *code);

/* What this villager replies when a share of `rate` (0 to 1) does; NULL when not. */
const char *mix_reply_of(uint64_t seed, uint64_t mobile, double rate);

/* A number of [0, 1) that belongs to (seed, number, what). */
double mix_share(uint64_t seed, uint64_t number, uint64_t what);

/* Every code the mix may choose, with its share in a thousand; NULL behind the last. For --help. */
const char *mix_code(size_t i, unsigned *per_mille);
