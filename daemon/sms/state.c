/* The states, in the order of their bytes: what is asked about them is answered from one table. */
#include "sms/state.h"

#include <stddef.h>
#include <string.h>

const enum recipient_state state_all[STATE_COUNT] = {
    STATE_QUEUED,      STATE_INFLIGHT, STATE_AMBIGUOUS,  STATE_ACCEPTED,  STATE_REJECTED,
    STATE_UNDELIVERED, STATE_EXPIRED,  STATE_SUPPRESSED, STATE_CANCELLED, STATE_DELIVERED,
};

struct traits {
    const char *word, *word_zh;
    bool final;    /* nothing more is expected */
    bool reported; /* a status report may set it */
    bool unsent; /* was taken out before it was handed to the carrier: no report can be about it */
};

/* By the letter's place in the alphabet; the letters between are free for states to come. */
static const struct traits table['S' - 'A' + 1] = {
    [STATE_QUEUED - 'A'] = {"queued", "排队中", false, false, false},
    [STATE_INFLIGHT - 'A'] = {"inflight", "发送中", false, false, false},
    [STATE_AMBIGUOUS - 'A'] = {"ambiguous", "结果不明", false, false, false},
    [STATE_ACCEPTED - 'A'] = {"accepted", "已提交", false, false, false},
    [STATE_REJECTED - 'A'] = {"rejected", "被拒收", true, false, false},
    [STATE_UNDELIVERED - 'A'] = {"undelivered", "未送达", true, true, false},
    [STATE_EXPIRED - 'A'] = {"expired", "已过期", true, true, false},
    [STATE_SUPPRESSED - 'A'] = {"suppressed", "已退订", true, false, true},
    [STATE_CANCELLED - 'A'] = {"cancelled", "已取消", true, false, true},
    [STATE_DELIVERED - 'A'] = {"delivered", "已送达", true, true, false},
};

static const struct traits *traits(enum recipient_state state)
{
    unsigned place = (unsigned)state - 'A'; /* a smaller byte wraps to a large place */
    if (place >= sizeof table / sizeof table[0] || table[place].word == NULL)
        return NULL;
    return &table[place];
}

const char *state_word(enum recipient_state state)
{
    const struct traits *t = traits(state);
    return t != NULL ? t->word : NULL;
}

const char *state_word_zh(enum recipient_state state)
{
    const struct traits *t = traits(state);
    return t != NULL ? t->word_zh : NULL;
}

bool state_parse(const char *word, enum recipient_state *state)
{
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (strcmp(word, state_word(state_all[i])) == 0) {
            *state = state_all[i];
            return true;
        }
    }
    return false;
}

bool state_is_final(enum recipient_state state)
{
    const struct traits *t = traits(state);
    return t != NULL && t->final;
}

bool state_report_moves(enum recipient_state from, enum recipient_state to)
{
    const struct traits *f = traits(from), *t = traits(to);
    return f != NULL && t != NULL && t->reported && !f->unsent && to > from;
}
