#include "sim/mix.h"

#include <stdbool.h>
#include <string.h>

#include "base/digest.h"

enum purpose { PURPOSE_FATE = 1, PURPOSE_REPLIES, PURPOSE_TEXT };

struct code_share {
    unsigned per_mille;
    const char *code;
};

/* One row a code; what the rows leave of a thousand is DELIVRD. All are codes whose class the
 * published tables agree on, but for MI:0013, on which they do not. */
static const struct code_share code_shares[] = {
    {9, "EXPIRED"}, /* validity ran out: switched off for long */
    {8, "MK:0010"}, /* switched off, out of coverage */
    {8, "MK:0001"}, /* no such number */
    {4, "DB:0141"}, /* blacklist */
    {4, "DB:0140"}, /* not in the whitelist of the service code */
    {4, "MI:0013"}, /* suspended, says one table; internal, another */
    {3, "MK:0004"}, /* suspended */
    {3, "UNDELIV"}, /* user state abnormal */
    {2, "MI:0010"}, /* out of coverage */
    {2, "MK:0017"}, /* handset full */
    {1, "REJECTD"}, /* refused */
    {1, "CM:8003"}, /* the platform's own blacklist: no gateway code at all */
    {1, "DB:0142"}, /* daily limit */
};
#define N_CODES (sizeof code_shares / sizeof code_shares[0])

/* What villagers write, one row as likely as another. Opt-outs in the spellings that occur, and
 * much that is none. */
static const char *const replies[] = {
    "R",
    "收到",
    "退订",
    "好的",
    "r",
    "收到，谢谢",
    "T",
    "你是哪个",
    "Ｒ",
    "TD",
    "知道了",
    "谢谢政府",
    "1",
    "退订！",
    "不要再发了",
    "打错了",
    "收到了，我一定来参加",
    "？？？",
};
#define N_REPLIES (sizeof replies / sizeof replies[0])

static uint64_t mix(uint64_t seed, uint64_t number, uint64_t what)
{
    return digest_mix64(digest_mix64(seed ^ what << 56) + number);
}

double mix_share(uint64_t seed, uint64_t number, uint64_t what)
{
    return (double)(mix(seed, number, what) >> 11) * 0x1p-53;
}

struct mix_fate mix_fate_from_code(const char *code)
{
    bool platform = strncmp(code, "CM:", 3) == 0 && strcmp(code, "CM:0000") != 0;
    return (struct mix_fate){platform ? code : "CM:0000", platform ? "" : code};
}

struct mix_fate mix_fate_of(uint64_t seed, uint64_t mobile)
{
    unsigned dice = (unsigned)(mix(seed, mobile, PURPOSE_FATE) % 1000);
    for (size_t i = 0; i < N_CODES; i++) {
        if (dice < code_shares[i].per_mille) {
            return mix_fate_from_code(code_shares[i].code);
        }
        dice -= code_shares[i].per_mille;
    }
    return (struct mix_fate){"CM:0000", "DELIVRD"};
}

const char *mix_reply_of(uint64_t seed, uint64_t mobile, double rate)
{
    if (rate <= 0 || mix_share(seed, mobile, PURPOSE_REPLIES) >= rate) {
        return NULL;
    }
    return replies[mix(seed, mobile, PURPOSE_TEXT) % N_REPLIES];
}

const char *mix_code(size_t i, unsigned *per_mille)
{
    if (i >= N_CODES) {
        return NULL;
    }
    *per_mille = code_shares[i].per_mille;
    return code_shares[i].code;
}
